"""`make demo` and `make test` work on a machine that has no more than the README asks for.

The kind: what the machine of whoever wrote it happened to have. Seen: tests that needed uv on the PATH, a home folder
that nobody may write to, a umask that hides the database's libraries from the database's user, a checkout below a
folder with a space in its name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT, ForeignProgram

# What the scripts and the Makefile may call. All of it is part of any POSIX system, but for mktemp, which all have.
OF_THE_SYSTEM = ("sh", "sed", "expand", "rm", "dirname", "mktemp", "ln", "touch", "mkdir")
PYTHON_WITHOUT_A_NET = """#!/bin/sh
[ "$1" = -m ] || exit 0
mkdir -p "$3/bin"
echo 'echo "echo uv \\$*" >"${0%pip}uv"; chmod +x "${0%pip}uv"' >"$3/bin/pip"
chmod +x "$3/bin/pip"
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with a space in its name that serves as the PATH: make and the system's programs, and no others."""
    folder = tmp_path / "bare machine"
    folder.mkdir()
    for name in ("make", *OF_THE_SYSTEM):
        found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(*words: str | Path, path: str | Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=cwd, env={"PATH": str(path), **more}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", ["uv", "node", "git", "psql", "/usr/bin/env"])
def test_no_test_starts_a_program_that_the_machine_happens_to_have(name: str) -> None:
    with pytest.raises(ForeignProgram, match=f"{name} is not installed by this project"):
        subprocess.run([name, "--version"], check=False)


def test_without_uv_on_the_path_the_project_installs_its_own(bare: Path, tmp_path: Path) -> None:
    chmod = shutil.which("chmod")
    assert chmod
    (bare / "chmod").symlink_to(chmod)  # for the stand-in, not for the script
    program(bare / "python3", PYTHON_WITHOUT_A_NET)
    done = run(ROOT / "tools" / "install-environment", "python3", "--no-dev", path=bare, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Installing into .venv ...",
        "uv sync --quiet --frozen --inexact --all-extras --python python3 --no-dev",
    ]
    assert (tmp_path / ".uv" / "bin" / "uv").exists()


def test_the_lock_file_brings_the_uv_that_tests_use() -> None:
    assert Path(sys.executable).with_name("uv").exists()


@pytest.mark.parametrize(("home", "kept"), [("{own}", True), ("/dev/null/none", False), ("/nowhere", False)])
def test_a_home_that_cannot_be_written_to_is_replaced(bare: Path, tmp_path: Path, home: str, kept: bool) -> None:
    home = home.format(own=tmp_path)
    done = run("make", "-s", '--eval=show: ; @echo "$$HOME"', "show", path=bare, HOME=home)
    assert done.stdout.strip() == (home if kept else str(ROOT / ".dotbridge" / "home")), done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One below a folder with a space in its name: all is installed there, and its pytest says what it was given."""
    checkout = tmp_path / "my projects" / "dotbridge"
    (checkout / "tools").mkdir(parents=True)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock", ".venv/.ready-dev"):
        (checkout / name).touch()
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, checkout)
    program(checkout / "tools" / "install-chromium", "#!/bin/sh\n")
    program(checkout / ".venv" / "bin" / "python", "#!/bin/sh\n")
    said = '"data=$DOTBRIDGE_DATA_DIR" "zone=${DOTBRIDGE_TIME_ZONE-unset}" "database=$DATABASE_URL"'
    program(checkout / ".venv" / "bin" / "pytest", f"#!/bin/sh\nprintf '%s\\n' {said}\n")
    return checkout


@pytest.mark.parametrize("target", ["test", "soak"])
def test_a_checkout_below_a_folder_with_a_space(bare: Path, checkout: Path, target: str) -> None:
    done = run("make", "-s", target, path=bare, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"data={checkout}/.dotbridge/tests", "zone=", "database="]


@pytest.mark.parametrize("target", ["test", "soak"])
def test_the_settings_of_an_office_are_not_those_of_the_tests(bare: Path, checkout: Path, target: str) -> None:
    """An empty variable also hides a line of `.env`. A database server is used where somebody names it in the shell."""
    office = {
        "DOTBRIDGE_TIME_ZONE": "Pacific/Chatham",
        "DOTBRIDGE_DATA_DIR": "/srv/office",
        "DATABASE_URL": "p://u:a b@h/d",
    }
    done = run("make", "-s", target, path=bare, cwd=checkout, **office)
    assert done.stdout.splitlines() == [f"data={checkout}/.dotbridge/tests", "zone=", "database=p://u:a b@h/d"]


class TestCi:
    """`.ci/run`, with a make that says what it was given."""

    def run(self, tmp_path: Path, *, failing: str = "none") -> subprocess.CompletedProcess[str]:
        generous = tmp_path / "generous"
        generous.mkdir()
        (generous / "python3").symlink_to(sys.executable)
        for name in ("uv", "node", "git", "chromium"):
            program(generous / name, "#!/bin/sh\n")
        program(
            generous / "make",
            '#!/bin/sh\necho "make $*"\n'
            'for name in uv node chromium; do echo "$1 $name $(command -v $name)"; done\n'
            'for name in git make python3; do command -v $name >/dev/null || echo "$1 $name is missing"; done\n'
            f'"$PYTHON" -c "import sys; print(sys.prefix == sys.base_prefix)"\n[ "$1" != {failing} ]\n',
        )
        path = f"{generous}{os.pathsep}/usr/local/bin:/usr/bin:/bin"
        return run(ROOT / ".ci" / "run", path=path, cwd=tmp_path)

    def test_what_the_owner_of_the_machine_installed_is_not_there(self, tmp_path: Path) -> None:
        done = self.run(tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert str(tmp_path) not in done.stdout
        assert "missing" not in done.stdout
        assert [line for line in done.stdout.splitlines() if line in {"True", "False"}] == ["True", "True"]

    @pytest.mark.parametrize(("failing", "reached"), [("lint", ["lint"]), ("test", ["lint", "test"])])
    def test_what_fails_fails_it(self, tmp_path: Path, failing: str, reached: list[str]) -> None:
        done = self.run(tmp_path, failing=failing)
        assert done.returncode != 0
        assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("make ")] == reached

    def test_what_the_tests_reach_is_measured(self, tmp_path: Path) -> None:
        assert "make test" in self.run(tmp_path).stdout.splitlines()
