"""The vendor's call quota, shared by every process through the database (rule 8 of the design)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone

from dotbridge.integrations.models import CallLimit, Integration, RateWindow
from dotdigital import Throttled
from dotdigital.limits import TOO_MANY, UNLIMITED, calls_allowed, calls_left, seconds_to_reset, tier_of

# No window of the vendor's is as long.
LONGEST_WINDOW = timedelta(hours=3)


class DatabaseLimiter:
    """Lets a call through while the tier's window has calls left, else waits for the next window.

    One row a tier, decremented by `UPDATE .. WHERE remaining > 0`; the row count says who got the call. A tier that
    never sent headers has no row and is open.
    """

    def __init__(
        self, integration: Integration, *, max_wait: float = 90.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._windows = RateWindow.objects.filter(integration=integration)
        self._integration = integration
        self._max_wait = max_wait
        self._sleep = sleep
        self._allowed: dict[str, int] = {}

    def acquire(self, tier: str) -> None:
        """Take one call of the tier. Raises Throttled when its window opens too far in the future."""
        if tier == UNLIMITED:
            return
        deadline = timezone.now() + timedelta(seconds=self._max_wait)
        while not self._take(tier):
            resets_at = self._windows.filter(tier=tier).values_list("resets_at", flat=True).first()
            if resets_at is None:
                return
            if resets_at > deadline:
                raise Throttled(until=resets_at, detail=f"limiter: tier {tier} is used up")
            self._sleep(max(0.05, (resets_at - timezone.now()).total_seconds()))

    def observe(self, tier: str, headers: Mapping[str, str], status: int) -> None:
        """Keep what the answer's headers say is left of the tier, and how many calls a window of it has."""
        self._keep_limit(tier_of(headers, asked=tier), calls_allowed(headers))
        wait = seconds_to_reset(headers, now=datetime.now(UTC).timestamp())
        remaining = 0 if status == TOO_MANY else calls_left(headers)
        if remaining is None or (wait is None and status != TOO_MANY):
            return
        RateWindow.objects.update_or_create(
            integration=self._integration,
            tier=tier_of(headers, asked=tier),
            defaults={
                "remaining": remaining,
                "resets_at": timezone.now() + timedelta(seconds=wait if wait is not None else 1.0),
            },
        )

    def _keep_limit(self, tier: str, allowed: int | None) -> None:
        # It hardly ever changes, so it is not written with each call.
        if allowed is None or self._allowed.get(tier) == allowed:
            return
        CallLimit.objects.update_or_create(integration=self._integration, tier=tier, defaults={"allowed": allowed})
        self._allowed[tier] = allowed

    def _take(self, tier: str) -> bool:
        window, now = self._windows.filter(tier=tier), timezone.now()
        resets_at = window.values_list("resets_at", flat=True).first()
        if resets_at is None:
            return True
        if now < resets_at <= now + LONGEST_WINDOW:
            return window.filter(remaining__gt=0).update(remaining=F("remaining") - 1) == 1
        # The window is over, or was written down by a clock that was wrong; what the next one holds is not known until
        # its first answer.
        window.filter(resets_at=resets_at).delete()
        return True
