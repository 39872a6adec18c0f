"""From the change log to the records that have to be compared."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import DataError, ProgrammingError, connection, transaction
from psycopg import sql

from dotbridge.mapping.tracking.installing import install_tracking
from dotbridge.mapping.tracking.models import Change
from dotbridge.mapping.tracking.plan import RecordRoute, TrackingPlan, current_plan
from dotbridge.mapping.tracking.relations import Hop

log = structlog.get_logger(__name__)

# A chunk ends at so many rows of the log, or after the row with which it has so many keys.
ROWS_AT_ONCE, KEYS_AT_ONCE = 50_000, 200_000

# Whoever else takes changes at the same time takes other rows. There is no "from here on": a transaction that began
# long ago may note its changes only now. What is taken and not stored, because the worker died, is there again. A
# record that waits already is locked but not written to, so that a comparison that just claims it leaves it dirty.
_TAKE = """
    WITH chosen AS MATERIALIZED (
        SELECT id, keys FROM dotbridge_mapping_change ORDER BY id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ), counted AS (
        SELECT id, sum(coalesce(cardinality(keys), 1)) OVER (ORDER BY id) - coalesce(cardinality(keys), 1) AS before
        FROM chosen
    ), taken AS (
        DELETE FROM dotbridge_mapping_change c USING counted n WHERE c.id = n.id AND n.before < %(keys)s
        RETURNING c.source, c.origin, c.keys
    ), changed AS MATERIALIZED (
        SELECT DISTINCT source, origin, key FROM taken CROSS JOIN unnest(keys) AS key
    ), reached (route, record_id, origin) AS (
        {reached}
    ), interested (route, source, is_lost, mapping_id, integration_id, includes_own_writes) AS (
        {interested}
    ), stored AS (
        INSERT INTO dotbridge_mapping_dirtyrecord AS d (mapping_id, record_id)
        SELECT DISTINCT l.mapping_id, r.record_id
        FROM reached r
        JOIN interested l ON l.route = r.route AND (l.includes_own_writes OR l.integration_id IS DISTINCT FROM r.origin)
        JOIN dotbridge_mapping_mapping m ON m.id = l.mapping_id
        ORDER BY 1, 2
        ON CONFLICT (mapping_id, record_id) DO UPDATE SET is_claimed = false WHERE d.is_claimed
        RETURNING 1
    ), marked AS (
        UPDATE dotbridge_mapping_mapping SET stale_at = clock_timestamp() WHERE id IN (
            SELECT id FROM dotbridge_mapping_mapping
            WHERE id IN (SELECT l.mapping_id FROM taken t JOIN interested l ON l.source = t.source
                         WHERE t.keys IS NULL OR l.is_lost)
            ORDER BY id FOR UPDATE
        )
    )
    SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM stored)
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How many rows of the change log were taken, and how many records are dirty for it that were not before."""

    changes: int = 0
    records: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(changes=self.changes + other.changes, records=self.records + other.records)


def collect_changes() -> Taken:
    """Bring the triggers in step with the mappings and the host's tables, then take what they have noted."""
    install_tracking()
    return take_changes()


def take_changes() -> Taken:
    """Turn the whole change log into dirty records, one statement a chunk. Any number of workers may do it at once.

    Related rows lead to all records they belong to: a renamed account to its contacts. Each mapping gets the records
    that it has to look at; what its own account wrote into a record is no news to it.
    """
    total = Taken()
    plan = current_plan()
    while (taken := _take_any_chunk(plan)).changes:
        total += taken
    return total


def _take_any_chunk(plan: TrackingPlan) -> Taken:
    try:
        with transaction.atomic():
            return take_chunk(plan)
    except DataError:
        # The host gave a key another type since it was noted, numbers in place of texts: whom it named is not known.
        log.warning("keys in the change log are of another type by now: everything is compared")
        followed = {route.source for route in plan.routes.values() if route.hops}
        Change.objects.filter(source__in=followed).update(keys=None)
    except ProgrammingError as error:
        # A host's table that was not migrated yet, say. The changes of all others are none the less taken.
        lost = [route for route in plan.routes.values() if not _can_be_followed(route)]
        if not lost:
            raise
        kind = type(error.__cause__ or error).__name__
        for route in lost:
            log.warning("changes cannot be followed to the records", source=route.source, error=kind)
            route.is_lost = True
    return take_chunk(plan)


def _can_be_followed(route: RecordRoute) -> bool:
    nothing = "WITH changed (source, origin, key) AS (SELECT ''::text, 0::bigint, ''::text WHERE false) {branch}"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL(nothing).format(branch=_branch(0, route)))
    except ProgrammingError:
        return False
    return True


def take_chunk(plan: TrackingPlan, *, rows: int = ROWS_AT_ONCE, keys: int = KEYS_AT_ONCE) -> Taken:
    """The next part of the change log. It is a transaction of its own unless one is open."""
    routes = list(plan.routes.values())
    statement = sql.SQL(_TAKE).format(reached=_reached(routes), interested=_interested(routes))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": rows, "keys": keys})
        changes, records = cursor.fetchone()
    return Taken(changes=changes, records=records)


def _reached(routes: Sequence[RecordRoute]) -> sql.Composable:
    nothing = sql.SQL("SELECT NULL::int, NULL::text, NULL::bigint WHERE false")
    followed = (_branch(number, route) for number, route in enumerate(routes) if not route.is_lost)
    return sql.SQL(" UNION ALL ").join([nothing, *followed])


def _branch(number: int, route: RecordRoute) -> sql.Composed:
    """The records of an entity that changed keys of one source lead to."""
    names = {"route": sql.Literal(number), "source": sql.Literal(route.source)}
    pk = str(route.owner.model._meta.pk.column)
    if not route.hops or (len(route.hops) == 1 and _holds_key_of_record(route.hops[0], pk)):
        return sql.SQL("SELECT {route}, c.key, c.origin FROM changed c WHERE c.source = {source}").format(**names)
    models = [route.owner.model, *(hop.model for hop in route.hops)]
    joins: list[sql.Composable] = [sql.SQL("FROM changed c")]
    value: sql.Composable = sql.SQL("c.key::{}").format(sql.SQL(route.hops[-1].from_type))
    for level in reversed(range(len(route.hops))):
        # From the table that changed back to the record: who has, on this side, the value that is on the other.
        joins.append(
            sql.SQL("JOIN {table} {alias} ON {alias}.{column} = {value}").format(
                table=sql.SQL(connection.ops.quote_name(models[level]._meta.db_table)),
                alias=sql.Identifier(f"t{level}"),
                column=sql.Identifier(route.hops[level].from_column),
                value=value,
            )
        )
        value = sql.Identifier(f"t{level}", route.hops[level - 1].to_column)
    return sql.SQL("SELECT {route}, t0.{pk}::text, c.origin {joins} WHERE c.source = {source}").format(
        **names, pk=sql.Identifier(pk), joins=sql.SQL(" ").join(joins)
    )


def _holds_key_of_record(hop: Hop, pk: str) -> bool:
    """Whether what the log has of this table is the record's own key, so that there is nothing to look up."""
    return hop.from_column == pk and hop.to_column != hop.model._meta.pk.column


def _interested(routes: Sequence[RecordRoute]) -> sql.Composable:
    """Which mapping has to look at what comes by which route."""
    rows = [
        sql.SQL("({}, {}, {}, {}, {}, {})").format(
            *map(sql.Literal, (number, route.source, route.is_lost, *mapping)),
        )
        for number, route in enumerate(routes)
        for mapping in route.interested.values()
    ]
    nothing = sql.SQL("(NULL::int, NULL::text, NULL::boolean, NULL::bigint, NULL::bigint, NULL::boolean)")
    return sql.SQL("VALUES {}").format(sql.SQL(", ").join([nothing, *rows]))
