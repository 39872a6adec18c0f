"""Campaign summaries: the figures of each campaign with news, one call a campaign."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext_noop as _

from dotbridge.campaigns.services import set_sent_at
from dotbridge.mirror.models import Activity, Campaign, CampaignSummary, ResultKind, WaitingResult
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.inbound.campaign_feeds import active_campaigns, read_each, young_campaigns
from dotbridge.sync.inbound.storable import counted, text
from dotbridge.sync.models import CampaignPair
from dotdigital import CampaignSummary as RemoteSummary
from dotdigital import NotFound

FEED = "campaign_summary"
_FIGURES = tuple(each.name for each in msgspec.structs.fields(RemoteSummary))
_MONEY = frozenset({"revenue", "assisted_revenue"})


def import_summaries(step: StepContext) -> None:
    """Read the figures of every campaign with news and of young ones; one without is said so, and the others go on."""
    wanted = active_campaigns(step, FEED, or_else=young_campaigns(step))
    read_each(step, FEED, _read_summary, wanted, is_large=False)


def _read_summary(step: StepContext, campaign: Campaign) -> None:
    try:
        remote = step.account.campaign(campaign.remote_id).summary()
    except NotFound:
        detail = _("Dotdigital has no figures of this campaign. It is asked again when somebody is active in it.")
        step.reject([Refusal(f"campaign {campaign.remote_id}", "no_summary", detail)])
        return
    with transaction.atomic():
        _store(step, campaign, {name: _storable(name, getattr(remote, name)) for name in _FIGURES})
        step.advance(1)


def _store(step: StepContext, campaign: Campaign, figures: dict[str, Any]) -> None:
    known = CampaignSummary.objects.filter(campaign=campaign).values(*_FIGURES).first()
    CampaignSummary.objects.update_or_create(campaign=campaign, defaults={**figures, "read_at": step.run.server_now})
    has_changed = known is not None and known != figures
    if has_changed:
        # So its other feeds are read as well, even if Dotdigital did not name it as active.
        Campaign.objects.filter(pk=campaign.pk).update(active_at=step.run.server_now)
    step.count(read=1, new=int(known is None), changed=int(has_changed))
    if (sent_at := figures["date_sent"]) is None or sent_at == campaign.sent_at:
        return
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at)
    # Recipients without a date of their own have waited for this one.
    undated = Activity.objects.filter(campaign=campaign, sent_at=None).values("pk")
    waiting = WaitingResult.objects.filter(campaign=campaign, kind=ResultKind.ACTIVITY, is_tried=True)
    waiting.filter(row_id__in=undated).update(is_tried=False)
    link = CampaignPair.objects.filter(campaign=campaign).select_related("email_campaign").first()
    if link and link.email_campaign:
        set_sent_at(email_campaign=link.email_campaign, sent_at=sent_at)


def _storable(name: str, value: Any) -> Any:
    if name in _MONEY:
        return text(None if value is None else str(value), 64)
    return counted(value) if isinstance(value, int) else value
