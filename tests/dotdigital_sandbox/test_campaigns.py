"""Campaigns, their sends, what recipients did, and segments (contract §4.8-4.10)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.settings import Engagement
from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]
HTML = (
    '<a href="https://shop.example.com/a">A</a> <a href="https://shop.example.com/b">B</a> <a href="$UNSUB$">leave</a>'
)
GIVEN = {
    "Name": "Spring",
    "Subject": "Hello",
    "FromName": "Acme",
    "HtmlContent": HTML,
    "PlainTextContent": "Hi $UNSUB$",
}
KEYS = [
    "id",
    "name",
    "subject",
    "fromName",
    "fromAddress",
    "htmlContent",
    "plainTextContent",
    "replyAction",
    "replyToAddress",
    "isSplitTest",
    "status",
]
LIVELY = Engagement(
    opens=0.8, unsubscribes=0.1, complaints=0.1, hard_bounces=0.1, soft_bounces=0.1, replies=0.3, purchases=1
)
SUMMARY_KEYS = 57


def make(api: Api, **changes: Any) -> int:
    """The id of a new campaign."""
    return int(api.ask("POST", "/v2/campaigns", {**GIVEN, **changes}, status=201)["id"])


def crowd(api: Api, count: int = 200) -> int:
    """The id of a new book with so many members."""
    book = api.book("Crowd")
    rows = "".join(
        f"person{number}@example.com,{'PlainText' if number % 4 == 0 else 'Html'}\n" for number in range(count)
    )
    api.run_import("email,emailtype\n" + rows, f"/v2/address-books/{book}/contacts/import")
    return book


def send(api: Api, campaign: int, **body: Any) -> dict[str, Any]:
    """The status of a send that was carried out."""
    started = api.ask("POST", "/v2/campaigns/send", {"campaignID": campaign, **body}, status=202)
    api.sandbox.finish_chores()
    return dict(api.get(f"/v2/campaigns/send/{started['id']}"))


def test_a_send_is_answered_as_it_was_asked_for_however_fast_it_is_done(api: Api) -> None:
    for _ in range(10):
        asked = {"campaignId": make(api), "contactIds": [api.contact("ann@example.com")]}
        assert api.ask("POST", "/v2/campaigns/send", asked, status=202)["status"] == "Sending"


def everything(api: Api, path: str) -> list[dict[str, Any]]:
    """All pages of a feed."""
    rows: list[dict[str, Any]] = []
    while page := api.get(path, select=70, skip=len(rows)):
        rows += page
    return rows


def test_a_campaign_is_made_read_changed_copied_and_deleted(api: Api) -> None:
    made = api.ask("POST", "/v2/campaigns", {**GIVEN, "replyAction": "$UNSUB$", "type": "odd"}, status=201)
    assert list(made) == [*KEYS, "customReplyToAddress", "type"]
    assert (made["status"], made["replyAction"], made["fromAddress"]["id"]) == ("Unsent", "Unset", 1)
    assert api.get(f"/v2/campaigns/{made['id']}")["htmlContent"] == HTML
    listed = api.get("/v2/campaigns")[0]
    assert (listed["htmlContent"], listed["plainTextContent"], listed["name"]) == (None, None, "Spring")
    changed = {**GIVEN, "name": "Summer", "tags": [{"name": "sun"}], "fromAddress": {"email": "SHOP@example.com"}}
    assert (
        api.ask("PUT", f"/v2/campaigns/{made['id']}", changed, status=200)["fromAddress"]["email"] == "shop@example.com"
    )
    details = api.get(f"/v2/campaigns/{made['id']}/with-details")
    assert (details["type"], details["tags"], details["sentDate"]) == (
        "Standard", [{"name": "sun"}], "0001-01-01T00:00:00",
    )  # fmt: skip
    copy = api.ask("POST", f"/v2/campaigns/{made['id']}/copy", status=201)
    assert (copy["name"], copy["status"], copy["id"] != made["id"]) == ("Copy of Summer", "Unsent", True)
    api.ask("DELETE", f"/v2/campaigns/{made['id']}", status=204)
    assert api.message("GET", f"/v2/campaigns/{made['id']}") == (404, "Error: ERROR_CAMPAIGN_NOT_FOUND")


def test_the_legacy_shape_has_eleven_keys(start: START) -> None:
    api = start(shape="legacy")
    campaign = make(api)
    assert list(api.get(f"/v2/campaigns/{campaign}")) == KEYS
    assert len(api.get(f"/v2/campaigns/{campaign}/summary")) == SUMMARY_KEYS - 5


@pytest.mark.parametrize(
    "change",
    [
        {"Name": ""}, {"Name": "x" * 256}, {"Subject": None}, {"FromName": 5}, {"HtmlContent": "no token"},
        {"PlainTextContent": "no token"}, {"fromAddress": {}}, {"fromAddress": {"email": "stranger@example.com"}},
        {"fromAddress": "x"},
    ],
)  # fmt: skip
def test_bad_campaigns_are_refused(api: Api, change: dict[str, Any]) -> None:
    assert api.message("POST", "/v2/campaigns", {**GIVEN, **change}) == (400, "Error: ERROR_CAMPAIGN_INVALID")


def test_from_addresses(api: Api) -> None:
    assert api.get("/v2/custom-from-addresses")[0] == {"id": 1, "email": "news@example.com"}


def test_a_send_leaves_activities_events_and_a_summary_that_agree(start: START) -> None:
    api = start(engagement=LIVELY)
    book, campaign = crowd(api), make(api)
    before = api.get("/v2/server-time")
    done = send(api, campaign, addressBookIds=[book], contactIds=[])
    assert (done["status"], done["addressBookIds"], done["contactIds"], done["campaignId"]) == (
        "Sent",
        [book],
        None,
        campaign,
    )
    assert api.get(f"/v2/campaigns/{campaign}")["status"] == "Sent"
    base = f"/v2/campaigns/{campaign}"
    activities, summary = everything(api, f"{base}/activities"), api.get(f"{base}/summary")
    assert len(activities) == 200 == summary["numTotalSent"]
    assert summary["numTextSent"] == 50
    assert len(summary) == SUMMARY_KEYS
    for feed, key, total in (("opens", "numOpens", "numTotalOpens"), ("clicks", "numClicks", "numTotalClicks")):
        events = everything(api, f"{base}/{feed}")
        assert len(events) == summary[total] == sum(row[key] for row in activities) > 20
        assert events == everything(api, f"{base}/{feed}/since-date/{before}")
        dates = [next(value for name, value in event.items() if name.startswith("date")) for event in events]
        assert dates == sorted(dates)
        one = next(row for row in activities if row[key] > 1)
        assert len(api.get(f"{base}/activities/{one['contactId']}/{feed}")) == one[key]
        assert api.get(f"{base}/activities/{one['contactId']}") == one
    views = everything(api, f"{base}/page-views/since-date/{before}")
    assert len(views) == summary["numTotalPageViews"] == sum(row["numPageViews"] for row in activities) > 0
    assert sum(row["unsubscribed"] for row in activities) == summary["numTotalUnsubscribes"] > 0
    assert sum(row["hardBounced"] for row in activities) == summary["numTotalHardBounces"] > 0
    bounced = summary["numTotalHardBounces"] + summary["numTotalSoftBounces"] + summary["numTotalMailBlocks"]
    assert summary["numTotalDelivered"] == 200 - bounced
    assert summary["percentageDelivered"] == summary["numTotalDelivered"] / 200
    assert summary["percentageHardBounces"] == summary["numTotalHardBounces"] / 200
    assert summary["percentageOpens"] == summary["numTotalOpens"] / summary["numTotalDelivered"] > 1
    assert re.fullmatch(r"\$\d+\.\d\d", summary["revenue"])
    since = everything(api, f"{base}/activities/since-date/{before}")
    silent = [row for row in activities if row not in since]
    assert 0 < len(since) < 200
    assert all(not any(row[key] for key in ("numOpens", "unsubscribed", "hardBounced")) for row in silent)
    assert {row["dateFirstOpened"] for row in silent} == {"0001-01-01T00:00:00"}
    assert {row["firstOpenIp"] for row in silent} == {""}
    # Windows in any order, as earlier ones have left their marks.
    for path, rows in ((f"{base}/activities", activities), (f"{base}/activities/since-date/{before}", since)):
        for skip, select in ((0, 40), (30, 40), (60, 40), (45, 40), (60, 40), (190, 40), (300, 40), (0, 7)):
            assert api.get(f"{path}?select={select}&skip={skip}") == rows[skip : skip + select]


def test_what_recipients_do_changes_their_status(start: START) -> None:
    api = start(engagement=LIVELY)
    book, campaign = crowd(api), make(api)
    send(api, campaign, addressBookIds=[book])
    summary = api.get(f"/v2/campaigns/{campaign}/summary")
    reasons = [each["reason"] for each in everything(api, "/v2/contacts/suppressed-since/2000-01-01")]
    assert reasons.count("HardBounced") == summary["numTotalHardBounces"]
    assert reasons.count("Unsubscribed") == summary["numTotalUnsubscribes"]
    assert reasons.count("IspComplained") == summary["numTotalIspComplaints"]
    hard = everything(api, f"/v2/campaigns/{campaign}/hard-bouncing-contacts")
    assert [contact["status"] for contact in hard] == ["HardBounced"] * summary["numTotalHardBounces"]
    assert api.get(f"/v2/address-books/{book}")["contacts"] == 200 - len(reasons)


def test_the_same_seed_lives_the_same_life(start: START) -> None:
    lives = []
    for seed in (1, 1, 2):
        api = start(engagement=LIVELY, random_seed=seed)
        campaign = make(api)
        crowd(api, 60)
        send(api, campaign)
        lives.append([row["numOpens"] for row in api.get(f"/v2/campaigns/{campaign}/activities")])
    assert lives[0] == lives[1] != lives[2]


def test_events_come_with_the_clock(start: START) -> None:
    api = start(engagement_seconds=3600, engagement=LIVELY)
    api.sandbox.account.clock.freeze()
    crowd(api, 60)
    campaign = make(api)
    api.ask("POST", "/v2/campaigns/send", {"campaignId": campaign}, status=202)
    for _ in range(500):
        if api.get(f"/v2/campaigns/{campaign}")["status"] == "Sent":
            break
    assert api.get(f"/v2/campaigns/{campaign}/opens") == []
    api.sandbox.account.clock.advance(900)
    early = len(api.get(f"/v2/campaigns/{campaign}/opens"))
    api.sandbox.account.clock.advance(7200)
    assert 0 < early < len(api.get(f"/v2/campaigns/{campaign}/opens"))


def test_a_long_leap_of_the_clock_leaves_everything_at_its_own_time(start: START) -> None:
    begin = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    api = start(engagement=LIVELY, engagement_seconds=86_400.0, start_at=begin)
    book, campaigns = crowd(api), [make(api), make(api)]
    for campaign, days in zip(campaigns, (2, 30), strict=True):
        body = {"campaignId": campaign, "addressBookIds": [book], "sendDate": text_of(begin + timedelta(days=days))}
        assert api.ask("POST", "/v2/campaigns/send", body, status=202)["status"] == "Scheduled"
    api.sandbox.advance(90 * 86_400)
    first, second = ([row["email"] for row in _recipients(api, campaign)] for campaign in campaigns)
    left = everything(api, "/v2/contacts/suppressed-since/2026-01-01")
    gone = {row["suppressedContact"]["email"]: row["dateRemoved"] for row in left}
    left_early = {email for email, at in gone.items() if at < "2026-03-31T09"}
    assert 0 < len(left_early) < len(gone)
    assert min(gone.values()) > "2026-03-03T09"
    assert set(second) == set(first) - left_early


def _recipients(api: Api, campaign: int) -> list[dict[str, Any]]:
    return everything(api, f"/v2/campaigns/{campaign}/activities")


def test_nobody_named_means_everybody_and_unsubscribed_people_get_nothing(demo: Api) -> None:
    campaign = make(demo)
    send(demo, campaign)
    reached = {row["email"] for row in demo.get(f"/v2/campaigns/{campaign}/activities")}
    assert len(reached) == 22
    assert "left.newsletter.1@example.com" in reached
    other = make(demo)
    send(demo, other, addressBookIds=[3])
    reached = {row["email"] for row in demo.get(f"/v2/campaigns/{other}/activities")}
    assert reached == {f"subscriber.{number}@example.com" for number in range(1, 11)} - _gone(demo)
    assert [book["id"] for book in demo.get(f"/v2/campaigns/{other}/address-books")] == [3]
    assert [each["id"] for each in demo.get("/v2/address-books/3/campaigns")] == [1, other]


def _gone(api: Api) -> set[str]:
    return {each["suppressedContact"]["email"] for each in api.get("/v2/contacts/suppressed-since/2000-01-01")}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "CAMPAIGN_SEND_INVALID"),
        ({"campaignId": 777}, 404, "CAMPAIGN_NOT_FOUND"),
        ({"campaignId": 1, "addressBookIds": ["a"]}, 400, "CAMPAIGN_SEND_INVALID"),
        ({"campaignId": 1, "addressBookIds": [777]}, 404, "ADDRESSBOOK_NOT_FOUND"),
        ({"campaignId": 1, "contactIds": [777]}, 404, "CONTACT_NOT_FOUND"),
        ({"campaignId": 1, "contactIds": list(range(1, 12))}, 400, "CONTACT_TOOMANY"),
        ({"campaignId": 1, "sendDate": "soon"}, 400, "CAMPAIGN_SEND_INVALID"),
        ({"campaignId": 1, "splitTestOptions": {"testMetric": "Luck"}}, 400, "CAMPAIGN_SEND_INVALID"),
        (
            {
                "campaignId": 1,
                "splitTestOptions": {"testMetric": "Opens", "testPercentage": 50, "testPeriodHours": 2**31},
            },
            400,
            "CAMPAIGN_SEND_INVALID",
        ),
    ],
)
def test_bad_sends_are_refused(api: Api, body: dict[str, Any], status: int, code: str) -> None:
    make(api)
    assert api.message("POST", "/v2/campaigns/send", body) == (status, f"Error: ERROR_{code}")


def test_sends_may_be_forbidden_or_used_up(start: START) -> None:
    forbidden = start(sends_allowed=False)
    answer = forbidden.message("POST", "/v2/campaigns/send", {"campaignId": make(forbidden)})
    assert answer == (400, "Send not permitted at this time. ERROR_CAMPAIGN_SENDNOTPERMITTED")
    poor = start(email_credits=1, seed="demo")
    answer = poor.message("POST", "/v2/campaigns/send", {"campaignId": make(poor)})
    assert answer == (400, "Error: ERROR_SEND_LIMITEXCEEDED")


def test_a_scheduled_and_an_optimised_send_wait(api: Api) -> None:
    campaign = make(api)
    later = api.ask(
        "POST", "/v2/campaigns/send", {"campaignId": campaign, "sendDate": "2099-10-31T00:00:00"}, status=202
    )
    assert (later["status"], later["sendDate"]) == ("Scheduled", "2099-10-31T00:00:00.000Z")
    optimised = api.ask("POST", "/v2/campaigns/send-time-optimised", {"campaignId": campaign}, status=202)
    assert optimised["status"] == "NotSent"
    assert api.get("/v2/campaigns/filtered", **{"~scheduledDateFrom": "2000-01-01"})[0]["scheduledDate"] is not None


def test_a_sent_campaign_is_read_only_and_listed_by_activity(demo: Api) -> None:
    before = demo.get("/v2/server-time")
    campaign, unsent = make(demo, tags=["sun", "sea"]), make(demo, tags=["sun"])
    send(demo, campaign, addressBookIds=[3])
    assert demo.message("PUT", f"/v2/campaigns/{campaign}", GIVEN) == (400, "Error: ERROR_CAMPAIGN_READONLY")
    assert [each["id"] for each in demo.get(f"/v2/campaigns/with-activity-since/{before}")] == [campaign]
    assert demo.get("/v2/campaigns/with-activity-since/2099-01-01") == []
    assert [each["id"] for each in demo.get("/v2/campaigns/filtered?~tags=sun")] == [campaign, unsent]
    assert [each["id"] for each in demo.get("/v2/campaigns/filtered?~tags=sun&~tags=SEA")] == [campaign]
    assert demo.get("/v2/campaigns/filtered?~statuses=sent&~type=standard")[-1]["tags"] == ["sun", "sea"]
    assert demo.message("GET", "/v2/campaigns/filtered?~type=odd")[0] == 400
    metric = demo.get("/v2/campaigns/metrics", startDate=before, endDate="2099-01-01")
    assert [(each["campaignId"], each["sent"]) for each in metric] == [(campaign, 10)]
    clicked, opened, delivered = (metric[0][name] for name in ("uniqueClicks", "uniqueOpens", "delivered"))
    assert metric[0]["percentageUniqueClicks"] == pytest.approx(100 * clicked / delivered)
    assert demo.get("/v2/campaigns/metrics", startDate=before, select=1, skip=1) == []
    assert metric[0]["percentageUniqueClicksToOpens"] == pytest.approx(100 * clicked / opened)


def test_a_campaign_that_was_made_is_answered_with_its_type_but_not_to_old_clients(start: START) -> None:
    for shape, has in (("current", True), ("legacy", False)):
        made = start(shape=shape).ask("POST", "/v2/campaigns", {**GIVEN, "type": "triggered"}, status=201)
        assert made.get("type", "missing") == ("Triggered" if has else "missing")


SPLIT: dict[str, Any] = {
    "name": "Which is better?",
    "subjects": ["Hello", "Good morning", "Hi"],
    "fromNames": ["Acme"],
    "htmlContents": [HTML, HTML + "!", HTML + "?"],
    "plainTextContents": ["Hi $UNSUB$"],
}


def test_a_split_test_is_made_sent_and_decided(start: START) -> None:
    api = start(engagement=LIVELY)
    made = api.ask("POST", "/v2/campaigns/split-test", SPLIT, status=201)
    (sender, *_) = api.get("/v2/custom-from-addresses")
    assert made == {
        **SPLIT, "id": made["id"], "fromAddresses": [sender], "replyAction": "Unset", "replyToAddress": None,
        "status": "Unsent", "customReplyToAddress": None,
    }  # fmt: skip
    path = f"/v2/campaigns/{made['id']}"
    read = api.get(f"{path}/with-details")
    assert (read["isSplitTest"], read["subject"], read["htmlContent"]) == (True, "Hello", HTML)
    assert read["splitTestOptions"] == ["subjects", "htmlContents"]
    assert api.message("PUT", path, GIVEN) == (400, "Error: ERROR_CAMPAIGN_INVALID")
    versions = api.get(f"{path}/split-test")["versions"]
    assert [(each["version"], each["subjectLine"], each["winningVersion"]) for each in versions] == [
        ("A", "Hello", False), ("B", "Good morning", False), ("C", "Hi", False),
    ]  # fmt: skip
    assert (versions[1]["fromName"], versions[1]["fromAddress"]) == ("Acme", sender["email"])
    assert (versions[2]["htmlContent"], versions[2]["plainTextContent"]) == (HTML + "?", "Hi $UNSUB$")
    copy = api.ask("POST", f"{path}/copy", status=201)
    assert (copy["isSplitTest"], len(api.get(f"/v2/campaigns/{copy['id']}/split-test")["versions"])) == (True, 3)

    options = {"testMetric": "clicks", "testPercentage": 20, "testPeriodHours": 1}
    send(api, made["id"], addressBookIds=[crowd(api, 60)], splitTestOptions=options)
    decided, summary = api.get(f"{path}/split-test"), api.get(f"{path}/summary")
    assert (decided["splitTestWinnerMetric"], [each["winningVersion"] for each in decided["versions"]]) == (
        "Clicks", [True, False, False],
    )  # fmt: skip
    winner = decided["versions"][0]
    assert (winner["resultsActual"], winner["resultsPercentage"]) == (summary["numRecipientsClicked"], 1)
    assert (decided["versions"][1]["resultsActual"], decided["versions"][1]["resultsPercentage"]) == (0, 0)
    (metric,) = api.get("/v2/campaigns/metrics")
    assert metric["isSplitTest"] is True


def test_a_split_test_that_cannot_be_sent_is_refused(api: Api) -> None:
    wrong: list[dict[str, Any]] = [
        {"name": ""}, {"subjects": None}, {"subjects": "Hello"}, {"subjects": ["Hello"], "htmlContents": [HTML]},
        {"subjects": ["Hello", "Hi"]}, {"plainTextContents": ["Hi"]}, {"fromNames": ["a", None, "b"]},
        {"fromAddresses": [{"email": "nobody@example.com"}]}, {"subjects": ["Hello"] * 27},
    ]  # fmt: skip
    for change in wrong:
        answer = api.message("POST", "/v2/campaigns/split-test", {**SPLIT, **change})
        assert answer == (400, "Error: ERROR_CAMPAIGN_INVALID"), change
    assert api.get("/v2/campaigns") == []


def test_content_is_prepared_for_a_mail_of_the_clients_own(api: Api) -> None:
    api.ask("POST", "/v2/data-fields", {"name": "TOWN", "defaultValue": "your town"}, status=201)
    text = "Hi @firstname@ of @TOWN@, @GENDER@ @NONE@ a@b $UNSUB$"
    campaign = make(api, HtmlContent=f"<p>{text}</p>", PlainTextContent=text)
    api.contact("ann@example.com", FIRSTNAME="Ann", TOWN="Bath")
    path = f"/v2/campaigns/{campaign}/prepared-for-transactional-email"
    prepared = api.get(f"{path}/Ann@example.com")
    assert prepared["processedHtmlContent"] == "<p>Hi Ann of Bath,  @NONE@ a@b $UNSUB$</p>"
    assert prepared["htmlContent"] == f"<p>{text}</p>"
    assert list(prepared) == [*KEYS, "customReplyToAddress", "processedHtmlContent", "processedPlainTextContent"]
    stranger = api.get(f"{path}/stranger@example.com")["processedPlainTextContent"]
    assert stranger == "Hi  of your town,  @NONE@ a@b $UNSUB$"
    assert api.message("GET", f"{path}/nobody")[0] == 400
    missing = api.message("GET", "/v2/campaigns/777/prepared-for-transactional-email/a@example.com")
    assert missing == (404, "Error: ERROR_CAMPAIGN_NOT_FOUND")


def test_ids_may_come_in_quotes(demo: Api) -> None:
    """Some clients write every number as a text; what is no number is still refused."""
    campaign = make(demo)
    body = {"campaignId": str(campaign), "addressBookIds": ["3"], "splitTestOptions": None}
    assert demo.ask("POST", "/v2/campaigns/send", body, status=202)["addressBookIds"] == [3]
    for wrong in ("", "3.0", "-3", "three", None, True, "9" * 400):
        changed = {**body, "campaignId": make(demo), "addressBookIds": [wrong]}
        assert demo.message("POST", "/v2/campaigns/send", changed)[0] == 400, wrong


def test_unknown_campaigns_and_recipients(demo: Api) -> None:
    campaign = make(demo)
    for part in ("", "/summary", "/activities", "/opens", "/clicks/since-date/2000-01-01", "/hard-bouncing-contacts"):
        assert demo.message("GET", f"/v2/campaigns/777{part}") == (404, "Error: ERROR_CAMPAIGN_NOT_FOUND")
    for part in ("", "/clicks", "/opens", "/page-views", "/replies", "/roi-details", "/clicks-with-groups"):
        answer = demo.message("GET", f"/v2/campaigns/{campaign}/activities/1{part}")
        assert answer == (404, "Error: ERROR_CONTACT_NOT_FOUND")
    assert demo.message("GET", f"/v2/campaigns/{campaign}/page-views")[0] == 404
    assert demo.message("GET", f"/v2/campaigns/{campaign}/activities/1/replies?select=6")[0] == 400


def test_an_unsent_campaign_sums_up_to_zero_unless_switched(start: START) -> None:
    api = start()
    summary = api.get(f"/v2/campaigns/{make(api)}/summary")
    assert summary.pop("dateSent") == "0001-01-01T00:00:00"
    assert {value for name, value in summary.items() if name.startswith(("num", "percentage"))} == {0}
    switched = start(
        switches={"unsent_summary": "not-found", "never": "null"}, seed="demo", engagement=Engagement(opens=0)
    )
    assert switched.message("GET", f"/v2/campaigns/{make(switched)}/summary")[0] == 404
    campaign = make(switched)
    send(switched, campaign, addressBookIds=[3])
    first = switched.get(f"/v2/campaigns/{campaign}/activities")[0]
    assert first["dateFirstOpened"] is None is first["dateLastOpened"]


def test_a_field_shown_by_a_campaign_cannot_be_deleted(start: START) -> None:
    for status in (409, 200):
        api = start(switches={"field_in_use_status": status})
        api.ask("POST", "/v2/data-fields", {"name": "COMPANY", "type": "String"}, status=201)
        campaign = make(api, HtmlContent="@Company@ $UNSUB$")
        answer = api.ask("DELETE", "/v2/data-fields/company", status=status)
        assert answer == {"dependencies": [{"type": "Campaign", "objectId": campaign}], "result": False}


def test_segments_share_their_ids_with_books(start: START) -> None:
    api = start(seed="demo", refresh_seconds=3600)
    segment = api.sandbox.make_segment("Warm leads", field="leadscore", test="at-least", value=50)
    found = api.get("/v2/segments")
    assert [(each["id"], each["name"]) for each in found] == [(segment, "Warm leads")]
    members = api.get(f"/v2/address-books/{segment}/contacts", withFullData="true")
    assert len(members) == found[0]["contacts"] > 0
    assert segment not in [book["id"] for book in api.get("/v2/address-books")]
    assert api.message("GET", f"/v2/address-books/{segment}")[0] == 404
    assert api.message("POST", "/v2/address-books", {"name": "warm LEADS"})[0] == 400
    api.contact("brand.new@example.com", LEADSCORE=99)
    refresh = api.ask("POST", f"/v2/segments/refresh/{segment}", status=202)
    assert refresh == {"id": segment, "status": "NotStarted"}
    assert api.get(f"/v2/segments/refresh/{segment}")["status"] == "NotFinished"
    api.sandbox.finish_chores()
    assert api.get(f"/v2/segments/refresh/{segment}")["status"] == "Finished"
    assert len(api.get(f"/v2/address-books/{segment}/contacts")) == len(members) + 1
    assert api.message("POST", "/v2/segments/refresh/3") == (404, "Error: ERROR_SEGMENT_NOT_FOUND")
    campaign = make(api)
    send(api, campaign, addressBookIds=[segment])
    assert len(api.get(f"/v2/campaigns/{campaign}/activities")) == len(members) + 1
    assert [each["id"] for each in api.get(f"/v2/campaigns/{campaign}/address-books")] == [segment]
    assert [each["id"] for each in api.get(f"/v2/address-books/{segment}/campaigns")] == [campaign]


def test_the_demo_has_a_letter_that_was_read(demo: Api) -> None:
    letter, draft = demo.get("/v2/campaigns")
    assert (letter["status"], draft["status"]) == ("Sent", "Unsent")
    summary = demo.get(f"/v2/campaigns/{letter['id']}/summary")
    assert (summary["numTotalSent"], summary["numTotalUnsubscribes"], summary["numTotalHardBounces"]) == (10, 0, 0)
    clicks = demo.get(f"/v2/campaigns/{letter['id']}/clicks")
    assert len(clicks) == summary["numTotalClicks"] > 0
    assert {click["url"] for click in clicks} <= {"https://www.example.com/autumn", "https://shop.example.com/offers"}
    assert summary["dateSent"] < min(click["dateClicked"] for click in clicks) < demo.get("/v2/server-time")
