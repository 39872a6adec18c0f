"""How PostgreSQL is to plan the statements of an import."""

from __future__ import annotations

from django.db import connection

# PostgreSQL cannot know how small a batch is, because a temporary table has no statistics.
_SETTINGS = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"


def prefer_index_lookups() -> None:
    """For the rest of this transaction, have a batch find what it joins through indexes.

    A batch is small beside the tables it meets, whose every row a hash or merge join would read again for each batch.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
