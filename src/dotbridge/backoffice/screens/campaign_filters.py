"""Filters by campaign and record that never read a whole table to find their choices."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str as parse_date

from dotbridge.backoffice.entity_labels import entity_label, label_records
from dotbridge.backoffice.queries import is_key
from dotbridge.campaigns.models import EmailCampaign, MarketingCampaign

# A filter shows its choices as a list; older ones are reached from their own page.
CHOICES = 50


class WholeDaysFilter(RangeDateFilter):  # type: ignore[misc]
    """By the day of a moment, from and to: the last day counts as a whole, on the clock of whoever asks."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What fell into these days. A day that cannot be read is no bound."""
        name = self.parameter_name
        given = {end: parse_date(str(self.used_parameters.get(f"{name}_{end}", ""))) for end in ("from", "to")}
        if given["from"]:
            queryset = queryset.filter(**{f"{name}__gte": _beginning(given["from"])})
        if given["to"] and given["to"] < date.max:
            queryset = queryset.filter(**{f"{name}__lt": _beginning(given["to"] + timedelta(days=1))})
        return queryset


class NewestFilter(admin.SimpleListFilter):
    """By one of the newest records of a model, or by the chosen one however old."""

    model: ClassVar[type[Model]]
    path: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The newest by name."""
        everything = self.model._default_manager.all()  # noqa: SLF001 - Django's documented way to ask a model
        found = {record.pk: str(record) for record in everything.order_by("-pk")[:CHOICES]}
        chosen = request.GET.get(str(self.parameter_name), "")
        if is_key(chosen) and int(chosen) not in found:
            found |= {record.pk: str(record) for record in everything.filter(pk=int(chosen))}
        return [(str(pk), name) for pk, name in found.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What belongs to the chosen one."""
        value = self.value()
        return queryset.filter(**{f"{self.path}_id": int(value)}) if value and is_key(value) else queryset


class EmailCampaignFilter(NewestFilter):
    """By e-mail campaign."""

    title = _("e-mail campaign")
    parameter_name = "mail"
    model = EmailCampaign
    path = "email_campaign"


class MarketingCampaignFilter(NewestFilter):
    """By marketing campaign."""

    title = _("marketing campaign")
    parameter_name = "campaign"
    model = MarketingCampaign
    path = "marketing_campaign"


class OfMarketingCampaignFilter(MarketingCampaignFilter):
    """By the marketing campaign of a row's e-mail campaign."""

    path = "email_campaign__marketing_campaign"


class RecordFilter(admin.SimpleListFilter):
    """By the record that a page of it named, as "crm.contact:12"; it offers no others."""

    title = _("record")
    parameter_name = "record"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The chosen record by its own name."""
        chosen = request.GET.get(self.parameter_name, "")[:200]
        entity, _colon, record_id = chosen.partition(":")
        if not record_id:
            return []
        known = label_records(request, entity, [record_id]).get(record_id)
        return [(chosen, known.text if known else f"{entity_label(entity)} {record_id}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What is about it."""
        entity, _colon, record_id = (self.value() or "").partition(":")
        return queryset.filter(entity=entity, record_id=record_id) if record_id else queryset


class ReactionFilter(admin.SimpleListFilter):
    """By what the recipient did."""

    title = _("what they did")
    parameter_name = "did"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Each reaction, and none."""
        return [
            ("opened", _("Opened")),
            ("clicked", _("Clicked")),
            ("bounced", _("Bounced")),
            ("unsubscribed", _("Unsubscribed")),
            ("nothing", _("None of these")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The recipients who did so."""
        reactions = {
            "opened": Q(opens__gt=0),
            "clicked": Q(clicks__gt=0),
            "bounced": Q(bounces__gt=0),
            "unsubscribed": Q(unsubscribes__gt=0),
            "nothing": Q(opens=0, clicks=0, bounces=0, unsubscribes=0),
        }
        chosen = reactions.get(self.value() or "")
        return queryset.filter(chosen) if chosen else queryset


def _beginning(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
