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
    SELECT l.id, given.numbers, given.leaving, %(counted_at)s, %(tried_at)s, %(milliseconds)s, %(problem)s
    FROM unnest(%(lists)s::bigint[], %(numbers)s::jsonb[], %(leaving)s::int[]) AS given (list, numbers, leaving)
    JOIN dotbridge_lists_marketinglist l ON l.id = given.list
    ORDER BY l.id FOR KEY SHARE OF l
    ON CONFLICT (marketing_list_id) DO UPDATE SET {kept}, tried_at = excluded.tried_at, problem = excluded.problem
    WHERE kept.tried_at <= excluded.tried_at
"""
_COUNTED = """
    numbers = excluded.numbers, leaving = excluded.leaving, counted_at = excluded.counted_at,
    milliseconds = excluded.milliseconds
"""
# What takes long is found out only when it has taken long.
_TRIED = "milliseconds = greatest(kept.milliseconds, excluded.milliseconds)"


def keep_counts(
    *, numbers: Mapping[int, tuple[Mapping[str, int], int]], counted_at: datetime, milliseconds: int
) -> None:
    """Keep what counts of lists came to, unless later ones were faster: the numbers and who leaves, by their keys.

    `counted_at` is when they began, `milliseconds` what each took.
    """
    values: dict[str, Any] = {
        "counted_at": counted_at,
        "tried_at": counted_at,
        "milliseconds": milliseconds,
        "problem": "",
    }
    _keep(numbers, _COUNTED, values)


def keep_try(*, list_id: int, tried_at: datetime, milliseconds: int, problem: str = "") -> None:
    """Keep that a count has begun, or has come to nothing and why. The numbers of the one before stay."""
    values = {"counted_at": None, "tried_at": tried_at, "milliseconds": milliseconds, "problem": problem}
    _keep({list_id: ({}, 0)}, _TRIED, values)


def _keep(numbers: Mapping[int, tuple[Mapping[str, int], int]], kept: str, values: Mapping[str, Any]) -> None:
    given: dict[str, Any] = {
        "lists": list(numbers),
        "numbers": [Jsonb(dict(each)) for each, _leaving in numbers.values()],
        "leaving": [leaving for _numbers, leaving in numbers.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(kept=kept), {**values, **given})


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
