"""The sandbox that a demo works with: started when it does not listen yet, left listening for whoever wants to look."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil
from rich.console import Console

from dotbridge.config import Config
from dotbridge.errors import OperatorError
from dotbridge.processes import require_free_port


class SandboxError(OperatorError):
    """The sandbox did not start. The text says what it wrote."""


def start_sandbox(config: Config, console: Console) -> None:
    """Have the sandbox of this data folder listening.

    One left by an earlier `demo --once` of the same folder is used; one of another folder gives way, its data is kept.
    """
    note = _sandbox_note(config)
    left = _left_sandbox(note)
    folder = str(config.data_dir / "sandbox")
    if left is not None:
        process, owner = left
        if owner == folder:
            return
        console.print("[dim]The sandbox of another demo gives way; its data is kept.")
        _end_process(process)
    require_free_port("DOTBRIDGE_SANDBOX_PORT", "127.0.0.1", config.sandbox_port)
    program = Path(sys.executable).with_name("dotdigital-sandbox")
    command = [str(program), "serve", "--port", str(config.sandbox_port)]
    config.data_dir.mkdir(parents=True, exist_ok=True)
    written = config.data_dir / "sandbox.log"
    with written.open("ab") as output:
        process = psutil.Popen(
            [*command, "--data", folder, "--seed", "demo"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _await_sandbox(config, process, written)
    note.write_text(json.dumps({"pid": process.pid, "started": process.create_time(), "folder": folder}))


def stop_sandbox(config: Config) -> bool:
    """End the sandbox that a demo left listening. False when there is none."""
    note = _sandbox_note(config)
    left = _left_sandbox(note)
    note.unlink(missing_ok=True)
    if left is None:
        return False
    _end_process(left[0])
    return True


def _sandbox_note(config: Config) -> Path:
    # By port and not in the data folder: two demos on one machine have to find each other's sandbox.
    return Path(tempfile.gettempdir()) / f"dotbridge-demo-{os.getuid()}-{config.sandbox_port}.json"


def _left_sandbox(note: Path) -> tuple[psutil.Process, str] | None:
    try:
        if note.stat().st_uid != os.getuid():
            return None
        noted = json.loads(note.read_text())
        process = psutil.Process(noted["pid"])
        if process.create_time() == noted["started"] and process.status() != psutil.STATUS_ZOMBIE:
            return process, noted["folder"]
    except (OSError, ValueError, KeyError, psutil.Error):
        pass
    return None


def _end_process(process: psutil.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        process.kill()


def _await_sandbox(config: Config, process: psutil.Popen, written: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            httpx2.get(f"{config.sandbox_url}/v2/server-time", timeout=2)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    lines = written.read_text(errors="replace").splitlines()
    raise SandboxError(f"The sandbox did not start: {' | '.join(lines[-3:]) or 'it wrote nothing'}")
