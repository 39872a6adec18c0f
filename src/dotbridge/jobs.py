"""The background jobs and their schedule. They hold no rules: each hands over to the app that does the work."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

import structlog
from django.conf import settings
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import RUN_TASK, request_run
from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration
from dotbridge.lists.listed_services import refresh_due_lists
from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.mapping.tracking.forcing import force_comparison
from dotbridge.processes import SECONDS_TO_FINISH, SILENT_SECONDS
from dotbridge.sync import retention
from dotbridge.sync.engine import run_sync

log = structlog.get_logger(__name__)


@app.task(name=RUN_TASK)
def run(*, integration_id: int, kind: str, trigger: str, connection_id: int | None = None) -> None:
    """Run one kind of synchronisation of one integration, or of one of its lists alone, unless the one or the other was
    deleted or switched off meanwhile."""
    integration = Integration.objects.filter(pk=integration_id, is_active=True).first()
    if integration is None:
        log.info("run dropped: the integration is not active", integration=integration_id)
        return
    link = None
    if connection_id is not None:
        link = ListConnection.objects.filter(pk=connection_id, address_book__integration=integration).first()
        if link is None:
            log.info("run dropped: the list is not connected any more", connection=connection_id)
            return
    run_sync(integration=integration, kind=RunKind(kind), trigger=trigger, link=link)


def request_for_all(kind: RunKind) -> None:
    """Ask for a run of every active integration."""
    for integration in Integration.objects.filter(is_active=True):
        request_run(integration=integration, kind=kind, trigger="schedule")


@app.periodic(cron="*/4 * * * *")
@app.task(name="dotbridge.schedule_import", queueing_lock="schedule_import")
def schedule_import(timestamp: int) -> None:
    """Every four minutes: import."""
    request_for_all(RunKind.IMPORT)


# Two minutes later than the imports, so that the two find the integration free.
@app.periodic(cron="2-58/4 * * * *")
@app.task(name="dotbridge.schedule_export", queueing_lock="schedule_export")
def schedule_export(timestamp: int) -> None:
    """Every four minutes: export."""
    request_for_all(RunKind.EXPORT)


@app.periodic(cron="*/5 * * * *")
@app.task(name="dotbridge.refresh_lists", queueing_lock="refresh_lists")
def refresh_lists(timestamp: int) -> None:
    """Every five minutes: refresh the lists on demand whose time has come."""
    refresh_due_lists()


@app.periodic(cron="*/5 * * * *")
@app.task(name="dotbridge.schedule_changes", queueing_lock="schedule_changes")
def schedule_changes(timestamp: int) -> None:
    """Every five minutes: see which members' fields changed, and prepare them for the next export."""
    request_for_all(RunKind.CHANGES)
    # Also when no integration can run: the log of changes would only grow.
    collect_changes()


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_requests", queueing_lock="schedule_requests")
def schedule_requests(timestamp: int) -> None:
    """Every minute: whatever people asked for and no worker has brought to its end."""
    for integration in integrations_with_requests():
        request_run(integration=integration, kind=RunKind.REQUESTS, trigger="schedule")


@app.periodic(cron="0 1 * * *")
@app.task(name="dotbridge.schedule_comparison", queueing_lock="schedule_comparison")
def schedule_comparison(timestamp: int) -> None:
    """Daily: have the next export compare values that nobody sees change."""
    for integration in Integration.objects.filter(is_active=True):
        force_comparison(integration=integration)


@app.periodic(cron="15 3 * * *")
@app.task(name="dotbridge.schedule_data_fields", queueing_lock="schedule_data_fields")
def schedule_data_fields(timestamp: int) -> None:
    """Daily: read the data fields again."""
    request_for_all(RunKind.DATA_FIELDS)


@app.periodic(cron="30 2 * * 0")
@app.task(name="dotbridge.schedule_reconcile", queueing_lock="schedule_reconcile")
def schedule_reconcile(timestamp: int) -> None:
    """Weekly: read everything again and report what had drifted."""
    request_for_all(RunKind.RECONCILE)


@app.periodic(cron="45 3 * * *")
@app.task(name="dotbridge.delete_old_records", queueing_lock="delete_old_records")
def delete_old_records(timestamp: int) -> None:
    """Daily: delete what is kept of runs for longer than the operator wants."""
    deleted = retention.delete_old_records(keep_days=settings.CONFIG.keep_runs_days)
    log.info("old records deleted", **deleted._asdict())


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.retry_lost_jobs", queueing_lock="retry_lost_jobs", pass_context=True)
async def retry_lost_jobs(context: JobContext, timestamp: int) -> None:
    """Every minute: give the jobs of dead workers back to the queue. The runs themselves know how to go on."""
    await give_back_lost_jobs(context.app.job_manager)


async def give_back_lost_jobs(queue: JobManager, *, silent_seconds: float = SILENT_SECONDS) -> None:
    """Let the jobs run again whose worker has not been heard of for so long."""
    for job in await queue.get_stalled_jobs(seconds_since_heartbeat=silent_seconds):
        log.warning("job of a dead worker given back", job=job.id, task=job.task_name)
        try:
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


def work(*, concurrency: int) -> None:
    """Do jobs until SIGTERM or SIGINT, then end within SECONDS_TO_FINISH, whatever is at work.

    Raises OperatorError when the worker ended without being told to, as it does when it loses its database.
    """
    connector: Any = app.connector
    with app.replace_connector(connector.get_worker_connector()):
        asyncio.run(_work(concurrency))


async def _work(concurrency: int) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                concurrency=concurrency,
                install_signal_handlers=False,
                stalled_worker_timeout=SILENT_SECONDS,
                # What a run did is kept with the run; the queue's own record would only grow.
                delete_jobs="successful",
            )
        )
        await asyncio.wait([working, asyncio.create_task(told.wait())], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        await asyncio.wait([working], timeout=SECONDS_TO_FINISH)
        if not working.done():
            # A thread cannot be ended. What it did is kept; as after a crash, a later run goes on from there.
            log.warning("worker ended in the middle of a job")
            logging.shutdown()
            os._exit(0)
    if not told.is_set():
        raise OperatorError("The worker ended by itself, most likely because it lost its database. The log says more.")
