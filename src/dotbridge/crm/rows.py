"""One record of a contact file, read as the values of a contact; what cannot be read is a Problem with its mend."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dotbridge.crm.columns import Columns, split_name
from dotbridge.crm.contact_file import Record
from dotbridge.crm.models import LONGEST_TEXT, Contact
from dotbridge.entities.email import is_plausible

LONGEST_NOTES = 20_000
_SHOWN = 60
# What surrounds an address in pasted text: blanks of every kind, and marks that nobody sees.
_AROUND_ADDRESSES = " \t\r\n\u00a0\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
_YES = {"1", "true", "yes", "y", "x", "ja", "j", "oui", "o", "si", "sí", "sì", "vip"}
_NO = {"0", "false", "no", "n", "nein", "non", "nee", "nej", "-"}
_YEAR_FIRST = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T ].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-./])(\d{1,2})[-./](\d{4})(?: .*)?", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """Why a row, or one value of it, was not taken. `row` is its line in the file, `field` the name of its column."""

    row: int
    field: str
    value: str
    why: str
    mend: str
    # The row was taken, without this value.
    taken: bool = False


@dataclass(frozen=True)
class ReadRow:
    """An address and the values of a contact; what the file leaves empty is not among them."""

    line: int
    email: str
    values: dict[str, Any]


class _Unreadable(Exception):
    """A value that its field cannot hold: why, and how to mend it."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend


def read_row(record: Record, columns: Columns) -> tuple[ReadRow | None, list[Problem]]:
    """The row's values, or None if it is refused, and what is wrong with it.

    An address that is missing or not plausible, and a text that is too long or damaged, refuse the row; a date, number
    or yes-or-no that cannot be read is left out of it.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, position in columns.positions.items():
        cell = record.cells[position].strip()
        try:
            _check_text(cell)
            value = _READERS.get(name, _text(name))(cell) if cell or name == "email" else None
        except _Unreadable as error:
            optional = name in _LEFT_OUT_IF_UNREADABLE
            problems.append(
                Problem(record.line, columns.headers[position], shortened(cell), error.why, error.mend, taken=optional)
            )
            if not optional:
                # One reason is enough to refuse a row.
                return None, problems[-1:]
            continue
        if value is not None:
            values[name] = value
    email = values.pop("email")
    if "full_name" in values:
        values["first_name"], values["last_name"] = split_name(values.pop("full_name"))
    return ReadRow(record.line, email, values), problems


def shortened(text: str) -> str:
    """A value as a report shows it: on one line, and short."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def _check_text(cell: str) -> None:
    if "\N{REPLACEMENT CHARACTER}" in cell:
        raise _Unreadable(
            "The text is damaged: it holds a letter that cannot be read.", "Save the file as UTF-8 again."
        )
    if "\0" in cell:
        raise _Unreadable("The text holds the character with the number 0.", "Delete that character.")


def _email(cell: str) -> str:
    address = cell.strip(_AROUND_ADDRESSES)
    if not address:
        raise _Unreadable("There is no e-mail address.", "Add an address, or leave the person out.")
    if not is_plausible(address):
        raise _Unreadable("This is no e-mail address.", "Write one address such as name@example.com.")
    return address


def _text(name: str) -> Callable[[str], str]:
    longest = _LONGEST.get(name, LONGEST_TEXT)

    def read(cell: str) -> str:
        if len(cell) > longest:
            raise _Unreadable(f"The text has {len(cell)} characters.", f"Shorten it to {longest} characters.")
        return cell

    return read


def _date(cell: str) -> datetime.date:
    mend = "Write the date as YEAR-MONTH-DAY, such as 1990-05-17."
    if found := _YEAR_FIRST.fullmatch(cell):
        year, month, day = (int(part) for part in found.groups())
    elif found := _YEAR_LAST.fullmatch(cell):
        day, month, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] == "/" and day <= 12 and month <= 12 and day != month:
            raise _Unreadable("Day and month cannot be told apart.", mend)
        if month > 12:
            day, month = month, day
    else:
        raise _Unreadable("This is no date.", mend)
    try:
        return datetime.date(year, month, day)
    except ValueError:
        raise _Unreadable("There is no such day.", mend) from None


def _integer(cell: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,9}(\.0+)?", cell, re.ASCII):
        raise _Unreadable("This is no whole number.", "Write a number of at most nine digits, such as 42.")
    return int(cell.partition(".")[0])


def _boolean(cell: str) -> bool:
    word = cell.casefold()
    if word not in _YES | _NO:
        raise _Unreadable("This says neither yes nor no.", "Write yes or no.")
    return word in _YES


_LONGEST = {
    column.name: column.max_length or LONGEST_NOTES
    for column in Contact._meta.concrete_fields  # noqa: SLF001 - Django's documented way to ask a model
}
_READERS: dict[str, Callable[[str], Any]] = {
    "email": _email,
    "birthday": _date,
    "lead_score": _integer,
    "is_vip": _boolean,
}
_LEFT_OUT_IF_UNREADABLE = {"birthday", "lead_score", "is_vip"}
