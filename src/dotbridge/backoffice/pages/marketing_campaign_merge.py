"""Merging marketing campaigns: what is kept is chosen field by field, and what follows is said before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped, shortened
from dotbridge.backoffice.pages.campaign_deletion import rules_that_ask
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, show
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.rights import (
    MAY_CHANGE_MARKETING_CAMPAIGN,
    MAY_DELETE_MARKETING_CAMPAIGN,
    MAY_SEE_MARKETING_CAMPAIGNS,
)
from dotbridge.campaigns.models import CampaignCode, EmailCampaign, MarketingActivity, MarketingCampaign
from dotbridge.campaigns.services import MERGEABLE, merge_campaigns

MAY_MERGE = (MAY_CHANGE_MARKETING_CAMPAIGN, MAY_DELETE_MARKETING_CAMPAIGN)
# Each field shows a choice a campaign; more than these nobody compares.
MOST_MERGED = 20


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One campaign's value of a field."""

    key: str
    value: str
    campaign: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class FieldChoice:
    """A field with the values to choose from. Where all campaigns say the same there are none, and `same` has it."""

    name: str
    label: str
    same: str
    choices: list[Choice]


@page(MAY_SEE_MARKETING_CAMPAIGNS, *MAY_MERGE)
def merge(request: HttpRequest) -> HttpResponse:
    """Show what is kept and what follows, and merge once that is confirmed."""
    given = request.POST if request.method == "POST" else request.GET
    campaigns = _campaigns(given)
    back = reverse("dotbridge:marketing-campaigns")
    if not 2 <= len(campaigns) <= MOST_MERGED:
        text = _("Choose two or more campaigns to merge, %(most)s at most.") % {"most": MOST_MERGED}
        messages.error(request, text)
        return HttpResponseRedirect(back)
    problem = ""
    if request.method == "POST" and request.POST.get("confirmed"):
        try:
            return _merged(request, campaigns)
        except ValidationError as error:
            problem = " ".join(error.messages)
    remaining = _chosen(given, "remaining", campaigns) or _proposed(campaigns)
    fields = [_field_choice(given, name, campaigns, remaining) for name in MERGEABLE]
    return show(
        request,
        "backoffice/house/merge.html",
        title=_("Merge campaigns"),
        current="campaigns",
        crumbs=[Crumb(title=_("Marketing campaigns"), url=back)],
        context={
            "campaigns": campaigns,
            "remaining": remaining,
            "problem": problem,
            "field_choices": [field for field in fields if field.choices],
            "same_fields": [field for field in fields if not field.choices],
            "consequences": _consequences(request, campaigns),
            "back_url": back,
        },
    )


def _merged(request: HttpRequest, campaigns: Sequence[MarketingCampaign]) -> HttpResponse:
    remaining = _chosen(request.POST, "remaining", campaigns)
    if remaining is None:
        raise ValidationError(_("Choose the campaign that remains."))
    sources = {name: _chosen(request.POST, name, campaigns) for name in MERGEABLE}
    others = [campaign for campaign in campaigns if campaign.pk != remaining.pk]
    names = ", ".join(campaign.name for campaign in others)
    merged = merge_campaigns(
        remaining=remaining,
        others=others,
        chosen={name: source for name, source in sources.items() if source is not None},
    )
    log_change(request, merged, _("Merged with %(names)s.") % {"names": names})
    text = ngettext(
        "%(n)s campaign was merged into %(name)s.", "%(n)s campaigns were merged into %(name)s.", len(others)
    )
    messages.success(request, text % {"n": len(others), "name": merged.name})
    return HttpResponseRedirect(reverse("dotbridge:marketing-campaign", args=[merged.pk]))


def _campaigns(given: QueryDict) -> list[MarketingCampaign]:
    """The campaigns that the address or form names, the oldest first."""
    keys = {int(key) for key in given.getlist("campaign") if is_key(key)}
    return list(MarketingCampaign.objects.filter(pk__in=keys).select_related("owner").order_by("pk"))


def _chosen(given: QueryDict, name: str, campaigns: Sequence[MarketingCampaign]) -> MarketingCampaign | None:
    return next((campaign for campaign in campaigns if str(campaign.pk) == given.get(name)), None)


def _proposed(campaigns: Sequence[MarketingCampaign]) -> MarketingCampaign:
    """Which one a person most likely wants to keep: one that a person made, else the oldest."""
    return next((campaign for campaign in campaigns if not campaign.is_automatic), campaigns[0])


def _field_choice(
    given: QueryDict, name: str, campaigns: Sequence[MarketingCampaign], remaining: MarketingCampaign
) -> FieldChoice:
    values = {campaign.pk: _value(campaign, name) for campaign in campaigns}
    label = capfirst(str(MarketingCampaign._meta.get_field(name).verbose_name))  # type: ignore[union-attr]  # noqa: SLF001
    empty = _("empty")
    # What is shown of a long text may be the same where the texts are not.
    if len({_kept(campaign, name) for campaign in campaigns}) == 1:
        return FieldChoice(name=name, label=label, same=values[remaining.pk] or empty, choices=[])
    # A value is worth more than none, and the remaining campaign's more than another one's.
    preferred = [remaining, *campaigns]
    source = _chosen(given, name, campaigns) or next(each for each in preferred if values[each.pk])
    return FieldChoice(
        name=name,
        label=label,
        same="",
        choices=[
            Choice(
                key=str(campaign.pk),
                value=values[campaign.pk] or empty,
                campaign=str(campaign),
                is_chosen=campaign.pk == source.pk,
            )
            for campaign in campaigns
        ],
    )


def _kept(campaign: MarketingCampaign, name: str) -> Any:
    """A field's value as it is kept; empty without one."""
    value: Any = getattr(campaign, name)
    return "" if value is None else value


def _value(campaign: MarketingCampaign, name: str) -> str:
    """A field's value for people; empty without one."""
    value = _kept(campaign, name)
    if value == "":
        return ""
    if name in {"start_date", "end_date"}:
        return date_format(value)
    if name == "budget":
        return number_format(value, use_l10n=True, force_grouping=True)
    if name == "report_period":
        return str(campaign.get_report_period_display())
    return shortened(str(value), 200)


def _consequences(request: HttpRequest, campaigns: Sequence[MarketingCampaign]) -> list[str]:
    mails = EmailCampaign.objects.filter(marketing_campaign__in=campaigns).count()
    activities = MarketingActivity.objects.filter(email_campaign__marketing_campaign__in=campaigns).count()
    codes = CampaignCode.objects.filter(marketing_campaign__in=campaigns).order_by("pk").values_list("code", flat=True)
    return [
        _("The remaining campaign then has all e-mail campaigns (%(mails)s) and activities (%(activities)s).")
        % {"mails": grouped(mails), "activities": grouped(activities)},
        _("All codes stay valid and lead to it: %(codes)s. New links get its own.") % {"codes": ", ".join(codes)},
        ngettext(
            "%(n)s campaign is deleted here. Nothing changes in Dotdigital.",
            "%(n)s campaigns are deleted here. Nothing changes in Dotdigital.",
            len(campaigns) - 1,
        )
        % {"n": len(campaigns) - 1},
        *rules_that_ask(
            request,
            _(
                "A list that asks about a campaign that goes stands still until its rule is corrected. One that asks "
                "about the remaining campaign may hold other people afterwards: those of all of them count."
            ),
            field="marketing_campaign",
            keys=[campaign.pk for campaign in campaigns],
        ),
        _("A merge cannot be undone: nobody can tell afterwards which e-mail campaign belonged to which."),
    ]
