"""File parts of a multipart body, taken from one file on disk to others without holding them in memory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from dotdigital_sandbox.folder import new_file

PIECE = 256 * 1024


class BrokenMultipart(Exception):
    """The body is no multipart, or ends too early."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """One part: its file name (empty when it had none) and where its content was put."""

    name: str
    path: Path


class _Parts:
    """Collects the parts while the parser goes over the body."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._file: BinaryIO | None = None
        self.parts: list[FilePart] = []
        self.complete = False

    def on_part_begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        part = FilePart(
            _file_name(self._headers.get(b"content-disposition", b"")), self._folder / f"{uuid.uuid4()}.part"
        )
        self.parts.append(part)
        self._file = new_file(part.path)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(memoryview(data)[start:end])

    def on_part_end(self) -> None:
        self.close()

    def on_end(self) -> None:
        self.complete = True

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def _file_name(disposition: bytes) -> str:
    """The name of a part's file; some clients write one that is not ASCII as ``filename*`` alone (RFC 8187)."""
    _, options = parse_options_header(disposition)
    if plain := options.get(b"filename"):
        return plain.decode("utf-8", "replace")
    message = Message()
    message["Content-Disposition"] = disposition.decode("latin-1")
    return message.get_filename() or ""


def file_parts(body: Path, media_type: str, folder: Path) -> list[FilePart]:
    """The parts of the body, each put into a new file of the folder; raises :class:`BrokenMultipart`."""
    _, options = parse_options_header(media_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BrokenMultipart
    parts = _Parts(folder)
    names = [name for name in dir(parts) if name.startswith("on_")]
    parser = MultipartParser(boundary, callbacks={name: getattr(parts, name) for name in names})  # type: ignore[arg-type]
    try:
        with body.open("rb") as file:
            while piece := file.read(PIECE):
                parser.write(piece)
        parser.finalize()
    except MultipartParseError as error:
        _discard(parts)
        raise BrokenMultipart from error
    finally:
        parts.close()
    if not parts.complete:
        _discard(parts)
        raise BrokenMultipart
    return parts.parts


def _discard(parts: _Parts) -> None:
    parts.close()
    for part in parts.parts:
        part.path.unlink(missing_ok=True)
