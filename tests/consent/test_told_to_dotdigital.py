"""What Dotdigital is told of a person is told whatever happened to them meanwhile, there and here.

The kind: a request names a person by something that may have changed by the time it is made. The cases: the address was
changed in Dotdigital and not read yet; the address was erased here. And a request that would undo what follows later: a
resubscription of somebody who was erased.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import (
    ChangeState,
    ContactRequest,
    ContactRequestKind,
    ListConnection,
    Resubscription,
    RunKind,
)
from dotbridge.connections.services import (
    request_deletion,
    request_resubscription,
    request_unsubscriptions,
    retry_contact_request,
    tell_of_opt_out,
)
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import Source
from dotbridge.consent.services import opt_out_addresses, opt_out_records
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mirror.models import Contact
from tests.accounts import RemoteAccount, add_contact, sync
from tests.consent.test_people import change_there, status


@pytest.mark.parametrize("of_book", [False, True])
def test_who_has_another_address_there_that_was_not_read_yet_is_unsubscribed_under_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, of_book: bool
) -> None:
    ListConnection.objects.update(unsubscribes_book=of_book)
    ann = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    scope = {"scope": "list", "scope_id": link.marketing_list_id} if of_book else {}
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM, **scope)
    sync(integration, kind=RunKind.REQUESTS)
    assert ContactRequest.objects.get().state == ChangeState.DONE
    left = remote.ask("GET", f"/v2/address-books/{book}/contacts/unsubscribed-since/2000-01-01")
    assert (status(remote, "new@example.com"), len(left)) == (("Subscribed", 1) if of_book else ("Unsubscribed", 0))


def test_who_opted_out_and_was_erased_here_is_unsubscribed_all_the_same(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Erased here alone, the contact stays in Dotdigital, and has to be one that nobody writes to."""
    ann = add_contact("ann@example.com")
    sync(integration)
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM)
    tell_of_opt_out(email_key="ann@example.com")
    erase_address(address="ann@example.com")
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Unsubscribed"


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
def test_whom_dotdigital_keeps_is_unsubscribed_from_the_books_of_lists(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Erased here alone: whether they are in a book by then or come into it later, nobody here knows of them."""
    other = remote.create_book("Of no list")
    for place in (book, other):
        remote.create_contact("ann@example.com", book=place)
    sync(integration)
    for address in ("ann@example.com", "late@example.com"):
        erase_address(address=address)
    for place in (book, other):
        remote.create_contact("late@example.com", book=place)
    remote.sandbox.advance(60)
    for _turn in range(2):
        sync(integration)
        sync(integration, kind=RunKind.REQUESTS)
    assert remote.contacts(book) == {}
    assert set(remote.contacts(other)) == {"ann@example.com", "late@example.com"}
    assert len(remote.ask("GET", f"/v2/address-books/{book}/contacts/unsubscribed-since/2000-01-01")) == 2
    assert list(ContactRequest.objects.values_list("state", "email_key")) == [(ChangeState.DONE, "")] * 2


def test_who_is_not_there_any_more_needs_not_be_told_of(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    remote.ask("DELETE", f"/v2/contacts/{remote.ask('GET', '/v2/contacts/ann@example.com')['id']}")
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM)
    sync(integration, kind=RunKind.REQUESTS)
    asked = ContactRequest.objects.get()
    assert (asked.state, asked.message) == (ChangeState.DONE, "Dotdigital does not know the contact any more.")


@pytest.mark.parametrize("is_erasure", [False, True])
def test_that_somebody_is_not_there_is_said_by_dotdigital_alone(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, is_erasure: bool
) -> None:
    """A gateway that does not know the path says 404 as well. The opt-out was done, and nobody had been told of it."""
    ann = add_contact("ann@example.com")
    sync(integration)
    if is_erasure:
        request_deletion(integration=integration, remote_id=Contact.objects.get().remote_id)
    else:
        opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM)
    remote.sandbox.fail_next(path="/v2/contacts", times=None, status=404)
    sync(integration, kind=RunKind.REQUESTS)
    assert ContactRequest.objects.get().state == ChangeState.FAILED
    remote.sandbox.clear_faults()
    assert status(remote, "ann@example.com") == "Subscribed"
    retry_contact_request(request=ContactRequest.objects.get())
    sync(integration, kind=RunKind.REQUESTS)
    assert ContactRequest.objects.get().state == ChangeState.DONE
    there = remote.find_contact("ann@example.com")
    assert there is None if is_erasure else there is not None and there["status"] == "Unsubscribed"


@pytest.mark.parametrize("known", ["erased here before", "in no address book"])
def test_who_is_erased_everywhere_is_deleted_there_whether_we_know_them_or_not(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, known: str
) -> None:
    """`dotbridge consent erase` itself says to do it again with --remotely: the contact is not known here by then."""
    remote.create_contact("ann@example.com", book=book if known == "erased here before" else None)
    sync(integration)
    if known == "erased here before":
        erase_address(address="ann@example.com")
    assert not Contact.objects.exists()
    erase_address(address="Ann@example.com", is_remote=True)
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is None
    asked = ContactRequest.objects.get(kind=ContactRequestKind.ERASE)
    assert (asked.state, asked.email_key) == (ChangeState.DONE, "")


def test_whom_the_account_does_not_know_needs_not_be_deleted_and_may_be_asked_for_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    for number in range(1, 3):
        erase_address(address="nobody@example.com", is_remote=True)
        sync(integration, kind=RunKind.REQUESTS)
        done = ContactRequest.objects.filter(state=ChangeState.DONE, email_key="")
        assert done.count() == ContactRequest.objects.count() == number


def test_an_erasure_that_was_given_up_is_asked_for_anew_when_somebody_asks_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    sync(integration)
    number = Contact.objects.get().remote_id
    request_deletion(integration=integration, remote_id=number)
    ContactRequest.objects.update(state=ChangeState.FAILED)
    erase_address(address="ann@example.com", is_remote=True)
    sync(integration, kind=RunKind.REQUESTS)
    assert ContactRequest.objects.get().state == ChangeState.DONE
    assert remote.find_contact("ann@example.com") is None


def test_who_was_erased_is_not_brought_back_and_no_request_names_them(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration)
    request_resubscription(link=link, record_ids=[ann.pk], opted_in_at=timezone.now())
    erase_address(address="ann@example.com")
    assert not Resubscription.objects.exists()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.app_label.startswith("dotbridge_"):
                cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}" t WHERE t::text ILIKE %s', ["%ann@%"])
                assert cursor.fetchone() == (0,), model
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Unsubscribed"


def test_each_minute_what_was_said_lately_is_looked_at_and_with_each_import_all_of_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contact may be new in the account whose person has opted out here long ago."""
    add_contact("ann@example.com")
    sync(integration)
    opt_out_addresses(addresses=["ann@example.com", "late@example.com"], source=Source.PERSON)
    assert request_unsubscriptions(only_recent=True) == 1
    assert request_unsubscriptions(only_recent=True) == 0
    monkeypatch.setattr("dotbridge.connections.services.contact_requests.LONGEST_TRANSACTION", timedelta(seconds=-60))
    remote.create_contact("late@example.com", book=link.address_book.remote_id)
    remote.sandbox.advance(3600)
    sync(integration, kind=RunKind.IMPORT)
    assert request_unsubscriptions(only_recent=True) == 0
    asked = ContactRequest.objects.values_list("email_key", flat=True)
    assert set(asked) == {"ann@example.com", "late@example.com"}
