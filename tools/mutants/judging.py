"""Runs tests on a slip: in a copy of the source of one's own, in a process that has what is not ours imported already.

To start Python, pytest and Django and to make a database takes longer than most tests. So processes are forked from
one that has imported them, what is ours is compiled once, and the test database is a copy of a migrated one.
Nothing that is ours may be imported by this module: a fork would go on with what has no slip in it.
"""

from __future__ import annotations

import compileall
import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

TEMPLATE = "template_mutants"
SECONDS_A_SLIP = 600
# As pytest answers: what was asked for cannot be, or there was nothing to be run.
SUCCEEDED, NOT_RUN = 0, (4, 5)
# Nothing that imports what is ours. Those that are not installed are passed by.
IMPORTED = [
    *(
        "pytest",
        "hypothesis",
        "schemathesis",
        "playwright.sync_api",
        "faker",
        "xdist",
        "pytest_timeout",
        "pytest_django",
    ),
    *("django.contrib.admin", "django.db.models", "django.test", "django.core.management", "psycopg", "msgspec"),
    *("httpx2", "cryptography.fernet", "openpyxl", "phonenumbers", "nameparser", "email_validator", "structlog"),
    *("starlette.applications", "uvicorn", "typer", "rich.console", "babel", "procrastinate", "time_machine"),
]

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(IMPORTED)


class Bench:
    """One copy of the source, in which one slip at a time is made and judged."""

    def __init__(self, root: Path) -> None:
        """Take a copy of the source as it is now: whoever goes on working does not disturb."""
        self._root = root
        self._folder = Path(tempfile.mkdtemp(prefix="mutants"))
        self._source = self._folder / "src"
        shutil.copytree(root / "src", self._source)
        compileall.compile_dir(self._source, quiet=1)

    def close(self) -> None:
        """Take the copy away."""
        shutil.rmtree(self._folder)

    def notices(self, path: Path, text: str, tests: list[str], *, is_migrated: bool) -> bool:
        """Whether one of these tests fails when a file of the source has this text.

        Where the database `is_migrated` by it, one is made anew. Raises RuntimeError when the tests cannot be run.
        """
        copy = self._source / path.relative_to(self._root / "src")
        former, times = copy.read_bytes(), copy.stat()
        copy.write_text(text, encoding="utf-8")
        try:
            answer = self._run(tests, template="" if is_migrated else TEMPLATE)
        finally:
            copy.write_bytes(former)
            # What was compiled of it holds again.
            os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
        # Whatever else ends them, such as a call that never comes back, is the slip's doing.
        if answer in NOT_RUN:
            raise RuntimeError(f"the tests could not be run: {self._log.read_text(encoding='utf-8')[-2000:]}")
        return answer != SUCCEEDED

    @property
    def _log(self) -> Path:
        return self._folder / "log.txt"

    def _run(self, tests: list[str], *, template: str) -> int | None:
        process = _processes.Process(target=_test, args=(self._root, self._source, self._log, tests, template))
        process.start()
        process.join(SECONDS_A_SLIP)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        return process.exitcode


def _test(root: Path, source: Path, log: Path, tests: list[str], template: str) -> None:
    # A group of its own, which ends with it whatever it has started.
    os.setsid()
    with log.open("wb") as writing:
        for stream in (1, 2):
            os.dup2(writing.fileno(), stream)
    os.chdir(root)
    # What stands there goes before what is installed, in programs that tests start as well.
    sys.path[:0] = [str(source)]
    os.environ |= {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", "DOTBRIDGE_TESTS_TEMPLATE": template}
    sys.dont_write_bytecode = True
    answer = pytest.main(["-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", *tests])
    sys.stdout.flush()
    os._exit(int(answer))
