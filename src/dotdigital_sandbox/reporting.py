"""Who was sent a campaign and what they did: activities, and one feed for each kind of event (contract §4.9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import BIG_PAGE, PAGE, Answer, Call, Page, json_answer
from dotdigital_sandbox.campaigns import campaign_of, never
from dotdigital_sandbox.contact_json import COLUMNS, ContactShape
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.paging import Listing
from dotdigital_sandbox.routing import LOW, MEDIUM, Route
from dotdigital_sandbox.store import Snapshot

REPLIES_PAGE = 5
_ACTIVITIES = """
SELECT a.*, sum(e.kind = 'open') AS opens, sum(e.kind = 'page_view') AS page_views, sum(e.kind = 'click') AS clicks,
    sum(e.kind = 'forward') AS forwards, sum(e.kind = 'reply') AS replies,
    sum(CASE e.kind WHEN 'forward' THEN json_extract(e.data, '$.estimated') END) AS estimated,
    min(CASE e.kind WHEN 'open' THEN e.at END) AS first_open, max(CASE e.kind WHEN 'open' THEN e.at END) AS last_open,
    max(e.kind = 'unsubscribe') AS unsubscribed, max(e.kind = 'soft_bounce') AS soft_bounced,
    max(e.kind = 'hard_bounce') AS hard_bounced,
    (SELECT json_extract(o.data, '$.ipAddress') FROM event o WHERE o.campaign_id = a.campaign_id
        AND o.contact_id = a.contact_id AND o.kind = 'open' AND o.at <= :now ORDER BY o.at, o.id LIMIT 1) AS first_ip
FROM (
    SELECT x.* FROM activity x
    WHERE x.campaign_id = :campaign AND x.contact_id BETWEEN :first AND :last {condition}
) a
LEFT JOIN event e ON e.campaign_id = a.campaign_id AND e.contact_id = a.contact_id AND e.at <= :now
GROUP BY a.contact_id ORDER BY a.contact_id
"""


def _activities(call: Call, db: Snapshot, condition: str, page: Page, **params: object) -> list[dict[str, Any]]:
    """One row for each recipient who meets a condition on ``x``."""
    listing = Listing(
        call.account,
        "SELECT x.contact_id AS id FROM activity x WHERE x.campaign_id = :campaign AND x.contact_id > :after "
        f"{condition} ORDER BY x.contact_id",
        **params,
    )
    ids = [row["id"] for row in listing.rows(db, page)]
    if not ids:
        return []
    rows = db.execute(
        _ACTIVITIES.format(condition=condition),
        {"now": call.account.clock.text(), **params, "first": ids[0], "last": ids[-1]},
    )
    return [_activity_out(row, never(call)) for row in rows]


def _activity_out(row: Row, unopened: str | None) -> dict[str, Any]:
    return {
        "contactId": row["contact_id"],
        "email": row["email"],
        "numOpens": row["opens"] or 0,
        "numPageViews": row["page_views"] or 0,
        "numClicks": row["clicks"] or 0,
        "numForwards": row["forwards"] or 0,
        "numEstimatedForwards": row["estimated"] or 0,
        "numReplies": row["replies"] or 0,
        "dateSent": row["sent_at"],
        "dateFirstOpened": row["first_open"] or unopened,
        "dateLastOpened": row["last_open"] or unopened,
        # Where a date stands for "never", an empty text stands for "nowhere".
        "firstOpenIp": row["first_ip"] or (unopened and ""),
        "unsubscribed": bool(row["unsubscribed"]),
        "softBounced": bool(row["soft_bounced"]),
        "hardBounced": bool(row["hard_bounced"]),
    }


def list_activities(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/activities: everybody who was sent it, active or not."""
    page = call.page()
    with call.account.store.reading() as db:
        return json_answer(_activities(call, db, "", page, campaign=campaign_of(db, call)["id"]))


def activities_since(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/activities/since-date/{date}: only who did something since then."""
    page, since = call.page(BIG_PAGE), call.since()
    active = (
        "AND EXISTS (SELECT 1 FROM event v WHERE v.campaign_id = x.campaign_id AND v.contact_id = x.contact_id "
        "AND v.at >= :since AND v.at <= :now)"
    )
    with call.account.store.reading() as db:
        known = {"campaign": campaign_of(db, call)["id"], "since": since, "now": call.account.clock.text()}
        return json_answer(_activities(call, db, active, page, **known))


def _recipient_of(db: Connection, call: Call, campaign_id: int) -> int:
    contact_id = call.id("contact_id", "CONTACT_NOT_FOUND")
    found = db.execute("SELECT 1 FROM activity WHERE campaign_id = ? AND contact_id = ?", (campaign_id, contact_id))
    if found.fetchone() is None:
        raise refusal("CONTACT_NOT_FOUND")
    return contact_id


def activity_of_contact(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/activities/{contactId}."""
    with call.account.store.reading() as db:
        campaign_id = campaign_of(db, call)["id"]
        contact_id = _recipient_of(db, call, campaign_id)
        rows = _activities(
            call, db, "AND x.contact_id = :contact", Page(1, 0), campaign=campaign_id, contact=contact_id
        )
    return json_answer(rows[0])


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of event: its path, the name of its date, the keys of its rows after the contact's, and its pages."""

    kind: str
    path: str
    date: str
    keys: tuple[str, ...]
    select: int = PAGE
    most: int = PAGE


_READER = ("ipAddress", "userAgent")
FEEDS = (
    Feed("click", "clicks", "dateClicked", ("url", *_READER, "dateClicked", "keyword")),
    Feed("click", "clicks-with-groups", "dateClicked", ("url", *_READER, "dateClicked", "keyword", "groups")),
    Feed(
        "open",
        "opens",
        "dateOpened",
        ("mailClient", "mailClientVersion", *_READER, "isHtml", "isForward", "dateOpened"),
    ),
    Feed("page_view", "page-views", "dateViewed", ("url", "dateViewed")),
    Feed("roi", "roi-details", "dateEntered", ("markerName", "dataType", "value", "dateEntered")),
    Feed(
        "reply",
        "replies",
        "dateReplied",
        ("fromAddress", "toAddress", "subject", "message", "isHtml", "dateReplied", "replyType"),
        REPLIES_PAGE,
        REPLIES_PAGE,
    ),
    Feed("bookmark", "social-bookmark-views", "", ("bookmarkName", "numViews")),
)
_DEFAULTS: dict[str, Any] = {"groups": [], "isHtml": False, "numViews": 1}


def _feed_rows(
    db: Connection, call: Call, feed: Feed, page: Page, *, condition: str = "", **params: object
) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT e.*, f.email AS from_email FROM event e JOIN campaign g ON g.id = e.campaign_id "
        "JOIN from_address f ON f.id = g.from_address_id WHERE e.campaign_id = :campaign AND e.kind = :kind "
        f"AND e.at <= :now {condition} ORDER BY e.at, e.id LIMIT :select OFFSET :skip",
        {**params, "kind": feed.kind, "now": call.account.clock.text(), "select": page.select, "skip": page.skip},
    )
    return [_event_out(call, feed, row) for row in rows]


def _event_out(call: Call, feed: Feed, row: Row) -> dict[str, Any]:
    values = {**_DEFAULTS, "toAddress": row["from_email"], **json.loads(row["data"]), feed.date: row["at"]}
    out = {"contactId": row["contact_id"], "email": row["email"], **{key: values.get(key) for key in feed.keys}}
    if feed.kind == "reply" and call.account.settings.shape == "current":
        out["customReplyToAddress"] = None
    return out


def _whole(feed: Feed) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        page = call.page(feed.select, feed.most)
        with call.account.store.reading() as db:
            return json_answer(_feed_rows(db, call, feed, page, campaign=campaign_of(db, call)["id"]))

    return answer


def _since(feed: Feed) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        page, since = call.page(feed.select, feed.most), call.since()
        with call.account.store.reading() as db:
            campaign_id = campaign_of(db, call)["id"]
            rows = _feed_rows(db, call, feed, page, condition="AND e.at >= :since", campaign=campaign_id, since=since)
            return json_answer(rows)

    return answer


def _of_contact(feed: Feed) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        page = call.page(feed.select, feed.most)
        with call.account.store.reading() as db:
            campaign_id = campaign_of(db, call)["id"]
            only = {"contact": _recipient_of(db, call, campaign_id)}
            rows = _feed_rows(
                db, call, feed, page, condition="AND e.contact_id = :contact", campaign=campaign_id, **only
            )
            return json_answer(rows)

    return answer


def hard_bouncing(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/hard-bouncing-contacts."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(
            f"SELECT {COLUMNS} FROM contact c WHERE c.id IN (SELECT contact_id FROM event WHERE campaign_id = ? "
            "AND kind = 'hard_bounce' AND at <= ?) ORDER BY c.id LIMIT ? OFFSET ?",
            (campaign_of(db, call)["id"], call.account.clock.text(), *page),
        )
        return json_answer(ContactShape(db, call.account.switches, full=call.with_full_data()).many(rows))


# Which of the three views each feed has: replies and page views have no plain one, roi none either.
_WHOLE = frozenset({"clicks", "clicks-with-groups", "opens", "social-bookmark-views"})
_SINCE = frozenset({"clicks", "clicks-with-groups", "opens", "page-views", "roi-details"})
_CAMPAIGN = "/v2/campaigns/{campaign_id}"

ROUTES = [
    Route("GET", f"{_CAMPAIGN}/activities", list_activities, LOW),
    Route("GET", f"{_CAMPAIGN}/activities/since-date/{{date}}", activities_since, LOW),
    Route("GET", f"{_CAMPAIGN}/activities/{{contact_id}}", activity_of_contact, MEDIUM),
    Route("GET", f"{_CAMPAIGN}/hard-bouncing-contacts", hard_bouncing, LOW),
    *(Route("GET", f"{_CAMPAIGN}/{feed.path}", _whole(feed), LOW) for feed in FEEDS if feed.path in _WHOLE),
    *(
        Route("GET", f"{_CAMPAIGN}/{feed.path}/since-date/{{date}}", _since(feed), LOW)
        for feed in FEEDS
        if feed.path in _SINCE
    ),
    *(Route("GET", f"{_CAMPAIGN}/activities/{{contact_id}}/{feed.path}", _of_contact(feed), LOW) for feed in FEEDS),
]
