"""What came of a v3 import, read row by row: an import of 50 MB may have more rows than should be in memory."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any, BinaryIO, Final

import ijson
import msgspec

from dotdigital.decoding import Unreadable

FINISHED: Final = "Finished"
NOT_FINISHED: Final = "NotFinished"


class Outcome(StrEnum):
    """What became of a row; the service lists the rows under these names."""

    CREATED = "created"
    UPDATED = "updated"
    FAILED = "failures"


class ImportedRow(msgspec.Struct, frozen=True):
    """One contact of an import. ``contact_id`` is None where the service knows nobody.

    ``code`` and ``description`` say why a row failed, in the service's own words; of several reasons the first.
    """

    outcome: Outcome
    contact_id: int | None
    identifiers: dict[str, str]
    code: str = ""
    description: str = ""

    @property
    def email(self) -> str:
        """The address that was sent, empty where there was none."""
        return self.identifiers.get("email", "")


class ImportOutcome:
    """How far an import is and, once it is Finished, what came of each row. Made by ``ContactsV3.import_outcome``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        status = next(self._read("status"), None)
        if not isinstance(status, str):
            raise Unreadable("an import with its status was expected")
        self.status = status

    @property
    def is_finished(self) -> bool:
        """Whether the rows can be read."""
        return self.status == FINISHED

    @property
    def is_at_work(self) -> bool:
        """Whether the service has not come to an end yet."""
        return self.status == NOT_FINISHED

    def summary(self) -> dict[str, int]:
        """Answers the service's counts, by its own names."""
        found = next(self._read("summary"), None)
        return {name: number for name, number in (found or {}).items() if isinstance(number, int)}

    def rows(self, *outcomes: Outcome) -> Iterator[ImportedRow]:
        """Yields the rows of these outcomes, one outcome after the other; of all of them without arguments."""
        for outcome in outcomes or Outcome:
            for entry in self._read(f"{outcome}.item"):
                if isinstance(entry, dict):
                    yield _row(outcome, entry)

    def _read(self, prefix: str) -> Iterator[Any]:
        self._file.seek(0)
        try:
            yield from ijson.items(self._file, prefix)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise Unreadable("the body is not complete JSON") from error


def _row(outcome: Outcome, entry: dict[str, Any]) -> ImportedRow:
    identifiers = entry.get("identifiers")
    failures = entry.get("failures")
    reason = next((each for each in failures if isinstance(each, dict)), {}) if isinstance(failures, list) else {}
    return ImportedRow(
        outcome,
        _whole(entry.get("contactId")),
        {str(name): str(value) for name, value in identifiers.items() if value is not None}
        if isinstance(identifiers, dict)
        else {},
        str(reason.get("failureCode") or ""),
        str(reason.get("description") or ""),
    )


def _whole(value: object) -> int | None:
    """Answers a number as one; ijson reads those with a point as decimals."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
