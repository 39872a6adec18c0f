"""One record of a file as the values of one person; what cannot be read is a Problem with its mend.

Only a line without an address is refused. Of every other the person is taken, without what cannot be read.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dotbridge.files.addresses import Addresses, other_spelling, read_address
from dotbridge.files.consent_beside import said_under
from dotbridge.files.consent_cells import Says
from dotbridge.files.consent_headers import ConsentKind
from dotbridge.files.damage import Unreadable, check_cell, check_error_value, sound_text, unwrapped
from dotbridge.files.headers import Role
from dotbridge.files.names import first_name_beside, is_company, split_name
from dotbridge.files.people import Person, names_several
from dotbridge.files.records import Cell, Record, as_one_text, cell_text, is_blank
from dotbridge.files.report import Problem
from dotbridge.files.targets import ADDRESS, FULL_NAME
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Understanding, shown
from dotbridge.files.values import END_OF_DAY, fitting, moment

LONGEST_NAME = 500


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

    def address_keys(self) -> Iterator[str]:
        """Every address of the row, in small letters and in both spellings of its domain."""
        for address in (self.email, *self.further.get(ADDRESS, ())):
            yield address.lower()
            if other := other_spelling(address):
                yield other.lower()


def read_row(record: Record, understood: Understanding) -> tuple[ReadRow | None, list[Problem]]:
    """The row's values, or None if it is refused, and what is wrong with it."""
    reading = _Reading(record, understood)
    addresses = reading.addresses()
    if not addresses:
        return None, reading.problems
    reading.row = row = ReadRow(record.line, addresses[0], other_spelling(addresses[0]))
    if len(addresses) > 1:
        row.further[ADDRESS] = addresses[1:]
    whose = reading.tell_apart(addresses)
    for name, positions in understood.fields.items():
        if name not in {ADDRESS, FULL_NAME}:
            reading.take(name, whose.get(name, positions))
    if positions_of_names := understood.fields.get(FULL_NAME):
        # Last, because the last name may have a column of its own.
        reading.take_full_name(whose.get(FULL_NAME, positions_of_names))
    row.opt_outs = [*reading.opt_outs(), *reading.labelled_opt_outs()]
    return row, reading.problems


def _read_address(cell: Cell) -> Addresses:
    """The addresses in a cell; nothing at all where there is nothing in it after all."""
    try:
        check_cell(cell)
        text = unwrapped(cell_text(cell))
        check_error_value(text)
    except Unreadable as error:
        return Addresses(why=error.why, mend=error.mend)
    return read_address(as_one_text(text)) if text else Addresses()


class _Reading:
    """One record on its way to a row, and the problems on the way."""

    row: ReadRow

    def __init__(self, record: Record, understood: Understanding) -> None:
        self._cells = record.cells
        self._line = record.line
        self._understood = understood
        self.problems: list[Problem] = []

    def addresses(self) -> tuple[str, ...]:
        """The addresses of all address columns. One that is none is told, and refuses the row if no other is left."""
        found: dict[str, None] = {}
        unread: list[tuple[int, Addresses]] = []
        positions = self._understood.fields[ADDRESS]
        for position in positions:
            cell = self._cells[position]
            if is_blank(cell):
                continue
            read = _read_address(cell)
            found.update(dict.fromkeys(read.addresses))
            if read.why:
                unread.append((position, read))
        if not found and not unread:
            none = Addresses(why=_("There is no e-mail address."), mend=_("Add an address, or leave the person out."))
            unread.append((positions[0], none))
        for position, read in unread[: None if found else 1]:
            mend = read.mend or _("Write one address such as name@example.com.")
            self._tell(position, read.why, mend, taken=bool(found))
        return tuple(found)

    def tell_apart(self, addresses: tuple[str, ...]) -> dict[str, list[int]]:
        """The columns of names that are those of the first address, where a row has room for several people.

        The other ones are told: what stands there is nobody's name here.
        """
        people = self._understood.people
        owner = next((each for each in people if self._has(addresses[0], each)), None)
        if owner is None:
            self._tell_of_several(addresses)
            return {}
        own = self._name_of(owner)
        if not (own and len(people) > 1):
            self._tell_of_several(addresses)
        for person in people:
            name = self._name_of(person)
            # A last name that all share is nobody's alone.
            position = next((each for each in person.names.values() if each not in owner.names.values()), None)
            if person is not owner and position is not None and name and name != own and self._is_filled(person, owner):
                self._tell_of_another(person, position)
        parts = {part for person in people for part in person.names}
        return {part: [owner.names[part]] if part in owner.names else [] for part in parts}

    def _has(self, address: str, person: Person) -> bool:
        cells = (self._cells[position] for position in person.addresses)
        return any(address in _read_address(cell).addresses for cell in cells if not is_blank(cell))

    def _name_of(self, person: Person) -> str:
        cells = (self._cells[position] for position in person.names.values())
        return " ".join(cell_text(cell).strip() for cell in cells if not is_blank(cell)).casefold()

    def _is_filled(self, person: Person, beside: Person) -> bool:
        others = set(beside.names.values())
        return any(not is_blank(self._cells[each]) for each in person.names.values() if each not in others)

    def _tell_of_another(self, person: Person, position: int) -> None:
        cells = [self._cells[each] for each in person.addresses]
        found = [address for cell in cells if not is_blank(cell) for address in _read_address(cell).addresses]
        why = (
            _("This is another person's name: it was not taken, and %(email)s stays a further address of the first.")
            % {"email": ", ".join(found)}
            if found
            else _("This is another person's name, without an address of its own: it was not taken.")
        )
        self._tell(position, why, _("Give every person a line of their own."), taken=True)

    def _tell_of_several(self, addresses: tuple[str, ...]) -> None:
        """Tell of a name of several people, if the row has several addresses: all are kept as those of one."""
        roles = self._understood.target.roles
        for name in (FULL_NAME, roles.get(Role.FIRST_NAME)) if len(addresses) > 1 else ():
            for position in self._understood.fields.get(name or "", []):
                text = cell_text(self._cells[position])
                if names_several(text) and not is_company(text):
                    why = _("This names several people, and the addresses of the line are kept as those of one.")
                    self._tell(position, why, _("Give every person a line of their own."), taken=True)

    def take(self, name: str, positions: list[int]) -> None:
        """Take the first filled cell that can be read; where there is a place for further values, the others too."""
        target = self._understood.target.fields[name]
        values = self.row.values
        further: dict[str, None] = {}
        for position in positions:
            cell = self._cells[position]
            if is_blank(cell) or (name in values and target.further is None):
                continue
            value, more = self._read(position)
            if value is None:
                continue
            further.update(dict.fromkeys(more))
            if name not in values:
                values[name] = value
            elif isinstance(value, str):
                further[value] = None
        if not further:
            return
        further.pop(values[name], None)
        if target.further is not None:
            self.row.further[name] = tuple(further)
            return
        why = _("There is a place for one value, and the cell holds several.")
        self._tell(positions[0], why, _("Nothing, if the first one is the right one."), taken=True)

    def take_full_name(self, positions: list[int]) -> None:
        """Take first and last name of the first filled cell; a company's name goes to the company, if there is none."""
        position = next((each for each in positions if not is_blank(self._cells[each])), None)
        if position is None:
            return
        roles, fields = self._understood.target.roles, self._understood.target.fields
        try:
            text = sound_text(self._cells[position])
            if is_company(text):
                self._take_company(position, text)
                return
            # A text that no name is would take its time to be taken apart.
            fitting(text, fields[roles[Role.LAST_NAME]], LONGEST_NAME)
            given, family = roles[Role.FIRST_NAME], roles[Role.LAST_NAME]
            known = self.row.values.get(family)
            parts = (first_name_beside(text, str(known)), "") if known else split_name(text)
            for name, part in zip((given, family), parts, strict=True):
                if part:
                    self.row.values.setdefault(name, fitting(part, fields[name]))
        except Unreadable as error:
            self._tell(position, error.why, error.mend, taken=True)

    def _take_company(self, position: int, text: str) -> None:
        company = self._understood.target.roles.get(Role.COMPANY)
        named = self._understood.fields.get(company or "", [])
        if company is not None and all(is_blank(self._cells[each]) for each in named):
            self.row.values[company] = fitting(text, self._understood.target.fields[company])
        why = _("This is a company's name, and nobody's first or last name.")
        self._tell(position, why, _("Add the person's name, if there is one."), taken=True)

    def opt_outs(self) -> Iterator[OptOut]:
        """What the row says against writing to its person, cell by cell."""
        for position, column in self._understood.consent.items():
            cell = self._cells[position]
            said = column.read(cell)
            if said.says is Says.NOTHING:
                continue
            counted = self._understood.report.columns[position]
            counted.opted_out += 1
            doubtful = said.says is Says.DOUBTFUL
            if doubtful:
                counted.doubtful += 1
                why = _("It is not clear whether this person may be written to, so the person counts as opted out.")
                mend = _("Write yes or no, or give the column no use if it does not speak of consent.")
                self._tell(position, why, mend, taken=True)
            happened = moment(said.happened, without_time=END_OF_DAY) if said.happened else None
            yield OptOut(column.header, shown(cell), happened, doubtful)

    def labelled_opt_outs(self) -> Iterator[OptOut]:
        """The same, of cells whose names stand beside them."""
        for label, position in self._understood.labelled:
            name, cell = cell_text(self._cells[label]).strip("* "), self._cells[position]
            if not name or is_blank(cell) or (said := said_under(name, cell)).says is Says.NOTHING:
                continue
            counted = self._understood.report.columns[position]
            counted.consent = counted.consent or ConsentKind.LABELS.value
            counted.opted_out += 1
            happened = moment(said.happened, without_time=END_OF_DAY) if said.happened else None
            yield OptOut(name, shown(cell), happened, said.says is Says.DOUBTFUL)

    def _read(self, position: int) -> tuple[Any, tuple[str, ...]]:
        try:
            return self._understood.readers[position].read(self._cells[position])
        except Unreadable as error:
            self._tell(position, error.why, error.mend, taken=True)
            return None, ()

    def _tell(self, position: int, why: str, mend: str, *, taken: bool) -> None:
        column, value = self._understood.source.headers[position], shown(self._cells[position])
        self.problems.append(Problem(line=self._line, column=column, value=value, why=why, mend=mend, taken=taken))
