"""The writers of what has to be compared."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import Case, DateTimeField, F, Func, QuerySet, When

from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.selectors import Standing, standing_of

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


def begin_comparison(*, mapping: Mapping) -> Standing:
    """Claim the dirty records of a mapping, and answer what has to be compared from now on.

    Only the run that holds the integration's lock may begin. Between this and `finish_comparison` there may be any
    number of transactions. A comparison that is given up loses nothing: the next one finds the same and more.
    Raises UnknownEntity when its entity is not registered any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"mapping": mapping.pk})
    return standing_of(mapping)


@transaction.atomic
def finish_comparison(*, standing: Standing) -> int:
    """Forget what was compared: the claimed records, and the mark that everything has to be.

    A record that changed since the comparison began stays, and so does a mark that was set since. Answers how many
    records were forgotten.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"mapping": standing.mapping_id})
        forgotten = int(cursor.rowcount)
    if standing.compares_everything:
        Mapping.objects.filter(pk=standing.mapping_id).update(
            compared_as=standing.digest,
            stale_at=Case(When(stale_at=standing.stale_at, then=None), default=F("stale_at")),
        )
    return forgotten
