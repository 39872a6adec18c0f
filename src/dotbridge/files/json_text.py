"""JSON as a stream of text: values one by one, and what is in lists, without holding the whole."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from dotbridge.files.addresses import read_address
from dotbridge.files.errors import FileRefused
from dotbridge.files.records import column_name
from dotbridge.files.texts import text as _

LONGEST_LINE = 1024**2
# Deeper no program puts its list of people.
_DEEPEST = 20
_PIECE = 64 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder(parse_float=Decimal)


def is_address(text: Any) -> bool:
    """Whether a name or value of JSON is one address and nothing else."""
    return isinstance(text, str) and "@" in text and read_address(text).addresses == (text,)


def keyed_person(address: str, found: Any, path: str = "") -> dict[str, Any]:
    """Somebody whose address is the name of what is known of them: an object, or a single value such as a state."""
    if not isinstance(found, dict):
        return {"email": address, path.rpartition(".")[2] or "status": found}
    own = found.get("email") or address
    return {**found, "email": own} if str(own).casefold() == address.casefold() else {**found, "email 2": address}


class JsonText:
    """JSON on its way in: as much of it is held as one value takes. Raises FileRefused where it is none any more, with
    the line."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self._line = 1

    def is_at_end(self) -> bool:
        """Whether nothing comes any more, blanks and a comma aside."""
        if self._next() == ",":
            self._take(",")
        return not self._next()

    def _next(self) -> str:
        """The sign that comes next, blanks aside; empty at the end."""
        while True:
            self._go_to(_BLANKS.match(self._held, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._hold_more():
                return ""

    def _take(self, sign: str) -> None:
        """Go past this sign. Raises FileRefused where it does not come next."""
        if self._next() != sign:
            raise self._damaged()
        self._go_to(self._at + 1)

    def value(self) -> tuple[str, Any]:
        """The next value: its text, and what it holds."""
        self._next()
        while True:
            try:
                found, end = DECODER.raw_decode(self._held, self._at)
                is_whole = True
            except (ValueError, RecursionError, ArithmeticError):
                end, is_whole = len(self._held), False
            # What ends with what is held may go on behind it.
            if is_whole and end < len(self._held):
                break
            if end - self._at > LONGEST_LINE:
                raise self._damaged()
            if not self._hold_more():
                if is_whole:
                    break
                raise self._damaged()
        text = self._held[self._at : end]
        self._go_to(end)
        return text, found

    def elements(self) -> Iterator[tuple[str, Any]]:
        """What is in the list that comes next, one by one."""
        self._take("[")
        if self._next() == "]":
            return self._take("]")
        while True:
            yield self.value()
            if self._next() == "]":
                return self._take("]")
            self._take(",")

    def elements_within(self, path: str, deep: int = 0) -> Iterator[tuple[str, str, Any]]:
        """What is in the lists of the value that comes next, and of the objects in it, with the path of each list.

        What stands under an address is that person's: an object of such is a list as well.
        """
        if self._next() == "[":
            for text, found in self.elements():
                yield path, text, found
        elif self._next() != "{":
            self.value()
        elif deep == _DEEPEST:
            raise self._damaged()
        else:
            for name in self._names():
                if is_address(name):
                    text, found = self.value()
                    yield path, text, keyed_person(name, found, path)
                    continue
                inner = column_name(name)
                yield from self.elements_within(f"{path}.{inner}" if path else inner, deep + 1)

    def _names(self) -> Iterator[str]:
        """The names in the object that comes next. Whoever asks takes the value of each before the next one."""
        self._take("{")
        while self._next() != "}":
            if self._next() != '"':
                raise self._damaged()
            name = self.value()[1]
            self._take(":")
            yield name
            if self._next() != "}":
                self._take(",")
        self._take("}")

    def _go_to(self, place: int) -> None:
        self._line += self._held.count("\n", self._at, place)
        self._at = place

    def _hold_more(self) -> bool:
        more = self._text.read(_PIECE)
        if more:
            self._held, self._at = self._held[self._at :].removeprefix("\ufeff") + more, 0
        return bool(more)

    def _damaged(self) -> FileRefused:
        return FileRefused(
            _("The list of JSON is damaged or cut off: from line %(line)d on it cannot be read. Export it again.")
            % {"line": self._line}
        )
