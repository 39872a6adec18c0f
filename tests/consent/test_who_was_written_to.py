"""Whose opt-out it is: the record that was written to, and the contact by its id, however addresses change meanwhile.

- We know whose address it was: the note went to another record before the opt-out was read; the record had left the
  list long before the person opted out; the address was changed on both sides; the record was merged into another one.
- Identity is the remote id: a contact that got another address in Dotdigital is unsubscribed there, erased there, and
  out of the book when that other address opted out here.
- Erased is erased: what was on its way to Dotdigital when the address was erased.
- A merged record is the same person: loaded again after the merge, under the address that stayed.

That ids of one account mean nothing in another stands in tests/integrations/test_other_account.py.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import ConsentEvent, Scope, Source
from dotbridge.consent.services import carry_over, opt_in_records, opt_out_addresses, opt_out_records
from dotbridge.crm.models import Contact as CrmContact
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import remove_records, restore_records, unsubscribe_records
from dotbridge.sync.models import ExportItem, PastAddress, Upload
from dotbridge.sync.services import put_back
from tests.accounts import RemoteAccount, add_contact, sync
from tests.consent.test_people import change_there, move, status


def unsubscribe(remote: RemoteAccount, address: str) -> None:
    """Somebody opts out in Dotdigital."""
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": address})


def test_a_record_whose_note_went_to_another_is_bound_by_what_was_said_before(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    written_to, _other = add_contact("info@example.com", "Ann"), add_contact("info@example.com", "Bob")
    add_contact("somebody@example.com")
    sync(integration)
    unsubscribe(remote, "info@example.com")
    move(written_to, "ann@example.com")
    # Nobody here has read the opt-out when the other record takes the note over.
    sync(integration, kind=RunKind.EXPORT)
    handed_over = PastAddress.objects.values_list("email_key", "record_id")
    assert list(handed_over) == [("info@example.com", str(written_to.pk))]
    sync(integration)
    sync(integration)
    assert "ann@example.com" not in remote.contacts(book)
    assert count_members(link.marketing_list).unsubscribed == 2


def test_what_the_new_owner_of_an_address_says_does_not_bind_the_former(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    written_to, _other = add_contact("info@example.com", "Ann"), add_contact("info@example.com", "Bob")
    sync(integration)
    move(written_to, "ann@example.com")
    sync(integration)
    unsubscribe(remote, "info@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com"}


@pytest.mark.parametrize("is_changed_there", [False, True])
def test_whose_old_note_outlived_the_first_mail_to_another_address_is_not_bound_by_the_old_one(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, *, is_changed_there: bool
) -> None:
    """Dotdigital took its time to take them out, or the note was kept for a day because nothing was to be taken out."""
    record = add_contact("info@example.com")
    sync(integration)
    if is_changed_there:
        change_there(remote, "info@example.com", "ann@example.com")
    else:
        remote.sandbox.account.settings.deletion_seconds = 3600.0
    move(record, "ann@example.com")
    sync(integration, wait_seconds=0.0)
    assert ExportItem.objects.count() == 2
    Upload.objects.filter(items__email="info@example.com").update(finished_at=timezone.now() - timedelta(days=2))
    remote.sandbox.advance(3700)
    sync(integration)
    assert list(ExportItem.objects.values_list("email", flat=True)) == ["ann@example.com"]
    if is_changed_there:
        remote.create_contact("info@example.com")
    unsubscribe(remote, "info@example.com")
    remote.sandbox.advance(3600)
    sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com"}
    assert count_members(link.marketing_list).unsubscribed == 0


def test_who_was_given_what_cannot_be_an_address_is_known_by_the_last_one(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    move(record, "not an address")
    for _run in range(3):
        sync(integration)
    unsubscribe(remote, "old@example.com")
    sync(integration)
    move(record, "new@example.com")
    sync(integration)
    assert remote.contacts(book) == {}
    assert count_members(link.marketing_list).unsubscribed == 1


def test_who_had_left_the_list_when_they_opted_out_stays_out_under_another_address(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    remove_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration)
    # Whoever else is written to meanwhile ends nothing of it.
    add_contact("somebody@example.com")
    sync(integration)
    unsubscribe(remote, "old@example.com")
    move(record, "new@example.com")
    restore_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration)
    assert set(remote.contacts(book)) == {"somebody@example.com"}


def test_an_address_that_somebody_else_had_before_says_nothing_about_them(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """A record is bound by the contact that it was last written to at, not by one before that."""
    record = add_contact("old@example.com")
    sync(integration)
    move(record, "new@example.com")
    sync(integration)
    remote.sandbox.advance(3600)
    unsubscribe(remote, "old@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"new@example.com"}


def test_an_opt_out_is_found_when_the_address_changed_on_both_sides(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "there@example.com")
    unsubscribe(remote, "there@example.com")
    move(record, "here@example.com")
    sync(integration, kind=RunKind.EXPORT)
    sync(integration)
    sync(integration)
    assert remote.contacts(book) == {}


def test_an_opt_out_that_was_not_read_before_the_merge_binds_the_record_that_stays(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    gone, kept = add_contact("ann@example.com"), add_contact("ann.bee@example.com")
    sync(integration)
    unsubscribe(remote, "ann@example.com")
    carry_over(entity="crm.contact", merged_ids=[gone.pk], into_id=kept.pk)
    gone.delete()
    sync(integration)
    assert remote.contacts(book) == {}


def test_a_merged_record_that_is_loaded_again_stays_out(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    gone, kept = add_contact("ann@example.com"), add_contact("ann.bee@example.com")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[gone.pk])
    carry_over(entity="crm.contact", merged_ids=[gone.pk], into_id=kept.pk)
    gone.delete()
    kept.delete()
    add_contact("ann.bee@example.com")
    sync(integration)
    assert remote.contacts(book) == {}


def test_who_opted_out_of_everything_is_unsubscribed_under_the_address_they_have_there(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    sync(integration)
    opt_out_records(entity="crm.contact", record_ids=[record.pk], source=Source.CRM)
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "new@example.com") == "Unsubscribed"


def test_an_erased_person_is_deleted_there_under_the_address_they_have_there(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    sync(integration)
    erase_address(address="old@example.com", is_remote=True)
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("new@example.com") is None


@pytest.mark.parametrize("of_list", [True, False])
def test_whoever_is_given_an_opted_out_address_there_leaves_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, of_list: bool
) -> None:
    other = add_contact("new@example.com")
    if of_list:
        unsubscribe_records(marketing_list=link.marketing_list, record_ids=[other.pk])
    else:
        opt_out_addresses(addresses=["new@example.com"], source=Source.FILE)
    other.delete()
    add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    sync(integration)
    assert remote.contacts(book) == {}
    assert count_members(link.marketing_list).unsubscribed == 1


def test_what_follows_from_another_address_there_is_said_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Rule: one word about a person is one event, however many runs read it before an export can act on it."""
    opt_out_addresses(addresses=["new@example.com"], source=Source.FILE)
    record = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    for _run in range(3):
        sync(integration, kind=RunKind.IMPORT)
    assert count_members(link.marketing_list).unsubscribed == 1
    assert ConsentEvent.objects.filter(record_id=str(record.pk)).count() == 1

    # A newer word for the record is not undone by the older one about the address.
    opt_in_records(entity="crm.contact", record_ids=[record.pk], source=Source.PERSON, scope=Scope.EVERYTHING)
    sync(integration, kind=RunKind.IMPORT)
    assert count_members(link.marketing_list).unsubscribed == 0


def test_an_erased_person_whom_an_upload_on_its_way_brings_back_is_deleted_there(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    erase_address(address="ann@example.com", is_remote=True)
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()
    assert "ann@example.com" in remote.contacts(book)
    sync(integration)
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is None


def test_the_erasure_of_whoever_has_a_former_address_now_leaves_the_other_ones_known(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """By them it is known whom a contact that opts out later is here."""
    add_contact("old@example.com")
    sync(integration)
    for before, after in (("old@example.com", "mid@example.com"), ("mid@example.com", "new@example.com")):
        change_there(remote, before, after)
        sync(integration, kind=RunKind.IMPORT)
    remote.create_contact("mid@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    erase_address(address="mid@example.com")
    unsubscribe(remote, "new@example.com")

    sync(integration)

    assert count_members(link.marketing_list).unsubscribed == 1
    assert "old@example.com" not in remote.contacts(book)


@pytest.mark.parametrize("is_put_back", [False, True])
def test_who_was_written_to_and_whose_note_waits_in_no_file_any_more_is_bound_all_the_same(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, *, is_put_back: bool
) -> None:
    """Their values had changed when they were taken out of the book there; then they left the list."""
    record = add_contact("old@example.com")
    add_contact("somebody@example.com")
    sync(integration)
    CrmContact.objects.filter(pk=record.pk).update(first_name="Anna")
    sync(integration, kind=RunKind.CHANGES)
    contact = remote.find_contact("old@example.com")
    assert contact is not None
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{contact['id']}")
    sync(integration, kind=RunKind.RECONCILE)
    sync(integration, kind=RunKind.EXPORT)
    note = ExportItem.objects.get(email_key="old@example.com")
    assert (note.upload_id, note.taken_out_at is None) == (None, False)
    if is_put_back:
        put_back(link=link)
    remove_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration, kind=RunKind.EXPORT)
    assert not ExportItem.objects.filter(email_key="old@example.com").exists()

    unsubscribe(remote, "old@example.com")
    move(record, "new@example.com")
    restore_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration)

    assert set(remote.contacts(book)) == {"somebody@example.com"}
    assert count_members(link.marketing_list).unsubscribed == 1
