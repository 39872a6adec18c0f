"""Change tracking while others are at work: consumers, comparisons, busy tables, transactions that end late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from dotbridge.crm.models import Account, Contact
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.tracking import installing
from dotbridge.mapping.tracking.changes import Taken, collect_changes, take_changes, take_chunk
from dotbridge.mapping.tracking.installing import install_tracking
from dotbridge.mapping.tracking.models import Change, DirtyRecord
from dotbridge.mapping.tracking.plan import current_plan
from dotbridge.mapping.tracking.services import forget_claimed_records
from dotbridge.mapping.tracking.shown import unseen_fields
from tests.mapping.tracking_world import (
    compare,
    compares_everything,
    dirty,
    execute,
    functions,
    make_integration,
    map_fields,
    quiet,
    tracked_tables,
)

pytestmark = pytest.mark.django_db(transaction=True)

RENAME = "UPDATE crm_contact SET first_name = first_name || '!' WHERE id = %s"


@pytest.fixture
def people() -> list[Contact]:
    acme = Account.objects.create(name="Acme")
    return [Contact.objects.create(first_name=name, account=acme) for name in ("Ann", "Bob", "Cid")]


@pytest.fixture
def contacts(people: list[Contact]) -> Mapping:
    mapping = map_fields(make_integration(), "crm.contact", "first_name", "account__name")
    quiet()
    return mapping


@pytest.fixture
def other() -> Iterator[Any]:
    """Another session, in a transaction from its first statement on."""
    link = connections.create_connection("default")
    link.set_autocommit(False)
    yield link
    link.close()


def begun(work: Callable[[], object]) -> threading.Thread:
    """Work that goes on in another session, with a connection of its own."""

    def do() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    return thread


def waiting_sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def test_two_consumers_share_the_log(contacts: Mapping) -> None:
    execute(
        "INSERT INTO dotbridge_mapping_change (source, keys)"
        " SELECT 'crm_contact.id', ARRAY[n::text, (n % 50)::text] FROM generate_series(1, 2000) n"
    )
    taken: list[Taken] = []
    everybody_ready = threading.Barrier(4)

    def consume() -> None:
        plan = current_plan()
        everybody_ready.wait(30)
        while (chunk := take_chunk(plan, rows=25)).changes:
            taken.append(chunk)

    threads = [begun(consume) for _number in range(4)]
    for thread in threads:
        thread.join(60)
    # A worker that finds the rest of the log in other hands has ended; what is left is for the next.
    taken.append(take_changes())
    assert sum(chunk.changes for chunk in taken) == 2000
    assert DirtyRecord.objects.count() == 2001, "0 to 2000, each once"


def test_a_consumer_does_not_wait_for_another(contacts: Mapping, people: list[Contact], other: Any) -> None:
    for person in people:
        execute(RENAME, person.pk)
    with other.cursor() as cursor:
        cursor.execute("SELECT id FROM dotbridge_mapping_change ORDER BY id LIMIT 1 FOR UPDATE")
        assert take_changes().changes == 2
        assert Change.objects.count() == 1
    other.rollback()
    assert dirty(contacts) == {person.pk for person in people}


def test_what_a_dying_worker_took_is_there_again(contacts: Mapping, people: list[Contact]) -> None:
    execute(RENAME, people[0].pk)
    with transaction.atomic():
        assert take_changes() == Taken(changes=1, records=1)
        transaction.set_rollback(True)
    assert not DirtyRecord.objects.exists()
    assert dirty(contacts) == {people[0].pk}


def test_a_transaction_that_commits_late_is_not_missed(contacts: Mapping, people: list[Contact], other: Any) -> None:
    ann, bob, _cid = people
    with other.cursor() as cursor:
        cursor.execute(RENAME, [ann.pk])
    execute(RENAME, bob.pk)
    assert dirty(contacts) == {bob.pk}
    compare(contacts)
    other.commit()
    assert dirty(contacts) == {ann.pk}


def test_a_transaction_that_is_rolled_back_leaves_nothing(contacts: Mapping, people: list[Contact], other: Any) -> None:
    with other.cursor() as cursor:
        cursor.execute(RENAME, [people[0].pk])
    other.rollback()
    assert take_changes() == Taken()


def test_a_record_that_changes_while_it_is_being_claimed_stays_dirty(
    contacts: Mapping, people: list[Contact], other: Any
) -> None:
    """The consumer finds the record dirty already, claims are being made of it, and both must not rely on the other."""
    ann = people[0]
    execute(RENAME, ann.pk)
    take_changes()
    execute(RENAME, ann.pk)
    with other.cursor() as cursor:
        cursor.execute("UPDATE dotbridge_mapping_dirtyrecord SET is_claimed = true")
    consumer = begun(take_changes)
    while not waiting_sessions():
        pass
    other.commit()
    consumer.join(30)
    assert not DirtyRecord.objects.get().is_claimed
    forget_claimed_records(mapping=contacts)
    assert dirty(contacts) == {ann.pk}


def test_a_busy_table_is_left_for_later(
    contacts: Mapping, people: list[Contact], other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "LONGEST_WAIT", "50ms")
    with other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_lead (first_name, last_name, company, email, status, source)"
            " VALUES ('', '', '', '', 'new', '')"
        )
    leads = map_fields(contacts.integration, "crm.lead", "company")
    assert "crm_lead" not in tracked_tables()
    assert install_tracking().postponed == ["crm_lead"]
    assert [(str(name), "tried again" in str(reason)) for name, reason in unseen_fields(leads)] == [("Leads", True)]
    compare(leads)
    other.commit()
    assert collect_changes() == Taken()
    assert "crm_lead" in tracked_tables()
    assert compares_everything(leads), "what was written meanwhile was not noted"
    assert unseen_fields(leads) == []


def test_the_longest_wait_ends_with_the_installation(contacts: Mapping) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        MappingRow.objects.filter(entity_fields=["account__name"]).delete()
        assert install_tracking().removed
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_migration_brings_back_what_is_missing(contacts: Mapping, people: list[Contact]) -> None:
    execute("DROP TRIGGER dotbridge_track_update ON crm_contact")
    compare(contacts)
    call_command("migrate", verbosity=0)
    assert "update" in tracked_tables()["crm_contact"]
    assert compares_everything(contacts)


def test_nothing_is_done_when_all_is_in_place(contacts: Mapping) -> None:
    with CaptureQueriesContext(connection) as captured:
        done = install_tracking()
    assert [*done.installed, *done.removed, *done.postponed] == []
    assert {query["sql"].split()[0] for query in captured} == {"SELECT"}


def test_without_the_log_no_trigger_is_left(contacts: Mapping, people: list[Contact]) -> None:
    undo = import_module("dotbridge.mapping.migrations.0001_initial").DROP_TRACKING
    execute(undo)
    assert functions() == 0
    assert tracked_tables() == {}
    execute(RENAME, people[0].pk)


def test_a_mapping_that_is_deleted_takes_no_more_records(contacts: Mapping, people: list[Contact]) -> None:
    plan = current_plan()
    execute(RENAME, people[0].pk)
    contacts.delete()
    execute("INSERT INTO dotbridge_mapping_change (source, keys) VALUES ('crm_contact.id', '{1}')")
    assert take_chunk(plan) == Taken(changes=1, records=0)


def test_a_chunk_ends_when_it_has_many_keys(contacts: Mapping) -> None:
    execute(
        "INSERT INTO dotbridge_mapping_change (source, keys)"
        " SELECT 'crm_contact.id', ARRAY(SELECT g::text FROM generate_series(n * 100, n * 100 + 99) g)"
        " FROM generate_series(1, 10) n"
    )
    plan = current_plan()
    chunks = [take_chunk(plan, keys=250).changes for _number in range(5)]
    assert chunks == [3, 3, 3, 1, 0]


def test_statements_do_not_grow_with_the_changes(contacts: Mapping) -> None:
    counts = []
    for size in (10, 3000):
        execute(
            "INSERT INTO crm_contact (first_name, last_name, job_title, phone, is_vip, language, notes, updated_at)"
            " SELECT 'N', '', '', '', false, '', '', now() FROM generate_series(1, %s)",
            size,
        )
        execute("UPDATE crm_account SET name = name || '!'")
        with CaptureQueriesContext(connection) as captured:
            assert collect_changes().records == size + (3 if size == 10 else 0)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_what_cannot_be_installed_stops_nobody(contacts: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> None:
        raise OperationalError("no")

    monkeypatch.setattr(installing, "_install", refuse)
    leads = map_fields(contacts.integration, "crm.lead", "company")
    assert Mapping.objects.filter(pk=leads.pk).exists()
    assert install_tracking().postponed == ["crm_lead"]
