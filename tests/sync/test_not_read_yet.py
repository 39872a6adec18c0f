"""Who is in a book by now though nobody has read that: Dotdigital has taken their row, and the mirror does not show it.

The kind of fault: what the mirror does not show was taken for what is not there. Its places: the books that a campaign
goes to, a list that ends and takes its people along, and our notes of whoever left the list.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind, SendState
from dotbridge.connections.services import request_ending
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.mirror.models import Contact as RemoteContact
from dotbridge.sync.models import ExportItem, Upload
from tests.accounts import RemoteAccount, add_contact, sync
from tests.backoffice.world import empty_queue
from tests.sync.sending import ask_to_send, carry_out, connected, make_campaign, people, posts, read_draft, sent_to

LATE = "late@example.com"


pytestmark = pytest.mark.usefixtures("without_patience")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    empty_queue()
    people(2)
    return connected(integration, remote)


def arrive_unread(integration: Integration, remote: RemoteAccount, link: ListConnection, how: str) -> Contact:
    """Somebody whose row is in the book, while the reading of the book after it failed or was not made."""
    book = link.address_book.remote_id
    record = add_contact(LATE)
    if how == "finished":
        remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts/modified-since", status=500, times=None)
        sync(integration, kind=RunKind.EXPORT)
        remote.sandbox.clear_faults()
    elif how == "failed":
        remote.sandbox.finish_import_as("Failed")
        sync(integration, kind=RunKind.EXPORT)
        remote.create_contact(LATE, book=book)
    else:
        remote.sandbox.hold_imports()
        sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
        remote.create_contact(LATE, book=book)
        Upload.objects.filter(state="sent").update(sent_at=timezone.now() - timedelta(days=1, minutes=1))
    assert LATE in remote.contacts(book)
    assert not RemoteContact.objects.filter(email=LATE).exists()
    return record


@pytest.mark.parametrize("how", ["finished", "failed", "overdue"])
def test_who_has_opted_out_since_is_sent_no_campaign(
    integration: Integration, remote: RemoteAccount, link: ListConnection, how: str
) -> None:
    draft = read_draft(integration, make_campaign(remote))
    late = arrive_unread(integration, remote, link, how)
    send = ask_to_send(draft, link)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[late.pk])
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.WAITING, [])
    sync(integration, kind=RunKind.EXPORT)
    carry_out(integration, send)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p1@example.com"]


@pytest.mark.parametrize("how", ["finished", "failed", "overdue"])
def test_they_leave_the_book_with_the_whole_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, how: str
) -> None:
    arrive_unread(integration, remote, link, how)
    request_ending(link=link)
    sync(integration, kind=RunKind.REQUESTS)
    assert not ListConnection.objects.exists()
    assert remote.contacts(link.address_book.remote_id) == {}


@pytest.mark.parametrize("how", ["finished", "failed"])
def test_they_leave_the_book_when_they_have_left_the_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, how: str
) -> None:
    late = arrive_unread(integration, remote, link, how)
    remove_records(marketing_list=link.marketing_list, record_ids=[late.pk])
    sync(integration, kind=RunKind.EXPORT)
    remote.sandbox.advance(60)
    sync(integration)
    assert set(remote.contacts(link.address_book.remote_id)) == {"p0@example.com", "p1@example.com"}


@pytest.mark.parametrize("how", ["finished", "failed", "overdue"])
def test_who_has_opted_out_leaves_the_book_of_a_list_that_ends_and_leaves_the_others_there(
    integration: Integration, remote: RemoteAccount, link: ListConnection, how: str
) -> None:
    late = arrive_unread(integration, remote, link, how)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[late.pk])
    request_ending(link=link, takes_out=False)
    sync(integration, kind=RunKind.REQUESTS)
    assert not ListConnection.objects.exists()
    assert set(remote.contacts(link.address_book.remote_id)) == {"p0@example.com", "p1@example.com"}


def test_they_leave_the_book_when_the_file_was_worked_on_long_after_its_answer_was_lost(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """They left the list after the book was looked at, before the next export."""
    late = add_contact(LATE)
    remote.sandbox.hold_imports()
    remote.sandbox.fail_next("reset", path="contacts/import", method="POST", late=True)
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    assert ExportItem.objects.get(email=LATE).upload is None, "the book was looked at, and does not show them"
    remove_records(marketing_list=link.marketing_list, record_ids=[late.pk])
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()
    assert LATE in remote.contacts(link.address_book.remote_id)
    remote.sandbox.advance(60)
    sync(integration)
    assert LATE not in remote.contacts(link.address_book.remote_id)
    Upload.objects.update(finished_at=timezone.now() - timedelta(days=2))
    sync(integration)
    assert not ExportItem.objects.filter(email=LATE).exists()
