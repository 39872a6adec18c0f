"""Faults of transport, injected on purpose: refused, delayed, reset, cut, garbled, repeated or reordered answers."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from dotdigital_sandbox.settings import MOST

FaultKind = Literal["status", "reset", "cut", "malformed", "delay", "duplicate", "reorder"]
KINDS: tuple[FaultKind, ...] = ("status", "reset", "cut", "malformed", "delay", "duplicate", "reorder")


# What a fault can answer: all that is no success.
LEAST_STATUS, GREATEST_STATUS = 400, 599


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(slots=True)
class Fault:
    """One order: what to do, to which calls, how often.

    ``path`` is a regular expression searched in the path, ``after`` calls that match are let through first,
    then ``times`` calls suffer (None: no end), each with the probability ``share``. ``late`` faults happen after the
    work was done.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    status: int = 503
    seconds: float = 0.0
    late: bool = False
    seen: int = 0
    done: int = 0
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are: {', '.join(KINDS)}")
        texts, counts = (self.path, self.method), (self.after, 0 if self.times is None else self.times)
        if not all(isinstance(each, str) for each in texts) or not isinstance(self.late, bool):
            raise ValueError("path and method must be texts, late true or false")
        if not all(type(each) is int and each >= 0 for each in counts):
            raise ValueError("after and times must be whole numbers from 0 on, times may be null")
        if not _is_number(self.share) or not 0 <= self.share <= 1:
            raise ValueError(f"share must lie between 0 and 1, not {self.share!r}")
        if not _is_number(self.seconds) or not 0 <= self.seconds <= MOST:
            raise ValueError(f"seconds must be a time from 0 to {MOST} seconds, not {self.seconds!r}")
        if not isinstance(self.status, int) or not LEAST_STATUS <= self.status <= GREATEST_STATUS:
            raise ValueError(f"status must lie between {LEAST_STATUS} and {GREATEST_STATUS}, not {self.status!r}")
        try:
            self._pattern = re.compile(self.path, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"path {self.path!r} is no regular expression: {error}") from None

    def matches(self, method: str, path: str) -> bool:
        """Whether the order is about such a call."""
        return (not self.method or self.method.upper() == method) and self._pattern.search(path) is not None

    def as_dict(self) -> dict[str, Any]:
        """The order as JSON shows it."""
        names = ("kind", "path", "method", "times", "after", "share", "status", "seconds", "late", "seen", "done")
        return {name: getattr(self, name) for name in names}


class TransportFaults:
    """The standing orders, asked once a call."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._orders: list[Fault] = []
        self._random = random.Random(seed)  # noqa: S311 - repeatable mischief, not secrecy

    def order(self, fault: Fault) -> None:
        """Add an order."""
        with self._lock:
            self._orders.append(fault)

    def clear(self) -> None:
        """Drop all orders."""
        with self._lock:
            self._orders.clear()

    def orders(self) -> list[dict[str, Any]]:
        """The orders with what they did so far."""
        with self._lock:
            return [order.as_dict() for order in self._orders]

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that this call must suffer, if any; the first order that is due wins."""
        with self._lock:
            for order in self._orders:
                if not order.matches(method, path) or (order.times is not None and order.done >= order.times):
                    continue
                order.seen += 1
                if order.seen > order.after and (order.share >= 1 or self._random.random() < order.share):
                    order.done += 1
                    return order
        return None


# What version 3 calls the rows of its pages.
_LISTS = ("_items", "events")


def mangled(kind: FaultKind, body: bytes) -> bytes:
    """The body as the fault leaves it: broken JSON, rows twice, or rows in another order."""
    if kind == "malformed":
        return body[: max(1, len(body) * 2 // 3)].rstrip(b"]}") + b'{"'
    if kind not in ("duplicate", "reorder"):
        return body
    try:
        return _rows_mangled(kind, body)
    except msgspec.DecodeError:
        pass
    try:
        page = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        listed = next(name for name in _LISTS if name in page)
        page[listed] = msgspec.Raw(_rows_mangled(kind, bytes(page[listed])))
    except (msgspec.DecodeError, StopIteration):
        return body
    return msgspec.json.encode(page)


def _rows_mangled(kind: FaultKind, body: bytes) -> bytes:
    rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    rows = rows[::-1] if kind == "reorder" else rows + rows[-1:]
    return b"[" + b",".join(bytes(row) for row in rows) + b"]"
