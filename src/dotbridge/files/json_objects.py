"""JSON: a list of objects, or objects that have a line each. The names in all of them are the columns."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.records import (
    BETWEEN_VALUES,
    MOST_COLUMNS,
    BrokenLine,
    Cell,
    EmptyLines,
    Found,
    Record,
    column_name,
)
from dotbridge.files.texts import text as _

LONGEST_LINE = 1024**2
_PIECE = 64 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")


class _JsonObjects:
    """A source of records that are JSON objects; see `dotbridge.files.records.Source`.

    Objects within objects are columns as well ("address.city"); of a list of plain values the first counts and the
    others are further ones. Raises FileRefused if there is no object at all.
    """

    format: str
    delimiter = ""
    part = ""
    other_parts: tuple[str, ...] = ()
    has_names = True

    def __init__(self, file: BinaryIO, *, encoding: str, found_encoding: FoundEncoding | None = None) -> None:
        self._file = file
        self.encoding = encoding
        self.found_encoding = found_encoding
        names: dict[str, None] = {}
        for _line, _text, values in self._objects():
            names.update(dict.fromkeys(values or {}))
            if len(names) > MOST_COLUMNS:
                raise FileRefused(_("The objects have more than %(most)d names.") % {"most": MOST_COLUMNS})
        if not names:
            raise FileRefused(self._nothing())
        self.headers = list(names)

    def records(self) -> Iterator[Found]:
        """Every object, and in its place everything that is none. Empty lines are passed over."""
        for line, text, values in self._objects():
            if values is None:
                why = _("This is no JSON object.")
                yield BrokenLine(line, text, why, _('Write an object, such as {"email": "name@example.com"}.'))
            else:
                yield Record(line, tuple(values.get(name, "") for name in self.headers))

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        """The line of each, or its number, no two the same; its text, and its values, None for what is no object."""
        raise NotImplementedError

    def _nothing(self) -> str:
        """What is said of a file without any object."""
        raise NotImplementedError

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace", newline="\n")
        try:
            yield text
        finally:
            text.detach()


class JsonLines(_JsonObjects):
    """Objects that have a line each. A line that is none costs only itself."""

    format = "jsonl"

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        empty = EmptyLines()
        with self._text() as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                if line.strip():
                    yield number, line, _parsed(line)
                else:
                    empty.pass_over()

    def _nothing(self) -> str:
        return _("No line of the file holds a JSON object.")


class JsonList(_JsonObjects):
    """One list of objects, read as a stream. Raises FileRefused where it is no list any more, with the line.

    All of it may stand on one line, so its objects are counted, and not its lines.
    """

    format = "json"

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        with self._text() as text:
            listed = _List(text)
            listed.take("[")
            if listed.next_is("]"):
                return
            for number in itertools.count(1):
                yield number, *listed.value()
                if listed.next_is("]"):
                    return
                listed.take(",")

    def _nothing(self) -> str:
        return _("The list holds no JSON object.")


class _List:
    """A list of JSON on its way in: as much of it is held as one value takes."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self._line = 1

    def next_is(self, sign: str) -> bool:
        """Whether this sign comes next, blanks aside."""
        while True:
            self._go_to(_BLANKS.match(self._held, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._held):
                return self._held[self._at] == sign
            if not self._hold_more():
                return False

    def take(self, sign: str) -> None:
        """Go past this sign. Raises FileRefused where it does not come next."""
        if not self.next_is(sign):
            raise self._damaged()
        self._go_to(self._at + 1)

    def value(self) -> tuple[str, dict[str, Cell] | None]:
        """The next value: its text, and what it holds."""
        self.next_is("{")
        while True:
            try:
                found, end = _DECODER.raw_decode(self._held, self._at)
            except (ValueError, RecursionError, ArithmeticError):
                end = len(self._held)
            # What ends with what is held may go on behind it.
            if end < len(self._held):
                break
            if end - self._at > LONGEST_LINE or not self._hold_more():
                raise self._damaged()
        text = self._held[self._at : end]
        self._go_to(end)
        return text, _values(found)

    def _go_to(self, place: int) -> None:
        self._line += self._held.count("\n", self._at, place)
        self._at = place

    def _hold_more(self) -> bool:
        more = self._text.read(_PIECE)
        self._held, self._at = self._held[self._at :].removeprefix("\ufeff") + more, 0
        return bool(more)

    def _damaged(self) -> FileRefused:
        return FileRefused(
            _("The list of JSON is damaged or cut off: from line %(line)d on it cannot be read. Export it again.")
            % {"line": self._line}
        )


_DECODER = json.JSONDecoder(parse_float=Decimal)


def _parsed(line: str) -> dict[str, Cell] | None:
    try:
        return _values(_DECODER.decode(line))
    except (ValueError, RecursionError, ArithmeticError):
        return None


def _values(found: Any) -> dict[str, Cell] | None:
    if not isinstance(found, dict):
        return None
    values: dict[str, Cell] = {}
    _flatten("", found, values)
    return values


def _flatten(before: str, found: dict[str, Any], values: dict[str, Cell]) -> None:
    for given, value in found.items():
        name = column_name(given)
        if isinstance(value, dict):
            _flatten(f"{before}{name}.", value, values)
        elif isinstance(value, list):
            plain = [str(each) for each in map(_plain, value) if str(each).strip()]
            values[before + name] = BETWEEN_VALUES.join(plain)
        else:
            values[before + name] = "" if value is None else value


def _plain(each: Any) -> str | int | Decimal:
    """A value of a list; of an object, as address books write them, what it calls its value."""
    if isinstance(each, dict):
        each = each.get("value", "")
    return each if isinstance(each, (str, int, Decimal)) else ""
