"""One file on its way: what was understood of it and can be changed, how far its load is, and what became of it.

Everything of it is one piece of the page, which brings itself up to date: while a worker is at work by asking again,
and while a person chooses by being sent what was chosen.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.files import file_url, load_or_404, show_load
from dotbridge.backoffice.pages.frame import log_change, page
from dotbridge.backoffice.reads.files import (
    column_choices,
    delimiter_options,
    encoding_options,
    label_of,
    progress_of,
    same_address_options,
    sheet_options,
    ways_of_writing,
)
from dotbridge.backoffice.reads.worker import seconds_to_ask
from dotbridge.backoffice.tones import LOAD_TONES
from dotbridge.files.errors import AddressMissing, EncodingNotSure, FileRefused
from dotbridge.files.models import FileLoad, LoadState
from dotbridge.files.report import kinds_of
from dotbridge.files.services import refuse_undoing
from dotbridge.files.stored import is_kept
from dotbridge.files.targets import file_target
from dotbridge.files.understanding import UNUSED, Choices
from dotbridge.files.waiting import FIRST_ROWS, choices_of, choose, look_at, request_load

PIECE = "backoffice/components/file_load.html"
POLL_SECONDS = 1
MOST_KINDS_SHOWN = 100


@page()
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole page."""
    load = load_or_404(request, pk)
    return show_load(request, load, _context(load))


@page()
def state(request: HttpRequest, pk: int) -> HttpResponse:
    """The piece as it is now, for the page that asks again."""
    return _piece(request, load_or_404(request, pk))


@require_POST
@page()
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was chosen, and show what is understood then."""
    load = load_or_404(request, pk)
    said = _choose(request, load)
    return _piece(request, load, said)


@require_POST
@page()
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was chosen, and have the worker load the file; or with `whole` look through all of it."""
    load = load_or_404(request, pk)
    said = _choose(request, load) if "choosing" in request.POST else ""
    if not said:
        only_looks = "whole" in request.POST
        try:
            if request_load(load=load, only_looks=only_looks) and not only_looks:
                log_change(request, load, _("Its loading was asked for."))
        except FileRefused as error:
            said = str(error)
    load.refresh_from_db()
    if request.headers.get("HX-Request"):
        return _piece(request, load, said)
    return HttpResponseRedirect(file_url(load))


def _piece(request: HttpRequest, load: FileLoad, said: str = "") -> HttpResponse:
    return render(request, PIECE, _context(load, said))


def _context(load: FileLoad, said: str = "") -> dict[str, Any]:
    progress = progress_of(load)
    context: dict[str, Any] = {
        "load": load,
        "becomes": label_of(load.entity),
        "tone": LOAD_TONES[load.state],
        "progress": progress,
        "seconds": POLL_SECONDS if load.state == LoadState.RUNNING else seconds_to_ask(POLL_SECONDS),
        "said": said,
    }
    if progress is not None:
        return context
    if load.loaded_at is not None:
        return {**context, **_report_context(load.report_in_words), "is_loaded": True, "can_undo": _can_undo(load)}
    if not is_kept(load):
        return {**context, "is_gone": True}
    return {**context, **_looked(load), "is_open": True}


def _looked(load: FileLoad) -> dict[str, Any]:
    """What is understood of a file that waits, from its first rows, or from all if the worker looked through it."""
    report, refusal = load.report_in_words, ""
    if not report:
        report, refusal = _look(load)
    columns = list(column_choices(load, report))
    return {
        **_report_context(report),
        "refusal": refusal,
        "encodings": encoding_options(load, report),
        "delimiters": delimiter_options(load, report),
        "sheets": sheet_options(report),
        "same_address": same_address_options(load, report),
        "columns": columns,
        "headers": json.dumps({column.number: column.name for column in columns}),
        "without_use": ",".join(str(column.number) for column in columns if column.is_without_use),
        "first_rows": FIRST_ROWS,
        "can_load": not refusal and not report.get("questions"),
    }


def _look(load: FileLoad) -> tuple[dict[str, Any], str]:
    try:
        return look_at(load=load).as_dict(), ""
    except AddressMissing as error:
        return error.report.as_dict(), _("No column holds e-mail addresses. Choose one that goes to E-mail.")
    except EncodingNotSure as error:
        return {"encoding_candidates": [asdict(each) for each in error.candidates]}, str(error)
    except FileRefused as error:
        return {}, str(error)


def _report_context(report: dict[str, Any]) -> dict[str, Any]:
    """A report as the page shows it."""
    names = (
        ("created", _("New")),
        ("updated", _("Changed")),
        ("unchanged", _("Nothing new")),
        ("same_address", _("Same address as another row")),
        ("moved", _("Found by id, other address")),
        ("refused", _("Not taken")),
        ("opted_out", _("Opted out")),
    )
    problems = report.get("problems", ())
    kinds = kinds_of(problems)
    return {
        "report": report,
        "figures": [(title, grouped(report[name])) for name, title in names if report.get(name)],
        "kinds": kinds[:MOST_KINDS_SHOWN],
        "has_more_kinds": len(kinds) > MOST_KINDS_SHOWN or report.get("problems_left_off", 0),
        "problem_number": len(problems) + report.get("problems_left_off", 0),
    }


def _can_undo(load: FileLoad) -> bool:
    try:
        refuse_undoing(load)
    except FileRefused:
        return False
    return True


def _choose(request: HttpRequest, load: FileLoad) -> str:
    """Keep what the form says. Answers what is wrong with it."""
    posted = request.POST
    former = choices_of(load)
    written = {name: posted.get(name) or None for name in ("encoding", "delimiter", "sheet")}
    # Under another encoding or delimiter the columns are others, and what was chosen for them means nothing.
    same = all(getattr(former, name) == value for name, value in written.items())
    columns = _columns(request, load) if same else {}
    try:
        choices = Choices(
            **written,
            columns=columns,
            columns_are_all=same and bool(columns),
            same_address=posted.get("same_address") or None,
        )
    except FileRefused as error:
        return str(error)
    choose(load=load, choices=choices)
    return ""


def _columns(request: HttpRequest, load: FileLoad) -> dict[str, str]:
    target = file_target(load.entity)
    try:
        headers = json.loads(request.POST.get("headers") or "{}")
    except (ValueError, RecursionError):
        headers = {}
    headers = headers if isinstance(headers, dict) else {}
    # Of a file whose records have names of their own, the first rows do not show them all.
    shown = set(map(str, headers.values()))
    columns = {name: goes for name, goes in choices_of(load).columns.items() if name not in shown}
    without_use = request.POST.get("without_use", "").split(",")
    for number, header in headers.items():
        goes = request.POST.get(f"goes-{number}", "")
        if goes == UNUSED and str(number) in without_use:
            # So it was shown, and nobody has said so: what stands below the rows that were shown may be of use.
            continue
        way = request.POST.get(f"written-{number}", "")
        if goes:
            columns[str(header)] = f"{goes}:{way}" if way and way in ways_of_writing(target, goes) else goes
    return columns
