"""Lengths of time for people: written and understood in English and in the language that is active."""

from __future__ import annotations

from django.utils.translation import ngettext

from dotbridge.durations import UNITS, read_duration

_DAY, _HOUR, _MINUTE = 86_400, 3600, 60


def duration_words(seconds: float) -> str:
    """4 minutes; 1 hour 30 minutes; 1 day."""
    left, parts = seconds, []
    for size in (_DAY, _HOUR, _MINUTE, 1):
        number = int(left // size) if size > 1 else round(left)
        left -= number * size
        if number:
            parts.append(_counted(size, number))
    return " ".join(parts) or _counted(1, 0)


def _counted(size: int, number: int) -> str:
    words = {
        _DAY: ngettext("%(n)d day", "%(n)d days", number),
        _HOUR: ngettext("%(n)d hour", "%(n)d hours", number),
        _MINUTE: ngettext("%(n)d minute", "%(n)d minutes", number),
        1: ngettext("%(n)d second", "%(n)d seconds", number),
    }
    return words[size] % {"n": number}


def read_duration_words(text: str) -> float:
    """The seconds that the text means, in English or in the active language. Raises ValueError."""
    own = {_counted(size, number).split()[-1].lower(): size for size in (_DAY, _HOUR, _MINUTE, 1) for number in (1, 2)}
    return read_duration(text, units={**own, **UNITS})
