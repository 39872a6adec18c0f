"""Windows on long lists: what ``select`` and ``skip`` ask for, without walking the list from its start each time."""

from __future__ import annotations

from sqlite3 import Row
from typing import TYPE_CHECKING

from dotdigital_sandbox.calls import Page

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account
    from dotdigital_sandbox.store import Snapshot


class Listing:
    """A list ordered by id: SQL with ``:after`` for the id to start behind, and its parameters.

    The rows must carry ``id``.
    """

    def __init__(self, account: Account, sql: str, **params: object) -> None:
        self._account = account
        self._sql = sql
        self._params = params
        self._key = (sql, *sorted(params.items()))

    def rows(self, db: Snapshot, page: Page) -> list[Row]:
        """The rows of one window."""
        marks = self._account.marks
        position, after = marks.nearest(self._key, db.generation, page.skip)
        rows = db.execute(
            f"{self._sql} LIMIT :select OFFSET :skip",
            {**self._params, "after": after, "select": page.select, "skip": page.skip - position},
        ).fetchall()
        if rows:
            marks.remember(self._key, db.generation, page.skip + len(rows), rows[-1]["id"])
        return rows
