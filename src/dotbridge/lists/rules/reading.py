"""A rule as JSON, checked against its entity: the tree that can be compiled, and all that is wrong with it."""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from dotbridge.entities.fields import FieldKind
from dotbridge.entities.registry import Entity
from dotbridge.entities.related_records import Collection
from dotbridge.entities.rights import Viewer
from dotbridge.entities.texts import NOT_STORABLE
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.conditions import read_asked, read_measured
from dotbridge.lists.rules.lists_named import LIST_PATH, ListsNamed, ReadParts, read_on_list
from dotbridge.lists.rules.problems import (
    PartRefused,
    Place,
    ProblemKind,
    RuleProblem,
    broken,
    incomplete,
    shown_part,
    wrong,
)
from dotbridge.lists.rules.scope import Reading, Scope
from dotbridge.lists.rules.tree import Group, Part

VERSION = 1
DEEPEST = 10
# What an editor keeps with a rule stands no deeper: whoever goes through it would come to an end of the stack.
DEEPEST_KEPT = 100
MOST_CONDITIONS = 500


@dataclass(frozen=True, kw_only=True)
class ReadRule:
    """A rule that was read. `root` holds what can be asked, None where that is nothing; `problems` what cannot, or not
    yet. A rule with `broken` or `wrong` conditions is not evaluated."""

    root: Group | None
    problems: tuple[RuleProblem, ...]

    def of(self, kind: ProblemKind) -> tuple[RuleProblem, ...]:
        """The problems of one kind."""
        return tuple(problem for problem in self.problems if problem.kind is kind)

    @property
    def incomplete(self) -> tuple[RuleProblem, ...]:
        """What is not said yet: while somebody types, the rest can be counted without it."""
        return self.of(ProblemKind.INCOMPLETE)

    @property
    def broken(self) -> tuple[RuleProblem, ...]:
        """What was right once, and asks about something that is gone."""
        return self.of(ProblemKind.BROKEN)

    @property
    def can_be_tried(self) -> bool:
        """Whether what was said so far is in order, although it may not be all."""
        return len(self.incomplete) == len(self.problems)


def read_rule(
    entity: Entity,
    tree: Mapping[str, Any] | None,
    *,
    marketing_list: MarketingList | None = None,
    viewer: Viewer | None = None,
) -> ReadRule:
    """Read a rule of the entity; nothing is raised, whatever the tree is. An empty one has no root: it says nothing.

    `marketing_list` is the list that the rule belongs to: it cannot ask about itself, over others neither. With a
    `viewer` a field that this person may not see is a problem.
    """
    named = ListsNamed(trail=(marketing_list,) if marketing_list is not None and marketing_list.pk else ())
    reading = Reading(entity=entity, viewer=viewer, named=named)
    root = _read(reading, tree)
    reading.check_choices()
    reading.check_cost()
    return ReadRule(root=root, problems=tuple(sorted(reading.problems, key=lambda each: each.place)))


def _read(reading: Reading, tree: Any) -> Group | None:
    if not tree and (tree is None or isinstance(tree, Mapping)):
        return None
    scope = Scope(reading=reading)
    try:
        if not isinstance(tree, Mapping):
            raise wrong(_("A rule is an object with conditions in it."))
        version = tree.get("version", VERSION)
        if version != VERSION or isinstance(version, bool):
            text = _("This rule is of version %(version)s; it can be of version 1.")
            raise wrong(text % {"version": reprlib.repr(version)})
    except PartRefused as refused:
        scope.note((), refused)
        return None
    root = read_group(scope, tree, place=(), depth=1)
    # A value that cannot be is told at its own place; this is for whatever else stands in the rule.
    if not reading.problems and (problem := _problem_of_keeping(tree)):
        scope.note((), wrong(problem))
    return root


def _problem_of_keeping(tree: Mapping[str, Any]) -> str:
    """Why it cannot be stored, also for what no rule asks about: an editor's own marks are kept with the rule."""
    rest: list[tuple[Any, int]] = [(tree, 0)]
    texts: list[str] = []
    is_storable = True
    while rest:
        part, depth = rest.pop()
        if part and depth == DEEPEST_KEPT:
            return _("The rule is nested too deep.")
        for each in (*part, *part.values()) if isinstance(part, Mapping) else part:
            # Nearly all of it is text, and whether something is a mapping takes longer to ask.
            if isinstance(each, str):
                texts.append(each)
            elif isinstance(each, list | tuple | dict | Mapping):
                rest.append((each, depth + 1))
            elif isinstance(each, float):
                is_storable = is_storable and math.isfinite(each)
    if not is_storable or NOT_STORABLE.search("".join(texts)):
        return _("The rule holds a character or a number that cannot be stored. Write it anew.")
    return ""


def read_group(scope: Scope, group: Mapping[str, Any], *, place: Place, depth: int) -> Group | None:
    """A group with all below it; None where nothing is left that could be asked. What is wrong is noted."""
    try:
        is_any, is_inverted, rules = _joint(group, depth)
    except PartRefused as refused:
        scope.note(place, refused)
        return None
    parts = []
    for position, each in enumerate(rules):
        if not _counted(scope):
            break
        inner = (*place, position)
        if isinstance(each, Mapping) and "rules" in each:
            part: Part | None = read_group(scope, each, place=inner, depth=depth + 1)
        else:
            part = _condition(scope, each, place=inner, depth=depth)
        if part is not None:
            parts.append(part)
    return Group(is_any=is_any, is_inverted=is_inverted, parts=tuple(parts)) if parts else None


def _joint(group: Mapping[str, Any], depth: int) -> tuple[bool, bool, Sequence[Any]]:
    """Whether any of its parts is enough, whether the opposite is meant, and the parts."""
    if depth > DEEPEST:
        text = _("Groups can stand in each other %(number)d deep; this one stands deeper.")
        raise wrong(text % {"number": DEEPEST})
    combinator, is_inverted, rules = group.get("combinator", "and"), group.get("not", False), group.get("rules")
    if combinator not in ("and", "or"):
        raise wrong(_("A group asks for all (“and”) or any (“or”) of its conditions."))
    if not isinstance(is_inverted, bool):
        raise wrong(_("“not” of a group is true or false."))
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise wrong(_("A group has a list of conditions and groups."))
    return combinator == "or", is_inverted, rules


def _counted(scope: Scope) -> bool:
    scope.reading.conditions += 1
    if scope.reading.conditions == MOST_CONDITIONS + 1:
        text = _("A rule has at most %(number)d conditions and groups; this one has more.")
        Scope(reading=scope.reading).note((), wrong(text % {"number": MOST_CONDITIONS}))
    return scope.reading.conditions <= MOST_CONDITIONS


def _condition(scope: Scope, condition: Any, *, place: Place, depth: int) -> Part | None:
    try:
        return _read_condition(scope, condition, place=place, depth=depth)
    except PartRefused as refused:
        scope.note(place, refused)
        return None


def _read_condition(scope: Scope, condition: Any, *, place: Place, depth: int) -> Part:
    path = _path(condition)
    if path == LIST_PATH and scope.collection is None:
        return read_on_list(scope, condition, read=_rule_of_list)
    found = scope.find(path)
    if found is None:
        raise broken(_gone(scope, path))
    if not scope.may_see(found):
        raise wrong(_("You may not see “%(field)s”, so you cannot ask about it.") % {"field": found.label})
    if isinstance(found, Collection):
        return read_measured(scope, found, condition, place=place, depth=depth, read_group=read_group)
    if found.field.kind is FieldKind.OTHER:
        raise wrong(_("“%(field)s” holds nothing that a rule can ask.") % {"field": found.label})
    return read_asked(scope, found.field, condition, place=place)


def _path(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        raise wrong(_("%(part)s is neither a condition nor a group.") % {"part": reprlib.repr(condition)})
    path = condition.get("field")
    if path in (None, "", "~"):
        raise incomplete(_("Choose a field."))
    if not isinstance(path, str):
        raise wrong(_("%(part)s is no field.") % {"part": reprlib.repr(path)})
    if condition.get("valueSource", "value") != "value":
        raise wrong(_("A field is compared with a value, not with another field."))
    return path


def _rule_of_list(reading: Reading, marketing_list: MarketingList) -> ReadParts:
    """The rule of another list, which costs as much as if it stood here."""
    other = Reading(entity=reading.entity, viewer=None, named=reading.named.within(marketing_list), cost=reading.cost)
    root = _read(other, marketing_list.rule)
    other.check_choices()
    reading.cost = other.cost
    return root, other.problems


def _gone(scope: Scope, path: str) -> str:
    shown = shown_part(path)
    close = difflib.get_close_matches(path[:200], scope.labels, n=1)
    if close:
        return _("There is no field “%(field)s” (any more). Did you mean “%(close)s”?") % {
            "field": shown,
            "close": scope.labels[close[0]],
        }
    return _("There is no field “%(field)s” (any more). Choose another one.") % {"field": shown}
