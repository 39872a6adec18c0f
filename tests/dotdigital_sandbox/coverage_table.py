"""Which operations the tests called and how they were answered, as a table of docs/sandbox.md."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from dotdigital_sandbox.control_api import DEEDS
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.front_door import API_ROUTES
from dotdigital_sandbox.routing import RouteTable
from dotdigital_sandbox.settings import Switches

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox.md"
Seen = dict[tuple[str, str], tuple[set[str], set[int]]]
_ROUTES = RouteTable(API_ROUTES)


class Recorder:
    """The calls of all tests, by operation."""

    def __init__(self) -> None:
        self.seen: Seen = defaultdict(lambda: (set(), set()))

    def add(self, test_file: str, calls: list[dict[str, object]]) -> None:
        """Note the calls that one test made."""
        for call in calls:
            try:
                route, _ = _ROUTES.match(str(call["method"]), str(call["path"]))
            except ApiError:
                continue
            files, statuses = self.seen[route.method, route.path]
            files.add(test_file)
            statuses.add(int(str(call["status"])))

    def table(self) -> str:
        """The operations in the order of their paths."""
        lines = ["| operation | tier | answers seen | tests |", "|---|---|---|---|"]
        for route in sorted(API_ROUTES, key=lambda each: (each.path, each.method)):
            files, statuses = self.seen.get((route.method, route.path), (set(), set()))
            names = ", ".join(sorted(name.removeprefix("test_").removesuffix(".py") for name in files))
            answers = " ".join(map(str, sorted(statuses)))
            lines.append(f"| {route.method} `{route.path}` | {route.tier} | {answers or '-'} | {names or '-'} |")
        return "\n".join(lines)


def control_table() -> str:
    """What the control can do."""
    rows = [f"| {verb} `/_sandbox/{path}` | {meaning} |" for verb, path, _, meaning in DEEDS]
    return "\n".join(["| call | what it does |", "|---|---|", *rows])


def switches_table() -> str:
    """The switches."""
    rows = [
        f"| `{name}` | {may.replace('|', ', ')} | {default} | {meaning} |"
        for name, may, default, meaning in Switches.manual()
    ]
    return "\n".join(["| switch | may be | default | meaning |", "|---|---|---|---|", *rows])


def written(document: str, name: str, table: str) -> str:
    """The document with a table put between its marks."""
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda marks: f"{marks[1]}{table}\n{marks[2]}",
        document,
        flags=re.DOTALL,
    )


def write(recorder: Recorder) -> None:
    """Write all tables."""
    document = DOCUMENT.read_text(encoding="utf-8")
    for name, table in (("operations", recorder.table()), ("control", control_table()), ("switches", switches_table())):
        document = written(document, name, table)
    DOCUMENT.write_text(document, encoding="utf-8")
