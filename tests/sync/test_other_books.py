"""Contacts of address books that no list is connected to: read after all else, and left out where calls are short."""

from __future__ import annotations

from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.sync.models import State
from tests.accounts import RemoteAccount, add_contact, connect, read_connected_books_only, sync


def addresses(book: str) -> set[str]:
    found = Membership.objects.filter(address_book__name=book, gone_at=None)
    return set(found.values_list("contact__email_key", flat=True))


def test_contacts_of_every_book_are_read_and_followed(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_book("Readers")
    other = remote.create_book("Visitors")
    remote.create_contact("visitor@example.com", book=other)
    connect(integration, book="Readers")
    add_contact("ann@example.com", "Ann")
    run = sync(integration)
    assert run.state == State.SUCCEEDED
    assert run.steps.order_by("pk").last().name == "other_contacts"
    assert addresses("Visitors") == {"visitor@example.com"}

    remote.create_contact("second@example.com", book=other)
    sync(integration)
    assert addresses("Visitors") == {"visitor@example.com", "second@example.com"}
    assert set(remote.contacts(other)) == {"visitor@example.com", "second@example.com"}, "nothing is written there"


def test_an_account_can_leave_the_other_books_out(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_book("Readers")
    other = remote.create_book("Visitors")
    remote.create_contact("visitor@example.com", book=other)
    read_connected_books_only(integration)
    connect(integration, book="Readers")
    run = sync(integration)
    assert run.steps.get(name="other_contacts").state == State.SKIPPED
    assert AddressBook.objects.filter(name="Visitors").exists()
    assert addresses("Visitors") == set()


def test_a_book_that_cannot_be_read_does_not_hold_up_the_lists(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    other = remote.create_book("Visitors")
    connect(integration, book="Readers")
    add_contact("ann@example.com", "Ann")
    remote.sandbox.fail_next("status", path=f"/v2/address-books/{other}/contacts", status=400, times=99)
    run = sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com"}
    assert run.steps.get(name="contacts").state == State.SUCCEEDED
    assert run.state == State.PARTIAL
