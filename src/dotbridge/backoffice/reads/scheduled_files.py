"""Scheduled files that need a person, and how each of them stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.reads.files import targets_of
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_CHANGE_SCHEDULED_FILE
from dotbridge.files.models import LoadState
from dotbridge.scheduled_files.models import Reading, ScheduledFile


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is the matter with one: in words, how pressing, since when, and where it is decided.

    `page` is the name of a page of ours, and `key` what that page is of.
    """

    text: str
    tone: str
    since: datetime | None
    page: str
    key: int


def files_and_troubles() -> Iterator[tuple[ScheduledFile, Trouble | None]]:
    """Every scheduled file, and what is the matter with it. Two queries, however many there are."""
    last = Reading.objects.filter(scheduled_file=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    found = list(ScheduledFile.objects.select_related("marketing_list").annotate(last=Subquery(last)))
    keys = [each.last for each in found if each.last]
    readings = Reading.objects.select_related("load").in_bulk(keys)
    for each in found:
        yield each, _trouble(each, readings.get(each.last))


def troubles_shown_to(request: HttpRequest) -> Iterator[tuple[ScheduledFile, Trouble]]:
    """Those of the files that the person may open. Who leaves a list is decided by who may change it and the file; for
    others, the trouble stands on the file's own page."""
    theirs = {target.key for target in targets_of(request)}
    may_decide = request.user.has_perms([MAY_CHANGE_SCHEDULED_FILE, MAY_CHANGE_LIST])
    for file, trouble in files_and_troubles():
        if trouble is not None and file.entity in theirs:
            is_for_others = trouble.page == "scheduled-file-leave" and not may_decide
            yield file, replace(trouble, page="scheduled-file", key=file.pk) if is_for_others else trouble


def _trouble(file: ScheduledFile, last: Reading | None) -> Trouble | None:
    if not file.is_active:
        return None
    if file.problem:
        return _of_file(file, file.trouble, file.problem_since)
    if last is not None and last.load.state in {LoadState.ASKS, LoadState.FAILED, LoadState.CANCELLED}:
        tone = "bad" if last.load.state == LoadState.FAILED else "wait"
        text = last.load.message_in_words or _("Its load was cancelled.")
        return Trouble(text=text, tone=tone, since=last.read_at, page="file", key=last.load_id)
    if last is not None and last.held:
        words = ngettext(
            "%(n)s of %(known)s people is missing in the file. That is more than may leave the list at once.",
            "%(n)s of %(known)s people are missing in the file. That is more than may leave the list at once.",
            last.held,
        )
        text = words % {"n": grouped(last.held), "known": grouped(last.known or 0)}
        return Trouble(text=text, tone="wait", since=last.read_at, page="scheduled-file-leave", key=file.pk)
    came = file.came_at or file.created_at
    if file.must_come_hours and came < timezone.now() - timedelta(hours=file.must_come_hours):
        words = ngettext(
            "No new file has come for an hour.", "No new file has come for %(hours)s hours.", file.must_come_hours
        )
        return _of_file(file, words % {"hours": grouped(file.must_come_hours)}, came)
    return None


def _of_file(file: ScheduledFile, text: str, since: datetime | None) -> Trouble:
    return Trouble(text=text, tone="bad", since=since, page="scheduled-file", key=file.pk)
