"""Who is on the lists now, worked out once a run and kept in temporary tables of this session.

One set of tables serves all lists of a run; each row says whose it is by `connection_id`.

`export_member` holds the records that a list's rule matches and that have an address, one row a record:
`record_id`, `email`, `email_key`, `is_removed`, `is_unsubscribed`, `is_member` (neither), `place` among the records
with the same address, by key, and `is_primary`: of the members with one address the one with the lowest key is it,
always, so that they never take turns. Whether an address could be one is asked only where it matters: it takes time.
`export_departed` holds our notes about addresses that no member has any more: `item_id`, `email_key`, and whether the
person opted out, or somebody who has the address by now (`is_opt_out`): then nothing may hold their removal up. Who
leaves the book also while Dotdigital does not mail them (`leaves_unmailed`) has opted out here, because what is said
there may be taken back there; or it is the whole list that goes, and nobody would be left to take them out later.
`export_candidate` holds whose values have to be worked out; see `outgoing`. It holds one list at a time.

A function that reads them takes an `EvaluatedMembers`, which says whose rows they hold, and since when. The tables live
with the session and are emptied when a run is over, however it ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, blocked_records, erased_addresses
from dotbridge.consent.scopes import ListScopes
from dotbridge.consent.shared import keep_shared_addresses
from dotbridge.entities.sql import compiled
from dotbridge.lists.selectors import records_with_standing, roomy_transaction
from dotbridge.sync.context import StepContext
from dotbridge.sync.sql import key_type

# A run may wait for Dotdigital between two steps. Whoever left the list meanwhile is not to be sent.
SECONDS_CURRENT = 60.0

# The planner learns how many rows a list has by a small sample; the whole is looked at anew when it has grown by more
# than a tenth. What joins the members with themselves does not ask it: see `_HAS_GROWN`.
_CREATE = """
    CREATE TEMP TABLE export_member (
        connection_id bigint, record_id text, email text, email_key text COLLATE "C", is_removed boolean,
        is_unsubscribed boolean, is_member boolean GENERATED ALWAYS AS (NOT is_removed AND NOT is_unsubscribed) STORED,
        place integer, is_primary boolean
    );
    CREATE INDEX ON export_member (connection_id);
    ALTER TABLE export_member ALTER connection_id SET STATISTICS 10, ALTER email_key SET STATISTICS 10;
    CREATE TEMP TABLE export_departed (
        connection_id bigint, item_id bigint, email_key text COLLATE "C", is_opt_out boolean, leaves_unmailed boolean
    );
    CREATE INDEX ON export_departed (connection_id);
    CREATE TEMP TABLE export_candidate (
        connection_id bigint, email_key text COLLATE "C", email text, record_id text, item_id bigint,
        is_mailable boolean, is_handed_over boolean
    )
"""
_TABLES = ("export_member", "export_departed", "export_candidate")
_ARE_THERE = "SELECT to_regclass('pg_temp.export_member') IS NOT NULL"
# A nested loop over members without an index on their address never ends, whatever the planner believes of a list that
# it has not looked at yet.
_WITHOUT_LOOPS = "SELECT set_config('enable_nestloop', %s, true)"
_WITHOUT_LOOPS_AND_HAS_GROWN = """
    SELECT set_config('enable_nestloop', 'off', true), %s > 0.1 * greatest(reltuples, 0)
    FROM pg_class WHERE oid = 'pg_temp.export_member'::regclass
"""
# Nearly every address belongs to one record; only where it does not, the records have to be put in order.
_FILL = """
    INSERT INTO export_member
        (connection_id, record_id, email, email_key, is_removed, is_unsubscribed, place, is_primary)
    SELECT %s, record_id, email, lower(email), is_removed, is_record_blocked, 1,
           NOT is_removed AND NOT is_record_blocked
    FROM ({matching} OFFSET 0) matching
    WHERE email IS NOT NULL
"""
_BLOCK = """
    UPDATE export_member k SET is_unsubscribed = true, is_primary = false
    FROM ({blocked}) b
    WHERE k.connection_id = %(connection)s AND b.email_key = k.email_key AND NOT k.is_unsubscribed
"""
_BLOCK_ERASED = """
    UPDATE export_member k SET is_unsubscribed = true, is_primary = false
    WHERE k.connection_id = %s AND {erased}
"""
# Whom a record that may not be mailed keeps from it because they share its address.
_SHARED = """
    SELECT k.record_id, k.email_key FROM export_member k
    WHERE k.connection_id = %(connection)s AND k.is_unsubscribed
      AND EXISTS (SELECT FROM export_member o
                  WHERE o.connection_id = %(connection)s AND o.email_key = k.email_key AND NOT o.is_unsubscribed)
"""
_UNSUBSCRIBED = """
    SELECT email_key FROM export_member WHERE connection_id = %(connection)s AND is_unsubscribed
"""
_PLACE = """
    UPDATE export_member k
    SET place = v.place, is_primary = (v.is_member AND v.place = v.first_place) IS TRUE
    FROM (
        SELECT row, is_member, place, min(place) FILTER (WHERE is_member) OVER (PARTITION BY email_key) AS first_place
        FROM (
            SELECT ctid AS row, email_key, is_member,
                   row_number() OVER (PARTITION BY email_key ORDER BY record_id::{key_type}) AS place
            FROM export_member
            WHERE connection_id = %(connection)s
              AND email_key IN (SELECT email_key FROM export_member WHERE connection_id = %(connection)s
                                GROUP BY 1 HAVING count(*) > 1)
        ) placed
    ) v
    WHERE k.connection_id = %(connection)s AND v.row = k.ctid
"""
_FIND_DEPARTED = """
    INSERT INTO export_departed (connection_id, item_id, email_key, is_opt_out, leaves_unmailed)
    SELECT i.connection_id, i.id, i.email_key,
           EXISTS (SELECT FROM ({blocked}) b WHERE b.email_key = i.email_key)
           OR EXISTS (SELECT FROM ({blocked_records}) b WHERE b.record_id = i.record_id),
           EXISTS (SELECT FROM ({blocked_here}) b WHERE b.email_key = i.email_key)
           OR EXISTS (SELECT FROM ({blocked_records_here}) b WHERE b.record_id = i.record_id)
    FROM dotbridge_sync_exportitem i
    WHERE i.connection_id = %(connection)s AND i.removal_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM export_member k
                      WHERE k.connection_id = %(connection)s AND k.is_member AND k.email_key = i.email_key)
"""

_FIND_OPTED_OUT = """
    INSERT INTO export_departed (connection_id, item_id, email_key, is_opt_out, leaves_unmailed)
    SELECT i.connection_id, i.id, i.email_key, true,
           i.email_key IN ({blocked_here}) OR i.record_id IN ({blocked_records_here})
    FROM dotbridge_sync_exportitem i
    WHERE i.connection_id = %(connection)s AND i.removal_id IS NULL
      AND (i.email_key IN ({blocked}) OR i.record_id IN ({blocked_records}))
"""


@dataclass(frozen=True, kw_only=True)
class EvaluatedMembers:
    """Says that the tables of this session hold the members of a list, and whom of ours it has lost.

    `departed` is how many of ours it has lost: where nobody is, no statement has to look for them. `evaluated_at` is on
    the monotonic clock. `session` is the connection to the database that has the tables: with another one they are
    gone.
    """

    link: ListConnection
    departed: int
    evaluated_at: float
    session: object

    @property
    def is_current(self) -> bool:
        """Whether this is at most a minute ago, and the tables are still there."""
        return self.session is connection.connection and time.monotonic() - self.evaluated_at <= SECONDS_CURRENT


def require_current_members(step: StepContext, link: ListConnection) -> EvaluatedMembers:
    """Have the tables show the list as it was at most a minute ago.

    Raises UnknownEntity, and RuleError for a rule that its entity does not understand any more.
    """
    evaluated = step.run.members_evaluated
    found = evaluated.get(link.pk)
    if found is not None and found.is_current:
        return found
    if found is not None or not any(each.session is connection.connection for each in evaluated.values()):
        # The lists that were worked out before this one are as old, and an emptied table is faster than a swept one.
        forget_members(step)
    evaluated[link.pk] = evaluate_members(link)
    return evaluated[link.pk]


def forget_members(step: StepContext) -> None:
    """Empty the tables, for all lists."""
    step.run.members_evaluated.clear()
    empty_tables()


def evaluate_members(link: ListConnection) -> EvaluatedMembers:
    """Work out who is on the list, and who left it. The tables must hold nothing of it. Raises as
    `require_current_members`."""
    scopes = scopes_of_connection(link)
    matching = compiled(records_with_standing(link.marketing_list, scopes))
    began = time.monotonic()
    with roomy_transaction(), connection.cursor() as cursor:
        _make_tables()
        cursor.execute(_FILL.format(matching=matching.sql), [link.pk, *matching.parameters])
        filled = cursor.rowcount
        cursor.execute(_WITHOUT_LOOPS_AND_HAS_GROWN, [filled])
        if cursor.fetchone()[1]:
            cursor.execute("ANALYZE export_member (connection_id, email_key)")
        _apply_consent(link, scopes)
        if filled:
            cursor.execute(_PLACE.format(key_type=key_type(link)), {"connection": link.pk})
        departed = _find_departed(link, scopes)
        if connection.savepoint_ids:
            # A transaction of its own takes the setting with it.
            cursor.execute(_WITHOUT_LOOPS, ["on"])
    return EvaluatedMembers(link=link, departed=departed, evaluated_at=began, session=connection.connection)


def _apply_consent(link: ListConnection, scopes: ListScopes) -> None:
    """Nobody writes to an address that may not be mailed, whoever has it, nor to that of a record which may not be."""
    of_list = {"connection": link.pk}
    with connection.cursor() as cursor:
        cursor.execute(_BLOCK.format(blocked=blocked_addresses(scopes)), of_list)
        keep_shared_addresses(scopes, link.marketing_list.entity, shared=_SHARED, parameters=of_list)
        cursor.execute(_BLOCK.format(blocked=_UNSUBSCRIBED), of_list)
        if erased := erased_addresses("k.email_key"):
            cursor.execute(_BLOCK_ERASED.format(erased=erased.sql), [link.pk, *erased.parameters])


def mark_all_departed(step: StepContext, link: ListConnection) -> EvaluatedMembers:
    """Have the tables show a list that nobody is on: all our notes are about somebody who left."""
    forget_members(step)
    _make_tables()
    began = time.monotonic()
    with roomy_transaction(without_loops=True), connection.cursor() as cursor:
        departed = _find_departed(link, scopes_of_connection(link))
        # The tables hold nothing of any other list.
        cursor.execute("UPDATE export_departed SET leaves_unmailed = true")
    return EvaluatedMembers(link=link, departed=departed, evaluated_at=began, session=connection.connection)


def mark_opted_out(step: StepContext, link: ListConnection) -> EvaluatedMembers:
    """Have the tables show a list that is not worked out: whoever may not be mailed has left it.

    Its rule is not asked, so this goes of every list. Of all others nobody knows.
    """
    forget_members(step)
    _make_tables()
    began = time.monotonic()
    with roomy_transaction(without_loops=True):
        departed = _find_departed(link, scopes_of_connection(link), _FIND_OPTED_OUT)
    return EvaluatedMembers(link=link, departed=departed, evaluated_at=began, session=connection.connection)


def _find_departed(link: ListConnection, scopes: ListScopes, query: str = _FIND_DEPARTED) -> int:
    """Fill `export_departed` from the table of members as it is now; answers how many there are."""
    entity, here = link.marketing_list.entity, ListScopes(list_id=scopes.list_id)
    statement = query.format(
        blocked=blocked_addresses(scopes, with_shared=True),
        blocked_records=blocked_records(scopes, entity),
        blocked_here=blocked_addresses(here, with_shared=True),
        blocked_records_here=blocked_records(here, entity),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"connection": link.pk})
        found = int(cursor.rowcount)
        if found:
            cursor.execute("ANALYZE export_departed")
    return found


def empty_tables() -> None:
    """Empty the temporary tables of this session; they stay, so that the next run need not make them again."""
    if _are_there():
        for table in _TABLES:
            empty_table(table)


def empty_table(table: str) -> None:
    """Empty one of them. To truncate an empty table takes longer than to see that it is empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s) > 0", [f"pg_temp.{table}"])
        if cursor.fetchone()[0]:
            cursor.execute(f"TRUNCATE {table}")


def _make_tables() -> None:
    if not _are_there():
        with connection.cursor() as cursor:
            cursor.execute(_CREATE)


def _are_there() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ARE_THERE)
        return bool(cursor.fetchone()[0])
