"""A record's mapped values, worked out by the database, as Dotdigital's imports read them (contract §4.3, §4.6)."""

from __future__ import annotations

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Expression,
    Func,
    JSONField,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, JSONObject, NullIf

from dotbridge.entities.registry import Entity, EntityField, FieldKind
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.soundness import sound_rows
from dotbridge.mirror.data_field_rules import MOST_DECIMAL_PLACES, FieldType

# A function of PostgreSQL takes a hundred arguments, and before its version 16 an object is made by one.
MOST_PAIRS = 50


def mapped_values(mapping: Mapping, entity: Entity) -> Expression:
    """One JSON object a record: data-field name -> text.

    A row that is broken is left out. A value that is empty is left out when Dotdigital's is to be kept, and is the
    empty text when it is to be cleared.
    """
    rows = sound_rows(mapping)
    if not rows:
        return Value({}, output_field=JSONField())
    pieces = [
        JSONObject(**{row.data_field.name: _row_value(row, entity) for row in rows[start : start + MOST_PAIRS]})
        for start in range(0, len(rows), MOST_PAIRS)
    ]
    whole = Func(*pieces, template="%(expressions)s", arg_joiner=" || ", output_field=JSONField())
    return Func(whole, function="jsonb_strip_nulls", output_field=JSONField())


def _row_value(row: MappingRow, entity: Entity) -> Combinable:
    fields = [entity.field(path) for path in row.entity_fields]
    value = _as_text(fields[0], row.data_field.type) if len(fields) == 1 else _joined(fields)
    return Coalesce(value, Value("")) if row.empty_values == EmptyValues.CLEAR else value


def _joined(fields: list[EntityField]) -> Expression:
    parts = [_as_text(field, "String") for field in fields]
    joined = Func(Value(" "), *parts, function="concat_ws", output_field=TextField())
    return NullIf(joined, Value(""))


def _as_text(field: EntityField, data_field_type: str) -> Expression:
    value = field.expression()
    if field.kind is FieldKind.BOOLEAN:
        return _boolean(value)
    if field.kind is FieldKind.DATETIME:
        in_utc = Func(Value("UTC"), value, function="timezone", output_field=CharField())
        return _formatted(in_utc, 'YYYY-MM-DD"T"HH24:MI:SS')
    if field.kind is FieldKind.DATE:
        return _formatted(value, 'YYYY-MM-DD"T"00:00:00' if data_field_type == FieldType.DATE else "YYYY-MM-DD")
    if field.kind is FieldKind.DECIMAL and data_field_type == FieldType.NUMERIC and _may_be_too_fine(field):
        value = _rounded(value)
    return NullIf(Cast(value, TextField()), Value(""))


def _may_be_too_fine(field: EntityField) -> bool:
    """A third, an average or a binary fraction has more decimal places than Dotdigital takes, which refuses the row."""
    return field.decimal_places is None or field.decimal_places > MOST_DECIMAL_PLACES


def _rounded(value: Combinable) -> Expression:
    template = f"trim_scale(round((%(expressions)s)::numeric, {MOST_DECIMAL_PLACES}))"
    return Func(value, template=template, output_field=TextField())


def _boolean(value: Combinable) -> Expression:
    is_true = Func(value, template="(%(expressions)s) IS TRUE", output_field=BooleanField())
    is_false = Func(value, template="(%(expressions)s) IS FALSE", output_field=BooleanField())
    return Case(When(is_true, then=Value("true")), When(is_false, then=Value("false")), output_field=TextField())


def _formatted(value: Combinable, pattern: str) -> Expression:
    return Func(value, Value(pattern), function="to_char", output_field=TextField())
