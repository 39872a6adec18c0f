"""The account's folder: read by its owner alone, and served by one sandbox at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY = 0o600


class FolderInUse(OSError):
    """Another sandbox serves the folder."""


class FolderLock:
    """The right to serve a folder. It ends with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise FolderInUse(f"another sandbox serves it (process {holder or 'unknown'})") from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another sandbox serve the folder."""
        os.close(self._file)


def private_folder(path: Path) -> Path:
    """The folder, made for its owner alone if there is none yet."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """The file, empty if there is none yet, read by its owner alone from now on."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    path.chmod(OWNER_ONLY)
    return path


def new_file(path: Path) -> BinaryIO:
    """A new file to be written, for its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb")
