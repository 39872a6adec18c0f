"""An import's file out of a JSON body, piece by piece, so that a large one costs little memory (contract §4.6)."""

from __future__ import annotations

import base64
import binascii
import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dotdigital_sandbox.folder import new_file

PIECE = 1024 * 1024
_LONGEST_ESCAPE = len("\\u002B")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_OTHERS = bytes(set(range(256)) - set(_ALPHABET))
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NotDecodable(ValueError):
    """The body is JSON, but has no file name, or no data that base64 can have made."""


def unpack(body: Path, target: Path) -> str:
    """Put the file that a body carries at the target, and answer its name.

    Raises :class:`NotDecodable`, or msgspec's DecodeError for what is no JSON object.
    """
    with body.open("rb") as file:
        # Closed when the last view of it goes: an exception on its way out still holds some.
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = 3 if bytes(view[:3]) == b"\xef\xbb\xbf" else 0
    parts = {name.lower(): raw for name, raw in _parts.decode(view[start:]).items()}
    name = msgspec.json.decode(parts.get("filename", b"null"))
    text = memoryview(parts.get("data", b"null"))
    if not isinstance(name, str) or not name or bytes(text[:1]) != b'"':
        raise NotDecodable
    with new_file(target) as out:
        for piece in _decoded(text[1:-1]):
            out.write(piece)
    return name


def _decoded(text: memoryview) -> Iterator[bytes]:
    """The bytes behind a text in base64, whose JSON escapes are still in it; other characters are passed over."""
    rest = b""
    for piece in _plain(text):
        kept = rest + piece
        whole = len(kept) // 4 * 4
        rest = kept[whole:]
        yield _from_base64(kept[:whole])
    if rest:
        yield _from_base64(rest)


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise NotDecodable from error


def _plain(text: memoryview) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        piece = bytes(text[at : at + PIECE])
        # An escape must not be cut in two.
        broken = piece.rfind(b"\\", max(0, len(piece) - _LONGEST_ESCAPE)) if at + PIECE < len(text) else -1
        piece = piece[:broken] if broken > 0 else piece
        at += len(piece)
        if b"\\" in piece:
            piece = msgspec.json.decode(b'"' + piece + b'"', type=str).encode()
        yield piece.translate(None, _OTHERS)
