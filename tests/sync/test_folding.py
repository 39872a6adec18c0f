"""What a hundred integrations leave behind: quiet runs become one an hour, and no page or night reads all that is kept.

The kind: a table that grows by what happens, and statements whose cost grows with it. The cases: the overview and the
retention at a million runs. The second places: opens, clicks, conflicts and the runs that were skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F, Model
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.backoffice.reads.accounts import feeds_of
from dotbridge.backoffice.reads.home import calls_of_accounts, health_of
from dotbridge.backoffice.reads.lists import lists_with_state
from dotbridge.backoffice.reads.needs import needs_of
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook, Campaign, ClickEvent, OpenEvent, ResultKind, WaitingResult
from dotbridge.notifications.conditions import found_now
from dotbridge.sync.folding import fold_quiet_runs
from dotbridge.sync.models import Rejection, Removal, State, Step, SyncRun, Upload, ValueConflict
from dotbridge.sync.rejections import note_rejections
from dotbridge.sync.retention import delete_old_events, delete_old_records
from tests.accounts import RemoteAccount, add_contact, connect, sync

pytestmark = pytest.mark.django_db

HOUR = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = HOUR + timedelta(hours=1, minutes=5)
# 100 integrations, an import and an export each four minutes, for so many of them.
_MANY_RUNS = """
    INSERT INTO dotbridge_sync_syncrun
        (integration_id, kind, trigger, state, message, requests, started_at, finished_at, times, is_folded)
    SELECT i.id, k.kind, 'schedule', 'succeeded', '', 9, %(until)s::timestamptz - s * interval '4 minutes',
           %(until)s::timestamptz - s * interval '4 minutes', 1, true
    FROM generate_series(%(runs)s, 1, -1) s CROSS JOIN dotbridge_integrations_integration i
    CROSS JOIN (VALUES ('import'), ('export')) k(kind)
"""


@pytest.fixture
def owner() -> Integration:
    """An integration that nobody asks anything."""
    return create_integration(name="Kept", username="u", password="p")


def request_of_an_operator() -> HttpRequest:
    """A request of somebody who may see everything."""
    request = RequestFactory().get("/")
    request.user = get_user_model()(username="operator", is_superuser=True, is_active=True)
    return request


def run_at(owner: Integration, minute: int, counts: dict[str, int] | None = None, **said: Any) -> SyncRun:
    """A run of the schedule, with one step, at a minute of the hour."""
    at = HOUR + timedelta(minutes=minute)
    values = {"kind": RunKind.IMPORT, "trigger": "schedule", "state": State.SUCCEEDED, "requests": 7, **said}
    run = SyncRun.objects.create(integration=owner, started_at=at, finished_at=at, **values)
    Step.objects.create(run=run, name="contacts", state=State.SUCCEEDED, counts=counts or {"read": 3}, started_at=at)
    return run


def runs() -> list[tuple[int, int, int]]:
    """The runs that are left: their keys, for how many each stands, and what they called."""
    return list(SyncRun.objects.order_by("pk").values_list("pk", "times", "requests"))


def test_the_quiet_runs_of_an_hour_become_one(owner: Integration) -> None:
    for minute in (0, 4, 8):
        run_at(owner, minute, {"read": minute, "new": 0, "rejected": 1})
    last = run_at(owner, 59)
    export = run_at(owner, 10, kind=RunKind.EXPORT)
    next_hour = run_at(owner, 61)

    assert fold_quiet_runs(now=NOW) == 3

    assert runs() == [(last.pk, 4, 28), (export.pk, 1, 7), (next_hour.pk, 1, 7)]
    assert Step.objects.count() == 3
    assert fold_quiet_runs(now=NOW) == 0


@pytest.mark.parametrize(
    "loud",
    [
        {"counts": {"read": 1, "new": 1}},
        {"counts": {"removed": 1}},
        {"counts": {"new_rejections": 1}},
        {"state": State.PARTIAL},
        {"state": State.FAILED},
        {"state": State.WAITING},
        {"state": State.RUNNING},
        {"trigger": "person"},
    ],
    ids=str,
)
def test_what_anybody_may_want_to_read_stays(owner: Integration, loud: dict[str, Any]) -> None:
    """Quiet: succeeded, by the schedule, and no step had anything to do."""
    kept = [run_at(owner, 0).pk, run_at(owner, 4, **loud).pk]
    last = run_at(owner, 8)
    fold_quiet_runs(now=NOW)
    assert [pk for pk, _times, _requests in runs()] == [kept[1], last.pk]
    assert runs()[1][1] == 2


def test_a_step_that_went_wrong_is_not_quiet(owner: Integration) -> None:
    run = run_at(owner, 0)
    run_at(owner, 4)
    run_at(owner, 8)
    Step.objects.filter(run=run).update(state=State.BLOCKED, counts={})
    assert fold_quiet_runs(now=NOW) == 1
    assert SyncRun.objects.get(pk=run.pk).times == 1


@pytest.mark.parametrize("what", [Upload, Removal, ValueConflict])
def test_a_run_that_something_belongs_to_is_not_quiet(owner: Integration, what: type[Model]) -> None:
    book = AddressBook.objects.create(integration=owner, remote_id=1, name="Readers")
    marketing_list = MarketingList.objects.create(name="Readers", entity="crm.contact", rule={})
    link = ListConnection.objects.create(marketing_list=marketing_list, address_book=book)
    kept = run_at(owner, 0)
    what._default_manager.create(run=kept, connection=link, **({} if what is ValueConflict else {"created_at": HOUR}))
    run_at(owner, 4)
    last = run_at(owner, 8)
    assert fold_quiet_runs(now=NOW) == 1
    assert [pk for pk, _times, _requests in runs()] == [kept.pk, last.pk]


def test_a_rejection_that_a_folded_run_met_last_stays(owner: Integration) -> None:
    run = run_at(owner, 0)
    note_rejections(run.steps.get(), [("book", "not_read", "")])
    run_at(owner, 4)
    fold_quiet_runs(now=NOW)
    assert Rejection.objects.get().step is None


def test_real_runs_that_find_nothing_are_quiet(integration: Integration, remote: RemoteAccount) -> None:
    """Whatever the steps count when nothing changed, it is known as mere looking."""
    add_contact("ann@example.com")
    remote.create_book("Readers")
    connect(integration, book="Readers")
    sync(integration)
    sync(integration)
    quiet = [sync(integration).pk for _number in range(3)]
    SyncRun.objects.filter(pk__in=quiet).update(trigger="schedule", started_at=HOUR)
    assert fold_quiet_runs(now=NOW) == 2
    assert Upload.objects.count() == 1


def test_folding_looks_at_each_run_once(owner: Integration) -> None:
    needed = []
    for number in (3, 60):
        for minute in range(number):
            run_at(owner, minute % 60)
        with CaptureQueriesContext(connection) as queries:
            fold_quiet_runs(now=NOW)
        needed.append(len(queries))
    assert needed[0] == needed[1]
    assert not SyncRun.objects.filter(is_folded=False).exists()


class TestManyRuns:
    """A hundred integrations and 40,000 runs, of which each statement may read a few."""

    @pytest.fixture(autouse=True)
    def many(self) -> None:
        Integration.objects.bulk_create(
            Integration(name=f"I{number}", username="u", password_sealed="x") for number in range(101)
        )
        with connection.cursor() as cursor:
            cursor.execute(_MANY_RUNS, {"runs": 200, "until": timezone.now()})
            # One of them never ran.
            cursor.execute(
                "DELETE FROM dotbridge_sync_syncrun WHERE integration_id = "
                "(SELECT max(id) FROM dotbridge_integrations_integration)"
            )
            cursor.execute("ANALYZE dotbridge_sync_syncrun")

    @pytest.mark.parametrize(
        "read",
        [
            lambda: health_of([]),
            lambda: needs_of(request_of_an_operator()),
            calls_of_accounts,
            lambda: list(lists_with_state()),
            lambda: feeds_of(Integration.objects.order_by("pk")[0]),
            found_now,
            fold_quiet_runs,
            lambda: delete_old_records(keep_days=90),
        ],
        ids=["health", "needs", "calls", "lists", "feeds", "conditions", "folding", "retention"],
    )
    def test_no_statement_reads_all_runs(self, read: Callable[[], object]) -> None:
        with CaptureQueriesContext(connection) as queries:
            read()
        asked = [query["sql"] for query in queries if "dotbridge_sync_syncrun" in query["sql"]]
        assert asked
        for statement in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on dotbridge_sync_syncrun" not in plan, plan

    def test_what_retention_costs_is_what_it_deletes(self) -> None:
        newest = SyncRun.objects.order_by("-pk").values_list("pk", flat=True)[39_000]
        SyncRun.objects.filter(pk__lt=newest).update(started_at=F("started_at") - timedelta(days=100))
        old = SyncRun.objects.filter(pk__lt=newest).count()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE dotbridge_sync_syncrun")
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            assert delete_old_records(keep_days=90).runs == old
            # So that what was asked can be asked again.
            transaction.set_rollback(True)
        reads = [each["sql"] for each in queries if 'FROM "dotbridge_sync_syncrun"' in each["sql"]]
        pieces = [statement for statement in reads if statement.startswith("SELECT") and "LIMIT" in statement]
        assert pieces
        for statement in pieces:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            removed = [int(line.rsplit(" ", 1)[1]) for line in plan.splitlines() if "Rows Removed" in line]
            # No more than have begun in the very moment at which the piece before ended.
            assert sum(removed) <= 200, plan


class TestEvents:
    """Opens and clicks."""

    @pytest.fixture
    def campaign(self, owner: Integration) -> Campaign:
        return Campaign.objects.create(integration=owner, remote_id=5, name="Sale", sent_at=NOW - timedelta(days=500))

    def event_at(self, campaign: Campaign, days: int, model: Any = OpenEvent) -> Any:
        return model.objects.create(
            campaign=campaign, remote_contact_id=1, happened_at=NOW - timedelta(days=days), event_key=uuid4()
        )

    def test_old_ones_that_were_applied_go(self, owner: Integration, campaign: Campaign) -> None:
        for days in (401, 450, 499):
            self.event_at(campaign, days)
        self.event_at(campaign, 401, ClickEvent)
        young = self.event_at(campaign, 399)
        waiting = self.event_at(campaign, 450)
        WaitingResult.objects.create(
            campaign=campaign, kind=ResultKind.OPEN, row_id=waiting.pk, remote_contact_id=1, email_key="a@example.com"
        )
        running = Campaign.objects.create(integration=owner, remote_id=6, name="Welcome", sent_at=None)
        self.event_at(running, 401)
        newer = Campaign.objects.create(integration=owner, remote_id=7, name="Last", sent_at=NOW - timedelta(days=3))
        kept = self.event_at(newer, 2)

        assert delete_old_events(keep_days=400, now=NOW, chunk=2) == 5

        assert set(OpenEvent.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk, kept.pk}
        assert not ClickEvent.objects.exists()

    def test_old_ones_of_a_campaign_that_is_sent_again_and_again_go_too(self, owner: Integration) -> None:
        dates = {"first_seen_at": NOW - timedelta(days=900), "sent_at": NOW - timedelta(days=3)}
        monthly = Campaign.objects.create(integration=owner, remote_id=8, name="Monthly", **dates)
        self.event_at(monthly, 800)
        young = self.event_at(monthly, 2)
        assert delete_old_events(keep_days=400, now=NOW) == 1
        assert OpenEvent.objects.get() == young

    def test_a_piece_is_found_by_its_index(self, campaign: Campaign) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dotbridge_mirror_openevent (campaign_id, remote_contact_id, email_key, happened_at, "
                "mail_client, is_forward, event_key) SELECT %s, g, '', %s, '', false, gen_random_uuid() "
                "FROM generate_series(1, 20000) g",
                [campaign.pk, NOW],
            )
            cursor.execute("ANALYZE dotbridge_mirror_openevent")
        with CaptureQueriesContext(connection) as queries:
            assert delete_old_events(keep_days=400, now=NOW, chunk=500) == 0
        statement = next(query["sql"] for query in queries if "dotbridge_mirror_openevent" in query["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Index Scan using open_event_once" in plan
