"""What comes in broken, cut off or odd is refused or left alone, and never stops the sandbox from answering others."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.dotdigital_sandbox.conftest import Api

LETTER = {
    "name": "Spring", "subject": "Hello", "fromName": "Acme", "htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$",
}  # fmt: skip


def sent(api: Api, request: str, body: bytes = b"", *, hang_up: bool = False) -> bytes:
    """What comes back for a request in bytes of our own; nothing is waited for when hanging up."""
    host, _, port = api.sandbox.url.removeprefix("http://").partition(":")
    credentials = base64.b64encode(f"{api.sandbox.user}:{api.sandbox.password}".encode()).decode()
    line, *headers = request.split("\n")
    connections = () if any(header.startswith("Connection") for header in headers) else ("Connection: close",)
    authorised = f"Authorization: Basic {credentials}"
    lines = [f"{line} HTTP/1.1", "Host: sandbox.example.com", authorised, *connections, *headers]
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + body)
        return b"" if hang_up else b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/v2/contacts/unsubscribe", "Content-Length: 900", b'{"email": "ann@example.com"}'),
        ("/v2/contacts/unsubscribe", "Transfer-Encoding: chunked", b'1c\r\n{"email": "ann@example.com"}\r\n'),
        ("/v2/contacts", "Content-Length: 900", b'{"email": "new@example.com"}'),
        (
            "/v2/contacts/import",
            "Content-Length: 900",
            json.dumps({"fileName": "a.csv", "data": base64.b64encode(b"Email\nnew@example.com\n").decode()}).encode(),
        ),
    ],
)
def test_what_a_caller_who_hung_up_did_not_send_whole_is_not_done(
    api: Api, path: str, headers: str, body: bytes
) -> None:
    api.contact("ann@example.com")
    sent(api, f"POST {path}\nContent-Type: application/json\n{headers}", body, hang_up=True)
    time.sleep(0.3)
    api.sandbox.finish_imports()
    assert api.get("/v2/contacts/ann@example.com")["status"] == "Subscribed"
    assert api.get("/v2/contacts/count") == 1
    assert list((api.sandbox.data_dir / "uploads").iterdir()) == []


def test_a_target_may_name_the_server_before_the_path(api: Api) -> None:
    assert b" 200 OK" in sent(api, "GET http://sandbox.example.com/v2/server-time")
    assert b"/_sandbox/" in sent(api, "GET http://sandbox.example.com")


def test_a_call_of_the_older_protocol_need_not_name_the_server(api: Api) -> None:
    host, _, port = api.sandbox.url.removeprefix("http://").partition(":")
    credentials = base64.b64encode(f"{api.sandbox.user}:{api.sandbox.password}".encode())
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /v2/account-info HTTP/1.0\r\nAuthorization: Basic " + credentials + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    properties = json.loads(answer.partition(b"\r\n\r\n")[2])["properties"]
    assert {"name": "ApiEndpoint", "type": "String", "value": api.sandbox.url} in properties


def test_a_client_that_offers_another_protocol_is_answered_in_this_one(api: Api) -> None:
    offer = "Connection: close, Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk"
    assert b" 200 OK" in sent(api, f"GET /v2/server-time\n{offer}")


def test_two_calls_on_one_line_are_both_answered(api: Api) -> None:
    host, _, port = api.sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("host", ["r" + "9" * 5000 + "-api.example.com", "r1-api.example.com"])
def test_a_host_with_endless_digits_is_no_region(api: Api, host: str) -> None:
    assert api.http.get("/v2/server-time", headers={"Host": host}).status_code == 200


def test_the_log_of_calls_does_not_grow_with_endless_paths(api: Api) -> None:
    api.http.get(f"/v2/contacts/{'a' * 50_000}@example.com")
    assert [len(call["path"]) for call in api.sandbox.calls()] == [1000]


def test_a_doubled_slash_does_not_change_the_language_of_a_refusal(api: Api) -> None:
    refused = httpx2.get(f"{api.sandbox.url}//contacts/v3")
    assert (refused.status_code, refused.json()["errorCode"]) == (401, "auth:unauthorised")


@pytest.mark.parametrize("query", ["select=1_0", "select=%D9%A1", "select=1e1", "skip=-1", "skip=1.0"])
def test_a_number_is_made_of_plain_digits(api: Api, query: str) -> None:
    assert api.message("GET", f"/v2/contacts?{query}") == (400, "Error: ERROR_PARAMETER_INVALID")


@pytest.mark.parametrize("sender", [{"id": [1]}, {"id": {"a": 1}}, {"id": 2**70}, {"email": ["a"]}, {"email": 5}, {}])
def test_a_sender_that_is_none_is_refused(api: Api, sender: dict[str, Any]) -> None:
    assert api.message("POST", "/v2/campaigns", {**LETTER, "fromAddress": sender})[0] == 400


@pytest.mark.parametrize("path", ["send", "send-time-optimised"])
def test_a_campaign_cannot_be_sent_at_the_end_of_time(demo: Api, path: str) -> None:
    body = {"campaignId": 2, "addressBookIds": [3], "sendDate": "9999-12-31T23:59:59Z"}
    assert demo.message("POST", f"/v2/campaigns/{path}", body) == (400, "Error: ERROR_CAMPAIGN_SEND_INVALID")


@pytest.mark.parametrize("ident", [0, -1, 2**31, 2**64 - 1, 2**70])
def test_an_enrolment_names_contacts_that_there_could_be(api: Api, ident: int) -> None:
    body = {"programId": api.sandbox.make_program("Welcome"), "contacts": [ident]}
    assert api.message("POST", "/v2/programs/enrolments", body) == (400, "Error: ERROR_ENROLMENT_INVALID")


@pytest.mark.parametrize(
    "uri", ["http://x.example.com/€", "http://x.example.com/a\r\nSet-Cookie: b", "http://[x", "http://x /"]
)
def test_nobody_is_led_back_to_what_is_no_address(api: Api, uri: str) -> None:
    query = {"client_id": "sandbox-client", "redirect_uri": uri, "response_type": "token"}
    refused = httpx2.get(f"{api.sandbox.url}/OAuth2/authorise.aspx", params=query)
    assert (refused.status_code, "may not return" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("segments", {"name": "a", "field": "FIRSTNAME", "value": [1]}, 400),
        ("segments", {"name": "a", "field": "LEADSCORE", "value": "much"}, 400),
        ("contacts/unsubscribe", {"email": "subscriber.1@example.com", "bookId": [1]}, 400),
        ("contacts/unsubscribe", {"email": "subscriber.1@example.com", "bookId": 999}, 404),
        ("campaigns/send", {"campaignId": 2**70}, 404),
        ("campaigns/send", {"campaignId": [1]}, 400),
        ("clock/advance", {"seconds": 1e30}, 400),
        ("clock/advance", {"seconds": 3e11}, 400),
        ("clock/advance", {"seconds": -1e11}, 400),
        ("clock/freeze", {"at": "9999-01-01"}, 400),
        ("users", {"name": "a:b", "password": "c"}, 400),
        ("large-objects", {"text": "a", "mediaType": "a\r\nb"}, 400),
        ("faults", {"status": "503"}, 400),
        ("faults", {"status": 99}, 400),
        ("faults", {"times": "3"}, 400),
        ("faults", {"after": "3"}, 400),
        ("faults", {"seconds": "long", "kind": "delay"}, 400),
        ("faults", {"path": 5}, 400),
    ],
)
def test_the_control_refuses_what_it_cannot_do_and_goes_on(
    demo: Api, path: str, body: dict[str, Any], status: int
) -> None:
    refused = demo.http.post(f"/_sandbox/{path}", json=body)
    assert (refused.status_code, list(refused.json())) == (status, ["message"])
    assert demo.http.get("/v2/server-time").status_code == 200
    assert demo.get("/_sandbox/faults") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("field_in_use_status", 7),
        ("book_delete_status", "500"),
        ("text_limit", -5),
        ("watchdog_share", "nan"),
        ("token_seconds", 10**18),
    ],
)
def test_a_switch_is_turned_to_what_it_may_be_alone(api: Api, name: str, value: object) -> None:
    refused = api.http.request("PATCH", "/_sandbox/switches", json={name: value})
    assert (refused.status_code, name in refused.json()["message"]) == (400, True)


def test_a_segment_finds_a_number_given_as_a_text(demo: Api) -> None:
    demo.contact("ann@example.com", LEADSCORE=70)
    made = demo.ask(
        "POST", "/_sandbox/segments", {"name": "Warm", "field": "leadscore", "test": "at-least", "value": "60"}
    )
    members = demo.get(f"/v2/address-books/{made['result']}/contacts")
    assert "ann@example.com" in {each["email"] for each in members}
    weaker = demo.ask(
        "POST", "/_sandbox/segments", {"name": "Cold", "field": "leadscore", "test": "at-most", "value": "60"}
    )
    assert "ann@example.com" not in {
        each["email"] for each in demo.get(f"/v2/address-books/{weaker['result']}/contacts")
    }


def test_a_list_read_without_its_data_does_not_weigh_as_one_with_them(start: Callable[..., Api]) -> None:
    api = start(scheme="tiered")
    scopes = {
        wanted: api.http.get(f"/v2/contacts?withFullData={wanted}").headers["X-RateLimit-Scope"]
        for wanted in ("false", "True", "1", "0", "")
    }
    medium, low = "mediumCallRate", "lowCallRate"
    assert scopes == {"false": medium, "0": medium, "": medium, "True": low, "1": low}
