"""vCards: every card is a record. Its lines are counted as an editor counts them; a broken card costs only itself."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import vobject

from dotbridge.files.consent_beside import said_under
from dotbridge.files.consent_cells import Says
from dotbridge.files.encodings import FoundEncoding
from dotbridge.files.names import is_company, split_name
from dotbridge.files.records import BETWEEN_VALUES, BrokenLine, Cell, Found, Record
from dotbridge.files.texts import text as _

LONGEST_CARD = 1024**2
_END = "END:VCARD\n"
# Pictures and sounds: large, and of no use to a list.
_PASSED_OVER = ("PHOTO", "LOGO", "SOUND", "KEY", "X-MS-CARDPICTURE", "X-MS-OL-DESIGN")
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_LEFT = "unsubscribed"
_COLUMNS = {
    "First name": "given",
    "Last name": "family",
    "E-mail": "email",
    "Phone": "tel",
    "Company": "org",
    "Job title": "title",
    "Birthday": "bday",
    "Language": "lang",
    "Notes": "note",
    "Labels": "categories",
}


class VCards:
    """A source of records that are vCards, of version 2.1 to 4.0; see `dotbridge.files.records.Source`."""

    format = "vcard"
    delimiter = ""
    part = ""
    other_parts: tuple[str, ...] = ()
    has_names = True

    def __init__(self, file: BinaryIO, *, encoding: str, found_encoding: FoundEncoding | None = None) -> None:
        self._file = file
        self.encoding = encoding
        self.found_encoding = found_encoding
        self.headers = list(_COLUMNS)

    def records(self) -> Iterator[Found]:
        """Every card, and in its place every one that is none."""
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace")
        try:
            for line, card in _cards(text):
                yield _record(line, card)
        finally:
            text.detach()


def _cards(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    """The text of every card, and the line that it begins on."""
    card: list[str] = []
    size = begins = 0
    passing_over = goes_on = False
    number = 0
    for line in iter(lambda: text.readline(LONGEST_CARD), ""):
        # A line that is longer comes in pieces: those after the first are still of the same property.
        is_first, goes_on = not goes_on, not line.endswith("\n")
        number += is_first
        bare = line.strip().upper() if is_first else ""
        if bare == "BEGIN:VCARD":
            if card:
                yield begins, "".join([*card, _END])
            card, size, begins = [], 0, number
        elif is_first and not line.startswith((" ", "\t")) and (":" in line or not passing_over):
            # Of a picture each line goes on, with a blank before it or without.
            name = bare.partition(":")[0].partition(";")[0].rpartition(".")[2]
            passing_over = name in _PASSED_OVER
        if passing_over:
            continue
        size += len(line)
        if size <= LONGEST_CARD and (card or bare == "BEGIN:VCARD"):
            card.append(line)
        if bare == "END:VCARD" and card:
            yield begins, "".join(card)
            card = []
    if card:
        # The file ends within a card: what is there of it may be enough.
        yield begins, "".join([*card, _END])


def _record(line: int, text: str) -> Record | BrokenLine:
    try:
        values = _values(_card(text))
    except Exception:  # noqa: BLE001 - the library raises anything at all on a malformed card
        shown = " ".join(text.split())
        return BrokenLine(line, shown, _("The card cannot be read."), _("Export this contact again."))
    return Record(line, tuple(values.get(key, "") for key in _COLUMNS.values()))


def _card(text: str) -> dict[str, list[Any]]:
    """The properties of a card; a line that is none is left out, such as the rest of a note that was broken."""
    try:
        card = vobject.readOne(text, allowQP=True)
    except vobject.base.ParseError:
        card = vobject.readOne(text, allowQP=True, ignoreUnreadable=True)
    contents: dict[str, list[Any]] = card.contents
    return contents


def _values(contents: dict[str, list[Any]]) -> dict[str, Cell]:
    values: dict[str, Cell] = {
        key: BETWEEN_VALUES.join(_texts(contents.get(key, []))) for key in _COLUMNS.values() if key in contents
    }
    for name in contents.get("n", [])[:1]:
        values["given"] = _spoken(name.value.given)
        values["family"] = _spoken(name.value.family)
    if not values.get("given") and not values.get("family"):
        whole = next(iter(_texts(contents.get("fn", []))), "")
        # The card of a company has its name there.
        if not is_company(whole) and whole != values.get("org"):
            values["given"], values["family"] = split_name(whole) if whole else ("", "")
    values["categories"] = BETWEEN_VALUES.join([*_texts(contents.get("categories", [])), *_further_labels(contents)])
    return values


def _further_labels(contents: dict[str, list[Any]]) -> Iterator[str]:
    """What stands in brackets behind a name, and a property of the program's own that says that somebody has left."""
    for whole in _texts(contents.get("fn", [])):
        yield from _IN_BRACKETS.findall(whole)
    for name, lines in contents.items():
        own = name.removeprefix("x-").replace("-", " ")
        if own != name and any(said_under(own, text).says is not Says.NOTHING for text in _texts(lines)):
            yield _LEFT


def _texts(lines: list[Any]) -> list[str]:
    """The values of a property, the preferred one first."""
    found = []
    for line in sorted(lines, key=_preference):
        value = line.value
        if line.name.upper() == "ORG" and isinstance(value, list):
            # What follows the organisation are its units.
            value = value[0] if value else ""
        if isinstance(value, (list, tuple)):
            value = BETWEEN_VALUES.join(map(str, value))
        if line.name.upper() == "BDAY" and _has_no_year(line, str(value)):
            value = f"--{str(value)[-5:]}"
        found.append(str(value).removeprefix("tel:").removeprefix("mailto:").strip())
    return [text for text in found if text]


def _has_no_year(line: Any, day: str) -> bool:
    """Whether the year of a birthday stands for none: Apple writes 1604 then, and says so."""
    return any(day.startswith(year) for year in line.params.get("X-APPLE-OMIT-YEAR", []))


def _preference(line: Any) -> int:
    """The place among the values of a property: version 4 numbers them from 1 to 100, the others mark one."""
    numbers = [int(value) for value in line.params.get("PREF", []) if value.isdecimal()]
    if numbers:
        return min(numbers)
    marks = [*line.params.get("TYPE", []), *line.params, *line.singletonparams]
    is_marked = any(mark.upper() == "PREF" for mark in marks)
    return 1 if is_marked else 101


def _spoken(part: str | list[str]) -> str:
    return " ".join(part) if isinstance(part, list) else part
