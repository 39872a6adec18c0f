"""Which job goes before which: schedules, what people pressed, what is on the schedule, what reads everything.

The kind: something urgent waits behind something that has time. A person's click waited behind the schedule where all
slots were taken; its other places: the schedule itself and the care for lost jobs behind long runs, a first reading
that holds all slots, a click for what is on the schedule already, and what others go before for ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.tasks import Task

from dotbridge import jobs
from dotbridge.connections.models import ListConnection, Look, RunKind
from dotbridge.connections.services import DISCONNECT_TASK, RUN_TASK, request_run
from dotbridge.each_alone import SomeFailed
from dotbridge.files.waiting import LOAD_TASK
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.job_upkeep import let_waiting_jobs_go
from dotbridge.lists.address_loads import AddressLoad
from dotbridge.lists.counting import COUNT_TASK, request_count
from dotbridge.lists.models import ListCount
from dotbridge.lists.refreshing import REFRESH_TASK
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook, Campaign
from dotbridge.preferences.services import choose_settings
from dotbridge.queues import Queue
from dotbridge.scheduled_files.services import READ_TASK
from dotbridge.sync.models import State, SyncRun
from dotbridge.worker import Schedule, own_schedule
from tests.platform.crew import LANES, SCHEDULE, Workers, waiting
from tests.platform.place import away_database, until
from tests.platform.test_jobs import give_back, pretend_long_ago

pytestmark = pytest.mark.usefixtures("empty_queue")


class SilentServer:
    """Somebody who takes calls and never answers: a run that calls there does not end soon."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._calls: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._take_calls, daemon=True).start()

    @property
    def calls(self) -> int:
        """How many have called so far."""
        return len(self._calls)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        for line in [self._server, *self._calls]:
            line.close()

    def _take_calls(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._calls.append(self._server.accept()[0])


@pytest.fixture
def silent(workers: Workers) -> Iterator[SilentServer]:
    with contextlib.closing(SilentServer()) as server:
        workers.origins.append(server.url)
        yield server


def more_integrations(number: int, url: str = "http://127.0.0.1:9") -> list[Integration]:
    return [
        create_integration(name=f"Shop {position}", username=f"user{position}", password="x", base_url=url)
        for position in range(number)
    ]


def ask_for_long_runs(url: str, number: int, **named: Any) -> None:
    """So many imports on the schedule that will not end soon."""
    for integration in more_integrations(number, url):
        assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule", **named)


def at_work() -> int:
    """How many of the long runs hold a slot."""
    return ProcrastinateJob.objects.filter(task_name=RUN_TASK, status="doing", args__kind="import").count()


def has_ended(integration: Integration) -> bool:
    return SyncRun.objects.filter(integration=integration, finished_at__isnull=False).exists()


def taken_next(*queues: Queue) -> tuple[str, str]:
    """The queue and the kind of the job that a worker with these queues takes now."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(%s, %s)", [[*queues], cursor.fetchone()[0]])
        job = ProcrastinateJob.objects.get(pk=cursor.fetchone()[0])
        cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.pk])
    return job.queue_name, job.args["kind"]


def test_a_click_and_the_schedule_go_on_while_scheduled_runs_hold_all_slots(
    workers: Workers, silent: SilentServer, integration: Integration
) -> None:
    # One more than there are slots, so that one waits.
    ask_for_long_runs(silent.url, 5)
    workers.start()
    until(lambda: at_work() == 4)
    assert len(waiting()) == 1
    assert request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="person")
    until(lambda: has_ended(integration), seconds=20)
    app.configure_task("dotbridge.schedule_requests", queue=Queue.CONTROL).defer(timestamp=0)
    until(lambda: not waiting("dotbridge.schedule_requests"), seconds=20)
    assert at_work() == 4


def test_readings_of_everything_leave_slots_to_the_schedule(
    workers: Workers, silent: SilentServer, integration: Integration
) -> None:
    ask_for_long_runs(silent.url, 4, reads_everything=True)
    workers.start()
    until(lambda: at_work() == 1)
    request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="schedule")
    until(lambda: has_ended(integration), seconds=20)
    assert at_work() == 1
    assert len(waiting()) == 3


def test_a_list_is_counted_while_runs_hold_all_slots_and_holds_none_of_theirs(
    workers: Workers, silent: SilentServer, integration: Integration
) -> None:
    """Somebody looks at the page and waits for it, however long what reads everything may take."""
    listed = create_list(name="Everybody", entity="crm.contact")
    ask_for_long_runs(silent.url, 5)
    workers.start()
    until(lambda: at_work() == 4)
    assert request_count(list_id=listed.pk)
    until(lambda: ListCount.objects.filter(pk=listed.pk, counted_at__isnull=False).exists(), seconds=20)
    until(lambda: not waiting(COUNT_TASK))
    assert at_work() == 4


def test_a_lane_that_lost_its_database_takes_jobs_again_before_its_last_ones_end(
    workers: Workers, silent: SilentServer, integration: Integration
) -> None:
    ask_for_long_runs(silent.url, 4)
    workers.start()
    until(lambda: silent.calls == 4)
    found = connection.settings_dict
    server = {name.lower(): str(found[name]) for name in ("HOST", "PORT", "USER", "PASSWORD") if found[name]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (our_own,) = cursor.fetchone()
    with away_database(found["NAME"], but_for=our_own, **server):
        # All have noticed, also those whose slots are taken.
        until(lambda: workers.place.output.count("stopping worker") == LANES)
    request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="schedule")
    until(lambda: has_ended(integration), seconds=30)
    assert at_work() == 4


def test_the_queues_go_one_before_the_other(transactional_db: None) -> None:
    one, two, three, four = more_integrations(4)
    request_run(integration=one, kind=RunKind.RECONCILE, trigger="schedule")
    request_run(integration=two, kind=RunKind.IMPORT, trigger="schedule", reads_everything=True)
    request_run(integration=three, kind=RunKind.EXPORT, trigger="schedule")
    request_run(integration=four, kind=RunKind.EXPORT, trigger="person")
    every = (Queue.BULK, Queue.SYNC, Queue.PEOPLE, Queue.CONTROL)
    assert [taken_next(*every) for _ in range(4)] == [
        (Queue.PEOPLE, "export"),
        (Queue.SYNC, "export"),
        (Queue.BULK, "reconcile"),
        (Queue.BULK, "import"),
    ]


def test_within_one_integration_a_click_goes_before_the_schedule(integration: Integration) -> None:
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule", delay=100)
    request_run(integration=integration, kind=RunKind.EXPORT, trigger="schedule")
    request_run(integration=integration, kind=RunKind.SYNC, trigger="person")
    assert taken_next(Queue.PEOPLE, Queue.SYNC) == (Queue.PEOPLE, "sync")


def test_a_click_takes_over_what_is_on_the_schedule_already(integration: Integration) -> None:
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule", delay=100)
    assert not request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    (job,) = waiting()
    assert (job.queue_name, job.scheduled_at, job.args["trigger"]) == (Queue.PEOPLE, None, "person")
    assert not request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule", delay=100)
    assert waiting()[0].queue_name == Queue.PEOPLE


def test_a_first_reading_reads_everything_and_the_next_one_does_not(integration: Integration) -> None:
    jobs.request_for_all(RunKind.IMPORT)
    assert waiting()[0].queue_name == Queue.BULK
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    now = timezone.now()
    SyncRun.objects.create(
        integration=integration, kind=RunKind.IMPORT, state=State.SUCCEEDED, started_at=now, finished_at=now
    )
    jobs.request_for_all(RunKind.IMPORT)
    assert waiting()[0].queue_name == Queue.SYNC


def test_a_hundred_integrations_start_at_a_hundred_times(integration: Integration) -> None:
    Integration.objects.bulk_create(Integration(name=f"Shop {number}", username="u") for number in range(99))
    starts: dict[str, dict[int, datetime]] = {}
    for kind in (RunKind.EXPORT, RunKind.CHANGES):
        asked = timezone.now()
        jobs.request_for_all(kind)
        starts[kind] = {
            job.args["integration_id"]: job.scheduled_at for job in waiting() if job.args["kind"] == kind.value
        }
        seconds = [(start - asked).total_seconds() for start in starts[kind].values()]
        assert len(seconds) == 100
        assert max(Counter(int(second) for second in seconds).values()) <= 2
        assert max(seconds) < 120, "an import is over before its export, two minutes later, begins"
    for number, start in starts[RunKind.EXPORT].items():
        assert abs(start - starts[RunKind.CHANGES][number]) < timedelta(seconds=10), "always at the same time"


@pytest.mark.parametrize(("minutes", "goes_next"), [(29, "export"), (31, "reconcile")])
def test_what_waited_for_half_an_hour_goes_next(transactional_db: None, minutes: int, goes_next: str) -> None:
    one, two = more_integrations(2)
    request_run(integration=one, kind=RunKind.RECONCILE, trigger="schedule")
    request_run(integration=two, kind=RunKind.EXPORT, trigger="schedule")
    request_run(integration=two, kind=RunKind.REQUESTS, trigger="person")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_events SET at = at - make_interval(mins => %s) WHERE job_id = %s",
            [minutes, waiting()[0].pk],
        )
    let_waiting_jobs_go()
    assert taken_next(*Queue) == (Queue.PEOPLE, "requests")
    assert taken_next(*Queue)[1] == goes_next


def defer_jobs_of_a_host() -> None:
    """One that waits, with a task that only the host knows, and one whose worker is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES"
            " ('default', 'host.task', 'todo'), ('default', 'host.task', 'doing')"
        )


def test_jobs_of_a_host_in_the_same_tables_are_left_alone(workers: Workers, integration: Integration) -> None:
    defer_jobs_of_a_host()
    workers.start()
    request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="schedule")
    until(lambda: has_ended(integration))
    pretend_long_ago()
    give_back()
    let_waiting_jobs_go()
    host = ProcrastinateJob.objects.filter(task_name="host.task").order_by("pk")
    assert list(host.values_list("status", "attempts", "priority")) == [("todo", 0, 0), ("doing", 0, 0)]


def test_a_host_with_names_like_ours_is_no_obstacle(integration: Integration) -> None:
    with connection.cursor() as cursor:
        for name in ("schedule_import", f"import-{integration.pk}", f"integration-{integration.pk}"):
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status, lock, queueing_lock)"
                " VALUES ('default', 'host.task', 'todo', %s, %s)",
                [name, name],
            )
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule")
    assert taken_next(*Queue) == (Queue.SYNC, "import")


def test_the_schedule_of_a_host_is_not_ours_to_keep() -> None:
    app.perform_import_paths()
    host: Task[Any, Any, Any] = app.task(name="host.tick", pass_context=False)(lambda timestamp: None)
    app.periodic(cron="* * * * *")(host)
    try:
        assert {key[0] for key in own_schedule().periodic_tasks} == set(SCHEDULE)
    finally:
        del app.periodic_registry.periodic_tasks["host.tick", ""]
        del app.tasks["host.tick"]


def times_of(schedule: Schedule, at: datetime) -> dict[str, list[datetime]]:
    """What the schedule asks for at a moment: each task's times."""
    found: dict[str, list[datetime]] = {}
    for planned, moment in schedule.get_previous_tasks(at.timestamp()):
        found.setdefault(planned.task.name, []).append(datetime.fromtimestamp(moment, UTC))
    return found


NOON = datetime(2026, 3, 4, 12, 0, 10, tzinfo=UTC)


def test_what_was_due_while_no_worker_ran_is_made_up_for_once() -> None:
    app.perform_import_paths()
    schedule = Schedule()
    found = times_of(schedule, NOON)
    assert set(found) == set(SCHEDULE)
    assert found["dotbridge.delete_old_records"] == [NOON.replace(hour=3, minute=45, second=0)]
    assert "dotbridge.delete_old_records" not in times_of(schedule, NOON + timedelta(minutes=1))
    # The machine slept: the minutes that passed are not asked for one by one.
    found = times_of(schedule, NOON + timedelta(hours=9))
    assert found["dotbridge.schedule_import"] == [NOON.replace(hour=21, second=0)]


@pytest.mark.parametrize("ahead", ["9 years", "20 hours"])
def test_a_run_that_a_wrong_clock_asked_for_holds_up_none_for_long(integration: Integration, ahead: str) -> None:
    assert request_run(integration=integration, kind=RunKind.EXPORT, trigger="schedule")
    assert request_run(integration=integration, kind=RunKind.RECONCILE, trigger="schedule")
    with connection.cursor() as cursor:
        waits = "UPDATE procrastinate_jobs SET scheduled_at = now() + %s::interval WHERE args->>'kind' = %s"
        cursor.execute(waits, [ahead, RunKind.EXPORT])
        cursor.execute(waits, ["23 hours", RunKind.RECONCILE])
    let_waiting_jobs_go()
    assert {job.args["kind"]: job.scheduled_at is None for job in waiting()} == {"export": True, "reconcile": False}


def test_a_clock_that_was_set_back_stops_no_schedule() -> None:
    app.perform_import_paths()
    schedule = Schedule()
    times_of(schedule, NOON + timedelta(days=3650))
    assert times_of(schedule, NOON)["dotbridge.schedule_import"] == [NOON.replace(second=0)]


@pytest.mark.parametrize(
    ("task", "kind"), [(jobs.schedule_import, RunKind.IMPORT), (jobs.schedule_export, RunKind.EXPORT)]
)
def test_a_run_whose_minute_passed_while_no_worker_ran_is_asked_for_later(
    integration: Integration, task: Any, kind: RunKind
) -> None:
    choose_settings(chosen={"import_every_seconds": "1 day", "export_every_seconds": "1 day"})
    minute_of_no_run = 77 * 60
    task.func(timestamp=minute_of_no_run)
    assert not waiting()
    a_day_ago = timezone.now() - timedelta(days=1, minutes=6)
    Integration.objects.update(created_at=a_day_ago)
    run = SyncRun.objects.create(integration=integration, kind=kind, trigger="schedule", started_at=a_day_ago)
    task.func(timestamp=minute_of_no_run)
    assert [job.args["kind"] for job in waiting()] == [kind.value]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    SyncRun.objects.filter(pk=run.pk).update(started_at=a_day_ago + timedelta(minutes=5))
    task.func(timestamp=minute_of_no_run)
    assert not waiting()


def test_a_run_that_did_nothing_for_all_lists_is_asked_for_later(integration: Integration) -> None:
    """Of an interval of a day, one that was skipped, or was for one list alone, would have been all for a day."""
    choose_settings(chosen={"import_every_seconds": "1 day"})
    now = timezone.now()
    Integration.objects.update(created_at=now - timedelta(days=3))
    book = AddressBook.objects.create(integration=integration, remote_id=1, name="Readers")
    link = ListConnection.objects.create(
        marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=book
    )
    begun: dict[str, Any] = {"integration": integration, "kind": RunKind.IMPORT, "trigger": "schedule"}
    SyncRun.objects.create(**begun, state=State.SUCCEEDED, connection=link, started_at=now)
    skipped = SyncRun.objects.create(**begun, state=State.SKIPPED, started_at=now)
    jobs.schedule_import.func(timestamp=77 * 60)
    assert not waiting(), "not each minute"
    SyncRun.objects.filter(pk=skipped.pk).update(started_at=now - timedelta(minutes=6))
    jobs.schedule_import.func(timestamp=77 * 60)
    assert [job.args["kind"] for job in waiting()] == ["import"]


@contextlib.contextmanager
def refused(table: str, what: str) -> Iterator[None]:
    """The database refuses to do this with the table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION refuse_all() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        )
        cursor.execute(f"CREATE TRIGGER refuse BEFORE {what} ON {table} EXECUTE FUNCTION refuse_all()")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse_all()")


def test_what_cannot_be_asked_for_holds_up_no_other_request(integration: Integration) -> None:
    Look.objects.create(integration=integration)
    with refused("dotbridge_connections_contactrequest", "INSERT"), pytest.raises(SomeFailed, match="opt-outs"):
        jobs.schedule_requests.func(timestamp=0)
    assert [job.args["kind"] for job in waiting()] == [RunKind.REQUESTS.value]


@pytest.mark.parametrize("table", ["dotbridge_sync_rejection", "dotbridge_mirror_openevent"])
def test_what_cannot_be_deleted_keeps_nothing_else_that_is_old(integration: Integration, table: str) -> None:
    long_ago = timezone.now() - timedelta(days=1000)
    for _each in range(2):
        SyncRun.objects.create(
            integration=integration, kind=RunKind.IMPORT, trigger="x", state=State.SUCCEEDED, started_at=long_ago
        )
    Campaign.objects.create(integration=integration, remote_id=1, name="Letter", subject="", status="Sent")
    Session.objects.create(session_key="old", session_data="", expire_date=long_ago)
    load = AddressLoad.objects.create(marketing_list=create_list(name="A", entity="crm.contact"))
    AddressLoad.objects.update(created_at=long_ago)
    with refused(table, "UPDATE OR DELETE"), pytest.raises(SomeFailed):
        jobs.delete_old_records.func(timestamp=0)
    assert SyncRun.objects.count() == 1
    assert not Session.objects.exists()
    assert not AddressLoad.objects.filter(pk=load.pk).exists()


def test_every_job_of_ours_has_a_queue_of_ours() -> None:
    app.perform_import_paths()
    ours = [task for name, task in app.tasks.items() if name.startswith("dotbridge.")]
    assert {task.queue for task in ours} <= set(Queue)
    asked_for = {RUN_TASK, DISCONNECT_TASK, REFRESH_TASK, COUNT_TASK, LOAD_TASK, READ_TASK, "dotbridge.look_for_news"}
    assert {task.name for task in ours} == {*asked_for, *SCHEDULE}
