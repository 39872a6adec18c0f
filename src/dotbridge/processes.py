"""The programs that make up a running back office, started and ended together."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from dotbridge.config import ConfigError

LIFELINE = "DOTBRIDGE_LIFELINE"
# A run at work notes where it is after every page, so it may be ended; this is for it to end tidily.
SECONDS_TO_FINISH = 10
SECONDS_TO_END = SECONDS_TO_FINISH + 5
# A worker says every ten seconds that it is alive; one that was silent for so long is dead.
SILENT_SECONDS = 30


def require_free_port(name: str, host: str, port: int) -> None:
    """Raise ConfigError, naming the setting, when another program listens on the port or the host is not this one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are only just closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError("DOTBRIDGE_HOST", host, "it must be an address of this machine") from error
            reason = "another program listens on it" if error.errno == errno.EADDRINUSE else error.strerror
            raise ConfigError(name, str(port), f"{reason}; end that program or choose a free port") from error


def run_together(commands: Sequence[Sequence[str]]) -> int:
    """Run these `dotbridge` commands until one ends or somebody asks to stop, then end all. Answers the exit code.

    The programs notice through a pipe when this one is killed, so that none of them is left behind.
    """
    lifeline, held = os.pipe()
    os.set_inheritable(lifeline, True)
    environment = {**os.environ, LIFELINE: str(lifeline)}
    programs = [
        subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "dotbridge.cli", *command], env=environment, pass_fds=[lifeline]
        )
        for command in commands
    ]
    os.close(lifeline)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        while not stopping.wait(0.2):
            for program, command in zip(programs, commands, strict=True):
                if program.poll() is not None:
                    sys.stderr.write(
                        f"`dotbridge {' '.join(command)}` ended by itself (exit code {program.returncode}).\n"
                    )
                    return 1
        return 0
    finally:
        _end(programs)
        os.close(held)


def watch_lifeline() -> None:
    """End this process when the one that started it has ended without saying so."""
    if descriptor := os.environ.pop(LIFELINE, None):
        threading.Thread(target=_end_with_starter, args=[int(descriptor)], daemon=True).start()


def _end_with_starter(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _end(programs: Sequence[subprocess.Popen[bytes]]) -> None:
    for program in programs:
        if program.poll() is None:
            program.terminate()
    deadline = time.monotonic() + SECONDS_TO_END
    for program in programs:
        try:
            program.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
