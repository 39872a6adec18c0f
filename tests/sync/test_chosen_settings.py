"""What was chosen in the back office is what runs do, without a restart, whatever the environment says.

The kind: a setting that its page stores and its user never reads. One test a setting that a run reads; the schedule,
the retention of runs and the switches have theirs beside the page.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from dotbridge import jobs
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Campaign, OpenEvent
from dotbridge.preferences.services import choose_settings
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import State, SyncRun, Upload, UploadState
from tests.accounts import RemoteAccount, add_contact, connect, read_connected_books_only
from tests.sync.test_first_reading import fill


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    remote.create_book("Readers")
    add_contact("ann@example.com")
    return connect(integration, book="Readers")


@pytest.mark.parametrize("seconds", [0, 2])
def test_a_run_waits_for_an_upload_as_long_as_was_chosen(
    integration: Integration, remote: RemoteAccount, link: ListConnection, seconds: int
) -> None:
    remote.sandbox.hold_imports()
    choose_settings(chosen={"import_wait_seconds": str(seconds)})
    began = time.monotonic()
    run_sync(integration=integration, kind=RunKind.EXPORT, trigger="test")
    took = time.monotonic() - began
    assert Upload.objects.get().state == UploadState.SENT
    assert (took >= 2) is (seconds == 2), took
    remote.sandbox.release_imports()


def test_a_first_reading_ends_when_its_chosen_time_is_up(integration: Integration, remote: RemoteAccount) -> None:
    fill(remote, remote.create_book("Large"))
    read_connected_books_only(integration)
    connect(integration, book="Large")

    def state_of_run() -> str:
        jobs.run.func(integration_id=integration.pk, kind="import", trigger="test")
        return SyncRun.objects.latest("pk").state

    choose_settings(chosen={"run_seconds": "0"})
    assert state_of_run() == State.PARTIAL
    choose_settings(chosen={"run_seconds": None})
    assert state_of_run() == State.SUCCEEDED


def test_an_upload_without_an_answer_is_looked_up_when_its_chosen_time_is_over(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    choose_settings(chosen={"unknown_outcome_seconds": "3600"})
    remote.sandbox.fail_next("reset", path="/contacts/import", method="POST", late=False)
    run_sync(integration=integration, kind=RunKind.EXPORT, trigger="test", wait_seconds=0.0)
    assert Upload.objects.get().state == UploadState.UNKNOWN
    run_sync(integration=integration, kind=RunKind.EXPORT, trigger="test")
    assert Upload.objects.get().state == UploadState.UNKNOWN, "not yet"
    choose_settings(chosen={"unknown_outcome_seconds": "0"})
    run_sync(integration=integration, kind=RunKind.EXPORT, trigger="test")
    assert UploadState.UNKNOWN not in {*Upload.objects.values_list("state", flat=True)}


def test_opens_are_kept_as_long_as_was_chosen(integration: Integration) -> None:
    campaign = Campaign.objects.create(integration=integration, remote_id=1, name="Letter", subject="", status="Sent")
    OpenEvent.objects.create(
        campaign=campaign, remote_contact_id=1, happened_at=timezone.now() - timedelta(days=10), event_key=uuid4()
    )
    jobs.delete_old_records.func(timestamp=0)
    assert OpenEvent.objects.exists()
    choose_settings(chosen={"keep_events_days": "5"})
    jobs.delete_old_records.func(timestamp=0)
    assert not OpenEvent.objects.exists()
