"""Deletions, sends, refreshes and whatever else is promised for later and done without being asked again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING

from dotdigital_sandbox.engagement import SOFT_BOUNCES, STATUS_AFTER
from dotdigital_sandbox.removals import finish_deletion
from dotdigital_sandbox.segments import finish_refresh
from dotdigital_sandbox.sends import finish_send
from dotdigital_sandbox.subscriptions import suppress

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

FAR = "9999"
CHUNK = 500
_DUE = """
SELECT min(due) FROM (
    SELECT min(due) AS due FROM deletion WHERE status = 'Started'
    UNION ALL SELECT min(due) FROM send WHERE status NOT IN ('Sent', 'Cancelled')
    UNION ALL SELECT min(refresh_due) FROM address_book WHERE refresh_due IS NOT NULL
    UNION ALL SELECT min(at) FROM event WHERE pending
)
"""


def next_chore_due(db: Connection) -> str | None:
    """When the next chore is due; None when there is none."""
    due: str | None = db.execute(_DUE).fetchone()[0]
    return due


def do_due_chores(account: Account, *, everything: bool) -> None:
    """Do the chores that are due, or all of them.

    One that fails does not keep the others from being done; what it failed of is raised in the end.
    """
    now = FAR if everything else account.clock.text()
    with account.store.reading() as db:
        deletions = db.execute(
            "SELECT * FROM deletion WHERE status = 'Started' AND due <= ? ORDER BY due", (now,)
        ).fetchall()
        sends = db.execute(
            "SELECT * FROM send WHERE status NOT IN ('Sent', 'Cancelled') AND due <= ? ORDER BY due", (now,)
        ).fetchall()
        segments = db.execute(
            "SELECT * FROM address_book WHERE refresh_due <= ? ORDER BY refresh_due", (now,)
        ).fetchall()
    # The last one in is done first.
    with ExitStack() as chores:
        chores.callback(_change_statuses, account, now)
        for row in reversed(segments):
            chores.callback(_write, account, finish_refresh, row)
        for row in reversed(sends):
            chores.callback(_send, account, row, now)
        for row in reversed(deletions):
            chores.callback(_write, account, finish_deletion, row)


def _write(account: Account, finish: Callable[[Connection, Account, Row], None], row: Row) -> None:
    with account.store.writing() as db:
        finish(db, account, row)


def _send(account: Account, row: Row, now: str) -> None:
    # Whoever left before a campaign went out does not get it, however late this looks at the clock.
    _change_statuses(account, min(row["due"], now))
    finish_send(account, row)


def _change_statuses(account: Account, until: str) -> None:
    """Let the bounces, complaints and unsubscriptions until then take effect, each at its own time."""
    while _change_some_statuses(account, until):
        pass


def _change_some_statuses(account: Account, until: str) -> bool:
    """Whether there were any left."""
    now = account.clock.text()
    with account.store.writing() as db:
        rows = db.execute(
            "SELECT * FROM event WHERE pending AND at <= ? ORDER BY at LIMIT ?", (until, CHUNK)
        ).fetchall()
        for row in rows:
            if row["kind"] != "soft_bounce" or _soft_bounces(db, row["contact_id"], row["at"]) >= SOFT_BOUNCES:
                status, at = STATUS_AFTER[row["kind"]], min(row["at"], now)
                suppress(db, account, contact_id=row["contact_id"], status=status, at=at)
            db.execute("UPDATE event SET pending = 0 WHERE id = ?", (row["id"],))
    return bool(rows)


def _soft_bounces(db: Connection, contact_id: int, until: str) -> int:
    found = db.execute(
        "SELECT count(*) FROM activity a JOIN event e ON e.campaign_id = a.campaign_id AND e.contact_id = a.contact_id "
        "WHERE a.contact_id = ? AND e.kind = 'soft_bounce' AND e.at <= ?",
        (contact_id, until),
    )
    return int(found.fetchone()[0])
