"""A workbook (XLSX) that is sent while it is made.

No row of it is kept, so a million people take no more room than ten, and whoever waits for it sees it come.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel

from dotbridge.spreadsheets import Row, in_workbook

# What a sheet holds, with the headings. Of its text in the archive, what readers without ZIP64 take.
MOST_ROWS = 1_048_576
MOST_BYTES = 1024**3
# What a cell holds.
LONGEST_TEXT = 32_767
_PIECE = 256 * 1024
_serial: Any = to_excel
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OF_DOCUMENTS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OF_PACKAGES = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PLAIN = 'fontId="0" fillId="0" borderId="0"'
# How the moments, days and times of `_cell` are shown, by their place here.
_FORMATS = ("yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd", "hh:mm:ss")


def workbook_pieces(first: Row, rest: Iterable[Row]) -> Iterator[bytes]:
    """The workbook, a piece at a time. What a sheet does not hold stands on further ones, each with the headings."""
    sent: Any = _Sent()
    rows = iter(rest)
    sheets = 0
    # Quick rather than small: whoever asked waits for it.
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        row = next(rows, None)
        while not sheets or row is not None:
            sheets += 1
            with _sheet(archive, sheets) as part:
                number, size = 1, part.write(_row(1, first))
                while row is not None and number < MOST_ROWS and size < MOST_BYTES:
                    number += 1
                    size += part.write(_row(number, row))
                    row = next(rows, None)
                    yield from sent.pieces(_PIECE)
        for name, text in _frame(sheets).items():
            archive.writestr(name, _HEAD + text)
    yield from sent.pieces(1)


class _Sent:
    """Where the archive is written to: it cannot go back, and what was taken is gone."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, piece: bytes) -> int:
        self._waiting += piece
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def pieces(self, least: int) -> Iterator[bytes]:
        """What has come since, if it is that much."""
        if len(self._waiting) >= least:
            yield bytes(self._waiting)
            self._waiting.clear()


@contextmanager
def _sheet(archive: zipfile.ZipFile, number: int) -> Iterator[Any]:
    info = zipfile.ZipInfo(f"xl/worksheets/sheet{number}.xml")
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w") as part:
        part.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        yield part
        part.write(b"</sheetData></worksheet>")


def _row(number: int, cells: Row) -> bytes:
    inside = "".join(_cell(f"{get_column_letter(place)}{number}", cell) for place, cell in enumerate(cells, 1))
    return f'<row r="{number}">{inside}</row>'.encode()


def _cell(place: str, value: Any) -> str:
    (value,) = in_workbook([value])
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (date, time)):
        style = 1 if isinstance(value, datetime) else 2 if isinstance(value, date) else 3
        return f'<c r="{place}" s="{style}"><v>{_serial(value)}</v></c>'
    if isinstance(value, (int, float, Decimal)) and Decimal(value).is_finite():
        return f'<c r="{place}"><v>{value}</v></c>'
    text = escape(str(value)[:LONGEST_TEXT])
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _frame(sheets: int) -> dict[str, str]:
    """What tells a reader where the sheets are, and how their moments are shown."""
    numbers = range(1, sheets + 1)
    styles = sheets + 1
    overrides = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_KIND}.{kind}+xml"/>'
        for name, kind in (
            ("workbook", "sheet.main"),
            ("styles", "styles"),
            *((f"worksheets/sheet{each}", "worksheet") for each in numbers),
        )
    )
    leads = "".join(_relation(each, "worksheet", f"worksheets/sheet{each}.xml") for each in numbers)
    named = "".join(f'<sheet name="Sheet{each}" sheetId="{each}" r:id="rId{each}"/>' for each in numbers)
    formats = "".join(f'<numFmt numFmtId="{164 + at}" formatCode="{code}"/>' for at, code in enumerate(_FORMATS))
    used = "".join(
        f'<xf numFmtId="{164 + at}" {_PLAIN} xfId="0" applyNumberFormat="1"/>' for at in range(len(_FORMATS))
    )
    return {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OF_DOCUMENTS}"><sheets>{named}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(leads + _relation(styles, "styles", "styles.xml")),
        "_rels/.rels": _relations(_relation(1, "officeDocument", "xl/workbook.xml")),
        "xl/styles.xml": (
            f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(_FORMATS)}">{formats}</numFmts>'
            '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
            '<fills count="2"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            f'<cellStyleXfs count="1"><xf numFmtId="0" {_PLAIN}/></cellStyleXfs>'
            f'<cellXfs count="{len(_FORMATS) + 1}"><xf numFmtId="0" {_PLAIN} xfId="0"/>{used}</cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
        ),
        "[Content_Types].xml": (
            f'<Types xmlns="{_OF_PACKAGES}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
        ),
    }


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OF_DOCUMENTS}/{kind}" Target="{target}"/>'


def _relations(inside: str) -> str:
    return f'<Relationships xmlns="{_OF_PACKAGES}/relationships">{inside}</Relationships>'
