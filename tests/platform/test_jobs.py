"""The queue with real workers: what runs, in which order, and what becomes of jobs whose worker is gone."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker
from rich.console import Console

from dotbridge import jobs
from dotbridge.connections.models import RunKind
from dotbridge.connections.services import RUN_TASK, request_run
from dotbridge.doctor import examine
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.job_upkeep import MOST_GIVEN_BACK, delete_ended_jobs, give_back_lost_jobs
from dotbridge.queues import Queue
from dotbridge.sync.models import State, SyncRun
from dotbridge.worker import QUEUE_CONNECTIONS
from dotdigital_sandbox import Sandbox
from tests.platform.crew import SCHEDULE, SLOW, Workers, is_at_work, waiting
from tests.platform.place import until

pytestmark = pytest.mark.usefixtures("empty_queue")


@pytest.fixture
def other_sandbox(tmp_path: Path, workers: Workers) -> Iterator[Sandbox]:
    """A second account, which workers may call too."""
    with Sandbox(tmp_path / "other", seed="demo", account_id=2) as running:
        workers.origins.append(running.url)
        yield running


def kinds_of_ended_runs() -> list[str]:
    return list(SyncRun.objects.exclude(finished_at=None).order_by("started_at").values_list("kind", flat=True))


def pretend_long_ago() -> None:
    """Every worker was last heard of a minute ago."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")


def give_back() -> None:
    """What the worker does every minute, done now."""
    connector: Any = app.connector

    async def through_a_pool() -> None:
        async with app.open_async():
            await give_back_lost_jobs(app.job_manager)

    with app.replace_connector(connector.get_worker_connector()):
        asyncio.run(through_a_pool())


def test_a_worker_runs_what_was_asked_for(workers: Workers, integration: Integration) -> None:
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    program = workers.start()
    until(lambda: kinds_of_ended_runs() == ["import"])
    run = SyncRun.objects.get()
    assert (run.state, run.trigger, run.integration) == (State.SUCCEEDED, "person", integration)
    until(lambda: not ProcrastinateJob.objects.filter(task_name=RUN_TASK).exists())
    program.terminate()
    assert program.wait(30) == 0
    assert not ProcrastinateWorker.objects.exists()


def test_the_same_request_is_refused_while_one_waits(integration: Integration) -> None:
    other = create_integration(name="Other", username="u", password="p", base_url=integration.base_url)
    assert request_run(integration=integration, kind=RunKind.EXPORT, trigger="person")
    assert not request_run(integration=integration, kind=RunKind.EXPORT, trigger="schedule")
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    assert request_run(integration=other, kind=RunKind.EXPORT, trigger="person")
    assert len(waiting()) == 3


def test_runs_of_one_integration_queue_and_an_import_goes_before_an_export(
    workers: Workers, sandbox: Sandbox, integration: Integration
) -> None:
    for kind in (RunKind.EXPORT, RunKind.DATA_FIELDS, RunKind.IMPORT):
        request_run(integration=integration, kind=kind, trigger="person")
    workers.start()
    until(lambda: len(kinds_of_ended_runs()) == 3)
    assert kinds_of_ended_runs() == ["data_fields", "import", "export"]
    runs = list(SyncRun.objects.order_by("started_at"))
    assert State.SKIPPED not in {run.state for run in runs[:2]}
    for former, later in itertools.pairwise(runs):
        assert former.finished_at is not None
        assert former.finished_at <= later.started_at


def test_an_inactive_integration_is_dropped(workers: Workers, integration: Integration) -> None:
    request_run(integration=integration, trigger="person")
    Integration.objects.update(is_active=False)
    jobs.request_for_all(RunKind.IMPORT)
    assert len(waiting()) == 1
    workers.start()
    until(lambda: not waiting() and "run dropped: the integration is not active" in workers.place.output)
    assert not SyncRun.objects.exists()


def test_a_run_of_a_killed_worker_is_given_back_and_finished_by_another(
    workers: Workers, sandbox: Sandbox, integration: Integration
) -> None:
    sandbox.fail_next("delay", path=SLOW, seconds=60)
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    killed = workers.start()
    until(lambda: is_at_work(sandbox))
    killed.kill()
    killed.wait()
    give_back()
    assert not waiting(), "a worker that was heard of lately may be alive"
    pretend_long_ago()
    workers.start()
    # What it does every minute, without the wait.
    app.configure_task("dotbridge.retry_lost_jobs").defer(timestamp=0)
    until(lambda: len(kinds_of_ended_runs()) == 2)
    assert list(SyncRun.objects.order_by("pk").values_list("state", flat=True)) == ["interrupted", "succeeded"]
    assert not waiting()


def test_a_job_whose_worker_dies_each_time_is_given_up(integration: Integration) -> None:
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    for death in range(MOST_GIVEN_BACK + 1):
        assert len(waiting()) == 1, f"after {death} deaths"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        give_back()
    assert [job.status for job in ProcrastinateJob.objects.all()] == ["failed"]
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule")


def test_a_lost_job_gives_way_to_an_equal_one_and_the_others_are_given_back(
    workers: Workers, sandbox: Sandbox, other_sandbox: Sandbox, integration: Integration
) -> None:
    other = create_integration(
        name="Other", username=sandbox.user, password=sandbox.password, base_url=other_sandbox.url
    )
    for account in (sandbox, other_sandbox):
        account.fail_next("delay", path=SLOW, seconds=60)
    for each in (integration, other):
        request_run(integration=each, kind=RunKind.IMPORT, trigger="person")
    killed = workers.start()
    until(lambda: is_at_work(sandbox) and is_at_work(other_sandbox))
    # While the first is at work, somebody asks for the same again.
    assert request_run(integration=integration, kind=RunKind.IMPORT, trigger="schedule")
    killed.kill()
    killed.wait()
    pretend_long_ago()
    give_back()
    assert not ProcrastinateJob.objects.filter(status="doing").exists()
    assert sorted(job.args["trigger"] for job in waiting()) == ["person", "schedule"]
    workers.start()
    until(lambda: SyncRun.objects.filter(state=State.SUCCEEDED).count() == 2)
    assert SyncRun.objects.filter(state=State.INTERRUPTED).count() == 2


def test_a_job_whose_worker_was_only_slow_is_left_alone(integration: Integration) -> None:
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    request_run(integration=integration, kind=RunKind.EXPORT, trigger="person")
    ended, lost = waiting()

    class Slow:
        """The queue, seen a moment ago: one of the two has ended meanwhile."""

        async def get_stalled_jobs(self, **_: float) -> list[Any]:
            return [app.configure_task(RUN_TASK, queue=job.queue_name).job.evolve(id=job.pk) for job in (ended, lost)]

        def __getattr__(self, name: str) -> Any:
            return getattr(app.job_manager, name)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = %s", [ended.pk])
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [lost.pk])
    queue: Any = Slow()
    asyncio.run(give_back_lost_jobs(queue))
    assert [job.pk for job in waiting()] == [lost.pk]


def test_a_worker_at_work_ends_in_time_and_its_run_goes_on_later(
    workers: Workers, sandbox: Sandbox, integration: Integration
) -> None:
    sandbox.fail_next("delay", path=SLOW, seconds=60)
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="person")
    program = workers.start()
    until(lambda: is_at_work(sandbox))
    began = time.monotonic()
    # Ctrl-C tells all programs of the terminal; the one that started this one then tells it again.
    program.send_signal(signal.SIGINT)
    time.sleep(0.5)
    program.send_signal(signal.SIGTERM)
    assert program.wait(15) == 0
    assert time.monotonic() - began > 5, "it did not give the run time to end"
    assert "worker ended in the middle of a job" in workers.place.output
    pretend_long_ago()
    give_back()
    workers.start()
    until(lambda: SyncRun.objects.filter(state=State.SUCCEEDED).exists())


def test_a_worker_that_loses_its_connections_goes_on(workers: Workers, integration: Integration) -> None:
    program = workers.start()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="person")
    until(kinds_of_ended_runs)
    assert program.poll() is None


def test_jobs_leave_no_database_connection_open(workers: Workers, integration: Integration) -> None:
    """One that stays may be dead when its thread does the next job."""

    def jobs_connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND application_name <> %s",
                [QUEUE_CONNECTIONS],
            )
            return int(cursor.fetchone()[0])

    workers.start()
    for number in range(1, 4):
        request_run(integration=integration, kind=RunKind.DATA_FIELDS, trigger="person")
        until(lambda number=number: len(kinds_of_ended_runs()) == number)
    until(lambda: not ProcrastinateJob.objects.filter(status="doing").exists())
    until(lambda: jobs_connections() == 0, seconds=5)


def fail(queue: str, *, hours_ago: float) -> int:
    """A job that failed so long ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES (%s, 'dotbridge.sync', 'doing')"
            " RETURNING id",
            [queue],
        )
        (number,) = cursor.fetchone()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [number])
        cursor.execute(
            "UPDATE procrastinate_events SET at = at - make_interval(secs => %s) WHERE job_id = %s",
            [3600 * hours_ago, number],
        )
    return int(number)


def test_failed_jobs_are_kept_for_a_week(integration: Integration) -> None:
    kept = [fail(Queue.SYNC, hours_ago=24 * 7 - 1), fail("default", hours_ago=24 * 30)]
    for queue in Queue:
        fail(queue, hours_ago=24 * 7 + 1)
    request_run(integration=integration, trigger="person")
    (asked,) = waiting()
    assert delete_ended_jobs() == len(Queue)
    assert list(ProcrastinateJob.objects.order_by("pk").values_list("pk", flat=True)) == [*kept, asked.pk]


@pytest.mark.parametrize(
    ("hours_ago", "mark"), [([], "ok   failed jobs"), ([25], "ok   failed jobs"), ([25, 23, 200], "FAIL failed jobs")]
)
def test_the_doctor_tells_of_failed_jobs(hours_ago: list[int], mark: str, capsys: pytest.CaptureFixture[str]) -> None:
    fail("default", hours_ago=1)
    for hours in hours_ago:
        fail(Queue.SYNC, hours_ago=hours)
    examine(Console(width=500))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "failed jobs" in line]
    assert line.startswith(mark)
    seen = sum(hours < 24 * 7 for hours in hours_ago)
    assert f" {seen} in the last 7 days (dotbridge.sync)" in line if seen else "none in the last 7 days" in line


def test_the_schedule() -> None:
    app.perform_import_paths()
    planned = {key[0]: task.cron for key, task in app.periodic_registry.periodic_tasks.items()}
    assert planned == SCHEDULE


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (jobs.schedule_import, RunKind.IMPORT),
        (jobs.schedule_export, RunKind.EXPORT),
        (jobs.schedule_changes, RunKind.CHANGES),
        (jobs.schedule_data_fields, RunKind.DATA_FIELDS),
        (jobs.schedule_reconcile, RunKind.RECONCILE),
    ],
)
def test_the_schedule_asks_for_every_active_integration(integration: Integration, task: Any, kind: RunKind) -> None:
    create_integration(name="Other", username="u", password="p", base_url=integration.base_url)
    create_integration(name="Asleep", username="u", password="p", base_url=integration.base_url, is_active=False)
    # Exports are asked for two minutes after imports.
    task.func(timestamp=120 if kind == RunKind.EXPORT else 0)
    assert [(job.args["kind"], job.args["trigger"]) for job in waiting()] == [(kind.value, "schedule")] * 2
