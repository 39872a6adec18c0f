"""Columns that say who may not be written to: which they are, and what each of their cells says.

Consent only falls: nothing in a file makes somebody mailable who is not. What cannot be understood in such a column
counts as opted out, and is told.
"""

from __future__ import annotations

import datetime
import enum
import re
from dataclasses import dataclass, field
from functools import lru_cache

from dotbridge.files import consent_words
from dotbridge.files.consent_phrases import names_a_state, phrase_kind, phrase_state, without_answers
from dotbridge.files.damage import Unreadable
from dotbridge.files.dates import DateColumn, Day
from dotbridge.files.headers import plain
from dotbridge.files.records import Cell, cell_text


class ConsentKind(enum.Enum):
    """How a column speaks: of having opted out, of having opted in, by a word for the state, or among labels."""

    OPTED_OUT = "opted out"
    OPTED_IN = "opted in"
    STATUS = "status"
    LABELS = "labels"


# What a person calls them who says that a column is one.
CHOSEN_KINDS = {
    "opted-out": ConsentKind.OPTED_OUT,
    "opted-in": ConsentKind.OPTED_IN,
    "mailing-state": ConsentKind.STATUS,
}


class Says(enum.Enum):
    """What one cell says of its person."""

    NOTHING = "nothing"
    OPTED_OUT = "opted out"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class Said:
    """What a cell says, and when that happened if it is a moment."""

    says: Says
    happened: Day | None = None


_HEADER_LISTS = {
    ConsentKind.OPTED_OUT: consent_words.OPTED_OUT_HEADERS,
    ConsentKind.OPTED_IN: consent_words.OPTED_IN_HEADERS,
    ConsentKind.STATUS: consent_words.STATUS_HEADERS,
    ConsentKind.LABELS: consent_words.LABEL_HEADERS,
}
# Names with something of the file's own in them: "Opted out of email: Events", "et4ae5__HasOptedOutOfEmail__c".
_OPTED_OUT_STEMS = (
    "optedout",
    "optout",
    "unsubscribed",
    "unsubtime",
    "unsubdate",
    "hasoptedout",
    "abgemeldet",
    "desabonne",
)
_OPTED_IN_STEMS = ("optedin", "emailoptin", "marketingconsent", "subscribedto")
# Where somebody can leave, unless the cells say who did.
_LINKS = ("link", "url")
# The other ways to write to somebody, unless e-mail is named beside them: "Do not call", and not "Automatically".
_OTHER_WAYS = re.compile(r"fax|sms|phone|call(?!y)|whatsapp|push|telefon|mobile")
_EMAIL = ("mail", "correo", "courriel", "epost", "sahkoposti", "почт", "メール", "邮件", "郵件", "메일")
_FILLED_SAYS_SO = re.compile(
    r"time|date|at$|on$|reason|title|campaign|datum|grund|motif|fecha|data|suppress|bounce|source|mode"
)
# Of these a "yes" or "no" is enough: "Subscription status".
_ASKS_IT = re.compile(r"mail|subscri|consent|marketing|news|opt|подпис|inscri|iscri|suscri")
_OF_MAILING = re.compile(r"mail|subscri|consent|marketing|news|opt|member|abo|подпис|inscri|iscri|suscri")
# Beside which a "Status" is that of a subscription: "Subscribed via", "utm_source", "Open rate", "Optin time".
_OF_A_MAILING_TOOL = re.compile(r"subscribe[rd]|newsletter|^utm|openrate|clickrate|optin|abonnent|referral")
# Beside which it is that of an order, a plan or a deal.
_OF_A_SHOP = re.compile(
    r"order|invoice|amount|total|price|payment|plan$|currency|revenue|dealstage|rechnung|betrag|preis"
)
# How programs write nothing where a moment or several words could stand.
_EMPTY = re.compile(r"0000-00-00.*|\[\]|\{\}|\\n|[(<\[]null[)>\]]")
_MOMENT = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\w{1,9}[-/. ]\d{2,4}")
# What stands behind a word for the state: when it was, in brackets why.
_BEHIND = re.compile(r"[\d(\[:].*", re.DOTALL)
# How spreadsheets write 1 and 0 in a column that has empty cells as well.
_ONE_OR_NONE = re.compile(r"([01])[.,]0+")
_BETWEEN_LABELS = re.compile(r"\s*(?::::|[;,|\n])\s*")


@lru_cache(maxsize=1)
def _headers() -> dict[str, ConsentKind]:
    return {
        plain(name): kind for kind, names in reversed(_HEADER_LISTS.items()) for name in names.split(",") if plain(name)
    }


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in text.replace("\n", " ").split(","))


def _spelt(text: str) -> frozenset[str]:
    return frozenset(plain(word) or word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


YES, NO = _words(consent_words.YES_WORDS), _words(consent_words.NO_WORDS)
_ANY_STATE = _spelt(consent_words.ANY_STATE_WORDS)
_OUT, _IN = _spelt(consent_words.OUT_WORDS), _spelt(consent_words.IN_WORDS)


def consent_kind(header: str) -> ConsentKind | None:
    """How a column of this name speaks of consent, None if it does not."""
    if found := _listed_kind(header):
        return found
    if _is_something_else(header):
        return None
    # Of a state of anything only those words count that are said of mailings alone, as of labels.
    return _phrased_kind(header) or (ConsentKind.LABELS if names_a_state(header) else None)


def _listed_kind(header: str) -> ConsentKind | None:
    name = plain(without_answers(header))
    if found := _headers().get(name):
        return found
    if _is_something_else(header):
        return None
    if any(stem in name for stem in _OPTED_OUT_STEMS):
        return ConsentKind.OPTED_OUT
    if not any(stem in name for stem in _OPTED_IN_STEMS):
        return None
    # "Not opted in", "Marketing consent withdrawn".
    return ConsentKind.OPTED_OUT if _phrased_kind(header) is ConsentKind.OPTED_OUT else ConsentKind.OPTED_IN


def _phrased_kind(header: str) -> ConsentKind | None:
    kind = phrase_kind(header)
    return ConsentKind(kind) if kind else None


def _is_something_else(header: str) -> bool:
    name = plain(header)
    return bool(_OTHER_WAYS.search(name)) and not any(part in name for part in _EMAIL)


def is_listed(header: str) -> bool:
    """Whether the name alone says that a column may speak of consent."""
    return _listed_kind(header) is not None


def speaks_of_mailing(header: str) -> bool:
    """Whether a column of this name is one of a mailing tool: then a "Status" beside it is that of a subscription."""
    return bool(_OF_A_MAILING_TOOL.search(plain(header)))


def speaks_of_money(header: str) -> bool:
    """Whether a column of this name is one of a shop: then a "Status" beside it is none of a subscription."""
    return bool(_OF_A_SHOP.search(plain(header)))


@dataclass
class ConsentColumn:
    """One column that speaks of consent. `observe` every cell first, then ask `is_meant` and `read`."""

    header: str
    kind: ConsentKind
    dates: DateColumn = field(default_factory=DateColumn)
    # Somebody said that it speaks of consent.
    is_chosen: bool = False
    # Of a mailing tool's file: there any state is one of a subscription.
    is_of_mailing_tool: bool = False
    filled: int = 0
    known: int = 0
    # Cells that say yes, no, a state, or when it happened.
    answers: int = 0
    # Cells with a state, and the first that says that somebody is not to be written to.
    states: int = 0
    # Cells with a number, as a total below the column is.
    sums: int = 0
    example: str = ""

    def observe(self, cell: Cell) -> None:
        """Take note of one cell."""
        self.dates.observe(cell)
        if text := _flat(cell):
            self.filled += 1
            self.known += self._is_known_label(cell) if self.kind is ConsentKind.LABELS else self._is_of_consent(text)
            self.answers += self._is_answer(cell, text)
            self.sums += text.isdecimal()
            if (state := _state(text)) is not None:
                self.states += 1
                self.example = self.example or (text if state is Says.OPTED_OUT else "")

    def _is_known_label(self, cell: Cell) -> bool:
        if _listed_kind(self.header) is not None:
            return _is_out_label(cell)
        text = _flat(cell)
        return _state(text) is Says.OPTED_OUT and (plain(text) or text) not in _ANY_STATE

    def _is_of_consent(self, text: str) -> bool:
        spelt = plain(text) or text
        return _state(text) is not None and (spelt not in _ANY_STATE or bool(_OF_MAILING.search(plain(self.header))))

    def _is_answer(self, cell: Cell, text: str) -> bool:
        if text in YES | NO or _state(text) is not None:
            return True
        is_moment = isinstance(cell, datetime.date) or bool(_MOMENT.match(text))
        return is_moment and self.kind is ConsentKind.OPTED_OUT

    def is_meant(self) -> bool:
        """Whether the column speaks of consent at all: a "Status" may be anything, and so may labels, and what is known
        by parts of its name alone.
        """
        name, mostly_answers = plain(self.header), self.answers * 2 > self.filled
        if self.is_chosen:
            return True
        if self.kind is ConsentKind.LABELS:
            return self.known > 0
        if self.kind is ConsentKind.STATUS:
            is_state = self.is_of_mailing_tool and bool(self.example) and self.states * 2 > self.filled
            return self.known > 0 or is_state or (bool(_ASKS_IT.search(name)) and mostly_answers)
        is_link = any(part in name for part in _LINKS)
        return (_listed_kind(self.header) is not None and not is_link) or mostly_answers

    def may_be_meant(self) -> bool:
        """Whether only a person can say that it does: nothing but states that may be those of anything."""
        holds_states = bool(self.example) and self.states + self.sums == self.filled and self.states > self.sums
        return self.kind is ConsentKind.STATUS and holds_states and not self.is_meant()

    def read(self, cell: Cell) -> Said:
        """What a cell says."""
        text = _flat(cell)
        if not text:
            return Said(Says.NOTHING)
        if self.kind is ConsentKind.LABELS:
            return Said(Says.OPTED_OUT if _is_out_label(cell) else Says.NOTHING)
        state = _state(text)
        if state is not None:
            return Said(state)
        if self.kind is ConsentKind.STATUS:
            # "Yes" under "Email marketing consent".
            return Said(Says.NOTHING if text in YES else Says.OPTED_OUT if text in NO else Says.DOUBTFUL)
        is_out = self.kind is ConsentKind.OPTED_OUT
        if text in YES | NO:
            return Said(Says.OPTED_OUT if (text in YES) is is_out else Says.NOTHING)
        return self._read_moment(cell, is_out=is_out)

    def _read_moment(self, cell: Cell, *, is_out: bool) -> Said:
        try:
            happened = self.dates.read_day(cell)
        except Unreadable:
            if is_out and _FILLED_SAYS_SO.search(plain(self.header)):
                return Said(Says.OPTED_OUT)
            return Said(Says.DOUBTFUL)
        return Said(Says.OPTED_OUT, happened) if is_out else Said(Says.NOTHING)


def _flat(cell: Cell) -> str:
    text = " ".join(cell_text(cell).split()).casefold()
    number = _ONE_OR_NONE.fullmatch(text)
    return number[1] if number else "" if _EMPTY.fullmatch(text) else text


def listed_state(text: str) -> Says | None:
    """What a text says by itself, word for word; None if it is not known."""
    spelt = plain(text) or text
    return Says.OPTED_OUT if spelt in _OUT else Says.NOTHING if spelt in _IN else None


def is_any_state(text: str) -> bool:
    """Whether a text is a word of a state that may be any state, such as that of an order."""
    return (plain(text) or text) in _ANY_STATE


@lru_cache(maxsize=4_096)
def _state(text: str) -> Says | None:
    if (said := listed_state(text)) is not None:
        return said
    # "Unsubscribed 2021-03-04", "Cleaned (hard bounce)".
    begin = plain(_BEHIND.sub("", text))
    if begin in _OUT - _ANY_STATE:
        return Says.OPTED_OUT
    return {"opted out": Says.OPTED_OUT, "opted in": Says.NOTHING}.get(phrase_state(text))


def _is_out_label(cell: Cell) -> bool:
    text = "\n".join(" ".join(line.split()) for line in cell_text(cell).splitlines())
    return any(
        _state(label.strip("* ").casefold()) is Says.OPTED_OUT
        for label in _BETWEEN_LABELS.split(text)
        if label.strip("* ")
    )
