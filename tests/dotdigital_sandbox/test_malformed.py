"""What is no request at all, for every operation: refused in the vendor's words, and never an error of the sandbox.

Found by this kind of call: numbers of thousands of digits as ids, bodies nested beyond what a parser follows, keys that
are no Unicode. Each had a second place; now every operation is asked.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from dotdigital_sandbox.front_door import API_ROUTES
from dotdigital_sandbox.openapi import openapi_document
from dotdigital_sandbox.routing import Route
from tests.dotdigital_sandbox.conftest import Api

BODIES = (
    b"", b"{", b"[", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b"\xff\xfe", b"\x00",
    b'{"a":"\\ud800"}', b'{"\xc3":1}', b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b"[1e400]", b"NaN", b"<a/>",
    b'{"email":"\\u0000@example.com"}', b'{"contacts":[1]}', b'{"contact":[]}', b'{"records":{}}', b'{"name":{}}',
)  # fmt: skip
PARTS = (
    "0", "-1", "9" * 4000, "99999999999999999999", "%00", "²", "%F0%9F%98%80", "%ED%A0%80", "%FF", "%2F", "%20",
    "x" * 3000, "0001-01-01", "9999-12-31T23:59:59%2B14:00", "1e5",
)  # fmt: skip
VALUES = ("", "-1", "²", "9" * 4000, "\x00", "gte::2020-13-45T99:99:99Z", "|,|")
KNOWN = {
    "ident": "customer.1@example.com", "identifier": "email", "value": "customer.1@example.com", "date": "2020-01-01",
    "name": "COMPANY", "collection": "Orders", "guid": "none", "lob_id": "none", "merge": "0", "number": "447123123123",
}  # fmt: skip
WRITES = [route for route in API_ROUTES if route.method in ("POST", "PUT", "PATCH")]
READS = [route for route in API_ROUTES if route.method == "GET"]


def path_of(route: Route, **given: str) -> str:
    """A path of the operation, with what the demo account knows."""
    return re.sub(r"{(\w+)}", lambda part: {**KNOWN, **given}.get(part[1], "3"), route.path)


def ask(api: Api, method: str, path: str, **options: Any) -> None:
    """Fails for an error of the sandbox, and for a refusal that is in no words of the API's."""
    response = api.http.request(method, path, headers={"Content-Type": "application/json"}, **options)
    assert response.status_code < 500, (method, path[:200], options, response.text)
    if response.status_code >= 400:
        v3 = re.match(r"/\w+/v3", path)
        assert response.json()["errorCode" if v3 else "message"]


@pytest.mark.parametrize("half", [0, 1])
def test_bodies_that_are_none(demo: Api, half: int) -> None:
    for route in WRITES[half::2]:
        for body in BODIES:
            ask(demo, route.method, path_of(route), content=body)


def test_parts_of_paths_that_are_none(demo: Api) -> None:
    for route in READS:
        for name in re.findall(r"{(\w+)}", route.path):
            for part in PARTS:
                ask(demo, "GET", path_of(route, **{name: part}))


def test_queries_that_are_none(demo: Api) -> None:
    paths = openapi_document(READS)["paths"]
    for route in READS:
        asked = [each["name"] for each in paths[route.path]["get"]["parameters"] if each["in"] == "query"]
        for name in asked:
            for value in VALUES:
                ask(demo, "GET", path_of(route), params={name: value})
