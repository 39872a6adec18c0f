"""The many records that belong to one: a contact's orders, what somebody did with our mails."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as described
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import OuterRef, QuerySet
from django.utils.text import capfirst

from dotbridge.entities.fields import EntityField, FieldKind, default_paths, field_of_path

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Records that belong to a record of an entity, any number of them.

    `path` names it in a rule, `label` for people ("Orders"). `rows` makes the queryset of those that belong to
    `OuterRef("pk")`; `fields` are fields of these rows. `latest_by` is the path of the moment or day by which the
    newest is found, None where there is none. `shows` are all models whose records it shows, the first one its own.
    `has` and `has_not` are how a sentence says that there are some or none ("who clicked"), where "with orders" is no
    good English.
    """

    path: str
    label: StrOrPromise
    fields: tuple[EntityField, ...]
    rows: Callable[[], QuerySet[Any]] = described(repr=False, compare=False)
    shows: tuple[type[models.Model], ...]
    latest_by: str | None = None
    has: StrOrPromise = ""
    has_not: StrOrPromise = ""

    def field(self, path: str) -> EntityField | None:
        """The field with this path, None where there is none."""
        return next((known for known in self.fields if known.path == path), None)


def _one_row_each(records: QuerySet[Any]) -> QuerySet[Any]:
    """The same records, each of them in one row whatever is asked of it: a host's manager may have joined others to
    them and taken what came twice together again, which goes by the columns that are asked for."""
    if not records.query.distinct and records.query.group_by is None:
        return records
    alone: QuerySet[Any] = records.model._base_manager.filter(pk__in=records.order_by().values("pk"))
    return alone


def default_collections(model: type[models.Model]) -> list[Collection]:
    """What leads from the model to many records: foreign keys to it that have a name from here, and many-to-many."""
    back = [relation for relation in model._meta.related_objects if not relation.hidden and not relation.one_to_one]
    found = [collection_of(model, str(relation.get_accessor_name())) for relation in back]
    return found + [collection_of(model, own.name) for own in model._meta.many_to_many]


def collection_of(model: type[models.Model], accessor: str, *, latest_by: str | None = None) -> Collection:
    """The collection behind an attribute of the model's records ("orders", "tags").

    Raises LookupError where the model has no such relation to many records.
    """
    relation = _relation(model, accessor)
    many: type[models.Model] = relation.related_model
    back, named_by = relation.remote_field.name, _named_by(relation)
    paths = [path for path in default_paths(many) if path.split("__")[0] != back]
    fields = tuple(field_of_path(many, path) for path in paths)
    moments = [each.path for each in fields if each.kind in (FieldKind.DATETIME, FieldKind.DATE)]
    return Collection(
        path=accessor,
        label=capfirst(many._meta.verbose_name_plural or accessor),
        fields=fields,
        rows=lambda: _one_row_each(many._default_manager.all()).filter(**{back: OuterRef(named_by)}).order_by(),
        shows=(many,),
        # Most records have the moment they were made in first place, if they have one at all.
        latest_by=latest_by or next(iter(moments), None),
    )


def _named_by(relation: Any) -> str:
    """The field of the one record by which the many name it: its key, unless their relation says `to_field`."""
    if relation.many_to_many:
        own = isinstance(relation, models.ManyToManyField)
        return str(relation.m2m_target_field_name() if own else relation.field.m2m_reverse_target_field_name())
    return str(relation.field.target_field.name)


def _relation(model: type[models.Model], accessor: str) -> Any:
    for relation in model._meta.related_objects:
        if not relation.one_to_one and not relation.hidden and relation.get_accessor_name() == accessor:
            return relation
    for own in model._meta.many_to_many:
        if own.name == accessor:
            return own
    raise LookupError(f"{model._meta.label} has no {accessor!r} that leads to many records")
