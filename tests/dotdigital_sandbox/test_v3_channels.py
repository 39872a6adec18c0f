"""Mobile numbers as identifiers, and the standing of a contact by channel (contract §7).

Consent only falls: a status that a request asks for takes somebody out, and never brings anybody back.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

V3 = "/contacts/v3"


def refused(api: Api, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of a refusal."""
    response = api.http.request(method, path, json=body)
    return response.status_code, response.json()["errorCode"]


def imported(api: Api, *contacts: dict[str, Any]) -> dict[str, Any]:
    """The status of an import that is over."""
    started = api.ask("PUT", f"{V3}/import", {"contacts": list(contacts)}, status=202)
    api.sandbox.finish_imports()
    return dict(api.get(f"{V3}/import/{started['importId']}"))


@pytest.mark.parametrize(
    ("wish", "status", "channel", "in_v2"),
    [
        ("unsubscribed", "unsubscribed", "unsubscribed", "Unsubscribed"),
        ("Suppressed", "suppressed", "suppressed", "Suppressed"),
        ("subscribed", "subscribed", "subscribed", "Subscribed"),
    ],
)
@pytest.mark.parametrize("way", ["post", "patch", "put", "import"])
def test_a_status_by_email_is_honoured_however_it_comes(
    api: Api, way: str, wish: str, status: str, channel: str, in_v2: str
) -> None:
    path = f"{V3}/email/ann@example.com"
    body = {"identifiers": {"email": "ann@example.com"}, "channelProperties": {"email": {"status": wish}}}
    if way == "post":
        api.ask("POST", V3, body, status=201)
    elif way == "import":
        imported(api, {"matchIdentifier": "email", **body})
    else:
        api.contact("ann@example.com")
        api.ask(way.upper(), path, body, status=200)
    read = api.get(path, include="channelProperties")
    assert (read["status"], read["channelProperties"]["email"]["status"]) == (status, channel)
    assert api.get("/v2/contacts/ann@example.com")["status"] == in_v2
    feed = api.get("/v2/contacts/suppressed-since/2000-01-01")
    assert [each["reason"] for each in feed] == ([] if in_v2 == "Subscribed" else [in_v2])


@pytest.mark.parametrize("way", ["patch", "put", "import"])
def test_a_status_by_email_brings_nobody_back(demo: Api, way: str) -> None:
    path = f"{V3}/email/opted.out.1@example.com"
    wish = {"channelProperties": {"email": {"status": "subscribed"}}}
    body = {"identifiers": {"email": "opted.out.1@example.com"}, **wish}
    if way == "import":
        assert len(imported(demo, {"matchIdentifier": "email", **body})["updated"]) == 1
    else:
        demo.ask(way.upper(), path, body, status=200)
    assert demo.get(path)["status"] == "unsubscribed"


def test_a_bounce_keeps_its_own_name_by_channel(demo: Api) -> None:
    read = demo.get(f"{V3}/email/bounced.1@example.com", include="channelProperties")
    assert (read["status"], read["channelProperties"]["email"]["status"]) == ("suppressed", "hardBounced")


def test_a_number_beside_an_address_is_kept_and_finds_the_contact(api: Api) -> None:
    body = {
        "identifiers": {"email": "ann@example.com", "mobileNumber": "+44 7123 123123"},
        "channelProperties": {"sms": {"status": "unsubscribed"}, "whatsApp": {"status": "subscribed"}},
    }
    made = api.ask("POST", V3, body, status=201)
    assert made["identifiers"] == {"email": "ann@example.com", "mobileNumber": "447123123123"}
    assert made["channelProperties"]["sms"] == {"countryCode": "GB", "status": "unsubscribed"}
    assert made["channelProperties"]["whatsApp"] == {"status": "subscribed"}
    for number in ("447123123123", "+447123123123", "%2B447123123123"):
        assert api.get(f"{V3}/mobileNumber/{number}")["contactId"] == made["contactId"]
    path = f"{V3}/mobileNumber/447123123123"
    changed = api.ask("PATCH", path, {"channelProperties": {"sms": {"status": "suppressed"}}}, status=200)
    assert changed["channelProperties"]["sms"]["status"] == "suppressed"
    moved = api.ask("PATCH", path, {"identifiers": {"mobileNumber": "491701234567"}}, status=200)
    assert (moved["contactId"], moved["channelProperties"]["sms"]["countryCode"]) == (made["contactId"], "DE")
    assert refused(api, "GET", path) == (404, "contacts:contactNotFound")


def test_somebody_known_by_a_number_alone(api: Api) -> None:
    made = api.ask("PATCH", f"{V3}/mobileNumber/447123123123", {"dataFields": {"FIRSTNAME": "Ann"}}, status=201)
    assert (made["identifiers"], made["status"]) == ({"mobileNumber": "447123123123"}, "subscribed")
    assert set(made["channelProperties"]) == {"sms"}
    other = api.ask("POST", V3, {"identifiers": {"mobileNumber": "447123123124"}}, status=201)
    # The two without an address are two; and a letter reaches neither.
    again = api.ask("PATCH", f"{V3}/contactId/{other['contactId']}", {"dataFields": {"FIRSTNAME": "Bob"}}, status=200)
    assert again["identifiers"] == {"mobileNumber": "447123123124"}
    moved = {"identifiers": {"mobileNumber": "447123123125"}}
    api.ask("PATCH", f"{V3}/contactId/{other['contactId']}", moved, status=200)
    third = api.ask("POST", V3, {"identifiers": {"mobileNumber": "447123123124"}}, status=201)
    assert third["contactId"] != other["contactId"]
    named = {"identifiers": {"email": "ann@example.com"}}
    assert api.ask("PATCH", f"{V3}/mobileNumber/447123123123", named, status=200)["identifiers"] == {
        "email": "ann@example.com",
        "mobileNumber": "447123123123",
    }
    content = {"htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$"}
    draft = {"name": "A", "subject": "A", "fromName": "A", **content}
    campaign = api.ask("POST", "/v2/campaigns", draft, status=201)["id"]
    api.sandbox.send_campaign(campaign)
    assert [each["email"] for each in api.get(f"/v2/campaigns/{campaign}/activities")] == ["ann@example.com"]


def test_identifiers_of_two_contacts_conflict(api: Api) -> None:
    api.contact("ann@example.com")
    number = {"mobileNumber": "447123123123"}
    api.ask("POST", V3, {"identifiers": {"email": "bob@example.com", **number}}, status=201)
    for identifiers in (number, {"email": "new@example.com", **number}, {"email": "ANN@example.com"}):
        assert refused(api, "POST", V3, {"identifiers": identifiers}) == (409, "contacts:idAlreadyExists")
    ann = f"{V3}/email/ann@example.com"
    assert refused(api, "PATCH", ann, {"identifiers": number}) == (409, "contacts:identifierConflict")
    both = {"email": "ann@example.com", **number}
    assert refused(api, "PUT", ann, {"identifiers": both}) == (409, "contacts:identifierConflict")
    done = imported(api, {"matchIdentifier": "email", "identifiers": both})
    assert [each["failures"][0]["failureCode"] for each in done["failures"]] == ["identifierConflict"]


def test_identifiers_of_an_import_are_told_as_the_service_spells_them(api: Api) -> None:
    done = imported(
        api,
        {"MatchIdentifier": "Email", "Identifiers": {"EMAIL": "ann@example.com", "MobileNumber": "447123123123"}},
        {"matchIdentifier": "email", "identifiers": {"email": "ANN@example.com"}},
        {"matchIdentifier": "MOBILENUMBER", "identifiers": {"mobilenumber": "12"}},
    )
    (made,) = done["created"]
    assert made["identifiers"] == {"email": "ann@example.com", "mobileNumber": "447123123123"}
    told = [(each["matchIdentifier"], each["failures"][0]["failureCode"]) for each in done["failures"]]
    assert told == [("email", "duplicateIdentifier"), ("mobileNumber", "invalidMobileNumber")]
    assert done["failures"][1]["identifiers"] == {"mobileNumber": "12"}


def test_an_import_matches_by_any_identifier(api: Api) -> None:
    ann = api.contact("ann@example.com")
    api.ask("PATCH", f"{V3}/contactId/{ann}", {"identifiers": {"mobileNumber": "447123123123"}}, status=200)
    done = imported(
        api,
        {"matchIdentifier": "mobileNumber", "identifiers": {"mobileNumber": "+447123123123"}, "dataFields": {}},
        {"matchIdentifier": "mobileNumber", "identifiers": {"mobileNumber": "447123123124"}},
        {"matchIdentifier": "mobileNumber", "identifiers": {"mobileNumber": "+44 7123 123124"}},
        {"matchIdentifier": "contactId", "identifiers": {"contactId": ann}, "dataFields": {"FIRSTNAME": "Ann"}},
        {"matchIdentifier": "contactId", "identifiers": {"contactId": 777}},
        {"matchIdentifier": "mobileNumber", "identifiers": {"mobileNumber": "12"}},
        {"matchIdentifier": "mobileNumber", "identifiers": {"email": "ann@example.com"}},
        {"matchIdentifier": "shoeSize", "identifiers": {"shoeSize": "44"}},
        {
            "matchIdentifier": "email",
            "identifiers": {"email": "ann@example.com"},
            "channelProperties": {"email": {"status": "odd"}},
        },
    )
    assert [each["contactId"] for each in done["updated"]] == [ann, ann]
    assert [each["identifiers"] for each in done["created"]] == [{"mobileNumber": "447123123124"}]
    assert [each["failures"][0]["failureCode"] for each in done["failures"]] == [
        "duplicateIdentifier",
        "contactNotFound",
        "invalidMobileNumber",
        "invalidContact",
        "invalidContact",
        "invalidContact",
    ]
    assert done["summary"]["invalidEntries"] == 5
    assert api.get("/v2/contacts/ann@example.com")["dataFields"][0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"identifiers": {"mobileNumber": "hello"}}, "contacts:invalidId"),
        ({"identifiers": {"mobileNumber": 7}}, "contacts:invalidId"),
        ({"identifiers": {"mobileNumber": "447123123123"}, "channelProperties": {"sms": []}}, None),
        (
            {"identifiers": {"mobileNumber": "447123123123"}, "channelProperties": {"sms": {"status": "odd"}}},
            "contacts:badRequest",
        ),
        (
            {"identifiers": {"email": "a@example.com"}, "channelProperties": {"email": {"status": "binned"}}},
            "contacts:badRequest",
        ),
    ],
)
def test_what_no_channel_has_is_refused(api: Api, body: dict[str, Any], code: str | None) -> None:
    answer = api.http.post(V3, json=body)
    assert answer.json().get("errorCode") == code
    assert answer.status_code == (400 if code else 201)


def test_a_contact_is_deleted_by_its_number(api: Api) -> None:
    made = api.ask("POST", V3, {"identifiers": {"mobileNumber": "447123123123"}}, status=201)
    api.ask("POST", f"{V3}/delete", [{"mobileNumber": "+447123123123"}], status=202)
    api.sandbox.finish_chores()
    assert refused(api, "GET", f"{V3}/contactId/{made['contactId']}") == (404, "contacts:contactNotFound")
