"""Subscriptions to events, and their queue with its checkpoint (the vendor's events 3.1.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api
from tests.dotdigital_sandbox.event_reader import SUBSCRIPTIONS, Reader, refused, subscribe, wanted

DAY = 86_400


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


@pytest.mark.parametrize("kind", ["duplicate", "reorder"])
def test_events_come_twice_or_out_of_order_when_told_to(api: Api, kind: Any) -> None:
    reader = Reader(api, subscribe(api, "contact.created"))
    ids = [api.contact(f"p{number}@example.com") for number in range(3)]
    api.sandbox.fail_next(kind, path="/events/v3/export")
    shown = [event["data"]["contactId"] for event in reader.page()]
    assert shown == ([*ids, ids[-1]] if kind == "duplicate" else ids[::-1])
