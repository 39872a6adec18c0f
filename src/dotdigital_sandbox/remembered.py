"""The memory of who had opted out when the contact was deleted: consent only falls, also by way of deletion (§4.4).

The service documents a recycle bin but not what a deleted contact's suppression becomes, so this is a switch.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import TYPE_CHECKING

from dotdigital_sandbox.contact_statuses import UNSUBSCRIBED

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

WHOLE_ACCOUNT = 0


def remember(db: Connection, account: Account, chosen: str, params: tuple[object, ...]) -> None:
    """Keep the suppressions, account-wide and by book, of the contacts whose ids the SQL text yields."""
    if not account.switches.deleted_stay_suppressed:
        return
    db.execute(
        "INSERT OR REPLACE INTO remembered_suppression SELECT email_key, ?, status, suppressed_at FROM contact "
        f"WHERE suppressed_at IS NOT NULL AND id IN {chosen}",
        (WHOLE_ACCOUNT, *params),
    )
    db.execute(
        "INSERT OR REPLACE INTO remembered_suppression SELECT c.email_key, m.book_id, ?, m.unsubscribed_at "
        "FROM contact c JOIN membership m ON m.contact_id = c.id "
        f"WHERE m.unsubscribed_at IS NOT NULL AND c.id IN {chosen}",
        (UNSUBSCRIBED, *params),
    )


def remembered_status(db: Connection, email: str) -> str | None:
    """The account-wide suppression that an address without a contact still has."""
    row = db.execute(
        "SELECT status FROM remembered_suppression WHERE email_key = ? AND book_id = ?",
        (email.strip().lower(), WHOLE_ACCOUNT),
    ).fetchone()
    return row["status"] if row else None


def recall(db: Connection, since: int) -> None:
    """Give the contacts with ids from this one on what is remembered of their addresses; it then is theirs again."""
    if db.execute("SELECT 1 FROM remembered_suppression LIMIT 1").fetchone() is None:
        return
    db.execute(
        "UPDATE contact SET status = r.status, suppressed_at = r.since, last_subscribed = NULL "
        "FROM remembered_suppression r WHERE r.email_key = contact.email_key AND r.book_id = ? AND contact.id >= ?",
        (WHOLE_ACCOUNT, since),
    )
    db.execute(
        "INSERT INTO membership (book_id, contact_id, added, unsubscribed_at) SELECT r.book_id, c.id, r.since, r.since "
        "FROM remembered_suppression r CROSS JOIN contact c ON c.email_key = r.email_key "
        "JOIN address_book b ON b.id = r.book_id WHERE c.id >= ? "
        "ON CONFLICT DO UPDATE SET unsubscribed_at = excluded.unsubscribed_at",
        (since,),
    )
    db.execute(
        "DELETE FROM remembered_suppression WHERE email_key IN (SELECT r.email_key FROM remembered_suppression r "
        "CROSS JOIN contact c ON c.email_key = r.email_key WHERE c.id >= ?)",
        (since,),
    )
