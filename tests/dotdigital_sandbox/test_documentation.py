"""The documentation says what there is, and the tests have called every operation."""

from __future__ import annotations

import re

from dotdigital_sandbox.front_door import API_ROUTES
from tests.dotdigital_sandbox.coverage_table import DOCUMENT, control_table, switches_table

ROW = re.compile(r"^\| (\w+) `([^`]+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_the_tables_are_up_to_date() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert control_table() in document
    assert switches_table() in document
    listed = [(method, path, tier) for method, path, tier, _, _ in ROW.findall(document)]
    assert sorted(listed) == sorted((route.method, route.path, route.tier) for route in API_ROUTES)


def test_every_operation_was_answered_with_success_in_some_test() -> None:
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert rows
    assert [path for _, path, _, answers, _ in rows if not re.search(r"\b20\d\b", answers)] == []
