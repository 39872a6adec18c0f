"""Whose an address is by now, and what was asked for long ago: neither makes anybody mailable, nor takes anybody away.

- The last word is that of the contact that has the address. The case: a contact that opted out is back under another
  address, and who has its former one opted out too. The second place: the same in one book.
- Whoever has got another address in Dotdigital may be somebody else of the list by now: then it is theirs. The cases:
  the address was changed on both sides alike; a second record has the new one.
- What was done with a request is over: an opt-out that was told once is not the reason why a later one is not.
- A request that Dotdigital denies holds nobody in a book.
"""

from __future__ import annotations

import pytest
from django.utils import timezone

from dotbridge.connections.models import ChangeState, ContactRequest, ListConnection, RunKind
from dotbridge.consent.models import Source
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, resubscribe_records, unsubscribe_records
from dotbridge.sync.models import ExportItem, Removal
from tests.accounts import RemoteAccount, add_contact, sync
from tests.consent.test_people import change_there, move


@pytest.mark.parametrize("of_book", [False, True])
def test_the_last_word_is_that_of_the_contact_that_has_the_address_by_now(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, of_book: bool
) -> None:
    where = f"/v2/address-books/{book}/contacts" if of_book else "/v2/contacts"
    add_contact("ann@example.com")
    sync(integration)
    remote.ask("POST", f"{where}/unsubscribe", {"email": "ann@example.com"})
    sync(integration)
    remote.sandbox.advance(3600)
    back = {"unsubscribedContact": {"email": "ann@example.com"}}
    remote.ask("POST", f"{where}/resubscribe-with-no-challenge", back)
    change_there(remote, "ann@example.com", "ann.bee@example.com")
    remote.create_contact("ann@example.com", book=book)
    remote.ask("POST", f"{where}/unsubscribe", {"email": "ann@example.com"})

    sync(integration, kind=RunKind.IMPORT)

    scopes = scopes_of_list(link.marketing_list_id)
    assert not may_be_mailed(address="ann@example.com", scopes=scopes).may_be_mailed
    assert may_be_mailed(address="ann.bee@example.com", scopes=scopes).may_be_mailed


def test_whose_address_was_changed_on_both_sides_alike_stays_in_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """To be taken out and sent again would start Dotdigital's programs for newcomers, and end the place in others."""
    record = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    move(record, "new@example.com")
    for _run in range(2):
        sync(integration)
        assert set(remote.contacts(book)) == {"new@example.com"}
    assert not Removal.objects.exists()


def test_a_removal_spares_the_contact_that_another_record_is_sent_to(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Taken out by us, the other record would be thought taken out by somebody there, and never be sent again."""
    one = add_contact("one@example.com", "One")
    sync(integration)
    change_there(remote, "one@example.com", "two@example.com")
    two = add_contact("two@example.com", "Two")
    one.first_name = "Uno"
    one.save()
    for _run in range(2):
        sync(integration)
    assert set(remote.contacts(book)) == {"one@example.com", "two@example.com"}
    remove_records(marketing_list=link.marketing_list, record_ids=[one.pk])
    for _run in range(2):
        sync(integration)
    assert set(remote.contacts(book)) == {"two@example.com"}
    assert list(ExportItem.objects.values_list("record_id", "taken_out_at")) == [(str(two.pk), None)]


def test_an_opt_out_that_was_told_once_does_not_hold_up_a_later_one(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """The connection had an opt-out unsubscribe from the book; the person came back; now it takes them out alone."""
    ann = add_contact("ann@example.com")
    sync(integration)
    ListConnection.objects.update(unsubscribes_book=True)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)
    assert (remote.contacts(book), ContactRequest.objects.get().state) == ({}, ChangeState.DONE)
    remote.sandbox.advance(3600)
    resubscribe_records(
        marketing_list=link.marketing_list, record_ids=[ann.pk], source=Source.PERSON, opted_in_at=timezone.now()
    )
    back = {"unsubscribedContact": {"email": "ann@example.com"}}
    remote.ask("POST", f"/v2/address-books/{book}/contacts/resubscribe-with-no-challenge", back)
    for _run in range(2):
        sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com"}

    ListConnection.objects.update(unsubscribes_book=False)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)

    assert remote.contacts(book) == {}


def test_who_cannot_be_unsubscribed_from_the_book_is_taken_out_of_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """What is denied is tried ten times like all else, and given up: until then they stay in the book."""
    ann = add_contact("ann@example.com")
    sync(integration)
    ListConnection.objects.update(unsubscribes_book=True)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    remote.sandbox.fail_next("status", path="contacts/unsubscribe", times=None, status=403)
    for _run in range(10):
        ContactRequest.objects.update(due_at=None)
        sync(integration, kind=RunKind.REQUESTS)
    assert ContactRequest.objects.get().state == ChangeState.FAILED
    sync(integration)
    assert remote.contacts(book) == {}


def test_who_gets_the_address_of_somebody_in_the_book_after_opting_out_is_not_held_up_by_an_upload(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Nothing holds an opt-out up: mail to the address would reach them, whoever else has it."""
    _one, two = add_contact("one@example.com"), add_contact("two@example.com")
    sync(integration)
    remote.sandbox.hold_imports()
    add_contact("somebody@example.com")
    sync(integration, wait_seconds=0.0)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[two.pk])
    move(two, "one@example.com")
    sync(integration, wait_seconds=2.0)
    assert remote.contacts(book) == {}
