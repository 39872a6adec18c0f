"""What a cell says of whether somebody may be written to, by its words alone."""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from dotbridge.files import consent_words
from dotbridge.files.consent_phrases import (
    REFUSING,
    asks_for_no_mail,
    has_left,
    is_address_of_page,
    is_denied,
    is_refused,
    phrase_state,
    without_not,
)
from dotbridge.files.encodings import put_together
from dotbridge.files.headers import plain
from dotbridge.files.records import BLANKS, Cell, cell_text


class Says(enum.Enum):
    """What one cell says of its person."""

    NOTHING = "nothing"
    OPTED_OUT = "opted out"
    DOUBTFUL = "doubtful"


# How programs write nothing where a moment or several words could stand.
_EMPTY = re.compile(r"0000-00-00.*|\[\]|\{\}|\\n|[(<\[]null[)>\]]")
# What stands behind a word for the state: when it was, in brackets why.
_BEHIND = re.compile(r"(?:[\d(\[:]| via ).*", re.DOTALL)
# A word that answers, with more behind it: "Nein, danke", "Yes please".
_ANSWER = re.compile(r"(\w{2,5})(?:[,.!;:]| [^\s]+$)")
_SAID = re.compile(r"(\w{2,5})[,.!;:]")
_BETWEEN_LANGUAGES = re.compile(r"\s*[/|]\s*")
# Marks that nobody sees within a word, and the one behind a sign that it is shown in colour.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f"))
_LONGEST_JSON = 10_000
_WORDS = re.compile(r"[^\W_]+")
_A_WORD = re.compile(r"[a-z]{4}")
# How spreadsheets write 1 and 0 in a column that has empty cells as well, and databases single bits.
_ONE_OR_NONE = re.compile(r"(?:b'|\\x0)?([01])(?:'|[.,]0+)?")


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in text.replace("\n", " ").split(","))


def _spelt(text: str) -> frozenset[str]:
    return frozenset(plain(word) or word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


YES, NO = _words(consent_words.YES_WORDS), _words(consent_words.NO_WORDS)
# Those of people, which begin a sentence: "Yes please", and not "On hold".
_YES_SAID, _NO_SAID = _words(consent_words.YES_SAID), _words(consent_words.NO_SAID)
_ANY_STATE = _spelt(consent_words.ANY_STATE_WORDS)
_OUT, _IN = _spelt(consent_words.OUT_WORDS), _spelt(consent_words.IN_WORDS)
_SURELY_OUT = _OUT - _ANY_STATE
_TO_BEGIN = 3
_SURE_BEGINNINGS = (
    frozenset(
        beginning
        for word in _SURELY_OUT | _words(consent_words.OUT_WORDS)
        # As in "Un-subscribed".
        for beginning in (word[:_TO_BEGIN], f"{word[: _TO_BEGIN - 1]}-")
    )
    | REFUSING
)
# Signs that say yes, and those that say no beside them. Alone these may say that somebody was crossed out.
TICKS, CROSSES = frozenset("✓✔☑✅"), frozenset("❌✗✘✖")


def are_yes_and_no(cells: Iterable[Cell]) -> bool:
    """Whether cells hold yes and no, and nothing else."""
    texts = {text for cell in cells if (text := flat(cell))}
    return bool(texts) and texts <= YES | NO and not texts <= {"-", "none", "null", "n/a", "na", "nan", "nil"}


def flat(cell: Cell) -> str:
    """A cell on one line, in small letters; empty where a program writes that there is nothing.

    Letters of full width and those whose accents a Mac has written apart are as all others, and an answer in two
    languages ("Oui / Yes") is the first of them.
    """
    text = cell_text(cell)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", put_together(text)).translate(_UNSEEN)
    text = " ".join(text.strip(BLANKS).split()).casefold()
    text = text.rstrip("!.") or text
    if number := _ONE_OR_NONE.fullmatch(text):
        return number[1]
    if "/" in text or "|" in text:
        parts = _BETWEEN_LANGUAGES.split(text)
        if len(parts) == 2 and (YES.issuperset(parts) or NO.issuperset(parts)):
            return parts[0]
    return "" if _EMPTY.fullmatch(text) else text


def listed_state(text: str) -> Says | None:
    """What a text says by itself, word for word; None if it is not known."""
    spelt = plain(text) or text
    return Says.OPTED_OUT if spelt in _OUT else Says.NOTHING if spelt in _IN else None


def is_any_state(text: str) -> bool:
    """Whether a text is a word of a state that may be any state, such as that of an order."""
    rest = without_not(text) or text
    if {plain(text) or text, plain(rest) or rest} & _ANY_STATE:
        return True
    return listed_state(text) is None and not phrase_state(text) and is_refused(text)


@lru_cache(maxsize=4_096)
def state_of(text: str) -> Says | None:
    """What a flat text says as a word for the state of a person; None if it is none."""
    if (said := listed_state(text)) is not None:
        return said
    if text[:1].isdigit() and text.isascii() and not _A_WORD.search(text):
        # A moment, of which there is another one in every cell.
        return None
    if is_address_of_page(text):
        return None
    # "Not granted", "nicht abgemeldet".
    if (rest := without_not(text)) and (said := listed_state(rest)) is not None:
        return Says.OPTED_OUT if said is Says.NOTHING else Says.NOTHING
    # "Unsubscribed 2021-03-04", "Cleaned (hard bounce)".
    if is_sure_state(text):
        return Says.OPTED_OUT
    said = {"opted out": Says.OPTED_OUT, "opted in": Says.NOTHING}.get(phrase_state(text))
    return said or (Says.OPTED_OUT if is_refused(text) else None)


@lru_cache(maxsize=4_096)
def answer_of(text: str) -> Says | None:
    """What a flat text answers to the question whether somebody may be written to: "Ja, gerne", "No, thank you"; None
    if it is no answer.
    """
    if text in YES | NO:
        return Says.NOTHING if text in YES else Says.OPTED_OUT
    if text.startswith("{") and len(text) < _LONGEST_JSON:
        return _answer_of_json(text)
    answer = _ANSWER.match(text)
    said = {answer[1]} if answer else set()
    return Says.NOTHING if said & _YES_SAID else Says.OPTED_OUT if said & _NO_SAID or is_denied(text) else None


def _answer_of_json(text: str) -> Says | None:
    """What an object of JSON in a cell answers, such as {"marketing": false}: one no is enough."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    texts = [flat(value) for value in found.values() if isinstance(value, (bool, int, str))]
    said = {state_of(each) or (answer_of(each) if not each.startswith("{") else None) for each in texts}
    return Says.OPTED_OUT if Says.OPTED_OUT in said else Says.NOTHING if said == {Says.NOTHING} else None


@lru_cache(maxsize=4_096)
def says_left(text: str) -> bool:
    """Whether a flat text says that somebody left a mailing, whatever the column is about."""
    return (is_sure_state(text) and has_left(text)) or asks_for_no_mail(text)


def may_refuse(text: str) -> bool:
    """Whether a flat text holds a word that begins as those do that refuse something: any other says nothing of it,
    and is told so in no time.
    """
    return not text.isascii() or any(word[:_TO_BEGIN] in _SURE_BEGINNINGS for word in _WORDS.findall(text))


def cell_says_left(cell: Cell) -> bool:
    """The same of a cell, found out in no time for a column in which every cell says something else."""
    is_worth_it = isinstance(cell, str) and cell.lstrip(BLANKS)[:_TO_BEGIN].casefold().strip() in _SURE_BEGINNINGS
    return is_worth_it and says_left(flat(cell))


def is_sure_state(text: str) -> bool:
    """Whether a text begins with a word that is said of mailings alone, and says that somebody has opted out: what
    stands behind it is when, or in brackets why.
    """
    return plain(_BEHIND.sub("", text)) in _SURELY_OUT


def said_by_a_person(text: str) -> Says | None:
    """What a flat text answers that is a yes or no as people say it, perhaps with more behind it: "Nein.", and not the
    "null" of programs, nor "no idea".
    """
    begun = _SAID.match(text)
    word = begun[1] if begun else text
    return Says.NOTHING if word in _YES_SAID else Says.OPTED_OUT if word in _NO_SAID else None
