"""JSON: a list of objects, by itself or within other objects, or objects one behind the other, each on a line or not.

The names in all of them are the columns.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.errors import FileRefused
from dotbridge.files.headers import Role, role_of
from dotbridge.files.json_text import DECODER, LONGEST_LINE, JsonText, is_address
from dotbridge.files.records import (
    BETWEEN_VALUES,
    MOST_COLUMNS,
    BrokenLine,
    Cell,
    EmptyLines,
    Found,
    Record,
    cell_text,
    column_name,
)
from dotbridge.files.report import shortened
from dotbridge.files.texts import text as _


class _JsonObjects:
    """A source of records that are JSON objects; see `dotbridge.files.records.Source`.

    Objects within objects are columns as well ("address.city"); of a list of plain values the first counts and the
    others are further ones. With `names_of_first` only so many objects are looked at for their names. Raises
    FileRefused if there is no object at all.
    """

    format: str
    delimiter = ""
    part = ""
    other_parts: tuple[str, ...] = ()
    has_names = True

    def __init__(
        self,
        file: BinaryIO,
        *,
        encoding: str,
        found_encoding: FoundEncoding | None = None,
        names_of_first: int | None = None,
    ) -> None:
        self._file = file
        self.encoding = encoding
        self.found_encoding = found_encoding
        self.headers = list(self._names(names_of_first))

    def _names(self, of_first: int | None) -> dict[str, None]:
        """The names in so many objects, or in all. Raises FileRefused if there is no object."""
        names: dict[str, None] = {}
        for _line, _text, values in itertools.islice(self._objects(), of_first):
            _add_names(names, values)
        if not names:
            raise FileRefused(self._nothing())
        return names

    def records(self) -> Iterator[Found]:
        """Every object, and in its place everything that is none. Empty lines are passed over."""
        for line, text, values in self._objects():
            if values is None:
                why = _("This is no JSON object.")
                yield BrokenLine(line, text, why, _('Write an object, such as {"email": "name@example.com"}.'))
            else:
                yield Record(line, tuple(values.get(name, "") for name in self.headers))

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        """The line of each, or its number, no two the same; its text, and its values, None for what is no object."""
        raise NotImplementedError

    def _nothing(self) -> str:
        """What is said of a file without any object."""
        raise NotImplementedError

    @contextmanager
    def _json(self) -> Iterator[JsonText]:
        with _as_text(self._file, self.encoding) as text:
            yield JsonText(text)


class JsonLines(_JsonObjects):
    """Objects that have a line each. A line that is none costs only itself."""

    format = "jsonl"

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        empty = EmptyLines()
        with _as_text(self._file, self.encoding) as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                if line.strip():
                    yield number, line, _parsed(line)
                else:
                    empty.pass_over()

    def _nothing(self) -> str:
        return _("No line of the file holds a JSON object.")


class JsonList(_JsonObjects):
    """One list of objects, read as a stream. Raises FileRefused where it is no list any more, with the line.

    All of it may stand on one line, so its objects are counted, and not its lines.
    """

    format = "json"

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        with self._json() as json_text:
            for number, (text, found) in enumerate(json_text.elements(), 1):
                yield number, text, _values(found)

    def _nothing(self) -> str:
        return _("The list holds no JSON object.")


class JsonStream(_JsonObjects):
    """Objects one behind the other, each over several lines, or a single one. They are counted, and not their lines."""

    format = "json"

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        with self._json() as json_text:
            for number in itertools.count(1):
                if json_text.is_at_end():
                    return
                text, found = json_text.value()
                yield number, text, _values(found)

    def _nothing(self) -> str:
        return _("The file holds no JSON object of a person.")


class JsonWithin(_JsonObjects):
    """A list of objects within other objects, as interfaces of programs answer: {"contacts": [...], "total": 2}, or
    objects that stand under the addresses of people: {"name@example.com": {...}}.

    Of several lists it is the one that is named, else the first that holds addresses. Answers one behind the other are
    read as one. Its objects are counted, and not its lines.
    """

    format = "json"

    def __init__(self, file: BinaryIO, *, part: str | None = None, **more: Any) -> None:
        self._wanted = part
        super().__init__(file, **more)

    def _names(self, of_first: int | None) -> dict[str, None]:
        part = self._wanted
        names: dict[str, dict[str, None]] = {}
        of_people: dict[str, None] = {}
        # A list of addresses alone is what the file is about only where nothing more is said of anybody.
        of_addresses: dict[str, None] = {}
        seen = 0
        for path, _text, found in self._elements():
            if (values := _values(found)) is None:
                continue
            _add_names(names.setdefault(path, {}), values)
            if path not in of_people and _is_of_somebody(found):
                (of_people if isinstance(found, dict) else of_addresses)[path] = None
            seen += path == part if part is not None else path in of_people
            if seen == of_first:
                break
        of_people |= of_addresses
        if part is not None and part not in names:
            raise FileRefused(
                _("There is no list %(name)r. The lists are: %(names)s.")
                % {"name": part, "names": ", ".join(map(shortened, of_people)) or "-"}
            )
        if not of_people and part is None:
            raise FileRefused(self._nothing())
        self.part = next(iter(of_people)) if part is None else part
        self.other_parts = tuple(path for path in of_people if path != self.part)
        return names[self.part]

    def _objects(self) -> Iterator[tuple[int, str, dict[str, Cell] | None]]:
        number = 0
        for path, text, found in self._elements():
            if path == self.part:
                number += 1
                yield number, text, _values(found)

    def _elements(self) -> Iterator[tuple[str, str, Any]]:
        """What is in each list: where the list is, the text of the element, and what it holds."""
        with self._json() as json_text:
            while not json_text.is_at_end():
                yield from json_text.elements_within("")

    def _nothing(self) -> str:
        return _("No list in the file holds JSON objects with e-mail addresses.")


def json_source(
    file: BinaryIO, *, encoding: str, found_encoding: FoundEncoding | None, part: str | None, names_of_first: int | None
) -> _JsonObjects:
    """The source for a file that begins with an object: that of a person, or one around a list of people."""
    with _as_text(file, encoding) as text:
        head = text.read(LONGEST_LINE).lstrip("\ufeff \t\r\n")
    more: dict[str, Any] = {"encoding": encoding, "found_encoding": found_encoding, "names_of_first": names_of_first}
    try:
        first, end = DECODER.raw_decode(head)
    except (ValueError, RecursionError, ArithmeticError):
        # Nobody's object is that long, unless it is a damaged one with others below it.
        is_around = len(head) + 1 >= LONGEST_LINE and not any(map(_parsed, head.split("\n", 3)[1:3]))
        return JsonWithin(file, part=part, **more) if is_around else JsonLines(file, **more)
    if not _is_person(first) and _holds_people(first):
        return JsonWithin(file, part=part, **more)
    return JsonStream(file, **more) if "\n" in head[:end] else JsonLines(file, **more)


@contextmanager
def _as_text(file: BinaryIO, encoding: str) -> Iterator[io.TextIOWrapper]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="\n")
    try:
        yield text
    finally:
        # The file stays open: its owner closes it.
        text.detach()


def _parsed(line: str) -> dict[str, Cell] | None:
    try:
        return _values(DECODER.decode(line))
    except (ValueError, RecursionError, ArithmeticError):
        return None


def _add_names(names: dict[str, None], values: dict[str, Cell] | None) -> None:
    names.update(dict.fromkeys(values or {}))
    if len(names) > MOST_COLUMNS:
        raise FileRefused(_("The objects have more than %(most)d names.") % {"most": MOST_COLUMNS})


def _is_person(found: Any) -> bool:
    """Whether an object names an address as its own; one that somebody exported may be named around a list as well."""
    return isinstance(found, dict) and any(
        "@" in str(value) and _names_addresses(name) for name, value in found.items()
    )


def _names_addresses(name: str) -> bool:
    return Role.EMAIL in {role_of(name), role_of(name.removesuffix("s")), role_of(name.removesuffix("es"))}


def _holds_people(found: Any) -> bool:
    if isinstance(found, list):
        return any(isinstance(each, dict) and _is_of_somebody(each) for each in found)
    return isinstance(found, dict) and (any(map(is_address, found)) or any(map(_holds_people, found.values())))


def _is_of_somebody(found: Any) -> bool:
    """Whether what stands in a list is a person, and not one of the values of a person."""
    values = _values(found) or {}
    return not (isinstance(found, dict) and "value" in found) and any("@" in str(value) for value in values.values())


def _values(found: Any) -> dict[str, Cell] | None:
    if is_address(found):
        return {"email": found}
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
        elif isinstance(value, list) and value and all(map(_is_named, value)):
            # How Dotdigital writes data fields.
            _flatten(f"{before}{name}.", {each["key"]: each["value"] for each in value}, values)
        elif isinstance(value, list):
            _flatten_list(before + name, value, values)
        else:
            values[before + name] = "" if value is None else value


def _flatten_list(name: str, found: list[Any], values: dict[str, Cell]) -> None:
    """A list in a cell of its own, beside those of what the objects in it say."""
    plain: dict[str, list[str]] = {name: []}
    for each in found:
        # Of an object, as address books write them, what it calls its value; else each of its values.
        inner = {name: each} if not isinstance(each, dict) else {name: each["value"]} if "value" in each else {}
        if isinstance(each, dict) and not inner:
            inner = {f"{name}.{column_name(key)}": value for key, value in each.items()}
        for key, value in inner.items():
            if isinstance(value, str | int | Decimal) and (text := cell_text(value).strip()):
                plain.setdefault(key, []).append(text)
    if len(plain) > 1 and not plain[name]:
        del plain[name]
    values.update({key: BETWEEN_VALUES.join(texts) for key, texts in plain.items()})


def _is_named(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("key"), str) and "value" in each
