"""A limit to how long the database works for somebody: what a page asks for, nobody else waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled


class TookTooLong(Exception):
    """A statement that was stopped because its time was up. Nothing that it did is kept."""

    def __init__(self, milliseconds: int) -> None:
        super().__init__(f"The database was stopped after {milliseconds / 1000:g} s.")
        self.milliseconds = milliseconds


@contextmanager
def statement_time_limit(milliseconds: int) -> Iterator[None]:
    """Let no statement inside take longer than this; within another limit the shorter one holds. A transaction.

    Raises TookTooLong in place of Django's OperationalError; what was written inside is rolled back.
    """
    if milliseconds < 1:
        raise ValueError("A time limit is at least one millisecond; the database takes 0 for none at all.")
    try:
        # The limit ends with the transaction also where the program does not come to the line that takes it back.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'")
            before = int(cursor.fetchone()[0])
            limit = min(milliseconds, before) if before else milliseconds
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(limit)])
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(before)])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong(milliseconds) from None
        raise
