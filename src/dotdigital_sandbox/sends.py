"""Sending campaigns: the request, its status, and the sending itself in the background (contract §4.8)."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import INT32, Answer, Call, ids_of, json_answer, lowered, one_of, whole_number
from dotdigital_sandbox.clock import LATEST
from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.engagement import engage
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import UNLIMITED, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

CONTACT_LIMIT = 10
SPLIT_METRICS = ("Opens", "Clicks", "ROI")
HUNDRED = 100
# A time-optimised send waits for the hour that suits each contact.
OPTIMISED_SECONDS = 3600


def _split(value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    keys = lowered(value, code="CAMPAIGN_SEND_INVALID")
    metric = one_of(keys.get("testmetric"), SPLIT_METRICS, code="CAMPAIGN_SEND_INVALID")
    percentage, hours = (whole_number(keys.get(name)) or 0 for name in ("testpercentage", "testperiodhours"))
    if not 1 <= percentage <= HUNDRED or not 1 <= hours <= INT32:
        raise refusal("CAMPAIGN_SEND_INVALID")
    return {"testMetric": metric, "testPercentage": percentage, "testPeriodHours": hours}


def _send_date(body: dict[str, Any], now: datetime) -> datetime:
    value = body.get("senddate")
    if value is None or value == "":
        return now
    wanted = parse_instant(value) if isinstance(value, str) else None
    if wanted is None or wanted > LATEST:
        raise refusal("CAMPAIGN_SEND_INVALID")
    return max(wanted, now)


def _check_targets(db: Connection, account: Account, books: list[int], contacts: list[int]) -> None:
    if len(contacts) > CONTACT_LIMIT:
        raise refusal("CONTACT_TOOMANY")
    for table, ids, code in (
        ("address_book", books, "ADDRESSBOOK_NOT_FOUND"),
        ("contact", contacts, "CONTACT_NOT_FOUND"),
    ):
        for each in ids:
            if db.execute(f"SELECT 1 FROM {table} WHERE id = ?", (each,)).fetchone() is None:
                raise refusal(code)
    credits_left = account.settings.email_credits
    if credits_left is not None and _recipient_count(db, books, contacts) > credits_left:
        raise refusal("SEND_LIMITEXCEEDED")


def _start(call: Call, *, optimised: bool) -> Answer:
    body = call.json_object()
    account = call.account
    campaign_id = whole_number(body.get("campaignid"))
    if campaign_id is None:
        raise refusal("CAMPAIGN_SEND_INVALID")
    books, contacts = (
        ids_of(body.get(name), code="CAMPAIGN_SEND_INVALID") for name in ("addressbookids", "contactids")
    )
    split = _split(body.get("splittestoptions"))
    now = account.clock.now()
    date = _send_date(body, now) + timedelta(seconds=OPTIMISED_SECONDS if optimised else 0)
    later = date > now
    status = "NotSent" if optimised else "Scheduled" if later else "Sending"
    with account.store.writing() as db:
        campaign = db.execute("SELECT * FROM campaign WHERE id = ?", (min(campaign_id, INT32),)).fetchone()
        if campaign is None:
            raise refusal("CAMPAIGN_NOT_FOUND")
        if not account.settings.sends_allowed or campaign["status"] == "Sending":
            raise refusal("CAMPAIGN_SENDNOTPERMITTED")
        _check_targets(db, account, books, contacts)
        row = _note_send(
            db,
            account,
            campaign_id=campaign_id,
            books=books,
            contacts=contacts,
            date=date,
            split=split,
            status=status,
        )
    account.work.wake()
    return json_answer(send_out(row), status=HTTPStatus.ACCEPTED)


def _note_send(
    db: Connection,
    account: Account,
    *,
    campaign_id: int,
    books: list[int],
    contacts: list[int],
    date: datetime,
    split: dict[str, Any] | None,
    status: str,
) -> Row:
    guid, options = str(uuid.uuid4()), json.dumps(split) if split else None
    due = text_of(date + timedelta(seconds=account.settings.send_seconds))
    row: Row = db.execute(
        "INSERT INTO send (guid, campaign_id, book_ids, contact_ids, send_date, split_options, status, due) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (guid, campaign_id, json.dumps(books), json.dumps(contacts), text_of(date), options, status, due),
    ).fetchone()
    if status == "Sending":
        db.execute("UPDATE campaign SET status = ?, split_options = ? WHERE id = ?", (status, options, campaign_id))
    else:
        db.execute("UPDATE campaign SET scheduled_date = ? WHERE id = ?", (text_of(date), campaign_id))
    return row


def queue_send(account: Account, *, campaign_id: int, books: list[int], contacts: list[int]) -> None:
    """Have a campaign sent now; refused when there is none, or a target is unknown."""
    with account.store.writing() as db:
        if db.execute("SELECT 1 FROM campaign WHERE id = ?", (campaign_id,)).fetchone() is None:
            raise refusal("CAMPAIGN_NOT_FOUND")
        _check_targets(db, account, books, contacts)
        _note_send(
            db,
            account,
            campaign_id=campaign_id,
            books=books,
            contacts=contacts,
            date=account.clock.now(),
            split=None,
            status="Sending",
        )
    account.work.wake()


def send_out(row: Row) -> dict[str, Any]:
    """A send as answered; lists are null when unused."""
    return {
        "id": row["guid"],
        "campaignId": row["campaign_id"],
        "addressBookIds": json.loads(row["book_ids"]) or None,
        "contactIds": json.loads(row["contact_ids"]) or None,
        "sendDate": row["send_date"],
        "splitTestOptions": json.loads(row["split_options"]) if row["split_options"] else None,
        "status": row["status"],
    }


_MAILABLE = "c.status = 'Subscribed' AND c.email <> ''"
_TO_BOOKS = (
    "SELECT c.id FROM membership m JOIN contact c ON c.id = m.contact_id "
    "WHERE m.book_id IN (SELECT value FROM json_each(:books)) "
    f"AND m.unsubscribed_at IS NULL AND {_MAILABLE}"
)
_TO_CONTACTS = f"SELECT c.id FROM contact c WHERE c.id IN (SELECT value FROM json_each(:contacts)) AND {_MAILABLE}"
_TO_ALL = f"SELECT c.id FROM contact c WHERE {_MAILABLE}"
ALL_CONTACTS_SQL = (
    "SELECT 1 FROM address_book WHERE name_key = 'all contacts' AND id IN (SELECT value FROM json_each(:books))"
)


def _recipients(db: Connection, books: list[int], contacts: list[int]) -> tuple[str, dict[str, str]]:
    """SQL for the ids of who gets it; nobody named means everybody (contract §4.8)."""
    params = {"books": json.dumps(books), "contacts": json.dumps(contacts)}
    everybody = (not books and not contacts) or db.execute(ALL_CONTACTS_SQL, params).fetchone()
    return (_TO_ALL if everybody else f"{_TO_BOOKS} UNION {_TO_CONTACTS}"), params


def _recipient_count(db: Connection, books: list[int], contacts: list[int]) -> int:
    sql, params = _recipients(db, books, contacts)
    return int(db.execute(f"SELECT count(*) FROM ({sql})", params).fetchone()[0])


def finish_send(account: Account, row: Row) -> None:
    """Send: one activity row a recipient, then let the recipients live.

    Done once more after an interruption, it goes on where it was.
    """
    # Whoever is sent to at once is sent to when the work is done; that instant is kept, see below.
    sent_at = row["send_date"]
    if row["status"] == "Sending" and row["due"] > sent_at:
        sent_at = max(sent_at, account.clock.text())
    books, contacts = json.loads(row["book_ids"]), json.loads(row["contact_ids"])
    with account.store.writing() as db:
        begun = db.execute(
            "UPDATE send SET send_date = :at, due = :at WHERE guid = :guid", {"at": sent_at, "guid": row["guid"]}
        )
        if not begun.rowcount:
            # The campaign was deleted meanwhile, and its sends with it.
            return
        sql, params = _recipients(db, books, contacts)
        db.execute(
            "INSERT OR IGNORE INTO activity (campaign_id, contact_id, email, sent_at, is_text) "
            "SELECT :campaign, c.id, c.email, :sent_at, c.email_type = 'PlainText' FROM contact c WHERE c.id IN "
            f"({sql})",
            {**params, "campaign": row["campaign_id"], "sent_at": sent_at},
        )
        targets = books or [
            each["id"] for each in db.execute("SELECT id FROM address_book WHERE name_key = 'all contacts'")
        ]
        if books or not contacts:
            db.executemany(
                "INSERT OR IGNORE INTO campaign_target VALUES (?, ?)", [(row["campaign_id"], each) for each in targets]
            )
    # Only now is the send over: whoever waits for it finds everything in its place.
    engage(account, campaign_id=row["campaign_id"], sent_at=sent_at)
    with account.store.writing() as db:
        db.execute("UPDATE send SET status = 'Sent', send_date = ? WHERE guid = ?", (sent_at, row["guid"]))
        db.execute(
            "UPDATE campaign SET status = 'Sent', sent_date = ?, split_options = coalesce(split_options, ?) WHERE id = "
            "?",
            (sent_at, row["split_options"], row["campaign_id"]),
        )


def send_campaign(call: Call) -> Answer:
    """POST /v2/campaigns/send."""
    return _start(call, optimised=False)


def send_time_optimised(call: Call) -> Answer:
    """POST /v2/campaigns/send-time-optimised: the service chooses the time."""
    return _start(call, optimised=True)


def send_status(call: Call) -> Answer:
    """GET /v2/campaigns/send/{guid}."""
    with call.account.store.reading() as db:
        row = db.execute("SELECT * FROM send WHERE guid = ?", (call.params["guid"].lower(),)).fetchone()
    if row is None:
        raise refusal("CAMPAIGN_SEND_INVALID", status=HTTPStatus.NOT_FOUND)
    return json_answer(send_out(row))


ROUTES = [
    Route("POST", "/v2/campaigns/send", send_campaign, UNLIMITED),
    Route("POST", "/v2/campaigns/send-time-optimised", send_time_optimised, UNLIMITED),
    Route("GET", "/v2/campaigns/send/{guid}", send_status, UNLIMITED),
]
