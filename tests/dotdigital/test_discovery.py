"""Where the password may go (contract §1.1) and what the account says about itself (contract §1.2)."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dotdigital import Account, ConfigurationError, DotdigitalError, Transient
from dotdigital.endpoints import Endpoints
from tests.dotdigital.server import Server, answer

MakeAccount = Callable[..., Account]


def account_info(endpoint: object) -> dict[str, object]:
    properties: list[dict[str, object]] = [
        {"name": "Name", "type": "String", "value": "Acme"},
        {"name": "MainEmail", "type": "String", "value": "owner@example.com"},
        {"name": "TimeZoneIana", "type": "String", "value": "Europe/London"},
        {"name": "ApiCallsRemaining", "type": "Int", "value": 1985},
        {"name": None, "value": "x"},
        {"name": "Empty", "value": None},
    ]
    if endpoint is not None:
        properties.append({"name": "ApiEndpoint", "type": "String", "value": endpoint})
    return {"id": 7, "properties": properties, "somethingNew": {"a": [1]}}


@pytest.mark.parametrize(
    "url",
    [
        "https://r1-api.dotdigital.com",
        "https://r1-api.dotdigital.com/",
        "https://r12-api.dotdigital.com/v2",
        "https://r3-api.dotmailer.com/v2/",
        "https://api.dotmailer.com",
        "https://apiconnector.com",
        "https://r2.apiconnector.com",
        "HTTPS://R1-API.DotDigital.com",
        "https://r1-api.dotdigital.com:443",
    ],
)
def test_vendor_hosts_are_admitted(url: str) -> None:
    origin = Endpoints().admit(url, setting="base_url")
    assert origin == url.lower().removesuffix("/").removesuffix("/v2").removesuffix(":443")


@pytest.mark.parametrize(
    "url",
    [
        "http://r1-api.dotdigital.com",
        "https://r1-api.dotdigital.com.evil.example",
        "https://evil.example/r1-api.dotdigital.com",
        "https://r1-api.dotdigital.com@evil.example",
        "https://user:pass@r1-api.dotdigital.com",
        "https://r1-api.dotdigital.com:8443",
        "https://r1-api.dotdigital.com.",
        "https://xr1-api.dotdigital.com",
        "https://evil-api.dotdigital.com.example",
        "https://r1-apidotdigital.com",
        "https://r1-api.dotdigital.com\\@evil.example",
        "https://r1-api.dotdigital.com%2eevil.example",
        "https://r1-api.dotdigital.com?x=1",
        "https://r1-api.dotdigital.com#x",
        "https://r1-api.dotdigital.com/v3",
        "https://r1-\u0430pi.dotdigital.com",
        "https://r1-api.dotdigital.com\n",
        "ftp://r1-api.dotdigital.com",
        "r1-api.dotdigital.com",
        "https://",
        "https://[::1",
        "https://r1-api.dotdigital.com:99999999",
        "",
    ],
)
def test_other_hosts_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ApiEndpoint") as caught:
        Endpoints(["https://mine.example"]).admit(url, setting="ApiEndpoint")
    assert "pass@" not in str(caught.value)


def test_an_allowed_origin_is_compared_as_a_whole() -> None:
    endpoints = Endpoints(["http://127.0.0.1:8099/"])
    assert endpoints.admit("http://127.0.0.1:8099/v2/", setting="base_url") == "http://127.0.0.1:8099"
    for other in ["http://127.0.0.1:8098", "https://127.0.0.1:8099", "http://127.0.0.1", "http://localhost:8099"]:
        with pytest.raises(ConfigurationError, match="base_url"):
            endpoints.admit(other, setting="base_url")


def test_a_base_url_that_is_not_allowed_fails_before_any_call(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        Account("user", "password", server.url)
    with pytest.raises(ConfigurationError, match="allowed_origins"):
        Account("user", "password", server.url, allowed_origins=["not an address"])
    assert server.connections == 0


def test_connect_follows_an_allowed_endpoint(server: Server, other_server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, allowed_origins=[server.url, other_server.url])
    server.say(answer(200, account_info(f"{other_server.url}/v2/")))
    other_server.say(answer(200, account_info(None)))

    info = account.connect()

    assert (info.id, info.name, info.main_email, info.time_zone) == (7, "Acme", "owner@example.com", "Europe/London")
    assert info.api_endpoint == f"{other_server.url}/v2/"
    assert info.properties["ApiCallsRemaining"] == "1985"
    assert "Empty" not in info.properties
    assert account.endpoint == other_server.url
    assert account.info().api_endpoint is None
    assert [request.target for request in other_server.requests] == ["/v2/account-info"]
    token = base64.b64encode(b"apiuser-0@apiconnector.com:s3cret-Passw0rd").decode()
    assert other_server.requests[0].headers["authorization"] == f"Basic {token}"


def test_connect_never_talks_to_a_foreign_endpoint(server: Server, other_server: Server, account: Account) -> None:
    server.otherwise = lambda request: answer(200, account_info(other_server.url))
    with pytest.raises(ConfigurationError, match=other_server.url) as caught:
        account.connect()
    assert "s3cret" not in caught.value.text + caught.value.detail
    assert account.endpoint == server.url
    account.info()
    assert other_server.connections == 0


@pytest.mark.parametrize("endpoint", [None, "", " "])
def test_connect_stays_where_it_is_without_an_endpoint(server: Server, account: Account, endpoint: str | None) -> None:
    server.say(answer(200, account_info(endpoint)))
    account.connect()
    assert account.endpoint == server.url


def test_connect_accepts_its_own_origin(server: Server, account: Account) -> None:
    server.say(answer(200, account_info(server.url + "/")))
    account.connect()
    assert account.endpoint == server.url


def test_an_account_without_properties_is_read(server: Server, account: Account) -> None:
    server.say(answer(200, {"id": 5, "properties": None}))
    assert account.info().properties == {}


def test_an_odd_property_of_an_account_costs_none_of_the_others(server: Server, account: Account) -> None:
    odd = [
        {"name": "Limits", "value": {"a": 1}},
        {"name": 5, "value": "x"},
        {"name": ["x"], "value": "y"},
        {"value": "z"},
    ]
    known = [{"name": "Name", "value": "Demo"}, {"name": "ApiCallsRemaining", "value": 1985}]
    server.say(answer(200, {"id": 5, "properties": [*odd, *known]}))
    assert account.info().properties == {"Name": "Demo", "ApiCallsRemaining": "1985"}


@pytest.mark.parametrize(
    ("user", "password", "named"),
    [
        ("", "p", "user name"),
        ("a:b", "p", "user name"),
        ("a\n", "p", "user name"),
        ("a", "", "password"),
        ("a", "\x00", "pass"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_once(user: str, password: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Account(user, password)


def test_the_password_is_in_no_representation(account: Account) -> None:
    assert "s3cret" not in f"{account!r} {account} {vars(account)}"


@pytest.mark.parametrize(
    ("body", "time"),
    [
        (b'"2020-01-01T09:40:18.527Z"', datetime(2020, 1, 1, 9, 40, 18, 527000, UTC)),
        (b"2020-01-01T09:40:18Z", datetime(2020, 1, 1, 9, 40, 18, tzinfo=UTC)),
        (b'\xef\xbb\xbf"2020-01-01T11:40:18+02:00"', datetime(2020, 1, 1, 9, 40, 18, tzinfo=UTC)),
        (b'"2020-01-01T09:40:18"', datetime(2020, 1, 1, 9, 40, 18, tzinfo=UTC)),
    ],
)
def test_server_time_is_read_in_each_form(server: Server, account: Account, body: bytes, time: datetime) -> None:
    server.say(answer(200, body))
    assert account.server_time() == time
    assert account.requests == 1


@pytest.mark.parametrize("body", [b'"tomorrow"', b"", b'"0001-01-01T00:00:00"', b'"unfinished'])
def test_a_server_time_that_is_none_is_a_fault(server: Server, account: Account, body: bytes) -> None:
    server.otherwise = lambda request: answer(200, body)
    with pytest.raises(Transient):
        account.server_time()


def test_a_context_that_verifies_nothing_is_refused() -> None:
    lax = ssl.create_default_context()
    lax.check_hostname = False
    with pytest.raises(ConfigurationError, match="certificates"):
        Account("user", "password", tls=lax)


def test_calls_go_through_a_proxy_on_request(server: Server, make_account: MakeAccount) -> None:
    account = make_account("http://sandbox.example", proxy=server.url)
    assert list(account.address_books()) == []
    assert server.requests[0].target == "http://sandbox.example/v2/address-books?select=1000&skip=0"
    assert server.requests[0].headers["host"] == "sandbox.example"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_calls_go_through_the_proxy_that_the_environment_names(
    server: Server, other_server: Server, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server.otherwise = lambda request: answer(200, account_info(None))
    monkeypatch.setenv(name, server.url.replace("//", "//who:s3cret@"))
    make_account("http://sandbox.example").info()
    assert server.requests[0].target == "http://sandbox.example/v2/account-info"
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")
    other_server.otherwise = server.otherwise
    make_account(other_server.url).info()
    monkeypatch.setenv("NO_PROXY", "example.com, .example")
    with pytest.raises(Transient):
        make_account("http://sandbox.example").info()
    assert (len(server.requests), len(other_server.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "kind", "said", "times"),
    [
        (407, ConfigurationError, "wants a name and a password", 1),
        (403, ConfigurationError, "refuses to connect", 1),
        (405, ConfigurationError, "refuses to connect", 1),
        (302, ConfigurationError, "refuses to connect", 1),
        (429, Transient, "could not be reached", 4),
        (503, Transient, "could not be reached", 4),
    ],
)
def test_a_proxy_that_does_not_connect_says_who_can_mend_it(
    server: Server, make_account: MakeAccount, status: int, kind: type[DotdigitalError], said: str, times: int
) -> None:
    """Of https no answer comes back through it but its own, to CONNECT; it means what it does elsewhere."""
    server.otherwise = lambda request: answer(status, b"<html>")
    account = make_account("https://dotdigital.example.com", proxy=server.url)
    with pytest.raises(kind, match=said) as refused:
        account.info()
    assert [request.method for request in server.requests] == ["CONNECT"] * times
    assert "authorization" not in server.requests[0].headers
    if kind is ConfigurationError:
        assert (refused.value.status, str(status) in refused.value.detail) == (status, True)
        # Nothing of it was sent, so that its outcome is known.
        with pytest.raises(kind, match=said):
            account.address_book(7).remove_contacts([1])
