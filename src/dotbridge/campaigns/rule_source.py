"""Marketing results as lists ask for them: who was sent a campaign, opened it, clicked, and who never did."""

from __future__ import annotations

from collections.abc import Collection as Values
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from dotbridge.campaigns.models import (
    ActivityType,
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
)
from dotbridge.entities.choices import Choice
from dotbridge.entities.fields import EntityField, FieldKind
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity
from dotbridge.entities.related_records import Collection
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.sources import RuleSource, register_rule_source
from dotbridge.lists.selectors import keys_in_rules
from dotbridge.one_reading import is_asked_again, known_by_key

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class _Named:
    """The rows of a model with a name, to choose from by their keys, which rules name at the field `path`."""

    def __init__(self, model: type[EmailCampaign | MarketingCampaign], path: str) -> None:
        self._model, self._path = model, path
        self._rows: QuerySet[Any] = model._default_manager.all()  # noqa: SLF001 - Django's documented name

    def search(self, text: str, limit: int) -> list[Choice]:
        """The newest first, because people mostly mean these."""
        found = self._rows.filter(name__icontains=text).order_by("-pk")
        return [Choice(key, name) for key, name in found.values_list("pk", "name")[:limit]]

    def named(self, values: Values[Any]) -> dict[Any, str]:
        """The names of those that exist. In one reading they are not asked for rule by rule."""
        known: dict[Any, str | None] = known_by_key((_Named, self._model))
        if missing := set(values) - known.keys():
            if is_asked_again((_Named, self._model)):
                missing |= keys_in_rules(self._path)
            found = dict(self._rows.filter(pk__in=missing).order_by().values_list("pk", "name"))
            known |= {key: found.get(key) for key in missing}
        return {key: name for key in values if (name := known[key]) is not None}


def register_marketing_results() -> None:
    """Let rules ask about marketing results."""
    register_rule_source(
        RuleSource(
            key="campaigns",
            label=_("Marketing results"),
            fields=_fields,
            collections=_collections,
            contacted=_contacted,
        )
    )


def _contacted(entity: Entity, marketing_list: MarketingList) -> Q:
    reached = _statistics(entity).filter(email_campaign__marketing_list=marketing_list)
    return Q(Exists(reached))


def _statistics(entity: Entity) -> QuerySet[EmailCampaignStatistics]:
    return EmailCampaignStatistics.objects.filter(
        entity=entity.key, record_id=as_record_id(OuterRef("pk")), last_contacted_at__isnull=False
    ).order_by()


def _fields(entity: Entity) -> list[EntityField]:
    sent = _statistics(entity).values("record_id")
    return [
        EntityField(
            path="campaigns.contacted_times",
            label=_("Campaigns received"),
            names=(_("Campaigns received"),),
            kind=FieldKind.INTEGER,
            source=Coalesce(Subquery(sent.annotate(number=Count("pk")).values("number")), 0),
            shows=(EmailCampaignStatistics,),
        ),
        EntityField(
            path="campaigns.last_contacted",
            label=_("Last contacted"),
            names=(_("Last contacted"),),
            kind=FieldKind.DATETIME,
            source=Subquery(sent.annotate(latest=Max("last_contacted_at")).values("latest")),
            shows=(EmailCampaignStatistics,),
        ),
    ]


@dataclass(frozen=True)
class _Result:
    """One sort of what came of a mail: its name in a rule, and how people say that there is some, and none.

    `types` are the activities that it is made of; `missing` is the activity that did not follow, if it is about that.
    """

    name: str
    label: StrOrPromise
    has: StrOrPromise
    has_not: StrOrPromise
    types: tuple[ActivityType, ...]
    missing: ActivityType | None = None


_SENT = (ActivityType.SEND,)
_RESULTS = (
    _Result("sent", _("Sent mails"), _("who were sent a campaign"), _("who were sent no campaign"), _SENT),
    _Result("opened", _("Opens"), _("who opened a campaign"), _("who opened no campaign"), (ActivityType.OPEN,)),
    _Result(
        "clicked", _("Clicks"), _("who clicked in a campaign"), _("who clicked in no campaign"), (ActivityType.CLICK,)
    ),
    _Result(
        "not_opened",
        _("Mails not opened"),
        _("who did not open a campaign that they were sent"),
        _("who opened every campaign that they were sent"),
        _SENT,
        missing=ActivityType.OPEN,
    ),
    _Result(
        "not_clicked",
        _("Mails without a click"),
        _("who did not click in a campaign that they were sent"),
        _("who clicked in every campaign that they were sent"),
        _SENT,
        missing=ActivityType.CLICK,
    ),
    _Result(
        "bounced",
        _("Bounces"),
        _("whose mail bounced"),
        _("whose mail never bounced"),
        (ActivityType.SOFT_BOUNCE, ActivityType.HARD_BOUNCE),
    ),
    _Result(
        "unsubscribed",
        _("Unsubscriptions"),
        _("who unsubscribed in a campaign"),
        _("who unsubscribed in no campaign"),
        (ActivityType.UNSUBSCRIBE,),
    ),
)


def _collections(entity: Entity) -> list[Collection]:
    fields = _fields_of_activities()
    return [
        Collection(
            path=f"campaigns.{result.name}",
            label=result.label,
            fields=fields,
            rows=partial(_rows, entity, result),
            shows=(MarketingActivity, EmailCampaign),
            latest_by="action_date",
            has=result.has,
            has_not=result.has_not,
        )
        for result in _RESULTS
    ]


def _rows(entity: Entity, result: _Result) -> QuerySet[MarketingActivity]:
    rows = MarketingActivity.objects.filter(
        type__in=result.types, entity=entity.key, record_id=as_record_id(OuterRef("pk"))
    ).order_by()
    if result.missing is None:
        return rows
    followed = MarketingActivity.objects.filter(
        type=result.missing,
        email_campaign=OuterRef("email_campaign"),
        entity=OuterRef("entity"),
        record_id=OuterRef("record_id"),
    )
    return rows.exclude(Exists(followed))


def _fields_of_activities() -> tuple[EntityField, ...]:
    return (
        EntityField(
            path="email_campaign",
            label=_("E-mail campaign"),
            names=(_("E-mail campaign"),),
            kind=FieldKind.INTEGER,
            source=F("email_campaign_id"),
            lookup=_Named(EmailCampaign, "email_campaign"),
        ),
        EntityField(
            path="marketing_campaign",
            label=_("Marketing campaign"),
            names=(_("Marketing campaign"),),
            kind=FieldKind.INTEGER,
            source=F("email_campaign__marketing_campaign_id"),
            lookup=_Named(MarketingCampaign, "marketing_campaign"),
            shows=(MarketingCampaign,),
        ),
        EntityField(
            path="action_date", label=_("When"), names=(_("When"),), kind=FieldKind.DATETIME, source=F("action_date")
        ),
        EntityField(path="details", label=_("Link"), names=(_("Link"),), kind=FieldKind.STRING, source=F("details")),
    )
