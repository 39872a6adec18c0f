"""The walk for a host's developer, as the page says it: every file and every command, in an empty environment.

The kind: a page that was true once. The second place is the wheel: what is not in it, or not in its extras, is missed
here and nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.platform.place import OURS, free_port, own_folder, until
from tests.programs import ROOT

PAGE = ROOT / "docs" / "host-your-own-models.md"
BLOCK = re.compile(r"^```(python|sh)( in the background)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# file: (\S+?)(, at its end)?\n")
UV = Path(sys.executable).with_name("uv")
# A run of the suite in parallel must not build it once for each process.
pytestmark = pytest.mark.xdist_group("wheel")


class Walk:
    """A folder, and what the page has done in it so far."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.port = free_port()
        self.said: dict[str, str] = {}
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this project's, and no settings of anybody's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "VIRTUAL_ENV"))}
        return inherited | {"COLUMNS": "200", "NO_COLOR": "1"}

    def write(self, text: str) -> bool:
        """Write the file that a block names. False when it names none."""
        if (named := FILE.match(text)) is None:
            return False
        path = self.folder / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if named[2] else ""
        path.write_text(before + self._here(text))
        return True

    def run(self, line: str) -> None:
        """Run one command to its end; AssertionError when it fails."""
        done = subprocess.run(
            ["sh", "-c", self._here(line)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        self.said[line] = done.stdout
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def start(self, line: str) -> None:
        """Start a command that goes on."""
        quiet = subprocess.DEVNULL
        words = self._here(line).split()
        self.started.append(
            subprocess.Popen(
                [str(self.folder / words[0]), *words[1:]],
                cwd=self.folder,
                env=self.environment,
                stdout=quiet,
                stderr=quiet,
            )
        )
        until((self.folder / "var" / "sandbox").exists)

    def end(self) -> None:
        """End what was started, and wait until the database has ended by itself."""
        for program in self.started:
            program.terminate()
            program.wait(30)
        until(lambda: not any(str(self.folder) in " ".join(each.info["cmdline"] or ()) for each in processes()))

    def _here(self, text: str) -> str:
        """The page's words, with the wheel in place of the registry, and a port that is free."""
        if "pip install" in text:
            return f"'{UV}' pip install --quiet --python venv/bin/python 'dotbridge[app] @ {self.wheel().as_uri()}'"
        if "-m venv" in text:
            return f"'{UV}' venv --quiet --python '{self.python}' venv"
        return text.replace("8099", str(self.port)).replace("sandbox serve", f"sandbox serve --port {self.port}")

    def wheel(self) -> Path:
        """The wheel, built of this checkout."""
        folder = self.folder / "dist"
        build = [UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", folder, ROOT]
        subprocess.run([str(word) for word in build], check=True, timeout=120)
        (found,) = folder.glob("*.whl")
        return found


def processes() -> Iterator[psutil.Process]:
    """All that run, with their command lines."""
    return psutil.process_iter(["cmdline"])


def newer_python() -> str | None:
    """Another Python of this machine, which the newest Django runs on: on the PATH, or beside ours, where pyenv puts
    them."""
    beside = sorted(Path(sys.base_prefix).parent.glob("3.1[2-4].*/bin/python3"))
    return next(
        filter(None, map(shutil.which, ["python3.14", "python3.13", "python3.12", *map(str, beside[::-1])])), None
    )


@pytest.fixture(params=["this Python", "the newest Django"])
def walk(request: pytest.FixtureRequest) -> Iterator[Walk]:
    python = sys.executable if request.param == "this Python" else newer_python()
    if python is None:
        pytest.skip("The newest Django needs Python 3.12, and this machine has none.")
    with own_folder() as folder:
        found = Walk(folder, python)
        try:
            yield found
        finally:
            found.end()


# Most of it is the installation, whose time is the disk's.
@pytest.mark.timeout(600)
def test_the_page_does_what_it_says(walk: Walk) -> None:
    for language, in_background, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "python":
            written = walk.write(text)
            assert written or "class Archive" in text
        for line in text.splitlines() if language == "sh" else ():
            (walk.start if in_background else walk.run)(line)
    assert "no issues" in walk.said["venv/bin/python manage.py check"]
    planned = json.loads(walk.said["venv/bin/python manage.py dotbridge export --dry-run --json"])
    assert planned["list"] == "Buyers"
    assert "Taken out" in walk.said["venv/bin/python manage.py dotbridge remove --yes"]
    told = walk.said["venv/bin/python manage.py dotbridge doctor || true"]
    assert "PostgreSQL 18, embedded" in told
    assert "triggers note changes of shop_customer" in told
