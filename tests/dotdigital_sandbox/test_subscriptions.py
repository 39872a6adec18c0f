"""Leaving and coming back at two levels (contract §4.4, §6.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]


def test_leaving_the_account_is_not_leaving_a_book(demo: Api) -> None:
    answer = demo.ask("POST", "/v2/contacts/unsubscribe", {"Email": "SUBSCRIBER.1@example.com"}, status=200)
    assert (answer["reason"], answer["suppressedContact"]["status"]) == ("Unsubscribed", "Unsubscribed")
    assert answer["suppressedContact"]["dataFields"] is None
    left = demo.get("/v2/address-books/3/contacts/unsubscribed-since/2000-01-01")
    assert "subscriber.1@example.com" not in [each["suppressedContact"]["email"] for each in left]
    everybody = demo.get("/v2/contacts/unsubscribed-since/2000-01-01")
    assert everybody[-1] == answer


def test_leaving_a_book_is_not_leaving_the_account(demo: Api) -> None:
    body = {"email": "subscriber.2@example.com"}
    answer = demo.ask("POST", "/v2/address-books/3/contacts/unsubscribe", body, status=200)
    assert (answer["reason"], answer["suppressedContact"]["status"]) == ("Unsubscribed", "Subscribed")
    assert demo.get("/v2/address-books/3/contacts/unsubscribed-since/2000-01-01")[-1] == answer
    assert demo.get("/v2/contacts/subscriber.2@example.com")["status"] == "Subscribed"
    refused = (400, "Error: ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK")
    assert demo.message("POST", "/v2/address-books/3/contacts", body) == refused
    demo.ask("POST", "/v2/address-books/4/contacts", body, status=200)


def test_the_first_reason_and_date_stay(demo: Api) -> None:
    before = demo.get("/v2/contacts/suppressed-since/2000-01-01")
    demo.sandbox.unsubscribe("bounced.1@example.com")
    assert demo.get("/v2/contacts/suppressed-since/2000-01-01") == before


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("SoftBounced", "Unsubscribed", "Unsubscribed"),
        ("Suppressed", "Unsubscribed", "Unsubscribed"),
        ("Suppressed", "IspComplained", "IspComplained"),
        ("Unsubscribed", "IspComplained", "IspComplained"),
        ("Unsubscribed", "SoftBounced", "Unsubscribed"),
        ("Unsubscribed", "Suppressed", "Unsubscribed"),
        ("Unsubscribed", "HardBounced", "Unsubscribed"),
        ("IspComplained", "Unsubscribed", "IspComplained"),
    ],
)
def test_a_reason_gives_way_only_to_one_that_is_harder_to_come_back_from(
    api: Api, before: str, after: str, kept: str
) -> None:
    """Who left by choice must not come back unasked because their mail had bounced before."""
    api.contact("ann@example.com")
    api.sandbox.suppress("ann@example.com", before)
    (first,) = api.get("/v2/contacts/suppressed-since/2000-01-01")
    api.sandbox.advance(60)
    api.sandbox.suppress("ann@example.com", after)
    (last,) = api.get("/v2/contacts/suppressed-since/2000-01-01")
    assert (last["reason"], last["suppressedContact"]["status"]) == (kept, kept)
    assert (last == first) is (kept == before)


def test_who_is_shut_out_meanwhile_does_not_come_back_by_an_older_link(api: Api) -> None:
    for email in ("ann@example.com", "bob@example.net"):
        api.contact(email)
        api.sandbox.unsubscribe(email)
        body = {"unsubscribedContact": {"email": email}}
        assert api.ask("POST", "/v2/contacts/resubscribe", body, status=200)["status"] == "ContactChallenged"
    api.ask("POST", "/v2/contacts", {"email": "cid@example.com", "optInType": "VerifiedDouble"}, status=201)
    for shut_out in ("ann@example.com", "example.net", "cid@example.com"):
        api.sandbox.ban(shut_out)
    for email, status in (
        ("ann@example.com", "SharedSuppression"),
        ("bob@example.net", "DomainSuppression"),
        ("cid@example.com", "SharedSuppression"),
    ):
        assert api.sandbox.complete_challenge(email) == 1
        assert api.get(f"/v2/contacts/{email}")["status"] == status


def test_unknown_addresses(start: START) -> None:
    body = {"email": "nobody@example.com"}
    api = start()
    assert api.message("POST", "/v2/contacts/unsubscribe", body) == (404, "Error: ERROR_CONTACT_NOT_FOUND")
    assert api.message("POST", "/v2/contacts/unsubscribe", {})[0] == 400
    other = start(switches={"unsubscribe_unknown": "create"})
    assert (
        other.ask("POST", "/v2/contacts/unsubscribe", body, status=200)["suppressedContact"]["status"] == "Unsubscribed"
    )


@pytest.mark.parametrize(
    ("email", "challenging", "result", "status"),
    [
        ("opted.out.1", True, "ContactChallenged", "Unsubscribed"),
        ("opted.out.1", False, "ContactAdded", "Subscribed"),
        ("bounced.1", True, "ContactChallenged", "HardBounced"),
        ("bounced.1", False, "ContactAdded", "Subscribed"),
        ("complained.1", True, "ContactCannotBeUnsuppressed", "IspComplained"),
        ("complained.1", False, "ContactCannotBeUnsuppressed", "IspComplained"),
        ("subscriber.1", True, "ContactAdded", "Subscribed"),
        ("brand.new", True, "ContactAdded", "Subscribed"),
    ],
)
def test_coming_back_to_the_account(demo: Api, email: str, *, challenging: bool, result: str, status: str) -> None:
    path = "/v2/contacts/resubscribe" + ("" if challenging else "-with-no-challenge")
    body = {
        "unsubscribedContact": {
            "Email": f"{email}@example.com",
            "dataFields": [{"key": "LASTSUBSCRIBED", "value": "x"}],
        },
        "preferredLocale": "",
        "returnUrlToUseIfChallenged": "",
    }
    answer = demo.ask("POST", path, body, status=200)
    assert (answer["status"], answer["contact"]["status"]) == (result, status)
    assert list(answer["contact"]) == ["id", "email", "optInType", "emailType", "dataFields", "status"]
    assert demo.get(f"/v2/contacts/{email}@example.com")["status"] == status


def test_suppressed_by_you_comes_back_without_a_challenge(api: Api) -> None:
    api.contact("ann@example.com")
    api.ask("PUT", "/v2/contacts/suppress-contacts", [{"email": "ann@example.com"}], status=200)
    body = {"unsubscribedContact": {"email": "ann@example.com"}}
    assert api.ask("POST", "/v2/contacts/resubscribe", body, status=200)["status"] == "ContactAdded"


def test_a_challenge_that_is_met_brings_the_contact_back(demo: Api) -> None:
    body = {"unsubscribedContact": {"email": "opted.out.2@example.com"}}
    demo.ask("POST", "/v2/contacts/resubscribe", body, status=200)
    assert demo.sandbox.complete_challenge("opted.out.2@example.com") == 1
    assert demo.get("/v2/contacts/opted.out.2@example.com")["status"] == "Subscribed"
    feed = demo.get("/v2/contacts/suppressed-since/2000-01-01")
    assert "opted.out.2@example.com" not in [each["suppressedContact"]["email"] for each in feed]
    assert demo.sandbox.complete_challenge("opted.out.2@example.com") == 0


def test_coming_back_to_a_book(demo: Api) -> None:
    body = {"unsubscribedContact": {"email": "left.newsletter.1@example.com"}}
    challenged = demo.ask("POST", "/v2/address-books/3/contacts/resubscribe", body, status=200)
    assert (challenged["status"], challenged["contact"]["status"]) == ("ContactChallenged", "Subscribed")
    assert demo.get("/v2/address-books/3")["contacts"] == 10
    demo.sandbox.complete_challenge("left.newsletter.1@example.com")
    assert demo.get("/v2/address-books/3")["contacts"] == 11
    body = {"unsubscribedContact": {"email": "left.newsletter.2@example.com"}}
    path = "/v2/address-books/3/contacts/resubscribe-with-no-challenge"
    assert demo.ask("POST", path, body, status=200)["status"] == "ContactAdded"
    assert demo.get("/v2/address-books/3")["contacts"] == 12
    assert demo.get("/v2/address-books/3/contacts/unsubscribed-since/2000-01-01") == []


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("contacts", {}, (400, "Error: ERROR_CONTACT_RESUBSCRIPTION_INVALID")),
        ("contacts", {"unsubscribedContact": 5}, (400, "Error: ERROR_CONTACT_RESUBSCRIPTION_INVALID")),
        ("contacts", {"unsubscribedContact": {"email": "bad"}}, (400, "Error: ERROR_INVALID_EMAIL")),
        ("address-books/77/contacts", {"unsubscribedContact": {}}, (404, "Error: ERROR_ADDRESSBOOK_NOT_FOUND")),
    ],
)
def test_bad_resubscriptions(api: Api, path: str, body: object, expected: tuple[int, str]) -> None:
    assert api.message("POST", f"/v2/{path}/resubscribe", body) == expected
