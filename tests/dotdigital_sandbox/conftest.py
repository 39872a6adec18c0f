"""A fresh account on a socket for each test, and a plain HTTP client that knows nothing of Dotdigital."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dotdigital_sandbox import Sandbox
from tests.dotdigital_sandbox import coverage_table

RECORDER = coverage_table.Recorder()
# Made once: each client would read all certificates anew, which takes longer than most tests. Plain HTTP needs none.
TLS = httpx2.create_ssl_context()


class Api:
    """HTTP calls to one sandbox with its API user's credentials."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx2.Client(base_url=sandbox.url, auth=(sandbox.user, sandbox.password), verify=TLS, timeout=20)

    def ask(self, method: str, path: str, body: Any = None, *, status: int | None = None, **options: Any) -> Any:
        """The decoded answer; with a status, asserts it first."""
        response = (
            self.http.request(method, path, json=body, **options)
            if body is not None
            else self.http.request(method, path, **options)
        )
        if status is not None:
            assert response.status_code == status, response.text
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        """A 200 answer."""
        return self.ask("GET", path, status=200, params=query or None)

    def message(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and message of a refusal."""
        response = self.http.request(method, path, json=body) if body is not None else self.http.request(method, path)
        assert list(response.json()) == ["message"], response.text
        return response.status_code, response.json()["message"]

    def book(self, name: str = "Letters") -> int:
        """The id of a new book."""
        return int(self.ask("POST", "/v2/address-books", {"name": name}, status=201)["id"])

    def contact(self, email: str, **fields: Any) -> int:
        """The id of a new contact."""
        data = [{"key": key, "value": value} for key, value in fields.items()]
        return int(self.ask("POST", "/v2/contacts", {"email": email, "dataFields": data}, status=201)["id"])

    def upload(self, csv: str | bytes, path: str = "/v2/contacts/import", name: str = "contacts.csv") -> str:
        """The id of an accepted import."""
        raw = csv.encode() if isinstance(csv, str) else csv
        body = {"fileName": name, "data": base64.b64encode(raw).decode()}
        answer = self.ask("POST", path, body, status=202)
        assert answer["status"] == "NotFinished"
        return str(answer["id"])

    def run_import(self, csv: str | bytes, path: str = "/v2/contacts/import") -> tuple[dict[str, int], str]:
        """The counters above zero and the fault file of an import that finished."""
        guid = self.upload(csv, path)
        self.sandbox.finish_imports()
        assert self.get(f"/v2/contacts/import/{guid}") == {"id": guid, "status": "Finished"}
        faults = self.http.get(f"/v2/contacts/import/{guid}/report-faults")
        report = self.get(f"/v2/contacts/import/{guid}/report")
        return {name: count for name, count in report.items() if count}, faults.content.decode("utf-8-sig")


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Api]]:
    """Starts sandboxes with given settings; all are stopped in the end."""
    running: list[Api] = []

    def starter(**settings: Any) -> Api:
        folder = settings.pop("data_dir", tmp_path / f"account{len(running)}")
        api = Api(Sandbox(folder, **settings).start())
        running.append(api)
        return api

    yield starter
    for api in running:
        RECORDER.add(request.path.name, api.sandbox.calls())
        api.http.close()
        api.sandbox.stop()


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An empty account."""
    return start()


@pytest.fixture
def demo(start: Callable[..., Api]) -> Api:
    """The demo account."""
    return start(seed="demo")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the tables of the documentation when asked to; a part of the tests would leave holes."""
    if os.environ.get("SANDBOX_TABLE") and not hasattr(session.config, "workerinput"):
        coverage_table.write(RECORDER)
