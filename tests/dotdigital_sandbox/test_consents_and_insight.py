"""Consent, preferences, JSON collections and transactional data (contract §4.3, §4.6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

CONSENT = {"fields": [{"key": "TEXT", "value": "I agree"}, {"key": "URL", "value": "https://example.com/f"}]}


def test_a_contact_with_its_consent(api: Api) -> None:
    body = {"contact": {"email": "ann@example.com"}, "consentFields": [CONSENT]}
    made = api.ask("POST", "/v2/contacts/with-consent", body, status=201)
    assert made["contact"]["email"] == "ann@example.com"
    record = {each["key"]: each["value"] for each in made["consentFields"][0]["fields"]}
    assert record.pop("DATETIMECREATED").endswith("Z")
    assert record == {"TEXT": "I agree", "URL": "https://example.com/f"}
    body["contact"] = {"id": made["contact"]["id"], "dataFields": [{"key": "FIRSTNAME", "value": "Ann"}]}
    again = api.ask("PUT", "/v2/contacts/with-consent", body, status=200)
    assert len(again["consentFields"]) == 2
    assert api.get(f"/v2/contacts/{made['contact']['id']}/with-consent") == again
    missing = {"contact": {"email": "nobody@example.com"}}
    assert api.message("PUT", "/v2/contacts/with-consent", missing) == (404, "Error: ERROR_CONTACT_NOT_FOUND")


def test_import_columns_for_consent_and_preferences(api: Api) -> None:
    rows = "a@example.com,I agree,True,False\nb@example.com,,,\nbad,x,True,True\n"
    report, _ = api.run_import("Email,ConsentText,Preference:News,Preference:Offers>Shoes\n" + rows)
    assert report == {"newContacts": 2, "invalidEntries": 1}
    held = api.get("/v2/contacts/a@example.com/with-consent-and-preferences")
    assert held["consentFields"][0]["fields"][0] == {"key": "TEXT", "value": "I agree"}
    news, offers = held["preferences"]
    assert (news["isPreference"], news["isOptedIn"], news["preferences"]) == (True, True, None)
    assert (offers["isPreference"], offers["preferences"][0]["isOptedIn"]) == (False, False)
    assert api.get("/v2/contacts/b@example.com/with-consent")["consentFields"] == []
    tree = api.get("/v2/preferences")
    assert [each["publicName"] for each in tree] == ["News", "Offers"]
    assert [each["publicName"] for each in tree[1]["preferences"]] == ["Shoes"]
    assert (tree[0]["order"], tree[1]["order"], tree[1]["preferenceCount"], tree[0]["isOptedIn"]) == ("0", "1", 1, None)
    assert api.get(f"/v2/preferences/{news['id']}")["privateName"] == "News"
    chosen = {"contact": {"email": "b@example.com"}, "preferences": [{"id": news["id"], "isOptedIn": True}]}
    saved = api.ask("POST", "/v2/contacts/with-consent-and-preferences", chosen, status=201)
    assert saved["preferences"][0]["isOptedIn"] is True
    chosen["preferences"] = [{"id": 77}]
    answer = api.message("POST", "/v2/contacts/with-consent-and-preferences", chosen)
    assert answer == (404, "Error: ERROR_PREFERENCE_NOT_FOUND") == api.message("GET", "/v2/preferences/77")


def test_who_is_opted_in_to_a_preference(api: Api) -> None:
    shoes = api.ask("POST", "/v2/preferences", {"privateName": "Shoes", "isPreference": True}, status=200)["id"]
    people = [api.contact(f"{name}@example.com") for name in ("ann", "bob", "cem", "dee")]
    for person, wish in zip(people, (True, False, True, True), strict=True):
        api.ask("PUT", f"/v2/contacts/{person}/preferences", [{"id": shoes, "isOptedIn": wish}], status=200)
    api.ask("POST", "/v2/contacts/unsubscribe", {"email": "dee@example.com"}, status=200)
    path = f"/v2/contacts/with-preference/{shoes}"
    ann, cem = ({"id": people[at], "email": f"{name}@example.com"} for at, name in ((0, "ann"), (2, "cem")))
    assert api.get(path) == [ann, cem]
    assert api.get(path, minContactId=people[0] + 1) == [cem]
    assert api.message("GET", f"{path}?minContactId=-1") == (400, "Error: ERROR_PARAMETER_INVALID")
    book = api.ask("POST", "/v2/address-books", {"name": "Fans"}, status=201)["id"]
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "cem@example.com"}, status=200)
    assert api.get(f"/v2/address-books/{book}/contacts/with-preference/{shoes}") == [cem]
    missing = (404, "Error: ERROR_PREFERENCE_NOT_FOUND")
    assert api.message("GET", "/v2/contacts/with-preference/77") == missing
    assert api.message("GET", f"/v2/address-books/{book}/contacts/with-preference/77") == missing


def test_preferences_are_written(api: Api) -> None:
    api.contact("ann@example.com")
    shelf = api.ask("POST", "/v2/preferences", {"privateName": "Shelf", "isPreference": False}, status=200)["id"]
    boots = api.ask("POST", "/v2/preferences", {"PublicName": "Boots", "CategoryId": shelf}, status=200)
    assert (boots["privateName"], boots["categoryId"], boots["isPublic"]) == ("Boots", shelf, True)
    invalid = (400, "Error: ERROR_PREFERENCE_INVALID")
    for body in (
        {},
        {"privateName": " "},
        {"privateName": "boots", "categoryId": shelf},
        {"privateName": "New", "categoryId": boots["id"]},
        {"privateName": "New", "categoryId": shelf, "isPreference": False},
    ):
        assert api.message("POST", "/v2/preferences", body) == invalid
    for order in ("first", -1, 1.5, [0]):
        assert api.message("POST", "/v2/preferences", {"privateName": "New", "order": order}) == invalid
    missing = (404, "Error: ERROR_PREFERENCE_NOT_FOUND")
    assert api.message("POST", "/v2/preferences", {"privateName": "New", "categoryId": 77}) == missing
    path = f"/v2/preferences/{boots['id']}"
    changed = api.ask("PUT", path, {"privateName": "Shoes", "isPublic": False}, status=200)
    assert (changed["privateName"], changed["publicName"], changed["isPublic"]) == ("Shoes", "Shoes", False)
    api.ask("POST", "/v2/preferences", {"privateName": "Hats", "categoryId": shelf}, status=200)
    assert api.message("PUT", path, {"privateName": "Hats"}) == invalid
    mine = "/v2/contacts/ann@example.com/preferences"
    choice = [{"id": shelf, "isOptedIn": True, "preferences": [{"id": boots["id"], "isOptedIn": True}]}]
    assert api.ask("PUT", mine, choice, status=200) is None
    (category,) = api.get(mine)
    assert (category["isOptedIn"], [each["isOptedIn"] for each in category["preferences"]]) == (None, [True, False])
    assert api.message("PUT", mine, {"id": 1}) == invalid
    for unknown in ({}, "7", 2**40, True):
        assert api.message("PUT", mine, [{"id": unknown}]) == missing
    assert api.ask("DELETE", f"/v2/preferences/{shelf}", status=200) is None
    assert api.get(mine) == [] == api.get("/v2/preferences")
    assert api.message("DELETE", path) == missing == api.message("PUT", path, {"privateName": "New"})


def test_preferences_stand_in_the_order_asked_for(api: Api) -> None:
    """Whatever says not that it is a preference is a category, as the vendor's document has it."""

    def order(body: dict[str, Any], method: str = "POST", path: str = "/v2/preferences") -> tuple[int, str]:
        answer = api.ask(method, path, body, status=200)
        return answer["id"], answer["order"]

    shelf = api.ask("POST", "/v2/preferences", {"privateName": "Shelf"}, status=200)
    assert (shelf["isPreference"], shelf["order"]) == (False, "0")
    ids = {"shelf": shelf["id"]}
    for name, wanted, got in (("end", None, "1"), ("first", "top", "0"), ("second", 1, "1"), ("last", "9", "4")):
        body = {"privateName": name, "isPreference": True, "order": wanted}
        ids[name], place = order(body)
        assert place == got, name

    def names(below: str | None = None) -> list[str]:
        tree = api.get("/v2/preferences")
        found = next(each for each in tree if each["privateName"] == below)["preferences"] if below else tree
        assert [each["order"] for each in found] == [str(place) for place in range(len(found))]
        return [each["privateName"] for each in found]

    assert names() == ["first", "second", "Shelf", "end", "last"]
    assert order({"privateName": "end", "order": "TOP"}, "PUT", f"/v2/preferences/{ids['end']}")[1] == "0"
    for name in ("first", "last"):
        moved = {"privateName": name, "categoryId": ids["shelf"], "order": 0}
        order(moved, "PUT", f"/v2/preferences/{ids[name]}")
    assert (names(), names("Shelf")) == (["end", "second", "Shelf"], ["last", "first"])
    order({"privateName": "last", "categoryId": 0}, "PUT", f"/v2/preferences/{ids['last']}")
    assert (names(), names("Shelf")) == (["end", "second", "Shelf", "last"], ["first"])
    api.ask("DELETE", f"/v2/preferences/{ids['second']}", status=200)
    assert names() == ["end", "Shelf", "last"]
    nested = {"privateName": "Shelf", "categoryId": ids["end"]}
    assert api.message("PUT", f"/v2/preferences/{ids['shelf']}", nested) == (400, "Error: ERROR_PREFERENCE_INVALID")


def test_preferences_and_choices_since_a_date(api: Api) -> None:
    api.sandbox.freeze(datetime(2026, 3, 1, tzinfo=UTC))
    shelf = api.ask("POST", "/v2/preferences", {"privateName": "Shelf"}, status=200)["id"]
    boots = api.ask("POST", "/v2/preferences", {"privateName": "Boots", "categoryId": shelf}, status=200)["id"]
    ann, bob, cem = (api.contact(f"{name}@example.com") for name in ("ann", "bob", "cem"))
    for who in (ann, bob):
        api.ask("PUT", f"/v2/contacts/{who}/preferences", [{"id": boots, "isOptedIn": True}], status=200)
    api.sandbox.freeze(datetime(2026, 3, 2, tzinfo=UTC))
    changes = [(ann, True), (bob, False), (cem, True)]
    for who, wish in changes:
        api.ask("PUT", f"/v2/contacts/{who}/preferences", [{"id": boots, "isOptedIn": wish}], status=200)
    api.ask("PUT", f"/v2/preferences/{boots}", {"privateName": "Shoes"}, status=200)

    (modified,) = api.get("/v2/preferences/modified-since/2026-03-01T12:00:00Z")
    assert (modified["id"], modified["privateName"], modified["lastModified"][:10]) == (boots, "Shoes", "2026-03-02")
    both = api.get("/v2/preferences/modified-since/2026-03-01")
    assert [(each["id"], each["preferenceCount"]) for each in both] == [(shelf, 1), (boots, 0)]
    assert api.message("GET", "/v2/preferences/modified-since/soon") == (400, "Error: ERROR_PARAMETER_INVALID")

    path = f"/v2/contacts/with-preference/{boots}/opt-ins-since"
    of_bob = {"marketingPreferenceId": boots, "addressBookId": 0, "isOptedIn": False}
    first, second = api.get(f"{path}/2026-03-01T12:00:00Z")
    assert first["marketingPreferenceOptIns"] == [{**of_bob, "dateModifed": "2026-03-02T00:00:00.000Z"}]
    assert first["contact"] == {**api.get(f"/v2/contacts/{bob}"), "dataFields": None}
    assert (second["contact"]["id"], second["marketingPreferenceOptIns"][0]["isOptedIn"]) == (cem, True)
    assert [each["contact"]["id"] for each in api.get(f"{path}/2026-03-01")] == [ann, bob, cem]
    assert [each["contact"]["id"] for each in api.get(f"{path}/2026-03-01", minContactId=cem)] == [cem]
    book = api.book("Fans")
    api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "cem@example.com"}, status=200)
    of_book = api.get(f"/v2/address-books/{book}/contacts/with-preference/{boots}/opt-ins-since/2026-03-01")
    assert of_book == [second]

    for who in (bob, "bob@example.com"):
        assert api.get(f"/v2/contacts/{who}/subscriptions") == first
    dee = api.contact("dee@example.com")
    assert api.get(f"/v2/contacts/{dee}/subscriptions")["marketingPreferenceOptIns"] == []
    missing = (404, "Error: ERROR_CONTACT_NOT_FOUND")
    assert api.message("GET", "/v2/contacts/nobody@example.com/subscriptions") == missing


def test_a_json_collection_is_imported(api: Api) -> None:
    books = [api.book("One"), api.book("Two")]
    api.contact("old@example.com", FIRSTNAME="Old", LASTNAME="Name")
    contacts: list[dict[str, Any]] = [
        {
            "email": "new@example.com",
            "optInType": "double",
            "dataFields": [
                {"key": "firstname", "value": "Zoë\n🎉"},
                {"key": "Preference:News", "value": "True"},
                {"key": "UNHEARD", "value": "x"},
            ],
            "consentFields": [{"key": "consenttext", "value": "Yes"}],
        },
        {"Email": "old@example.com", "dataFields": [{"key": "FIRSTNAME", "value": None}]},
        {"email": "OLD@example.com"},
        {"email": "bad"},
        {"email": "odd@example.com", "optInType": "odd"},
    ]
    body = {"addressBookIds": books, "mergeOption": "overwrite", "contacts": contacts}
    guid = api.ask("POST", "/v2/contacts/import-collection", body, status=202)["id"]
    api.sandbox.finish_imports()
    report = {name: count for name, count in api.get(f"/v2/contacts/import/{guid}/report").items() if count}
    assert report == {"newContacts": 1, "updatedContacts": 1, "duplicateEmails": 1, "invalidEntries": 1, "failures": 1}
    faults = api.http.get(f"/v2/contacts/import/{guid}/report-faults").content.decode("utf-8-sig").splitlines()
    assert faults == ["Reason,email", "Duplicate,OLD@example.com", "Invalid Email,bad", "Failures,odd@example.com"]
    values = {each["key"]: each["value"] for each in api.get("/v2/contacts/old@example.com")["dataFields"]}
    assert (values["FIRSTNAME"], values["LASTNAME"]) == (None, "Name")
    new = api.get("/v2/contacts/new@example.com/with-consent-and-preferences")
    assert new["contact"]["dataFields"][0]["value"] == "Zoë\n🎉"
    assert (len(new["consentFields"]), new["preferences"][0]["isOptedIn"]) == (1, True)
    assert [api.get(f"/v2/address-books/{book}")["contacts"] for book in books] == [2, 2]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "CONTACTS_ARE_NOT_SPECIFIED"),
        ({"contacts": [5]}, 400, "CONTACT_INVALID"),
        ({"contacts": [{}], "mergeOption": 3}, 400, "PARAMETER_INVALID"),
        ({"contacts": [{}], "addressBookIds": [777]}, 404, "ADDRESSBOOK_NOT_FOUND"),
        ({"contacts": [{}], "addressBookIds": ["a"]}, 404, "ADDRESSBOOK_NOT_FOUND"),
        ({"contacts": [{}], "addressBookIds": 5}, 400, "PARAMETER_INVALID"),
    ],
)
def test_bad_collections_are_refused(api: Api, body: dict[str, Any], status: int, code: str) -> None:
    assert api.message("POST", "/v2/contacts/import-collection", body) == (status, f"Error: ERROR_{code}")
    assert list(api.sandbox.account.uploads.iterdir()) == []


def test_transactional_data_is_kept_by_key(api: Api) -> None:
    contact = api.contact("ann@example.com")
    body = {"key": "1", "contactIdentifier": "ann@example.com", "json": '{"total": 5}'}
    assert api.ask("POST", "/v2/contacts/transactional-data/Orders", body, status=201)["key"] == "1"
    assert api.get("/v2/contacts/transactional-data/orders/1")["json"] == '{"total": 5}'
    items = [
        {"key": "2", "contactIdentifier": contact, "json": "{}"},
        {"key": "2", "contactIdentifier": contact, "json": "{}"},
        {"key": "3", "contactIdentifier": "no@example.com", "json": "{}"},
        {"key": "4", "contactIdentifier": "777", "json": "{}"},
        {"key": "5", "contactIdentifier": contact, "json": "{"},
        {"contactIdentifier": contact, "json": "{}"},
        {"key": "6", "contactIdentifier": "odd", "json": "{}"},
        7,
    ]
    started = api.ask("POST", "/v2/contacts/transactional-data/import/Orders", items, status=202)
    assert api.get(f"/v2/contacts/transactional-data/import/{started['id']}")["status"] == "Finished"
    report = api.get(f"/v2/contacts/transactional-data/import/{started['id']}/report")
    assert (report["totalItems"], report["totalImported"], report["totalRejected"]) == (8, 1, 7)
    assert [fault["reason"] for fault in report["faults"]] == [
        "DuplicateKey",
        "ContactEmailDoesNotExist",
        "ContactIdDoesNotExist",
        "InvalidJson",
        "InvalidClientKey",
        "InvalidContactIdentifier",
        "InvalidJson",
    ]
    # A text in each, also where none was given.
    assert [fault["key"] for fault in report["faults"]] == ["2", "3", "4", "5", "", "6", ""]
    assert {each["key"] for each in api.get(f"/v2/contacts/{contact}/transactional-data/Orders")} == {"1", "2"}
    api.ask("DELETE", "/v2/contacts/transactional-data/Orders/1", status=204)
    gone = (404, "Error: ERROR_TRANSACTIONAL_DATA_DOES_NOT_EXIST")
    assert api.message("GET", "/v2/contacts/transactional-data/Orders/1") == gone
    assert api.message("DELETE", "/v2/contacts/transactional-data/Orders/1") == gone
    api.ask("DELETE", "/v2/contacts/ann@example.com/transactional-data/Orders", status=204)
    assert api.get(f"/v2/contacts/{contact}/transactional-data/Orders") == []
    bad = api.message("POST", "/v2/contacts/transactional-data/Or ders", body)
    assert bad == (400, "Error: ERROR_TRANSACTIONAL_DATA_INVALID_COLLECTION_NAME")


@pytest.mark.parametrize(("said", "meant"), [("false", False), ("False", False), (0, False), ("true", True), (1, True)])
def test_a_choice_written_otherwise_is_taken_and_not_passed_over(api: Api, said: object, *, meant: bool) -> None:
    """It was answered as done and left as it had been, an opt-out too."""
    contact = api.contact("ann@example.com")
    made = api.ask("POST", "/v2/preferences", {"publicName": "Offers", "isPreference": True, "isPublic": said})
    assert made["isPublic"] is meant
    path = f"/v2/contacts/{contact}/preferences"
    api.ask("PUT", path, [{"id": made["id"], "isOptedIn": not meant}], status=200)
    api.ask("PUT", path, [{"id": made["id"], "isOptedIn": said}], status=200)
    assert api.get(path)[0]["isOptedIn"] is meant
    api.ask("PUT", path, [{"id": made["id"], "isOptedIn": None}], status=200)
    assert api.get(path)[0]["isOptedIn"] is meant
    changed = {"publicName": "Offers", "isPublic": not meant}
    assert api.ask("PUT", f"/v2/preferences/{made['id']}", changed)["isPublic"] is not meant
    assert api.ask("PUT", f"/v2/preferences/{made['id']}", {**changed, "isPublic": said})["isPublic"] is meant
    found = api.ask("GET", "/v2/contacts/retrieve-collection", {"contacts": [{"id": contact}], "withFullData": said})
    assert (found["contacts"][0]["dataFields"] is not None) is meant


@pytest.mark.parametrize("said", ["", "no thanks", 2, 1.5, [], {}])
def test_a_choice_that_is_neither_yes_nor_no_is_refused(api: Api, said: object) -> None:
    contact = api.contact("ann@example.com")
    offers = api.ask("POST", "/v2/preferences", {"publicName": "Offers", "isPreference": True}, status=200)["id"]
    refused = (400, "Error: ERROR_PREFERENCE_INVALID")
    assert api.message("PUT", f"/v2/contacts/{contact}/preferences", [{"id": offers, "isOptedIn": said}]) == refused
    for part in ("isPreference", "isPublic"):
        assert api.message("POST", "/v2/preferences", {"publicName": "News", part: said}) == refused
