"""The vendor's quota: headers, tiers, both schemes (contract §2.1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dotdigital import Account, LocalLimiter, Retry, Throttled
from dotdigital.limits import HIGH, LOW, MEDIUM, UNLIMITED, seconds_to_reset
from tests.dotdigital.conftest import FAST
from tests.dotdigital.server import Server, answer

MakeAccount = Callable[..., Account]
FLAT = {
    "message": "Your account has generated excess API activity and is being temporarily capped. "
    "Please contact support. ERROR_APIUSAGE_EXCEEDED"
}


class Recorder:
    """A limiter that lets everything through and remembers what it was told."""

    def __init__(self) -> None:
        self.acquired: list[str] = []
        self.observed: list[tuple[str, int, Mapping[str, str]]] = []

    def acquire(self, tier: str) -> None:
        self.acquired.append(tier)

    def observe(self, tier: str, headers: Mapping[str, str], status: int) -> None:
        self.observed.append((tier, status, headers))


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def window(clock: Clock, *, remaining: object, seconds: float, scope: str = "lowCallRate") -> dict[str, str]:
    return {
        "x-ratelimit-limit": "150",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(clock.now + seconds)),
        "x-ratelimit-scope": scope,
    }


def reset_in(seconds: int) -> dict[str, str]:
    now = datetime.now(UTC)
    return {"Date": format_datetime(now, usegmt=True), "X-RateLimit-Reset": str(int(now.timestamp()) + seconds)}


def test_a_429_is_waited_for_and_the_call_repeated(server: Server, make_account: MakeAccount) -> None:
    recorder = Recorder()
    account = make_account(server.url, limiter=recorder)
    server.say(answer(429, {"message": "Too Many Requests"}, reset_in(1)), answer(200, []))
    started = time.monotonic()
    assert list(account.address_books()) == []
    assert 0.5 < time.monotonic() - started < 20
    assert recorder.acquired == [MEDIUM, MEDIUM]
    assert [(tier, status) for tier, status, _ in recorder.observed] == [(MEDIUM, 429), (MEDIUM, 200)]
    assert "x-ratelimit-reset" in recorder.observed[0][2]


def test_a_change_that_was_refused_by_the_quota_is_repeated(server: Server, account: Account) -> None:
    server.say(answer(429), answer(400, FLAT), answer(202, {"id": "g", "status": "Started"}))
    assert account.address_book(7).remove_contacts([1]).id == "g"
    assert account.requests == 3


def test_the_flat_scheme_is_the_same_message_to_the_limiter(server: Server, make_account: MakeAccount) -> None:
    recorder = Recorder()
    account = make_account(server.url, limiter=recorder)
    server.say(answer(400, FLAT), answer(200, []))
    list(account.address_books())
    assert [status for _, status, _ in recorder.observed] == [429, 200]


def test_a_wait_that_is_too_long_is_the_callers(server: Server, account: Account) -> None:
    server.say(answer(429, headers=reset_in(50)))
    with pytest.raises(Throttled) as caught:
        account.info()
    assert caught.value.until is not None
    assert timedelta(seconds=45) < caught.value.until - datetime.now(UTC) < timedelta(seconds=55)
    assert caught.value.status == 429
    assert account.requests == 1


def test_a_quota_that_stays_used_up_is_the_callers(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, limiter=Recorder())
    server.otherwise = lambda request: answer(400, FLAT)
    with pytest.raises(Throttled, match="hour") as caught:
        account.info()
    assert caught.value.code == "ERROR_APIUSAGE_EXCEEDED"
    assert caught.value.until is None
    assert account.requests == FAST.throttle_tries


def test_back_off_without_reset_doubles_until_it_is_too_long(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, limiter=Recorder(), retry=Retry(base=0.001, throttle_base=0.1, max_wait=0.25))
    server.otherwise = lambda request: answer(429)
    with pytest.raises(Throttled):
        account.info()
    assert account.requests == 3


def test_a_single_try_waits_for_nothing(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, retry=Retry(tries=1))
    server.say(answer(429, headers=reset_in(1)))
    started = time.monotonic()
    with pytest.raises(Throttled):
        account.info()
    assert time.monotonic() - started < 0.9
    assert account.requests == 1


def test_a_limiter_that_refuses_is_heard_before_anything_is_sent(server: Server, make_account: MakeAccount) -> None:
    class Refusing(Recorder):
        def acquire(self, tier: str) -> None:
            raise Throttled(until=datetime(2030, 1, 1, tzinfo=UTC))

    account = make_account(server.url, limiter=Refusing())
    with pytest.raises(Throttled) as caught:
        account.info()
    assert caught.value.until == datetime(2030, 1, 1, tzinfo=UTC)
    with pytest.raises(Throttled):
        next(account.import_faults("g"))
    assert server.requests == []


def test_the_local_limiter_waits_for_the_next_window() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=90, clock=clock, sleep=clock.sleep)
    started = clock.now
    limiter.observe(LOW, window(clock, remaining=2, seconds=40), 200)
    for _ in range(2):
        limiter.acquire(LOW)
    assert clock.now == started
    limiter.acquire(HIGH)
    limiter.acquire(UNLIMITED)
    assert clock.now == started
    limiter.acquire(LOW)
    assert clock.now == started + 40
    limiter.acquire(LOW)
    assert clock.now == started + 40


def test_the_local_limiter_refuses_a_wait_that_is_too_long() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=10, clock=clock, sleep=clock.sleep)
    limiter.observe(LOW, window(clock, remaining=0, seconds=40), 200)
    with pytest.raises(Throttled) as caught:
        limiter.acquire(LOW)
    assert caught.value.until == datetime.fromtimestamp(clock.now + 40, UTC)


def test_late_answers_do_not_give_calls_back() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=10, clock=clock, sleep=clock.sleep)
    limiter.observe(LOW, window(clock, remaining=0, seconds=40), 200)
    limiter.observe(LOW, window(clock, remaining=5, seconds=40), 200)
    with pytest.raises(Throttled):
        limiter.acquire(LOW)
    limiter.observe(LOW, window(clock, remaining=5, seconds=100), 200)
    limiter.acquire(LOW)


def test_a_window_that_ends_a_second_later_is_another_one() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=10, clock=clock, sleep=clock.sleep)
    limiter.observe(LOW, window(clock, remaining=0, seconds=40), 200)
    limiter.observe(LOW, window(clock, remaining=1, seconds=41), 200)
    limiter.acquire(LOW)


def test_a_429_closes_both_our_tier_and_the_vendors() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=10, clock=clock, sleep=clock.sleep)
    limiter.observe(HIGH, window(clock, remaining="", seconds=60, scope="mediumCallRate"), 429)
    for tier in (HIGH, MEDIUM):
        with pytest.raises(Throttled):
            limiter.acquire(tier)
    limiter.acquire(LOW)
    limiter.observe(LOW, {}, 429)
    started = clock.now
    limiter.acquire(LOW)
    assert clock.now == started + 1


def test_answers_without_headers_limit_nothing() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock=clock, sleep=clock.sleep)
    limiter.observe(LOW, {}, 200)
    limiter.observe(LOW, {"x-ratelimit-reset": "soon", "x-ratelimit-remaining": "-1"}, 200)
    limiter.observe(LOW, window(clock, remaining="many", seconds=60), 200)
    for _ in range(1000):
        limiter.acquire(LOW)
    assert clock.now == 1_700_000_000.0


def test_threads_share_what_is_left() -> None:
    clock = Clock()
    limiter = LocalLimiter(max_wait=0, clock=clock, sleep=clock.sleep)
    limiter.observe(LOW, window(clock, remaining=50, seconds=40), 200)
    taken: list[int] = []

    def take() -> None:
        for _ in range(20):
            try:
                limiter.acquire(LOW)
            except Throttled:
                return
            taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 50


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "1060"}, 60.0),
        ({"x-ratelimit-reset": "900"}, 1.0),
        # Two hours and no more: a reset further away is a broken clock.
        ({"x-ratelimit-reset": "8200"}, 7200.0),
        ({"x-ratelimit-reset": "8201"}, None),
        ({"x-ratelimit-reset": "99999999"}, None),
        ({"x-ratelimit-reset": "1060", "date": "Thu, 01 Jan 1970 00:17:00 GMT"}, 40.0),
        ({"x-ratelimit-reset": "1060", "date": "never"}, 60.0),
        ({"x-ratelimit-reset": "\u0661\u0660"}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "7200"}, 7200.0),
        ({"retry-after": "7201"}, None),
        ({"retry-after": "99999"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:17:00 GMT"}, 20.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:17:00 GMT", "date": "Thu, 01 Jan 1970 00:16:50 GMT"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-7"}, None),
        # In milliseconds it says nothing; what stands beside it does.
        ({"x-ratelimit-reset": "1060000"}, None),
        ({"x-ratelimit-reset": "1060000", "retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": "1060", "date": "Thu, 01 Jan 1970 00:17:00 -0000"}, 40.0),
        ({}, None),
    ],
)
def test_the_time_to_the_next_window(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_reset(headers, now=1000.0) == seconds
