"""Instants as the API writes them and the many ways in which clients write them (contract §1.6)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:[T ](?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r"\s?(?:(?P<utc>[Zz])|(?P<sign>[ +-])(?P<off_hours>\d\d):?(?P<off_minutes>\d\d))?"
)
_BRITISH = re.compile(
    r"(?P<day>\d\d?)/(?P<month>\d\d?)/(?P<year>\d{4})(?: (?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
)


def text_of(instant: datetime) -> str:
    """The instant as ``YYYY-MM-DDTHH:MM:SS.mmmZ`` in UTC."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def parse_instant(text: str) -> datetime | None:
    """The instant meant by a client's text, or None when it is none; without a zone it is taken as UTC."""
    match = _ISO.fullmatch(text.strip())
    return _build(match.groupdict()) if match else None


def parse_date_value(text: str) -> datetime | None:
    """The instant in a Date data field: as in :func:`parse_instant`, and the account's own ``31/01/2015 10:00``."""
    match = _BRITISH.fullmatch(text.strip())
    return _build(match.groupdict()) if match else parse_instant(text)


def _build(parts: dict[str, str | None]) -> datetime | None:
    def number(name: str) -> int:
        return int(parts.get(name) or 0)

    fraction = (parts.get("fraction") or "0")[:6].ljust(6, "0")
    offset = timedelta(hours=number("off_hours"), minutes=number("off_minutes"))
    if parts.get("sign") == "-":
        offset = -offset
    try:
        local = datetime(
            number("year"), number("month"), number("day"), number("hour"), number("minute"), number("second"),
            int(fraction), tzinfo=timezone(offset),
        )  # fmt: skip
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
