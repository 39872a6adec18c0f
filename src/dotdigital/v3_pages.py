"""Lists of v3: pages that lead to one another by markers (contract §7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic

import msgspec

from dotdigital.decoding import LONGEST_MENDED, Page, Row, decode_one, decode_page, json_object
from dotdigital.errors import Transient
from dotdigital.json_stream import Unreadable, whole_members
from dotdigital.operations import Operation
from dotdigital.paging import Repetitions
from dotdigital.session import Session

MAX_PAGE_V3: Final = 5000
# With all else, an address has to hold it.
_LONGEST_TOKEN: Final = 8192
# Pages without a row, one after the other, of a list that is believed to go on.
MOST_EMPTY: Final = 20


@dataclass(frozen=True, slots=True)
class MarkedPage(Page[Row], Generic[Row]):
    """A page with the ``marker`` of the next one; None for the last. A marker may be kept and read on from later."""

    marker: str | None = None


class _Marked(msgspec.Struct, frozen=True):
    """A page with its links; rows stay raw until they are decoded one by one or all at once."""

    # Not optional: something else in the place of a page would be the end of the list.
    items: msgspec.Raw = msgspec.field(name="_items")
    links: Any = msgspec.field(name="_links", default=None)


def check_limit(limit: int) -> None:
    """Raises ValueError for a limit outside 1..5000."""
    if not 1 <= limit <= MAX_PAGE_V3:
        raise ValueError(f"limit is {limit}: the service takes 1 to {MAX_PAGE_V3}")


def marked_pages(
    session: Session, operation: Operation, row: type[Row], query: dict[str, str | int], *, marker: str | None = None
) -> Iterator[MarkedPage[Row]]:
    """Yields the pages from a marker on, or from the first; ``query`` holds the ``limit``.

    The list ends with a page that names no next one, or is a short one that names itself; a page without rows is passed
    over, since the service promises no number of rows but says what follows. Raises Transient for markers that go in a
    circle, or go on and on without a row: going on would never end, and ending would lose what was not read.
    """
    limit = int(query["limit"])
    decode = partial(_decode, row=row, limit=limit)
    return _walk(lambda asked: session.read(operation, decode, query=query | _marking(asked)), limit, marker)


def _marking(marker: str | None) -> dict[str, str | int]:
    return {} if marker is None else {"marker": marker}


def _walk(read: Callable[[str | None], MarkedPage[Row]], limit: int, marker: str | None) -> Iterator[MarkedPage[Row]]:
    asked = {marker}
    empty = 0
    repetitions = Repetitions()
    while True:
        page = read(marker)
        repetitions.look_at(page)
        # Such a page is the end of the list, told by pointing at itself.
        if page.marker == marker and page.rows < limit:
            page = MarkedPage(page.items, page.malformed, page.unkept)
        marker = page.marker
        empty = 0 if page.rows else empty + 1
        if page.rows:
            yield page
        # Pages are large: whoever has done with one need not hold it while the next one is read.
        del page
        if marker is None:
            return
        if marker in asked or empty > MOST_EMPTY:
            raise Transient(
                "Dotdigital sent the pages of a list in a circle. Try again later.",
                detail="paging: a marker that was followed already, or pages without rows that do not end",
            )
        asked.add(marker)


def _decode(body: bytearray, *, row: type[Row], limit: int) -> MarkedPage[Row]:
    items, links = _parts(body)
    page = decode_page(items, row, limit)
    marker = json_object(json_object(links).get("next")).get("marker")
    return MarkedPage(page.items, page.malformed, page.unkept, as_token(marker) if marker else None)


def as_token(value: object) -> str:
    """Answers what is sent back to the service as it came, and kept meanwhile. Raises Unreadable for what cannot be."""
    token = str(value) if isinstance(value, str | int) else ""
    if not token.isprintable() or not 1 <= len(token) <= _LONGEST_TOKEN:
        raise Unreadable("a marker or checkpoint that could not be sent back")
    return token


def _parts(body: bytearray) -> tuple[bytes, Any]:
    """Answers the rows, still as JSON, and the links."""
    try:
        marked = msgspec.json.decode(body, type=_Marked)
        return bytes(marked.items), marked.links
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Half a character or a NaN somewhere: it must cost its own row and not the page.
    if len(body) > LONGEST_MENDED:
        raise Unreadable("the body is no JSON")
    found = dict(whole_members(bytes(body)))
    if "_items" not in found:
        raise Unreadable("a page with _items was expected")
    return found["_items"], decode_one(found.get("_links", b"null"), object)
