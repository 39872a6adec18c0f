"""The queue of jobs kept in order: lost jobs are given back, what waits too long goes, ended jobs are deleted.

All of it is about our own queues: in a host's project the same tables hold jobs of others.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import connection
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from dotbridge.connections.models import RunKind
from dotbridge.connections.services import RUN_TASK
from dotbridge.processes import SILENT_SECONDS
from dotbridge.queues import KEEP_JOBS, WAITED_RANK, Queue

# A comparison waits for the hours of its account, less than a day; any other run for calls, an hour at most.
LONGEST_SCHEDULED, LONGEST_SCHEDULED_RUN = timedelta(days=2), timedelta(hours=2)
LONGEST_WAIT_SECONDS = 30 * 60
# A job that takes its worker along, as by the memory that it needs, takes the jobs of others along each time. What is
# on the schedule, or waits to be done, is asked for again by that.
MOST_GIVEN_BACK = 5

log = structlog.get_logger(__name__)


def let_waiting_jobs_go() -> None:
    """What others went before for too long goes next, though never before what a person pressed.

    What waits for a moment that no job of ours waits for was asked for by a clock that was wrong, and goes now: nothing
    of its kind is asked for while it waits.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE procrastinate_jobs SET scheduled_at = NULL
            WHERE status = 'todo' AND queue_name = ANY(%(queues)s)
              AND scheduled_at > now() + make_interval(secs =>
                  CASE WHEN task_name = %(run)s AND args ->> 'kind' <> %(comparison)s
                       THEN %(longest_of_run)s ELSE %(longest)s END)
            """,
            {
                "queues": [*map(str, Queue)],
                "run": RUN_TASK,
                "comparison": RunKind.RECONCILE.value,
                "longest_of_run": LONGEST_SCHEDULED_RUN.total_seconds(),
                "longest": LONGEST_SCHEDULED.total_seconds(),
            },
        )
        cursor.execute(
            """
            UPDATE procrastinate_jobs AS job SET priority = %(next)s
            WHERE status = 'todo' AND queue_name IN (%(sync)s, %(bulk)s) AND priority < %(next)s
              AND coalesce(scheduled_at, (SELECT min(at) FROM procrastinate_events WHERE job_id = job.id))
                < now() - make_interval(secs => %(seconds)s)
            """,
            {
                "next": Queue.SYNC.priority(WAITED_RANK),
                "sync": Queue.SYNC,
                "bulk": Queue.BULK,
                "seconds": LONGEST_WAIT_SECONDS,
            },
        )


def delete_ended_jobs() -> int:
    """Delete our jobs that failed or were ended longer ago than KEEP_JOBS. Answers how many. A host's jobs stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM procrastinate_jobs AS job
            WHERE queue_name = ANY(%s) AND status NOT IN ('todo', 'doing')
              AND NOT EXISTS (
                SELECT FROM procrastinate_events WHERE job_id = job.id AND at > now() - make_interval(secs => %s)
              )
            """,
            [[*map(str, Queue)], KEEP_JOBS.total_seconds()],
        )
        return int(cursor.rowcount)


async def give_back_lost_jobs(queue: JobManager) -> None:
    """Let our jobs run again whose worker was not heard of for SILENT_SECONDS. A host's are the host's to see to."""
    for job in await queue.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        if job.queue not in set(Queue):
            continue
        try:
            if job.attempts >= MOST_GIVEN_BACK:
                log.error("job given up, its worker has died too often", job=job.id, task=job.task_name)
                await queue.finish_job(job, status=Status.FAILED, delete_job=False)
            else:
                log.warning("job of a dead worker given back", job=job.id, task=job.task_name)
                await _give_back(queue, job)
        except ConnectorException as error:
            # Its worker was only slow and has ended it meanwhile, or another one was faster. The others still wait.
            log.info("job was not lost", job=job.id, error=type(error).__name__)


async def _give_back(queue: JobManager, job: Job) -> None:
    try:
        await queue.retry_job(job)
    except UniqueViolation:
        # Somebody asked for the same again, and only one of a kind may wait. That one does the work of both.
        await queue.finish_job(job, status=Status.FAILED, delete_job=True)
