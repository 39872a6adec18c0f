"""The account that tests try their client on: put back to its beginning, whatever was done to it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError

import httpx2
import pytest

from dotdigital_sandbox.trial_account import DotdigitalAccount


@pytest.fixture
def account(tmp_path: Path) -> Iterator[DotdigitalAccount]:
    with DotdigitalAccount(tmp_path, seed="demo", switches={"never": "null"}) as running:
        yield running


def test_a_reset_forgets_all_that_was_done(account: DotdigitalAccount) -> None:
    url, before = account.url, account.get("/v2/contacts/count")
    with httpx2.Client(base_url=url, auth=(account.user, account.password)) as http:
        http.post("/v2/contacts", json={"email": "ann@example.com"}).raise_for_status()
        http.post("/v2/address-books", json={"name": "Mine"}).raise_for_status()
        account.advance(1_000_000)
        account.freeze()
        account.change_switch("never", "year-1")
        account.add_user("other", "secret")
        account.fail_next(times=None)
        account.hold_imports()
        body = {"fileName": "a.csv", "data": base64.b64encode(b"Email\nbob@example.com\n").decode()}
        with pytest.raises(httpx2.HTTPStatusError):
            http.post("/v2/contacts/import", json=body).raise_for_status()
        account.clear_faults()
        http.post("/v2/contacts/import", json=body).raise_for_status()
        account.reset()
        # The kept connection is as good as before.
        assert http.get("/v2/contacts/ann@example.com").status_code == 404
    assert account.url == url
    assert account.get("/v2/contacts/count") == before
    assert [each["name"] for each in account.get("/v2/address-books")].count("Mine") == 0
    assert abs(account.account.clock.now().timestamp() - time.time()) < 60
    assert not account.account.clock.frozen
    assert account.account.switches.never == "null"
    assert account.call_counts()["total"] == 3
    account.finish_imports()
    with pytest.raises(HTTPError, match="404"):
        account.get("/v2/contacts/bob@example.com")


def test_a_reset_takes_milliseconds_and_leaves_nothing_behind(account: DotdigitalAccount, tmp_path: Path) -> None:
    account.reset()
    started = time.perf_counter()
    for _ in range(20):
        account.reset()
    assert (time.perf_counter() - started) / 20 < 0.2
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 1


def test_work_in_hand_is_dropped(account: DotdigitalAccount) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(100_000))
    body = {"fileName": "a.csv", "data": base64.b64encode(f"Email\n{rows}".encode()).decode()}
    auth = (account.user, account.password)
    httpx2.post(f"{account.url}/v2/contacts/import", json=body, auth=auth, timeout=30).raise_for_status()
    account.reset()
    before = account.get("/v2/contacts/count")
    account.finish_imports()
    assert account.get("/v2/contacts/count") == before


def test_looking_in_asks_as_a_client_does(account: DotdigitalAccount) -> None:
    people = account.get("/contacts/v3", limit=2, **{"data-fields": "FIRSTNAME"})
    assert len(people["_items"]) == 2
    assert account.get("/v2/contacts/subscriber.1@example.com")["email"] == "subscriber.1@example.com"
    assert account.calls()[-1]["path"] == "/v2/contacts/subscriber.1@example.com"
    assert len(account.get("v2/contacts?select=3", skip=1)) == 3
    assert account.get("/contacts/v3?~listId=3&limit=1")["_items"]
    with pytest.raises(
        HTTPError, match=r"404: Not Found: .*ERROR_CONTACT_NOT_FOUND.*\(GET /v2/contacts/nobody"
    ) as refused:
        account.get("/v2/contacts/nobody@example.com")
    assert json.load(refused.value) == {"message": "Error: ERROR_CONTACT_NOT_FOUND"}


def emails(account: DotdigitalAccount) -> list[str]:
    return [each["email"] for each in account.get("/v2/contacts") if not each["email"].startswith("subscriber")]


def add(account: DotdigitalAccount, email: str) -> None:
    auth = (account.user, account.password)
    httpx2.post(f"{account.url}/v2/contacts", json={"email": email}, auth=auth).raise_for_status()


def test_what_a_test_kept_or_stopped_is_forgotten_when_the_next_one_begins(account: DotdigitalAccount) -> None:
    before, url = emails(account), account.url
    add(account, "kept@example.com")
    account.keep()
    add(account, "later@example.com")
    account.reset()
    assert emails(account) == [*before, "kept@example.com"]
    account.stop()
    assert not account.is_running
    account.begin_anew()
    assert (emails(account), account.url) == (before, url)
    account.stop()
    account.stop()


@pytest.mark.parametrize("stands_still", [False, True])
def test_a_state_that_was_kept_has_its_own_time(tmp_path: Path, stands_still: bool) -> None:
    with DotdigitalAccount(tmp_path, start_at=datetime(2026, 3, 1, tzinfo=UTC)) as account:
        account.advance(10 * 86_400)
        if stands_still:
            account.freeze()
        body = {"email": "ann@example.com"}
        httpx2.post(f"{account.url}/v2/contacts", json=body, auth=(account.user, account.password)).raise_for_status()
        account.keep()
        then = account.get("/v2/server-time")
        account.unfreeze()
        account.advance(86_400)
        account.reset()
        now = account.get("/v2/server-time")
        assert (then[:13], now == then) == (now[:13], stands_still)
        assert account.get("/v2/contacts/ann@example.com")["email"] == "ann@example.com"
        account.begin_anew()
        assert account.get("/v2/server-time")[:10] == "2026-03-01"


def test_a_restart_goes_on_with_the_state_that_there_was_and_is_no_new_beginning(account: DotdigitalAccount) -> None:
    before = emails(account)
    account.reset()
    add(account, "ann@example.com")
    account.stop()
    account.start()
    assert emails(account) == [*before, "ann@example.com"]
    account.reset()
    assert emails(account) == before


@pytest.mark.parametrize(("setting", "choices"), [("seed", "demo, empty"), ("scheme", "none, tiered, flat")])
def test_a_setting_that_there_is_not_is_refused(tmp_path: Path, setting: str, choices: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} cannot be 'other'; it may be: {choices}"):
        DotdigitalAccount(tmp_path, **{setting: "other"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("low_rate", 0), ("flat_rate", 2.5), ("region", "1"), ("active_imports", True), ("contact_limit", -1)],
)
def test_a_number_that_cannot_be_is_refused(tmp_path: Path, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{setting} cannot be {value!r}; it is a whole number from"):
        DotdigitalAccount(tmp_path, **{setting: value})


def test_no_text_is_an_instant_and_no_nan_a_time(tmp_path: Path, account: DotdigitalAccount) -> None:
    with pytest.raises(ValueError, match="start_at cannot be 2026-01-01; it is an instant"):
        DotdigitalAccount(tmp_path, start_at="2026-01-01")
    with pytest.raises(ValueError, match="nan seconds are beyond all dates"):
        account.advance(float("nan"))
