"""The calls of one account at the host they go to now: what accounts, books and campaigns are built on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar

from dotdigital.decoding import Page, Row, decode_one, decode_page
from dotdigital.faults import read_faults
from dotdigital.models import Fault
from dotdigital.operations import Operation, fill
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE, pages
from dotdigital.uploads import Body
from dotdigital.wire import Call, Wire, bytes_of

Shape = TypeVar("Shape")
Part = int | str | datetime


class Session:
    """Sends operations to ``endpoint`` (scheme and host) and answers typed values."""

    def __init__(self, wire: Wire, endpoint: str) -> None:
        self.wire = wire
        self.endpoint = endpoint

    def get(self, operation: Operation, shape: type[Shape], **parts: Part) -> Shape:
        """Answers one object."""
        return self.read(operation, partial(decode_one, shape=shape), **parts)

    def read(self, operation: Operation, decode: Callable[[bytearray], Shape], **parts: Part) -> Shape:
        """Answers what ``decode`` makes of the whole body."""
        return self._run(Call(operation, fill(operation, **parts)), decode)

    def send(
        self, operation: Operation, decode: Callable[[bytearray], Shape], body: Body | None, **parts: Part
    ) -> Shape:
        """Sends a body and answers what ``decode`` makes of the answer."""
        return self._run(Call(operation, fill(operation, **parts), body=body), decode)

    def pages(
        self,
        operation: Operation,
        row: type[Row],
        *,
        page_size: int = MAX_PAGE,
        overlap: int = DEFAULT_OVERLAP,
        query: dict[str, str | int] | None = None,
        **parts: Part,
    ) -> Iterator[Page[Row]]:
        """Yields the pages of a list; see ``paging.pages`` for duplicates and the end."""
        path = fill(operation, **parts)

        def read(skip: int, select: int) -> Page[Row]:
            asked = Call(operation, path, query={**(query or {}), "select": select, "skip": skip}, nothing=b"[]")
            return self._run(asked, partial(decode_page, row=row))

        return pages(read, size=page_size, overlap=overlap)

    def faults(self, operation: Operation, **parts: Part) -> Iterator[Fault]:
        """Yields the rows of a faults CSV while it arrives."""
        call = Call(operation, fill(operation, **parts), accept="text/csv, */*;q=0.5")
        return self.wire.stream(self.endpoint, call, read_faults)

    def _run(self, call: Call, decode: Callable[[bytearray], Shape]) -> Shape:
        return self.wire.run(self.endpoint, call, lambda chunks: decode(bytes_of(chunks)))
