"""`kill -9` while a connection ends: the next run brings it to its end, and nobody else leaves the book."""

from __future__ import annotations

import signal

import pytest

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_ending
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import ExportItem
from tests.accounts import RemoteAccount, add_contact, connect, sync
from tests.faults.test_kill import run_killed

OUTBOUND = "dotbridge.sync.outbound"
POINTS = [
    (f"{OUTBOUND}.removals:_assign", "after", 1),
    ("dotdigital.books:Book.remove_contacts", "before", 1),
    ("dotdigital.books:Book.remove_contacts", "after", 1),
    (f"{OUTBOUND}.removals:_complete", "before", 1),
    (f"{OUTBOUND}.removals:_complete", "after", 1),
    (f"{OUTBOUND}.endings:finish_ending", "before", 1),
    ("dotbridge.sync.services:disconnect_list", "after", 1),
    (f"{OUTBOUND}.endings:finish_ending", "after", 1),
]


@pytest.mark.parametrize(("point", "moment", "nth"), POINTS)
def test_a_killed_ending_is_made_good_by_the_next_run(
    integration: Integration, remote: RemoteAccount, point: str, moment: str, nth: int
) -> None:
    add_contact("ann@example.com", "Ann")
    book = remote.create_book("Readers")
    remote.create_book("Others")
    remote.create_contact("guest@example.com", book=book)
    link = connect(integration, book="Readers")
    sync(integration)
    request_ending(link=link, next_book=AddressBook.objects.get(name="Others"))

    code = run_killed(integration, remote.sandbox.url, point, moment, nth, RunKind.REQUESTS)
    assert code == -signal.SIGKILL, "the run never came to the point"
    sync(integration, kind=RunKind.REQUESTS)

    assert set(remote.contacts(book)) == {"guest@example.com"}
    assert remote.ask("GET", "/v2/contacts/ann@example.com")["status"] == "Subscribed"
    assert ListConnection.objects.get().address_book.name == "Others"
    assert not ExportItem.objects.exists()
