"""The account's clock: the machine's own, shifted, or standing still."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from dotdigital_sandbox.dates import text_of

# Whatever is promised for later must still be a date.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _within_reach(instant: datetime) -> datetime:
    if not EARLIEST <= instant <= LATEST:
        raise ValueError(f"the account's clock goes from the year {EARLIEST.year} to the year {LATEST.year}")
    return instant


class Clock:
    """Answers what time it is in the account, from an aware instant on or the present; it may be shifted or stopped.

    Raises ValueError for an instant outside the years 1900 to 9000.
    """

    def __init__(self, start_at: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._shift = _within_reach(start_at) - datetime.now(UTC) if start_at else timedelta()
        self._stopped_at: datetime | None = None

    def now(self) -> datetime:
        """The account's present instant, in UTC."""
        with self._lock:
            return self._stopped_at or datetime.now(UTC) + self._shift

    def text(self) -> str:
        """The present instant as the API writes it."""
        return text_of(self.now())

    def advance(self, seconds: float) -> None:
        """Move the account's time forward (or back, when negative) by so many seconds."""
        with self._lock:
            try:
                step = timedelta(seconds=seconds)
                _within_reach((self._stopped_at or datetime.now(UTC) + self._shift) + step)
            except (OverflowError, ValueError):
                raise ValueError(f"{seconds} seconds are beyond all dates") from None
            if self._stopped_at is None:
                self._shift += step
            else:
                self._stopped_at += step

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the account's time now, or at the given aware instant."""
        with self._lock:
            self._stopped_at = _within_reach(at or self._stopped_at or datetime.now(UTC) + self._shift)

    def unfreeze(self) -> None:
        """Let time run on from where it stood."""
        with self._lock:
            if self._stopped_at is not None:
                self._shift = self._stopped_at - datetime.now(UTC)
                self._stopped_at = None

    @property
    def is_shifted(self) -> bool:
        """Whether the account's time is another than the machine's."""
        return self.frozen or bool(self._shift)

    @property
    def frozen(self) -> bool:
        """Whether the account's time stands still."""
        return self._stopped_at is not None
