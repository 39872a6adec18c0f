"""What is due, done once: for whoever has cron and nothing that may run all the time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection
from procrastinate import JobContext
from procrastinate.contrib.django import app

from dotbridge.connections.models import RunKind
from dotbridge.connections.services import RUN_TASK
from dotbridge.doctor import require_migrations
from dotbridge.jobs import SPREAD_SECONDS, request_late_runs
from dotbridge.queues import Queue
from dotbridge.worker import Lane, Schedule, queue_connector

# What waits for calls, or for an account's hours, would only be asked for anew, again and again until these come.
_START_NOW = """
    UPDATE procrastinate_jobs SET scheduled_at = now()
    WHERE status = 'todo' AND queue_name = ANY(%(queues)s) AND scheduled_at > now()
      AND scheduled_at < now() + make_interval(secs => %(seconds)s)
      AND NOT (task_name = %(run)s AND (
          args ->> 'kind' = %(comparison)s
          OR EXISTS (SELECT FROM dotbridge_sync_syncrun r
                     WHERE r.integration_id = (args ->> 'integration_id')::bigint AND r.state = 'waiting'
                       AND r.waits_until > now())))
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """How many jobs were done, and whether there was time for all that was due."""

    jobs: int
    is_all: bool


def run_due(*, seconds: float) -> Done:
    """Do what is due, one job after the other, and begin none when so many seconds are over.

    Several at once, or beside a worker, share the work. Raises OperatorError when the database lacks migrations.
    """
    require_migrations()
    with app.replace_connector(queue_connector()):
        return asyncio.run(_run_due(seconds))


class Errand(Lane):
    """One slot for all queues that ends when nothing is left to be done."""

    def __init__(self) -> None:
        super().__init__(*Queue, slots=1)
        self.wait = False
        self.taken = 0

    async def _process_job(self, context: JobContext) -> None:
        self.taken += 1
        await super()._process_job(context)


async def _run_due(seconds: float) -> Done:
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + seconds
    jobs = 0
    async with app.open_async():
        schedule = Schedule()
        await schedule.defer_jobs(schedule.get_previous_tasks(at=time.time()))
        await asyncio.to_thread(_ask_for_late_runs)
        while (left := deadline - time.monotonic()) > 0:
            await asyncio.to_thread(_start_now)
            errand = Errand()
            alarm = asyncio.get_running_loop().call_later(left, errand.stop)
            await errand.run()  # type: ignore[no-untyped-call]
            alarm.cancel()
            jobs += errand.taken
            # A job asks for others, so only a round without one was the last.
            if not errand.taken:
                return Done(jobs=jobs, is_all=True)
    return Done(jobs=jobs, is_all=False)


def _ask_for_late_runs() -> None:
    """Of a schedule that looks each minute whether an interval is over, cron sees one minute in many."""
    try:
        request_late_runs()
    finally:
        connection.close()


def _start_now() -> None:
    """Runs are spread over two minutes for the sake of many workers; here nobody is there in two minutes."""
    parameters: dict[str, Any] = {
        "queues": [*map(str, Queue)],
        "seconds": SPREAD_SECONDS + 1,
        "run": RUN_TASK,
        "comparison": RunKind.RECONCILE.value,
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(_START_NOW, parameters)
    finally:
        # It is this thread's own, and the thread is gone with this call.
        connection.close()
