"""What a rule would do, before it is saved: how many and who they are, who would come and who would go.

All of it is asked under a time limit: a person waits for it, and nobody else should wait for them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import BooleanField, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable, ExpressionWrapper
from django.db.models.functions import NullIf, Trim

from dotbridge.entities.email import normalised
from dotbridge.entities.faults import asking
from dotbridge.entities.names import name_of
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity, FaultyEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.entities.rights import Viewer, may_view
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import ProblemKind, RuleError, RuleProblem, compile_read, read_rule
from dotbridge.lists.rules.compiling import unless
from dotbridge.lists.rules.membership import members_among
from dotbridge.lists.rules.sources import contacted_through
from dotbridge.lists.selectors import list_condition, rule_condition

Keys = QuerySet[Any, dict[str, Any]]
DEFAULT_LIMIT = 10
DEFAULT_TIMEOUT_MS = 3_000


@dataclass(frozen=True, kw_only=True)
class SampleRecord:
    """A record as somebody recognises it. `email` is None where it has no address."""

    record_id: str
    name: str
    email: str | None


@dataclass(frozen=True, kw_only=True)
class RulePreview:
    """How many records a rule matches and the first of them by key. `problems` are what was left out or has to be
    mended; `count` is None where the rule could not be asked, or took too long, which `took_too_long` says."""

    count: int | None
    sample: tuple[SampleRecord, ...]
    problems: tuple[RuleProblem, ...]
    took_too_long: bool = False


@dataclass(frozen=True, kw_only=True)
class RuleChange:
    """Whom a new rule brings onto a list and takes off it, removed ones and those who may not be mailed not counted.

    `adds` and `takes_out` are None where nobody can say: the new rule has `problems`, the old one is broken
    (`was_broken`), or it took too long (`took_too_long`). `joining`, `leaving` and `remaining`, all who are on it
    afterwards, are who they are, as rows of `record_id` and `email_key` that can stand in larger SQL: so that others
    can say how many of them Dotdigital has.
    """

    adds: int | None = None
    takes_out: int | None = None
    stays: int | None = None
    problems: tuple[RuleProblem, ...] = ()
    was_broken: bool = False
    took_too_long: bool = False
    joining: Keys | None = field(default=None, compare=False, repr=False)
    leaving: Keys | None = field(default=None, compare=False, repr=False)
    remaining: Keys | None = field(default=None, compare=False, repr=False)


def count_and_sample(
    entity: Entity,
    rule: Mapping[str, Any] | None,
    *,
    limit: int = DEFAULT_LIMIT,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
    marketing_list: MarketingList | None = None,
    viewer: Viewer | None = None,
) -> RulePreview:
    """Try a rule while it is written: what is not said yet is left out, and named among the problems.

    With a `viewer`, raises PermissionDenied for somebody who may not see the entity's records.
    """
    _require_right(entity, viewer)
    read = read_rule(entity, rule, marketing_list=marketing_list, viewer=viewer)
    if not read.can_be_tried:
        return RulePreview(count=None, sample=(), problems=read.problems)
    matching = entity.queryset().order_by().filter(compile_read(entity, read, draft=True))
    try:
        with asking(entity.key, milliseconds=timeout_ms):
            return RulePreview(count=matching.count(), sample=_sample(entity, matching, limit), problems=read.problems)
    except TookTooLong:
        return RulePreview(count=None, sample=(), problems=read.problems, took_too_long=True)
    except FaultyEntity as error:
        return RulePreview(count=None, sample=(), problems=(*read.problems, _fault(error)))


def what_changes(
    marketing_list: MarketingList,
    new_rule: Mapping[str, Any] | None,
    *,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
    viewer: Viewer | None = None,
) -> RuleChange:
    """What saving this rule would do to the members of the list: of one on demand, at its next refresh.

    Raises UnknownEntity, and PermissionDenied as `count_and_sample` does.
    """
    entity = entity_of(marketing_list.entity)
    _require_right(entity, viewer)
    read = read_rule(entity, new_rule, marketing_list=marketing_list, viewer=viewer)
    if read.problems:
        return RuleChange(problems=read.problems)
    return _changes(entity, marketing_list, _kept(entity, marketing_list, compile_read(entity, read)), timeout_ms)


def what_settings_change(
    marketing_list: MarketingList,
    *,
    type: ListType,  # noqa: A002 - the field's own name
    include_previously_contacted: bool,
    timeout_ms: int = DEFAULT_TIMEOUT_MS,
) -> RuleChange:
    """What another type, or keeping whom the list has reached or not, would do to the members of the list.

    A list that stops being dynamic keeps whom it holds, and so does one on demand that becomes manual; else the rule is
    asked. Raises UnknownEntity.
    """
    entity = entity_of(marketing_list.entity)
    after = copy.copy(marketing_list)
    after.type, after.include_previously_contacted = type, include_previously_contacted
    asks_rule = type == ListType.DYNAMIC or (type == ListType.ON_DEMAND and marketing_list.type == ListType.MANUAL)
    try:
        if asks_rule:
            held = rule_condition(marketing_list)
        else:
            plain = copy.copy(marketing_list)
            plain.include_previously_contacted = False
            held = list_condition(plain)
        return _changes(entity, marketing_list, _kept(entity, after, held), timeout_ms)
    except RuleError as error:
        return RuleChange(problems=tuple(error.problems))


def _kept(entity: Entity, marketing_list: MarketingList, held: Q) -> Q:
    """Those who are on the list by `held`, or because it reached them and keeps those."""
    if not marketing_list.include_previously_contacted or not held:
        return held
    reached = contacted_through(entity, marketing_list)
    return held if reached is None else held | reached


def _changes(entity: Entity, marketing_list: MarketingList, wanted: Q, timeout_ms: int) -> RuleChange:
    try:
        joining, leaving, sorts = _compared(entity, marketing_list, wanted)
    except RuleError:
        return RuleChange(was_broken=True)
    try:
        with asking(entity.key, milliseconds=timeout_ms):
            numbers = _numbers(sorts)
            return RuleChange(
                adds=numbers.get((True, False), 0),
                takes_out=numbers.get((False, True), 0),
                stays=numbers.get((True, True), 0),
                joining=_keys(entity, joining),
                leaving=_keys(entity, leaving),
                remaining=_keys(entity, _members(entity, marketing_list).filter(wanted)),
            )
    except TookTooLong:
        return RuleChange(took_too_long=True)
    except FaultyEntity as error:
        return RuleChange(problems=(_fault(error),))


def _require_right(entity: Entity, viewer: Viewer | None) -> None:
    if viewer is not None and not may_view(viewer, entity.model):
        raise PermissionDenied


def _fault(error: FaultyEntity) -> RuleProblem:
    return RuleProblem(place=(), kind=ProblemKind.BROKEN, text=str(error))


def _compared(
    entity: Entity, marketing_list: MarketingList, wanted: Q
) -> tuple[QuerySet[Any], QuerySet[Any], Fragment]:
    """Those who would come, those who would go, and all records with the columns `is_wanted` and `is_there`."""
    there = list_condition(marketing_list)
    records = _members(entity, marketing_list)
    joining = records.filter(wanted, _unless(there))
    leaving = records.filter(there, _unless(wanted))
    # Each record counts once, whatever a host's manager has joined to it: so they are counted around it, not in it.
    sorts = records.values(record_pk=F("pk")).annotate(is_wanted=_held(wanted), is_there=_held(there))
    return joining, leaving, compiled(sorts)


def _numbers(sorts: Fragment) -> dict[tuple[bool, bool], int]:
    """How many records there are of each sort, in one reading."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT is_wanted, is_there, count(*) FROM ({sorts.sql}) sorts GROUP BY 1, 2", sorts.parameters)
        return {(is_wanted, is_there): number for is_wanted, is_there, number in cursor.fetchall()}


def _members(entity: Entity, marketing_list: MarketingList) -> QuerySet[Any]:
    return members_among(entity, marketing_list, entity.queryset().order_by())


def _keys(entity: Entity, records: QuerySet[Any]) -> Keys:
    address: Combinable = NullIf(Trim(entity.email_expression()), Value(""))
    # Columns are named before they are annotated: so a model may have fields of these names of its own.
    named: Keys = records.values(record_pk=F("pk"))
    with_address: Keys = named.annotate(record_id=as_record_id(), email_key=normalised(address))
    return with_address


def _unless(condition: Q) -> Q:
    # An empty condition holds for everybody, and SQL has no word for it.
    return unless(condition) if condition else Q(pk__in=[])


def _held(condition: Q) -> Combinable:
    if not condition:
        return Value(True, output_field=BooleanField())
    return ExpressionWrapper(~Q(unless(condition)), output_field=BooleanField())


def _sample(entity: Entity, records: QuerySet[Any], limit: int) -> tuple[SampleRecord, ...]:
    address = NullIf(Trim(entity.email_expression()), Value(""))
    first = records.annotate(address_of_record=address).order_by("pk")[:limit]
    return tuple(
        SampleRecord(record_id=str(record.pk), name=name_of(record), email=record.address_of_record) for record in first
    )
