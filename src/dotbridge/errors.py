"""What an operator can mend, and what lies behind an error."""

from __future__ import annotations

from collections.abc import Iterator


class OperatorError(Exception):
    """Something on this machine or in its settings is wrong. The text is one line: what, why, and what to do."""


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, one after the other: also what was raised while another one was dealt with."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
