"""Request bodies: JSON values, and files streamed from disk in either encoding of contract §4.6."""

from __future__ import annotations

import base64
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from dotdigital.drafts import encode
from dotdigital.errors import Rejected

MAX_IMPORT_BYTES: Final = 50 * 1024 * 1024
# A multiple of three, so that each piece of base64 stands on its own.
_CHUNK: Final = 3 * 64 * 1024


class Body(Protocol):
    """A request body that can be sent more than once."""

    content_type: str
    length: int

    def chunks(self) -> Iterator[bytes]:
        """Yields the body from its beginning."""
        ...


class JsonBody:
    """A value as JSON, ready in memory."""

    content_type = "application/json"

    def __init__(self, value: object) -> None:
        self._data = encode(value)
        self.length = len(self._data)

    def chunks(self) -> Iterator[bytes]:
        """Yields the body, in one piece."""
        yield self._data


class FileBody:
    """One file for an import: ``multipart`` or ``json`` with base64 (contract §4.6); never in memory as a whole.

    ``file`` is a path or a seekable binary file, read from where it stands. Raises ValueError for a file that cannot
    seek and Rejected for one above 50 MB (contract §2.2).
    """

    def __init__(self, file: BinaryIO | Path, *, file_name: str, encoding: str) -> None:
        self._file = file
        self._start, self._size = _extent(file)
        check_size(self._size)
        if encoding == "multipart":
            self._as_multipart(file_name)
        elif encoding == "json":
            self._as_json(file_name)
        else:
            raise ValueError(f"encoding is {encoding!r}: use 'multipart' or 'json'")
        self.length = len(self._before) + self._encoded_size + len(self._after)

    def chunks(self) -> Iterator[bytes]:
        """Yields the body piece by piece, reading the file from where it stood. Raises Rejected if it has shrunk."""
        yield self._before
        with _opened(self._file, self._start) as source:
            left = self._size
            while left:
                piece = _read_exactly(source, min(_CHUNK, left))
                left -= len(piece)
                yield base64.b64encode(piece) if self._base64 else piece
        yield self._after

    def _as_multipart(self, file_name: str) -> None:
        boundary = f"dotdigital-{os.urandom(16).hex()}"
        # The part needs a filename or the service answers "file must be valid" (contract §4.6).
        name = file_name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        self._before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: text/csv\r\n\r\n"
        ).encode()
        self._after = f"\r\n--{boundary}--\r\n".encode()
        self._base64, self._encoded_size = False, self._size
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def _as_json(self, file_name: str) -> None:
        self._before = b'{"fileName":' + msgspec.json.encode(file_name) + b',"data":"'
        self._after = b'"}'
        self._base64, self._encoded_size = True, (self._size + 2) // 3 * 4
        self.content_type = "application/json"


class LinesBody:
    """A file of JSON values, one a line, sent as a JSON list with something around it; never in memory as a whole.

    ``file`` is a path or a seekable binary file, read from where it stands. Its lines end with a newline alone, the
    last one perhaps without. Raises ValueError for a file that is empty or cannot seek, and Rejected above 50 MB.
    """

    content_type = "application/json"

    def __init__(self, file: BinaryIO | Path, *, before: bytes, after: bytes) -> None:
        self._file = file
        self._before, self._after = before, after
        self._start, self._size = _extent(file)
        if self._size:
            with _opened(file, self._start + self._size - 1) as source:
                self._size -= _read_exactly(source, 1) == b"\n"
        if not self._size:
            raise ValueError("there is nothing to import: give at least one line")
        self.length = len(before) + self._size + len(after)
        check_size(self.length)

    def chunks(self) -> Iterator[bytes]:
        """Yields the body piece by piece, reading the file from where it stood. Raises Rejected if it has shrunk."""
        yield self._before
        with _opened(self._file, self._start) as source:
            left = self._size
            while left:
                piece = _read_exactly(source, min(_CHUNK, left))
                left -= len(piece)
                # Within a JSON value a line end is written as an escape: each newline stands between two values.
                yield piece.replace(b"\n", b",")
        yield self._after


@contextmanager
def _opened(file: BinaryIO | Path, at: int) -> Generator[BinaryIO, None, None]:
    """Opens the file, or takes the open one, at a place; an open one stays open and where it was put."""
    with ExitStack() as stack:
        source = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        source.seek(at)
        yield source


def check_size(size: int) -> None:
    """Raises Rejected for an import that is larger than the service takes (contract §2.2)."""
    if size > MAX_IMPORT_BYTES:
        raise Rejected(
            f"The import has {size} bytes; Dotdigital takes at most {MAX_IMPORT_BYTES}. Send it in parts.",
            detail=f"import of {size} bytes",
            code="FILE_TOO_LARGE",
        )


def _extent(file: BinaryIO | Path) -> tuple[int, int]:
    """Answers where the file starts and how many bytes follow. Raises TypeError for what holds no bytes."""
    if isinstance(file, Path):
        return 0, file.stat().st_size
    # Not only strict type checkers are told: a text has other lengths in bytes, which shows in the middle of a request.
    if not hasattr(file, "read") or not isinstance(file.read(0), bytes):
        raise TypeError(f"file is a {type(file).__name__}: give a pathlib.Path, or a file opened with 'rb'")
    if not file.seekable():
        raise ValueError("file cannot seek: give a path or a file that can be read again from its start")
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return start, end - start


def _read_exactly(source: BinaryIO, size: int) -> bytes:
    """Answers exactly ``size`` bytes: base64 can only be cut at multiples of three, and unbuffered files read short."""
    piece = source.read(size)
    while len(piece) < size:
        more = source.read(size - len(piece))
        if not more:
            raise Rejected(
                "The file became shorter while it was being uploaded; nothing was imported. Upload it again.",
                detail="import file shrank during the upload",
                code="FILE_CHANGED",
            )
        piece += more
    return piece
