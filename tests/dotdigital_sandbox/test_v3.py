"""Version 3 of contacts (contract §7)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dotdigital_sandbox import Sandbox
from tests.dotdigital_sandbox.conftest import Api

UNKNOWN = "d7de900d-d337-43f6-b1e1-c8ec73e1a434"
CONSENT = {
    "text": "Yes",
    "dateTimeConsented": "2023-01-26T21:29:00.000Z",
    "url": "http://www.example.com/signup",
    "ipAddress": "203.0.113.7",
    "userAgent": "Firefox",
}


def error(api: Api, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of a refusal."""
    response = api.http.request(method, path, json=body)
    if response.status_code == 200:
        return 200, ""
    assert set(response.json()) <= {"errorCode", "description", "details"}
    return response.status_code, response.json()["errorCode"]


def test_a_contact_is_created_merged_replaced_and_deleted(api: Api) -> None:
    book = api.book()
    given = {
        "identifiers": {"email": "ann@example.com"},
        "dataFields": {"firstName": "Ann", "LASTNAME": "Bee"},
        "channelProperties": {"email": {"emailType": "html", "optInType": "single"}},
        "lists": [book],
        "consentRecords": [CONSENT],
    }
    made = api.ask("POST", "/contacts/v3", given, status=201)
    assert (made["status"], made["identifiers"], made["dataFields"]["FIRSTNAME"]) == (
        "subscribed",
        {"email": "ann@example.com"},
        "Ann",
    )
    assert made["channelProperties"]["email"] == {"emailType": "Html", "optInType": "Single", "status": "subscribed"}
    assert made["lists"] == [{"id": book, "name": "Letters", "status": "subscribed"}]
    (record,) = made["consentRecords"]
    assert record.pop("dateTimeCreated") >= made["created"]
    assert record == CONSENT
    assert error(api, "POST", "/contacts/v3", given) == (409, "contacts:idAlreadyExists")
    path = f"/contacts/v3/contactId/{made['contactId']}"
    for option, wanted in (("overwrite-if-empty", "Ann"), ("overwrite", "New")):
        patched = api.ask("PATCH", f"{path}?merge-option={option}", {"dataFields": {"FIRSTNAME": "New"}}, status=200)
        assert patched["dataFields"]["FIRSTNAME"] == wanted
    replaced = api.ask(
        "PUT", path, {"identifiers": {"email": "ann@example.com"}, "dataFields": {"GENDER": "f"}}, status=200
    )
    assert {key for key in replaced["dataFields"] if key != "LASTSUBSCRIBED"} == {"GENDER"}
    assert replaced["lists"] == []
    assert api.get("/contacts/v3/email/ANN@example.com", include="lists")["contactId"] == made["contactId"]
    assert api.ask("DELETE", path, status=200) == {"contactId": made["contactId"]}
    assert error(api, "GET", path) == (404, "contacts:contactNotFound")
    new = api.ask("PATCH", "/contacts/v3/email/new@example.com", {"dataFields": {}}, status=201)
    assert new["identifiers"]["email"] == "new@example.com"


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "", {}, (400, "contacts:badRequest")),
        ("POST", "", {"identifiers": {"email": "bad"}}, (400, "contacts:invalidId")),
        ("POST", "", {"identifiers": {"email": "a@example.com"}, "lists": [77]}, (400, "contacts:invalidContacts")),
        (
            "POST",
            "",
            {"identifiers": {"email": "a@example.com"}, "dataFields": {"X": 1}},
            (400, "contacts:invalidContacts"),
        ),
        ("POST", "", {"identifiers": {"email": "a@example.com"}, "lists": []}, (400, "contacts:badRequest")),
        ("POST", "", {"identifiers": {"email": "a@example.com"}, "lists": [1] * 101}, (400, "contacts:badRequest")),
        (
            "POST",
            "",
            {"identifiers": {"email": "a@example.com"}, "preferences": [{"id": 77, "isOptedIn": True}]},
            (400, "contacts:invalidContacts"),
        ),
        (
            "POST",
            "",
            {"identifiers": {"email": "a@example.com"}, "preferences": [{"id": 77}]},
            (400, "contacts:badRequest"),
        ),
        (
            "POST",
            "",
            {"identifiers": {"email": "a@example.com"}, "consentRecords": [CONSENT] * 6},
            (400, "contacts:badRequest"),
        ),
        *(
            (
                "POST",
                "",
                {"identifiers": {"email": "a@example.com"}, "consentRecords": [{**CONSENT, **change}]},
                (400, "contacts:consentRecordsNotApplied"),
            )
            for change in (
                {"text": ""},
                {"dateTimeConsented": "soon"},
                {"url": "here"},
                {"ipAddress": "1.2"},
                {"userAgent": None},
                {"colour": "red"},
            )
        ),
        ("PUT", "/import", {"contacts": [{"identifiers": {}, "matchIdentifier": "a b"}]}, (400, "contacts:badRequest")),
        ("PUT", "/import", {"contacts": [{"identifiers": {}, "matchIdentifier": 5}]}, (400, "contacts:badRequest")),
        ("PUT", "/import", {"contacts": [{"identifiers": {"email": "a@example.com"}}]}, (400, "contacts:badRequest")),
        ("POST", "", {"identifiers": {"email": "a@example.com"}, "preferences": []}, (400, "contacts:badRequest")),
        ("POST", "", {"identifiers": {"email": f"{'a' * 245}@example.com"}}, (400, "contacts:invalidId")),
        ("GET", f"/contactId/{'9' * 5000}", None, (404, "contacts:contactNotFound")),
        ("GET", f"?~listId={'9' * 5000}", None, (200, "")),
        ("GET", "?~listId=²", None, (400, "contacts:invalidFilter")),
        ("GET", f"?marker={'OTk5' * 9}", None, (400, "contacts:invalidFilter")),
        ("GET", "/email/123646", None, (400, "contacts:invalidId")),
        ("GET", "/phone/123646", None, (400, "contacts:invalidId")),
        ("PATCH", "/email/a@example.com?merge-option=odd", {}, (400, "contacts:badRequest")),
        ("PUT", "/import", {}, (400, "contacts:noContactsSpecified")),
        ("PUT", "/import", {"contacts": [{}]}, (400, "contacts:badRequest")),
        ("PUT", "/import", {"contacts": [{"identifiers": {}}], "mergeOption": "odd"}, (400, "contacts:badRequest")),
        ("GET", "/import/none", None, (400, "contacts:invalidId")),
        ("GET", f"/import/{UNKNOWN}", None, (404, "contacts:importNotFound")),
        ("POST", "/delete", {"contactIds": []}, (400, "contacts:noContactsSpecified")),
        ("POST", "/delete", {"contactIds": "all"}, (400, "contacts:badRequest")),
        ("GET", "/delete/none", None, (400, "contacts:invalidDeleteId")),
        ("GET", f"/delete/{UNKNOWN}", None, (404, "contacts:importNotFound")),
        ("GET", "?~modified=2024-01-01", None, (400, "contacts:invalidFilter")),
        ("GET", "?~listId=1&~segmentId=2", None, (400, "contacts:invalidFilter")),
        ("GET", "?limit=5001", None, (400, "contacts:invalidFilter")),
        ("GET", "?marker=???", None, (400, "contacts:invalidFilter")),
    ],
)
def test_refusals(api: Api, method: str, path: str, body: Any, expected: tuple[int, str]) -> None:
    assert error(api, method, f"/contacts/v3{path}", body) == expected


def test_credentials_and_media_type(api: Api) -> None:
    for auth, status in ((None, 401), ((api.sandbox.user, api.sandbox.password), 200)):
        response = httpx2.get(api.sandbox.url + "/contacts/v3", auth=auth)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/json; charset=utf-8")


def test_pages_follow_markers(demo: Api) -> None:
    query: dict[str, Any] = {"limit": 7, "~modified": "gte::2020-01-01T00:00:00Z", "data-fields": "[[ALL]]"}
    found: list[int] = []
    while True:
        page = demo.get("/contacts/v3", **query)
        found += [each["contactId"] for each in page["_items"]]
        if "next" not in page["_links"]:
            break
        query["marker"] = page["_links"]["next"]["marker"]
    assert found == sorted(found)
    assert len(found) == 30
    members = demo.get("/contacts/v3", **{"~listId": 3, "include": "lists", "data-fields": "FIRSTNAME"})["_items"]
    assert len(members) == 20
    assert set(members[0]["dataFields"]) == {"FIRSTNAME"}
    assert {each["lists"][0]["status"] for each in members} == {"subscribed", "suppressed"}
    segment = demo.sandbox.make_segment("All", field="FIRSTNAME", test="not-equals", value="")
    assert demo.get("/contacts/v3", **{"~segmentId": segment})["_items"]
    for wrong in ({"~listId": segment}, {"~segmentId": 3}):
        assert demo.get("/contacts/v3", **wrong)["_items"] == []


def test_a_suppressed_contact_is_updated_silently_unless_resubscribed(demo: Api) -> None:
    path = "/contacts/v3/email/opted.out.1@example.com"
    updated = demo.ask("PATCH", path, {"dataFields": {"FIRSTNAME": "Changed"}}, status=200)
    assert (updated["status"], updated["dataFields"]["FIRSTNAME"]) == ("unsubscribed", "Changed")
    options: dict[str, Any] = {"resubscribeOptions": {"resubscribeWithNoChallenge": True}}
    back = demo.ask("PATCH", path, {"channelProperties": {"email": options}}, status=200)
    assert back["status"] == "subscribed"
    complained = "/contacts/v3/email/complained.1@example.com"
    assert (
        demo.ask("PATCH", complained, {"channelProperties": {"email": options}}, status=200)["status"] == "suppressed"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"resubscribeWithNoChallenge": "false"},
        {"resubscribeWithNoChallenge": 0},
        {"preferredLocale": "xx"},
        {"redirectUrlAfterChallenge": "thanks page"},
    ],
)
def test_nobody_is_asked_back_by_options_that_are_none(demo: Api, wrong: dict[str, Any]) -> None:
    """Whatever was not ``false`` brought somebody back without a question."""
    path = "/contacts/v3/email/opted.out.1@example.com"
    body = {"channelProperties": {"email": {"resubscribeOptions": wrong}}}
    assert error(demo, "PATCH", path, body) == (400, "contacts:badRequest")
    assert demo.get(path)["status"] == "unsubscribed"


def test_imports_tell_the_outcome_of_each_row(demo: Api) -> None:
    contacts = [
        {"matchIdentifier": "email", "identifiers": {"email": "new@example.com"}, "lists": [3]},
        {
            "matchIdentifier": "email",
            "identifiers": {"email": "subscriber.1@example.com"},
            "dataFields": {"FIRSTNAME": None},
        },
        {"matchIdentifier": "email", "identifiers": {"email": "NEW@example.com"}},
        {"matchIdentifier": "email", "identifiers": {"email": "bad"}},
        {"matchIdentifier": "email", "identifiers": {"email": "odd@example.com"}, "dataFields": {"UNKNOWN": 1}},
    ]
    started = demo.ask("PUT", "/contacts/v3/import", {"mergeOption": "overwrite", "contacts": contacts}, status=202)
    demo.sandbox.finish_imports()
    done = demo.get(f"/contacts/v3/import/{started['importId']}")
    assert done["status"] == "Finished"
    assert done["summary"] == {
        "newContacts": 1,
        "updatedContacts": 1,
        "globallySuppressed": 0,
        "invalidEntries": 2,
        "duplicateIdentifiers": 1,
    }
    assert [each["identifiers"]["email"] for each in done["created"] + done["updated"]] == [
        "new@example.com",
        "subscriber.1@example.com",
    ]
    # Whom a failure is about is left out where nobody is known.
    assert ["contactId" in each for each in done["failures"]] == [True, False, False]
    codes = [each["failures"][0]["failureCode"] for each in done["failures"]]
    assert codes == ["duplicateIdentifier", "invalidEmail", "invalidContact"]
    read = demo.get("/contacts/v3/email/subscriber.1@example.com")
    assert "FIRSTNAME" not in read["dataFields"]
    demo.sandbox.hold_imports()
    for _ in range(25):
        demo.ask("PUT", "/contacts/v3/import", {"contacts": contacts[:1]}, status=202)
    full = error(demo, "PUT", "/contacts/v3/import", {"contacts": contacts[:1]})
    assert full == (429, "contacts:tooManyActiveImports")


def test_contacts_are_deleted_in_bulk(demo: Api) -> None:
    started = demo.ask("POST", "/contacts/v3/delete", {"contactIds": [1, 2, 777]}, status=202)
    demo.sandbox.finish_chores()
    assert demo.get(f"/contacts/v3/delete/{started['deleteId']}")["status"] == "Finished"
    assert demo.message("GET", "/v2/contacts/1")[0] == 404


def test_only_so_many_deletions_wait_at_a_time(start: Callable[..., Api]) -> None:
    api = start(active_deletions=2, deletion_seconds=3600.0)
    ids = [api.contact(f"reader{number}@example.com") for number in range(4)]
    for ident in ids[:2]:
        api.ask("POST", "/contacts/v3/delete", [{"contactId": ident}], status=202)
    assert error(api, "POST", "/contacts/v3/delete", [{"contactId": ids[2]}]) == (429, "contacts:tooManyBulkDeleteJobs")
    # Those of one book are of another kind.
    book = api.book()
    api.ask("POST", f"/v2/address-books/{book}/contacts/delete", ids, status=202)
    api.sandbox.advance(3600)
    api.ask("POST", "/contacts/v3/delete", [{"contactId": ids[2]}], status=202)
    assert api.get("/v2/contacts/count") == 2


def test_a_contact_is_imported_although_its_consent_records_are_not(api: Api) -> None:
    rows = [
        {"matchIdentifier": "email", "identifiers": {"email": "ann@example.com"}, "consentRecords": [{"text": "Yes"}]},
        {"matchIdentifier": "email", "identifiers": {"email": "bob@example.com"}, "consentRecords": [CONSENT]},
    ]
    started = api.ask("PUT", "/contacts/v3/import", {"contacts": rows}, status=202)
    api.sandbox.finish_imports()
    done = api.get(f"/contacts/v3/import/{started['importId']}")
    assert len(done["created"]) == 2
    (failure,) = done["failures"]
    assert (failure["contactId"], failure["failures"][0]["failureCode"]) == (
        done["created"][0]["contactId"], "consentRecordsNotApplied"
    )  # fmt: skip
    assert done["summary"]["invalidEntries"] == 0


def test_an_import_goes_on_though_an_address_is_banned(api: Api) -> None:
    number = {"mobileNumber": "447123123123"}
    api.ask("POST", "/contacts/v3", {"identifiers": number}, status=201)
    api.sandbox.ban("banned@example.com")
    rows = [
        {"matchIdentifier": "mobileNumber", "identifiers": {**number, "email": "banned@example.com"}},
        {"matchIdentifier": "email", "identifiers": {"email": "ann@example.com"}},
    ]
    started = api.ask("PUT", "/contacts/v3/import", {"contacts": rows}, status=202)
    api.sandbox.finish_imports()
    done = api.get(f"/contacts/v3/import/{started['importId']}")
    assert (done["status"], len(done["created"]), len(done["failures"])) == ("Finished", 1, 1)


def test_a_deletion_tells_what_came_of_each_contact(api: Api) -> None:
    ann, bob = api.contact("ann@example.com"), api.contact("bob@example.com")
    asked = [{"contactId": ann}, {"email": "bob@example.com"}, {"email": "none"}, {"email": "nobody@example.com"}, ann]
    guid = api.ask("POST", "/contacts/v3/delete", asked, status=202)["deleteId"]
    api.sandbox.finish_chores()
    done = api.get(f"/contacts/v3/delete/{guid}")
    assert done["summary"] == {"requestedContacts": 5, "deletedContacts": 2, "unknownContacts": 2, "invalidEntries": 1}
    assert done["deleted"] == asked[:2]
    assert [(each["identifier"], each["failures"][0]["failureCode"]) for each in done["failures"]] == [
        ({"email": "none"}, "invalidEmail"), ({"email": "nobody@example.com"}, "contactNotFound"),
        ({"contactId": ann}, "contactNotFound"),
    ]  # fmt: skip
    assert api.message("GET", f"/v2/contacts/{bob}") == (404, "Error: ERROR_CONTACT_NOT_FOUND")


NO_BODIES = [b"{", b"", b"null", b"[]", b"[" * 5000, b'{"a":' * 5000, b'{"\xc3":1}', b"<a/>", b"\xff"]


@pytest.mark.parametrize("body", NO_BODIES, ids=range(len(NO_BODIES)))
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("PUT", "/import"), ("POST", "/delete"), ("PUT", "/contactId/1"), ("PATCH", "/email/a@example.com")],
)
def test_a_body_that_is_none_is_refused_by_every_operation(api: Api, method: str, path: str, body: bytes) -> None:
    api.contact("ann@example.com")
    asked = api.http.request(method, f"/contacts/v3{path}", content=body, headers={"Content-Type": "application/json"})
    assert asked.status_code == 400
    assert asked.json()["errorCode"].startswith("contacts:")


def test_an_import_has_its_limit_and_ends_in_words_of_this_version(start: Any) -> None:
    api = start(import_megabytes=1)
    row = {"matchIdentifier": "email", "identifiers": {"email": "ann@example.com"}, "dataFields": {"FIRSTNAME": "A\nB"}}
    large = {"contacts": [{**row, "dataFields": {"FIRSTNAME": "x" * 1_100_000}}]}
    assert error(api, "PUT", "/contacts/v3/import", large) == (413, "gateway:tooLarge")
    api.sandbox.finish_import_as("InvalidFileFormat")
    for status in ("Failed", "Finished"):
        # Written by hand, so to speak: over many lines.
        body = json.dumps({"CONTACTS": [row], "MergeOption": "overwrite"}, indent=2)
        started = api.http.put("/contacts/v3/import", content=body, headers={"Content-Type": "application/json"}).json()
        api.sandbox.finish_imports()
        assert api.get(f"/contacts/v3/import/{started['importId']}")["status"] == status
    assert api.get("/contacts/v3/email/ann@example.com")["dataFields"]["FIRSTNAME"] == "A\nB"


def test_a_long_status_is_told_whole(api: Api) -> None:
    addresses = [*(f"p{number}@example.com" for number in range(4100)), "bad"]
    rows = [{"matchIdentifier": "email", "identifiers": {"email": each}} for each in addresses]
    started = api.ask("PUT", "/contacts/v3/import", {"contacts": rows}, status=202)
    api.sandbox.finish_imports()
    done = api.get(f"/contacts/v3/import/{started['importId']}")
    assert [each["identifiers"]["email"] for each in done["created"]] == addresses[:-1]
    assert (len(done["updated"]), len(done["failures"])) == (0, 1)


@pytest.mark.parametrize(
    "query",
    [
        "include=lists|preferences&data-fields=FIRSTNAME|GENDER",
        "include=lists,preferences&data-fields=FIRSTNAME,GENDER",
        "include=lists&include=preferences&data-fields=FIRSTNAME&data-fields=GENDER",
    ],
)
def test_a_list_in_a_query_may_be_spelled_in_every_way(api: Api, query: str) -> None:
    preference = api.ask("POST", "/v2/preferences", {"privateName": "News", "isPreference": True})["id"]
    given = {
        "identifiers": {"email": "ann@example.com"},
        "dataFields": {"FIRSTNAME": "Ann", "LASTNAME": "Lee", "GENDER": "F"},
        "preferences": [{"id": preference, "isOptedIn": True}],
    }
    api.ask("POST", "/contacts/v3", given, status=201)
    for path in ("/contacts/v3/email/ann@example.com", "/contacts/v3"):
        answer = api.ask("GET", f"{path}?{query}", status=200)
        found = answer["_items"][0] if "_items" in answer else answer
        assert found["dataFields"] == {"FIRSTNAME": "Ann", "GENDER": "F"}
        assert {"lists", "preferences"} <= set(found)
        assert "channelProperties" not in found


def test_the_legacy_shape_has_no_part_that_the_vendors_client_refuses(start: Callable[..., Api]) -> None:
    for shape, has in (("current", True), ("legacy", False)):
        api = start(shape=shape)
        news = api.ask("POST", "/v2/preferences", {"privateName": "News", "isPreference": True})["id"]
        given = {
            "identifiers": {"email": "ann@example.com", "mobileNumber": "447123123123"},
            "channelProperties": {"whatsApp": {"status": "subscribed"}},
            "preferences": [{"id": news, "isOptedIn": True}],
        }
        made = api.ask("POST", "/contacts/v3", given, status=201)
        listed = api.get("/contacts/v3?include=preferences|channelProperties")["_items"][0]
        for contact in (made, listed):
            assert set(contact["preferences"][0]) == {"id", "isOptedIn", "publicName", "privateName", *["name"][:has]}
            assert set(contact["channelProperties"]) == {"email", "sms", *["whatsApp"][:has]}


@pytest.mark.parametrize("query", ["include=nope", "include=lists,Nope", "include=lists&include=tags"])
def test_a_part_that_no_contact_has_is_not_included_in_silence(demo: Api, query: str) -> None:
    for path in ("/contacts/v3", "/contacts/v3/contactId/1"):
        assert error(demo, "GET", f"{path}?{query}") == (400, "contacts:invalidFilter")
    assert len(demo.get("/contacts/v3", include="LISTS|", limit="1")["_items"]) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"identifiers": {"email": "ann@example.com", "memberNumber": "5"}}, "contacts:invalidId"),
        ({"channelProperties": {"push": {"status": "subscribed"}}}, "contacts:badRequest"),
        ({"channelProperties": {"email": {"optIn": "Single"}}}, "contacts:badRequest"),
        ({"channelProperties": {"sms": {"state": "subscribed"}}}, "contacts:badRequest"),
        ({"channelProperties": {"whatsApp": {"optInType": "Single"}}}, "contacts:badRequest"),
    ],
)
def test_what_the_documents_leave_no_room_for_is_refused(api: Api, given: dict[str, Any], code: str) -> None:
    ann = {"identifiers": {"email": "ann@example.com"}}
    assert error(api, "POST", "/contacts/v3", {**ann, **given}) == (400, code)
    assert error(api, "PATCH", "/contacts/v3/email/ann@example.com", given) == (400, code)
    row = {"matchIdentifier": "email", **ann, **given}
    started = api.ask("PUT", "/contacts/v3/import", {"contacts": [row]}, status=202)
    api.sandbox.finish_imports()
    assert api.get(f"/contacts/v3/import/{started['importId']}")["summary"]["invalidEntries"] == 1
    assert api.get("/v2/contacts/count") == 0


def test_a_contact_can_be_written_back_as_it_was_read(api: Api) -> None:
    given = {
        "identifiers": {"email": "ann@example.com", "mobileNumber": "447123123123"},
        "channelProperties": {"email": {"emailType": "Html", "optInType": "Single"}, "sms": {"status": "subscribed"}},
    }
    made = api.ask("POST", "/contacts/v3", given, status=201)
    for each in ("lists", "consentRecords"):
        assert made.pop(each) == []
    del made["dataFields"]
    api.ask("PUT", f"/contacts/v3/contactId/{made['contactId']}", made)
    api.ask("PATCH", "/contacts/v3/email/ann@example.com", {"identifiers": {"memberNumber": None}})


def test_an_import_may_begin_with_a_byte_order_mark(api: Api) -> None:
    row = {"matchIdentifier": "email", "identifiers": {"email": "ann@example.com"}}
    body = b"\xef\xbb\xbf" + json.dumps({"contacts": [row]}).encode()
    response = api.http.put("/contacts/v3/import", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 202
    api.sandbox.finish_imports()
    assert api.get(f"/contacts/v3/import/{response.json()['importId']}")["summary"]["newContacts"] == 1


def test_a_stop_does_not_wait_for_a_long_import_and_the_next_start_takes_only_its_rest(tmp_path: Path) -> None:
    """Nobody is told twice of, no consent is kept twice, and who came twice is found although the first was before."""
    rows = 60_000
    contacts: list[dict[str, Any]] = [
        {"matchIdentifier": "email", "identifiers": {"email": f"p{number}@example.com"}} for number in range(rows)
    ]
    contacts[0]["consentRecords"] = [CONSENT]
    contacts[1] = {"matchIdentifier": "email", "identifiers": {"email": "bad"}}
    contacts.append({**contacts[5], "identifiers": {"email": "P5@example.com"}, "dataFields": {"FIRSTNAME": "Second"}})
    api = Api(Sandbox(tmp_path).start())
    guid = api.ask("PUT", "/contacts/v3/import", {"contacts": contacts}, status=202)["importId"]
    while not (before := api.get("/v2/contacts/count")):
        time.sleep(0.005)
    api.sandbox.stop()
    api.sandbox.start()
    assert api.get(f"/contacts/v3/import/{guid}")["status"] == "NotFinished"
    assert 0 < before < rows - 1
    api.sandbox.finish_imports()
    status = api.get(f"/contacts/v3/import/{guid}")
    assert {name: number for name, number in status["summary"].items() if number} == {
        "newContacts": rows - 1,
        "invalidEntries": 1,
        "duplicateIdentifiers": 1,
    }
    assert (len(status["created"]), len(status["updated"]), len(status["failures"])) == (rows - 1, 0, 2)
    person = api.get("/contacts/v3/email/p0@example.com", include="consentRecords")
    assert len(person["consentRecords"]) == 1
    api.sandbox.stop()


def test_the_link_to_the_next_page_can_be_followed_as_it_is(demo: Api) -> None:
    whole = [each["identifiers"]["email"] for each in demo.get("/contacts/v3?~listId=3")["_items"]]
    read: list[str] = []
    link: str | None = f"{demo.sandbox.url}/contacts/v3?~listId=3&limit=4&include=lists|preferences"
    while link:
        page = demo.http.get(link).json()
        read += [each["identifiers"]["email"] for each in page["_items"]]
        link = page["_links"].get("next", {}).get("link")
        assert link is None or "&~listId=3" in link.replace("?", "&")
    assert (read, len(whole)) == (whole, 20)
    name = demo.contact("jörg+news@example.com")
    demo.ask("PUT", f"/insightData/v3/contacts/contactId/{name}/Orders/1", {}, status=404)
    demo.ask("POST", "/insightData/v3/collections/Orders?collectionScope=contact&collectionType=orders", status=201)
    there = "/insightData/v3/contacts/email/j%C3%B6rg+news@example.com/Orders"
    assert demo.get(there)["_links"]["self"]["link"] == f"{demo.sandbox.url}{there}"
