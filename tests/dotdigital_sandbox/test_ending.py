"""A sandbox ends when it is told to: at once when nobody is served, else after the answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dotdigital_sandbox import Sandbox
from tests.dotdigital_sandbox.conftest import Api


def seconds_to_stop(api: Api) -> float:
    api.sandbox.start()
    api.http.base_url = api.sandbox.url
    api.get("/v2/address-books")
    began = time.monotonic()
    api.sandbox.stop()
    return time.monotonic() - began


def test_an_idle_one_ends_sooner_than_its_server_looks_at_the_clock(tmp_path: Path) -> None:
    api = Api(Sandbox(tmp_path))
    # The best of a few, because the machine may be busy; a tenth of a second is what uvicorn waits in any case.
    assert min(seconds_to_stop(api) for _turn in range(5)) < 0.1


def test_a_call_in_work_is_answered_first(tmp_path: Path) -> None:
    api = Api(Sandbox(tmp_path).start())
    api.http.base_url = api.sandbox.url
    api.sandbox.fail_next("delay", seconds=0.5)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(api.get, "/v2/address-books")
        while not api.sandbox.account.faults.orders()[0]["done"]:
            time.sleep(0.005)
        api.sandbox.stop()
        assert [book["name"] for book in asked.result()] == ["Test"]


def test_stopping_it_twice_is_no_error(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path).start()
    sandbox.stop()
    sandbox.stop()
