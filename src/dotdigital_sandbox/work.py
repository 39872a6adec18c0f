"""What is asked of the background work: to look again, to wait, to hurry, to end an import in a given way."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TERMINAL = (
    "Finished", "RejectedByWatchdog", "InvalidFileFormat", "Unknown", "Failed", "ExceedsAllowedContactLimit",
)  # fmt: skip


class Work:
    """The wishes, kept apart from the threads that fulfil them, so that whoever wakes them need not know them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hurrying = 0
        self._forced: deque[str] = deque()
        self.wakes = 0
        self.stopping = False
        self.held = False
        # Held by whoever has an import, or chores, in hand.
        self.importing, self.doing_chores = threading.Lock(), threading.Lock()
        self._dropping = 0

    def wake(self) -> None:
        """Look again at what is due."""
        with self._changed:
            self.wakes += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop after the chunk in hand."""
        self.stopping = True
        self.wake()

    @property
    def must_end(self) -> bool:
        """Whether what is in hand is to be left as it is, now."""
        return self.stopping or self._dropping > 0

    @contextmanager
    def nothing_in_hand(self) -> Iterator[None]:
        """Let nothing be in hand meanwhile; what was is left after its chunk."""
        with self._changed:
            self._dropping += 1
            self._changed.notify_all()
        try:
            with self.importing, self.doing_chores:
                yield
        finally:
            with self._changed:
                self._dropping -= 1
                self.wakes += 1
                self._changed.notify_all()

    def hold_imports(self) -> None:
        """Leave every import at ``NotFinished`` until released."""
        self.held = True

    def release_imports(self) -> None:
        """Go on with the imports."""
        self.held = False
        self.wake()

    def force_next(self, status: str) -> None:
        """Let the oldest unfinished import, or else the next to come, end with this status and without effect."""
        spelled = {each.lower(): each for each in TERMINAL}.get(status.lower())
        if spelled is None:
            raise ValueError(f"an import cannot end as {status!r}; it may be: {', '.join(TERMINAL)}")
        self._forced.append(spelled)
        self.wake()

    def take_forced(self) -> str | None:
        """The status that the import at hand is to end with, if somebody said so."""
        return self._forced.popleft() if self._forced else None

    @property
    def hurrying(self) -> bool:
        """Whether everything is to be done now, held or not, due or not."""
        return self._hurrying > 0

    def hurry(self, done: Callable[[], bool]) -> None:
        """Have everything done now and return when ``done``; raises TimeoutError."""
        with self._in_a_hurry():
            self.wait_until(done)

    def wait_until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Have what is due done and return when ``done``; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"background work was not done within {seconds} seconds")
            self.wake()
            time.sleep(0.005)

    def nap(self, seconds: float | None, wakes: int) -> None:
        """Sleep until woken, or for so many seconds; not at all if woken since that many wakes."""
        with self._changed:
            if not self.stopping and self.wakes == wakes:
                self._changed.wait(seconds)

    @contextmanager
    def _in_a_hurry(self) -> Iterator[None]:
        with self._changed:
            self._hurrying += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._hurrying -= 1
