"""What can be stored of what Dotdigital sends: its answers are as hostile as anybody's."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model
from django.utils.translation import gettext_noop as _

LARGEST_COUNT = 2**31 - 1
LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 255
# Of statuses and other words of which there are a few; Dotdigital invents new ones now and then.
LONGEST_KIND = 64

NO_ID = _("This cannot be an id.")


def is_id(number: int) -> bool:
    """Whether a number can be an id at all: hostile ones do not fit into a column."""
    return 0 < number <= LARGEST_ID


def counted(number: int) -> int:
    """A count as it can be stored."""
    return min(max(number, 0), LARGEST_COUNT)


def text(value: str | None, longest: int = LONGEST_TEXT) -> str:
    """A text as it can be stored: without NUL, and cut with an ellipsis where it is too long."""
    readable = (value or "").replace("\x00", "").strip()
    return readable if len(readable) <= longest else f"{readable[: longest - 1]}…"


def kind(value: str | None) -> str:
    """One of a few words, as it can be stored."""
    return text(value, LONGEST_KIND)


def differs(stored: Model, wanted: Model, columns: Iterable[str]) -> bool:
    """Whether a row has to be stored anew, because of one of these columns."""
    return any(getattr(stored, column) != getattr(wanted, column) for column in columns)
