"""Single sign-on (contract §1.4)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]
BACK = "https://shop.example.com/back?channel=4"
ASK = {
    "client_id": "sandbox-client",
    "redirect_uri": BACK,
    "response_type": "code",
    "scope": "Account",
    "state": "a b&c",
}
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "redirect_uri": BACK}


def web(api: Api, method: str, path: str, **options: Any) -> httpx2.Response:
    """A browser's call, without credentials."""
    return httpx2.request(method, api.sandbox.url + path, follow_redirects=False, **options)


def log_in(api: Api, **changes: str) -> httpx2.Response:
    """What comes back after a person fills in the form."""
    page = web(api, "GET", "/OAuth2/authorise.aspx", params=ASK)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    fields = {name: value.replace("&amp;", "&") for name, value in fields.items()}
    fields |= {"username": api.sandbox.user, "password": api.sandbox.password, "decision": "allow", **changes}
    return web(api, "POST", "/OAuth2/authorise.aspx", data=fields)


def code_of(response: httpx2.Response) -> dict[str, list[str]]:
    """The query the browser returns with."""
    assert response.status_code == 302
    assert response.headers["location"].startswith(BACK + "&")
    return parse_qs(urlsplit(response.headers["location"]).query)


def token(api: Api, **fields: str) -> httpx2.Response:
    """A call for a token."""
    return web(api, "POST", "/OAuth2/Tokens.ashx", data={**CLIENT, **fields})


def test_the_whole_way_in(demo: Api) -> None:
    returned = code_of(log_in(demo))
    assert returned["state"] == ["a b&c"]
    first = token(demo, grant_type="authorization_code", code=returned["code"][0]).json()
    assert (first["token_type"], first["expires_in"]) == ("Bearer", 28800)
    again = token(demo, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert again["refresh_token"] == first["refresh_token"]
    page = web(demo, "GET", "/", params={"oauthtoken": again["access_token"], "suppressfooter": "true"})
    assert (page.status_code, "Newsletter" in page.text, "<footer>" in page.text) == (200, True, False)
    bearer = {"Authorization": f"Bearer {again['access_token']}"}
    assert web(demo, "GET", "/v2/account-info", headers=bearer).status_code == 401
    demo.sandbox.advance(28801)
    assert web(demo, "GET", "/", params={"oauthtoken": again["access_token"]}).status_code == 401


def test_a_code_is_good_once_and_for_its_own_client(demo: Api) -> None:
    code = code_of(log_in(demo))["code"][0]
    for wrong in ({"client_secret": "x"}, {"client_id": "other"}):
        assert token(demo, grant_type="authorization_code", code=code, **wrong).json()["error"] == "invalid_client"
    assert "refresh_token" in token(demo, grant_type="authorization_code", code=code).json()
    used = token(demo, grant_type="authorization_code", code=code)
    assert (used.status_code, used.json()["error"]) == (400, "invalid_grant")
    assert used.json()["error_description"]
    other = code_of(log_in(demo))["code"][0]
    moved = token(demo, grant_type="authorization_code", code=other, redirect_uri="https://shop.example.com/else")
    assert moved.json()["error"] == "invalid_grant"
    assert token(demo, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert token(demo, grant_type="refresh_token", refresh_token="x").json()["error"] == "invalid_grant"


def test_refresh_tokens_can_rotate(start: START) -> None:
    api = start(switches={"rotate_refresh_tokens": True})
    first = token(api, grant_type="authorization_code", code=code_of(log_in(api))["code"][0]).json()["refresh_token"]
    second = token(api, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    assert second != first
    assert token(api, grant_type="refresh_token", refresh_token=first).json()["error"] == "invalid_grant"
    assert "access_token" in token(api, grant_type="refresh_token", refresh_token=second).json()


def test_denied_and_mistyped(api: Api) -> None:
    assert code_of(log_in(api, decision="deny"))["error"] == ["access_denied"]
    wrong = log_in(api, password="nope")
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (200, True)
    response = web(api, "GET", "/OAuth2/authorise.aspx", params={**ASK, "response_type": "token"})
    assert code_of(response)["error"] == ["unsupported_response_type"]


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": ""},
        {"client_id": "shop", "redirect_uri": "https://evil.example/"},
    ],
)
def test_nobody_is_sent_where_they_must_not_go(api: Api, change: dict[str, str]) -> None:
    api.sandbox.register_oauth_client("shop", "secret", BACK)
    page = web(api, "GET", "/OAuth2/authorise.aspx", params={**ASK, **change})
    assert (page.status_code, "location" in page.headers) == (400, False)


def test_names_are_escaped(api: Api) -> None:
    api.sandbox.register_oauth_client("<b>x</b>", "secret")
    page = web(api, "GET", "/OAuth2/authorise.aspx", params={**ASK, "client_id": "<b>x</b>", "state": '"><script>'})
    assert page.status_code == 200
    assert "<b>x</b>" not in page.text
    assert "<script>" not in page.text


def test_a_code_is_for_who_asked_with_the_challenge(demo: Api) -> None:
    """PKCE (RFC 7636): who gave a challenge has to bring its verifier; who gave none needs none."""
    verifier = "a-verifier-that-nobody-else-knows-of-1234567890"
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    ways = [("S256", challenge), ("plain", verifier), ("", verifier)]
    for method, given in ways:
        asked = {"code_challenge": given, "code_challenge_method": method}
        for brought in ("", "another", given if method == "S256" else ""):
            code = code_of(log_in(demo, **asked))["code"][0]
            refused = token(demo, grant_type="authorization_code", code=code, code_verifier=brought)
            assert refused.json()["error"] == "invalid_grant"
        code = code_of(log_in(demo, **asked))["code"][0]
        assert "access_token" in token(demo, grant_type="authorization_code", code=code, code_verifier=verifier).json()
    odd = log_in(demo, code_challenge=challenge, code_challenge_method="S512")
    assert code_of(odd)["error"] == ["invalid_request"]
