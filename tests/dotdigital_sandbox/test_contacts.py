"""Contacts, their lists and feeds (contract §4.3, §4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]
BAD_EMAIL = "Email is not a valid email address. ERROR_PARAMETER_INVALID"


def values(contact: dict[str, Any]) -> dict[str, Any]:
    """The data fields that are set."""
    return {each["key"]: each["value"] for each in contact["dataFields"] if each["value"] is not None}


def test_creating_is_an_upsert_by_address(api: Api) -> None:
    given = {"Email": "Ann@Example.com", "OptInType": "single", "DataFields": [{"Key": "firstname", "Value": "Ann"}]}
    made = api.ask("POST", "/v2/contacts", given, status=201)
    assert list(made) == ["id", "email", "optInType", "emailType", "dataFields", "status"]
    assert (made["email"], made["optInType"], made["emailType"], made["status"]) == (
        "Ann@Example.com", "Single", "Html", "Subscribed",
    )  # fmt: skip
    keys = [each["key"] for each in made["dataFields"]]
    assert keys == ["FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE", "LASTSUBSCRIBED"]
    again = {"email": "ann@example.COM", "dataFields": [{"key": "LASTNAME", "value": "Bee"}]}
    changed = api.ask("POST", "/v2/contacts", again, status=201)
    assert (changed["id"], changed["email"], changed["optInType"]) == (made["id"], "Ann@Example.com", "Single")
    assert values(changed) == {**values(made), "LASTNAME": "Bee"}
    assert api.get("/v2/contacts/ANN@example.com") == changed == api.get(f"/v2/contacts/{made['id']}")


def test_data_fields_are_null_in_lists_unless_asked_for(api: Api) -> None:
    api.contact("ann@example.com", FIRSTNAME="Ann")
    assert api.get("/v2/contacts")[0]["dataFields"] is None
    for truth in ("true", "1", "True"):
        assert values(api.get("/v2/contacts", WithFullData=truth)[0])["FIRSTNAME"] == "Ann"
    assert api.get("/v2/contacts?withFullData=")[0]["dataFields"] is None


def test_values_keep_their_types(api: Api) -> None:
    for name, kind in (("SCORE", "Numeric"), ("BIRTHDAY", "date"), ("VIP", "BOOLEAN"), ("NOTE", "String")):
        api.ask("POST", "/v2/data-fields", {"name": name, "type": kind}, status=201)
    contact = api.contact(
        "ann@example.com", SCORE="12.50", BIRTHDAY="2015-01-31T00:00:00+01:00", VIP="Yes", NOTE="ä\n🎉"
    )
    held = values(api.get(f"/v2/contacts/{contact}"))
    del held["LASTSUBSCRIBED"]
    assert held == {"SCORE": 12.5, "BIRTHDAY": "2015-01-30T23:00:00.000Z", "VIP": True, "NOTE": "ä\n🎉"}
    api.contact("ann@example.com", SCORE=None, VIP="", NOTE=7, BIRTHDAY="31/01/2015 10:30")
    held = values(api.get(f"/v2/contacts/{contact}"))
    del held["LASTSUBSCRIBED"]
    assert held == {"NOTE": "7", "BIRTHDAY": "2015-01-31T10:30:00.000Z"}


def test_values_can_all_be_strings(start: START) -> None:
    api = start(switches={"value-types": "strings"})
    api.ask("POST", "/v2/data-fields", {"name": "VIP", "type": "Boolean"}, status=201)
    contact = api.contact("ann@example.com", VIP=True)
    assert values(api.get(f"/v2/contacts/{contact}"))["VIP"] == "true"


@pytest.mark.parametrize(
    "email", ["invisible", "demo@apiconnector", "a@b@c.example", "a b@c.example", "@c.example", "", 5]
)
def test_bad_addresses_are_refused(api: Api, email: object) -> None:
    status, message = api.message("POST", "/v2/contacts", {"email": email})
    assert status == 400
    assert message in (BAD_EMAIL, "Error: ERROR_PARAMETER_INVALID")


@pytest.mark.parametrize("email", ["josé@example.com", "用户@例子.example", "o'hara+tag@sub.example.org"])
def test_unicode_addresses_are_taken(api: Api, email: str) -> None:
    contact = api.contact(email)
    assert api.get(f"/v2/contacts/{contact}")["email"] == email == api.get(f"/v2/contacts/{email}")["email"]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"key": "NONE", "value": 1}, "ERROR_DATAFIELD_NOTFOUND"),
        ({"key": "SCORE", "value": "many"}, "ERROR_DATAFIELD_INVALID"),
        ({"key": "SCORE", "value": "1" + "0" * 18}, "ERROR_DATAFIELD_VALUE_OVERFLOW"),
        ({"key": "SCORE", "value": "0.0123456789"}, "ERROR_DATAFIELD_VALUE_OVERFLOW"),
        ({"key": "FIRSTNAME", "value": "x" * 1001}, "ERROR_DATAFIELD_VALUE_OVERFLOW"),
        ({"key": "FIRSTNAME", "value": {}}, "ERROR_DATAFIELD_INVALID"),
        (7, "ERROR_CONTACT_INVALID"),
    ],
)
def test_bad_values_are_refused_and_nothing_is_kept(api: Api, field: object, code: str) -> None:
    api.ask("POST", "/v2/data-fields", {"name": "SCORE", "type": "Numeric"}, status=201)
    body = {"email": "ann@example.com", "dataFields": [field]}
    status, message = api.message("POST", "/v2/contacts", body)
    assert message == f"Error: {code}"
    assert status == (404 if code.endswith("NOTFOUND") else 400)
    assert api.get("/v2/contacts/count") == 0


def test_update_replaces_what_is_given(api: Api) -> None:
    contact = api.contact("old@example.com", FIRSTNAME="Ann")
    api.contact("taken@example.com")
    changed = api.ask("PUT", f"/v2/contacts/{contact}", {"email": "New@example.com", "status": "Deleted"}, status=200)
    assert (changed["email"], changed["status"], values(changed)["FIRSTNAME"]) == (
        "New@example.com",
        "Subscribed",
        "Ann",
    )
    assert api.message("GET", "/v2/contacts/old@example.com") == (404, "Error: ERROR_CONTACT_NOT_FOUND")
    answer = api.message("PUT", f"/v2/contacts/{contact}", {"email": "TAKEN@example.com"})
    assert answer == (400, "Error: ERROR_NON_UNIQUE_EMAIL")
    assert api.message("PUT", "/v2/contacts/99999", {}) == (404, "Error: ERROR_CONTACT_NOT_FOUND")


def test_deleting_twice_is_not_found(api: Api) -> None:
    contact = api.contact("ann@example.com")
    api.ask("DELETE", f"/v2/contacts/{contact}", status=204)
    assert api.message("DELETE", f"/v2/contacts/{contact}") == (404, "Error: ERROR_CONTACT_NOT_FOUND")
    assert api.message("DELETE", "/v2/contacts/99999999999999999999999") == (404, "Error: ERROR_CONTACT_NOT_FOUND")


def test_verified_double_waits_for_its_confirmation(api: Api) -> None:
    made = api.ask("POST", "/v2/contacts", {"email": "ann@example.com", "optInType": "VerifiedDouble"}, status=201)
    assert (made["optInType"], made["status"]) == ("Double", "PendingOptIn")
    assert api.get("/v2/contacts")[0]["status"] == "PendingOptIn"
    assert api.sandbox.complete_challenge("ann@example.com") == 1
    now = api.get(f"/v2/contacts/{made['id']}")
    assert (now["optInType"], now["status"]) == ("VerifiedDouble", "Subscribed")


def test_suppressed_contacts_cannot_be_pushed_but_can_be_read(demo: Api) -> None:
    suppressed = (400, "Contact is suppressed. ERROR_CONTACT_SUPPRESSED")
    for email, status in (
        ("opted.out.1", "Unsubscribed"),
        ("bounced.1", "HardBounced"),
        ("complained.1", "IspComplained"),
    ):
        body = {"email": f"{email}@example.com", "dataFields": [{"key": "FIRSTNAME", "value": "Changed"}]}
        assert demo.message("POST", "/v2/contacts", body) == suppressed
        assert demo.message("POST", "/v2/address-books/4/contacts", body) == suppressed
        contact = demo.get(f"/v2/contacts/{email}@example.com")
        assert (contact["status"], values(contact)["FIRSTNAME"] == "Changed") == (status, False)
        assert demo.message("PUT", f"/v2/contacts/{contact['id']}", body) == suppressed


def test_suppressed_contacts_are_left_out_of_lists_unless_switched(start: START) -> None:
    api = start(seed="demo")
    assert api.get("/v2/contacts/count") == len(api.get("/v2/contacts")) == 22
    assert api.get("/v2/contacts/get-all-contacts-count") == 22
    assert len(api.get("/v2/address-books/3/contacts")) == 10 == api.get("/v2/address-books/3")["contacts"]
    other = start(seed="demo", switches={"list_suppressed": True})
    assert other.get("/v2/contacts/count") == len(other.get("/v2/contacts")) == 30
    assert len(other.get("/v2/address-books/3/contacts")) == 20 == other.get("/v2/address-books/3")["contacts"]


def test_feeds_tell_the_levels_apart(demo: Api) -> None:
    suppressed = demo.get("/v2/contacts/suppressed-since/2000-01-01")
    assert {each["reason"] for each in suppressed} == {"Unsubscribed", "HardBounced", "IspComplained"}
    assert all(each["suppressedContact"]["dataFields"] is None for each in suppressed)
    assert [each["dateRemoved"] for each in suppressed] == sorted(each["dateRemoved"] for each in suppressed)
    assert len(demo.get("/v2/contacts/unsubscribed-since/2000-01-01")) == 5
    left = demo.get("/v2/address-books/3/contacts/unsubscribed-since/1971-01-01")
    assert [each["suppressedContact"]["email"] for each in left] == [f"left.newsletter.{n}@example.com" for n in (1, 2)]
    assert {(each["suppressedContact"]["status"], each["reason"]) for each in left} == {("Subscribed", "Unsubscribed")}


def test_the_books_modified_feed_has_changes_and_joiners(api: Api) -> None:
    book = api.book()
    old, member = api.contact("old@example.com"), api.contact("member@example.com")
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "member@example.com"}, status=200)
    api.sandbox.account.clock.advance(60)
    since = api.get("/v2/server-time")
    path = f"/v2/address-books/{book}/contacts/modified-since/{since}"
    assert api.get(path) == []
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "old@example.com"}, status=200)
    assert [each["id"] for each in api.get(path)] == [old]
    api.contact("member@example.com", FIRSTNAME="New")
    assert [each["id"] for each in api.get(path)] == [old, member]
    assert [each["id"] for each in api.get(f"/v2/contacts/modified-since/{since}")] == [member]
    assert api.get(f"/v2/contacts/created-since/{since}") == []


def test_pages_are_whole_in_any_order_of_asking(api: Api) -> None:
    rows = "".join(f"person{number}@example.com\n" for number in range(2500))
    book = api.book()
    assert api.run_import("email\n" + rows, f"/v2/address-books/{book}/contacts/import")[0] == {"newContacts": 2500}
    for path in ("/v2/contacts", f"/v2/address-books/{book}/contacts", "/v2/contacts/created-since/2000-01-01"):
        whole = [each["id"] for skip in (0, 1000, 2000) for each in api.get(path, skip=skip)]
        assert len(whole) == 2500 == len(set(whole))
        assert [each["id"] for each in api.get(path, skip=1900, select=300)] == whole[1900:2200]
        assert [each["id"] for each in api.get(path, skip=450, select=100)] == whole[450:550]
        assert api.get(path, skip=2500) == []
    removed = whole[10]
    api.ask("DELETE", f"/v2/contacts/{removed}", status=204)
    assert [each["id"] for each in api.get(path, skip=1000, select=5)] == whole[1001:1006]


def test_bulk_removal_runs_in_the_background(start: START) -> None:
    api = start(deletion_seconds=3600)
    book = api.book()
    ids = [
        api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": f"p{number}@example.com"})["id"]
        for number in range(3)
    ]
    started = api.ask("POST", f"/v2/address-books/{book}/contacts/delete", [str(ids[0]), 424242], status=202)
    assert started["status"] == "Started"
    assert api.get(f"/v2/contacts/deletion/{started['id']}") == started
    assert api.get(f"/v2/address-books/{book}")["contacts"] == 3
    api.sandbox.finish_chores()
    assert api.get(f"/v2/contacts/deletion/{started['id'].upper()}") == {**started, "status": "Completed"}
    assert [each["id"] for each in api.get(f"/v2/address-books/{book}/contacts")] == ids[1:]
    assert api.get(f"/v2/contacts/{ids[0]}")["status"] == "Subscribed"
    assert api.get(f"/v2/address-books/{book}/contacts/unsubscribed-since/2000-01-01") == []
    nothing = api.message("POST", f"/v2/address-books/{book}/contacts/delete", [])
    assert nothing == (400, "Error: ERROR_CONTACTS_ARE_NOT_SPECIFIED")
    assert api.message("POST", "/v2/address-books/777/contacts/delete", [1]) == (
        404,
        "Error: ERROR_ADDRESSBOOK_NOT_FOUND",
    )
    api.ask("POST", f"/v2/address-books/{book}/contacts/delete-all", status=202)
    api.sandbox.finish_chores()
    assert api.get(f"/v2/address-books/{book}/contacts") == []


def test_removing_one_from_a_book(api: Api) -> None:
    book = api.book()
    contact = api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "ann@example.com"}, status=200)["id"]
    api.ask("DELETE", f"/v2/address-books/{book}/contacts/{contact}", status=204)
    gone = api.message("DELETE", f"/v2/address-books/{book}/contacts/{contact}")
    assert gone == (404, "Error: ERROR_CONTACT_NOT_FOUND")


def test_a_collection_is_retrieved_by_a_get_with_a_body(api: Api) -> None:
    contact = api.contact("ann@example.com", FIRSTNAME="Ann")
    body = {"contacts": [{"id": contact}, {"email": "zz@example.com"}, {"id": 77}], "withFullData": True}
    answer = api.ask("GET", "/v2/contacts/retrieve-collection", body, status=200)
    assert [each["email"] for each in answer["contacts"]] == ["ann@example.com"]
    assert answer["contacts"][0]["created"].endswith("Z")
    assert answer["notFound"] == [{"id": 0, "email": "zz@example.com"}, {"id": 77, "email": None}]


def test_suppressing_contacts_by_id_and_address(api: Api) -> None:
    ids = [api.contact(f"{name}@example.com") for name in ("ann", "bob")]
    answer = api.ask(
        "PUT",
        "/v2/contacts/suppress-contacts",
        [{"id": ids[0]}, {"email": "bob@example.com"}, {"email": "zz@b.co"}],
        status=200,
    )
    assert answer == {
        "suppressed": [{"id": ids[0], "email": None}, {"id": 0, "email": "bob@example.com"}],
        "notFound": [{"id": 0, "email": "zz@b.co"}],
    }
    assert api.get(f"/v2/contacts/{ids[1]}")["status"] == "Suppressed"


def test_ids_may_be_written_as_texts_wherever_contacts_are_named(api: Api) -> None:
    """As by clients whose languages do not tell them apart; one that nobody can have is nobody's."""
    ann, bob = (api.contact(f"{name}@example.com") for name in ("ann", "bob"))
    named = {"contacts": [{"id": str(ann)}, {"id": 2**40}, {"id": "0", "email": "bob@example.com"}]}
    answer = api.ask("GET", "/v2/contacts/retrieve-collection", named, status=200)
    assert [each["id"] for each in answer["contacts"]] == [ann, bob]
    assert answer["notFound"] == [{"id": 2**40, "email": None}]
    answer = api.ask("PUT", "/v2/contacts/suppress-contacts", [{"id": str(ann)}], status=200)
    assert answer == {"suppressed": [{"id": ann, "email": None}], "notFound": []}
    assert api.get(f"/v2/contacts/{ann}")["status"] == "Suppressed"
    book, program = api.book(), api.sandbox.make_program("Welcome")
    given = {"programId": str(program), "contacts": [str(bob)], "addressBooks": [str(book)]}
    made = api.ask("POST", "/v2/programs/enrolments", given, status=201)
    assert (made["programId"], made["contacts"], made["addressBooks"]) == (program, [bob], [book])
