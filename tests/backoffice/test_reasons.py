"""Every reason and count that a step can give has words. They are read out of the source, so none is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import dotbridge.sync
from dotbridge.backoffice import labels, tones
from dotbridge.backoffice.labels import reason_text
from dotbridge.campaigns.models import ActivityType
from dotbridge.connections.models import ChangeState, SendState
from dotbridge.files.models import LoadState
from dotbridge.sync.models import RemovalState, State, UploadState
from dotbridge.sync.outbound.states import REASONS, REFUSED_STATUSES

SOURCE = Path(dotbridge.sync.__file__).parent
PLACE_OF_REASON = 1
# Codes that are not written in our source: Dotdigital's error code of a refused call, the status that it gave an
# import, and the code of a row's fault. The first is shown as it is; the others have a text when they are documented.
OF_AN_IMPORT = "UNTOLD if answer.unfinished else upload.remote_status"
FROM_DOTDIGITAL = {"error.code or 'refused'", OF_AN_IMPORT, "UNTOLD", "fault_code"}


def called(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def reasons_of(tree: ast.Module) -> Iterator[str]:
    """The reasons of all refusals in a module: their texts, or the source of what is worked out."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        parameters = [argument.arg for argument in function.args.args]
        for call in called(function, "Refusal"):
            reason = argument(call, PLACE_OF_REASON, "reason")
            if isinstance(reason, ast.Name) and reason.id in parameters:
                place = parameters.index(reason.id)
                passed = [argument(each, place, reason.id) for each in called(tree, function.name)]
                assert passed, f"{function.name} is called nowhere in its own module, so its reasons cannot be read"
                yield from map(text_of, passed)
            else:
                yield text_of(reason)


def argument(call: ast.Call, place: int, name: str) -> ast.expr:
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return named[0] if named else call.args[place]


def text_of(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def all_reasons() -> set[str]:
    return {
        reason for path in SOURCE.rglob("*.py") for reason in reasons_of(ast.parse(path.read_text(encoding="utf-8")))
    }


def test_the_reading_finds_reasons_in_every_form() -> None:
    tree = ast.parse(
        "def f(step, why):\n    return Refusal('x', why, 'y')\n"
        "def g(step):\n    f(step, 'passed')\n    f(step, why='named')\n    Refusal('x', reason='direct', detail=1)\n"
        "def h(step):\n    Refusal('x', worked.out, 'y')\n"
    )
    assert set(reasons_of(tree)) == {"passed", "named", "direct", "worked.out"}


def test_every_reason_in_the_source_has_a_text() -> None:
    found = all_reasons()
    assert {"book_gone", "value_refused", "not_created", "mapping_broken", "not_read"} <= found
    assert found >= FROM_DOTDIGITAL
    wordless = {reason for reason in found - FROM_DOTDIGITAL if str(reason_text(reason)) == reason}
    assert wordless == set(), "backoffice/labels.py has no text for these reasons"


def test_reasons_of_rows_and_uploads_have_texts() -> None:
    codes = {*REASONS, *REFUSED_STATUSES, "refused"}
    assert {code for code in codes if str(reason_text(code)) == code} == set()


def test_every_refusal_of_the_source_is_read() -> None:
    """A refusal outside of any function would escape the reading."""
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(call) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for call in called(node, "Refusal")
        }
        assert {id(call) for call in called(tree, "Refusal")} == inside, path


def counts_of(tree: ast.Module) -> set[str]:
    """What the steps of a module count, by name."""
    return {
        keyword.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"step.count", "self.step.count", "self.count"}
        for keyword in node.keywords
        if keyword.arg
    }


def test_every_count_in_the_source_has_words() -> None:
    found = {name for path in SOURCE.rglob("*.py") for name in counts_of(ast.parse(path.read_text(encoding="utf-8")))}
    assert {"read", "uploaded", "written", "created", "recipients", "rejected"} <= found
    assert found - set(labels._COUNTS) == set(), "backoffice/labels.py has no words for these counts"


@pytest.mark.parametrize(
    ("states", "known"),
    [
        (State, tones.RUN_TONES),
        (UploadState, tones.UPLOAD_TONES),
        (RemovalState, tones.REMOVAL_TONES),
        (ChangeState, tones.CHANGE_TONES),
        (SendState, tones.SEND_TONES),
        (LoadState, tones.LOAD_TONES),
        (ActivityType, tones.ACTIVITY_TONES),
    ],
)
def test_every_state_has_a_tone(states: type[State], known: Mapping[str, str]) -> None:
    assert set(known) == set(states)
