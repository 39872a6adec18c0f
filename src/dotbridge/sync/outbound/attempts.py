"""One attempt at a request to Dotdigital, of whatever kind, and what each way to fail means for the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dotbridge.connections.request_moves import Request, RequestMoves, move, put_off
from dotbridge.integrations.protocols import Version3Denied
from dotbridge.sync.failures import is_denied_alone
from dotdigital import ConfigurationError, NotFound, Rejected, Throttled, Transient, UnknownOutcome


def attempt(
    row: Request,
    moves: RequestMoves,
    call: Callable[[], None],
    *,
    refused: Callable[[Rejected | NotFound], None],
    unknown: str | None = None,
    given_up: Callable[[], None] | None = None,
    **not_taken: Any,
) -> None:
    """Make an attempt. Whatever happens on the way, what became of the request stands in its state.

    1. What Dotdigital refuses is for `refused`.
    2. An outcome that is not known leaves the request as it is, or in the state `unknown`; the next run looks, or asks
       again what does no harm twice. It is an attempt: after too many of them the request is given up.
    3. What was surely not taken, or is denied, is put off, with what `not_taken` notes of it. After too many attempts
       it is given up, which `given_up` is told.

    Raises what concerns whatever comes next as well: Throttled, Transient, ConfigurationError, Version3Denied.
    """
    found_as = row.state
    try:
        call()
    except UnknownOutcome as error:
        if unknown is not None:
            move(row, moves, unknown, message=error.text)
        elif put_off(row, moves, text=error.text, back_to=row.state, pauses=False) and given_up is not None:
            given_up()
    except (Throttled, ConfigurationError, Version3Denied, Transient) as error:
        if not isinstance(error, Transient) and not is_denied_alone(error):
            # Not the request's fault, however often: it is not an attempt.
            if row.state != found_as:
                move(row, moves, found_as, **not_taken)
            raise
        # Found as called, it still has to be looked up.
        if put_off(row, moves, text=error.text, back_to=found_as, **not_taken) and given_up is not None:
            given_up()
        raise
    except (Rejected, NotFound) as error:
        refused(error)
