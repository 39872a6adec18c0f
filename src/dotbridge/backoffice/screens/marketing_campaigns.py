"""Marketing campaigns: efforts that e-mail campaigns take part in, and what came of them together."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from dotbridge.backoffice.campaign_reads import activity_table, chart_of, with_figures
from dotbridge.backoffice.labels import badge, grouped
from dotbridge.backoffice.screens.base import AnyModelForm, EmptyList, View, show_problem
from dotbridge.backoffice.screens.deletion import DeletingScreen
from dotbridge.backoffice.screens.marketing_campaign_merge import MAY_MERGE, ask_for_merge
from dotbridge.backoffice.site import table_site
from dotbridge.campaigns.models import CampaignCode, EmailCampaign, MarketingCampaign
from dotbridge.campaigns.selectors import activities_over_time, activity_summary, campaign_of_code, former_codes
from dotbridge.campaigns.services import (
    CHANGEABLE,
    create_marketing_campaign,
    delete_marketing_campaign,
    update_marketing_campaign,
)

MAY_DELETE = "dotbridge_campaigns.delete_marketingcampaign"
# More are reached through the list of e-mail campaigns.
MAILS_SHOWN = 25


class MarketingCampaignForm(AnyModelForm):
    """A marketing campaign. A code that any campaign has or ever had is refused."""

    class Meta:
        model = MarketingCampaign
        fields = ("name", "code", "start_date", "end_date", "budget", "report_period", "owner", "description")
        widgets: ClassVar = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts: ClassVar = {
            "code": gettext_lazy(
                "For tracking: up to 20 letters, digits, hyphens and underscores. No other campaign has it or ever had "
                "it. When it is changed, links with the former code still lead here."
            ),
            "budget": gettext_lazy("In the currency of your books; nothing is worked out with it."),
            "report_period": gettext_lazy("How finely the chart is drawn; a long campaign is drawn more coarsely."),
        }

    def clean_code(self) -> str:
        """The code, if it is nobody else's."""
        code: str = self.cleaned_data["code"]
        holder = campaign_of_code(code)
        if holder is not None and holder.pk != self.instance.pk:
            text = _("This code belongs, or belonged, to %(campaign)s. Choose another one.")
            raise forms.ValidationError(text % {"campaign": holder.name})
        return code


@admin.register(MarketingCampaign, site=table_site)
class MarketingCampaignScreen(DeletingScreen):
    """The marketing campaigns."""

    form = MarketingCampaignForm
    deletion_title = gettext_lazy("Delete marketing campaign")
    list_display = ("name", "all_codes", "start_date", "end_date", "shown_budget", "mails", "made_by", "owner")
    list_filter = ("is_automatic", ("start_date", RangeDateFilter), ("owner", admin.RelatedOnlyFieldListFilter))
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("name", "codes__code")
    search_help_text = gettext_lazy("A part of the name, or of a present or former code")
    fields = ("name", "code", ("start_date", "end_date"), ("budget", "report_period"), "owner", "description")
    actions = ("merge_chosen",)
    panel_after = "backoffice/marketing_campaign_panel.html"
    empty_list = EmptyList(
        title=gettext_lazy("No marketing campaigns yet"),
        text=gettext_lazy(
            "A marketing campaign gathers e-mail campaigns that belong together. One is made by itself for each "
            "campaign that is sent in Dotdigital to one of your lists; several can be merged."
        ),
        link="dotbridge_tables:dotbridge_campaigns_marketingcampaign_add",
        link_text=gettext_lazy("Add a marketing campaign"),
        permission="dotbridge_campaigns.add_marketingcampaign",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of e-mail campaigns, and all codes in a second query."""
        of_campaign = EmailCampaign.objects.filter(marketing_campaign=OuterRef("pk")).order_by()
        numbers = of_campaign.values("marketing_campaign").annotate(number=Count("pk")).values("number")
        campaigns: QuerySet[MarketingCampaign] = super().get_queryset(request)
        return campaigns.annotate(mail_count=Coalesce(Subquery(numbers), 0)).prefetch_related("codes")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new campaign is its maker's own."""
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    @admin.display(description=gettext_lazy("Code"), ordering="code")
    def all_codes(self, campaign: MarketingCampaign) -> str:
        """The code, and in parentheses those that still lead here."""
        former = [each.code for each in campaign.codes.all() if each.code != campaign.code]
        return f"{campaign.code} ({', '.join(former)})" if former else campaign.code

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The owner is chosen; users are made elsewhere."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "owner":
            field.widget = field.widget.widget
        return field

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

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """A merge changes one campaign and deletes the others."""
        return all(request.user.has_perm(permission) for permission in MAY_MERGE)

    @admin.action(description=gettext_lazy("Merge into one campaign"), permissions=["merge"])
    def merge_chosen(self, request: HttpRequest, queryset: QuerySet[MarketingCampaign]) -> HttpResponse:
        """On to the page that asks."""
        chosen = "&".join(f"campaign={pk}" for pk in queryset.order_by("pk").values_list("pk", flat=True)[:100])
        return HttpResponseRedirect(
            f"{reverse('dotbridge_tables:dotbridge_campaigns_marketingcampaign_merge')}?{chosen}"
        )

    def get_urls(self) -> list[URLPattern]:
        """Also the merge."""
        view = self.admin_site.admin_view(lambda request: ask_for_merge(self, request))
        return [path("merge/", view, name="dotbridge_campaigns_marketingcampaign_merge"), *super().get_urls()]

    def pages(self) -> Mapping[str, View]:
        """The activities, which are counted once the page stands."""
        return {"activities": self.activities}

    def panel_context(self, request: HttpRequest, record: MarketingCampaign) -> Mapping[str, Any]:
        """Its e-mail campaigns with their figures, and where its activities come from."""
        mails = with_figures(record.email_campaigns.order_by("-sent_at", "-pk"))[: MAILS_SHOWN + 1]
        everything = f"{reverse('dotbridge_tables:dotbridge_campaigns_emailcampaign_changelist')}?campaign={record.pk}"
        shown = list(mails) if request.user.has_perm("dotbridge_campaigns.view_emailcampaign") else []
        return {
            "campaign": record,
            "former_codes": former_codes(record),
            "mails": shown[:MAILS_SHOWN],
            "mails_url": everything if len(shown) > MAILS_SHOWN else "",
            "may_see_mails": request.user.has_perm("dotbridge_campaigns.view_emailcampaign"),
            "activities_url": self.page_url(record, "activities"),
        }

    def activities(self, request: HttpRequest, campaign: MarketingCampaign) -> HttpResponse:
        """A piece of a page: how many activities of each type, and when."""
        table = activity_table(activities_over_time(campaign))
        everything = (
            f"{reverse('dotbridge_tables:dotbridge_campaigns_marketingactivity_changelist')}?campaign={campaign.pk}"
        )
        context = {
            "totals": [(kind, number) for kind, number in activity_summary(campaign).items() if number],
            "table": table,
            "chart": chart_of(table),
            "all_url": everything if request.user.has_perm("dotbridge_campaigns.view_marketingactivity") else "",
        }
        return render(request, "backoffice/campaign_activities.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The form; a code that somebody else took in the same moment is said, too."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            show_problem(request, error)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: MarketingCampaign, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write through the campaign's services."""
        given = {name: value for name, value in form.cleaned_data.items() if name in CHANGEABLE}
        if change:
            stored = MarketingCampaign.objects.get(pk=obj.pk)
            update_marketing_campaign(marketing_campaign=stored, **given)
        else:
            obj.__dict__.update(create_marketing_campaign(**given).__dict__)

    def delete_record(self, request: HttpRequest, record: MarketingCampaign) -> str:
        """What belongs to it stays, without it."""
        self.log_deletions(request, MarketingCampaign.objects.filter(pk=record.pk))
        delete_marketing_campaign(marketing_campaign=record)
        return _("%(name)s was deleted.") % {"name": record.name}

    def deletion(self, request: HttpRequest, record: MarketingCampaign) -> Mapping[str, Any]:
        """What becomes of its e-mail campaigns and codes."""
        codes = CampaignCode.objects.filter(marketing_campaign=record).values_list("code", flat=True)
        return {
            "question": _("Delete %(name)s?") % {"name": record.name},
            "consequences": [
                _("Its e-mail campaigns and activities stay, outside of any marketing campaign."),
                _("Links with these codes lead nowhere any more, and others may take them: %(codes)s.")
                % {"codes": ", ".join(codes)},
                _("It cannot be brought back. To gather campaigns in one, merge them instead."),
            ],
            "answer": _("Yes, delete it"),
        }
