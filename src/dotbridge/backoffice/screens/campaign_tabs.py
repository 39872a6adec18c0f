"""The tabs that hold an e-mail campaign's pages together."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Tab
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.rights import MAY_SEE_CAMPAIGNS
from dotbridge.backoffice.screens.base import url_of
from dotbridge.campaigns.models import EmailCampaign


def campaign_tabs(request: HttpRequest, email_campaign: EmailCampaign, *, current: str) -> list[Tab]:
    """The pages of the e-mail campaign that the person may see."""
    tabs = [Tab(title=_("Results"), url=url_of(email_campaign), is_current=current == "results")]
    for model, title in (("emailcampaignstatistics", _("Recipients")), ("marketingactivity", _("Activities"))):
        if request.user.has_perm(f"dotbridge_campaigns.view_{model}"):
            url = f"{reverse(f'dotbridge_tables:dotbridge_campaigns_{model}_changelist')}?mail={email_campaign.pk}"
            tabs.append(Tab(title=title, url=url, is_current=current == model))
    return tabs


def tabs_of_chosen_campaign(request: HttpRequest, *, current: str) -> dict[str, object]:
    """The tabs of the e-mail campaign that the address names, as a page's context; empty without one."""
    chosen = request.GET.get("mail", "")
    if not is_key(chosen) or not request.user.has_perm(MAY_SEE_CAMPAIGNS):
        return {}
    email_campaign = EmailCampaign.objects.filter(pk=int(chosen)).first()
    if email_campaign is None:
        return {}
    return {
        "list_tabs": campaign_tabs(request, email_campaign, current=current),
        "tabs_label": _("Pages of this campaign"),
        "tabs_title": str(email_campaign),
    }
