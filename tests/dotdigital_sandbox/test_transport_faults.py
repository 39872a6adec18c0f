"""Faults of transport on purpose, the log of calls, and the control over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2
import pytest

from dotdigital_sandbox.transport_faults import Fault, TransportFaults
from tests.dotdigital_sandbox.conftest import Api


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (503, "Error: ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"),
        (500, "Error: ERROR_UNKNOWN"),
        (429, "Too Many Requests"),
    ],
)
def test_a_status_hits_the_next_matching_call_only(api: Api, status: int, message: str) -> None:
    api.sandbox.fail_next("status", path="address-books", status=status, after=1)
    api.get("/v2/contacts")
    api.get("/v2/address-books")
    assert api.message("GET", "/v2/address-books") == (status, message)
    api.get("/v2/address-books")


def test_a_throttled_call_says_until_when(api: Api) -> None:
    api.sandbox.fail_next("status", status=429, seconds=30)
    response = api.http.get("/v2/contacts")
    assert response.status_code == 429
    assert 28 < int(response.headers["x-ratelimit-reset"]) - api.sandbox.account.clock.now().timestamp() < 32


def test_a_refused_call_leaves_no_trace_but_a_late_one_does(api: Api) -> None:
    for late, count in ((False, 0), (True, 1)):
        api.sandbox.fail_next("status", method="post", late=late)
        assert api.message("POST", "/v2/contacts", {"email": "ann@example.com"})[0] == 503
        assert api.get("/v2/contacts/count") == count


@pytest.mark.parametrize(("kind", "error"), [("reset", httpx2.ReadError), ("cut", httpx2.RemoteProtocolError)])
def test_connections_break(api: Api, kind: str, error: type[Exception]) -> None:
    api.sandbox.fail_next(kind, times=2)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(error):
            api.http.get("/v2/account-info")
    assert api.get("/v2/account-info")["id"] == 1


def test_a_late_reset_comes_after_the_work(api: Api) -> None:
    api.sandbox.fail_next("reset", late=True)
    with pytest.raises(httpx2.ReadError):
        api.http.post("/v2/contacts", json={"email": "ann@example.com"})
    assert api.get("/v2/contacts/count") == 1


def test_bodies_are_garbled_repeated_and_reordered(api: Api) -> None:
    ids = [api.contact(f"p{number}@example.com") for number in range(3)]
    api.sandbox.fail_next("malformed")
    with pytest.raises(ValueError, match=r"\S"):
        api.http.get("/v2/contacts").json()
    api.sandbox.fail_next("duplicate")
    assert [each["id"] for each in api.get("/v2/contacts")] == [*ids, ids[-1]]
    api.sandbox.fail_next("reorder")
    assert [each["id"] for each in api.get("/v2/contacts")] == ids[::-1]
    api.sandbox.fail_next("duplicate")
    assert api.get("/v2/account-info")["id"] == 1


def test_a_delay_makes_others_wait_for_nothing(api: Api) -> None:
    api.sandbox.fail_next("delay", path="count", seconds=0.5)
    started = time.monotonic()
    api.get("/v2/server-time")
    assert time.monotonic() - started < 0.4
    api.get("/v2/contacts/count")
    assert time.monotonic() - started >= 0.5


def test_a_share_of_calls_fails_the_same_way_each_time() -> None:
    def struck() -> list[bool]:
        faults = TransportFaults(seed=3)
        faults.order(Fault("status", times=None, share=0.3))
        return [faults.strike("GET", "/") is not None for _ in range(200)]

    assert struck() == struck()
    assert 30 < sum(struck()) < 90


@pytest.mark.parametrize("bad", [{"kind": "odd"}, {"share": 2}, {"path": "("}])
def test_orders_that_make_no_sense(api: Api, bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"there is no fault|must lie between|no regular expression"):
        api.sandbox.fail_next(**bad)  # type: ignore[arg-type]
    assert api.ask("POST", "/_sandbox/faults", bad, status=400)["message"]


def test_calls_are_logged(api: Api) -> None:
    api.get("/v2/server-time")
    api.sandbox.fail_next("status")
    api.message("GET", "/v2/contacts")
    calls = api.sandbox.calls()
    assert [(call["method"], call["path"], call["status"], call["fault"]) for call in calls] == [
        ("GET", "/v2/server-time", 200, None),
        ("GET", "/v2/contacts", 503, "status"),
    ]
    counts = api.get("/_sandbox/calls")["counts"]
    assert counts == {"total": 2, "tiers": {"high": 1, "none": 1}, "statuses": {"200": 1, "503": 1}}
    api.ask("DELETE", "/_sandbox/calls", headers={"Content-Type": "application/json"}, status=200)
    assert api.sandbox.calls() == []


def test_control_over_http_wants_json_and_can_be_switched_off(start: Callable[..., Api]) -> None:
    api = start()
    assert api.http.post("/_sandbox/imports/hold", data={"a": "b"}).status_code == 415
    api.ask("POST", "/_sandbox/imports/hold", {}, status=200)
    guid = api.upload("email\nann@example.com\n")
    api.ask("POST", "/_sandbox/imports/finish", {}, status=200)
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == "Finished"
    api.ask("POST", "/_sandbox/contacts/unsubscribe", {"email": "ann@example.com"}, status=200)
    assert api.get("/v2/contacts/ann@example.com")["status"] == "Unsubscribed"
    assert api.ask("POST", "/_sandbox/imports/finish-as", {"status": "Odd"}, status=400)["message"]
    closed = start(control=False)
    assert closed.ask("GET", "/_sandbox/calls", status=404)["message"]
