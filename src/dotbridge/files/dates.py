"""Dates by column: the rows of the column decide in which order day and month stand, never a single cell."""
# ruff: noqa: RUF001 - digits of East Asian writing are the point

from __future__ import annotations

import datetime
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.dates import MONTHS, MONTHS_3, MONTHS_ALT, MONTHS_AP
from django.utils.translation import gettext_noop

from dotbridge.files.damage import Unreadable
from dotbridge.files.records import Cell, cell_text
from dotbridge.files.texts import text as _

LONGEST_DATE = 100
# Thai programs count from the Buddha: 2533 is 1990.
_BUDDHIST_YEARS = range(2400, 2700)
DAY_FIRST, MONTH_FIRST = gettext_noop("day first"), gettext_noop("month first")
# What nothing settles is left out, and nobody is asked about it any more.
LEAVE = "leave"
# How Excel keeps a day: as a number since then. Old ones of a Mac count from 1904, which a number does not say.
EXCEL_1900 = gettext_noop("days that Excel counted from 1900")
EXCEL_1904 = gettext_noop("days that Excel counted from 1904")
_COUNTED_FROM = {EXCEL_1900: datetime.date(1899, 12, 30), EXCEL_1904: datetime.date(1904, 1, 1)}
ORDERS = {
    "dmy": DAY_FIRST,
    "mdy": MONTH_FIRST,
    "excel1900": EXCEL_1900,
    "excel1904": EXCEL_1904,
    "leave": LEAVE,
}
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,](?P<fraction>\d+))?(?: ?Uhr)?"
    r" ?(?P<half>[AP]\.? ?M\.?)? ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)?"
)
# The time of day that is written beside a date: "10:30", "10.30.00", "10:30:00 PM", "10:30:00.000 +0100", "10h30".
TIME = re.compile(_CLOCK, re.ASCII | re.IGNORECASE)
_TIME = rf"(?:[T ,]+(?:at |um |à )?({re.sub(r'[?]P<[a-z]+>', '?:', _CLOCK)}))?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-./])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII | re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-./])(\d{{1,2}})\2(\d{{4}}){_TIME}", re.ASCII | re.IGNORECASE)
_SHORT_YEAR = re.compile(r"\d{1,2}([-./])\d{1,2}\1\d{2}", re.ASCII)
_NO_YEAR = re.compile(r"--\d{2}-?\d{2}|\d{1,2}[-./]\d{1,2}\.?", re.ASCII)
# From 1927 on. With a part of a day behind it.
_COUNTED = re.compile(r"([1-9]\d{4})(?:[.,]\d+)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
# "17. Mai 1990", "May 17, 1990 10:30 AM", "17 de mayo de 1990", "Thu, 17 May 1990 10:30:00 +0000".
_WITH_NAME = re.compile(
    r"(?:[^\W\d]+\.?,? +(?=\d|[^\W\d]+\.? +\d))?"
    r"(?:(\d{1,2})(?:\.|st|nd|rd|th|º)?[ /-]+(?:de )?)?([^\W\d]+)\.?[ /-]+"
    rf"(?:(\d{{1,2}})(?:,|st|nd|rd|th)* +)?(?:de )?(\d{{4}}){_TIME}",
    re.IGNORECASE,
)
# "17. 5. 1990" of the Czechs, "1990. 05. 17." of the Hungarians, "17.5.1990." of the Croats.
_LOOSE = re.compile(r"(\d{1,4})([-./]) ?(\d{1,2})\2 ?(\d{1,4})\.?(?=$|[ T,])", re.ASCII)
# "1990年5月17日", "1990년 5월 17일".
_WIDE = str.maketrans("０１２３４５６７８９／－．：　\u00a0\u202f", "0123456789/-.:   ")
_EAST_ASIAN = re.compile(r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]")


class Day(NamedTuple):
    """A date as it was read, and its time of day as it was written, if it has one."""

    date: datetime.date
    time: str


@dataclass
class DateColumn:
    """What the rows of one column say about the order of day and month; `chosen` is what a person said.

    Each separator is decided by itself: one column may hold the dates of two programs.
    """

    chosen: str | None = None
    day_first: Counter[str] = field(default_factory=Counter)
    month_first: Counter[str] = field(default_factory=Counter)
    either: Counter[str] = field(default_factory=Counter)
    counted: int = 0
    example: str = ""

    def observe(self, cell: Cell) -> None:
        """Take note of one cell."""
        if isinstance(cell, (int, float)) or (isinstance(cell, str) and cell[:1].isdigit()):
            self._observe_counted(cell_text(cell).strip())
        if not isinstance(cell, str) or len(cell) > LONGEST_DATE or not cell.strip()[:1].isdigit():
            return
        found = _YEAR_LAST.fullmatch(_tidied(cell))
        if found is None:
            return
        first, separator, second = int(found[1]), found[2], int(found[3])
        if first > 12 >= second:
            self.day_first[separator] += 1
        elif second > 12 >= first:
            self.month_first[separator] += 1
        elif first != second:
            self.either[separator] += 1
            self.example = self.example or found[0]

    def _observe_counted(self, text: str) -> None:
        if _COUNTED.fullmatch(text):
            self.counted += 1
            self.example = self.example or text

    def order(self, separator: str) -> str | None:
        """The order under this separator, None where nothing settles it or the column says both."""
        if self.chosen in {DAY_FIRST, MONTH_FIRST}:
            return self.chosen
        day, month = self.day_first[separator], self.month_first[separator]
        if day and month:
            return None
        if day or month:
            return DAY_FIRST if day else MONTH_FIRST
        # Nobody writes the month first and points between.
        return DAY_FIRST if separator == "." else None

    def is_open(self) -> bool:
        """Whether there are dates that could be either, and neither a row nor a person has settled it."""
        is_either = any(self.either[each] and self.order(each) is None for each in self.either)
        return self.chosen is None and (is_either or self.counted > 0)

    def decided(self) -> dict[str, str | None]:
        """What was decided for each separator that the column has, for the report."""
        seen = sorted({*self.day_first, *self.month_first, *self.either})
        return {separator: self.order(separator) for separator in seen}

    def read(self, cell: Cell) -> datetime.date:
        """The date in a cell. Raises Unreadable."""
        return self.read_day(cell).date

    def read_day(self, cell: Cell) -> Day:
        """The date in a cell, and its time of day. Raises Unreadable."""
        if isinstance(cell, datetime.datetime):
            return Day(cell.date(), cell.time().isoformat())
        if isinstance(cell, datetime.date):
            return Day(cell, "")
        text = cell_text(cell).strip()
        if len(text) > LONGEST_DATE:
            raise Unreadable(_("This is no date."), _mend())
        if found := _COUNTED.fullmatch(text):
            return Day(self._counted_day(int(found[1])), "")
        year, month, day, time = self._parts(_tidied(text))
        if year in _BUDDHIST_YEARS:
            raise Unreadable(_("The year is one of another calendar."), _mend())
        try:
            return Day(datetime.date(year, month, day), time)
        except ValueError:
            raise Unreadable(_("There is no such day."), _mend()) from None

    def _counted_day(self, number: int) -> datetime.date:
        if (begin := _COUNTED_FROM.get(self.chosen or "")) is None:
            raise Unreadable(
                _("It may be a day as Excel counts them, from 1900 or from 1904."),
                _("Say excel1900 or excel1904 for the whole column, or write dates as YEAR-MONTH-DAY."),
            )
        return begin + datetime.timedelta(days=number)

    def _parts(self, text: str) -> tuple[int, int, int, str]:
        if found := _YEAR_FIRST.fullmatch(text):
            return int(found[1]), int(found[3]), int(found[4]), found[5] or ""
        if found := _YEAR_LAST.fullmatch(text):
            day, month = self._ordered(int(found[1]), found[2], int(found[3]))
            return int(found[4]), month, day, found[5] or ""
        if found := _COMPACT.fullmatch(text):
            return int(found[1]), int(found[2]), int(found[3]), ""
        if found := _WITH_NAME.fullmatch(text):
            month_named = _months().get(found[2].casefold())
            if month_named and (found[1] or found[3]):
                return int(found[4]), month_named, int(found[1] or found[3]), found[5] or ""
        if _NO_YEAR.fullmatch(text):
            raise Unreadable(_("This date has no year."), _mend())
        if _SHORT_YEAR.fullmatch(text):
            raise Unreadable(_("The year has two digits, so the century is not known."), _mend())
        raise Unreadable(_("This is no date."), _mend())

    def _ordered(self, first: int, separator: str, second: int) -> tuple[int, int]:
        """Day and month. A day over 12 speaks for itself, unless a person has said otherwise."""
        order = self.order(separator)
        if order is None and first <= 12 and second <= 12 and first != second:
            raise Unreadable(
                _("Day and month cannot be told apart, and no other row of the column settles it."),
                _("Say the order for the whole column, dmy or mdy, or write dates as YEAR-MONTH-DAY."),
            )
        if order is None:
            order = DAY_FIRST if first > 12 else MONTH_FIRST
        return (first, second) if order == DAY_FIRST else (second, first)


def _tidied(text: str) -> str:
    """A date with its parts side by side, and East Asian ones written as others are."""
    text = text.strip()
    if not text.isascii():
        text = _EAST_ASIAN.sub(r"\1-\2-\3", text.translate(_WIDE))
    return _LOOSE.sub(r"\1\2\3\2\4", text, count=1)


def _mend() -> str:
    return _("Write the date as YEAR-MONTH-DAY, such as 1990-05-17.")


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """The names of months in every language that Django knows. One that means two months is not among them."""
    found: dict[str, int | None] = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            for names in (MONTHS, MONTHS_3, MONTHS_ALT, MONTHS_AP):
                for number, name in names.items():
                    spelt = str(name).casefold().rstrip(".")
                    found[spelt] = number if found.get(spelt, number) == number else None
    return {name: number for name, number in found.items() if number is not None}
