"""The plugin in somebody's project: which settings the account of a test has, and what is said where it has none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

MARKS = """
import pytest

pytestmark = pytest.mark.dotdigital(seed="demo", switches={"never": None})


@pytest.fixture(scope="session")
def dotdigital_settings():
    return {"low_rate": 7, "switches": {"text_limit": 50, "never": "year-1"}}


class TestTiers:
    pytestmark = pytest.mark.dotdigital(scheme="tiered")

    @pytest.mark.dotdigital(switches={"value_types": "strings"})
    def test_all_marks_count(self, dotdigital_account):
        settings = dotdigital_account.settings
        assert (settings.seed, settings.scheme, settings.low_rate) == ("demo", "tiered", 7)
        switches = settings.switches
        assert (switches.never, switches.text_limit, switches.value_types) == ("null", 50, "strings")

    @pytest.mark.dotdigital(seed="empty", scheme="none", switches=None)
    def test_the_nearest_wins(self, dotdigital_account):
        assert dotdigital_account.get("/v2/contacts") == []


@pytest.mark.parametrize(
    "seed", [pytest.param(each, marks=pytest.mark.dotdigital(seed=each)) for each in ("empty", "demo")]
)
@pytest.mark.dotdigital(seed="demo", scheme="flat")
def test_a_parameter_can_bring_a_mark(dotdigital_account, seed):
    assert dotdigital_account.settings.scheme == "flat"
    assert bool(dotdigital_account.get("/v2/contacts")) == (seed == "demo")
"""
TAKEN = """
import pytest


@pytest.mark.dotdigital(port={port})
def test_never_begun(dotdigital_account):
    pass
"""


def run_pytest(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(tests)
    plugins = [word for name in ("django", "playwright", "xdist") for word in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, "--rootdir", str(folder)]
    without = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [*command, str(folder)], cwd=folder, env=without, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_marks_of_module_class_and_test_are_taken_together(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, MARKS)
    assert "4 passed" in ended.stdout, ended.stdout + ended.stderr


def test_a_port_that_is_taken_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_pytest(tmp_path, TAKEN.format(port=port))
    assert "1 error" in ended.stdout
    assert f"127.0.0.1:{port}" in ended.stdout
    assert "Leave the port out" in ended.stdout
