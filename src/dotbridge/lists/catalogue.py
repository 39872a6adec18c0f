"""What a rule of an entity can ask, as the builder offers it: only what the person may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from dotbridge.entities.choices import Choice
from dotbridge.entities.fields import BETWEEN_LABELS, EntityField, FieldKind
from dotbridge.entities.registry import Entity, UnknownField
from dotbridge.entities.related_records import Collection
from dotbridge.entities.rights import Viewer, may_see_collection, may_see_field, may_view, models_behind
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, statement_time_limit
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.lists_named import LIST_LABEL, LIST_OPERATORS, LIST_PATH
from dotbridge.lists.rules.operators import (
    COUNT_OPERATORS,
    EXISTENCE_OPERATORS,
    MEASURE_LABELS,
    MEASURED,
    Measure,
    Operator,
    operators_of,
)
from dotbridge.lists.rules.sources import known_collection, rule_sources, source_field

MOST_FOUND = 20
SEARCH_TIMEOUT_MS = 1_000
_EDITORS = {
    FieldKind.STRING: "text",
    FieldKind.INTEGER: "number",
    FieldKind.DECIMAL: "number",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.DATE: "date",
    FieldKind.DATETIME: "datetime",
}


@dataclass(frozen=True, kw_only=True)
class OfferedOperator:
    """An operator as the builder shows it; `shape` says what editor its value needs."""

    name: str
    label: str
    shape: str


@dataclass(frozen=True, kw_only=True)
class OfferedField:
    """A field that can be asked about.

    `editor` is text, number, money, boolean, date, datetime, choice (all values in `choices`) or search (values are
    looked for as one types). A text can be searched for its real values too, which `can_be_searched` says.
    """

    path: str
    label: str
    editor: str
    operators: tuple[OfferedOperator, ...]
    choices: tuple[Choice, ...] = ()
    can_be_searched: bool = False


@dataclass(frozen=True, kw_only=True)
class OfferedMeasure:
    """What can be asked of many records. `of` are the fields that it can be asked of, with the operators of its result;
    for the number of records and whether there are any it is empty, and the operators stand here."""

    name: str
    label: str
    of: tuple[OfferedField, ...] = ()
    operators: tuple[OfferedOperator, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OfferedCollection:
    """Many records that can be asked about: what can be measured, and the fields that a filter of them can name."""

    path: str
    label: str
    measures: tuple[OfferedMeasure, ...]
    fields: tuple[OfferedField, ...]


@dataclass(frozen=True, kw_only=True)
class OfferedGroup:
    """Fields that belong together, under a heading."""

    label: str
    fields: tuple[OfferedField, ...] = ()
    collections: tuple[OfferedCollection, ...] = ()


def field_catalogue(entity: Entity, *, viewer: Viewer) -> tuple[OfferedGroup, ...]:
    """Everything that this person can ask of the entity's records, grouped by where it comes from.

    Its own fields, those of related records, what belongs to it in any number, what other apps know, and other lists.
    Empty for somebody who may not see the records.
    """
    if not may_view(viewer, entity.model):
        return ()
    groups: dict[str, list[OfferedField]] = {str(entity.label): []}
    for field in entity.fields:
        if field.kind is not FieldKind.OTHER and may_see_field(viewer, entity, field):
            heading = BETWEEN_LABELS.join(str(name) for name in field.names[:-1]) or str(entity.label)
            groups.setdefault(heading, []).append(_offered(field, str(field.names[-1] if field.names else field.label)))
    found = [OfferedGroup(label=label, fields=tuple(fields)) for label, fields in groups.items()]
    found.append(OfferedGroup(label=_("Related records"), collections=_collections(entity.collections, viewer)))
    for source in rule_sources():
        fields = [field for field in source.fields(entity) if may_see_field(viewer, entity, field)]
        found.append(
            OfferedGroup(
                label=str(source.label),
                fields=tuple(_offered(field, str(field.label)) for field in fields),
                collections=_collections(source.collections(entity), viewer),
            )
        )
    if may_view(viewer, MarketingList):
        found.append(OfferedGroup(label=_("Marketing lists"), fields=(_lists(),)))
    return tuple(group for group in found if group.fields or group.collections)


def search_values(
    entity: Entity, path: str, text: str, *, viewer: Viewer, within: str = "", limit: int = MOST_FOUND
) -> list[Choice]:
    """Values that a field really has, and that begin with the text; those of most records come first.

    What has a name, such as a campaign, is found by any part of it. `within` is the collection that the field is of.

    Empty for a field that is unknown, that the person may not see, that has no texts, or where looking takes too long.
    """
    if not may_view(viewer, entity.model) or "\0" in text:
        return []
    if path == LIST_PATH and not within:
        return _matching_lists(entity, text, limit) if may_view(viewer, MarketingList) else []
    found = _in_collection(entity, within, path, viewer) if within else _own(entity, path, viewer)
    if found is None:
        return []
    field, records = found
    if field.lookup is not None:
        return field.lookup.search(text, limit)
    if field.choices:
        known = [Choice(value, str(label)) for value, label in field.choices]
        return [choice for choice in known if text.lower() in choice.label.lower()][:limit]
    return _top_values(records, field, text, limit) if field.kind is FieldKind.STRING else []


def _own(entity: Entity, path: str, viewer: Viewer) -> tuple[EntityField, QuerySet[Any]] | None:
    try:
        field: EntityField | None = entity.field(path)
    except UnknownField:
        field = source_field(entity, path)
    if field is None or not may_see_field(viewer, entity, field):
        return None
    return field, entity.queryset()


def _in_collection(entity: Entity, name: str, path: str, viewer: Viewer) -> tuple[EntityField, QuerySet[Any]] | None:
    collection = known_collection(entity, name)
    field = collection.field(path) if collection is not None else None
    if collection is None or field is None or not _may_see_within(viewer, collection, field):
        return None
    return field, collection.shows[0]._default_manager.all()  # noqa: SLF001 - as Django names it


def _may_see_within(viewer: Viewer, collection: Collection, field: EntityField) -> bool:
    if not may_see_collection(viewer, collection):
        return False
    return all(may_view(viewer, model) for model in models_behind(collection.shows[0], field))


def _top_values(records: QuerySet[Any], field: EntityField, text: str, limit: int) -> list[Choice]:
    # Named before it is filtered, so that a model may have a field of any name.
    found = records.order_by().values(found_value=field.expression()).exclude(found_value__in=["", None])
    if text:
        found = found.filter(found_value__istartswith=text)
    counted = found.annotate(number=Count("*")).order_by("-number", "found_value").values_list("found_value", flat=True)
    try:
        with statement_time_limit(SEARCH_TIMEOUT_MS):
            return [Choice(value, value) for value in counted[:limit]]
    except (StatementRefused, TookTooLong):
        return []


def _matching_lists(entity: Entity, text: str, limit: int) -> list[Choice]:
    lists = MarketingList.objects.filter(entity=entity.key, name__icontains=text).order_by("name")
    return [Choice(key, name) for key, name in lists.values_list("pk", "name")[:limit]]


def _collections(collections: Iterable[Collection], viewer: Viewer) -> tuple[OfferedCollection, ...]:
    return tuple(_collection(each, viewer) for each in collections if may_see_collection(viewer, each))


def _collection(collection: Collection, viewer: Viewer) -> OfferedCollection:
    seen = [
        field
        for field in collection.fields
        if field.kind is not FieldKind.OTHER and _may_see_within(viewer, collection, field)
    ]
    measures = [
        OfferedMeasure(
            name=Measure.EXISTS.value,
            label=str(MEASURE_LABELS[Measure.EXISTS]),
            operators=_operators(EXISTENCE_OPERATORS.values()),
        ),
        OfferedMeasure(
            name=Measure.COUNT.value,
            label=str(MEASURE_LABELS[Measure.COUNT]),
            operators=_operators(COUNT_OPERATORS.values()),
        ),
    ]
    for measure, kinds in MEASURED.items():
        of = tuple(_offered(field, str(field.label)) for field in seen if field.kind in kinds and field.lookup is None)
        if of and (measure is not Measure.LATEST or collection.latest_by):
            measures.append(OfferedMeasure(name=measure.value, label=str(MEASURE_LABELS[measure]), of=of))
    return OfferedCollection(
        path=collection.path,
        label=str(collection.label),
        measures=tuple(measures),
        fields=tuple(_offered(field, str(field.label)) for field in seen),
    )


def _offered(field: EntityField, label: str) -> OfferedField:
    has_choices = bool(field.choices) or field.lookup is not None
    return OfferedField(
        path=field.path,
        label=label,
        editor=_editor(field),
        operators=_operators(operators_of(field.kind, has_choices=has_choices).values()),
        choices=tuple(Choice(value, str(text)) for value, text in field.choices),
        can_be_searched=field.lookup is not None or (field.kind is FieldKind.STRING and not field.choices),
    )


def _editor(field: EntityField) -> str:
    if field.choices:
        return "choice"
    if field.lookup is not None:
        return "search"
    return "money" if field.kind is FieldKind.DECIMAL and field.decimal_places == 2 else _EDITORS[field.kind]


def _operators(operators: Iterable[Operator]) -> tuple[OfferedOperator, ...]:
    return tuple(OfferedOperator(name=each.name, label=str(each.label), shape=each.shape.value) for each in operators)


def _lists() -> OfferedField:
    return OfferedField(
        path=LIST_PATH,
        label=str(LIST_LABEL),
        editor="search",
        operators=_operators(LIST_OPERATORS.values()),
        can_be_searched=True,
    )
