"""What is tracked: worked out anew from the mappings whenever it is needed, and kept nowhere but in the triggers."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.registry import Entity, UnknownEntity, UnknownField, entity
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.models import MappingRow
from dotbridge.mapping.tracking.fields import TrackedFields, tracked_fields
from dotbridge.mapping.tracking.relations import Hop, Untrackable, Watched, watched_for

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_OBSTACLES = """
    SELECT t.name, CASE
        WHEN c.oid IS NULL THEN 'missing'
        WHEN c.relkind IN ('v', 'm') THEN 'view'
        WHEN c.relkind = 'f' THEN 'foreign'
        WHEN c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)) THEN 'parts'
        WHEN NOT has_table_privilege(c.oid, 'TRIGGER') THEN 'privilege'
    END AS obstacle
    FROM unnest(%s::text[], %s::text[]) AS t(name, quoted)
    LEFT JOIN pg_class c ON c.oid = to_regclass(t.quoted)
"""
_REASONS = {
    "missing": _("The table %(table)s does not exist yet."),
    "view": _("%(table)s is a view."),
    "foreign": _("%(table)s is a foreign table."),
    "parts": _("%(table)s is partitioned or inherited."),
    "privilege": _("The database user may not create triggers on %(table)s."),
}
_CAN_BE_MENDED = {"missing", "privilege"}


@dataclass(kw_only=True)
class TrackedTable:
    """One table with triggers: which columns are compared, by the column whose values the change log names."""

    model: type[models.Model]
    columns: dict[str, set[str]] = field(default_factory=dict)
    mapping_ids: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The table's name as the model has it."""
        return self.model._meta.db_table


class InterestedMapping(NamedTuple):
    """A mapping that compares what came by a route; `includes_own_writes`: also what its own account has written."""

    mapping_id: int
    integration_id: int
    includes_own_writes: bool


@dataclass(kw_only=True)
class RecordRoute:
    """How the keys of one source lead to the records of one entity.

    `is_lost`: they lead nowhere, because a column on the way is not there; all records are compared for such a change.
    """

    source: str
    owner: Entity
    hops: tuple[Hop, ...]
    interested: dict[int, InterestedMapping] = field(default_factory=dict)
    is_lost: bool = False


@dataclass(kw_only=True)
class TrackingPlan:
    """The tables that need triggers, the routes back to the records, and mapped fields that cannot be tracked: why.

    `refused` are tables that could have triggers, if somebody mended what is said of them.
    """

    tables: dict[str, TrackedTable] = field(default_factory=dict)
    routes: dict[tuple[str, str, tuple[Hop, ...]], RecordRoute] = field(default_factory=dict)
    untracked: dict[tuple[int, str], StrOrPromise] = field(default_factory=dict)
    refused: dict[str, StrOrPromise] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Wanted:
    """What one mapping needs: by mapped field, what has to be watched for it."""

    mapping: FieldMapping
    owner: Entity
    watched: dict[str, list[Watched]] = field(default_factory=dict)
    includes_own_writes: bool = False


def current_plan() -> TrackingPlan:
    """What is to be tracked now. Three statements, however many mappings there are."""
    plan, tracked = TrackingPlan(), tracked_fields()
    wanted = []
    for mapping in FieldMapping.objects.only("entity", "integration_id").prefetch_related("rows").order_by("pk"):
        rows = list(mapping.rows.all())
        try:
            owner = entity(mapping.entity)
        except UnknownEntity:
            continue
        if rows:
            wanted.append(_wanted(plan, tracked, _Wanted(mapping=mapping, owner=owner), rows))
    tables = {each.table for one in wanted for found in one.watched.values() for each in found}
    obstacles = _obstacles(tables)
    for one in wanted:
        _enter(plan, one, obstacles)
    return plan


def _wanted(plan: TrackingPlan, tracked: TrackedFields, one: _Wanted, rows: Iterable[MappingRow]) -> _Wanted:
    written = {own.column for own in one.owner.model._meta.local_fields if getattr(own, "auto_now", False)}
    derived: set[str] = set()
    # Of several records with one address one speaks, so the address decides too what is sent.
    address = (each for path in one.owner.email_reads for each in watched_for(one.owner.model, path))
    one.watched[""] = _found(plan, one, "", address)
    for row in rows:
        for path in row.entity_fields:
            if path not in one.watched:
                one.watched[path] = _found(plan, one, path, tracked.watched(one.owner, path))
            own = {column for each in one.watched[path] if not each.hops for column in each.columns - {each.key_column}}
            (written if row.is_two_way else derived).update(own)
    one.includes_own_writes = bool(written & derived)
    return one


def _found(plan: TrackingPlan, one: _Wanted, path: str, watched: Iterable[Watched]) -> list[Watched]:
    try:
        return list(watched)
    except UnknownField:
        return []  # its row is broken, and says so; nothing of it is sent
    except Untrackable as error:
        plan.untracked[one.mapping.pk, path] = error.reason
        return []


def _enter(plan: TrackingPlan, one: _Wanted, obstacles: Mapping[str, str]) -> None:
    mapping = one.mapping
    for path, found in one.watched.items():
        for each in found:
            if each.table in obstacles:
                obstacle = obstacles[each.table]
                plan.untracked[mapping.pk, path] = _REASONS[obstacle] % {"table": each.table}
                if obstacle in _CAN_BE_MENDED:
                    plan.refused[each.table] = _REASONS[obstacle] % {"table": each.table}
                continue
            table = plan.tables.setdefault(each.table, TrackedTable(model=each.model))
            table.columns.setdefault(each.key_column, set()).update(each.columns)
            table.mapping_ids.add(mapping.pk)
            key = (each.source, one.owner.key, each.hops)
            route = plan.routes.setdefault(key, RecordRoute(source=each.source, owner=one.owner, hops=each.hops))
            # What was written into the record itself is no news to who wrote it, unless another value is made of it.
            includes_own_writes = bool(each.hops) or one.includes_own_writes
            route.interested[mapping.pk] = InterestedMapping(mapping.pk, mapping.integration_id, includes_own_writes)


def _obstacles(tables: set[str]) -> dict[str, str]:
    """What keeps triggers from these tables, a key of _REASONS; a table with nothing against it is left out."""
    names = sorted(tables)
    with connection.cursor() as cursor:
        cursor.execute(_OBSTACLES, [names, [connection.ops.quote_name(name) for name in names]])
        return {name: obstacle for name, obstacle in cursor.fetchall() if obstacle}
