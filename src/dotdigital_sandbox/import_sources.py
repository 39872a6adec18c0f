"""Where the rows of an import come from: the uploaded file, kept until the import has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Row
from typing import TYPE_CHECKING

from dotdigital_sandbox.data_fields import field_takers
from dotdigital_sandbox.import_rows import Columns, StagedRow, csv_cells

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


def upload_path(account: Account, guid: str) -> Path:
    """Where an import's file is kept."""
    return account.uploads / f"{guid}.upload"


class CsvSource:
    """A CSV file, its first line the header."""

    def __init__(self, account: Account, job: Row) -> None:
        self._account = account
        self._job = job
        self._path = upload_path(account, job["guid"])

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header, counted from 1."""
        rows = csv_cells(self._path)
        next(rows, None)
        return enumerate(rows, start=1)

    def staged(self) -> Iterator[StagedRow]:
        """What each row says."""
        header = next(csv_cells(self._path), [])
        with self._account.store.reading() as db:
            takers = field_takers(db, self._account.switches.text_limit)
        return Columns.of(header, takers, self._job["merge"]).stage(self.numbered(), len(header))

    def discard(self) -> None:
        """Forget the file."""
        self._path.unlink(missing_ok=True)


def source_of(account: Account, job: Row) -> CsvSource:
    """The rows of an import job."""
    return CsvSource(account, job)
