"""What the account does in its own time: imports in the order given, and other chores when they are due."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING

from dotdigital_sandbox import v3_imports
from dotdigital_sandbox.chores import do_due_chores, next_chore_due
from dotdigital_sandbox.dates import parse_instant
from dotdigital_sandbox.import_rows import StagedRow, UnreadableFile
from dotdigital_sandbox.import_sources import source_of
from dotdigital_sandbox.importing import Stage, keep_faults, merge_stage, report_of

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

logger = logging.getLogger(__name__)
# The clock may be moved or stopped from outside: nobody sleeps longer than this before looking at it again.
LONGEST_NAP = 0.25


class Stopped(Exception):
    """What is in work is left as it is: the sandbox is being stopped, and takes it up again at its next start, or
    the account is about to become another one."""


class Background:
    """Two threads: one for imports, one for chores. Both do nothing until something is due."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._work = account.work
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        for name, work in (("imports", self._import_loop), ("chores", self._chore_loop)):
            thread = threading.Thread(target=work, name=f"sandbox-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop after the chunk in hand; an interrupted import is taken up again at the next start."""
        self._work.stop()
        for thread in self._threads:
            thread.join()

    def _nap(self, due: str | None, wakes: int) -> None:
        """Sleep until woken, or for a while when something will be due; not at all if woken since that many wakes."""
        self._work.nap(None if due is None else min(LONGEST_NAP, max(0.001, self._seconds_to(due))), wakes)

    def _seconds_to(self, due: str) -> float:
        instant = parse_instant(due)
        return (instant - self._account.clock.now()).total_seconds() if instant else 0.0

    def _chore_loop(self) -> None:
        while not self._work.stopping:
            wakes = self._work.wakes
            try:
                with self._work.doing_chores:
                    do_due_chores(self._account, everything=self._work.hurrying)
                with self._account.store.reading() as db:
                    due = next_chore_due(db)
            except Exception:
                # The disk may be full, now and for a while. Whoever waits calls again and again: do not run hot.
                logger.exception("a chore of the sandbox failed")
                time.sleep(LONGEST_NAP)
                continue
            if due is None or (self._seconds_to(due) > 0 and not self._work.hurrying):
                self._nap(due, wakes)

    def _import_loop(self) -> None:
        db = self._account.store.connect()
        try:
            while not self._work.stopping:
                wakes = self._work.wakes
                try:
                    job = self._import_if_due(db)
                except Exception:
                    logger.exception("the end of an import of the sandbox could not be noted")
                    time.sleep(LONGEST_NAP)
                    continue
                if job is None or not self._is_due(job["due"]):
                    self._nap(None if job is None or self._work.held else job["due"], wakes)
        finally:
            db.close()

    def _import_if_due(self, db: Connection) -> Row | None:
        """Do the next import if its time has come; that import, or None where there is none."""
        if self._work.must_end:
            return None
        with self._work.importing:
            job = self._next_import()
            if job is not None and self._is_due(job["due"]):
                self._run(db, job)
        return job

    def _is_due(self, due: str) -> bool:
        return self._work.hurrying or (not self._work.held and self._seconds_to(due) <= 0)

    def _next_import(self) -> Row | None:
        with self._account.store.reading() as db:
            row: Row | None = db.execute(
                "SELECT * FROM import_job WHERE status = 'NotFinished' ORDER BY id LIMIT 1"
            ).fetchone()
        return row

    def _run(self, db: Connection, job: Row) -> None:
        counters: dict[str, int] = {}
        try:
            status = self._work.take_forced() or self._process(db, job, counters)
        except Stopped:
            return
        except (UnreadableFile, FileNotFoundError):
            status = "InvalidFileFormat"
        except Exception:
            logger.exception("an import of the sandbox failed")
            status = "Failed"
        if db.in_transaction:
            db.execute("ROLLBACK")
        with self._account.store.writing() as writer:
            writer.execute(
                "UPDATE import_job SET status = ?, finished = ?, counters = ? WHERE id = ?",
                (status, self._account.clock.text(), json.dumps(counters), job["id"]),
            )
        source_of(self._account, job).discard()

    def _go_on(self) -> None:
        if self._work.must_end:
            raise Stopped

    def _unless_stopped(self, rows: Iterator[StagedRow]) -> Iterator[StagedRow]:
        for row in rows:
            self._go_on()
            yield row

    def _process(self, db: Connection, job: Row, counters: dict[str, int]) -> str:
        """The status an import ends with, its counters filled in; raises :class:`Stopped`."""
        account = self._account
        if job["kind"] == "v3":
            counters.update(v3_imports.process(account, job, before_each=self._go_on))
            return "Finished"
        source = source_of(account, job)
        stage = Stage(db)
        stage.fill(self._unless_stopped(source.staged()))
        self._wait_for_volume(job, stage.rows)
        if stage.is_suspicious(account.switches.watchdog_share):
            return "RejectedByWatchdog"
        if self._exceeds_limit(stage):
            return "ExceedsAllowedContactLimit"
        books = json.loads(job["book_ids"])
        new = merge_stage(
            account, stage, import_id=job["id"], merge=job["merge"], book_ids=books, before_each=self._go_on
        )
        counters.update(report_of(stage, new))
        magento = account.switches.fault_reasons == "magento"
        keep_faults(account, stage, job["id"], source.numbered(), magento=magento)
        stage.clear()
        return "Finished"

    def _wait_for_volume(self, job: Row, rows: int) -> None:
        """Take the time that so many rows take."""
        rate = self._account.settings.import_rows_per_second
        due = parse_instant(job["due"])
        if rate and due:
            until = (due + timedelta(seconds=rows / rate)).isoformat()
            while not self._work.must_end and not self._is_due(until):
                self._nap(until, self._work.wakes)
        self._go_on()

    def _exceeds_limit(self, stage: Stage) -> bool:
        limit = self._account.settings.contact_limit
        if limit is None:
            return False
        with self._account.store.reading() as db:
            have: int = db.execute("SELECT count(*) FROM contact").fetchone()[0]
        return have + stage.new_contacts() > limit
