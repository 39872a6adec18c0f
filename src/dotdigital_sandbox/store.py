"""The account's memory: one SQLite file in WAL mode, many readers, one writer at a time."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path


class Store:
    """A pool of connections to the account's file.

    Readers see one snapshot for the length of a ``reading()`` block; ``writing()`` blocks take turns and
    commit as a whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._turn = threading.Lock()
        self.generation = 0
        self._writer = self.connect()
        self._writer.executescript(_statements("schema.sql"))
        self._writer.executescript(_statements("schema_campaigns.sql"))
        self._writer.executescript(_statements("schema_more.sql"))

    def connect(self) -> sqlite3.Connection:
        """A new connection, in autocommit, that any thread may use but only one at a time."""
        db = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=512
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -32000")
        return db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one unchanging snapshot."""
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            db = self.connect()
        try:
            db.execute("BEGIN")
            yield db
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            self._idle.put(db)

    @contextmanager
    def writing(self, db: sqlite3.Connection | None = None) -> Iterator[sqlite3.Connection]:
        """The turn to write: all that is done inside is committed at the end, or nothing after an exception.

        A caller with a connection of its own (the importer, for its temporary tables) may pass it.
        """
        with self._turn:
            db = db or self._writer
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            self.generation += 1

    def replace_by(self, source: sqlite3.Connection) -> None:
        """Take over everything from another account's file."""
        with self._turn:
            source.backup(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")
            self.generation += 1

    def close(self) -> None:
        """Close every connection; the account can be opened again from its file."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                break
        with self._turn:
            self._writer.close()


def _statements(name: str) -> str:
    return resources.files("dotdigital_sandbox").joinpath(name).read_text(encoding="utf-8")
