"""What writes scheduled files: their settings, their readings, and what a reading does to the list."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.conf import app_settings
from dotbridge.encryption import Resealed, SecretUnreadable, reseal_rows, seal, unseal
from dotbridge.files.errors import FileRefused
from dotbridge.files.followers import LOADED_RECORDS
from dotbridge.files.models import FileLoad
from dotbridge.files.report import LoadReport
from dotbridge.files.targets import file_target
from dotbridge.files.texts import kept
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Choices
from dotbridge.files.waiting import choose, keep_file, request_load
from dotbridge.lists.kept_in_step import keep_list_in_step
from dotbridge.lists.listed_services import WrongListType
from dotbridge.lists.models import ListType
from dotbridge.queues import IMPORT_RANK, REQUEST_RANK, Queue
from dotbridge.scheduled_files.fetching import Allowed, FetchRefused, NotSettled, Place, fetched, parsed
from dotbridge.scheduled_files.models import Holds, Reading, ScheduledFile

# The jobs module stands above this one, so its task is known here by name.
READ_TASK = "dotbridge.read_scheduled_file"
_SOON = _MINUTE = datetime.timedelta(minutes=1)
_PIECE = 1024**2
# What people say of it.
SETTINGS = (
    *("name", "entity", "url", "username", "sealed_secret", "every_minutes", "must_come_hours", "marketing_list"),
    *("holds", "most_leaving_percent", "choices", "is_active"),
)
_BEGUN_ANEW = ("host_key", "digest", "problem", "problem_since", "next_at")

log = structlog.get_logger(__name__)


def save_scheduled_file(
    *, scheduled_file: ScheduledFile, secret: str | None = None, forget_host_key: bool = False
) -> ScheduledFile:
    """Make it, or change its settings; without `secret` the former one stays, for the same server alone.

    It is read again at once, whatever the former reading found. A password is for the server that it was typed for:
    with another one it has to be typed again, and without a user name it is forgotten. So is the key that the server
    showed first; with `forget_host_key` the same server may show another one. Raises ValidationError, by field.
    """
    _check(scheduled_file)
    has_another_server = _has_another_server(scheduled_file)
    if secret is None and scheduled_file.sealed_secret and has_another_server:
        if scheduled_file.username:
            text = _("The stored password is for another server. Type the one for this server.")
            raise ValidationError({"secret": text})
        scheduled_file.sealed_secret = ""
    if secret is not None:
        scheduled_file.sealed_secret = seal(secret) if secret else ""
    if has_another_server or forget_host_key:
        scheduled_file.host_key = ""
    scheduled_file.digest, scheduled_file.problem = "", {}
    scheduled_file.problem_since, scheduled_file.next_at = None, timezone.now()
    scheduled_file.full_clean()
    # What a reading notes meanwhile stays.
    scheduled_file.save(update_fields=[*SETTINGS, *_BEGUN_ANEW] if scheduled_file.pk else None)
    return scheduled_file


def _check(scheduled_file: ScheduledFile) -> None:
    errors: dict[str, str] = {}
    try:
        parsed(scheduled_file.url)
    except FetchRefused as error:
        errors["url"] = str(error)
    try:
        file_target(scheduled_file.entity)
    except LookupError as error:
        errors["entity"] = str(error)
    marketing_list = scheduled_file.marketing_list
    if marketing_list is not None and marketing_list.type != ListType.MANUAL:
        errors["marketing_list"] = _("Only a manual list is kept in step with a file.")
    elif marketing_list is not None and marketing_list.entity != scheduled_file.entity:
        errors["marketing_list"] = _(
            "The list holds another kind of record. Choose a list of the kind that the people of the file become."
        )
    elif marketing_list is not None and (other := _rival(scheduled_file)) is not None:
        text = _("The file “%(name)s” fills this list too, and each would take off whom the other puts on it.")
        errors["marketing_list"] = text % {"name": other.name}
    if errors:
        raise ValidationError(errors)


def _has_another_server(scheduled_file: ScheduledFile) -> bool:
    former = ScheduledFile.objects.filter(pk=scheduled_file.pk).values_list("url", flat=True).first()
    return former is not None and _server(former) != _server(scheduled_file.url)


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Whom the password is shown to. S3 gets no secret, but what was signed with it, and has one server."""
    parts = parsed(url)
    return (parts.scheme, None, None) if parts.scheme == "s3" else (parts.scheme, parts.hostname, parts.port)


def _rival(scheduled_file: ScheduledFile) -> ScheduledFile | None:
    """Another file of the same list, where one of the two says that it holds everybody."""
    others = ScheduledFile.objects.filter(marketing_list=scheduled_file.marketing_list).exclude(pk=scheduled_file.pk)
    if scheduled_file.holds != Holds.EVERYBODY:
        others = others.filter(holds=Holds.EVERYBODY)
    return others.first()


def request_reading(*, scheduled_file: ScheduledFile, by_person: bool = False) -> bool:
    """Have the worker read it. False when it waits to be read already."""
    queue = Queue.PEOPLE if by_person else Queue.BULK
    task = app.configure_task(
        READ_TASK,
        queue=queue,
        queueing_lock=f"dotbridge-scheduled-file-{scheduled_file.pk}",
        lock=f"dotbridge-scheduled-file-{scheduled_file.pk}",
        priority=queue.priority(REQUEST_RANK if by_person else IMPORT_RANK),
    )
    try:
        with transaction.atomic():
            task.defer(scheduled_file_id=scheduled_file.pk, by_person=by_person)
    except AlreadyEnqueued:
        return False
    return True


def request_due_readings() -> int:
    """Have every file read whose time has come. Answers how many."""
    now = timezone.now()
    # Later than it can be was said by a clock that was wrong.
    latest = ExpressionWrapper(F("every_minutes") * _MINUTE + (now + _SOON), output_field=DateTimeField())
    due = ScheduledFile.objects.filter(Q(next_at__lte=now) | Q(next_at__gt=latest), is_active=True)
    return sum(request_reading(scheduled_file=each) for each in due)


def read_scheduled_file(*, scheduled_file_id: int, by_person: bool = False) -> Reading | None:
    """Fetch the file and have it loaded if it has changed: what the worker does.

    What went wrong is kept with the file. None when there was nothing to load.
    """
    scheduled_file = ScheduledFile.objects.filter(pk=scheduled_file_id).first()
    if scheduled_file is None or not (scheduled_file.is_active or by_person):
        return None
    every = datetime.timedelta(minutes=scheduled_file.every_minutes)
    try:
        with fetched(_place(scheduled_file), allowed()) as found:
            reading = _take(scheduled_file, found.file, found.name, again=by_person)
            host_key = found.host_key
    except NotSettled:
        _note_reading(scheduled_file, next_at=timezone.now() + _SOON)
        return None
    except (FetchRefused, FileRefused, LookupError, SecretUnreadable) as error:
        log.warning("a scheduled file was not read", scheduled_file=scheduled_file.pk)
        since = scheduled_file.problem_since or timezone.now()
        _note_reading(scheduled_file, next_at=timezone.now() + every, problem=_kept(error), problem_since=since)
        return None
    except Exception:
        # Else it would be read again every minute, and nobody told.
        since = scheduled_file.problem_since or timezone.now()
        problem = _("Something went wrong here, and the file was not read.")
        _note_reading(scheduled_file, next_at=timezone.now() + every, problem=kept(problem), problem_since=since)
        raise
    now = timezone.now()
    came = {"came_at": now} if reading is not None else {}
    _note_reading(scheduled_file, next_at=now + every, problem={}, problem_since=None, host_key=host_key, **came)
    return reading


def _kept(error: Exception) -> Any:
    """Why a reading came to nothing, to be stored."""
    return kept(error.text) if isinstance(error, (FetchRefused, FileRefused)) else str(error)


def _note_reading(scheduled_file: ScheduledFile, **values: Any) -> None:
    """Note how a reading went, unless it was of another place than it is now: another server has another key."""
    here = ScheduledFile.objects.filter(pk=scheduled_file.pk, url=scheduled_file.url, username=scheduled_file.username)
    here.update(**values)


def _note(scheduled_file: ScheduledFile, **values: Any) -> None:
    ScheduledFile.objects.filter(pk=scheduled_file.pk).update(**values)


def _place(scheduled_file: ScheduledFile) -> Place:
    return Place(
        url=scheduled_file.url,
        username=scheduled_file.username,
        secret=unseal(scheduled_file.sealed_secret) if scheduled_file.sealed_secret else "",
        host_key=scheduled_file.host_key,
    )


def allowed() -> Allowed:
    """What the operator allows."""
    config = app_settings()
    return Allowed(folders=tuple(map(Path, config.file_folders)), private_addresses=config.file_private_addresses)


def _take(scheduled_file: ScheduledFile, file: BinaryIO, name: str, *, again: bool) -> Reading | None:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    is_new = digest.hexdigest()
    last = scheduled_file.readings.select_related("load").first()
    is_same = last is not None and last.digest == is_new
    if last is not None and is_same and last.load.is_at_work:
        return None
    # The one that waits for an answer, or failed, would do the same again.
    if not again and (is_new == scheduled_file.digest or (is_same and last is not None and not last.load.loaded_at)):
        return None
    file.seek(0)
    with transaction.atomic():
        load = keep_file(file=file, name=name, entity=scheduled_file.entity, who=scheduled_file.name)
        choose(load=load, choices=Choices(**scheduled_file.choices))
        reading = Reading.objects.create(scheduled_file=scheduled_file, load=load, digest=is_new)
        request_load(load=load, by_person=False)
    return reading


def keep_in_step(load: FileLoad, report: LoadReport) -> None:
    """Have the list hold whom the file names, in the transaction that loads it. Loads of other files are none of ours.

    Nobody leaves because of a file without people, or one of which too many lines were not understood: who stood on
    those is not known.
    """
    reading = Reading.objects.select_related("scheduled_file__marketing_list").filter(load=load).first()
    if reading is None:
        return
    scheduled_file = reading.scheduled_file
    marketing_list = scheduled_file.marketing_list
    if marketing_list is not None:
        most = scheduled_file.most_leaving_percent / 100
        understood = report.rows - report.refused
        holds_everybody = scheduled_file.holds == Holds.EVERYBODY
        is_believed = understood > 0 and report.refused <= report.rows * most
        try:
            step = keep_list_in_step(
                marketing_list=marketing_list,
                given=LOADED_RECORDS,
                lets_leave=holds_everybody,
                most_leaving=most if is_believed else 0.0,
                allowed_leaving=scheduled_file.allowed_leaving if understood else 0,
            )
        except WrongListType:
            # Somebody has changed the list since the file was given it.
            raise FileRefused(_("Only a manual list is kept in step with a file.")) from None
        reading.joined, reading.left, reading.held, reading.known = step.joined, step.left, step.held, step.known
        reading.save(update_fields=["joined", "left", "held", "known"])
    _note(scheduled_file, digest=reading.digest, allowed_leaving=0)


def allow_leaving(*, scheduled_file: ScheduledFile, number: int) -> None:
    """Let so many people leave the list once, and a tenth more, with a reading that is asked for at once."""
    _note(scheduled_file, allowed_leaving=number + number // 10, digest="")
    request_reading(scheduled_file=scheduled_file, by_person=True)


def reseal_passwords() -> Resealed:
    """Seal the passwords of all scheduled files that have one with the newest key."""
    return reseal_rows(ScheduledFile.objects.exclude(sealed_secret=""), "sealed_secret")
