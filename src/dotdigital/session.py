"""The calls of one account at the host they go to now: what accounts, books and campaigns are built on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar

from dotdigital.answers import ERROR_BODY_LIMIT, read_refusal
from dotdigital.decoding import Page, Row, check_values, decode_one, decode_page
from dotdigital.faults import read_faults
from dotdigital.json_stream import Unreadable
from dotdigital.models import Contact, Fault
from dotdigital.operations import Operation, fill, with_full_data
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE, pages
from dotdigital.uploads import Body, JsonBody
from dotdigital.wire import Call, Query, Wire, bytes_of

Shape = TypeVar("Shape")
Part = int | str | datetime


class Session:
    """Sends operations to ``endpoint`` (scheme and host) and answers typed values."""

    def __init__(self, wire: Wire, endpoint: str) -> None:
        self.wire = wire
        self.endpoint = endpoint

    def get(
        self,
        operation: Operation,
        shape: type[Shape],
        *,
        query: Query | None = None,
        nothing: bytes = b"",
        **parts: Part,
    ) -> Shape:
        """Answers one object; ``nothing`` is the JSON that an answer without a body stands for."""
        call = Call(operation, fill(operation, **parts), query=query or {}, nothing=nothing)
        return self._run(call, partial(decode_one, shape=shape))

    def read(
        self, operation: Operation, decode: Callable[[bytearray], Shape], *, query: Query | None = None, **parts: Part
    ) -> Shape:
        """Answers what ``decode`` makes of the whole body."""
        return self._run(Call(operation, fill(operation, **parts), query=query or {}), decode)

    def post(
        self, operation: Operation, shape: type[Shape], value: object, *, query: Query | None = None, **parts: Part
    ) -> Shape:
        """Sends a value as JSON, or no body for None, and answers one object."""
        body = None if value is None else JsonBody(value)
        call = Call(operation, fill(operation, **parts), query=query or {}, body=body)
        return self._run(call, partial(decode_one, shape=shape))

    def upload(self, operation: Operation, shape: type[Shape], body: Body, **parts: Part) -> Shape:
        """Sends a body that is not JSON in memory, and answers one object."""
        return self._run(Call(operation, fill(operation, **parts), body=body), partial(decode_one, shape=shape))

    def tell(self, operation: Operation, value: object = None, **parts: Part) -> None:
        """Sends a value as JSON, or no body for None; of what comes back nothing is kept."""
        self.ask(operation, _done, value, **parts)

    def ask(
        self, operation: Operation, decode: Callable[[bytearray], Shape], value: object = None, **parts: Part
    ) -> Shape:
        """Sends a value as JSON, or no body for None, and answers what ``decode`` makes of the answer."""
        body = None if value is None else JsonBody(value)
        return self._run(Call(operation, fill(operation, **parts), body=body), decode)

    def rows(self, operation: Operation, row: type[Row], *, query: Query | None = None, **parts: Part) -> Page[Row]:
        """Answers a list that the service does not page."""
        call = Call(operation, fill(operation, **parts), query=query or {}, nothing=b"[]")
        return self._run(call, partial(decode_page, row=row))

    def pages(
        self,
        operation: Operation,
        row: type[Row],
        *,
        page_size: int = MAX_PAGE,
        overlap: int = DEFAULT_OVERLAP,
        start: int = 0,
        query: Query | None = None,
        **parts: Part,
    ) -> Iterator[Page[Row]]:
        """Yields the pages of a list; see ``paging.pages`` for duplicates and the end."""
        path = fill(operation, **parts)

        def one_page(skip: int, select: int) -> Page[Row]:
            asked = Call(operation, path, query={**(query or {}), "select": select, "skip": skip}, nothing=b"[]")
            return self._run(asked, partial(decode_page, row=row, limit=select))

        return pages(one_page, size=page_size, overlap=overlap, start=start)

    def read_stream(
        self,
        operation: Operation,
        decode: Callable[[Iterator[bytes]], Shape],
        *,
        query: Query | None = None,
        **parts: Part,
    ) -> Shape:
        """Answers what ``decode`` makes of the body while it arrives; it may leave the rest unread."""
        return self.wire.run(self.endpoint, Call(operation, fill(operation, **parts), query=query or {}), decode)

    def stream(
        self, operation: Operation, decode: Callable[[Iterator[bytes]], Iterator[Shape]], **parts: Part
    ) -> Iterator[Shape]:
        """Yields what ``decode`` makes of the body while it arrives; see ``Wire.stream`` for interruptions."""
        return self.wire.stream(self.endpoint, Call(operation, fill(operation, **parts)), decode)

    def download(
        self,
        operation: Operation,
        write: Callable[[Iterator[bytes]], None],
        hear: Callable[[dict[str, str]], None],
        **parts: Part,
    ) -> None:
        """Has ``write`` take a body of any media type while it arrives, after ``hear`` was given its headers."""
        call = Call(operation, fill(operation, **parts), accept="*/*", hear=hear)
        self.wire.run(self.endpoint, call, write)

    def faults(self, operation: Operation, **parts: Part) -> Iterator[Fault]:
        """Yields the rows of a faults CSV while it arrives."""
        call = Call(operation, fill(operation, **parts), accept="text/csv, */*;q=0.5")
        return self.wire.stream(self.endpoint, call, read_faults)

    def _run(self, call: Call, decode: Callable[[bytearray], Shape]) -> Shape:
        return self.wire.run(self.endpoint, call, lambda chunks: decode(_decodable(bytes_of(chunks))))

    def contact_pages(
        self,
        operation: Operation,
        *,
        full_data: bool,
        page_size: int = MAX_PAGE,
        overlap: int = DEFAULT_OVERLAP,
        start: int = 0,
        **parts: Part,
    ) -> Iterator[Page[Contact]]:
        """Yields the pages of a list of contacts, on request with their data fields (contract §4.1, F)."""
        query = {"withFullData": "true" if full_data else "false"}
        weighed = with_full_data(operation, full_data=full_data)
        return self.pages(weighed, Contact, query=query, page_size=page_size, overlap=overlap, start=start, **parts)


def _decodable(body: bytearray) -> bytearray:
    """Answers the body. Raises TooManyValues, and Unreadable for a refusal.

    A refusal can come inside a 200 (contract §3.1), and most shapes could be read out of it."""
    if len(body) <= ERROR_BODY_LIMIT and body.lstrip().startswith(b"{") and read_refusal(bytes(body)) is not None:
        raise Unreadable("a refusal inside of a success")
    check_values(body)
    return body


def _done(body: bytearray) -> None:
    """What the service answers where there is nothing to be told; a page of something on the way is no such answer."""
    if body.lstrip().startswith(b"<"):
        raise Unreadable("HTML or XML")
