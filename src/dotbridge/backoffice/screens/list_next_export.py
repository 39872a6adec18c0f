"""What an export of a connected list would do now, and letting one go on that has stopped before doing too much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.labels import grouped, reason_text
from dotbridge.backoffice.screens.base import person_of, require, show_problem, url_of
from dotbridge.backoffice.screens.list_tabs import link_of, list_tabs
from dotbridge.backoffice.screens.run_requests import MAY_REQUEST, ask_for_run
from dotbridge.connections.models import ListConnection, RunKind, StoppedWhat
from dotbridge.connections.services import allow_once
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.errors import OperatorError
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.next_export import csv_lines
from dotbridge.sync.outbound.next_export import BookGone, ExportKind, ExportRow, next_export

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from dotbridge.backoffice.screens.base import Screen

MAY_ALLOW = "dotbridge_connections.change_listconnection"
PAGE = "next-export"
# So many rows of a kind are shown; the CSV has all of them.
MOST_SHOWN = 5
KINDS: dict[ExportKind, StrOrPromise] = {
    ExportKind.NEW: gettext_lazy("Sent, new to Dotdigital"),
    ExportKind.ADD: gettext_lazy("Sent, known to the account and new to the book"),
    ExportKind.UPDATE: gettext_lazy("Sent, in the book with other values"),
    ExportKind.REMOVE: gettext_lazy("Taken out of the book"),
    ExportKind.REJECT: gettext_lazy("Not sent, because the address is not valid"),
}


def show_next_export(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """The page, which fetches the numbers once it stands: a large list takes a moment to be worked out."""
    link = link_of(marketing_list)
    if link is None:
        messages.info(request, _("The list is not connected."))
        return HttpResponseRedirect(url_of(marketing_list))
    return screen.render_page(
        request,
        "backoffice/next_export.html",
        title=_("What would be exported"),
        record=marketing_list,
        list_tabs=list_tabs(request, marketing_list, current=PAGE),
        link=link,
        numbers_url=url_of(marketing_list, "next-export-numbers"),
        csv_url=url_of(marketing_list, "next-export-csv"),
    )


def show_numbers(request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """A piece of a page: how many of each kind, and the first of each field by field."""
    link = link_of(marketing_list)
    context: dict[str, Any] = {"link": link}
    if link is None:
        context["problem"] = _("The list is not connected.")
        return render(request, "backoffice/next_export_numbers.html", context)
    try:
        with next_export(link) as found:
            export = found.numbers()
            samples: dict[ExportKind, list[ExportRow]] = defaultdict(list)
            for row in found.rows(most_a_kind=MOST_SHOWN * len(KINDS)):
                if len(samples[row.kind]) < MOST_SHOWN:
                    samples[row.kind].append(row)
    except (BookGone, RuleError, UnknownEntity, UnknownField) as error:
        context["problem"] = str(error)
    else:
        context |= {
            "kinds": [
                {"title": title, "number": export.counts[kind], "rows": samples[kind]} for kind, title in KINDS.items()
            ],
            "has_anything": any(export.counts.values()),
            "book_size": export.book_size,
            "stops_before": export.stops_before.label if export.stops_before else "",
        }
    return render(request, "backoffice/next_export_numbers.html", context)


def download_next_export(request: HttpRequest, marketing_list: MarketingList) -> HttpResponse | StreamingHttpResponse:
    """All of it as a CSV, streamed out of the database."""
    link = link_of(marketing_list)
    if link is None:
        messages.info(request, _("The list is not connected."))
        return HttpResponseRedirect(url_of(marketing_list))
    lines = csv_lines(link)
    head = next(lines)
    try:
        first = next(lines, "")
    except OperatorError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(url_of(marketing_list))
    response = StreamingHttpResponse(_resumed([head, first], lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="export-{marketing_list.pk}.csv"'
    return response


def _resumed(begun: list[str], rest: Iterator[str]) -> Iterator[str]:
    """What was read already, then the rest. Django closes this when a download is broken off, and that empties the
    temporary tables."""
    yield from begun
    yield from rest


def stopped_in_words(link: ListConnection) -> str:
    """What the export of a list has stopped before; empty while it has not."""
    if link.stopped_at is None:
        return ""
    texts = {
        StoppedWhat.REMOVE: _("The export would take %(rows)s of the %(of)s contacts out of the address book."),
    }
    return texts[StoppedWhat(link.stopped_what)] % {"rows": grouped(link.stopped_rows), "of": grouped(link.stopped_of)}


def allow(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Say who it is about, ask, and let the next export do it once."""
    require(request, MAY_ALLOW)
    link = link_of(marketing_list)
    if link is None or link.stopped_at is None:
        messages.info(request, _("The export of this list has not stopped, so there is nothing to allow."))
        return HttpResponseRedirect(url_of(marketing_list))
    if request.method == "POST" and request.POST.get("confirmed"):
        try:
            allow_once(link=link, by=person_of(request))
        except ValidationError as error:
            show_problem(request, error)
            return HttpResponseRedirect(url_of(marketing_list))
        text = _("Allowed once: %(what)s") % {"what": stopped_in_words(link)}
        screen.log_change(request, marketing_list, text)
        messages.success(request, text)
        if request.user.has_perm(MAY_REQUEST):
            ask_for_run(request, integration=link.address_book.integration, kind=RunKind.EXPORT)
        return HttpResponseRedirect(url_of(marketing_list))
    return screen.render_page(
        request,
        "backoffice/confirm.html",
        title=_("Allow this once"),
        record=marketing_list,
        question=_("Let the export of %(list)s do this once?") % {"list": marketing_list},
        consequences=[
            stopped_in_words(link),
            _("It is done with the next export, and cannot be taken back by a click."),
            _("If it looks wrong, go back and mend the list's rule. Among those whom it is about:"),
        ],
        items=_some_of(link),
        answer=_("Yes, allow this once"),
        is_danger=True,
        action_url=url_of(marketing_list, "allow-once"),
        back_url=url_of(marketing_list),
    )


def _some_of(link: ListConnection) -> list[str]:
    """Some of those whom the export has stopped for; nobody while the list cannot be worked out."""
    wanted = {StoppedWhat.REMOVE: ExportKind.REMOVE}
    try:
        with next_export(link) as found:
            rows = [row for row in found.rows(most_a_kind=10) if row.kind == wanted[StoppedWhat(link.stopped_what)]]
    except (BookGone, RuleError, UnknownEntity, UnknownField) as error:
        return [str(error)]
    return [", ".join(filter(None, [row.email, str(reason_text(row.reason)) if row.reason else ""])) for row in rows]
