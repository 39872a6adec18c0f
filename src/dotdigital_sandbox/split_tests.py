"""Campaigns of several versions, of which the better one is to win (the vendor's e-mail campaigns 2.1).

Here everybody is sent the first version, so that it wins, with the numbers of the whole campaign.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.campaign_summary import Tally
from dotdigital_sandbox.campaigns import campaign_of, given_campaign, insert_campaign
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, Route
from dotdigital_sandbox.sends import SPLIT_METRICS

FEWEST, MOST = 2, 26
# The lists of a split test, and what their entries are in a campaign.
LISTS = {
    "subjects": "subject",
    "fromNames": "fromName",
    "fromAddresses": "fromAddress",
    "htmlContents": "htmlContent",
    "plainTextContents": "plainTextContent",
}


def create_split_test(call: Call) -> Answer:
    """POST /v2/campaigns/split-test: a part with one entry is the same in all versions."""
    body = call.json_object()
    common = {name: body.get(name) for name in ("name", "replyaction", "replytoaddress")}
    lists = {name: body.get(name.lower()) or [] for name in LISTS}
    if not all(isinstance(entries, list) for entries in lists.values()):
        raise refusal("CAMPAIGN_INVALID")
    count = max(len(entries) for entries in lists.values())
    if not FEWEST <= count <= MOST or any(len(entries) not in (0, 1, count) for entries in lists.values()):
        raise refusal("CAMPAIGN_INVALID")
    with call.account.store.writing() as db:
        given = [given_campaign(db, {**common, **version}) for version in _versions(lists, count)]
        addresses = [_address(db, given[at]["from_address_id"]) for at in range(max(len(lists["fromAddresses"]), 1))]
        kept = json.dumps({**lists, "fromAddresses": addresses})
        made = insert_campaign(db, {**given[0], "versions": kept})
    return json_answer(_shown(call, made), status=HTTPStatus.CREATED)


def _versions(lists: dict[str, list[Any]], count: int) -> Iterator[dict[str, Any]]:
    """The parts of each version under the lower-case names that they have in a campaign."""
    for at in range(count):
        yield {LISTS[name].lower(): entries[at % len(entries)] for name, entries in lists.items() if entries}


def _address(db: Connection, ident: int) -> dict[str, Any]:
    return dict(db.execute("SELECT id, email FROM from_address WHERE id = ?", (ident,)).fetchone())


def _shown(call: Call, row: Row) -> dict[str, Any]:
    out = {"id": row["id"], "name": row["name"], **json.loads(row["versions"])}
    out |= {"replyAction": row["reply_action"], "replyToAddress": row["reply_to"], "status": row["status"]}
    return out | {"customReplyToAddress": None} if call.account.settings.shape == "current" else out


def split_test_results(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/split-test: what decides, and the versions; none of a campaign that was not made so."""
    with call.account.store.reading() as db:
        campaign = campaign_of(db, call)
        tally = Tally(db, campaign["id"], call.account.clock.text())
    metric = json.loads(campaign["split_options"] or "{}").get("testMetric", SPLIT_METRICS[0])
    lists: dict[str, list[Any]] = json.loads(campaign["versions"] or "{}")
    count = max((len(entries) for entries in lists.values()), default=0)
    versions = [
        _result(version, chr(ord("A") + at), tally, metric, won=at == 0 and campaign["status"] == "Sent")
        for at, version in enumerate(_versions(lists, count))
    ]
    return json_answer({"splitTestWinnerMetric": metric, "versions": versions})


def _result(version: dict[str, Any], letter: str, tally: Tally, metric: str, *, won: bool) -> dict[str, Any]:
    reached = {"Opens": tally.contacts("open"), "Clicks": tally.contacts("click")}
    actual = (sum(reached[metric].values()) if metric in reached else round(tally.revenue, 2)) if won else 0
    return {
        "subjectLine": version["subject"],
        "fromName": version["fromname"],
        "fromAddress": version["fromaddress"]["email"],
        "htmlContent": version["htmlcontent"],
        "plainTextContent": version["plaintextcontent"],
        "version": letter,
        "winningVersion": won,
        "resultsActual": actual,
        # Of what all versions brought.
        "resultsPercentage": float(actual > 0),
    }


ROUTES = [
    Route("POST", "/v2/campaigns/split-test", create_split_test, MEDIUM),
    Route("GET", "/v2/campaigns/{campaign_id}/split-test", split_test_results, MEDIUM),
]
