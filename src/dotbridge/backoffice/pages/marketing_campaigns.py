"""Marketing campaigns: efforts that several mails take part in. Results come before the form."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.charts import bars_by_period
from dotbridge.backoffice.labels import ACTIVITY_NUMBERS
from dotbridge.backoffice.pages.activity import search_pager
from dotbridge.backoffice.pages.campaigns import campaign_kinds
from dotbridge.backoffice.pages.editing import clash_of_form, seen_of
from dotbridge.backoffice.pages.forms import add_refusal, owners
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.pages.marketing_campaign_merge import MAY_MERGE
from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.campaign_tables import activity_table, with_figures
from dotbridge.backoffice.reads.history import history_of
from dotbridge.backoffice.rights import (
    MAY_ADD_MARKETING_CAMPAIGN,
    MAY_CHANGE_MARKETING_CAMPAIGN,
    MAY_DELETE_MARKETING_CAMPAIGN,
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_MARKETING_CAMPAIGNS,
)
from dotbridge.campaigns.models import CampaignCode, MarketingCampaign
from dotbridge.campaigns.selectors import activities_over_time, activity_summary, campaign_of_code, former_codes
from dotbridge.campaigns.services import CHANGEABLE, create_marketing_campaign, update_marketing_campaign
from dotbridge.editing import ChangedMeanwhile, held_as_seen

PAGE = 50


class MarketingCampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    """A marketing campaign. A code that any campaign has or ever had is refused."""

    class Meta:
        model = MarketingCampaign
        fields = ("name", "code", "start_date", "end_date", "budget", "report_period", "owner", "description")
        widgets = {
            "start_date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "end_date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "description": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = owners(self.instance.owner_id)  # type: ignore[attr-defined]

    def clean_code(self) -> str:
        """The code, if it is nobody else's."""
        code: str = self.cleaned_data["code"]
        holder = campaign_of_code(code)
        if holder is not None and holder.pk != self.instance.pk:
            text = _("This code belongs, or belonged, to %(campaign)s. Choose another one.")
            raise ValidationError(text % {"campaign": holder.name})
        return code


@page(MAY_SEE_MARKETING_CAMPAIGNS)
def marketing_campaigns(request: HttpRequest) -> HttpResponse:
    """The marketing campaigns, the newest first."""
    search = search_of(request)
    found = MarketingCampaign.objects.annotate(
        mails=Count("email_campaigns"), last_sent=Max("email_campaigns__sent_at")
    ).select_related("owner")
    if search:
        # By a former code, too: it still leads to its campaign.
        with_code = CampaignCode.objects.filter(code__icontains=search).values("marketing_campaign")
        found = found.filter(Q(name__icontains=search) | Q(pk__in=with_code))
    current = Paginator(found.order_by("-start_date", "-pk"), PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "backoffice/house/marketing_campaigns.html",
        title=_("Campaigns"),
        current="campaigns",
        tabs=campaign_kinds(request, "marketing-campaigns"),
        context={
            "campaigns": current,
            "search": search,
            "pager": search_pager(current, search),
            "may_add": request.user.has_perm(MAY_ADD_MARKETING_CAMPAIGN),
            "may_merge": request.user.has_perms(MAY_MERGE),
        },
    )


@page(MAY_SEE_MARKETING_CAMPAIGNS)
def marketing_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """One marketing campaign: what came of it, the code of its links, its mails, and its form."""
    found = get_object_or_404(MarketingCampaign, pk=pk)
    may_change = request.user.has_perm(MAY_CHANGE_MARKETING_CAMPAIGN)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    # What is typed is written into the form's own copy: the page shows what is kept.
    form = MarketingCampaignForm(request.POST if request.method == "POST" else None, instance=copy(found))
    context: dict[str, Any] = {"seen": seen_of(request, found, form.fields), "reload_url": request.path}
    if request.method == "POST" and form.is_valid():
        problem = _store(form, found, context["seen"])
        if problem is None:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        context |= problem
    may_see_mails = request.user.has_perm(MAY_SEE_CAMPAIGNS)
    table = activity_table(activities_over_time(found))
    return show(
        request,
        "backoffice/house/marketing_campaign.html",
        title=found.name,
        status=409 if "clash" in context else 200,
        current="campaigns",
        crumbs=[Crumb(title=_("Marketing campaigns"), url=reverse("dotbridge:marketing-campaigns"))],
        context={
            "campaign": found,
            "form": form,
            "may_change": may_change,
            "may_delete": request.user.has_perm(MAY_DELETE_MARKETING_CAMPAIGN),
            "former_codes": former_codes(found),
            "campaigns": list(with_figures(found.email_campaigns.order_by("-sent_at", "-pk"))[:100])
            if may_see_mails
            else [],
            "totals": [(ACTIVITY_NUMBERS[kind], number) for kind, number in activity_summary(found).items() if number],
            "history": history_of(found, viewer=request.user),
            "table": table,
            "chart": bars_by_period(table),
            **context,
        },
    )


def _store(form: MarketingCampaignForm, found: MarketingCampaign, seen: str) -> dict[str, Any] | None:
    """None once the campaign is kept; else what the page says besides what stands at the fields."""
    changes = {name: value for name, value in form.cleaned_data.items() if name in CHANGEABLE}
    try:
        with transaction.atomic():
            held_as_seen(found, form.fields, seen)
            update_marketing_campaign(marketing_campaign=found, **changes)
    except ValidationError as error:
        add_refusal(form, error)
        return {}
    except ChangedMeanwhile as error:
        told = clash_of_form(form, error.records, form.fields)
        return told if told["clash"] else None
    return None


@page(MAY_SEE_MARKETING_CAMPAIGNS, MAY_ADD_MARKETING_CAMPAIGN)
def add(request: HttpRequest) -> HttpResponse:
    """Make a marketing campaign."""
    form = MarketingCampaignForm(request.POST if request.method == "POST" else None, initial={"owner": request.user.pk})
    if request.method == "POST" and form.is_valid():
        try:
            made = create_marketing_campaign(**form.cleaned_data)
        except ValidationError as error:
            add_refusal(form, error)
        else:
            messages.success(request, _("%(name)s was made.") % {"name": made.name})
            return HttpResponseRedirect(reverse("dotbridge:marketing-campaign", args=[made.pk]))
    return show(
        request,
        "backoffice/house/form_page.html",
        title=_("New marketing campaign"),
        current="campaigns",
        crumbs=[Crumb(title=_("Marketing campaigns"), url=reverse("dotbridge:marketing-campaigns"))],
        context={"form": form, "answer": _("Make it"), "back_url": reverse("dotbridge:marketing-campaigns")},
    )
