"""A list's rule: the JSON tree of react-querybuilder, checked and compiled to a condition.

A group is {"combinator": "and" | "or", "not": bool, "rules": [...]}, a rule is {"field": path, "operator": name,
"value": ...}. An empty group says nothing: alone it matches every record, inside another it is left out, `not` or no.

What an operator means:
- a record without a value (NULL) is unequal to every value: `!=`, `doesNotContain`, `notIn` and `notBetween` match it;
- `null` on a text also matches an empty one;
- `contains`, `beginsWith` and `endsWith` ignore letter case, `=` and `in` do not;
- a date without time, asked of a date with time, means the whole day in the time zone of the site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import and_, or_
from typing import Any

from django.db.models import BigIntegerField, BooleanField, DateField, DateTimeField, DecimalField, Func, Q, TextField
from django.db.models import Field as ModelField
from django.db.models.expressions import Combinable, ExpressionWrapper
from django.db.models.functions import TruncDate
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IContains,
    IEndsWith,
    In,
    IsNull,
    IStartsWith,
    LessThan,
    LessThanOrEqual,
    Lookup,
)

from dotbridge.entities.registry import Entity, EntityField, FieldKind, UnknownField
from dotbridge.lists.rule_values import ValueRefused, is_day, read_list, read_pair, read_value

DEEPEST = 10
MOST_RULES = 500

_COLUMNS: dict[FieldKind, type[ModelField[Any, Any]]] = {
    FieldKind.STRING: TextField,
    FieldKind.INTEGER: BigIntegerField,
    FieldKind.DECIMAL: DecimalField,
    FieldKind.DATE: DateField,
    FieldKind.DATETIME: DateTimeField,
    FieldKind.BOOLEAN: BooleanField,
}


class RuleError(ValueError):
    """A rule that cannot be understood. `place` leads to it from the top of the tree: "rules[2].rules[0]"."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place or 'The rule'}: {problem}")
        self.place = place
        self.problem = problem


@dataclass(frozen=True)
class _Question:
    """One operator asked of one field: the expression and the kind it is compared as, and the value given."""

    expression: Combinable
    kind: FieldKind
    value: Any

    def lookup(self, kind_of_lookup: type[Lookup[Any]], value: Any) -> Q:
        wrapped = ExpressionWrapper(self.expression, output_field=_COLUMNS[self.kind]())
        return Q(kind_of_lookup(wrapped, value))

    def is_null(self) -> Q:
        return self.lookup(IsNull, True)


def compile_rule(entity: Entity, tree: Mapping[str, Any] | None) -> Q:
    """The condition that the rule tree sets to records of `entity`; an empty tree matches all of them.

    Raises RuleError naming the place in the tree, the field, the value and what would be understood.
    """
    if not tree:
        return Q()
    budget = _Budget(MOST_RULES)
    return _group(entity, tree, place="", depth=1, budget=budget) or Q()


class _Budget:
    """How many more rules a tree may have."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, place: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise RuleError(place, f"a list's rule has at most {MOST_RULES} rules and groups; this one has more.")


def _group(entity: Entity, group: Mapping[str, Any], *, place: str, depth: int, budget: _Budget) -> Q | None:
    if depth > DEEPEST:
        raise RuleError(place, f"groups can be nested {DEEPEST} deep; this one is nested deeper.")
    combinator = group.get("combinator", "and")
    if combinator not in ("and", "or"):
        raise RuleError(place, f"the combinator is {_shown(combinator)}; it must be 'and' or 'or'.")
    inverted = group.get("not", False)
    if not isinstance(inverted, bool):
        raise RuleError(place, f"'not' is {_shown(inverted)}; it must be true or false.")
    rules = group.get("rules")
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise RuleError(place, f"'rules' is {_shown(rules)}; it must be a list of rules and groups.")
    parts = []
    for position, part in enumerate(rules):
        part_place = f"{place}.rules[{position}]".lstrip(".")
        budget.spend(part_place)
        if not isinstance(part, Mapping):
            raise RuleError(part_place, f"{_shown(part)} is neither a rule nor a group; both are objects.")
        if "rules" in part:
            condition = _group(entity, part, place=part_place, depth=depth + 1, budget=budget)
        else:
            condition = _rule(entity, part, place=part_place)
        if condition is not None:
            parts.append(condition)
    if not parts:
        return None
    joined = reduce(and_ if combinator == "and" else or_, parts)
    return _unless(joined) if inverted else joined


def _rule(entity: Entity, rule: Mapping[str, Any], *, place: str) -> Q:
    field = _asked_field(entity, rule.get("field"), place)
    if rule.get("valueSource", "value") != "value":
        raise RuleError(place, f"{field.path!r} is compared with another field; compare it with a value.")
    known = OPERATORS[field.kind]
    operator = rule.get("operator")
    if not isinstance(operator, str) or operator not in known:
        raise RuleError(
            place,
            f"{field.path!r} cannot be asked {_shown(operator)}; "
            f"a field of kind {field.kind.value} knows: {', '.join(known)}.",
        )
    try:
        return known[operator](_question(field, rule.get("value")))
    except ValueRefused as error:
        raise RuleError(place, f"{field.path!r} {operator} {_shown(rule.get('value'))}: {error}") from None


def _asked_field(entity: Entity, path: Any, place: str) -> EntityField:
    try:
        field = entity.field(path if isinstance(path, str) else repr(path))
    except UnknownField as error:
        raise RuleError(place, str(error)) from None
    if field.kind is FieldKind.OTHER:
        raise RuleError(place, f"{field.path!r} holds values that no rule can ask about; choose another field.")
    return field


def _question(field: EntityField, value: Any) -> _Question:
    if field.kind is FieldKind.DATETIME and is_day(value):
        return _Question(TruncDate(field.expression()), FieldKind.DATE, value)
    return _Question(field.expression(), field.kind, value)


def _compared(lookup: type[Lookup[Any]], question: _Question) -> Q:
    return question.lookup(lookup, read_value(question.kind, question.value))


def _among(question: _Question) -> Q:
    return question.lookup(In, read_list(question.kind, question.value))


def _between(question: _Question) -> Q:
    low, high = read_pair(question.kind, question.value)
    return question.lookup(GreaterThanOrEqual, low) & question.lookup(LessThanOrEqual, high)


def _is_empty(question: _Question) -> Q:
    empty = question.is_null()
    return empty | question.lookup(Exact, "") if question.kind is FieldKind.STRING else empty


def _unless(condition: Q) -> Q:
    """The complement: where SQL cannot say whether the condition holds, because of a NULL, it counts as not held."""
    # Said so that PostgreSQL still guesses well for how many rows it holds.
    held = ExpressionWrapper(condition, output_field=BooleanField())
    return Q(Func(held, template="(%(expressions)s) IS NOT TRUE", output_field=BooleanField()))


_Operators = dict[str, Callable[[_Question], Q]]
_EQUALITY: _Operators = {"=": partial(_compared, Exact), "!=": lambda question: _unless(_compared(Exact, question))}
_MEMBERSHIP: _Operators = {"in": _among, "notIn": lambda question: _unless(_among(question))}
_ORDER: _Operators = {
    "<": partial(_compared, LessThan),
    "<=": partial(_compared, LessThanOrEqual),
    ">": partial(_compared, GreaterThan),
    ">=": partial(_compared, GreaterThanOrEqual),
    "between": _between,
    "notBetween": lambda question: _unless(_between(question)),
}
_TEXT: _Operators = {
    "contains": partial(_compared, IContains),
    "doesNotContain": lambda question: _unless(_compared(IContains, question)),
    "beginsWith": partial(_compared, IStartsWith),
    "doesNotBeginWith": lambda question: _unless(_compared(IStartsWith, question)),
    "endsWith": partial(_compared, IEndsWith),
    "doesNotEndWith": lambda question: _unless(_compared(IEndsWith, question)),
}
_PRESENCE: _Operators = {"null": _is_empty, "notNull": lambda question: _unless(_is_empty(question))}
_NUMERIC: _Operators = _EQUALITY | _ORDER | _MEMBERSHIP | _PRESENCE

# Which operators a kind of field knows, under react-querybuilder's own names.
OPERATORS: dict[FieldKind, _Operators] = {
    FieldKind.STRING: _EQUALITY | _TEXT | _ORDER | _MEMBERSHIP | _PRESENCE,
    FieldKind.INTEGER: _NUMERIC,
    FieldKind.DECIMAL: _NUMERIC,
    FieldKind.DATE: _NUMERIC,
    FieldKind.DATETIME: _NUMERIC,
    FieldKind.BOOLEAN: _EQUALITY | _PRESENCE,
}


def _shown(value: Any) -> str:
    """A value as an error may show it: short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
