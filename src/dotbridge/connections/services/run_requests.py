"""The way to ask for a run: the worker does it, one after the other for each integration."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration

# The jobs module stands above this one, so its task is known here by name.
RUN_TASK = "dotbridge.run_sync"
IMPORT_PRIORITY, EXPORT_PRIORITY = 10, 0
NEXT_PRIORITY = IMPORT_PRIORITY + 1


def request_run(
    *,
    integration: Integration,
    kind: RunKind = RunKind.SYNC,
    trigger: str,
    link: ListConnection | None = None,
    at: datetime | None = None,
) -> bool:
    """Have the worker run it soon, or not before a moment, for all lists or for one alone. False when the same run
    waits already.

    The runs of an integration queue behind each other; an import goes before an export. An export that still waits when
    it is asked for again goes next, so that imports which take long do not keep it from ever going.
    """
    queueing_lock = f"{kind}-{integration.pk}" if link is None else f"{kind}-{integration.pk}-{link.pk}"
    configured = app.configure_task(
        RUN_TASK,
        lock=f"integration-{integration.pk}",
        queueing_lock=queueing_lock,
        priority=EXPORT_PRIORITY if kind == RunKind.EXPORT else IMPORT_PRIORITY,
        schedule_at=at,
    )
    only = {} if link is None else {"connection_id": link.pk}
    try:
        with transaction.atomic():
            configured.defer(integration_id=integration.pk, kind=str(kind), trigger=trigger, **only)
    except AlreadyEnqueued:
        if kind == RunKind.EXPORT:
            _let_go_next(queueing_lock)
        return False
    return True


def _let_go_next(queueing_lock: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET priority = %s WHERE queueing_lock = %s AND status = 'todo'",
            [NEXT_PRIORITY, queueing_lock],
        )
