"""The CSV of refused rows, read as a stream (contract §5.4)."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import Final

from dotdigital.json_stream import Unreadable
from dotdigital.models import Fault

_NAMES: Final = frozenset({"reason", "email"})
UNREADABLE_ROW: Final = "Unreadable row"
# Longer than any row the service can have; without it a body with no line end would be held in memory.
_LONGEST_LINE: Final = 1024 * 1024
# An account has four hundred data fields. Each row is given all columns, however short it is.
_MOST_COLUMNS: Final = 2000
_LONGEST_CELL: Final = 128 * 1024


def read_faults(chunks: Iterable[bytes]) -> Iterator[Fault]:
    """Yields one Fault a row. Takes any order and case of columns, a byte-order mark, CRLF, and rows of any length.

    Missing cells are empty and surplus ones dropped; without columns of these names the first is the reason and the
    second the address. A row the CSV parser gives up on is yielded with the reason ``Unreadable row``. Raises
    Unreadable for anything else than such a CSV: it would mean that no row was refused.
    """
    rows = csv.reader(_lines(chunks))
    header = [name.strip().lower() for name in _next_row(rows) or ()]
    named = not _NAMES.isdisjoint(header)
    if header and (header[0].startswith(("{", "[", "<")) or "\0" in header[0] or not (named or len(header) > 1)):
        raise Unreadable("no CSV")
    if len(header) > _MOST_COLUMNS:
        raise Unreadable(f"more than {_MOST_COLUMNS} columns")
    is_empty = True
    reason_at = header.index("reason") if "reason" in header else 0
    email_at = header.index("email") if "email" in header else 1
    while (cells := _next_row(rows)) is not None:
        is_empty = False
        if cells == [_UNREADABLE]:
            yield Fault(UNREADABLE_ROW, "", {})
        elif cells:
            row = {name: _cell(cells, at) for at, name in enumerate(header) if at != reason_at}
            yield Fault(_cell(cells, reason_at).strip(), _cell(cells, email_at).strip(), row)
    if header and is_empty and not named:
        raise Unreadable("no CSV of refused rows")


_UNREADABLE: Final = "\x00unreadable"


def _next_row(rows: Iterator[list[str]]) -> list[str] | None:
    try:
        cells = next(rows, None)
    except csv.Error:
        return [_UNREADABLE]
    # The parser's own limit belongs to the whole process, and another part of it may have raised it.
    if cells is not None and any(len(cell) > _LONGEST_CELL for cell in cells):
        return [_UNREADABLE]
    return cells


def _cell(cells: list[str], at: int) -> str:
    return cells[at] if at < len(cells) else ""


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yields lines with their ends, because a quoted cell may hold a line end of its own."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    held = ""
    for chunk in chunks:
        lines = _split(held + decoder.decode(chunk))
        held = lines.pop()
        yield from lines
        if len(held) > _LONGEST_LINE:
            yield held
            held = ""
    held += decoder.decode(b"", final=True)
    if held:
        yield held


def _split(text: str) -> list[str]:
    """Cuts after each newline; the last entry is what has no newline yet."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), parts[-1]]
