"""Lists: whom do we write to, and are they in step? And the pages of one of them that only show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.counting import is_slow, standing_of
from dotbridge.backoffice.entity_labels import RecordLabel, label_records
from dotbridge.backoffice.pages.activity import search_pager
from dotbridge.backoffice.pages.frame import page, show
from dotbridge.backoffice.pages.list_frame import (
    COUNT_SECONDS,
    link_of,
    list_or_404,
    list_url,
    may_see_people,
    renewal_of,
    show_list_page,
    waits_for_count,
)
from dotbridge.backoffice.pages.list_take_out import is_picked, last_taken_out
from dotbridge.backoffice.queries import after_of, search_of
from dotbridge.backoffice.reads.campaign_tables import with_figures
from dotbridge.backoffice.reads.history import history_of
from dotbridge.backoffice.reads.list_columns import columns_for, shown_value
from dotbridge.backoffice.reads.list_people import ListPerson, people_page
from dotbridge.backoffice.reads.lists import lists_with_state
from dotbridge.backoffice.reads.standing import MEANINGS, TONES, WORDS, Standing
from dotbridge.backoffice.rights import (
    MAY_ADD_LIST,
    MAY_ASK_AGAIN,
    MAY_CHANGE_LIST,
    MAY_OPT_IN,
    MAY_OPT_OUT,
    MAY_PUT_BACK,
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_LISTS,
    MAY_SEE_RUNS,
    MAY_SEE_UPLOADS,
    MAY_TAKE_OFF,
)
from dotbridge.campaigns.models import EmailCampaign
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.lists.columns import ListColumn
from dotbridge.lists.counting import request_count
from dotbridge.lists.rules import RuleError
from dotbridge.sync.models import SyncRun, Upload

LISTS_A_PAGE = 25
# So long a page of people is looked for.
MOST_MILLISECONDS = 8_000
HISTORY = 50


@page(MAY_SEE_LISTS)
def lists(request: HttpRequest) -> HttpResponse:
    """All lists; each is counted by itself once the page stands."""
    search = search_of(request)
    found = lists_with_state().order_by("name")
    if search:
        found = found.filter(name__icontains=search)
    pages = Paginator(found, LISTS_A_PAGE)
    current = pages.get_page(request.GET.get("page"))
    return show(
        request,
        "backoffice/house/lists.html",
        title=_("Lists"),
        current="lists",
        context={
            "lists": current,
            "search": search,
            "pager": search_pager(current, search),
            "may_add": request.user.has_perm(MAY_ADD_LIST),
        },
    )


@page(MAY_SEE_LISTS)
def list_bar(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of a page: where the people of one list stand. Nothing, and so no change, while newer numbers are awaited
    by a piece that stands already."""
    if waits_for_count(request, pk):
        return HttpResponse(status=204)
    return _bar(request, pk)


@require_POST
@page(MAY_SEE_LISTS)
def count_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker count the list; the piece of the page again, which then waits for it."""
    request_count(list_id=list_or_404(pk).pk)
    return _bar(request, pk)


def _bar(request: HttpRequest, pk: int) -> HttpResponse:
    marketing_list = list_or_404(pk)
    chosen, is_whole = request.GET.get("show", ""), request.GET.get("whole") == "yes"
    return render(
        request,
        "backoffice/house/list_bar.html",
        {
            "standing": standing_of(marketing_list, renew=renewal_of(request)),
            "is_live": marketing_list.is_live,
            "list_url": list_url(marketing_list),
            "bar_url": list_url(marketing_list, "list-bar"),
            "again_url": list_url(marketing_list, "list-count") if is_whole else "",
            "query": urlencode({"show": chosen, "whole": "yes" if is_whole else ""}),
            "seconds": COUNT_SECONDS,
            "chosen": chosen,
            "is_whole": is_whole,
        },
    )


@page(MAY_SEE_LISTS)
def list_people(request: HttpRequest, pk: int) -> HttpResponse:
    """The list itself: who is on it, and where each of them stands."""
    marketing_list = list_or_404(pk)
    shown = request.GET.get("show", "")
    if shown and shown not in set(Standing):
        raise Http404
    search = search_of(request)
    context: dict[str, Any] = {"shown": shown, "search": search, "may_see_people": False}
    if may_see_people(request, marketing_list.entity):
        context |= {"may_see_people": True}
        # To find the few of a long list that are asked for, or that there are none, may take seconds.
        if (shown or search) and request.GET.get("now") != "yes" and is_slow(marketing_list):
            context["people_url"] = f"?{urlencode({**request.GET.dict(), 'now': 'yes'})}"
        else:
            context |= _people(request, marketing_list, shown, search)
    if shown:
        context |= {"shown_title": WORDS[Standing(shown)], "shown_meaning": MEANINGS[Standing(shown)]}
    return show_list_page(request, "backoffice/house/list_people.html", marketing_list, tab="list", context=context)


def _people(request: HttpRequest, marketing_list: Any, shown: str, search: str) -> dict[str, Any]:
    after = after_of(request)
    try:
        with asking(marketing_list.entity, milliseconds=MOST_MILLISECONDS):
            columns = columns_for(marketing_list, request.user)
            found = people_page(
                marketing_list,
                show=Standing(shown) if shown else None,
                after=after,
                search=search,
                columns=columns,
            )
            known = label_records(request, marketing_list.entity, [person.record_id for person in found.people])
    except (RuleError, UnknownEntity) as error:
        return {"problem": str(error)}
    except TookTooLong:
        return {"problem": _("This takes too long. Search for a part of an address, or make the rule simpler.")}
    query: dict[str, str] = {"show": shown, "q": search}
    return {
        "people": [_line(marketing_list, person, known.get(person.record_id), columns) for person in found.people],
        "columns": columns,
        "pager": {
            "previous": "?" + urlencode(query) if after else "",
            "next": "?" + urlencode({**query, "after": found.after}) if found.after else "",
        },
        **_rights(request, marketing_list),
    }


def _line(
    marketing_list: Any, person: ListPerson, record: RecordLabel | None, columns: Sequence[ListColumn]
) -> dict[str, Any]:
    """One person as the table shows them."""
    return {
        "person": person,
        "record": record,
        "url": person_url(marketing_list.entity, person.record_id),
        "tone": TONES[person.standing],
        "word": WORDS[person.standing],
        "cells": [
            (column.label, shown_value(column, value)) for column, value in zip(columns, person.cells, strict=True)
        ],
    }


def _rights(request: HttpRequest, marketing_list: Any) -> dict[str, Any]:
    """What may be done with the people, by the list's type and the person's rights."""
    may, picked = request.user.has_perm, is_picked(marketing_list)
    return {
        "may_remove": not picked and may(MAY_TAKE_OFF),
        "may_take_out": picked and may(MAY_CHANGE_LIST),
        "taken_out": len(last_taken_out(request, marketing_list)),
        "may_unsubscribe": may(MAY_OPT_OUT),
        "may_restore": may(MAY_PUT_BACK),
        "may_resubscribe": may(MAY_OPT_IN) or may(MAY_ASK_AGAIN),
    }


def person_url(entity_key: str, record_id: str) -> str:
    """The page of a person, by their record."""
    return reverse("dotbridge:person-record", args=[entity_key, record_id])


@page(MAY_SEE_LISTS, MAY_SEE_CAMPAIGNS)
def list_campaigns(request: HttpRequest, pk: int) -> HttpResponse:
    """The mails that went to the list."""
    marketing_list = list_or_404(pk)
    sent = EmailCampaign.objects.filter(marketing_list=marketing_list).order_by("-sent_at", "-pk")
    context = {"campaigns": list(with_figures(sent)[:100])}
    return show_list_page(
        request, "backoffice/house/list_campaigns.html", marketing_list, tab="list-campaigns", context=context
    )


@page(MAY_SEE_LISTS)
def list_history(request: HttpRequest, pk: int) -> HttpResponse:
    """Who changed what, and the runs and uploads of this list."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    context: dict[str, Any] = {"history": history_of(marketing_list, viewer=request.user)}
    if link and request.user.has_perm(MAY_SEE_UPLOADS):
        context["uploads"] = Upload.objects.filter(connection=link).order_by("-id")[:HISTORY]
    if link and request.user.has_perm(MAY_SEE_RUNS):
        context["runs"] = SyncRun.objects.filter(connection=link).order_by("-id")[:HISTORY]
    return show_list_page(
        request, "backoffice/house/list_history.html", marketing_list, tab="list-history", context=context
    )
