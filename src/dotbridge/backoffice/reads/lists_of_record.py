"""Which lists hold one record: the conditions of all their rules, each asked once, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dotbridge.connections.selectors import note_scopes
from dotbridge.entities.registry import Entity, UnknownEntity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.rules.one_record import Condition, ConditionsOfRecord, holds
from dotbridge.lists.selectors import list_rule
from dotbridge.one_reading import known_by_key


class ListsOfRecord:
    """All lists of an entity; `columns` are the conditions that have to be asked of the record, by name."""

    def __init__(self, known: Entity, record_key: Any) -> None:
        lists = MarketingList.objects.filter(entity=known.key).select_related("connection__address_book")
        self._lists = sorted(lists, key=lambda each: each.name)
        # Rules ask about other lists, most of which are among these.
        known_by_key(MarketingList).update({each.pk: each for each in self._lists})
        note_scopes(self._lists)
        conditions = ConditionsOfRecord(known, record_key)
        self._conditions: dict[int, Condition] = {}
        for each in self._lists:
            with suppress(RuleError, UnknownEntity):
                self._conditions[each.pk] = conditions.add(list_rule(each))
        self.columns = conditions.columns

    def with_record(self, answers: Mapping[str, Any]) -> list[MarketingList]:
        """The lists that hold the record, by name."""
        return [each for each in self._lists if self._holds(each, answers)]

    def doubtful(self, answers: Mapping[str, Any]) -> list[MarketingList]:
        """The lists of which it cannot be said, by name: a rule that is not understood, or could not be worked out."""
        return [each for each in self._lists if self._holds(each, answers) is None]

    def _holds(self, marketing_list: MarketingList, answers: Mapping[str, Any]) -> bool | None:
        condition = self._conditions.get(marketing_list.pk)
        return None if condition is None else holds(condition, answers)
