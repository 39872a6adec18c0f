"""Whose contact it is in a book: what somebody else has put there is theirs, however near we came to writing to it.

The kind of fault: a note of ours was taken for the proof that we had brought somebody. Its places: who leaves the list,
who leaves with the whole list, and what is noted of whoever stays behind.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_ending
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.mirror.models import FormerAddress
from dotbridge.sync.models import BookRemainder, ExportItem, Upload
from dotbridge.sync.outbound.still_to_leave import count_still_to_leave
from dotbridge.sync.selectors import ending_numbers
from tests.accounts import RemoteAccount, add_contact, connect, sync
from tests.consent.test_people import change_there, move

REFUSED, MAYBE_ARRIVED = "RejectedByWatchdog", "Failed"


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    return connect(integration, book="Readers")


def nearly_send(integration: Integration, remote: RemoteAccount, how: str) -> None:
    """Have what waits prepared and not sent, or refused as a whole file."""
    if how == "prepared":
        sync(integration, kind=RunKind.CHANGES)
    else:
        remote.sandbox.finish_import_as(REFUSED)
        sync(integration)


def change_there_unread(link: ListConnection, old: str, new: str) -> None:
    """The mirror knows a contact by another address than the one that we wrote to."""
    account = link.address_book.integration
    contact = account.contacts.get(email_key=old)
    FormerAddress.objects.create(integration=account, email_key=old, remote_id=contact.remote_id, until=timezone.now())
    account.contacts.filter(pk=contact.pk).update(email=new, email_key=new)


@pytest.mark.parametrize("is_written_to", [False, True])
def test_a_contact_whose_address_became_that_of_another_of_the_list_is_theirs(
    integration: Integration, link: ListConnection, *, is_written_to: bool
) -> None:
    """Rule: whom the list sends to at the other address stays, and holds up no campaign."""
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    sync(integration)
    if is_written_to:
        add_contact("carl@example.com")
        sync(integration, kind=RunKind.CHANGES)
    change_there_unread(link, "ann@example.com", "carl@example.com")
    link.items.filter(email_key="bob@example.com").delete()
    assert ending_numbers(link).ours == (0 if is_written_to else 1)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    assert count_still_to_leave([link]) == (0 if is_written_to else 1)


def come_back(remote: RemoteAccount, address: str) -> None:
    """Whoever had unsubscribed from the account subscribes again."""
    path = "/v2/contacts/resubscribe-with-no-challenge"
    remote.ask("POST", path, {"unsubscribedContact": {"email": address}})
    remote.sandbox.advance(3600)


@pytest.mark.parametrize("is_whole_list", [False, True])
@pytest.mark.parametrize("how", ["prepared", "refused"])
def test_whom_others_have_put_there_and_we_never_wrote_to_stays_in_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, *, how: str, is_whole_list: bool
) -> None:
    remote.create_contact("guest@example.com", book=book)
    guest = add_contact("guest@example.com")
    sync(integration, kind=RunKind.IMPORT)
    nearly_send(integration, remote, how)
    assert ExportItem.objects.count() == 1
    assert ending_numbers(link).ours == 0
    if is_whole_list:
        request_ending(link=link)
        sync(integration, kind=RunKind.REQUESTS)
    else:
        remove_records(marketing_list=link.marketing_list, record_ids=[guest.pk])
        sync(integration)
    assert set(remote.contacts(book)) == {"guest@example.com"}
    assert not ExportItem.objects.exists()


def test_whom_others_have_put_there_leaves_all_the_same_once_they_opted_out(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("guest@example.com", book=book)
    guest = add_contact("guest@example.com")
    nearly_send(integration, remote, "refused")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[guest.pk])
    sync(integration)
    assert remote.contacts(book) == {}


@pytest.mark.parametrize("how", ["prepared", "refused"])
def test_whose_later_values_never_arrived_is_ours_and_leaves_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, how: str
) -> None:
    ann, bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    sync(integration)
    Contact.objects.update(first_name="Anna")
    nearly_send(integration, remote, how)
    assert ending_numbers(link).ours == 2
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert bob.pk


def test_whose_row_may_have_arrived_is_ours_unless_they_were_there_before(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("guest@example.com", book=book)
    records = [add_contact(f"{name}@example.com") for name in ("ann", "guest")]
    remote.sandbox.finish_import_as(MAYBE_ARRIVED)
    sync(integration)
    remote.create_contact("ann@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    remove_records(marketing_list=link.marketing_list, record_ids=[record.pk for record in records])
    sync(integration)
    assert set(remote.contacts(book)) == {"guest@example.com"}


def test_who_left_the_list_before_an_update_went_and_was_not_mailed_leaves_the_book_on_return(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    Contact.objects.update(first_name="Anna")
    sync(integration, kind=RunKind.CHANGES)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    remote.sandbox.advance(3600)
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    assert not ExportItem.objects.exists()
    come_back(remote, "ann@example.com")
    sync(integration)
    assert remote.contacts(book) == {}


def test_of_an_address_that_was_changed_on_both_sides_nothing_is_left_behind(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """The contact is the list's by its new address: should somebody else bring it to the book one day, it is theirs."""
    ann, off = add_contact("ann@example.com"), add_contact("off@example.com")
    sync(integration)
    Upload.objects.update(finished_at=timezone.now() - timedelta(days=2))
    change_there(remote, "ann@example.com", "ann.new@example.com")
    move(ann, "ann.new@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "off@example.com"})
    remote.sandbox.advance(3600)
    sync(integration)
    assert list(ExportItem.objects.values_list("email", flat=True)) == ["ann.new@example.com"]
    assert list(BookRemainder.objects.values_list("email", flat=True)) == ["off@example.com"]
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    assert remote.contacts(book) == {}
    remote.create_contact("ann.new@example.com", book=book)
    come_back(remote, "off@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"ann.new@example.com", "off@example.com"}
    assert off.pk
