"""The shop's project as its own programs see it: a database of its own, and an account to work with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount
from tests.platform.place import OURS

FOLDER = Path(__file__).resolve().parent
SET_UP = "import json, django; django.setup()\n"


class ShopFloor:
    """A shop with a migrated database; `settings` says which admin it has."""

    def __init__(self, database: dict[str, str], sandbox: Sandbox) -> None:
        self.database, self.sandbox = database, sandbox
        self.remote = RemoteAccount(sandbox)
        self.settings = "project.settings"

    def environment(self, **more: str) -> dict[str, str]:
        """What the shop's programs are started with: nothing of the standalone product's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        own = {f"SHOP_DATABASE_{name}": value for name, value in self.database.items()}
        return {
            **inherited,
            **own,
            "SHOP_API_ORIGINS": self.sandbox.url,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "COLUMNS": "200",
            **more,
        }

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Python with these words, in the shop's folder, to its end."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=FOLDER,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Python with these words, in the shop's folder; what it writes is thrown away."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [sys.executable, *words], cwd=FOLDER, env=self.environment(), stdout=quiet, stderr=quiet, text=True
        )

    def manage(self, *words: str, code: int = 0, **more: str) -> str:
        """What `manage.py` prints; AssertionError when it ends with another exit code."""
        done = self.run("manage.py", *words, **more)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def ask(self, code: str, **more: str) -> Any:
        """The value that this code, with Django ready, gives to `tell`."""
        done = self.run("-c", f"{SET_UP}tell = lambda value: print(json.dumps(value, default=str))\n{code}", **more)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None
