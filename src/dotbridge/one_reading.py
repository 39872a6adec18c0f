"""What stays the same while one page is read is asked for once: settings, what a list is connected to, and the like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Answer = TypeVar("Answer")

_known: ContextVar[dict[Any, Any] | None] = ContextVar("dotbridge_one_reading", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """Inside, what is marked with `asked_once` is asked for once. Only for what changes nothing."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


@contextmanager
def read_anew() -> Iterator[None]:
    """Inside, everything is asked for each time: for a change that is made to see what would follow."""
    token = _known.set(None)
    try:
        yield
    finally:
        _known.reset(token)


def known_by_key(kind: object) -> dict[Any, Any]:
    """Things of a kind that this reading has met already, by their keys; outside of one, none, and none are kept."""
    known = _known.get()
    return {} if known is None else known.setdefault(kind, {})


def is_asked_again(kind: object) -> bool:
    """Whether this reading has asked this before: then whatever may be asked next is better asked for as well."""
    known = _known.get()
    if known is None:
        return False
    asked: set[object] = known.setdefault(is_asked_again, set())
    is_again = kind in asked
    asked.add(kind)
    return is_again


def asked_once(function: Callable[P, Answer]) -> Callable[P, Answer]:
    """The function; within `one_reading` it keeps its answers, by its arguments, which have to be hashable."""

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> Answer:
        known = _known.get()
        if known is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in known:
            known[key] = function(*args, **kwargs)
        answer: Answer = known[key]
        return answer

    return asked
