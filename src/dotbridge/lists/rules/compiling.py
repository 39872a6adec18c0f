"""A rule that was read, as a condition for the database: one statement, whatever the rule asks.

What is defined here for all of them: a record without a value (NULL) is unequal to every value, so that every negation
(`!=`, `notIn`, `doesNotContain`, an inverted group) matches it; it comes neither before nor after any value.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateField,
    DateTimeField,
    DecimalField,
    Exists,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models import Field as ModelField
from django.db.models.expressions import Combinable, ExpressionWrapper
from django.db.models.functions import Coalesce
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

from dotbridge.entities.days import LocalDay, start_of_day, today
from dotbridge.entities.fields import FieldKind
from dotbridge.lists.rules.operators import Measure, Operator
from dotbridge.lists.rules.periods import (
    Amount,
    Days,
    Period,
    Unit,
    days_of_year,
    last_amount,
    moved,
    named_period,
    next_amount,
)
from dotbridge.lists.rules.tree import Asked, Group, ListRule, Measured, OnList, Part

# Made once, since a page compiles a thousand conditions and nobody changes them.
_COLUMNS: dict[FieldKind, ModelField[Any, Any]] = {
    FieldKind.STRING: TextField(),
    FieldKind.INTEGER: BigIntegerField(),
    FieldKind.DECIMAL: DecimalField(),
    FieldKind.DATE: DateField(),
    FieldKind.DATETIME: DateTimeField(),
    FieldKind.BOOLEAN: BooleanField(),
}
_TRUTH = _COLUMNS[FieldKind.BOOLEAN]
# A name that no field of a host has.
_MEASURED = "dotbridge_measured"
_ONE_DAY = datetime.timedelta(days=1)
ConditionOfList = Callable[[ListRule], Q]


def compile_group(group: Group | None, on_list: ConditionOfList) -> Q:
    """The condition of a rule's tree. `on_list` says the same of another list that the rule names."""
    if group is None:
        return Q()
    joined = reduce(or_ if group.is_any else and_, [compile_part(part, on_list) for part in group.parts])
    return unless(joined) if group.is_inverted else joined


def unless(condition: Q) -> Q:
    """The complement: where SQL cannot say whether the condition holds, because of a NULL, it counts as not held."""
    # Said so that PostgreSQL still guesses well for how many rows it holds.
    held = ExpressionWrapper(condition, output_field=_TRUTH)
    return Q(Func(held, template="(%(expressions)s) IS NOT TRUE", output_field=_TRUTH))


def compile_part(part: Part, on_list: ConditionOfList) -> Q:
    """The condition of one part of a rule's tree."""
    if isinstance(part, Group):
        return compile_group(part, on_list)
    if isinstance(part, OnList):
        on_any = reduce(or_, [on_list(each) for each in part.lists])
        return on_any if part.is_on else unless(on_any)
    if isinstance(part, Measured):
        return _measured(part, on_list)
    return _asked(part)


def _asked(asked: Asked) -> Q:
    return _compared(asked.field.expression(), asked.field.kind, asked.operator, asked.value)


def _measured(part: Measured, on_list: ConditionOfList) -> Q:
    rows = part.collection.rows()
    if part.where is not None:
        rows = rows.filter(compile_group(part.where, on_list))
    if part.measure is Measure.EXISTS:
        return Q(Exists(rows)) if part.value else Q(~Exists(rows))
    return _compared(_worked_out(part, rows), part.kind, part.operator, part.value)


class _OverRows(Subquery):
    """An aggregate over the rows of a subquery, which stays one value where there are none."""

    template = "(SELECT %(function)s FROM (%(subquery)s) AS measured_rows)"


def _worked_out(part: Measured, rows: QuerySet[Any]) -> Combinable:
    column = _COLUMNS[part.kind]
    if part.of is None:
        return _OverRows(rows.values("pk"), function="count(*)", output_field=BigIntegerField())
    value = ExpressionWrapper(part.of.expression(), output_field=_COLUMNS[part.of.kind])
    if part.measure is Measure.LATEST:
        # Of two with the same moment, the one that was made later.
        newest = rows.order_by(F(str(part.collection.latest_by)).desc(nulls_last=True), "-pk")
        return Subquery(newest.annotate(**{_MEASURED: value}).values(_MEASURED)[:1], output_field=column)
    measured = rows.annotate(**{_MEASURED: value}).values(_MEASURED)
    result = _OverRows(measured, function=f"{part.measure.value}({_MEASURED})", output_field=column)
    return Coalesce(result, Value(0), output_field=column) if part.measure is Measure.SUM else result


def _compared(expression: Combinable, kind: FieldKind, operator: Operator, value: Any) -> Q:
    if operator.negates:
        return unless(_held(expression, kind, operator.negates, value))
    return _held(expression, kind, operator.name, value)


def _held(expression: Combinable, kind: FieldKind, name: str, value: Any) -> Q:
    if kind in (FieldKind.DATE, FieldKind.DATETIME):
        return _dated(expression, kind, name, value)
    if name == "null":
        empty = _lookup(IsNull, expression, kind, True)
        return empty | _lookup(Exact, expression, kind, "") if kind is FieldKind.STRING else empty
    if name == "between":
        low, high = value
        return _lookup(GreaterThanOrEqual, expression, kind, low) & _lookup(LessThanOrEqual, expression, kind, high)
    return _lookup(_LOOKUPS[name], expression, kind, value)


def _lookup(kind_of_lookup: type[Lookup[Any]], expression: Combinable, kind: FieldKind, value: Any) -> Q:
    return Q(kind_of_lookup(ExpressionWrapper(expression, output_field=_COLUMNS[kind]), value))


_LOOKUPS: dict[str, type[Lookup[Any]]] = {
    "=": Exact,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
    "in": In,
    "contains": IContains,
    "beginsWith": IStartsWith,
    "endsWith": IEndsWith,
}


def _dated(expression: Combinable, kind: FieldKind, name: str, value: Any) -> Q:
    if name == "null":
        return _lookup(IsNull, expression, kind, True)
    if name in _LOOKUPS and name not in ("=", "in"):
        return _on_one_side(expression, kind, name, value)
    if name == "olderThan":
        return _on_one_side(expression, kind, "<", moved(today(), value, -1))
    if name.startswith("anniversary"):
        return _comes_round(expression, kind, name, value)
    return reduce(or_, [_between(expression, kind, low, high) for low, high in _ranges(name, value)])


def _ranges(name: str, value: Any) -> list[tuple[Any, Any]]:
    """The ranges that are asked for, of days or moments, both ends in them."""
    if name in ("=", "in"):
        return [(each, each) for each in (value if name == "in" else [value])]
    if name == "between":
        return [value]
    days = _period(name, value)
    return [(days.first, days.last)]


def _period(name: str, value: Amount | Period) -> Days:
    if isinstance(value, Period):
        return named_period(value, today())
    return last_amount(value, today()) if name == "inLast" else next_amount(value, today())


def _between(expression: Combinable, kind: FieldKind, low: Any, high: Any) -> Q:
    """From `low` to `high`, both included. A day means the whole of it, also beside a moment."""
    return _on_one_side(expression, kind, ">=", low) & _on_one_side(expression, kind, "<=", high)


def _on_one_side(expression: Combinable, kind: FieldKind, name: str, value: Any) -> Q:
    if kind is FieldKind.DATETIME and not isinstance(value, datetime.datetime):
        # Asked as moments, so that an index on the column helps and no row has to be converted.
        if name in (">", "<="):
            value += _ONE_DAY
        value = start_of_day(value)
        name = {">": ">=", "<=": "<"}.get(name, name)
    return _lookup(_LOOKUPS[name], expression, kind, value)


def _comes_round(expression: Combinable, kind: FieldKind, name: str, value: Any) -> Q:
    if name == "anniversaryIn":
        days = named_period(value, today())
    else:
        last = moved(today(), Amount(value, Unit.DAY), 1)
        days = Days(today() if name == "anniversaryInNext" else last, last)
    day: Combinable = LocalDay(expression) if kind is FieldKind.DATETIME else expression
    return Q(In(_MonthAndDay(day), days_of_year(days)))


class _MonthAndDay(Func):
    """The place of a day in its year: month x 100 + day of the month."""

    template = "to_char(%(expressions)s, 'MMDD')::integer"
    output_field = IntegerField()
