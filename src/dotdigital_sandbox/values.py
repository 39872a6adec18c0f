"""Values of data fields: what each type takes in and what is kept (contract §2.3, §4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from dotdigital_sandbox.dates import parse_date_value, text_of

FIELD_TYPES = ("String", "Numeric", "Date", "Boolean")
_WHOLE_DIGITS = 18
_FRACTION_DIGITS = 9
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.][^@\s\x00-\x1f\x7f]*\.(?:[^@\s\x00-\x1f\x7f]*[^@\s\x00-\x1f\x7f.])"
)
EMAIL_LIMIT = 256

Taker = Callable[[Any], Any]


class ValueRefused(ValueError):
    """A value that its data field cannot hold."""


class ValueTooLong(ValueRefused):
    """A value of the right type that is too long."""


def is_email(text: str) -> bool:
    """Whether the account takes the text for an address: one ``@``, something before it, a dot inside the domain."""
    return len(text) <= EMAIL_LIMIT and _EMAIL.fullmatch(text) is not None


def taker(field_type: str, text_limit: int) -> Taker:
    """The function that turns a client's value into the kept one: None for an empty value.

    :class:`ValueRefused` else.
    """
    takers: dict[str, Taker] = {
        "String": partial(_text, limit=text_limit),
        "Numeric": _number,
        "Date": _date,
        "Boolean": _truth,
    }
    return takers[field_type]


def _text(value: Any, *, limit: int) -> str | None:
    if not isinstance(value, str):
        if isinstance(value, (dict, list)):
            raise ValueRefused
        value = "" if value is None else str(value)
    if len(value) > limit:
        raise ValueTooLong
    return value or None


def _number(value: Any) -> int | Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueRefused
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        raise ValueRefused
    try:
        number = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern above lets only numbers through
        raise ValueRefused from None
    if number == number.to_integral_value():
        if abs(number) >= Decimal(10) ** _WHOLE_DIGITS:
            raise ValueTooLong
        return int(number)
    number = number.normalize()
    exponent = number.as_tuple().exponent
    if abs(number) >= Decimal(10) ** _WHOLE_DIGITS or (isinstance(exponent, int) and -exponent > _FRACTION_DIGITS):
        raise ValueTooLong
    return number


def _date(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueRefused
    if not value.strip():
        return None
    instant = parse_date_value(value)
    if instant is None:
        raise ValueRefused
    return text_of(instant)


def _truth(value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)):
        raise ValueRefused
    truth = _TRUTHS.get(str(value).strip().lower())
    if truth is None:
        raise ValueRefused
    return truth
