"""Which records a list holds, as a condition on the record: by its rule, by what stands on it, by whom it reached."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    DecimalField,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, Cast, Coalesce, NullIf, Trim
from django.db.models.lookups import Exact, LessThanOrEqual

from dotbridge.consent.conditions import is_blocked
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.entities.email import normalised
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity
from dotbridge.lists.models import ListedRecord, MarketingList, RemovedItem
from dotbridge.lists.rules.compiling import compile_group
from dotbridge.lists.rules.sources import contacted_through
from dotbridge.lists.rules.tree import Group, ListRule

# What a key of whole numbers looks like; of nothing else is a number made. Those of 19 digits need not fit.
_NUMBER, _FITS = r"^-?[0-9]{1,19}$", r"^-?[0-9]{1,18}$"
_LARGEST_KEY = 2**63 - 1


def condition_of_group(entity: Entity, root: Group | None) -> Q:
    """The condition of a rule alone; an empty one matches every record."""
    return compile_group(root, partial(is_member, entity))


def condition_of_list(entity: Entity, rule: ListRule) -> Q:
    """The condition that a record is on the list: its rule matches now, or it stands on it; removed ones included.

    A list that keeps whom it reached also holds those that it was sent to, whatever its rule says by now.
    """
    marketing_list = rule.marketing_list
    if marketing_list.is_live:
        held = condition_of_group(entity, rule.root)
        if rule.root is None:
            return held
    else:
        held = stands_on(entity, marketing_list)
    if not marketing_list.include_previously_contacted:
        return held
    reached = contacted_through(entity, marketing_list)
    return held if reached is None else held | reached


def members_among(entity: Entity, marketing_list: MarketingList, records: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the entity's records who were not removed from the list and may be mailed through it.

    Both are asked record by record with the help of an index or hash instead of being turned into a join: for a join
    PostgreSQL has to know how many items there are, which it does not right after many were written.
    """
    named = records.alias(key_on_list=as_record_id(), address_on_list=address_on_list(entity))
    removed = RemovedItem.objects.filter(marketing_list=marketing_list, record_id=OuterRef("key_on_list"))
    blocked = is_blocked(
        scopes_of_list(marketing_list.pk), entity.key, record="key_on_list", email_key="address_on_list"
    )
    members: QuerySet[Any] = named.filter(_never(Exists(removed)), _never(blocked))
    return members


def address_on_list(entity: Entity) -> Combinable:
    """The address by which consent knows the entity's records, NULL where one has none."""
    return normalised(NullIf(Trim(entity.email_expression()), Value("")))


def _never(condition: Combinable) -> Q:
    return Q(Exact(Coalesce(condition, Value(False)), False))


def stands_on(entity: Entity, marketing_list: MarketingList) -> Q:
    """The condition that a record stands on a list that keeps its records."""
    standing = ListedRecord.objects.filter(marketing_list=marketing_list)
    if isinstance(entity.model._meta.pk, IntegerField):  # noqa: SLF001 - Django's documented way to ask a model
        # From what stands on the list to the records, by their key: a short list does not read a long table.
        key = Cast("record_id", BigIntegerField())
        long_key = Cast("record_id", DecimalField(max_digits=19, decimal_places=0))
        numbers = standing.filter(record_id__regex=_NUMBER).annotate(
            key_on_list=Case(
                When(record_id__regex=_FITS, then=key),
                When(record_id__regex=_NUMBER, then=Case(When(LessThanOrEqual(Abs(long_key), _LARGEST_KEY), then=key))),
            )
        )
        return Q(pk__in=numbers.values("key_on_list"))
    own = standing.filter(record_id=as_record_id(OuterRef("pk")))
    return Q(Exact(Coalesce(Exists(own), Value(False)), True))


def is_member(entity: Entity, rule: ListRule) -> Q:
    """The condition that a record is on a list that a rule names: not removed from it, and mailable through it."""
    on_it = entity.queryset().order_by().filter(condition_of_list(entity, rule))
    return Q(pk__in=members_among(entity, rule.marketing_list, on_it).values("pk"))
