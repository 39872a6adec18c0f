"""Events of the client's own, imported and hung on contacts (the vendor's events of version 3)."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Answer, Call
from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.event_subscriptions import BAD_REQUEST, bad_request, body_of
from dotdigital_sandbox.routing import LOW, Route
from dotdigital_sandbox.v3_contacts import matched
from dotdigital_sandbox.v3_errors import V3Error, object_of

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

MOST, TYPE_LIMIT, SUMMARY_LIMIT = 5000, 80, 160


def import_events(call: Call) -> Answer:
    """POST /events/v3/import: up to 5,000 events; those of unknown contacts are dropped without a word."""
    given = body_of(call)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise bad_request(f"The body must be an array of between 1 and {MOST} events", "events")
    now = call.account.clock.text()
    events = [_event(each, now) for each in given]
    with call.account.store.writing() as db:
        for identity, event in events:
            contact_id = _contact(db, identity)
            if contact_id is not None:
                db.execute(
                    "INSERT INTO imported_event (contact_id, event_id, type, at, timeline, data) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (contact_id, *event),
                )
    return Answer(HTTPStatus.ACCEPTED, media_type=None)


def _event(given: object, now: str) -> tuple[dict[str, Any], tuple[str, str, str, str | None, str]]:
    """Who it is about, and the columns of one event: id, type, moment, line of the timeline, data."""
    keys = object_of(given, "events", code=BAD_REQUEST)
    identity = object_of(keys.get("contactidentity"), "contactIdentity", code=BAD_REQUEST)
    if not isinstance(identity.get("identifier"), str) or "value" not in identity:
        raise bad_request("contactIdentity needs an identifier and a value", "contactIdentity")
    kind, ident, data = keys.get("type"), keys.get("id"), keys.get("eventdata", {})
    if not isinstance(kind, str) or not 1 <= len(kind) <= TYPE_LIMIT:
        raise bad_request(f"type must have between 1 and {TYPE_LIMIT} characters", "type")
    if not (ident is None or isinstance(ident, str)):
        raise bad_request("id must be a text", "id")
    if not isinstance(data, dict):
        raise bad_request("eventData must be an object", "eventData")
    columns = (ident or str(uuid.uuid4()), kind, _moment(keys, now), _timeline(keys), json.dumps(data))
    return identity, columns


def _moment(keys: dict[str, Any], now: str) -> str:
    value = keys.get("eventtimestamp")
    instant = parse_instant(value) if isinstance(value, str) else None
    if value is not None and instant is None:
        raise bad_request("eventTimestamp must be a date and time in ISO 8601", "eventTimestamp")
    return text_of(instant) if instant else now


def _timeline(keys: dict[str, Any]) -> str | None:
    if keys.get("timelinedetails") is None:
        return None
    summary = object_of(keys["timelinedetails"], "timelineDetails", code=BAD_REQUEST).get("summary")
    if not isinstance(summary, str) or not 1 <= len(summary) <= SUMMARY_LIMIT:
        raise bad_request(f"summary must have between 1 and {SUMMARY_LIMIT} characters", "summary")
    return summary


def _contact(db: Connection, identity: dict[str, Any]) -> int | None:
    value = identity["value"]
    if not isinstance(value, (str, int)):
        return None
    try:
        row = matched(db, identity["identifier"], str(value))
    except V3Error:
        return None
    return None if row is None else int(row["id"])


def imported_events(account: Account, email: str) -> list[dict[str, Any]]:
    """What was imported about a contact, the oldest first: id, type, at, timeline, data."""
    with account.store.reading() as db:
        rows = db.execute(
            "SELECT e.* FROM imported_event e JOIN contact c ON c.id = e.contact_id WHERE c.email_key = ? "
            "ORDER BY e.id",
            (email.strip().lower(),),
        ).fetchall()
    return [
        {
            "id": row["event_id"],
            "type": row["type"],
            "at": row["at"],
            "timeline": row["timeline"],
            "data": json.loads(row["data"]),
        }
        for row in rows
    ]


ROUTES = [Route("POST", "/events/v3/import", import_events, LOW)]
