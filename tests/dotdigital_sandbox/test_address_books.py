"""Address books (contract §4.2, §4.11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dotdigital_sandbox.conftest import Api

IN_USE = "That name is in use already, please choose another. ERROR_ADDRESSBOOK_DUPLICATE"
NOT_WRITABLE = "Address book cannot be written to via the API. ERROR_ADDRESSBOOK_NOTWRITABLE"


def test_a_book_is_made_read_changed_and_deleted(api: Api) -> None:
    made = api.ask("POST", "/v2/address-books", {"Name": "Letters", "id": 99, "contacts": 5}, status=201)
    assert made == {"id": made["id"], "name": "Letters", "visibility": "Private", "contacts": 0}
    changed = api.ask("PUT", f"/v2/address-books/{made['id']}", {"name": "Mails", "visibility": "public"}, status=200)
    assert changed == {**made, "name": "Mails", "visibility": "Public"} == api.get(f"/v2/address-books/{made['id']}")
    api.ask("DELETE", f"/v2/address-books/{made['id']}", status=204)
    assert api.message("GET", f"/v2/address-books/{made['id']}") == (404, "Error: ERROR_ADDRESSBOOK_NOT_FOUND")


def test_books_are_listed_in_the_order_of_their_making(demo: Api) -> None:
    names = ["Test", "Newsletter", "Customers", "Product updates"]
    assert [book["name"] for book in demo.get("/v2/address-books")] == names
    assert [book["name"] for book in demo.get("/v2/address-books/public")] == [names[1], names[3]]
    assert [book["name"] for book in demo.get("/v2/address-books/private", select=1, skip=1)] == [names[2]]


@pytest.mark.parametrize("name", ["test", "ALL contacts", "letters"])
def test_names_are_unique_whatever_their_case(api: Api, name: str) -> None:
    api.book("Letters")
    assert api.message("POST", "/v2/address-books", {"name": name}) == (400, IN_USE)
    other = api.book("Other")
    assert api.message("PUT", f"/v2/address-books/{other}", {"name": name}) == (400, IN_USE)


@pytest.mark.parametrize(
    "body", [{}, {"name": " "}, {"name": "x" * 129}, {"name": 5}, {"name": "a", "visibility": "Odd"}]
)
def test_bad_books_are_refused(api: Api, body: object) -> None:
    assert api.message("POST", "/v2/address-books", body) == (400, "Error: ERROR_ADDRESSBOOK_INVALID")


def test_system_books_cannot_be_written_to(api: Api) -> None:
    test_book = api.get("/v2/address-books")[0]["id"]
    for method, path, body in (
        ("DELETE", "", None),
        ("PUT", "", {"name": "Mine"}),
        ("POST", "/contacts", {"email": "ann@example.com"}),
        ("DELETE", "/contacts", None),
        ("POST", "/contacts/delete-all", None),
        ("POST", "/contacts/import", {"fileName": "a.csv", "data": ""}),
    ):
        assert api.message(method, f"/v2/address-books/{test_book}{path}", body) == (400, NOT_WRITABLE)


def test_a_deleted_book_leaves_its_contacts(api: Api) -> None:
    book = api.book()
    contact = api.ask("POST", f"/v2/address-books/{book}/contacts", {"email": "ann@example.com"}, status=200)
    assert api.get(f"/v2/address-books/{book}")["contacts"] == 1
    assert [each["id"] for each in api.get(f"/v2/contacts/{contact['id']}/address-books")] == [book]
    api.ask("DELETE", f"/v2/address-books/{book}", status=204)
    assert api.get(f"/v2/contacts/{contact['id']}")["email"] == "ann@example.com"
    assert api.get(f"/v2/contacts/{contact['id']}/address-books") == []


def test_a_book_being_imported_into_is_in_use(api: Api) -> None:
    book = api.book()
    api.sandbox.hold_imports()
    api.upload("email\nann@example.com\n", f"/v2/address-books/{book}/contacts/import")
    assert api.message("DELETE", f"/v2/address-books/{book}") == (400, "Error: ERROR_ADDRESSBOOK_IN_USE")
    api.sandbox.finish_imports()
    api.ask("DELETE", f"/v2/address-books/{book}", status=204)


def test_the_contract_limits_books(start: Callable[..., Api]) -> None:
    api = start(book_limit=3)
    api.book()
    assert api.message("POST", "/v2/address-books", {"name": "b"}) == (400, "Error: ERROR_ADDRESSBOOK_LIMITEXCEEDED")


ALL_CONTACTS = 2


def test_all_contacts_holds_everybody_whichever_way_it_is_asked(api: Api) -> None:
    ids = [api.contact(f"{name}@example.com") for name in ("ann", "bob")]
    assert api.get(f"/v2/address-books/{ALL_CONTACTS}")["contacts"] == len(ids)
    assert [each["id"] for each in api.get(f"/v2/address-books/{ALL_CONTACTS}/contacts")] == ids
    assert [each["contactId"] for each in api.get(f"/v2/address-books/{ALL_CONTACTS}/contacts/score")] == ids
    listed = api.get("/contacts/v3", **{"~listId": ALL_CONTACTS})["_items"]
    assert [each["contactId"] for each in listed] == ids


@pytest.mark.parametrize("book", [1, ALL_CONTACTS])
def test_nobody_leaves_a_book_that_they_cannot_come_back_to(api: Api, book: int) -> None:
    """It would keep no mail from them either: a send to everybody asks the account alone."""
    api.contact("ann@example.com")
    refused = api.message("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "ann@example.com"})
    assert refused == (400, "Address book cannot be written to via the API. ERROR_ADDRESSBOOK_NOTWRITABLE")
    assert api.get("/contacts/v3/email/ann@example.com")["lists"] == []
