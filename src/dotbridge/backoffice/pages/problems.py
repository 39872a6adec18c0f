"""Problems: what went wrong, by its cause; whom it concerns; and all of it as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dotbridge.backoffice.labels import reason_text
from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.activity_frame import show_activity
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.queries import key_of, search_of
from dotbridge.backoffice.reads.problems import problem_groups, problems_of, was_met
from dotbridge.backoffice.reads.shown import details_shown_to, subject_shown
from dotbridge.backoffice.rights import MAY_EXPORT_PEOPLE, MAY_SEE_CONTACTS, MAY_SEE_PROBLEMS
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.spreadsheets import csv_line, guarded

# The file holds addresses.
MAY_DOWNLOAD = (MAY_EXPORT_PEOPLE, MAY_SEE_CONTACTS)
PAGE = 50
MOST_MILLISECONDS = 8_000


@page(MAY_SEE_PROBLEMS)
def problems(request: HttpRequest) -> HttpResponse:
    """The causes that are not over."""
    context = {
        "groups": problem_groups(),
        "may_download": request.user.has_perms(MAY_DOWNLOAD),
    }
    return show_activity(request, "backoffice/house/problems.html", tab="activity-problems", context=context)


@page(MAY_SEE_PROBLEMS)
def problem(request: HttpRequest) -> HttpResponse:
    """One cause, and whom or what it concerns."""
    reason = request.GET.get("reason", "")[:64].replace("\0", "")
    may_see = request.user.has_perm(MAY_SEE_CONTACTS)
    # Who may not see addresses may not find them out by looking for parts of them either.
    search = search_of(request) if may_see else ""
    run = request.GET.get("run", "")
    rows = problems_of(reason, search=search, run=key_of(request, "run"))
    too_long = ""
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            current = Paginator(rows, PAGE).get_page(request.GET.get("page"))
            lines = _shown(request, current)
    except TookTooLong:
        too_long = _("This takes too long at present. Type more of the address, or try again later.")
        current, lines = Paginator([], PAGE).get_page(1), []
    if not too_long and not current.object_list and not search and not was_met(reason):
        raise Http404
    query = "&" + urlencode({"reason": reason, "q": search, "run": run})
    return show(
        request,
        "backoffice/house/problem.html",
        title=reason_text(reason),
        current="activity",
        crumbs=[
            Crumb(title=_("Activity"), url=reverse("dotbridge:activity")),
            Crumb(title=_("Problems"), url=reverse("dotbridge:activity-problems")),
        ],
        context={
            "reason": reason,
            "search": search,
            "total": current.paginator.count,
            "may_see_addresses": may_see,
            "may_download": request.user.has_perms(MAY_DOWNLOAD),
            "lines": lines,
            "too_long": too_long,
            "pager": numbered_pager(current, query),
        },
    )


def _shown(request: HttpRequest, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows for this person, without what they may not see."""
    may_see, detail_of = request.user.has_perm(MAY_SEE_CONTACTS), details_shown_to(request.user)
    hidden = _("an address that you may not see")
    return [
        {
            **row,
            "subject": subject_shown(request.user, row["subject"], hidden),
            "detail": detail_of(row["subject"], row["detail"]),
            "url": _mend_url(row["subject"]) if may_see else "",
        }
        for row in rows
    ]


def _mend_url(subject: str) -> str:
    """The way to the record to be mended: the search for the address, which finds it under whatever name it has."""
    return f"{reverse('dotbridge:people')}?{urlencode({'q': subject})}" if "@" in subject else ""


@page(MAY_SEE_PROBLEMS, *MAY_DOWNLOAD)
def problems_file(request: HttpRequest) -> StreamingHttpResponse:
    """One cause, or all of them, as a CSV."""
    reason = request.GET.get("reason", "")[:64].replace("\0", "")
    reasons = [reason] if reason else [group.reason for group in problem_groups()]
    response = StreamingHttpResponse(_lines(reasons, request.user), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="problems.csv"'
    return response


def _lines(reasons: list[str], viewer: Any) -> Iterator[str]:
    detail_of = details_shown_to(viewer)
    yield csv_line(guarded([_("Who or what"), _("Reason"), _("In detail"), _("Times"), _("Since"), _("Last")]))
    for reason in reasons:
        for row in problems_of(reason).iterator(chunk_size=2000):
            moments = [row["since"].isoformat(), row["last"].isoformat()]
            detail = detail_of(row["subject"], row["detail"])
            yield csv_line(guarded([row["subject"], str(reason_text(reason)), detail, str(row["times"]), *moments]))
