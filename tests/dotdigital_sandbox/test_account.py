"""The way in, the account about itself, and how the service spells things (contract §1, §3)."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable

import httpx2
import pytest

from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer abc",
        "Basic !!!",
        "Basic " + base64.b64encode(b"apiuser-000000000000@apiconnector.com:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:sandbox").decode(),
    ],
)
def test_wrong_credentials_are_denied_without_a_code(api: Api, header: str | None) -> None:
    response = httpx2.get(api.sandbox.url + "/v2/account-info", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.json() == {"message": "Authorization has been denied for this request."}
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_account_info_names_this_server_without_a_slash(api: Api) -> None:
    info = api.get("/v2/account-info")
    properties = {each["name"]: each["value"] for each in info["properties"]}
    assert isinstance(info["id"], int)
    assert properties["ApiEndpoint"] == api.sandbox.url
    wanted = {"APILocale", "ListManagedUsers", "Name", "MainMobilePhoneNumber", "MainEmail", "ApiCallsInLastHour"}
    assert wanted < set(properties)
    assert int(properties["ApiCallsInLastHour"]) + int(properties["ApiCallsRemaining"]) == 2000
    assert all(isinstance(value, str) for value in properties.values())


def test_the_endpoint_can_name_another_host(start: START) -> None:
    api = start(api_endpoint="https://api.elsewhere.example")
    values = {each["name"]: each["value"] for each in api.get("/v2/account-info")["properties"]}
    assert values["ApiEndpoint"] == "https://api.elsewhere.example"


def test_server_time_is_a_json_string_in_utc(api: Api) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", api.get("/v2/server-time"))


@pytest.mark.parametrize(
    "path", ["/v2/address-books", "/v2/address-books/", "/v2//address-books//", "/V2/Address-Books?SELECT=5&Skip=0"]
)
def test_paths_and_query_names_are_taken_in_any_spelling(api: Api, path: str) -> None:
    assert [book["name"] for book in api.get(path)] == ["Test"]


@pytest.mark.parametrize("query", ["select=0", "select=1001", "skip=-1", "select=many", "withFullData=perhaps"])
def test_a_window_out_of_bounds_is_refused(api: Api, query: str) -> None:
    assert api.message("GET", f"/v2/contacts?{query}") == (400, "Error: ERROR_PARAMETER_INVALID")


def test_modified_since_takes_pages_of_two_thousand(api: Api) -> None:
    assert api.get("/v2/contacts/modified-since/2020-01-01", select=2000) == []
    assert api.message("GET", "/v2/contacts/modified-since/2020-01-01?select=2001")[0] == 400


@pytest.mark.parametrize(
    "date",
    ["2015-01-01", "2015-01-01T00:00:00", "2013-03-01T15:30:00Z", "2015-01-01T00:00:00+0000", "2015-01-01%2000:00:00",
     "2015-01-01T00:00:00-00:00", "2015-01-01T00:00:00.123Z", "0001-01-01T00:00:00"],
)  # fmt: skip
def test_dates_in_paths_are_taken_as_clients_write_them(demo: Api, date: str) -> None:
    assert len(demo.get(f"/v2/contacts/suppressed-since/{date}")) == 8


@pytest.mark.parametrize("date", ["yesterday", "2015-13-01", "2015-01-01T25:00:00", "01.02.2015"])
def test_no_date_is_refused(api: Api, date: str) -> None:
    assert api.message("GET", f"/v2/contacts/modified-since/{date}") == (400, "Error: ERROR_PARAMETER_INVALID")


def test_unknown_paths_and_verbs(api: Api) -> None:
    assert api.message("GET", "/v2/nothing")[0] == 404
    assert api.message("PATCH", "/v2/address-books")[0] == 405


@pytest.mark.parametrize(
    ("media", "body", "code"),
    [
        ("application/json", b"{", "ERROR_MALFORMED_REQUEST"),
        ("application/json", b"\xff", "ERROR_MALFORMED_REQUEST"),
        ("application/json", b"[" * 100_000, "ERROR_MALFORMED_REQUEST"),
        ("application/json", b"<a/>", "ERROR_BODY_DOES_NOT_MATCH_CONTENT_TYPE"),
        ("application/x-www-form-urlencoded", b"a=b", "ERROR_CONTENT_TYPE_IS_NOT_SUPPORTED"),
        ("application/json", b"[]", "ERROR_PARAMETER_INVALID"),
    ],
)
def test_bodies_that_cannot_be_read(api: Api, media: str, body: bytes, code: str) -> None:
    response = api.http.post("/v2/contacts", content=body, headers={"Content-Type": media})
    assert (response.status_code, response.json()) == (400, {"message": f"Error: {code}"})


def test_answers_do_not_wait_for_acknowledgements(api: Api) -> None:
    started = time.perf_counter()
    for _ in range(200):
        api.get("/v2/server-time")
    # With Nagle's algorithm each would take 40 ms, 8 s in all.
    assert time.perf_counter() - started < 4
