"""No index costs every write and serves no read: what another index of the table begins with is there already."""

from __future__ import annotations

import pytest
from django.db import connection

# Of each index its columns in order, as long as it covers the whole table and only plain columns.
_REDUNDANT = """
    WITH whole AS (
        SELECT i.indexrelid, i.indrelid, i.indisunique, i.indkey::int2[] AS columns, i.indclass::oid[] AS classes,
               i.indcollation::oid[] AS collations, i.indnkeyatts AS number, m.amname
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid AND c.relkind = 'r'
        JOIN pg_class x ON x.oid = i.indexrelid
        JOIN pg_am m ON m.oid = x.relam
        WHERE (starts_with(c.relname, 'dotbridge_') OR starts_with(c.relname, 'crm_'))
          AND i.indpred IS NULL AND i.indexprs IS NULL
    )
    SELECT a.indexrelid::regclass::text, b.indexrelid::regclass::text
    FROM whole a JOIN whole b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid
    WHERE NOT a.indisunique AND a.amname = 'btree' AND b.amname = 'btree' AND b.number >= a.number
      -- Of both a slice, because its elements are counted from 1.
      AND b.columns[0:a.number - 1] = a.columns[0:a.number - 1]
      AND b.collations[0:a.number - 1] = a.collations[0:a.number - 1]
      AND b.classes[0:a.number - 1] = a.classes[0:a.number - 1]
    ORDER BY 1, 2
"""


def redundant() -> dict[str, str]:
    """Indexes that another one makes useless, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_REDUNDANT)
        return dict(cursor.fetchall())


@pytest.mark.django_db
def test_no_index_is_the_beginning_of_another() -> None:
    assert not redundant(), "\n".join(f"{a} is the beginning of {b}" for a, b in redundant().items())


@pytest.mark.django_db
def test_an_index_that_another_one_begins_with_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX too_many ON dotbridge_sync_step (run_id)")
    assert "too_many" in redundant() or "too_many" in redundant().values()
