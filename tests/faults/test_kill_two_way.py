"""`kill -9` while Dotdigital's changes are written into records: the next run ends where an undisturbed one would."""

from __future__ import annotations

import signal
import time

import pytest

from dotbridge.connections.models import ListConnection
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Newcomer, State, SyncRun, ValueConflict, Winner
from tests.accounts import RemoteAccount
from tests.faults.test_kill import run_killed
from tests.sync.two_way_account import change, connect_two_way, person, sync, writes

INBOUND = "dotbridge.sync.inbound"
POINTS = [
    (f"{INBOUND}.two_way_chunk:save_targets", "after", 1),  # records written, nothing committed
    (f"{INBOUND}.two_way_chunk:Chunk.store", "after", 1),  # noted, nothing committed
    (f"{INBOUND}.two_way:compare_and_write", "after", 1),  # the first half committed, a conflict left open
    (f"{INBOUND}.two_way:ask_dotdigital", "after", 1),  # asked, the answer not used
    (f"{INBOUND}.two_way:compare_and_write", "after", 2),
    (f"{INBOUND}.two_way:move_cursor", "before", 1),
    (f"{INBOUND}.two_way_newcomers:_save", "after", 1),  # a record made, nothing committed
    (f"{INBOUND}.two_way_newcomers:_create", "after", 1),
]


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """Changed there, changed here, changed on both sides with Dotdigital's the newer, and one whom only it knows."""
    for name in ("there", "here", "both"):
        person(f"{name}@example.com")
    link = connect_two_way(integration, remote)
    ListConnection.objects.filter(pk=link.pk).update(create_entities=True)
    sync(integration)
    for name in ("here", "both"):
        contact = Contact.objects.get(emails__email=f"{name}@example.com")
        contact.first_name = "Changed here"
        contact.save()
    time.sleep(1.1)
    for name in ("there", "both"):
        change(remote, f"{name}@example.com", FIRSTNAME="Changed there", SCORE=9)
    remote.create_contact("new@example.com", book=link.address_book.remote_id, FIRSTNAME="New")
    return link


@pytest.mark.parametrize(("point", "moment", "nth"), POINTS)
def test_a_killed_write_back_is_made_good_by_the_next(
    integration: Integration, remote: RemoteAccount, link: ListConnection, point: str, moment: str, nth: int
) -> None:
    code = run_killed(integration, remote.sandbox.url, point, moment, nth)
    assert code == -signal.SIGKILL, "the run never came to the point"
    sync(integration)

    names = dict(ContactEmail.objects.values_list("email", "contact__first_name"))
    held = {email: values["FIRSTNAME"] for email, values in remote.contacts(link.address_book.remote_id).items()}
    assert ValueConflict.objects.get().winner == Winner.DOTDIGITAL
    expected = {
        "there@example.com": "Changed there",
        "here@example.com": "Changed here",
        "both@example.com": "Changed there",
        "new@example.com": "New",
    }
    assert names == expected
    assert held == expected
    assert Contact.objects.get(emails__email="both@example.com").lead_score == 9
    assert Newcomer.objects.count() == 1
    assert SyncRun.objects.filter(state=State.INTERRUPTED).count() == 1
    sync(integration)
    remote.sandbox.clear_calls()
    assert sync(integration).state == State.SUCCEEDED
    assert writes(remote) == []
