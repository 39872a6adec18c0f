"""What the next runs of an account need of its quota, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.sync.call_plan import CallPlan, plan_of_run
from dotdigital.limits import HIGH, LOW, MEDIUM

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The vendor calls a tier by how many calls it allows; people ask how heavy a call is.
WEIGHTS: dict[str, StrOrPromise] = {LOW: _("heavy"), MEDIUM: _("medium"), HIGH: _("light")}
_RUNS: tuple[tuple[StrOrPromise, RunKind], ...] = (
    (_("The next reading needs"), RunKind.IMPORT),
    (_("The next sending needs"), RunKind.EXPORT),
)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """The calls of one weight: needed, and left now of so many until then, None where the account has not said."""

    title: StrOrPromise
    calls: int
    left: int | None
    allowed: int | None
    resets_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run to come, what it needs in words, and by weight."""

    title: StrOrPromise
    words: str
    weights: list[Weight]


def planned_runs(integration: Integration) -> list[PlannedRun]:
    """The next reading and the next sending. None for an account that is switched off, or was never connected."""
    if not integration.is_active or integration.checked_at is None:
        return []
    return [_planned(title, plan_of_run(integration, kind)) for title, kind in _RUNS]


def _planned(title: StrOrPromise, plan: CallPlan) -> PlannedRun:
    weights = [
        Weight(
            title=WEIGHTS[each.tier],
            calls=each.calls,
            left=each.left,
            allowed=each.allowed,
            resets_at=each.resets_at,
        )
        for each in plan.tiers
        if each.calls
    ]
    return PlannedRun(title=title, words=plan.in_words(), weights=weights)
