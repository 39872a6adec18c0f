"""Slips in SQL that stands in Python strings: a condition is left out, or a comparison is turned.

Tools for Python see no further than the quotes. Ours read the text of a statement as far as they need to: which
conditions a WHERE, ON, HAVING, AND or OR begins, and where each of them ends.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

_IS_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|LEFT JOIN|NOT EXISTS)\b")
_BEGINS = re.compile(r"\b(WHERE|(?<!INDEX )ON|HAVING|AND|OR)\s+(?!CONFLICT\b|COMMIT\b)")
# What ends a condition on its own level, beside a closing bracket and the end of the string.
_ENDS = re.compile(
    r"\b(AND|OR|WHERE|GROUP BY|ORDER BY|LIMIT|OFFSET|RETURNING|JOIN|LEFT|CROSS|INNER|UNION|HAVING|ON|FOR|USING|SET|"
    r"WHEN|THEN|ELSE|END|WINDOW|FROM(?<!DISTINCT FROM))\b|--|\"\"\"|;"
)
_TURNED = (
    (re.compile(r"\bIS NOT DISTINCT FROM\b"), "IS DISTINCT FROM"),
    (re.compile(r"\bIS DISTINCT FROM\b"), "IS NOT DISTINCT FROM"),
    (re.compile(r"\bIS NOT NULL\b"), "IS NULL"),
    (re.compile(r"\bIS NULL\b"), "IS NOT NULL"),
    (re.compile(r"\bNOT EXISTS\b"), "EXISTS"),
    (re.compile(r"(?<!NOT )\bEXISTS\b"), "NOT EXISTS"),
    (re.compile(r"(?<![<>=!-])<>"), "="),
    (re.compile(r"(?<![<>=!@-])<=(?!>)"), "<"),
    (re.compile(r"(?<![<>=!-])>=(?!=)"), ">"),
    (re.compile(r"(?<![<>=!@-])<(?![<>=@])"), ">="),
    (re.compile(r"(?<![<>=!@-])>(?![<>=])"), "<="),
    (re.compile(r"(?<![<>=!:])=(?![<>=])"), "<>"),
)


class Slip(NamedTuple):
    """One change of a file's text: from where to where, what stands there instead, and what it is called."""

    start: int
    end: int
    text: str
    line: int
    name: str


def slips_in_sql(source: str) -> Iterator[Slip]:
    """Every slip of these kinds in the SQL of a file."""
    for start, end in _strings(source):
        text = source[start:end]
        if not _IS_SQL.search(text):
            continue
        for begins in _BEGINS.finditer(text):
            first, last = begins.end(), _end_of(text, begins.end())
            condition = text[first:last].rstrip()
            if not condition or condition == "true":
                continue
            place, line = start + first, source.count("\n", 0, start + first) + 1
            # It stays in the text, so that what is given to the statement still fits.
            without = f"(false AND ({condition}))" if begins[1] == "OR" else f"(true OR ({condition}))"
            yield Slip(place, place + len(condition), without, line, f"SQL: without {begins[1]} {_short(condition)}")
            for pattern, turned in _TURNED:
                for found in pattern.finditer(condition):
                    if _depth(condition, found.start()) == 0:
                        name = f"SQL: {turned} in place of {found[0]} in {_short(condition)}"
                        yield Slip(place + found.start(), place + found.end(), turned, line, name)


def _strings(source: str) -> Iterator[tuple[int, int]]:
    """Where the strings of a file stand, docstrings left out, as offsets of characters."""
    lines = source.splitlines(keepends=True)
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line))

    def offset(line: int, column: int) -> int:
        return begins[line - 1] + len(lines[line - 1].encode()[:column].decode())

    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
        if (is_text or isinstance(node, ast.JoinedStr)) and id(node) not in docstrings:
            assert isinstance(node, ast.expr)
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            yield offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


def _end_of(text: str, start: int) -> int:
    """Where the condition ends that begins here."""
    depth, place, is_range = 0, start, False
    while place < len(text):
        sign = text[place]
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            if depth == 0:
                return place
            depth -= 1
        elif depth == 0:
            if text.startswith("BETWEEN", place):
                is_range = True
            elif sign == '"':
                return place
            elif (found := _ENDS.match(text, place)) and (place == start or not text[place - 1].isalnum()):
                if not (found[0] == "AND" and is_range):
                    return place
                is_range = False
        place += 1
    return len(text)


def _depth(text: str, place: int) -> int:
    before = text[:place]
    return sum(map(before.count, "([{")) - sum(map(before.count, ")]}"))


def _short(condition: str) -> str:
    text = " ".join(condition.split())
    return text if len(text) <= 70 else f"{text[:69]}…"
