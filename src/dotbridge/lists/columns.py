"""The columns that a list shows: which fields, under which names, in which order, sorted by what."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from dotbridge.entities.registry import Entity, EntityField, FieldKind, UnknownField, entity
from dotbridge.entities.texts import NOT_STORABLE
from dotbridge.lists.models import MarketingList

MOST_COLUMNS = 30
_LONGEST_LABEL = 100


class Sort(enum.StrEnum):
    """How a column orders the list, if it does; of several, the first column comes first."""

    NONE = ""
    ASCENDING = "asc"
    DESCENDING = "desc"


class ColumnsError(ValueError):
    """Columns that cannot be shown. `position` counts them from 0; the text is for people."""

    def __init__(self, position: int, text: str) -> None:
        super().__init__(text)
        self.position = position


@dataclass(frozen=True, kw_only=True)
class ListColumn:
    """One column. `is_email`: it shows an address that the record could be written to."""

    field: EntityField
    label: str
    sort: Sort
    is_email: bool


def read_columns(listed: Entity, given: Any) -> tuple[ListColumn, ...]:
    """The columns as they are kept on a list, checked against its entity. Raises ColumnsError."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ColumnsError(0, _("Columns are a list."))
    if len(given) > MOST_COLUMNS:
        raise ColumnsError(MOST_COLUMNS, _("A list shows at most %(most)d columns.") % {"most": MOST_COLUMNS})
    columns = [_column(listed, each, position) for position, each in enumerate(given)]
    paths = [column.field.path for column in columns]
    for position, path in enumerate(paths):
        if path in paths[:position]:
            raise ColumnsError(position, _("“%(field)s” is a column already.") % {"field": columns[position].label})
    return tuple(columns)


def columns_of(marketing_list: MarketingList) -> tuple[ListColumn, ...]:
    """The columns of a list; of one that names none, its address. Fields that are gone are left out.

    Raises UnknownEntity.
    """
    listed = entity(marketing_list.entity)
    known = {field.path for field in listed.fields}
    kept = [each for each in marketing_list.columns if isinstance(each, dict) and each.get("field") in known]
    return read_columns(listed, kept) or default_columns(listed)


def default_columns(listed: Entity) -> tuple[ListColumn, ...]:
    """What a list shows beside each record's name while nobody chose: the address, if a field holds it."""
    found = _address_fields(listed)[:1]
    return tuple(ListColumn(field=field, label=_("Address"), sort=Sort.NONE, is_email=True) for field in found)


def _address_fields(listed: Entity) -> list[EntityField]:
    return [field for field in listed.fields if is_email(listed, field)]


def is_email(listed: Entity, field: EntityField) -> bool:
    """Whether the field holds the address that the record is written to."""
    if field.is_virtual:
        return bool(field.reads) and set(field.reads) == set(listed.email_reads)
    return field.path in listed.email_reads and field.kind is FieldKind.STRING


def lacks_email_column(listed: Entity, columns: Sequence[ListColumn]) -> bool:
    """Whether the columns show no address, as those of a list that is connected to an address book have to.

    Of an entity whose address no field holds nobody can ask for it.
    """
    return not any(column.is_email for column in columns) and bool(_address_fields(listed))


def with_columns(records: QuerySet[Any, Any], columns: Sequence[ListColumn]) -> QuerySet[Any, Any]:
    """The records of a list with its columns as `column_0`, `column_1` and so on, in its order, then by key.

    `records` is what `selectors.members` and its neighbours answer.
    """
    values = {f"column_{position}": column.field.expression() for position, column in enumerate(columns)}
    order = [
        F(f"column_{position}").desc(nulls_last=True)
        if column.sort is Sort.DESCENDING
        else F(f"column_{position}").asc()
        for position, column in enumerate(columns)
        if column.sort is not Sort.NONE
    ]
    ordered: QuerySet[Any, Any] = records.annotate(**values).order_by(*order, "record_pk")
    return ordered


def _column(listed: Entity, given: Any, position: int) -> ListColumn:
    if not isinstance(given, dict) or not isinstance(given.get("field"), str):
        raise ColumnsError(position, _("Choose a field for the column."))
    try:
        field = listed.field(given["field"])
    except UnknownField:
        raise ColumnsError(
            position, _("There is no field “%(field)s” (any more).") % {"field": given["field"][:60]}
        ) from None
    label, sort = given.get("label") or str(field.label), given.get("sort") or ""
    if not isinstance(label, str) or len(label) > _LONGEST_LABEL:
        raise ColumnsError(position, _("A column's name has at most %(most)d characters.") % {"most": _LONGEST_LABEL})
    if NOT_STORABLE.search(label):
        raise ColumnsError(position, _("A column's name holds a character that cannot be kept."))
    if sort not in list(Sort):
        raise ColumnsError(position, _("A column is sorted “asc”, “desc” or not at all."))
    return ListColumn(field=field, label=label, sort=Sort(sort), is_email=is_email(listed, field))
