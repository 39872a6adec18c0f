"""Conditions that name other marketing lists: which exist, and that no list asks about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.entities.fields import FieldKind
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.operators import CHOICE_OPERATORS, Shape
from dotbridge.lists.rules.problems import RuleProblem, broken, incomplete, wrong
from dotbridge.lists.rules.scope import COST_OF_LIST, LARGEST_COST, Reading, Scope
from dotbridge.lists.rules.tree import Group, ListRule, OnList
from dotbridge.lists.rules.values import ValueMissing, ValueRefused, read_shape
from dotbridge.one_reading import is_asked_again, known_by_key

LIST_PATH = "lists.member_of"
LIST_LABEL = gettext_lazy("Is on the list")
MOST_LISTS_DEEP = 10
ReadParts = tuple[Group | None, Sequence[RuleProblem]]
LIST_OPERATORS = {name: CHOICE_OPERATORS[name] for name in ("=", "!=", "in", "notIn")}


@dataclass(frozen=True)
class ListsNamed:
    """The lists from the one that is read down to the condition: none of them may be named again below.

    `depth` counts them, the one that is read too, which need not be stored yet.
    """

    trail: tuple[MarketingList, ...]
    depth: int = 1

    def within(self, marketing_list: MarketingList) -> ListsNamed:
        """The same, one list further down."""
        return ListsNamed((*self.trail, marketing_list), self.depth + 1)


def read_on_list(
    scope: Scope, rule: Mapping[str, Any], *, read: Callable[[Reading, MarketingList], ReadParts]
) -> OnList:
    """A condition on membership of other lists. Raises PartRefused."""
    name = rule.get("operator")
    if name in (None, "", "~"):
        raise incomplete(_("Is on the list: choose whether it is or is not."))
    operator = LIST_OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None:
        raise wrong(_("A record is or is not on a list; nothing else can be asked."))
    try:
        value = read_shape(FieldKind.INTEGER, operator.shape, rule.get("value"))
    except ValueMissing:
        raise incomplete(_("Is on the list: choose a list.")) from None
    except ValueRefused:
        raise wrong(_("Is on the list: choose a list.")) from None
    found = _lists(scope, value if operator.shape is Shape.SEVERAL else [value])
    return OnList(lists=tuple(_rule(scope, each, read) for each in found), is_on=operator.name in ("=", "in"))


def keys_named(value: Any) -> list[int]:
    """The keys of the lists that a condition's value names, also several in one text; none of what cannot be read."""
    try:
        keys: list[int] = read_shape(
            FieldKind.INTEGER, Shape.SEVERAL, value if isinstance(value, str | list) else [value]
        )
    except ValueRefused:
        return []
    return keys


def _by_key(keys: set[int]) -> dict[int, MarketingList]:
    """The lists that there are; those that this reading has met are not asked for again, nor any rule by rule."""
    known = known_by_key(MarketingList)
    if missing := keys - known.keys():
        known |= MarketingList.objects.in_bulk(None if is_asked_again(MarketingList) else missing)
    return {key: known[key] for key in keys if key in known}


def _lists(scope: Scope, keys: Sequence[int]) -> list[MarketingList]:
    found = _by_key(set(keys))
    if len(found) < len(set(keys)):
        raise broken(_("Is on the list: a list that was chosen is not there any more."))
    entity = scope.reading.entity
    for each in found.values():
        if each.entity != entity.key:
            text = _("Is on the list: “%(list)s” is not of %(records)s.")
            raise wrong(text % {"list": each.name, "records": entity.plural or entity.label})
    return [found[key] for key in dict.fromkeys(keys)]


def _rule(scope: Scope, marketing_list: MarketingList, read: Callable[[Reading, MarketingList], ReadParts]) -> ListRule:
    trail = scope.reading.named.trail
    if marketing_list.pk in [each.pk for each in trail]:
        way = " → ".join([each.name for each in trail] + [marketing_list.name])
        raise broken(_("Is on the list: a list cannot ask about itself (%(way)s).") % {"way": way})
    if scope.reading.named.depth > MOST_LISTS_DEEP or scope.reading.cost > LARGEST_COST:
        raise wrong(_("Is on the list: too many lists stand behind “%(list)s”.") % {"list": marketing_list.name})
    scope.reading.cost += COST_OF_LIST
    if not marketing_list.is_live:
        return ListRule(marketing_list=marketing_list, root=None)
    root, problems = read(scope.reading, marketing_list)
    if problems:
        text = _("Is on the list: the rule of “%(list)s” has to be corrected first. %(problem)s")
        # Whoever may see this rule need not see the other one.
        raise broken(text % {"list": marketing_list.name, "problem": problems[0].for_everybody})
    return ListRule(marketing_list=marketing_list, root=root)
