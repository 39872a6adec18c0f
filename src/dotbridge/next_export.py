"""What an export would do, shown: a table for people, JSON for scripts, a CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from django.db import DataError, ProgrammingError
from django.utils.translation import override
from rich.console import Console
from rich.table import Table

from dotbridge.connections.models import ListConnection
from dotbridge.entities.faults import faulty
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.entities.time_limits import StatementRefused
from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration
from dotbridge.lists.rules import RuleError
from dotbridge.spreadsheets import csv_line, guarded
from dotbridge.sync.call_plan import CallPlan, plan_of_export
from dotbridge.sync.failures import restore_connection
from dotbridge.sync.outbound.next_export import (
    BookGone,
    ExportKind,
    ExportNumbers,
    ExportRow,
    FieldChange,
    NextExport,
    next_export,
)

COLUMNS = ("list", "what", "email", "record", "reason", "data_field", "before", "after")
# So many rows of a kind a person is shown; the CSV has all.
SHOWN = 5


def find_connections(integrations: Iterable[Integration], name: str | None) -> list[ListConnection]:
    """The connected lists of these accounts, or the one of this name. Raises OperatorError, naming those there are."""
    links = list(
        ListConnection.objects.filter(address_book__integration__in=list(integrations), address_book__gone_at=None)
        .select_related("marketing_list", "address_book__integration")
        .order_by("marketing_list__name")
    )
    # One may be called by another one's number.
    found = [link for link in links if name in {None, link.marketing_list.name}]
    found = found or [link for link in links if name == str(link.marketing_list_id)]
    if not found:
        names = ", ".join(str(link.marketing_list) for link in links) or "none"
        asked = "No list is connected" if name is None else f"--list={name!r} is not a connected list"
        raise OperatorError(f"{asked}; there are: {names}.")
    return found


def show_next_export(console: Console, link: ListConnection) -> None:
    """Print what one list's next export would do: the counts, and some rows of each kind."""
    with _worked_out(link) as found:
        export = found.numbers()
        table = Table("", "Rows", title=str(link), title_justify="left")
        for kind, rows in export.counts.items():
            table.add_row(kind.value, f"{rows:,}")
        console.print(table)
        for row in found.rows(most_a_kind=SHOWN):
            console.print(f"  {_in_words(row)}", highlight=False, markup=False)
    plan = plan_of_numbers(link, export.counts)
    with override("en"):
        console.print(f"What it takes: {plan.in_words()}.", highlight=False)
    if export.asks_first:
        console.print("The export would stop and ask before it takes them out of the address book.", style="bold")


def next_export_as_json(link: ListConnection) -> dict[str, Any]:
    """One list's counts, for scripts. Raises OperatorError when the list cannot be worked out."""
    with _worked_out(link) as found:
        export = found.numbers()
    plan = plan_of_numbers(link, export.counts)
    calls = {"calls": plan.calls, "minutes": plan.minutes}
    return {"list": str(link.marketing_list), "address_book": str(link.address_book), **_as_json(export), **calls}


def plan_of_numbers(link: ListConnection, counts: Mapping[ExportKind, int]) -> CallPlan:
    """The calls that an export with these numbers takes."""
    sent = counts[ExportKind.NEW] + counts[ExportKind.ADD] + counts[ExportKind.UPDATE]
    return plan_of_export(link, sent=sent, removed=counts[ExportKind.REMOVE])


def csv_lines(
    link: ListConnection, *, may_be_shown: Callable[[FieldChange], bool] = lambda _change: True
) -> Iterator[str]:
    """The rows of one list's next export as the lines of a CSV with a header, streamed: a line a changed data field.

    Changes of data fields that may not be shown are left out. Raises OperatorError when the list cannot be worked out.
    """
    yield csv_line(COLUMNS)
    with _worked_out(link) as found:
        for row in found.rows():
            start = (str(link.marketing_list), row.kind.value, row.email, row.record_id, row.reason)
            for change in row.only(may_be_shown).changes or (None,):
                cells = ("", "", "") if change is None else (change.data_field, change.before or "", change.after or "")
                yield csv_line(guarded([*start, *cells]))


def write_csv(file: TextIO, links: Iterable[ListConnection]) -> list[str]:
    """Write the next exports of some lists into one file. Answers why not, for each that cannot be worked out."""
    problems = []
    for number, link in enumerate(links):
        lines = csv_lines(link)
        if number:
            next(lines)
        try:
            file.writelines(lines)
        except OperatorError as error:
            problems.append(str(error))
    return problems


@contextmanager
def _worked_out(link: ListConnection) -> Iterator[NextExport]:
    try:
        with next_export(link) as found:
            yield found
    except (BookGone, RuleError, UnknownEntity, UnknownField) as error:
        raise OperatorError(f"{link}: {error}") from error
    except (DataError, ProgrammingError) as error:
        restore_connection()
        text = faulty(link.marketing_list.entity, StatementRefused(error).kind)
        raise OperatorError(f"{link}: {text}") from error


def _as_json(export: ExportNumbers) -> dict[str, Any]:
    return {
        **{kind.value: rows for kind, rows in export.counts.items()},
        "book_size": export.book_size,
        "asks_first": export.asks_first,
    }


def _in_words(row: ExportRow) -> str:
    said = "; ".join(f"{change.data_field}: {change.before or 'nothing'} → {_after(change)}" for change in row.changes)
    return " ".join(filter(None, [f"{row.kind.value:12}", row.email, said or row.reason]))


def _after(change: FieldChange) -> str:
    return "kept" if change.after is None else change.after or "nothing"
