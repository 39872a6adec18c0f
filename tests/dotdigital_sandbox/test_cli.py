"""The command: it serves, keeps its state, and says in one line why it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2

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
    ]
    for count in (22, 23):
        with subprocess.Popen([*SERVE, *options, "--seed", "demo"], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[-1]
                http = httpx2.Client(base_url=url, auth=("me@example.com", "secret"))
                assert http.get("/v2/contacts/count").json() == count
                assert http.post("/v2/contacts", json={"email": "ann@example.com"}).status_code == 201
                http.close()
            finally:
                started = time.monotonic()
                process.terminate()
                process.wait(timeout=20)
        assert time.monotonic() - started < 10
