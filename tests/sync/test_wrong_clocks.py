"""What was noted while this machine's clock was wrong holds nothing up for as long as the clock was ahead.

The kind: a moment of ours that is compared with a later moment of ours, and believed whatever it is. The cases: a
request that is put off, and the version of the API that was asked for. The second places: a run that waits for calls,
an upload and a removal that Dotdigital works on, the rows of a refused file, and an account without events.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState, RunKind
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import RUN_TASK
from dotbridge.integrations.models import Integration, ProtocolChoice, WireProtocol
from dotbridge.jobs import request_late_runs
from dotbridge.lists.services import remove_records
from dotbridge.sync.cursors import move_cursor, read_cursor
from dotbridge.sync.models import EventSubscription, Removal, RemovalState, State, SyncRun, Upload, UploadState
from tests.accounts import RemoteAccount, add_contact, connect, list_of, sync, use_protocol

LATER = timedelta(days=400)


def test_what_was_put_off_by_a_wrong_clock_may_be_tried(integration: Integration) -> None:
    change = AccountChange.objects.create(
        integration=integration,
        kind=ChangeKind.CREATE_ADDRESS_BOOK,
        name="New",
        details={"visibility": "Private"},
        attempts=3,
        due_at=timezone.now() + timedelta(minutes=50),
    )
    assert not integrations_with_requests().exists()

    AccountChange.objects.update(due_at=timezone.now() + LATER)

    assert list(integrations_with_requests()) == [integration]
    sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE


def test_an_account_that_was_asked_by_a_wrong_clock_is_asked_again(integration: Integration) -> None:
    use_protocol(integration, ProtocolChoice.AUTOMATIC)
    Integration.objects.update(protocol_found=WireProtocol.V2, protocol_asked_at=timezone.now() + LATER)
    integration.refresh_from_db()

    sync(integration, kind=RunKind.DATA_FIELDS)

    integration.refresh_from_db()
    assert integration.protocol_found == WireProtocol.V3
    assert integration.protocol_asked_at is not None
    assert integration.protocol_asked_at <= timezone.now()


@pytest.mark.parametrize(
    ("position", "since"), [(timedelta(hours=-1), timedelta(hours=-1, minutes=-5)), (LATER, timedelta(days=-1))]
)
def test_a_feed_is_read_from_a_little_before_where_it_was_read_to(
    integration: Integration, position: timedelta, since: timedelta
) -> None:
    """Read to a moment that has not come yet by Dotdigital's clock, it is read from a day ago."""
    now = timezone.now()
    assert read_cursor(integration, "unsubscribes", now) is None
    move_cursor(integration, "unsubscribes", now + position)
    assert read_cursor(integration, "unsubscribes", now) == now + since


def test_a_run_that_waits_by_a_wrong_clock_keeps_no_other_waiting(integration: Integration) -> None:
    SyncRun.objects.create(
        integration=integration,
        kind=RunKind.EXPORT,
        state=State.WAITING,
        trigger="schedule",
        started_at=timezone.now(),
        waits_until=timezone.now() + LATER,
    )
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert not SyncRun.objects.filter(state=State.WAITING).exists()


def test_an_account_that_was_read_by_a_wrong_clock_is_late_all_the_same(integration: Integration) -> None:
    later = timezone.now() + LATER
    SyncRun.objects.create(
        integration=integration, kind=RunKind.IMPORT, state=State.SUCCEEDED, trigger="schedule", started_at=later
    )
    request_late_runs()
    asked = ProcrastinateJob.objects.filter(task_name=RUN_TASK, status="todo", args__integration_id=integration.pk)
    assert "import" in {job.args["kind"] for job in asked}


@pytest.mark.parametrize("state", [UploadState.SENT, UploadState.UNKNOWN])
def test_an_upload_that_was_sent_by_a_wrong_clock_is_not_waited_for_until_then(
    integration: Integration, remote: RemoteAccount, state: UploadState
) -> None:
    book = remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    Upload.objects.update(state=state, sent_at=timezone.now() + LATER)

    sync(integration, wait_seconds=0.0)

    assert Upload.objects.earliest("pk").state in {UploadState.FINISHED, UploadState.REFUSED}
    remote.sandbox.release_imports()
    sync(integration)
    assert list(remote.contacts(book)) == ["ann@example.com"]


def test_a_removal_that_was_asked_for_by_a_wrong_clock_is_asked_for_again(
    integration: Integration, remote: RemoteAccount
) -> None:
    book = remote.create_book("First")
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    link = connect(integration, book="First")
    sync(integration)
    remove_records(marketing_list=list_of(link), record_ids=[ann.pk])
    remote.sandbox.settings.deletion_seconds = 10_000_000.0
    sync(integration, wait_seconds=0.0)
    Removal.objects.update(sent_at=timezone.now() + LATER)
    remote.sandbox.settings.deletion_seconds = 0.0

    sync(integration, wait_seconds=3.0)

    assert Removal.objects.filter(state=RemovalState.COMPLETED).exists()
    assert list(remote.contacts(book)) == ["bob@example.com"]


def test_rows_that_wait_by_a_wrong_clock_go_again(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    remote.sandbox.finish_import_as("InvalidFileFormat")
    remote.sandbox.release_imports()
    sync(integration)
    assert Upload.objects.get().state == UploadState.REFUSED
    sync(integration)
    assert remote.contacts(book) == {}
    Upload.objects.update(retry_at=timezone.now() + LATER)

    sync(integration)

    assert list(remote.contacts(book)) == ["ann@example.com"]


def test_an_account_that_had_no_events_by_a_wrong_clock_is_asked_again(v3: Integration) -> None:
    sync(v3, kind=RunKind.IMPORT)
    EventSubscription.objects.update(
        unusable_until=timezone.now() + LATER, remote_id=None, heard_since=None, reason="None"
    )
    sync(v3, kind=RunKind.IMPORT)
    assert EventSubscription.objects.get().unusable_until is None
