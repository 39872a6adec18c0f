"""The writers of what has to be compared."""

from __future__ import annotations

from django.db import connection
from django.db.models import DateTimeField, Func, QuerySet

from dotbridge.mapping.models import Mapping

# Both lock the rows in the order of the key, as `take_changes` does, so that no two wait for each other.
_CLAIM = """
    WITH waiting AS (
        SELECT record_id FROM dotbridge_mapping_dirtyrecord WHERE mapping_id = %(mapping)s AND NOT is_claimed
        ORDER BY record_id FOR UPDATE
    )
    UPDATE dotbridge_mapping_dirtyrecord d SET is_claimed = true FROM waiting w
    WHERE d.mapping_id = %(mapping)s AND d.record_id = w.record_id
"""
_FORGET = """
    WITH compared AS (
        SELECT record_id FROM dotbridge_mapping_dirtyrecord WHERE mapping_id = %(mapping)s AND is_claimed
        ORDER BY record_id FOR UPDATE
    )
    DELETE FROM dotbridge_mapping_dirtyrecord d USING compared c
    WHERE d.mapping_id = %(mapping)s AND d.record_id = c.record_id
"""


def mark_stale(*, mappings: QuerySet[Mapping]) -> int:
    """Have the next export compare the values of all members. Answers how many mappings were marked."""
    # By the clock and not by the transaction's beginning, so that a mark never looks like one that was seen before.
    return mappings.update(stale_at=Func(function="clock_timestamp", output_field=DateTimeField()))


def claim_dirty_records(*, mapping: Mapping) -> None:
    """Claim what is known to have changed: the comparison that begins now will have looked at it.

    Only the run that holds the integration's lock may. Between this and `forget_claimed_records` there may be any
    number of transactions. A comparison that is given up loses nothing: the next one finds the same and more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"mapping": mapping.pk})


def forget_claimed_records(*, mapping: Mapping) -> int:
    """Forget what was compared. A record that changed since it was claimed stays. Answers how many were forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"mapping": mapping.pk})
        return int(cursor.rowcount)
