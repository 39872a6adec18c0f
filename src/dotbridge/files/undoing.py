"""What a load changed, noted record by record, and taken back for a day.

A value that somebody has changed since stays as it is now, and so does a new record in which anything was changed, or
that something else belongs to by now, such as an order. What a file said of opting out stays as well: that is the
person's word, and not the load's. Companies, further addresses and phones that a load has added to records stay.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models.fields.reverse_related import ForeignObjectRel

from dotbridge.files.external_ids import AddressTable
from dotbridge.files.models import FileLoad, LoadedRecord
from dotbridge.files.new_records import column
from dotbridge.files.stage import STAGE, StageColumn, quoted
from dotbridge.files.targets import FileTarget

_CHUNK = 1_000
# A function of PostgreSQL takes a hundred arguments.
_MOST_PAIRS = 50
# Under which key an address is noted, beside those of columns.
_ADDRESS = "@address"
# Under which key a new record is noted: all of it, so that a change of any column is seen.
_ROW = "@row"
_ROW_SQL = "hashtextextended(r::text, 0)::text"


@dataclass(frozen=True)
class Undone:
    """What was taken back: records restored, records deleted that the load had made, and what others changed since."""

    restored: int
    deleted: int
    kept: int


def note_updates(load: FileLoad, target: FileTarget, columns: Sequence[StageColumn], known: AddressTable) -> None:
    """Note the values that records have before the load, and will have after it.

    `known` are records and their addresses. The address of a record that gets another one is noted as well.
    """
    if not columns:
        return
    addresses, address, params = known
    former = f"(SELECT min(known.{address}) FROM {addresses} known WHERE known.record = s.record)"
    before = _object((each, f"r.{each.column}") for each in columns)
    after = _object((each, f"coalesce(s.{each.given}, r.{each.column})") for each in columns)
    _execute(
        f"""
        INSERT INTO {_notes()} (load_id, record, before, after)
        SELECT %s, r.{_key(target)}::text,
               {before}
               || CASE WHEN s.moves THEN jsonb_build_object('{_ADDRESS}', {former}) ELSE '{{}}' END,
               {after}
               || CASE WHEN s.moves THEN jsonb_build_object('{_ADDRESS}', s.email) ELSE '{{}}' END
        FROM {STAGE} s JOIN {quoted(target.model._meta.db_table)} r ON r.{_key(target)} = s.record
        WHERE s.fate = 'update'
        """,
        [load.pk, *params],
    )


def note_created(load: FileLoad, target: FileTarget) -> None:
    """Note the records that the load has made."""
    _execute(
        f"""
        INSERT INTO {_notes()} (load_id, record, after)
        SELECT %s, r.{_key(target)}::text, jsonb_build_object('{_ROW}', {_ROW_SQL})
        FROM {STAGE} s JOIN {quoted(target.model._meta.db_table)} r ON r.{_key(target)} = s.record
        WHERE s.fate = 'create'
        """,
        [load.pk],
    )


def take_back(load: FileLoad, target: FileTarget) -> Undone:
    """Take back what was noted. Runs inside the caller's transaction."""
    table, key = quoted(target.model._meta.db_table), _key(target)
    columns = _columns_of(load)
    restored = 0
    # First, because a new record may have the former address of another one.
    deleted = _delete_created(load, target)
    _restore_addresses(load, target)
    if columns:
        given = ", ".join(
            f"{each} = CASE WHEN r.{each} IS NOT DISTINCT FROM (now_is.after).{each}"
            f" THEN (now_is.before).{each} ELSE r.{each} END"
            for each in columns
        )
        differs = " OR ".join(
            f"(r.{each} IS NOT DISTINCT FROM (now_is.after).{each}"
            f" AND r.{each} IS DISTINCT FROM (now_is.before).{each})"
            for each in columns
        )
        restored = _execute(
            f"""
            UPDATE {table} r SET {given}
            FROM (
                SELECT record, before ? '{_ADDRESS}' AS moved, jsonb_populate_record(NULL::{table}, before) AS before,
                       jsonb_populate_record(NULL::{table}, after) AS after
                FROM {_notes()} WHERE load_id = %s AND before IS NOT NULL
            ) now_is
            WHERE r.{key}::text = now_is.record AND (now_is.moved OR {differs})
            """,
            [load.pk],
        )
    noted = LoadedRecord.objects.filter(load=load).count()
    return Undone(restored, deleted, max(noted - restored - deleted, 0))


def _restore_addresses(load: FileLoad, target: FileTarget) -> None:
    """Give records their former address back, unless they have a third one by now, or somebody else has the former."""
    moved = f"""
        (SELECT record, lower(btrim(after->>'{_ADDRESS}')) AS now_is, before->>'{_ADDRESS}' AS was
         FROM {_notes()} WHERE load_id = %s AND before ? '{_ADDRESS}') moved
    """
    own = target.addresses
    if own is None:
        address, table = column(target.model, str(target.address)), quoted(target.model._meta.db_table)
        _execute(
            f"UPDATE {table} r SET {address} = moved.was FROM {moved}"
            f" WHERE r.{_key(target)}::text = moved.record AND lower(btrim(r.{address})) = moved.now_is"
            f" AND NOT EXISTS"
            f" (SELECT FROM {table} other WHERE lower(btrim(other.{address})) = lower(btrim(moved.was)))",
            [load.pk],
        )
        return
    if own.primary is None:
        return
    table, record, value = quoted(own.model._meta.db_table), column(own.model, own.record), column(own.model, own.value)
    primary, key = column(own.model, own.primary), quoted(own.model._meta.pk.column)
    _execute(
        f"UPDATE {table} r SET {primary} = false FROM {moved} WHERE r.{record}::text = moved.record AND r.{primary}"
        f" AND lower(btrim(r.{value})) = moved.now_is",
        [load.pk],
    )
    _execute(
        f"""
        UPDATE {table} r SET {primary} = true FROM (
            SELECT DISTINCT ON (a.{record}) a.{key} AS key FROM {table} a
            JOIN {moved} ON a.{record}::text = moved.record AND a.{value} = moved.was
            WHERE NOT EXISTS (SELECT FROM {table} other WHERE other.{record} = a.{record} AND other.{primary})
            ORDER BY a.{record}, a.{key}
        ) former WHERE r.{key} = former.key
        """,
        [load.pk],
    )


def _delete_created(load: FileLoad, target: FileTarget) -> int:
    """Delete the records that are still as the load made them, with the addresses and values that it gave them."""
    table, key = quoted(target.model._meta.db_table), _key(target)
    free = "".join(f" AND NOT EXISTS ({each})" for each in _what_belongs(target))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.{key} FROM {table} r JOIN {_notes()} made ON r.{key}::text = made.record
            WHERE made.load_id = %s AND made.before IS NULL AND made.after->>'{_ROW}' = {_ROW_SQL}{free}
            """,
            [load.pk],
        )
        keys = [row[0] for row in cursor.fetchall()]
    records: models.Manager[Any] = target.model._base_manager
    for at in range(0, len(keys), _CHUNK):
        records.filter(pk__in=keys[at : at + _CHUNK]).delete()
    return len(keys)


def _what_belongs(target: FileTarget) -> Iterator[str]:
    """A query for each table of the host with rows that name a record `r`, beside those that a load fills itself."""
    filled = [target.addresses, *(each.further for each in target.fields.values())]
    own = {each.model for each in filled if each is not None}
    for relation in target.model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.many_to_many:
            continue
        there = relation.related_model._meta
        pairs = [(here, named) for here, named in relation.field.related_fields if here.column and named.column]
        if relation.related_model in own or not there.managed or not pairs:
            continue
        same = " AND ".join(f"b.{quoted(here.column)} = r.{quoted(named.column)}" for here, named in pairs)
        yield f"SELECT FROM {quoted(there.db_table)} b WHERE {same}"


def _columns_of(load: FileLoad) -> list[str]:
    """The columns that the load has written in records that were here before."""
    noted = LoadedRecord.objects.filter(load=load, before__isnull=False).values_list("after", flat=True).first()
    return [quoted(name) for name in noted or () if name != _ADDRESS]


def _notes() -> str:
    return quoted(LoadedRecord._meta.db_table)


def _key(target: FileTarget) -> str:
    return quoted(target.model._meta.pk.column)


def _object(values: Iterable[tuple[StageColumn, str]]) -> str:
    """An expression for a JSON object of columns and their values, however many."""
    pairs = [f"{_literal(each)}, {value}" for each, value in values]
    pieces = (pairs[at : at + _MOST_PAIRS] for at in range(0, len(pairs), _MOST_PAIRS))
    return " || ".join(f"jsonb_build_object({', '.join(piece)})" for piece in pieces)


def _literal(column: StageColumn) -> str:
    return "'" + str(column.target.field.column).replace("'", "''") + "'"


def _execute(statement: str, params: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)
