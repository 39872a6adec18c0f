"""Text of records under one delimiter: the delimiter is found, and a broken line costs only itself.

The file is read as a stream. Lines are counted as an editor counts them, the first one being 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, BinaryIO

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.headers import Role, role_of
from dotbridge.files.records import (
    BLANKS,
    LONGEST_CELL,
    MOST_COLUMNS,
    BrokenLine,
    EmptyLines,
    Found,
    Record,
    column_name,
)
from dotbridge.files.texts import text as _
from dotbridge.files.titles import MOST_TITLES, are_names, sure_row_of_names, title

DELIMITERS = ",;\t|"
# Where none of those stands between cells: of old systems, and of those that want to be sure.
_RARE_DELIMITERS = "^~\x1f\x01§¦"
# Beyond these a line is no longer a person: it is a quote that was never closed, or no text at all.
LONGEST_LINE = 100_000
MOST_LINES_IN_A_RECORD = 100
_SAMPLE = 64 * 1024
# Beside blanks the mark by which old systems end a file.
_NOTHING = f"{BLANKS}\x1a"
# "Ada Byron" <ada@example.com>, as mail programs show it: its marks stand around the name alone, not around the cell.
_NAMED_ADDRESS = re.compile(r'"([^"\n]*)" ?<([^<>"\s@]+@[^<>"\s@]+)>')
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class DelimitedText:
    """A source of records under one delimiter; see `dotbridge.files.records.Source`.

    A file that begins with an address at once has no names of columns. Raises FileRefused for an empty file and for a
    delimiter that cannot be used.
    """

    format = "csv"
    part = ""
    other_parts: tuple[str, ...] = ()

    def __init__(
        self,
        file: BinaryIO,
        *,
        encoding: str,
        found_encoding: FoundEncoding | None = None,
        delimiter: str | None = None,
    ) -> None:
        self._file = file
        self.encoding = encoding
        self.found_encoding = found_encoding
        if delimiter is not None and not _can_delimit(delimiter):
            raise FileRefused(
                _("The delimiter %(delimiter)r cannot be used: it is one character, such as ; or ,")
                % {"delimiter": delimiter}
            )
        self._are_in_quotes = False
        with self._lines() as lines:
            self._are_in_quotes = _are_in_quotes(lines.peek(_SAMPLE))
        with self._lines() as lines:
            sample = lines.peek(_SAMPLE)
            announced = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
            given = delimiter or (announced[1] if announced and _can_delimit(announced[1]) else "")
            self._titles = _titles(sample, given or DELIMITERS)
            self.delimiter = given or find_delimiter(sample[self._titles :])
            if self.delimiter in _RARE_DELIMITERS:
                self._titles = _titles(sample, self.delimiter)
            top = self._top(lines)
        named = [column_name(str(cell)) for cell in top.cells]
        while len(named) > MOST_COLUMNS and not named[-1]:
            # A spreadsheet may write every column that it has.
            named.pop()
        self._width = len(named)
        self.has_names = are_names(named)
        if not self.has_names and _holds_addresses_alone(sample, self.delimiter):
            raise FileRefused(
                _(
                    "A line holds several addresses and nothing else, so it is not known whose they are. "
                    "Name the columns, or write each address on a line of its own."
                )
            )
        self.headers = [
            (name if self.has_names else "") or _("Column %(number)d") % {"number": number}
            for number, name in enumerate(named, 1)
        ]

    def records(self) -> Iterator[Found]:
        """Every record, and in its place every line that is none. Lines with nothing in them are passed over."""
        with self._lines() as lines:
            empty = EmptyLines()
            for number, text in enumerate(lines.peek(_SAMPLE)[: self._titles], 1):
                if text.strip(BLANKS) and not _is_announcement(number, text):
                    yield title(number, text.strip())
            top = self._top(lines)
            if not self.has_names:
                yield self._fitted(top, "", self._width)
            while lines:
                found = self._record(lines, self._width)
                if isinstance(found, BrokenLine) or any(cell.strip(_NOTHING) for cell in found.cells):  # type: ignore[union-attr]
                    yield found
                else:
                    empty.pass_over()

    @contextmanager
    def _lines(self) -> Iterator[_Lines]:
        self._file.seek(0)
        # Without translation, so that a new line inside a cell stays what it is.
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace", newline="")
        try:
            yield _Lines(text, are_in_quotes=self._are_in_quotes)
        finally:
            # The file stays open: its owner closes it.
            text.detach()

    def _top(self, lines: _Lines) -> Record:
        """The first line below the titles that is not empty: the names of the columns. Raises FileRefused if there is
        none.
        """
        while line := lines.take():
            number, text = line
            if number > self._titles and text.strip(BLANKS) and not _is_announcement(number, text):
                lines.put_back([line])
                found = self._record(lines, width=None)
                if isinstance(found, BrokenLine):
                    raise FileRefused(
                        _("The first line, %(number)d, cannot be read: %(why)s %(mend)s")
                        % {"number": number, "why": found.why, "mend": found.mend}
                    )
                return found
        raise FileRefused(_("The file is empty. Its first line must name the columns, one of them the e-mail address."))

    def _record(self, lines: _Lines, width: int | None) -> Record | BrokenLine:
        number, text = taken = lines.take_one()
        if len(text) >= LONGEST_LINE:
            return BrokenLine(
                number,
                text,
                _("The line is longer than %(most)d characters.") % {"most": LONGEST_LINE},
                _("Split or shorten the line."),
            )
        if '"' not in text:
            return self._fitted(Record(number, tuple(text.rstrip("\r\n").split(self.delimiter))), text, width)
        record_lines = [taken]
        try:
            cells = self._with_backslashes(text) or self._cells(lines, record_lines)
        except csv.Error as error:
            lines.put_back(record_lines[1:])
            record_lines = [taken]
            named = self._with_named_addresses(text)
            if named is None:
                return _quotes_broken(number, text, error)
            cells = named
        found = self._fitted(Record(number, tuple(cells)), text, width)
        if len(record_lines) > 1 and width is not None and len(cells) < width:
            found = self._too_few(number, text, len(cells), width)
        if isinstance(found, BrokenLine):
            # A quote left open may have swallowed good lines: they are read again, by themselves.
            lines.put_back(record_lines[1:])
        return found

    def _fitted(self, record: Record, text: str, width: int | None) -> Record | BrokenLine:
        """The record with a cell a column: missing ones are empty, empty ones beyond do not count."""
        missing = 0 if width is None else width - len(record.cells)
        if missing == 0:
            return record
        if missing > 0:
            return Record(record.line, record.cells + ("",) * missing)
        if any(cell.strip() for cell in record.cells[width:]):  # type: ignore[union-attr]
            return BrokenLine(
                record.line,
                text,
                _("The line has %(cells)d cells, and there are %(width)d columns.")
                % {"cells": len(record.cells), "width": width},
                _("Put quotation marks around a cell that holds the delimiter (%(delimiter)s).")
                % {"delimiter": self.delimiter},
            )
        return Record(record.line, record.cells[:width])

    def _too_few(self, number: int, text: str, cells: int, width: int) -> BrokenLine:
        return BrokenLine(
            number,
            text,
            _("The line has a cell of several lines, and %(cells)d cells instead of %(width)d.")
            % {"cells": cells, "width": width},
            _('Write a quotation mark within a cell twice ("") and close every quoted cell.'),
        )

    def _cells(self, lines: _Lines, taken: list[tuple[int, str]]) -> list[str]:
        """The cells of the record that begins with `taken`; lines that its quotes reach over are taken as well."""
        while True:
            try:
                return self._parse("".join(text for _number, text in taken))
            except csv.Error as error:
                if "unexpected end" not in str(error) or not _take_up_to_quote(lines, taken):
                    raise

    def _with_named_addresses(self, text: str) -> list[str] | None:
        """The cells of a line in which quotation marks stand around the names of addresses; None if it has none."""
        mended = _NAMED_ADDRESS.sub(r'"\1 <\2>"', text)
        try:
            return None if mended == text else self._parse(mended)
        except csv.Error:
            return None

    def _with_backslashes(self, text: str) -> list[str] | None:
        """The cells of a line that says \\" for a mark within a cell, as MySQL and PHP do; None if it does not."""
        if '\\"' not in text:
            return None
        with suppress(csv.Error):
            self._parse(text)
            return None
        try:
            return self._parse(text.replace('\\"', '""'))
        except csv.Error:
            return None

    def _parse(self, text: str) -> list[str]:
        # The limit is the whole process's, and somebody else may have moved it.
        csv.field_size_limit(LONGEST_CELL)
        # Given as one piece, so that the reader cannot stop at a new line within quotes.
        skips_blanks = self.delimiter not in BLANKS
        return next(csv.reader([text], delimiter=self.delimiter, skipinitialspace=skips_blanks, strict=True))


def _take_up_to_quote(lines: _Lines, taken: list[tuple[int, str]]) -> bool:
    """Take lines up to one that could close the quote. False if none does within reason."""
    while len(taken) < MOST_LINES_IN_A_RECORD and (line := lines.take()):
        taken.append(line)
        if '"' in line[1]:
            return True
    return False


class _Lines:
    """Numbered lines of a text stream, with the power to look ahead and to put lines back."""

    def __init__(self, text: io.TextIOWrapper, *, are_in_quotes: bool) -> None:
        self._text = text
        self._are_in_quotes = are_in_quotes
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
        return [text for _number, text in self._waiting]

    def _next(self) -> tuple[int, str] | None:
        text = self._text.readline(LONGEST_LINE)
        if not text:
            return None
        rest = text
        while len(rest) == LONGEST_LINE and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST_LINE)
        self._read += 1
        return self._read, _without_quotes(text) if self._are_in_quotes else text


def _are_in_quotes(sample: list[str]) -> bool:
    """Whether every line stands in quotes as a whole, as where a file was opened in a spreadsheet and saved again."""
    filled = [text.strip() for text in sample if text.strip()]
    if len(filled) < 2 or not all(_is_in_quotes(text) for text in filled):
        return False
    inner = [_without_quotes(text) for text in filled]
    first = next(_loosely(inner[:1], find_delimiter(inner)))
    return len(first) > 1 and any(role_of(cell) is Role.EMAIL for cell in first)


def _is_in_quotes(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', "")


def _without_quotes(text: str) -> str:
    bare = text.strip()
    return bare[1:-1].replace('""', '"') + "\n" if _is_in_quotes(bare) else text


def _holds_addresses_alone(sample: list[str], delimiter: str) -> bool:
    rows = [[cell for cell in cells if cell.strip()] for cells in islice(_loosely(sample, delimiter), MOST_TITLES)]
    return any(len(row) > 1 for row in rows) and not any(are_names([cell]) for row in rows for cell in row)


def _can_delimit(text: str) -> bool:
    """Whether this can stand between cells: one character that is in no word and no address, and ends no line."""
    return len(text) == 1 and not text.isalnum() and text not in '"@\r\n\0'


def _is_announcement(number: int, text: str) -> bool:
    return number == 1 and _SEPARATOR_LINE.fullmatch(text) is not None


def _titles(sample: list[str], delimiters: str) -> int:
    """How many lines stand above the names of the columns."""
    for delimiter in delimiters:
        begins, rows = _rows(sample, delimiter)
        # A name may go over several lines. Where a quote in a title has swallowed them, each line speaks for itself.
        found = sure_row_of_names(rows)
        if found is None:
            begins, rows = [*range(len(sample))], [line.split(delimiter) for line in sample]
            found = sure_row_of_names([[cell.strip(f'"{BLANKS}') for cell in row] for row in rows])
        if found is not None:
            return begins[found]
    return 0


def _rows(sample: list[str], delimiter: str) -> tuple[list[int], list[list[str]]]:
    """The first records, as far as they can be told apart, and how many lines stand above each."""
    begins: list[int] = []
    rows: list[list[str]] = []
    reader = _loosely(sample, delimiter)
    above = 0
    for cells in reader:
        begins.append(above)
        rows.append([cell.strip(BLANKS) for cell in cells])
        above = reader.line_num
        if len(rows) > 2 * MOST_TITLES:
            break
    return begins, rows


def _loosely(sample: list[str], delimiter: str) -> Any:
    """The records of a sample. Not strict: one broken quote in it must not decide, nor end the reading."""
    csv.field_size_limit(_SAMPLE + LONGEST_LINE)
    return csv.reader(sample, delimiter=delimiter, skipinitialspace=delimiter not in BLANKS)


def find_delimiter(lines: list[str]) -> str:
    """The delimiter under which most of the lines have as many cells as the first, and that more than one."""
    for delimiters in (DELIMITERS, _RARE_DELIMITERS):
        found = max(delimiters, key=lambda delimiter: _evenness(lines, delimiter))
        if _evenness(lines, found)[1]:
            return found
    return DELIMITERS[0]


def _evenness(lines: list[str], delimiter: str) -> tuple[float, int]:
    widths = [len(cells) for cells in _loosely(lines, delimiter) if any(cells)]
    if not widths or widths[0] == 1:
        return 0.0, 0
    return round(widths.count(widths[0]) / len(widths), 1), widths[0]


def _quotes_broken(number: int, text: str, error: csv.Error) -> BrokenLine:
    if "unexpected end" in str(error):
        why = _("A quotation mark is opened and not closed within %(most)d lines.") % {"most": MOST_LINES_IN_A_RECORD}
    elif "field larger" in str(error):
        why = _("A cell is far too long.")
    else:
        why = _("A quotation mark stands inside a quoted cell.")
    mend = _('Write a quotation mark within a cell twice ("") and close every quoted cell.')
    return BrokenLine(number, text, why, mend)
