"""A run that has lost its lock does nothing more, and says so: two runs never work at once.

The kind: a lock that is taken once and never looked at again. The case: the database ends the session that holds it, a
second run starts and both succeed. The second place: a state that is moved because of what was read a while ago, so an
upload or a run that somebody else has moved meanwhile is moved back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from dotbridge.connections.models import RunKind
from dotbridge.connections.services import switch_account
from dotbridge.integrations.models import Integration
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.sync.engine import run_sync
from dotbridge.sync.locks import LockLost, integration_lock
from dotbridge.sync.models import State, SyncRun, Upload, UploadState
from dotbridge.sync.outbound import upload as module
from dotbridge.sync.outbound.upload import move
from dotbridge.sync.texts import SWITCHED_OFF
from dotbridge.sync.verdicts import end_run
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


def end_the_locks_session() -> int:
    """As a failover or an administrator does; answers how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND granted AND datname = current_database() AND objsubid = 1"
        )
        return int(cursor.fetchone()[0])


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_second_run_works_alone(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    remote.sandbox.fail_next("delay", path="/v2/data-fields", seconds=3)
    first: list[SyncRun] = []

    def work() -> None:
        try:
            first.append(run_sync(integration=integration, trigger="first", force_data_fields=True, wait_seconds=20))
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(lambda: SyncRun.objects.filter(trigger="first", steps__name="data_fields").exists())
        assert end_the_locks_session() == 1
        second = sync(integration)
    finally:
        thread.join()

    assert second.state == State.SUCCEEDED
    lost = SyncRun.objects.get(trigger="first")
    assert lost.state == first[0].state == State.INTERRUPTED
    assert not lost.steps.filter(name__in=["removals", "prepare", "uploads"]).exists()
    assert Upload.objects.count() == 1
    assert list(remote.contacts(book)) == ["ann@example.com"]


def send_ann_while(happens: Callable[[], None], integration: Integration, monkeypatch: pytest.MonkeyPatch) -> SyncRun:
    """A run that is to send one person to the book, and what happens just before their file is written."""
    add_contact("ann@example.com")
    connect(integration, book="First")
    genuine = module.write_csv

    def write(upload: Upload, file: Any) -> int:
        happens()
        return genuine(upload, file)

    monkeypatch.setattr(module, "write_csv", write)
    return sync(integration)


def test_nothing_is_sent_once_the_lock_is_lost(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = remote.create_book("First")

    def lose() -> None:
        assert end_the_locks_session() == 1

    run = send_ann_while(lose, integration, monkeypatch)

    assert run.state == State.INTERRUPTED
    assert steps_of(run)["uploads"]["state"] == State.INTERRUPTED
    assert Upload.objects.get().state == UploadState.PREPARED
    assert remote.contacts(book) == {}
    monkeypatch.undo()
    assert sync(integration).state == State.SUCCEEDED
    assert list(remote.contacts(book)) == ["ann@example.com"]


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_run_whose_database_began_anew_ends_and_says_so(
    integration: Integration, remote: RemoteAccount, has_begun: bool
) -> None:
    """While it read, or before its first step: then no step has renewed its own connection either."""
    book = remote.create_book("First")
    remote.create_contact("ann@example.com", book=book)
    connect(integration, book="First")
    path = f"/v2/address-books/{book}/contacts" if has_begun else "/v2/server-time"
    remote.sandbox.fail_next("delay", path=path, seconds=2)
    before = timezone.now()
    ended: list[SyncRun] = []

    def work() -> None:
        try:
            ended.append(run_sync(integration=integration, kind=RunKind.IMPORT, trigger="first"))
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        reads = SyncRun.objects.filter(trigger="first", steps__name="contacts")
        is_let_in = Integration.objects.filter(checked_at__gt=before)
        wait_for((reads if has_begun else is_let_in).exists)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    finally:
        thread.join()

    assert [run.state for run in ended] == [State.INTERRUPTED]
    assert SyncRun.objects.get(trigger="first").state == State.INTERRUPTED
    assert sync(integration).state == State.SUCCEEDED


def test_a_lock_says_when_it_is_lost(integration: Integration) -> None:
    with integration_lock(integration.pk) as lock:
        assert lock is not None
        lock.require()
        in_a_thread = threading.Thread(target=lock.require)
        in_a_thread.start()
        in_a_thread.join()
        assert end_the_locks_session() == 1
        with pytest.raises(LockLost):
            lock.require()
        with integration_lock(integration.pk) as other:
            assert other is not None


def test_the_locks_session_is_kept_alive_and_never_timed_out(integration: Integration) -> None:
    # Of this database alone: the tests beside this one have the same server.
    of_sessions = f'ALTER ROLE CURRENT_USER IN DATABASE "{connection.settings_dict["NAME"]}"'
    with connection.cursor() as cursor:
        cursor.execute(f"{of_sessions} SET idle_session_timeout = '200ms'")
    try:
        with integration_lock(integration.pk) as lock:
            assert lock is not None
            told = lock._link.connection.info.get_parameters()
            assert (told["keepalives"], told["tcp_user_timeout"]) == ("1", "30000")
            time.sleep(0.6)
            lock.require()
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"{of_sessions} RESET idle_session_timeout")


def test_an_upload_that_another_run_has_moved_is_not_moved_back(
    integration: Integration, remote: RemoteAccount
) -> None:
    remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    sync(integration, kind=RunKind.CHANGES)
    upload = Upload.objects.get()
    Upload.objects.update(state=UploadState.UPLOADING)

    with pytest.raises(LockLost):
        move(upload, UploadState.UPLOADING)

    assert Upload.objects.get().sent_at is None


def test_a_run_that_was_ended_by_another_keeps_that_end(integration: Integration) -> None:
    run = SyncRun.objects.create(integration=integration, kind=RunKind.SYNC, trigger="t", started_at=timezone.now())
    SyncRun.objects.update(state=State.INTERRUPTED, message="by another")

    end_run(run, State.SUCCEEDED, "")

    run.refresh_from_db()
    assert (run.state, run.message) == (State.INTERRUPTED, "by another")


@pytest.mark.parametrize(("schema", "is_free"), [("public", False), ("of_another_project", True)])
def test_two_projects_in_two_schemas_of_one_database_take_no_turns(
    transactional_db: None, schema: str, is_free: bool
) -> None:
    other = connection.copy()
    try:
        with integration_lock(7) as lock, other.cursor() as cursor:
            assert lock is not None
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}")
            cursor.execute(f"SELECT pg_try_advisory_lock({LOCK_KEY})", ["dotbridge.integration.7"])
            assert cursor.fetchone() == (is_free,)
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS of_another_project")


def test_an_account_that_is_switched_off_is_asked_nothing_more_by_a_run_at_work(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = remote.create_book("First")

    def switch_off() -> None:
        switch_account(integration=Integration.objects.get(), to=False)
        remote.sandbox.clear_calls()

    run = send_ann_while(switch_off, integration, monkeypatch)

    assert (run.state, run.message) == (State.INTERRUPTED, SWITCHED_OFF)
    assert steps_of(run)["uploads"]["message"] == SWITCHED_OFF
    assert remote.sandbox.calls() == []
    assert Upload.objects.get().state == UploadState.PREPARED
    monkeypatch.undo()
    switch_account(integration=Integration.objects.get(), to=True)
    assert sync(integration).state == State.SUCCEEDED
    assert list(remote.contacts(book)) == ["ann@example.com"]


def test_an_account_that_was_off_already_may_be_run_by_hand(integration: Integration) -> None:
    Integration.objects.update(is_active=False)
    assert sync(integration).state == State.SUCCEEDED
