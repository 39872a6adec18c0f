"""Who is not to be written to, as a file says it: handed on within the load's own transaction.

This app keeps no consent. Whoever does registers here, and no file with opt-outs is loaded while nobody has.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

OPT_OUTS = "dotbridge_files_opt_outs"


class OptOutRow(NamedTuple):
    """One cell that says so: whose it is, what it says, and when that happened if the cell is a moment.

    `record_id` is the record that the load has made or found. `email` is the first address of the row; those beyond
    it, and the same one with its domain in ASCII where that differs, have rows of their own. `is_doubtful`: the cell
    could not be understood, and so counts as opted out.
    """

    record_id: Any
    email: str
    column: str
    value: str
    happened_at: datetime.datetime | None
    is_doubtful: bool
    line: int


@dataclass(frozen=True, kw_only=True)
class OptOuts:
    """The opt-outs of one file. They stand in a temporary table that lives as long as the transaction.

    `stage_table` has the columns record_id (of the model's key), email, key (the address in small letters),
    column_name, value, happened_at (timestamptz), is_doubtful and line.
    """

    entity_key: str
    source_name: str
    stage_table: str = OPT_OUTS

    def rows(self) -> Iterator[OptOutRow]:
        """Every row, by line. For set-based SQL use `stage_table`."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT record_id, email, column_name, value, happened_at, is_doubtful, line FROM {self.stage_table}"
                " ORDER BY line, email"
            )
            while some := cursor.fetchmany(2_000):
                yield from map(OptOutRow._make, some)


Receiver = Callable[[Any, OptOuts], None]

_receivers: list[Receiver] = []


def receive_opt_outs(receiver: Receiver) -> Receiver:
    """Register who keeps what files say of opting out; usable as a decorator.

    Called as `receiver(cursor, opt_outs)` in the transaction of the load, after the records were written. What it
    raises ends the load, and nothing of it is kept.
    """
    if receiver not in _receivers:
        _receivers.append(receiver)
    return receiver


def stop_receiving(receiver: Receiver) -> None:
    """Take a receiver away again."""
    _receivers.remove(receiver)


def is_anybody_receiving() -> bool:
    """Whether opt-outs would be kept."""
    return bool(_receivers)


def hand_on(opt_outs: OptOuts) -> None:
    """Give the opt-outs to everybody who keeps them."""
    with connection.cursor() as cursor:
        for receiver in _receivers:
            receiver(cursor, opt_outs)
