"""What is kept of past runs and results, and for how long. Like `services`, a writer: it deletes what nobody needs.

Runs go with their steps. A rejection goes when it has been over for so long; an upload or a removal when it is over and
no address refers to it any more: as long as one does, it says whether that address arrived. Everything goes in pieces,
found by an index over its date, so that what a night costs is what it deletes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from dotbridge.each_alone import do_each_alone
from dotbridge.mirror.models import Campaign
from dotbridge.sync.models import (
    UNFINISHED_UPLOADS,
    ExportItem,
    Rejection,
    Removal,
    RemovalState,
    State,
    SyncRun,
    Upload,
    ValueConflict,
)
from dotbridge.sync.outbound.refused_rows import REASONS_OF_ROWS, STEPS_OF_ROWS
from dotbridge.sync.rejections import end_rejections_not_met

# A run that was skipped did nothing, and there may be hundreds a day.
SKIPPED_ARE_KEPT = timedelta(days=7)
# So few go in one transaction that nobody waits for it.
CHUNK = 500
EVENTS_AT_ONCE = 20_000

# By the unique index over campaign and key, from where the last piece ended. What still waits for a record stays.
_OLD_EVENTS = """
    WITH piece AS (
        SELECT e.id, e.campaign_id, e.event_key,
               e.happened_at < %(before)s AND NOT EXISTS (
                   SELECT 1 FROM dotbridge_mirror_waitingresult w
                   WHERE w.campaign_id = e.campaign_id AND w.kind = %(kind)s AND w.row_id = e.id) AS is_old
        FROM {table} e
        WHERE e.campaign_id = %(campaign)s AND e.event_key > %(after)s
        ORDER BY e.campaign_id, e.event_key LIMIT %(chunk)s
    ), gone AS (
        DELETE FROM {table} e USING piece p WHERE p.is_old AND e.id = p.id RETURNING e.id
    )
    SELECT (SELECT count(*) FROM gone), (SELECT event_key FROM piece ORDER BY event_key DESC LIMIT 1)
"""
_EVENT_TABLES = {"open": "dotbridge_mirror_openevent", "click": "dotbridge_mirror_clickevent"}


class Deleted(NamedTuple):
    """How many were deleted."""

    runs: int
    uploads: int
    removals: int
    rejections: int
    conflicts: int


def delete_old_records(*, keep_days: int, now: datetime | None = None, chunk: int = CHUNK) -> Deleted:
    """Delete what ended, or began, more than so many days ago, in transactions of `chunk`.

    Of each integration and kind the last run in each state stays, however old: the overview tells from it how long ago
    anything was done. A run that is still at work stays, and so does whatever an address refers to, and a rejection
    that is not over. Each kind goes alone; raises SomeFailed when one could not.
    """
    now = now or timezone.now()
    before = now - timedelta(days=keep_days)
    skipped_before = max(before, now - SKIPPED_ARE_KEPT)

    def rejections() -> int:
        end_rejections_not_met(now=now, except_steps=STEPS_OF_ROWS, except_reasons=REASONS_OF_ROWS)
        return _delete(Rejection.objects.filter(ended_at__lt=before), "ended_at", chunk)

    def runs() -> int:
        skipped = _runs().filter(started_at__lt=skipped_before, state=State.SKIPPED)
        old = _delete(_runs().filter(started_at__lt=before), "started_at", chunk)
        return old + _delete(skipped, "started_at", chunk)

    # Runs come last: an upload is told apart by its own dates, not by its run.
    return Deleted(
        **do_each_alone(
            {
                "uploads": lambda: _delete(_uploads(before), "created_at", chunk),
                "removals": lambda: _delete(_removals(before), "created_at", chunk),
                "rejections": rejections,
                "conflicts": lambda: _delete(ValueConflict.objects.filter(created_at__lt=before), "created_at", chunk),
                "runs": runs,
            }
        )
    )


def delete_old_events(*, keep_days: int, now: datetime | None = None, chunk: int = EVENTS_AT_ONCE) -> int:
    """Delete the opens and clicks that happened more than so many days ago and were applied; answers how many.

    What they gave, activities and statistics, stays. Only campaigns that were sent or first seen that long ago are
    looked at, and those that have no such date: one that is sent again and again has a new date, and old events.
    """
    before = (now or timezone.now()) - timedelta(days=keep_days)
    is_old = Q(sent_at__lt=before) | Q(sent_at=None) | Q(first_seen_at__lt=before)
    old = Campaign.objects.filter(is_old).order_by("pk")
    return sum(
        _delete_events(table, {"campaign": campaign, "kind": kind, "before": before, "chunk": chunk})
        for campaign in old.values_list("pk", flat=True)
        for kind, table in _EVENT_TABLES.items()
    )


def _delete_events(table: str, parameters: dict[str, int | str | datetime]) -> int:
    deleted = 0
    after: UUID | None = UUID(int=0)
    while after is not None:
        with connection.cursor() as cursor:
            cursor.execute(_OLD_EVENTS.format(table=table), {**parameters, "after": after})
            gone, after = cursor.fetchone()
        deleted += gone
    return deleted


def _runs() -> QuerySet[SyncRun]:
    later = SyncRun.objects.filter(
        integration=OuterRef("integration"), kind=OuterRef("kind"), state=OuterRef("state"), pk__gt=OuterRef("pk")
    ).order_by("pk")
    # One probe of run_newest_of_kind a row. As an EXISTS it would become a join with all runs.
    others = SyncRun.objects.exclude(state=State.RUNNING)
    return others.alias(later=Subquery(later.values("pk")[:1])).filter(later__isnull=False)


def _uploads(before: datetime) -> QuerySet[Upload]:
    carried = ExportItem.objects.filter(upload=OuterRef("pk"))
    return Upload.objects.filter(~Exists(carried), created_at__lt=before).exclude(state__in=UNFINISHED_UPLOADS)


def _removals(before: datetime) -> QuerySet[Removal]:
    carried = ExportItem.objects.filter(removal=OuterRef("pk"))
    over = (RemovalState.COMPLETED, RemovalState.FAILED)
    return Removal.objects.filter(~Exists(carried), created_at__lt=before, state__in=over)


def _delete(rows: QuerySet[Any, Any], date: str, chunk: int) -> int:
    deleted = 0
    ordered = rows.order_by(date, "pk")
    piece = list(ordered.values_list("pk", date)[:chunk])
    while piece:
        with transaction.atomic():
            # Asked again: what a run has taken up meanwhile stays.
            _all, by_table = rows.filter(pk__in=[key for key, _at in piece]).delete()
            deleted += by_table.get(f"dotbridge_sync.{rows.model.__name__}", 0)
        key, at = piece[-1]
        rest = ordered.filter(Q(**{f"{date}__gt": at}) | Q(**{date: at, "pk__gt": key}), **{f"{date}__gte": at})
        piece = list(rest.values_list("pk", date)[:chunk])
    return deleted
