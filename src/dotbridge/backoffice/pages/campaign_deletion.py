"""Deleting campaigns, after a page that says in numbers what goes and what stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import Crumb, log_deletion, page, show
from dotbridge.backoffice.rights import (
    MAY_DELETE_CAMPAIGN,
    MAY_DELETE_MARKETING_CAMPAIGN,
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_LISTS,
    MAY_SEE_MARKETING_CAMPAIGNS,
)
from dotbridge.campaigns.models import CampaignCode, EmailCampaign, MarketingActivity, MarketingCampaign
from dotbridge.campaigns.services import delete_email_campaign, delete_marketing_campaign
from dotbridge.lists.selectors import lists_asking_about


@page(MAY_SEE_CAMPAIGNS, MAY_DELETE_CAMPAIGN)
def delete_email(request: HttpRequest, pk: int) -> HttpResponse:
    """An e-mail campaign goes with its statistics and activities."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if request.method == "POST" and request.POST.get("confirmed"):
        return _deleted(request, campaign, "campaigns", lambda: delete_email_campaign(email_campaign=campaign))
    recipients, activities = campaign.statistics.count(), campaign.activities.count()
    lines = [
        _("The campaign in Dotdigital stays as it is. It is not imported again."),
        ngettext(
            "The results of %(n)s recipient go with it.", "The results of %(n)s recipients go with it.", recipients
        )
        % {"n": grouped(recipients)},
        ngettext("%(n)s activity goes with it.", "%(n)s activities go with it.", activities)
        % {"n": grouped(activities)},
        *rules_that_ask(request, _then_stops(), field="email_campaign", keys=[campaign.pk]),
        *_who_was_reached(campaign),
        _("It cannot be brought back."),
    ]
    return _ask(request, campaign, "campaigns", "campaign", lines)


@page(MAY_SEE_MARKETING_CAMPAIGNS, MAY_DELETE_MARKETING_CAMPAIGN)
def delete_marketing(request: HttpRequest, pk: int) -> HttpResponse:
    """A marketing campaign goes alone; what belongs to it stays, outside of any."""
    campaign = get_object_or_404(MarketingCampaign, pk=pk)
    if request.method == "POST" and request.POST.get("confirmed"):
        return _deleted(
            request, campaign, "marketing-campaigns", lambda: delete_marketing_campaign(marketing_campaign=campaign)
        )
    mails = EmailCampaign.objects.filter(marketing_campaign=campaign).count()
    activities = MarketingActivity.objects.filter(email_campaign__marketing_campaign=campaign).count()
    codes = CampaignCode.objects.filter(marketing_campaign=campaign).order_by("pk").values_list("code", flat=True)
    lines = [
        _("Its e-mail campaigns (%(mails)s) and activities (%(activities)s) stay, outside of any marketing campaign.")
        % {"mails": grouped(mails), "activities": grouped(activities)},
        _("Links with these codes lead nowhere any more, and others may take them: %(codes)s.")
        % {"codes": ", ".join(codes)},
        *rules_that_ask(request, _then_stops(), field="marketing_campaign", keys=[campaign.pk]),
        _("It cannot be brought back. To gather campaigns in one, merge them instead."),
    ]
    return _ask(request, campaign, "marketing-campaigns", "marketing-campaign", lines)


def rules_that_ask(request: HttpRequest, then: str, *, field: str, keys: Iterable[int]) -> list[str]:
    """How many lists ask about these campaigns in their rules, which, and what follows, in one line; none without any.

    The names of lists are for those who may see lists.
    """
    lists = lists_asking_about(field, keys)
    if not lists:
        return []
    number = {"n": grouped(len(lists))}
    if not request.user.has_perm(MAY_SEE_LISTS):
        text = ngettext("%(n)s list asks about it in its rule.", "%(n)s lists ask about it in their rules.", len(lists))
        return [f"{text % number} {then}"]
    text = ngettext(
        "%(n)s list asks about it in its rule: %(lists)s.",
        "%(n)s lists ask about it in their rules: %(lists)s.",
        len(lists),
    )
    return [f"{text % {**number, 'lists': ', '.join(each.name for each in lists)}} {then}"]


def _who_was_reached(campaign: EmailCampaign) -> list[str]:
    """That its list keeps whom it has reached, and loses those whom nothing else has reached or matched."""
    kept_by = campaign.marketing_list
    if kept_by is None or not kept_by.include_previously_contacted:
        return []
    text = _("%(list)s keeps whom it was sent to. Those whom only this campaign was sent to leave it.")
    return [text % {"list": kept_by}]


def _then_stops() -> str:
    return _("A list whose rule asks about what does not exist stands still until its rule is corrected.")


def _deleted(request: HttpRequest, campaign: Any, page_after: str, delete: Callable[[], None]) -> HttpResponse:
    with transaction.atomic():
        log_deletion(request, campaign)
        delete()
    messages.success(request, _("%(name)s was deleted.") % {"name": campaign.name})
    return HttpResponseRedirect(reverse(f"dotbridge:{page_after}"))


def _ask(request: HttpRequest, campaign: Any, page_above: str, own_page: str, lines: Sequence[str]) -> HttpResponse:
    own_url = reverse(f"dotbridge:{own_page}", args=[campaign.pk])
    return show(
        request,
        "backoffice/house/confirm.html",
        title=campaign.name,
        current="campaigns",
        crumbs=[
            Crumb(title=_("Campaigns"), url=reverse(f"dotbridge:{page_above}")),
            Crumb(title=campaign.name, url=own_url),
        ],
        context={
            "question": _("Delete %(name)s?") % {"name": campaign.name},
            "consequences": lines,
            "answer": _("Yes, delete it"),
            "action_url": request.path,
            "back_url": own_url,
            "is_danger": True,
        },
    )
