"""Reads of campaigns: totals, what happened when, and what one record did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour, TruncMonth
from django.db.models.functions.datetime import TruncBase

from dotbridge.campaigns.models import (
    ActivityType,
    CampaignCode,
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
    ReportPeriod,
)

# A chart with more points than this is drawn more coarsely.
MOST_POINTS = 40
_COARSER: tuple[tuple[ReportPeriod, type[TruncBase], float], ...] = (
    (ReportPeriod.HOUR, TruncHour, 3_600),
    (ReportPeriod.DAY, TruncDay, 86_400),
    (ReportPeriod.MONTH, TruncMonth, 2_592_000),
)


@dataclass(frozen=True, kw_only=True)
class CampaignTotals:
    """The sums over an e-mail campaign's recipients, as far as they are records of its list."""

    recipients: int
    opens: int
    clicks: int
    bounces: int
    unsubscribes: int


@dataclass(frozen=True, kw_only=True)
class RecordInCampaign:
    """One record's part in one marketing campaign (None: e-mail campaigns outside of any): its newest activity, and
    how many of each type there are."""

    marketing_campaign: MarketingCampaign | None
    latest_type: ActivityType
    latest_at: datetime
    counts: dict[ActivityType, int]


@dataclass(frozen=True, kw_only=True)
class ActivityPoint:
    """How many activities of one type fell into one period, which begins at `begins_at`."""

    begins_at: datetime
    type: ActivityType
    count: int


@dataclass(frozen=True, kw_only=True)
class ActivitiesOverTime:
    """A campaign's activities by period: the period that was taken, and its points in the order of time.

    A period in which nothing happened has no point.
    """

    period: ReportPeriod
    points: list[ActivityPoint]


def campaign_of_code(code: str) -> MarketingCampaign | None:
    """The campaign that has this code, or had it, or was merged with the one that did."""
    found = CampaignCode.objects.filter(code=code).select_related("marketing_campaign").first()
    return found.marketing_campaign if found else None


def former_codes(marketing_campaign: MarketingCampaign) -> list[str]:
    """The codes that lead to the campaign beside its own, the oldest first."""
    codes = marketing_campaign.codes.exclude(code=marketing_campaign.code)
    return list(codes.order_by("pk").values_list("code", flat=True))


def campaign_totals(email_campaign: EmailCampaign) -> CampaignTotals:
    """What its recipients did, in sum."""
    sums = EmailCampaignStatistics.objects.filter(email_campaign=email_campaign).aggregate(
        recipients=Count("pk"),
        opens=Sum("opens", default=0),
        clicks=Sum("clicks", default=0),
        bounces=Sum("bounces", default=0),
        unsubscribes=Sum("unsubscribes", default=0),
    )
    return CampaignTotals(**sums)


def recipients(email_campaign: EmailCampaign) -> QuerySet[EmailCampaignStatistics]:
    """The records that it reached, with what each did."""
    return EmailCampaignStatistics.objects.filter(email_campaign=email_campaign).order_by("pk")


def activity_summary(marketing_campaign: MarketingCampaign) -> dict[ActivityType, int]:
    """How many activities of each type the campaign has; every type is there, also with none."""
    counted = (
        MarketingActivity.objects.filter(email_campaign__marketing_campaign=marketing_campaign)
        .order_by()
        .values_list("type")
        .annotate(number=Count("pk"))
    )
    found = dict(counted)
    return {kind: found.get(kind.value, 0) for kind in ActivityType}


def activities_over_time(marketing_campaign: MarketingCampaign) -> ActivitiesOverTime:
    """The campaign's activities by its report period, or by the next coarser one when the chart had too many points."""
    activities = MarketingActivity.objects.filter(email_campaign__marketing_campaign=marketing_campaign).order_by()
    ends = activities.aggregate(first=Min("action_date"), last=Max("action_date"))
    wanted = ReportPeriod(marketing_campaign.report_period)
    if ends["first"] is None:
        return ActivitiesOverTime(period=wanted, points=[])
    period, truncation = _period(wanted, (ends["last"] - ends["first"]).total_seconds())
    points = (
        activities.annotate(begins_at=truncation("action_date"))
        .values_list("begins_at", "type")
        .annotate(number=Count("pk"))
        .order_by("begins_at", "type")
    )
    return ActivitiesOverTime(
        period=period,
        points=[ActivityPoint(begins_at=at, type=ActivityType(kind), count=number) for at, kind, number in points],
    )


def activities_of_record(*, entity: str, record_id: str) -> QuerySet[MarketingActivity]:
    """What happened between campaigns and a record; the newest first, e-mail campaigns included."""
    return MarketingActivity.objects.filter(entity=entity, record_id=record_id).select_related("email_campaign")


def campaigns_of_record(*, entity: str, record_id: str) -> list[RecordInCampaign]:
    """The campaigns that a record had to do with, the one with the newest activity first, in two statements."""
    counted = (
        MarketingActivity.objects.filter(entity=entity, record_id=record_id)
        .order_by()
        .values_list("email_campaign__marketing_campaign", "type")
        .annotate(number=Count("pk"), latest=Max("action_date"))
    )
    lines: dict[int | None, list[tuple[datetime, ActivityType, int]]] = {}
    for campaign_id, kind, number, latest in counted:
        lines.setdefault(campaign_id, []).append((latest, ActivityType(kind), number))
    campaigns = MarketingCampaign.objects.in_bulk([key for key in lines if key is not None])
    found = [
        RecordInCampaign(
            marketing_campaign=None if key is None else campaigns.get(key),
            latest_at=max(parts)[0],
            latest_type=max(parts)[1],
            counts={kind: number for _, kind, number in parts},
        )
        for key, parts in lines.items()
    ]
    return sorted(found, key=lambda line: line.latest_at, reverse=True)


def _period(wanted: ReportPeriod, seconds: float) -> tuple[ReportPeriod, type[TruncBase]]:
    names = [period for period, _, _ in _COARSER]
    for period, truncation, length in _COARSER[names.index(wanted) :]:
        if seconds / length <= MOST_POINTS:
            return period, truncation
    return ReportPeriod.MONTH, TruncMonth
