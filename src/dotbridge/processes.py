"""The programs that make up a running back office, started and ended together."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

import structlog

from dotbridge.config import ConfigError

log = structlog.get_logger(__name__)

LIFELINE = "DOTBRIDGE_LIFELINE"
# A run at work notes where it is after every page, so it may be ended; this is for it to end tidily.
SECONDS_TO_FINISH = 10
SECONDS_TO_END = SECONDS_TO_FINISH + 5
# A worker says every ten seconds that it is alive; one that was silent for so long is dead.
SILENT_SECONDS = 30
FIRST_PAUSE = 1.0


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
    """Run these `dotbridge` commands until somebody asks to stop, then end all. Answers the exit code.

    One that ends by itself, or is killed, is started again after a pause; the others go on meanwhile. The programs
    notice through a pipe when this one is killed, so that none of them is left behind.
    """
    lifeline, held = os.pipe()
    os.set_inheritable(lifeline, True)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    parts = [_Part(command, lifeline) for command in commands]
    try:
        while not stopping.wait(0.2):
            for part in parts:
                part.keep_running()
        return 0
    finally:
        _end([part.program for part in parts])
        os.close(held)
        os.close(lifeline)


class Pauses:
    """How many seconds to wait before something is tried again: longer each time, short again after it went well."""

    def __init__(self, *, longest: float = 30) -> None:
        self._longest = longest
        self._next = FIRST_PAUSE

    def next(self) -> float:
        """The pause to make now; the one after it is twice as long."""
        now, self._next = self._next, min(self._next * 2, self._longest)
        return now

    def went_well_for(self, seconds: float) -> None:
        """What was tried did its work for so long before it failed."""
        if seconds > self._longest:
            self._next = FIRST_PAUSE


class _Part:
    """One of the programs that run together."""

    def __init__(self, command: Sequence[str], lifeline: int) -> None:
        self._command, self._lifeline = command, lifeline
        self._pauses = Pauses()
        self._due: float | None = None
        self._start()

    def keep_running(self) -> None:
        """Start it again when it has ended and its pause is over."""
        now = time.monotonic()
        if self._due is not None:
            if now >= self._due:
                self._start_again(now)
        elif self.program.poll() is not None:
            self._pauses.went_well_for(now - self._started)
            pause = self._pauses.next()
            self._due = now + pause
            log.warning("part ended, will be started again", **self._end_in_words(), seconds=pause)

    def _start_again(self, now: float) -> None:
        try:
            self._start()
        except OSError as error:
            # No memory, no process left, or an upgrade that is at work on our files: the others go on meanwhile.
            pause = self._pauses.next()
            self._due = now + pause
            reason = error.strerror
            log.warning("part could not be started", part=" ".join(self._command), reason=reason, seconds=pause)

    def _start(self) -> None:
        self._due, self._started = None, time.monotonic()
        self.program = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "dotbridge.cli", *self._command],
            env={**os.environ, LIFELINE: str(self._lifeline)},
            pass_fds=[self._lifeline],
        )

    def _end_in_words(self) -> dict[str, str | int]:
        code = self.program.returncode
        how: dict[str, str | int] = {"signal": _name_of_signal(-code)} if code < 0 else {"exit_code": code}
        return {"part": " ".join(self._command), **how}


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Most of the real-time ones have no name.
        return str(number)


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


def keep_what_is_loaded() -> None:
    """Tell Python's collector that what is loaded by now stays as long as the process.

    It need not go through all of it whenever something makes much anew: that took a tenth of a run's own time, and a
    tenth of a second of a page.
    """
    gc.collect()
    gc.freeze()
