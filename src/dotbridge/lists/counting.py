"""The kept numbers of lists, written after each count, and the request that the worker count one.

What the numbers are is decided above, where connections are known: `backoffice.counting`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued
from psycopg.types.json import Jsonb

from dotbridge.lists.models import ListCount
from dotbridge.queues import REQUEST_RANK, Queue

# The jobs module stands above this one, so its task is known here by name.
COUNT_TASK = "dotbridge.count_list"
# A list that was deleted meanwhile has nothing kept of it.
_KEEP = """
    INSERT INTO dotbridge_lists_listcount AS kept
        (marketing_list_id, numbers, leaving, counted_at, tried_at, milliseconds, problem)
    SELECT id, %(numbers)s, %(leaving)s, %(counted_at)s, %(tried_at)s, %(milliseconds)s, %(problem)s
    FROM dotbridge_lists_marketinglist WHERE id = %(list)s FOR KEY SHARE
    ON CONFLICT (marketing_list_id) DO UPDATE SET {kept}, tried_at = excluded.tried_at, problem = excluded.problem
    WHERE kept.tried_at <= excluded.tried_at
"""
_COUNTED = """
    numbers = excluded.numbers, leaving = excluded.leaving, counted_at = excluded.counted_at,
    milliseconds = excluded.milliseconds
"""
# What takes long is found out only when it has taken long.
_TRIED = "milliseconds = greatest(kept.milliseconds, excluded.milliseconds)"


def keep_count(
    *, list_id: int, numbers: Mapping[str, int], leaving: int, counted_at: datetime, milliseconds: int
) -> None:
    """Keep what a count came to, unless a later one was faster. `counted_at` is when it began."""
    values = {"numbers": Jsonb(dict(numbers)), "leaving": leaving, "counted_at": counted_at, "problem": ""}
    _keep(list_id, _COUNTED, values | {"tried_at": counted_at, "milliseconds": milliseconds})


def keep_try(*, list_id: int, tried_at: datetime, milliseconds: int, problem: str = "") -> None:
    """Keep that a count has begun, or has come to nothing and why. The numbers of the one before stay."""
    values = {"numbers": Jsonb({}), "leaving": 0, "counted_at": None, "problem": problem}
    _keep(list_id, _TRIED, values | {"tried_at": tried_at, "milliseconds": milliseconds})


def _keep(list_id: int, kept: str, values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(kept=kept), {**values, "list": list_id})


def note_list_changed(*, list_id: int) -> None:
    """Somebody was put on the list or taken off it by a change: its kept numbers are of before. To be called last in
    the change's transaction."""
    ListCount.objects.filter(pk=list_id).update(changed_at=timezone.now())


def request_count(*, list_id: int) -> bool:
    """Have the worker count the list. False when it waits to be counted already."""
    lock = f"dotbridge-count-{list_id}"
    configured = app.configure_task(
        COUNT_TASK, queue=Queue.COUNTS, lock=lock, queueing_lock=lock, priority=Queue.COUNTS.priority(REQUEST_RANK)
    )
    try:
        with transaction.atomic():
            configured.defer(list_id=list_id)
    except AlreadyEnqueued:
        return False
    return True


def being_counted(list_ids: Collection[int]) -> set[int]:
    """Those of the lists that the worker counts, or is going to. One query."""
    jobs = ProcrastinateJob.objects.filter(task_name=COUNT_TASK, status__in=["todo", "doing"])
    return {number for number in jobs.values_list("args__list_id", flat=True) if number in list_ids}
