"""From bodies to typed rows: a whole page at once, and row by row when one of its rows is bad."""

from __future__ import annotations

import codecs
import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from dotdigital.json_stream import Unreadable, entries

Row = TypeVar("Row")

RAW_LIMIT: Final = 2048
# Malformed rows of a page that are kept to be looked at; of further ones only a mark is.
KEPT: Final = 20
# Rows of a list that is not asked for by pages: no account has nearly as many of what the service does not page.
MAX_UNPAGED: Final = 10_000
# A row of the service, a campaign with its text included, stays well below.
_LONGEST_ROW: Final = 4 * 1024 * 1024
# Years of a date that stands for none.
_NEVER: Final = frozenset({1, 9999})
# Numbers, texts, lists and objects of one answer. A page of 5,000 contacts with 80 values each has a tenth of them.
MOST_VALUES: Final = 4_000_000
# No row is nested as deeply: a contact in a list has values in a list.
_DEEPEST: Final = 10
# A page that only the slow and patient parser reads.
LONGEST_MENDED: Final = 32 * 1024 * 1024
_PIECE: Final = 64 * 1024


class TooManyValues(Exception):
    """An answer of more values than any of the service has. Each takes many times the memory that it takes to send."""


class Malformed(msgspec.Struct, frozen=True):
    """A row that could not be decoded. ``raw`` is its JSON, at most 2 kB of it, and may hold personal data."""

    raw: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list: the rows that could be decoded and those that could not.

    ``malformed`` holds the first of the bad rows; of the others ``unkept`` has one mark each. Rows beyond those asked
    for are not read, and a last entry of ``malformed`` without ``raw`` says so: such a list is not complete.
    """

    items: list[Row]
    malformed: list[Malformed] = field(default_factory=list[Malformed])
    unkept: list[int] = field(default_factory=list[int])

    def __iter__(self) -> Iterator[Row]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def rows(self) -> int:
        """How many rows the answer had, decoded or not."""
        return len(self.items) + len(self.malformed) + len(self.unkept)

    @property
    def malformed_marks(self) -> set[int]:
        """Marks of the malformed rows, kept or not, that are the same for the same row of another page."""
        return {hash(row) for row in self.malformed if row.raw} | set(self.unkept)

    def refuse(self, row: Malformed) -> None:
        """Counts a malformed row, and keeps it if it is one of the first."""
        if len(self.malformed) < KEPT:
            self.malformed.append(row)
        else:
            self.unkept.append(hash(row))


def values_in(body: bytes | bytearray) -> int:
    """How many values a piece of JSON may hold, at most: a comma or bracket within a text counts as one."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def check_values(body: bytes | bytearray) -> None:
    """Raises TooManyValues for a body that would fill the memory once it is decoded."""
    # Each value takes two bytes at least, with what parts it from the next one.
    if len(body) > 2 * MOST_VALUES and values_in(body) > MOST_VALUES:
        raise TooManyValues


def decode_page(body: bytes | bytearray, row: type[Row], limit: int = MAX_UNPAGED) -> Page[Row]:
    """Answers the rows of a JSON list; a bad row goes to ``malformed`` and costs none of the others.

    However many rows the body has, no more than ``limit`` are ever held. Raises Unreadable if the body is not a JSON
    list (cut, malformed, or something else).
    """
    try:
        return _limited(_split(body, row, limit), limit)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return _row_by_row(body, row, limit)


def decode_one(body: bytes | bytearray, shape: type[Row]) -> Row:
    """Answers one object, with a question mark for each half character. Raises Unreadable if the body is not one.

    Of a shape that needs no key it has one at least: counters that are all absent would be an answer of somebody else.
    """
    found = _one(body, shape)
    keys = _keys_of(cast(Hashable, shape))
    if keys and keys.isdisjoint(json_object(_one(body, dict[str, object]))):
        raise Unreadable("an object of something else")
    return found


@cache
def _keys_of(shape: Any) -> frozenset[str]:
    """The keys of a shape that needs none of them; none of any other."""
    if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
        return frozenset()
    fields = msgspec.structs.fields(shape)
    return frozenset() if any(each.required for each in fields) else frozenset(each.encode_name for each in fields)


def _one(body: bytes | bytearray, shape: type[Row]) -> Row:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        pass
    if len(body) > _LONGEST_ROW:
        raise Unreadable(f"an object of more than {_LONGEST_ROW} bytes that is not quite one")
    try:
        # A half character can be stored or sent nowhere, and of an object there is no other one to go on with.
        whole = json.dumps(_loads(body), ensure_ascii=False).encode(errors="replace")
        return _convert(json.loads(whole), shape)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise Unreadable(_reason(error)) from error


def moment(value: datetime | None) -> datetime | None:
    """Answers an aware UTC time; None for null and the years 1 and 9999, which stand for "never" (contract §4.9).

    The smallest and the largest moment of the service's own language are written there where no date is known. The
    last hours of the year 9999 are, moreover, a moment that has no name in the zones east of Greenwich.
    """
    if value is None or value.year in _NEVER:
        return None
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def parse_moment(text: str) -> datetime | None:
    """Answers the time written in ``text`` (contract §1.6). Raises ValueError if it is none."""
    return moment(msgspec.convert(_date(text), datetime, strict=True))


@lru_cache(64)
def _decoder(row: Any, limit: int) -> msgspec.json.Decoder[Any]:
    """Reads the first rows of a list and passes over the others without making anything of them.

    A list type would be read whole before its length is looked at. This is a struct written as a list, with a field for
    each row.
    """
    fields = [(f"row{at}", row | msgspec.UnsetType, msgspec.UNSET) for at in range(limit + 1)]
    return msgspec.json.Decoder(msgspec.defstruct("Rows", fields, array_like=True, gc=False))


def _split(body: bytes | bytearray, row: type[Row], limit: int) -> list[Row]:
    """Answers the first rows of a list, one more than ``limit`` at most."""
    rows = msgspec.structs.astuple(_decoder(cast(Hashable, row), limit).decode(body))
    return [each for each in rows if each is not msgspec.UNSET]


def _limited(rows: list[Row], limit: int) -> Page[Row]:
    page = Page(rows[:limit])
    if len(rows) > limit:
        page.malformed.append(_surplus(limit))
    return page


def _surplus(limit: int) -> Malformed:
    return Malformed("", f"more rows than the {limit} asked for: the others were not read")


def _row_by_row(body: bytes | bytearray, row: type[Row], limit: int) -> Page[Row]:
    page: Page[Row] = Page([])
    for at, raw in enumerate(_raw_rows(body, limit)):
        if at == limit:
            page.malformed.append(_surplus(limit))
            break
        try:
            page.items.append(_read(bytes(raw), row))
        except (msgspec.ValidationError, Unreadable, TypeError, ValueError) as error:
            page.refuse(malformed(bytes(raw[:RAW_LIMIT]), _reason(error)))
    return page


def _raw_rows(body: bytes | bytearray, limit: int) -> Iterator[memoryview | bytes]:
    """Yields the rows of a list as they came. Raises Unreadable for what is no list.

    A row that no parser takes, for what is in it or for how deeply it is nested, is a row all the same.
    """
    try:
        return map(memoryview, _split(body.removeprefix(codecs.BOM_UTF8), msgspec.Raw, limit))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if len(body) > LONGEST_MENDED:
            raise Unreadable("the body is no JSON") from None
    return entries(bytes(body[at : at + _PIECE]) for at in range(0, len(body), _PIECE))


def _read(raw: bytes, shape: type[Row]) -> Row:
    """Answers a row. Raises Unreadable, ValueError or what msgspec does for a bad one."""
    if len(raw) > _LONGEST_ROW:
        raise Unreadable(f"a row of more than {_LONGEST_ROW} bytes")
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        entry = _loads(raw)
    # A row with half a character cannot be stored or sent anywhere: it is malformed, not to be mended by guessing.
    json.dumps(entry, ensure_ascii=False).encode()
    return _convert(entry, shape)


def _text(body: bytes | bytearray) -> str:
    return body.decode("utf-8-sig", errors="surrogateescape")


def malformed(raw: bytes, reason: str) -> Malformed:
    """Answers an entry that could not be decoded as one to be looked at."""
    return Malformed(raw[:RAW_LIMIT].decode(errors="backslashreplace")[:RAW_LIMIT], reason)


def json_object(value: Any) -> dict[str, Any]:
    """Answers the value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def json_list(value: Any) -> list[object]:
    """Answers the value if it is a JSON list, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _loads(body: bytes | bytearray) -> Any:
    """The standard library's parser takes lone surrogates and bytes that are no UTF-8: only their rows are lost."""
    try:
        return json.loads(_text(body), parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("no complete JSON, or beyond all bounds") from error


def _convert(entry: Any, shape: type[Row]) -> Row:
    """Answers the entry in its shape; nulls where a value is expected count as absent."""
    try:
        return msgspec.convert(entry, shape)
    except msgspec.ValidationError:
        if not isinstance(entry, dict):
            raise
        present = {key: _mended(key, value, shape) for key, value in json_object(entry).items() if value is not None}
    try:
        return msgspec.convert(present, shape)
    except msgspec.ValidationError:
        # A number written as a text is one all the same, such as an id that passed through another program.
        return msgspec.convert(_without_nulls(present, _DEEPEST), shape, strict=False)


def _without_nulls(value: Any, depth: int) -> Any:
    """The value without the nulls in it, to so many levels."""
    if depth and isinstance(value, dict):
        return {key: _without_nulls(each, depth - 1) for key, each in json_object(value).items() if each is not None}
    if depth and isinstance(value, list):
        return [_without_nulls(each, depth - 1) for each in json_list(value) if each is not None]
    return value


def _mended(key: str, value: Any, shape: type[Row]) -> Any:
    return _date(value) if isinstance(value, str) and key in _date_keys(cast(Hashable, shape)) else value


@cache
def _date_keys(shape: Any) -> frozenset[str]:
    if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
        return frozenset()
    return frozenset(each.encode_name for each in msgspec.structs.fields(shape) if each.type == (datetime | None))


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        # Python's own error quotes the text, which may be anything, and would stand in whatever traceback is logged.
        raise ValueError("no date") from None


def _reason(error: Exception) -> str:
    """What is wrong with a row. Only the decoder's own messages are kept; others may quote the value."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        return "text that is not valid Unicode"
    return str(error)[:300] if isinstance(error, msgspec.ValidationError) else "a value that cannot be read"
