"""The lines of a text with their numbers, as an editor counts them."""

from __future__ import annotations

import io
from collections import deque

# Beyond this a line is no longer a person: it is a quote that was never closed, or no text at all.
LONGEST_LINE = 100_000
# In which a file whose cells stand in single marks is read as all others are.
EXCHANGED = str.maketrans("'\"", "\"'")


class Lines:
    """Numbered lines of a text stream, with the power to look ahead and to put lines back."""

    def __init__(self, text: io.TextIOWrapper, *, are_in_quotes: bool, are_exchanged: bool) -> None:
        self._text = text
        self._are_in_quotes = are_in_quotes
        self._are_exchanged = are_exchanged
        self._waiting: deque[tuple[int, str]] = deque()
        self._read = 0

    def take(self) -> tuple[int, str] | None:
        """The next line, if there is one."""
        return self._waiting.popleft() if self._waiting else self._next()

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        """Have these come next."""
        self._waiting.extendleft(reversed(lines))

    def peek(self, characters: int) -> list[str]:
        """The next lines, about so many characters of them, without taking them."""
        while characters > 0 and (line := self._next()):
            self._waiting.append(line)
            characters -= len(line[1])
        return [text for _number, text in self._waiting]

    def _next(self) -> tuple[int, str] | None:
        text = self._text.readline(LONGEST_LINE)
        if not text:
            return None
        rest = text
        while len(rest) == LONGEST_LINE and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST_LINE)
        self._read += 1
        if self._are_exchanged:
            text = text.translate(EXCHANGED)
        return self._read, without_quotes(text) if self._are_in_quotes else text


def is_in_quotes(text: str) -> bool:
    """Whether a line stands in quotes as a whole."""
    return len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', "")


def without_quotes(text: str) -> str:
    """A line without the quotes that it stands in as a whole."""
    bare = text.strip()
    return bare[1:-1].replace('""', '"') + "\n" if is_in_quotes(bare) else text
