"""The triggers on tracked tables: four a table, for whole statements, and one function that compares tracked columns.

A function of ours must never stop a write of the host. So it belongs to us and not to whoever writes, works with any
search path, compares values of any type by their stored form, and when a column it knows is gone, it notes that
anything may have changed.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from django.db import connection
from psycopg import sql

from dotbridge.mapping.tracking.plan import TrackedTable

FUNCTION_PREFIX = "dotbridge_track_"
# So many keys stand in one row of the log. Fewer make more rows for the host to write; more make a chunk uneven.
KEYS_AT_ONCE = 1000
_TRANSITIONS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}
TRIGGERS = {event: f"dotbridge_track_{event}" for event in _TRANSITIONS}

_BODY = """
DECLARE
    writer bigint;
BEGIN
    IF current_setting('dotbridge.origin', true) = 'dotdigital' THEN
        writer := nullif(current_setting('dotbridge.integration', true), '');
        IF writer IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP = 'TRUNCATE' OR (
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = TG_RELID AND attname = ANY ({columns}::name[])
    ) < {number} THEN
        INSERT INTO {log} (source) SELECT unnest({sources});
    ELSIF TG_OP = 'INSERT' THEN
        {inserted}
    ELSIF TG_OP = 'UPDATE' THEN
        {updated}
    ELSE
        {deleted}
    END IF;
    RETURN NULL;
END
"""
# Keys that belong together are counted off in the order in which they come.
_NOTE = """INSERT INTO {log} (source, origin, keys)
        SELECT {source}, writer, array_agg(key)
        FROM (SELECT key, row_number() OVER () - 1 AS place FROM ({keys}) AS found WHERE key IS NOT NULL) AS placed
        GROUP BY place / {keys_at_once};"""
# A full join, because it cannot be planned as a loop in a loop: the plan of a session's first statement, of a single
# row, is kept for all that follow. A changed key leaves two rows without a partner.
_CHANGED = """SELECT {chosen} FROM old_rows o FULL JOIN new_rows n ON {same_row} {either}
            WHERE ROW({old})::record *<> ROW({new})::record"""


def function_name(table: str) -> str:
    """The name of a table's function; a table's own name may be as long as a name can be."""
    return FUNCTION_PREFIX + hashlib.sha256(table.encode()).hexdigest()[:16]


def create_function(table: TrackedTable, schema: str) -> sql.Composed:
    """The statement that makes or replaces a table's function."""
    statement = """CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {body}"""
    name = sql.Identifier(schema, function_name(table.name))
    return sql.SQL(statement).format(name=name, body=sql.Literal(function_body(table, schema)))


def create_trigger(table: TrackedTable, schema: str, event: str) -> sql.Composed:
    """The statement that puts the function on the table for one kind of statement."""
    statement = """CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {table} {rows}
        FOR EACH STATEMENT EXECUTE FUNCTION {function}()"""
    return sql.SQL(statement).format(
        name=sql.Identifier(TRIGGERS[event]),
        event=sql.SQL(event),
        table=table_name(table),
        rows=sql.SQL(_TRANSITIONS[event]),
        function=sql.Identifier(schema, function_name(table.name)),
    )


def table_name(table: TrackedTable) -> sql.SQL:
    """The table's name as it stands in a statement; a model may give it with quotes and a schema."""
    return sql.SQL(connection.ops.quote_name(table.name))


def function_body(table: TrackedTable, schema: str) -> str:
    """The source of a table's function: the same text for the same tracked columns."""
    row_key = [str(own.column) for own in table.model._meta.pk_fields]
    known = sorted({*row_key, *(column for columns in table.columns.values() for column in columns)})
    log = sql.Identifier(schema, "dotbridge_mapping_change")

    def notes(keys: Callable[[str], sql.Composed]) -> sql.Composed:
        return sql.SQL("\n        ").join(
            sql.SQL(_NOTE).format(
                log=log,
                source=sql.Literal(f"{table.name}.{key}"),
                keys=keys(key),
                keys_at_once=sql.Literal(KEYS_AT_ONCE),
            )
            for key in sorted(table.columns)
        )

    body = sql.SQL(_BODY).format(
        columns=_array(known),
        number=sql.Literal(len(known)),
        sources=_array([f"{table.name}.{key}" for key in sorted(table.columns)]),
        log=log,
        inserted=notes(lambda key: _all_of(key, "new_rows", row_key)),
        updated=notes(lambda key: _changed(key, sorted({*row_key, *table.columns[key]}), row_key)),
        deleted=notes(lambda key: _all_of(key, "old_rows", row_key)),
    )
    return body.as_string(None)


def _all_of(key: str, rows: str, row_key: list[str]) -> sql.Composed:
    every = sql.SQL("" if [key] == row_key else "DISTINCT ")
    return sql.SQL("SELECT {}{}::text AS key FROM {}").format(every, sql.Identifier(key), sql.Identifier(rows))


def _changed(key: str, columns: list[str], row_key: list[str]) -> sql.Composed:
    old, new = sql.Identifier("o", key), sql.Identifier("n", key)
    chosen = sql.SQL("coalesce({}, {})::text AS key").format(new, old)
    either: sql.Composable = sql.SQL("")
    if [key] != row_key:
        # Who has lost the row has changed as well as who has got it.
        chosen = sql.SQL("DISTINCT either.key").format()
        either = sql.SQL("CROSS JOIN LATERAL (VALUES ({}::text), ({}::text)) AS either(key)").format(old, new)
    return sql.SQL(_CHANGED).format(
        chosen=chosen,
        either=either,
        same_row=sql.SQL(" AND ").join(sql.SQL("o.{0} = n.{0}").format(sql.Identifier(own)) for own in row_key),
        old=sql.SQL(", ").join(sql.Identifier("o", column) for column in columns),
        new=sql.SQL(", ").join(sql.Identifier("n", column) for column in columns),
    )


def _array(texts: Iterable[str]) -> sql.Composed:
    return sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(map(sql.Literal, texts)))
