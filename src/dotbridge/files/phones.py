"""Phone numbers: what could be dialled is taken as it was typed, what could not is refused with its reason."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException

from dotbridge.files.damage import Unreadable, check_text
from dotbridge.files.texts import text as _

_BETWEEN = re.compile(r"\s*:::\s*|\s*[;|\n]\s*|\s*,\s*(?=\+?\(?\d)")
_DIGITS = re.compile(r"\d")
# One number as nearly all are typed. The library takes every such number, with a country that there is or without one.
_PLAIN = re.compile(r"\+?(?:[ ()./-]*\d){7,15}", re.ASCII)
# A number that some program has taken for a fraction.
_WITH_POINT = re.compile(r"(\+?\d{5,})\.0", re.ASCII)
# Room for several. What is longer is no number, and would take its time to be taken apart.
LONGEST_CELL = 1_000
_FEWEST_DIGITS, _MOST_DIGITS = 3, 20
# For numbers without a country: only their shape is looked at, and that is the same everywhere.
_ANY_REGION = "ZZ"


def read_phones(cell: str) -> tuple[str, ...]:
    """The numbers in a cell, as they were typed; the same number is not given twice. Raises Unreadable."""
    if len(cell) > LONGEST_CELL:
        raise _no_phone()
    if whole := _WITH_POINT.fullmatch(cell.strip()):
        cell = whole[1]
    if _PLAIN.fullmatch(cell):
        return (" ".join(cell.split()),)
    found: dict[str, str] = {}
    for piece in _BETWEEN.split(cell.strip()):
        text = " ".join(piece.split())
        if text:
            check_text(text, is_number=True)
            found.setdefault(_key(text), text)
    return tuple(found.values())


def _key(text: str) -> str:
    """What two spellings of a number have in common. Raises Unreadable for what is no number."""
    digits = "".join(_DIGITS.findall(text))
    if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
        raise _no_phone()
    try:
        return phonenumbers.format_number(phonenumbers.parse(text, _ANY_REGION), phonenumbers.PhoneNumberFormat.E164)
    except NumberParseException as error:
        # Without a country the library knows no more than that it could be a number.
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return digits
        raise _no_phone() from None


def _no_phone() -> Unreadable:
    return Unreadable(_("This is no phone number."), _("Write a number such as +44 20 7946 0000."))
