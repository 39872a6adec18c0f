"""Rows for spreadsheets: as lines of a CSV, and so that no text in them is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

Row = Sequence[Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(row: Row) -> list[Any]:
    """The row with an apostrophe before each text that a spreadsheet would take for a formula."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row]


def in_workbook(row: Row) -> list[Any]:
    """The row as a workbook can hold it: control characters are shown as unknown ones, other objects as their text."""
    return [_in_workbook(cell) for cell in row]


def _in_workbook(cell: Any) -> Any:
    if cell is None or isinstance(cell, int | float | Decimal | date | time):
        return cell
    return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(cell))


def csv_line(row: Row) -> str:
    """The row as a line of a CSV, as it is."""
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()


def csv_lines(first: Row, rest: Iterable[Row]) -> Iterator[str]:
    """The rows as lines of a CSV, one after the other."""
    yield csv_line(first)
    yield from map(csv_line, rest)
