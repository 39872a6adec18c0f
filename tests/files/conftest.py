"""What the tests of files share: somebody who keeps opt-outs, and a way to load a file into the example CRM."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dotbridge.files.opt_outs import OptOutRow, OptOuts, receive_opt_outs, stop_receiving
from dotbridge.files.report import LoadReport
from dotbridge.files.services import load_file
from dotbridge.files.understanding import Choices

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


def load_case(name: str, **choices: Any) -> LoadReport:
    return load((CASES / f"{name}.csv").read_bytes(), **choices)


def counts(report: LoadReport) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, refused; and that nothing is missing."""
    taken = report.created + report.updated + report.unchanged + report.same_address
    assert report.rows == taken + report.refused
    return report.created, report.updated, report.unchanged, report.refused
