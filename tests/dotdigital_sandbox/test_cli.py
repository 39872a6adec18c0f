"""The command: it serves, keeps its state, and says in one line why it cannot."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from dotdigital_sandbox import Sandbox

AUTH = ("apiuser-000000000000@apiconnector.com", "sandbox")
JSON_UPLOAD = {"fileName": "b.csv", "data": "ZW1haWwKYkBleGFtcGxlLmNvbQo="}
SERVE = [sys.executable, "-m", "dotdigital_sandbox", "serve"]


def test_a_taken_port_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*SERVE, "--port", port, "--data", str(tmp_path)], check=False, capture_output=True, text=True, timeout=30
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Port {port} on 127.0.0.1 is taken by another program; choose another with --port."
    ]


def test_a_wrong_switch_names_what_there_is(tmp_path: Path) -> None:
    for given, words in (
        ("never=soon", "it may be: null|year-1"),
        ("odd=1", "there is no switch"),
        ("x", "NAME=VALUE"),
    ):
        done = subprocess.run(
            [*SERVE, "--data", str(tmp_path), "--switch", given],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert words in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--start-at", "1800-01-01", "between the years 1900 and 9000"),
        ("--import-seconds", "1e300", "a time from 0 to"),
        ("--engagement-seconds", "inf", "a time from 0 to"),
        ("--import-megabytes", "inf", "it is at most"),
        ("--user", "a:b", "no colon"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(tmp_path: Path, option: str, value: str, words: str) -> None:
    command = [*SERVE, "--data", str(tmp_path), option, value]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, len(done.stderr.splitlines()), words in done.stderr) == (1, 1, True)


def test_a_file_that_another_program_has_is_told_from_one_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Sandbox(tmp_path).start().stop()
    monkeypatch.setattr("dotdigital_sandbox.store.WAIT_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "account.sqlite3", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OSError, match="cannot be read, database is locked"):
        Sandbox(tmp_path).start()
    other.close()
    (tmp_path / "account.sqlite3").write_text("these are no tables at all")
    with pytest.raises(OSError, match="is no SQLite file"):
        Sandbox(tmp_path).start()


def test_it_serves_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    options = [
        "--port",
        "0",
        "--data",
        str(tmp_path / "deep" / "er"),
        "--user",
        "me@example.com",
        "--password",
        "secret",
        "--start-at",
        "2026-03-01",
    ]
    for count in (22, 23):
        with subprocess.Popen([*SERVE, *options, "--seed", "demo"], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[-1]
                http = httpx2.Client(base_url=url, auth=("me@example.com", "secret"))
                assert http.get("/v2/contacts/count").json() == count
                assert http.get("/v2/server-time").json().startswith("2026-03-01T00:0")
                assert http.post("/v2/contacts", json={"email": "ann@example.com"}).status_code == 201
                http.close()
            finally:
                started = time.monotonic()
                process.terminate()
                process.wait(timeout=20)
        assert time.monotonic() - started < 10


def test_a_folder_of_another_version_is_one_line(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "account.sqlite3") as db:
        db.execute("CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT)")
        db.execute("CREATE TABLE old (id INTEGER PRIMARY KEY)")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "account.sqlite3").write_text("no database at all, but long enough to be taken for one" * 20)
    for folder, words in ((tmp_path, "another version"), (tmp_path / "text", "no SQLite file")):
        serve = [*SERVE, "--port", "0", "--data", str(folder)]
        done = subprocess.run(serve, check=False, capture_output=True, text=True, timeout=30)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert words in done.stderr


def test_a_folder_is_served_by_one_sandbox_at_a_time(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        done = subprocess.run(
            [*SERVE, "--port", "0", "--data", str(tmp_path)], check=False, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            (
                f"The folder {tmp_path} cannot be used: another sandbox serves it (process {os.getpid()}). "
                "Choose another with --data."
            )
        ]
        with pytest.raises(OSError, match="another sandbox"):
            Sandbox(tmp_path).start()
        assert httpx2.get(f"{sandbox.url}/v2/server-time", auth=AUTH).status_code == 200
    with Sandbox(tmp_path) as again:
        assert httpx2.get(f"{again.url}/v2/server-time", auth=AUTH).status_code == 200


def test_a_folder_that_could_not_be_opened_is_not_locked(tmp_path: Path) -> None:
    state = tmp_path / "account.sqlite3"
    state.write_text("no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(OSError, match="no SQLite file"):
        Sandbox(tmp_path).start()
    state.unlink()
    with Sandbox(tmp_path):
        pass


def test_nobody_else_can_read_the_account(tmp_path: Path) -> None:
    """Neither its state nor what was uploaded and saved, however the folder was made and by which version."""
    folder = tmp_path / "account"
    before = os.umask(0)
    try:
        with Sandbox(folder) as sandbox:
            sandbox.hold_imports()
            for upload in ({"files": {"f": ("a.csv", b"email\na@example.com\n")}}, {"json": JSON_UPLOAD}):
                assert httpx2.post(f"{sandbox.url}/v2/contacts/import", auth=AUTH, **upload).status_code == 202
            control = {"headers": {"content-type": "application/json"}, "content": b'{"name": "one"}'}
            assert httpx2.post(f"{sandbox.url}/_sandbox/state/dump", **control).status_code == 200
            found = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
        (folder / "account.sqlite3").chmod(0o644)
        with Sandbox(folder):
            found[folder / "account.sqlite3"] |= stat.S_IMODE((folder / "account.sqlite3").stat().st_mode)
    finally:
        os.umask(before)
    assert len(found) >= 8
    assert {path.name: oct(mode) for path, mode in found.items() if mode & 0o077} == {}


def test_an_import_survives_a_kill_in_its_middle(tmp_path: Path) -> None:
    rows = 60_000
    file = "email\n" + "".join(f"person{number}@example.com\n" for number in range(rows)) + "bad\n"
    options = ["--port", "0", "--data", str(tmp_path), "--scheme", "none", "--seed", "empty", "--import-seconds", "0"]
    guid, before = "", 0
    for attempt in ("killed", "whole"):
        with subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                http = httpx2.Client(base_url=process.stdout.readline().split()[-1], auth=AUTH, timeout=30)
                if attempt == "killed":
                    guid = http.post("/v2/contacts/import", files={"f": ("a.csv", file.encode())}).json()["id"]
                    while not before:
                        before = http.get("/v2/contacts/count").json()
                    process.kill()
                    continue
                while http.get(f"/v2/contacts/import/{guid}").json()["status"] == "NotFinished":
                    time.sleep(0.02)
                report = http.get(f"/v2/contacts/import/{guid}/report").json()
                count = http.get("/v2/contacts/count").json()
            finally:
                process.kill()
                process.wait(timeout=20)
    assert 0 < before < rows
    assert (count, report["newContacts"], report["updatedContacts"], report["invalidEntries"]) == (rows, rows, 0, 1)
