"""Putting the triggers where the mappings need them, and taking them away where nobody does any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from dotbridge.lock_keys import LOCK_KEY
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.models import Change
from dotbridge.mapping.tracking.plan import TrackingPlan, current_plan
from dotbridge.mapping.tracking.services import mark_stale
from dotbridge.mapping.tracking.triggers import (
    FUNCTION_PREFIX,
    TRIGGERS,
    create_function,
    create_trigger,
    function_body,
    function_name,
    table_name,
)

log = structlog.get_logger(__name__)

# So long everybody who writes to a busy table waits behind us. Then we give way, and try again with the next job.
LONGEST_WAIT = "2s"

_SCHEMA = """
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass('dotbridge_mapping_change')
"""
_INSTALLED = """
    SELECT p.proname, p.prosrc, coalesce(t.tgrelid::bigint, 0),
           count(t.oid) FILTER (WHERE t.tgname = ANY(%s) AND t.tgenabled <> 'D')
    FROM pg_proc p LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
    WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND starts_with(p.proname, %s)
    GROUP BY p.oid, t.tgrelid
"""


@dataclass(kw_only=True)
class Installation:
    """Which tables got or lost their triggers, and which have to wait because they were busy or it was refused."""

    installed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)


def install_tracking() -> Installation:
    """Bring the triggers in step with the mappings. Does nothing, in a few reads, when they are.

    A mapping whose table gets other triggers is marked as stale, because what happened before was not noted. What
    cannot be done now, for a table that is busy, is logged and left to the next call.
    """
    done = Installation()
    schema = _schema()
    if schema is None:
        return done
    plan = current_plan()
    for name in sorted(untriggered_tables(plan)):
        with _reported(done, name):
            _install(name, schema)
            done.installed.append(name)
    wanted = {function_name(name) for name in plan.tables}
    for function in sorted(set(_installed(schema)) - wanted):
        with _reported(done, function):
            _remove(function, schema)
            done.removed.append(function)
    return done


def install_after_commit() -> None:
    """Bring the triggers in step once this transaction has changed the mappings."""
    if not any(_install_quietly in waiting for waiting in connection.run_on_commit):
        transaction.on_commit(_install_quietly, robust=True)


def untriggered_tables(plan: TrackingPlan) -> set[str]:
    """The tables of the plan that lack their triggers, have them switched off, or have those of another plan."""
    schema = _schema()
    if schema is None or not plan.tables:
        return set(plan.tables)
    with connection.cursor() as cursor:
        quoted = [connection.ops.quote_name(name) for name in plan.tables]
        cursor.execute("SELECT to_regclass(name)::bigint FROM unnest(%s::text[]) AS t(name)", [quoted])
        relations = dict(zip(plan.tables, (int(row[0]) for row in cursor.fetchall()), strict=True))
    installed = _installed(schema)
    wanted = {
        name: _Installed(function_body(table, schema), frozenset({(relations[name], len(TRIGGERS))}))
        for name, table in plan.tables.items()
    }
    return {name for name, each in wanted.items() if installed.get(function_name(name)) != each}


class _Installed(NamedTuple):
    source: str
    triggers: frozenset[tuple[int, int]]


def _installed(schema: str) -> dict[str, _Installed]:
    """Each function of ours that there is, with its source, and on which table it has how many of its triggers."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED, [list(TRIGGERS.values()), schema, FUNCTION_PREFIX])
        found: dict[str, _Installed] = {}
        for function, source, relation, number in cursor.fetchall():
            former = found.get(function, _Installed(source, frozenset()))
            found[function] = _Installed(source, former.triggers | {(relation, number)})
        return found


def _schema() -> str | None:
    """The schema of the change log; None before it is made."""
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
        row = cursor.fetchone()
    return row and str(row[0])


def _install(name: str, schema: str) -> None:
    # Whoever comes second works with what the mappings are by then.
    table = current_plan().tables.get(name)
    if table is None:
        return
    with connection.cursor() as cursor:
        # Nobody may be in the middle of a write: it would be neither noted nor seen by the comparison.
        cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table_name(table)))
        cursor.execute(create_function(table, schema))
        for event in TRIGGERS:
            cursor.execute(create_trigger(table, schema, event))
    mark_stale(mappings=Mapping.objects.filter(pk__in=table.mapping_ids))


def _remove(function: str, schema: str) -> None:
    plan = current_plan()
    if function in {function_name(name) for name in plan.tables}:
        return
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP FUNCTION IF EXISTS {} CASCADE").format(sql.Identifier(schema, function)))
    # What nobody tracks any more is not read from the log; what nobody can track any more has to be compared.
    mark_stale(mappings=Mapping.objects.filter(pk__in={mapping_id for mapping_id, _path in plan.untracked}))
    Change.objects.exclude(source__in={route.source for route in plan.routes.values()}).delete()


@contextmanager
def _reported(done: Installation, name: str) -> Iterator[None]:
    """One table's work in a transaction of its own that waits for no lock for long, one at a time of all processes."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LONGEST_WAIT])
            cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", ["dotbridge.tracking"])
            yield
            # In a transaction that goes on, the next wait is as long as it would have been.
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except DatabaseError as error:
        log.warning("tracking postponed", table=name, error=type(error.__cause__ or error).__name__)
        done.postponed.append(name)


def _install_quietly() -> None:
    install_tracking()
