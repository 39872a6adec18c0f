"""What a new record of a host's model has besides what a file gives it, as pieces of SQL."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.models import NOT_PROVIDED
from django.utils import timezone

from dotbridge.files.stage import quoted
from dotbridge.files.targets import RowsOfTheirOwn


def column(model: type[models.Model], name: str) -> str:
    """The column of a field, as SQL writes it."""
    return quoted(str(model._meta.get_field(name).column))  # type: ignore[union-attr]


def is_known(own: RowsOfTheirOwn, record: str) -> str:
    """A condition: whether the record has this further value already."""
    value = column(own.model, own.value)
    return (
        f"EXISTS (SELECT FROM {quoted(own.model._meta.db_table)} known"
        f" WHERE known.{column(own.model, own.record)} = {record}"
        f" AND lower(btrim(known.{value})) = lower(btrim(more.value)))"
    )


def new_key(model: type[models.Model]) -> str:
    """An expression for the key of a new record."""
    pk = model._meta.pk
    if isinstance(pk, models.UUIDField):
        return "gen_random_uuid()"
    return f"nextval(pg_get_serial_sequence('{quoted(model._meta.db_table)}', '{pk.column}'))"


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
        if field.name in taken or field.generated or field.db_default is not NOT_PROVIDED:
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
