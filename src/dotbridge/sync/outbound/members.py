"""Who is on a list now, worked out once a run and kept in temporary tables of this session.

`export_member_N` holds the records of connection N that its rule matches and that have an address, one row a record:
`record_id`, `email`, `email_key`, `is_removed`, `is_unsubscribed`, `is_member` (neither), `place` among the records
with the same address, by key, and `is_primary`: of the members with one address the one with the lowest key is it,
always, so that they never take turns. Whether an address could be one is asked only where it matters: it takes time.
`export_departed_N` holds our notes about addresses that no member has any more: `item_id`, `email_key`, and whether
the person opted out (`is_opt_out`): then nothing may hold their removal up.
`export_candidate_N` holds whose values have to be worked out; see `plan`.

The tables live with the session and are emptied when a run is over, however it ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from dotbridge.connections.models import ListConnection
from dotbridge.consent.conditions import blocked_addresses, blocked_records, erased_addresses
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.lists.selectors import records_with_standing
from dotbridge.sync.context import StepContext
from dotbridge.sync.sql import compiled, key_type

# A run may wait for Dotdigital between two steps. Whoever left the list meanwhile is not to be sent.
SECONDS_CURRENT = 60.0
# Sorting and joining a million addresses in memory, not on disk: the database server's memory, not the worker's.
_ROOM = "SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true)"

_CREATE = (
    """
    CREATE TEMP TABLE IF NOT EXISTS export_member_{n} (
        record_id text, email text, email_key text COLLATE "C", is_removed boolean, is_unsubscribed boolean,
        is_member boolean GENERATED ALWAYS AS (NOT is_removed AND NOT is_unsubscribed) STORED,
        place integer, is_primary boolean
    )
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS export_departed_{n} (
        item_id bigint, email_key text COLLATE "C", is_opt_out boolean
    )
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS export_candidate_{n} (
        email_key text COLLATE "C", email text, record_id text, item_id bigint, is_mailable boolean
    )
    """,
)
_TABLES = "export_member_{n}, export_departed_{n}, export_candidate_{n}"
# Nearly every address belongs to one record; only where it does not, the records have to be put in order.
_FILL = """
    INSERT INTO export_member_{n} (record_id, email, email_key, is_removed, is_unsubscribed, place, is_primary)
    SELECT record_id, email, lower(email), is_removed, is_record_blocked, 1, NOT is_removed AND NOT is_record_blocked
    FROM ({matching} OFFSET 0) matching
    WHERE email IS NOT NULL
"""
_BLOCK = """
    UPDATE export_member_{n} k SET is_unsubscribed = true, is_primary = false
    FROM ({blocked} UNION SELECT email_key FROM export_member_{n} WHERE is_unsubscribed) b
    WHERE b.email_key = k.email_key AND NOT k.is_unsubscribed
"""
_BLOCK_ERASED = "UPDATE export_member_{n} k SET is_unsubscribed = true, is_primary = false WHERE {erased}"
_PLACE = """
    UPDATE export_member_{n} k
    SET place = v.place, is_primary = (v.is_member AND v.place = v.first_place) IS TRUE
    FROM (
        SELECT row, is_member, place, min(place) FILTER (WHERE is_member) OVER (PARTITION BY email_key) AS first_place
        FROM (
            SELECT ctid AS row, email_key, is_member,
                   row_number() OVER (PARTITION BY email_key ORDER BY record_id::{key_type}) AS place
            FROM export_member_{n}
            WHERE email_key IN (SELECT email_key FROM export_member_{n} GROUP BY 1 HAVING count(*) > 1)
        ) placed
    ) v
    WHERE v.row = k.ctid
"""
_FIND_DEPARTED = """
    INSERT INTO export_departed_{n}
    SELECT i.id, i.email_key,
           EXISTS (SELECT FROM ({blocked}) b WHERE b.email_key = i.email_key)
           OR EXISTS (SELECT FROM ({blocked_records}) b WHERE b.record_id = i.record_id)
    FROM dotbridge_sync_exportitem i
    WHERE i.connection_id = %s AND i.removal_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM export_member_{n} k WHERE k.is_member AND k.email_key = i.email_key)
"""
_OURS = """
    SELECT relname FROM pg_class
    WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND relname LIKE 'export\\_%\\_%'
"""


@contextmanager
def roomy_transaction() -> Iterator[None]:
    """A transaction whose statements may sort and join a million rows in memory."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ROOM)
        yield


def require_current_members(step: StepContext, link: ListConnection) -> None:
    """Have the tables show the list as it was at most a minute ago.

    Raises UnknownEntity, and RuleError for a rule that its entity does not understand any more.
    """
    evaluated_at = step.run.members_evaluated.get(link.pk)
    if evaluated_at is None or time.monotonic() - evaluated_at > SECONDS_CURRENT or not _are_there(link):
        step.run.members_evaluated[link.pk] = time.monotonic()
        evaluate_members(link)


def evaluate_members(link: ListConnection) -> None:
    """Work out who is on the list, and who left it. Raises as `require_current_members`."""
    matching = compiled(records_with_standing(link.marketing_list))
    with roomy_transaction(), connection.cursor() as cursor:
        for create in _CREATE:
            cursor.execute(create.format(n=link.pk))
        cursor.execute(f"TRUNCATE {_TABLES.format(n=link.pk)}")
        cursor.execute(_FILL.format(n=link.pk, matching=matching.sql), matching.parameters)
        cursor.execute(f"ANALYZE export_member_{link.pk}")
        _apply_consent(link)
        cursor.execute(_PLACE.format(n=link.pk, key_type=key_type(link)))
        find_departed(link)


def _apply_consent(link: ListConnection) -> None:
    """Nobody writes to an address that may not be mailed, whoever has it, nor to that of a record which may not be."""
    blocked = blocked_addresses(scopes_of_list(link.marketing_list_id))
    with connection.cursor() as cursor:
        cursor.execute(_BLOCK.format(n=link.pk, blocked=blocked.sql), blocked.parameters)
        if erased := erased_addresses("k.email_key"):
            cursor.execute(_BLOCK_ERASED.format(n=link.pk, erased=erased.sql), erased.parameters)


def mark_all_departed(link: ListConnection) -> None:
    """Have the tables show a list that nobody is on: all our notes are about somebody who left."""
    with transaction.atomic(), connection.cursor() as cursor:
        for create in _CREATE:
            cursor.execute(create.format(n=link.pk))
        cursor.execute(f"TRUNCATE {_TABLES.format(n=link.pk)}")
        find_departed(link)


def find_departed(link: ListConnection) -> None:
    """Fill `export_departed_N` from the table of members as it is now."""
    with roomy_transaction(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE export_departed_{link.pk}")
        scopes = scopes_of_list(link.marketing_list_id)
        statement = _FIND_DEPARTED.format(
            n=link.pk,
            blocked=blocked_addresses(scopes).sql,
            blocked_records=blocked_records(scopes, link.marketing_list.entity).sql,
        )
        cursor.execute(statement, [link.pk])
        cursor.execute(f"ANALYZE export_departed_{link.pk}")


def empty_tables() -> None:
    """Empty the temporary tables of this session; they stay, so that the next run need not make them again."""
    with connection.cursor() as cursor:
        cursor.execute(_OURS)
        if names := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(names)}")


def _are_there(link: ListConnection) -> bool:
    # A connection to the database that was lost took its tables with it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"pg_temp.export_member_{link.pk}"])
        return bool(cursor.fetchone()[0])
