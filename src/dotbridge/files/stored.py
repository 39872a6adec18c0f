"""A file that waits to be loaded, kept in the database and read from there as if it were open."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from dotbridge.files.models import FileLoad, FilePiece

PIECE = 1024**2


def is_kept(load: FileLoad) -> bool:
    """Whether the file is still here."""
    return FilePiece.objects.filter(load=load).exists()


@contextmanager
def opened(load: FileLoad) -> Iterator[BinaryIO]:
    """The kept file, of which only the pieces that are read are fetched. Not for reading while rows are copied."""
    with io.BufferedReader(_KeptFile(load), buffer_size=PIECE) as file:
        # It can be read and sought in, which is all that a source asks of a file.
        yield cast("BinaryIO", file)


@contextmanager
def copied(load: FileLoad) -> Iterator[BinaryIO]:
    """The kept file as a temporary one on this machine, gone at the end of the block."""
    with opened(load) as kept, tempfile.TemporaryFile(prefix="dotbridge-load-") as file:
        while piece := kept.read(PIECE):
            file.write(piece)
        file.seek(0)
        yield file


class _KeptFile(io.RawIOBase):
    """The pieces as one stream of bytes."""

    def __init__(self, load: FileLoad) -> None:
        super().__init__()
        self._load = load
        self._at = 0
        self._piece: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._load.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, begin = divmod(self._at, PIECE)
        part = self._content(number)[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _content(self, number: int) -> bytes:
        if self._piece[0] != number:
            found = FilePiece.objects.filter(load=self._load, number=number).values_list("content", flat=True).first()
            self._piece = (number, bytes(found or b""))
        return self._piece[1]
