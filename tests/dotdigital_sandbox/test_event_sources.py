"""What becomes an event, and what clients say happened elsewhere (the vendor's events 3.1.1).

Whatever changes the account must be told, by whichever way it came: single calls, set-based imports, background work.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api
from tests.dotdigital_sandbox.event_reader import SUBSCRIPTIONS, Reader, refused, subscribe, wanted


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
    boots = api.ask("POST", "/v2/preferences", {"privateName": "Boots", "isPreference": True}, status=200)["id"]
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
