"""What is said of a file: what was understood, what became of its rows, and what was wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dotbridge.files.encodings import Candidate
from dotbridge.files.texts import kept

if TYPE_CHECKING:
    from dotbridge.files.records import Skipped

# Problems told one by one; of a file that is nothing but problems the rest is counted.
MOST_PROBLEMS = 1_000
MOST_SKIPPED = 100
_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a line, or one value of it, was not taken: where it stands, what it says, why, and what to do about it.

    `fields` are those of the record that it is about, where it is not about a column.
    """

    line: int
    column: str
    value: str
    why: str
    mend: str
    # The rest of the line was taken.
    taken: bool = False
    fields: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SkippedLine:
    """A line that is no contact, such as a title or a total: what it says, and what it was taken for."""

    line: int
    value: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What nothing in the file decides. `about` is "dates", "numbers", "consent" or "same address"; `column` is of the
    first three.

    `example` is one of the cells, or how many rows there are. Until it is answered dates and numbers are left out, and
    what may speak of consent takes it away.
    """

    about: str
    column: str = ""
    field: str = ""
    example: str = ""


@dataclass(kw_only=True)
class ColumnReport:
    """One column: its name, the field that it goes to, and what its rows decided.

    `field` is empty for a column without use. `chosen` says that a person chose the field, now or for an earlier file
    of the same columns. `consent` is how it speaks of consent, empty if it does not; `opted_out` and `doubtful` count
    its cells.
    """

    name: str
    field: str = ""
    label: str = ""
    chosen: bool = False
    decided: str = ""
    consent: str = ""
    opted_out: int = 0
    doubtful: int = 0
    is_empty: bool = False


@dataclass(kw_only=True)
class LoadReport:
    """What became of a file. `rows` is the sum of created, updated, unchanged, same_address and refused.

    `number` is the load's own, 0 for one that was not kept. `questions` are for a person; with `has_more` only the
    first rows of the file were looked at. `same_address` are rows whose address or id an earlier row has. `moved`
    are people who were found by their id and get another address. `opted_out` are the people whom the file says not
    to write to, `sections` what stands above some or all of them and says it. `heeded_parts` are those of
    `other_parts` whose people have opted out, and count as such where they are read as well. `skipped` are lines
    that are no contacts and are not among the rows, the first of them in `skipped_lines`. `problems` are the first
    thousand: refused rows, and rows taken without one of their values (`taken` is true); `problems_left_off` more.
    """

    entity: str
    file: str
    format: str
    encoding: str
    encoding_named: bool = False
    encoding_candidates: list[Candidate] = field(default_factory=list)
    delimiter: str = ""
    part: str = ""
    other_parts: list[str] = field(default_factory=list)
    heeded_parts: list[str] = field(default_factory=list)
    columns: list[ColumnReport] = field(default_factory=list)
    first_rows: list[list[str]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    has_more: bool = False
    dry_run: bool = False
    number: int = 0
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    same_address: int = 0
    moved: int = 0
    refused: int = 0
    opted_out: int = 0
    doubtful: int = 0
    sections: list[str] = field(default_factory=list)
    values_left_out: int = 0
    skipped: int = 0
    skipped_lines: list[SkippedLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problems_left_off: int = 0

    @property
    def unused_columns(self) -> list[str]:
        """The names of the columns that go nowhere and say nothing of consent."""
        return [
            column.name for column in self.columns if not column.field and not column.consent and not column.is_empty
        ]

    @property
    def consent_columns(self) -> list[str]:
        """The names of the columns that speak of consent."""
        return [column.name for column in self.columns if column.consent]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {**asdict(self), "unused_columns": self.unused_columns, "consent_columns": self.consent_columns}

    def as_kept(self) -> dict[str, Any]:
        """The same to be stored: its texts can be said in any language again, by `dotbridge.files.texts.in_words`."""
        stored: dict[str, Any] = kept(self.as_dict())
        return stored

    def skip(self, skipped: Skipped) -> None:
        """Note a line that is no contact."""
        self.skipped += 1
        if len(self.skipped_lines) < MOST_SKIPPED:
            self.skipped_lines.append(SkippedLine(line=skipped.line, value=shortened(skipped.text), why=skipped.why))

    def add(self, problem: Problem) -> None:
        """Note a problem: a row that is refused, or a value that is left out."""
        self.refused += not problem.taken
        self.values_left_out += problem.taken
        self.tell(problem)

    def tell(self, problem: Problem) -> None:
        """Note what somebody should know, without counting a row for it."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.problems_left_off += 1


@dataclass(kw_only=True)
class ProblemKind:
    """The same thing wrong in one column of many lines: the first of them, and how many more."""

    first: dict[str, Any]
    more: int = 0


def kinds_of(problems: Iterable[dict[str, Any]]) -> list[ProblemKind]:
    """Problems as plain values, the same thing said once a column, in the order of the lines."""
    kinds: dict[tuple[Any, ...], ProblemKind] = {}
    for problem in problems:
        same = tuple(problem[name] for name in ("column", "why", "mend", "taken"))
        if same in kinds:
            kinds[same].more += 1
        else:
            kinds[same] = ProblemKind(first=problem)
    return list(kinds.values())


def shortened(text: str) -> str:
    """A value as a report shows it: on one line, short, and without what would move a terminal's cursor."""
    flat = "".join(letter if letter.isprintable() else " " for letter in text)
    flat = " ".join(flat.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"
