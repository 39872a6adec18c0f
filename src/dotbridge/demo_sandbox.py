"""The sandbox that a demo works with: started when it does not listen yet, left listening for whoever wants to look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx2
import psutil
from rich.console import Console

from dotbridge.config import Config
from dotbridge.errors import OperatorError
from dotbridge.processes import require_free_port


class SandboxError(OperatorError):
    """The sandbox did not start. The text says what it wrote."""


def start_sandbox(
    config: Config, console: Console, *, start_at: datetime | None = None, reading_seconds: int | None = None
) -> None:
    """Have the sandbox of this data folder listening.

    One left by an earlier `demo --once` of the same folder is used; one of another folder gives way, its data is kept.
    A new one's clock begins at `start_at`, and recipients react within `reading_seconds`.
    """
    folder = str(config.data_dir / "sandbox")
    if left := _left_sandbox(config):
        if left.folder == folder and left.has_its_files():
            return
        console.print("[dim]The sandbox of another demo gives way.")
        _end_process(left.process)
    require_free_port("DOTBRIDGE_SANDBOX_PORT", "127.0.0.1", config.sandbox_port)
    options = [] if start_at is None else ["--start-at", f"{start_at:%Y-%m-%dT%H:%M:%S}"]
    options += [] if reading_seconds is None else ["--engagement-seconds", str(reading_seconds)]
    written = config.data_dir / "sandbox.log"
    with written.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, *_command(config), folder, "--seed", "demo", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _await_sandbox(config, process, written)


def stop_sandbox(config: Config) -> bool:
    """End the sandbox that a demo left listening. False when there is none."""
    left = _left_sandbox(config)
    if left is not None:
        _end_process(left.process)
    return left is not None


class _Left(NamedTuple):
    process: psutil.Process
    folder: str

    def has_its_files(self) -> bool:
        """Whether the files it works with are still in the folder: somebody may have cleared it away meanwhile."""
        try:
            return any(Path(file.path).is_relative_to(self.folder) for file in self.process.open_files())
        except psutil.NoSuchProcess:
            return False


def _command(config: Config) -> list[str]:
    return ["-m", "dotdigital_sandbox", "serve", "--port", str(config.sandbox_port), "--data"]


def _left_sandbox(config: Config) -> _Left | None:
    """The sandbox on the demo's port. Known by its command line: a note of it would be stale after a crash."""
    start = _command(config)
    for process in psutil.process_iter(["cmdline", "uids"]):
        words = (process.info["cmdline"] or [])[1:]
        if words[: len(start)] == start and process.info["uids"].real == os.getuid():
            return _Left(process, words[len(start)])
    return None


def _end_process(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()


def _await_sandbox(config: Config, process: psutil.Popen, written: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            httpx2.get(f"{config.sandbox_url}/v2/server-time", timeout=2, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    lines = written.read_text(errors="replace").splitlines()
    raise SandboxError(f"The sandbox did not start: {' | '.join(lines[-3:]) or 'it wrote nothing'}")
