"""E-mail campaigns: what was sent to which list, and what came of it. What was sent cannot be edited any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.labels import badge, with_share
from dotbridge.backoffice.reads.campaign_tables import compared_figures, with_figures
from dotbridge.backoffice.rights import MAY_SEE_LISTS, MAY_SEE_RESULTS
from dotbridge.backoffice.screens.base import EmptyList, ReadOnlyScreen, View, link_to
from dotbridge.backoffice.screens.campaign_filters import MarketingCampaignFilter, WholeDaysFilter
from dotbridge.backoffice.screens.campaign_tabs import campaign_tabs
from dotbridge.backoffice.site import table_site
from dotbridge.backoffice.statuses import campaign_status_words
from dotbridge.campaigns.models import EmailCampaign
from dotbridge.campaigns.selectors import campaign_totals
from dotbridge.sync.campaign_selectors import campaign_behind, statistics_block


@admin.register(EmailCampaign, site=table_site)
class EmailCampaignScreen(ReadOnlyScreen):
    """The e-mail campaigns, sent last first."""

    list_display = (
        "name",
        "subject_text",
        "sender",
        "list_link",
        "sent_at",
        "state_label",
        "mails",
        "opened_share",
        "clicked_share",
        "bounced_share",
        "unsubscribed_share",
    )
    list_filter = (
        ("sent_at", WholeDaysFilter),
        ("marketing_list", admin.RelatedFieldListFilter),
        MarketingCampaignFilter,
        "pair__campaign__integration",
        ("pair__campaign__gone_at", admin.EmptyFieldListFilter),
    )
    list_filter_submit = True
    list_select_related = ("marketing_list",)
    list_before_template = "backoffice/campaigns_before.html"
    search_fields = ("name", "pair__campaign__subject", "sender_name", "sender_email")
    search_help_text = gettext_lazy("A part of the name, the subject or the sender")
    ordering = ("-sent_at", "-pk")
    change_form_template = "backoffice/email_campaign.html"
    empty_list = EmptyList(
        title=gettext_lazy("No e-mail campaigns yet"),
        text=gettext_lazy(
            "A campaign that is sent in Dotdigital to an address book of one of your lists stands here after the next "
            "import, with what its recipients did."
        ),
        link="dotbridge_tables:dotbridge_lists_marketinglist_changelist",
        link_text=gettext_lazy("Go to the marketing lists"),
        permission=MAY_SEE_LISTS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the figures that Dotdigital gives."""
        campaigns: QuerySet[EmailCampaign] = super().get_queryset(request)
        return with_figures(campaigns.select_related("marketing_list", "marketing_campaign", "owner"))

    @admin.display(description=gettext_lazy("Subject"), ordering="subject")
    def subject_text(self, campaign: Any) -> str | None:
        """The mail's subject."""
        return campaign.subject or None

    @admin.display(description=gettext_lazy("Sender"), ordering="sender_name")
    def sender(self, campaign: EmailCampaign) -> str | None:
        """The name that recipients see, or the address."""
        return campaign.sender_name or campaign.sender_email or None

    @admin.display(description=gettext_lazy("Marketing list"), ordering="marketing_list__name")
    def list_link(self, campaign: EmailCampaign) -> SafeString | None:
        """The list that it was sent to."""
        if campaign.marketing_list is None:
            return None
        return link_to(campaign.marketing_list)

    @admin.display(description=gettext_lazy("State"), ordering="remote_status")
    def state_label(self, campaign: Any) -> SafeString:
        """Its status in Dotdigital, and whether it has gone from there."""
        return state_of(campaign)

    @admin.display(description=gettext_lazy("Mails"), ordering="mails_sent")
    def mails(self, campaign: Any) -> str:
        """How many mails were sent."""
        return with_share(campaign.mails_sent, None)

    @admin.display(description=gettext_lazy("Opened"), ordering="opened")
    def opened_share(self, campaign: Any) -> str:
        """How many people opened it, of those whom it reached."""
        return with_share(campaign.opened, campaign.delivered)

    @admin.display(description=gettext_lazy("Clicked"), ordering="clicked")
    def clicked_share(self, campaign: Any) -> str:
        """How many people clicked, of those whom it reached."""
        return with_share(campaign.clicked, campaign.delivered)

    @admin.display(description=gettext_lazy("Bounced"), ordering="bounced")
    def bounced_share(self, campaign: Any) -> str:
        """How many mails came back."""
        return with_share(campaign.bounced, campaign.mails_sent)

    @admin.display(description=gettext_lazy("Unsubscribed"), ordering="unsubscribed")
    def unsubscribed_share(self, campaign: Any) -> str:
        """How many people want no more mails, of those whom it reached."""
        return with_share(campaign.unsubscribed, campaign.delivered)

    def pages(self) -> Mapping[str, View]:
        """The figures, which are counted once the page stands."""
        return {"results": self.results}

    def panel_context(self, request: HttpRequest, record: EmailCampaign) -> Mapping[str, Any]:
        """What it is, here and in Dotdigital."""
        remote = campaign_behind(record)
        return {
            "show_history": True,
            "campaign": record,
            "state": state_of(record),
            "remote": remote,
            "books": remote.address_books.order_by("name") if remote else [],
            "list_tabs": campaign_tabs(request, record, current="results"),
            "tabs_label": _("Pages of this campaign"),
            "results_url": self.page_url(record, "results"),
        }

    def results(self, request: HttpRequest, campaign: EmailCampaign) -> HttpResponse:
        """A piece of a page: Dotdigital's figures beside ours."""
        block = statistics_block(campaign)
        recipients = (
            reverse("dotbridge_tables:dotbridge_campaigns_emailcampaignstatistics_changelist") + f"?mail={campaign.pk}"
        )
        may_see = request.user.has_perm(MAY_SEE_RESULTS)
        context = {
            "block": block,
            "figures": compared_figures(block, campaign_totals(campaign)),
            "recipients_url": recipients if may_see else "",
        }
        return render(request, "backoffice/campaign_results.html", context)


def state_of(campaign: Any) -> SafeString:
    """The state of an e-mail campaign that came with its figures, in words."""
    if campaign.remote_status:
        text = badge(
            campaign_status_words(campaign.remote_status), "good" if campaign.remote_status == "Sent" else "info"
        )
    else:
        text = badge(_("Sent"), "good") if campaign.sent_at else badge(_("Not sent"))
    if campaign.gone_at is None:
        return text
    return format_html("{} {}", text, badge(_("Gone from Dotdigital"), "wait"))
