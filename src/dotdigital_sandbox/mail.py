"""Transactional mail: taken, counted, and never sent anywhere (contract §4.1, ``/v2/email``)."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.calls import INT32, Answer, Call, json_answer, lowered, one_of, whole_number
from dotdigital_sandbox.contact_writing import bad_email
from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import UNLIMITED, Route
from dotdigital_sandbox.settings import Switches
from dotdigital_sandbox.things import keep
from dotdigital_sandbox.values import is_email

ALL_TIME = "AllTime"
# Where a period begins, as SQLite's date() wants it told, and how many days are sure to lead into the next one.
PERIODS = {"Month": ("'start of month'", 31), "Week": ("'weekday 0', '-6 days'", 7), "Day": ("'+0 days'", 1)}
_COUNTERS = ("numOpens", "numClicks", "numIspComplaints", "numBounces")


def _recipients(body: dict[str, Any], switches: Switches) -> int:
    """How many people a mail goes to; refused without any, or with what is no address."""
    lists = [body.get(name) or [] for name in ("toaddresses", "ccaddresses", "bccaddresses")]
    addresses = [each for given in lists for each in (given if isinstance(given, list) else [None])]
    if not lists[0] or not all(isinstance(each, str) and is_email(each) for each in addresses):
        raise bad_email(switches)
    return len(addresses)


def _sent(call: Call, count: int) -> None:
    with call.account.store.writing() as db:
        keep(db, call.account, "mail", "", {"count": count})


def send_mail(call: Call) -> Answer:
    """POST /v2/email: one mail to few people."""
    _sent(call, _recipients(call.json_object(), call.account.switches))
    return Answer(HTTPStatus.OK, media_type=None)


def send_batch(call: Call) -> Answer:
    """POST /v2/email/batch: several mails at once; all of them, or none when one cannot be sent."""
    mails = call.json()
    if not isinstance(mails, list) or not mails:
        raise refusal("PARAMETER_INVALID")
    _sent(call, sum(_recipients(lowered(each), call.account.switches) for each in mails))
    return Answer(HTTPStatus.OK, media_type=None)


def send_triggered(call: Call) -> Answer:
    """POST /v2/email/triggered-campaign: a mail whose content is a campaign."""
    body = call.json_object()
    count, campaign_id = _recipients(body, call.account.switches), whole_number(body.get("campaignid")) or 0
    with call.account.store.reading() as db:
        found = db.execute("SELECT 1 FROM campaign WHERE id = ?", (min(campaign_id, INT32),))
        if found.fetchone() is None:
            raise refusal("CAMPAIGN_NOT_FOUND")
    _sent(call, count)
    return Answer(HTTPStatus.OK, media_type=None)


def mail_statistics(call: Call) -> Answer:
    """GET /v2/email/stats/since-date/{startDate}?endDate&aggregatedBy: a row a period in which there was any mail.

    A single row, of zeros if need be, for all time together.
    """
    since = call.since()
    until = call.instant(call.text("enddate")) if call.text("enddate") else call.account.clock.text()
    period = one_of(call.text("aggregatedby") or ALL_TIME, (ALL_TIME, *PERIODS))
    with call.account.store.reading() as db:
        if period == ALL_TIME:
            return json_answer([_row(since, until, _count(db, since, until))])
        return json_answer(_by_period(db, period, since, until))


_IN_TIME = "FROM thing WHERE kind = 'mail' AND created BETWEEN ? AND ?"


def _count(db: Connection, since: str, until: str) -> int:
    sums = db.execute(f"SELECT coalesce(sum(json_extract(body, '$.count')), 0) {_IN_TIME}", (since, until))
    return int(sums.fetchone()[0])


def _by_period(db: Connection, period: str, since: str, until: str) -> list[dict[str, Any]]:
    start, days = PERIODS[period]
    rows = db.execute(
        f"SELECT date(created, {start}) AS start, sum(json_extract(body, '$.count')) AS sent {_IN_TIME} "
        "GROUP BY 1 ORDER BY 1",
        (since, until),
    )
    return [_row(*_bounds(row["start"], period, days), row["sent"]) for row in rows]


def _bounds(day: str, period: str, days: int) -> tuple[str, str]:
    first = parse_instant(day)
    if first is None:  # pragma: no cover - the store writes only dates it can read
        raise ValueError(f"{day!r} is no date")
    following = first + timedelta(days=days)
    return text_of(first), text_of(following.replace(day=1) if period == "Month" else following)


def _row(start: str, end: str, sent: int) -> dict[str, Any]:
    return {"startDate": start, "endDate": end, "numSent": sent, "numDelivered": sent, **dict.fromkeys(_COUNTERS, 0)}


ROUTES = [
    Route("POST", "/v2/email", send_mail, UNLIMITED),
    Route("POST", "/v2/email/batch", send_batch, UNLIMITED),
    Route("POST", "/v2/email/triggered-campaign", send_triggered, UNLIMITED),
    Route("GET", "/v2/email/stats/since-date/{date}", mail_statistics, UNLIMITED),
]
