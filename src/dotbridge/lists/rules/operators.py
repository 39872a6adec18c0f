"""What can be asked of a field: the operators under react-querybuilder's own names, with the shape of their values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dotbridge.entities.fields import FieldKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Shape(enum.StrEnum):
    """What an operator is given: nothing, one value, several, two ends, {"amount", "unit"}, a period's name, days."""

    NOTHING = "nothing"
    ONE = "one"
    SEVERAL = "several"
    RANGE = "range"
    AMOUNT = "amount"
    PERIOD = "period"
    DAYS = "days"


@dataclass(frozen=True)
class Operator:
    """One question. `label` stands between field and value in the builder; `negates` names its opposite."""

    name: str
    label: StrOrPromise
    shape: Shape
    negates: str = ""


def _table(*operators: Operator) -> dict[str, Operator]:
    return {operator.name: operator for operator in operators}


_EQUALITY = _table(
    Operator("=", _("is"), Shape.ONE),
    Operator("!=", _("is not"), Shape.ONE, negates="="),
)
_MEMBERSHIP = _table(
    Operator("in", _("is one of"), Shape.SEVERAL),
    Operator("notIn", _("is none of"), Shape.SEVERAL, negates="in"),
)
_ORDER = _table(
    Operator("<", pgettext_lazy("number", "is less than"), Shape.ONE),
    Operator("<=", _("is at most"), Shape.ONE),
    Operator(">", pgettext_lazy("number", "is more than"), Shape.ONE),
    Operator(">=", _("is at least"), Shape.ONE),
    Operator("between", _("is between"), Shape.RANGE),
    Operator("notBetween", _("is not between"), Shape.RANGE, negates="between"),
)
_TEXT_ORDER = _table(
    Operator("<", _("comes before"), Shape.ONE),
    Operator("<=", _("comes before or is"), Shape.ONE),
    Operator(">", _("comes after"), Shape.ONE),
    Operator(">=", _("comes after or is"), Shape.ONE),
    Operator("between", _("is between"), Shape.RANGE),
    Operator("notBetween", _("is not between"), Shape.RANGE, negates="between"),
)
_DATE_ORDER = _table(
    Operator("<", _("is before"), Shape.ONE),
    Operator("<=", _("is on or before"), Shape.ONE),
    Operator(">", _("is after"), Shape.ONE),
    Operator(">=", _("is on or after"), Shape.ONE),
    Operator("between", _("is between"), Shape.RANGE),
    Operator("notBetween", _("is not between"), Shape.RANGE, negates="between"),
)
_TEXT = _table(
    Operator("contains", _("contains"), Shape.ONE),
    Operator("doesNotContain", _("does not contain"), Shape.ONE, negates="contains"),
    Operator("beginsWith", _("begins with"), Shape.ONE),
    Operator("doesNotBeginWith", _("does not begin with"), Shape.ONE, negates="beginsWith"),
    Operator("endsWith", _("ends with"), Shape.ONE),
    Operator("doesNotEndWith", _("does not end with"), Shape.ONE, negates="endsWith"),
)
_RELATIVE = _table(
    Operator("inLast", _("is in the last"), Shape.AMOUNT),
    Operator("notInLast", _("is not in the last"), Shape.AMOUNT, negates="inLast"),
    Operator("inNext", _("is in the next"), Shape.AMOUNT),
    Operator("notInNext", _("is not in the next"), Shape.AMOUNT, negates="inNext"),
    Operator("olderThan", _("is longer ago than"), Shape.AMOUNT),
    Operator("inPeriod", pgettext_lazy("period", "is"), Shape.PERIOD),
    Operator("notInPeriod", pgettext_lazy("period", "is not"), Shape.PERIOD, negates="inPeriod"),
    Operator("anniversaryIn", _("has its anniversary:"), Shape.PERIOD),
    Operator("anniversaryInNext", _("has its anniversary within the next days:"), Shape.DAYS),
    Operator("anniversaryInDays", _("has its anniversary in so many days:"), Shape.DAYS),
)
_PRESENCE = _table(
    Operator("null", _("is empty"), Shape.NOTHING),
    Operator("notNull", _("is not empty"), Shape.NOTHING, negates="null"),
)
_NUMERIC = _EQUALITY | _ORDER | _MEMBERSHIP | _PRESENCE
_DATES = _EQUALITY | _DATE_ORDER | _RELATIVE | _MEMBERSHIP | _PRESENCE

OPERATORS: dict[FieldKind, dict[str, Operator]] = {
    FieldKind.STRING: _EQUALITY | _TEXT | _MEMBERSHIP | _PRESENCE | _TEXT_ORDER,
    FieldKind.INTEGER: _NUMERIC,
    FieldKind.DECIMAL: _NUMERIC,
    FieldKind.DATE: _DATES,
    FieldKind.DATETIME: _DATES,
    FieldKind.BOOLEAN: _EQUALITY | _PRESENCE,
}
# Where there is a fixed set of values, parts of them and their order say nothing.
CHOICE_OPERATORS = _EQUALITY | _MEMBERSHIP | _PRESENCE


class Measure(enum.StrEnum):
    """What is asked of many records: whether there are any, how many, or one value worked out of theirs."""

    EXISTS = "exists"
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    LATEST = "latest"


MEASURE_LABELS = {
    Measure.EXISTS: _("there are any"),
    Measure.COUNT: _("number of"),
    Measure.SUM: _("sum of"),
    Measure.MIN: _("smallest"),
    Measure.MAX: _("largest"),
    Measure.LATEST: _("newest one's"),
}
_NUMBERS = (FieldKind.INTEGER, FieldKind.DECIMAL)
_ORDERED = (*_NUMBERS, FieldKind.DATE, FieldKind.DATETIME, FieldKind.STRING)
MEASURED: dict[Measure, tuple[FieldKind, ...]] = {
    Measure.SUM: _NUMBERS,
    Measure.MIN: _ORDERED,
    Measure.MAX: _ORDERED,
    Measure.LATEST: (*_ORDERED, FieldKind.BOOLEAN),
}
EXISTENCE_OPERATORS = _table(Operator("=", _("is"), Shape.ONE))
COUNT_OPERATORS = {name: each for name, each in _NUMERIC.items() if name not in _PRESENCE}


def operators_of(kind: FieldKind, *, has_choices: bool) -> dict[str, Operator]:
    """What a field of this kind can be asked, by name. Nothing for a kind that no rule can ask about."""
    if has_choices and kind in (FieldKind.STRING, FieldKind.INTEGER):
        return CHOICE_OPERATORS
    return OPERATORS.get(kind, {})
