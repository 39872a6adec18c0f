"""Subscriptions to events: who wants to know what (the vendor's events of version 3)."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import NO_CONTENT, Answer, Call, json_answer, whole_number
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.event_feed import (
    ACTIVE,
    INACTIVE,
    bring_up_to_date,
    drop_unwanted,
    is_idle,
    last_place,
    start_capture,
    stop_capture,
)
from dotdigital_sandbox.event_filters import check_pattern, path_of
from dotdigital_sandbox.event_triggers import TYPES, listen
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route
from dotdigital_sandbox.v3_errors import V3Error, closed_object, object_of
from dotdigital_sandbox.v3_paging import marked_page
from dotdigital_sandbox.values import is_email

DEFAULT_LIMIT = 2000
BAD_REQUEST = "events:badRequest"
NAME_LIMIT, TYPES_LIMIT, FILTERS_LIMIT, PATTERN_LIMIT = 50, 100, 5, 1024
ALERTS = {"none": False, "inApp": False, "email": True, "emailAndInApp": True}


def bad_request(text: str, item: str) -> V3Error:
    """The refusal of a body that is no such thing as the operation takes."""
    return V3Error(400, BAD_REQUEST, text, item)


def body_of(call: Call) -> Any:
    """The JSON of a call."""
    try:
        return call.json()
    except ApiError as refused:
        raise V3Error(400, "events:badJson", refused.message) from None


def member(value: object, known: tuple[str, ...] | dict[str, bool], item: str) -> str:
    """The member of an enum as the API spells it."""
    spelled = {each.lower(): each for each in known}
    if not isinstance(value, str) or value.lower() not in spelled:
        raise bad_request(f"{item} must be one of {', '.join(known)}", item)
    return spelled[value.lower()]


def _some(value: object, item: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise bad_request(f"{item} must hold between 1 and {most} entries", item)
    return value


def _text(value: object, item: str, most: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise bad_request(f"{item} must have between 1 and {most} characters", item)
    return value


def _filter(value: object) -> dict[str, Any]:
    keys = closed_object(value, "filters", "field matchpattern casesensitive", code=BAD_REQUEST)
    field, pattern = keys.get("field"), _text(keys.get("matchpattern"), "matchPattern", PATTERN_LIMIT)
    if not isinstance(field, str):
        raise bad_request("field must be a JSON path", "field")
    try:
        path_of(field)
        check_pattern(pattern)
    except ValueError as problem:
        raise bad_request(str(problem), "filters") from None
    out = {"field": field, "matchPattern": pattern}
    if "casesensitive" not in keys:
        return out
    if not isinstance(keys["casesensitive"], bool):
        raise bad_request("caseSensitive must be true or false", "caseSensitive")
    return {**out, "caseSensitive": keys["casesensitive"]}


def _event_type(value: object) -> dict[str, Any]:
    keys = closed_object(value, "subscribedEventTypes", "eventtype filters", code=BAD_REQUEST)
    kind = keys.get("eventtype")
    if not isinstance(kind, str):
        raise bad_request("eventType must be a text", "eventType")
    if kind not in TYPES:
        raise V3Error(400, "events:invalidEventType", f"The type value '{kind}' is invalid.", kind)
    out: dict[str, Any] = {"eventType": kind}
    if "filters" in keys:
        out["filters"] = [_filter(each) for each in _some(keys["filters"], "filters", FILTERS_LIMIT)]
    return out


def _alerts(value: object) -> dict[str, str]:
    keys = object_of(value, "alertsConfiguration", code=BAD_REQUEST)
    channels = member(keys.get("alertchannels"), ALERTS, "alertChannels")
    if not ALERTS[channels]:
        return {"alertChannels": channels}
    email = keys.get("email")
    if not isinstance(email, str) or not is_email(email):
        raise bad_request("email must be an address", "email")
    return {"alertChannels": channels, "email": email}


def _given(call: Call) -> tuple[str, str, str, str]:
    """Name, status, types and alerts of a request, the last two as JSON."""
    names = "name status subscribedeventtypes alertsconfiguration"
    keys = closed_object(body_of(call), "subscription", names, code=BAD_REQUEST)
    types = _some(keys.get("subscribedeventtypes"), "subscribedEventTypes", TYPES_LIMIT)
    return (
        _text(keys.get("name"), "name", NAME_LIMIT),
        member(keys.get("status"), (ACTIVE, INACTIVE), "status"),
        json.dumps([_event_type(each) for each in types]),
        json.dumps(_alerts(keys.get("alertsconfiguration"))),
    )


def _must_be_free(db: Connection, name: str, besides: int) -> None:
    found = db.execute("SELECT 1 FROM event_subscription WHERE name = ? AND id <> ?", (name, besides))
    if found.fetchone():
        text = f"The name value '{name}' already exists. All names must be unique!"
        raise V3Error(409, "events:nameAlreadyExists", text)


def subscription_of(db: Connection, call: Call) -> Row:
    """The subscription of the path."""
    text = call.params["subscription_id"]
    row: Row | None = db.execute("SELECT * FROM event_subscription WHERE id = ?", (whole_number(text),)).fetchone()
    if row is None:
        details = [{"item": text, "description": "Not found."}]
        problem = "The following subscription could not be found"
        raise V3Error(404, "events:subscriptionNotFound", problem, details=details)
    return row


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "subscribedEventTypes": json.loads(row["types"]),
        "alertsConfiguration": json.loads(row["alerts"]),
        "created": row["created"],
        "updated": row["updated"],
    }


def _refresh(call: Call) -> None:
    """Let what time has brought about be seen, before a subscription is shown or changed."""
    with call.account.store.reading() as db:
        idle = is_idle(db, call.account)
    if not idle:
        with call.account.store.writing() as db:
            bring_up_to_date(db, call.account)


def list_subscriptions(call: Call) -> Answer:
    """GET /events/v3/export/subscriptions: pages by marker."""
    _refresh(call)
    page = marked_page(call, DEFAULT_LIMIT, code=BAD_REQUEST)
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT * FROM event_subscription WHERE id > ? ORDER BY id LIMIT ?", (page.after, page.limit + 1)
        ).fetchall()
    following = rows[page.limit - 1]["id"] if len(rows) > page.limit else None
    return json_answer(page.answer([_shown(row) for row in rows[: page.limit]], following=following))


def create_subscription(call: Call) -> Answer:
    """POST /events/v3/export/subscriptions: events from now on; 409 where the name is taken."""
    name, status, types, alerts = _given(call)
    _refresh(call)
    now = call.account.clock.text()
    with call.account.store.writing() as db:
        _must_be_free(db, name, 0)
        row = db.execute(
            "INSERT INTO event_subscription (name, status, types, alerts, created, updated, read_at, acknowledged) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (name, status, types, alerts, now, now, now, last_place(db)),
        ).fetchone()
        if status == ACTIVE:
            start_capture(db, row["id"], json.loads(types))
        listen(db)
    return json_answer(_shown(row), status=HTTPStatus.CREATED)


def read_subscription(call: Call) -> Answer:
    """GET /events/v3/export/subscriptions/{subscriptionId}."""
    _refresh(call)
    with call.account.store.reading() as db:
        return json_answer(_shown(subscription_of(db, call)))


def update_subscription(call: Call) -> Answer:
    """PUT /events/v3/export/subscriptions/{subscriptionId}: what was captured stays, what comes is taken anew."""
    name, status, types, alerts = _given(call)
    _refresh(call)
    now = call.account.clock.text()
    with call.account.store.writing() as db:
        known = subscription_of(db, call)
        _must_be_free(db, name, known["id"])
        stop_capture(db, known["id"], last_place(db))
        if status == ACTIVE:
            start_capture(db, known["id"], json.loads(types))
        row = db.execute(
            "UPDATE event_subscription SET name = ?, status = ?, types = ?, alerts = ?, updated = ?, "
            "read_at = CASE WHEN status = 'inactive' THEN ? ELSE read_at END WHERE id = ? RETURNING *",
            (name, status, types, alerts, now, now, known["id"]),
        ).fetchone()
        listen(db)
    return json_answer(_shown(row))


def delete_subscription(call: Call) -> Answer:
    """DELETE /events/v3/export/subscriptions/{subscriptionId}, with the events that wait for it."""
    _refresh(call)
    with call.account.store.writing() as db:
        ident = subscription_of(db, call)["id"]
        db.execute("DELETE FROM event_capture WHERE subscription_id = ?", (ident,))
        db.execute("DELETE FROM event_subscription WHERE id = ?", (ident,))
        listen(db)
        drop_unwanted(db)
    return NO_CONTENT


_BASE = "/events/v3/export/subscriptions"
ROUTES = [
    Route("GET", _BASE, list_subscriptions, MEDIUM),
    Route("POST", _BASE, create_subscription, MEDIUM),
    Route("GET", f"{_BASE}/{{subscription_id}}", read_subscription, HIGH),
    Route("PUT", f"{_BASE}/{{subscription_id}}", update_subscription, MEDIUM),
    Route("DELETE", f"{_BASE}/{{subscription_id}}", delete_subscription, MEDIUM),
]
