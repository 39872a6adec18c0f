"""What can be done to a rule's tree in the browser: moving parts never loses one, nor leaves a filter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

import dotbridge

SCRIPT = Path(dotbridge.__file__).parent / "backoffice/static/backoffice/rule_tree.js"
A, B, C = ({"field": name} for name in "abc")


@pytest.fixture
def blank(page: Page) -> Page:
    """A page that holds the module alone."""
    page.route("**/rule_tree.js", lambda route: route.fulfill(path=SCRIPT, content_type="text/javascript"))
    page.route(
        "**/blank", lambda route: route.fulfill(body="<!doctype html><title>-</title>", content_type="text/html")
    )
    page.goto("http://localhost/blank")
    return page


def done(page: Page, verb: str, tree: dict[str, Any], *arguments: Any) -> tuple[Any, dict[str, Any]]:
    """The answer of the function, and the tree after it."""
    answer, after = page.evaluate(
        """async ([verb, tree, given]) => {
            const module = await import("/rule_tree.js");
            return [module[verb](tree, ...given), tree];
        }""",
        [verb, json.loads(json.dumps(tree)), list(arguments)],
    )
    return answer, after


def group(*rules: Any) -> dict[str, Any]:
    return {"rules": list(rules)}


def names(node: dict[str, Any]) -> Any:
    if "rules" not in node:
        return node["field"] + (f"?{''.join(map(str, names(node['where'])))}" if "where" in node else "")
    return [names(each) for each in node["rules"]]


@pytest.mark.parametrize(
    ("tree", "place", "direction", "to", "expected"),
    [
        (group(A, B), [1], -1, [0], ["b", "a"]),
        (group(A, B), [0], 1, [1], ["b", "a"]),
        (group(A, B), [0], -1, None, ["a", "b"]),
        (group(A, group(B)), [0], 1, [0, 0], [["a", "b"]]),
        (group(group(A), B), [1], -1, [0, 1], [["a", "b"]]),
        (group(group(A, B)), [0, 0], -1, [0], ["a", ["b"]]),
        (group(group(A, B)), [0, 1], 1, [1], [["a"], "b"]),
        (group({"field": "x", "where": group(A, B)}), [0, "where", 0], -1, None, ["x?ab"]),
        (group({"field": "x", "where": group(A, B)}), [0, "where", 0], 1, [0, "where", 1], ["x?ba"]),
    ],
)
def test_a_step_up_or_down_as_one_reads(
    blank: Page, tree: dict[str, Any], place: list[Any], direction: int, to: Any, expected: Any
) -> None:
    answer, after = done(blank, "step", tree, place, direction)
    assert (answer, names(after)) == (to, expected)


@pytest.mark.parametrize(
    ("tree", "place", "into", "position", "to", "expected"),
    [
        (group(A, B, C), [0], [], 3, [2], ["b", "c", "a"]),
        (group(A, B, C), [2], [], 0, [0], ["c", "a", "b"]),
        (group(A, group(B), C), [0], [1], 1, [0, 1], [["b", "a"], "c"]),
        (group(A, group(B), C), [2], [1], 0, [1, 0], ["a", ["c", "b"]]),
        (group(group(A), B), [0, 0], [], 2, [2], [[], "b", "a"]),
        (group(group(A), B), [0], [0], 0, None, [["a"], "b"]),
        (group({"field": "x", "where": group(A)}, B), [1], [0, "where"], 0, None, ["x?a", "b"]),
        (group({"field": "x", "where": group(A)}, B), [0, "where", 0], [], 0, None, ["x?a", "b"]),
    ],
)
def test_a_part_is_moved_and_none_is_lost(
    blank: Page, tree: dict[str, Any], place: list[Any], into: list[Any], position: int, to: Any, expected: Any
) -> None:
    answer, after = done(blank, "move", tree, place, into, position)
    assert names(after) == expected
    assert answer == to


def test_places_are_named_as_the_server_names_them(blank: Page) -> None:
    for place, key in (([], ""), ([2, 0], "2.0"), ([2, "where", 1, 0], "2/1.0"), ([2, "where"], "2/")):
        assert done(blank, "keyOf", place)[0] == key  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{", "[]", "null", "7"])
def test_what_is_no_rule_is_not_read(blank: Page, text: str) -> None:
    assert done(blank, "readTree", text)[0] is None  # type: ignore[arg-type]


def test_an_empty_rule_is_written_as_the_empty_object(blank: Page) -> None:
    assert done(blank, "writeTree", group())[0] == "{}"
    assert json.loads(done(blank, "writeTree", group(A))[0]) == {"version": 1, "rules": [A]}
