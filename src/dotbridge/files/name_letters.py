"""How likely a text is as names of people: what tells apart two encodings under which the same bytes are other letters.

Counted over lists of names in 34 languages by `tools/make_name_letters.py`. Only what lies beyond ASCII counts, since
the rest is the same in every encoding that is told apart.
"""

# ruff: noqa: RUF001 - signs of many scripts are the point

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from importlib import resources

# Natural logarithms throughout.
_UNSEEN_LETTER = 0.02
_UNSEEN_NEIGHBOUR = 0.3
_NEIGHBOUR_LANGUAGE = -1.5
_OTHER_LANGUAGE = -6.0
_LETTER_AMONG_DIGITS = -12.0
_LETTER_ALONE = -8.0
_MIXED_SCRIPTS = -30.0
_CAPITAL_WITHIN = -10.0
_NO_TEXT = -40.0
_RARE_SIGN = -14.0
_SIGN_WITHIN_WORD = -12.0
_COMBINING = -9.0
_SIGNS = {
    **dict.fromkeys("’‘“”„", -4.0),
    **dict.fromkeys("–—…€£«»•", -5.0),
    **dict.fromkeys("\u00a0°®™©§´·‚‹›", -7.0),
    **dict.fromkeys("ºª№¿¡½", -8.0),
    **dict.fromkeys("、。・「」（）　０１２３４５６７８９：；，！？ー々", -4.0),
    # A name may hold it, and those who type it often mean another letter.
    **dict.fromkeys("¥¢", -9.0),
}
# \w holds ², ½ and their like as well, which are no letters.
_NUMERALS = "".join(chr(code) for code in range(0x80, 0x10000) if chr(code).isalnum() and not chr(code).isalpha())
# Signs that do not touch a letter on the one side, or on the other.
_NEVER_AFTER, _NEVER_BEFORE = "‘“„«–—€£¥¢", "’”»–—…€£¥¢"
_PIECE = re.compile(rf"[^\W\d_{_NUMERALS}]+|[^\x00-\x7f]")
# In the order in which they are looked for: a combining mark that no script claims belongs to Latin letters.
_SCRIPTS = (
    "LATIN",
    "COMBINING",
    "CYRILLIC",
    "GREEK",
    "HEBREW",
    "ARABIC",
    "THAI",
    "HANGUL",
    "HIRAGANA",
    "KATAKANA",
    "CJK",
)
_OF_SYLLABLES = {"HANGUL", "CJK", "HIRAGANA", "KATAKANA"}
_TOGETHER = ({"HIRAGANA", "KATAKANA", "CJK"}, {"HANGUL", "CJK"})


class _Language:
    """The counts of one language, and how likely a letter is there beside its neighbours."""

    def __init__(self, pairs: dict[str, str]) -> None:
        self._pairs = {each[at : at + 2]: int(count) for count, each in pairs.items() for at in range(0, len(each), 2)}
        self._before: dict[str, int] = {}
        self._after: dict[str, int] = {}
        for pair, count in self._pairs.items():
            left, right = pair[0], pair[1]
            if not right.isascii():
                self._before[right] = self._before.get(right, 0) + count
            if not left.isascii():
                self._after[left] = self._after.get(left, 0) + count
        # Some languages have few such letters: what counts is which of them a letter is, not that it is one.
        self._all = sum(self._before.values())
        self._different = max(len(self._before), 30)

    def of(self, left: str, letter: str, right: str) -> float:
        """How likely the letter is there. One after another that is beyond ASCII was foretold by that one."""
        count = self._before.get(letter, 0)
        found = math.log((count + _UNSEEN_LETTER) / (self._all + _UNSEEN_LETTER * self._different))
        if _script(letter) in _OF_SYLLABLES:
            # There are so many of these that the lists hold few of their pairs.
            return found
        if left.isascii():
            return found + self._beside(left + letter, count) + self._beside(letter + right, count)
        return self._beside(letter + right, count)

    def _beside(self, pair: str, count: int) -> float:
        return math.log((self._pairs.get(pair, 0) + _UNSEEN_NEIGHBOUR) / (count + _UNSEEN_NEIGHBOUR * self._different))


@lru_cache(maxsize=1)
def _languages() -> dict[str, _Language]:
    text = resources.files(__package__).joinpath("name_letters.json").read_text(encoding="utf-8")
    return {name: _Language(pairs) for name, pairs in json.loads(text).items()}


def likelihood(text: str, languages: Collection[str]) -> tuple[float, int]:
    """How likely the text is (a natural logarithm, 0 for plain ASCII) and over how many characters beyond ASCII.

    Most of it is in one of the `languages`; a word of another of them is likely, and one of any other possible. Words
    with letters beyond ASCII and signs beyond ASCII count once each, however often they are there.
    """
    by_language = dict.fromkeys(languages, 0.0)
    other = 0.0
    pieces = _pieces(unicodedata.normalize("NFC", text))
    for left, piece, right in pieces:
        if not piece[0].isalpha():
            other += _sign(left, piece, right)
            continue
        other += _shape(left, piece, right)
        word = _word(piece.lower())
        near = max(word[name] for name in by_language) + _NEIGHBOUR_LANGUAGE
        best = max(near, max(word.values()) + _OTHER_LANGUAGE)
        for name in by_language:
            by_language[name] += max(word[name], best)
    characters = sum(not character.isascii() for _, piece, _ in pieces for character in piece)
    return max(by_language.values()) + other, characters


def _pieces(text: str) -> set[tuple[str, str, str]]:
    """Words and signs beyond ASCII, each with the character before and after it."""
    found = set()
    for match in _PIECE.finditer(text):
        if not match[0].isascii():
            left = text[match.start() - 1] if match.start() else " "
            right = text[match.end()] if match.end() < len(text) else " "
            found.add((left, match[0], right))
    return found


@lru_cache(maxsize=50_000)
def _word(word: str) -> dict[str, float]:
    framed = f" {word} "
    places = [at for at in range(1, len(framed) - 1) if not framed[at].isascii()]
    return {
        name: sum(language.of(framed[at - 1], framed[at], framed[at + 1]) for at in places)
        for name, language in _languages().items()
    }


def _shape(left: str, word: str, right: str) -> float:
    """What speaks against a word whatever its language: two scripts, capitals in the middle, a digit at its side."""
    found = 0.0
    scripts = {_script(letter) for letter in word}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        found += _MIXED_SCRIPTS
    beyond = [at for at, letter in enumerate(word) if not letter.isascii()]
    if (left.isdigit() and 0 in beyond) or (right.isdigit() and len(word) - 1 in beyond):
        found += _LETTER_AMONG_DIGITS
    if len(word) == 1 and _script(word) == "LATIN":
        found += _LETTER_ALONE
    if not (word.isupper() or word[1:].islower() or word.islower() != word.isupper()):
        found += sum(_CAPITAL_WITHIN for at in beyond if _is_odd_case(word, at))
    return found


def _is_odd_case(word: str, at: int) -> bool:
    """Whether the letter is a capital after a small one, or a small one that stands between capitals."""
    before, after = word[at - 1 : at], word[at + 1 : at + 2]
    if word[at].isupper():
        return bool(before.islower())
    return bool(word[at].islower() and after.isupper())


def _sign(left: str, sign: str, right: str) -> float:
    if unicodedata.category(sign) in {"Cc", "Cf", "Cn", "Co", "Cs"} or sign == "\N{REPLACEMENT CHARACTER}":
        return _NO_TEXT
    if unicodedata.category(sign) == "Mn":
        # Latin letters have their accents within themselves, once they are put together.
        return _COMBINING if _script(left) == _script(sign) != "LATIN" else _MIXED_SCRIPTS
    found = _SIGNS.get(sign, _RARE_SIGN)
    if left.isalpha() and right.isalpha():
        # An apostrophe stands before a capital.
        found += 0 if sign in "’‘" and right.isupper() else _SIGN_WITHIN_WORD
    elif (left.isalpha() and (sign in _NEVER_AFTER or sign not in _SIGNS)) or (
        right.isalpha() and (sign in _NEVER_BEFORE or sign not in _SIGNS)
    ):
        found += _SIGN_WITHIN_WORD
    return found


@lru_cache(maxsize=10_000)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    found = next((script for script in _SCRIPTS if name.startswith(script)), "OTHER")
    return "LATIN" if found == "COMBINING" else found
