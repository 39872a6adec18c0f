"""The background jobs and their schedule. They hold no rules: each hands over to the app that does the work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from django.db import connections
from procrastinate import JobContext
from procrastinate.contrib.django import app

from dotbridge.integrations.models import Integration
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import RunKind
from dotbridge.sync.services import RUN_TASK, request_run

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# A worker sends a heartbeat every ten seconds; one that was silent for so long is dead.
SILENT_SECONDS = 60


def closes_connections(work: Callable[P, R]) -> Callable[P, R]:
    """Jobs run in threads of their own, and Django opens a database connection a thread; nobody else closes it."""

    @functools.wraps(work)
    def closing(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return closing


@app.task(name=RUN_TASK)
@closes_connections
def run(*, integration_id: int, kind: str, trigger: str) -> None:
    """Run one kind of synchronisation of one integration, unless it was deleted or switched off meanwhile."""
    integration = Integration.objects.filter(pk=integration_id, is_active=True).first()
    if integration is None:
        log.info("run dropped: the integration is not active", integration=integration_id)
        return
    run_sync(integration=integration, kind=RunKind(kind), trigger=trigger)


def request_for_all(kind: RunKind) -> None:
    """Ask for a run of every active integration."""
    for integration in Integration.objects.filter(is_active=True):
        request_run(integration=integration, kind=kind, trigger="schedule")


@app.periodic(cron="*/4 * * * *")
@app.task(name="dotbridge.schedule_import", queueing_lock="schedule_import")
@closes_connections
def schedule_import(timestamp: int) -> None:
    """Every four minutes: import."""
    request_for_all(RunKind.IMPORT)


# Two minutes later than the imports, so that the two find the integration free.
@app.periodic(cron="2-58/4 * * * *")
@app.task(name="dotbridge.schedule_export", queueing_lock="schedule_export")
@closes_connections
def schedule_export(timestamp: int) -> None:
    """Every four minutes: export."""
    request_for_all(RunKind.EXPORT)


@app.periodic(cron="*/5 * * * *")
@app.task(name="dotbridge.schedule_changes", queueing_lock="schedule_changes")
@closes_connections
def schedule_changes(timestamp: int) -> None:
    """Every five minutes: see which members' fields changed, and prepare them for the next export."""
    request_for_all(RunKind.CHANGES)


@app.periodic(cron="15 3 * * *")
@app.task(name="dotbridge.schedule_data_fields", queueing_lock="schedule_data_fields")
@closes_connections
def schedule_data_fields(timestamp: int) -> None:
    """Daily: read the data fields again."""
    request_for_all(RunKind.DATA_FIELDS)


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.retry_lost_jobs", queueing_lock="retry_lost_jobs", pass_context=True)
async def retry_lost_jobs(context: JobContext, timestamp: int) -> None:
    """Every minute: give the jobs of dead workers back to the queue. The runs themselves know how to go on."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        log.warning("job of a dead worker given back", job=job.id, task=job.task_name)
        await manager.retry_job(job)
