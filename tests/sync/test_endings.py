"""Ending a connection and going over to another book: whom we brought leaves or stays, as the person chose."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from dotbridge.backoffice.counting import standing_of
from dotbridge.connections.models import Ending, ListConnection, RunKind
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import cancel_ending, refresh_data_fields, request_ending, retry_ending
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import remove_records
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import NobodyWatches
from dotbridge.sync.models import ExportItem, Step, Upload
from dotbridge.sync.selectors import ending_numbers
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.backoffice.world import empty_queue


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """Two people whom we brought, one who was there before, and one of ours who unsubscribed since."""
    empty_queue()
    for name in ("ann", "bob", "off"):
        add_contact(f"{name}@example.com", name)
    book = remote.create_book("Readers")
    remote.create_book("Others")
    remote.create_contact("guest@example.com", book=book)
    link = connect(integration, book="Readers")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "off@example.com"})
    sync(integration)
    return link


def other_book() -> AddressBook:
    return AddressBook.objects.get(name="Others")


def test_whom_we_brought_leaves_the_book_and_the_connection_ends(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    numbers = ending_numbers(link)
    assert (numbers.in_book, numbers.ours, numbers.others, numbers.unfinished_rows) == (3, 2, 1, 0)
    assert numbers.to_take_out == 3
    request_ending(link=link)
    assert list(integrations_with_requests()) == [integration]

    run = sync(integration, kind=RunKind.REQUESTS)

    assert steps_of(run)["endings"]["removed"] == 3
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}
    for name, status in (("ann", "Subscribed"), ("off", "Unsubscribed")):
        assert remote.ask("GET", f"/v2/contacts/{name}@example.com")["status"] == status
    assert not ListConnection.objects.exists()
    assert not ExportItem.objects.exists()
    assert MarketingList.objects.exists()
    assert not integrations_with_requests()


@pytest.mark.parametrize("has_left", [False, True])
def test_whom_dotdigital_does_not_mail_leaves_the_book_with_the_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, *, has_left: bool
) -> None:
    """It may mail them again one day, and nobody would be left to take them out; also where they had left the list."""
    if has_left:
        off = Contact.objects.get(emails__email="off@example.com")
        remove_records(marketing_list=link.marketing_list, record_ids=[off.pk])
        sync(integration)
        assert not ExportItem.objects.filter(email="off@example.com").exists()
    assert ending_numbers(link).to_take_out == 3
    request_ending(link=link)
    assert steps_of(sync(integration, kind=RunKind.REQUESTS))["endings"]["removed"] == 3
    path = "/v2/contacts/resubscribe-with-no-challenge"
    remote.ask("POST", path, {"unsubscribedContact": {"email": "off@example.com"}})
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}


def test_whose_address_was_changed_there_is_among_those_who_leave(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    ann = remote.ask("GET", "/v2/contacts/ann@example.com")
    remote.ask("PUT", f"/v2/contacts/{ann['id']}", {**ann, "email": "annabel@example.com"})
    remote.sandbox.advance(3600)
    sync(integration, kind=RunKind.IMPORT)
    assert ending_numbers(link).to_take_out == 3
    request_ending(link=link)
    sync(integration, kind=RunKind.REQUESTS)
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}


def test_nothing_more_is_sent_while_a_connection_ends(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    request_ending(link=link)
    with pytest.raises(ValidationError, match="ending already"):
        request_ending(link=link)
    add_contact("new@example.com", "New")
    sync(integration)
    assert "new@example.com" not in remote.contacts(link.address_book.remote_id)
    cancel_ending(link=link)
    with pytest.raises(ValidationError, match="not ending"):
        cancel_ending(link=link)
    sync(integration)
    assert "new@example.com" in remote.contacts(link.address_book.remote_id)


def test_who_keeps_the_connection_while_it_is_being_ended_keeps_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    request_ending(link=link)

    class KeepsIt(NobodyWatches):
        def progressed(self, step: Step, done: int, total: int | None) -> None:
            cancel_ending(link=link)

    sync(integration, kind=RunKind.REQUESTS, observer=KeepsIt())

    assert ListConnection.objects.filter(pk=link.pk).exists()
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}
    sync(integration)
    assert set(remote.contacts(link.address_book.remote_id)) == {
        "ann@example.com",
        "bob@example.com",
        "guest@example.com",
    }


def test_an_upload_on_its_way_is_waited_for(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    add_contact("new@example.com", "New")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    assert ending_numbers(link).unfinished_rows == 1
    request_ending(link=link)

    sync(integration, kind=RunKind.REQUESTS)

    ending = Ending.objects.get()
    assert "upload of this list is on its way" in ending.message
    assert not ending.has_failed
    remote.sandbox.release_imports()
    sync(integration, kind=RunKind.EXPORT)
    sync(integration, kind=RunKind.REQUESTS)
    assert not ListConnection.objects.exists()
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}


def test_what_was_prepared_and_not_sent_goes_with_the_connection(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    add_contact("new@example.com", "New")
    sync(integration, kind=RunKind.CHANGES)
    assert Upload.objects.filter(state="prepared").exists()
    request_ending(link=link)
    sync(integration, kind=RunKind.REQUESTS)
    assert not Upload.objects.exists()
    assert remote.find_contact("new@example.com") is None


def test_a_list_goes_over_to_another_book_and_takes_its_contacts_along(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    target = other_book()
    assert standing_of(link.marketing_list).mailable == 2
    request_ending(link=link, next_book=target)
    sync(integration, kind=RunKind.REQUESTS)
    moved = ListConnection.objects.get()
    assert (moved.address_book, moved.marketing_list) == (target, link.marketing_list)
    sync(integration)
    assert set(remote.contacts(target.remote_id)) == {"ann@example.com", "bob@example.com"}
    assert set(remote.contacts(link.address_book.remote_id)) == {"guest@example.com"}


def test_a_list_goes_over_to_another_book_and_leaves_the_former_as_it_is(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    former = link.address_book.remote_id
    request_ending(link=link, takes_out=False, next_book=other_book())
    sync(integration, kind=RunKind.REQUESTS)
    moved = ListConnection.objects.get()
    sync(integration)
    assert set(remote.contacts(moved.address_book.remote_id)) == {"ann@example.com", "bob@example.com"}
    assert set(remote.contacts(former)) == {"ann@example.com", "bob@example.com", "guest@example.com"}


def test_a_book_that_is_taken_or_gone_is_not_gone_over_to(integration: Integration, link: ListConnection) -> None:
    with pytest.raises(ValidationError, match="connected to a list already"):
        request_ending(link=link, next_book=link.address_book)
    AddressBook.objects.filter(name="Others").update(gone_at=link.created_at)
    with pytest.raises(ValidationError, match="does not exist in Dotdigital any more"):
        request_ending(link=link, next_book=other_book())
    with pytest.raises(ValidationError, match="does not exist"):
        request_ending(link=link, takes_out=False, next_book=other_book())
    assert ListConnection.objects.get().address_book.name == "Readers"


def test_a_book_taken_meanwhile_is_said_and_the_connection_ends_all_the_same(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    request_ending(link=link, next_book=other_book())
    taker = MarketingList.objects.create(name="Taker", entity="crm.contact", rule={})
    ListConnection.objects.create(marketing_list=taker, address_book=other_book())
    run = sync(integration, kind=RunKind.REQUESTS)
    assert [rejection.reason for rejection in run.steps.get(name="endings").rejections.all()] == ["not_connected"]
    assert not ListConnection.objects.filter(marketing_list=link.marketing_list).exists()


def test_a_book_deleted_in_dotdigital_does_not_keep_a_connection(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    request_ending(link=link)
    remote.ask("DELETE", f"/v2/address-books/{link.address_book.remote_id}")
    run = sync(integration, kind=RunKind.REQUESTS)
    assert steps_of(run)["endings"]["rejected"] == 1
    assert Ending.objects.get().attempts == 1
    Ending.objects.update(attempts=9, due_at=None)
    sync(integration, kind=RunKind.REQUESTS)
    assert Ending.objects.get().has_failed
    assert not integrations_with_requests()
    sync(integration, kind=RunKind.IMPORT)
    retry_ending(link=link)
    assert Ending.objects.get().attempts == 0
    sync(integration, kind=RunKind.REQUESTS)
    assert not ListConnection.objects.exists()
    with pytest.raises(ValidationError, match="Only what failed"):
        retry_ending(link=link)


def test_an_inactive_integration_or_a_book_that_is_gone_removes_nobody(
    integration: Integration, link: ListConnection
) -> None:
    AddressBook.objects.filter(pk=link.address_book_id).update(gone_at=link.created_at)
    link = ListConnection.objects.get(pk=link.pk)
    with pytest.raises(ValidationError, match="gone from Dotdigital"):
        request_ending(link=link)
    Integration.objects.update(is_active=False)
    with pytest.raises(ValidationError, match="is switched off"):
        request_ending(link=ListConnection.objects.get(pk=link.pk))


def test_refreshed_data_fields_find_a_value_that_was_lost(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """As if an earlier comparison had been wrong: the note says what was never sent."""
    ExportItem.objects.filter(email_key="ann@example.com").update(values={"FIRSTNAME": "Wrong"})
    Contact.objects.filter(first_name="ann").update(first_name="ann")
    refresh_data_fields(link=link)
    run = sync(integration)
    assert steps_of(run)["prepare"]["update"] == 1
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FIRSTNAME"] == "ann"
