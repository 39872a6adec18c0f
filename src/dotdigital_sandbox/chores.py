"""Deletions, and whatever else is promised for later and done without being asked again."""

from __future__ import annotations

from sqlite3 import Connection
from typing import TYPE_CHECKING

from dotdigital_sandbox.removals import finish_deletion

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

FAR = "9999"


def next_chore_due(db: Connection) -> str | None:
    """When the next chore is due; None when there is none."""
    due: str | None = db.execute("SELECT min(due) FROM deletion WHERE status = 'Started'").fetchone()[0]
    return due


def do_due_chores(account: Account, *, everything: bool) -> None:
    """Do the chores that are due, or all of them."""
    now = FAR if everything else account.clock.text()
    with account.store.reading() as db:
        deletions = db.execute(
            "SELECT * FROM deletion WHERE status = 'Started' AND due <= ? ORDER BY due", (now,)
        ).fetchall()
    for row in deletions:
        with account.store.writing() as db:
            finish_deletion(db, row)
