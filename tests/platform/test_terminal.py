"""The command line speaks one language, whatever the project's pages speak."""

from __future__ import annotations

import io

from django.utils.translation import override
from rich.console import Console

from dotbridge.sync.models import State, Step, SyncRun
from dotbridge.terminal import TerminalObserver, show_run


def test_a_run_is_shown_in_english_in_a_project_of_another_language() -> None:
    told = io.StringIO()
    console = Console(file=told, width=200)
    with override("fr"), TerminalObserver(console) as observer:
        step = Step(pk=1, name="address_books", state=State.SKIPPED, counts={"read": 3}, message="Read a moment ago.")
        observer.step_started(step)
        observer.step_finished(step)
        show_run(console, SyncRun(state=State.SUCCEEDED))
    assert [line.split() for line in told.getvalue().splitlines()] == [
        ["Skipped", "Address", "books", "read", "3;", "Read", "a", "moment", "ago."],
        ["Succeeded"],
    ]
