"""The value of a rule, as the browser or a file gave it, read as what its field holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dotbridge.entities.registry import FieldKind

LONGEST_VALUE = 1_000
MOST_VALUES = 1_000
_LARGEST_INTEGER = 2**63 - 1
# What JSON can say and a PostgreSQL text cannot hold.
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ValueRefused(ValueError):
    """A value that its field cannot hold. The text says what would be understood."""


def read_value(kind: FieldKind, value: Any) -> Any:
    """One value of the field's kind, from text or from a JSON value. Raises ValueRefused."""
    if isinstance(value, str):
        if len(value) > LONGEST_VALUE:
            raise ValueRefused(f"a value is at most {LONGEST_VALUE} characters long.")
        if _NOT_STORABLE.search(value):
            raise ValueRefused("a text holds no character 0 and no half of a character.")
    return _READERS[kind](value)


def read_list(kind: FieldKind, value: Any) -> list[Any]:
    """Values from a list, or from one text with commas between them. Raises ValueRefused."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise ValueRefused("give a list of values, or one text with commas between them.")
    if len(parts) > MOST_VALUES:
        raise ValueRefused(f"a list holds at most {MOST_VALUES} values; use several rules for more.")
    return [read_value(kind, part) for part in parts]


def read_pair(kind: FieldKind, value: Any) -> tuple[Any, Any]:
    """The two ends of a range, as a list or with a comma between them. Raises ValueRefused."""
    ends = read_list(kind, value)
    if len(ends) != 2:
        raise ValueRefused("give two values, from and to.")
    return ends[0], ends[1]


def is_day(value: Any) -> bool:
    """Whether the value, or each value of a list of them, is a date without a time."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        return False
    return all(isinstance(part, str) and _DAY.fullmatch(part.strip()) for part in parts)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueRefused("give a text.")
    return str(value)


def _integer(value: Any) -> int:
    number = _decimal(value)
    if number != number.to_integral_value() or abs(number) > _LARGEST_INTEGER:
        raise ValueRefused("give a whole number of at most 18 digits.")
    return int(number)


def _decimal(value: Any) -> Decimal:
    mend = ValueRefused("give a number, such as 12 or 3.5.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise mend
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        raise mend from None
    # A number such as 1e999999 is short to write and would fill a page of digits.
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise mend
    return number


def _date(value: Any) -> datetime.date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value.strip()):
            return datetime.date.fromisoformat(value.strip())
    except ValueError:
        pass
    raise ValueRefused("give a date as YEAR-MONTH-DAY, such as 2026-03-31.")


def _datetime(value: Any) -> datetime.datetime:
    try:
        moment = parse_datetime(value.strip()) if isinstance(value, str) else None
        if moment is not None:
            return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError):
        pass
    raise ValueRefused("give a date or a date with time, such as 2026-03-31 or 2026-03-31T08:00.")


def _boolean(value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise ValueRefused("give true or false.")
    return found


_READERS: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.STRING: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.DATE: _date,
    FieldKind.DATETIME: _datetime,
    FieldKind.BOOLEAN: _boolean,
}
