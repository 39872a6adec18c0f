"""The clauses of a sentence about a rule, one for each operator, so that a language can say each its way."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dotbridge.entities.fields import FieldKind
from dotbridge.lists.rules.operators import Measure

_FAMILIES = {
    FieldKind.STRING: "text",
    FieldKind.INTEGER: "number",
    FieldKind.DECIMAL: "number",
    FieldKind.DATE: "date",
    FieldKind.DATETIME: "date",
    FieldKind.BOOLEAN: "boolean",
}


def family(kind: FieldKind) -> str:
    """Kinds that are spoken about alike: text, number, date or boolean."""
    return _FAMILIES[kind]


_ANY = {
    "=": _("whose %(field)s is %(value)s"),
    "!=": _("whose %(field)s is not %(value)s"),
    "in": _("whose %(field)s is one of %(value)s"),
    "notIn": _("whose %(field)s is none of %(value)s"),
    "between": _("whose %(field)s is between %(low)s and %(high)s"),
    "notBetween": _("whose %(field)s is not between %(low)s and %(high)s"),
    "null": _("whose %(field)s is empty"),
    "notNull": _("whose %(field)s is not empty"),
}
_TEXT = {
    "contains": _("whose %(field)s contains %(value)s"),
    "doesNotContain": _("whose %(field)s does not contain %(value)s"),
    "beginsWith": _("whose %(field)s begins with %(value)s"),
    "doesNotBeginWith": _("whose %(field)s does not begin with %(value)s"),
    "endsWith": _("whose %(field)s ends with %(value)s"),
    "doesNotEndWith": _("whose %(field)s does not end with %(value)s"),
    "<": _("whose %(field)s comes before %(value)s"),
    "<=": _("whose %(field)s comes before %(value)s or is it"),
    ">": _("whose %(field)s comes after %(value)s"),
    ">=": _("whose %(field)s comes after %(value)s or is it"),
}
_NUMBER = {
    "<": _("whose %(field)s is less than %(value)s"),
    "<=": _("whose %(field)s is %(value)s or less"),
    ">": _("whose %(field)s is more than %(value)s"),
    ">=": _("whose %(field)s is %(value)s or more"),
}
_DATE = {
    "=": _("whose %(field)s is on %(value)s"),
    "!=": _("whose %(field)s is not on %(value)s"),
    "<": _("whose %(field)s is before %(value)s"),
    "<=": _("whose %(field)s is on %(value)s or before"),
    ">": _("whose %(field)s is after %(value)s"),
    ">=": _("whose %(field)s is on %(value)s or after"),
    "inLast": _("whose %(field)s is in the last %(value)s"),
    "notInLast": _("whose %(field)s is not in the last %(value)s"),
    "inNext": _("whose %(field)s is in the next %(value)s"),
    "notInNext": _("whose %(field)s is not in the next %(value)s"),
    "olderThan": _("whose %(field)s is more than %(value)s ago"),
    "inPeriod": pgettext_lazy("period", "whose %(field)s is %(value)s"),
    "notInPeriod": pgettext_lazy("period", "whose %(field)s is not %(value)s"),
    "anniversaryIn": _("whose %(field)s has its anniversary %(value)s"),
    "anniversaryInNext": _("whose %(field)s has its anniversary within the next %(value)s"),
    "anniversaryInDays": _("whose %(field)s has its anniversary in %(value)s"),
}
CLAUSES = {
    (kind, name): clause
    for kind, own in {"text": _TEXT, "number": _NUMBER, "date": _DATE, "boolean": {}}.items()
    for name, clause in (_ANY | own).items()
}
COUNTED = {
    "=": _("with exactly %(value)s %(records)s"),
    "!=": _("with any number of %(records)s but %(value)s"),
    "<": _("with fewer than %(value)s %(records)s"),
    "<=": _("with at most %(value)s %(records)s"),
    ">": _("with more than %(value)s %(records)s"),
    ">=": _("with %(value)s or more %(records)s"),
    "between": _("with %(low)s to %(high)s %(records)s"),
    "notBetween": _("with fewer than %(low)s or more than %(high)s %(records)s"),
    "in": _("whose number of %(records)s is one of %(value)s"),
    "notIn": _("whose number of %(records)s is none of %(value)s"),
}
MEASURED_CLAUSES = {
    Measure.SUM: _("sum of %(field)s over all %(records)s"),
    Measure.MIN: _("smallest %(field)s of all %(records)s"),
    Measure.MAX: _("largest %(field)s of all %(records)s"),
    Measure.LATEST: _("%(field)s of the newest of the %(records)s"),
}
