"""From a field's path to the tables and columns that its value comes from, and back to the records it belongs to."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import connection, models, router
from django.db.models.sql import Query
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Untrackable(Exception):
    """A field whose changes the database cannot report. `reason` says why, to people."""

    def __init__(self, reason: StrOrPromise) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True)
class Hop:
    """One relation on the way from an entity's record: rows of `model` whose `to_column` has what `from_column` has."""

    model: type[models.Model]
    from_column: str
    from_type: str
    to_column: str


@dataclass(frozen=True)
class Watched:
    """Columns of one table, and which of them says whose value has changed: `key_column`, reached by these hops."""

    model: type[models.Model]
    hops: tuple[Hop, ...]
    key_column: str
    columns: frozenset[str]

    @cached_property
    def table(self) -> str:
        """The table's name as the model has it."""
        return self.model._meta.db_table

    @cached_property
    def source(self) -> str:
        """What the change log calls it."""
        return f"{self.table}.{self.key_column}"


def watched_for(model: type[models.Model], path: str) -> list[Watched]:
    """All that has to be watched for the value at the end of `path`, from the model's own table to the last.

    The path may follow any relation, also to many: what leads to a record is watched like the value itself. Raises
    Untrackable.
    """
    names = path.split("__")
    try:
        # Django's own reading of a path: it knows parents, relations from the other side and tables in between.
        infos, final, targets, _rest = Query(model).names_to_path(
            names, model._meta, allow_many=True, fail_on_missing=True
        )
    except FieldError as error:
        raise Untrackable(str(error)) from None
    hops = [_hop(info) for info in infos]
    columns = {target.column for target in targets}
    if final.is_relation and infos and infos[-1].direct:
        columns = {hops.pop().from_column}  # the relation itself: its column stands on this side
    return list(_levels(model, tuple(hops), frozenset(columns)))


def watched_back(model: type[models.Model], by: str, names: list[str], owner: type[models.Model]) -> list[Watched]:
    """The same for fields of a model whose to-one relations `by` lead to the owner's records. Raises Untrackable."""
    try:
        infos, final, _targets, _rest = Query(model).names_to_path(by.split("__"), model._meta, fail_on_missing=True)
        columns = {_column(model, name) for name in names}
    except (FieldError, FieldDoesNotExist) as error:
        raise Untrackable(str(error)) from None
    if not infos or final.related_model._meta.concrete_model is not owner._meta.concrete_model:
        raise Untrackable(
            _("%(path)s of %(model)s does not lead to %(owner)s.")
            % {"path": by, "model": model._meta.label, "owner": owner._meta.label}
        )
    hops = [
        Hop(info.from_opts.model, there.column, _type_of(there), here.column)
        for info in reversed(infos)
        for here, there in [_joining(info)]
    ]
    return list(_levels(owner, tuple(hops), frozenset(columns)))


def _levels(model: type[models.Model], hops: tuple[Hop, ...], columns: frozenset[str]) -> Iterator[Watched]:
    on_the_way = [model, *(hop.model for hop in hops)]
    for level, at in enumerate(on_the_way):
        _require_trackable(at)
        key = hops[level - 1].to_column if level else _key_column(at)
        leaving = {hops[level].from_column} if level < len(hops) else columns
        yield Watched(at, hops[:level], key, frozenset({key, *leaving}))


def _hop(info: Any) -> Hop:
    here, there = _joining(info)
    return Hop(info.to_opts.model, here.column, _type_of(here), there.column)


def _joining(info: Any) -> tuple[Any, Any]:
    pairs = info.join_field.get_joining_fields()
    relation = getattr(info.join_field, "field", info.join_field)
    if len(pairs) != 1 or hasattr(relation, "object_id_field_name"):
        raise Untrackable(_("A relation by several columns, or a generic one, cannot be followed back to the records."))
    return pairs[0]  # type: ignore[no-any-return]


def _type_of(own: models.Field[Any, Any]) -> str:
    return str(own.db_type(connection))


def _column(model: type[models.Model], name: str) -> str:
    own: Any = model._meta.get_field(name)
    if getattr(own, "column", None) is None or own.model._meta.db_table != model._meta.db_table:
        raise FieldError(f"{name!r} is no column of {model._meta.label}'s own table")
    return str(own.column)


def _key_column(model: type[models.Model]) -> str:
    if isinstance(model._meta.pk, models.CompositePrimaryKey):
        raise Untrackable(_("The key of %(model)s has several columns.") % {"model": model._meta.label})
    return str(model._meta.pk.column)


def _require_trackable(model: type[models.Model]) -> None:
    if not model._meta.managed:
        raise Untrackable(_("%(model)s is not managed by Django.") % {"model": model._meta.label})
    if router.db_for_write(model) != connection.alias:
        raise Untrackable(_("%(model)s is in another database.") % {"model": model._meta.label})
