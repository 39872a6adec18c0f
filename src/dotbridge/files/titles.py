"""Lines above a table: titles, who made the export and when, names of groups of columns."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from dotbridge.files.addresses import read_address
from dotbridge.files.headers import Role, role_of
from dotbridge.files.records import BrokenLine

MOST_TITLES = 20
# So many rows below a name are looked at for an address.
_ROWS_BELOW = 10


def row_of_names(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows names the columns: the first one, unless a later one names the addresses that stand
    below it, and nobody stands above.
    """
    for number, row in enumerate(rows[:MOST_TITLES]):
        if any(_is_address(cell) for cell in row):
            return 0
        for position, cell in enumerate(row):
            if role_of(cell) is Role.EMAIL and (number == 0 or _holds_addresses(rows[number + 1 :], position)):
                return number
    return 0


def are_names(cells: Sequence[str]) -> bool:
    """Whether this row names the columns: an address is no name, and so somebody stands there."""
    return not any(_is_address(cell) for cell in cells)


def passed_over(line: int, text: str) -> BrokenLine:
    """What is told of a line above the names of the columns."""
    return BrokenLine(
        line,
        text,
        _("It stands above the names of the columns, so it is taken for a title."),
        _("Nothing, if it is one. Else make the names of the columns the first line."),
    )


def _holds_addresses(rows: Sequence[Sequence[str]], position: int) -> bool:
    return any(position < len(row) and _is_address(row[position]) for row in rows[:_ROWS_BELOW])


def _is_address(cell: str) -> bool:
    return "@" in cell and bool(read_address(cell).addresses)
