"""Disconnecting is a request that a worker carries out, alone with the integration.

The kind: a web request that does a worker's work: it races the worker (somebody was in the book and no note of them was
left), and it takes as long as there are notes. The second place: a list that goes over to another book and leaves its
contacts, which was done in the web request too.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge import jobs
from dotbridge.audit.acting import BACK_OFFICE
from dotbridge.audit.models import AuditEntry, Verb
from dotbridge.connections.models import Ending, ListConnection, RunKind
from dotbridge.connections.selectors import integrations_to_disconnect
from dotbridge.connections.services import cancel_ending, request_ending
from dotbridge.crm.models import Contact
from dotbridge.each_alone import SomeFailed
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook
from dotbridge.sync import services
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import ExportItem, PastAddress, Recheck, Upload, UploadState
from dotbridge.sync.outbound.endings import disconnect_lists
from tests.accounts import RemoteAccount, add_contact, connect, sync
from tests.backoffice.world import empty_queue


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, book: int) -> ListConnection:
    empty_queue()
    for number in range(5):
        add_contact(f"p{number}@example.com")
    return connect(integration, book="Readers")


def test_a_connection_ends_only_when_nobody_sends(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration, kind=RunKind.CHANGES)
    request_ending(link=link, takes_out=False)
    with integration_lock(integration.pk) as held:
        assert held
        outcome: list[int] = []

        def other() -> None:
            outcome.append(disconnect_lists(integration))
            connections.close_all()

        worker = threading.Thread(target=other)
        worker.start()
        worker.join(30)
    assert outcome == [0]
    assert ListConnection.objects.exists()

    sync(integration, kind=RunKind.EXPORT)

    assert remote.contacts(book) == {}, "from the request on nobody is sent"
    assert disconnect_lists(integration) == 1
    assert not ListConnection.objects.exists()
    assert not ExportItem.objects.exists()


def test_the_audit_names_who_disconnected_a_list_and_not_the_worker(
    integration: Integration, link: ListConnection
) -> None:
    mona = User.objects.create_user("mona")
    request_ending(link=link, takes_out=False, by=mona)
    assert disconnect_lists(integration) == 1
    ended = AuditEntry.objects.get(model="dotbridge_connections.listconnection", verb=Verb.DELETED)
    assert (ended.actor, ended.actor_id, ended.origin) == ("mona", str(mona.pk), BACK_OFFICE)


def test_contacts_stay_and_an_upload_on_its_way_is_waited_for(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    request_ending(link=link, takes_out=False)
    assert disconnect_lists(integration) == 0
    assert "on its way" in Ending.objects.get().message
    remote.sandbox.release_imports()
    sync(integration)

    assert disconnect_lists(integration) == 1

    assert len(remote.contacts(book)) == 5
    assert PastAddress.objects.count() == 5, "an opt-out that is learned late still finds its record"


def test_an_upload_that_never_ends_is_not_waited_for_longer_than_a_day(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    request_ending(link=link, takes_out=False)
    Upload.objects.update(sent_at=timezone.now() - timedelta(days=1, minutes=1), state=UploadState.SENT)
    assert disconnect_lists(integration) == 1
    remote.sandbox.release_imports()


def test_an_integration_that_cannot_run_is_disconnected_all_the_same(
    integration: Integration, link: ListConnection
) -> None:
    Integration.objects.update(is_active=False, password_sealed="nonsense")
    request_ending(link=ListConnection.objects.get(), takes_out=False)
    assert list(integrations_to_disconnect()) == [integration]

    jobs.disconnect.func(integration_id=integration.pk)

    assert not ListConnection.objects.exists()
    assert not integrations_to_disconnect()


def test_a_connection_that_cannot_end_keeps_no_other_from_ending(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_book("Others")
    other = connect(integration, book="Others")
    for each in (link, other):
        request_ending(link=each, takes_out=False)

    def refuse(instance: ListConnection, **_: object) -> None:
        if instance.pk == link.pk:
            raise RuntimeError("the host keeps this one")

    pre_delete.connect(refuse, sender=ListConnection)
    try:
        with pytest.raises(SomeFailed, match=str(link.pk)):
            disconnect_lists(integration)
    finally:
        pre_delete.disconnect(refuse, sender=ListConnection)
    assert list(ListConnection.objects.all()) == [link]
    assert disconnect_lists(integration) == 1


def test_notes_go_in_pieces_and_the_rest_goes_when_a_worker_died(
    integration: Integration, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(integration)
    request_ending(link=link, takes_out=False)
    monkeypatch.setattr(services, "NOTES_AT_ONCE", 2)
    monkeypatch.setattr(services.Removal, "objects", None)  # the worker dies after the notes went
    with pytest.raises(SomeFailed):
        disconnect_lists(integration)
    assert not ExportItem.objects.exists()
    assert ListConnection.objects.exists()
    # Nobody knows any more who had left the list and is in the book still.
    with pytest.raises(ValidationError, match="too far gone"):
        cancel_ending(link=link)
    monkeypatch.undo()
    assert disconnect_lists(integration) == 1


def test_the_statements_of_the_request_do_not_grow_with_the_notes(
    integration: Integration, link: ListConnection
) -> None:
    counts = []
    for _more in range(2):
        sync(integration)
        with CaptureQueriesContext(connection) as captured:
            request_ending(link=link, takes_out=False)
        counts.append(len(captured))
        cancel_ending(link=link)
        for number in range(50):
            add_contact(f"more{number}.{_more}@example.com")
    assert counts[0] == counts[1]


def test_a_list_takes_its_settings_along(integration: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    remote.create_book("Others")
    sync(integration)
    ListConnection.objects.update(unsubscribes_book=True, always_put_back=True)
    request_ending(link=ListConnection.objects.get(), takes_out=False, next_book=AddressBook.objects.get(name="Others"))
    sync(integration, kind=RunKind.REQUESTS)
    moved = ListConnection.objects.get()
    assert (moved.address_book.name, moved.unsubscribes_book, moved.always_put_back) == ("Others", True, True)


def test_the_end_of_the_oldest_list_compares_nobody_anew(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_book("Others")
    other = connect(integration, book="Others")
    sync(integration)
    other.refresh_from_db()
    request_ending(link=link, takes_out=False)

    disconnect_lists(integration)

    assert ListConnection.objects.get().compared_as == other.compared_as
    assert Recheck.objects.filter(connection=other).count() == 5, "only who was on both lists is looked at"
    run = sync(integration)
    assert run.uploads.count() == 0
    Contact.objects.filter(emails__email="p0@example.com").update(first_name="Nina")
    sync(integration)
    assert remote.contacts(other.address_book.remote_id)["p0@example.com"]["FIRSTNAME"] == "Nina"
