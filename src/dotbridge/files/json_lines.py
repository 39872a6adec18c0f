"""JSON Lines: every line is an object, and the names in all of them are the columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.records import BETWEEN_VALUES, MOST_COLUMNS, BrokenLine, Cell, Record, column_name

LONGEST_LINE = 1024**2


class JsonLines:
    """A source of records that are JSON objects; see `dotbridge.files.records.Source`.

    Objects within objects are columns as well ("address.city"); of a list of plain values the first counts and the
    others are further ones. Raises FileRefused if there is no object at all.
    """

    format = "jsonl"
    delimiter = ""
    part = ""
    other_parts: tuple[str, ...] = ()
    has_names = True

    def __init__(self, file: BinaryIO, *, encoding: str, found_encoding: FoundEncoding | None = None) -> None:
        self._file = file
        self.encoding = encoding
        self.found_encoding = found_encoding
        names: dict[str, None] = {}
        for _line, _text, values in self._objects():
            names.update(dict.fromkeys(values or {}))
            if len(names) > MOST_COLUMNS:
                raise FileRefused(_("The objects have more than %(most)d names.") % {"most": MOST_COLUMNS})
        if not names:
            raise FileRefused(_("No line of the file holds a JSON object."))
        self.headers = list(names)

    def records(self) -> Iterator[Record | BrokenLine]:
        """Every object, and in its place every line that is none. Empty lines are passed over."""
        for line, text, values in self._objects():
            if values is None:
                why = _("The line holds no JSON object.")
                yield BrokenLine(line, text, why, _('Write one object a line, such as {"email": "name@example.com"}.'))
            else:
                yield Record(line, tuple(values.get(name, "") for name in self.headers))

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace", newline="\n")
        try:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                if line.strip():
                    yield number, line, _values(line)
        finally:
            text.detach()


def _values(line: str) -> dict[str, Cell] | None:
    try:
        found = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    if not isinstance(found, dict):
        return None
    values: dict[str, Cell] = {}
    _flatten("", found, values)
    return values


def _flatten(before: str, found: dict[str, Any], values: dict[str, Cell]) -> None:
    for given, value in found.items():
        name = column_name(given)
        if isinstance(value, dict):
            _flatten(f"{before}{name}.", value, values)
        elif isinstance(value, list):
            plain = [str(each) for each in value if isinstance(each, (str, int, Decimal)) and str(each).strip()]
            values[before + name] = BETWEEN_VALUES.join(plain)
        else:
            values[before + name] = "" if value is None else value
