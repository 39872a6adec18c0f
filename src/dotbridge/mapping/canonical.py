"""One form for a value that Dotdigital and a record write differently, and the way from Dotdigital's text to a record.

We send `7.00`, `true` and `2026-01-31T00:00:00`; Dotdigital answers `7`, `True` or `Yes` and `2026-01-31T00:00:00.000Z`
(contract §1.6, §4.3). Whether a value has changed can only be asked of one form, and it is this one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext_noop as _

from dotbridge.entities.registry import FieldKind

Coerced = str | int | Decimal | bool | date | datetime

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# More digits than any data field holds; a hostile exponent would fill the memory when it is written out.
_MOST_DIGITS = 60


class DoesNotFit(ValueError):
    """A text that is no value of the field's kind. The text says what would be one."""


def coerced(kind: FieldKind, text: str) -> Coerced | None:
    """The value that Dotdigital's text means for a field of this kind; None when it means that there is none.

    A date is taken as it is written; a moment without a zone is UTC. The year 1 is how an absent date is sometimes
    written. Raises DoesNotFit.
    """
    if not text.strip():
        return None
    if kind not in _COERCERS:
        raise DoesNotFit(_("The field holds no plain value."))
    return _COERCERS[kind](text)


def canonical(kind: FieldKind, text: str | None) -> str | None:
    """The text of a value in the one form that can be compared; None for an empty one.

    What cannot be read as this kind is compared as it stands.
    """
    if text is None:
        return None
    try:
        value = coerced(kind, text)
    except DoesNotFit:
        return text.strip()
    return None if value is None else _written(value)


def _written(value: Coerced) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace("\r\n", "\n").strip()


def _text(text: str) -> Coerced:
    return text


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise DoesNotFit(_("It is not a number.")) from None
    if not number.is_finite():
        raise DoesNotFit(_("It is not a number."))
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > _MOST_DIGITS or (isinstance(exponent, int) and -exponent > _MOST_DIGITS):
        raise DoesNotFit(_("The number has too many digits."))
    return number


def _whole_number(text: str) -> Coerced:
    number = _number(text)
    if number != number.to_integral_value():
        raise DoesNotFit(_("It is not a whole number."))
    return int(number)


def _truth(text: str) -> Coerced:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise DoesNotFit(_("It is neither true nor false.")) from None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DoesNotFit(_("It is not a date as in 2026-01-31T12:00:00.")) from None
    return None if moment.year == 1 else moment


def _day(text: str) -> Coerced | None:
    moment = _moment(text)
    return moment and moment.date()


def _instant(text: str) -> Coerced | None:
    moment = _moment(text)
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise DoesNotFit(_("The date is out of range.")) from None


_COERCERS: dict[FieldKind, Callable[[str], Coerced | None]] = {
    FieldKind.STRING: _text,
    FieldKind.INTEGER: _whole_number,
    FieldKind.DECIMAL: _number,
    FieldKind.BOOLEAN: _truth,
    FieldKind.DATE: _day,
    FieldKind.DATETIME: _instant,
}
