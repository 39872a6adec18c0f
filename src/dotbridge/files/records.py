"""What every kind of file is read as: the names of its columns, and records of cells."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Protocol

from dotbridge.files.encodings import FoundEncoding

# Text as it stands, or a value whose kind the file says itself, as a workbook does.
Cell = str | int | float | Decimal | datetime.date
# Between several values in one cell, as Google writes it; what is read from vCard and JSON is joined by it as well.
BETWEEN_VALUES = " ::: "

MOST_COLUMNS = 500
MOST_ROWS = 5_000_000
LONGEST_CELL = 128 * 1024


@dataclass(frozen=True)
class Record:
    """The cells of one record, and the line that it begins on."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no record: where it is, what it says, why it was not understood and how to mend it."""

    line: int
    text: str
    why: str
    mend: str


class Source(Protocol):
    """A file of any kind. `records` can be asked for as often as needed, and begins anew each time.

    `format` names the kind; `found_encoding`, `encoding` and `delimiter` are empty where the kind has none; `part` is
    the sheet or the packed file that was read, `other_parts` what was not.
    """

    format: str
    found_encoding: FoundEncoding | None
    encoding: str
    delimiter: str
    part: str
    other_parts: tuple[str, ...]
    headers: list[str]

    def records(self) -> Iterator[Record | BrokenLine]:
        """Every record below the names of the columns, and in its place every line that is none."""
        ...


class FirstRows:
    """The beginning of a source, held in memory. `has_more` says whether more follows."""

    def __init__(self, source: Source, most: int) -> None:
        self.format, self.found_encoding, self.encoding = source.format, source.found_encoding, source.encoding
        self.delimiter, self.part, self.other_parts = source.delimiter, source.part, source.other_parts
        self.headers = source.headers
        rows = source.records()
        self._rows = list(islice(rows, most))
        self.has_more = next(rows, None) is not None

    def records(self) -> Iterator[Record | BrokenLine]:
        """Every record of them."""
        return iter(self._rows)


def is_blank(cell: Cell) -> bool:
    """Whether there is nothing in the cell."""
    return isinstance(cell, str) and not cell.strip()


def cell_text(cell: Cell) -> str:
    """The cell as a person would write it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, datetime.date) else str(cell)
