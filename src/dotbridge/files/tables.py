"""Several tables on one sheet, beside and below each other: the first is read, and every line of the others is named.

Whoever another table says to have opted out counts as such in the first one as well: see `other_parts`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from dotbridge.files.consent_cells import Says
from dotbridge.files.consent_headers import ConsentKind, listed_kind
from dotbridge.files.headers import Role, plain, role_of
from dotbridge.files.records import BrokenLine, Cell, Found, Record, Skipped, Source, cell_text, is_blank
from dotbridge.files.said_of_all import said_of_all
from dotbridge.files.texts import text as _

_LOOKED_AT = 200
_LOOKED_AHEAD = 5
_LONGEST_NAME = 60


class OtherTable:
    """A table that is not the first one, as a source of its own. Its lines are those of the sheet.

    It stands in the columns from `left` on, from the line `top` on, which names its columns if it has `names`.
    """

    def __init__(self, source: Source, *, top: int, columns: slice, names: Sequence[str], above: Sequence[Skipped]):
        self.format, self.found_encoding, self.encoding = source.format, source.found_encoding, source.encoding
        self.delimiter, self.part = source.delimiter, ""
        self.other_parts: tuple[str, ...] = ()
        self.headers, self.has_names = _named(names), True
        self.bottom: int | None = None
        self._source, self._top, self._columns, self._above = source, top, columns, tuple(above)

    def records(self) -> Iterator[Found]:
        """What stands above it, and every record of it."""
        yield from self._above
        for found in self._source.records():
            if found.line <= self._top:
                continue
            if self.bottom is not None and found.line >= self.bottom:
                return
            cells = found.cells[self._columns]
            if not isinstance(found, Skipped) and not all(map(is_blank, cells)):
                width = len(self.headers)
                yield Record(found.line, (*cells[:width], *[""] * (width - len(cells))))


class FirstTable:
    """The first table of a source, and in `others` those beside and below it, which are known once all was read."""

    def __init__(self, source: Source) -> None:
        self.format, self.found_encoding, self.encoding = source.format, source.found_encoding, source.encoding
        self.delimiter, self.part, self.other_parts = source.delimiter, source.part, source.other_parts
        self.has_names = source.has_names
        self._source = source
        starts = _tables_beside(source) if source.has_names else []
        self._beside = [slice(start, end) for start, end in pairwise([*starts, len(source.headers)])]
        self._width = _without_gap(source.headers, starts[0]) if starts else len(source.headers)
        self.headers = source.headers[: self._width]
        self.others: list[OtherTable] = []
        self._names = [plain(header) for header in self.headers]

    def records(self) -> Iterator[Found]:
        """Every record of the first table, and in its place every line of another one as one that is not taken."""
        self.others = [
            OtherTable(
                self._source,
                top=0,
                columns=columns,
                names=self._source.headers[columns],
                above=list(self._titles_of(columns)),
            )
            for columns in self._beside
        ]
        below: OtherTable | None = None
        above: Found | None = None
        rows, coming = self._source.records(), deque[Found]()
        while (found := coming.popleft() if coming else next(rows, None)) is not None:
            if below is None and not self._beside and isinstance(found, Record) and _holds_address(found.cells):
                # Nearly all: nothing else is to be asked of them.
                above = found
                yield found
                continue
            yield from self._lines_beside(found)
            own = self._own(found)
            if own is None:
                continue
            if not isinstance(own, Skipped) and not _holds_address(own.cells):
                if self._are_own_names(own.cells):
                    self._end(below, own)
                    below = None
                else:
                    coming.extend(islice(rows, _LOOKED_AHEAD - len(coming)))
                    if _name_a_table(own.cells, coming):
                        self._end(below, own)
                        below = self._begin(own, above)
                        yield Skipped(own.line, _in_one_line(own.cells), _("It names the columns of another table."))
                        continue
            above = own
            yield own if below is None or isinstance(own, Skipped) else _in_another(own, _below())

    def _end(self, table: OtherTable | None, at: Found) -> None:
        """Note where a table ends."""
        if table is not None:
            table.bottom = at.line

    def _begin(self, names: Record | BrokenLine, above: Found | None) -> OtherTable:
        titles = []
        if above is not None and above.cells and not _holds_address(above.cells):
            titles.append(Skipped(above.line, _in_one_line(above.cells), ""))
        texts = [cell_text(cell) for cell in names.cells]
        table = OtherTable(self._source, top=names.line, columns=slice(0, None), names=texts, above=titles)
        self.others.append(table)
        return table

    def _own(self, found: Found) -> Found | None:
        """What stands in the columns of the first table; None if nothing does."""
        if not self._beside or not found.cells:
            return found
        cells = found.cells[: self._width]
        if all(map(is_blank, cells)):
            return None
        if isinstance(found, Record):
            return replace(found, cells=cells)
        return replace(found, cells=cells, text=_in_one_line(cells))

    def _lines_beside(self, found: Found) -> Iterator[BrokenLine]:
        if self._beside and not isinstance(found, Skipped):
            cells = found.cells[self._beside[0].start :]
            if not all(map(is_blank, cells)):
                yield _in_another(replace(found, cells=cells), _("It stands in another table, beside the first one."))

    def _titles_of(self, columns: slice) -> Iterator[Skipped]:
        for found in self._source.records():
            if not isinstance(found, Skipped):
                return
            if text := _in_one_line(found.cells[columns]):
                yield replace(found, text=text, cells=found.cells[columns])

    def _are_own_names(self, cells: Sequence[Cell]) -> bool:
        filled = [(position, cell) for position, cell in enumerate(cells) if not is_blank(cell)]
        return all(
            position < len(self._names) and plain(cell_text(cell)) == self._names[position] for position, cell in filled
        )


def _tables_beside(source: Source) -> list[int]:
    """Where tables begin beside the first one: behind an empty column, with a column of addresses of their own.

    They say some of the names of the first once more, or that everybody in them has opted out. Without that, what
    stands behind an empty column is more of the same person.
    """
    headers = source.headers
    if said_by_columns := _columns_of_who_left(source):
        return said_by_columns
    gaps = [position for position in range(1, len(headers) - 1) if _is_unnamed(headers, position)]
    if not gaps:
        return []
    first = list(islice(source.records(), _LOOKED_AT))
    gaps = [gap for gap in gaps if all(is_blank(cell) for found in first for cell in found.cells[gap : gap + 1])]
    starts = [gap + 1 for gap in gaps if not _is_unnamed(headers, gap + 1) and gap + 1 < len(headers)]
    found_starts: list[int] = []
    for start, end in pairwise([*starts, len(headers)]):
        own = {plain(header) for header in headers[: (found_starts or [start])[0]]}
        if _is_table(headers, slice(start, end), own, first):
            found_starts.append(start)
    return found_starts


def _columns_of_who_left(source: Source) -> list[int]:
    """The last columns, where they hold the addresses of those who have left, as their names say, and one before them
    those of who has not: "Subscribed", "Unsubscribed" and "Cleaned". Nobody there is the person of the row.
    """
    headers = source.headers
    start = len(headers)
    while start > 1 and said_of_all(headers[start - 1]) is Says.OPTED_OUT:
        start -= 1
    if start == len(headers) or not any(said_of_all(header) is Says.NOTHING for header in headers[:start]):
        return []
    rows = [found.cells for found in islice(source.records(), _LOOKED_AT) if isinstance(found, Record)]
    columns = [
        [cells[position] for cells in rows if not is_blank(cells[position])] for position in range(start, len(headers))
    ]
    are_lists = all(column and _are_addresses(column) and len(set(column)) == len(column) for column in columns)
    is_beside_people = any(_holds_address(cells[:start]) for cells in rows)
    return list(range(start, len(headers))) if are_lists and is_beside_people else []


def _is_table(headers: Sequence[str], columns: slice, own: set[str], first: Sequence[Found]) -> bool:
    names = headers[columns]
    records = [found.cells[columns] for found in first if isinstance(found, Record)]
    titles = [_in_one_line(found.cells[columns]) for found in first if isinstance(found, Skipped)]
    if not any(map(_holds_address, records)):
        return False
    says_out = any(said_of_all(text) is Says.OPTED_OUT for text in titles if text)
    says_out = says_out or any(
        listed_kind(name) is ConsentKind.OPTED_OUT and _are_addresses([cells[at] for cells in records])
        for at, name in enumerate(names)
    )
    is_repeated = any(role_of(name) is Role.EMAIL and plain(name) in own for name in names)
    return says_out or (is_repeated and len({plain(name) for name in names} & own) > 1)


def _are_addresses(cells: Sequence[Cell]) -> bool:
    filled = [cell for cell in cells if not is_blank(cell)]
    return sum("@" in cell_text(cell) for cell in filled) * 2 > len(filled)


def _without_gap(headers: Sequence[str], start: int) -> int:
    """How many columns stand before the empty ones in front of a table."""
    while start > 1 and _is_unnamed(headers, start - 1):
        start -= 1
    return start


def _is_unnamed(headers: Sequence[str], position: int) -> bool:
    return headers[position] == _unnamed(position)


def _unnamed(position: int) -> str:
    return _("Column %(number)d") % {"number": position + 1}


def _named(names: Sequence[str]) -> list[str]:
    while names and not names[-1].strip():
        names = names[:-1]
    return [name.strip() or _unnamed(position) for position, name in enumerate(names)]


def _name_a_table(cells: Sequence[Cell], coming: Iterable[Found]) -> bool:
    """Whether a line names the columns of a table: one is the e-mail address, and below it stands one."""
    texts = {position: cell_text(cell).strip() for position, cell in enumerate(cells) if not is_blank(cell)}
    if len(texts) < 2 or any(len(text) > _LONGEST_NAME for text in texts.values()):
        return False
    known = [position for position, text in texts.items() if role_of(text) or listed_kind(text)]
    if len(known) < 2 or len(known) * 2 < len(texts):
        return False
    return any(
        role_of(texts[position]) is Role.EMAIL
        and any("@" in cell_text(cell) for found in coming for cell in found.cells[position : position + 1])
        for position in known
    )


def _holds_address(cells: Sequence[Cell]) -> bool:
    return any("@" in cell for cell in cells if isinstance(cell, str))


def _in_one_line(cells: Sequence[Cell]) -> str:
    return " ".join(cell_text(cell).strip() for cell in cells if not is_blank(cell))


def _in_another(found: Record | BrokenLine, why: str) -> BrokenLine:
    mend = _("Put that table on a sheet or in a file of its own, and load it by itself.")
    return BrokenLine(found.line, _in_one_line(found.cells), why, mend)


def _below() -> str:
    return _("It stands in another table, below the first one.")
