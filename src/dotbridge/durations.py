"""A length of time as somebody writes it: "1 day", "4 minutes", "1 h 30 min"."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_PART = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,6})?)\s*([^\W\d_]+)\.?(?:\s*,)?(?:\s+and\b)?\s*")


def read_duration(text: str, *, units: Mapping[str, int] = UNITS) -> float:
    """The seconds that the text means. `units` are the words that are understood, in small letters, with their seconds.

    Raises ValueError for anything else, a number without a unit included: nobody knows what it counts.
    """
    rest, seconds = text.strip().lower(), 0.0
    if not rest or len(rest) > 100:
        raise ValueError(text)
    while rest:
        part = _PART.match(rest)
        if part is None or part[2] not in units:
            raise ValueError(text)
        seconds += float(part[1].replace(",", ".")) * units[part[2]]
        rest = rest[part.end() :]
    return seconds
