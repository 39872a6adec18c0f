"""An uploaded file row by row: which column means what, and what each row says (contract §4.6)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from dotdigital_sandbox.contact_statuses import EMAIL_TYPES, OPT_IN_TYPES
from dotdigital_sandbox.data_fields import READ_ONLY
from dotdigital_sandbox.values import Taker, ValueRefused, is_email

Merge = Literal[0, 1, 2]
MERGE_OPTIONS: tuple[str, str, str] = ("Overwrite", "OnlyOverwriteIfNotEmpty", "OnlyOverwriteIfContactDataNotPopulated")
OVERWRITE: Merge = 0
CELL_LIMIT = 16 * 1024 * 1024
CONSENT_COLUMNS = {
    "CONSENTTEXT": "TEXT",
    "CONSENTURL": "URL",
    "CONSENTDATETIME": "DATETIMECONSENTED",
    "CONSENTIP": "IPADDRESS",
    "CONSENTUSERAGENT": "USERAGENT",
}
_OPT_INS = {each.lower(): each for each in OPT_IN_TYPES}
_EMAIL_TYPES = {each.lower(): each for each in EMAIL_TYPES}
_encode = msgspec.json.Encoder(decimal_format="number").encode


class UnreadableFile(Exception):
    """The file is no UTF-8 text or no CSV."""


class StagedRow(NamedTuple):
    """A row as the import's stage keeps it; ``fault`` is a key of the import verdicts or None."""

    row: int
    email: str
    email_key: str | None
    opt_in: str | None
    email_type: str | None
    patch: str
    clears: bool
    wanted_id: int | None
    fault: str | None
    extras: str | None


def csv_cells(path: Path) -> Iterator[list[str]]:
    """The lines of a CSV file as lists of cells, empty lines left out, the header first.

    Raises :class:`UnreadableFile`.
    """
    csv.field_size_limit(CELL_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for cells in csv.reader(file):
                if cells:
                    yield cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile from error


def header_of(path: Path) -> list[str]:
    """The header of a file whose text may not be readable as a whole; an empty list for an empty file."""
    with path.open("rb") as file:
        line = file.readline(CELL_LIMIT)
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    try:
        return [cell.strip() for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []


@dataclass(slots=True)
class Columns:
    """Where in a row to find what; a header that means nothing to the account is ignored."""

    merge: Merge
    email: int = -1
    id: int = -1
    opt_in: int = -1
    email_type: int = -1
    values: list[tuple[int, str, Taker]] = field(default_factory=list)
    extras: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def of(cls, header: list[str], takers: dict[str, Taker], merge: Merge) -> Columns:
        """The columns that a header names, in any case of letters."""
        columns = cls(merge)
        places = {"email": "email", "id": "id", "optintype": "opt_in", "emailtype": "email_type"}
        for at, title in enumerate(header):
            name = title.strip()
            if name.lower() in places:
                setattr(columns, places[name.lower()], at)
            elif name.upper() in CONSENT_COLUMNS or name.lower().startswith("preference:"):
                columns.extras.append((at, name))
            elif name.upper() in takers and name.upper() not in READ_ONLY:
                columns.values.append((at, name.upper(), takers[name.upper()]))
        return columns

    def stage(self, rows: Iterable[tuple[int, list[str]]], width: int) -> Iterator[StagedRow]:
        """What each numbered row says; a short row counts as filled up with empty cells."""
        for number, cells in rows:
            yield self._staged(number, cells if len(cells) >= width else cells + [""] * (width - len(cells)))

    def _staged(self, number: int, cells: list[str]) -> StagedRow:
        email = cells[self.email]
        wanted_id = None
        fault = None if is_email(email) else "Invalid"
        if not email and self.id >= 0 and cells[self.id].isascii() and cells[self.id].isdigit():
            wanted_id = int(cells[self.id][:18])
        opt_in = _member(_OPT_INS, cells, self.opt_in)
        email_type = _member(_EMAIL_TYPES, cells, self.email_type)
        patch: dict[str, Any] = {}
        clears = False
        try:
            for at, name, take in self.values:
                value = take(cells[at])
                if value is not None:
                    patch[name] = value
                elif self.merge == OVERWRITE:
                    patch[name] = None
                    clears = True
        except ValueRefused:
            fault = fault or "Failure"
        if opt_in == "" or email_type == "":
            fault = fault or "Failure"
        extras = {name: cells[at] for at, name in self.extras if cells[at]} if self.extras else None
        return StagedRow(
            number, email, None if fault == "Invalid" else email.lower(), opt_in or None, email_type or None,
            _encode(patch).decode(), clears, wanted_id, fault, _encode(extras).decode() if extras else None,
        )  # fmt: skip


def _member(members: dict[str, str], cells: list[str], at: int) -> str | None:
    """The enum member of a cell: None when not given, an empty text when unknown."""
    if at < 0 or not cells[at].strip():
        return None
    return members.get(cells[at].strip().lower(), "")
