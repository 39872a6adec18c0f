"""The columns of a list as its form shows and posts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.pages.editing import posted_seen
from dotbridge.backoffice.reads.list_columns import may_see_column, seen_columns
from dotbridge.editing import fingerprint
from dotbridge.entities.fields import BETWEEN_LABELS, FieldKind
from dotbridge.entities.registry import Entity, EntityField, UnknownEntity, entity
from dotbridge.entities.rights import Viewer
from dotbridge.lists.columns import MOST_COLUMNS, ListColumn, Sort, columns_of, default_columns, read_columns

SORTS = (
    (Sort.NONE, _("Not sorted")),
    (Sort.ASCENDING, _("Smallest or A first")),
    (Sort.DESCENDING, _("Largest or Z first")),
)


@dataclass(frozen=True, kw_only=True)
class ColumnLine:
    """A line of the form: the field by its path, the label as it was typed, the sort."""

    field: str
    label: str
    sort: str


def columns_context(request: HttpRequest, marketing_list: Any) -> dict[str, Any]:
    """What the form of the columns shows: as it was posted, else as it is."""
    try:
        known = entity(marketing_list.entity)
    except UnknownEntity:
        return {"column_lines": [], "column_fields": []}
    kept = columns_of(marketing_list)
    seen = seen_columns(known, kept, request.user)
    is_posted = "column-field" in request.POST
    return {
        "column_lines": _posted(request) if is_posted else [_line(column) for column in seen],
        "column_fields": _offered(known, request.user),
        "column_sorts": [(sort.value, str(text)) for sort, text in SORTS],
        "columns_hidden": len(kept) - len(seen),
        "columns_seen": posted_seen(request) if is_posted else fingerprint(marketing_list, ["columns"]),
        "most_columns": MOST_COLUMNS,
    }


def read_posted_columns(request: HttpRequest, marketing_list: Any) -> list[dict[str, Any]]:
    """The columns that were posted, as they are kept on a list; those that the person may not see stay behind them.

    Columns that say what a list shows by itself are kept as none. Raises ColumnsError and UnknownEntity.
    """
    known = entity(marketing_list.entity)
    given = [{"field": line.field, "label": line.label, "sort": line.sort} for line in _posted(request)]
    read = [column for column in read_columns(known, given) if may_see_column(request.user, known, column.field)]
    kept = columns_of(marketing_list) if marketing_list.columns else ()
    hidden = [column for column in kept if not may_see_column(request.user, known, column.field)]
    wanted = [*read, *hidden]
    if tuple(wanted) == default_columns(known):
        return []
    stored = [_stored(column) for column in wanted]
    read_columns(known, stored)
    return stored


def _stored(column: ListColumn) -> dict[str, Any]:
    # A label that is the field's own follows the language of whoever looks.
    label = "" if column.label == str(column.field.label) else column.label
    return {"field": column.field.path, "label": label, "sort": str(column.sort)}


def _posted(request: HttpRequest) -> list[ColumnLine]:
    parts = [request.POST.getlist(f"column-{name}")[: MOST_COLUMNS + 1] for name in ("field", "label", "sort")]
    lines = zip(*parts, strict=False)
    return [ColumnLine(field=field, label=label.strip(), sort=sort) for field, label, sort in lines if field]


def _line(column: ListColumn) -> ColumnLine:
    return ColumnLine(field=column.field.path, label=column.label, sort=str(column.sort))


def _offered(known: Entity, viewer: Viewer) -> list[tuple[str, list[tuple[str, str]]]]:
    """The fields that the person may see, by where they come from: heading, and path and label of each."""
    groups: dict[str, list[tuple[str, str]]] = {str(known.label): []}
    for field in known.fields:
        if field.kind is not FieldKind.OTHER and may_see_column(viewer, known, field):
            groups.setdefault(_heading(known, field.names), []).append((field.path, _own_name(field)))
    return list(groups.items())


def _heading(known: Entity, names: Sequence[Any]) -> str:
    return BETWEEN_LABELS.join(str(name) for name in names[:-1]) or str(known.label)


def _own_name(field: EntityField) -> str:
    return str(field.names[-1] if field.names else field.label)
