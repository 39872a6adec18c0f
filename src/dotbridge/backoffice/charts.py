"""Charts that the server draws as SVG: nothing of them runs in the browser, and each stands as a table as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dotbridge.backoffice.reads.campaign_tables import ActivityTable
from dotbridge.backoffice.reads.campaigns import Hour
from dotbridge.backoffice.tones import ACTIVITY_TONES
from dotbridge.campaigns.models import ActivityType

WIDTH, FLOOR = 960, 174
# What was sent would dwarf what was done with it, and stands in the table.
DRAWN = tuple(kind for kind in ActivityType if kind is not ActivityType.SEND)


@dataclass(frozen=True, kw_only=True)
class ChartBar:
    """One bar, in the chart's own units."""

    x: str
    y: str
    width: str
    height: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class ChartLabel:
    """A word below the bars; `x` is how far it stands from the left, as a percentage."""

    x: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a template draws: bars, some labels below them, and which tone means what."""

    bars: list[ChartBar]
    labels: list[ChartLabel]
    tones: list[tuple[str, str]] = field(default_factory=list)


def bars_by_hour(hours: Sequence[Hour]) -> Chart | None:
    """Opens and clicks beside each other, hour by hour; None without any."""
    if not hours:
        return None
    highest = max(max(hour.opens, hour.clicks) for hour in hours) or 1
    step = WIDTH / len(hours)
    bars, labels = [], []
    for place, hour in enumerate(hours):
        for side, (number, tone) in enumerate(((hour.opens, "info"), (hour.clicks, "good"))):
            height = (FLOOR - 10) * number / highest
            bars.append(
                ChartBar(
                    x=f"{place * step + step * (0.1 + 0.4 * side):.1f}",
                    y=f"{FLOOR - height:.1f}",
                    width=f"{min(step * 0.38, 18):.1f}",
                    height=f"{height:.1f}",
                    tone=tone,
                )
            )
        if _is_labelled(place, len(hours)):
            at = timezone.localtime(hour.begins_at)
            # Translators: the day of a chart's hour, as Django's date filter takes it: 19 Nov
            words = f"{date_format(at, _('j M'))} {date_format(at, 'TIME_FORMAT')}"
            labels.append(ChartLabel(x=f"{100 * place / len(hours):.1f}%", text=words))
    return Chart(bars=bars, labels=labels)


def bars_by_period(table: ActivityTable) -> Chart | None:
    """What recipients did, period by period. None without any."""
    drawn = [(place, kind) for place, kind in enumerate(table.types) if kind in DRAWN]
    if not drawn:
        return None
    highest = max(sum(numbers[place] for place, _kind in drawn) for _name, numbers in table.rows) or 1
    step = WIDTH / len(table.rows)
    bars, labels = [], []
    for column, (name, numbers) in enumerate(table.rows):
        top = float(FLOOR)
        for place, kind in drawn:
            height = (FLOOR - 10) * numbers[place] / highest
            top -= height
            if numbers[place]:
                bars.append(
                    ChartBar(
                        x=f"{column * step + step * 0.15:.1f}",
                        y=f"{top:.1f}",
                        width=f"{min(step * 0.7, 28):.1f}",
                        height=f"{height:.1f}",
                        tone=ACTIVITY_TONES[kind],
                    )
                )
        if _is_labelled(column, len(table.rows)):
            labels.append(ChartLabel(x=f"{100 * column / len(table.rows):.1f}%", text=name))
    tones = [(ACTIVITY_TONES[kind], str(kind.label)) for _place, kind in drawn]
    return Chart(bars=bars, labels=labels, tones=tones)


def _is_labelled(place: int, places: int) -> bool:
    """Whether a word begins below this bar: below about eight of them, and not where it would run out at the right."""
    return place % max(1, places // 8) == 0 and (place == 0 or place <= 0.9 * places)
