"""Rows that say under which id their own system knows the person: the id finds the record, whatever its address is now.

What a row says by its id goes before what it says by its address. A record that has another id is somebody else.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.db import connection

from dotbridge.files.new_records import column, insert_values
from dotbridge.files.stage import STAGE, StageColumn, quoted
from dotbridge.files.targets import FileTarget

AddressTable = tuple[str, str, tuple[Any, ...]]


def name_persons_by_id(own_id: StageColumn) -> None:
    """Rows with one id are one person, whatever their addresses; and an id tells people apart who share an address.

    A row without an id belongs to the one person with an id who has its address, if there is one.
    """
    _execute(f"UPDATE {STAGE} SET person = E'\\n' || {own_id.value}::text WHERE {own_id.value} IS NOT NULL")
    _execute(
        f"""
        UPDATE {STAGE} s SET person = alone.person
        FROM (
            SELECT key, min(person) AS person FROM {STAGE} WHERE {own_id.value} IS NOT NULL
            GROUP BY key HAVING count(DISTINCT person) = 1
        ) alone
        WHERE s.key = alone.key AND s.{own_id.value} IS NULL
        """
    )


def find_by_id(target: FileTarget, own_id: StageColumn, shown: str, params: tuple[Any, ...]) -> None:
    """The record with the id of each kept row, of several the one with the lowest key.

    `shown` is a condition that leaves out what the host hides. Relies on the host's index of the id.
    """
    model = target.model._meta
    key = quoted(model.pk.column)
    _execute(
        f"""
        UPDATE {STAGE} s SET record = found.record, by_id = true
        FROM (
            SELECT known.{own_id.column}::text AS id,
                   (array_agg(known.{key} ORDER BY known.{key}))[1] AS record
            FROM (SELECT * FROM {quoted(model.db_table)}{shown.format(key=key)}) known
            WHERE known.{own_id.column}::text IN (SELECT {own_id.value}::text FROM {STAGE} WHERE fate IS NULL)
            GROUP BY known.{own_id.column}::text
        ) found
        WHERE s.fate IS NULL AND s.{own_id.value}::text = found.id
        """,
        params,
    )


def one_row_a_record(own_id: StageColumn) -> None:
    """Where several kept rows found one record: whoever was found by id has it, else the first of them.

    The others are people of their own if they have an id, else further rows of the same person.
    """
    shared = f"""
        SELECT record, (array_agg(line ORDER BY by_id DESC, line))[1] AS line
        FROM {STAGE} WHERE fate IS NULL AND record IS NOT NULL GROUP BY record HAVING count(*) > 1
    """
    _execute(
        f"""
        UPDATE {STAGE} s SET
            record = CASE WHEN s.{own_id.value} IS NULL THEN s.record END,
            keeper = CASE WHEN s.{own_id.value} IS NULL THEN first.line END,
            fate = CASE WHEN s.{own_id.value} IS NULL THEN 'same address' END
        FROM ({shared}) first
        WHERE s.record = first.record AND s.line <> first.line AND s.fate IS NULL
        """
    )


def note_moves(target: FileTarget, known: AddressTable) -> None:
    """Note whose record has another address than the row, unless somebody else has that one already."""
    table, column, params = known
    key = quoted(target.model._meta.pk.column)
    same = f"lower(btrim(known.{column})) IN (s.key, lower(btrim(s.other_email)))"
    _execute(
        f"""
        UPDATE {STAGE} s SET moves = true
        WHERE s.by_id AND s.fate IS NULL
          AND NOT EXISTS (SELECT FROM {table} known WHERE {same})
          AND EXISTS (SELECT FROM {quoted(target.model._meta.db_table)} r WHERE r.{key} = s.record)
        """,
        params,
    )


def move_addresses(target: FileTarget) -> None:
    """Give records that were found by their id the address that they have now; the former stays a further one."""
    moved = f"{STAGE} s WHERE s.moves AND s.fate = 'update'"
    model, own = target.model._meta, target.addresses
    if own is None:
        address = column(target.model, str(target.address))
        _execute(
            f"UPDATE {quoted(model.db_table)} r SET {address} = s.email"
            f" FROM {moved} AND r.{quoted(model.pk.column)} = s.record"
        )
        return
    table, record, value = quoted(own.model._meta.db_table), column(own.model, own.record), column(own.model, own.value)
    names, values, params = insert_values(own.model, {own.record, own.value, *filter(None, [own.primary])})
    if own.primary:
        names, values = [*names, column(own.model, own.primary)], [*values, "false"]
        _execute(f"UPDATE {table} r SET {names[-1]} = false FROM {moved} AND r.{record} = s.record AND r.{names[-1]}")

    def same(known: str) -> str:
        return f"lower(btrim({known}.{value})) IN (s.key, lower(btrim(s.other_email)))"

    columns, given = ", ".join([record, value, *names]), ", ".join(["s.record", "s.email", *values])
    _execute(
        f"INSERT INTO {table} ({columns}) SELECT {given}"
        f" FROM {moved} AND NOT EXISTS"
        f" (SELECT FROM {table} r WHERE r.{record} = s.record AND {same('r')}) ORDER BY s.line",
        tuple(params),
    )
    if own.primary:
        key = quoted(own.model._meta.pk.column)
        _execute(
            f"UPDATE {table} r SET {names[-1]} = true FROM (SELECT DISTINCT ON (s.record) a.{key} AS key FROM {table} a"
            f" JOIN (SELECT * FROM {moved}) s ON a.{record} = s.record AND {same('a')}"
            f" ORDER BY s.record, a.{key}) first WHERE r.{key} = first.key"
        )


def _execute(statement: str, params: tuple[Any, ...] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(params))
