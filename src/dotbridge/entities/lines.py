"""The lines of a host's code that our texts name, so that whoever reads one knows where to mend it."""

from __future__ import annotations

import sys
from pathlib import Path


def line_of_caller() -> str:
    """File and line of the caller of the function that asks: "shop/list_entities.py:12"."""
    frame = sys._getframe(2)  # noqa: SLF001 - Python's documented way to ask who calls
    return f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}"


def _short(filename: str) -> str:
    """The path from the working folder, where it lies below that."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
