"""Contacts, feeds and the two levels of subscription (contract §4.3 to §4.5)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from dotdigital import Account, Book, Contact, ContactDraft, NotFound, Page, Rejected, Suppression
from dotdigital_sandbox import Sandbox

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)


@pytest.fixture
def book(account: Account) -> Book:
    return account.address_book(account.create_address_book("Letters").id)


def values(contact: Contact) -> dict[str, object]:
    return {field.key: field.value for field in contact.data_fields or []}


def emails(pages: Iterable[Page[Contact]]) -> list[str | None]:
    return [contact.email for page in pages for contact in page]


def left(pages: Iterable[Page[Suppression]]) -> dict[str | None, str]:
    return {row.contact.email: row.reason for page in pages for row in page}


def test_a_contact_lives_and_dies(account: Account) -> None:
    name = 'Zoë "Z" O\'Hara, 🎉\nsecond line'
    made = account.contacts.save(
        ContactDraft("Ann@Example.com", opt_in_type="Single", email_type="PlainText", data_fields={"firstname": name})
    )
    assert (made.email, made.opt_in_type, made.email_type, made.status) == (
        "Ann@Example.com",
        "Single",
        "PlainText",
        "Subscribed",
    )
    assert values(made)["FIRSTNAME"] == name
    assert values(made)["LASTNAME"] is None
    again = account.contacts.save(ContactDraft("ann@example.com", data_fields={"LASTNAME": "Bee"}))
    assert again.id == made.id
    assert (values(again)["FIRSTNAME"], values(again)["LASTNAME"]) == (name, "Bee")
    assert account.contacts.get("ann@example.com").id == account.contacts.get(made.id).id == made.id
    moved = account.contacts.update(made.id, ContactDraft("ann+new@example.com"))
    assert (moved.id, account.contacts.get("ann+new@example.com").id) == (made.id, made.id)
    assert account.contacts.count() == 1
    account.contacts.delete(made.id)
    with pytest.raises(NotFound) as caught:
        account.contacts.delete(made.id)
    assert caught.value.code == "ERROR_CONTACT_NOT_FOUND"
    assert emails(account.contacts.pages()) == []


def test_values_keep_their_types(account: Account) -> None:
    for name, kind in (("POINTS", "Numeric"), ("VIP", "Boolean"), ("BORN", "Date")):
        account.create_data_field(name, kind)
    draft = ContactDraft("ann@example.com", data_fields={"POINTS": 7.25, "VIP": True, "BORN": date(1990, 2, 3)})
    account.contacts.save(draft)
    (page,) = account.contacts.pages(full_data=True)
    read = values(page.items[0])
    assert (read["POINTS"], read["VIP"]) == (7.25, True)
    assert str(read["BORN"]).startswith("1990-02-03T00:00:00")
    (bare,) = account.contacts.pages()
    assert bare.items[0].data_fields is None


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (ContactDraft("invisible"), "ERROR_PARAMETER_INVALID"),
        (ContactDraft("demo@apiconnector"), "ERROR_PARAMETER_INVALID"),
        (ContactDraft("ann@example.com", data_fields={"FIRSTNAME": "x" * 1001}), "ERROR_DATAFIELD_VALUE_OVERFLOW"),
    ],
)
def test_bad_contacts_are_rejected_without_naming_them(account: Account, draft: ContactDraft, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        account.contacts.save(draft)
    assert caught.value.code == code
    assert "@" not in caught.value.text + caught.value.detail


def test_an_unknown_field_and_a_taken_address_are_told_apart(account: Account) -> None:
    with pytest.raises(NotFound) as missing:
        account.contacts.save(ContactDraft("ann@example.com", data_fields={"NOSUCH": 1}))
    assert missing.value.code == "ERROR_DATAFIELD_NOTFOUND"
    ann, bob = (account.contacts.save(ContactDraft(f"{who}@example.com")) for who in ("ann", "bob"))
    with pytest.raises(Rejected) as taken:
        account.contacts.update(bob.id, ContactDraft("ann@example.com"))
    assert taken.value.code == "ERROR_NON_UNIQUE_EMAIL"
    assert ann.id != bob.id


def test_several_contacts_are_found_at_once(account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    account.contacts.save(ContactDraft("bob@example.com"))
    found = account.contacts.find([ann.id, "bob@example.com", "zoe@example.com", 999_999], full_data=True)
    assert {contact.email for contact in found.contacts} == {"ann@example.com", "bob@example.com"}
    assert {(each.id, each.email) for each in found.not_found} == {(0, "zoe@example.com"), (999_999, None)}


def test_books_hold_contacts(account: Account, book: Book) -> None:
    ann = book.add_contact(ContactDraft("ann@example.com"))
    bob = book.add_contact(ContactDraft("bob@example.com"))
    assert emails(book.contacts(full_data=False)) == ["ann@example.com", "bob@example.com"]
    assert book.info().contacts == 2
    assert [each.id for page in account.contacts.address_books(ann.id) for each in page] == [book.id]
    book.remove_contact(ann.id)
    started = book.remove_contacts([bob.id, 999_999])
    deadline = time.monotonic() + 10
    while account.deletion(started.id).status == "Started":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert account.deletion(started.id).status == "Completed"
    assert emails(book.contacts()) == []
    assert left(book.unsubscribed_since(LONG_AGO)) == {}
    assert account.contacts.count() == 2
    book.add_contact(ContactDraft("ann@example.com"))
    book.remove_everybody(in_background=False)
    assert emails(book.contacts()) == []


def test_pages_of_any_size_hold_everybody_once(account: Account, book: Book) -> None:
    for number in range(25):
        book.add_contact(ContactDraft(f"c{number}@example.com"))
    for size, overlap in ((1, 0), (7, 3), (25, 5), (1000, 100)):
        ids = [contact.id for page in book.contacts(page_size=size, overlap=overlap) for contact in page]
        assert len(set(ids)) == 25
        assert overlap or len(ids) == 25


def test_feeds_tell_what_changed(sandbox: Sandbox, account: Account, book: Book) -> None:
    book.add_contact(ContactDraft("old@example.com"))
    time.sleep(0.01)
    since = account.server_time() + timedelta(seconds=1)
    time.sleep(max(0.0, (since - account.server_time()).total_seconds()) + 0.01)
    account.contacts.save(ContactDraft("new@example.com"))
    book.add_contact(ContactDraft("joined@example.com"))
    assert set(emails(account.contacts.pages(created_since=since))) == {"new@example.com", "joined@example.com"}
    assert emails(book.contacts(modified_since=since)) == ["joined@example.com"]
    account.contacts.save(ContactDraft("old@example.com", data_fields={"LASTNAME": "Changed"}))
    assert "old@example.com" in emails(account.contacts.pages(modified_since=since))
    assert "old@example.com" in emails(book.contacts(modified_since=since))
    assert emails(account.contacts.pages(modified_since=LONG_AGO, full_data=True)) != []


def test_leaving_the_account(account: Account, book: Book) -> None:
    book.add_contact(ContactDraft("ann@example.com"))
    before = account.server_time() - timedelta(seconds=1)
    suppression = account.contacts.unsubscribe("ann@example.com")
    assert (suppression.reason, suppression.contact.status) == ("Unsubscribed", "Unsubscribed")
    assert suppression.date_removed is not None
    assert suppression.date_removed >= before
    for feed in (account.suppressed_since, account.contacts.unsubscribed_since):
        assert left(feed(LONG_AGO)) == {"ann@example.com": "Unsubscribed"}
        assert left(feed(account.server_time() + timedelta(minutes=1))) == {}
    assert left(book.unsubscribed_since(LONG_AGO)) == {}
    for save in (account.contacts.save, book.add_contact):
        with pytest.raises(Rejected) as caught:
            save(ContactDraft("ann@example.com"))
        assert caught.value.code == "ERROR_CONTACT_SUPPRESSED"
    assert account.contacts.get("ann@example.com").status == "Unsubscribed"
    assert emails(book.contacts()) == []


def test_leaving_one_book(account: Account, book: Book) -> None:
    book.add_contact(ContactDraft("ann@example.com"))
    suppression = book.unsubscribe("ann@example.com")
    assert (suppression.reason, suppression.contact.status) == ("Unsubscribed", "Subscribed")
    assert left(book.unsubscribed_since(LONG_AGO)) == {"ann@example.com": "Unsubscribed"}
    assert left(account.suppressed_since(LONG_AGO)) == {}
    with pytest.raises(Rejected) as caught:
        book.add_contact(ContactDraft("ann@example.com"))
    assert caught.value.code == "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK"
    assert book.resubscribe(ContactDraft("ann@example.com")).status == "ContactChallenged"
    assert emails(book.contacts()) == []
    assert book.resubscribe(ContactDraft("ann@example.com"), challenge=False).status == "ContactAdded"
    assert emails(book.contacts()) == ["ann@example.com"]


def test_coming_back(sandbox: Sandbox, account: Account) -> None:
    account.contacts.save(ContactDraft("ann@example.com"))
    account.contacts.unsubscribe("ann@example.com")
    asked = account.contacts.resubscribe(ContactDraft("ann@example.com"), locale="de-DE")
    assert asked.status == "ContactChallenged"
    assert account.contacts.get("ann@example.com").status == "Unsubscribed"
    assert sandbox.complete_challenge("ann@example.com") == 1
    assert account.contacts.get("ann@example.com").status == "Subscribed"
    account.contacts.unsubscribe("ann@example.com")
    assert account.contacts.resubscribe(ContactDraft("ann@example.com"), challenge=False).status == "ContactAdded"


def test_suppressed_by_us(account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    account.contacts.save(ContactDraft("bob@example.com"))
    result = account.contacts.suppress([ann.id, "bob@example.com", "zoe@example.com"])
    assert {(each.id, each.email) for each in result.suppressed} == {(ann.id, None), (0, "bob@example.com")}
    assert [each.email for each in result.not_found] == ["zoe@example.com"]
    assert left(account.suppressed_since(LONG_AGO)) == {
        "ann@example.com": "Suppressed",
        "bob@example.com": "Suppressed",
    }
    assert account.contacts.resubscribe(ContactDraft("ann@example.com")).status == "ContactAdded"


def test_a_verified_opt_in_has_to_be_confirmed(sandbox: Sandbox, account: Account) -> None:
    made = account.contacts.save(ContactDraft("ann@example.com", opt_in_type="VerifiedDouble"))
    assert (made.opt_in_type, made.status) == ("Double", "PendingOptIn")
    assert sandbox.complete_challenge("ann@example.com") == 1
    now = account.contacts.get(made.id)
    assert (now.opt_in_type, now.status) == ("VerifiedDouble", "Subscribed")
