"""The answers that the name of a column offers, or stands for: "Newsletter (yes/no)", "Newsletter - No"."""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import re
from functools import lru_cache

from dotbridge.files import consent_words

_YES, _NO = (
    "|".join(re.escape(word.strip()) for word in words.replace("\n", " ").split(",") if word.strip()[:1].isalnum())
    for words in (consent_words.YES_WORDS, consent_words.NO_WORDS)
)
_OR = r"(?:\s*[/|,;-]\s*|\s+(?:or|oder|ou|o|u|of|lub|eller|tai|nebo|vagy|sau|или|або|ή)\s+)"
# What is longer asks nothing, and would take its time to be looked through.
_LONGEST_WITH_ANSWERS = 500
# The answers that a name offers: "(yes/no)", "[1 = yes, 0 = no]", "J/N". None of them says what is asked.
_ANSWERS = re.compile(
    rf"[(\[](?=[^)\]]*\b(?:{_YES})\b)(?=[^)\]]*\b(?:{_NO})\b)[^)\]]*[)\]]"
    rf"|\b(?:{_YES}){_OR}(?:{_NO})\b|\b(?:{_NO}){_OR}(?:{_YES})\b",
    re.IGNORECASE,
)
# One answer that a column of its own stands for: "Newsletter - No", "Newsletter [Nein, danke]". A "Contact-no" is a
# number.
_DENYING = "|".join(re.escape(word.strip()) for word in consent_words.NO_SAID.split(","))
_THANKS = (
    r"danke(?: schön)?|thanks|thank you|merci|gracias|grazie|obrigad[oa]|bedankt|dank (?:je|u)|takk?|tack|kiitos"
    r"|dziękuję|děkuji|ďakujem|köszönöm|hvala|спасибо|дякую"
)
_DENIED_IN_A_COLUMN = re.compile(
    rf"(.*\w)(?:(?:\s+[\W_]+|\s*[:?=|(\[][\W_]*)(?:{_DENYING})|[\W_]+(?!no\b)(?:{_DENYING}))(?:\W+(?:{_THANKS}))?"
    r"[\s.!)\]]*",
    re.IGNORECASE,
)


def without_answers(header: str) -> str:
    """A header without the answers that it offers, of which "no" would read as a refusal."""
    if len(header) > _LONGEST_WITH_ANSWERS:
        return header
    return _ANSWERS.sub(" ", header).strip() or header


@lru_cache(maxsize=1_024)
def denied_question(header: str) -> str:
    """What a column asks that stands for the answer no alone: "Newsletter" of "Newsletter - No". Empty of any other."""
    header = without_answers(header)
    found = _DENIED_IN_A_COLUMN.fullmatch(header) if len(header) <= _LONGEST_WITH_ANSWERS else None
    return found[1] if found else ""
