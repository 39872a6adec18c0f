"""A limit to how long the database works for somebody: what a page asks for, nobody else waits for.

Inside, reading by an index counts as hardly dearer than reading in order, as it is for what is in memory or on a disk
without moving parts. PostgreSQL's own setting is for a disk that turns, by which it reads a table of a hundred opt-outs
whole for each of 20,000 people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, DataError, ProgrammingError, connection, transaction
from psycopg.errors import QueryCanceled

from dotbridge.errors import causes_of

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
# An earlier limit is read and the shorter one set by one statement: what pages ask for is counted.
_LIMIT = """
    SELECT before, page_cost,
           set_config('statement_timeout', CASE WHEN before = 0 THEN %(limit)s ELSE least(before, %(limit)s) END::text,
                      true),
           set_config('random_page_cost', least(page_cost, %(page_cost)s)::text, true)
    FROM (SELECT setting::integer AS before, current_setting('random_page_cost')::float AS page_cost
          FROM pg_settings WHERE name = 'statement_timeout' OFFSET 0) held
"""
_AS_BEFORE = "SELECT set_config('statement_timeout', %s, true), set_config('random_page_cost', %s, true)"
_PAGE_COST = 1.1


class TookTooLong(Exception):
    """A statement that was stopped because its time was up. Nothing that it did is kept."""

    def __init__(self, milliseconds: int) -> None:
        super().__init__(f"The database was stopped after {milliseconds / 1000:g} s.")
        self.milliseconds = milliseconds


class StatementRefused(Exception):
    """A statement that the database could not work out: a division by zero, a column that is not there. Nothing that it
    did is kept. `kind` says what it was in words, without a value of anybody's record."""

    def __init__(self, error: DatabaseError) -> None:
        self.kind = _WORDS.sub(" ", type(error.__cause__ or error).__name__).lower()
        super().__init__(self.kind)


@contextmanager
def statement_time_limit(milliseconds: int) -> Iterator[None]:
    """Let no statement inside take longer than this; within another limit the shorter one holds. A transaction.

    Raises TookTooLong and StatementRefused in place of Django's DatabaseError; what was written inside is rolled back.
    """
    if milliseconds < 1:
        raise ValueError("A time limit is at least one millisecond; the database takes 0 for none at all.")
    # The limit ends with the transaction; in one that goes on it is taken back.
    goes_on = connection.in_atomic_block
    try:
        with refused_statements(), connection.cursor() as cursor:
            cursor.execute(_LIMIT, {"limit": milliseconds, "page_cost": _PAGE_COST})
            before, page_cost = cursor.fetchone()[:2]
            yield
            if goes_on:
                cursor.execute(_AS_BEFORE, [str(before), str(page_cost)])
    except (DatabaseError, StatementRefused) as error:
        if _was_cancelled(error):
            raise TookTooLong(milliseconds) from None
        raise


@contextmanager
def refused_statements() -> Iterator[None]:
    """A transaction, for statements that cannot take long. Raises StatementRefused where the database refuses one."""
    try:
        with transaction.atomic():
            yield
    except (DataError, ProgrammingError) as error:
        raise StatementRefused(error) from error


def _was_cancelled(error: BaseException) -> bool:
    """Whether a statement was cancelled, also where what tidies up after it failed for that reason alone."""
    return any(isinstance(cause, QueryCanceled) for cause in causes_of(error))
