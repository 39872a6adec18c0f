"""Charts that the server draws as SVG: nothing of them runs in the browser, and each stands as a table as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format

from dotbridge.backoffice.reads.campaigns import Hour

WIDTH, HEIGHT, FLOOR = 960, 200, 174


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
    """A word below or beside the bars."""

    x: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a template draws: bars, some labels below them, and the highest number."""

    bars: list[ChartBar]
    labels: list[ChartLabel]
    highest: int


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
        if place % max(1, len(hours) // 8) == 0:
            at = timezone.localtime(hour.begins_at)
            words = f"{date_format(at, 'j M')} {date_format(at, 'TIME_FORMAT')}"
            labels.append(ChartLabel(x=f"{place * step:.1f}", text=words))
    return Chart(bars=bars, labels=labels, highest=highest)
