"""How runs and steps end. Each state is moved by an update that names the former one, so no end is overwritten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.utils import timezone

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import QUOTA_SECONDS
from dotbridge.sync import texts
from dotbridge.sync.models import RemovalState, State, Step, SyncRun, UploadState
from dotbridge.sync.selectors import ON_THEIR_WAY
from dotdigital import Throttled

log = structlog.get_logger(__name__)

# Where Dotdigital does not say when it takes calls again, or not rightly, it is asked after this; and it is not
# believed beyond that.
OPENS_AFTER, OPENS_AT_THE_LATEST = timedelta(minutes=1), timedelta(hours=1)


def end_run(run: SyncRun, state: State, message: str, *, waits_until: datetime | None = None) -> None:
    """Move a run that is at work to its end. One that was ended by another run meanwhile keeps that end."""
    ended: dict[str, Any] = {
        "state": state,
        "message": message,
        "waits_until": waits_until,
        "requests": run.requests,
        "is_refused": run.is_refused,
        "finished_at": timezone.now(),
    }
    rows = SyncRun.objects.filter(pk=run.pk, state=State.RUNNING)
    if not rows.update(**ended):
        log.warning("run was ended by another one", run=run.pk)
        ended = SyncRun.objects.filter(pk=run.pk).values(*ended).first() or {**ended, "state": State.INTERRUPTED}
    for name, value in ended.items():
        setattr(run, name, value)


def end_step(step: Step) -> None:
    """Store how a step ended, unless another run has found it left behind and said so."""
    Step.objects.filter(pk=step.pk, state=State.RUNNING).update(
        state=step.state, message=step.message, counts=step.counts, finished_at=step.finished_at
    )


def verdict_of(run: SyncRun) -> tuple[State, str]:
    """The state and the text that the steps of a run add up to, and what Dotdigital has made of its uploads so far.

    What several steps failed of is said once; the steps themselves say which they were.
    """
    steps = list(run.steps.all())
    at_work = [step for step in steps if step.state != State.SKIPPED]
    failed = [step for step in steps if step.state == State.FAILED]
    blocked = [step for step in steps if step.state == State.BLOCKED]
    if failed:
        state = State.FAILED if len(failed) == len(at_work) else State.PARTIAL
        return state, " ".join(dict.fromkeys(step.message for step in failed))
    if blocked:
        # Dotdigital may have taken some files before it took no more.
        has_sent = run.uploads.exclude(state=UploadState.PREPARED).exists()
        return (State.PARTIAL if has_sent or run.kind == RunKind.SYNC else State.SKIPPED), blocked[0].message
    if held := _held_by_dotdigital(run):
        return State.WAITING, texts.HELD % {"number": held}
    rejected, new = (sum(step.counts.get(name, 0) for step in steps) for name in ("rejected", "new_rejections"))
    if new:
        return State.PARTIAL, texts.NEW_PROBLEMS % {"number": new}
    if any(step.state == State.PARTIAL for step in steps):
        return State.PARTIAL, texts.STEPS_SAY_WHY
    return State.SUCCEEDED, texts.KNOWN_PROBLEMS % {"number": rejected} if rejected else ""


def settle_waiting_runs(integration: Integration) -> None:
    """Give the runs their verdict whose files Dotdigital has finished since they ended, or whose time has come."""
    now = timezone.now()
    is_over = Q(waits_until__lte=now) | Q(waits_until__gt=now + OPENS_AT_THE_LATEST)
    SyncRun.objects.filter(is_over, integration=integration, state=State.WAITING).update(state=State.PARTIAL)
    for run in SyncRun.objects.filter(integration=integration, state=State.WAITING, waits_until=None):
        state, message = verdict_of(run)
        if state == State.WAITING:
            continue
        refused = Q(state=UploadState.REFUSED) | Q(rejected_count__gt=0)
        if state == State.SUCCEEDED and (uploads := run.uploads.filter(refused)).exists():
            rows = sum(upload.refused_number for upload in uploads)
            state, message = State.PARTIAL, texts.REJECTED_LATE % {"number": rows}
        SyncRun.objects.filter(pk=run.pk, state=State.WAITING).update(state=state, message=message)


def quota_opens_at(integration: Integration) -> datetime | None:
    """Until when Dotdigital is not to be asked for this integration; None when it may be asked now.

    What no run waits for was noted by a clock that was wrong.
    """
    now = timezone.now()
    waiting = SyncRun.objects.filter(
        integration=integration,
        state=State.WAITING,
        waits_until__gt=now,
        waits_until__lte=now + OPENS_AT_THE_LATEST,
    )
    return waiting.order_by("waits_until").values_list("waits_until", flat=True).last()


def opening_of(error: Throttled) -> datetime:
    """When the next call may be tried: as Dotdigital says, within reason.

    What is said to open at once was waited for within the call, and was not open then.
    """
    now = timezone.now()
    if error.until is None or error.until <= now + timedelta(seconds=QUOTA_SECONDS):
        return now + OPENS_AFTER
    return min(error.until, now + OPENS_AT_THE_LATEST)


def waiting_text(until: datetime) -> str:
    """What a run says that waits for calls."""
    return texts.OUT_OF_CALLS % {"time": f"{until.astimezone(UTC):%H:%M:%S}"}


def _held_by_dotdigital(run: SyncRun) -> int:
    uploads = run.uploads.filter(state__in=ON_THEIR_WAY).count()
    return uploads + run.removals.filter(state=RemovalState.SENT).count()
