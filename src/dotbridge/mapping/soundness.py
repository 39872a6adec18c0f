"""Which mapping rows can be sent as things stand now, and what keeps the others from it.

A row was sound when it was saved. Since then its data field may have been deleted or made anew with another type in
Dotdigital, and its entity field may have left the model. Such a row is broken: it is left out, and the rest is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.entities.registry import Entity, FieldKind, UnknownField, entity
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import PREFERENCE

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

KINDS_OF_TYPE = {
    "Numeric": {FieldKind.INTEGER, FieldKind.DECIMAL},
    "Date": {FieldKind.DATE, FieldKind.DATETIME},
    "Boolean": {FieldKind.BOOLEAN},
    PREFERENCE: {FieldKind.BOOLEAN},
    "String": set(FieldKind) - {FieldKind.OTHER},
}
_WANTED: dict[str, StrOrPromise] = {
    "Numeric": gettext_lazy("%(field)s cannot fill a data field of type Numeric: it must be a number."),
    "Date": gettext_lazy("%(field)s cannot fill a data field of type Date: it must be a date or a date with a time."),
    "Boolean": gettext_lazy("%(field)s cannot fill a data field of type Boolean: it must be true or false."),
    PREFERENCE: gettext_lazy("%(field)s cannot fill a marketing preference: it must be true or false."),
    "String": gettext_lazy("%(field)s cannot fill a data field of type String: it must be convertible to text."),
}


def sound_rows(mapping: Mapping) -> list[MappingRow]:
    """The rows that can be sent, in the order of their making, with their data fields. Raises UnknownEntity.

    Asks the database nothing when `rows__data_field` was prefetched.
    """
    owner = entity(mapping.entity)
    return [row for row in _rows(mapping) if not problem_of_row(row, owner)]


def broken_rows(mapping: Mapping) -> list[tuple[MappingRow, str]]:
    """The rows that cannot be sent any more, each with the reason."""
    owner = entity(mapping.entity)
    return [(row, problem) for row in _rows(mapping) if (problem := problem_of_row(row, owner))]


def problem_of_row(row: MappingRow, owner: Entity) -> str:
    """Why a stored row cannot be sent; empty when it can."""
    if row.data_field.gone_at is not None:
        return _("The data field %(name)s does not exist in Dotdigital any more.") % {"name": row.data_field.name}
    return problem_of_fields(owner, row.entity_fields, row.data_field.type)


def problem_of_fields(owner: Entity, paths: Sequence[str], wanted: str) -> str:
    """Why these entity fields cannot fill a data field of the wanted type; empty when they can."""
    try:
        fields = [owner.field(path) for path in paths]
    except UnknownField as error:
        return str(error)
    if len(fields) > 1 and wanted != "String":
        return _("Several entity fields can be mapped only to a data field of type String.")
    if wanted not in KINDS_OF_TYPE:
        return _("Data fields of type %(type)s cannot be filled.") % {"type": wanted or "?"}
    wrong = [field for field in fields if field.kind not in KINDS_OF_TYPE[wanted]]
    return str(_WANTED[wanted]) % {"field": wrong[0].label} if wrong else ""


def _rows(mapping: Mapping) -> Iterable[MappingRow]:
    if "rows" in getattr(mapping, "_prefetched_objects_cache", {}):
        return sorted(mapping.rows.all(), key=lambda row: row.pk)
    return mapping.rows.select_related("data_field").order_by("id")
