"""What a cell says of consent whose name stands beside it, row by row, or in the card that it belongs to."""

from __future__ import annotations

from functools import lru_cache

from dotbridge.files.consent_cells import Says
from dotbridge.files.consent_columns import ConsentColumn, Said
from dotbridge.files.consent_headers import consent_kind
from dotbridge.files.records import Cell


@lru_cache(maxsize=4_096, typed=True)
def said_under(header: str, cell: Cell) -> Said:
    """What one cell says under a name that stands beside it, and not above."""
    kind = consent_kind(header)
    if kind is None:
        return Said(Says.NOTHING)
    column = ConsentColumn(header, kind)
    column.observe(cell)
    return column.read(cell) if column.is_meant() else Said(Says.NOTHING)
