"""Transactional mail: taken, counted, and never sent anywhere (contract §4.1, ``/v2/email``)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.calls import (
    INT32,
    Answer,
    Call,
    encoded,
    json_answer,
    list_or_empty,
    lowered,
    one_of,
    text_or_none,
    whole_number,
)
from dotdigital_sandbox.contact_writing import bad_email
from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.errors import ApiError, refusal
from dotdigital_sandbox.routing import UNLIMITED, Route
from dotdigital_sandbox.settings import Switches
from dotdigital_sandbox.things import keep
from dotdigital_sandbox.values import is_email

ALL_TIME = "AllTime"
# Where a period begins, as SQLite's date() wants it told, and how many days are sure to lead into the next one.
PERIODS = {"Month": ("'start of month'", 31), "Week": ("'weekday 0', '-6 days'", 7), "Day": ("'+0 days'", 1)}
_DAY = re.compile(r"\d{4}-\d\d?-\d\d?")
_COUNTERS = ("numOpens", "numClicks", "numIspComplaints", "numBounces")


MOST_RECIPIENTS = 100
METADATA_LIMIT = 1500
ATTACHMENT_LIMIT = 15 * 1024 * 1024


def _recipients(mail: dict[str, Any], switches: Switches) -> int:
    """How many people a mail goes to; refused without any, with what is no address, or with too many of a kind.

    Several may stand in one text, separated by commas.
    """
    given = [mail.get(name) or [] for name in ("toaddresses", "ccaddresses", "bccaddresses")]
    if not all(isinstance(each, list) for each in given):
        raise refusal("PARAMETER_INVALID", about="toaddresses")
    lists = [[part.strip() for text in texts for part in str(text).split(",")] for texts in given]
    if not lists[0] or not all(len(each) <= MOST_RECIPIENTS for each in lists):
        raise refusal("PARAMETER_INVALID", about="toaddresses")
    addresses = [each for addresses in lists for each in addresses]
    if not all(is_email(each) for each in addresses):
        raise bad_email(switches)
    return len(addresses)


def _check_content(mail: dict[str, Any]) -> None:
    """Refuse a mail for what goes with it: metadata that are too long, a file that is none."""
    metadata = mail.get("metadata")
    text = metadata if isinstance(metadata, str) else encoded(metadata).decode()
    if not isinstance(metadata, (str, dict, type(None))) or len(text) > METADATA_LIMIT:
        raise refusal("PARAMETER_INVALID")
    for each in list_or_empty(mail.get("attachments")):
        file = lowered(each)
        named = all(isinstance(file.get(name), str) and file[name].strip() for name in ("filename", "mimetype"))
        if not named or not _is_file(file.get("content")):
            raise refusal("PARAMETER_INVALID")


def _is_file(content: object) -> bool:
    try:
        return isinstance(content, str) and len(base64.b64decode(content, validate=True)) <= ATTACHMENT_LIMIT
    except ValueError:
        return False


def _of_its_own(call: Call, mail: dict[str, Any]) -> int:
    """How many people a mail goes to that brings its own content; refused without a subject."""
    count = _recipients(mail, call.account.switches)
    if not (text_or_none(mail.get("subject")) or "").strip():
        raise refusal("PARAMETER_INVALID")
    _check_content(mail)
    return count


def _of_campaign(call: Call, mail: dict[str, Any]) -> int:
    """How many people a mail goes to whose content is a campaign; refused where there is none."""
    count, campaign_id = _recipients(mail, call.account.switches), whole_number(mail.get("campaignid")) or 0
    _check_content(mail)
    with call.account.store.reading() as db:
        found = db.execute("SELECT 1 FROM campaign WHERE id = ?", (min(campaign_id, INT32),))
        if found.fetchone() is None:
            raise refusal("CAMPAIGN_NOT_FOUND")
    return count


Counting = Callable[[Call, dict[str, Any]], int]


def _send(call: Call, count: Counting) -> Answer:
    _keep(call, count(call, call.json_object()))
    return Answer(HTTPStatus.OK, media_type=None)


def _send_several(call: Call, count: Counting) -> Answer:
    """Each by itself: what becomes of the others is nothing to it."""
    mails = call.json()
    if not isinstance(mails, list) or not mails:
        raise refusal("PARAMETER_INVALID")
    outcomes: list[dict[str, Any]] = []
    for index, mail in enumerate(mails):
        try:
            _keep(call, count(call, lowered(mail)))
            outcomes.append({"index": index})
        except ApiError as refused:
            code = refused.message.split()[-1]
            outcomes.append({"index": index, "failureCode": code, "failureReason": refused.message})
    return json_answer(outcomes)


def _keep(call: Call, count: int) -> None:
    with call.account.store.writing() as db:
        keep(db, call.account, "mail", "", {"count": count})


def send_mail(call: Call) -> Answer:
    """POST /v2/email: one mail to few people."""
    return _send(call, _of_its_own)


def send_batch(call: Call) -> Answer:
    """POST /v2/email/batch: several mails at once; says of each whether it was taken."""
    return _send_several(call, _of_its_own)


def send_triggered(call: Call) -> Answer:
    """POST /v2/email/triggered-campaign: a mail whose content is a campaign."""
    return _send(call, _of_campaign)


def send_triggered_batch(call: Call) -> Answer:
    """POST /v2/email/triggered-campaign/batch: several mails whose contents are campaigns; as ``send_batch``."""
    return _send_several(call, _of_campaign)


def mail_statistics(call: Call) -> Answer:
    """GET /v2/email/stats/since-date/{startDate}?endDate&aggregatedBy: a row a period in which there was any mail.

    A single row, of zeros if need be, for all time together. An end that is a day counts to its last moment.
    """
    since = call.since()
    end = call.text("enddate").strip()
    until = call.instant(f"{end}T23:59:59.999Z" if _DAY.fullmatch(end) else end) if end else call.account.clock.text()
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
    Route("POST", "/v2/email/triggered-campaign/batch", send_triggered_batch, UNLIMITED),
    Route("GET", "/v2/email/stats/since-date/{date}", mail_statistics, UNLIMITED),
]
