"""A second, slow way to say who is on a list: the rule evaluated in plain Python over the records' values.

It shares nothing with the product but the meaning that `docs/rules.md` gives, so that the two can be compared.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dotbridge.crm.models import Contact, Order

Rule = dict[str, Any]


class Evaluator:
    """Evaluates rules over contacts as of a moment, with days counted in a time zone. `lists` are the members of other
    lists, by their keys."""

    def __init__(
        self, *, now: datetime.datetime, zone: str, lists: Mapping[int, Collection[int]] | None = None
    ) -> None:
        self.lists = lists or {}
        self.zone = ZoneInfo(zone)
        self.today = now.astimezone(self.zone).date()

    def matches(self, contact: Contact, tree: Rule) -> bool:
        """Whether the contact is on a list with this rule."""
        held = self._group(tree, lambda path: self._value(contact, path), contact)
        return True if held is None else held

    def _group(self, tree: Rule, value_of: Callable[[str], Any], contact: Contact | None) -> bool | None:
        results = [self._part(part, value_of, contact) for part in tree["rules"]]
        said = [result for result in results if result is not None]
        if not said:
            return None
        held = any(said) if tree.get("combinator") == "or" else all(said)
        return held != tree.get("not", False)

    def _part(self, part: Rule, value_of: Callable[[str], Any], contact: Contact | None) -> bool | None:
        if "rules" in part:
            return self._group(part, value_of, contact)
        if part["field"] in ("orders", "emails") and contact is not None:
            return self._many(part, contact)
        if part["field"] == "lists.member_of" and contact is not None:
            named = part["value"] if isinstance(part["value"], list) else [part["value"]]
            is_on = any(contact.pk in self.lists[key] for key in named)
            return is_on is (part["operator"] in ("=", "in"))
        return self._holds(value_of(part["field"]), part["operator"], part["value"])

    def _many(self, part: Rule, contact: Contact) -> bool:
        rows = list(getattr(contact, part["field"]).all())
        if part.get("where"):
            rows = [
                row
                for row in rows
                if self._group(part["where"], lambda path, row=row: getattr(row, path), None) is not False
            ]
        measure = part["measure"]
        if measure == "exists":
            return bool(rows) is part["value"]
        if measure == "count":
            return self._holds(len(rows), part["operator"], part["value"])
        values = [getattr(row, part["of"]) for row in rows]
        there = [value for value in values if value is not None]
        if measure == "sum":
            return self._holds(sum(there), part["operator"], part["value"])
        if measure == "latest":
            return self._holds(self._newest(rows, part["of"]), part["operator"], part["value"])
        result = (min if measure == "min" else max)(there) if there else None
        return self._holds(result, part["operator"], part["value"])

    def _newest(self, rows: list[Order], of: str) -> Any:
        if not rows:
            return None
        dated = [row for row in rows if row.placed_at is not None]
        if dated:
            return getattr(max(dated, key=lambda row: (row.placed_at, row.pk)), of)
        return getattr(max(rows, key=lambda row: row.pk), of)

    def _value(self, contact: Contact, path: str) -> Any:
        if path == "days_since_created":
            return (self.today - contact.created_at.astimezone(self.zone).date()).days
        if path == "age_in_years":
            return self._age(contact.birthday)
        if path == "full_name":
            return f"{contact.first_name} {contact.last_name}".strip(" ")
        if path == "primary_email":
            return next((each.email for each in contact.emails.all() if each.is_primary), None)
        value: Any = contact
        for name in path.split("__"):
            value = None if value is None else getattr(value, name)
        return value

    def _age(self, born: datetime.date | None) -> int | None:
        if born is None:
            return None
        years = self.today.year - born.year - ((self.today.month, self.today.day) < (born.month, born.day))
        if years >= 0 or (self.today.month, self.today.day) == (born.month, born.day):
            return years
        # Somebody who is not born yet: so many whole years are missing.
        return years + 1

    def _holds(self, value: Any, operator: str, given: Any) -> bool:
        negations = {
            "!=": "=", "notIn": "in", "notBetween": "between", "notNull": "null", "notInLast": "inLast",
            "notInNext": "inNext", "notInPeriod": "inPeriod", "doesNotContain": "contains",
            "doesNotBeginWith": "beginsWith", "doesNotEndWith": "endsWith",
        }  # fmt: skip
        if operator in negations:
            return not self._holds(value, negations[operator], given)
        if operator == "null":
            return value is None or value == ""
        return value is not None and self._compares(value, operator, given)

    def _compares(self, value: Any, operator: str, given: Any) -> bool:
        if isinstance(value, bool):
            return value is (given in (True, "true"))
        if isinstance(value, str):
            return self._text(value, operator, given)
        if isinstance(value, datetime.date):
            return self._dated(value, operator, given)
        return self._ordered(value, operator, given, lambda each: Decimal(str(each)))

    def _text(self, value: str, operator: str, given: Any) -> bool:
        if operator == "contains":
            return given.upper() in value.upper()
        if operator == "beginsWith":
            return value.upper().startswith(given.upper())
        if operator == "endsWith":
            return value.upper().endswith(given.upper())
        return self._ordered(value, operator, given, str)

    def _ordered(self, value: Any, operator: str, given: Any, read: Callable[[Any], Any]) -> bool:
        if operator == "in":
            return value in [read(each) for each in given]
        if operator == "between":
            return read(given[0]) <= value <= read(given[1])
        other = read(given)
        return {
            "=": value == other, "<": value < other, "<=": value <= other, ">": value > other, ">=": value >= other
        }[operator]  # fmt: skip

    def _dated(self, value: Any, operator: str, given: Any) -> bool:
        moment = value if isinstance(value, datetime.datetime) else None
        day = moment.astimezone(self.zone).date() if moment else value

        def side(each: str) -> int:
            """-1, 0 or 1: the value lies before, within or after what is given."""
            if len(each) == 10:
                other = datetime.date.fromisoformat(each)
                return (day > other) - (day < other)
            assert moment is not None
            read = datetime.datetime.fromisoformat(each)
            read = read if read.tzinfo else read.replace(tzinfo=self.zone)
            return (moment > read.astimezone(datetime.UTC)) - (moment < read.astimezone(datetime.UTC))

        if operator == "in":
            return any(side(each) == 0 for each in given)
        if operator == "between":
            return side(given[0]) >= 0 and side(given[1]) <= 0
        if operator in ("=", "<", "<=", ">", ">="):
            place = side(given)
            return {"=": place == 0, "<": place < 0, "<=": place <= 0, ">": place > 0, ">=": place >= 0}[operator]
        return self._relative(day, operator, given)

    def _relative(self, day: datetime.date, operator: str, given: Any) -> bool:
        today = self.today
        if operator == "inLast":
            return self._shifted(given, -1) <= day <= today
        if operator == "inNext":
            return today <= day <= self._shifted(given, 1)
        if operator == "olderThan":
            return day < self._shifted(given, -1)
        if operator == "inPeriod":
            return self._named(day, given)
        if operator == "anniversaryIn":
            return any(
                self._named(comes, given) for year in range(-1, 2) for comes in [self._coming(day, today.year + year)]
            )
        ahead = [(self._coming(day, today.year + year) - today).days for year in (0, 1, 2)]
        return given in ahead if operator == "anniversaryInDays" else any(0 <= each <= given for each in ahead)

    @staticmethod
    def _coming(day: datetime.date, year: int) -> datetime.date:
        if (day.month, day.day) == (2, 29) and not calendar.isleap(year):
            return datetime.date(year, 2, 28)
        return day.replace(year=year)

    def _shifted(self, amount: Rule, direction: int) -> datetime.date:
        number = amount["amount"] * direction
        if amount["unit"] in ("day", "week"):
            return self.today + datetime.timedelta(days=number * {"day": 1, "week": 7}[amount["unit"]])
        number *= {"month": 1, "year": 12}[amount["unit"]]
        year, month = self.today.year, self.today.month + number
        while month < 1:
            year, month = year - 1, month + 12
        while month > 12:
            year, month = year + 1, month - 12
        day = self.today.day
        while True:
            try:
                return datetime.date(year, month, day)
            except ValueError:
                day -= 1

    def _named(self, day: datetime.date, period: str) -> bool:
        today = self.today
        if period in ("today", "yesterday", "tomorrow"):
            return (day - today).days == {"today": 0, "yesterday": -1, "tomorrow": 1}[period]
        word, unit = period.split("_")
        step = {"this": 0, "last": -1, "next": 1}[word]
        if unit == "week":
            ours, theirs = (each - datetime.timedelta(days=each.weekday()) for each in (today, day))
            return (theirs - ours).days == 7 * step
        if unit == "month":
            return (day.year * 12 + day.month) - (today.year * 12 + today.month) == step
        return day.year - today.year == step
