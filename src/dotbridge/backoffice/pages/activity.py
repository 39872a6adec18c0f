"""Activity: what happened, what went wrong?"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import counts_in_short, counts_in_words, duration, step_label, trigger_text
from dotbridge.backoffice.pages.activity_frame import show_activity
from dotbridge.backoffice.pages.frame import Crumb, is_piece, page, show, show_refusal
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.pages.person_frame import try_request_again
from dotbridge.backoffice.queries import key_of
from dotbridge.backoffice.reads.fields import field_words
from dotbridge.backoffice.reads.shown import may_see_values
from dotbridge.backoffice.rights import (
    MAY_ADD_DATA_FIELD,
    MAY_ADD_DRAFT,
    MAY_CHANGE_CONNECTION,
    MAY_DELETE_DATA_FIELD,
    MAY_MAKE_BOOK,
    MAY_SEE_CHANGES,
    MAY_SEE_CONFLICTS,
    MAY_SEE_CONTACTS,
    MAY_SEE_NEWCOMERS,
    MAY_SEE_PROBLEMS,
    MAY_SEE_RUNS,
)
from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState, ContactRequest, RunKind
from dotbridge.connections.services import discard_change, retry_change
from dotbridge.mirror.models import Contact
from dotbridge.sync.folding import COUNTS_OF_LOOKING
from dotbridge.sync.models import Newcomer, State, Step, SyncRun, ValueConflict
from dotbridge.sync.texts import stored_text

PAGE = 50
RUNS = 100
# Whoever may ask for a change may try it again and forget it.
MAY_DECIDE = {
    ChangeKind.CREATE_DATA_FIELD: MAY_ADD_DATA_FIELD,
    ChangeKind.DELETE_DATA_FIELD: MAY_DELETE_DATA_FIELD,
    ChangeKind.CREATE_ADDRESS_BOOK: MAY_MAKE_BOOK,
    ChangeKind.CREATE_CAMPAIGN: MAY_ADD_DRAFT,
}


@page(MAY_SEE_RUNS)
def runs(request: HttpRequest) -> HttpResponse:
    """Runs, the newest first; quiet ones that follow each other are folded into one line. They are so many that they
    are not counted: a page begins after a run."""
    counts = Prefetch("steps", Step.objects.only("run", "counts"))
    found = SyncRun.objects.select_related("integration", "connection__marketing_list").prefetch_related(counts)
    before = key_of(request, "before")
    if before is not None:
        found = found.filter(pk__lt=before)
    shown = list(found.order_by("-pk")[: RUNS + 1])
    further = f"?before={shown[RUNS - 1].pk}" if len(shown) > RUNS else ""
    lines = []
    for is_quiet, some in groupby(shown[:RUNS], key=_is_quiet):
        group = list(some)
        if is_quiet and len(group) > 1:
            lines.append(
                {"folded": group, "times": sum(run.times for run in group), "newest": group[0], "oldest": group[-1]}
            )
        else:
            lines += [{"run": run, "said": _said(run), "by": trigger_text(run.trigger)} for run in group]
    pager = {"previous": reverse("dotbridge:activity") if before is not None else "", "next": further}
    return show_activity(
        request, "backoffice/house/runs.html", tab="activity", context={"lines": lines, "pager": pager}
    )


def _is_quiet(run: SyncRun) -> bool:
    """Whether a run did nothing that anybody wants to hear of: it went well by itself and changed nothing.

    What people ask for begins by itself as well, where a page is opened that shows what a mail says.
    """
    if (run.trigger == "person" and run.kind != RunKind.REQUESTS) or run.state not in {
        State.SUCCEEDED,
        State.SKIPPED,
        State.PARTIAL,
    }:
        return False
    told = {name for step in run.steps.all() for name, number in step.counts.items() if number}
    return told <= set(COUNTS_OF_LOOKING)


def _said(run: SyncRun) -> str:
    counts: dict[str, int] = {}
    for step in run.steps.all():
        for name, number in step.counts.items():
            if isinstance(number, int) and name != "read":
                counts[name] = counts.get(name, 0) + number
    return counts_in_short(counts) or stored_text(run.message)


@page(MAY_SEE_RUNS)
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """One run, step by step; it renews itself while it is at work."""
    found = get_object_or_404(SyncRun.objects.select_related("integration", "connection__marketing_list"), pk=pk)
    steps: QuerySet[Any] = found.steps.annotate(problems=Count("rejections")).order_by("pk")
    context = {
        "run": found,
        "by": trigger_text(found.trigger),
        "took": duration(found.started_at, found.finished_at),
        "is_at_work": found.state == State.RUNNING,
        "may_see_problems": request.user.has_perm(MAY_SEE_PROBLEMS),
        "steps": [
            {
                "step": step,
                "label": step_label(step.name),
                "counts": counts_in_words(step.counts),
                "took": duration(step.started_at, step.finished_at),
            }
            for step in steps
        ],
    }
    if is_piece(request, "run"):
        return render(request, "backoffice/components/run.html", context)
    return show(
        request,
        "backoffice/house/run.html",
        title=_("%(kind)s of %(account)s") % {"kind": found.get_kind_display(), "account": found.integration},
        current="activity",
        crumbs=[Crumb(title=_("Activity"), url=reverse("dotbridge:activity"))],
        context=context,
    )


@page(MAY_SEE_CONFLICTS)
def conflicts(request: HttpRequest) -> HttpResponse:
    """Values that were changed on both sides, both of them, and which one counts."""
    found = ValueConflict.objects.select_related("connection__marketing_list").order_by("-pk")
    current = Paginator(found, PAGE).get_page(request.GET.get("page"))
    lines = _labelled(request, current)
    for line in lines:
        line["shows_values"] = may_see_values(request.user, line["row"])
        line["field"] = field_words(line["row"].connection.marketing_list.entity, [line["row"].entity_field])
    context = {"conflicts": lines, "pager": numbered_pager(current)}
    return show_activity(request, "backoffice/house/conflicts.html", tab="activity-conflicts", context=context)


@page(MAY_SEE_NEWCOMERS)
def newcomers(request: HttpRequest) -> HttpResponse:
    """Contacts that no record had the address of, and what became of them."""
    found = Newcomer.objects.select_related("connection__marketing_list").order_by("-pk")
    current = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {"newcomers": _labelled(request, current), "pager": numbered_pager(current)}
    return show_activity(request, "backoffice/house/newcomers.html", tab="activity-newcomers", context=context)


def _labelled(request: HttpRequest, rows: Any) -> list[dict[str, Any]]:
    """The rows with their records' names, a query an entity."""
    by_entity: dict[str, list[str]] = {}
    for row in rows:
        by_entity.setdefault(row.connection.marketing_list.entity, []).append(row.record_id)
    known = {key: label_records(request, key, ids) for key, ids in by_entity.items()}
    return [
        {
            "row": row,
            "record": known[row.connection.marketing_list.entity].get(row.record_id),
            "url": reverse("dotbridge:person-record", args=[row.connection.marketing_list.entity, row.record_id])
            if row.record_id and may_see_people(request, row.connection.marketing_list.entity)
            else "",
        }
        for row in rows
    ]


def numbered_pager(current: Any, query: str = "") -> dict[str, str]:
    """The ways to the pages before and after."""
    return {
        "previous": f"?page={current.previous_page_number()}{query}" if current.has_previous() else "",
        "next": f"?page={current.next_page_number()}{query}" if current.has_next() else "",
    }


def search_pager(current: Any, search: str) -> dict[str, str]:
    """The ways to the pages before and after of what was searched for."""
    return numbered_pager(current, "&" + urlencode({"q": search}) if search else "")


@page(MAY_SEE_CHANGES)
def changes(request: HttpRequest) -> HttpResponse:
    """What people asked to have made or deleted in an account, and how it stands."""
    found = AccountChange.objects.select_related("integration", "requested_by", "marketing_list").order_by("-pk")
    current = Paginator(found, PAGE).get_page(request.GET.get("page"))
    lines = [
        {
            "change": change,
            "may_decide": request.user.has_perm(MAY_DECIDE[ChangeKind(change.kind)]),
            "may_retry": change.state == ChangeState.FAILED,
            "may_discard": change.state in {ChangeState.FAILED, ChangeState.WAITING},
        }
        for change in current
    ]
    return show_activity(
        request,
        "backoffice/house/changes.html",
        tab="activity-changes",
        context={"lines": lines, "pager": numbered_pager(current), "failed": _failed_requests(request)},
    )


def _failed_requests(request: HttpRequest) -> list[dict[str, Any]]:
    """What was given up about single contacts. The contact of an erasure is gone here, so it has no page of its own."""
    failed = list(
        ContactRequest.objects.filter(state=ChangeState.FAILED).select_related("integration", "address_book")[:PAGE]
    )
    contacts: dict[tuple[int, int], int] = {}
    if request.user.has_perm(MAY_SEE_CONTACTS):
        known = Contact.objects.filter(
            integration__in=[each.integration_id for each in failed], remote_id__in=[each.remote_id for each in failed]
        )
        contacts = {(each.integration_id, each.remote_id): each.pk for each in known}
    return [
        {
            "asked": each,
            "contact": contacts.get((each.integration_id, each.remote_id)),
            "may_retry": request.user.has_perm(MAY_CHANGE_CONNECTION),
        }
        for each in failed
    ]


@require_POST
@page(MAY_SEE_CHANGES, MAY_CHANGE_CONNECTION)
def retry_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Have Dotdigital asked again about a contact."""
    asked = get_object_or_404(ContactRequest, pk=pk)
    try_request_again(request, asked)
    return HttpResponseRedirect(reverse("dotbridge:activity-changes"))


@require_POST
@page(MAY_SEE_CHANGES)
def decide_change(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Try a change again, or forget it."""
    change = get_object_or_404(AccountChange, pk=pk)
    if not request.user.has_perm(MAY_DECIDE[ChangeKind(change.kind)]):
        raise PermissionDenied
    services = {
        "try-again": (retry_change, _("It is tried again in a moment.")),
        "discard": (discard_change, _("Discarded: %(change)s.") % {"change": change}),
    }
    if verb not in services:
        raise Http404
    service, text = services[verb]
    try:
        service(change=change)
    except ValidationError as error:
        show_refusal(request, error)
    else:
        messages.success(request, text)
    return HttpResponseRedirect(reverse("dotbridge:activity-changes"))
