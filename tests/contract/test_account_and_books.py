"""Account-info, server time, address books and data fields (contract §1.2, §4.2, §4.7)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dotdigital import Account, AddressBook, ConfigurationError, ContactDraft, NotFound, Rejected
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount, MakeSandbox

WHO_AM_I = {
    "APILocale",
    "ListManagedUsers",
    "Name",
    "MainMobilePhoneNumber",
    "MainEmail",
    "ApiCallsInLastHour",
    "ApiCallsRemaining",
    "ApiEndpoint",
}


def books(account: Account, **options: Any) -> dict[str, AddressBook]:
    return {book.name: book for page in account.address_books(**options) for book in page}


def refused(code: str) -> AbstractContextManager[object]:
    return pytest.raises(Rejected, check=lambda error: error.code == code)


def test_the_account_says_who_it_is_and_where(sandbox: Sandbox, account: Account) -> None:
    info = account.connect()
    assert set(info.properties) >= WHO_AM_I
    assert info.api_endpoint == account.endpoint == sandbox.url
    assert info.id > 0
    assert account.info().main_email == info.main_email
    assert abs(account.server_time() - datetime.now(UTC)) < timedelta(seconds=60)
    account.empty_recycle_bin()


def test_a_foreign_endpoint_is_not_followed(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    foreign = make_sandbox()
    sandbox = make_sandbox(api_endpoint=foreign.url)
    account = connect(sandbox)
    with pytest.raises(ConfigurationError, match="ApiEndpoint"):
        account.connect()
    assert foreign.calls() == []
    allowed = connect(sandbox, allowed_origins=[sandbox.url, foreign.url])
    allowed.connect()
    assert allowed.endpoint == foreign.url
    assert "Test" in books(allowed)


def test_wrong_credentials_are_a_setting_to_correct(sandbox: Sandbox) -> None:
    with (
        Account(sandbox.user, "wrong", sandbox.url, allowed_origins=[sandbox.url]) as account,
        pytest.raises(ConfigurationError, match="password") as caught,
    ):
        account.connect()
    assert (caught.value.status, caught.value.code) == (401, None)


def test_books_live_and_die(account: Account) -> None:
    assert set(books(account)) == {"Test"}
    letters = account.create_address_book("Letters")
    news = account.create_address_book("News", visibility="Public")
    assert (letters.visibility, news.visibility, letters.contacts) == ("Private", "Public", 0)
    assert "News" not in books(account, visibility="private")
    assert set(books(account, visibility="public")) >= {"News"}
    book = account.address_book(letters.id)
    assert book.update(name="Post", visibility="Public").name == "Post"
    assert book.info() == AddressBook(letters.id, "Post", "Public", 0)
    book.delete()
    with pytest.raises(NotFound) as caught:
        book.info()
    assert caught.value.code == "ERROR_ADDRESSBOOK_NOT_FOUND"
    assert set(books(account)) == {"Test", "News"}


def test_books_refuse_what_the_contract_says(account: Account) -> None:
    account.create_address_book("Letters")
    for name in ("letters", "Test", "All Contacts"):
        with refused("ERROR_ADDRESSBOOK_DUPLICATE"):
            account.create_address_book(name)
    for name in ("", "x" * 129):
        with refused("ERROR_ADDRESSBOOK_INVALID"):
            account.create_address_book(name)
    system = account.address_book(books(account)["Test"].id)
    with refused("ERROR_ADDRESSBOOK_NOTWRITABLE"):
        system.delete()
    with refused("ERROR_ADDRESSBOOK_NOTWRITABLE"):
        system.update(name="Mine", visibility="Public")


def test_too_many_books_are_refused(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    account = connect(make_sandbox(book_limit=2))
    with refused("ERROR_ADDRESSBOOK_LIMITEXCEEDED"):
        for number in range(4):
            account.create_address_book(f"Book {number}")


def test_data_fields_live_and_die(account: Account) -> None:
    before = {field.name: field for field in account.data_fields()}
    assert set(before) >= {"FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE"}
    assert {before[name].type for name in ("FIRSTNAME", "POSTCODE")} == {"String"}
    born = datetime(2015, 1, 31, tzinfo=UTC)
    account.create_data_field("points", "Numeric", visibility="Public", default=7)
    account.create_data_field("VIP", "Boolean", default=True)
    account.create_data_field("BORN", "Date", default=born)
    account.create_data_field("NICK", "String", default="x")
    now = {field.name: field for field in account.data_fields()}
    assert (now["POINTS"].type, now["POINTS"].visibility, now["POINTS"].default_value) == ("Numeric", "Public", 7)
    assert now["VIP"].default_value is True
    assert str(now["BORN"].default_value).startswith("2015-01-31T00:00:00")
    assert account.delete_data_field("Points").result
    assert "POINTS" not in {field.name for field in account.data_fields()}


@pytest.mark.parametrize(
    ("name", "kind", "default", "code"),
    [
        ("has space", "String", None, "ERROR_DATAFIELD_INVALID"),
        ("x" * 21, "String", None, "ERROR_DATAFIELD_INVALID"),
        ("email", "String", None, "ERROR_DATAFIELD_INVALID"),
        ("GOOD", "Colour", None, "ERROR_DATAFIELD_INVALID"),
        ("GOOD", "Numeric", "seven", "ERROR_DATAFIELD_INVALID"),
        ("firstname", "String", None, "ERROR_NON_UNIQUE_DATAFIELD"),
    ],
)
def test_data_fields_refuse_what_the_contract_says(
    account: Account, name: str, kind: str, default: str | None, code: str
) -> None:
    with refused(code):
        account.create_data_field(name, kind, default=default)


def test_unknown_and_system_fields_cannot_be_deleted(account: Account) -> None:
    for name in ("NOSUCH", "FIRSTNAME", "LASTSUBSCRIBED"):
        with pytest.raises(NotFound):
            account.delete_data_field(name)


def test_what_is_not_there_is_not_found(account: Account) -> None:
    book = account.address_book(987654)
    for call in (
        lambda: list(book.contacts()),
        lambda: list(book.contacts(modified_since=datetime(2020, 1, 1, tzinfo=UTC))),
        lambda: list(book.unsubscribed_since(datetime(2020, 1, 1, tzinfo=UTC))),
        lambda: book.add_contact(ContactDraft("ann@example.com")),
        lambda: book.remove_contact(5),
        lambda: book.remove_contacts([5]),
        book.remove_everybody,
        lambda: book.unsubscribe("ann@example.com"),
        book.delete,
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.code == "ERROR_ADDRESSBOOK_NOT_FOUND"
