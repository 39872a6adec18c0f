"""The operations that few clients call: they must answer in their shape all the same (contract §4.1, §4.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dotdigital_sandbox.settings import Engagement
from tests.dotdigital_sandbox.conftest import Api

BUSY = Engagement(
    opens=1, clicks=1, page_views=1, purchases=1, replies=1, bookmarks=1, forwards=1, unsubscribes=0, complaints=0,
    hard_bounces=0, soft_bounces=0, mail_blocks=0,
)  # fmt: skip
CAMPAIGN = {"name": "C", "subject": "S", "fromName": "F", "htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$"}
SINCE = "2000-01-01"


def sent(start: Callable[..., Api]) -> tuple[Api, str, int]:
    """An account with a campaign that everybody reacted to, its path, and a recipient."""
    api = start(engagement=BUSY)
    contact = api.contact("ann@example.com")
    campaign = int(api.ask("POST", "/v2/campaigns", CAMPAIGN, status=201)["id"])
    api.sandbox.send_campaign(campaign)
    return api, f"/v2/campaigns/{campaign}", contact


def keys(rows: list[dict[str, Any]]) -> list[str]:
    """The keys of the first row."""
    assert rows
    return list(rows[0])


def test_feeds_have_their_keys(start: Callable[..., Api]) -> None:
    api, path, contact = sent(start)
    clicks = ["contactId", "email", "url", "ipAddress", "userAgent", "dateClicked", "keyword", "groups"]
    assert keys(api.get(f"{path}/clicks-with-groups")) == clicks
    assert api.get(f"{path}/clicks-with-groups/since-date/{SINCE}") == api.get(f"{path}/clicks-with-groups")
    assert keys(api.get(f"{path}/activities/{contact}/clicks-with-groups")) == clicks
    roi = ["contactId", "email", "markerName", "dataType", "value", "dateEntered"]
    assert keys(api.get(f"{path}/roi-details/since-date/{SINCE}")) == roi
    assert keys(api.get(f"{path}/activities/{contact}/roi-details")) == roi
    bookmarks = ["contactId", "email", "bookmarkName", "numViews"]
    assert keys(api.get(f"{path}/social-bookmark-views")) == bookmarks
    assert keys(api.get(f"{path}/activities/{contact}/social-bookmark-views")) == bookmarks
    assert keys(api.get(f"{path}/activities/{contact}/page-views")) == ["contactId", "email", "url", "dateViewed"]
    assert keys(api.get(f"{path}/activities/{contact}/opens"))[2:4] == ["mailClient", "mailClientVersion"]
    reply = api.get(f"{path}/activities/{contact}/replies")[0]
    assert (reply["fromAddress"], reply["toAddress"]) == ("ann@example.com", "news@example.com")
    assert reply["replyType"] in ("Reply", "AutoReply")


def test_money_agrees_with_the_purchases(start: Callable[..., Api]) -> None:
    api, path, contact = sent(start)
    purchases = [row["value"] for row in api.get(f"{path}/roi-details/since-date/{SINCE}")]
    whole = api.get(f"{path}/revenue/since-date/{SINCE}")
    assert (whole["revenue"], whole["numOrders"]) == (round(sum(purchases), 2), len(purchases))
    assert api.get(f"{path}/activities/{contact}/revenue")["revenue"] == whole["revenue"]
    assert api.get(f"{path}/summary")["revenue"] == f"${whole['revenue']:.2f}"
    later = api.get(f"{path}/revenue/since-date/2099-01-01")
    assert later == {**whole, "revenue": 0, "numOrders": 0, "conversionRate": 0}
    assert api.get(f"{path}/split-test") == {"splitTestWinnerMetric": "Opens", "versions": []}
    assert api.get("/v2/campaigns/with-details")[0]["sentDate"] is not None


def test_an_answer_has_no_other_keys_than_the_service_gives_it(start: Callable[..., Api]) -> None:
    api, path, contact = sent(start)
    (metric,) = api.get("/v2/campaigns/metrics")
    assert {name.removeprefix("percentage") for name in metric if name.startswith("percentage")} == {
        "Delivered", "UniqueOpens", "HardBounces", "SoftBounces", "Replies", "Unsubscribes", "UniqueClicks",
        "UniqueClicksToOpens",
    }  # fmt: skip
    earned = {"campaignID", "dateLastSent", "currency", "revenue", "numOrders", "conversionRate"}
    for revenue in (f"{path}/revenue/since-date/{SINCE}", f"{path}/activities/{contact}/revenue"):
        assert set(api.get(revenue)) == earned
    api.ask("POST", "/v2/contacts/transactional-data/Stock", {"key": "1", "contactIdentifier": "account", "json": "{}"})
    assert api.get("/v2/contacts/transactional-data-collections") == [{"id": 1, "name": "Stock"}]


def test_the_recycle_bin_is_emptied(api: Api) -> None:
    assert api.ask("POST", "/v2/accounts/empty-recycle-bin", status=200) is None


def test_a_whole_book_is_emptied(api: Api) -> None:
    book = api.book()
    path = f"/v2/address-books/{book}/contacts"
    api.run_import("email\na@example.com\nb@example.com\n", f"{path}/import/with-merge-option/Overwrite")
    api.sandbox.unsubscribe("a@example.com", book)
    api.ask("DELETE", path, status=204)
    assert api.get(path) == []
    assert len(api.get(f"{path}/unsubscribed-since/{SINCE}")) == 1
    assert api.get("/v2/contacts/count") == 2


def test_consent_and_preferences_by_the_contacts_own_path(api: Api) -> None:
    api.run_import("email,Preference:News\nann@example.com,True\n")
    news = api.get("/v2/preferences")[0]["id"]
    tree = api.get("/v2/contacts/ann@example.com/preferences")
    assert [(each["id"], each["isOptedIn"], each["privateName"]) for each in tree] == [(news, True, "News")]
    body = {"contact": {"optInType": "Single"}, "preferences": [{"id": news, "isOptedIn": False}]}
    path = "/v2/contacts/ann@example.com/with-consent"
    assert api.ask("PUT", path, body, status=200)["contact"]["optInType"] == "Single"
    both = api.ask("PUT", f"{path}-and-preferences", body, status=200)
    assert both["preferences"][0]["isOptedIn"] is False
    body["contact"] = {"email": "ann@example.com"}
    assert api.ask("PUT", "/v2/contacts/with-consent-and-preferences", body, status=200)["consentFields"] == []


def test_transactional_data_under_a_given_key(api: Api) -> None:
    api.contact("ann@example.com")
    body = {"contactIdentifier": "ann@example.com", "json": "{}"}
    path = "/v2/contacts/transactional-data/Orders/seven"
    made = api.ask("POST", path, body, status=200)
    assert made["key"] == "seven"
    # Whose record it is need not be said again, and what it holds may come as it is.
    assert api.ask("POST", path, {"json": {"total": 5}}, status=200) == {**made, "json": '{"total":5}'}
    assert api.message("POST", f"{path}teen", {"json": "{}"})[0] == 400
    for key in ("eight", "three"):
        api.ask("POST", "/v2/contacts/transactional-data/Orders", {**body, "key": key}, status=201)
    collection = "/v2/contacts/transactional-data/orders"
    assert [each["key"] for each in api.get(collection)] == ["eight", "seven", "three"]
    assert [each["key"] for each in api.get(collection, fromId="eight", take=1)] == ["seven"]
    assert api.message("GET", f"{collection}?take=0")[0] == 400
    missing = (404, "Error: ERROR_TRANSACTIONAL_DATA_COLLECTION_DOES_NOT_EXIST")
    assert api.message("GET", "/v2/contacts/transactional-data/Nothing") == missing


def test_records_may_belong_to_the_account(start: Callable[..., Api]) -> None:
    api = start(shape="legacy")
    body = {"key": "1", "contactIdentifier": "Account", "json": "{}"}
    made = api.ask("POST", "/v2/contacts/transactional-data/Stock", body, status=201)
    # The service has no name for itself but a number that no contact has; what it says can be said to it.
    assert made["contactIdentifier"] == "-1"
    assert api.ask("POST", "/v2/contacts/transactional-data/Stock/1", made, status=200) == made
    started = api.ask("POST", "/v2/contacts/transactional-data/import/Stock", [{}, {**body, "key": "2"}], status=202)
    report = api.get(f"/v2/contacts/transactional-data/import/{started['id']}/report")
    assert report["totalImported"] == 1
    # Old clients know no detail.
    assert report["faults"] == [{"key": "", "reason": "InvalidClientKey"}]


def test_preferences_of_a_contact_answer_under_both_spellings(api: Api) -> None:
    api.contact("ann@example.com")
    news = api.ask("POST", "/v2/preferences", {"publicName": "News", "isPreference": True}, status=200)["id"]
    api.ask("PUT", "/v2/contact/ann@example.com/preferences", [{"id": str(news), "isOptedIn": True}], status=200)
    hats = api.ask("POST", "/v2/preference", {"publicName": "Hats", "isPreference": True}, status=200)["id"]
    assert api.ask("PUT", "/v2/preference", {"id": hats, "publicName": "Caps"}, status=200)["publicName"] == "Caps"
    assert api.message("PUT", "/v2/preference", {"publicName": "Caps"}) == (404, "Error: ERROR_PREFERENCE_NOT_FOUND")
    api.ask("DELETE", f"/v2/preference/{hats}", status=200)
    for noun in ("contact", "contacts"):
        assert api.get(f"/v2/{noun}/ann@example.com/preferences")[0]["isOptedIn"] is True


def test_a_survey_that_is_there_can_be_read(api: Api) -> None:
    body = {"name": "How was it?", "questions": ["And why?"], "replies": {"ann@example.com": ["Warm"]}}
    survey_id = api.ask("POST", "/_sandbox/surveys", body, status=200)["result"]
    (survey,) = api.get("/v2/surveys")
    assert api.get(f"/v2/surveys/{survey_id}") == survey
    assert (survey["name"], survey["fieldCount"], survey["totalCompleteResponses"]) == ("How was it?", 1, 1)
    assert (len(survey), survey["confirmationMode"], survey["sourceDirectTotal"]) == (38, "Text", 1)
    assert survey["totalCompleteResponsesInLastDay"] == 1
    assert api.get("/v2/surveys", assignedToAddressBookOnly="true") == []
    for date, listed in ((survey["dateSurveyCreated"], 1), ("2099-01-01", 0)):
        assert api.get(f"/v2/surveys/with-activity-since/{date}") == [survey] * listed
        assert len(api.get(f"/v2/surveys/{survey_id}/responses/with-activity-since/{date}")) == listed
    (page,) = api.get(f"/v2/surveys/{survey_id}/fields")
    assert [field["text"] for field in page["fields"]] == ["And why?"]
    (reply,) = api.get(f"/v2/surveys/{survey_id}/responses")
    assert (reply["email"], reply["givenAnswers"][0]["value"]) == ("ann@example.com", "Warm")
    assert api.get(f"/v2/surveys/{survey_id}/responses", skip=1) == []
    assert api.message("POST", "/_sandbox/surveys", {"name": "x", "questions": "y"})[0] == 400
