"""Events as they are fetched, page by page with a checkpoint, and the large objects they refer to."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
import zlib
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.event_feed import (
    INACTIVE,
    NOTED_EVERY,
    acknowledge,
    bring_up_to_date,
    captured,
    is_idle,
    last_place,
)
from dotdigital_sandbox.event_subscriptions import BAD_REQUEST, DEFAULT_LIMIT, subscription_of
from dotdigital_sandbox.routing import HIGH, LOW, Route
from dotdigital_sandbox.v3_errors import V3Error
from dotdigital_sandbox.v3_paging import page_limit

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

_CHECKPOINT = re.compile(r"(\d{1,18}):(\d{1,18}):(\d{1,10})")


def export_events(call: Call) -> Answer:
    """GET /events/v3/export/{subscriptionId}: what waits behind the checkpoint, which thereby counts as received."""
    limit = page_limit(call, DEFAULT_LIMIT, code=BAD_REQUEST)
    with call.account.store.reading() as db:
        idle = is_idle(db, call.account)
        subscription = subscription_of(db, call)
    if not idle:
        with call.account.store.writing() as db:
            bring_up_to_date(db, call.account)
    with call.account.store.reading() as db:
        subscription = subscription_of(db, call)
        if subscription["status"] == INACTIVE:
            details = [{"item": str(subscription["id"]), "description": "Inactive subscription"}]
            text = "The subscription is set to inactive and therefore cannot be used."
            raise V3Error(409, "events:inactiveSubscription", text, details=details)
        place = max(_place_of(db, call, subscription), subscription["acknowledged"])
    _note(call, subscription, place)
    with call.account.store.reading() as db:
        events, following = _page(db, call, subscription["id"], place, limit)
    return json_answer({"checkPoint": _checkpoint(subscription["id"], following), "events": events})


def _note(call: Call, subscription: Row, place: int) -> None:
    """Write down what was received and that somebody asked, where that is news."""
    now = call.account.clock.now()
    if place == subscription["acknowledged"] and subscription["read_at"] > text_of(now - NOTED_EVERY):
        return
    with call.account.store.writing() as db:
        db.execute("UPDATE event_subscription SET read_at = ? WHERE id = ?", (text_of(now), subscription["id"]))
        if place > subscription["acknowledged"]:
            acknowledge(db, subscription, place)


def _page(db: Connection, call: Call, subscription_id: int, place: int, limit: int) -> tuple[list[Any], int]:
    """The events, and the place that the next page continues from."""
    events: list[Any] = []
    for at, event in captured(db, call.account, subscription_id, after=place):
        events.append(event)
        if len(events) == limit:
            return events, at
    return events, max(place, last_place(db))


def _checkpoint(subscription_id: int, place: int) -> str:
    text = f"{subscription_id}:{place}"
    return base64.urlsafe_b64encode(f"{text}:{zlib.crc32(text.encode())}".encode()).decode().rstrip("=")


def _place_of(db: Connection, call: Call, subscription: Row) -> int:
    """The place that a checkpoint stands for; refused when it is none of this subscription's."""
    text = call.text("checkpoint")
    if not text:
        return 0
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    match = _CHECKPOINT.fullmatch(raw.decode("latin-1"))
    place = int(match[2]) if match else -1
    if not 0 <= place <= last_place(db) or text != _checkpoint(subscription["id"], place):
        details = [{"item": text, "description": "Invalid checkpoint."}]
        problem = "The checkpoint passed is invalid and cannot be parsed."
        raise V3Error(400, "events:invalidCheckpoint", problem, details=details)
    return place


def keep_large_object(db: Connection, account: Account, content: bytes, media_type: str) -> str:
    """Keep bytes apart from the events that refer to them; their id."""
    ident = str(uuid.uuid4())
    db.execute("INSERT INTO large_object VALUES (?, ?, ?, ?)", (ident, media_type, content, account.clock.text()))
    return ident


def read_large_object(call: Call) -> Answer:
    """GET /events/v3/lob/{lobId}: its bytes, in the media type that they have."""
    ident = call.params["lob_id"]
    with call.account.store.reading() as db:
        row = db.execute("SELECT * FROM large_object WHERE id = ?", (ident.lower(),)).fetchone()
    if row is None:
        raise V3Error(404, "events:lobNotFound", "The large object could not be found", ident)
    return Answer(content=bytes(row["content"]), media_type=row["media_type"])


ROUTES = [
    Route("GET", "/events/v3/export/{subscription_id}", export_events, LOW),
    Route("GET", "/events/v3/lob/{lob_id}", read_large_object, HIGH),
]
