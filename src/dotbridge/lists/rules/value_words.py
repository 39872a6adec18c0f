"""The values of a rule as a sentence shows them: names for choices, dates and numbers as the language writes them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from dotbridge.entities.choices import Choices
from dotbridge.entities.days import site_zone
from dotbridge.entities.fields import EntityField, same_value
from dotbridge.lists.rules.operators import Operator, Shape
from dotbridge.lists.rules.periods import PERIOD_LABELS, Amount, Period, Unit

MOST_SHOWN = 5
_LONGEST_SHOWN = 60
_AMOUNTS = {
    Unit.DAY: ngettext_lazy("%(number)d day", "%(number)d days", "number"),
    Unit.WEEK: ngettext_lazy("%(number)d week", "%(number)d weeks", "number"),
    Unit.MONTH: ngettext_lazy("%(number)d month", "%(number)d months", "number"),
    Unit.YEAR: ngettext_lazy("%(number)d year", "%(number)d years", "number"),
}


@dataclass(frozen=True)
class ValueWords:
    """The names of the values that fields look up elsewhere, asked for once for the whole sentence."""

    names: dict[str, dict[Any, str]]

    @classmethod
    def of(cls, named: Iterable[tuple[EntityField, Any]]) -> ValueWords:
        """For the fields and values of a rule."""
        wanted: dict[str, tuple[Choices, set[Any]]] = {}
        for field, value in named:
            if field.lookup is not None and value is not None:
                values = value if isinstance(value, list | tuple) else [value]
                wanted.setdefault(field.path, (field.lookup, set()))[1].update(values)
        return cls({path: lookup.named(values) for path, (lookup, values) in wanted.items()})

    def of_condition(self, field: EntityField, operator: Operator, value: Any) -> dict[str, str]:
        """What a clause about the field is filled with: "value", or "low" and "high" of a range."""
        if operator.shape is Shape.RANGE:
            return {"low": self._one(field, value[0]), "high": self._one(field, value[1])}
        if operator.shape is Shape.SEVERAL:
            return {"value": self.listed([self._one(field, each) for each in value])}
        if operator.shape is Shape.DAYS:
            return {"value": str(_AMOUNTS[Unit.DAY] % {"number": value})}
        return {"value": "" if operator.shape is Shape.NOTHING else self._one(field, value)}

    def of_number(self, operator: Operator, value: Any) -> dict[str, str]:
        """The same for how many there are."""
        if operator.shape is Shape.RANGE:
            return {"low": _plain(value[0]), "high": _plain(value[1])}
        if operator.shape is Shape.SEVERAL:
            return {"value": self.listed([_plain(each) for each in value])}
        return {"value": _plain(value)}

    def listed(self, values: Sequence[str]) -> str:
        """Several values with commas and "or"; of many the first ones, and how many more there are."""
        shown, left = list(values[:MOST_SHOWN]), len(values) - MOST_SHOWN
        if left > 0:
            shown.append(ngettext("%(number)d more", "%(number)d more", left) % {"number": left})
        if len(shown) == 1:
            return shown[0]
        return _("%(values)s or %(last)s") % {"values": ", ".join(shown[:-1]), "last": shown[-1]}

    def _one(self, field: EntityField, value: Any) -> str:
        if isinstance(value, Period | Amount):
            return _plain(value)
        chosen = self.names.get(field.path, {}).get(value)
        if chosen is None:
            same = same_value(field.kind, value)
            chosen = next((str(text) for known, text in field.choices if same_value(field.kind, known) == same), None)
        return quoted(chosen) if chosen is not None else _plain(value)


def quoted(text: str) -> str:
    """The text in the quotation marks of the reader's language."""
    return _("“%(text)s”") % {"text": text}


def _plain(value: Any) -> str:
    if isinstance(value, Period):
        return str(PERIOD_LABELS[value])
    if isinstance(value, Amount):
        return str(_AMOUNTS[value.unit] % {"number": value.number})
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime.date):
        return _date(value)
    if isinstance(value, str):
        short = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…"
        return short if short.isalnum() else quoted(short)
    return str(formats.localize(value, use_l10n=True))


def _date(value: datetime.date) -> str:
    if isinstance(value, datetime.datetime):
        return formats.date_format(value.astimezone(site_zone()), "DATETIME_FORMAT")
    return formats.date_format(value, "DATE_FORMAT")
