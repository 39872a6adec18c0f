"""The quota that all processes share through the database."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.integrations.limiter import DatabaseLimiter
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.integrations.services import create_integration
from dotdigital import Throttled


@pytest.fixture
def account(db: None) -> Integration:
    return create_integration(name="Limited", username="u", password="p")


def headers(remaining: int, *, seconds: float = 30) -> dict[str, str]:
    reset = str(int(time.time() + seconds) + 1)
    return {"x-ratelimit-limit": "150", "x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": reset}


def refuse(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s")


def test_a_tier_without_headers_is_open(account: Integration) -> None:
    limiter = DatabaseLimiter(account, sleep=refuse)
    for _call in range(5):
        limiter.acquire("low")
    limiter.observe("low", {}, 200)
    assert not RateWindow.objects.exists()


def test_processes_share_what_is_left(account: Integration) -> None:
    first, second = DatabaseLimiter(account, sleep=refuse), DatabaseLimiter(account, sleep=refuse)
    first.observe("low", headers(2), 200)
    second.acquire("low")
    first.acquire("low")
    with pytest.raises(AssertionError, match="waited"):
        second.acquire("low")
    first.acquire("medium")
    second.acquire("unlimited")


def test_a_window_too_far_away_is_said(account: Integration) -> None:
    limiter = DatabaseLimiter(account, max_wait=5, sleep=refuse)
    limiter.observe("low", headers(0, seconds=60), 429)
    with pytest.raises(Throttled) as caught:
        limiter.acquire("low")
    assert caught.value.until is not None


def test_a_window_that_a_wrong_clock_wrote_down_closes_nothing(account: Integration) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    RateWindow.objects.create(integration=account, tier="low", remaining=0, resets_at=tomorrow)
    DatabaseLimiter(account, sleep=refuse).acquire("low")
    assert not RateWindow.objects.exists()


def test_the_next_window_is_waited_for_and_found_open(account: Integration) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        RateWindow.objects.update(resets_at=timezone.now() - timedelta(seconds=1))

    limiter = DatabaseLimiter(account, sleep=sleep)
    limiter.observe("low", headers(0), 200)
    limiter.acquire("low")
    assert len(waits) == 1
    assert 25 < waits[0] < 35
    assert not RateWindow.objects.exists()


def test_headers_that_do_not_say_what_is_left_close_nothing(account: Integration) -> None:
    sent = headers(5)
    del sent["x-ratelimit-remaining"]
    DatabaseLimiter(account).observe("low", sent, 200)
    assert not RateWindow.objects.exists()


def test_the_vendor_names_the_tier(account: Integration) -> None:
    DatabaseLimiter(account).observe("low", {**headers(5), "x-ratelimit-scope": "mediumCallRate"}, 200)
    assert RateWindow.objects.get().tier == "medium"


@pytest.mark.parametrize("sent", [{}, {"x-ratelimit-reset": "soon"}])
def test_a_refusal_without_a_time_closes_the_tier_for_a_moment(account: Integration, sent: dict[str, Any]) -> None:
    DatabaseLimiter(account).observe("high", sent, 429)
    window = RateWindow.objects.get(tier="high")
    assert window.remaining == 0
    assert window.resets_at <= timezone.now() + timedelta(seconds=1)
