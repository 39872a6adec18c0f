"""One record of a file as the values of one person; what cannot be read is a Problem with its mend.

Only a line without an address is refused. Of every other the person is taken, without what cannot be read.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from dotbridge.files.addresses import other_spelling, read_address
from dotbridge.files.consent_columns import Says
from dotbridge.files.damage import Unreadable, check_text, unwrapped
from dotbridge.files.headers import Role
from dotbridge.files.names import is_company, split_name
from dotbridge.files.records import Cell, Record, cell_text, is_blank
from dotbridge.files.report import Problem
from dotbridge.files.targets import ADDRESS, FULL_NAME
from dotbridge.files.understanding import Understanding, shown
from dotbridge.files.values import ColumnReader, moment


@dataclass(frozen=True)
class OptOut:
    """What one cell says against writing to its person. `doubtful`: it could not be understood, and so counts."""

    column: str
    value: str
    happened_at: datetime.datetime | None
    doubtful: bool


@dataclass
class ReadRow:
    """An address and the values of one person; what the file leaves empty is not among them.

    `other_email` is the address with its domain in ASCII, where that differs. `further` are the values beyond the first
    of fields that can have several.
    """

    line: int
    email: str
    other_email: str | None
    values: dict[str, Any] = field(default_factory=dict)
    further: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opt_outs: list[OptOut] = field(default_factory=list)


def read_row(record: Record, understood: Understanding) -> tuple[ReadRow | None, list[Problem]]:
    """The row's values, or None if it is refused, and what is wrong with it."""
    problems: list[Problem] = []
    addresses = _addresses(record, understood, problems)
    if not addresses:
        return None, problems
    row = ReadRow(record.line, addresses[0], other_spelling(addresses[0]))
    if len(addresses) > 1:
        row.further[ADDRESS] = addresses[1:]
    for name, positions in understood.fields.items():
        if name == FULL_NAME:
            _take_full_name(record, positions, understood, row, problems)
        elif name != ADDRESS:
            _take(record, name, positions, understood, row, problems)
    row.opt_outs = list(_opt_outs(record, understood, problems))
    return row, problems


def _addresses(record: Record, understood: Understanding, problems: list[Problem]) -> tuple[str, ...]:
    """The addresses of all address columns. One that is none is told, and refuses the row if no other is left."""
    found: dict[str, None] = {}
    unread: list[tuple[int, Cell, str]] = []
    positions = understood.fields[ADDRESS]
    for position in positions:
        cell = record.cells[position]
        if is_blank(cell):
            continue
        read = read_address(unwrapped(cell_text(cell)))
        found.update(dict.fromkeys(read.addresses))
        if not read.addresses:
            unread.append((position, cell, read.why))
    mend = _("Write one address such as name@example.com.")
    if not found and not unread:
        unread.append((positions[0], "", _("There is no e-mail address.")))
        mend = _("Add an address, or leave the person out.")
    for position, cell, why in unread[: None if found else 1]:
        column = understood.source.headers[position]
        problems.append(
            Problem(line=record.line, column=column, value=shown(cell), why=why, mend=mend, taken=bool(found))
        )
    return tuple(found)


def _take(
    record: Record,
    name: str,
    positions: list[int],
    understood: Understanding,
    row: ReadRow,
    problems: list[Problem],
) -> None:
    """Take the first filled cell that can be read; with a place for further values, those of the other cells too."""
    target = understood.target.fields[name]
    further: dict[str, None] = {}
    for position in positions:
        cell = record.cells[position]
        if is_blank(cell) or (name in row.values and target.further is None):
            continue
        value, more = _read(understood.readers[position], cell, record.line, understood, position, problems)
        if value is None:
            continue
        further.update(dict.fromkeys(more))
        if name not in row.values:
            row.values[name] = value
        elif isinstance(value, str):
            further[value] = None
    further.pop(row.values.get(name, ""), None)
    if not further:
        return
    if target.further is not None:
        row.further[name] = tuple(further)
        return
    problems.append(
        Problem(
            line=record.line,
            column=understood.source.headers[positions[0]],
            value=shown(", ".join(further)),
            why=_("There is a place for one value, and this is a further one."),
            mend=_("Nothing, if the first one is the right one."),
            taken=True,
        )
    )


def _read(
    reader: ColumnReader,
    cell: Cell,
    line: int,
    understood: Understanding,
    position: int,
    problems: list[Problem],
) -> tuple[Any, tuple[str, ...]]:
    try:
        return reader.read(cell)
    except Unreadable as error:
        problems.append(_problem(line, understood.source.headers[position], cell, error))
        return None, ()


def _problem(line: int, column: str, cell: Cell, error: Unreadable) -> Problem:
    return Problem(line=line, column=column, value=shown(cell), why=error.why, mend=error.mend, taken=True)


def _take_full_name(
    record: Record, positions: list[int], understood: Understanding, row: ReadRow, problems: list[Problem]
) -> None:
    """First and last name of the first filled cell; a company's name is the company's, where the file names no other."""
    roles = understood.target.roles
    first_field, last_field, company = roles[Role.FIRST_NAME], roles[Role.LAST_NAME], roles.get(Role.COMPANY)
    position = next((each for each in positions if not is_blank(record.cells[each])), None)
    if position is None:
        return
    cell = record.cells[position]
    column = understood.source.headers[position]
    try:
        text = unwrapped(cell_text(cell))
        check_text(text)
        if is_company(text):
            _take_company(record, text, company, understood, row)
            why = _("This is a company's name, and nobody's first or last name.")
            mend = _("Add the person's name, if there is one.")
            problems.append(
                Problem(line=record.line, column=column, value=shown(cell), why=why, mend=mend, taken=True)
            )
            return
        for name, part in zip((first_field, last_field), split_name(text), strict=True):
            longest = understood.target.fields[name].field.max_length
            if longest is not None and len(part) > longest:
                raise Unreadable(
                    _("The text has %(number)d characters.") % {"number": len(part)},
                    _("Shorten it to %(number)d characters.") % {"number": longest},
                )
            if part:
                row.values.setdefault(name, part)
    except Unreadable as error:
        problems.append(_problem(record.line, column, cell, error))


def _take_company(record: Record, text: str, company: str | None, understood: Understanding, row: ReadRow) -> None:
    if company is None:
        return
    if all(is_blank(record.cells[position]) for position in understood.fields.get(company, [])):
        row.values[company] = text


def _opt_outs(record: Record, understood: Understanding, problems: list[Problem]) -> Iterator[OptOut]:
    for position, column in understood.consent.items():
        cell = record.cells[position]
        said = column.read(cell)
        counted = understood.report.columns[position]
        if said.says is Says.NOTHING:
            continue
        counted.opted_out += 1
        doubtful = said.says is Says.DOUBTFUL
        if doubtful:
            counted.doubtful += 1
            why = _("It is not clear whether this person may be written to, so the person counts as opted out.")
            mend = _("Write yes or no, or give the column no use if it does not speak of consent.")
            problems.append(
                Problem(line=record.line, column=column.header, value=shown(cell), why=why, mend=mend, taken=True)
            )
        happened = moment(said.happened) if said.happened else None
        yield OptOut(column.header, shown(cell), happened, doubtful)
