"""What is deleted of past runs, and above all what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge import jobs
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import (
    ExportItem,
    Rejection,
    Removal,
    RemovalState,
    State,
    Step,
    SyncRun,
    Upload,
    UploadState,
)
from dotbridge.sync.retention import delete_old_records
from tests.accounts import RemoteAccount, add_contact, connect, sync

NOW = timezone.now()


@pytest.fixture
def owner(db: None) -> Integration:
    """An integration that nobody asks anything."""
    return create_integration(name="Kept", username="u", password="p")


@pytest.fixture
def link(owner: Integration) -> ListConnection:
    """A list and a book of it."""
    book = AddressBook.objects.create(integration=owner, remote_id=7, name="Readers")
    return connect_list(marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=book)


def days_ago(number: float) -> timezone.datetime:
    """So long before now."""
    return NOW - timedelta(days=number)


def run_of(owner: Integration, age: float, state: State = State.SUCCEEDED, kind: RunKind = RunKind.IMPORT) -> SyncRun:
    """A run with a step and a rejection."""
    run = SyncRun.objects.create(
        integration=owner, kind=kind, trigger="test", state=state, started_at=days_ago(age), finished_at=days_ago(age)
    )
    step = Step.objects.create(run=run, name="contacts", started_at=days_ago(age))
    Rejection.objects.create(
        integration=owner,
        step=step,
        step_name="contacts",
        subject=f"x{run.pk}",
        reason="y",
        first_at=days_ago(age),
        last_at=days_ago(age),
    )
    return run


def test_old_runs_go_with_all_that_they_say(owner: Integration) -> None:
    for age in (400, 100, 91):
        run_of(owner, age)
    kept = [run_of(owner, age) for age in (89, 1)]

    deleted = delete_old_records(keep_days=90, now=NOW, chunk=2)

    assert deleted.runs == 3
    assert list(SyncRun.objects.order_by("pk")) == kept
    assert Step.objects.count() == 2
    assert set(delete_old_records(keep_days=90, now=NOW)) == {0}


def test_the_last_run_of_each_kind_and_outcome_stays_however_old(owner: Integration) -> None:
    run_of(owner, 300)
    kept = [
        run_of(owner, 200),
        run_of(owner, 150, State.FAILED),
        run_of(owner, 140, kind=RunKind.EXPORT),
        run_of(create_integration(name="Other", username="u", password="p"), 500),
        run_of(owner, 130, State.RUNNING),
        run_of(owner, 120, State.RUNNING),
    ]
    delete_old_records(keep_days=90, now=NOW)
    assert list(SyncRun.objects.order_by("pk")) == kept


def test_skipped_runs_go_after_a_week(owner: Integration) -> None:
    kept = [run_of(owner, 10), run_of(owner, 8)]
    run_of(owner, 8, State.SKIPPED)
    kept += [run_of(owner, 6, State.SKIPPED), run_of(owner, 5, State.SKIPPED)]
    delete_old_records(keep_days=90, now=NOW)
    assert list(SyncRun.objects.order_by("pk")) == kept
    delete_old_records(keep_days=1, now=NOW)
    assert list(SyncRun.objects.order_by("pk")) == [kept[1], kept[3]]


def test_an_upload_stays_as_long_as_it_is_not_over_or_an_address_refers_to_it(link: ListConnection) -> None:
    run = run_of(link.address_book.integration, 100)
    run_of(link.address_book.integration, 95)
    uploads = {
        state: Upload.objects.create(connection=link, run=run, state=state, created_at=days_ago(100))
        for state in UploadState
    }
    young = Upload.objects.create(connection=link, state=UploadState.FINISHED, created_at=days_ago(1))
    carrying = [
        Upload.objects.create(connection=link, state=state, created_at=days_ago(100))
        for state in (UploadState.FINISHED, UploadState.REFUSED)
    ]
    for number, upload in enumerate(carrying):
        ExportItem.objects.create(connection=link, email_key=f"{number}", record_id="1", operation="new", upload=upload)

    deleted = delete_old_records(keep_days=90, now=NOW)

    gone = {uploads[UploadState.FINISHED].pk, uploads[UploadState.REFUSED].pk}
    assert deleted[:3] == (1, 2, 0)
    left = {upload.pk for upload in [*uploads.values(), *carrying, young]} - gone
    assert set(Upload.objects.values_list("pk", flat=True)) == left
    assert set(Upload.objects.values_list("run", flat=True)) == {None}
    assert set(ExportItem.objects.values_list("upload", flat=True)) == {upload.pk for upload in carrying}


def test_a_removal_stays_as_long_as_it_is_not_over_or_an_address_refers_to_it(link: ListConnection) -> None:
    removals = {
        state: Removal.objects.create(connection=link, state=state, created_at=days_ago(100)) for state in RemovalState
    }
    carrying = Removal.objects.create(connection=link, state=RemovalState.FAILED, created_at=days_ago(100))
    ExportItem.objects.create(connection=link, email_key="a", record_id="1", operation="new", removal=carrying)

    assert delete_old_records(keep_days=90, now=NOW)[:3] == (0, 0, 2)

    left = {removals[RemovalState.PREPARED].pk, removals[RemovalState.SENT].pk, carrying.pk}
    assert set(Removal.objects.values_list("pk", flat=True)) == left


def test_what_it_costs_does_not_grow_with_the_rows_of_a_chunk(owner: Integration) -> None:
    needed = []
    for runs in (2, 40):
        for _run in range(runs + 1):
            run_of(owner, 100)
        with CaptureQueriesContext(connection) as queries:
            # The last one stays, and goes with the next ones.
            assert delete_old_records(keep_days=90, now=NOW).runs == runs + (needed != [])
        needed.append(len(queries))
    assert needed[0] == needed[1]


def test_a_list_stays_in_step_when_everything_old_is_gone(integration: Integration, remote: RemoteAccount) -> None:
    """The daily job itself, on what real runs have left behind a year ago."""
    add_contact("ann@example.com")
    book = remote.create_book("Readers")
    connect(integration, book="Readers")
    sync(integration)
    long_ago = timezone.now() - timedelta(days=365)
    SyncRun.objects.update(started_at=long_ago)
    Upload.objects.update(created_at=long_ago)
    before = SyncRun.objects.count()
    sync(integration)

    jobs.delete_old_records.func(timestamp=0)

    assert SyncRun.objects.count() == before
    assert Upload.objects.count() == 1
    remote.sandbox.clear_calls()
    run = sync(integration)
    assert run.state == State.SUCCEEDED
    assert [call for call in remote.sandbox.calls() if call["method"] != "GET"] == []
    assert set(remote.contacts(book)) == {"ann@example.com"}
