"""What a session holds, and how the planner finds an address, when one account has very many connected lists.

The kinds: something made once a list that should be made once (temporary tables: a thousand lists ended the session),
and an index that no statement uses because two columns are sorted differently. The second place of the latter: the
notes of lists that share an address, which were looked for list by list.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.models import DirtyRecord
from dotbridge.sync.context import NobodyWatches, RunContext, StepContext
from dotbridge.sync.models import ExportItem, Recheck, Step, SyncRun, Upload, UploadState
from dotbridge.sync.outbound.members import empty_tables, require_current_members
from dotbridge.sync.outbound.outgoing import find_candidates, outgoing_rows
from dotbridge.sync.outbound.prepare import prepare_uploads
from dotbridge.sync.outbound.ranks import ranked_connections
from dotbridge.sync.outbound.removals import remove_departed
from tests.sync.many_lists import connect_many, connect_more, fill

TEMPORARY = "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r' AND relname LIKE 'export\\_%'"


@pytest.fixture
def integration(transactional_db: None) -> Iterator[Integration]:
    yield Integration.objects.create(name="Big", username="apiuser", password_sealed="x")
    empty_tables()


def _step(integration: Integration) -> StepContext:
    run = SyncRun.objects.create(integration=integration, kind="export", trigger="test", started_at=timezone.now())
    account: Any = None  # nobody is asked
    context = RunContext(
        integration=integration,
        account=account,
        run=run,
        observer=NobodyWatches(),
        server_now=timezone.now(),
        wait_seconds=0.0,
    )
    return StepContext(run=context, step=Step.objects.create(run=run, name="prepare", started_at=timezone.now()))


def _finished_upload(link: ListConnection) -> Upload:
    return Upload.objects.create(connection=link, state=UploadState.FINISHED, created_at=timezone.now())


def _asked(statement: str, parameters: Any = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [row[0] for row in cursor.fetchall()]


def test_all_lists_of_a_session_share_one_set_of_temporary_tables(integration: Integration) -> None:
    links = connect_many(integration, 60)
    fill(integration, contacts=5, records=5)
    step = _step(integration)

    for link in links:
        require_current_members(step, link)

    assert _asked(TEMPORARY) == [3]
    assert _asked("SELECT count(*) FROM export_member") == [60 * 5]
    assert _asked("SELECT count(DISTINCT connection_id) FROM export_member WHERE is_primary") == [60]
    empty_tables()
    assert _asked("SELECT count(*) FROM export_member") == [0]


def test_a_session_leaves_no_table_behind(integration: Integration) -> None:
    links = connect_many(integration, 30)
    for link in links:
        require_current_members(_step(integration), link)

    connection.close()
    deadline = time.monotonic() + 20
    while (left := _asked(TEMPORARY)) != [0] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == [0]


def test_members_of_an_earlier_session_do_not_count(integration: Integration) -> None:
    first, second = connect_many(integration, 2)
    fill(integration, contacts=3, records=3)
    step = _step(integration)
    require_current_members(step, first)
    connection.close()

    require_current_members(step, second)
    require_current_members(step, first)

    assert _asked("SELECT count(*) FROM export_member WHERE connection_id = %s", [first.pk]) == [3]
    assert _asked("SELECT count(*) FROM export_departed") == [0]


def test_whoever_is_looked_at_twice_is_there_once(integration: Integration, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = connect_many(integration, 2)
    fill(integration, contacts=3, records=3)
    step = _step(integration)
    for link in (first, second):
        require_current_members(step, link)
    monkeypatch.setattr("dotbridge.sync.outbound.members.SECONDS_CURRENT", -1.0)

    require_current_members(step, first)
    assert _asked("SELECT count(*) FROM export_member") == [3]
    require_current_members(step, second)
    require_current_members(step, second)

    assert _asked("SELECT count(*) FROM export_member WHERE connection_id = %s", [second.pk]) == [3]


def test_one_changed_record_is_planned_by_the_indexes_on_addresses(integration: Integration) -> None:
    link = connect_many(integration, 8)[-1]
    fill(integration, contacts=30_000, records=2_000)
    step = _step(integration)
    ranked = next(each for each in ranked_connections(integration) if each.link.pk == link.pk)
    evaluated = require_current_members(step, link)
    changed = ranked.link.items.order_by("pk")[0]
    Recheck.objects.create(connection=link, record_id=changed.record_id)
    ExportItem.objects.filter(connection=link).update(upload=_finished_upload(link))
    candidates = find_candidates(evaluated, ranked, compares_all=False)
    assert candidates.number == 1
    rows = outgoing_rows(candidates)

    lines = _asked(f"EXPLAIN {rows.sql}", rows.parameters)

    text = "\n".join(lines)
    assert "Seq Scan on dotbridge_mirror_contact" not in text, text
    assert "Seq Scan on dotbridge_sync_exportitem" not in text, text
    assert "contact_once_by_email" in text, text
    assert "export_item_once" in text, text


def test_lists_are_ranked_by_their_mapping(integration: Integration) -> None:
    """However many lists there are: the same statements, and nothing kept a pair of lists."""
    links = connect_many(integration, 5)
    with CaptureQueriesContext(connection) as few:
        ranked = ranked_connections(integration)
    assert [each.link.pk for each in ranked] == [link.pk for link in links]
    assert [each.has_higher for each in ranked] == [False, True, True, True, True]
    assert [each.has_lower for each in ranked] == [True, True, True, True, False]
    assert len({each.digest for each in ranked}) == 1
    more = connect_more(integration, links, 100)
    with CaptureQueriesContext(connection) as many:
        ranked = ranked_connections(integration)
    assert len(many) == len(few)
    assert len(ranked) == len(links) + len(more)
    assert len({id(each.rank) for each in ranked}) == 1


def test_a_list_of_which_nothing_changed_costs_few_statements(integration: Integration) -> None:
    connect_many(integration, 20)
    fill(integration, contacts=3, records=3)
    first = _step(integration)
    remove_departed(first)
    prepare_uploads(first)
    Upload.objects.update(state=UploadState.FINISHED)
    empty_tables()

    with CaptureQueriesContext(connection) as captured:
        step = _step(integration)
        remove_departed(step)
        prepare_uploads(step)

    assert not Upload.objects.exclude(state=UploadState.FINISHED).exists()
    assert len(captured) <= 20 * 24


def test_what_changed_is_noted_only_with_lists_that_were_not_compared(integration: Integration) -> None:
    first, second, third = connect_many(integration, 3)
    fill(integration, contacts=3, records=3)
    ListConnection.objects.filter(pk=third.pk).update(stopped_at=timezone.now())
    ListConnection.objects.update(compared_as=ranked_connections(integration)[0].digest)
    mapping = Mapping.objects.get()
    DirtyRecord.objects.create(mapping=mapping, record_id="1")

    prepare_uploads(_step(integration))

    noted = Recheck.objects.filter(record_id="1")
    assert list(noted.values_list("connection", flat=True)) == [third.pk]
    assert not DirtyRecord.objects.exists()
    assert first.compared_as == second.compared_as


def test_columns_that_hold_a_normalised_address_are_sorted_alike(db: None) -> None:
    differently = _asked(
        """
        SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE column_name = 'email_key' AND coalesce(collation_name, '') <> 'C'
          AND (table_name LIKE 'dotbridge\\_sync\\_%%' OR table_name LIKE 'dotbridge\\_connections\\_%%'
               OR table_name = 'dotbridge_mirror_contact')
        """
    )
    assert differently == []
