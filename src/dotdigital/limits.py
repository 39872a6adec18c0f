"""The vendor's quota as this client sees it: tiers, and the limiter that keeps calls below them (contract §2.1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from dotdigital.errors import Throttled
from dotdigital.processes import begin_anew_in_children

LOW: Final = "low"
MEDIUM: Final = "medium"
HIGH: Final = "high"
UNLIMITED: Final = "unlimited"

TOO_MANY: Final = 429
# A window is a minute and the flat quota an hour; a reset further away than this is a broken clock or a broken header.
_FURTHEST_RESET: Final = 2 * 3600.0
_SCOPES: Final = {"lowcallrate": LOW, "mediumcallrate": MEDIUM, "highcallrate": HIGH}


class Limiter(Protocol):
    """Keeps the calls of one account below the vendor's quota; one instance (or one shared state) an account."""

    def acquire(self, tier: str) -> None:
        """Blocks until a call of this tier may be sent, or raises Throttled if that would take too long."""

    def observe(self, tier: str, headers: Mapping[str, str], status: int) -> None:
        """Learns from an answer: ``headers`` have lower-case names; ``status`` 429 means the tier is used up."""


class _Window:
    """What one tier has left until its reset, in the clock of this process."""

    __slots__ = ("closed_until", "remaining")

    def __init__(self) -> None:
        self.remaining: int | None = None
        self.closed_until = 0.0


class LocalLimiter:
    """A limiter for the threads of one process, driven by the ``X-RateLimit-*`` headers of the answers.

    A tier without headers so far is open. ``max_wait`` is the longest time in seconds that ``acquire`` blocks.
    """

    def __init__(
        self,
        *,
        max_wait: float = 90.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._max_wait = max_wait
        self._clock = clock
        self._sleep = sleep
        self._windows: dict[str, _Window] = {}
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Takes a lock that no thread of another process holds."""
        self._lock = threading.Lock()

    def acquire(self, tier: str) -> None:
        """Takes one call of ``tier``; waits for the next window if this one is used up."""
        if tier == UNLIMITED:
            return
        deadline = self._clock() + self._max_wait
        while wait := self._take(tier):
            if self._clock() + wait > deadline:
                raise Throttled(
                    until=datetime.fromtimestamp(self._clock() + wait, UTC), detail=f"limiter: tier {tier} is used up"
                )
            self._sleep(wait)

    def observe(self, tier: str, headers: Mapping[str, str], status: int) -> None:
        """Notes what the vendor says is left of the tier, and until when."""
        wait = seconds_to_reset(headers, now=self._clock())
        scope = tier_of(headers, asked=tier)
        with self._lock:
            if wait is not None:
                self._note(scope, remaining=calls_left(headers), wait=wait)
            if status == TOO_MANY:
                for refused in {scope, tier}:
                    self._note(refused, remaining=0, wait=wait if wait is not None else 1.0)

    def _take(self, tier: str) -> float:
        """Answers 0 if a call was taken, else the seconds until the window opens again."""
        with self._lock:
            window = self._windows.setdefault(tier, _Window())
            left = window.closed_until - self._clock()
            if window.remaining is None or left <= 0:
                window.remaining = None
                return 0.0
            if window.remaining > 0:
                window.remaining -= 1
                return 0.0
            return left

    def _note(self, tier: str, *, remaining: int | None, wait: float) -> None:
        window = self._windows.setdefault(tier, _Window())
        until = self._clock() + wait
        same_window = window.remaining is not None and abs(window.closed_until - until) < 1.0
        # Answers arrive out of order: inside one window the smaller number is the later one.
        if same_window and remaining is not None and window.remaining is not None:
            remaining = min(remaining, window.remaining)
        window.remaining, window.closed_until = remaining, until


def tier_of(headers: Mapping[str, str], *, asked: str) -> str:
    """Answers which tier the headers of an answer speak of: the vendor's own word for it, else the one asked for."""
    return _SCOPES.get(headers.get("x-ratelimit-scope", "").strip().lower(), asked)


def calls_left(headers: Mapping[str, str]) -> int | None:
    """Answers how many calls the window of an answer has left, or None if the headers do not say (contract §2.1)."""
    return _whole(headers.get("x-ratelimit-remaining"))


def calls_allowed(headers: Mapping[str, str]) -> int | None:
    """Answers how many calls a whole window has, or None if the headers do not say (contract §2.1)."""
    return _whole(headers.get("x-ratelimit-limit"))


def seconds_to_reset(headers: Mapping[str, str], *, now: float) -> float | None:
    """Answers how many seconds the window of an answer still lasts, or None if its headers do not say (contract §2.1).

    ``X-RateLimit-Reset`` is epoch seconds; measured against the answer's own ``Date``, so that a wrong local clock does
    no harm. ``Retry-After``, in seconds or as a date, is understood too, although the vendor documents none. ``now`` is
    epoch seconds.
    """
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is not None and (wait := reset - _sent_at(headers, now=now)) <= _FURTHEST_RESET:
        return max(wait, 1.0)
    after = _number(headers.get("retry-after"))
    if after is None and (date := _epoch_of(headers.get("retry-after"))) is not None:
        after = date - _sent_at(headers, now=now)
    return max(after, 1.0) if after is not None and after <= _FURTHEST_RESET else None


def _sent_at(headers: Mapping[str, str], *, now: float) -> float:
    sent = _epoch_of(headers.get("date"))
    return now if sent is None else sent


def _epoch_of(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        at = parsedate_to_datetime(date)
        # A zone of -0000 is UTC too; without it the machine's own would count.
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    return float(value) if value is not None and value.strip().isascii() and value.strip().isdigit() else None


def _whole(value: str | None) -> int | None:
    number = _number(value)
    return None if number is None else int(min(number, 1e9))
