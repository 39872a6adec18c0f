"""What stands above people and says that none of them is to be written to: a line "Unsubscribed" within a table, a
title above it, or the name of the sheet or file where no column says it.

A line that says the other thing ("Subscribed") ends it, and nothing else does. Like all of a file it only takes consent
away.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from dotbridge.files.consent_cells import Says
from dotbridge.files.records import TABLES, Record, Skipped, cell_text, is_blank
from dotbridge.files.report import LoadReport, shortened
from dotbridge.files.rows import OptOut
from dotbridge.files.said_of_all import said_of_all
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Understanding

_NUMBER = re.compile(r"[\d\s.,()%]+")


class Sections:
    """Where in a file the people are whom a name above them says to be opted out. Give it every line that is nobody."""

    def __init__(self, understood: Understanding, file_name: str) -> None:
        self._report: LoadReport = understood.report
        self._is_table = understood.source.format in TABLES
        self._of_consent = {position for position, column in understood.consent.items() if not column.is_name}
        self._above = ""
        # A file that has such sections may name one by a word of any state.
        self._has_begun = False
        # The part is a sheet, the name of a list, or the file within an archive. Where a column says that somebody has
        # not opted out, such a name is that of the matter.
        part = understood.source.part
        is_said_by_column = any(column.lets_some_in for column in understood.consent.values())
        for name in () if is_said_by_column else (PurePath(file_name).stem, part, PurePath(part).stem):
            if not self._above and said_of_all(name) is Says.OPTED_OUT:
                self._begin(name)

    def told_from(self, found: Record | Skipped) -> Skipped | None:
        """What a line without an address is, if it begins or ends a section."""
        text = self._text(found) if isinstance(found, Record) else "" if _names_groups(found) else found.text
        said = said_of_all(text) if text else None
        if said is None or (said is Says.DOUBTFUL and not self._has_begun):
            return None
        if said is Says.NOTHING:
            self._above, self._has_begun = "", True
            return Skipped(found.line, text, _("It names people who may be written to."))
        self._begin(text)
        return Skipped(
            found.line,
            text,
            _("It names people who opted out, so everybody below it counts as opted out."),
        )

    def opt_out(self) -> OptOut | None:
        """What stands above whoever comes next, if it says that they have opted out."""
        return OptOut(self._above, self._above, None, doubtful=False) if self._above else None

    def _begin(self, text: str) -> None:
        self._above, self._has_begun = shortened(text), True
        if self._above not in self._report.sections:
            self._report.sections.append(self._above)

    def _text(self, record: Record) -> str:
        """What stands in a line alone, or beside how many there are, and in no column of consent."""
        if not self._is_table:
            return ""
        filled = [position for position, cell in enumerate(record.cells) if not is_blank(cell)]
        if not filled or filled[0] in self._of_consent:
            return ""
        texts = [cell_text(record.cells[position]).strip() for position in filled]
        return texts[0] if all(map(_NUMBER.fullmatch, texts[1:])) else ""


def _names_groups(title: Skipped) -> bool:
    """Whether a line above the names of the columns says what several of them are about: between its texts is room,
    and the first of them says nothing of everybody.
    """
    filled = [position for position, cell in enumerate(title.cells) if not is_blank(cell)]
    has_room = len(filled) > 1 and filled[-1] - filled[0] >= len(filled)
    return has_room and said_of_all(cell_text(title.cells[filled[0]])) is not Says.OPTED_OUT
