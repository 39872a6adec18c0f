"""What Dotdigital takes as a data field: a mistake is said at the form and costs no call (contract §2.3, §4.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from dotdigital.drafts import Value


class FieldType(models.TextChoices):
    """What a data field holds."""

    STRING = "String", gettext_lazy("String")
    NUMERIC = "Numeric", gettext_lazy("Numeric")
    DATE = "Date", gettext_lazy("Date")
    BOOLEAN = "Boolean", gettext_lazy("Boolean")


class Visibility(models.TextChoices):
    """Whether contacts see it on the pages where they change their preferences."""

    PRIVATE = "Private", gettext_lazy("Private")
    PUBLIC = "Public", gettext_lazy("Public")


LONGEST_NAME = 20
LONGEST_TEXT = 1000
MOST_WHOLE_DIGITS, MOST_DECIMAL_PLACES = 18, 9
MOST_OF_A_TYPE = {FieldType.STRING: 246, FieldType.NUMERIC: 50, FieldType.DATE: 49, FieldType.BOOLEAN: 50}
# Every account has these, and none of them can be deleted.
SYSTEM_FIELDS = frozenset({"FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE", "LASTSUBSCRIBED"})
_RESERVED = frozenset(
    [
        "account",
        "campaign",
        "campaignid",
        "contact",
        "contact_api_id",
        "contactid",
        "email",
        "hcontactid",
        "hemail",
        "hemail256",
        "id",
        "messagecontent",
        "mobilenumberid",
        "notes",
        "unsubscribed",
        "uniquecontactid",
    ]
)
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_TRUTHS = {"yes": "true", "true": "true", "1": "true", "no": "false", "false": "false", "0": "false"}


def checked_name(name: str) -> str:
    """The name as Dotdigital keeps it, in capitals. Raises ValidationError."""
    name = name.strip()
    if not name:
        raise ValidationError(_("A data field needs a name."))
    if len(name) > LONGEST_NAME:
        raise ValidationError(
            _("The name has %(length)s characters; Dotdigital takes at most %(most)s.")
            % {"length": len(name), "most": LONGEST_NAME}
        )
    if not _NAME.fullmatch(name):
        raise ValidationError(_("Only letters (A to Z), digits, hyphens and underscores can be in the name."))
    if name.lower() in _RESERVED:
        raise ValidationError(_("Dotdigital keeps the name %(name)s for itself. Choose another one.") % {"name": name})
    return name.upper()


def checked_default(kind: str, text: str) -> str:
    """A default value in the form it is kept and sent in; the empty text for none. Raises ValidationError."""
    if not text.strip():
        return ""
    problem, check = _DEFAULTS[FieldType(kind)]
    try:
        return check(text)
    except (ValueError, InvalidOperation, OverflowError):
        raise ValidationError(str(problem)) from None


def fits(kind: str, text: str) -> bool:
    """Whether a data field of this type takes the text as a value."""
    try:
        checked_default(kind, text)
    except ValidationError:
        return False
    return True


def default_to_send(kind: str, text: str) -> Value:
    """A checked default value as the contract's JSON has it: a number, a truth, a text, or nothing."""
    if not text:
        return None
    if kind == FieldType.BOOLEAN:
        return text == "true"
    if kind == FieldType.NUMERIC:
        number = Decimal(text)
        if number == number.to_integral_value():
            return int(number)
        # A number that JSON readers would round goes as text; Dotdigital reads both.
        return float(number) if Decimal(repr(float(number))) == number else text
    return text


def same_default(kind: str, kept: str, remote: object) -> bool:
    """Whether Dotdigital's default is the one that was asked for; it writes dates and numbers in its own way."""
    if remote in (None, "", "null"):
        return not kept
    try:
        return checked_default(kind, str(remote)) == kept
    except ValidationError:
        return False


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise ValueError
    return text


def _number(text: str) -> str:
    number = Decimal(text.strip())
    if not number.is_finite() or number.adjusted() >= MOST_WHOLE_DIGITS or round(number, MOST_DECIMAL_PLACES) != number:
        raise ValueError
    return format(number.normalize() if number else Decimal(0), "f")


def _truth(text: str) -> str:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


_DEFAULTS: dict[FieldType, tuple[StrOrPromise, Callable[[str], str]]] = {
    FieldType.STRING: (gettext_lazy("The default value is longer than 1,000 characters."), _text),
    FieldType.NUMERIC: (
        gettext_lazy(
            "The default value must be numeric, such as 0 or 12.5: at most 18 digits before the point and 9 after it."
        ),
        _number,
    ),
    FieldType.DATE: (
        gettext_lazy("The default value must be a valid date, such as 2026-01-31 or 2026-01-31T12:00:00."),
        _moment,
    ),
    FieldType.BOOLEAN: (gettext_lazy("The default value must be yes or no."), _truth),
}
