"""Programs that are started together end together, whatever happens to the one that started them.

One that ends by itself is started again. That the real ones take up their work again is shown in tests/faults.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import dotbridge
from dotbridge.config import ConfigError
from dotbridge.processes import Pauses, require_free_port
from tests.platform.place import Place, children, free_port, until

# What `run_together` starts is `python -m dotbridge.cli WORD`; here the words are behaviours instead of subcommands.
STARTER = """
import os, sys
from dotbridge import processes
sys.executable = os.environ.get("PYTHON_OF_PARTS", sys.executable)
processes.SECONDS_TO_END = float(sys.argv[1])
sys.exit(processes.run_together([[word] for word in sys.argv[2:]]))
"""
STAND_IN = """
import os, signal, sys, time
from dotbridge.processes import watch_lifeline
word = sys.argv[1]
if word == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    watch_lifeline()
# In one piece: both write to one file.
os.write(1, f"{word} up\\n".encode())
if word == "brief":
    sys.exit(3)
time.sleep(60)
"""


@pytest.fixture
def stand_ins(place: Place) -> Place:
    """A place whose `dotbridge.cli` does as told; everything else of the package is the real one."""
    package = place.folder / "shadow" / "dotbridge"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__path__.append({str(Path(dotbridge.__file__).parent)!r})\n")
    (package / "cli.py").write_text(STAND_IN)
    return place


def start_without_waiting(place: Place, seconds: float, *words: str, **named: Path) -> subprocess.Popen[str]:
    return place.python(STARTER, str(seconds), *words, PYTHONPATH=place.folder / "shadow", **named)


def start(place: Place, seconds: float, *words: str, **named: Path) -> subprocess.Popen[str]:
    program = start_without_waiting(place, seconds, *words, **named)
    until(lambda: all(f"{word} up" in place.output for word in words))
    return program


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_told_to_stop_all_end(stand_ins: Place, number: signal.Signals) -> None:
    program = start(stand_ins, 5, "one", "two")
    both = children(program)
    assert len(both) == 2
    program.send_signal(number)
    assert program.wait(30) == 0
    assert not any(process.is_running() for process in both)


def test_one_that_ends_by_itself_is_started_again_with_longer_pauses_and_named(stand_ins: Place) -> None:
    program = start(stand_ins, 5, "one", "brief")
    (other,) = [process for process in children(program) if process.cmdline()[-1] == "one"]
    began = time.monotonic()
    until(lambda: stand_ins.output.count("brief up") == 3)
    assert time.monotonic() - began > 2.5, "it is not started again at once"
    assert other.is_running()
    assert stand_ins.output.count("part=brief") >= 2
    assert "exit_code=3" in stand_ins.output
    program.terminate()
    assert program.wait(30) == 0
    assert not other.is_running()


# The second has no name on Linux.
@pytest.mark.parametrize(("number", "told"), [(signal.SIGKILL, "SIGKILL"), (40, "40")])
def test_one_that_is_killed_is_started_again_and_named(stand_ins: Place, number: int, told: str) -> None:
    program = start(stand_ins, 5, "one", "two")
    first, second = sorted(children(program), key=lambda process: process.cmdline()[-1])
    first.send_signal(number)
    until(lambda: stand_ins.output.count("one up") == 2)
    assert "part=one" in stand_ins.output
    assert f"signal={told}" in stand_ins.output.replace("'", "")
    assert second.is_running()
    assert "part=two" not in stand_ins.output
    program.terminate()
    assert program.wait(30) == 0


def test_one_that_cannot_be_started_for_a_while_ends_nothing(stand_ins: Place) -> None:
    """As while an upgrade replaces our files, or the machine has no memory left."""
    python = stand_ins.folder / "python"

    def have_python() -> None:
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)

    have_python()
    program = start(stand_ins, 5, "one", "two", PYTHON_OF_PARTS=python)
    first, second = sorted(children(program), key=lambda process: process.cmdline()[-1])
    python.unlink()
    first.kill()
    until(lambda: "part could not be started" in stand_ins.output)
    assert second.is_running()
    have_python()
    until(lambda: stand_ins.output.count("one up") == 2)
    program.terminate()
    assert program.wait(30) == 0


def test_pauses_grow_up_to_the_longest_and_are_short_again_after_it_went_well() -> None:
    pauses = Pauses(longest=5)
    assert [pauses.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    pauses.went_well_for(5)
    assert pauses.next() == 5
    pauses.went_well_for(6)
    assert pauses.next() == 1


def test_when_the_starter_is_killed_none_is_left(stand_ins: Place) -> None:
    program = start(stand_ins, 5, "one", "two")
    both = children(program)
    program.kill()
    program.wait()
    until(lambda: not any(process.is_running() and process.status() != "zombie" for process in both), seconds=30)


def test_one_that_will_not_end_is_killed_in_time(stand_ins: Place) -> None:
    program = start(stand_ins, 0.5, "stubborn", "one")
    both = children(program)
    began = time.monotonic()
    program.terminate()
    assert program.wait(30) == 0
    assert time.monotonic() - began < 20
    assert not any(process.is_running() for process in both)


def test_a_free_port_is_free() -> None:
    require_free_port("DOTBRIDGE_PORT", "127.0.0.1", free_port())


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError) as raised:
            require_free_port("DOTBRIDGE_SANDBOX_PORT", "127.0.0.1", port)
    assert str(raised.value) == (
        f"DOTBRIDGE_SANDBOX_PORT='{port}' cannot be used: "
        "another program listens on it; end that program or choose a free port."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "not a host"])
def test_a_host_that_is_not_here_is_blamed_rather_than_the_port(host: str) -> None:
    with pytest.raises(ConfigError, match=r"^DOTBRIDGE_HOST=.* it must be an address of this machine\.$"):
        require_free_port("DOTBRIDGE_PORT", host, free_port())


def test_this_python_is_the_one_that_runs_the_programs(stand_ins: Place) -> None:
    program = start(stand_ins, 5, "one")
    (child,) = children(program)
    assert psutil.Process(child.pid).cmdline()[:3] == [sys.executable, "-m", "dotbridge.cli"]
    program.terminate()
    assert program.wait(30) == 0
