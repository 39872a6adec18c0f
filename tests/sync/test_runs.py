"""Runs as such: one at a time, whatever happens to the others, and never a transaction open on the wire."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import RequestInsideTransaction, open_account
from dotbridge.sync.engine import PARTS, run_sync
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import State, Step, SyncRun
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


def test_a_second_run_at_once_says_that_it_was_skipped(integration: Integration) -> None:
    with integration_lock(integration.pk) as held:
        assert held
        run = sync(integration)
    assert run.state == State.SKIPPED
    assert "Another run" in run.message
    assert run.requests == 0
    assert sync(integration).state == State.SUCCEEDED


def test_two_workers_at_once(integration: Integration, remote: RemoteAccount) -> None:
    for number in range(50):
        add_contact(f"reader.{number}@example.com")
    book = remote.create_book("Readers")
    connect(integration, book="Readers")
    remote.sandbox.fail_next("delay", seconds=0.5, path="account-info")

    def work() -> None:
        try:
            run_sync(integration=integration, trigger="test", wait_seconds=20)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    states = sorted(SyncRun.objects.filter(kind=RunKind.SYNC).values_list("state", flat=True))
    assert states == [State.SKIPPED, State.SUCCEEDED]
    assert len(remote.contacts(book)) == 50


def test_different_integrations_do_not_wait_for_each_other(integration: Integration) -> None:
    with integration_lock(integration.pk + 1) as held:
        assert held
        assert sync(integration).state == State.SUCCEEDED


def test_a_run_whose_worker_died_is_marked_by_the_next_one(integration: Integration) -> None:
    lost = SyncRun.objects.create(integration=integration, kind=RunKind.SYNC, trigger="test", started_at=timezone.now())
    step = Step.objects.create(run=lost, name="contacts", started_at=timezone.now())

    sync(integration)

    lost.refresh_from_db()
    step.refresh_from_db()
    assert lost.state == step.state == State.INTERRUPTED
    assert lost.finished_at is not None


def test_a_skipped_run_leaves_a_running_one_alone(integration: Integration) -> None:
    at_work = SyncRun.objects.create(
        integration=integration, kind=RunKind.SYNC, trigger="test", started_at=timezone.now()
    )
    with integration_lock(integration.pk):
        sync(integration)
    at_work.refresh_from_db()
    assert at_work.state == State.RUNNING


def test_no_call_is_made_inside_a_transaction(integration: Integration) -> None:
    with open_account(integration) as account:
        account.connect()
        with pytest.raises(RequestInsideTransaction), transaction.atomic():
            account.server_time()


def test_an_unexpected_error_fails_its_step_alone_and_leaks_nothing(
    integration: Integration, remote: RemoteAccount, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that is not there: preparing cannot work, importing can."""
    add_contact("secret.person@example.com")
    remote.create_book("Readers")
    connect(integration, book="Readers")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dotbridge_sync_recheck RENAME TO sync_lost")

    try:
        run = sync(integration)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sync_lost RENAME TO dotbridge_sync_recheck")

    steps = steps_of(run)
    assert steps["prepare"]["state"] == State.FAILED
    assert steps["contacts"]["state"] == State.SUCCEEDED
    assert run.state == State.PARTIAL
    assert run.has_failed
    assert "secret.person" not in caplog.text


def test_the_steps_of_each_kind_come_in_the_order_that_consent_needs() -> None:
    names = [part.name for part in PARTS[RunKind.SYNC]]
    assert names.index("contacts") < names.index("suppressions") < names.index("consent") < names.index("opt_outs")
    exported = ["earlier_results", "consent", "opt_outs", "removals", "changes", "prepare", "uploads", "results"]
    assert names[-9:] == [*exported, "other_contacts"]
    assert [part.name for part in PARTS[RunKind.CHANGES]] == ["changes", "prepare"]


def test_progress_is_told_step_by_step(integration: Integration, remote: RemoteAccount) -> None:
    seen: list[str] = []

    class Watcher:
        def step_started(self, step: Step) -> None:
            seen.append(f"start {step.name}")

        def progressed(self, step: Step, done: int, total: int | None) -> None:
            seen.append(f"progress {step.name}")

        def step_finished(self, step: Step) -> None:
            seen.append(f"end {step.name} {step.state}")

    add_contact("ann@example.com")
    remote.create_book("Readers")
    connect(integration, book="Readers")

    run = sync(integration, observer=Watcher())

    assert seen.index("start uploads") < seen.index("progress uploads") < seen.index("end uploads succeeded")
    assert [name.split()[1] for name in seen if name.startswith("end")] == [
        step.name for step in run.steps.order_by("pk")
    ]
    assert run.requests == remote.sandbox.call_counts()["total"] - 6 - 1  # the import of `connect`, and the new book
