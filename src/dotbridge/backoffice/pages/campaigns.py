"""Campaigns: how did it go?"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dotbridge.backoffice.charts import bars_by_hour
from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.activity import numbered_pager, search_pager
from dotbridge.backoffice.pages.draft_frame import preview_context
from dotbridge.backoffice.pages.frame import Crumb, Tab, page, show
from dotbridge.backoffice.queries import is_key, search_of
from dotbridge.backoffice.reads.campaigns import (
    DID_WORDS,
    Did,
    campaigns_with_figures,
    cards_of,
    counts_of_people,
    figures_as_rows,
    hours_of,
    links_of,
    people_of,
    recipients,
)
from dotbridge.backoffice.reads.drafts import open_in_dotdigital
from dotbridge.backoffice.rights import (
    MAY_DELETE_CAMPAIGN,
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_CONTACTS,
    MAY_SEE_MARKETING_CAMPAIGNS,
    MAY_SEE_RESULTS,
    MAY_USE_STUDIO,
)
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.mirror.models import Campaign
from dotbridge.spreadsheets import csv_line, guarded
from dotbridge.sync.campaign_selectors import campaign_behind, statistics_block

# Who did what, with their addresses in Dotdigital.
MAY_SEE_PEOPLE = (MAY_SEE_RESULTS, MAY_SEE_CONTACTS)
PAGE = 50
MOST_COMPARED = 6
# So long a page of people is looked for.
MOST_MILLISECONDS = 8_000


def campaign_kinds(request: HttpRequest, current: str) -> list[Tab]:
    """E-mail campaigns and marketing campaigns."""
    kinds = [
        ("campaigns", _("E-mail campaigns"), MAY_SEE_CAMPAIGNS),
        ("drafts", _("Not sent"), MAY_SEE_CAMPAIGNS),
        ("marketing-campaigns", _("Marketing campaigns"), MAY_SEE_MARKETING_CAMPAIGNS),
        ("studio", _("Email Studio"), MAY_USE_STUDIO),
    ]
    return [
        Tab(title=title, url=reverse(f"dotbridge:{name}"), is_current=name == current)
        for name, title, permission in kinds
        if request.user.has_perm(permission)
    ]


def _found(search: str) -> QuerySet[Any]:
    """The campaigns whose name or subject holds the text; all of them for none."""
    found = campaigns_with_figures()
    return found.filter(Q(name__icontains=search) | Q(subject__icontains=search)) if search else found


@page(MAY_SEE_CAMPAIGNS)
def campaigns(request: HttpRequest) -> HttpResponse:
    """The campaigns, those sent last first."""
    search = search_of(request)
    current = Paginator(_found(search), PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "backoffice/house/campaigns.html",
        title=_("Campaigns"),
        current="campaigns",
        tabs=campaign_kinds(request, "campaigns"),
        context={
            "campaigns": current,
            "search": search,
            "pager": search_pager(current, search),
            "may_choose": True,
        },
    )


@page(MAY_SEE_CAMPAIGNS)
def figures_file(request: HttpRequest) -> StreamingHttpResponse:
    """The figures of the campaigns that the search finds, or of those that are named, as a CSV."""
    keys = [int(key) for key in request.GET.getlist("campaign") if is_key(key)]
    found = campaigns_with_figures().filter(pk__in=keys) if keys else _found(search_of(request))
    rows = figures_as_rows(found.iterator(chunk_size=1000))
    lines = (csv_line(guarded(row)) for row in rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="campaigns.csv"'
    return response


@page(MAY_SEE_CAMPAIGNS)
def compare(request: HttpRequest) -> HttpResponse:
    """Some campaigns side by side."""
    keys = list(dict.fromkeys(int(key) for key in request.GET.getlist("campaign") if is_key(key)))
    found = list(campaigns_with_figures().filter(pk__in=keys[:MOST_COMPARED]))
    columns = [{"campaign": campaign, "cards": cards_of(campaign)} for campaign in found]
    rows = [
        {"title": DID_WORDS[card.did], "cards": [(column["campaign"], column["cards"][place]) for column in columns]}
        for place, card in enumerate(columns[0]["cards"] if columns else [])
    ]
    chosen = urlencode({"campaign": [campaign.pk for campaign in found]}, doseq=True)
    return show(
        request,
        "backoffice/house/compare.html",
        title=_("Campaigns side by side"),
        current="campaigns",
        crumbs=[Crumb(title=_("Campaigns"), url=reverse("dotbridge:campaigns"))],
        context={
            "columns": columns,
            "rows": rows,
            "file_url": f"{reverse('dotbridge:campaigns-file')}?{chosen}",
            "left_out": max(0, len(keys) - MOST_COMPARED),
            "most": MOST_COMPARED,
        },
    )


def _campaign(request: HttpRequest, pk: int, template: str, tab: str, context: dict[str, Any]) -> HttpResponse:
    found = get_object_or_404(campaigns_with_figures(), pk=pk)
    remote = campaign_behind(found)
    tabs = [Tab(title=_("Results"), url=reverse("dotbridge:campaign", args=[pk]), is_current=tab == "results")]
    if request.user.has_perms(MAY_SEE_PEOPLE):
        url = reverse("dotbridge:campaign-people", args=[pk])
        tabs.append(Tab(title=_("People"), url=url, is_current=tab == "people"))
    return show(
        request,
        template,
        title=str(found),
        current="campaigns",
        crumbs=[Crumb(title=_("Campaigns"), url=reverse("dotbridge:campaigns"))],
        tabs=tabs,
        context={
            "campaign": found,
            "remote": remote,
            "books": list(remote.address_books.order_by("name")) if remote else [],
            "may_see_people": request.user.has_perms(MAY_SEE_PEOPLE),
            "may_delete": request.user.has_perm(MAY_DELETE_CAMPAIGN),
            "table_url": reverse("dotbridge_tables:dotbridge_campaigns_emailcampaign_change", args=[pk]),
            **context,
        },
    )


@page(MAY_SEE_CAMPAIGNS)
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """One campaign: five figures, what happened hour by hour, and the links."""
    found = get_object_or_404(campaigns_with_figures(), pk=pk)
    remote = campaign_behind(found)
    hours = hours_of(remote) if remote else []
    context: dict[str, Any] = {
        "cards": cards_of(found),
        "hours": hours,
        "chart": bars_by_hour(hours),
        "links": links_of(remote) if remote else [],
        "statistics": statistics_block(found),
    }
    if remote is not None and remote.gone_at is None:
        context |= preview_context(remote.integration, remote.remote_id, can_change=False)
        context["open_url"] = open_in_dotdigital(remote.integration)
    return _campaign(request, pk, "backoffice/house/campaign.html", "results", context)


@page(MAY_SEE_CAMPAIGNS, *MAY_SEE_PEOPLE)
def campaign_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Who was sent it, and what they did."""
    found = get_object_or_404(campaigns_with_figures(), pk=pk)
    remote = campaign_behind(found)
    chosen = request.GET.get("did", "")
    if chosen and chosen not in set(Did):
        raise Http404
    search = search_of(request)
    context: dict[str, Any] = {"chosen": chosen, "search": search}
    if remote is not None:
        try:
            with statement_time_limit(MOST_MILLISECONDS):
                context |= _people(request, pk, remote, chosen, search)
        except TookTooLong:
            context["problem"] = _("This takes too long at present. Type more of the address, or try again later.")
    return _campaign(request, pk, "backoffice/house/campaign_people.html", "people", context)


def _people(request: HttpRequest, pk: int, remote: Campaign, chosen: str, search: str) -> dict[str, Any]:
    """A page of those who did what is chosen, and how many did what."""
    did = Did(chosen) if chosen else None
    current = Paginator(people_of(remote, did, search), PAGE).get_page(request.GET.get("page"))
    counts = counts_of_people(remote)
    url = reverse("dotbridge:campaign-people", args=[pk])
    return {
        "people": recipients(remote, list(current)),
        "pager": numbered_pager(current, "&" + urlencode({"did": chosen, "q": search})),
        "chips": [
            Tab(title=_("Everybody"), url=url, is_current=not chosen),
            *(
                Tab(
                    title=f"{DID_WORDS[each]} {grouped(counts[each])}",
                    url=f"{url}?did={each}",
                    is_current=chosen == each,
                )
                for each in Did
            ),
        ],
    }
