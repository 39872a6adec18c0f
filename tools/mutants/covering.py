"""Which tests reach a line, as a run of the tests with coverage's contexts has noted it.

A statement in SQL stands in a constant, and a constant is made when its module is imported, in no test. So of what
stands outside of functions the lines count that use it, also through other constants.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Set
from functools import cache
from itertools import takewhile
from pathlib import Path

from coverage import CoverageData

# So many lines before and behind a line are close to it.
NEAR = 4
# So many tests come first by their names, and so many by what they reach.
NAMED, CLOSEST = 40, 30


class Covering:
    """The tests by line, of some files. Those that fail anyway are none. What migrations use is made with the database,
    so all tests of its app run on what stands there."""

    def __init__(
        self, root: Path, data_file: Path, files: list[Path], failing: set[str], migrated: Set[Path] = frozenset()
    ) -> None:
        self._root = root
        self._failing = failing
        self._migrated = migrated
        self._data = CoverageData(basename=str(data_file))
        self._data.read()
        texts = {path: path.read_text(encoding="utf-8") for path in files}
        self._lines = {path: text.splitlines() for path, text in texts.items()}
        self._trees = {path: ast.parse(text) for path, text in texts.items()}
        self._uses: dict[str, set[tuple[Path, int]]] = defaultdict(set)
        for path, tree in self._trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    self._uses[node.id].add((path, node.lineno))

    @cache  # noqa: B019 - it lives as long as the program
    def _by_line(self, path: Path) -> dict[int, list[str]]:
        return self._data.contexts_by_lineno(str(path.relative_to(self._root)))

    def tests_of(self, path: Path, line: int) -> list[str]:
        """The tests that reach a line, in the order in which they are likely to notice a slip in it.

        First some that are named after what stands there. Then those that reach what few others reach close to it: a
        condition that slips is noticed by the few for which it holds; among equals those that are about its file, since
        of all lines they reach most are of it. At last the modules take turns: what all tests reach, each module asks
        something else of.
        """
        places = self._reached_by(path, line, seen=set())
        found = {test for where, at in places for test in self._tests_at(where, at)}
        if path in self._migrated:
            app = next(part for part in path.relative_to(self._root).parts if part not in ("src", "dotbridge"))
            found |= {test for test in self._breadth_everywhere() if test.startswith(f"tests/{app}/")}
        found -= self._failing
        rarity: defaultdict[str, float] = defaultdict(float)
        for where, at in places:
            for near in range(at - NEAR, at + NEAR + 1):
                tests = self._tests_at(where, near)
                for test in tests:
                    rarity[test] += 1 / len(tests)
        breadth, everywhere = self._breadth(path), self._breadth_everywhere()
        ordered = sorted(found, key=lambda test: (-rarity[test], -breadth[test] / everywhere[test], test))
        named = self._named_after(path, line, places, ordered)
        first = dict.fromkeys((*named[:NAMED], *ordered[:CLOSEST]))
        return [*first, *_by_turns([test for test in ordered if test not in first])]

    def _named_after(self, path: Path, line: int, places: set[tuple[Path, int]], tests: list[str]) -> list[str]:
        """Those of the module's own tests, and those that share a word with what stands there, the rarest first.

        That is the line, its module, the functions of its `places`; and of a constant its name, and the comment above
        it, which says the rule that a statement follows. Of another module's test with many parameters the first alone.
        """
        texts = [path.stem, self._lines[path][line - 1]]
        texts += [
            f"{node.name} {ast.get_docstring(node) or ''}"
            for where, at in places
            for node in ast.walk(self._trees[where])
            if isinstance(node, ast.FunctionDef) and node.lineno <= at <= (node.end_lineno or node.lineno)
        ]
        if assignment := self._assignment(path, line):
            texts += _names_of(assignment)
            before = reversed(self._lines[path][: assignment.lineno - 1])
            texts += takewhile(lambda text: text.startswith("#"), before)
        there = set().union(*map(_words, texts))
        said = {test: self._said(test) & there for test in tests}
        number = Counter(word for words in said.values() for word in words)
        weight = {test: sum(1 / number[word] for word in words) for test, words in said.items()}
        own = f"/test_{path.stem}.py::"
        named = sorted((test for test in tests if weight[test]), key=lambda test: (own not in test, -weight[test]))
        first: dict[str, str] = {}
        for test in named:
            first.setdefault(test if own in test else test.partition("[")[0], test)
        return list(first.values())

    def _said(self, test: str) -> frozenset[str]:
        """The words of a test: of its name, and of what it calls and says."""
        file, _colons, name = test.partition("[")[0].partition("::")
        return self._said_in(file).get(name.rpartition("::")[2], frozenset()) | _words(test)

    @cache  # noqa: B019 - it lives as long as the program
    def _said_in(self, file: str) -> dict[str, frozenset[str]]:
        text = (self._root / file).read_text(encoding="utf-8")
        return {
            node.name: _words(ast.get_source_segment(text, node) or "")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        }

    def _tests_at(self, path: Path, line: int) -> set[str]:
        return {context.split("|")[0] for context in self._by_line(path).get(line, ()) if context}

    @cache  # noqa: B019 - it lives as long as the program
    def _breadth(self, path: Path) -> Counter[str]:
        """How many lines of a file each test reaches."""
        breadth: Counter[str] = Counter()
        for contexts in self._by_line(path).values():
            breadth.update({context.split("|")[0] for context in contexts})
        return breadth

    @cache  # noqa: B019 - it lives as long as the program
    def _breadth_everywhere(self) -> Counter[str]:
        """How many lines each test reaches."""
        return sum(map(self._breadth, self._trees), Counter())

    def _reached_by(self, path: Path, line: int, seen: set[str]) -> set[tuple[Path, int]]:
        """The line itself in a function; else the lines in functions that use what is assigned there."""
        assignment = self._assignment(path, line)
        if assignment is None:
            return {(path, line)}
        lines: set[tuple[Path, int]] = set()
        for name in _names_of(assignment):
            if name in seen:
                continue
            seen.add(name)
            for where, at in self._uses[name]:
                # A name that begins with an underscore is its module's own.
                if where == path or not name.startswith("_"):
                    lines |= self._reached_by(where, at, seen)
        return lines

    def _assignment(self, path: Path, line: int) -> ast.Assign | ast.AnnAssign | None:
        """What is assigned there outside of all functions, if anything is."""
        for each in self._trees[path].body:
            if isinstance(each, ast.Assign | ast.AnnAssign) and each.lineno <= line <= (each.end_lineno or each.lineno):
                return each
        return None


def _names_of(assignment: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _words(text: str) -> frozenset[str]:
    """The words of a name or a text, without the ending of a plural, and its names as they stand."""
    names = re.findall(r"[a-z_]{3,}", text.lower())
    return frozenset(word.rstrip("s") for name in names for word in (name, *name.split("_")) if len(word) > 2)


def _by_turns(tests: list[str]) -> list[str]:
    """The first test of each module, then the second of each, and so on."""
    turns: Counter[str] = Counter()
    placed = []
    for test in tests:
        module = test.partition("::")[0]
        placed.append((turns[module], test))
        turns[module] += 1
    return [test for _turn, test in sorted(placed, key=lambda each: each[0])]
