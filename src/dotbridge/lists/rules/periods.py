"""Periods that move with the day: the last 30 days, this month, a day that comes round every year.

Every period is two days, the first and the last one, both in it. A week begins on Monday. A month or year before or
after a day ends where the calendar does: a month before 31 March is the last of February.
"""

from __future__ import annotations

import calendar
import datetime
import enum
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

LONGEST_AMOUNT = 36_500
LONGEST_ANNIVERSARY = 366


class Unit(enum.StrEnum):
    """What an amount of time is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_MOST: dict[Unit, int] = {Unit.DAY: LONGEST_AMOUNT, Unit.WEEK: 5_200, Unit.MONTH: 1_200, Unit.YEAR: 100}


@dataclass(frozen=True)
class Amount:
    """So many days, weeks, months or years."""

    number: int
    unit: Unit

    @classmethod
    def most(cls, unit: Unit) -> int:
        """The largest number of this unit that a rule may name: about a hundred years."""
        return _MOST[unit]


@dataclass(frozen=True)
class Days:
    """A period: its first and its last day. Where `last` comes before `first` there is no day in it."""

    first: datetime.date
    last: datetime.date


class Period(enum.StrEnum):
    """A period with a name."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    TOMORROW = "tomorrow"
    THIS_WEEK = "this_week"
    LAST_WEEK = "last_week"
    NEXT_WEEK = "next_week"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"
    NEXT_MONTH = "next_month"
    THIS_YEAR = "this_year"
    LAST_YEAR = "last_year"
    NEXT_YEAR = "next_year"


PERIOD_LABELS = {
    Period.TODAY: _("today"),
    Period.YESTERDAY: _("yesterday"),
    Period.TOMORROW: _("tomorrow"),
    Period.THIS_WEEK: _("this week"),
    Period.LAST_WEEK: _("last week"),
    Period.NEXT_WEEK: _("next week"),
    Period.THIS_MONTH: _("this month"),
    Period.LAST_MONTH: _("last month"),
    Period.NEXT_MONTH: _("next month"),
    Period.THIS_YEAR: _("this year"),
    Period.LAST_YEAR: _("last year"),
    Period.NEXT_YEAR: _("next year"),
}
_STEPS = {"today": 0, "yesterday": -1, "tomorrow": 1, "this": 0, "last": -1, "next": 1}


def moved(day: datetime.date, amount: Amount, direction: int) -> datetime.date:
    """The day so long after (direction 1) or before (-1) another."""
    number = amount.number * direction
    if amount.unit in (Unit.DAY, Unit.WEEK):
        return day + datetime.timedelta(days=number * (7 if amount.unit is Unit.WEEK else 1))
    months = day.year * 12 + day.month - 1 + number * (12 if amount.unit is Unit.YEAR else 1)
    year, month = divmod(months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def named_period(period: Period, today: datetime.date) -> Days:
    """The days of the period that is meant on this day."""
    word, _joint, length = period.value.partition("_")
    step = _STEPS[word]
    if length == "week":
        monday = today + datetime.timedelta(days=7 * step - today.weekday())
        return Days(monday, monday + datetime.timedelta(days=6))
    if length in ("month", "year"):
        unit = Unit(length)
        begin = today.replace(day=1) if unit is Unit.MONTH else today.replace(month=1, day=1)
        first = moved(begin, Amount(1, unit), step) if step else begin
        return Days(first, moved(first, Amount(1, unit), 1) - datetime.timedelta(days=1))
    day = today + datetime.timedelta(days=step)
    return Days(day, day)


def last_amount(amount: Amount, today: datetime.date) -> Days:
    """From so long ago until today."""
    return Days(moved(today, amount, -1), today)


def next_amount(amount: Amount, today: datetime.date) -> Days:
    """From today until so far ahead."""
    return Days(today, moved(today, amount, 1))


def days_of_year(period: Days) -> list[int]:
    """The month and day, as month x 100 + day, of everything that comes round every year in the period.

    What happened on a 29 February comes round on the 28th in a year without one.
    """
    found: set[int] = set()
    day = period.first
    while day <= period.last and len(found) < LONGEST_ANNIVERSARY:
        found.add(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.add(229)
        day += datetime.timedelta(days=1)
    return sorted(found)
