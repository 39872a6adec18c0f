"""What the campaigns' screens read: figures beside e-mail campaigns, and activities as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from dotbridge.campaigns.models import ActivityType, EmailCampaign, ReportPeriod
from dotbridge.campaigns.selectors import ActivitiesOverTime, CampaignTotals
from dotbridge.sync.campaign_selectors import StatisticsBlock

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Whoever has more campaigns finds them by name, and a chart with more periods than this keeps its gaps.
NEWEST = 5
MOST_PERIODS = 400

_FORMATS = {ReportPeriod.HOUR: "SHORT_DATETIME_FORMAT", ReportPeriod.DAY: "SHORT_DATE_FORMAT"}


# What it is called, what it says, Dotdigital's figures whose sum it is, our own total, and the filter that shows who.
_COMPARED: tuple[tuple[StrOrPromise, StrOrPromise, tuple[str, ...], str, str], ...] = (
    (_("Recipients"), _("Mails that were sent."), ("num_total_sent",), "recipients", ""),
    (_("Opens"), _("Every opening counts."), ("num_total_opens",), "opens", "opened"),
    (_("Clicks"), _("Every click counts."), ("num_total_clicks",), "clicks", "clicked"),
    (
        _("Bounces"),
        _("Soft and hard ones."),
        ("num_total_hard_bounces", "num_total_soft_bounces"),
        "bounces",
        "bounced",
    ),
    (
        _("Unsubscribes"),
        _("People who want no more mails."),
        ("num_total_unsubscribes",),
        "unsubscribes",
        "unsubscribed",
    ),
    (_("Complaints"), _("Dotdigital does not say whose they are."), ("num_total_isp_complaints",), "", ""),
)


@dataclass(frozen=True, kw_only=True)
class ComparedFigure:
    """A figure as Dotdigital counts it (everybody) and as it is counted here (records of the list). None: not known.

    `did` names the filter of the recipients' list that shows who that was.
    """

    label: StrOrPromise
    explanation: StrOrPromise
    theirs: int | None
    ours: int | None
    did: str = ""


@dataclass(frozen=True, kw_only=True)
class ActivityTable:
    """Activities by period: the types that occur, and a row a period with a number for each of them."""

    types: list[ActivityType]
    rows: list[tuple[str, list[int]]]


def with_figures(campaigns: QuerySet[EmailCampaign]) -> QuerySet[Any]:
    """The e-mail campaigns with what Dotdigital says of each, in the same statement; people count once.

    Adds subject, remote_status, gone_at, mails_sent, delivered, opened, clicked, bounced and unsubscribed, all None
    where nothing is known.
    """
    summary = "pair__campaign__summary__num_"
    return campaigns.annotate(
        subject=F("pair__campaign__subject"),
        remote_status=F("pair__campaign__status"),
        gone_at=F("pair__campaign__gone_at"),
        mails_sent=F(f"{summary}total_sent"),
        delivered=F(f"{summary}total_delivered"),
        opened=F(f"{summary}total_unique_opens"),
        clicked=F(f"{summary}recipients_clicked"),
        bounced=F(f"{summary}total_hard_bounces") + F(f"{summary}total_soft_bounces"),
        unsubscribed=F(f"{summary}total_unsubscribes"),
    )


def newest_campaigns() -> list[Any]:
    """The e-mail campaigns that were sent last, with their figures, in one query."""
    sent = EmailCampaign.objects.filter(sent_at__isnull=False).order_by("-sent_at", "-pk")
    return list(with_figures(sent)[:NEWEST])


def compared_figures(block: StatisticsBlock | None, totals: CampaignTotals) -> list[ComparedFigure]:
    """What can be counted on both sides, side by side."""
    theirs = {figure.name: int(figure.value) for group in block.groups for figure in group.figures} if block else {}
    return [
        ComparedFigure(
            label=label,
            explanation=explanation,
            theirs=sum(theirs[name] for name in names) if block else None,
            ours=getattr(totals, counted) if counted else None,
            did=did,
        )
        for label, explanation, names, counted, did in _COMPARED
    ]


def activity_table(found: ActivitiesOverTime) -> ActivityTable:
    """The activities by period without gaps, each period by its name for people."""
    counts: dict[datetime, dict[ActivityType, int]] = {}
    for point in found.points:
        counts.setdefault(_wall_clock(point.begins_at), {})[point.type] = point.count
    types = [kind for kind in ActivityType if any(kind in row for row in counts.values())]
    rows = [
        (_period_name(begin, found.period), [counts.get(begin, {}).get(kind, 0) for kind in types])
        for begin in _without_gaps(sorted(counts), found.period)
    ]
    return ActivityTable(types=types, rows=rows)


def _wall_clock(moment: datetime) -> datetime:
    # Periods follow each other on the clock of the people who read the chart, also when that clock is changed.
    return timezone.make_naive(moment)


def _without_gaps(begins: list[datetime], period: ReportPeriod) -> list[datetime]:
    filled: list[datetime] = []
    for begin in begins:
        following = _next(filled[-1], period) if filled else begin
        while following < begin and len(filled) < MOST_PERIODS:
            filled.append(following)
            following = _next(following, period)
        filled.append(begin)
    return filled if len(filled) < MOST_PERIODS else begins


def _next(begin: datetime, period: ReportPeriod) -> datetime:
    if period is ReportPeriod.HOUR:
        return begin + timedelta(hours=1)
    if period is ReportPeriod.DAY:
        return begin + timedelta(days=1)
    return (begin.replace(day=1) + timedelta(days=32)).replace(day=1)


def _period_name(begin: datetime, period: ReportPeriod) -> str:
    return date_format(begin, _FORMATS.get(period, "YEAR_MONTH_FORMAT"))
