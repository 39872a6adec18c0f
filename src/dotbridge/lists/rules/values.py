"""The value of a condition, as the browser or a file gave it, read as what its field holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.entities.days import site_zone, start_of_day
from dotbridge.entities.fields import FieldKind
from dotbridge.entities.texts import NOT_STORABLE
from dotbridge.lists.rules.operators import Shape
from dotbridge.lists.rules.periods import LONGEST_ANNIVERSARY, Amount, Period, Unit

LONGEST_VALUE = 65_536
MOST_VALUES = 1_000
_LARGEST_INTEGER = 2**63 - 1
_MOST_DIGITS = 40
# A year before or after has to be a date too, in every time zone.
_FIRST_YEAR, _LAST_YEAR = 200, 9_800
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ValueRefused(ValueError):
    """A value that its field cannot hold. The text says what would be understood."""


class ValueMissing(ValueRefused):
    """There is no value yet, or a part of it is missing."""


def read_shape(kind: FieldKind, shape: Shape, value: Any) -> Any:
    """The value of an operator of this shape: None, one value, a list, a pair, an Amount, a Period or a number of days.

    Raises ValueMissing for what is not there yet and ValueRefused for what cannot be.
    """
    if shape is Shape.NOTHING:
        return None
    if shape is Shape.ONE:
        return _one(kind, value)
    if shape is Shape.SEVERAL:
        return _several(kind, value)
    if shape is Shape.RANGE:
        return _range(kind, value)
    if shape is Shape.AMOUNT:
        return _amount(value)
    return _period(value) if shape is Shape.PERIOD else _days(value)


def read_value(kind: FieldKind, value: Any) -> Any:
    """One value of the field's kind, from text or from a JSON value. A date with time may be given as a day: then it is
    a `date`, and means the whole day. Raises ValueRefused."""
    if isinstance(value, str):
        if len(value) > LONGEST_VALUE:
            raise ValueRefused(_("a value is at most %(number)d characters long.") % {"number": LONGEST_VALUE})
        if NOT_STORABLE.search(value):
            raise ValueRefused(_("a text holds no character 0 and no half of a character."))
    return _READERS[kind](value)


def _one(kind: FieldKind, value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip() and (kind is not FieldKind.STRING or not value)):
        raise ValueMissing(_("give a value."))
    return read_value(kind, value)


def _several(kind: FieldKind, value: Any) -> list[Any]:
    parts = [] if value is None else _parts(value)
    if isinstance(value, str):
        # A comma too many names no empty value, which everybody without one would match.
        parts = [part for part in parts if part]
    if not parts or "" in parts:
        raise ValueMissing(_("give at least one value."))
    if len(parts) > MOST_VALUES:
        raise ValueRefused(
            _("give at most %(number)d values; use several conditions for more.") % {"number": MOST_VALUES}
        )
    return [read_value(kind, part) for part in parts]


def _range(kind: FieldKind, value: Any) -> tuple[Any, Any]:
    if value in (None, "", [], ()):
        raise ValueMissing(_("give two values, from and to."))
    ends = _parts(value)
    if len(ends) > 2:
        raise ValueRefused(_("give two values, from and to."))
    if len(ends) < 2 or any(end is None or end == "" for end in ends):
        raise ValueMissing(_("give two values, from and to."))
    low, high = read_value(kind, ends[0]), read_value(kind, ends[1])
    if _is_after(low, high):
        # Nothing lies between them, so that its opposite would match everybody.
        raise ValueRefused(_("give the smaller or earlier value first."))
    return low, high


def _is_after(low: Any, high: Any) -> bool:
    """Whether no value lies from the one to the other."""
    if isinstance(low, str):
        # Which text comes first is for the database to say.
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::text > %s::text", [low, high])
            return bool(cursor.fetchone()[0])
    if isinstance(low, datetime.datetime) != isinstance(high, datetime.datetime):
        # A day means the whole of it, beside a moment.
        if isinstance(low, datetime.datetime):
            return bool(low >= start_of_day(high + datetime.timedelta(days=1)))
        return bool(start_of_day(low) > high)
    return bool(low > high)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise ValueRefused(_("a value is at most %(number)d characters long.") % {"number": LONGEST_VALUE})
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueRefused(_("give a list of values, or one text with commas between them."))
    return list(parts)


def _amount(value: Any) -> Amount:
    if value in (None, "", {}):
        raise ValueMissing(_("say how long."))
    if not isinstance(value, Mapping):
        raise ValueRefused(_("say how long, such as 30 days."))
    unit_given, number_given = value.get("unit"), value.get("amount")
    if number_given in (None, "") or unit_given in (None, ""):
        raise ValueMissing(_("say how long."))
    if unit_given not in list(Unit):
        raise ValueRefused(_("count in days, weeks, months or years."))
    unit, number = Unit(unit_given), _integer(number_given)
    if not 1 <= number <= Amount.most(unit):
        raise ValueRefused(_("give a number from 1 to %(most)d.") % {"most": Amount.most(unit)})
    return Amount(number, unit)


def _period(value: Any) -> Period:
    if value in (None, ""):
        raise ValueMissing(_("choose a period."))
    if not isinstance(value, str) or value not in list(Period):
        raise ValueRefused(_("choose a period, such as this month."))
    return Period(value)


def _days(value: Any) -> int:
    if value in (None, ""):
        raise ValueMissing(_("give a number of days."))
    number = _integer(value)
    if not 0 <= number <= LONGEST_ANNIVERSARY:
        raise ValueRefused(
            ngettext("give at most %(most)d day.", "give a number of days from 0 to %(most)d.", LONGEST_ANNIVERSARY)
            % {"most": LONGEST_ANNIVERSARY}
        )
    return number


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueRefused(_("give a text."))
    return str(value)


def _integer(value: Any) -> int:
    number = _decimal(value)
    if number != number.to_integral_value() or abs(number) > _LARGEST_INTEGER:
        raise ValueRefused(_("give a whole number of at most 18 digits."))
    return int(number)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _no_number()
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        raise _no_number() from None
    # A number such as 1e999999 is short to write and would fill a page of digits; of very many after the point
    # PostgreSQL takes none at all.
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(number.adjusted()) > _MOST_DIGITS or exponent < -_MOST_DIGITS:
        raise _no_number()
    return number


def _no_number() -> ValueRefused:
    return ValueRefused(_("give a number, such as 12 or 3.5."))


def _date(value: Any) -> datetime.date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value.strip()):
            return _within(datetime.date.fromisoformat(value.strip()))
    except ValueRefused:
        raise
    except ValueError:
        pass
    raise ValueRefused(_("give a date as YEAR-MONTH-DAY, such as 2026-03-31."))


def _datetime(value: Any) -> datetime.datetime | datetime.date:
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        return _date(value)
    try:
        moment = parse_datetime(value.strip()) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueRefused(_("give a date or a date with time, such as 2026-03-31 or 2026-03-31T08:00."))
    _within(moment.date())
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment, site_zone())


def _within(day: datetime.date) -> datetime.date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueRefused(
            _("give a date between the years %(first)d and %(last)d.") % {"first": _FIRST_YEAR, "last": _LAST_YEAR}
        )
    return day


def _boolean(value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False}
    found = known.get(value.strip().lower() if isinstance(value, str) else str(value).lower())
    if found is None:
        raise ValueRefused(_("give true or false."))
    return found


_READERS: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.STRING: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.DATE: _date,
    FieldKind.DATETIME: _datetime,
    FieldKind.BOOLEAN: _boolean,
}
