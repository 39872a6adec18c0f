"""What was asked of the account lately, and how often, by tier."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call: when, what, and how it was answered; ``fault`` names what the sandbox did to it on purpose."""

    at: str
    method: str
    path: str
    status: int
    tier: str = ""
    milliseconds: float = 0.0
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The call as JSON shows it."""
        return asdict(self)


class CallLog:
    """The latest calls in the order of their answers, and counts of all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[LoggedCall] = deque(maxlen=KEPT)
        self._tiers: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()

    def add(self, call: LoggedCall) -> None:
        """Note one call."""
        with self._lock:
            self._calls.append(call)
            self._tiers[call.tier or "none"] += 1
            self._statuses[call.status] += 1

    def latest(self, count: int | None = None) -> list[LoggedCall]:
        """The latest calls, oldest first; all that are kept when no count is given."""
        with self._lock:
            calls = list(self._calls)
        return calls if count is None else calls[-count:] if count else []

    def counts(self) -> dict[str, Any]:
        """How many calls there were: total, by tier, by status."""
        with self._lock:
            return {
                "total": sum(self._tiers.values()),
                "tiers": dict(self._tiers),
                "statuses": {str(status): count for status, count in self._statuses.items()},
            }

    def clear(self) -> None:
        """Forget all calls and counts."""
        with self._lock:
            self._calls.clear()
            self._tiers.clear()
            self._statuses.clear()
