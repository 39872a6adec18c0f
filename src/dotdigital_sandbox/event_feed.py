"""The queue of events: what is captured for whom, until when, and what each subscription has received."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.event_filters import matches_all
from dotdigital_sandbox.event_triggers import listen

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

ACTIVE, INACTIVE = "active", "inactive"
# A subscription that nobody reads for so long is switched off, and no event is kept longer.
KEPT = timedelta(days=30)
# A call that brings nothing new writes nothing down more often than this.
NOTED_EVERY = timedelta(hours=1)
_IDS = uuid.UUID("6f3c1a52-0b52-4a2e-9a57-1c6d9b1d2e40")
# What the vendor's documents show of an event's data; the rest is a guess of ours.
DOCUMENTED = frozenset({"contactId", "eventId", "userAccountId", "timeStamp", "optinCode", "channel", "status"})


def last_place(db: Connection) -> int:
    """The place of the latest event in the queue."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").fetchone()
    return int(row["seq"]) if row else 0


def is_idle(db: Connection, account: Account) -> bool:
    """Whether nothing is to be done before the queue is read: nothing has come due, nobody has been away too long."""
    now = account.clock.now()
    row = db.execute(
        "SELECT EXISTS (SELECT 1 FROM feed_ahead WHERE at <= :now) OR EXISTS (SELECT 1 FROM feed WHERE at < :old) "
        "OR EXISTS (SELECT 1 FROM event_subscription WHERE status = 'active' AND read_at < :old)",
        {"now": text_of(now), "old": text_of(now - KEPT)},
    ).fetchone()
    return not row[0]


def bring_up_to_date(db: Connection, account: Account) -> None:
    """Let what has come due join the queue, switch off who has been away for 30 days, and drop what is older."""
    now = account.clock.now()
    old = text_of(now - KEPT)
    due = {"now": text_of(now)}
    db.execute(
        "INSERT INTO feed (type, at, contact_id, data) SELECT type, at, contact_id, data FROM feed_ahead "
        "WHERE at <= :now ORDER BY at, id",
        due,
    )
    db.execute("DELETE FROM feed_ahead WHERE at <= :now", due)
    away = db.execute("SELECT * FROM event_subscription WHERE status = 'active' AND read_at < ?", (old,)).fetchall()
    for row in away:
        end = text_of(_instant(row["read_at"]) + KEPT)
        place = db.execute("SELECT max(id) FROM feed WHERE at <= ?", (end,)).fetchone()[0] or 0
        stop_capture(db, row["id"], place)
        db.execute("UPDATE event_subscription SET status = 'inactive', updated = ? WHERE id = ?", (end, row["id"]))
    if away:
        listen(db)
    db.execute("DELETE FROM feed WHERE at < ?", (old,))
    db.execute("DELETE FROM large_object WHERE created < ?", (old,))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def start_capture(db: Connection, subscription_id: int, types: list[dict[str, Any]]) -> None:
    """From now on, take events of these types."""
    since = last_place(db)
    db.executemany(
        "INSERT INTO event_capture (subscription_id, type, filters, since) VALUES (?, ?, ?, ?)",
        [
            (subscription_id, each["eventType"], json.dumps(each["filters"]) if "filters" in each else None, since)
            for each in types
        ],
    )


def stop_capture(db: Connection, subscription_id: int, place: int) -> None:
    """Take no events behind a place any more; what is captured stays."""
    db.execute(
        "UPDATE event_capture SET until = max(since, ?) WHERE subscription_id = ? AND until IS NULL",
        (place, subscription_id),
    )


def acknowledge(db: Connection, subscription: Row, place: int) -> None:
    """Note what a subscriber has received; events that nobody waits for any more are dropped."""
    db.execute("UPDATE event_subscription SET acknowledged = ? WHERE id = ?", (place, subscription["id"]))
    db.execute("DELETE FROM event_capture WHERE subscription_id = ? AND until <= ?", (subscription["id"], place))
    drop_unwanted(db)


def drop_unwanted(db: Connection) -> None:
    """Drop the events that every subscription has received; all of them where there is no subscription."""
    db.execute(
        "DELETE FROM feed WHERE id <= coalesce((SELECT min(acknowledged) FROM event_subscription), ?)",
        (last_place(db),),
    )
    if db.execute("SELECT 1 FROM event_subscription").fetchone() is None:
        db.execute("DELETE FROM feed_ahead")


_PAGE = """
SELECT f.*, max(c.filters IS NULL) AS unconditional, json_group_array(c.filters) AS filters
FROM feed f JOIN event_capture c ON c.subscription_id = :subscription AND c.type = f.type
    AND f.id > c.since AND (c.until IS NULL OR f.id <= c.until)
WHERE f.id > :after GROUP BY f.id ORDER BY f.id
"""


def captured(
    db: Connection, account: Account, subscription_id: int, *, after: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events behind a place that a subscription takes, each with its place."""
    for row in db.execute(_PAGE, {"subscription": subscription_id, "after": after}):
        event = _event(account, row)
        if row["unconditional"] or any(matches_all(event["data"], each) for each in json.loads(row["filters"])):
            yield row["id"], event


def _event(account: Account, row: Row) -> dict[str, Any]:
    account_id = account.settings.account_id
    ident = str(uuid.uuid5(_IDS, f"{account_id}/{row['id']}/{row['at']}"))
    data: dict[str, Any] = json.loads(row["data"]) if row["data"] else {}
    if row["contact_id"]:
        data["contactId"] = row["contact_id"]
    data |= {"eventId": ident, "userAccountId": account_id, "timeStamp": row["at"]}
    if account.switches.event_payload == "documented":
        data = {key: value for key, value in data.items() if key in DOCUMENTED}
    return {
        "id": ident,
        "accountId": account_id,
        "processedDate": row["at"],
        "type": row["type"],
        "eventDate": row["at"],
        "data": data,
    }
