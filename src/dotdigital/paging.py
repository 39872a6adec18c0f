"""Reading a list page by page although its rows may shift meanwhile (contract §1.7)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Final

from dotdigital.decoding import Page, Row
from dotdigital.errors import Transient

MAX_PAGE: Final = 1000
DEFAULT_OVERLAP: Final = 100
_SAME_PAGE_TRIES: Final = 3
_MOST_STEPS_BACK: Final = 100
_MOST_REPETITIONS: Final = 100


def pages(read: Callable[[int, int], Page[Row]], *, size: int, overlap: int, start: int = 0) -> Iterator[Page[Row]]:
    """Yields the pages of a list; ``read(skip, select)`` fetches one. The first begins ``start`` rows after the first.

    The order of a list is not promised and rows shift while data change, so each page starts ``overlap`` rows before
    the end of the last one (at most half a page): rows come more than once, and removing duplicates is the caller's
    business. A page that shares no row with the last one means that more rows went away than the overlap covers; then
    reading goes back until it joins, so that no row is missed that was there all the time. The list ends with a page
    shorter than asked for. Raises ValueError for a size outside 1..1000 and a negative overlap or start, and Transient
    if the service keeps sending the same full page or the list changes faster than it can be read.
    """
    if not 1 <= size <= MAX_PAGE:
        raise ValueError(f"page_size is {size}: the service takes 1 to {MAX_PAGE}")
    if overlap < 0:
        raise ValueError(f"overlap is {overlap}: it cannot be negative")
    if start < 0:
        raise ValueError(f"start is {start}: it cannot be negative")
    return _Walk(read, size=size, overlap=min(overlap, size // 2), start=start).pages()


def flat(pages: Iterable[Page[Row]], *, key: Callable[[Row], Hashable] | None = None) -> Iterator[Row]:
    """Yields the rows of pages one by one; what could not be decoded is passed over, see ``Page.malformed``.

    Pages overlap, so a row can come more than once. With ``key``, such as ``lambda contact: contact.id``, each comes
    once; the keys that were seen are kept in memory until the end.
    """
    seen: set[Hashable] = set()
    for page in pages:
        for row in page:
            if key is not None:
                known = key(row)
                if known in seen:
                    continue
                seen.add(known)
            yield row


class Repetitions:
    """Notices a list that never ends because its pages come again and again, each perhaps with something changed.

    Pages are known by their first rows. Now and then a row comes first once more, as rows shift; a hundred times in one
    reading, the place that was asked for is not heeded. Only one row is held, which is exchanged for a later one ever
    more rarely: so a circle of any length is met.
    """

    def __init__(self) -> None:
        self._held: tuple[object, ...] = ()
        self._pages = 0
        self._exchanged_at = 1
        self._met = 0

    def look_at(self, page: Page[Any]) -> None:
        """Counts a page in. Raises Transient once its like came too often."""
        first = (*page.items[:1], *page.malformed[:1])
        self._pages += 1
        if first and first == self._held:
            self._met += 1
            if self._met == _MOST_REPETITIONS:
                raise Transient(
                    "Dotdigital sent the same page of a list again and again. Try again later.",
                    detail=f"paging: the same rows {_MOST_REPETITIONS} times",
                )
        if self._pages == self._exchanged_at:
            self._held, self._exchanged_at = first, 2 * self._pages


class _Walk:
    """One reading of one list."""

    def __init__(self, read: Callable[[int, int], Page[Row]], *, size: int, overlap: int, start: int) -> None:
        self._read = read
        self._size = size
        self._overlap = overlap
        self._step = size - overlap
        self._skip = start
        self._steps_back = 0
        self._repetitions = Repetitions()

    def pages(self) -> Iterator[Page[Any]]:
        """Yields page after page until a short one."""
        page = self._read(self._skip, self._size)
        while page.rows:
            self._repetitions.look_at(page)
            yield page
            if page.rows < self._size:
                return
            self._skip += self._step
            page = self._joined(self._fresh(page), page)

    def _fresh(self, last: Page[Any]) -> Page[Any]:
        """A service (or a cache on the way) that ignores ``skip`` would keep us reading for ever."""
        for _ in range(_SAME_PAGE_TRIES):
            page = self._read(self._skip, self._size)
            if page != last:
                return page
        raise Transient(
            "Dotdigital sent the same page of a list again and again. Try again later.",
            detail="paging: the same full page at different offsets",
        )

    def _joined(self, page: Page[Any], last: Page[Any]) -> Page[Any]:
        while self._overlap and self._skip and not _share_a_row(page, last):
            self._steps_back += 1
            if self._steps_back > _MOST_STEPS_BACK:
                raise Transient(
                    "A list in Dotdigital changes faster than it can be read. Try again later.",
                    detail=f"paging: went back {_MOST_STEPS_BACK} times",
                )
            self._skip = max(0, self._skip - self._step)
            page = self._read(self._skip, self._size)
        return page


def _share_a_row(page: Page[Any], last: Page[Any]) -> bool:
    # From behind, where the rows stand that the next page is expected to begin with.
    if any(row in page.items for row in reversed(last.items)):
        return True
    return not page.malformed_marks.isdisjoint(last.malformed_marks)
