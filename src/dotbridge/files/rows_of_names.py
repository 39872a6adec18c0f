"""Names of columns that stand in more than one row, as surveys have them: the questions, and below them the answers.

"May we write to you?" above "Yes" and "No" is said once, and by itself the row of the answers says of nobody what they
answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from dotbridge.files.addresses import read_address
from dotbridge.files.consent_answers import without_answers
from dotbridge.files.consent_cells import answer_of
from dotbridge.files.consent_headers import ConsentKind, consent_kind
from dotbridge.files.headers import plain, role_of, spellings

_MOST_FURTHER_ROWS = 3
# What a survey writes below a question to which there are no answers to choose from.
_NOTHING = """
    response, open-ended response, value, text, antwort, freitext, réponse, réponse ouverte, respuesta, risposta,
    resposta, antwoord, svar, odpowiedź, odpověď, válasz, ответ, 回答, required, optional, pflichtfeld, freiwillig,
    obligatoire, facultatif, yes/no, y/n, ja/nein, j/n, oui/non, o/n, sí/no, sì/no, ja/nee, tak/nie, true/false,
    1/0, string,
    number, boolean, date, varchar, integer
"""
_PLAIN_NOTHING = frozenset(plain(word) for word in _NOTHING.split(","))
# How Qualtrics numbers its columns.
_NUMBERED = re.compile(r"\s*\{\s*[\"']ImportId[\"'].*", re.DOTALL)
_FIGURES = re.compile(r"[\d\s.,:/+-]+")


def further_rows(names: Sequence[str], below: Sequence[Sequence[str]]) -> int:
    """How many of the rows right below the one that names the columns do so as well."""
    number = 0
    while number < min(len(below), _MOST_FURTHER_ROWS) and _name_columns(names, below[number], below[number + 1 :]):
        number += 1
    return number


def joined_names(above: Sequence[str], names: Sequence[str], below: Sequence[Sequence[str]]) -> list[str]:
    """The name of each column by the row that names them, the one above it if there is one, and the further ones
    below it.
    """
    joined = list(names)
    if _are_groups(above):
        joined = _joined(above, names, is_above_further=True)
        # What stands beside the table is none of its names.
        while len(joined) > len(names) and not (role_of(joined[-1]) or consent_kind(joined[-1])):
            joined.pop()
    for row in below:
        if not all(_NUMBERED.fullmatch(cell) for cell in row if cell):
            joined = _joined(joined, row, is_above_further=False)
    return joined


def _are_groups(above: Sequence[str]) -> bool:
    """Whether a row above the names may say what several of them are about: a title is one text alone."""
    return sum(map(bool, above)) > 1 and not any(_holds_address(cell) or _FIGURES.fullmatch(cell) for cell in above)


def _name_columns(names: Sequence[str], row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    filled = [(name, cell) for name, cell in zip_longest(names, row, fillvalue="") if cell]
    named = [name for name in names if name]
    is_title = len(named) < 2 and not any(map(role_of, named))
    if is_title or not filled or any(_holds_address(cell) or _FIGURES.fullmatch(cell) for _name, cell in filled):
        return False
    if all(_NUMBERED.fullmatch(cell) for _name, cell in filled):
        return True
    # Somebody without an address stands there by name.
    if any(role_of(name) and not _asks_the_same(name, cell) for name, cell in filled):
        return False
    is_above_numbers = bool(below) and any(map(_NUMBERED.fullmatch, below[0]))
    is_told_twice = sum(role_of(name) is not None for name, _cell in filled) > 1
    are_names = len(filled) > 1 and all(role_of(cell) or _speaks(cell) for _name, cell in filled)
    return is_above_numbers or is_told_twice or are_names or any(_says_more(name, cell) for name, cell in filled)


def _says_more(name: str, cell: str) -> bool:
    """Whether a cell can only belong to the names of the columns."""
    if _says_nothing(cell):
        return True
    if not name:
        return role_of(cell) is not None or answer_of(cell.casefold()) is not None or _speaks(cell)
    return _speaks(cell) and consent_kind(name) is None


def _speaks(name: str) -> bool:
    return consent_kind(name) in {ConsentKind.OPTED_IN, ConsentKind.OPTED_OUT}


def _asks_the_same(name: str, cell: str) -> bool:
    spelt, role = plain(cell), role_of(name)
    is_told = role is not None and " " in cell and any(len(each) > 3 and each in spelt for each in spellings(role))
    return is_told or role_of(cell) is not None or _says_nothing(cell) or "?" in cell or plain(name) in spelt


def _joined(above: Sequence[str], below: Sequence[str], *, is_above_further: bool) -> list[str]:
    names, group = [], ""
    for question, answer in zip_longest(above, below, fillvalue=""):
        group = question or group
        names.append(_name(question, answer, group, is_above_further=is_above_further))
    return names


def _name(question: str, answer: str, group: str, *, is_above_further: bool) -> str:
    """What a column is called by what stands above each other, in a group that is named at its left edge alone."""
    if not answer or _says_nothing(answer) or plain(answer) == plain(question):
        return question or answer
    if not question:
        return f"{group} - {answer}" if group and answer_of(answer.casefold()) else answer
    if role_of(question) and not is_above_further:
        return question
    if role_of(answer):
        return answer
    return _name_of_consent(question, answer) or (answer if is_above_further else question)


def _name_of_consent(question: str, answer: str) -> str:
    """The same where one of them speaks of consent; else nothing."""
    both, asked = f"{question} - {answer}", consent_kind(question)
    if consent_kind(answer):
        # "Abgemeldet von" above "Newsletter".
        return both if asked and consent_kind(both) is ConsentKind.OPTED_OUT else answer
    return both if _speaks(question) and _speaks(both) else question if asked else ""


def _says_nothing(cell: str) -> bool:
    # Of "1 = yes, 2 = no" the last word would read as a refusal.
    return plain(cell) in _PLAIN_NOTHING or without_answers(f"? ({cell})") == "?"


def _holds_address(cell: str) -> bool:
    return "@" in cell and bool(read_address(cell).addresses)
