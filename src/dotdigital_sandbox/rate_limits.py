"""How many calls an API user may make: tiered by the minute, flat by the hour, or without end (contract §2.1)."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from dotdigital_sandbox.clock import Clock
from dotdigital_sandbox.settings import Settings

Tier = Literal["low", "medium", "high", "unlimited"]
MINUTE = 60
HOUR = 3600


@dataclass(slots=True)
class Window:
    """One minute of one tier: when it ends and what was used of it."""

    ends: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may go on: the headers its answer carries, and the quota that is used up when it may not."""

    headers: dict[str, str]
    refused: Literal["minute", "hour"] | None = None


class RateLimits:
    """The counters of the account, in memory; a restart begins a new window."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, Window] = {}
        self._hour: deque[float] = deque()

    def limits(self) -> dict[str, int]:
        """Calls a minute by tier."""
        settings = self._settings
        return {"low": settings.low_rate, "medium": settings.medium_rate, "high": settings.high_rate}

    def used_in_last_hour(self) -> int:
        """Calls that count against the flat quota."""
        with self._lock:
            self._forget_old(self._clock.now().timestamp())
            return len(self._hour)

    def judge(self, scheme: str, tier: Tier) -> Verdict:
        """Count one call of a user of this scheme and say whether it may go on."""
        with self._lock:
            now = self._clock.now().timestamp()
            self._forget_old(now)
            if tier == "unlimited":
                return Verdict({})
            if scheme == "flat" and len(self._hour) >= self._settings.flat_rate:
                return Verdict({}, "hour")
            self._hour.append(now)
            return self._tiered(tier, now) if scheme == "tiered" else Verdict({})

    def _tiered(self, tier: Tier, now: float) -> Verdict:
        limit = self.limits()[tier]
        window = self._windows.setdefault(tier, Window())
        if now >= window.ends or window.ends - now > MINUTE:
            window.ends, window.used = math.ceil(now) + MINUTE - 1, 0
        window.used += 1
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": str(window.ends),
            "X-RateLimit-Scope": f"{tier}CallRate",
        }
        return Verdict(headers, None if window.used <= limit else "minute")

    def _forget_old(self, now: float) -> None:
        while self._hour and self._hour[0] <= now - HOUR:
            self._hour.popleft()
