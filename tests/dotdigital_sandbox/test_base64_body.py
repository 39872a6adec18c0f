"""Imports that come as JSON: any spelling of base64, and a large body without large memory (contract §4.6)."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from dotdigital_sandbox import base64_body
from dotdigital_sandbox.base64_body import NotDecodable, unpack
from tests.dotdigital_sandbox.conftest import Api

AUTH = ("apiuser-000000000000@apiconnector.com", "sandbox")
FILE = bytes(range(256)) * 40 + "Zoë".encode()
LIMIT_MB = 150


def unpacked(tmp_path: Path, body: str) -> bytes:
    (tmp_path / "body").write_text(body, encoding="utf-8")
    assert unpack(tmp_path / "body", tmp_path / "out") == "people.csv"
    return (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("piece", [7, 8, 64, 1024 * 1024])
def test_every_spelling_of_base64_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(base64_body, "PIECE", piece)
    plain = base64.b64encode(FILE).decode()
    lines = base64.encodebytes(FILE).decode()
    for data in (
        json.dumps(plain),
        json.dumps(lines),
        json.dumps(lines.replace("\n", "\r\n")),
        json.dumps(plain).replace("/", "\\/"),
        json.dumps(plain).replace("+", "\\u002B").replace("=", "\\u003d"),
    ):
        assert unpacked(tmp_path, f'\ufeff{{"FileName": "people.csv", "DATA": {data}}}') == FILE
    assert unpacked(tmp_path, '{"data": "", "filename": "people.csv"}') == b""


@pytest.mark.parametrize(
    "body", ['{"fileName": "a.csv"}', '{"fileName": "", "data": ""}', '{"fileName": "a.csv", "data": "abc=d"}',
             '{"fileName": "a.csv", "data": 5}', '{"fileName": 5, "data": ""}', '{"fileName": "a.csv", "data": "a"}'],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused(tmp_path: Path, api: Api, body: str) -> None:
    (tmp_path / "body").write_text(body, encoding="utf-8")
    with pytest.raises(NotDecodable):
        unpack(tmp_path / "body", tmp_path / "out")
    answer = api.http.post("/v2/contacts/import", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["message"]) == (400, "Error: ERROR_PARAMETER_INVALID")
    for broken in ("", "{", "{}}", body + "}"):
        answer = api.http.post("/v2/contacts/import", content=broken, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["message"]) == (400, "Error: ERROR_MALFORMED_REQUEST")
    assert list(api.sandbox.account.uploads.iterdir()) == []


def test_a_large_body_costs_little_memory(tmp_path: Path) -> None:
    rows = "".join(f"person.{number}@example.com,{'x' * 900}\n" for number in range(40_000))
    body = json.dumps({"fileName": "a.csv", "data": base64.b64encode(f"Email,FIRSTNAME\n{rows}".encode()).decode()})
    assert len(body) > 48_000_000
    command = [sys.executable, "-m", "dotdigital_sandbox", "serve", "--port", "0", "--data", str(tmp_path / "account")]
    process = subprocess.Popen([*command, "--import-seconds", "3600"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1]
        headers = {"Content-Type": "application/json"}
        answer = httpx2.post(f"{url}/v2/contacts/import", content=body, headers=headers, auth=AUTH, timeout=60)
        assert answer.status_code == 202, answer.text
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < LIMIT_MB
