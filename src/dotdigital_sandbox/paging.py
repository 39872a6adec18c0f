"""Windows on long lists: what ``select`` and ``skip`` ask for, without walking the list from its start each time."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Page

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

REMEMBERED = 64


class PageMarks:
    """Which id stands before which position of a list, as earlier pages showed it, until anything is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[Any, ...], tuple[int, list[int], list[int]]] = OrderedDict()

    def nearest(self, key: tuple[Any, ...], generation: int, position: int) -> tuple[int, int]:
        """The last known position at or before the wanted one, and the id that stands before it."""
        with self._lock:
            seen, positions, ids = self._lists.get(key, (generation, [0], [0]))
            if seen != generation:
                return 0, 0
            at = bisect_right(positions, position) - 1
            return positions[at], ids[at]

    def remember(self, key: tuple[Any, ...], generation: int, position: int, last_id: int) -> None:
        """Note that this id stands before this position."""
        with self._lock:
            seen, positions, ids = self._lists.get(key, (generation, [0], [0]))
            if seen != generation:
                positions, ids = [0], [0]
            at = bisect_right(positions, position)
            if positions[at - 1] != position:
                positions.insert(at, position)
                ids.insert(at, last_id)
            self._lists[key] = (generation, positions, ids)
            self._lists.move_to_end(key)
            if len(self._lists) > REMEMBERED:
                self._lists.popitem(last=False)


class Listing:
    """A list ordered by id: SQL with ``:after`` for the id to start behind, and its parameters.

    The rows must carry ``id``.
    """

    def __init__(self, account: Account, sql: str, **params: object) -> None:
        self._account = account
        self._sql = sql
        self._params = params
        self._key = (sql, *sorted(params.items()))

    def rows(self, db: Connection, page: Page) -> list[Row]:
        """The rows of one window."""
        generation = self._account.store.generation
        marks = self._account.marks
        position, after = marks.nearest(self._key, generation, page.skip)
        rows = db.execute(
            f"{self._sql} LIMIT :select OFFSET :skip",
            {**self._params, "after": after, "select": page.select, "skip": page.skip - position},
        ).fetchall()
        if rows and self._account.store.generation == generation:
            marks.remember(self._key, generation, page.skip + len(rows), rows[-1]["id"])
        return rows
