"""Which operations of the contract the client asked of the sandbox, and what came back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from dotdigital import operations
from dotdigital.operations import Events, Operation


def all_operations() -> Iterator[Operation]:
    """Every operation the client knows, in the order of its table."""
    for entry in vars(operations).values():
        if isinstance(entry, Events):
            yield from (each for each in entry if each is not None)
        elif isinstance(entry, Operation):
            yield entry


class Coverage:
    """Counts calls by operation and status."""

    def __init__(self) -> None:
        self._patterns = [
            (each, re.compile("/".join(_segment(part) for part in each.path.split("/")))) for each in all_operations()
        ]
        # A literal path wins over one with a name in the same place, and an id over a word.
        self._patterns.sort(key=lambda pair: (pair[0].path.count("{"), "{guid}" not in pair[0].path))
        self._statuses: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def note(self, calls: Iterable[dict[str, Any]]) -> None:
        """Adds the calls of a sandbox's log."""
        for call in calls:
            for operation, pattern in self._patterns:
                if operation.method == call["method"] and pattern.fullmatch(call["path"]):
                    self._statuses[operation.method, operation.path][int(call["status"])] += 1
                    break

    def as_markdown(self) -> str:
        """A table with a row an operation: method, path, calls, and how often each status came back."""
        lines = ["| method | path | calls | statuses |", "|---|---|---|---|"]
        for operation in all_operations():
            seen = self._statuses.get((operation.method, operation.path), {})
            statuses = ", ".join(f"{status}: {seen[status]}" for status in sorted(seen)) or "not asked"
            lines.append(f"| {operation.method} | `{operation.path}` | {sum(seen.values())} | {statuses} |")
        return "\n".join(lines) + "\n"


def _segment(part: str) -> str:
    if part == "{guid}":
        return "[0-9a-f-]{20,}"
    return "[^/]+" if part.startswith("{") else re.escape(part)


COVERAGE = Coverage()
