"""Reading a list page by page although its rows may shift meanwhile (contract §1.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from dotdigital.decoding import Page, Row
from dotdigital.errors import Transient

MAX_PAGE: Final = 1000
DEFAULT_OVERLAP: Final = 100
_SAME_PAGE_TRIES: Final = 3


def pages(read: Callable[[int, int], Page[Row]], *, size: int, overlap: int) -> Iterator[Page[Row]]:
    """Yields the pages of a list; ``read(skip, select)`` fetches one.

    The order of a list is not promised and rows shift while data change, so each page starts ``overlap`` rows before
    the end of the last one (at most half a page): rows come more than once, and removing duplicates is the caller's
    business. The list ends with a page shorter than asked for. Raises ValueError for a size outside 1..1000 or a
    negative overlap, and Transient if the service keeps sending the same full page.
    """
    if not 1 <= size <= MAX_PAGE:
        raise ValueError(f"page_size is {size}: the service takes 1 to {MAX_PAGE}")
    if overlap < 0:
        raise ValueError(f"overlap is {overlap}: it cannot be negative")
    return _walk(read, size=size, step=size - min(overlap, size // 2))


def _walk(read: Callable[[int, int], Page[Row]], *, size: int, step: int) -> Iterator[Page[Row]]:
    skip = 0
    last: Page[Row] | None = None
    while True:
        page = read(skip, size)
        if last is not None:
            page = _unless_repeated(page, last, partial(read, skip, size))
        if page.rows:
            yield page
        if page.rows < size:
            return
        last = page
        skip += step


def _unless_repeated(page: Page[Row], last: Page[Row], again: Callable[[], Page[Row]]) -> Page[Row]:
    """A service (or a cache on the way) that ignores ``skip`` would keep us reading for ever."""
    for _ in range(_SAME_PAGE_TRIES):
        if page.items != last.items or page.malformed != last.malformed:
            return page
        page = again()
    raise Transient(
        "Dotdigital sent the same page of a list again and again. Try again later.",
        detail="paging: the same full page at different offsets",
    )
