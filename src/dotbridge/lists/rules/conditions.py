"""Reading one condition: its operator and value, and for many records what is measured of which of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from dotbridge.entities.fields import EntityField, FieldKind, same_value
from dotbridge.entities.related_records import Collection
from dotbridge.lists.rules.operators import (
    COUNT_OPERATORS,
    EXISTENCE_OPERATORS,
    MEASURED,
    OPERATORS,
    Measure,
    Operator,
    Shape,
    operators_of,
)
from dotbridge.lists.rules.problems import Place, broken, incomplete, shown_part, wrong
from dotbridge.lists.rules.scope import COST_OF_COLLECTION, Found, Scope
from dotbridge.lists.rules.tree import Asked, Group, Measured
from dotbridge.lists.rules.values import ValueMissing, ValueRefused, read_shape

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ReadGroup = Callable[..., Group | None]
_NAMES = {"=", "!=", "in", "notIn"}


def read_asked(scope: Scope, field: EntityField, rule: Mapping[str, Any], *, place: Place) -> Asked:
    """A condition on one value. Raises PartRefused."""
    known = operators_of(field.kind, has_choices=True) if field.lookup else OPERATORS[field.kind]
    operator = _operator(rule, known, field.label)
    value = _value(field.kind, operator, rule, field.label)
    scope.spend(field)
    if operator.name in _NAMES:
        values = value if operator.shape is Shape.SEVERAL else [value]
        if field.lookup is not None:
            scope.reading.choose(scope, place, field, values)
        elif field.choices:
            _require_choices(field, values)
    return Asked(field=field, operator=operator, value=value)


def read_measured(
    scope: Scope, collection: Collection, rule: Mapping[str, Any], *, place: Place, depth: int, read_group: ReadGroup
) -> Measured:
    """A condition on many records. Raises PartRefused; what is wrong within its filter is noted."""
    scope.reading.cost += COST_OF_COLLECTION
    within = Scope(reading=scope.reading, collection=collection, owner=place)
    where = _where(within, rule.get("where"), depth, read_group)
    measure = _measure(collection, rule)
    of = _of(within, measure, rule) if measure in MEASURED else None
    kind, known = _asked_as(measure, of)
    operator = _operator(rule, known, collection.label)
    value = _value(kind, operator, rule, collection.label)
    return Measured(
        collection=collection, measure=measure, of=of, where=where, kind=kind, operator=operator, value=value
    )


def _asked_as(measure: Measure, of: EntityField | None) -> tuple[FieldKind, dict[str, Operator]]:
    if measure is Measure.EXISTS:
        return FieldKind.BOOLEAN, EXISTENCE_OPERATORS
    if of is None:
        return FieldKind.INTEGER, COUNT_OPERATORS
    if measure is Measure.SUM:
        return of.kind, COUNT_OPERATORS
    return of.kind, OPERATORS[of.kind]


def _measure(collection: Collection, rule: Mapping[str, Any]) -> Measure:
    given = rule.get("measure", Measure.EXISTS.value)
    if given in (None, "", "~"):
        raise incomplete(_("%(field)s: choose what to ask.") % {"field": collection.label})
    if not isinstance(given, str) or given not in list(Measure):
        text = _("%(field)s: ask whether there are any, their number, sum, smallest, largest or newest.")
        raise wrong(text % {"field": collection.label})
    if given == Measure.LATEST and collection.latest_by is None:
        raise wrong(_("%(field)s have no date, so nobody knows the newest.") % {"field": collection.label})
    return Measure(given)


def _of(within: Scope, measure: Measure, rule: Mapping[str, Any]) -> EntityField:
    path, label = rule.get("of"), within.collection.label if within.collection else ""
    if path in (None, "", "~"):
        raise incomplete(_("%(field)s: choose which value of them.") % {"field": label})
    found = within.find(path) if isinstance(path, str) else None
    if not isinstance(found, Found):
        shown = shown_part(path) if isinstance(path, str) else "?"
        raise broken(_("%(field)s: there is no value “%(of)s” (any more).") % {"field": label, "of": shown})
    if not within.may_see(found):
        raise wrong(_("You may not see “%(field)s”, so you cannot ask about it.") % {"field": found.label})
    if found.field.kind not in MEASURED[measure]:
        raise wrong(_("%(field)s: “%(of)s” cannot be measured in this way.") % {"field": label, "of": found.label})
    within.spend(found.field)
    return found.field


def _where(within: Scope, where: Any, depth: int, read_group: ReadGroup) -> Group | None:
    if where in (None, "", {}):
        return None
    if not isinstance(where, Mapping):
        raise wrong(_("The filter is a group of conditions."))
    return read_group(within, where, place=(), depth=depth + 1)


def _operator(rule: Mapping[str, Any], known: dict[str, Operator], label: StrOrPromise) -> Operator:
    name = rule.get("operator")
    if name in (None, "", "~"):
        raise incomplete(_("%(field)s: choose how to compare.") % {"field": label})
    if not isinstance(name, str) or name not in known:
        raise wrong(
            _("%(field)s cannot be asked “%(operator)s”. It can be asked: %(known)s.")
            % {
                "field": label,
                "operator": shown_part(str(name)),
                "known": ", ".join(dict.fromkeys(str(each.label) for each in known.values())),
            }
        )
    return known[name]


def _value(kind: FieldKind, operator: Operator, rule: Mapping[str, Any], label: StrOrPromise) -> Any:
    try:
        return read_shape(kind, operator.shape, rule.get("value"))
    except ValueMissing as error:
        raise incomplete(f"{label}: {error}") from None
    except ValueRefused as error:
        raise wrong(f"{label}: {error}") from None


def _require_choices(field: EntityField, values: Iterable[Any]) -> None:
    known = {same_value(field.kind, each): str(text) for each, text in field.choices}
    for value in values:
        if same_value(field.kind, value) not in known:
            names = {"field": field.label, "known": ", ".join(list(known.values())[:20])}
            raise broken(
                _("%(field)s: “%(value)s” is none of %(known)s.") % {**names, "value": str(value)[:60]},
                without_values=_("%(field)s: what was chosen is none of %(known)s.") % names,
            )
