"""The background jobs and their schedule. They hold no rules: each hands over to the app that does the work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import structlog
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.backoffice.counting import count_and_keep
from dotbridge.conf import is_standalone
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.selectors import integrations_to_disconnect, integrations_with_requests
from dotbridge.connections.services import (
    DISCONNECT_TASK,
    EVENT,
    RUN_TASK,
    request_disconnection,
    request_run,
    request_unsubscriptions,
)
from dotbridge.consent.chain import seal_days
from dotbridge.each_alone import do_each_alone
from dotbridge.entities.registry import UnknownEntity
from dotbridge.files.services import forget_old_loads
from dotbridge.files.waiting import LOAD_TASK, request_left_loads, run_load
from dotbridge.integrations.models import Integration
from dotbridge.job_upkeep import delete_ended_jobs, give_back_lost_jobs, let_waiting_jobs_go
from dotbridge.lists.address_loads import forget_old_address_loads
from dotbridge.lists.counting import COUNT_TASK
from dotbridge.lists.listed_services import refresh_due_lists, refresh_list
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.refreshing import REFRESH_TASK
from dotbridge.lists.rules import RuleError
from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.mapping.tracking.forcing import force_comparison
from dotbridge.notifications.mailing import send_due_mails
from dotbridge.notifications.services import note_conditions
from dotbridge.preferences.selectors import setting, settings_in_force
from dotbridge.queues import REQUEST_RANK, Queue, start_delay
from dotbridge.scheduled_files.services import READ_TASK, read_scheduled_file, request_due_readings
from dotbridge.sync import retention
from dotbridge.sync.engine import run_sync
from dotbridge.sync.folding import fold_quiet_runs
from dotbridge.sync.inbound.events import has_news, integrations_with_events
from dotbridge.sync.models import WENT_WELL, State, SyncRun
from dotbridge.sync.outbound.endings import disconnect_lists

# Scheduled runs start within so many seconds, each integration's at its own: less than from an import to an export.
SPREAD_SECONDS = 110
# A run that was due so long ago has been missed.
LATE_SECONDS = 5 * 60
READING_KINDS = [RunKind.IMPORT, RunKind.SYNC, RunKind.RECONCILE]
# The setting that says how often each kind of run is due.
INTERVALS = {
    RunKind.IMPORT: "import_every_seconds",
    RunKind.EXPORT: "export_every_seconds",
    RunKind.CHANGES: "changes_every_seconds",
}
# In `control` is what takes no time; what may take long leaves that queue's one slot free.
CONTROL: Any = {"queue": Queue.CONTROL, "priority": Queue.CONTROL.priority()}
ON_SCHEDULE: Any = {"queue": Queue.SYNC, "priority": Queue.SYNC.priority(REQUEST_RANK)}
IN_BULK: Any = {"queue": Queue.BULK, "priority": Queue.BULK.priority(REQUEST_RANK)}

log = structlog.get_logger(__name__)


@app.task(name=RUN_TASK, queue=Queue.SYNC)
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
    run_sync(
        integration=integration,
        kind=RunKind(kind),
        trigger=trigger,
        link=link,
        most_seconds=setting("run_seconds"),
    )


@app.task(name=DISCONNECT_TASK, queue=Queue.PEOPLE)
def disconnect(*, integration_id: int) -> None:
    """End the connections of an integration that need no word to Dotdigital, also when it is switched off."""
    integration = Integration.objects.filter(pk=integration_id).first()
    if integration is not None:
        disconnect_lists(integration)


@app.task(name=REFRESH_TASK, queue=Queue.PEOPLE)
def refresh_list_for(*, list_id: int, user_id: int | None = None) -> None:
    """Refresh one list on demand because a person asked for it, unless it was deleted or changed its type meanwhile."""
    marketing_list = MarketingList.objects.filter(pk=list_id, type=ListType.ON_DEMAND).first()
    if marketing_list is None:
        log.info("refresh dropped: there is no such list on demand any more", marketing_list=list_id)
        return
    try:
        user = None if user_id is None else get_user_model().objects.filter(pk=user_id).first()
        refresh_list(marketing_list=marketing_list, by=user)
    except (RuleError, UnknownEntity):
        log.warning("a list was not refreshed: its rule has to be mended", marketing_list=list_id)


@app.task(name=COUNT_TASK, queue=Queue.COUNTS)
def count_list(*, list_id: int) -> None:
    """Count the people of a list for the pages that show it, unless it was deleted meanwhile."""
    marketing_list = MarketingList.objects.filter(pk=list_id).first()
    if marketing_list is None:
        log.info("count dropped: there is no such list any more", marketing_list=list_id)
        return
    count_and_keep(marketing_list)


@app.task(name=LOAD_TASK, queue=Queue.FILES)
def load_file(*, load_id: int) -> None:
    """Load a file that a person gave, or look through the whole of it."""
    run_load(load_id=load_id)


@app.task(name=READ_TASK, queue=Queue.BULK)
def read_file(*, scheduled_file_id: int, by_person: bool = False) -> None:
    """Fetch a scheduled file, and have it loaded if it has changed."""
    read_scheduled_file(scheduled_file_id=scheduled_file_id, by_person=by_person)


def request_for_all(kind: RunKind, *, seconds: float = SPREAD_SECONDS) -> None:
    """Ask for a run of every active integration, each at a time of its own within so many seconds."""
    was_read = Exists(SyncRun.objects.filter(integration=OuterRef("pk"), kind__in=READING_KINDS, state__in=WENT_WELL))
    for integration in Integration.objects.filter(is_active=True).annotate(was_read=was_read):
        request_run(
            integration=integration,
            kind=kind,
            trigger="schedule",
            reads_everything=kind == RunKind.IMPORT and not integration.was_read,
            delay=start_delay(integration.pk, seconds=seconds),
        )


def request_if_due(kind: RunKind, timestamp: int, *, minutes_later: int = 0) -> None:
    """Ask for runs of every account if this minute is one of the interval's that the settings hold."""
    seconds = float(setting(INTERVALS[kind]))
    minutes = max(1, round(seconds / 60))
    if (timestamp // 60 - min(minutes_later, minutes // 2)) % minutes == 0:
        request_for_all(kind, seconds=min(SPREAD_SECONDS, seconds / 2))
    else:
        # No worker ran in its minute: of an interval of a day there is one minute, and machines restart at midnight.
        since = timezone.now() - timedelta(seconds=seconds + LATE_SECONDS)
        _request_late(kind, Integration.objects.filter(created_at__lt=since), since)


def request_late_runs() -> None:
    """Ask for what an account has not had for an interval. For whoever has cron alone, and does not see each minute."""
    for kind, name in INTERVALS.items():
        since = timezone.now() - timedelta(seconds=float(setting(name)))
        _request_late(kind, Integration.objects.all(), since)


def _request_late(kind: RunKind, integrations: QuerySet[Integration], since: datetime) -> None:
    now = timezone.now()
    # One that is to come was noted by a wrong clock, and one for a single list has done nothing for the others.
    runs = SyncRun.objects.filter(
        integration=OuterRef("pk"), kind__in=[kind, RunKind.SYNC], connection=None, started_at__lte=now
    )
    # One that was skipped has done nothing either: it is asked for again, though not each minute.
    skipped_lately = Q(state=State.SKIPPED, started_at__gt=now - timedelta(seconds=LATE_SECONDS))
    lately = runs.filter(skipped_lately | (Q(started_at__gt=since) & ~Q(state=State.SKIPPED)))
    for integration in integrations.filter(~Exists(lately), is_active=True):
        request_run(integration=integration, kind=kind, trigger="schedule")


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_import", queueing_lock="dotbridge_schedule_import", **CONTROL)
def schedule_import(timestamp: int) -> None:
    """As often as the settings say: import."""
    request_if_due(RunKind.IMPORT, timestamp)


# Every half minute, to the second: who opts out, or is deleted or taken out there, is here within a minute.
@app.periodic(cron="* * * * * */30")
@app.task(name="dotbridge.schedule_news", queueing_lock="dotbridge_schedule_news", **CONTROL)
def schedule_news(timestamp: int) -> None:
    """Every half minute: see which accounts whose events are followed have news."""
    for integration_id in integrations_with_events():
        lock = f"dotbridge-news-{integration_id}"
        with suppress(AlreadyEnqueued), transaction.atomic():
            look_for_news.configure(queueing_lock=lock).defer(integration_id=integration_id)


@app.task(name="dotbridge.look_for_news", **ON_SCHEDULE)
def look_for_news(*, integration_id: int) -> None:
    """Import what happened in an account, if something did."""
    integration = Integration.objects.filter(pk=integration_id, is_active=True).first()
    if integration is not None and has_news(integration):
        request_run(integration=integration, kind=RunKind.IMPORT, trigger=EVENT)


# Two minutes later than the imports, so that the two find the integration free.
@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_export", queueing_lock="dotbridge_schedule_export", **CONTROL)
def schedule_export(timestamp: int) -> None:
    """As often as the settings say: export."""
    request_if_due(RunKind.EXPORT, timestamp, minutes_later=2)


@app.periodic(cron="*/5 * * * *")
@app.task(name="dotbridge.refresh_lists", queueing_lock="dotbridge_refresh_lists", **ON_SCHEDULE)
def refresh_lists(timestamp: int) -> None:
    """Every five minutes: refresh the lists on demand whose time has come."""
    refresh_due_lists()


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_changes", queueing_lock="dotbridge_schedule_changes", **CONTROL)
def schedule_changes(timestamp: int) -> None:
    """As often as the settings say: see which members' fields changed, and prepare them for the next export."""
    request_if_due(RunKind.CHANGES, timestamp)


@app.periodic(cron="*/5 * * * *")
@app.task(name="dotbridge.note_changes", queueing_lock="dotbridge_note_changes", **ON_SCHEDULE)
def note_changes(timestamp: int) -> None:
    """Every five minutes, also when no integration can run: take what the triggers noted, which would only grow."""
    collect_changes()


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_requests", queueing_lock="dotbridge_schedule_requests", **CONTROL)
def schedule_requests(timestamp: int) -> None:
    """Every minute: whatever people asked for and no worker has brought to its end."""
    do_each_alone(
        {
            "opt-outs to tell": partial(request_unsubscriptions, only_recent=True),
            "files left": request_left_loads,
            "requests": _request_what_waits,
            "lists to disconnect": _request_disconnections,
        }
    )


def _request_what_waits() -> None:
    for integration in integrations_with_requests():
        request_run(integration=integration, kind=RunKind.REQUESTS, trigger="schedule")


def _request_disconnections() -> None:
    for integration in integrations_to_disconnect():
        request_disconnection(integration=integration)


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.schedule_files", queueing_lock="dotbridge_schedule_files", **CONTROL)
def schedule_files(timestamp: int) -> None:
    """Every minute: the scheduled files whose time has come."""
    request_due_readings()


@app.periodic(cron="0 1 * * *")
@app.task(name="dotbridge.schedule_comparison", queueing_lock="dotbridge_schedule_comparison", **CONTROL)
def schedule_comparison(timestamp: int) -> None:
    """Daily: have the next export compare values that nobody sees change."""
    active = Integration.objects.filter(is_active=True)
    do_each_alone({str(each.pk): partial(force_comparison, integration=each) for each in active})


@app.periodic(cron="15 3 * * *")
@app.task(name="dotbridge.schedule_data_fields", queueing_lock="dotbridge_schedule_data_fields", **CONTROL)
def schedule_data_fields(timestamp: int) -> None:
    """Daily: read the data fields again."""
    request_for_all(RunKind.DATA_FIELDS)


@app.periodic(cron="30 2 * * 0")
@app.task(name="dotbridge.schedule_reconcile", queueing_lock="dotbridge_schedule_reconcile", **CONTROL)
def schedule_reconcile(timestamp: int) -> None:
    """Weekly: read everything again and report what had drifted."""
    request_for_all(RunKind.RECONCILE, seconds=3600)


@app.periodic(cron="30 1 * * *")
@app.task(name="dotbridge.seal_consent", queueing_lock="dotbridge_seal_consent", **IN_BULK)
def seal_consent(timestamp: int) -> None:
    """Daily: seal the ledger's days that are over."""
    seal_days()


@app.periodic(cron="45 3 * * *")
@app.task(name="dotbridge.delete_old_records", queueing_lock="dotbridge_delete_old_records", **IN_BULK)
def delete_old_records(timestamp: int) -> None:
    """Daily: delete what is kept of runs, events, loads of files and jobs for longer than it is to be kept.

    Each alone: most of it is about people, and has to go also where another part cannot.
    """
    keep = settings_in_force("keep_runs_days", "keep_events_days")
    works: dict[str, Callable[[], Any]] = {
        "runs": lambda: retention.delete_old_records(keep_days=keep["keep_runs_days"])._asdict(),
        "events": lambda: retention.delete_old_events(keep_days=keep["keep_events_days"]),
        "file_loads": forget_old_loads,
        "address_loads": forget_old_address_loads,
        "jobs": delete_ended_jobs,
    }
    if apps.is_installed("axes"):
        from dotbridge.backoffice.log_ins import forget_old_log_ins  # noqa: PLC0415 - a host may do without

        works["log_ins"] = lambda: forget_old_log_ins(keep_days=keep["keep_runs_days"])
    if is_standalone():
        works["sessions"] = import_module(settings.SESSION_ENGINE).SessionStore.clear_expired
    done = do_each_alone(works)
    log.info("old records deleted", **done.pop("runs"), **done)


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.tell_people", queueing_lock="dotbridge_tell_people", **CONTROL)
def tell_people(timestamp: int) -> None:
    """Every minute: see what is not as it should be, and what is over, and note who is told of it."""
    note_conditions()


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.send_mails", queueing_lock="dotbridge_send_mails", **IN_BULK)
def send_mails(timestamp: int) -> None:
    """Every minute: send the mails that wait. A server that is slow holds up nothing but mails."""
    send_due_mails()


@app.periodic(cron="7 * * * *")
@app.task(name="dotbridge.fold_quiet_runs", queueing_lock="dotbridge_fold_quiet_runs", **IN_BULK)
def fold_runs(timestamp: int) -> None:
    """Hourly: keep the runs that found nothing to do as one an hour."""
    fold_quiet_runs()


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.retry_lost_jobs", queueing_lock="dotbridge_retry_lost_jobs", pass_context=True, **CONTROL)
async def retry_lost_jobs(context: JobContext, timestamp: int) -> None:
    """Every minute: give the jobs of dead workers back to the queue. The runs themselves know how to go on."""
    await give_back_lost_jobs(context.app.job_manager)


@app.periodic(cron="* * * * *")
@app.task(name="dotbridge.let_waiting_jobs_go", queueing_lock="dotbridge_let_waiting_jobs_go", **CONTROL)
def let_jobs_go(timestamp: int) -> None:
    """Every minute: what others went before for too long goes next, though never before what a person pressed."""
    let_waiting_jobs_go()
