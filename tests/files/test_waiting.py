"""Files that a person gave: kept, looked at, loaded once by the worker, cancelled, taken up after a crash, forgotten.

The kind: what takes long was done while somebody waited for a page. Its second place: taking a load back.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.crm.models import Contact
from dotbridge.files import waiting
from dotbridge.files.errors import AddressMissing, EncodingNotSure, FileRefused
from dotbridge.files.models import CAN_START, MOVES, FileLoad, FilePiece, FileShape, LoadState
from dotbridge.files.services import forget_old_loads
from dotbridge.files.stored import PIECE, copied, opened
from dotbridge.files.understanding import Choices
from dotbridge.files.waiting import (
    LOAD_TASK,
    cancel_load,
    choices_of,
    choose,
    keep_file,
    look_at,
    request_left_loads,
    request_load,
    request_undoing,
    run_load,
)
from tests.backoffice.world import empty_queue
from tests.platform.place import until

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PEOPLE = "E-mail,First name\nada@example.com,Ada\nbo@example.com,Bo\n"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_waits(transactional_db: None) -> None:
    empty_queue()


def given(content: str | bytes = PEOPLE, *, entity: str = "crm.contact", **choices: Any) -> FileLoad:
    raw = content.encode() if isinstance(content, str) else content
    load = keep_file(file=io.BytesIO(raw), name="people.csv", entity=entity, who="mona")
    if choices:
        choose(load=load, choices=Choices(**choices))
    return load


def loaded(load: FileLoad, *, only_looks: bool = False) -> FileLoad:
    """As a worker would, after somebody has asked."""
    assert request_load(load=load, only_looks=only_looks)
    run_load(load_id=load.pk)
    load.refresh_from_db()
    return load


def jobs() -> Any:
    return ProcrastinateJob.objects.filter(task_name=LOAD_TASK)


def test_a_kept_file_is_read_as_it_was_given() -> None:
    raw = bytes(range(256)) * 10_000
    load = given(raw)
    assert (load.size, FilePiece.objects.filter(load=load).count()) == (len(raw), 3)
    with opened(load) as file:
        assert file.seek(0, 2) == len(raw)
        file.seek(PIECE - 3)
        assert file.read(6) == raw[PIECE - 3 : PIECE + 3]
        file.seek(-4, 2)
        assert file.read() == raw[-4:]
    with copied(load) as file:
        assert file.read() == raw


@pytest.mark.parametrize("raw", [b"", b"x" * 30])
def test_an_empty_file_and_one_too_large_are_not_kept(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LARGEST_FILE", 20)
    with pytest.raises(FileRefused):
        given(raw)
    assert not FileLoad.objects.exists()


def test_a_look_writes_nothing_and_says_what_a_load_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_ROWS", 2)
    load = given(PEOPLE + "cy@example.com,Cy\n")
    report = look_at(load=load)
    assert (report.created, report.rows, report.has_more, report.dry_run) == (2, 2, True, True)
    assert look_at(load=given(PEOPLE)).has_more is False
    assert not Contact.objects.exists()


def test_it_is_loaded_once_however_often_somebody_clicks() -> None:
    load = given()
    assert request_load(load=load)
    assert not request_load(load=FileLoad.objects.get(pk=load.pk))
    assert jobs().count() == 1
    run_load(load_id=load.pk)
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, load.report["created"], load.fraction, load.attempts) == (LoadState.LOADED, 2, 1.0, 1)
    assert Contact.objects.count() == 2
    assert not FilePiece.objects.exists(), "the file does not stay longer than it is needed"


def test_what_was_chosen_is_taken_and_remembered() -> None:
    load = given("E-mail,Spitzname\na@example.com,Ada\n", columns={"Spitzname": "first_name"}, columns_are_all=True)
    assert choices_of(load).columns == {"Spitzname": "first_name"}
    loaded(load)
    assert Contact.objects.get().first_name == "Ada"
    assert FileShape.objects.get().columns == {"Spitzname": "first_name"}
    again = given("E-mail,Spitzname\nb@example.com,Bo\n")
    assert [column.field for column in look_at(load=again).columns] == ["email", "first_name"]
    # Whoever has chosen all columns anew is not overruled by what was chosen last time.
    choose(load=again, choices=Choices(columns={"E-mail": "email"}, columns_are_all=True))
    assert [column.field for column in look_at(load=again).columns] == ["email", ""]


def test_a_choice_makes_what_was_found_out_before_void() -> None:
    load = loaded(given("E-mail,First name\na@example.com,Ada\n"), only_looks=True)
    assert (load.state, load.report["created"], Contact.objects.count()) == (LoadState.OPEN, 1, 0)
    choose(load=load, choices=Choices(columns={"First name": "unused"}))
    load.refresh_from_db()
    assert load.report == {}


@pytest.mark.parametrize(
    ("content", "about"),
    [
        ("E-mail,Birthday\na@example.com,04/05/1990\n", "dates"),
        ("E-mail;Lead score\na@example.com;1.000\n", "numbers"),
        ("E-mail,First name\na@example.com,Ada\na@example.com,Bo\n", "same address"),
    ],
)
def test_what_nothing_decides_is_asked_before_anything_is_written(content: str, about: str) -> None:
    load = loaded(given(content))
    assert (load.state, [each["about"] for each in load.report["questions"]]) == (LoadState.ASKS, [about])
    assert load.message_in_words
    assert not Contact.objects.exists()
    answers: dict[str, dict[str, Any]] = {
        "dates": {"columns": {"Birthday": "birthday:dmy"}},
        "numbers": {"columns": {"Lead score": "lead_score:comma"}},
        "same address": {"same_address": "last"},
    }
    choose(load=load, choices=Choices(**answers[about]))
    assert loaded(load).state == LoadState.LOADED
    contact = Contact.objects.get()
    assert (contact.birthday, contact.lead_score, contact.first_name) == {
        "dates": (datetime.date(1990, 5, 4), None, ""),
        "numbers": (None, 1000, ""),
        "same address": (None, None, "Bo"),
    }[about]


def test_who_wants_it_left_out_is_not_asked_again() -> None:
    columns = {"Birthday": "birthday:leave", "Lead score": "lead_score:leave"}
    load = loaded(given("E-mail;Birthday;Lead score\na@example.com;04/05/1990;1.000\n", columns=columns))
    assert (load.state, load.report["values_left_out"]) == (LoadState.LOADED, 2)


def test_an_encoding_that_is_not_sure_is_asked() -> None:
    load = given("E-mail,Last name\na@example.com,Pirè\n".encode("cp1252"))
    with pytest.raises(EncodingNotSure):
        look_at(load=load)
    assert loaded(load).state == LoadState.ASKS
    choose(load=load, choices=Choices(encoding="cp1252"))
    loaded(load)
    assert Contact.objects.get().last_name == "Pirè"


def test_a_column_of_addresses_that_is_not_known_can_be_named() -> None:
    load = given("Anschrift,Ort\nnoch keine,Ulm\na@example.com,Köln\nauch keine,Bonn\n")
    with pytest.raises(AddressMissing) as missing:
        look_at(load=load)
    assert [column.name for column in missing.value.report.columns] == ["Anschrift", "Ort"]
    assert missing.value.report.first_rows[1] == ["a@example.com", "Köln"]
    assert loaded(load).state == LoadState.ASKS
    choose(load=load, choices=Choices(columns={"Anschrift": "email"}))
    assert loaded(load).report["created"] == 1


def test_a_person_can_say_that_a_column_speaks_of_consent(django_capture_on_commit_callbacks: Any) -> None:
    content = "E-mail,Post\na@example.com,nein\nb@example.com,ja\n"
    assert look_at(load=given(content)).opted_out == 0
    assert look_at(load=given(content, columns={"Post": "opted-in"})).opted_out == 1
    report = look_at(load=given(content, columns={"Post": "opted-out"}))
    assert (report.opted_out, report.consent_columns) == (1, ["Post"])


def test_a_file_that_cannot_be_loaded_says_why() -> None:
    load = loaded(given(b"%PDF-1.7 no table\n"))
    assert (load.state, "PDF" in load.message_in_words) == (LoadState.FAILED, True)
    assert load.state in CAN_START, "another encoding or sheet may do"


def test_a_mistake_of_ours_is_told_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_options: Any) -> None:
        raise ZeroDivisionError

    load = given()
    request_load(load=load)
    monkeypatch.setattr(waiting, "load_file", broken)
    with pytest.raises(ZeroDivisionError):
        run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, load.message_in_words[:20]) == (LoadState.FAILED, "Something went wrong")
    monkeypatch.undo()
    assert loaded(load).state == LoadState.LOADED


def test_one_that_waits_is_cancelled_at_once() -> None:
    load = given()
    request_load(load=load)
    assert cancel_load(load=load)
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert load.state == LoadState.CANCELLED
    assert not Contact.objects.exists()
    assert loaded(load).state == LoadState.LOADED
    assert not cancel_load(load=load)


def test_one_at_work_shows_how_far_it_is_and_ends_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen from another connection, as a page would see it."""
    load = given("E-mail\n" + "".join(f"p{number}@example.com\n" for number in range(12_000)))
    request_load(load=load)
    monkeypatch.setattr(waiting, "_SECONDS_BETWEEN_NOTES", 0.0)
    seen: list[tuple[str, int, float]] = []
    original = waiting._Notes.__call__

    def looked_at(notes: Any, step: str, rows: int) -> None:
        original(notes, step, rows)
        with notes._link.cursor() as cursor:
            cursor.execute("SELECT step, rows_done, fraction FROM dotbridge_files_fileload")
            seen.append(cursor.fetchone())
            if (step, rows) == ("loading", 10_000):
                cursor.execute("UPDATE dotbridge_files_fileload SET cancel_asked_at = now()")

    monkeypatch.setattr(waiting._Notes, "__call__", looked_at)
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert load.state == LoadState.CANCELLED
    assert [(step, rows) for step, rows, _fraction in seen] == [
        *(("reading", 5_000), ("reading", 10_000)),
        *(("loading", 5_000), ("loading", 10_000)),
    ]
    fractions = [fraction for _step, _rows, fraction in seen]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < 0.3 < fractions[2] < 0.75
    assert not Contact.objects.exists()


@pytest.mark.parametrize("point", ["copy_rows", "note_updates", "note_created", "_keep_report"])
def test_a_killed_load_is_taken_up_and_loaded_once(point: str) -> None:
    load = given()
    request_load(load=load)
    code = run_killed(load, f"dotbridge.files.services:{point}")
    assert code == -signal.SIGKILL, "the load never came to the point"
    load.refresh_from_db()
    assert (load.state, load.attempts) == (LoadState.RUNNING, 1)
    assert not Contact.objects.exists()
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, load.report["created"], load.attempts) == (LoadState.LOADED, 2, 2)
    assert Contact.objects.count() == 2


def test_a_load_that_kills_its_worker_again_and_again_is_given_up() -> None:
    load = given()
    request_load(load=load)
    for _again in range(waiting.MOST_ATTEMPTS):
        assert run_killed(load, "dotbridge.files.services:copy_rows") == -signal.SIGKILL
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, "several times" in load.message_in_words) == (LoadState.FAILED, True)


def test_an_undoing_that_kills_its_worker_again_and_again_is_given_up_and_can_be_asked_for_anew() -> None:
    load = loaded(given())
    request_undoing(load=load)
    for _again in range(waiting.MOST_ATTEMPTS):
        assert run_killed(load, "dotbridge.files.services:take_back") == -signal.SIGKILL
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, load.undone_at, "Nothing was undone" in load.message_in_words) == (LoadState.LOADED, None, True)
    assert Contact.objects.count() == 2
    assert request_undoing(load=load)
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.undone_at is not None, Contact.objects.exists()) == (True, False)


def run_killed(load: FileLoad, point: str) -> int:
    """Load it in a process that kills itself when the function has done its work."""
    program = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        f"connection.settings_dict['NAME'] = {connection.settings_dict['NAME']!r}\n"
        "from dotbridge.files.waiting import run_load\n"
        "from tests.faults.killed import wrap\n"
        f"wrap({point!r}, 'after', 1)\n"
        f"run_load(load_id={load.pk})\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dotbridge.settings"}
    code = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, env=environment, check=False).returncode
    # On a busy machine the database may take a moment to notice that the process is gone.
    until(lambda: is_left(load))
    return code


def is_left(load: FileLoad) -> bool:
    """Whether no process is at work on the load."""
    with waiting._second_connection() as link, waiting._held(link, load.pk) as is_held:
        return is_held


def test_two_workers_never_load_the_same_at_once() -> None:
    load = given()
    request_load(load=load)
    with waiting._second_connection() as link, waiting._held(link, load.pk) as is_held:
        assert is_held
        run_load(load_id=load.pk)
    load.refresh_from_db()
    assert load.state == LoadState.WAITING
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert load.state == LoadState.LOADED


def test_what_lost_its_job_is_asked_for_again() -> None:
    load = given()
    request_load(load=load)
    assert request_left_loads() == 0
    FileLoad.objects.update(asked_at=timezone.now() - datetime.timedelta(minutes=2))
    assert request_left_loads() == 0, "its job is there"
    empty_queue()
    assert request_left_loads() == 1
    assert jobs().count() == 1


def test_a_load_is_undone_by_the_worker_once() -> None:
    load = loaded(given())
    assert request_undoing(load=load)
    assert not request_undoing(load=FileLoad.objects.get(pk=load.pk))
    run_load(load_id=load.pk)
    load.refresh_from_db()
    assert (load.state, load.report["undone"]) == (LoadState.LOADED, {"restored": 0, "deleted": 2, "kept": 0})
    assert not Contact.objects.exists()
    with pytest.raises(FileRefused, match="undone already"):
        request_undoing(load=load)


def test_a_day_later_it_cannot_be_undone_and_an_unloaded_file_is_gone() -> None:
    load, open_one = loaded(given()), given()
    FileLoad.objects.update(loaded_at=timezone.now() - datetime.timedelta(hours=25))
    load.refresh_from_db()
    with pytest.raises(FileRefused, match="24 hours"):
        request_undoing(load=load)
    FileLoad.objects.update(made_at=timezone.now() - datetime.timedelta(hours=25))
    forget_old_loads()
    assert not FilePiece.objects.exists()
    with pytest.raises(FileRefused, match="no longer here"):
        request_load(load=open_one)


def test_a_state_leads_only_to_where_it_may() -> None:
    assert set(MOVES) == set(LoadState)
    assert all(LoadState.WAITING in MOVES[state] for state in CAN_START)
    assert json.loads(json.dumps(given().choices)) == {}
