"""What happened between campaigns and records: recipients with their counts, and every single activity."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import activity_badge, shortened
from dotbridge.backoffice.rights import MAY_SEE_ACTIVITIES
from dotbridge.backoffice.screens.base import EmptyList, link_to, require
from dotbridge.backoffice.screens.campaign_filters import (
    EmailCampaignFilter,
    OfMarketingCampaignFilter,
    ReactionFilter,
    RecordFilter,
    WholeDaysFilter,
)
from dotbridge.backoffice.screens.campaign_tabs import tabs_of_chosen_campaign
from dotbridge.backoffice.screens.labelled import LabelledScreen
from dotbridge.backoffice.screens.record_activities import record_context
from dotbridge.backoffice.site import table_site
from dotbridge.campaigns.models import EmailCampaignStatistics, MarketingActivity

_NOTHING_YET = _("After the next import of a campaign that was sent to one of your lists they stand here.")


class ResultScreen(LabelledScreen):
    """Rows that belong to an e-mail campaign; those of one campaign stand among that campaign's pages."""

    list_before_template = "backoffice/tabs.html"
    list_filter_submit = True

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the tabs of the chosen campaign."""
        tabs = tabs_of_chosen_campaign(request, current=str(self.opts.model_name))
        return super().changelist_view(request, {**tabs, **(extra_context or {})})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the campaign where the rows are those of one."""
        columns = list(super().get_list_display(request))
        return [name for name in columns if name != "mail"] if request.GET.get("mail") else columns

    @admin.display(description=_("E-mail campaign"))
    def mail(self, row: Any) -> SafeString:
        """The e-mail campaign."""
        return link_to(row.email_campaign)


@admin.register(EmailCampaignStatistics, site=table_site)
class RecipientScreen(ResultScreen):
    """The recipients of campaigns who are records here, and what each of them did."""

    list_display = ("record", "mail", "opens", "clicks", "bounces", "unsubscribes", "last_contacted_at")
    list_display_links = None
    list_filter = (ReactionFilter, EmailCampaignFilter)
    list_select_related = ("email_campaign",)
    fields = list_display
    readonly_fields = list_display
    empty_list = EmptyList(title=_("No recipients yet"), text=_NOTHING_YET)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Within a campaign the order of its index, so that nothing is sorted; else the newest first."""
        return ("entity", "record_id") if request.GET.get("mail") else ("-pk",)

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """The recipients of one campaign are few enough to be sorted."""
        return ("opens", "clicks", "bounces", "unsubscribes", "last_contacted_at") if request.GET.get("mail") else ()


@admin.register(MarketingActivity, site=table_site)
class ActivityScreen(ResultScreen):
    """Every activity, the newest first."""

    list_display = ("type_label", "record", "mail", "campaign", "action_date", "what")
    list_display_links = None
    list_filter = (
        "type",
        ("action_date", WholeDaysFilter),
        EmailCampaignFilter,
        OfMarketingCampaignFilter,
        RecordFilter,
    )
    list_select_related = ("email_campaign__marketing_campaign",)
    ordering = ("-action_date", "-pk")
    fields = list_display
    readonly_fields = list_display
    empty_list = EmptyList(title=_("No marketing activities yet"), text=_NOTHING_YET)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarketingActivity]:
        """With the campaigns that each row names."""
        activities: QuerySet[MarketingActivity] = super().get_queryset(request)
        return activities.select_related("email_campaign__marketing_campaign")

    @admin.display(description=_("What"))
    def type_label(self, activity: MarketingActivity) -> SafeString:
        """What happened."""
        return activity_badge(activity.type)

    @admin.display(description=_("Marketing campaign"))
    def campaign(self, activity: MarketingActivity) -> SafeString | None:
        """The marketing campaign, if it is in one."""
        found = activity.email_campaign.marketing_campaign
        return link_to(found, found.name) if found else None

    @admin.display(description=_("In detail"))
    def what(self, activity: MarketingActivity) -> str | None:
        """The link that was clicked. It is no link here: it may lead anywhere."""
        return shortened(activity.details) or None

    def get_urls(self) -> list[URLPattern]:
        """Also what one record did."""
        views = {"of-record": self.of_record, "of-record-piece": self.of_record_piece}
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"dotbridge_campaigns_marketingactivity_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def of_record(self, request: HttpRequest) -> HttpResponse:
        """The page of what one record did."""
        context = self._record_context(request)
        return self.render_page(request, "backoffice/record_page.html", title=context.pop("name"), **context)

    def of_record_piece(self, request: HttpRequest) -> HttpResponse:
        """The same as a piece of the record's own page."""
        template = "backoffice/record_activities_piece.html"
        return self.render_page(request, template, title="", **self._record_context(request))

    def _record_context(self, request: HttpRequest) -> dict[str, Any]:
        require(request, MAY_SEE_ACTIVITIES)
        context = record_context(request, request.GET.get("entity", ""), request.GET.get("record", ""))
        if context is None:
            raise Http404
        return context
