"""Where the rows of an import come from: an uploaded file, or a JSON collection, kept until the import has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Row
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from dotdigital_sandbox.calls import encoded, list_or_empty, lowered, one_of
from dotdigital_sandbox.contact_statuses import EMAIL_TYPES, OPT_IN_TYPES
from dotdigital_sandbox.data_fields import READ_ONLY, field_takers
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.import_rows import OVERWRITE, Columns, StagedRow, csv_cells
from dotdigital_sandbox.values import Taker, ValueRefused, is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


def upload_path(account: Account, guid: str) -> Path:
    """Where an import's file is kept."""
    return account.uploads / f"{guid}.upload"


def discard_left_files(account: Account) -> None:
    """Forget what came in and was never taken, since the sandbox was killed meanwhile."""
    with account.store.reading() as db:
        rows = db.execute("SELECT guid FROM import_job WHERE status = 'NotFinished'")
        needed = {upload_path(account, row["guid"]) for row in rows}
    for path in account.uploads.iterdir():
        if path not in needed:
            path.unlink()


class Source(Protocol):
    """The rows of an import, to be read as often as needed until discarded."""

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """The rows as cells, counted from 1."""

    def staged(self) -> Iterator[StagedRow]:
        """What each row says."""

    def discard(self) -> None:
        """Forget the file."""


class _FileSource:
    def __init__(self, account: Account, job: Row) -> None:
        self._account = account
        self._job = job
        self._path = upload_path(account, job["guid"])

    def discard(self) -> None:
        """Forget the file."""
        self._path.unlink(missing_ok=True)

    def _takers(self) -> dict[str, Taker]:
        with self._account.store.reading() as db:
            return field_takers(db, self._account.switches.text_limit)


class CsvSource(_FileSource):
    """A CSV file, its first line the header."""

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header, counted from 1."""
        rows = csv_cells(self._path)
        next(rows, None)
        return enumerate(rows, start=1)

    def staged(self) -> Iterator[StagedRow]:
        """What each row says."""
        header = next(csv_cells(self._path), [])
        return Columns.of(header, self._takers(), self._job["merge"]).stage(self.numbered(), len(header))


class CollectionSource(_FileSource):
    """A JSON collection, one contact a line."""

    def _contacts(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, lowered(msgspec.json.decode(line))

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """The addresses, counted from 1."""
        for number, contact in self._contacts():
            yield number, [str(contact.get("email") or "")]

    def staged(self) -> Iterator[StagedRow]:
        """What each contact says; unlike an empty cell, a field that is not named stays as it is."""
        takers = self._takers()
        for number, contact in self._contacts():
            yield self._staged(number, contact, takers)

    def _staged(self, number: int, contact: dict[str, Any], takers: dict[str, Taker]) -> StagedRow:
        email = contact.get("email")
        email = email if isinstance(email, str) else ""
        fault = None if is_email(email) else "Invalid"
        patch: dict[str, Any] = {}
        extras: dict[str, str] = {}
        opt_in = email_type = None
        try:
            opt_in = one_of(contact["optintype"], OPT_IN_TYPES) if contact.get("optintype") else None
            email_type = one_of(contact["emailtype"], EMAIL_TYPES) if contact.get("emailtype") else None
            self._read_fields(contact, takers, patch, extras)
        except (ValueRefused, ApiError):
            fault = fault or "Failure"
        key = None if fault == "Invalid" else email.lower()
        return StagedRow(
            row=number,
            email=email,
            email_key=key,
            opt_in=opt_in,
            email_type=email_type,
            patch=encoded(patch).decode(),
            clears=None in patch.values(),
            wanted_id=None,
            fault=fault,
            extras=encoded(extras).decode() if extras else None,
        )

    def _read_fields(
        self, contact: dict[str, Any], takers: dict[str, Taker], patch: dict[str, Any], extras: dict[str, str]
    ) -> None:
        for each in list_or_empty(contact.get("datafields")):
            pair = lowered(each)
            name, value = str(pair.get("key")), pair.get("value")
            if name.lower().startswith("preference:"):
                extras[name] = str(value)
            elif name.upper() in takers and name.upper() not in READ_ONLY:
                kept = takers[name.upper()](value)
                if kept is not None or self._job["merge"] == OVERWRITE:
                    patch[name.upper()] = kept
        for each in list_or_empty(contact.get("consentfields")):
            pair = lowered(each)
            extras[str(pair.get("key"))] = str(pair.get("value") or "")


def source_of(account: Account, job: Row) -> Source:
    """The rows of an import job."""
    return CollectionSource(account, job) if job["kind"] == "collection" else CsvSource(account, job)
