"""What the next export of a list will do, person by person; and letting one go on that has stopped to ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.labels import reason_text
from dotbridge.backoffice.pages.frame import page, person_of, report_change, show_refusal
from dotbridge.backoffice.pages.list_actions import ask_first, start_run
from dotbridge.backoffice.pages.list_frame import (
    NOT_CONNECTED,
    link_of,
    list_or_404,
    list_url,
    may_see_people,
    show_list_page,
)
from dotbridge.backoffice.queries import number_told
from dotbridge.backoffice.reads.shown import changes_shown_to
from dotbridge.backoffice.rights import MAY_CHANGE_CONNECTION, MAY_EXPORT_PEOPLE, MAY_REQUEST, MAY_SEE_LISTS
from dotbridge.backoffice.stopped import stopped_in_words
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import allow_once
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.errors import OperatorError
from dotbridge.lists.rules import RuleError
from dotbridge.next_export import csv_lines, plan_of_numbers
from dotbridge.sync.outbound.next_export import BookGone, ExportKind, ExportRow, next_export

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# So many people of a kind are shown; the CSV has all of them.
MOST_SHOWN = 5
NEXT_EXPORT_MILLISECONDS = 30_000
UNWORKABLE = (BookGone, RuleError, UnknownEntity, UnknownField)
KINDS: dict[ExportKind, tuple[StrOrPromise, str]] = {
    ExportKind.NEW: (gettext_lazy("Sent, and new to Dotdigital"), "good"),
    ExportKind.ADD: (gettext_lazy("Sent; the account knows them, the book does not"), "good"),
    ExportKind.UPDATE: (gettext_lazy("Sent with other values"), "info"),
    ExportKind.REMOVE: (gettext_lazy("Taken out of the book"), "wait"),
    ExportKind.REJECT: (gettext_lazy("Not sent, because the address is not valid"), "bad"),
}


def plan_context(request: HttpRequest, link: ListConnection) -> dict[str, Any]:
    """The dry run of a connected list: numbers of each kind, and the first people and values that may be seen."""
    with_people = may_see_people(request, link.marketing_list.entity)
    may_be_shown = changes_shown_to(request.user, link)
    try:
        with asking(link.marketing_list.entity, milliseconds=NEXT_EXPORT_MILLISECONDS), next_export(link) as planned:
            export = planned.numbers()
            samples: dict[ExportKind, list[ExportRow]] = defaultdict(list)
            for row in planned.rows(most_a_kind=MOST_SHOWN * len(KINDS)) if with_people else ():
                if len(samples[row.kind]) < MOST_SHOWN:
                    samples[row.kind].append(row.only(may_be_shown))
    except UNWORKABLE as error:
        return {"problem": str(error)}
    except TookTooLong:
        return {"problem": _("This takes too long to be worked out. Make the list's rule simpler.")}
    return {
        "kinds": [
            {"title": title, "tone": tone, "number": export.counts[kind], "rows": samples[kind]}
            for kind, (title, tone) in KINDS.items()
        ],
        "changes_anything": any(number for kind, number in export.counts.items() if kind is not ExportKind.REJECT),
        "book_size": export.book_size,
        "asks_first": export.asks_first,
        "calls": plan_of_numbers(link, export.counts).in_words(),
        "link": link,
    }


@page(MAY_SEE_LISTS)
def show_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; the numbers come once it stands."""
    marketing_list = list_or_404(pk)
    if link_of(marketing_list) is None:
        messages.info(request, NOT_CONNECTED)
        return HttpResponseRedirect(list_url(marketing_list))
    context = {
        "may_download": may_see_people(request, marketing_list.entity) and request.user.has_perm(MAY_EXPORT_PEOPLE)
    }
    return show_list_page(
        request, "backoffice/house/list_plan.html", marketing_list, tab="list-connection", context=context
    )


@page(MAY_SEE_LISTS)
def plan_numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of a page: the dry run."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        context: dict[str, Any] = {"problem": NOT_CONNECTED}
    else:
        context = plan_context(request, link)
    return render(request, "backoffice/components/plan.html", context)


@page(MAY_SEE_LISTS, MAY_EXPORT_PEOPLE)
def plan_file(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """All of it as a CSV, streamed out of the database."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    link = link_of(marketing_list)
    if link is None:
        messages.info(request, NOT_CONNECTED)
        return HttpResponseRedirect(list_url(marketing_list))
    lines = csv_lines(link, may_be_shown=changes_shown_to(request.user, link))
    head = next(lines)
    try:
        first = next(lines, "")
    except OperatorError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(list_url(marketing_list))
    response = StreamingHttpResponse(_resumed([head, first], lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="export-{marketing_list.pk}.csv"'
    return response


def _resumed(begun: list[str], rest: Iterator[str]) -> Iterator[str]:
    """What was read already, then the rest. Django closes this when a download is broken off, and that empties the
    temporary tables."""
    yield from begun
    yield from rest


@page(MAY_SEE_LISTS, MAY_CHANGE_CONNECTION)
def allow(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whom it is about, ask, and let the next export do it once."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None or link.stopped_at is None:
        messages.info(request, _("The export of this list has not stopped, so there is nothing to allow."))
        return HttpResponseRedirect(list_url(marketing_list))
    if request.method == "POST" and request.POST.get("confirmed"):
        return _allowed(request, marketing_list, link)
    some = _some_of(link) if may_see_people(request, marketing_list.entity) else []
    return ask_first(
        request,
        marketing_list,
        tab="list-connection",
        question=_("Let the export of %(list)s do this once?") % {"list": marketing_list},
        consequences=[
            stopped_in_words(link),
            _("It is done with the next export, and cannot be taken back by a click."),
            _("If it looks wrong, go back and correct the list's rule. Among those whom it is about:")
            if some
            else _("If it looks wrong, go back and correct the list's rule."),
        ],
        items=some,
        answer=_("Yes, allow this once"),
        hidden=[("rows", link.stopped_rows)],
        is_danger=True,
        action_url=list_url(marketing_list, "list-allow"),
        back_url=list_url(marketing_list),
    )


def _allowed(request: HttpRequest, marketing_list: Any, link: ListConnection) -> HttpResponse:
    text = _("Allowed once: %(what)s") % {"what": stopped_in_words(link)}
    try:
        allow_once(link=link, seen=number_told(request, "rows"), by=person_of(request))
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(list_url(marketing_list))
    report_change(request, marketing_list, text)
    if not request.user.has_perm(MAY_REQUEST):
        return HttpResponseRedirect(list_url(marketing_list))
    integration = link.address_book.integration
    return start_run(request, integration=integration, kind=RunKind.EXPORT, back_url=list_url(marketing_list))


def _some_of(link: ListConnection) -> list[str]:
    """Some of those whom the export has stopped for; nobody while the list cannot be worked out."""
    try:
        with asking(link.marketing_list.entity, milliseconds=NEXT_EXPORT_MILLISECONDS), next_export(link) as planned:
            rows = [row for row in planned.rows(most_a_kind=10) if row.kind is ExportKind.REMOVE]
    except UNWORKABLE as error:
        return [str(error)]
    except TookTooLong:
        return []
    return [", ".join(filter(None, [row.email, str(reason_text(row.reason)) if row.reason else ""])) for row in rows]
