"""The account's memory: one SQLite file in WAL mode, many readers, one writer at a time."""

from __future__ import annotations

import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

# For another program that has the file.
WAIT_SECONDS = 30
SCHEMAS = ("schema.sql", "schema_campaigns.sql", "schema_more.sql", "schema_events.sql")


class ForeignState(OSError):
    """The file holds an account of another version, which this one cannot read."""


class Snapshot(sqlite3.Connection):
    """A connection that knows after how many changes of the account it was begun: see :meth:`Store.reading`."""

    generation = 0


class Store:
    """A pool of connections to the account's file.

    Readers see one snapshot for the length of a ``reading()`` block; ``writing()`` blocks take turns and
    commit as a whole. ``now`` is what the file's triggers take for the present instant.
    """

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self.path = path
        self._now = now
        self._idle: queue.LifoQueue[Snapshot] = queue.LifoQueue()
        self._turn = threading.Lock()
        # Odd while a change is being made to be seen.
        self._generation = 0
        self._changed = threading.Lock()
        try:
            self._writer = self.connect()
            held = _columns(self._writer)
        except sqlite3.DatabaseError as error:
            is_none = error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
            raise ForeignState(f"{path} {'is no SQLite file' if is_none else f'cannot be read, {error}'}") from None
        if held and held != expected_columns():
            self._writer.close()
            raise ForeignState(f"{path} was made by another version of the sandbox")
        _create(self._writer)

    def connect(self) -> Snapshot:
        """A new connection, in autocommit, that any thread may use but only one at a time."""
        db = sqlite3.connect(
            self.path,
            isolation_level=None,
            check_same_thread=False,
            timeout=WAIT_SECONDS,
            cached_statements=512,
            factory=Snapshot,
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -32000")
        # What the triggers of the file ask for: see event_triggers.py.
        db.create_function("account_now", 0, self._now)
        db.create_function("text_uuid", 1, _text_uuid, deterministic=True)
        return db

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """A connection that sees one unchanging snapshot."""
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            db = self.connect()
        try:
            self._take_snapshot(db)
            yield db
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            self._idle.put(db)

    def _take_snapshot(self, db: Snapshot) -> None:
        """Begin to read what no change was made to meanwhile, so that its generation is known."""
        while True:
            db.generation = self._generation
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM sqlite_master LIMIT 1")
            if db.generation == self._generation and not db.generation % 2:
                return
            db.execute("ROLLBACK")
            with self._changed:
                pass

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._changed:
            self._generation += 1
            try:
                yield
            finally:
                self._generation += 1

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
                with self._changing():
                    db.execute("COMMIT")
            except BaseException:
                # Where the disk is full, SQLite may have done so of itself, or left a COMMIT undone.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def replace_by(self, source: sqlite3.Connection) -> None:
        """Take over everything from another account's file; raises :class:`ForeignState` when it is none of ours."""
        if _columns(source) != expected_columns():
            raise ForeignState("it is no account of this version")
        with self._turn, self._changing():
            source.backup(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close every connection; the account can be opened again from its file."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                break
        with self._turn:
            self._writer.close()


def _text_uuid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))


def _statements(name: str) -> str:
    return resources.files("dotdigital_sandbox").joinpath(name).read_text(encoding="utf-8")


def _create(db: sqlite3.Connection) -> None:
    for name in SCHEMAS:
        db.executescript(_statements(name))


@cache
def expected_columns() -> frozenset[tuple[str, str]]:
    """Table and column names of an account of this version."""
    with closing(sqlite3.connect(":memory:")) as db:
        _create(db)
        return _columns(db)


def _columns(db: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Table and column names of a database."""
    names = db.execute(
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c "
        "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    )
    return frozenset((table, column) for table, column in names)
