"""The triggers: one on each watched table, which writes down what changed, and one that keeps the rows as written.

They see whatever changes a row: one save, a bulk update, raw SQL. A row of the audit is part of the transaction that it
tells of, so neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from psycopg import sql

from dotbridge.audit.acting import SETTING
from dotbridge.audit.models import AuditEntry
from dotbridge.audit.watched import Watched, watched_tables

# A host's keys may be of any length, and what is done with its records must not fail for our sake.
# The arguments: the model, its key, the column of its name, the model and column of the record on whose page it
# stands, then the columns and the secrets, each as an array.
_FUNCTION = """
CREATE OR REPLACE FUNCTION dotbridge_audit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    former jsonb := CASE TG_OP WHEN 'INSERT' THEN '{{}}'::jsonb ELSE to_jsonb(OLD) END;
    later jsonb := CASE TG_OP WHEN 'DELETE' THEN '{{}}'::jsonb ELSE to_jsonb(NEW) END;
    current jsonb := CASE TG_OP WHEN 'DELETE' THEN former ELSE later END;
    actor jsonb := coalesce(nullif(current_setting({setting}, true), ''), '{{}}')::jsonb;
    changes jsonb;
BEGIN
    SELECT coalesce(jsonb_object_agg(name, CASE WHEN is_secret THEN 'null'::jsonb
                                                ELSE jsonb_build_array(former -> name, later -> name) END), '{{}}')
    INTO changes
    FROM (SELECT unnest(TG_ARGV[5]::text[]) AS name, false AS is_secret
          UNION ALL SELECT unnest(TG_ARGV[6]::text[]), true) watched
    WHERE coalesce(former -> name, 'null') IS DISTINCT FROM coalesce(later -> name, 'null');
    IF TG_OP = 'UPDATE' AND changes = '{{}}' THEN
        RETURN NULL;
    END IF;
    INSERT INTO {table} (at, actor_id, actor, origin, verb, model, record_id, record, about_model, about_id, changes)
    VALUES (clock_timestamp(), left(coalesce(actor ->> 'id', ''), 255), coalesce(actor ->> 'name', ''),
            coalesce(actor ->> 'origin', ''), TG_OP, TG_ARGV[0], left(current ->> TG_ARGV[1], 255),
            coalesce(current ->> TG_ARGV[2], ''), TG_ARGV[3], left(current ->> TG_ARGV[4], 255), changes);
    RETURN NULL;
END
$$
"""
_GUARD_FUNCTION = """
CREATE OR REPLACE FUNCTION dotbridge_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit is append-only: its rows are neither changed nor deleted.'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""
_GUARD = """
CREATE OR REPLACE TRIGGER dotbridge_audit_guard BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION dotbridge_audit_guard()
"""
_TRIGGER = """
CREATE OR REPLACE TRIGGER dotbridge_audit AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION dotbridge_audit_note({arguments})
"""


def install_triggers() -> None:
    """Have all of them there, as they are defined now. Does nothing for a table that is not there (yet).

    Each in a transaction of its own, which locks one table: others are at work in several, each in an order of its own.
    """
    there = {*connection.introspection.table_names()}
    audit = AuditEntry._meta.db_table  # noqa: SLF001 - Django's documented way to ask a model about itself
    if audit not in there:
        return
    names = {"table": sql.Identifier(audit), "setting": sql.Literal(SETTING)}
    statements = [sql.SQL(text).format(**names) for text in (_FUNCTION, _GUARD_FUNCTION, _GUARD)]
    statements += [_trigger(watched) for watched in watched_tables() if watched.table in there]
    for statement in statements:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def unwatched_tables() -> list[str]:
    """The watched tables that have no trigger, and our own if it is not guarded. For `dotbridge doctor`."""
    wanted = {(each.table, "dotbridge_audit") for each in watched_tables()}
    wanted.add((AuditEntry._meta.db_table, "dotbridge_audit_guard"))  # noqa: SLF001
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE starts_with(tgname, 'dotbridge_audit') AND tgenabled <> 'D'"
        )
        found = {*cursor.fetchall()}
    return sorted(table for table, trigger in wanted - found)


def _trigger(watched: Watched) -> sql.Composed:
    plain = (watched.model, watched.key, watched.name, watched.about_model, watched.about_column)
    arguments: Iterable[str] = (*plain, _array(watched.columns), _array(watched.secrets))
    return sql.SQL(_TRIGGER).format(
        table=sql.Identifier(watched.table), arguments=sql.SQL(", ").join(map(sql.Literal, arguments))
    )


def _array(names: Iterable[str]) -> str:
    return "{" + ",".join(names) + "}"
