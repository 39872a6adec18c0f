"""Numbers by column: its rows decide whether a comma or a point separates thousands, never a single cell."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from dotbridge.files.damage import Unreadable, check_text
from dotbridge.files.records import Cell
from dotbridge.files.texts import text as _

COMMA, POINT = ",", "."
LONGEST_NUMBER = 100
# What nothing settles is left out, and nobody is asked about it any more.
LEAVE = "leave"
DECIMAL_MARKS = {"comma": COMMA, "point": POINT, "leave": LEAVE}
_BLANKS = " \u00a0\u2009\u202f'’_"  # noqa: RUF001 - Swiss thousands
_NUMBER = re.compile(rf"[+-]?\d+(?:[{_BLANKS}.,]\d+)*")
_GROUPED_BY_BLANKS = re.compile(rf"[+-]?\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?:[.,]\d+)?")
_ONE_MARK = re.compile(r"[+-]?(\d+)([.,])(\d+)")
_SEVERAL = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})+")
_BOTH = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})+(?!\1)([.,])\d+")
_CURRENCY = re.compile(
    r"^(?:[€$£¥₽₺₹]|(?:EUR|USD|GBP|CHF|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|JPY)\b)\s*"
    r"|\s*(?:[€$£¥₽₺₹]|\b(?:EUR|USD|GBP|CHF|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|JPY)|kr\.?|zł|Kč|Ft)$"
)
_WITHOUT_BLANKS = str.maketrans("", "", _BLANKS)


@dataclass
class NumberColumn:
    """What the rows of one column say about comma and point; `chosen` is the decimal mark that a person named."""

    is_whole: bool
    chosen: str | None = None
    decimals: Counter[str] = field(default_factory=Counter)
    thousands: Counter[str] = field(default_factory=Counter)
    either: Counter[str] = field(default_factory=Counter)
    groups_by_three: bool = False
    example: str = ""

    def observe(self, cell: Cell) -> None:
        """Take note of one cell."""
        if not isinstance(cell, str) or len(cell) > LONGEST_NUMBER:
            return
        text = _bare(cell)
        if _GROUPED_BY_BLANKS.fullmatch(text):
            self.groups_by_three = True
            text = text.translate(_WITHOUT_BLANKS)
            # With its thousands apart, what follows a mark are decimals.
            if found := _ONE_MARK.fullmatch(text):
                self.decimals[found[2]] += 1
        elif found := _SEVERAL.fullmatch(text):
            self._is_thousands(found[1])
        elif found := _BOTH.fullmatch(text):
            self._is_thousands(found[1])
            self.decimals[found[2]] += 1
        elif found := _ONE_MARK.fullmatch(text):
            self._observe_one_mark(found[1], found[2], found[3])

    def _observe_one_mark(self, before: str, mark: str, after: str) -> None:
        could_group = len(after) == 3 and 1 <= len(before) <= 3 and before != "0"
        if not could_group:
            # "42,0" in a column of whole numbers says nothing about "1,000".
            if not (self.is_whole and not after.strip("0")):
                self.decimals[mark] += 1
        elif self.is_whole and after.strip("0"):
            # 1.500 in a column of whole numbers can only be fifteen hundred.
            self._is_thousands(mark)
        else:
            self.either[mark] += 1
            self.example = self.example or f"{before}{mark}{after}"

    def _is_thousands(self, mark: str) -> None:
        self.thousands[mark] += 1
        self.groups_by_three = True

    def decided(self) -> str | None:
        """The decimal mark as far as the column shows it, for the report."""
        if self.chosen and self.chosen != LEAVE:
            return self.chosen
        for mark, other in ((COMMA, POINT), (POINT, COMMA)):
            if (self.decimals[mark] or self.thousands[other]) and not self.thousands[mark] and not self.decimals[other]:
                return mark
        return None

    def is_open(self) -> bool:
        """Whether there are numbers that could be either, and neither a row nor a person has settled it."""
        return self.chosen is None and any(self._settled(mark) is None for mark in self.either)

    def read(self, cell: Cell) -> Decimal:
        """The number in a cell. Raises Unreadable."""
        if isinstance(cell, str):
            return self._read_text(_bare(cell))
        if isinstance(cell, (int, float, Decimal)):
            return _finite(
                Decimal(str(cell) if isinstance(cell, float) else int(cell) if isinstance(cell, bool) else cell)
            )
        raise _no_number()

    def _read_text(self, text: str) -> Decimal:
        check_text(text, is_number=True)
        if len(text) > LONGEST_NUMBER:
            raise _no_number()
        if not _NUMBER.fullmatch(text):
            if text.endswith("%"):
                raise Unreadable(_("This is a share in per cent, not a number."), _("Write the number alone."))
            raise _no_number()
        if any(blank in text for blank in _BLANKS):
            if not _GROUPED_BY_BLANKS.fullmatch(text):
                raise _no_number()
            text = text.translate(_WITHOUT_BLANKS)
            return _decimal(text.replace(",", "."))
        found = _ONE_MARK.fullmatch(text)
        if found is None:
            return self._read_several(text)
        mark, after = found[2], found[3]
        if len(after) != 3 or found[1] == "0" or len(found[1]) > 3:
            return _decimal(text.replace(",", "."))
        return _decimal(text.replace(mark, "." if self._is_decimal_mark(mark) else ""))

    def _read_several(self, text: str) -> Decimal:
        if found := _BOTH.fullmatch(text):
            return _decimal(text.replace(found[1], "").replace(found[2], "."))
        if "," not in text and "." not in text:
            return _decimal(text)
        if _SEVERAL.fullmatch(text):
            return _decimal(text.replace(",", "").replace(".", ""))
        raise _no_number()

    def _is_decimal_mark(self, mark: str) -> bool:
        """Whether three digits after this mark are decimals. Raises Unreadable where nothing settles it."""
        settled = self._settled(mark)
        if settled is None:
            raise Unreadable(
                _("A comma or point before three digits may separate thousands or decimals; no other row settles it."),
                _("Say the decimal mark of the column, comma or point, or write numbers without thousands marks."),
            )
        return settled

    def _settled(self, mark: str) -> bool | None:
        if self.chosen and self.chosen != LEAVE:
            return mark == self.chosen
        other = COMMA if mark == POINT else POINT
        for_decimals = bool(self.decimals[mark] or self.thousands[other])
        for_thousands = bool(self.thousands[mark] or self.decimals[other])
        if self.is_whole and self.groups_by_three and not self.decimals[mark]:
            return False
        return None if for_decimals == for_thousands else for_decimals


def _bare(text: str) -> str:
    """The number without the currency beside it, and with its minus before it: "42,00 €", "USD 42", "42-", "(42)"."""
    text = text.strip()
    if len(text) > LONGEST_NUMBER:
        # What is longer is no number, and would take its time to be looked through.
        return text
    text = _CURRENCY.sub("", text).replace("\N{MINUS SIGN}", "-")
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    elif text.endswith("-"):
        text = f"-{text[:-1].strip()}"
    return _CURRENCY.sub("", text)


def whole(number: Decimal) -> int:
    """The number as a whole one. Raises Unreadable if it is none."""
    if number != number.to_integral_value():
        raise Unreadable(_("This is no whole number."), _("Write a whole number, such as 42."))
    return int(number)


def _decimal(text: str) -> Decimal:
    try:
        return _finite(Decimal(text))
    except InvalidOperation:
        raise _no_number() from None


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise _no_number()
    return number


def _no_number() -> Unreadable:
    return Unreadable(_("This is no number."), _("Write a number, such as 42."))
