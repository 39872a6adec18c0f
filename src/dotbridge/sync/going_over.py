"""Going over books, lists, campaigns and requests: each alone, so that no single one stops the others.

What cannot be done with one of them is noted with its name, and the others go on. Only when Dotdigital refuses several
in a row it is not for their own sake: then the step ends. Where a step ended early the next one begins, so that a quota
for eight calls a run, or three broken books at the front, still lets all of them have their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import structlog

from dotbridge.sync.context import Refusal, StepBlocked, StepContext, StepPaused, StepSkipped
from dotbridge.sync.failures import Failure, failure_of, is_denied_alone, kind_of, restore_connection
from dotbridge.sync.locks import LockLost
from dotbridge.sync.models import Turn
from dotdigital import ConfigurationError, Throttled

log = structlog.get_logger(__name__)

# So many in a row are not refused for their own sake: then the step ends and the next run tries again.
MOST_FAILURES_IN_A_ROW = 3
# Of a thousand quiet lists each would ask otherwise, three times. Before a call it is asked in any case.
LOCK_IS_ASKED_EVERY = 0.5
# These are about the run or the step, not about the one thing that was being worked on.
_CONCERNS_ALL = (ConfigurationError, Throttled, LockLost, StepBlocked, StepSkipped, StepPaused)

Thing = TypeVar("Thing")


def go_over(
    step: StepContext,
    things: Iterable[Thing],
    work: Callable[[Thing], object],
    refusal: Callable[[Thing, Failure], Refusal],
    *,
    turn: Callable[[Thing], int] | None = None,
    all_each_time: bool = False,
) -> list[Thing]:
    """Do the work for each thing, and answer those for which it failed.

    `refusal` says how a failure is noted: by the thing's name and a reason. With `turn`, which answers a thing's id,
    the round goes on where the last one ended early; with `all_each_time` it begins there and goes over all of them,
    whatever time that takes. Raises what concerns all of them: no call is left, the time of the run is over, the lock
    is lost, a setting has to be corrected, or Dotdigital has failed so many in a row.
    """
    turns = _Turns(step, turn)
    failed: list[Thing] = []
    in_a_row = 0
    ordered = turns.in_order(things)
    for place, thing in enumerate(ordered):
        try:
            # The first one goes in any case, so that each run brings its round on.
            watches_time = turn is not None and not all_each_time and place > 0
            error = _attempt(step, work, thing, watches_time=watches_time)
        except (Throttled, StepPaused):
            turns.keep(thing, is_rest=not all_each_time)
            raise
        if error is None:
            in_a_row = 0
            continue
        failure = failure_of(error)
        _log(step, error, failure)
        failed.append(thing)
        in_a_row += failure.is_remote
        if in_a_row == MOST_FAILURES_IN_A_ROW:
            turns.keep(ordered[(place + 1) % len(ordered)], is_rest=False)
            raise error
        step.reject([refusal(thing, failure)])
        if len(failed) == len(ordered) and is_denied_alone(error):
            # It is denied to the step as a whole.
            raise error
        if len(failed) == len(ordered) and (failure.is_remote or failure.place):
            # Nothing of the step was done, and not because a rule or a setting of these things says so.
            step.mark_failed(failure.text)
    turns.forget()
    return failed


def concerns_all(error: Exception) -> bool:
    """Whether an error is about the run or the step, and not about the one thing that was being worked on."""
    return isinstance(error, _CONCERNS_ALL) and not is_denied_alone(error)


def _attempt(
    step: StepContext, work: Callable[[Thing], object], thing: Thing, *, watches_time: bool
) -> Exception | None:
    """Do the work for one thing; answers what went wrong with this one, and raises what concerns all of them."""
    step.run.require_lock(within=LOCK_IS_ASKED_EVERY)
    if watches_time:
        step.run.require_time()
    try:
        work(thing)
    except Exception as error:  # whatever it is, the others go on
        if concerns_all(error):
            raise
        restore_connection()
        return error
    return None


class _Turns(Generic[Thing]):
    """Where the round of a step begins. A run for one list alone has nobody to take turns with."""

    def __init__(self, step: StepContext, turn: Callable[[Thing], int] | None) -> None:
        self._kept = step.run.turns.get(step.step.name)
        self._step = step
        self._turn = turn if step.run.only is None else None

    def in_order(self, things: Iterable[Thing]) -> list[Thing]:
        """The things from the one whose turn it is, then those before it if they are left in this round."""
        listed = list(things)
        kept = self._kept
        if kept is None or self._turn is None:
            return listed
        self._step.is_whole = self._step.is_whole and not kept.is_rest
        place = next((at for at, thing in enumerate(listed) if self._turn(thing) == kept.object_id), 0)
        return listed[place:] if kept.is_rest else [*listed[place:], *listed[:place]]

    def keep(self, thing: Thing, *, is_rest: bool) -> None:
        """The next run begins with this one."""
        if self._turn is not None:
            Turn.objects.update_or_create(
                integration=self._step.integration,
                step=self._step.step.name,
                defaults={"object_id": self._turn(thing), "is_rest": is_rest},
            )

    def forget(self) -> None:
        """The round is over."""
        if self._kept is not None and self._turn is not None:
            self._kept.delete()


def _log(step: StepContext, error: Exception, failure: Failure) -> None:
    if failure.is_remote or failure.is_gone:
        log.warning("refused", step=step.step.name, detail=getattr(error, "detail", ""))
    elif failure.place:
        log.error("failed unexpectedly", step=step.step.name, error=kind_of(error), place=failure.place)
