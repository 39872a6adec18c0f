"""Marketing campaigns as they are stored. What is done with them is done on their own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateFilter

from dotbridge.backoffice.labels import badge, grouped
from dotbridge.backoffice.rights import MAY_ADD_MARKETING_CAMPAIGN
from dotbridge.backoffice.screens.base import EmptyList, ReadOnlyScreen
from dotbridge.backoffice.site import table_site
from dotbridge.campaigns.models import EmailCampaign, MarketingCampaign


@admin.register(MarketingCampaign, site=table_site)
class MarketingCampaignScreen(ReadOnlyScreen):
    """The marketing campaigns."""

    list_display = ("name", "all_codes", "start_date", "end_date", "shown_budget", "mails", "made_by", "owner")
    list_filter = ("is_automatic", ("start_date", RangeDateFilter), ("owner", admin.RelatedOnlyFieldListFilter))
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("name", "codes__code")
    search_help_text = gettext_lazy("A part of the name, or of a present or former code")
    fields = ("name", "all_codes", "start_date", "end_date", "shown_budget", "report_period", "owner", "description")
    readonly_fields = fields
    empty_list = EmptyList(
        title=gettext_lazy("No marketing campaigns yet"),
        text=gettext_lazy(
            "A marketing campaign gathers e-mail campaigns that belong together. One is made by itself for each "
            "campaign that is sent in Dotdigital to one of your lists; several can be merged."
        ),
        link="dotbridge:marketing-campaign-add",
        link_text=gettext_lazy("Make a marketing campaign"),
        permission=MAY_ADD_MARKETING_CAMPAIGN,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of e-mail campaigns, and all codes in a second query."""
        of_campaign = EmailCampaign.objects.filter(marketing_campaign=OuterRef("pk")).order_by()
        numbers = of_campaign.values("marketing_campaign").annotate(number=Count("pk")).values("number")
        campaigns: QuerySet[MarketingCampaign] = super().get_queryset(request)
        return campaigns.annotate(mail_count=Coalesce(Subquery(numbers), 0)).prefetch_related("codes")

    @admin.display(description=gettext_lazy("Code"), ordering="code")
    def all_codes(self, campaign: MarketingCampaign) -> str:
        """The code, and in parentheses those that still lead here."""
        former = [each.code for each in campaign.codes.all() if each.code != campaign.code]
        return f"{campaign.code} ({', '.join(former)})" if former else campaign.code

    @admin.display(description=gettext_lazy("Budget"), ordering="budget")
    def shown_budget(self, campaign: MarketingCampaign) -> str | None:
        """The amount as people of the present language write it."""
        if campaign.budget is None:
            return None
        return number_format(campaign.budget, use_l10n=True, force_grouping=True)

    @admin.display(description=gettext_lazy("E-mail campaigns"), ordering="mail_count")
    def mails(self, campaign: Any) -> str:
        """How many take part in it."""
        return grouped(campaign.mail_count)

    @admin.display(description=gettext_lazy("Made"), ordering="is_automatic")
    def made_by(self, campaign: MarketingCampaign) -> SafeString:
        """By an import or by a person."""
        return badge(_("By an import"), "info") if campaign.is_automatic else badge(_("By a person"))
