"""A load's report in sentences, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from django.utils.translation import gettext as _

from dotbridge.files.encodings import Candidate
from dotbridge.files.report import LoadReport, Problem, kinds_of, shortened

MOST_PROBLEMS_SHOWN = 20
MOST_SKIPPED_SHOWN = 5


def report_lines(report: LoadReport) -> list[str]:
    """What was understood, what became of the rows, and the first problems."""
    return [*_counts(report), *understood(report), *_questions(report), *_problems(report)]


def candidate_lines(candidates: tuple[Candidate, ...]) -> list[str]:
    """The encodings that a file may have, each with a sample of what it would then say."""
    widest = max((len(each.encoding) for each in candidates), default=0)
    return [f"  {each.encoding:<{widest}}  {shortened(each.sample)}" for each in candidates]


def _counts(report: LoadReport) -> Iterator[str]:
    if report.dry_run:
        yield _("Nothing was written. A load would do this:")
    yield _(
        "%(rows)d rows: %(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(refused)d not taken."
    ) % {name: getattr(report, name) for name in ("rows", "created", "updated", "unchanged", "refused")}
    if report.same_address:
        yield _("%(number)d rows have the address of an earlier row.") % {"number": report.same_address}
    if report.moved:
        yield _("%(number)d people were found by their id and get another address.") % {"number": report.moved}
    if report.skipped:
        yield _("%(number)d lines are no contacts and were skipped:") % {"number": report.skipped}
        for line in report.skipped_lines[:MOST_SKIPPED_SHOWN]:
            yield "  " + _("line %(line)d") % {"line": line.line} + f": {line.value!r}: {line.why}"
        if report.skipped > MOST_SKIPPED_SHOWN:
            yield "  " + _("... and %(number)d more.") % {"number": report.skipped - MOST_SKIPPED_SHOWN}
    if report.values_left_out:
        yield _("%(number)d values were left out; the people were taken.") % {"number": report.values_left_out}
    yield from opted_out(report)
    if report.number:
        yield _("This is load %(number)d. For a day it can be undone: undo_file_load %(number)d") % {
            "number": report.number
        }


def opted_out(report: LoadReport) -> Iterator[str]:
    """How many people the file says not to write to, if it says that of any."""
    if report.opted_out:
        yield _(
            "%(number)d people are opted out by this file, %(doubtful)d of them because their cell is not clear."
        ) % {"number": report.opted_out, "doubtful": report.doubtful}
    if report.sections:
        yield _("Opted out by what stands above them, or by the name: %(names)s") % {
            "names": ", ".join(report.sections)
        }


def understood(report: LoadReport) -> Iterator[str]:
    """What was understood of the file: how it is written, and what its columns are."""
    how = [report.format.upper()]
    if report.encoding:
        how.append(report.encoding + (_(" (named)") if report.encoding_named else ""))
    if report.delimiter:
        mark = report.delimiter if report.delimiter.isprintable() else repr(report.delimiter)
        how.append(_("delimiter %(delimiter)s") % {"delimiter": _("tab") if report.delimiter == "\t" else mark})
    if report.part:
        how.append(shortened(report.part))
    yield _("Read as: %(how)s") % {"how": ", ".join(how)}
    for other in report.other_parts:
        if other in report.heeded_parts:
            yield _("Whoever stands in “%(part)s” as well counts as opted out. Nobody is loaded from it.") % {
                "part": shortened(other)
            }
        else:
            yield _("Not read: %(part)s") % {"part": shortened(other)}
    taken = [
        f"{shortened(column.name)} ({column.field}{': ' + column.decided if column.decided else ''})"
        for column in report.columns
        if column.field
    ]
    yield _("Columns taken: %(columns)s") % {"columns": ", ".join(taken)}
    if report.consent_columns:
        yield _("Columns of consent: %(columns)s") % {"columns": ", ".join(map(shortened, report.consent_columns))}
    if report.unused_columns:
        yield _("Columns without use: %(columns)s") % {"columns": ", ".join(map(shortened, report.unused_columns))}


def _questions(report: LoadReport) -> Iterator[str]:
    """What is asked of a column that may speak of consent. Dates, numbers and rows of one address have their lines."""
    for question in report.questions:
        if question.about == "consent":
            name = shortened(question.column)
            yield _(
                "%(column)s: %(example)r may say who is not to be written to, and is taken to say so. "
                'Say --columns "%(column)s=mailing-state" if it does, "%(column)s=unused" if not.'
            ) % {"column": name, "example": question.example}


def _problems(report: LoadReport) -> Iterator[str]:
    kinds = kinds_of(asdict(problem) for problem in report.problems)
    for kind in kinds[:MOST_PROBLEMS_SHOWN]:
        problem = Problem(**kind.first)
        where = _("line %(line)d") % {"line": problem.line} + (
            f", {shortened(problem.column)}" if problem.column else ""
        )
        more_lines = " " + _("The same in %(number)d more lines.") % {"number": kind.more} if kind.more else ""
        what = " " + _("Taken without it.") if problem.taken else ""
        yield f"{where}: {problem.value!r}: {problem.why} {problem.mend}{what}{more_lines}"
    more = sum(1 + kind.more for kind in kinds[MOST_PROBLEMS_SHOWN:]) + report.problems_left_off
    if more > 0:
        yield _("... and %(number)d more; --json names them.") % {"number": more}
