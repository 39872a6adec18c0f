"""Cells of a workbook that are merged over several rows: what the first of them says is said in every row.

Programs keep it in the first cell alone. "Unsubscribed" over six people would hold for one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple
from xml.parsers import expat
from zipfile import ZipFile

from dotbridge.files.errors import FileRefused
from dotbridge.files.records import MOST_COLUMNS
from dotbridge.files.texts import text as _

MOST_AREAS = 200_000
_PIECE = 1024**2
_LONGEST_TAG = 200
_XLSX = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")
_RELATION = re.compile(rb"<Relationship\s[^<>]*>")
# The kinds of records in a binary workbook that name a sheet, and an area of one.
_XLSB_SHEET, _XLSB_AREA = 156, 176


class Area(NamedTuple):
    """Where merged cells are, its first and last row and column included; all counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


def said_in_every_row(rows: Iterable[tuple[int, Sequence[Any]]], areas: Iterable[Area]) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers, in which an area over several of them says the same in each.

    A cell that holds something of its own keeps it, and a row with nothing beside merged cells is left as it is: a
    title or the room below a table is nobody.
    """
    coming = sorted((area for area in areas if area.top < area.bottom), reverse=True)
    # By column, until which row and what.
    held: dict[int, tuple[int, Any]] = {}
    for number, row in rows:
        held = {column: until for column, until in held.items() if until[0] >= number} if held else held
        while coming and coming[-1].top <= number:
            area = coming.pop()
            if area.top == number and area.left <= len(row) and not _is_empty(row[area.left - 1]):
                columns = range(area.left, min(area.right, MOST_COLUMNS) + 1)
                held |= dict.fromkeys(columns, (area.bottom, row[area.left - 1]))
        yield number, _with(row, held) if held else row


def _with(row: Sequence[Any], held: dict[int, tuple[int, Any]]) -> Sequence[Any]:
    if all(_is_empty(value) for column, value in enumerate(row, 1) if column not in held):
        return row
    filled = [*row, *[None] * (max(held) - len(row))]
    for column, (_until, value) in held.items():
        if _is_empty(filled[column - 1]):
            filled[column - 1] = value
    return filled


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def areas_of_xlsx(sheet: Any) -> list[Area]:
    """Those of a sheet's XML, in which they stand behind all rows."""
    found: list[Area] = []
    rest = b""
    while piece := sheet.read(_PIECE):
        rest += piece
        end = 0
        for area in _XLSX.finditer(rest):
            left, top, right, bottom = area.groups()
            found.append(Area(int(top), _number(left), int(bottom), _number(right)))
            end = area.end()
        _refuse_more(found)
        rest = rest[end:][-_LONGEST_TAG:]
    return found


def areas_of_ods(file: BinaryIO, sheet: str) -> list[Area]:
    """Those of one sheet of an OpenDocument workbook."""
    with ZipFile(file) as archive:
        content = archive.read("content.xml")
    if b"number-rows-spanned" not in content:
        return []
    reading = _OpenDocument(sheet)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        # Whoever reads its rows says what is wrong.
        return []
    return reading.areas


class _OpenDocument:
    """Where cells are, which an OpenDocument sheet says only by how many stand before them."""

    def __init__(self, sheet: str) -> None:
        self.areas: list[Area] = []
        self._sheet = sheet
        self._is_in = False
        self._row = self._column = 0
        self._times = 1

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of a tag."""
        if name == "table:table":
            self._is_in, self._row = attributes.get("table:name") == self._sheet, 0
        if not self._is_in:
            return
        if name == "table:table-row":
            self._row, self._column = self._row + 1, 0
            self._times = _whole(attributes.get("table:number-rows-repeated"))
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            high = _whole(attributes.get("table:number-rows-spanned"))
            wide = _whole(attributes.get("table:number-columns-spanned"))
            if high > 1:
                top, left = self._row, self._column + 1
                self.areas.append(Area(top, left, top + high - 1, left + wide - 1))
                _refuse_more(self.areas)
            self._column += _whole(attributes.get("table:number-columns-repeated"))

    def end(self, name: str) -> None:
        """Take note of the end of one."""
        if name == "table:table-row":
            self._row += self._times - 1


def areas_of_xlsb(file: BinaryIO, sheet: str) -> list[Area]:
    """Those of one sheet of a binary workbook."""
    found: list[Area] = []
    with ZipFile(file) as archive:
        for kind, content in _records(archive.read("xl/workbook.bin")):
            if kind == _XLSB_SHEET:
                relation, rest = _wide(content[8:])
                if _wide(rest)[0] == sheet:
                    break
        else:
            return []
        target = _target(archive.read("xl/_rels/workbook.bin.rels"), relation)
        for kind, content in _records(archive.read(target)):
            if kind == _XLSB_AREA and len(content) >= 16:
                top, bottom, left, right = (int.from_bytes(content[at : at + 4], "little") for at in (0, 4, 8, 12))
                found.append(Area(top + 1, left + 1, bottom + 1, right + 1))
                _refuse_more(found)
    return found


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        kind, at = content[at], at + 1
        if kind > 127 and at < len(content):
            kind, at = kind & 127 | content[at] << 7, at + 1
        length = 0
        for shift in (0, 7, 14, 21):
            if at >= len(content):
                return
            byte, at = content[at], at + 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
        yield kind, content[at : at + length]
        at += length


def _wide(content: bytes) -> tuple[str, bytes]:
    end = 4 + 2 * int.from_bytes(content[:4], "little")
    return content[4:end].decode("utf-16-le", errors="replace"), content[end:]


def _target(relations: bytes, wanted: str) -> str:
    for tag in _RELATION.findall(relations):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag.decode(errors="replace")))
        if said.get("Id") == wanted:
            target = said.get("Target", "")
            return target[1:] if target.startswith("/") else f"xl/{target}"
    return ""


def _number(letters: bytes) -> int:
    """The number of the column that a sheet calls A, B ... AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 1


def _refuse_more(areas: list[Area]) -> None:
    if len(areas) > MOST_AREAS:
        raise FileRefused(
            _("The sheet has more than %(most)d merged cells. Unmerge them there, and load it again.")
            % {"most": MOST_AREAS}
        )
