"""What went wrong, grouped by its cause: a problem that stays is one row, however many runs met it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import reason_text
from dotbridge.sync.models import Rejection
from dotbridge.sync.outbound.states import REASONS, Rule

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_SHOWN = 200

_NEXT: dict[Rule, StrOrPromise] = {
    Rule.WAIT_FOR_FIX: _("It waits until the record is corrected."),
    Rule.UNSUBSCRIBE: _("They are opted out here as well."),
    Rule.RETRY: _("It is tried again by itself."),
}


@dataclass(frozen=True, kw_only=True)
class ProblemGroup:
    """One cause: how many people or things it concerns, since when, and how often it was met."""

    reason: str
    title: StrOrPromise
    next: StrOrPromise
    number: int
    times: int
    since: datetime
    last: datetime


def _now() -> QuerySet[Rejection]:
    return Rejection.objects.filter(ended_at=None)


def problem_groups() -> list[ProblemGroup]:
    """The causes, those that concern most first, in one statement."""
    rows = (
        _now()
        .order_by()
        .values("reason")
        .annotate(
            number=Count("subject", distinct=True),
            times=Max("times"),
            since=Min("first_at"),
            last=Max("last_at"),
        )
        .order_by("-number", "reason")
    )
    return [ProblemGroup(title=reason_text(row["reason"]), next=_what_next(row["reason"]), **row) for row in rows]


def _what_next(reason: str) -> StrOrPromise:
    known = REASONS.get(reason)
    return _NEXT[known.rule] if known is not None else ""


def was_met(reason: str) -> bool:
    """Whether a cause is known, though it may be over by now."""
    return Rejection.objects.filter(reason=reason).exists()


def problems_of(reason: str, *, search: str = "", run: int | None = None) -> Any:
    """A queryset: whom or what a cause concerns, each once: subject, detail, times, since, last.

    Of a run also what is over by now, if no later run has met it.
    """
    rows = _now().filter(reason=reason)
    if run is not None:
        rows = Rejection.objects.filter(reason=reason, step__run=run)
    if search:
        rows = rows.filter(subject__icontains=search)
    found: Any = (
        rows.order_by()
        .values("subject")
        .annotate(detail=Max("detail"), times=Max("times"), since=Min("first_at"), last=Max("last_at"))
        .order_by("-last", "subject")
    )
    return found
