"""How long and how often a call is tried again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from dotdigital.errors import Throttled, Transient


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a call is repeated.

    ``tries`` counts the first one, and 1 means that each call is sent exactly once, whatever comes back; waits double
    from ``base`` seconds up to ``cap``, with jitter. ``max_wait`` is the longest single wait for the quota, in seconds,
    and ``throttle_base`` the first one where the service names no time.
    """

    tries: int = 4
    base: float = 0.5
    cap: float = 20.0
    max_wait: float = 90.0
    throttle_base: float = 5.0
    throttle_tries: int = 6


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
