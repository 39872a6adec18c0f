"""Any file of people as a source of records: what it is, is found in the file itself, never in its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from dotbridge.files.delimited import DelimitedText
from dotbridge.files.encodings import FoundEncoding, find_encoding, known_encoding
from dotbridge.files.errors import EncodingNotSure, FileRefused
from dotbridge.files.json_objects import JsonList, json_source
from dotbridge.files.records import MOST_COLUMNS, TABLES, Source
from dotbridge.files.sheets import SheetInMemory, XlsxSheet
from dotbridge.files.tables import FirstTable
from dotbridge.files.texts import text as _
from dotbridge.files.unpacking import Kind, unpacked
from dotbridge.files.vcards import VCards

_MARKUP = re.compile(r"<(?:[!?]|(?:html|head|body|table|meta|style|div)\b)", re.IGNORECASE)
_JSON_LIST = re.compile(r"\[\s*(?:[{\[\]\"]|$)")


@contextmanager
def open_source(
    file: BinaryIO,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    names_of_first: int | None = None,
) -> Iterator[Source]:
    """The file as a source of records; it stays open, and the source is good for as long as this context.

    Where each record has names of its own, `names_of_first` says how many are looked at for them; without it all are.
    Without `encoding` that is found; raises EncodingNotSure, with the candidates, where a person has to choose. Raises
    FileRefused for what is no table of text, too large, damaged or empty.
    """
    with unpacked(file) as inner:
        source: Source
        if inner.kind is Kind.XLSX:
            source = XlsxSheet(inner.file, sheet=sheet)
        elif inner.kind is Kind.SHEET:
            source = SheetInMemory(inner.file, sheet=sheet)
        else:
            source = _text(inner.file, encoding, delimiter, sheet, names_of_first)
            source.part = source.part or inner.part
        if len(source.headers) > MOST_COLUMNS:
            raise FileRefused(_("The file has more than %(most)d columns.") % {"most": MOST_COLUMNS})
        yield FirstTable(source) if source.format in TABLES else source


def _text(
    file: BinaryIO, encoding: str | None, delimiter: str | None, sheet: str | None, names_of_first: int | None
) -> Source:
    named, found = _encoding(file, encoding)
    file.seek(0)
    head = file.read(4_096).decode(named, errors="replace").lstrip("\ufeff \t\r\n")
    if head[:11].upper() == "BEGIN:VCARD":
        return VCards(file, encoding=named, found_encoding=found)
    if _MARKUP.match(head):
        raise FileRefused(
            _("The file is a web page or XML. Open it in a spreadsheet, save it as CSV or XLSX and load that.")
        )
    if _JSON_LIST.match(head):
        return JsonList(file, encoding=named, found_encoding=found, names_of_first=names_of_first)
    if head.startswith("{"):
        return json_source(file, encoding=named, found_encoding=found, part=sheet, names_of_first=names_of_first)
    return DelimitedText(file, encoding=named, found_encoding=found, delimiter=delimiter)


def _encoding(file: BinaryIO, asked: str | None) -> tuple[str, FoundEncoding | None]:
    found = find_encoding(file)
    if asked:
        known = known_encoding(asked)
        if known is None:
            raise FileRefused(
                _("The encoding %(name)r is not known. Name one such as utf-8 or cp1252, or none to have it found.")
                % {"name": asked}
            )
        return known, found
    if found is None:
        raise FileRefused(_("The file is no text, so it is not a CSV file. Save it as CSV and load that."))
    if not found.is_sure:
        raise EncodingNotSure(
            _("The encoding of the file is not sure: in each its letters are others. Choose the one that reads well."),
            found.candidates,
        )
    return found.encoding, found
