"""The way to ask for a run: the worker does it, one after the other for each integration."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.queues import EXPORT_RANK, IMPORT_RANK, REQUEST_RANK, WAITED_RANK, Queue

# The jobs module stands above this one, so its task is known here by name.
RUN_TASK = "dotbridge.run_sync"
DISCONNECT_TASK = "dotbridge.disconnect_lists"
PERSON, EVENT = "person", "event"


def request_run(
    *,
    integration: Integration,
    kind: RunKind = RunKind.SYNC,
    trigger: str,
    link: ListConnection | None = None,
    reads_everything: bool = False,
    delay: float = 0,
    at: datetime | None = None,
) -> bool:
    """Have the worker run it, for all lists or for one alone. False when the same run waits already.

    It starts as soon as a worker is free, or so many seconds later, or not before the moment `at`. What a person asked
    for goes before what is on the schedule, also when it was on the schedule already; what reads everything goes last.
    The runs of an integration queue behind each other; an import goes before an export. An export that still waits when
    it is asked for again goes next, so that imports which take long do not keep it from ever going.
    """
    queue = _queue(kind, trigger, reads_everything=reads_everything)
    number = integration.pk if link is None else f"{integration.pk}-{link.pk}"
    # One of a kind waits, of all jobs in the database: the names must not be a host's.
    queueing_lock = f"dotbridge-{kind}-{number}"
    configured = app.configure_task(
        RUN_TASK,
        queue=queue,
        lock=f"dotbridge-integration-{integration.pk}",
        queueing_lock=queueing_lock,
        priority=queue.priority(_rank(kind)),
        schedule_at=at or (timezone.now() + timedelta(seconds=delay) if delay else None),
    )
    only = {} if link is None else {"connection_id": link.pk}
    try:
        with transaction.atomic():
            configured.defer(integration_id=integration.pk, kind=str(kind), trigger=trigger, **only)
    except AlreadyEnqueued:
        if trigger == PERSON:
            _let_go_first(queueing_lock, queue, kind)
        elif kind == RunKind.EXPORT:
            _let_go_next(queueing_lock)
        elif trigger == EVENT:
            _let_go_next(queueing_lock, at_once=True)
        return False
    return True


def request_import(*, integration: Integration) -> bool:
    """Have an account read at once that a person has just connected, switched on, or given other credentials.

    To be called in the transaction that saves it. False when it is switched off, or waits to be read already.
    """
    return integration.is_active and request_run(integration=integration, kind=RunKind.IMPORT, trigger=PERSON)


@transaction.atomic
def switch_account(*, integration: Integration, to: bool) -> bool:
    """Switch an account on, which has it read at once, or off. False when it is so already, whoever did it."""
    if integration.is_active == to:
        return False
    integration.is_active = to
    integration.save(update_fields=["is_active", "updated_at"])
    request_import(integration=integration)
    return True


def request_disconnection(*, integration: Integration) -> bool:
    """Have the worker end connections that need no word to Dotdigital. False when it waits to be done already."""
    configured = app.configure_task(
        DISCONNECT_TASK,
        queue=Queue.PEOPLE,
        lock=f"dotbridge-integration-{integration.pk}",
        queueing_lock=f"dotbridge-disconnect-{integration.pk}",
        priority=Queue.PEOPLE.priority(REQUEST_RANK),
    )
    try:
        with transaction.atomic():
            configured.defer(integration_id=integration.pk)
    except AlreadyEnqueued:
        return False
    return True


def _queue(kind: RunKind, trigger: str, *, reads_everything: bool) -> Queue:
    if trigger == PERSON:
        return Queue.PEOPLE
    return Queue.BULK if reads_everything or kind == RunKind.RECONCILE else Queue.SYNC


def _rank(kind: RunKind) -> int:
    return {RunKind.EXPORT: EXPORT_RANK, RunKind.REQUESTS: REQUEST_RANK}.get(kind, IMPORT_RANK)


def _let_go_first(queueing_lock: str, queue: Queue, kind: RunKind) -> None:
    """Make the waiting job a person's, as if it had been asked for by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET queue_name = %s, priority = greatest(priority, %s), scheduled_at = NULL,"
            " args = args || jsonb_build_object('trigger', %s::text)"
            " WHERE queueing_lock = %s AND status = 'todo' AND queue_name <> %s",
            [queue, queue.priority(_rank(kind)), PERSON, queueing_lock, queue],
        )


def _let_go_next(queueing_lock: str, *, at_once: bool = False) -> None:
    """Make the waiting job the next one of its queue, when its time has come or at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET priority = greatest(priority, %s),"
            " scheduled_at = CASE WHEN %s THEN NULL ELSE scheduled_at END"
            " WHERE queueing_lock = %s AND status = 'todo'",
            [Queue.SYNC.priority(WAITED_RANK), at_once, queueing_lock],
        )
