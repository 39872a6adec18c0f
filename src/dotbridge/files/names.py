"""A person's name written in one cell, taken apart; a company's name is nobody's."""

# ruff: noqa: RUF001 - legal forms in many scripts are the point

from __future__ import annotations

import re
from functools import lru_cache

from nameparser import HumanName
from nameparser.config import CONSTANTS

# How companies are registered, in the forms that end their names.
_LEGAL_FORMS = re.compile(
    r"[\s,](?:inc|incorporated|ltd|limited|llc|llp|plc|corp|corporation|co|company|gmbh|mbh|ag|kg|ohg|ug|e\.?\s?v|gbr|se"
    r"|s\.?a\.?r\.?l|s\.?a\.?s|sarl|sas|eurl|s\.?l\.?u?|s\.?r\.?l|s\.?p\.?a|srl|spa|bv|b\.v|nv|n\.v|vof|oy|oyj|ab"
    r"|aps|a/s|as|asa|kft|zrt|nyrt|s\.?r\.?o|a\.?s|d\.?o\.?o|sp\.?\s?z\s?o\.?\s?o|ooo|ооо|зао|пао|pty|pte|lda|ltda)\.?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")


def is_company(name: str) -> bool:
    """Whether the name ends as companies' names do."""
    return _LEGAL_FORMS.search(name.strip()) is not None


def split_name(name: str) -> tuple[str, str]:
    """First and last name of "Ada Byron", "Byron, Ada" or "Dr. Ada Byron, PhD"; titles and what is behind are dropped.

    A name of one word is the last name.
    """
    words = name.split()
    if len(words) == 1 and "," not in name:
        return "", words[0]
    if len(words) == 2 and all(map(_is_plain_word, words)):
        return _in_order(*words)
    parsed = HumanName(" ".join(words))
    first = " ".join(part for part in (parsed.first, parsed.middle) if part)
    return first, parsed.last


def first_name_beside(name: str, last_name: str) -> str:
    """What a column "Name" says of the first name where another column has the last one: "Ada", "Ada Byron" and
    "Byron, Ada" beside "Byron" are Ada.
    """
    text, family = " ".join(name.split()), " ".join(last_name.split()).casefold()
    before, _comma, behind = text.partition(",")
    if before.strip().casefold() == family:
        return behind.strip()
    if text.casefold().endswith(f" {family}"):
        return text[: len(text) - len(family)].strip()
    return text


def _in_order(one: str, other: str) -> tuple[str, str]:
    # Chinese, Japanese and Korean names begin with the family's.
    return (other, one) if ord(one[0]) >= 0x3040 and ord(other[0]) >= 0x3040 else (one, other)


@lru_cache(maxsize=10_000)
def _is_plain_word(word: str) -> bool:
    """Whether it is nothing but a name: no title, no "van", no "Jr"."""
    small = word.lower()
    known = (CONSTANTS.titles, CONSTANTS.prefixes, CONSTANTS.suffix_acronyms, CONSTANTS.suffix_not_acronyms)
    return bool(_WORD.fullmatch(word)) and not any(small in words for words in known)
