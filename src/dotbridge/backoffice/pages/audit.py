"""The audit under Activity: all changes, and the same as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dotbridge.audit.models import AuditEntry
from dotbridge.audit.watched import watched_tables
from dotbridge.backoffice.pages.activity_frame import show_activity
from dotbridge.backoffice.pages.frame import page
from dotbridge.backoffice.queries import key_of, search_of
from dotbridge.backoffice.reads.history import audit_lines, field_label, kind_of, who_did
from dotbridge.backoffice.reads.shown import may_see_every_person
from dotbridge.backoffice.rights import MAY_SEE_AUDIT
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.spreadsheets import csv_line, guarded

PAGE = 50
MOST_MILLISECONDS = 8_000


def _kinds() -> dict[str, str]:
    found = {watched.model: str(kind_of(watched.model)) for watched in watched_tables()}
    return {key: f"{name[:1].upper()}{name[1:]}" for key, name in sorted(found.items(), key=lambda pair: pair[1])}


def _asked(request: HttpRequest) -> tuple[QuerySet[AuditEntry], dict[str, str]]:
    """The rows that the address asks for, newest first, and what it asks."""
    kind, search = request.GET.get("kind", ""), search_of(request)
    found = AuditEntry.objects.order_by("-id")
    if kind in _kinds():
        found = found.filter(model=kind)
    if search:
        found = found.filter(Q(actor__icontains=search) | Q(record__icontains=search))
    return found, {"kind": kind, "q": search}


@page(MAY_SEE_AUDIT)
def audit(request: HttpRequest) -> HttpResponse:
    """Who changed what, newest first."""
    found, asked = _asked(request)
    before = key_of(request, "before")
    too_long = ""
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            some = list((found.filter(id__lt=before) if before else found)[: PAGE + 1])
    except TookTooLong:
        some = []
        too_long = _("This takes too long at present. Choose a kind, or look for another part of the name.")
    entries = some[:PAGE]
    older = {**asked, "before": str(entries[-1].pk)} if len(some) > PAGE else {}
    return show_activity(
        request,
        "backoffice/house/audit.html",
        tab="activity-audit",
        context={
            "history": audit_lines(entries, viewer=request.user),
            "kinds": _kinds().items(),
            "too_long": too_long,
            "kind": asked["kind"],
            "search": asked["q"],
            "query": urlencode(asked),
            "pager": {
                "previous": f"?{urlencode(asked)}" if before else "",
                "next": f"?{urlencode(older)}" if older else "",
            },
        },
    )


@page(MAY_SEE_AUDIT)
def audit_file(request: HttpRequest) -> StreamingHttpResponse:
    """All of it as a CSV, a line a changed field, oldest first. Rules may name people: they are for who sees these."""
    found, _asked_for = _asked(request)
    shows_rules = may_see_every_person(request.user)
    lines = _lines(found.order_by("id"), shows_rules=shows_rules)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


def _lines(entries: QuerySet[AuditEntry], *, shows_rules: bool) -> Iterator[str]:
    head = [_("Number"), _("When"), _("Who"), _("Account number"), _("What was done"), _("Kind of record")]
    yield csv_line(guarded([*head, _("Record"), _("Its name"), _("Field"), _("Before"), _("After")]))
    for entry in entries.iterator(chunk_size=2000):
        start = [str(entry.pk), entry.at.isoformat(), who_did(entry), entry.actor_id, entry.get_verb_display()]
        start += [entry.model, entry.record_id, entry.record]
        for column, pair in sorted(entry.changes.items()) or [("", ("", ""))]:
            if column == "rule" and not shows_rules:
                pair = (_("(a rule; you may not see people)"),) * 2  # noqa: PLW2901 - what is shown of it
            cells = [_("(secret)")] * 2 if pair is None else [_cell(value) for value in pair]
            yield csv_line(guarded([*start, field_label(entry.model, column) if column else "", *cells]))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
