"""What every kind of file is read as: the names of its columns, and records of cells."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Protocol

from dotbridge.entities.texts import NOT_STORABLE
from dotbridge.files.encodings import FoundEncoding, put_together
from dotbridge.files.errors import FileRefused
from dotbridge.files.texts import text as _


@dataclass(frozen=True)
class Formula:
    """A formula whose result the file does not hold, as a program writes it that cannot calculate."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CrossedOut:
    """What stands in a cell with a line through it: somebody has taken it off without deleting it."""

    text: str

    def __str__(self) -> str:
        return self.text


# Text as it stands, or a value whose kind the file says itself, as a workbook does.
Cell = str | int | float | Decimal | datetime.date | Formula | CrossedOut
# Between several values in one cell, as Google writes it; what is read from vCard and JSON is joined by it as well.
BETWEEN_VALUES = " ::: "

# Formats with lines that are nobody. Cards and objects are one each, and have nothing above and below them.
TABLES = {"csv", "xlsx", "xlsb", "ods", "xls"}

MOST_COLUMNS = 500
MOST_ROWS = 5_000_000
# A spreadsheet writes every row that was ever touched, about a million at most.
MOST_EMPTY_LINES = 2_000_000
LONGEST_CELL = 128 * 1024
# Blanks of every kind, and marks that nobody sees: of byte order, of direction, of no width. None belongs to a value
# that it stands before or behind.
BLANKS = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u061c\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069\u3000\ufeff"
)


@dataclass(frozen=True)
class Record:
    """The cells of one record, and the line that it begins on, which is no other record's."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no record: where it is, what it says, why it was not understood and how to mend it, and its cells
    if these are known.
    """

    line: int
    text: str
    why: str
    mend: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A line that is no contact, and no fault either: where it is, what it says, what it is taken for, and its cells
    if these are known.
    """

    line: int
    text: str
    why: str
    cells: tuple[Cell, ...] = ()


# What a source holds, line by line.
Found = Record | BrokenLine | Skipped


class EmptyLines:
    """How many lines with nothing in them were passed over: of a file that is hardly anything else there is no end."""

    def __init__(self) -> None:
        self._number = 0

    def pass_over(self) -> None:
        """Note one. Raises FileRefused for more than any program leaves behind a table."""
        self._number += 1
        if self._number > MOST_EMPTY_LINES:
            raise FileRefused(
                _("The file has more than %(most)d lines with nothing in them. Delete those, and load it again.")
                % {"most": MOST_EMPTY_LINES}
            )


class Source(Protocol):
    """A file of any kind. `records` can be asked for as often as needed, and begins anew each time.

    `format` names the kind; `found_encoding`, `encoding` and `delimiter` are empty where the kind has none; `part` is
    the sheet or the packed file that was read, `other_parts` what was not. Without `has_names` the headers are
    numbered by us, and say nothing about the next file.
    """

    format: str
    found_encoding: FoundEncoding | None
    encoding: str
    delimiter: str
    part: str
    other_parts: tuple[str, ...]
    headers: list[str]
    has_names: bool

    def records(self) -> Iterator[Found]:
        """Every record below the names of the columns, and in its place every line that is none."""
        ...


class FirstRows:
    """The beginning of a source, held in memory. `has_more` says whether more follows."""

    def __init__(self, source: Source, most: int) -> None:
        self.format, self.found_encoding, self.encoding = source.format, source.found_encoding, source.encoding
        self.delimiter, self.part, self.other_parts = source.delimiter, source.part, source.other_parts
        self.headers, self.has_names = source.headers, source.has_names
        rows = source.records()
        self._rows = list(islice(rows, most))
        self.has_more = next(rows, None) is not None
        self.others: list[Source] = list(getattr(source, "others", ()))

    def records(self) -> Iterator[Found]:
        """Every record of them."""
        return iter(self._rows)


def column_name(text: str) -> str:
    """The name of a column as it can be shown and kept."""
    return NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", put_together(text.strip(BLANKS)))


# How databases and people write that there is nothing, where it can mean nothing else.
_NOTHING = {"\\N", "(null)", "(NULL)", "[NULL]", "<null>", "<NULL>", "[]", "{}"}
_NOTHING |= {"-", "--", "\u2013", "\u2014", "n/a", "N/A", "n.a."}


def is_blank(cell: Cell) -> bool:
    """Whether there is nothing in the cell."""
    return isinstance(cell, str) and (not (text := cell.strip(BLANKS)) or text in _NOTHING)


def as_one_text(text: str) -> str:
    """What a list of JSON in a cell holds, one value behind the other; any other text as it is."""
    if not (text.startswith("[") and text.endswith("]") and len(text) < LONGEST_CELL):
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    values = [each.get("value", "") if isinstance(each, dict) else each for each in found]
    return BETWEEN_VALUES.join(str(each) for each in values if isinstance(each, (str, int)) and str(each).strip())


def cell_text(cell: Cell) -> str:
    """The cell as a person would write it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, datetime.date) else str(cell)
