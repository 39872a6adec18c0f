"""The account: its memory, clock and settings, and what is asked of the work it does in the background."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.call_log import CallLog
from dotdigital_sandbox.clock import Clock
from dotdigital_sandbox.folder import FolderLock, private_file, private_folder
from dotdigital_sandbox.page_marks import PageMarks
from dotdigital_sandbox.rate_limits import RateLimits
from dotdigital_sandbox.settings import Settings
from dotdigital_sandbox.store import Store
from dotdigital_sandbox.transport_faults import TransportFaults
from dotdigital_sandbox.work import Work


class Account:
    """One Dotdigital account, kept in a folder. See ``opening`` for how one comes to life.

    Raises OSError for a folder that cannot be used, and when another sandbox serves it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.switches = settings.switches
        folder = private_folder(settings.data_dir)
        self.clock = Clock(settings.start_at)
        with ExitStack() as ends:
            ends.callback(FolderLock(folder).release)
            self.uploads = private_folder(folder / "uploads")
            self.store = Store(private_file(folder / "account.sqlite3"), self.clock.text)
            ends.callback(self.store.close)
            self._ends = ends.pop_all()
        self.faults = TransportFaults(settings.random_seed)
        self.log = CallLog()
        self.marks = PageMarks()
        self.rates = RateLimits(settings, self.clock)
        self.work = Work()

    def before_closing(self, deed: Callable[[], None]) -> None:
        """Have something ended before the account's file is closed."""
        self._ends.callback(deed)

    def close(self) -> None:
        """End what was begun for the account, the newest first, and close the file."""
        self._ends.close()

    def write(self, change: Callable[[Connection], None]) -> None:
        """Make one change as a whole."""
        with self.store.writing() as db:
            change(db)

    def meta(self, name: str, default: Any = None) -> Any:
        """A property of the account kept under a name."""
        with self.store.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else default
