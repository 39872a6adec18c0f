"""What somebody did in Dotdigital to members whom we sent: it stays as they wanted it, and what got lost is sent again.

The kind: the full comparison and the reading of books mended our copy, and never the other side. The second place: a
contact that was deleted in Dotdigital, which counted as confirmed like one that was taken out of the book.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.lists.services import remove_records, restore_records
from dotbridge.mirror.models import Membership
from dotbridge.sync.models import ExportItem, Recheck, Removal, Upload
from dotbridge.sync.outbound.states import RowState, state_of_row
from dotbridge.sync.outbound.taken_out import note_taken_out
from dotbridge.sync.selectors import connection_standing
from dotbridge.sync.services import put_back
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    remote.create_field("JOB", "String")
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, book: int) -> ListConnection:
    for email in (ANN, BOB):
        add_contact(email, job_title="Smith")
    made = connect(integration, book="Readers", rows={"JOB": ["job_title"]})
    sync(integration)
    return made


def note_of(link: ListConnection, email: str) -> ExportItem:
    return link.items.select_related("upload").get(email_key=email)


def take_out(remote: RemoteAccount, book: int, email: str) -> None:
    contact = remote.find_contact(email)
    assert contact is not None
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{contact['id']}")


def noticed(integration: Integration) -> None:
    """Who is not there any more is seen when everybody is read, and noted by the next export."""
    sync(integration, kind=RunKind.RECONCILE)
    sync(integration)


def test_what_was_prepared_before_they_were_taken_out_does_not_bring_them_back(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    Contact.objects.filter(emails__email=ANN).update(first_name="Anna")
    sync(integration, kind=RunKind.CHANGES)
    assert state_of_row(note_of(link, ANN)) is RowState.QUEUED
    take_out(remote, book, ANN)
    noticed(integration)
    assert set(remote.contacts(book)) == {BOB}
    assert state_of_row(note_of(link, ANN)) is RowState.TAKEN_OUT
    put_back(link=link)
    sync(integration)
    assert remote.contacts(book)[ANN]["FIRSTNAME"] == "Anna"


@pytest.mark.parametrize("is_deleted", [False, True])
def test_whoever_was_taken_out_there_stays_out_until_put_back(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, is_deleted: bool
) -> None:
    contact = remote.find_contact(ANN)
    assert contact is not None
    if is_deleted:
        remote.ask("DELETE", f"/v2/contacts/{contact['id']}")
    else:
        take_out(remote, book, ANN)
    noticed(integration)

    standing = connection_standing(link)
    assert (standing.confirmed, standing.taken_out, standing.waiting) == (1, 1, 0)
    assert state_of_row(note_of(link, ANN)) is RowState.TAKEN_OUT
    Contact.objects.filter(emails__email=ANN).update(first_name="Anna")
    sync(integration)
    assert set(remote.contacts(book)) == {BOB}, "an unrelated edit does not bring them back"

    assert put_back(link=link) == 1
    sync(integration)
    assert remote.contacts(book)[ANN]["FIRSTNAME"] == "Anna"
    sync(integration)
    assert connection_standing(link).taken_out == 0


def test_a_connection_may_always_put_back(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    ListConnection.objects.update(always_put_back=True)
    take_out(remote, book, ANN)

    noticed(integration)

    assert set(remote.contacts(book)) == {ANN, BOB}
    assert connection_standing(link).taken_out == 0


def test_somebody_put_back_there_is_confirmed_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    take_out(remote, book, ANN)
    noticed(integration)
    remote.create_contact(ANN, book=book)
    sync(integration)
    assert state_of_row(note_of(link, ANN)) is RowState.CONFIRMED


def test_what_was_edited_while_somebody_was_out_is_sent_when_they_are_back(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    take_out(remote, book, ANN)
    noticed(integration)
    Contact.objects.filter(emails__email=ANN).update(job_title="Baker")
    sync(integration)
    remote.create_contact(ANN, book=book)

    sync(integration)

    assert remote.contacts(book)[ANN]["JOB"] == "Baker"


def test_what_was_edited_while_a_removal_was_at_work_is_sent_when_it_failed(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    bob = Contact.objects.get(emails__email=BOB)
    remove_records(marketing_list=link.marketing_list, record_ids=[bob.pk])
    remote.sandbox.settings.deletion_seconds = 600
    sync(integration, wait_seconds=0.0)
    restore_records(marketing_list=link.marketing_list, record_ids=[bob.pk])
    Contact.objects.filter(pk=bob.pk).update(job_title="Baker")
    sync(integration, wait_seconds=0.0)
    # Dotdigital does not know of it any more.
    Removal.objects.update(remote_id=str(uuid.uuid4()))

    for _number in range(2):
        sync(integration)

    assert remote.contacts(book)[BOB]["JOB"] == "Baker"


def test_who_leaves_the_list_while_taken_out_may_come_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    take_out(remote, book, ANN)
    noticed(integration)
    ann = Contact.objects.get(emails__email=ANN)
    removed = remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    assert removed
    sync(integration)
    assert not link.items.filter(email_key=ANN).exists()


def test_who_came_back_to_the_list_and_did_not_arrive_twice_was_taken_out_by_nobody(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """They were in the book before, and it was we who took them out of it."""
    ann = Contact.objects.get(emails__email=ANN)
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    restore_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    for _attempt in range(2):
        remote.sandbox.finish_import_as("Failed")
        sync(integration)
        Upload.objects.filter(state="refused").update(retry_at=timezone.now())
    assert ANN not in remote.contacts(book)
    sync(integration)
    assert ANN in remote.contacts(book)
    assert note_of(link, ANN).taken_out_at is None


def test_an_opt_out_is_not_taken_for_it(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    ListConnection.objects.update(always_put_back=True)
    remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": ANN})
    noticed(integration)
    assert not link.items.filter(taken_out_at__isnull=False).exists()
    assert set(remote.contacts(book)) == {BOB}


def test_nobody_is_looked_at_again_where_nobody_was_taken_out(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    noticed(integration)
    note_taken_out(integration)
    assert not Recheck.objects.exists()
    take_out(remote, book, ANN)
    sync(integration, kind=RunKind.RECONCILE)
    note_taken_out(integration)
    assert Recheck.objects.count() == 1


def test_values_lost_with_their_data_field_are_sent_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.advance(86_400.0)  # so that no feed of changes is read back to when they were made
    sync(integration)
    remote.ask("DELETE", "/v2/data-fields/JOB")
    remote.create_field("JOB", "String")
    sync(integration)
    assert not remote.contacts(book)[ANN].get("JOB"), "no feed of changes tells it"

    run = sync(integration, kind=RunKind.RECONCILE)
    sync(integration)

    assert steps_of(run)["contacts"]["sent_again"] == 2
    assert "2 contacts were lost" in steps_of(run)["contacts"]["message"]
    assert {values["JOB"] for values in remote.contacts(book).values()} == {"Smith"}


def test_what_is_prepared_and_was_not_sent_yet_cannot_be_lost(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.advance(86_400.0)
    sync(integration)
    Contact.objects.filter(emails__email=ANN).update(job_title="Baker")
    sync(integration, kind=RunKind.CHANGES)
    remote.ask("DELETE", "/v2/data-fields/JOB")
    remote.create_field("JOB", "String")

    run = sync(integration, kind=RunKind.RECONCILE)

    assert steps_of(run)["contacts"]["sent_again"] == 1
    assert note_of(link, ANN).values["JOB"] == "Baker"
    sync(integration)
    assert {email: values["JOB"] for email, values in remote.contacts(book).items()} == {ANN: "Baker", BOB: "Smith"}


def test_a_value_that_somebody_emptied_hides_no_lost_one(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    contact = remote.find_contact(BOB)
    assert contact is not None
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {"email": BOB, "dataFields": [{"key": "JOB", "value": ""}]})
    sync(integration)
    remote.sandbox.advance(86_400.0)
    sync(integration)
    remote.ask("DELETE", "/v2/data-fields/JOB")
    remote.create_field("JOB", "String")

    run = sync(integration, kind=RunKind.RECONCILE)
    sync(integration)

    assert steps_of(run)["contacts"]["sent_again"] == 1
    assert {email: values["JOB"] or "" for email, values in remote.contacts(book).items()} == {ANN: "Smith", BOB: ""}


def test_what_a_person_changed_or_emptied_there_stays(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    for email, value in ((ANN, ""), (BOB, "Baker")):
        contact = remote.find_contact(email)
        assert contact is not None
        changed = {"email": email, "dataFields": [{"key": "JOB", "value": value}]}
        remote.ask("PUT", f"/v2/contacts/{contact['id']}", changed)

    run = sync(integration, kind=RunKind.RECONCILE)
    sync(integration)

    assert "sent_again" not in steps_of(run)["contacts"]
    values = remote.contacts(book)
    assert (values[ANN]["JOB"] or "", values[BOB]["JOB"]) == ("", "Baker")


@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.parametrize("is_in_book", [False, True])
def test_another_contact_of_the_book_with_the_address_is_sent_all_values(
    integration: Integration,
    remote: RemoteAccount,
    book: int,
    link: ListConnection,
    is_in_book: bool,
    is_deleted: bool,
) -> None:
    """The one we wrote to was deleted, or has another address; nobody outside of the book is brought into it."""
    contact = remote.find_contact(ANN)
    assert contact is not None
    if is_deleted:
        remote.ask("DELETE", f"/v2/contacts/{contact['id']}")
    else:
        remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": "ann.new@example.com"})
    made = remote.create_contact(ANN, book=remote.create_book("Of no list"), JOB="Stranger")
    if is_in_book:
        remote.ask("POST", f"/v2/address-books/{book}/contacts", {"email": ANN})
    for _run in range(2):
        remote.sandbox.advance(3600)
        noticed(integration)
    assert remote.find_contact(ANN)["id"] == made != contact["id"]  # type: ignore[index]
    held = remote.contacts(book)
    assert held.get(ANN, {}).get("JOB") == ("Smith" if is_in_book else None)
    remote.sandbox.clear_calls()
    sync(integration)
    assert [call["path"] for call in remote.sandbox.calls() if call["method"] != "GET"] == []
    if not is_in_book:
        # Whoever comes into it later is looked at then.
        remote.ask("POST", f"/v2/address-books/{book}/contacts", {"email": ANN})
        remote.sandbox.advance(3600)
        noticed(integration)
        assert remote.contacts(book)[ANN]["JOB"] == "Smith"


def test_who_has_another_address_and_is_not_in_the_book_is_not_taken_for_the_new_contact(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    """Taken off and renamed there, unseen; then a record has the old address, and an upload says that it is in."""
    remove_records(marketing_list=link.marketing_list, record_ids=[Contact.objects.get(emails__email=ANN).pk])
    sync(integration)
    contact = remote.find_contact(ANN)
    assert contact is not None
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": "ann.new@example.com"})
    add_contact(ANN, job_title="Baker")
    for _run in range(2):
        remote.sandbox.advance(3600)
        sync(integration)
    listed = Membership.objects.filter(address_book=link.address_book, gone_at=None)
    assert set(listed.values_list("contact__email_key", flat=True)) == set(remote.contacts(book)) == {ANN, BOB}


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
def test_a_file_that_went_without_somebody_who_was_leaving_has_not_carried_their_values(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    """Dotdigital did not carry the removal out, and they are on the list again."""
    ann = Contact.objects.get(emails__email=ANN)
    Contact.objects.update(first_name="Anna")
    sync(integration, kind=RunKind.CHANGES)
    assert state_of_row(note_of(link, ANN)) is RowState.QUEUED
    remote.sandbox.settings.deletion_seconds = 10_000_000.0
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    run = sync(integration, wait_seconds=5.0)
    assert remote.contacts(book)[BOB]["FIRSTNAME"] == "Anna"
    assert not steps_of(run)["results"].get("unreported")

    restore_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    Removal.objects.update(sent_at=timezone.now() - timedelta(days=2))
    sync(integration)

    assert remote.contacts(book)[ANN]["FIRSTNAME"] == "Anna"
