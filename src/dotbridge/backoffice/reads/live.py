"""What a run does at this moment: the strip under a page's head follows it from the button to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.labels import counts_in_words, duration, step_label
from dotbridge.backoffice.reads.worker import how_to_start_worker, worker_is_alive
from dotbridge.connections.services import RUN_TASK
from dotbridge.sync.engine import LABELS
from dotbridge.sync.models import State, SyncRun
from dotbridge.sync.texts import stored_text


@dataclass(frozen=True, kw_only=True)
class Live:
    """One moment. `fraction` is how many of the run's steps are done; None while nothing can be said of it.

    `is_over` says that nothing is to be expected any more. `job` can be called back while it only waits.
    """

    text: str
    detail: str = ""
    tone: str = "info"
    fraction: float | None = None
    is_over: bool = False
    run: int | None = None
    job: int | None = None


def last_run(integration: int) -> int:
    """The number of the newest run of an account; 0 without any."""
    return SyncRun.objects.filter(integration=integration).values_list("pk", flat=True).first() or 0


def live_moment(integration: int, *, after: int | None) -> Live | None:
    """How an account's runs stand. `after` is the newest run there was when somebody pressed a button, if anybody did.

    None when nothing is at work and nobody waits for anything.
    """
    running = SyncRun.objects.filter(integration=integration, state=State.RUNNING).first()
    if running is not None:
        return _running(running)
    jobs = ProcrastinateJob.objects.filter(task_name=RUN_TASK, args__integration_id=integration)
    waiting = jobs.filter(Q(status="doing") | Q(status="todo", args__trigger="person")).order_by("status", "id").first()
    if waiting is not None:
        return _waiting(waiting)
    if after is None:
        return None
    done = (
        SyncRun.objects.filter(integration=integration, pk__gt=after)
        .exclude(trigger="schedule")
        .order_by("-pk")
        .first()
    )
    return _done(done) if done else None


def _waiting(job: ProcrastinateJob) -> Live:
    if not worker_is_alive():
        return Live(
            text=_("It waits: no worker is running"),
            detail=how_to_start_worker(),
            tone="wait",
            job=job.pk,
        )
    if job.status == "doing":
        return Live(text=_("Starting…"))
    return Live(text=_("Waiting for the worker, which is busy with something else"), job=job.pk)


def _running(run: SyncRun) -> Live:
    steps = list(run.steps.order_by("pk"))
    current = next((step for step in reversed(steps) if step.state == State.RUNNING), None)
    finished = sum(step.state != State.RUNNING for step in steps)
    text = str(step_label(current.name)) if current else str(_("Working"))
    counts = counts_in_words(current.counts) if current else ""
    detail = ", ".join(filter(None, [counts, duration(run.started_at, None)]))
    # A run of one kind does not go through all steps, so the bar never claims to be at the end before it is.
    fraction = min(0.95, finished / max(1, _expected(run)))
    return Live(text=text, detail=detail, fraction=fraction, run=run.pk)


def _expected(run: SyncRun) -> int:
    former: SyncRun | None = (
        SyncRun.objects.filter(integration=run.integration_id, kind=run.kind, finished_at__isnull=False)
        .exclude(state=State.SKIPPED)
        .first()
    )
    return former.steps.count() if former else len(LABELS)


def _done(run: SyncRun) -> Live:
    counts: dict[str, int] = {}
    for step in run.steps.all():
        for name, number in step.counts.items():
            if name in SAID and isinstance(number, int):
                counts[name] = counts.get(name, 0) + number
    said = counts_in_words(counts) or str(_("Nothing had changed."))
    tones = {State.SUCCEEDED: "good", State.PARTIAL: "wait", State.FAILED: "bad"}
    texts = {
        State.SUCCEEDED: _("Done"),
        State.PARTIAL: _("Done, with some left out"),
        State.FAILED: _("It failed"),
        State.SKIPPED: _("It was not started"),
        State.BLOCKED: _("It waits"),
        State.WAITING: _("It waits for Dotdigital"),
        State.INTERRUPTED: _("It was interrupted"),
    }
    state = State(run.state)
    detail = said if state in {State.SUCCEEDED, State.PARTIAL} else stored_text(run.message)
    took = duration(run.started_at, run.finished_at or _now())
    return Live(
        text=str(texts[state]),
        detail=f"{detail} ({took})",
        tone=tones.get(state, "wait"),
        fraction=1.0,
        # What waits gets its verdict from the next run.
        is_over=state != State.WAITING,
        run=run.pk,
    )


# What a person who pressed "Sync now" wants to hear of; the other counts stand on the run's own page.
SAID = ("uploaded", "confirmed", "removed", "unsubscribed", "resubscribed", "written", "created", "ended")


def _now() -> datetime:
    return timezone.now()
