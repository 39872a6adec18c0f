"""The lines of a host's code that our texts name, so that whoever reads one knows where to mend it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType


def line_of_caller(*, beyond: str) -> str:
    """File and line of whoever called into the file `beyond`: "shop/list_entities.py:12"."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - Python's documented way to ask who calls
    # What Python generates, such as the `__init__` of a dataclass, has no file.
    while frame is not None and (frame.f_code.co_filename == beyond or frame.f_code.co_filename.startswith("<")):
        frame = frame.f_back
    return f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}" if frame is not None else ""


def _short(filename: str) -> str:
    """The path from the working folder, where it lies below that."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
