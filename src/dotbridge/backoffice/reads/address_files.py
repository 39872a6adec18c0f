"""The addresses in what a person pasted or in a file of any kind, and the lines in which there was none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from django.utils.translation import gettext as _

from dotbridge.files.addresses import read_address
from dotbridge.files.errors import EncodingNotSure, FileRefused
from dotbridge.files.headers import Role, email_column, role_of
from dotbridge.files.opening import open_source
from dotbridge.files.records import BrokenLine, Cell, Record, Source, cell_text, is_blank
from dotbridge.lists.listed_services import MOST_ADDRESSES

# By so many lines a column of addresses is known where its heading says nothing.
_SAMPLE = 200
_BETWEEN = re.compile(r"[,;\t]")


@dataclass(frozen=True, kw_only=True)
class AddressesRead:
    """What was found, in the order of the text; `unread` are lines that say something, but no address."""

    addresses: tuple[str, ...]
    unread: tuple[str, ...]


def addresses_in_text(text: str) -> AddressesRead:
    """The addresses in a pasted text: one a line, or several with a comma, semicolon or tab between.

    Raises FileRefused for more than the list takes at once.
    """
    lines = [line.strip() for line in text.splitlines()]
    if lines and "@" not in lines[0]:
        # The heading of a column that was copied with it.
        lines = lines[1:]
    return _collected(_in_line(line) for line in lines if line)


def addresses_in_file(file: BinaryIO) -> AddressesRead:
    """The addresses in a file, packed or not: in the columns that are headed so, else in the one that holds them.

    Raises FileRefused, with a text for people, for what is no table, holds no column of addresses, or too many.
    """
    try:
        with open_source(file) as source:
            return _collected(_lines_of(source))
    except EncodingNotSure as unsure:
        # Addresses are spelt alike in every candidate, so the likeliest one will do.
        file.seek(0)
        with open_source(file, encoding=unsure.candidates[0].encoding) as source:
            return _collected(_lines_of(source))


def _lines_of(source: Source) -> Iterator[tuple[str, Sequence[str]]]:
    columns = [place for place, header in enumerate(source.headers) if role_of(header) is Role.EMAIL]
    if not columns:
        sample = [record.cells for record in islice(source.records(), _SAMPLE) if isinstance(record, Record)]
        found = email_column(sample)
        if found is None:
            raise FileRefused(_("No column of this file holds e-mail addresses. Name one of them “E-mail”."))
        columns = [found]
    for record in source.records():
        if isinstance(record, BrokenLine):
            yield record.text, ()
        elif isinstance(record, Record):
            yield _in_record(record.cells, columns)


def _in_record(cells: Sequence[Cell], columns: Sequence[int]) -> tuple[str, Sequence[str]]:
    """The first column that has an address speaks for the record; without one, what stands in its place."""
    filled = [cell_text(cells[place]) for place in columns if not is_blank(cells[place])]
    for text in filled:
        if found := read_address(text).addresses:
            return text, found[:1]
    return (filled[0] if filled else ", ".join(cell_text(cell) for cell in cells if not is_blank(cell))), ()


def _in_line(line: str) -> tuple[str, Sequence[str]]:
    pieces = [piece for piece in _BETWEEN.split(line) if "@" in piece]
    return line, tuple(address for piece in pieces for address in read_address(piece).addresses)


def _collected(lines: Iterator[tuple[str, Sequence[str]]]) -> AddressesRead:
    addresses: list[str] = []
    unread: list[str] = []
    for text, found in lines:
        addresses.extend(found)
        if not found and text.strip():
            unread.append(text)
        if len(addresses) + len(unread) > MOST_ADDRESSES:
            raise FileRefused(_("Give at most %(most)d addresses at once.") % {"most": MOST_ADDRESSES})
    return AddressesRead(addresses=tuple(addresses), unread=tuple(unread))
