"""A file's people on their way into the database: copied into a temporary table, one row a line.

Everything here runs inside the caller's transaction, at whose end the table is gone.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from dotbridge.files.addresses import other_spelling
from dotbridge.files.rows import OptOut, ReadRow
from dotbridge.files.targets import ADDRESS, FULL_NAME, FileTarget, Role, TargetField
from dotbridge.files.understanding import Understanding

STAGE = "dotbridge_files_stage"


def quoted(name: str | None) -> str:
    """A name as SQL writes it."""
    return connection.ops.quote_name(str(name))


@dataclass(frozen=True)
class StageColumn:
    """A field's column in the stage: `value` holds what the file says, `column` is the record's own.

    Of a related record `value` is its name and `key` its primary key, once it was found. `further` holds an array.
    """

    target: TargetField
    value: str
    key: str | None
    further: str | None

    @property
    def column(self) -> str:
        """The record's column."""
        return quoted(self.target.field.column)

    @property
    def given(self) -> str:
        """The stage's column with what goes into the record."""
        return self.key or self.value


def stage_columns(understood: Understanding) -> list[StageColumn]:
    """The columns of the stage, one for each field that the file fills."""
    target = understood.target
    names = {name: None for name in understood.fields if name in target.fields}
    if FULL_NAME in understood.fields:
        # A whole name may turn out to be a company's.
        roles = (Role.FIRST_NAME, Role.LAST_NAME, Role.COMPANY)
        names.update({target.roles[role]: None for role in roles if role in target.roles})
    return [
        StageColumn(
            field := target.fields[name],
            quoted(f"v_{name}"),
            quoted(f"k_{name}") if field.by is not None else None,
            quoted(f"m_{name}") if field.further is not None else None,
        )
        for name in names
    ]


def create_stage(target: FileTarget, columns: list[StageColumn]) -> None:
    """Make the table anew."""
    key_type = target.model._meta.pk.rel_db_type(connection)
    parts = [
        "line bigint NOT NULL, email text NOT NULL, other_email text, m_email text[], m_other text[], opt_outs jsonb",
        "key text GENERATED ALWAYS AS (lower(btrim(email))) STORED, person text",
        f"record {key_type}, fate text, keeper bigint, by_id boolean NOT NULL DEFAULT false",
        "moves boolean NOT NULL DEFAULT false",
    ]
    for column in columns:
        field = column.target.field
        if column.key is not None:
            related = field.related_model._meta  # type: ignore[union-attr]
            parts.append(f"{column.value} text, {column.key} {related.pk.rel_db_type(connection)}")
        else:
            parts.append(f"{column.value} {field.db_type(connection)}")
        if column.further is not None:
            parts.append(f"{column.further} text[]")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {STAGE}")
        cursor.execute(f"CREATE TEMP TABLE {STAGE} ({', '.join(parts)}) ON COMMIT DROP")


def copy_rows(columns: list[StageColumn], rows: Iterable[ReadRow]) -> None:
    """Copy the rows into the stage, as they come."""
    names = ["line", "email", "other_email", "m_email", "m_other", "opt_outs"]
    names += [each for column in columns for each in (column.value, column.further) if each is not None]
    fields = [(column.target.name, column.further is not None) for column in columns]
    with connection.cursor() as cursor, cursor.copy(f"COPY {STAGE} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            further = row.further.get(ADDRESS, ())
            others = tuple(other_spelling(each) or each for each in further)
            values = [row.line, row.email, row.other_email, _array(further), _array(others), _opt_outs(row.opt_outs)]
            for name, has_further in fields:
                values.append(row.values.get(name))
                if has_further:
                    values.append(_array(row.further.get(name)))
            copy.write_row(values)
    measure()


def measure() -> None:
    """Have the planner look at the stage. After a column was filled it would else expect that there is nothing in it,
    and look every row up among all the others."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {STAGE}")


def _array(values: tuple[str, ...] | None) -> list[str] | None:
    return list(values) if values else None


def _opt_outs(opt_outs: list[OptOut]) -> str | None:
    if not opt_outs:
        return None
    return json.dumps(
        [
            {
                "column_name": each.column,
                "value": each.value,
                "happened_at": each.happened_at.isoformat() if each.happened_at else None,
                "is_doubtful": each.doubtful,
            }
            for each in opt_outs
        ]
    )
