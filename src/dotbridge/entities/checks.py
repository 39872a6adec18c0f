"""What is asked of each registered model when the program starts: whether the database could work out its fields.

Nothing is connected to: expressions are resolved and compiled as for a statement, which tells of a typo, of a field
that does not exist and of a value of another kind than was said.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldError
from django.db import DatabaseError, connection, models
from django.db.models import F, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.sql import Query

from dotbridge.entities.fields import EntityField, FieldKind, kind_of
from dotbridge.entities.registry import Entity, entities
from dotbridge.entities.related_records import Collection

NUMBERS = {FieldKind.INTEGER, FieldKind.DECIMAL}


@register(Tags.models)
def check_entities(**_asked: Any) -> list[CheckMessage]:
    """All that is wrong with the registered models, each with the line where it was registered."""
    return [problem for each in entities() for problem in _problems(each)]


def _problems(owner: Entity) -> Iterator[CheckMessage]:
    yield from _of_expression(owner, "email", lambda: copy.deepcopy(owner.email), FieldKind.STRING)
    if unread := _unreadable(owner, owner.email_reads):
        yield _error(owner, "E102", f"email_reads names {unread}.", "Name fields that the address is made of.")
    for own in owner.fields:
        yield from _of_field(owner, own)
    for many in owner.collections:
        yield from _of_collection(owner, many)
    for name in ("create", "erase"):
        if getattr(owner, name) is not None and not callable(getattr(owner, name)):
            yield _error(owner, "E103", f"{name} is no function.", f"Pass the function itself: {name}=my_function.")


def _of_field(owner: Entity, own: EntityField) -> Iterator[CheckMessage]:
    name = f"the virtual field {own.path!r}" if own.is_virtual else f"the field {own.path!r}"
    kind: object = own.kind
    if not isinstance(kind, FieldKind):
        known = ", ".join(f"FieldKind.{kind.name}" for kind in FieldKind)
        yield _error(owner, "E104", f"{name} has the kind {kind!r}.", f"Use one of {known}.")
        return
    yield from _of_expression(owner, name, own.expression, kind)
    if unread := _unreadable(owner, own.reads):
        hint = "Name fields of the model, over its relations if need be, such as 'orders__total'."
        yield _error(owner, "E102", f"{name} reads {unread}.", hint)


def _of_collection(owner: Entity, many: Collection) -> Iterator[CheckMessage]:
    asked: list[tuple[str, Callable[[], Combinable], FieldKind | None]] = [
        (repr(own.path), own.expression, own.kind) for own in many.fields
    ]
    if many.latest_by is not None:
        asked.append(("latest_by", lambda: F(str(many.latest_by)), None))
    for name, expression, wanted in asked:
        yield from _of_value(
            owner, f"{name} of the collection {many.path!r}", partial(_in_collection, owner, many, expression), wanted
        )


def _in_collection(owner: Entity, many: Collection, expression: Callable[[], Combinable]) -> QuerySet[Any]:
    values = many.rows().order_by().annotate(dotbridge_value=expression()).values("dotbridge_value")
    records: QuerySet[Any] = owner.queryset().order_by().annotate(dotbridge_value=Subquery(values[:1]))
    return records


def _of_expression(
    owner: Entity, name: str, expression: Callable[[], Combinable], wanted: FieldKind
) -> Iterator[CheckMessage]:
    yield from _of_value(
        owner, name, lambda: owner.queryset().order_by().annotate(dotbridge_value=expression()), wanted
    )


def _of_value(
    owner: Entity, name: str, records: Callable[[], QuerySet[Any]], wanted: FieldKind | None
) -> Iterator[CheckMessage]:
    """What is wrong with the value that these records are given."""
    try:
        query = records().values("dotbridge_value").query
        query.get_compiler(connection=connection).as_sql()
        value = query.annotations["dotbridge_value"]
        kind, several = kind_of(value.output_field), _gives_several(owner, query, value)
    except DatabaseError:
        return  # Whether the database is there is not asked here.
    except FieldError as error:
        yield _error(owner, "E101", f"{name} cannot be worked out: {error}", "Correct the expression.")
    except Exception as error:  # noqa: BLE001 - an expression of the host's own may raise anything
        problem = f"{name} cannot be worked out: {type(error).__name__}: {error}"
        yield _error(owner, "E101", problem, "Correct the expression.")
    else:
        if several:
            yield _error(owner, "E107", f"{name} {several}.", "Use a Subquery that gives one value a record.")
        if wanted is not None and kind is not wanted and not {kind, wanted} <= NUMBERS:
            hint = f"Say FieldKind.{kind.name}, or make the expression give what is meant (output_field, Cast)."
            yield _error(owner, "E105", f"{name} is said to be {wanted.value}, and gives {kind.value}.", hint)


def _gives_several(owner: Entity, query: Query, value: Any) -> str:
    """Why a record would stand in several rows for this value, or why no rule can ask about it; empty where neither."""
    before = owner.queryset().order_by().query.alias_map
    joins: list[Any] = [join for alias, join in query.alias_map.items() if alias not in before and join.parent_alias]
    relations = [join.join_field for join in joins]
    if any(isinstance(each, models.ForeignObjectRel) and not each.field.unique for each in relations):
        return "leads to many records, so that one record would stand in several rows"
    if value.contains_over_clause:
        return "is worked out over other records (a window), which no rule can ask about"
    if any(getattr(part, "set_returning", False) for part in value.flatten()):
        return "gives several rows a record"
    return ""


def _unreadable(owner: Entity, paths: tuple[str, ...]) -> str:
    """The first of the paths that leads to no field of the database, and why; empty when all do."""
    for path in paths:
        try:
            _names, final, targets, rest = Query(owner.model).names_to_path(
                path.split("__"), owner.model._meta, allow_many=True, fail_on_missing=True
            )
        except FieldError as error:
            return f"{path!r}, which is no field: {error}"
        if rest or not targets or not isinstance(final, models.Field | models.ForeignObjectRel):
            return f"{path!r}, which is no field of the database"
    return ""


def _error(owner: Entity, number: str, text: str, hint: str) -> Error:
    place = f" (registered in {owner.registered_at})" if owner.registered_at else ""
    return Error(f"{owner.key}{place}: {text}", hint=hint, id=f"dotbridge.{number}")
