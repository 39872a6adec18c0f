"""Reading a contact file that anybody made: its encoding and delimiter are found, a broken line costs only itself.

The file is read as a stream. Lines are counted as an editor counts them, the first one being 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

DELIMITERS = ",;\t|"
# Beyond these a line is no longer a person: it is a quote that was never closed, or no text at all.
LONGEST_LINE = 100_000
LONGEST_CELL = 128 * 1024
MOST_LINES_IN_A_RECORD = 100
_SAMPLE = 64 * 1024
_NOT_TEXT = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What spreadsheets and older systems write when it is not Unicode. The guess is made among these alone: short names
# are too little text to tell more of them apart.
_LEGACY = ["cp1252", "cp1250", "cp1254", "mac_roman", "cp850", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"]
_LEGACY += ["cp932", "gb18030", "big5", "euc_kr"]
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class ContactFileError(Exception):
    """A file that cannot be read as contacts at all. The text says why and what would be read."""


@dataclass(frozen=True)
class Record:
    """The cells of one record, and the line that it begins on."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no record: where it is, what it says, why it was not understood and how to mend it."""

    line: int
    text: str
    why: str
    mend: str


class ContactFile:
    """A text file of records under one delimiter. Iterate `records` once; `encoding` and `delimiter` say what is found.

    Raises ContactFileError for what is no text, and for an encoding or delimiter that cannot be used.
    """

    def __init__(self, file: BinaryIO, *, encoding: str | None = None, delimiter: str | None = None) -> None:
        file.seek(0)
        self.encoding = _known_encoding(encoding) if encoding else find_encoding(file)
        file.seek(0)
        # Without translation, so that a new line inside a cell stays what it is.
        self._text = io.TextIOWrapper(file, encoding=self.encoding, errors="replace", newline="")
        self._lines = _Lines(self._text)
        sample = self._lines.peek(_SAMPLE)
        announced = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
        if announced:
            self._lines.take()
            sample = sample[1:]
        if delimiter is not None and len(delimiter) != 1:
            raise ContactFileError(f"The delimiter {delimiter!r} cannot be used: it is one character, such as ; or ,")
        self.delimiter = delimiter or (announced[1] if announced else find_delimiter(sample))

    def close(self) -> None:
        """Let go of the underlying file without closing it: its owner does that."""
        self._text.detach()

    def first_record(self) -> Record:
        """The first line that is not empty: the names of the columns. Raises ContactFileError if there is none."""
        while line := self._lines.take():
            number, text = line
            if text.strip():
                self._lines.put_back([line])
                found = self._record(width=None)
                if isinstance(found, BrokenLine):
                    raise ContactFileError(f"The first line, {number}, cannot be read: {found.why} {found.mend}")
                return found
        raise ContactFileError(
            "The file is empty. Its first line must name the columns, one of them the e-mail address."
        )

    def records(self, width: int) -> Iterator[Record | BrokenLine]:
        """Every further record of `width` cells, and in its place every line that is none."""
        while self._lines:
            yield self._record(width)

    def _record(self, width: int | None) -> Record | BrokenLine:
        number, text = taken = self._lines.take_one()
        if not text.strip():
            return BrokenLine(number, "", "The line is empty.", "Delete the line.")
        if len(text) >= LONGEST_LINE:
            return BrokenLine(
                number, text, f"The line is longer than {LONGEST_LINE} characters.", "Split or shorten the line."
            )
        lines = [taken]
        try:
            cells = self._cells(lines)
        except csv.Error as error:
            self._lines.put_back(lines[1:])
            return _quotes_broken(number, text, error)
        if width is not None:
            cells = _without_empty_tail(cells, width)
            if len(cells) != width:
                # A quote left open may have swallowed good lines: they are read again, by themselves.
                self._lines.put_back(lines[1:])
                return BrokenLine(
                    number,
                    text,
                    f"The line has {len(cells)} cells instead of {width}.",
                    f"Put {width - 1} delimiters ({self.delimiter!r}) on the line, and quote cells that hold one.",
                )
        return Record(number, tuple(cells))

    def _cells(self, lines: list[tuple[int, str]]) -> list[str]:
        """The cells of the record that begins with `lines`; lines that its quotes reach over are taken as well."""
        while True:
            try:
                return self._parse("".join(text for _, text in lines))
            except csv.Error as error:
                if "unexpected end" not in str(error) or not self._take_up_to_quote(lines):
                    raise

    def _take_up_to_quote(self, lines: list[tuple[int, str]]) -> bool:
        """Take lines up to one that could close the quote. False if none does within reason."""
        while len(lines) < MOST_LINES_IN_A_RECORD and (line := self._lines.take()):
            lines.append(line)
            if '"' in line[1]:
                return True
        return False

    def _parse(self, text: str) -> list[str]:
        # The limit is the whole process's, and somebody else may have moved it.
        csv.field_size_limit(LONGEST_CELL)
        # Given as one piece, so that the reader cannot stop at a new line within quotes.
        return next(csv.reader([text], delimiter=self.delimiter, skipinitialspace=self.delimiter != "\t", strict=True))


class _Lines:
    """Numbered lines of a text stream, with the power to look ahead and to put lines back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._waiting: deque[tuple[int, str]] = deque()
        self._read = 0

    def __bool__(self) -> bool:
        if not self._waiting and (line := self._next()):
            self._waiting.append(line)
        return bool(self._waiting)

    def take(self) -> tuple[int, str] | None:
        return self.take_one() if self else None

    def take_one(self) -> tuple[int, str]:
        """The next line; ask first whether there is one."""
        return self._waiting.popleft()

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))

    def peek(self, characters: int) -> list[str]:
        """The next lines, about so many characters of them, without taking them."""
        while characters > 0 and (line := self._next()):
            self._waiting.append(line)
            characters -= len(line[1])
        return [text for _, text in self._waiting]

    def _next(self) -> tuple[int, str] | None:
        text = self._text.readline(LONGEST_LINE)
        if not text:
            return None
        rest = text
        while len(rest) == LONGEST_LINE and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST_LINE)
        self._read += 1
        return self._read, text


def find_encoding(file: BinaryIO) -> str:
    """The encoding of a text file: by its mark, else Unicode if it fits, else the likeliest legacy one.

    Raises ContactFileError if the file is no text.
    """
    head = file.read(_SAMPLE)
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    for magic, what in _NOT_TEXT.items():
        if head.startswith(magic):
            raise ContactFileError(f"The file is {what}, not a CSV file. Save it as CSV and load that.")
    if b"\0" in head:
        return _utf_16_without_mark(head)
    file.seek(0)
    return _utf_8_or_legacy(file)


def find_delimiter(lines: list[str]) -> str:
    """The delimiter under which most of the lines have as many cells as the first, and that more than one."""
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: list[str], delimiter: str) -> tuple[float, int]:
    # Not strict: one broken quote in the sample must not decide.
    widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if any(cells)]
    if not widths or widths[0] == 1:
        return 0.0, 0
    return round(widths.count(widths[0]) / len(widths), 1), widths[0]


def _utf_16_without_mark(head: bytes) -> str:
    pairs = max(len(head) // 2, 1)
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros.count(0) > pairs * 0.4:
            return encoding
    raise ContactFileError("The file is no text, so it is not a CSV file. Save it as CSV and load that.")


def _utf_8_or_legacy(file: BinaryIO) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    foreign = broken = 0
    sample = bytearray()
    for line in iter(lambda: file.readline(LONGEST_LINE), b""):
        if line.isascii():
            continue
        text = decoder.decode(line)
        foreign += sum(not character.isascii() for character in text)
        broken += text.count("\N{REPLACEMENT CHARACTER}")
        if len(sample) < _SAMPLE:
            sample += line
    # A few broken letters among many good ones: a file of UTF-8 with damaged lines, which are told one by one.
    if broken * 2 <= foreign:
        return "utf-8"
    return _legacy_encoding(bytes(sample))


def _legacy_encoding(sample: bytes) -> str:
    matches = list(from_bytes(sample, cp_isolation=_LEGACY, threshold=0.4))
    if not matches:
        return "latin-1"
    near = [match for match in matches if match.chaos <= matches[0].chaos + 0.01]
    # Names are made of letters: a currency sign among them speaks against an encoding.
    fewest = min(_signs(str(match)) for match in near)
    near = [match for match in near if _signs(str(match)) == fewest]
    by_name = {name: match for match in reversed(near) for name in match.could_be_from_charset}
    western, turkish = by_name.get("cp1252"), by_name.get("cp1254")
    # Where several fit alike the commonest is meant; Turkish differs from it in six letters, which decide.
    if western and not (turkish and turkish.coherence > western.coherence):
        return "cp1252"
    return near[0].encoding


def _signs(text: str) -> int:
    """How many characters are neither ASCII nor letters."""
    return sum(not character.isascii() and not character.isalpha() for character in text)


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError):
        raise ContactFileError(
            f"The encoding {name!r} is not known. Name one such as utf-8 or cp1252, or none to have it found."
        ) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _without_empty_tail(cells: list[str], width: int) -> list[str]:
    """Without empty cells beyond the last column: spreadsheets write them."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _quotes_broken(number: int, text: str, error: csv.Error) -> BrokenLine:
    if "unexpected end" in str(error):
        why = "A quotation mark is opened and never closed."
    elif "field larger" in str(error):
        why = "A cell is far too long."
    else:
        why = "A quotation mark stands inside a quoted cell."
    return BrokenLine(number, text, why, 'Write a quotation mark within a cell twice ("") and close every quoted cell.')
