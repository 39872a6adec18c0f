"""Text of records under one delimiter: the delimiter is found, and a broken line costs only itself.

The file is read as a stream. Lines are counted as an editor counts them, the first one being 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.headers import Role, role_of
from dotbridge.files.numbered_lines import EXCHANGED, LONGEST_LINE, Lines, is_in_quotes, without_quotes
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
from dotbridge.files.rows_of_names import further_rows, joined_names
from dotbridge.files.texts import text as _
from dotbridge.files.titles import MOST_TITLES, are_names, further_names, sure_row_of_names, title

DELIMITERS = ",;\t|"
# Where none of those stands between cells: of old systems, and of those that want to be sure.
_RARE_DELIMITERS = "^~\x1f\x01§¦"
# Beyond these it is a quote that was never closed.
MOST_LINES_IN_A_RECORD = 100
_SAMPLE = 64 * 1024
# Beside blanks the mark by which old systems end a file.
_NOTHING = f"{BLANKS}\x1a"
# "Ada Byron" <ada@example.com>, as mail programs show it: its marks stand around the name alone, not around the cell.
_NAMED_ADDRESS = re.compile(r'"([^"\n]*)" ?<([^<>"\s@]+@[^<>"\s@]+)>')
# A line of cells in single marks, as databases and scripts write them. Such a file is read with its marks exchanged.
_IN_SINGLE_QUOTES = re.compile(r"\s*'(?:[^']|'')*'(?:\s*([,;\t|])\s*'(?:[^']|'')*')(?:\s*\1\s*'(?:[^']|'')*')*\s*")
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
        self._are_in_quotes = self._are_exchanged = False
        with self._lines() as lines:
            sample = lines.peek(_SAMPLE)
        self._are_in_quotes = _are_in_quotes(sample)
        self._are_exchanged = any(map(_IN_SINGLE_QUOTES.fullmatch, sample[:MOST_TITLES]))
        with self._lines() as lines:
            sample = lines.peek(_SAMPLE)
            announced = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
            given = delimiter or (announced[1] if announced and _can_delimit(announced[1]) else "")
            self._titles = _titles(sample, given or DELIMITERS)
            self.delimiter = given or find_delimiter(sample[self._titles :])
            if self.delimiter in _RARE_DELIMITERS:
                self._titles = _titles(sample, self.delimiter)
            top = self._top(lines)
        names = [str(cell) for cell in top.cells]
        self._further = 0
        if are_names(names):
            self._further, names = self._with_further_rows(names, sample)
        named = [column_name(name.translate(EXCHANGED) if self._are_exchanged else name) for name in names]
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
        found = self._records()
        return map(self._as_written, found) if self._are_exchanged else found

    def _records(self) -> Iterator[Found]:
        with self._lines() as lines:
            empty = EmptyLines()
            for number, text in enumerate(lines.peek(_SAMPLE)[: self._titles], 1):
                if text.strip(BLANKS) and not _is_announcement(number, text):
                    yield title(number, text.strip(), tuple(text.strip().split(self.delimiter)))
            top = self._top(lines)
            if not self.has_names:
                yield self._fitted(top, "", self._width)
            for _number in range(self._further):
                named = self._top(lines)
                yield further_names(named.line, self.delimiter.join(map(str, named.cells)), named.cells)
            while line := lines.take():
                # Without taking it apart, since a file may hold little else.
                if not line[1].strip(_NOTHING) and len(line[1]) < LONGEST_LINE:
                    empty.pass_over()
                    continue
                found = self._record(line, lines, self._width)
                if isinstance(found, BrokenLine) or any(cell.strip(_NOTHING) for cell in found.cells):  # type: ignore[union-attr]
                    yield found
                else:
                    empty.pass_over()

    @contextmanager
    def _lines(self) -> Iterator[Lines]:
        self._file.seek(0)
        # Without translation, so that a new line inside a cell stays what it is.
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace", newline="")
        try:
            yield Lines(text, are_in_quotes=self._are_in_quotes, are_exchanged=self._are_exchanged)
        finally:
            # The file stays open: its owner closes it.
            text.detach()

    def _as_written(self, found: Found) -> Found:
        """What was read with its marks exchanged, with those of the file."""
        if isinstance(found, Record):
            return replace(found, cells=tuple(str(cell).translate(EXCHANGED) for cell in found.cells))
        return replace(found, text=found.text.translate(EXCHANGED))

    def _top(self, lines: Lines) -> Record:
        """The first line below the titles that is not empty: the names of the columns. Raises FileRefused if there is
        none.
        """
        while line := lines.take():
            number, text = line
            if number > self._titles and text.strip(BLANKS) and not _is_announcement(number, text):
                found = self._record(line, lines, width=None)
                if isinstance(found, BrokenLine):
                    raise FileRefused(
                        _("The first line, %(number)d, cannot be read: %(why)s %(mend)s")
                        % {"number": number, "why": found.why, "mend": found.mend}
                    )
                return found
        raise FileRefused(_("The file is empty. Its first line must name the columns, one of them the e-mail address."))

    def _with_further_rows(self, names: list[str], sample: list[str]) -> tuple[int, list[str]]:
        """How many rows below the one that names the columns do so as well, and the names by all of them."""
        above, rows = (
            [row for row in _rows(lines, self.delimiter)[1] if any(row)]
            for lines in (sample[: self._titles], sample[self._titles :])
        )
        named = [name.strip(BLANKS) for name in names]
        below = rows[rows.index(named) + 1 :] if named in rows else []
        further = further_rows(named, below)
        return further, joined_names(above[-1] if above else [], named, below[:further])

    def _record(self, taken: tuple[int, str], lines: Lines, width: int | None) -> Record | BrokenLine:
        """What the line that was taken begins, with as many more of the lines as its quotes reach over."""
        number, text = taken
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
            if not named and text.count('"') % 2 == 0:
                named = self._with_other_quotes(text, width)
            if not named:
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
            if cells := self._with_other_quotes(text, width):
                return Record(record.line, tuple(cells))
            return BrokenLine(
                record.line,
                text,
                _("The line has %(cells)d cells, and there are %(width)d columns.")
                % {"cells": len(record.cells), "width": width},
                _("Put quotation marks around a cell that holds the delimiter (%(delimiter)s).")
                % {"delimiter": self.delimiter},
                record.cells,
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

    def _cells(self, lines: Lines, taken: list[tuple[int, str]]) -> list[str]:
        """The cells of the record that begins with `taken`; lines that its quotes reach over are taken as well."""
        while True:
            try:
                return self._parse("".join(text for _number, text in taken))
            except csv.Error as error:
                if "unexpected end" not in str(error) or not _take_up_to_quote(lines, taken):
                    raise

    def _with_other_quotes(self, text: str, width: int | None) -> list[str]:
        """The cells of a line some of which hold the delimiter between marks that are not those of the file; none if
        they are not as many as the columns."""
        with suppress(csv.Error):
            cells = self._parse(text.translate(EXCHANGED))
            if len(cells) == width and text.count(self.delimiter) >= width:
                return [cell.translate(EXCHANGED) for cell in cells]
        return []

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


def _take_up_to_quote(lines: Lines, taken: list[tuple[int, str]]) -> bool:
    """Take lines up to one that could close the quote. False if none does within reason."""
    while len(taken) < MOST_LINES_IN_A_RECORD and (line := lines.take()):
        taken.append(line)
        if '"' in line[1]:
            return True
    return False


def _are_in_quotes(sample: list[str]) -> bool:
    """Whether every line stands in quotes as a whole, as where a file was opened in a spreadsheet and saved again."""
    filled = [text.strip() for text in sample if text.strip()]
    if len(filled) < 2 or not all(is_in_quotes(text) for text in filled):
        return False
    inner = [without_quotes(text) for text in filled]
    first = next(_loosely(inner[:1], find_delimiter(inner)))
    return len(first) > 1 and any(role_of(cell) is Role.EMAIL for cell in first)


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
