"""Where a table begins: the row that names the columns, and the lines above it, such as titles and who made it."""

from __future__ import annotations

from collections.abc import Sequence

from dotbridge.files.addresses import read_address
from dotbridge.files.consent_headers import is_listed
from dotbridge.files.headers import Role, role_of
from dotbridge.files.records import Cell, Skipped
from dotbridge.files.texts import text as _

MOST_TITLES = 20
# So many rows below a name are looked at for an address.
_ROWS_BELOW = 10


def row_of_names(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows names the columns: the first one, unless a later one surely does."""
    found = sure_row_of_names(rows)
    return 0 if found is None else found


def sure_row_of_names(rows: Sequence[Sequence[str]]) -> int | None:
    """The row that names the column of the addresses below it; else the one above the first address with most names.

    A later row than the first one names two columns at least, and more than that one. None if no row says it.
    """
    first = rows[: MOST_TITLES + 1]
    for number, row in enumerate(first):
        for position, cell in enumerate(row):
            # A person who prefers "e-mail" has no address below that word, and an export that names who made it has
            # an address above.
            if role_of(cell) is Role.EMAIL and (number == 0 or _holds_addresses(rows[number + 1 :], position)):
                return number + _says_more_below(row, rows[number + 1 :], position)
    with_address = next((number for number, row in enumerate(first) if any(map(_is_address, row))), None)
    if not with_address:
        return None
    named = [sum(map(_is_name, row)) for row in first[:with_address]]
    best = named.index(max(named))
    return best if named[best] > 1 else None


def are_names(cells: Sequence[str]) -> bool:
    """Whether this row names the columns: an address is no name, and so somebody stands there."""
    return not any(_is_address(cell) for cell in cells)


def title(line: int, text: str, cells: tuple[Cell, ...]) -> Skipped:
    """What is told of a line above the names of the columns."""
    return Skipped(line, text, _("It stands above the names of the columns, so it is taken for a title."), cells)


def further_names(line: int, text: str, cells: tuple[Cell, ...]) -> Skipped:
    """What is told of a line that names the columns together with the one above it."""
    return Skipped(line, text, _("It belongs to the names of the columns."), cells)


def _says_more_below(row: Sequence[str], below: Sequence[Sequence[str]], position: int) -> bool:
    """Whether the next row names the columns once more, and more of them: "Name" above "First name" and "Last name"."""
    names = below[0] if below else ()
    is_repeated = position < len(names) and names[position] == row[position]
    return is_repeated and sum(map(_is_name, names)) > sum(map(_is_name, row))


def _is_name(cell: str) -> bool:
    return bool(cell) and (role_of(cell) is not None or is_listed(cell))


def _holds_addresses(rows: Sequence[Sequence[str]], position: int) -> bool:
    return any(position < len(row) and _is_address(row[position]) for row in rows[:_ROWS_BELOW])


def _is_address(cell: str) -> bool:
    return "@" in cell and bool(read_address(cell).addresses)
