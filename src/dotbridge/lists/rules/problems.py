"""What is wrong with a rule, said at its place and in the words of its fields."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[int, ...]
_LONGEST_SHOWN = 60


class ProblemKind(enum.StrEnum):
    """What has to happen: a value is missing yet, what was given cannot be, or what was fine once is gone."""

    INCOMPLETE = "incomplete"
    WRONG = "wrong"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class RuleProblem:
    """One thing to mend, with a text for people.

    `place` leads to it: positions from the top, () is the whole rule, (2, 0) the first part of the third. `within` is
    the place in the nested filter of that condition, None outside of one. `text` is for whoever sees the rule;
    `without_values` for everybody, and for the log: what a rule compares with may be a person's.
    """

    place: Place
    kind: ProblemKind
    text: str
    within: Place | None = None
    without_values: str = ""

    @property
    def for_everybody(self) -> str:
        """What is wrong, without what the rule compares with."""
        return self.without_values or self.text

    @property
    def key(self) -> str:
        """The place as one text, as the browser names it: "2.0", and "2.0/1" within a nested filter."""
        key = ".".join(map(str, self.place))
        return key if self.within is None else f"{key}/{'.'.join(map(str, self.within))}"


class PartRefused(Exception):
    """What is wrong with the part of a rule that is being read. Whoever reads the whole notes it and goes on."""

    def __init__(self, kind: ProblemKind, text: str, *, without_values: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.without_values = without_values


def wrong(text: str) -> PartRefused:
    """To be raised for what cannot be."""
    return PartRefused(ProblemKind.WRONG, text)


def broken(text: str, *, without_values: str = "") -> PartRefused:
    """To be raised for what is gone."""
    return PartRefused(ProblemKind.BROKEN, text, without_values=without_values)


def incomplete(text: str) -> PartRefused:
    """To be raised for what is not said yet."""
    return PartRefused(ProblemKind.INCOMPLETE, text)


def shown_part(text: str) -> str:
    """What was given, as a text about it shows it: its beginning, without halves of characters, which no page holds."""
    beginning = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "…"
    return beginning.encode(errors="replace").decode()


class RuleError(ValueError):
    """A rule that cannot be evaluated. `problems` are all that were found, in the order of the tree. Its text names no
    value of the rule."""

    def __init__(self, problems: Sequence[RuleProblem]) -> None:
        super().__init__(" ".join(dict.fromkeys(problem.for_everybody for problem in problems[:3])))
        self.problems = tuple(problems)
