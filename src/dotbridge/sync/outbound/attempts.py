"""One attempt at a request to Dotdigital, of whatever kind, and what each way to fail means for the request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import transaction

from dotbridge.connections.request_moves import MovedMeanwhile, Request, RequestMoves, move, put_off
from dotbridge.integrations.protocols import Version3Denied
from dotbridge.sync.context import StepBlocked, StepPaused, StepSkipped
from dotbridge.sync.failures import failure_of, is_denied_alone, restore_connection
from dotbridge.sync.locks import LockLost
from dotbridge.sync.texts import LOCK_LOST
from dotdigital import ConfigurationError, DotdigitalError, NotFound, Rejected, Throttled, UnknownOutcome

# These are about the run or the step, and say nothing about the request.
OF_THE_RUN = (LockLost, StepBlocked, StepPaused, StepSkipped)


def attempt(
    row: Request,
    moves: RequestMoves,
    call: Callable[[], None],
    *,
    refused: Callable[[Rejected | NotFound], None],
    unknown: str | None = None,
    given_up: Callable[[], None] = lambda: None,
    **not_taken: Any,
) -> None:
    """Make an attempt. Whatever happens on the way, what became of the request stands in its state.

    1. What Dotdigital refuses is for `refused`.
    2. An outcome that is not known leaves the request as it is, or in the state `unknown`; the next run looks, or asks
       again what does no harm twice. It is an attempt: after too many of them the request is given up.
    3. What was surely not taken, is denied, or fails here in a way that nobody expected, is put off, with what
       `not_taken` notes of it. After too many attempts it is given up, which `given_up` is told.
    4. Where somebody has taken the request back meanwhile, or moved it on, their word stands and nothing is noted.

    How it ends, and what `refused` or `given_up` makes of that, is one transaction: whatever happens to the worker,
    nothing waits for a request that is over. None of the two may ask Dotdigital.

    Raises what concerns whatever comes next as well: Throttled, Transient, ConfigurationError, Version3Denied; and what
    nobody expected.
    """
    found_as = row.state
    with suppress(MovedMeanwhile):
        try:
            call()
        except UnknownOutcome as error:
            if unknown is not None:
                move(row, moves, unknown, message=error.text)
            else:
                _put_off(row, moves, given_up, text=error.text, back_to=row.state, pauses=False)
        except (Rejected, NotFound) as error:
            with transaction.atomic():
                refused(error)
        except (*OF_THE_RUN, MovedMeanwhile):
            raise
        except Exception as error:
            if _is_of_the_account(error):
                # Not the request's fault, however often: it is not an attempt.
                if row.state != found_as:
                    move(row, moves, found_as, **not_taken)
                raise
            if not isinstance(error, DotdigitalError):
                restore_connection()
            # What failed here after it was noted as called has to be looked up, and so has what was found as called.
            if isinstance(error, DotdigitalError) or row.state == found_as:
                _put_off(row, moves, given_up, text=failure_of(error).text, back_to=found_as, **not_taken)
            raise


def move_by_run(row: Request, moves: RequestMoves, state: str, **changes: Any) -> None:
    """Move what runs alone move. Raises ValueError for a move that the table does not know.

    Raises LockLost when it is not in the state any more that we know of: another run is at work.
    """
    try:
        move(row, moves, state, **changes)
    except MovedMeanwhile:
        raise LockLost(LOCK_LOST) from None


@transaction.atomic
def _put_off(row: Request, moves: RequestMoves, given_up: Callable[[], None], **how: Any) -> None:
    if put_off(row, moves, **how):
        given_up()


def _is_of_the_account(error: Exception) -> bool:
    return isinstance(error, (Throttled, ConfigurationError, Version3Denied)) and not is_denied_alone(error)
