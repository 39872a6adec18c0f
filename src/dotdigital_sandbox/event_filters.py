"""The filters of a subscription: a JSON path into an event's data, and a pattern that the value there must match."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

# After the ``$``: .name, ['name'], ["name"], [0], and * for all that there is.
_STEP = re.compile(
    r"\.(?P<name>[^.\[\]'\"\s*]+)|\[(?P<quote>['\"])(?P<quoted>[^'\"]*)(?P=quote)\]|\[(?P<at>\d{1,6})\]|\.\*|\[\*\]"
)
_RANGE = re.compile(r"\[!?([^\]]+)\]", re.DOTALL)
Step = str | int | None


def path_of(text: str) -> list[Step]:
    """The steps of a JSON path, None for every member; raises ValueError for what is none."""
    if not text.startswith("$"):
        raise ValueError("a JSON path begins with $")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError("the JSON path cannot be read")
        at = match.end()
        if match["at"] is not None:
            steps.append(int(match["at"]))
        else:
            steps.append(match["name"] if match["name"] is not None else match["quoted"])
    return steps


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a range that runs backwards, such as ``[z-a]``."""
    for match in _RANGE.finditer(pattern):
        ranges = re.findall(r"(.)-(.)", match[1], re.DOTALL)
        if any(first > last for first, last in ranges):
            raise ValueError("a range must run from a lower to a higher character")


def matches_all(data: dict[str, Any], filters: str) -> bool:
    """Whether an event's data passes every filter of the JSON list."""
    return all(_matches(data, each) for each in json.loads(filters))


def _matches(data: dict[str, Any], one: dict[str, Any]) -> bool:
    expression = _expression(one["matchPattern"], case_sensitive=one.get("caseSensitive", True))
    return any(expression.match(_text(value)) for value in _values(data, path_of(one["field"])))


@lru_cache(maxsize=256)
def _expression(pattern: str, *, case_sensitive: bool) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern), 0 if case_sensitive else re.IGNORECASE)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _values(value: Any, steps: list[Step]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, *rest = steps
    for below in _below(value, step):
        yield from _values(below, rest)


def _below(value: Any, step: Step) -> list[Any]:
    if step is None:
        members = value.values() if isinstance(value, dict) else value
        return list(members) if isinstance(value, (dict, list)) else []
    if isinstance(value, dict):
        return [value[step]] if isinstance(step, str) and step in value else []
    return [value[step]] if isinstance(value, list) and isinstance(step, int) and step < len(value) else []
