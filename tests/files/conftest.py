"""What the tests of files share: somebody who keeps opt-outs, and a way to load a file into the example CRM."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from dotbridge.files.encodings import Candidate
from dotbridge.files.models import FileLoad, LoadState
from dotbridge.files.opt_outs import OptOutRow, OptOuts, receive_opt_outs, stop_receiving
from dotbridge.files.report import ColumnReport, LoadReport, Problem, Question, SkippedLine
from dotbridge.files.services import load_file
from dotbridge.files.understanding import Choices
from dotbridge.files.waiting import run_load

CASES = Path(__file__).resolve().parent / "cases"


class OptOutKeeper:
    """Keeps what it is given, as an app that keeps consent would."""

    def __init__(self) -> None:
        self.rows: list[OptOutRow] = []
        self.sources: list[tuple[str, str]] = []

    def __call__(self, cursor: Any, opt_outs: OptOuts) -> None:
        self.sources.append((opt_outs.entity_key, opt_outs.source_name))
        self.rows += opt_outs.rows()

    def emails(self) -> set[str]:
        return {row.email for row in self.rows}


@pytest.fixture
def keeper() -> Iterator[OptOutKeeper]:
    kept = OptOutKeeper()
    receive_opt_outs(kept)
    yield kept
    stop_receiving(kept)


def load(content: str | bytes, *, entity: str = "crm.contact", dry_run: bool = False, **choices: Any) -> LoadReport:
    raw = content.encode() if isinstance(content, str) else content
    return load_file(
        file=io.BytesIO(raw), name="people.csv", entity=entity, choices=Choices(**choices), dry_run=dry_run
    )


Load = Callable[..., LoadReport]


def load_case(name: str, **choices: Any) -> LoadReport:
    return load((CASES / f"{name}.csv").read_bytes(), **choices)


def command_case(name: str, *, same_address: str | None = None) -> LoadReport:
    """A case by the command line, its report read from the JSON that it prints."""
    told = io.StringIO()
    options = [f"--same-address={same_address}"] if same_address else []
    call_command("load_file", "crm.contact", str(CASES / f"{name}.csv"), "--json", *options, stdout=told)
    return report_of(json.loads(told.getvalue()))


def page_case(name: str, *, same_address: str | None = None) -> LoadReport:
    """A case by the pages: given, looked at, asked questions answered, loaded by the worker.

    The report is what the page showed before an answer. Whoever is asked leaves out what is not clear, and takes the
    first of several rows, which is what the other ways do without an answer.
    """
    client = Client()
    client.force_login(User.objects.get_or_create(username="mona", is_staff=True, is_superuser=True)[0])
    file = SimpleUploadedFile(f"{name}.csv", (CASES / f"{name}.csv").read_bytes())
    page = client.post(reverse("dotbridge:file-add"), {"file": file, "entity": "crm.contact"}, follow=True)
    load = FileLoad.objects.latest("pk")
    sent = chosen(page, same_address=same_address)
    if same_address:
        page = client.post(reverse("dotbridge:file-look", args=[load.pk]), sent)
    shown = report_of(page.context["report"])
    questions = {question.about: question for question in shown.questions}
    assert page.context["can_load"] is (not questions), "what nothing decides is asked, and nothing else"
    for column in page.context["columns"]:
        if column.asks in {"dates", "numbers"}:
            sent[f"written-{column.number}"] = "leave"
    client.post(
        reverse("dotbridge:file-start", args=[load.pk]),
        {**sent, "same_address": same_address or ("first" if "same address" in questions else "")},
    )
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert load.state == LoadState.LOADED, load.message_in_words
    loaded = report_of(load.report_in_words)
    assert counts(loaded) == counts(shown)
    return dataclasses.replace(shown, number=loaded.number)


def chosen(page: Any, **changed: str | None) -> dict[str, str]:
    """What the form of a file's page would send, with some of it changed."""
    sent = {"choosing": "1", "headers": page.context["headers"], "without_use": page.context["without_use"]}
    for column in page.context["columns"]:
        sent[f"goes-{column.number}"] = next(option.value for option in column.goes if option.is_chosen)
        if column.written:
            sent[f"written-{column.number}"] = next(option.value for option in column.written if option.is_chosen)
    return {**sent, **{name: value for name, value in changed.items() if value is not None}}


def report_of(told: dict[str, Any]) -> LoadReport:
    """A report from its JSON."""
    nested = {
        "columns": ColumnReport,
        "problems": Problem,
        "questions": Question,
        "skipped_lines": SkippedLine,
        "encoding_candidates": Candidate,
    }
    derived = {"unused_columns", "consent_columns"}
    plain = {name: value for name, value in told.items() if name not in {*nested, *derived}}
    lists = {name: [kind(**each) for each in told[name]] for name, kind in nested.items()}
    return LoadReport(**plain, **lists)


def counts(report: LoadReport) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, refused; and that nothing is missing."""
    taken = report.created + report.updated + report.unchanged + report.same_address
    assert report.rows == taken + report.refused
    return report.created, report.updated, report.unchanged, report.refused
