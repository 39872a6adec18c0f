"""How long and how often a call is tried again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dotdigital.errors import Throttled, Transient

# Thirty years: clocks have their ends too.
MOST_SECONDS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a call is repeated.

    ``tries`` counts the first one, and 1 means that each call is sent exactly once, whatever comes back; waits double
    from ``base`` seconds up to ``cap``, with jitter. ``max_wait`` is the longest single wait for the quota, in seconds,
    and ``throttle_base`` the first one where the service names no time. Raises ValueError for numbers that cannot be.
    """

    tries: int = 4
    base: float = 0.5
    cap: float = 20.0
    max_wait: float = 90.0
    throttle_base: float = 5.0
    throttle_tries: int = 6

    def __post_init__(self) -> None:
        for name in ("tries", "throttle_tries"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a call is made at least once")
        check_seconds(self, "base", "cap", "max_wait", "throttle_base")


def check_seconds(settings: object, *names: str, least: float = 0.0) -> None:
    """Raises ValueError, naming the setting, for what is no number of seconds that anybody could wait."""
    for name in names:
        value = getattr(settings, name)
        # Nothing is greater than what is no number.
        if not least <= value <= MOST_SECONDS:
            raise ValueError(f"{name} is {value}: give seconds, from {least:g} to {MOST_SECONDS:g}")


class Patience:
    """Waits between the tries of one call, and raises the error once there were enough of them."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._failed = 0
        self._refused = 0

    @property
    def interrupted(self) -> bool:
        """Whether an earlier try broke off, so that nobody knows whether it was carried out."""
        return self._failed > 0

    def wait(self, error: Throttled | Transient) -> None:
        """Sleeps until the next try, or raises ``error`` when there were enough."""
        wait = self._until_quota(error) if isinstance(error, Throttled) else self._back_off(error)
        time.sleep(wait)

    def _back_off(self, error: Transient) -> float:
        self._failed += 1
        if self._failed >= self._retry.tries:
            raise error
        longest = min(self._retry.cap, self._retry.base * 2.0 ** (self._failed - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def _until_quota(self, error: Throttled) -> float:
        self._refused += 1
        if error.until is None:
            wait = self._retry.throttle_base * 2.0 ** (self._refused - 1)
        else:
            wait = max((error.until - datetime.now(UTC)).total_seconds(), 0.0)
        once = self._retry.tries <= 1
        if once or wait > self._retry.max_wait or self._refused >= self._retry.throttle_tries:
            raise error
        # Spread out, so that the processes that share a quota do not all come back in the same instant.
        return wait + random.uniform(0.0, min(1.0, self._retry.throttle_base / 5))  # noqa: S311 - jitter, not a secret
