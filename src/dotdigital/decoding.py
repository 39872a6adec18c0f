"""From bodies to typed rows: a whole page at once, and row by row when one of its rows is bad."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

Row = TypeVar("Row")

RAW_LIMIT: Final = 2048


class Unreadable(Exception):
    """A body that is not what the operation answers; the reason holds nothing from the body."""


class Malformed(msgspec.Struct, frozen=True):
    """A row that could not be decoded. ``raw`` is its JSON, at most 2 kB of it, and may hold personal data."""

    raw: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list: the rows that could be decoded and those that could not."""

    items: list[Row]
    malformed: list[Malformed] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def rows(self) -> int:
        """How many rows the answer had, decoded or not."""
        return len(self.items) + len(self.malformed)


def decode_page(body: bytes | bytearray, row: type[Row]) -> Page[Row]:
    """Answers the rows of a JSON list; a bad row goes to ``malformed`` and costs none of the others.

    Raises Unreadable if the body is not a JSON list (cut, malformed, or something else).
    """
    try:
        return Page(cast(list[Row], _decoder(cast(Hashable, row)).decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return _row_by_row(body, row)


def decode_one(body: bytes | bytearray, shape: type[Row]) -> Row:
    """Answers one object. Raises Unreadable if the body is not one."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        pass
    try:
        return _convert(_loads(body), shape)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise Unreadable(_reason(error)) from error


def moment(value: datetime | None) -> datetime | None:
    """Answers an aware UTC time; None for null and the year 1, which stand for "never" (contract §4.9)."""
    if value is None or value.year == 1:
        return None
    if value.tzinfo is UTC:
        return value
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        # The last hours of the year 9999, seen from another zone, stand for "never" as the year 1 does.
        return None


def parse_moment(text: str) -> datetime | None:
    """Answers the time written in ``text`` (contract §1.6). Raises ValueError if it is none."""
    return moment(msgspec.convert(_date(text), datetime, strict=True))


@cache
def _decoder(row: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[row])


def _row_by_row(body: bytes | bytearray, row: type[Row]) -> Page[Row]:
    content = _loads(body)
    if not isinstance(content, list):
        raise Unreadable(f"a list was expected, not {type(content).__name__}")
    page: Page[Row] = Page([])
    for entry in content:
        try:
            # A row with half a character cannot be stored or sent anywhere: it is malformed, not to be mended by
            # guessing.
            raw = json.dumps(entry, ensure_ascii=False)
            raw.encode()
            page.items.append(_convert(entry, row))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            shown = raw.encode(errors="backslashreplace").decode()[:RAW_LIMIT]
            page.malformed.append(Malformed(raw=shown, reason=_reason(error)))
    return page


def _loads(body: bytes | bytearray) -> Any:
    """The standard library's parser takes lone surrogates and bytes that are no UTF-8: only their rows are lost."""
    try:
        return json.loads(body.decode("utf-8-sig", errors="surrogateescape"), parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not complete JSON") from error


def _convert(entry: Any, shape: type[Row]) -> Row:
    """Answers the entry in its shape; nulls where a value is expected count as absent."""
    try:
        return msgspec.convert(entry, shape)
    except msgspec.ValidationError:
        if not isinstance(entry, dict):
            raise
        present = {key: _mended(key, value, shape) for key, value in entry.items() if value is not None}
        return msgspec.convert(present, shape)


def _mended(key: str, value: Any, shape: type[Row]) -> Any:
    return _date(value) if isinstance(value, str) and key in _date_keys(cast(Hashable, shape)) else value


@cache
def _date_keys(shape: Any) -> frozenset[str]:
    if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
        return frozenset()
    return frozenset(each.encode_name for each in msgspec.structs.fields(shape) if each.type == (datetime | None))


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text.strip())


def _reason(error: Exception) -> str:
    """What is wrong with a row. Only the decoder's own messages are kept; others may quote the value."""
    if isinstance(error, UnicodeEncodeError):
        return "text that is not valid Unicode"
    return str(error)[:300] if isinstance(error, msgspec.ValidationError) else "a value that cannot be read"
