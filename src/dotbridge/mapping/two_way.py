"""Which mapping rows may write into records, and what keeps one from it."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import NOT_PROVIDED, AutoField
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.registry import Entity, FieldKind, UnknownField, entity
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.soundness import problem_of_fields

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# A run keeps them as they are, and whoever reads them has them in their own language.
NO_WAY_TO_CREATE = gettext_noop("%(entity)s is registered without a way to create records; its developer can give one.")
UNMAPPED_FIELDS = gettext_noop("Map each of these required fields both ways, or give it a default: %(fields)s.")


@dataclass(frozen=True, kw_only=True)
class TwoWayRow:
    """One data field and the one field of the record that it is in step with, both ways.

    `clears` says whether an empty value on one side empties the other; else it changes nothing there.
    """

    data_field: str
    path: str
    kind: FieldKind
    clears: bool


@dataclass(frozen=True, kw_only=True)
class TwoWayRows:
    """The rows that can be written back, and the data fields of those that cannot, with the reason."""

    rows: tuple[TwoWayRow, ...]
    broken: tuple[tuple[str, StrOrPromise], ...]


def two_way_rows(mapping: Mapping | None) -> TwoWayRows:
    """The two-way rows of a mapping. A row is broken, not fatal, when a field of it has changed since it was saved."""
    if mapping is None:
        return TwoWayRows(rows=(), broken=())
    owner = entity(mapping.entity)
    good: dict[str, TwoWayRow] = {}
    broken: list[tuple[str, StrOrPromise]] = []
    rows = mapping.rows.filter(is_two_way=True, data_field__gone_at=None).select_related("data_field").order_by("id")
    for row in rows:
        name = row.data_field.name
        problem = problem_of_two_way(owner, row.entity_fields) or (
            # What the record holds is not sent then, so nobody knows what has changed on which side.
            problem_of_fields(owner, row.entity_fields, row.data_field.type) or None
        )
        if problem is None and row.entity_fields[0] in good:
            problem = _TAKEN
        if problem is not None:
            broken.append((name, problem))
            continue
        path = row.entity_fields[0]
        good[path] = TwoWayRow(
            data_field=name,
            path=path,
            kind=owner.field(path).kind,
            clears=row.empty_values == EmptyValues.CLEAR,
        )
    return TwoWayRows(rows=tuple(good.values()), broken=tuple(broken))


def problem_of_two_way(owner: Entity, paths: list[str]) -> StrOrPromise | None:
    """Why these entity fields cannot be written from Dotdigital; None when they can."""
    if len(paths) != 1 or "__" in paths[0]:
        return _("Only one direct field of the entity can be synchronised both ways.")
    try:
        field = owner.field(paths[0])
    except UnknownField as error:
        return str(error)
    if field.is_virtual:
        return _("A virtual field is worked out and cannot be written. Choose a direct field of the entity.")
    if field.path == owner.email_path:
        return _("The address says who the record is. It cannot be synchronised both ways.")
    own: Any = owner.model._meta.get_field(field.path)
    if own.primary_key or own.unique or not own.editable:
        return _("This field is a key or is not editable, so values cannot be written into it.")
    return None


def missing_fields(owner: Entity, rows: Sequence[TwoWayRow]) -> list[str]:
    """The required fields of the entity that neither a two-way row nor a default fills, by their names for people."""
    filled = {row.path for row in rows} | {owner.email_path}
    return [
        str(own.verbose_name)
        for own in owner.model._meta.concrete_fields
        if own.name not in filled and _is_required(own)
    ]


def obstacle_to_creating(owner: Entity, rows: Sequence[TwoWayRow]) -> str:
    """Why contacts whose address no record has cannot become records, and the mend; empty when they can."""
    if owner.create is None:
        return gettext(NO_WAY_TO_CREATE) % {"entity": owner.label}
    if owner.host_creates:
        # What else a record needs, such as one that it belongs to, the host's own function gives it.
        return ""
    if missing := missing_fields(owner, rows):
        return gettext(UNMAPPED_FIELDS) % {"fields": ", ".join(missing)}
    return ""


def _is_required(own: Any) -> bool:
    is_automatic = own.has_default() or own.db_default is not NOT_PROVIDED or own.generated
    is_stamped = getattr(own, "auto_now", False) or getattr(own, "auto_now_add", False)
    is_parent = bool(own.is_relation and own.remote_field.parent_link)
    if is_automatic or is_stamped or is_parent or isinstance(own, AutoField):
        return False
    return not (own.blank and (own.null or own.empty_strings_allowed))


def problem_among_rows(row: MappingRow) -> StrOrPromise | None:
    """Why a two-way row does not go with the other rows of its mapping; None when it does."""
    others = MappingRow.objects.filter(mapping_id=row.mapping_id, is_two_way=True).exclude(data_field=row.data_field)
    if row.pk is not None:
        others = others.exclude(pk=row.pk)
    return _TAKEN if any(other.entity_fields == row.entity_fields for other in others) else None


_TAKEN = _("Another data field is synchronised both ways with this entity field already.")
