"""Reading JSON piece by piece: objects while they arrive, each entry of their lists by itself, and what holds an entry
that no parser reads.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

# A row of the service stays well below; what goes on for longer is none.
LONGEST_VALUE: Final = 4 * 1024 * 1024
_MARKS = re.compile(rb'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*"|"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_BLANK: Final = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]+")
_OPENING: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Unreadable(Exception):
    """A body that is not what the operation answers; the reason holds nothing from the body."""


def members(chunks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yields the members of a JSON object as (name, raw JSON); a list yields each of its entries under its name.

    An empty list yields nothing, and so does null. Raises Unreadable for what is no object, is cut or goes on after its
    end, or has an entry beyond 4 MB. What is within a value is not looked at.
    """
    text = _Text(chunks)
    for name in _names(text):
        if text.next_is(b"["):
            for entry in _entries(text):
                yield name, entry
        elif (value := text.value()) != b"null":
            yield name, value


def whole_members(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields the members of a JSON object that is there as a whole, lists and null as they are; else as ``members``."""
    text = _Text(iter([body]))
    for name in _names(text):
        yield name, text.value()


def entries(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the raw entries of a JSON list. Raises Unreadable as ``members``."""
    text = _Text(chunks)
    text.begin(b"[")
    yield from _entries(text)
    text.finish()


def _names(text: _Text) -> Iterator[str]:
    """Yields the name of each member of an object; its value has to be read before the next one is asked for."""
    text.begin(b"{")
    if not text.next_is(b"}"):
        while True:
            name = _name(text.value())
            text.expect(b":")
            yield name
            if text.next_is(b"}"):
                break
            text.expect(b",")
    text.finish()


def _entries(text: _Text) -> Iterator[bytes]:
    if text.next_is(b"]"):
        return
    while True:
        yield from text.entries_at_hand()
        yield text.value()
        if text.next_is(b"]"):
            return
        text.expect(b",")


def _name(raw: bytes) -> str:
    try:
        name = json.loads(raw)
    except ValueError as error:
        raise Unreadable("a member has no readable name") from error
    if not isinstance(name, str):
        raise Unreadable("a member has no name")
    return name


class _Text:
    """What has arrived and was not read yet."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()
        self._at = 0
        self._is_split = False

    def begin(self, mark: bytes) -> None:
        """Passes over this character, and a byte-order mark before it. Raises Unreadable where there is another."""
        while len(self._held) < len(codecs.BOM_UTF8) and self._more(1):
            pass
        if self._held.startswith(codecs.BOM_UTF8):
            self._at = len(codecs.BOM_UTF8)
        self.expect(mark)

    def finish(self) -> None:
        """Raises Unreadable if anything but blanks follows."""
        while True:
            if self._held[self._at :].strip(_BLANK):
                raise Unreadable("the body goes on after its end")
            self._at = len(self._held)
            if not self._more(1):
                return

    def next_is(self, mark: bytes) -> bool:
        """Whether the next character that is no blank is this one; passes over it if so."""
        found = self._peek() == mark[0]
        self._at += found
        return found

    def expect(self, mark: bytes) -> None:
        """Passes over this character. Raises Unreadable where there is another."""
        if not self.next_is(mark):
            raise Unreadable(f"{mark.decode()} was expected")

    def entries_at_hand(self) -> list[bytes]:
        """Answers the next entries of a list as far as they have arrived, but for the last one; none if that is not
        plain to see.

        They are parted all at once, which takes a tenth of the time. What is held is cut where one object seems to end
        and another to begin; if the cut is inside of an entry, the piece is no list.
        """
        end = -1 if self._is_split else self._held.rfind(b"},{", self._at) + 1
        # Not again before there is more, lest each value costs another try.
        self._is_split = True
        if end <= self._at:
            return []
        try:
            entries = _split(b"[" + self._held[self._at : end] + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []
        self._at = end + 1
        return [bytes(each) for each in entries]

    def value(self) -> bytes:
        """Answers the raw JSON of the next value."""
        self._peek()
        while (end := self._end()) is None:
            # At least as much again, so that a long value is not looked through anew for each small piece of it.
            if not self._more(len(self._held) - self._at):
                raise Unreadable("the body is cut")
        value = bytes(memoryview(self._held)[self._at : end])
        self._at = end
        return value

    def _peek(self) -> int:
        while True:
            if blanks := _BLANKS.match(self._held, self._at):
                self._at = blanks.end()
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more(1):
                raise Unreadable("the body is cut")

    def _more(self, size: int) -> bool:
        """Takes in at least so many bytes more; whether there were any."""
        del self._held[: self._at]
        self._at = 0
        if len(self._held) > LONGEST_VALUE:
            raise Unreadable(f"an entry of more than {LONGEST_VALUE} bytes")
        self._is_split = False
        wanted = len(self._held) + max(size, 1)
        before = len(self._held)
        while len(self._held) < wanted and (chunk := next(self._chunks, None)) is not None:
            self._held += chunk
        return len(self._held) > before

    def _end(self) -> int | None:
        """Where the value that begins here ends, if that much has arrived."""
        first = self._held[self._at]
        if first in b"}],:":
            raise Unreadable("a value was expected")
        if first not in b'{["':
            match = _SCALAR.match(self._held, self._at)
            # A number at the end of what is held may go on.
            return match.end() if match and match.end() < len(self._held) else None
        depth = 0
        for match in _MARKS.finditer(self._held, self._at):
            mark = match[0]
            if mark == b'"':
                return None
            depth += _OPENING.get(mark[0], 0)
            if depth <= 0:
                return match.end()
        return None
