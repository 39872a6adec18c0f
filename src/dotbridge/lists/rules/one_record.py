"""What many rules ask of one record: each condition is asked once, in however many rules it stands.

The database says which conditions hold, and what follows for a rule is worked out here. One of which it cannot say
whether it holds, because of a NULL, counts as not held, as it does in `compiling`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, ExpressionWrapper, Q, Subquery, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat

from dotbridge.consent.conditions import address_is_erased, blocking_states, is_anybody_erased
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity
from dotbridge.lists.models import RemovedItem
from dotbridge.lists.rules.compiling import compile_part
from dotbridge.lists.rules.membership import address_on_list, is_member, stands_on
from dotbridge.lists.rules.sources import contacted_through
from dotbridge.lists.rules.tree import Asked, Group, ListRule, OnList, Part


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Conditions of which one has to hold, or all; or the opposite of that. A condition is the name of its column."""

    is_any: bool
    is_inverted: bool = False
    parts: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """The condition that the record was not removed from a list, and may be mailed within its scopes."""

    list_id: int
    scopes: frozenset[str]


Condition = Joined | Reachable | str

# What is known of a record for all lists together: from which it was removed, in which scopes it may not be mailed, and
# whether its address was erased.
_REMOVED_FROM, _BLOCKED_IN, _ERASED = "dotbridge_removed_from", "dotbridge_blocked_in", "dotbridge_erased"


class ConditionsOfRecord:
    """The conditions of rules of one entity; `columns` has each, by the name under which its answer is expected."""

    def __init__(self, entity: Entity, record_key: Any) -> None:
        self.columns: dict[str, Combinable] = {}
        self._entity = entity
        self._record = entity.queryset().order_by().filter(pk=record_key)
        self._names: dict[Hashable, str] = {}

    def add(self, rule: ListRule) -> Condition:
        """The condition that a record is on the list, as `membership.condition_of_list` says it."""
        marketing_list = rule.marketing_list
        held: Condition
        if not marketing_list.is_live:
            held = self._column(("on it", marketing_list.pk), lambda: stands_on(self._entity, marketing_list))
        elif rule.root is None:
            return Joined(is_any=False, parts=())
        else:
            held = self._part(rule.root)
        if marketing_list.include_previously_contacted:
            reached = contacted_through(self._entity, marketing_list)
            if reached is not None:
                contacted = self._column(("contacted", marketing_list.pk), lambda: reached)
                return Joined(is_any=True, parts=(held, contacted))
        return held

    def _part(self, part: Part) -> Condition:
        if isinstance(part, Group):
            parts = tuple(map(self._part, part.parts))
            return Joined(is_any=part.is_any, is_inverted=part.is_inverted, parts=parts)
        if isinstance(part, OnList):
            on_any = tuple(map(self._member_of, part.lists))
            return Joined(is_any=True, is_inverted=not part.is_on, parts=on_any)
        if isinstance(part, Asked):
            # Of one entity, a path leads to one field.
            key: Hashable = (part.field.path, part.operator.name, repr(part.value))
            return self._column(key, lambda: compile_part(part, self._is_member))
        return self._column(object(), lambda: compile_part(part, self._is_member))

    def _member_of(self, rule: ListRule) -> Condition:
        """As `membership.is_member` says it, of this record: what stands against it is read once for all lists."""
        list_id = rule.marketing_list.pk
        scopes = frozenset(f"{scope} {scope_id}" for scope, scope_id in scopes_of_list(list_id).pairs())
        self._ask_what_stands_against()
        return Joined(is_any=False, parts=(self.add(rule), Reachable(list_id=list_id, scopes=scopes)))

    def _ask_what_stands_against(self) -> None:
        if _REMOVED_FROM in self.columns:
            return
        key = Subquery(self._record.values(key_on_list=as_record_id()))
        address = Subquery(self._record.values(address_on_list=address_on_list(self._entity)))
        removed = RemovedItem.objects.filter(record_id=key)
        blocking = blocking_states(self._entity.key, record=key, email_key=address)
        scope = Concat("scope", Value(" "), Cast("scope_id", TextField()), output_field=TextField())
        self.columns[_REMOVED_FROM] = ArraySubquery(removed.values("marketing_list_id"))
        self.columns[_BLOCKED_IN] = ArraySubquery(blocking.values(scope_of_list=scope))
        if is_anybody_erased():
            named = self._record.alias(address_on_list=address_on_list(self._entity))
            self.columns[_ERASED] = Exists(named.filter(address_is_erased("address_on_list")))

    def _is_member(self, rule: ListRule) -> Q:
        return is_member(self._entity, rule)

    def _column(self, key: Hashable, condition: Callable[[], Q]) -> str:
        if key not in self._names:
            name = self._names[key] = f"dotbridge_condition_{len(self._names)}"
            self.columns[name] = ExpressionWrapper(condition(), output_field=BooleanField())
        return self._names[key]


def holds(condition: Condition, answers: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds of the record that was asked; None where it rests on an answer that is missing."""
    if isinstance(condition, str):
        return bool(answers[condition]) if condition in answers else None
    if isinstance(condition, Reachable):
        return _is_reachable(condition, answers)
    known = [holds(part, answers) for part in condition.parts]
    # One that holds decides where any may, one that does not where all must.
    if condition.is_any in known:
        return condition.is_any != condition.is_inverted
    return None if None in known else condition.is_any == condition.is_inverted


def _is_reachable(condition: Reachable, answers: Mapping[str, Any]) -> bool | None:
    removed_from, blocked_in = answers.get(_REMOVED_FROM), answers.get(_BLOCKED_IN)
    if removed_from is None or blocked_in is None:
        return None
    if condition.list_id in removed_from or not condition.scopes.isdisjoint(blocked_in):
        return False
    return not answers.get(_ERASED, False)
