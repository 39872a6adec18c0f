"""A list on demand: when it was taken, what a refresh would change, and refreshing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import log_change, page, person_of
from dotbridge.backoffice.pages.list_forms import interval_text
from dotbridge.backoffice.pages.list_frame import list_or_404, list_url
from dotbridge.backoffice.reads.list_changes import said_of_change
from dotbridge.backoffice.reads.worker import seconds_to_ask, worker_is_alive
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_SEE_LISTS
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.listed_services import WrongListType
from dotbridge.lists.previews import RuleChange, what_changes
from dotbridge.lists.refreshing import is_being_refreshed, refresh_now
from dotbridge.lists.rules import RuleError

POLL_SECONDS = 2


@page(MAY_SEE_LISTS)
def snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of a page: how old the list is, and what a refresh would change."""
    marketing_list = list_or_404(pk)
    is_waiting = is_being_refreshed(marketing_list)
    every = marketing_list.refresh_every
    change = None if is_waiting else _change(marketing_list)
    return render(
        request,
        "backoffice/components/snapshot.html",
        {
            "marketing_list": marketing_list,
            "is_waiting": is_waiting,
            "has_worker": not is_waiting or worker_is_alive(),
            "poll_seconds": seconds_to_ask(POLL_SECONDS),
            "every": interval_text(int(every.total_seconds())) if every else "",
            "said": said_of_change(marketing_list, change) if isinstance(change, RuleChange) else [],
            "problem": change if isinstance(change, str) else "",
            "may_refresh": request.user.has_perm(MAY_CHANGE_LIST),
        },
    )


def _change(marketing_list: Any) -> RuleChange | str:
    """What a refresh would do, or why nobody can say."""
    try:
        return what_changes(marketing_list, marketing_list.rule)
    except UnknownEntity as error:
        return str(error)


@require_POST
@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def refresh_list_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Refresh the list, at once or by the worker."""
    marketing_list = list_or_404(pk)
    _refresh(request, marketing_list)
    return HttpResponseRedirect(list_url(marketing_list, "list-rule"))


def fill(request: HttpRequest, marketing_list: Any) -> None:
    """Take a new list for the first time; only what goes wrong is worth a word."""
    try:
        if refresh_now(marketing_list=marketing_list, by=person_of(request)) is None:
            messages.info(request, _("Its people are put on it by the worker, because there are many."))
    except (RuleError, UnknownEntity, WrongListType) as error:
        messages.error(request, str(error))


def _refresh(request: HttpRequest, marketing_list: Any) -> None:
    """Refresh it, and say on the page that comes next what came of that."""
    change = _change(marketing_list)
    try:
        report = refresh_now(marketing_list=marketing_list, by=person_of(request))
    except (RuleError, UnknownEntity, WrongListType) as error:
        messages.error(request, str(error))
        return
    if report is None:
        text = _("This takes longer than a page can wait. The worker refreshes the list.")
        log_change(request, marketing_list, _("Refresh asked for."))
    else:
        text = _("The list was refreshed.")
        if isinstance(change, RuleChange) and change.adds is not None:
            text = _("The list was refreshed: %(came)s came, %(went)s went.") % {
                "came": grouped(change.adds),
                "went": grouped(change.takes_out or 0),
            }
        log_change(request, marketing_list, text)
    messages.success(request, text)
