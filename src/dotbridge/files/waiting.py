"""Files that a person gave: kept until they are loaded, looked at, and handed to the worker, who loads them.

A load is asked for by a move of its state, so that a second click finds it asked for already. The worker holds a lock
of the database for as long as it is at work: one that died lets go of it, and the load begins anew from nothing, since
all that a load does is one transaction.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import PurePath
from typing import Any, BinaryIO

import structlog
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.files.errors import AddressMissing, EncodingNotSure, FileRefused, LoadCancelled, QuestionsOpen
from dotbridge.files.models import AT_WORK, CAN_START, FileLoad, FilePiece, LoadState
from dotbridge.files.report import LoadReport
from dotbridge.files.services import load_file, look_at_file, refuse_undoing, undo_load
from dotbridge.files.stored import PIECE, copied, is_kept, opened
from dotbridge.files.targets import file_target
from dotbridge.files.texts import kept
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Choices
from dotbridge.files.unpacking import LARGEST_FILE
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.queues import REQUEST_RANK, Queue

# The jobs module stands above this one, so its task is known here by name.
LOAD_TASK = "dotbridge.load_file"
# How many rows are looked at while a person waits.
FIRST_ROWS = 5_000
MOST_ATTEMPTS = 3
_SECONDS_BETWEEN_NOTES = 0.5
# How much of a load each step is, by what a large file takes.
_STEPS = {"reading": (0.0, 0.3), "loading": (0.3, 0.75), "merging": (0.75, 0.8), "finding": (0.8, 0.87)}
_LAST_STEP = 0.87

# What a load begins with, each time it is asked for.
_AT_BEGIN: Mapping[str, Any] = {"step": "", "rows_done": 0, "fraction": 0.0, "attempts": 0, "message": {}}

log = structlog.get_logger(__name__)


def keep_file(*, file: BinaryIO, name: str, entity: str, who: str = "") -> FileLoad:
    """Keep a file that is to be loaded, in pieces. Raises FileRefused for one that is empty or too large."""
    file_target(entity)
    with transaction.atomic():
        load = FileLoad.objects.create(entity=entity, file=PurePath(name).name[-255:], who=who[:150])
        size = number = 0
        file.seek(0)
        while piece := file.read(PIECE):
            size += len(piece)
            if size > LARGEST_FILE:
                raise FileRefused(
                    _("The file has more than %(most)d MB. Split it, and load the parts one after the other.")
                    % {"most": LARGEST_FILE // 1024**2}
                )
            FilePiece.objects.create(load=load, number=number, content=piece)
            number += 1
        if not size:
            raise FileRefused(_("The file is empty. Its first line must name the columns, one of them the e-mail."))
        load.size = size
        load.save(update_fields=["size"])
    return load


def choose(*, load: FileLoad, choices: Choices) -> None:
    """Keep what a person said of the file, while nothing is at work on it."""
    said = _as_dict(choices)
    waiting = FileLoad.objects.filter(pk=load.pk, state__in=CAN_START)
    # What was found out before is of a file understood otherwise.
    if said != load.choices and waiting.update(choices=said, report={}, message={}):
        load.choices, load.report, load.message = said, {}, {}


def choices_of(load: FileLoad) -> Choices:
    """What a person said of the file."""
    return Choices(**load.choices)


def look_at(*, load: FileLoad) -> LoadReport:
    """What a load would do with the first rows. Raises FileRefused, as a load would."""
    with opened(load) as file:
        return look_at_file(
            file=file, name=load.file, entity=load.entity, choices=choices_of(load), most_rows=FIRST_ROWS
        )


def request_load(*, load: FileLoad, only_looks: bool = False, by_person: bool = True) -> bool:
    """Have the worker load the file, or look through the whole of it. False when that was asked for already.

    What no person asked for waits behind what is on the schedule, and never holds up a person's file.
    Raises FileRefused where the file is no longer here.
    """
    if not is_kept(load):
        raise FileRefused(_("The file is no longer here. Choose it once more."))
    with transaction.atomic():
        asked = FileLoad.objects.filter(pk=load.pk, state__in=CAN_START).update(
            state=LoadState.WAITING,
            only_looks=only_looks,
            asked_at=timezone.now(),
            cancel_asked_at=None,
            **_AT_BEGIN,
        )
        if not asked:
            return False
        _defer(load, Queue.FILES if by_person else Queue.BULK)
    load.refresh_from_db()
    return True


def request_left_loads() -> int:
    """Ask again for what was asked for and no job is left of, as after a crash of the database. Answers how many.

    The newest are left alone: their job may only just be on its way.
    """
    job = ProcrastinateJob.objects.filter(task_name=LOAD_TASK, status__in=["todo", "doing"])
    left = FileLoad.objects.filter(state__in=AT_WORK, asked_at__lt=timezone.now() - datetime.timedelta(minutes=1))
    known = {args["load_id"] for args in job.values_list("args", flat=True)}
    number = 0
    for load in left.exclude(pk__in=known):
        _defer(load)
        number += 1
    return number


def _defer(load: FileLoad, queue: Queue = Queue.FILES) -> None:
    # Two files of one entity at once would only wait for each other.
    lock = f"dotbridge-files-{load.entity}"
    app.configure_task(LOAD_TASK, queue=queue, lock=lock, priority=queue.priority(REQUEST_RANK)).defer(load_id=load.pk)


def cancel_load(*, load: FileLoad) -> bool:
    """Have a load end. One that waits ends at once, one at work at its next step; what it writes last cannot be ended.

    False when nothing was at work that can be ended.
    """
    now = timezone.now()
    loads = FileLoad.objects.filter(pk=load.pk)
    if loads.filter(state=LoadState.WAITING).update(state=LoadState.CANCELLED, cancel_asked_at=now):
        return True
    return bool(loads.filter(state=LoadState.RUNNING).update(cancel_asked_at=now))


def forget_file(*, load: FileLoad) -> bool:
    """Delete a file that was not loaded. False when it was, or somebody has asked for that."""
    with transaction.atomic():
        held = FileLoad.objects.select_for_update().filter(pk=load.pk, state__in=CAN_START).first()
        if held is not None:
            held.delete()
    return held is not None


def request_undoing(*, load: FileLoad) -> bool:
    """Have the worker take back what a load has changed. False when that was asked for already.

    Raises FileRefused when it is too late, or nothing was loaded.
    """
    refuse_undoing(load)
    with transaction.atomic():
        loaded = FileLoad.objects.filter(pk=load.pk, state=LoadState.LOADED, undone_at=None)
        if not loaded.update(state=LoadState.UNDOING, asked_at=timezone.now(), message={}, attempts=0):
            return False
        _defer(load)
    load.refresh_from_db()
    return True


def run_load(*, load_id: int) -> None:
    """Load a file that somebody asked for, or look through it: what the worker does.

    What is wrong with the file, and what a person has to say of it, is kept with the load. Anything else is raised.
    """
    with _second_connection() as link, _held(link, load_id) as is_held:
        load = FileLoad.objects.filter(pk=load_id).first()
        if load is None or not is_held or not load.is_at_work:
            log.info("load of a file dropped: it is not waiting", load=load_id)
            return
        if load.attempts >= MOST_ATTEMPTS:
            _give_up(load)
        elif load.state == LoadState.UNDOING:
            _undo(load)
        else:
            _load(load, link)


def _give_up(load: FileLoad) -> None:
    if load.state == LoadState.UNDOING:
        _end(load, LoadState.LOADED, _("The worker ended in the middle of it, several times. Nothing was undone."))
    else:
        _end(load, LoadState.FAILED, _("The worker ended in the middle of it, several times. Nothing was loaded."))


def _undo(load: FileLoad) -> None:
    load.attempts += 1
    load.save(update_fields=["attempts"])
    try:
        undone = undo_load(load=load)
    except FileRefused as error:
        _end(load, LoadState.LOADED, error.text)
    except Exception:
        _end(load, LoadState.LOADED, _("Something went wrong, and nothing was undone. Try it again."))
        raise
    else:
        log.info("load of a file undone", load=load.pk, restored=undone.restored, deleted=undone.deleted)


def _load(load: FileLoad, link: BaseDatabaseWrapper) -> None:
    load.attempts += 1
    load.state = LoadState.RUNNING
    load.save(update_fields=["attempts", "state"])
    try:
        report = _work(load, _Notes(link, load))
    except LoadCancelled:
        _end(load, LoadState.CANCELLED, "")
    except EncodingNotSure as error:
        _end(load, LoadState.ASKS, error.text)
    except (AddressMissing, QuestionsOpen) as error:
        _end(load, LoadState.ASKS, error.text, error.report)
    except FileRefused as error:
        _end(load, LoadState.FAILED, error.text)
    except LookupError as error:
        _end(load, LoadState.FAILED, str(error))
    except Exception:
        _end(load, LoadState.FAILED, _("Something went wrong here, not with your file. Nothing was loaded."))
        raise
    else:
        if load.only_looks:
            _end(load, LoadState.OPEN, "", report)
        log.info("file loaded", load=load.pk, rows=report.rows, created=report.created, only_looks=load.only_looks)


def _work(load: FileLoad, notes: _Notes) -> LoadReport:
    with copied(load) as file:
        notes.follow(file)
        return load_file(
            file=file,
            name=load.file,
            entity=load.entity,
            choices=choices_of(load),
            dry_run=load.only_looks,
            who=load.who,
            progress=notes,
            kept=None if load.only_looks else load,
            asks=not load.only_looks,
        )


def _end(load: FileLoad, state: LoadState, message: str, report: LoadReport | None = None) -> None:
    """The end of a load that did not load anything; one that did notes that in its own transaction."""
    load.state, load.message = state, kept(message) if message else {}
    if report is not None:
        load.report = report.as_kept()
    load.save(update_fields=["state", "message", "report"])


def _as_dict(choices: Choices) -> dict[str, Any]:
    return {**asdict(choices), "columns": dict(choices.columns)}


class _Notes:
    """How far a load is, noted on a connection of its own: what the load itself writes, nobody sees before its end."""

    def __init__(self, link: BaseDatabaseWrapper, load: FileLoad) -> None:
        self._link = link
        self._load = load
        self._file: BinaryIO | None = None
        self._rows = 0
        self._noted: tuple[str, float] = ("", 0.0)

    def follow(self, file: BinaryIO) -> None:
        """The file whose position says how far the reading is."""
        self._file = file

    def __call__(self, step: str, rows: int) -> None:
        """Note it, not more often than anybody looks. Raises LoadCancelled where somebody asked for the end."""
        if step == "reading":
            self._rows = rows
        now = time.monotonic()
        if step == self._noted[0] and now - self._noted[1] < _SECONDS_BETWEEN_NOTES:
            return
        self._noted = (step, now)
        with self._link.cursor() as cursor:
            cursor.execute(
                f"UPDATE {FileLoad._meta.db_table} SET step = %s, rows_done = %s, fraction = %s WHERE id = %s"  # noqa: SLF001
                " RETURNING cancel_asked_at IS NOT NULL",
                [step, rows, self._fraction(step, rows), self._load.pk],
            )
            found = cursor.fetchone()
        if found is None or found[0]:
            raise LoadCancelled

    def _fraction(self, step: str, rows: int) -> float:
        begin, end = _STEPS.get(step, (_LAST_STEP, _LAST_STEP))
        part = 0.0
        if step == "reading" and self._file is not None and self._load.size:
            part = min(1.0, self._file.tell() / self._load.size)
        elif step == "loading" and self._rows:
            part = min(1.0, rows / self._rows)
        return begin + (end - begin) * part


@contextmanager
def _second_connection() -> Iterator[BaseDatabaseWrapper]:
    link = connections.create_connection("default")
    # The pool's connections, if there is one, are for others.
    options = {name: value for name, value in link.settings_dict["OPTIONS"].items() if name != "pool"}
    link.settings_dict = {**link.settings_dict, "OPTIONS": options}
    try:
        with link.cursor() as cursor:
            # It says nothing while a long statement is at work on the other one.
            cursor.execute("SET idle_session_timeout = 0")
        yield link
    finally:
        link.close()


@contextmanager
def _held(link: BaseDatabaseWrapper, load_id: int) -> Iterator[bool]:
    """Whether this process alone is at work on the load: the lock lives as long as the connection."""
    with link.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({LOCK_KEY})", [f"dotbridge.files.load.{load_id}"])
        (is_held,) = cursor.fetchone()
    try:
        yield bool(is_held)
    finally:
        if is_held and link.is_usable():
            with link.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")
