"""Campaigns: create, read, change, copy, delete, list (contract §4.8)."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.address_books import book_id_of, book_of, count_sql, shown
from dotdigital_sandbox.calls import NO_CONTENT, Answer, Call, json_answer, lowered, one_of, whole_number
from dotdigital_sandbox.errors import ApiError, refusal
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route

NAME_LIMIT = 255
YEAR_ONE = "0001-01-01T00:00:00"
UNSUBSCRIBE_TOKEN = "$UNSUB$"  # noqa: S105 - a merge token, not a secret
REPLY_ACTIONS = ("Unset", "WebMailForward", "Webmail", "Delete")
TYPES = ("Standard", "Triggered")
STATUSES = (
    "Unsent",
    "Sending",
    "Sent",
    "Paused",
    "Cancelled",
    "RequiresSystemApproval",
    "RequiresSMSApproval",
    "RequiresWorkflowApproval",
    "Triggered",
)
# Under which kind the things are kept that say which document goes with which campaign.
ATTACHMENT = "attachment"
SELECT = "SELECT g.*, f.email AS from_email FROM campaign g JOIN from_address f ON f.id = g.from_address_id"


def campaign_of(db: Connection, call: Call) -> Row:
    """The campaign of the path; refused when there is none."""
    campaign_id = call.id("campaign_id", "CAMPAIGN_NOT_FOUND")
    row: Row | None = db.execute(f"{SELECT} WHERE g.id = ?", (campaign_id,)).fetchone()
    if row is None:
        raise refusal("CAMPAIGN_NOT_FOUND")
    return row


def campaign_out(call: Call, row: Row, *, contents: bool = False, details: bool = False) -> dict[str, Any]:
    """A campaign as answered; lists carry no contents, and the legacy shape knows eleven keys only."""
    out: dict[str, Any] = {
        "id": row["id"],
        "name": row["name"],
        "subject": row["subject"],
        "fromName": row["from_name"],
        "fromAddress": {"id": row["from_address_id"], "email": row["from_email"]},
        "htmlContent": row["html_content"] if contents else None,
        "plainTextContent": row["plain_text_content"] if contents else None,
        "replyAction": row["reply_action"],
        "replyToAddress": row["reply_to"],
        "isSplitTest": is_split_test(row),
        "status": row["status"],
    }
    if call.account.settings.shape == "current":
        out["customReplyToAddress"] = None
    if details:
        out |= {
            "type": row["type"],
            "tags": [{"name": tag} for tag in json.loads(row["tags"])],
            # Texts in the vendor's document, which does not say of what: here the parts in which the versions differ.
            "splitTestOptions": differing_parts(row),
            "sentDate": row["sent_date"] or never(call),
        }
    return out


def is_split_test(row: Row) -> bool:
    """Whether a campaign has versions, or was sent as a split test."""
    return row["versions"] is not None or row["split_options"] is not None


def differing_parts(row: Row) -> list[str]:
    """The names of the lists of a split test that hold more than one entry."""
    lists: dict[str, list[Any]] = json.loads(row["versions"] or "{}")
    return [name for name, entries in lists.items() if len(entries) > 1]


def never(call: Call) -> str | None:
    """The date of what has not happened, where the service marks no date as one that may be missing."""
    return YEAR_ONE if call.account.switches.never == "year-1" else None


def _listed(call: Call, condition: str, params: tuple[Any, ...], *, details: bool = False) -> Answer:
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(f"{SELECT} WHERE {condition} ORDER BY g.id LIMIT ? OFFSET ?", (*params, *page))
        return json_answer([campaign_out(call, row, details=details) for row in rows])


def list_campaigns(call: Call) -> Answer:
    """GET /v2/campaigns."""
    return _listed(call, "TRUE", ())


def list_with_details(call: Call) -> Answer:
    """GET /v2/campaigns/with-details."""
    return _listed(call, "TRUE", (), details=True)


def list_of_book(call: Call) -> Answer:
    """GET /v2/address-books/{id}/campaigns: what was sent to the book, or segment."""
    with call.account.store.reading() as db:
        book = book_of(db, book_id_of(call), segments=True)
    return _listed(call, "g.id IN (SELECT campaign_id FROM campaign_target WHERE book_id = ?)", (book["id"],))


def list_with_activity(call: Call) -> Answer:
    """GET /v2/campaigns/with-activity-since/{date}: sent, or acted upon, since then."""
    since, now = call.since(), call.account.clock.text()
    condition = (
        "g.sent_date >= ? OR EXISTS (SELECT 1 FROM event e INDEXED BY event_feed WHERE e.campaign_id = g.id "
        "AND e.at >= ? AND e.at <= ?)"
    )
    return _listed(call, condition, (since, since, now))


def list_filtered(call: Call) -> Answer:
    """GET /v2/campaigns/filtered: by type, tags (all must match), dates and statuses; the names may carry a ``~``."""
    page = call.page()
    conditions, params = _filters(call)
    with call.account.store.reading() as db:
        rows = db.execute(
            f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY g.id LIMIT ? OFFSET ?", (*params, *page)
        ).fetchall()
    listed = [
        {
            **campaign_out(call, row),
            "type": row["type"],
            "tags": json.loads(row["tags"]),
            "sentDate": row["sent_date"],
            "scheduledDate": row["scheduled_date"],
        }
        for row in rows
    ]
    return json_answer(listed)


def _filters(call: Call) -> tuple[list[str], list[Any]]:
    def given(name: str) -> list[str]:
        return [value for value in call.query.get(f"~{name}", []) + call.query.get(name, []) if value]

    conditions, params = ["TRUE"], list[Any]()
    for value in given("type"):
        conditions.append("g.type = ?")
        params.append(one_of(value, TYPES))
    for value in given("tags"):
        conditions.append("EXISTS (SELECT 1 FROM json_each(g.tags) t WHERE lower(t.value) = lower(?))")
        params.append(value)
    statuses = [one_of(value, STATUSES) for value in given("statuses")]
    if statuses:
        conditions.append(f"g.status IN ({', '.join('?' * len(statuses))})")
        params += statuses
    for name, test in (
        ("sentdate", "g.sent_date >= ?"),
        ("scheduleddatefrom", "g.scheduled_date >= ?"),
        ("scheduleddateto", "g.scheduled_date <= ?"),
    ):
        for value in given(name):
            conditions.append(test)
            params.append(call.instant(value))
    return conditions, params


def read_campaign(call: Call) -> Answer:
    """GET /v2/campaigns/{id}, with its contents."""
    with call.account.store.reading() as db:
        return json_answer(campaign_out(call, campaign_of(db, call), contents=True))


def read_with_details(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/with-details."""
    with call.account.store.reading() as db:
        return json_answer(campaign_out(call, campaign_of(db, call), contents=True, details=True))


def books_of_campaign(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/address-books: what it was sent to, segments included."""
    page = call.page()
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        rows = db.execute(
            f"SELECT b.*, {count_sql(call.account.switches)} AS contacts FROM campaign_target t "
            "JOIN address_book b ON b.id = t.book_id WHERE t.campaign_id = ? ORDER BY b.id LIMIT ? OFFSET ?",
            (campaign["id"], *page),
        )
        return json_answer([shown(row) for row in rows])


def _invalid() -> ApiError:
    return refusal("CAMPAIGN_INVALID")


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _invalid()
    return value


def given_campaign(db: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """The columns of a campaign that a request names; refuses what cannot be sent."""
    given = {
        "name": _text(body, "name"),
        "subject": _text(body, "subject"),
        "from_name": _text(body, "fromname"),
        "html_content": _text(body, "htmlcontent"),
        "plain_text_content": _text(body, "plaintextcontent"),
    }
    if len(given["name"]) > NAME_LIMIT:
        raise _invalid()
    if any(UNSUBSCRIBE_TOKEN not in given[part].upper() for part in ("html_content", "plain_text_content")):
        raise _invalid()
    tags = body.get("tags") or []
    names = [each.get("name") if isinstance(each, dict) else each for each in tags] if isinstance(tags, list) else []
    return {
        **given,
        "from_address_id": _from_address(db, body.get("fromaddress")),
        "reply_action": or_default(body.get("replyaction"), REPLY_ACTIONS),
        "reply_to": body.get("replytoaddress") if isinstance(body.get("replytoaddress"), str) else None,
        "type": or_default(body.get("type"), TYPES),
        "tags": json.dumps([name for name in names if isinstance(name, str)]),
    }


def or_default(value: object, choices: tuple[str, ...]) -> str:
    """The enum member meant; an unknown one silently becomes the default (contract §1.5)."""
    try:
        return one_of(value, choices, default=choices[0])
    except ApiError:
        return choices[0]


def _from_address(db: Connection, given: object) -> int:
    if given is None:
        return int(db.execute("SELECT min(id) FROM from_address").fetchone()[0])
    keys = lowered(given, code="CAMPAIGN_INVALID")
    email = keys.get("email")
    row = db.execute(
        "SELECT id FROM from_address WHERE id = ? OR email = ?",
        (whole_number(keys.get("id")), email if isinstance(email, str) else None),
    ).fetchone()
    if row is None:
        raise _invalid()
    return int(row["id"])


def create_campaign(call: Call) -> Answer:
    """POST /v2/campaigns."""
    body = call.json_object()
    with call.account.store.writing() as db:
        made = insert_campaign(db, given_campaign(db, body))
    out = campaign_out(call, made, contents=True)
    if call.account.settings.shape == "current":
        out["type"] = made["type"]
    return json_answer(out, status=HTTPStatus.CREATED)


def insert_campaign(db: Connection, columns: dict[str, Any]) -> Row:
    """A new campaign."""
    marks = ", ".join("?" * len(columns))
    row = db.execute(
        f"INSERT INTO campaign ({', '.join(columns)}) VALUES ({marks}) RETURNING id", tuple(columns.values())
    ).fetchone()
    made: Row = db.execute(f"{SELECT} WHERE g.id = ?", (row["id"],)).fetchone()
    return made


def update_campaign(call: Call) -> Answer:
    """PUT /v2/campaigns/{id}: as creation; refused once it was sent, and for a split test, which has versions."""
    body = call.json_object()
    with call.account.store.writing() as db:
        campaign = campaign_of(db, call)
        if campaign["status"] in ("Sending", "Sent"):
            raise refusal("CAMPAIGN_READONLY")
        if campaign["versions"] is not None:
            raise _invalid()
        given = given_campaign(db, body)
        changes = ", ".join(f"{name} = ?" for name in given)
        db.execute(f"UPDATE campaign SET {changes} WHERE id = ?", (*given.values(), campaign["id"]))
        return json_answer(campaign_out(call, campaign_of(db, call), contents=True))


def delete_campaign(call: Call) -> Answer:
    """DELETE /v2/campaigns/{id}: the campaign and all its reporting; refused while it is being sent."""
    with call.account.store.writing() as db:
        campaign = campaign_of(db, call)
        if campaign["status"] == "Sending":
            raise refusal("CAMPAIGN_READONLY")
        for table in ("campaign_target", "send", "activity", "event"):
            db.execute(f"DELETE FROM {table} WHERE campaign_id = ?", (campaign["id"],))
        db.execute("DELETE FROM thing WHERE kind = ? AND name = ?", (ATTACHMENT, str(campaign["id"])))
        db.execute("DELETE FROM campaign WHERE id = ?", (campaign["id"],))
    return NO_CONTENT


def copy_campaign(call: Call) -> Answer:
    """POST /v2/campaigns/{id}/copy: ``Copy of ...``, unsent."""
    kept = (
        "subject, from_name, from_address_id, html_content, plain_text_content, reply_action, reply_to, type, tags, "
        "versions"
    )
    with call.account.store.writing() as db:
        campaign = campaign_of(db, call)
        row = db.execute(
            f"INSERT INTO campaign (name, {kept}) SELECT substr('Copy of ' || name, 1, ?), {kept} FROM campaign "
            "WHERE id = ? RETURNING id",
            (NAME_LIMIT, campaign["id"]),
        ).fetchone()
        made = db.execute(f"{SELECT} WHERE g.id = ?", (row["id"],)).fetchone()
    return json_answer(campaign_out(call, made, contents=True), status=HTTPStatus.CREATED)


def list_from_addresses(call: Call) -> Answer:
    """GET /v2/custom-from-addresses."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute("SELECT id, email FROM from_address ORDER BY id LIMIT ? OFFSET ?", page)
        return json_answer([dict(row) for row in rows])


ROUTES = [
    Route("GET", "/v2/campaigns", list_campaigns, MEDIUM),
    Route("GET", "/v2/campaigns/filtered", list_filtered, MEDIUM),
    Route("GET", "/v2/campaigns/with-details", list_with_details, MEDIUM),
    Route("GET", "/v2/campaigns/with-activity-since/{date}", list_with_activity, MEDIUM),
    Route("GET", "/v2/address-books/{book_id}/campaigns", list_of_book, MEDIUM),
    Route("GET", "/v2/campaigns/{campaign_id}", read_campaign, HIGH),
    Route("GET", "/v2/campaigns/{campaign_id}/with-details", read_with_details, HIGH),
    Route("GET", "/v2/campaigns/{campaign_id}/address-books", books_of_campaign, MEDIUM),
    Route("POST", "/v2/campaigns", create_campaign, MEDIUM),
    Route("PUT", "/v2/campaigns/{campaign_id}", update_campaign, MEDIUM),
    Route("DELETE", "/v2/campaigns/{campaign_id}", delete_campaign, MEDIUM),
    Route("POST", "/v2/campaigns/{campaign_id}/copy", copy_campaign, MEDIUM),
    Route("GET", "/v2/custom-from-addresses", list_from_addresses, MEDIUM),
]
