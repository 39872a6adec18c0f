"""From the stage into the host's tables: a constant number of statements, whatever the number of rows.

The steps of a merge, in this order:

1. `settle_same_address`: of several rows with one address or external id one is kept, with the values that count.
2. `find_records`: the record of each kept row, by its external id and by its address.
3. `find_related`: the related records that the rows name, missing ones made.
4. `decide_fates`: whether each row creates, updates or changes nothing.
5. `write`: the records, their addresses and further values.

Everything runs inside the caller's transaction. Relies on the host's index on lower(btrim(address)) for a small file.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.files.external_ids import find_by_id, move_addresses, name_persons_by_id, note_moves, one_row_a_record
from dotbridge.files.keys import NAME_KEY_SQL, SPELT_SQL
from dotbridge.files.new_records import column as column_of
from dotbridge.files.new_records import default, insert_values, is_known, new_key
from dotbridge.files.stage import STAGE, StageColumn, measure, quoted
from dotbridge.files.targets import ADDRESS, FileTarget, RowsOfTheirOwn
from dotbridge.files.understanding import BOTH, LAST


@dataclass(frozen=True)
class Clash:
    """A row that says something else than an earlier row with its address, and the fields that differ."""

    line: int
    kept_line: int
    email: str
    fields: list[str]


@dataclass(frozen=True)
class Counts:
    """What becomes of the rows of the stage; `moved` of the updated ones get another address."""

    created: int
    updated: int
    unchanged: int
    same_address: int
    moved: int


@dataclass
class Merge:
    """One merge of the stage into the tables of a target."""

    target: FileTarget
    columns: list[StageColumn]

    def settle_same_address(self, decision: str | None, *, most: int) -> tuple[list[Clash], int]:
        """Keep one row a person. Answers the rows that say something else, `most` of them, and how many there are.

        The first row is kept and gets the first value of each field, or with `last` the last one. With `both` only rows
        that name the same person are one.
        """
        person = self._name_persons(decision)
        if not self._execute(
            f"""
            UPDATE {STAGE} s SET keeper = twice.keeper
            FROM (SELECT {person}, min(line) AS keeper FROM {STAGE} GROUP BY {person} HAVING count(*) > 1) twice
            WHERE s.{person} = twice.{person}
            """
        ):
            return [], 0
        measure()
        clashes = self._clashes(most) if decision is None else ([], 0)
        self._merge_values("DESC" if decision == LAST else "ASC")
        self._execute(f"UPDATE {STAGE} SET fate = 'same address' WHERE keeper <> line")
        return clashes

    def _name_persons(self, decision: str | None) -> str:
        """The column that is the same in the rows of one person: the address's key, where nothing else tells."""
        named = [column for column in self.columns if column.target.name in self.target.same_person]
        own_id = self._id()
        if own_id is None and not (decision == BOTH and named):
            return "key"
        person = "key"
        if decision == BOTH and named:
            person = "concat_ws(E'\\n', key, " + ", ".join(f"lower({column.value}::text)" for column in named) + ")"
        self._execute(f"UPDATE {STAGE} SET person = {person}")
        if own_id:
            name_persons_by_id(own_id)
        measure()
        return "person"

    def _id(self) -> StageColumn | None:
        """The column of external ids, if the file has one and the model a place for it."""
        wanted = self.target.external_id
        return next((column for column in self.columns if column.target is wanted), None) if wanted else None

    def _clashes(self, most: int) -> tuple[list[Clash], int]:
        differing = [
            f"CASE WHEN s.{column.value} IS DISTINCT FROM k.{column.value} AND s.{column.value} IS NOT NULL"
            f" AND k.{column.value} IS NOT NULL THEN %s END"
            for column in self.columns
        ]
        # Only an id makes two addresses one person.
        differing.append("CASE WHEN s.key <> k.key THEN %s END")
        rows = self._rows(
            f"""
            SELECT line, keeper, email, fields, count(*) OVER ()
            FROM (
                SELECT s.line, s.keeper, s.email, array_remove(ARRAY[{", ".join(differing)}], NULL) AS fields
                FROM {STAGE} s JOIN {STAGE} k ON k.line = s.keeper WHERE s.keeper <> s.line
            ) compared
            WHERE cardinality(fields) > 0
            ORDER BY line LIMIT %s
            """,
            [*(column.target.name for column in self.columns), ADDRESS, most],
        )
        return [Clash(*row[:4]) for row in rows], rows[0][4] if rows else 0

    def _merge_values(self, order: str) -> None:
        if not self.columns:
            return
        best = [
            f"(array_agg({column.value} ORDER BY line {order}) FILTER (WHERE {column.value} IS NOT NULL))[1]"
            f" AS {column.value}"
            for column in self.columns
        ]
        given = [f"{column.value} = best.{column.value}" for column in self.columns]
        if self._id():
            best += [f"(array_agg({each} ORDER BY line {order}))[1] AS {each}" for each in ("email", "other_email")]
            given += [f"{each} = best.{each}" for each in ("email", "other_email")]
        self._execute(
            f"""
            UPDATE {STAGE} s SET {", ".join(given)}
            FROM (SELECT keeper, {", ".join(best)} FROM {STAGE} WHERE keeper IS NOT NULL GROUP BY keeper) best
            WHERE s.line = best.keeper
            """
        )

    def find_records(self, decision: str | None) -> None:
        """Find the record of each kept row: by its external id, else by its address, of several the lowest key.

        With `both` a row that names a person finds the record of that name.
        """
        if own_id := self._id():
            find_by_id(self.target, own_id, *self._shown())
        for given in ("s.key", "lower(btrim(s.other_email))"):
            for by_name in (True, False) if decision == BOTH else (False,):
                self._find(given, decision, by_name=by_name)
        if own_id:
            one_row_a_record(own_id)
            note_moves(self.target, self.address_table())

    def _find(self, given: str, decision: str | None, *, by_name: bool) -> None:
        model = self.target.model._meta
        key = quoted(model.pk.column)
        known, column, params = self.address_table()
        alike = ""
        if by_name:
            named = [each for each in self.columns if each.target.name in self.target.same_person]
            if not named:
                return
            alike = "".join(f" AND lower(r.{each.column}) = lower(coalesce(s.{each.value}, ''))" for each in named)
        if own_id := self._id():
            # A record that is known by another id is somebody else, who has the same address.
            known_id = f"coalesce(r.{own_id.column}::text, '')"
            alike += f" AND (s.{own_id.value} IS NULL OR {known_id} IN ('', s.{own_id.value}::text))"
        # Where several people share the address, only their names tell which record is whose.
        namesakes = f"SELECT key FROM {STAGE} WHERE fate IS NULL GROUP BY key HAVING count(*) > 1"
        alone = f" AND s.key NOT IN ({namesakes})" if decision == BOTH else ""
        self._execute(
            f"""
            UPDATE {STAGE} s SET record = found.record
            FROM (
                SELECT DISTINCT ON (s.line) s.line, r.{key} AS record
                FROM {STAGE} s
                JOIN {known} known ON lower(btrim(known.{column})) = {given}
                JOIN {quoted(model.db_table)} r ON r.{key} = known.record
                WHERE s.record IS NULL AND s.fate IS NULL{alike}{"" if by_name else alone}
                ORDER BY s.line, r.{key}
            ) found
            WHERE s.line = found.line
            """,
            params,
        )

    def address_table(self) -> tuple[str, str, tuple[Any, ...]]:
        """Records and their addresses as a table, the column of the address, and parameters; hidden ones left out."""
        model = self.target.model
        own = self.target.addresses
        shown, params = self._shown()
        if own is None:
            address = quoted(str(model._meta.get_field(str(self.target.address)).column))  # type: ignore[union-attr]
            table = f"(SELECT {quoted(model._meta.pk.column)} AS record, {address} FROM {quoted(model._meta.db_table)}"
            return f"{table}{shown.format(key=quoted(model._meta.pk.column))})", address, params
        record, value = column_of(own.model, own.record), column_of(own.model, own.value)
        where = shown.format(key=record) or " WHERE true"
        primary = f" AND {column_of(own.model, own.primary)}" if own.primary else ""
        table = f"(SELECT {record} AS record, {value} FROM {quoted(own.model._meta.db_table)}{where}{primary})"
        return table, value, params

    def _shown(self) -> tuple[str, tuple[Any, ...]]:
        """A condition that leaves out what the entity's own manager hides, such as what was deleted softly."""
        try:
            records = entity(self.target.key).queryset()
        except UnknownEntity:
            records = self.target.model._default_manager.all()
        if not records.query.where:
            return "", ()
        compiled, params = records.order_by().values("pk").query.sql_with_params()
        return " WHERE {key} IN (" + compiled.replace("{", "{{").replace("}", "}}") + ")", tuple(params)

    def find_related(self, *, make_missing: bool) -> None:
        """Find the records that rows name, by their name without letter case and superfluous blanks."""
        for column in self.columns:
            if column.key is not None:
                self._find_related(column, make_missing=make_missing)

    def _find_related(self, column: StageColumn, *, make_missing: bool) -> None:
        model: Any = column.target.field.related_model
        table, key = quoted(model._meta.db_table), quoted(model._meta.pk.column)
        name = column_of(model, str(column.target.by))
        alike = NAME_KEY_SQL
        asked = f"""
            SELECT DISTINCT ON ({alike.format("s." + column.value)})
                {alike.format("s." + column.value)} AS name, s.{column.value} AS spelt
            FROM {STAGE} s WHERE s.{column.value} IS NOT NULL
            ORDER BY {alike.format("s." + column.value)}, s.line
        """
        if make_missing:
            names, values, params = insert_values(model, {str(column.target.by)})
            self._execute(
                f"""
                INSERT INTO {table} ({", ".join([name, *names])})
                SELECT {", ".join([SPELT_SQL.format("asked.spelt"), *values])} FROM ({asked}) asked
                WHERE NOT EXISTS (SELECT FROM {table} known WHERE {alike.format("known." + name)} = asked.name)
                """,
                params,
            )
        self._execute(
            f"""
            UPDATE {STAGE} s SET {column.key} = found.key
            FROM (
                SELECT DISTINCT ON (asked.name) asked.name, known.{key} AS key FROM ({asked}) asked
                JOIN {table} known ON {alike.format("known." + name)} = asked.name
                ORDER BY asked.name, known.{key}
            ) found
            WHERE {alike.format("s." + column.value)} = found.name
            """
        )

    def decide_fates(self) -> Counts:
        """Decide what becomes of each row, and count it."""
        differs = [
            f"s.{column.value} IS NOT NULL AND r.{column.column} IS DISTINCT FROM s.{column.given}"
            for column in self.columns
        ]
        differs.append("s.moves")
        key = quoted(self.target.model._meta.pk.column)
        measure()
        self._execute(f"UPDATE {STAGE} SET fate = 'create' WHERE fate IS NULL AND record IS NULL")
        self._execute(
            f"""
            UPDATE {STAGE} s SET fate = CASE WHEN {" OR ".join(differs)} THEN 'update' ELSE 'unchanged' END
            FROM {quoted(self.target.model._meta.db_table)} r
            WHERE s.fate IS NULL AND r.{key} = s.record
            """
        )
        for further, other, own in self._further():
            self._execute(
                f"""
                UPDATE {STAGE} s SET fate = 'update'
                WHERE s.fate = 'unchanged' AND s.{further} IS NOT NULL AND EXISTS (
                    SELECT FROM unnest(s.{further}, s.{other}) AS more (value, other)
                    WHERE NOT {is_known(own, "s.record")}
                )
                """
            )
        measure()
        counted = dict(self._rows(f"SELECT fate, count(*) FROM {STAGE} GROUP BY fate"))
        ((moved,),) = self._rows(f"SELECT count(*) FROM {STAGE} WHERE moves")
        created, updated, unchanged, same = (
            counted.get(fate, 0) for fate in ("create", "update", "unchanged", "same address")
        )
        return Counts(created, updated, unchanged, same, moved)

    def write(self) -> None:
        """Write what the fates say, and give every row its record."""
        self._update()
        if self._id():
            move_addresses(self.target)
        # After that, because an address that somebody leaves may be a new person's.
        self._create()
        self._execute(
            f"UPDATE {STAGE} s SET record = k.record FROM {STAGE} k WHERE s.fate = 'same address' AND k.line = s.keeper"
        )
        for further, other, own in self._further():
            self._add_further(further, other, own)

    def _create(self) -> None:
        model = self.target.model
        key = quoted(model._meta.pk.column)
        # In the order of the file, so that the oldest record is the first line's.
        self._execute(
            f"""
            UPDATE {STAGE} s SET record = numbered.key
            FROM (
                SELECT line, {new_key(model)} AS key
                FROM (SELECT line FROM {STAGE} WHERE fate = 'create' ORDER BY line) ordered
            ) numbered
            WHERE s.line = numbered.line
            """
        )
        measure()
        taken = {column.target.name for column in self.columns}
        own_address = self.target.address
        key_name = str(model._meta.pk.name)
        names, values, params = insert_values(model, {*taken, key_name, *([own_address] if own_address else [])})
        columns, given = [key, *names], ["s.record", *values]
        for column in self.columns:
            usual = default(column.target.field)
            columns.append(column.column)
            given.append(f"s.{column.given}" if usual is None else f"coalesce(s.{column.given}, %s)")
            params += [] if usual is None else [usual]
        if own_address:
            columns.append(column_of(model, own_address))
            given.append("s.email")
        self._execute(
            f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(columns)})"
            f" SELECT {', '.join(given)} FROM {STAGE} s WHERE s.fate = 'create' ORDER BY s.line",
            params,
        )
        own = self.target.addresses
        if own is not None:
            self._insert_own(own, "s.email", f"FROM {STAGE} s WHERE s.fate = 'create' ORDER BY s.line", is_first=True)

    def _insert_own(self, own: RowsOfTheirOwn, value: str, source: str, *, is_first: bool) -> None:
        skip = {own.record, own.value} | ({own.primary} if own.primary else set())
        names, values, params = insert_values(own.model, skip)
        columns = [column_of(own.model, own.record), column_of(own.model, own.value), *names]
        given = ["s.record", value, *values]
        if own.primary:
            columns.append(column_of(own.model, own.primary))
            given.append(str(is_first).lower())
        self._execute(
            f"INSERT INTO {quoted(own.model._meta.db_table)} ({', '.join(columns)}) SELECT {', '.join(given)} {source}",
            params,
        )

    def _update(self) -> None:
        if not self.columns:
            return
        model = self.target.model
        given = [f"{column.column} = coalesce(s.{column.given}, r.{column.column})" for column in self.columns]
        touched = [quoted(field.column) for field in model._meta.concrete_fields if getattr(field, "auto_now", False)]
        key = quoted(model._meta.pk.column)
        self._execute(
            f"""
            UPDATE {quoted(model._meta.db_table)} r SET {", ".join([*given, *(f"{each} = now()" for each in touched)])}
            FROM {STAGE} s WHERE s.fate = 'update' AND r.{key} = s.record
            """
        )

    def _further(self) -> Iterator[tuple[str, str, RowsOfTheirOwn]]:
        """Columns of further values, of their other spellings, and where they go."""
        if self.target.addresses is not None:
            yield "m_email", "m_other", self.target.addresses
        for column in self.columns:
            if column.further is not None and column.target.further is not None:
                yield column.further, column.further, column.target.further

    def _add_further(self, further: str, other: str, own: RowsOfTheirOwn) -> None:
        source = f"""
            FROM (
                SELECT DISTINCT ON (s.record, lower(btrim(more.value))) s.record, more.value, s.line
                FROM {STAGE} s CROSS JOIN LATERAL unnest(s.{further}, s.{other}) AS more (value, other)
                WHERE NOT {is_known(own, "s.record")}
                ORDER BY s.record, lower(btrim(more.value)), s.line
            ) s
        """
        self._insert_own(own, "s.value", source, is_first=False)

    def _execute(self, statement: str, params: Any = ()) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, list(params))
            return int(cursor.rowcount)

    def _rows(self, statement: str, params: Any = ()) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, list(params))
            return list(cursor.fetchall())
