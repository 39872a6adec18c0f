"""What is kept of past runs, and for how long. Like `services`, a writer: it deletes what nobody needs any more.

Runs go with their steps and rejections; an upload or a removal goes when it is over and no address refers to it any
more: as long as one does, it says whether that address arrived.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from dotbridge.sync.models import (
    UNFINISHED_UPLOADS,
    ExportItem,
    Removal,
    RemovalState,
    State,
    SyncRun,
    Upload,
)

# A run that was skipped did nothing, and there may be hundreds a day.
SKIPPED_ARE_KEPT = timedelta(days=7)
# So few go in one transaction that nobody waits for it.
CHUNK = 500


class Deleted(NamedTuple):
    """How many were deleted."""

    runs: int
    uploads: int
    removals: int


def delete_old_records(*, keep_days: int, now: datetime | None = None, chunk: int = CHUNK) -> Deleted:
    """Delete runs, uploads and removals that ended, or began, more than so many days ago, in transactions of `chunk`.

    Of each integration and kind the last run in each state stays, however old: the overview tells from it how long ago
    anything was done. A run that is still at work stays, and so does whatever an address refers to.
    """
    now = now or timezone.now()
    before = now - timedelta(days=keep_days)
    # Runs come last: an upload is told apart by its own dates, not by its run.
    return Deleted(
        uploads=_delete(_uploads(before), chunk),
        removals=_delete(_removals(before), chunk),
        runs=_delete(_runs(before, skipped_before=max(before, now - SKIPPED_ARE_KEPT)), chunk),
    )


def _runs(before: datetime, *, skipped_before: datetime) -> QuerySet[SyncRun]:
    last = SyncRun.objects.order_by().values("integration", "kind", "state").annotate(last=Max("pk")).values("last")
    is_old = Q(started_at__lt=before) | Q(started_at__lt=skipped_before, state=State.SKIPPED)
    return SyncRun.objects.filter(is_old).exclude(state=State.RUNNING).exclude(pk__in=last)


def _uploads(before: datetime) -> QuerySet[Upload]:
    carried = ExportItem.objects.filter(upload=OuterRef("pk"))
    return Upload.objects.filter(~Exists(carried), created_at__lt=before).exclude(state__in=UNFINISHED_UPLOADS)


def _removals(before: datetime) -> QuerySet[Removal]:
    carried = ExportItem.objects.filter(removal=OuterRef("pk"))
    over = (RemovalState.COMPLETED, RemovalState.FAILED)
    return Removal.objects.filter(~Exists(carried), created_at__lt=before, state__in=over)


def _delete(rows: QuerySet[Any, Any], chunk: int) -> int:
    deleted = 0
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:chunk])
    while keys:
        with transaction.atomic():
            # Asked again: what a run has taken up meanwhile stays.
            _all, by_table = rows.filter(pk__in=keys).delete()
            deleted += by_table.get(f"dotbridge_sync.{rows.model.__name__}", 0)
        keys = list(rows.order_by("pk").filter(pk__gt=keys[-1]).values_list("pk", flat=True)[:chunk])
    return deleted
