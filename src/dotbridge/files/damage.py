"""What a program left in a cell in place of the value: it is told, left out, and never overwrites a good value."""

from __future__ import annotations

import re

from dotbridge.entities.texts import NOT_STORABLE
from dotbridge.files.encodings import put_together
from dotbridge.files.records import BLANKS, Cell, CrossedOut, Formula, cell_text
from dotbridge.files.texts import text as _

# "#N/A", "#REF!", "#VALOR!", "#¿NOMBRE?", "#WERT!", "#NV", "########": what spreadsheets of many languages show.
_ERROR_VALUE = re.compile(r"#(?:N/A|NV|N/D|[¡¿]?[A-ZÀ-Ý0-9_/ ]{2,20}[!?]|#+)")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_SCIENTIFIC_IN_TEXT = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+\d+")
_FORMULA_TEXT = re.compile(r'="(.*)"', re.DOTALL)


class Unreadable(Exception):
    """A value that cannot be taken: why, and what to do about it."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend


def unwrapped(text: str) -> str:
    """The text without what a program has put around it: `="0044"`, a leading `'`, and quotes as of databases."""
    text = text.strip(BLANKS)
    if wrapped := _FORMULA_TEXT.fullmatch(text):
        return wrapped[1].replace('""', '"').strip(BLANKS)
    if len(text) > 2 and text[0] == text[-1] == "'":
        # As some databases quote their texts.
        return text[1:-1].strip(BLANKS)
    if text[:1] == "'" and text[1:2] and (text[1] in "=+-@" or text[1].isdigit()):
        return text[1:]
    return text


def sound_text(cell: Cell) -> str:
    """What a person would write for the cell. Raises Unreadable for what is damaged."""
    check_cell(cell)
    text = unwrapped(cell_text(cell))
    check_text(text)
    return text


def check_cell(cell: Cell) -> None:
    """Raise Unreadable for a formula without its result, and for what somebody has crossed out."""
    if isinstance(cell, CrossedOut):
        raise Unreadable(
            _("It is crossed out."),
            _(
                "Take the line through it away if it holds, else delete it. If somebody is to get no more mail, "
                "say so in a column such as Unsubscribed."
            ),
        )
    if isinstance(cell, Formula):
        raise Unreadable(
            _("This is a formula, and its result is not in the file."),
            _("Open the file in a spreadsheet, save it there, and load it again."),
        )


def check_error_value(text: str) -> None:
    """Raise Unreadable for what a program writes where it has no value."""
    if _ERROR_VALUE.fullmatch(text):
        raise Unreadable(
            _("This is what a spreadsheet shows in place of a value that it cannot work out."),
            _("Correct the cell in the spreadsheet and save the file again."),
        )
    if text == "NULL":
        # Not left out in silence: somebody may have that name.
        raise Unreadable(
            _("This is how a database writes that there is nothing."),
            _("Nothing, if there is nothing. Else write it in small letters, such as Null."),
        )


def check_text(text: str, *, is_number: bool = False) -> None:
    """Raise Unreadable for a value that is damaged. For a number or phone every scientific notation is."""
    check_error_value(text)
    if (_SCIENTIFIC if is_number else _SCIENTIFIC_IN_TEXT).fullmatch(text):
        raise Unreadable(
            _("A spreadsheet has rounded this number, its last digits are lost."),
            _("Give the column the format Text in the spreadsheet, type the value again and save the file."),
        )
    if "\N{REPLACEMENT CHARACTER}" in text:
        raise Unreadable(
            _("The text is damaged: it holds a letter that cannot be read."), _("Save the file as UTF-8 again.")
        )
    if put_together(text) != text:
        raise Unreadable(
            _("The text is damaged: it was UTF-8 and some program has read it as something else."),
            _("Export the file again, as UTF-8, from where it came from."),
        )
    if unfit := NOT_STORABLE.search(text):
        raise Unreadable(
            _("The text holds the character with the number %(number)d.") % {"number": ord(unfit[0])},
            _("Delete that character."),
        )
