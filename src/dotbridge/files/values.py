"""The cells of one column as values of one field: a reader for each kind of value."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.utils import timezone

from dotbridge.files.consent_cells import NO, YES
from dotbridge.files.damage import Unreadable, check_cell, sound_text, unwrapped
from dotbridge.files.dates import TIME, DateColumn, Day
from dotbridge.files.numbers import NumberColumn, whole
from dotbridge.files.phones import read_phones
from dotbridge.files.records import Cell, as_one_text, cell_text
from dotbridge.files.targets import TargetField, ValueKind
from dotbridge.files.texts import text as _

LONGEST_TEXT = 20_000
MIDNIGHT = datetime.time()
# Of somebody who left on a day nobody knows when: they may have come, and left, up to its end.
END_OF_DAY = datetime.time(23, 59, 59, 999_999)
# Of most columns a few values fill many rows: the last ones are remembered, so that each is read once.
_REMEMBERED = 10_000
_LONGEST_REMEMBERED = 100
# How Outlook and databases write that there is no date.
_NO_DAY = re.compile(r"0{1,4}([-./])0{1,2}\1(?:0{4}|0{1,2})(?:[T ]00:00(?::00)?)?", re.ASCII)
# Words of programs that a yes or no is not known. Somebody's yes is no no for that.
_NEITHER = {"none", "null", "n/a", "na", "nan", "nat", "<na>", "nil"}
# What shops write for the id of a guest, and people for one that is not known: it would make all of them one person.
_NO_ID = re.compile(r"0+(?:\.0+)?|\?|none|null|nil|na|nan|unknown|undefined|unbekannt|guest|gast", re.IGNORECASE)
# A number that some program has taken for a fraction: nobody's id has a point and a zero behind it.
_WITH_POINT = re.compile(r"(\d+)\.0", re.ASCII)


@dataclass
class ColumnReader:
    """What the cells of a column are for a field. `observe` every cell first, then `read`.

    `read` gives the value, and the further ones for a field that has them. It raises Unreadable. `holds_dates` and
    `holds_numbers` say that the column is read as such; `is_id` that it knows the records of another system.
    """

    target: TargetField
    chosen: str | None = None
    is_id: bool = False
    dates: DateColumn = field(init=False)
    numbers: NumberColumn = field(init=False)
    holds_dates: bool = field(init=False)
    holds_numbers: bool = field(init=False)
    _read: Callable[[Cell], Any] = field(init=False, repr=False)
    _remembered: Callable[[str], tuple[Any, tuple[str, ...]] | Unreadable] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kind = self.target.kind
        self.holds_dates = kind in {ValueKind.DATE, ValueKind.MOMENT}
        self.holds_numbers = kind in {ValueKind.WHOLE_NUMBER, ValueKind.NUMBER}
        self.dates = DateColumn(self.chosen)
        self.numbers = NumberColumn(kind is ValueKind.WHOLE_NUMBER, self.chosen)
        readers: dict[ValueKind, Callable[[Cell], Any]] = {
            ValueKind.TEXT: self._text,
            ValueKind.RELATED: self._text,
            ValueKind.WHOLE_NUMBER: self._whole_number,
            ValueKind.NUMBER: self._number,
            ValueKind.DATE: self._date,
            ValueKind.MOMENT: self._moment,
            ValueKind.YES_OR_NO: self._yes_or_no,
        }
        self._read = readers.get(kind, self._text)
        self._longest = longest_of(self.target)
        self._choices = _choices(self.target)
        self._lowest, self._highest = _range(self.target.field) if kind is ValueKind.WHOLE_NUMBER else (0, 0)
        self._remembered = lru_cache(_REMEMBERED)(self._tried)

    @property
    def is_decided_by_rows(self) -> bool:
        """Whether the rows of the column have to be looked at before the first of them can be read."""
        return self.holds_dates or self.holds_numbers

    def observe(self, cell: Cell) -> None:
        """Take note of one cell."""
        unwrapped_cell = unwrapped(cell) if isinstance(cell, str) else cell
        if self.holds_dates:
            self.dates.observe(unwrapped_cell)
        if self.holds_numbers:
            self.numbers.observe(unwrapped_cell)

    def read(self, cell: Cell) -> tuple[Any, tuple[str, ...]]:
        """The value of a cell, None where there is nothing in it after all, and the further ones."""
        if not isinstance(cell, str) or len(cell) > _LONGEST_REMEMBERED:
            return self._read_anew(cell)
        found = self._remembered(cell)
        if isinstance(found, Unreadable):
            raise Unreadable(found.why, found.mend)
        return found

    def _tried(self, text: str) -> tuple[Any, tuple[str, ...]] | Unreadable:
        try:
            return self._read_anew(text)
        except Unreadable as error:
            # Without what it was raised in, which would be held in memory as well.
            return error.with_traceback(None)

    def _read_anew(self, cell: Cell) -> tuple[Any, tuple[str, ...]]:
        if isinstance(cell, str):
            cell = sound_text(cell)
            if not cell:
                return None, ()
        check_cell(cell)
        if self.is_id and _NO_ID.fullmatch(cell_text(cell).strip()):
            return None, ()
        if self.target.kind is ValueKind.PHONE:
            phones = read_phones(as_one_text(cell_text(cell)))
            return (self._text(phones[0]), phones[1:]) if phones else (None, ())
        return self._read(cell), ()

    def _text(self, cell: Cell) -> str:
        text = cell_text(cell)
        if self.is_id and (number := _WITH_POINT.fullmatch(text)):
            text = number[1]
        if self._choices is not None:
            found = self._choices.get(text.casefold())
            if found is None:
                raise Unreadable(
                    _("This is none of the values that the field can have."),
                    _("Write one of: %(values)s.") % {"values": ", ".join(sorted(set(self._choices.values())))},
                )
            return found
        return fitting(text, self.target, self._longest)

    def _whole_number(self, cell: Cell) -> int:
        number = whole(self.numbers.read(cell))
        if not self._lowest <= number <= self._highest:
            raise Unreadable(
                _("The number is out of the field's range."),
                _("Write a number from %(lowest)d to %(highest)d.")
                % {"lowest": self._lowest, "highest": self._highest},
            )
        return number

    def _number(self, cell: Cell) -> Decimal:
        number = self.numbers.read(cell)
        column = self.target.field
        if isinstance(column, models.DecimalField) and column.max_digits and column.decimal_places is not None:
            if abs(number) >= Decimal(10) ** (column.max_digits - column.decimal_places):
                raise Unreadable(_("The number is out of the field's range."), _("Write a smaller number."))
            number = round(number, column.decimal_places)
        return number

    def _date(self, cell: Cell) -> datetime.date | None:
        return None if _is_no_day(cell) else self.dates.read(cell)

    def _moment(self, cell: Cell) -> datetime.datetime | None:
        return None if _is_no_day(cell) else moment(self.dates.read_day(cell))

    def _yes_or_no(self, cell: Cell) -> bool | None:
        word = cell_text(cell).strip().casefold()
        if word in _NEITHER:
            return None
        label = str(self.target.field.verbose_name).casefold()
        if word not in YES | NO | {label}:
            raise Unreadable(_("This says neither yes nor no."), _("Write yes or no."))
        return word not in NO


def _is_no_day(cell: Cell) -> bool:
    return isinstance(cell, str) and _NO_DAY.fullmatch(cell.strip()) is not None


def fitting(text: str, target: TargetField, longest: int | None = None) -> str:
    """The text, if it fits into the field. Raises Unreadable. `longest` is what `longest_of` says, if it is known."""
    longest = longest or longest_of(target)
    if len(text) > longest:
        raise Unreadable(
            _("The text has %(number)d characters.") % {"number": len(text)},
            _("Shorten it to %(number)d characters.") % {"number": longest},
        )
    return text


def moment(day: Day, *, without_time: datetime.time = MIDNIGHT) -> datetime.datetime:
    """The moment of a date and the time written beside it, in the time zone of the settings where none is written.

    A time that there is none of, such as 24:00, does not count, and neither does one that leads out of the calendar:
    then, and where none is written, it is the one `without_time`.
    """
    found = datetime.datetime.combine(day.date, without_time)
    with suppress(ValueError):
        found = _with_time(day, without_time)
    if timezone.is_naive(found):
        found = timezone.make_aware(found)
    try:
        return found.astimezone(datetime.UTC)
    except OverflowError:
        return datetime.datetime.combine(day.date, datetime.time(), tzinfo=datetime.UTC)


def _with_time(day: Day, without_time: datetime.time) -> datetime.datetime:
    """Raises ValueError for a time that there is none of."""
    found = TIME.fullmatch(day.time.strip())
    if found is None:
        return datetime.datetime.combine(day.date, without_time)
    hour = int(found["hour"])
    if half := found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(day.time)
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    clock = datetime.time(hour, int(found["minute"]), int(found["second"] or 0), int(fraction))
    return datetime.datetime.combine(day.date, clock, tzinfo=_zone(found["zone"] or ""))


def _zone(written: str) -> datetime.timezone | None:
    if not written:
        return None
    if written[0] not in "+-":
        return datetime.UTC
    hours, minutes = int(written[1:3]), int(written[-2:]) if len(written) > 3 else 0
    return datetime.timezone((1 if written[0] == "+" else -1) * datetime.timedelta(hours=hours, minutes=minutes))


def _range(column: models.Field[Any, Any]) -> tuple[int, int]:
    lowest, highest = connection.ops.integer_field_range(column.get_internal_type())
    return (-(2**63) if lowest is None else lowest), (2**63 - 1 if highest is None else highest)


def longest_of(target: TargetField) -> int:
    """The most characters that the field holds, of a related record its name."""
    column: Any = target.field
    if target.by is not None:
        column = column.related_model._meta.get_field(target.by)  # noqa: SLF001
    return getattr(column, "max_length", None) or LONGEST_TEXT


def _choices(target: TargetField) -> dict[str, str] | None:
    """What may be written for each choice: its value and its label."""
    if not target.field.choices or target.kind is not ValueKind.TEXT:
        return None
    return {str(spelt).casefold(): str(value) for value, label in target.field.flatchoices for spelt in (value, label)}
