"""What a new record of a host's model has besides what a file gives it, as pieces of SQL."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.models import NOT_PROVIDED
from django.utils import timezone

from dotbridge.files.stage import quoted
from dotbridge.files.targets import RowsOfTheirOwn

# A key that counts has a sequence of its own, any other one that the table makes is its default.
_KEY_OF_THE_TABLE = """
    SELECT coalesce(
        (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
         JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
         WHERE d.adrelid = to_regclass(%s) AND a.attname = %s),
        'nextval(' || quote_literal(pg_get_serial_sequence(%s, %s)) || ')'
    )
"""


def column(model: type[models.Model], name: str) -> str:
    """The column of a field, as SQL writes it."""
    return quoted(str(model._meta.get_field(name).column))  # type: ignore[union-attr]


def is_known(own: RowsOfTheirOwn, record: str) -> str:
    """A condition: whether the record has this further value already, in this spelling or the other one."""
    value = column(own.model, own.value)
    return (
        f"EXISTS (SELECT FROM {quoted(own.model._meta.db_table)} known"
        f" WHERE known.{column(own.model, own.record)} = {record}"
        f" AND lower(btrim(known.{value})) IN (lower(btrim(more.value)), lower(btrim(more.other))))"
    )


def new_key(model: type[models.Model]) -> str:
    """An expression for the key of a new record: as the host's table makes it, or a UUID as Django would make one."""
    if isinstance(model._meta.pk, models.UUIDField) and model._meta.pk.db_default is NOT_PROVIDED:
        return "gen_random_uuid()"
    key = str(model._meta.pk.column)
    table = quoted(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(_KEY_OF_THE_TABLE, [table, key, table, key])
        (made_by_the_table,) = cursor.fetchone()
    return str(made_by_the_table).replace("%", "%%")


def default(field: models.Field[Any, Any]) -> Any:
    """What a new record has in a field that its row leaves empty, None for nothing.

    A default that the database works out is its own matter; one that it only keeps is written, because a column that a
    file fills is named for every row.
    """
    kept = field.db_default
    if kept is not NOT_PROVIDED:
        is_worked_out = hasattr(kept, "resolve_expression")
        return None if is_worked_out else field.get_db_prep_save(kept, connection)
    return field.get_db_prep_save(field.get_default(), connection)


def insert_values(model: type[models.Model], taken: set[str]) -> tuple[list[str], list[str], list[Any]]:
    """Columns, expressions and parameters for what a new record has besides the fields in `taken`."""
    names: list[str] = []
    values: list[str] = []
    params: list[Any] = []
    for field in model._meta.concrete_fields:
        is_left_to_the_table = field.generated or field.db_default is not NOT_PROVIDED
        if field.name in taken or is_left_to_the_table or isinstance(field, models.AutoField):
            continue
        if field.primary_key:
            names.append(quoted(field.column))
            values.append(new_key(model))
            continue
        usual: Any = default(field)
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            usual = timezone.now()
        if usual is not None:
            names.append(quoted(field.column))
            values.append("%s")
            params.append(usual)
    return names, values, params
