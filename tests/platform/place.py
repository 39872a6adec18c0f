"""A place for real `dotbridge` programs: a data folder, free ports, and a check that nothing stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from django.db import connection
from psycopg import sql

OURS = ("DOTBRIDGE_", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that goes away. Not pytest's: each test run locks those up, also for the database's user of others."""
    with tempfile.TemporaryDirectory(prefix="dotbridge-test-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait for it; AssertionError when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.03)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Place:
    """A folder to work in, with a data folder below it."""

    def __init__(self, folder: Path, data: str = "data") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.data_dir = self.folder / data
        self.port, self.sandbox_port = free_port(), free_port()
        self.started: list[subprocess.Popen[str]] = []

    def environment(self, **settings: str | Path | int) -> dict[str, str]:
        """What a program here gets: this process's environment without its settings, and those named."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        own = {
            "DOTBRIDGE_DATA_DIR": self.data_dir,
            "DOTBRIDGE_PORT": self.port,
            "DOTBRIDGE_SANDBOX_PORT": self.sandbox_port,
        }
        return inherited | {name: str(value) for name, value in (own | settings).items()}

    def run(self, *words: str, seconds: float = 120, **settings: str | Path | int) -> subprocess.CompletedProcess[str]:
        """Run `dotbridge` with these words to its end."""
        return subprocess.run(
            [dotbridge(), *words],
            env=self.environment(**settings),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *words: str, **settings: str | Path | int) -> subprocess.Popen[str]:
        """Start `dotbridge` with these words; what it writes goes to the file `output` in the folder."""
        return self.start_program([dotbridge(), *words], **settings)

    def python(self, code: str, *words: str, **settings: str | Path | int) -> subprocess.Popen[str]:
        """Start a Python program."""
        return self.start_program([sys.executable, "-c", code, *words], **settings)

    def start_program(self, command: list[str], **settings: str | Path | int) -> subprocess.Popen[str]:
        with (self.folder / "output").open("a") as output:
            program = subprocess.Popen(
                command,
                env=self.environment(**settings),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
            )
        self.started.append(program)
        return program

    @property
    def output(self) -> str:
        """All that started programs wrote."""
        path = self.folder / "output"
        return path.read_text() if path.exists() else ""

    def left(self) -> list[psutil.Process]:
        """The programs that work for this data folder: database server, its keeper, sandbox."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "status"])
            if any(str(self.data_dir) in word for word in process.info["cmdline"] or [])
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def servers(self) -> list[psutil.Process]:
        """The database servers of this data folder: one or none."""
        return [process for process in self.left() if words(process)[1:2] == ["-D"]]

    def close(self) -> None:
        """End what was started; AssertionError when something of it stays all the same."""
        for program in self.started:
            program.kill()
            program.wait()
            assert program.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                program.stdin.close()
        for process in self.left():
            if "dotdigital_sandbox" in words(process):
                process.send_signal(signal.SIGTERM)
        try:
            until(lambda: not self.left())
        finally:
            for process in self.left():
                process.kill()


@contextlib.contextmanager
def away_database(name: str, *, but_for: int = 0, **server: str) -> Iterator[None]:
    """During the block the database refuses everybody, and has ended those who were connected but for one of them."""
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as link:
        database = sql.Identifier(name)
        link.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        try:
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
                [name, but_for],
            )
            yield
        finally:
            link.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))


def url_of_test_database() -> str:
    """The tests' own database, as a program that they start is told of it."""
    found = connection.settings_dict
    password = f":{quote(found['PASSWORD'], safe='')}" if found["PASSWORD"] else ""
    where = f"{quote(found['USER'])}{password}@:{found['PORT'] or 5432}/{found['NAME']}"
    return f"postgresql://{where}?host={quote(found['HOST'], safe='')}"


def dotbridge() -> str:
    """The installed command."""
    return str(Path(sys.executable).with_name("dotbridge"))


def children(program: subprocess.Popen[str]) -> list[psutil.Process]:
    """The `dotbridge` programs that it runs: web and worker, not the database's keeper or the sandbox."""
    return [process for process in psutil.Process(program.pid).children() if "dotbridge.cli" in words(process)]


def words(process: psutil.Process) -> list[str]:
    """Its command line; empty when it has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
