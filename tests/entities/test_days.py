"""Days are counted in the site's zone, in Python and in SQL, whatever zone a person has chosen for themselves."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import DateField, DateTimeField, F, Value
from django.db.models.functions import Cast
from django.test import override_settings
from django.utils import timezone

from dotbridge.crm.models import Account, Contact
from dotbridge.entities.days import DaysSince, LocalDay, Today, YearsSince, start_of_day, today
from dotbridge.entities.registry import entity
from dotbridge.lists.rules import compile_rule

# One o'clock in the morning of the 31st in Berlin, and still the 30th in UTC.
LATE = datetime.datetime(2026, 3, 30, 23, 0, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with override_settings(TIME_ZONE="Europe/Berlin"), time_machine.travel(LATE, tick=False):
        yield


def test_today_is_the_sites() -> None:
    assert today() == datetime.date(2026, 3, 31)
    with timezone.override(ZoneInfo("Pacific/Kiritimati")):
        assert today() == datetime.date(2026, 3, 31)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Berlin", (2026, 3, 29), (2026, 3, 28, 23)),
        ("Europe/Berlin", (2026, 3, 30), (2026, 3, 29, 22)),
        ("America/Santiago", (2026, 9, 6), (2026, 9, 6, 4)),  # begins at one o'clock
        ("Asia/Kathmandu", (2026, 1, 1), (2025, 12, 31, 18, 15)),
    ],
)
def test_a_day_begins_when_its_first_moment_is(zone: str, day: Any, start: Any) -> None:
    with override_settings(TIME_ZONE=zone):
        assert start_of_day(datetime.date(*day)) == datetime.datetime(*start, tzinfo=datetime.UTC)
        assert start_of_day(datetime.date(*day)).astimezone(ZoneInfo(zone)).date() == datetime.date(*day)


@pytest.mark.django_db
def test_the_database_counts_alike() -> None:
    Account.objects.create(name="Acme", created_at=LATE)
    born = Cast(Value(datetime.date(1990, 3, 31)), DateField())
    with timezone.override(ZoneInfo("America/New_York")):
        row = Account.objects.annotate(
            day=LocalDay(F("created_at")),
            now=Today(),
            days=DaysSince(LocalDay(F("created_at"))),
            years=YearsSince(born),
            never=DaysSince(LocalDay(Cast(Value(None), DateTimeField()))),
        ).get()
    assert (row.day, row.now, row.days, row.years, row.never) == (
        datetime.date(2026, 3, 31), datetime.date(2026, 3, 31), 0, 36, None
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("own_zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
def test_a_rule_and_a_virtual_field_mean_the_same_day_for_everybody(own_zone: str) -> None:
    """Seen: what was made this local morning counted as made yesterday by the virtual field, and today by the rule."""
    Contact.objects.create(first_name="New", created_at=LATE - datetime.timedelta(minutes=30))
    listed = entity("crm.contact")

    def found(field: str, operator: str, value: Any) -> int:
        tree = {"rules": [{"field": field, "operator": operator, "value": value}]}
        return listed.queryset().filter(compile_rule(listed, tree)).count()

    with timezone.override(ZoneInfo(own_zone)):
        assert found("created_at", "=", "2026-03-31") == 1
        assert found("days_since_created", "=", 0) == 1
        assert found("created_at", "inPeriod", "today") == 1
        assert found("created_at", ">=", "2026-03-31T00:30") == 1
        assert found("created_at", ">=", "2026-03-31T00:31") == 0
        # Seen: a moment at one end and a day at the other matched nobody.
        assert found("created_at", "between", ["2026-03-31T00:00", "2026-03-31"]) == 1
        assert found("created_at", "between", ["2026-03-30", "2026-03-31T00:29"]) == 0
