"""In which order a run uses calls that do not do for all of it: consent first, then exports, then everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from django.db.models import Q
from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import RunKind
from dotbridge.connections.selectors import books_of_opt_outs
from dotbridge.connections.services import request_run
from dotbridge.integrations.models import CallLimit, WireProtocol
from dotbridge.sync.call_plan import plan_of_run
from dotbridge.sync.context import UNATTENDED, RunContext, StepContext, StepPaused
from dotbridge.sync.inbound.books import WHOLE_ACCOUNT
from dotbridge.sync.inbound.suppressions import ACCOUNT_FEED, BOOK_FEED
from dotbridge.sync.models import Cursor, Reading, State, SyncRun

# Who must not be mailed is read again so often while others wait for their turn.
CONSENT_IS_READ_EVERY = timedelta(minutes=30)
CONSENT_FEEDS = frozenset({BOOK_FEED, ACCOUNT_FEED})
READ_IN_TURN = CONSENT_FEEDS | {"contacts"}
# Which books there are is asked before all else.
BOOKS, EVENTS, CONTACTS, CONSENT, OTHER_CONTACTS = "address_books", "events", "contacts", "consent", "other_contacts"


class Named(Protocol):
    """A part of a run, by its name."""

    @property
    def name(self) -> str:
        """What it is known by."""


Part = TypeVar("Part", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Ordered(Generic[Part]):
    """The parts of a run: what has the first claim on calls, and the others. `export_waits`: an export that waited for
    calls has the next one."""

    urgent: list[Part]
    others: list[Part]
    export_waits: bool


def calls_are_short(context: RunContext) -> bool:
    """Whether a run before this one had to end early, or the calls that are left do not do for this one."""
    if _begun(context) & READ_IN_TURN:
        return True
    # An account that has told no limits is never short by plan.
    if not CallLimit.objects.filter(integration=context.integration).exists():
        return False
    return plan_of_run(context.integration, RunKind(context.run.kind)).is_short


def in_order_of_need(context: RunContext, parts: Sequence[Part], exports: frozenset[str]) -> Ordered[Part]:
    """Who must not be mailed, and the exports of the same run; then what was begun, then the rest in its own order.

    `exports` are the names of the parts that send.
    """
    begun = _begun(context)
    first = {BOOKS: 0, CONSENT: 1}
    if _follows_changes(context):
        first |= {EVENTS: 1, CONTACTS: 1}
    consent_is_due = _consent_is_due(context)
    first |= {name: 1 for name in CONSENT_FEEDS if consent_is_due or name in begun}

    def place(part: Part) -> int:
        if part.name in exports and part.name != CONSENT:
            return 2
        # What events tell has to be known before the contacts are read.
        return first.get(part.name, 3 if part.name in begun or part.name == EVENTS else 4)

    ordered = sorted(parts, key=place)
    return Ordered(
        urgent=[part for part in ordered if place(part) <= 2],
        others=[part for part in ordered if place(part) > 2],
        export_waits=_export_waits(context),
    )


def let_export_go_first(step: StepContext) -> None:
    """Give the calls that are left to an export that waits for them. Raises StepPaused."""
    request_run(integration=step.integration, kind=RunKind.EXPORT, trigger="schedule")
    raise StepPaused(_("An export waits for calls and goes first. This run goes on after it."))


def _begun(context: RunContext) -> frozenset[str]:
    """The steps that a run before this one left in the middle."""
    begun = set(context.turns)
    if Reading.objects.filter(integration=context.integration, feed=WHOLE_ACCOUNT).exists():
        begun.add(CONTACTS)
    return frozenset(begun)


def _follows_changes(context: RunContext) -> bool:
    """Whether one feed, which was read to its end before, tells of the contacts that changed, and so of opt-outs."""
    if context.protocol is not WireProtocol.V3:
        return False
    return Cursor.objects.filter(integration=context.integration, feed=WHOLE_ACCOUNT).exists()


def _consent_is_due(context: RunContext) -> bool:
    """Whether it was never read of some book, or of the account, or of one of them too long ago."""
    now = context.server_now
    # A moment to come is that of a clock that was wrong.
    lately = Q(position__gt=now - CONSENT_IS_READ_EVERY, position__lte=now)
    fresh = Cursor.objects.filter(lately, integration=context.integration, feed__in=CONSENT_FEEDS)
    wanted = {(BOOK_FEED, book.pk) for book in books_of_opt_outs(context.integration)} | {(ACCOUNT_FEED, 0)}
    return not wanted <= set(fresh.values_list("feed", "object_id"))


def _export_waits(context: RunContext) -> bool:
    """Whether an export has waited for calls and not gone since. What a person asks for is not held up by it."""
    if context.run.kind != RunKind.IMPORT or context.run.trigger not in UNATTENDED:
        return False
    exports = SyncRun.objects.filter(integration=context.integration, kind=RunKind.EXPORT).order_by("-id")
    newest = exports.first()
    return newest is not None and newest.state == State.WAITING and newest.waits_until is not None
