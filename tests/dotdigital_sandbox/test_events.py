"""Events of version 3: subscriptions, the queue with its checkpoint, and what becomes an event.

Whatever changes the account must be told, by whichever way it came: single calls, set-based imports, background work.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from dotdigital_sandbox.event_triggers import TYPES
from tests.dotdigital_sandbox.conftest import Api

SUBSCRIPTIONS = "/events/v3/export/subscriptions"
DAY = 86_400


def wanted(*types: str, **more: Any) -> dict[str, Any]:
    """The body of a subscription to these types, or to all."""
    return {
        "name": "Everything",
        "status": "active",
        "subscribedEventTypes": [{"eventType": each} for each in types or sorted(TYPES)],
        "alertsConfiguration": {"alertChannels": "none"},
        **more,
    }


def subscribe(api: Api, *types: str, **more: Any) -> int:
    """The id of a new subscription."""
    return int(api.ask("POST", SUBSCRIPTIONS, wanted(*types, **more), status=201)["id"])


def refused(api: Api, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    response = api.http.request(method, path, json=body, **options)
    assert set(response.json()) <= {"errorCode", "description", "details"}, response.text
    return response.status_code, response.json()["errorCode"]


class Reader:
    """Reads a subscription from its beginning, acknowledging as it goes."""

    def __init__(self, api: Api, subscription: int) -> None:
        self.api, self.path, self.checkpoint = api, f"/events/v3/export/{subscription}", ""

    def page(self, **query: Any) -> list[dict[str, Any]]:
        """The next events."""
        marked = {"checkPoint": self.checkpoint} if self.checkpoint else {}
        answer = self.api.get(self.path, **marked, **query)
        self.checkpoint = answer["checkPoint"]
        return list(answer["events"])

    def types(self) -> list[str]:
        """The types of the next events."""
        return [event["type"] for event in self.page()]


def test_a_subscription_is_made_listed_changed_and_deleted(api: Api) -> None:
    body = wanted(
        "contact.created",
        name="Campaign events",
        alertsConfiguration={"alertChannels": "emailAndInApp", "email": "alerts@example.com"},
    )
    body["subscribedEventTypes"].append(
        {"eventType": "message.status", "filters": [{"field": "$.channel", "matchPattern": "sms"}]}
    )
    made = api.ask("POST", SUBSCRIPTIONS, body, status=201)
    assert {key: made[key] for key in body} == body
    assert made["created"] == made["updated"]
    path = f"{SUBSCRIPTIONS}/{made['id']}"
    assert api.get(path) == made
    second = subscribe(api, name="Other")
    first = api.get(SUBSCRIPTIONS, limit=1)
    assert [each["id"] for each in first["_items"]] == [made["id"]]
    rest = api.get(SUBSCRIPTIONS, limit=1, marker=first["_links"]["next"]["marker"])
    assert [each["id"] for each in rest["_items"]] == [second]
    assert "next" not in rest["_links"]
    api.sandbox.advance(5)
    changed = api.ask("PUT", path, wanted("email.read", name="campaign EVENTS", status="inactive"), status=200)
    assert (changed["status"], changed["created"]) == ("inactive", made["created"])
    assert changed["updated"] > made["updated"]
    assert refused(api, "PUT", path, wanted(name="other")) == (409, "events:nameAlreadyExists")
    assert refused(api, "POST", SUBSCRIPTIONS, wanted(name="Other")) == (409, "events:nameAlreadyExists")
    api.ask("DELETE", path, status=204)
    for method, there in (("GET", path), ("DELETE", path), ("GET", f"/events/v3/export/{made['id']}")):
        assert refused(api, method, there) == (404, "events:subscriptionNotFound")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subscribedEventTypes": [{"eventType": "example.unknownType"}]}, "events:invalidEventType"),
        ({"subscribedEventTypes": []}, "events:badRequest"),
        ({"subscribedEventTypes": [{"eventType": "email.read"}] * 101}, "events:badRequest"),
        ({"subscribedEventTypes": {"eventType": "email.read"}}, "events:badRequest"),
        ({"subscribedEventTypes": ["email.read"]}, "events:badRequest"),
        ({"subscribedEventTypes": [{"eventType": ["email.read"]}]}, "events:badRequest"),
        ({"subscribedEventTypes": [{"eventType": "email.read", "filters": []}]}, "events:badRequest"),
        ({"subscribedEventTypes": [{"eventType": "email.read", "colour": 1}]}, "events:badRequest"),
        ({"name": ""}, "events:badRequest"),
        ({"name": "x" * 51}, "events:badRequest"),
        ({"name": None}, "events:badRequest"),
        ({"status": "sleeping"}, "events:badRequest"),
        ({"status": {}}, "events:badRequest"),
        ({"alertsConfiguration": {"alertChannels": "email"}}, "events:badRequest"),
        ({"alertsConfiguration": {"alertChannels": "post"}}, "events:badRequest"),
        ({"alertsConfiguration": None}, "events:badRequest"),
        ({"unknown": 1}, "events:badRequest"),
    ],
)
def test_a_subscription_that_is_none_is_refused(api: Api, change: dict[str, Any], code: str) -> None:
    made = subscribe(api, name="Mine")
    body = wanted("email.read", name="Next") | change
    assert refused(api, "POST", SUBSCRIPTIONS, body) == (400, code)
    assert refused(api, "PUT", f"{SUBSCRIPTIONS}/{made}", body) == (400, code)


@pytest.mark.parametrize(
    "given",
    [
        {"field": "channel", "matchPattern": "sms"},
        {"field": "$channel", "matchPattern": "sms"},
        {"field": "$.channel", "matchPattern": ""},
        {"field": "$.channel", "matchPattern": "[z-a]"},
        {"field": "$.channel", "matchPattern": "x" * 1025},
        {"field": 5, "matchPattern": "x"},
        {"field": "$.channel", "matchPattern": "x", "caseSensitive": "no"},
        {"field": "$.channel"},
        None,
    ],
)
def test_a_filter_that_is_none_is_refused(api: Api, given: Any) -> None:
    types = [{"eventType": "message.sent", "filters": [given]}]
    assert refused(api, "POST", SUBSCRIPTIONS, wanted(subscribedEventTypes=types)) == (400, "events:badRequest")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 5000, b"<a/>", b"nul"])
@pytest.mark.parametrize("path", [SUBSCRIPTIONS, "/events/v3/import"])
def test_what_is_no_json_is_refused(api: Api, path: str, body: bytes) -> None:
    answer = api.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "events:badJson")


def test_contacts_and_their_lists_preferences_and_consents_are_told(api: Api) -> None:
    book = api.book()
    api.contact("before@example.com")
    reader = Reader(api, subscribe(api))
    assert reader.types() == []
    ann = api.contact("ann@example.com")
    assert reader.types() == ["contact.created"]
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "ann@example.com"}, status=200)
    assert reader.types() == ["contact.membershipUpdated"]
    api.contact("ann@example.com", FIRSTNAME="Ann")
    api.contact("ann@example.com", FIRSTNAME="Ann")
    assert reader.types() == ["contact.updated"]
    boots = api.ask("POST", "/v2/preferences", {"privateName": "Boots"}, status=200)["id"]
    choice = [{"id": boots, "isOptedIn": True}]
    for _ in range(2):
        api.ask("PUT", f"/v2/contacts/{ann}/preferences", choice, status=200)
    assert reader.types() == ["contact.preferenceUpdated"]
    consent = {"contact": {"email": "ann@example.com"}, "consentFields": [{"fields": [{"key": "TEXT", "value": "Y"}]}]}
    api.ask("POST", "/v2/contacts/with-consent", consent, status=201)
    assert reader.types() == ["contact.consentAdded"]
    api.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "ann@example.com"}, status=200)
    assert Counter(reader.types()) == {"contact.membershipUpdated": 1, "interaction.unsubscribe": 1}
    api.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"}, status=200)
    assert Counter(reader.types()) == {"contact.updated": 1, "interaction.unsubscribe": 1}
    api.ask("DELETE", f"/v2/contacts/{ann}", status=204)
    gone = reader.page()
    assert Counter(event["type"] for event in gone) == {"contact.membershipUpdated": 1, "contact.removed": 1}
    assert {event["data"]["contactId"] for event in gone} == {ann}


def test_an_event_shows_what_the_documents_show_and_more_when_asked(api: Api) -> None:
    book = api.book()
    reader = Reader(api, subscribe(api, "contact.membershipUpdated"))
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "ann@example.com"}, status=200)
    path = reader.path
    (event,) = api.get(path)["events"]
    assert set(event) == {"id", "accountId", "processedDate", "type", "eventDate", "data"}
    assert event["data"] == {
        "contactId": api.get("/v2/contacts/ann@example.com")["id"],
        "eventId": event["id"],
        "userAccountId": event["accountId"],
        "timeStamp": event["eventDate"],
    }
    api.sandbox.change_switch("event_payload", "more")
    (same,) = api.get(path)["events"]
    assert same["id"] == event["id"]
    assert (same["data"]["listId"], same["data"]["listStatus"]) == (book, "subscribed")


def test_an_import_is_told_row_by_row_and_a_file_that_changes_nothing_is_not(api: Api) -> None:
    book = api.book()
    reader = Reader(api, subscribe(api))
    csv = "Email,FIRSTNAME\n" + "".join(f"p{number}@example.com,P\n" for number in range(50))
    api.run_import(csv, f"/v2/address-books/{book}/contacts/import")
    assert Counter(reader.types()) == {"contact.created": 50, "contact.membershipUpdated": 50}
    api.run_import(csv, f"/v2/address-books/{book}/contacts/import")
    assert reader.types() == []
    api.run_import(csv.replace("p7@example.com,P", "p7@example.com,Q"))
    assert reader.types() == ["contact.updated"]
    api.ask("POST", f"/v2/address-books/{book}/contacts/delete-all", status=202)
    api.sandbox.finish_chores()
    assert Counter(reader.types()) == {"contact.membershipUpdated": 50}


def test_segments_are_no_lists(api: Api) -> None:
    api.contact("ann@example.com", FIRSTNAME="Ann")
    reader = Reader(api, subscribe(api))
    segment = api.sandbox.make_segment("Anns", field="FIRSTNAME", value="Ann")
    api.ask("POST", f"/v2/segments/refresh/{segment}", status=202)
    api.sandbox.finish_chores()
    assert api.get("/v2/segments")[0]["contacts"] == 1
    assert reader.types() == []


def test_a_double_opt_in_is_told_when_it_is_confirmed(api: Api) -> None:
    reader = Reader(api, subscribe(api))
    api.ask("POST", "/v2/contacts", {"email": "ann@example.com", "optInType": "VerifiedDouble"}, status=201)
    assert reader.types() == ["contact.created"]
    api.sandbox.complete_challenge("ann@example.com")
    events = {event["type"]: event["data"] for event in reader.page()}
    assert set(events) == {"contact.updated", "email.doubleOptIn"}
    assert events["email.doubleOptIn"]["optinCode"] is True


def test_what_recipients_do_is_told_when_its_time_has_come(start: Any) -> None:
    api = start(seed="demo", engagement_seconds=3600)
    reader = Reader(api, subscribe(api))
    api.sandbox.freeze()
    draft = next(each["id"] for each in api.get("/v2/campaigns") if each["status"] == "Unsent")
    api.ask("POST", "/v2/campaigns/send", {"campaignId": draft, "addressBookIds": [3, 4, 5]}, status=202)
    api.sandbox.advance(1)
    while api.get(f"/v2/campaigns/{draft}")["status"] != "Sent":
        pass
    early = Counter(reader.types())
    assert early["message.sent"] == len(api.get(f"/v2/campaigns/{draft}/activities")) > 10
    api.sandbox.advance(3600)
    later = Counter(reader.types())
    feeds = {"email.read": "opens", "interaction.click": "clicks"}
    for kind, feed in feeds.items():
        assert early[kind] + later[kind] == len(api.get(f"/v2/campaigns/{draft}/{feed}"))
    assert later["email.read"] > 0
    assert reader.types() == []


def test_pages_continue_from_the_checkpoint_and_the_same_one_gives_the_same_page(api: Api) -> None:
    reader = Reader(api, subscribe(api, "contact.created"))
    ids = [api.contact(f"p{number}@example.com") for number in range(5)]
    first = reader.page(limit=2)
    assert api.get(reader.path, limit=2)["events"] == first
    held = reader.checkpoint
    second = reader.page(limit=2)
    again = api.get(reader.path, limit=2, checkPoint=held)
    assert (again["events"], again["checkPoint"]) == (second, reader.checkpoint)
    last = reader.page(limit=2)
    assert [event["data"]["contactId"] for event in first + second + last] == ids
    assert reader.page() == []
    assert len({event["id"] for event in first + second + last}) == 5
    # What was received is gone, whichever checkpoint is passed, or none.
    assert api.get(reader.path)["events"] == []
    assert api.get(reader.path, checkPoint=held)["events"] == []


def test_a_checkpoint_of_another_subscription_is_refused(api: Api) -> None:
    one, other = Reader(api, subscribe(api)), subscribe(api, name="Other")
    one.page()
    for text in (one.checkpoint, "XXXXYYYYY", "%%", "ü", "A" * 5000, one.checkpoint[:-1]):
        path = f"/events/v3/export/{other}"
        assert refused(api, "GET", path, params={"checkPoint": text}) == (400, "events:invalidCheckpoint"), text


@pytest.mark.parametrize("limit", ["0", "5001", "x", "-1", "²", "9" * 5000])
def test_a_limit_out_of_bounds_is_refused(api: Api, limit: str) -> None:
    ident = subscribe(api)
    for path in (f"/events/v3/export/{ident}", SUBSCRIPTIONS):
        assert refused(api, "GET", path, params={"limit": limit}) == (400, "events:badRequest")


def test_filters_of_one_type_must_all_match_and_types_given_twice_add_up(api: Api) -> None:
    api.sandbox.change_switch("event_payload", "more")
    book, other = api.book("One"), api.book("Two")
    in_book = [{"field": "$.listId", "matchPattern": str(book)}]
    left = [{"field": "$['listStatus']", "matchPattern": "SUPP*", "caseSensitive": False}]
    types = [
        {"eventType": "contact.membershipUpdated", "filters": in_book},
        {"eventType": "contact.membershipUpdated", "filters": left},
    ]
    both = [{"eventType": "contact.membershipUpdated", "filters": in_book + left}]
    either = Reader(api, subscribe(api, subscribedEventTypes=types))
    together = Reader(api, subscribe(api, name="Both", subscribedEventTypes=both))
    for each in (book, other):
        api.ask("POST", f"/v2/address-books/{each}/contacts", {"email": "ann@example.com"}, status=200)
        api.ask("POST", f"/v2/address-books/{each}/contacts/unsubscribe", {"email": "ann@example.com"}, status=200)
    shown = [(event["data"]["listId"], event["data"]["listStatus"]) for event in either.page()]
    assert shown == [(book, "subscribed"), (book, "suppressed"), (other, "suppressed")]
    assert [event["data"]["listId"] for event in together.page()] == [book]


@pytest.mark.parametrize(
    ("field", "pattern", "passes"),
    [
        ("$.channel", "e?ail", True),
        ("$.channel", "[d-f]mail", True),
        ("$.channel", "[!a-d]*", True),
        ("$.channel", "[!e]*", False),
        ("$.channel", "EMAIL", False),
        ("$.*", "email", True),
        ("$.channel.name", "*", False),
        ("$[0]", "*", False),
        ("$.missing", "*", False),
    ],
)
def test_patterns_match_as_documented(api: Api, field: str, pattern: str, passes: bool) -> None:
    api.contact("ann@example.com")
    filters = [{"field": field, "matchPattern": pattern}]
    types = [{"eventType": "interaction.unsubscribe", "filters": filters}]
    reader = Reader(api, subscribe(api, subscribedEventTypes=types))
    api.sandbox.unsubscribe("ann@example.com")
    assert (reader.types() == ["interaction.unsubscribe"]) is passes


def test_an_inactive_subscription_takes_nothing_and_cannot_be_read(api: Api) -> None:
    ident = subscribe(api, "contact.created")
    path, body = f"{SUBSCRIPTIONS}/{ident}", wanted("contact.created")
    kept = api.contact("kept@example.com")
    api.ask("PUT", path, {**body, "status": "inactive"}, status=200)
    api.contact("missed@example.com")
    assert refused(api, "GET", f"/events/v3/export/{ident}") == (409, "events:inactiveSubscription")
    api.ask("PUT", path, body, status=200)
    later = api.contact("later@example.com")
    assert [event["data"]["contactId"] for event in Reader(api, ident).page()] == [kept, later]


def test_who_does_not_read_for_thirty_days_is_switched_off(api: Api) -> None:
    api.sandbox.freeze()
    read, unread = Reader(api, subscribe(api, name="Read")), subscribe(api, name="Unread")
    api.sandbox.advance(29 * DAY)
    read.page()
    api.contact("ann@example.com")
    api.sandbox.advance(2 * DAY)
    statuses = {each["name"]: each["status"] for each in api.get(SUBSCRIPTIONS)["_items"]}
    assert statuses == {"Read": "active", "Unread": "inactive"}
    assert refused(api, "GET", f"/events/v3/export/{unread}") == (409, "events:inactiveSubscription")
    assert read.types() == ["contact.created"]
    api.contact("bob@example.com")
    api.ask("PUT", f"{SUBSCRIPTIONS}/{unread}", wanted(name="Unread"), status=200)
    # What came before it was switched off is kept for thirty days; what came after was never captured.
    assert Reader(api, unread).types() == ["contact.created"]


def test_events_older_than_thirty_days_are_dropped(api: Api) -> None:
    api.sandbox.freeze()
    reader = Reader(api, subscribe(api))
    api.contact("old@example.com")
    for _ in range(2):
        # Asked for without a checkpoint: read, but never received.
        api.sandbox.advance(16 * DAY)
        held = api.get(reader.path)["events"]
    assert held == []


def test_nobody_pays_for_events_while_nobody_listens(api: Api) -> None:
    account = api.sandbox.account

    def there() -> tuple[int, int, int]:
        with account.store.reading() as db:
            triggers = db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0]
            rows = [db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("feed", "feed_ahead")]
        return triggers, rows[0], rows[1]

    assert there() == (0, 0, 0)
    ident = subscribe(api, "contact.created")
    api.contact("ann@example.com")
    assert there() == (1, 1, 0)
    api.ask("PUT", f"{SUBSCRIPTIONS}/{ident}", wanted("contact.created", status="inactive"), status=200)
    assert there()[0] == 0
    api.ask("DELETE", f"{SUBSCRIPTIONS}/{ident}", status=204)
    api.contact("bob@example.com")
    assert there() == (0, 0, 0)


def test_events_last_and_the_queue_goes_on_after_a_restart(start: Any, tmp_path: Any) -> None:
    api = start(data_dir=tmp_path / "kept")
    reader = Reader(api, subscribe(api, "contact.created"))
    reader.page()
    api.contact("ann@example.com")
    api.sandbox.stop()
    api.sandbox.start()
    api.http.base_url = api.sandbox.url
    api.contact("bob@example.com")
    assert reader.types() == ["contact.created", "contact.created"]


def test_a_saved_account_takes_its_subscriptions_along(api: Api, tmp_path: Any) -> None:
    ident = subscribe(api, "contact.created")
    api.sandbox.dump(tmp_path / "saved")
    api.contact("ann@example.com")
    api.ask("DELETE", f"{SUBSCRIPTIONS}/{ident}", status=204)
    api.sandbox.load(tmp_path / "saved")
    api.contact("bob@example.com")
    assert len(Reader(api, ident).page()) == 1


def test_events_are_imported_and_kept_with_their_contacts(api: Api) -> None:
    ann = api.contact("ann@example.com")
    api.ask(
        "PATCH", "/contacts/v3/email/ann@example.com", {"identifiers": {"mobileNumber": "447123123123"}}, status=200
    )
    identities = [
        ("email", "ann@example.com"), ("contactId", str(ann)), ("mobileNumber", "447123123123"),
        ("email", "nobody@example.com"), ("email", None), ("loyaltyCard", "X1"), ("mobileNumber", "none"),
    ]  # fmt: skip
    events = [
        {
            "contactIdentity": {"identifier": identifier, "value": value},
            "type": "Search destination",
            "eventTimestamp": "2025-05-14T13:01:04.000Z",
            "timelineDetails": {"summary": "Bali"},
            "eventData": {"query": "Bali"},
        }
        for identifier, value in identities
    ]
    answer = api.http.post("/events/v3/import", json=[*events, {**events[0], "id": "mine"}])
    assert (answer.status_code, answer.content) == (202, b"")
    kept = api.sandbox.imported_events("ann@example.com")
    assert len(kept) == 4
    assert kept[-1] == {
        "id": "mine", "type": "Search destination", "at": "2025-05-14T13:01:04.000Z", "timeline": "Bali",
        "data": {"query": "Bali"},
    }  # fmt: skip
    over_http = api.http.get("/_sandbox/imported-events", params={"email": "ann@example.com"}).json()
    assert over_http == kept


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        [None],
        [{"type": "x"}] * 5001,
        [{"contactIdentity": {"identifier": "email"}, "type": "x"}],
        [{"contactIdentity": {"identifier": 5, "value": "a@example.com"}, "type": "x"}],
        [{"contactIdentity": {"identifier": "email", "value": "a@example.com"}, "type": ""}],
        [{"contactIdentity": {"identifier": "email", "value": "a@example.com"}, "type": "x", "id": 5}],
        [{"contactIdentity": {"identifier": "email", "value": "a@example.com"}, "type": "x", "eventTimestamp": 5}],
        [{"contactIdentity": {"identifier": "email", "value": "a@example.com"}, "type": "x", "eventData": []}],
        [{"contactIdentity": {"identifier": "email", "value": "a@example.com"}, "type": "x", "timelineDetails": {}}],
    ],
)
def test_events_that_are_none_are_refused(api: Api, body: Any) -> None:
    assert refused(api, "POST", "/events/v3/import", body) == (400, "events:badRequest")


@pytest.mark.parametrize("kind", ["duplicate", "reorder"])
def test_events_come_twice_or_out_of_order_when_told_to(api: Api, kind: Any) -> None:
    reader = Reader(api, subscribe(api, "contact.created"))
    ids = [api.contact(f"p{number}@example.com") for number in range(3)]
    api.sandbox.fail_next(kind, path="/events/v3/export")
    shown = [event["data"]["contactId"] for event in reader.page()]
    assert shown == ([*ids, ids[-1]] if kind == "duplicate" else ids[::-1])


def test_an_unknown_large_object_is_not_found(api: Api) -> None:
    assert refused(api, "GET", "/events/v3/lob/d4699dd5-c7fb-4313-a62e-a81998180da0") == (404, "events:lobNotFound")


def test_a_large_object_comes_in_its_own_media_type(api: Api) -> None:
    ident = api.sandbox.keep_large_object(b"\x00\xff" * 50_000, "image/png")
    answer = api.http.get(f"/events/v3/lob/{ident}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == b"\x00\xff" * 50_000
    said = api.ask("POST", "/_sandbox/large-objects", {"text": "{}", "mediaType": "application/json"}, status=200)
    assert api.get(f"/events/v3/lob/{said['result']}") == {}


def test_insight_data_are_told_and_large_ones_by_reference(api: Api) -> None:
    api.sandbox.change_switch("event_payload", "more")
    ann = api.contact("ann@example.com")
    reader = Reader(api, subscribe(api))
    path = "/insightData/v3/contacts/email/ann@example.com/Orders"
    api.ask("POST", "/insightData/v3/collections/Orders?collectionScope=contact&collectionType=orders", status=201)
    api.ask("PUT", f"{path}/1", {"total": 5}, status=201)
    large = {f"text{number}": "x" * 40_000 for number in range(2)}
    api.ask("PUT", f"{path}/1", large, status=204)
    created, small, big = reader.page()
    assert (created["type"], created["data"]["collectionName"]) == ("insightData.collectionCreated", "Orders")
    assert (small["type"], small["data"]["json"], small["data"]["contactId"]) == ("insightData.set", {"total": 5}, ann)
    assert "json" not in big["data"]
    assert api.get(f"/events/v3/lob/{big['data']['lobId']}") == large
    api.ask("DELETE", "/insightData/v3/collections/Orders", status=202)
    assert reader.types() == ["insightData.removed", "insightData.collectionRemoved"]
