"""The numbers of a campaign, counted from its events (contract §4.9)."""

from __future__ import annotations

import json
from collections import defaultdict
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.campaigns import campaign_of, is_split_test, never
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, Route

EARLIEST, LATEST = "1971-01-01", "9999-01-01"
_COUNTS = """
SELECT a.is_text, e.kind, count(*) AS events, count(DISTINCT e.contact_id) AS contacts,
    sum(json_extract(e.data, '$.estimated')) AS estimated, sum(json_extract(e.data, '$.value')) AS value
FROM event e JOIN activity a ON a.campaign_id = e.campaign_id AND a.contact_id = e.contact_id
WHERE e.campaign_id = ? AND e.at <= ? GROUP BY a.is_text, e.kind
"""


class Tally:
    """Counts by kind: of events, of distinct contacts, of sums; each for HTML (False) and text (True) recipients."""

    def __init__(self, db: Connection, campaign_id: int, now: str) -> None:
        self.sent: dict[bool, int] = defaultdict(int)
        self._events: dict[tuple[str, bool], int] = defaultdict(int)
        self._contacts: dict[tuple[str, bool], int] = defaultdict(int)
        self._estimated: dict[bool, int] = defaultdict(int)
        self.revenue = 0.0
        for text, count in db.execute(
            "SELECT is_text, count(*) FROM activity WHERE campaign_id = ? GROUP BY is_text", (campaign_id,)
        ):
            self.sent[bool(text)] = count
        for row in db.execute(_COUNTS, (campaign_id, now)):
            key = (row["kind"], bool(row["is_text"]))
            self._events[key], self._contacts[key] = row["events"], row["contacts"]
            if row["kind"] == "forward":
                self._estimated[key[1]] = row["estimated"] or 0
            if row["kind"] == "roi":
                self.revenue += row["value"] or 0.0

    def events(self, kind: str) -> dict[bool, int]:
        """How many events of a kind there were."""
        return {text: self._events[kind, text] for text in (False, True)}

    def contacts(self, kind: str) -> dict[bool, int]:
        """How many different contacts had such an event."""
        return {text: self._contacts[kind, text] for text in (False, True)}

    def estimated(self) -> dict[bool, int]:
        """How many people the forwards are thought to have reached."""
        return {text: self._estimated[text] for text in (False, True)}

    def delivered(self) -> dict[bool, int]:
        """Sent and not bounced."""
        hard, soft, blocked = (self.contacts(kind) for kind in ("hard_bounce", "soft_bounce", "mail_block"))
        return {text: self.sent[text] - hard[text] - soft[text] - blocked[text] for text in (False, True)}

    def orders(self) -> int:
        """How many orders followed on a click."""
        return sum(self.events("roi").values())

    def conversion_rate(self) -> float:
        """Orders for each mail that was delivered."""
        return _ratio(self.orders(), sum(self.delivered().values()))


def _three(word: str, counts: dict[bool, int]) -> dict[str, int]:
    html, text = counts[False], counts[True]
    return {f"num{word}": html, f"numText{word}": text, f"numTotal{word}": html + text}


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def summary_of(db: Connection, call: Call, campaign_id: int, sent_date: str | None) -> dict[str, Any]:
    """The keys of a CampaignSummary in the service's order; percentages are fractions."""
    tally = Tally(db, campaign_id, call.account.clock.text())
    opens, unique, views = tally.events("open"), tally.contacts("open"), tally.events("page_view")
    sent = {text: tally.sent[text] for text in (False, True)}
    estimated, delivered, clicked = tally.estimated(), tally.delivered(), sum(tally.contacts("click").values())
    forwards = tally.events("forward")
    summary: dict[str, Any] = {
        "dateSent": sent_date or never(call),
        "numUniqueOpens": unique[False],
        "numUniqueTextOpens": unique[True],
        "numTotalUniqueOpens": sum(unique.values()),
        **_three("Opens", opens),
        **_three("Clicks", tally.events("click")),
        "numPageViews": views[False],
        "numTotalPageViews": sum(views.values()),
        "numTextPageViews": views[True],
        "numForwards": forwards[False],
        "numTextForwards": forwards[True],
        **_three("EstimatedForwards", estimated),
        **_three("Replies", tally.events("reply")),
        **_three("HardBounces", tally.contacts("hard_bounce")),
        **_three("SoftBounces", tally.contacts("soft_bounce")),
        **_three("Unsubscribes", tally.contacts("unsubscribe")),
        **_three("IspComplaints", tally.contacts("complaint")),
        **_three("MailBlocks", tally.contacts("mail_block")),
        **_three("Sent", sent),
        "numRecipientsClicked": clicked,
        **_three("Delivered", delivered),
    }
    summary |= _percentages(summary)
    if call.account.settings.shape == "current":
        money = {"revenue": f"${tally.revenue:.2f}", "conversionRate": tally.conversion_rate()}
        summary |= {**money, "assistedRevenue": "$0.00", "numOrders": tally.orders(), "numAssistedOrders": 0}
    return summary


def _percentages(summary: dict[str, Any]) -> dict[str, float]:
    sent, delivered = summary["numTotalSent"], summary["numTotalDelivered"]
    return {
        "percentageDelivered": _ratio(delivered, sent),
        "percentageUniqueOpens": _ratio(summary["numTotalUniqueOpens"], delivered),
        "percentageOpens": _ratio(summary["numTotalOpens"], delivered),
        "percentageUnsubscribes": _ratio(summary["numTotalUnsubscribes"], delivered),
        "percentageReplies": _ratio(summary["numTotalReplies"], delivered),
        "percentageHardBounces": _ratio(summary["numTotalHardBounces"], sent),
        "percentageSoftBounces": _ratio(summary["numTotalSoftBounces"], delivered),
        "percentageUsersClicked": _ratio(summary["numRecipientsClicked"], delivered),
        "percentageClicksToOpens": _ratio(summary["numTotalClicks"], summary["numTotalOpens"]),
    }


def campaign_summary(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/summary; zeros for a campaign never sent, unless switched."""
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        if campaign["sent_date"] is None and call.account.switches.unsent_summary == "not-found":
            raise refusal("CAMPAIGN_NOT_FOUND")
        return json_answer(summary_of(db, call, campaign["id"], campaign["sent_date"]))


def _earned(db: Connection, call: Call, campaign: Row, condition: str, value: object) -> tuple[float, int]:
    """The sum of the orders that meet a condition, and how many they are."""
    row = db.execute(
        "SELECT coalesce(sum(json_extract(data, '$.value')), 0) AS revenue, count(*) AS orders FROM event "
        f"WHERE campaign_id = ? AND kind = 'roi' AND at <= ? AND {condition}",
        (campaign["id"], call.account.clock.text(), value),
    ).fetchone()
    return round(row["revenue"], 2), row["orders"]


def _revenue(call: Call, campaign: Row, revenue: float, orders: int, rate: float) -> dict[str, Any]:
    sent = campaign["sent_date"] or never(call)
    out = {"campaignID": campaign["id"], "dateLastSent": sent, "currency": "GBP", "revenue": revenue}
    return {**out, "numOrders": orders, "conversionRate": rate}


def revenue_since(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/revenue/since-date/{date}: what was spent since then."""
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        revenue, orders = _earned(db, call, campaign, "at >= ?", call.since())
        delivered = sum(Tally(db, campaign["id"], call.account.clock.text()).delivered().values())
    return json_answer(_revenue(call, campaign, revenue, orders, _ratio(orders, delivered)))


def revenue_of_contact(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/activities/{contactId}/revenue: what one recipient spent."""
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        contact_id = call.id("contact_id", "CONTACT_NOT_FOUND")
        revenue, orders = _earned(db, call, campaign, "contact_id = ?", contact_id)
    return json_answer(_revenue(call, campaign, revenue, orders, float(orders > 0)))


def metrics(call: Call) -> Answer:
    """GET /v2/campaigns/metrics?startDate&endDate: the sent campaigns of that time.

    Percentages are 0..100 here.
    """
    start, end = (
        call.instant(call.text(name) or default) for name, default in (("startdate", EARLIEST), ("enddate", LATEST))
    )
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT g.*, f.email AS from_email FROM campaign g JOIN from_address f ON f.id = g.from_address_id "
            "WHERE sent_date BETWEEN ? AND ? ORDER BY g.id LIMIT ? OFFSET ?",
            (start, end, *page),
        ).fetchall()
        return json_answer([_metric(db, call, row) for row in rows])


# The server's own description has these of the fractions in a summary, and no others.
_METRIC_PERCENTAGES = (
    "percentageDelivered", "percentageUniqueOpens", "percentageHardBounces", "percentageSoftBounces",
    "percentageReplies", "percentageUnsubscribes",
)  # fmt: skip


def _metric(db: Connection, call: Call, row: Row) -> dict[str, Any]:
    summary = summary_of(db, call, row["id"], row["sent_date"])
    tally = Tally(db, row["id"], call.account.clock.text())
    totals = {
        "sent": "Sent",
        "delivered": "Delivered",
        "uniqueOpens": "UniqueOpens",
        "clicks": "Clicks",
        "hardBounces": "HardBounces",
        "softBounces": "SoftBounces",
        "replies": "Replies",
        "unsubscribes": "Unsubscribes",
        "forwards": "EstimatedForwards",
        "mailBlocks": "MailBlocks",
        "opens": "Opens",
        "complaints": "IspComplaints",
        "pageViews": "PageViews",
    }
    return {
        "campaignId": row["id"],
        "dateSent": row["sent_date"],
        "campaignName": row["name"],
        "campaignType": row["type"],
        **{name: summary[f"numTotal{key}"] for name, key in totals.items()},
        "uniqueClicks": summary["numRecipientsClicked"],
        "sendStatusFails": 0,
        **{name: summary[name] * 100 for name in _METRIC_PERCENTAGES},
        "percentageUniqueClicks": 100 * _ratio(summary["numRecipientsClicked"], summary["numTotalDelivered"]),
        "percentageUniqueClicksToOpens": 100 * _ratio(summary["numRecipientsClicked"], summary["numTotalUniqueOpens"]),
        "revenue": round(tally.revenue, 2),
        "conversionRate": tally.conversion_rate(),
        "assistedRevenue": 0.0,
        "orders": tally.orders(),
        "assistedOrders": 0,
        "tags": json.loads(row["tags"]),
        "subjectLine": row["subject"],
        "fromName": row["from_name"],
        "fromAddress": row["from_email"],
        "isSplitTest": is_split_test(row),
    }


ROUTES = [
    Route("GET", "/v2/campaigns/{campaign_id}/summary", campaign_summary, MEDIUM),
    Route("GET", "/v2/campaigns/{campaign_id}/revenue/since-date/{date}", revenue_since, MEDIUM),
    Route("GET", "/v2/campaigns/{campaign_id}/activities/{contact_id}/revenue", revenue_of_contact, MEDIUM),
    Route("GET", "/v2/campaigns/metrics", metrics, MEDIUM),
]
