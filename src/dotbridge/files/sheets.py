"""Workbooks: XLSX is streamed row by row; OpenDocument, XLSB and the old XLS are read whole, within a smaller limit."""
# ruff: noqa: SLF001 - the library has no way of its own to the rows that are there alone

from __future__ import annotations

import datetime
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.merged_cells import Area, areas_of_ods, areas_of_xlsb, areas_of_xlsx, said_in_every_row
from dotbridge.files.records import (
    BLANKS,
    LONGEST_CELL,
    MOST_COLUMNS,
    BrokenLine,
    Cell,
    CrossedOut,
    EmptyLines,
    Formula,
    Found,
    Record,
    cell_text,
    column_name,
    is_blank,
)
from dotbridge.files.report import shortened
from dotbridge.files.rows_of_names import further_rows, joined_names
from dotbridge.files.texts import text as _
from dotbridge.files.titles import MOST_TITLES, are_names, further_names, row_of_names, title

# What openpyxl lets through of a damaged workbook; the error of its XML parser is a SyntaxError.
_DAMAGED = (
    *(InvalidFileException, BadZipFile, zlib.error, EOFError, SyntaxError),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError),
)


class _Sheet:
    """What XLSX and the other workbooks share; see `dotbridge.files.records.Source`. A line is a row of the sheet."""

    format: str
    found_encoding: FoundEncoding | None = None
    encoding = ""
    delimiter = ""
    part = ""
    other_parts: tuple[str, ...] = ()
    headers: list[str]
    _titles: int
    _further = 0
    _merged: list[Area]
    has_names: bool

    def _rows(self) -> Iterable[tuple[int, Sequence[Any]]]:
        """Rows and their numbers, counted from 1. Those with nothing in them may be missing."""
        raise NotImplementedError

    def _areas(self) -> list[Area]:
        """Where the sheet has merged cells."""
        raise NotImplementedError

    def _choose(self, names: Sequence[str], wanted: str | None) -> str:
        """The sheet to read: the one that was asked for, else the first with anything in it."""
        if wanted is not None and wanted not in names:
            raise FileRefused(
                _("There is no sheet %(name)r. The sheets are: %(names)s.")
                % {"name": wanted, "names": ", ".join(map(shortened, names)) or "-"}
            )
        for name in [wanted] if wanted is not None else names:
            self.part = name
            self._merged = self._areas()
            first = list(islice(self._filled(), 2 * MOST_TITLES))
            if first:
                rows = [[column_name(cell_text(cell)) for cell in _without_empty_tail(row.cells)] for row in first]
                self._titles = row_of_names(rows)
                self.other_parts = tuple(other for other in names if other != name)
                named, below = rows[self._titles], rows[self._titles + 1 :]
                self.has_names = are_names(named)
                if self.has_names:
                    self._further = further_rows(named, below)
                    above = rows[self._titles - 1] if self._titles else []
                    named = joined_names(above, named, below[: self._further])
                self.headers = [
                    (name if self.has_names else "") or _("Column %(number)d") % {"number": number}
                    for number, name in enumerate(named, 1)
                ]
                return name
        raise FileRefused(
            _("The workbook is empty. Its first row must name the columns, one of them the e-mail address.")
        )

    def _filled(self) -> Iterator[Record]:
        empty, last = EmptyLines(), 0
        for number, row in said_in_every_row(self._rows(), self._merged):
            # A program may have given several rows one number, and by its line each person is known.
            last = max(number, last + 1)
            cells = tuple(_cell(value) for value in row)
            if all(map(is_blank, cells)):
                empty.pass_over()
            else:
                yield Record(last, cells)

    def records(self) -> Iterator[Found]:
        """Every row below the names of the columns, if they have any, and what stands above. Empty ones are passed
        over."""
        width = len(self.headers)
        rows = self._filled()
        for row in islice(rows, self._titles):
            yield title(row.line, _in_one_line(row.cells), row.cells)
        if self.has_names:
            next(rows)
        for row in islice(rows, self._further):
            yield further_names(row.line, _in_one_line(row.cells), row.cells)
        for row in rows:
            cells = row.cells
            if len(cells) > width and not all(map(is_blank, cells[width:])):
                why = _("The row has a value beyond the last column that has a name.")
                mend = _("Name its column in the first row, or delete the value.")
                yield BrokenLine(row.line, _in_one_line(cells), why, mend, cells)
            elif any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in cells):
                yield BrokenLine(row.line, "", _("A cell is far too long."), _("Shorten the cell."))
            else:
                yield Record(row.line, (*cells[:width], *[""] * (width - len(cells))))


def _in_one_line(cells: Sequence[Cell]) -> str:
    return " ".join(cell_text(cell) for cell in cells if not is_blank(cell))


class _Parser(WorkSheetParser):
    """The library's, that tells a formula without its result from an empty cell, and what is crossed out from what is
    not: `lined` are the styles with a line through the text.
    """

    lined: frozenset[str]

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if element.get("s") in self.lined and (text := cell_text(_cell(cell["value"]))).strip(BLANKS):
            cell["value"] = CrossedOut(text)
        if cell["value"] is None and (formula := element.find(FORMULA_TAG)) is not None:
            # The result may be a text with nothing in it.
            is_empty_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            cell["value"] = None if is_empty_text else Formula(f"={formula.text or ''}")
        return cell


class XlsxSheet(_Sheet):
    """One sheet of an XLSX workbook, streamed. Raises FileRefused for a damaged or empty one."""

    format = "xlsx"

    def __init__(self, file: BinaryIO, *, sheet: str | None = None) -> None:
        try:
            self._book = load_workbook(file, read_only=True, data_only=True)
        except _DAMAGED:
            raise _damaged() from None
        self._lined = _lined_styles(self._book)
        sheets = [each for each in self._book.worksheets if hasattr(each, "iter_rows")]
        # What nobody sees is read where it is named, or nothing else is there.
        sheets.sort(key=lambda each: each.sheet_state != "visible")
        self._choose([each.title for each in sheets], sheet)

    def _areas(self) -> list[Area]:
        sheet: Any = self._book[self.part]
        try:
            with sheet._get_source() as source:
                return areas_of_xlsx(source)
        except _DAMAGED:
            raise _damaged() from None

    def _rows(self) -> Iterator[tuple[int, Sequence[Any]]]:
        book: Any = self._book
        sheet: Any = book[self.part]
        try:
            with sheet._get_source() as source:
                # As the library's own rows, but those that are not there are not made: of a hostile workbook, whose one
                # cell is far away, there would be no end to them. The size that a sheet says is often wrong.
                parser = _Parser(
                    source,
                    sheet._shared_strings,
                    data_only=True,
                    epoch=book.epoch,
                    date_formats=book._date_formats,
                    timedelta_formats=book._timedelta_formats,
                )
                parser.lined = self._lined
                for number, cells in parser.parse():
                    yield number, _spread(cells)
        except _DAMAGED:
            raise _damaged() from None


def _lined_styles(book: Any) -> frozenset[str]:
    """The styles of cells, as the cells name them, with a line through the text."""
    fonts = {number for number, font in enumerate(book._fonts) if font.strike}
    return frozenset(str(number) for number, style in enumerate(book._cell_styles) if style.fontId in fonts)


class SheetInMemory(_Sheet):
    """One sheet of an OpenDocument, XLSB or XLS workbook. Raises FileRefused for a damaged or empty one."""

    format = "ods"

    def __init__(self, file: BinaryIO, *, sheet: str | None = None) -> None:
        try:
            self.format = _format_of(file)
            file.seek(0)
            self._file, self._book = file, CalamineWorkbook.from_filelike(file)
        except PasswordError:
            raise _locked() from None
        except CalamineError:
            raise (_locked() if _is_encrypted(file) else _damaged()) from None
        sheets = sorted(self._book.sheets_metadata, key=lambda each: each.visible != SheetVisibleEnum.Visible)
        self._choose([each.name for each in sheets], sheet)

    def _areas(self) -> list[Area]:
        if self.format == "xls":
            found = self._book.get_sheet_by_name(self.part).merged_cell_ranges or []
            return [Area(top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in found]
        try:
            return (areas_of_xlsb if self.format == "xlsb" else areas_of_ods)(self._file, self.part)
        except _DAMAGED:
            raise _damaged() from None

    def _rows(self) -> Iterable[tuple[int, Sequence[Any]]]:
        rows: list[list[Any]] = self._book.get_sheet_by_name(self.part).to_python(skip_empty_area=False)
        return enumerate(rows, 1)


def _format_of(file: BinaryIO) -> str:
    file.seek(0)
    if file.read(2) == b"\xd0\xcf":
        return "xls"
    with ZipFile(file) as archive:
        return "xlsb" if "xl/workbook.bin" in archive.namelist() else "ods"


def _damaged() -> FileRefused:
    return FileRefused(_("The workbook is damaged. Open it and save it again, or save it as CSV."))


def _locked() -> FileRefused:
    return FileRefused(_("The workbook is locked with a password. Save it without one and load that."))


def _is_encrypted(file: BinaryIO) -> bool:
    """Whether it is an XLSX under a password, which is put into a file of the old kind."""
    file.seek(0)
    return "EncryptedPackage".encode("utf-16-le") in file.read()


def _spread(cells: Sequence[dict[str, Any]]) -> list[Any]:
    """The values of a row in their columns. One beyond all columns that may be stands right behind them."""
    filled = [(cell["column"], cell["value"]) for cell in cells if cell["value"] is not None]
    if not filled:
        return []
    row: list[Any] = [None] * min(max(column for column, _value in filled), MOST_COLUMNS + 1)
    for column, value in filled:
        row[min(column, MOST_COLUMNS + 1) - 1] = value
    return row


def _cell(value: Any) -> Cell:
    """A workbook's value as a cell: a moment at midnight is a day."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date() if value.time() == datetime.time() else value
    if isinstance(value, (str, int, float, datetime.date, Formula, CrossedOut)):
        return value
    return str(value)


def _without_empty_tail(cells: Sequence[Cell]) -> Sequence[Cell]:
    # A column may be called "-".
    while cells and not cell_text(cells[-1]).strip(BLANKS):
        cells = cells[:-1]
    return cells
