"""What clients of all kinds rely on beside the operations: verbs, headers, paths, the shape of each error."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest

from tests.dotdigital_sandbox.conftest import Api


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v2/server-time", "GET, HEAD"),
        ("/v2/contacts", "GET, HEAD, POST"),
        ("/v2/contacts/1", "DELETE, GET, HEAD, PUT"),
        ("/v2/contacts/unsubscribe", "DELETE, GET, HEAD, POST, PUT"),
        ("/contacts/v3", "GET, HEAD, POST"),
    ],
)
def test_a_verb_that_a_path_does_not_have_is_told_those_it_has(api: Api, path: str, allowed: str) -> None:
    response = api.http.request("TRACE", path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


def test_head_is_answered_where_get_is_and_without_a_body(demo: Api) -> None:
    for path in ("/v2/account-info", "/v2/contacts?select=3", "/contacts/v3?limit=3"):
        head, get = demo.http.head(path), demo.http.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert demo.http.head("/v2/contacts/77777").status_code == 404
    refused = demo.http.head("/v2/email")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_a_slash_in_an_address_does_not_part_the_path(api: Api) -> None:
    address = "sales/emea@example.com"
    contact_id = api.contact(address)
    encoded = quote(address, safe="")
    assert api.get(f"/v2/contacts/{encoded}")["id"] == contact_id
    assert api.get(f"/contacts/v3/email/{encoded}")["contactId"] == contact_id
    assert api.http.get(f"/v2/contacts/{address}").status_code == 404
    assert api.sandbox.calls(1)[0]["path"] == f"/v2/contacts/{address}"


def test_names_of_headers_are_written_as_they_usually_are(start: Callable[..., Api]) -> None:
    api = start(scheme="tiered")
    connection = http.client.HTTPConnection(urlsplit(api.sandbox.url).netloc)
    connection.request("GET", "/v2/server-time", headers={"Authorization": api.http.build_request("GET", "/").url.host})
    names = [name for name, _ in connection.getresponse().getheaders()]
    connection.close()
    assert {"Date", "Content-Type", "Content-Length", "WWW-Authenticate"} <= set(names)
    answer = api.http.get("/v2/server-time")
    assert {b"X-RateLimit-Limit", b"X-RateLimit-Reset"} <= {name for name, _ in answer.headers.raw}


def test_each_error_of_version_3_has_a_code(start: Callable[..., Api]) -> None:
    """Also those that are refused before an operation is found, and the faults that were ordered."""
    api = start(scheme="tiered", high_rate=2)
    for method, path, status in (
        ("GET", "/contacts/v3/no/such/path/at/all", 404),
        ("DELETE", "/contacts/v3", 405),
        ("GET", "/contacts/v3/email/nobody@example.com", 404),
        ("GET", "/contacts/v3/import/none", 400),
        ("PUT", "/contacts/v3/contactId/77", 400),
        ("GET", "/contacts/v3/email/nobody@example.com", 404),
        ("GET", "/contacts/v3/email/nobody@example.com", 429),
    ):
        answer = api.http.request(method, path)
        assert (answer.status_code, set(answer.json()) - {"details"}) == (status, {"errorCode", "description"}), path
    for status in (429, 500, 503):
        api.sandbox.fail_next(status=status)
        assert set(api.http.get("/contacts/v3").json()) == {"errorCode", "description"}
        api.sandbox.fail_next(status=status)
        assert set(api.http.get("/v2/contacts").json()) == {"message"}
