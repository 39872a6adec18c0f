"""How a request to Dotdigital moves, whatever it asks for: one table a kind, and one way to move.

1. It is *asked for*, by a person or a run, and waits.
2. *Called* is noted, and only then Dotdigital is called.
3. Found so noted later, by a run that did not make the call, its outcome is unknown and is looked up.
4. Surely not taken, it is *put off*: it waits again, a little longer each time, and the attempt is counted.
5. It is *given up* after so many attempts, or so long after the call; then a person may ask again.

A row is moved by a statement that names the state it had: whoever else has moved it meanwhile is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import ChangeState, EndingState, LookState, ResubscriptionState, SendState

# Kept with the request, and said to whoever reads it in their own language.
TRIED = _("Tried %(number)s times. %(text)s")
# A request that could not be made so often waits for a person.
MOST_ATTEMPTS = 10
# Between two attempts that the schedule makes: it doubles from the first to the last.
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


class Request(Protocol):
    """A row of a table of requests."""

    pk: Any
    state: str
    attempts: int
    message: str


class MovedMeanwhile(Exception):
    """The row is not in the state any more in which it was found: somebody else is at work on it."""


@dataclass(frozen=True, kw_only=True)
class RequestMoves:
    """The states of one kind of request. `longest`: so long after the call its outcome is not waited for any more."""

    allowed: Mapping[str, frozenset[str]]
    waiting: str
    given_up: str
    called: str | None = None
    longest: timedelta | None = None

    def is_overdue(self, called_at: datetime | None) -> bool:
        """Whether a request that was called then, or at no known time, is not waited for any more. A moment that lies
        as far ahead was noted by a clock that was wrong."""
        return self.longest is not None and (called_at is None or abs(timezone.now() - called_at) > self.longest)


CHANGE_MOVES = RequestMoves(
    allowed={
        ChangeState.WAITING: frozenset({ChangeState.WAITING, ChangeState.ASKED, ChangeState.FAILED}),
        ChangeState.ASKED: frozenset(
            {ChangeState.WAITING, ChangeState.ASKED, ChangeState.DONE, ChangeState.FAILED},
        ),
        ChangeState.FAILED: frozenset({ChangeState.WAITING}),
        ChangeState.DONE: frozenset(),
    },
    waiting=ChangeState.WAITING,
    called=ChangeState.ASKED,
    given_up=ChangeState.FAILED,
)
RESUBSCRIPTION_MOVES = RequestMoves(
    allowed={
        ResubscriptionState.WAITING: frozenset(
            {ResubscriptionState.WAITING, ResubscriptionState.ASKED, ResubscriptionState.REFUSED}
        ),
        ResubscriptionState.ASKED: frozenset(set(ResubscriptionState)),
        ResubscriptionState.ADDED: frozenset(),
        ResubscriptionState.CHALLENGED: frozenset(),
        ResubscriptionState.REFUSED: frozenset(),
        ResubscriptionState.UNKNOWN: frozenset(),
    },
    waiting=ResubscriptionState.WAITING,
    called=ResubscriptionState.ASKED,
    given_up=ResubscriptionState.REFUSED,
)
CALLED_RESUBSCRIPTION_MOVES = replace(RESUBSCRIPTION_MOVES, given_up=ResubscriptionState.UNKNOWN)
# An ending calls through its removals, which have a table of their own.
ENDING_MOVES = RequestMoves(
    allowed={
        EndingState.WAITING: frozenset({EndingState.WAITING, EndingState.FAILED}),
        EndingState.FAILED: frozenset({EndingState.WAITING}),
    },
    waiting=EndingState.WAITING,
    given_up=EndingState.FAILED,
)
# A send that was not taken ends; one that may have been taken is never asked for again, and waits for a person instead.
SEND_MOVES = RequestMoves(
    allowed={
        SendState.WAITING: frozenset(
            {SendState.WAITING, SendState.ASKED, SendState.FAILED, SendState.WITHDRAWN},
        ),
        SendState.ASKED: frozenset(
            {
                SendState.WAITING,
                SendState.ASKED,
                SendState.ACCEPTED,
                SendState.SENT,
                SendState.CANCELLED,
                SendState.FAILED,
                SendState.UNKNOWN,
            }
        ),
        SendState.ACCEPTED: frozenset(
            {SendState.ACCEPTED, SendState.SENT, SendState.CANCELLED, SendState.UNKNOWN},
        ),
        # A person has it looked at again, or has looked in Dotdigital and says that nobody was sent it.
        SendState.UNKNOWN: frozenset({SendState.ASKED, SendState.WITHDRAWN}),
        SendState.SENT: frozenset(),
        SendState.CANCELLED: frozenset(),
        SendState.FAILED: frozenset(),
        SendState.WITHDRAWN: frozenset(),
    },
    waiting=SendState.WAITING,
    called=SendState.ASKED,
    given_up=SendState.FAILED,
    # Dotdigital may take days for a large send.
    longest=timedelta(days=7),
)
CALLED_SEND_MOVES = replace(SEND_MOVES, given_up=SendState.UNKNOWN)
# A reading calls for nothing to be done, so it has no call to be looked up.
LOOK_MOVES = RequestMoves(
    allowed={
        LookState.WAITING: frozenset({LookState.WAITING, LookState.FAILED}),
        LookState.FAILED: frozenset({LookState.WAITING}),
    },
    waiting=LookState.WAITING,
    given_up=LookState.FAILED,
)


def move(row: Request, moves: RequestMoves, state: str, **changes: Any) -> None:
    """Move a request to a state, with what is to be noted.

    Raises ValueError for a move that the table does not know, and MovedMeanwhile when the row is not where it was.
    """
    if state not in moves.allowed[row.state]:
        raise ValueError(f"{type(row).__name__} cannot go from {row.state} to {state}.")
    rows = type(row)._base_manager.filter(pk=row.pk, state=row.state)  # type: ignore[attr-defined]  # noqa: SLF001
    if not rows.update(state=state, **changes):
        raise MovedMeanwhile(f"{type(row).__name__} {row.pk} is not {row.state} any more.")
    for name, value in {"state": state, **changes}.items():
        setattr(row, name, value)


def is_due() -> Q:
    """Which requests may be tried now. Nothing is put off for longer than the longest pause: what would have to wait
    longer was put off by a clock that was wrong."""
    now = timezone.now()
    return Q(due_at=None) | Q(due_at__lte=now) | Q(due_at__gt=now + LONGEST_PAUSE)


def put_off(
    row: Request, moves: RequestMoves, *, text: str, back_to: str | None = None, pauses: bool = True, **changes: Any
) -> bool:
    """Note an attempt that did not succeed, and why. Whether the request is given up now.

    Else it goes `back_to` where it was found: it waits, or a call is still to be looked up, which `pauses` not.
    """
    attempts = row.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        tried = TRIED % {"number": attempts, "text": text}
        ended = {"finished_at": timezone.now()} if hasattr(row, "finished_at") else {}
        move(row, moves, moves.given_up, attempts=attempts, message=tried, **ended)
        return True
    pause = {"due_at": timezone.now() + _pause(attempts)} if pauses and hasattr(row, "due_at") else {}
    move(row, moves, back_to or moves.waiting, attempts=attempts, message=text, **pause, **changes)
    return False


def _pause(attempts: int) -> timedelta:
    return min(SHORTEST_PAUSE * 2.0 ** (attempts - 1), LONGEST_PAUSE)
