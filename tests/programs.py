"""Which programs the tests may start: those that the project installs, and the few that the README asks for.

Whatever else a machine happens to have (uv, node, psql, git) would make the tests green there and red elsewhere.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The README asks for make. The others are on every machine; the embedded server's user is made with useradd.
OF_EVERY_MACHINE = {"make", "sh", "sleep", "useradd"}
STARTS = {"subprocess.Popen", "os.exec", "os.posix_spawn"}


class ForeignProgram(FileNotFoundError):
    """A program that the machine happens to have is not found, as on a machine that has it not."""


def refuse_foreign_programs(event: str, details: tuple[Any, ...]) -> None:
    """An audit hook: raises ForeignProgram where another program is about to be started."""
    if event in STARTS and not is_ours(os.fsdecode(details[0])):
        raise ForeignProgram(f"{os.fsdecode(details[0])} is not installed by this project")


def is_ours(program: str) -> bool:
    """Whether every machine has it, or it lies in the environment, in the checkout or in a folder of a test's own."""
    path = Path(program)
    if path.name in OF_EVERY_MACHINE or path.name.startswith("python"):
        return True
    return any(path.is_relative_to(folder) for folder in (sys.prefix, ROOT, tempfile.gettempdir()))
