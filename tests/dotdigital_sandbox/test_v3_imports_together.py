"""Rows of an import that are written together are answered, and kept, as if each had come alone.

The same rows go to two accounts that are alike. In one of them a letter's case makes each row odd, so that they are
taken one by one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

CONSENT = {
    "text": "Yes, please",
    "dateTimeConsented": "2024-02-01T10:00:00Z",
    "url": "https://www.example.com/join",
    "ipAddress": "192.0.2.1",
    "userAgent": "Mozilla/5.0",
}
PHONE = "447123123123"
FIELDS: list[dict[str, Any]] = [
    {},
    {"FIRSTNAME": "Zoë", "age": 41},
    {"firstname": "Ann", "AGE": None},
    {"AGE": "4.50", "VIP": "yes"},
    {"BORN": "1980-02-01"},
    {"LASTSUBSCRIBED": "2020-01-01T00:00:00Z", "FIRSTNAME": ""},
    {"AGE": "many"},
    {"FIRSTNAME": "x" * 2000},
    {"SHOE": 42},
]


def prepared(api: Api) -> dict[str, int]:
    """An account with people of every kind; the ids that rows name."""
    for name, kind in (("AGE", "Numeric"), ("VIP", "Boolean"), ("BORN", "Date")):
        api.ask("POST", "/v2/data-fields", {"name": name, "type": kind}, status=201)
    ids = {"book": api.book(), "other": api.book("Others")}
    preference = {"privateName": "Shoes", "publicName": "Shoes", "isPreference": True}
    ids["preference"] = api.ask("POST", "/v2/preferences", preference)["id"]
    for name in ("known", "unsubscribed", "gone", "left"):
        ids[name] = api.contact(f"{name}@example.com", FIRSTNAME="Former", AGE=7)
    api.sandbox.unsubscribe("unsubscribed@example.com")
    api.ask("POST", f"/v2/address-books/{ids['book']}/contacts", {"email": "left@example.com"})
    api.sandbox.unsubscribe("left@example.com", ids["book"])
    api.sandbox.unsubscribe("gone@example.com")
    api.ask("DELETE", f"/v2/contacts/{ids['gone']}")
    api.ask("POST", "/contacts/v3", {"identifiers": {"email": "phone@example.com", "mobileNumber": PHONE}}, status=201)
    api.sandbox.ban("banned@example.com")
    return ids


def rows_of(ids: dict[str, int]) -> list[dict[str, Any]]:
    """Rows of every kind, in an order of no meaning, the same each time."""
    names = ["known", "unsubscribed", "gone", "left", "phone", "banned", "KNOWN", "Zoë", "no address", "new"]
    addresses = [f"{name}@example.com" for name in (*names, *(f"new{number}" for number in range(40)))]
    lists: list[Any] = [None, [ids["book"]], [ids["book"], ids["other"]], [str(ids["other"])], [99999], []]
    rows: list[dict[str, Any]] = []
    for number, (address, values) in enumerate(itertools.product(addresses, FIELDS)):
        if number >= len(addresses) * 3 and number % 4:
            continue
        row = {"matchIdentifier": "email", "identifiers": {"email": address}, "dataFields": values}
        row |= {"lists": lists[number % len(lists)]} if number % 7 else {}
        row |= {"consentRecords": [CONSENT, CONSENT] if number % 2 else [{"text": "Yes"}]} if number % 5 == 0 else {}
        wanted = [{"id": ids["preference"] + (number % 33 == 0), "isOptedIn": number % 2 == 0}]
        row |= {"preferences": wanted} if number % 3 == 0 else {}
        rows.append(row)
    rows += [
        {"matchIdentifier": "email", "identifiers": {"email": "plain@example.com"}},
        {"matchIdentifier": "contactId", "identifiers": {"contactId": ids["known"]}, "dataFields": {"VIP": True}},
        {"matchIdentifier": "mobileNumber", "identifiers": {"mobileNumber": PHONE, "email": "new3@example.com"}},
        {
            "matchIdentifier": "email",
            "identifiers": {"email": "phone@example.com"},
            "channelProperties": {"email": {"status": "unsubscribed"}},
        },
        {
            "matchIdentifier": "email",
            "identifiers": {"email": "double@example.com"},
            "channelProperties": {"email": {"optInType": "verifiedDouble"}},
        },
    ]
    random.Random(5).shuffle(rows)
    return rows


def imported(api: Api, rows: list[dict[str, Any]], option: str) -> dict[str, Any]:
    """What an import answers in the end."""
    started = api.ask("PUT", "/contacts/v3/import", {"mergeOption": option, "contacts": rows}, status=202)
    api.sandbox.finish_imports()
    done: dict[str, Any] = api.get(f"/contacts/v3/import/{started.pop('importId')}")
    del done["importId"]
    return done


def kept(api: Api) -> list[dict[str, Any]]:
    """All contacts of the account as it tells them, without the moments, which two accounts do not share."""
    parts = "lists|channelProperties|preferences|consentRecords"
    page = api.get("/contacts/v3", **{"limit": "1000", "data-fields": "[[all]]", "include": parts})
    for contact in page["_items"]:
        for name in ("created", "updated"):
            contact.pop(name, None)
        contact.get("dataFields", {}).pop("LASTSUBSCRIBED", None)
        for record in contact.get("consentRecords", ()):
            del record["dateTimeCreated"]
    return list(page["_items"])


def odd(row: dict[str, Any]) -> dict[str, Any]:
    """The same row, one name of it in another case."""
    return {("Identifiers" if name == "identifiers" else name): value for name, value in row.items()}


@pytest.mark.parametrize("option", ["overwrite", "overwriteIfNotEmpty", "overwriteIfEmpty"])
def test_rows_together_come_to_the_same_as_each_alone(start: Callable[..., Api], option: str) -> None:
    together, alone = start(), start()
    for round_of in range(2):
        if not round_of:
            rows = rows_of(prepared(together))
            assert rows == rows_of(prepared(alone))
        answers = imported(together, rows, option)
        assert answers == imported(alone, [odd(row) for row in rows], option)
        assert kept(together) == kept(alone)
    assert answers["summary"]["updatedContacts"] > 10
    assert answers["summary"]["duplicateIdentifiers"] > 10


def test_many_odd_rows_among_others_are_all_answered(api: Api) -> None:
    """More than are taken in one turn to write."""
    rows = [
        {
            "matchIdentifier": "email",
            ("Identifiers" if number % 2 else "identifiers"): {"email": f"p{number}@example.com"},
        }
        for number in range(1201)
    ]
    answers = imported(api, rows, "overwrite")
    assert [each["identifiers"]["email"] for each in answers["created"]] == [
        f"p{number}@example.com" for number in range(1201)
    ]
    assert len({each["contactId"] for each in answers["created"]}) == 1201
