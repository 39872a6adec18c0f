"""What a connector gets to work with: the account, its own step, and a way to say what it did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import EVENT
from dotbridge.integrations.models import Integration, ProtocolChoice, WireProtocol
from dotbridge.integrations.protocols import Version3Denied, is_withdrawn, leave_version_3
from dotbridge.integrations.work_window import large_readings_wait_until
from dotbridge.sync.cursors import read_cursor
from dotbridge.sync.locks import IntegrationLock
from dotbridge.sync.models import State, Step, SyncRun, Turn
from dotbridge.sync.rejections import note_rejections, steps_with_problems
from dotdigital import Account, DotdigitalError

if TYPE_CHECKING:
    from dotbridge.sync.outbound.members import EvaluatedMembers
    from dotbridge.sync.outbound.ranks import RankedMapping


# Nobody looks on at the runs that are started by these.
UNATTENDED = frozenset({"schedule", EVENT})


class Refusal(NamedTuple):
    """One thing that could not be taken or sent."""

    subject: str
    reason: str
    detail: str


def book_gone(subject: str) -> Refusal:
    """The refusal of everything that concerns an address book which was deleted in Dotdigital."""
    return Refusal(subject, "book_gone", _("The address book does not exist in Dotdigital any more."))


class StepSkipped(Exception):
    """There is nothing to do for this step now. The text says why."""


class StepBlocked(Exception):
    """There is work, but it has to wait for something. The text says for what."""


class StepPaused(Exception):
    """The run's time is over. The next one goes on where this one was. The text says so."""


def window_opens_at(run: SyncRun) -> datetime | None:
    """When the account's large readings may go, for this run; None now, and always where a person waits for it."""
    return None if run.trigger not in UNATTENDED else large_readings_wait_until(run.integration, run.started_at)


class Observer(Protocol):
    """Somebody who watches a run: a terminal's progress bars, a test, or nobody."""

    def step_started(self, step: Step) -> None:
        """A step begins."""

    def progressed(self, step: Step, done: int, total: int | None) -> None:
        """So much of the step is done; the total is None while it is unknown."""

    def step_finished(self, step: Step) -> None:
        """A step ended; its state, message and counts are final."""


class NobodyWatches:
    """The observer of a run that nobody looks at."""

    def step_started(self, step: Step) -> None:
        """Ignored."""

    def progressed(self, step: Step, done: int, total: int | None) -> None:
        """Ignored."""

    def step_finished(self, step: Step) -> None:
        """Ignored."""


@dataclass(kw_only=True)
class RunContext:
    """What all steps of one run share.

    `protocol` is by which version of the API contacts are read and sent; `heard_since` since when, by Dotdigital's
    clock, no event of the account was missed, None where they cannot be followed; `denied` is what the account said
    when it did not offer version 3 any more. `only` is the one connection that the run is for; None for all of the
    integration. `members_evaluated` says, by connection, whose members the temporary tables show; `ranks` are the
    account's mappings, by entity. `left_out` are the connections that this run leaves alone from now on, because a
    step has stopped for them; `went_well` are, by the name of a step, those for which it did its work to the end.
    `knows_consent`: what Dotdigital says about who may be mailed was written down. `heard_of` are the address books
    that have told this run who left them.
    `denials` is how many steps in a row were denied what they asked for.
    `lock` is the integration's, which may be lost, and `lock_seen_at` when, on the monotonic clock, it was seen to be
    ours; `ends_at` is when, on the monotonic clock, the run has had its time, None for a run that may take as long as
    it likes.
    """

    integration: Integration
    account: Account
    run: SyncRun
    observer: Observer
    server_now: datetime
    wait_seconds: float
    protocol: WireProtocol = WireProtocol.V2
    heard_since: datetime | None = None
    denied: Version3Denied | None = None
    force_data_fields: bool = False
    reads_everything: bool = False
    only: ListConnection | None = None
    members_evaluated: dict[int, EvaluatedMembers] = field(default_factory=dict)
    ranks: dict[str, RankedMapping] | None = None
    left_out: set[int] = field(default_factory=set)
    went_well: dict[str, set[int]] = field(default_factory=dict)
    knows_consent: bool = False
    heard_of: set[int] = field(default_factory=set)
    denials: int = 0
    lock: IntegrationLock | None = None
    lock_seen_at: float = float("-inf")
    ends_at: float | None = None

    def require_lock(self, *, within: float = 0.0) -> None:
        """Raise LockLost when another run may be at work on the integration by now, or as it was so many seconds ago.

        Before a call it is always asked anew.
        """
        if self.lock is not None and time.monotonic() - self.lock_seen_at >= within:
            self.lock.require()
            self.lock_seen_at = time.monotonic()

    def require_time(self) -> None:
        """Raise StepPaused when this run has had its time, so that others get a turn."""
        if self.ends_at is not None and time.monotonic() >= self.ends_at:
            raise StepPaused(_("The time of a run is over. The next one goes on from here."))

    @cached_property
    def turns(self) -> dict[str, Turn]:
        """Where the rounds go on that the runs before this one have left, by the name of the step."""
        return {turn.step: turn for turn in Turn.objects.filter(integration=self.integration)}

    @cached_property
    def steps_with_problems(self) -> set[str]:
        """The names of the steps that a problem is open of."""
        return steps_with_problems(self.integration)

    @property
    def large_readings_wait_until(self) -> datetime | None:
        """When what takes many calls may be read; None now, and always where a person waits for this run."""
        return window_opens_at(self.run)

    @contextmanager
    def by_version_3(self) -> Iterator[None]:
        """Around calls of version 3. Raises Version3Denied when the account does not offer it any more.

        An integration that leaves the version open goes on by version 2 then, in this run and the next ones; `protocol`
        says so. An account that has said so is not asked again in this run.
        """
        if self.denied is not None:
            raise self.denied
        try:
            yield
        except DotdigitalError as error:
            if not is_withdrawn(error):
                raise
            leave_version_3(self.integration, error)
            if self.integration.protocol == ProtocolChoice.AUTOMATIC:
                self.protocol = WireProtocol.V2
            self.denied = Version3Denied(error.text, detail=error.detail, code=error.code, status=error.status)
            raise self.denied from error

    def refresh_clock(self) -> None:
        """Ask Dotdigital for its time again, so that a window read after an upload closes after it."""
        self.server_now = self.account.server_time()


@dataclass(kw_only=True)
class StepContext:
    """One step of a run. Counts and rejections are stored as they come, so that a crash keeps them.

    `is_whole`: it goes over everything, not only over what an earlier one has left of its round. `stored` are the
    counts that the database has.
    """

    run: RunContext
    step: Step
    done: int = field(default=0)
    is_whole: bool = field(default=True)
    stored: dict[str, int] = field(default_factory=dict)

    @property
    def integration(self) -> Integration:
        """The integration the run works on."""
        return self.run.integration

    @property
    def account(self) -> Account:
        """The connection to Dotdigital."""
        return self.run.account

    def since(self, feed: str, object_id: int = 0) -> datetime | None:
        """From when on a feed has to be read; None for all of it, also when the run compares everything."""
        if self.run.reads_everything:
            return None
        return read_cursor(self.integration, feed, self.run.server_now, object_id)

    def note_done(self, link: ListConnection) -> None:
        """This step's work for the connection was done to its end."""
        self.run.went_well.setdefault(self.step.name, set()).add(link.pk)

    def count(self, **numbers: int) -> None:
        """Add to the step's counts, by name."""
        for name, number in numbers.items():
            self.step.counts[name] = self.step.counts.get(name, 0) + number

    def reject(self, refusals: Iterable[Refusal]) -> None:
        """Keep what could not be taken, with its reason; the rest goes on."""
        if number := note_rejections(self.step, refusals):
            self.count(rejected=number)

    def advance(self, number: int, total: int | None = None) -> None:
        """So many more are done: tell whoever watches, and store the counts."""
        self.done += number
        if self.stored != self.step.counts:
            self.step.save(update_fields=["counts"])
            self.stored = dict(self.step.counts)
        self.run.observer.progressed(self.step, self.done, total)

    def mark_partial(self, message: str) -> None:
        """Something in this step has to be looked at, though the rest of it went on."""
        self.step.state = State.PARTIAL
        self.step.message = f"{self.step.message} {message}".strip()

    def mark_failed(self, message: str) -> None:
        """Nothing of what this step is for was done."""
        self.step.state = State.FAILED
        self.step.message = f"{self.step.message} {message}".strip()
