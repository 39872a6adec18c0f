"""The make targets and the scripts behind them, as far as they go without installing anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # The make that runs the tests would hand its own words down to the makes of the tests.
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "COVERAGE"}}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_target() -> None:
    done = run("make", "--no-print-directory", "help")
    named = [line.split()[0] for line in done.stdout.splitlines()]
    everything = "help demo stop serve test soak lint mutants screenshots bench clean"
    assert named == everything.split()


@pytest.mark.parametrize(("once", "option"), [("", ""), ("ONCE=0", ""), ("ONCE=1", " --once"), ("ONCE=yes", " --once")])
def test_once_is_handed_over(once: str, option: str) -> None:
    done = run(
        "make", "--no-print-directory", "--dry-run", "--assume-old=.venv/.ready", "demo", *([once] if once else [])
    )
    assert done.stdout.rstrip().endswith(f"dotbridge demo{option}")


@pytest.mark.parametrize(("coverage", "measured"), [("", False), ("COVERAGE=0", False), ("COVERAGE=1", True)])
def test_what_the_tests_reach_is_measured_and_held_where_that_is_asked_for(coverage: str, measured: bool) -> None:
    asked = [coverage] if coverage else []
    done = run("make", "--no-print-directory", "--dry-run", "--assume-old=.venv/.ready-dev", "test", *asked)
    assert "pytest" in done.stdout
    assert ("--cov " in done.stdout) == ("check_coverage.py" in done.stdout) == measured


@pytest.mark.parametrize("body", ["exit 1", "exit 127"], ids=["too old", "missing"])
def test_a_wrong_python_is_one_line(tmp_path: Path, body: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{body}\n")
    python.chmod(0o755)
    done = run(str(ROOT / "tools" / "install-environment"), str(python), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"PYTHON={python} is not Python 3.11 or newer; name one that is: make PYTHON=python3.12 ...\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["python"]


def test_this_python_is_accepted_and_uv_is_given_the_rest(tmp_path: Path) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text('#!/bin/sh\necho "$@"\n')
    uv.chmod(0o755)
    done = subprocess.run(
        [ROOT / "tools" / "install-environment", sys.executable, "--no-dev"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{uv.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    last = done.stdout.splitlines()[-1]
    assert last == f"sync --quiet --frozen --inexact --all-extras --python {sys.executable} --no-dev"


COVERED = """
def sign(number):
    if number > 0:
        return 1
    return 0
"""


@pytest.mark.parametrize(
    ("numbers", "limit", "code", "text"),
    [
        ("[1, -1]", "pack=90", 0, "pack: 100.0 % of 2 branches covered, at least 90 % wanted"),
        ("[1]", "pack=90", 1, "pack: 50.0 % of 2 branches covered, at least 90 % wanted"),
        ("[1]", "pack=50", 0, "pack: 50.0 % of 2 branches covered, at least 50 % wanted"),
        ("[1]", "absent=1", 1, "absent: nothing was measured"),
    ],
)
def test_coverage_below_the_limit_fails(tmp_path: Path, numbers: str, limit: str, code: int, text: str) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "sign.py").write_text(COVERED)
    (tmp_path / "use.py").write_text(f"from pack.sign import sign\n[sign(number) for number in {numbers}]\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    measure = [sys.executable, "-m", "coverage", "run", "--branch", "--source=pack", "use.py"]
    subprocess.run(measure, cwd=tmp_path, env=environment, check=True, timeout=60)
    check = [sys.executable, str(ROOT / "tools" / "check_coverage.py"), limit]
    done = subprocess.run(check, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (code, text)
