"""The hours of a day in which large readings may go: over midnight, and in the nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.integrations.work_window import large_readings_wait_until


def waits(begins: str, ends: str, now: str) -> str:
    """Until when it waits, in UTC; empty for now. Moments are UTC, to the minute."""
    integration = Integration(bulk_from=time.fromisoformat(begins), bulk_until=time.fromisoformat(ends))
    until = large_readings_wait_until(integration, datetime.fromisoformat(now).replace(tzinfo=UTC))
    return "" if until is None else f"{until.astimezone(UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        ("09:00", "17:00", "2026-11-10 08:59", "2026-11-10 09:00"),
        ("09:00", "17:00", "2026-11-10 09:00", ""),
        ("09:00", "17:00", "2026-11-10 16:59", ""),
        ("09:00", "17:00", "2026-11-10 17:00", "2026-11-11 09:00"),
        # Over midnight.
        ("22:00", "06:00", "2026-11-10 21:59", "2026-11-10 22:00"),
        ("22:00", "06:00", "2026-11-10 22:00", ""),
        ("22:00", "06:00", "2026-11-11 00:00", ""),
        ("22:00", "06:00", "2026-11-11 05:59", ""),
        ("22:00", "06:00", "2026-11-11 06:00", "2026-11-11 22:00"),
        ("22:00", "00:00", "2026-11-10 23:59", ""),
        ("22:00", "00:00", "2026-11-11 00:00", "2026-11-11 22:00"),
    ],
)
def test_when_it_opens(settings: Any, begins: str, ends: str, now: str, until: str) -> None:
    settings.TIME_ZONE = "UTC"
    assert waits(begins, ends, now) == until


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        # Berlin, winter: an hour before UTC; summer: two.
        ("22:00", "06:00", "2026-01-10 20:59", "2026-01-10 21:00"),
        ("22:00", "06:00", "2026-07-10 20:00", ""),
        # From the 28th to the 29th of March the window of 22 to 6 has seven hours: 21:00 to 04:00 UTC.
        ("22:00", "06:00", "2026-03-28 21:00", ""),
        ("22:00", "06:00", "2026-03-29 03:59", ""),
        ("22:00", "06:00", "2026-03-29 04:00", "2026-03-29 20:00"),
        # From the 24th to the 25th of October it has nine: 20:00 to 05:00 UTC.
        ("22:00", "06:00", "2026-10-24 19:59", "2026-10-24 20:00"),
        ("22:00", "06:00", "2026-10-25 04:59", ""),
        ("22:00", "06:00", "2026-10-25 05:00", "2026-10-25 21:00"),
        # 02:30 does not exist on the 29th of March: it is 03:30. On the 25th of October it is there twice: the first.
        ("02:30", "05:00", "2026-03-29 01:29", "2026-03-29 01:30"),
        ("02:30", "05:00", "2026-03-29 01:30", ""),
        ("02:30", "05:00", "2026-10-25 00:29", "2026-10-25 00:30"),
        ("02:30", "05:00", "2026-10-25 01:15", ""),
        ("02:30", "05:00", "2026-10-25 03:59", ""),
        ("02:30", "05:00", "2026-10-25 04:00", "2026-10-26 01:30"),
    ],
)
def test_by_the_clock_of_the_site(settings: Any, begins: str, ends: str, now: str, until: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert waits(begins, ends, now) == until


def test_without_a_window_nothing_waits() -> None:
    assert large_readings_wait_until(Integration(), datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("begins", "ends"), [("22:00", None), (None, "06:00"), ("22:00", "22:00")])
def test_a_window_has_two_ends(begins: str | None, ends: str | None) -> None:
    integration = create_integration(name="Account", username="u", password="p")
    integration.bulk_from = None if begins is None else time.fromisoformat(begins)
    integration.bulk_until = None if ends is None else time.fromisoformat(ends)
    with pytest.raises(ValidationError, match="both times"):
        integration.validate_constraints()
    with pytest.raises(IntegrityError), transaction.atomic():
        integration.save()
