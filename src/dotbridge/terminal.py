"""What a person sees in a terminal: progress while a run works, and tables afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from django.utils.translation import override
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from dotbridge.connections.models import ListConnection
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.lists.rules import RuleError
from dotbridge.summary import run_summary
from dotbridge.sync.engine import LABELS
from dotbridge.sync.models import State, Step, SyncRun

# For all that is counted of a list, a statement at a time.
COUNT_MILLISECONDS = 120_000
STYLES = {
    State.SUCCEEDED: "green",
    State.PARTIAL: "yellow",
    State.BLOCKED: "yellow",
    State.WAITING: "yellow",
    State.FAILED: "bold red",
    State.INTERRUPTED: "bold red",
}


def in_english(text: object) -> str:
    """A text as the command line says it: it speaks English, whatever language the project's pages speak."""
    with override("en"):
        return str(text)


class TerminalObserver:
    """Shows a bar a step. Where the output is no terminal only the finished steps are printed, a line each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[int, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<26}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def step_started(self, step: Step) -> None:
        """A bar for the step, without an end as long as nobody knows one."""
        self._tasks[step.pk] = self._progress.add_task(in_english(LABELS.get(step.name, step.name)), total=None)

    def progressed(self, step: Step, done: int, total: int | None) -> None:
        """The bar moves."""
        self._progress.update(self._tasks[step.pk], completed=done, total=total)

    def step_finished(self, step: Step) -> None:
        """The bar gives way to a line that stays."""
        self._progress.remove_task(self._tasks.pop(step.pk))
        self._console.print(_line_of(step), highlight=False, soft_wrap=True)


def show_heading(console: Console, text: str) -> None:
    """A line in bold; names in it may hold anything."""
    console.print(text, style="bold", markup=False, highlight=False, soft_wrap=True)


def show_run(console: Console, run: SyncRun) -> None:
    """The run's end in one line."""
    style = STYLES.get(State(run.state), "dim")
    message = f": {escape(run.message)}" if run.message else ""
    console.print(f"[{style}]{in_english(State(run.state).label)}[/]{message}", highlight=False, soft_wrap=True)


def show_numbers(console: Console, title: str, numbers: Mapping[str, Any]) -> None:
    """A table of names and numbers; a mapping inside is shown as lines below its name."""
    show_heading(console, f"\n{title}")
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in numbers.items():
        if isinstance(number, Mapping):
            table.add_row(escape(_words(name)), str(sum(number.values())))
            for part, share in number.items():
                table.add_row(f"  [dim]{escape(_words(part))}[/]", f"[dim]{share}[/]")
        else:
            table.add_row(escape(_words(name)), str(number))
    console.print(table)


def run_as_json(run: SyncRun, links: Iterable[ListConnection]) -> dict[str, Any]:
    """The run for scripts: its state, its steps with their counts, and the summary of each connected list."""
    return {
        "integration": run.integration.name,
        "run": run.pk,
        "kind": run.kind,
        "state": run.state,
        "message": run.message,
        "steps": [
            {"step": step.name, "state": step.state, "message": step.message, **step.counts} for step in run.steps.all()
        ],
        "lists": {link.marketing_list.name: _summary(run, link) for link in links},
    }


def _summary(run: SyncRun, link: ListConnection) -> dict[str, Any]:
    """One list's; where it cannot be counted, why. What the run did to the others is said all the same."""
    try:
        with asking(link.marketing_list.entity, milliseconds=COUNT_MILLISECONDS):
            return run_summary(run, link)
    except (TookTooLong, RuleError, UnknownEntity) as error:
        return {"problem": in_english(error)}


def counts_in_words(step: Step) -> str:
    """The step's counts that are not zero: `read 5000, new 4980`."""
    return ", ".join(f"{_words(name)} {number}" for name, number in step.counts.items() if number)


def _line_of(step: Step) -> str:
    style = STYLES.get(State(step.state), "dim")
    words = "; ".join(part for part in (counts_in_words(step), step.message) if part)
    label = in_english(LABELS.get(step.name, step.name))
    return f"[{style}]{in_english(State(step.state).label):<11}[/] {label:<26} [dim]{escape(words)}[/]"


def _words(name: str) -> str:
    return name.replace("_", " ")
