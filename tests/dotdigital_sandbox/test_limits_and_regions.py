"""Rate limits by scheme and tier, and regions (contract §1.1, §2.1)."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx2

from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]


def test_tiers_are_counted_apart_by_the_minute(start: START) -> None:
    api = start(scheme="tiered", low_rate=2, medium_rate=5, high_rate=9)
    first = api.http.get("/v2/contacts/modified-since/2020-01-01")
    assert first.headers["x-ratelimit-limit"] == "2"
    assert first.headers["x-ratelimit-remaining"] == "1"
    assert first.headers["x-ratelimit-scope"] == "lowCallRate"
    reset = int(first.headers["x-ratelimit-reset"])
    assert 0 < reset - api.sandbox.account.clock.now().timestamp() <= 60
    assert api.http.get("/v2/contacts?withFullData=true").headers["x-ratelimit-remaining"] == "0"
    refused = api.http.get("/v2/contacts/modified-since/2020-01-01")
    assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Requests"})
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers
    v3 = api.http.get("/contacts/v3")
    assert (v3.status_code, v3.json()["errorCode"]) == (429, "gateway:tooManyRequests")
    assert api.http.get("/v2/contacts").headers["x-ratelimit-scope"] == "mediumCallRate"
    assert api.http.get("/v2/server-time").headers["x-ratelimit-scope"] == "highCallRate"
    missing = api.http.get("/v2/contacts/import/none")
    assert (missing.status_code, "x-ratelimit-limit" in missing.headers) == (404, False)
    api.sandbox.advance(61)
    assert api.http.get("/v2/contacts/modified-since/2020-01-01").status_code == 200


def test_the_flat_scheme_answers_400_by_the_hour(start: START) -> None:
    api = start(scheme="flat", flat_rate=3)
    for _ in range(3):
        response = api.http.get("/v2/server-time")
        assert (response.status_code, "x-ratelimit-limit" in response.headers) == (200, False)
    status, message = api.message("GET", "/v2/account-info")
    assert status == 400
    assert message == (
        "Your account has generated excess API activity and is being temporarily capped. "
        "Please contact support. ERROR_APIUSAGE_EXCEEDED"
    )
    assert api.message("GET", "/v2/campaigns/send/none")[0] == 404
    api.sandbox.advance(3601)
    assert api.http.get("/v2/server-time").status_code == 200


def test_the_scheme_is_the_users_own(start: START) -> None:
    api = start()
    api.sandbox.add_user("tiered@example.com", "t", scheme="tiered")
    assert "x-ratelimit-limit" not in api.http.get("/v2/server-time").headers
    assert api.http.get("/v2/server-time", auth=("tiered@example.com", "t")).headers["x-ratelimit-limit"] == "1200"


def test_only_the_own_region_answers(start: START) -> None:
    api = start(region=2)
    port = api.sandbox.url.rpartition(":")[2]
    token = base64.b64encode(f"{api.sandbox.user}:{api.sandbox.password}".encode()).decode()

    def ask(host: str, path: str) -> httpx2.Response:
        headers = {"Host": f"{host}:{port}", "Authorization": f"Basic {token}"}
        return httpx2.get(api.sandbox.url + path, headers=headers)

    info = ask("r1-api.dotdigital.example", "/v2/account-info/")
    endpoint = next(each["value"] for each in info.json()["properties"] if each["name"] == "ApiEndpoint")
    assert endpoint == f"http://r2-api.dotdigital.example:{port}"
    assert ask("r2-api.dotdigital.example", "/v2/contacts").status_code == 200
    for host, path in (
        ("r1-api.dotdigital.example", "/v2/contacts"),
        ("r3-api.dotdigital.example", "/v2/account-info"),
    ):
        refused = ask(host, path)
        assert (refused.status_code, refused.json()) == (403, {"message": "Forbidden: Access is denied"})
