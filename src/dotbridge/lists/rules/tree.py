"""A rule that was read: groups, conditions with their values as Python has them, nothing left to doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dotbridge.entities.fields import EntityField, FieldKind
from dotbridge.entities.related_records import Collection
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.operators import Measure, Operator


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A condition on one value of the record."""

    field: EntityField
    operator: Operator
    value: Any


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A condition on many records that belong to one: those that the filter leaves, measured, and the result asked.

    `of` is the field that is measured, None for EXISTS and COUNT; `kind` is the kind of the result.
    """

    collection: Collection
    measure: Measure
    of: EntityField | None
    where: Group | None
    kind: FieldKind
    operator: Operator
    value: Any


@dataclass(frozen=True, kw_only=True)
class ListRule:
    """A marketing list that a rule names, with that list's own rule: None where it says nothing."""

    marketing_list: MarketingList
    root: Group | None


@dataclass(frozen=True, kw_only=True)
class OnList:
    """The record is on at least one of the lists, or on none of them."""

    lists: tuple[ListRule, ...]
    is_on: bool


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parts of which all hold, or at least one does; or the opposite of that. There is at least one part."""

    is_any: bool
    is_inverted: bool
    parts: tuple[Part, ...]


Part = Group | Asked | Measured | OnList
