"""Which encoding a file of text has: what its bytes prove, else what makes its words most like names of people.

What is not sure is not acted upon: the candidates are shown with a sample of each, and a person chooses.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from dotbridge.files.name_letters import likelihood

SAMPLE = 64 * 1024
# Zeros alone may be damage, told line by line; a file with many of the other control characters is no text.
_NEVER_IN_TEXT = bytes({*range(1, 32)} - set(b"\t\n\v\f\r\x1a\x1b"))
_LEAST_TEXT = 0.99
MOST_CANDIDATES = 6
# How much likelier than the next the best must be, as a natural logarithm, and how likely a letter of it on average.
_SURE_BY = 8.0
_LIKELY_LETTER = -14.0
_LONGEST_LINE = 100_000
_BLOCK = 1024**2
_TAKEN_APART = re.compile("[\u00c2-\u00c5\u00d0\u00d1\u00e2][\u0080-\u00bf\u2010-\u2122\u0152-\u0192\u02c6\u02dc]")
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN = (
    *("danish", "dutch", "english", "finnish", "french", "german", "icelandic", "italian", "norwegian"),
    *("portuguese", "spanish", "swedish"),
)
_CENTRAL = ("croatian", "czech", "hungarian", "polish", "romanian", "slovak", "slovene")
_BALTIC = ("estonian", "latvian", "lithuanian")
_CYRILLIC = ("bulgarian", "russian", "ukrainian")
# What spreadsheets and older systems write when it is not Unicode: for which languages, and how much rarer than the
# commonest (natural logarithms): Windows before the ISO standards, DOS and Mac far behind.
_LEGACY: dict[str, tuple[tuple[str, ...], float]] = {
    "cp1252": (_WESTERN, 0.0),
    "cp1250": (_CENTRAL, -1.0),
    "cp1251": (_CYRILLIC, 0.0),
    "cp1253": (("greek",), -1.0),
    "cp1254": (("turkish",), -1.0),
    "cp1255": (("hebrew",), -2.0),
    "cp1256": (("arabic",), -1.0),
    "cp1257": (_BALTIC, -3.0),
    "cp932": (("japanese",), 0.0),
    "gb18030": (("chinese",), 0.0),
    "big5": (("chinese (traditional)",), 0.0),
    "cp949": (("korean",), 0.0),
    "cp874": (("thai",), -2.0),
    "iso8859_15": (_WESTERN, -2.0),
    "iso8859_2": (_CENTRAL, -3.0),
    "iso8859_7": (("greek",), -2.0),
    "iso8859_9": (("turkish",), -2.0),
    "iso8859_13": (_BALTIC, -5.0),
    "koi8_r": (_CYRILLIC, -2.0),
    "koi8_u": (_CYRILLIC, -3.0),
    "iso8859_5": (_CYRILLIC, -3.0),
    "iso8859_8": (("hebrew",), -3.0),
    "iso8859_6": (("arabic",), -3.0),
    "euc_jp": (("japanese",), -3.0),
    "mac_roman": (_WESTERN, -4.0),
    "cp850": (_WESTERN, -4.0),
    "cp852": (_CENTRAL, -4.0),
    "mac_latin2": (_CENTRAL, -4.0),
    "cp866": (_CYRILLIC, -4.0),
    "mac_cyrillic": (_CYRILLIC, -4.0),
    "cp857": (("turkish",), -4.0),
}

# What a person can choose from.
ENCODINGS = ("utf-8", *_LEGACY)


@dataclass(frozen=True)
class Candidate:
    """An encoding that the file may have, and how one of the lines that decide would read in it."""

    encoding: str
    sample: str


@dataclass(frozen=True)
class FoundEncoding:
    """The likeliest encoding, whether it is sure, and every candidate, the likeliest first."""

    encoding: str
    is_sure: bool
    candidates: tuple[Candidate, ...] = ()


def find_encoding(file: BinaryIO) -> FoundEncoding | None:
    """The encoding of a file of text, which is read from its beginning. None if it is no text."""
    file.seek(0)
    head = file.read(SAMPLE)
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return FoundEncoding(encoding, is_sure=True)
    if b"\0" in head:
        if found := _utf_16_without_mark(head):
            return found
        if len(head.translate(None, _NEVER_IN_TEXT)) < len(head) * _LEAST_TEXT:
            return None
    file.seek(0)
    return _utf_8_or_legacy(file)


def known_encoding(name: str) -> str | None:
    """The codec behind a name that a person gave, None if there is no such encoding of text."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError):
        return None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _utf_16_without_mark(head: bytes) -> FoundEncoding | None:
    pairs = max(len(head) // 2, 1)
    first, second = head[0::2].count(0), head[1::2].count(0)
    # Zeros in the one place of the pairs and hardly any in the other: letters of every script have blanks, commas and
    # line ends between them.
    for encoding, zeros, others in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        if zeros > pairs * 0.1 and zeros > others * 20:
            return FoundEncoding(encoding, is_sure=True)
    return None


def _utf_8_or_legacy(file: BinaryIO) -> FoundEncoding:
    """UTF-8 where it fits; a few broken letters among many good ones are damaged lines of it, told one by one."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = broken = 0
    sample = bytearray()
    while block := file.read(_BLOCK):
        block += file.readline(_LONGEST_LINE)
        if block.isascii():
            continue
        text = decoder.decode(block)
        damaged = text.count("\N{REPLACEMENT CHARACTER}")
        broken += damaged
        good += len(text) - len(text.encode("ascii", "ignore")) - damaged
        for line in block.splitlines(keepends=True) if len(sample) < SAMPLE else ():
            if not line.isascii() and len(sample) < SAMPLE:
                sample += line[:_LONGEST_LINE]
    if broken * 2 <= good or not sample:
        return FoundEncoding("utf-8", is_sure=True)
    return rank(bytes(sample))


def rank(sample: bytes) -> FoundEncoding:
    """The legacy encodings that a sample can have, the likeliest first; those that read it alike count as one."""
    by_text: dict[str, tuple[float, str, int]] = {}
    for encoding, (languages, rarer) in _LEGACY.items():
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        likely, letters = likelihood(text, languages)
        # Of encodings that read it alike the commonest gives the name, and the likeliest says how likely.
        known = by_text.get(text, (float("-inf"), encoding, letters))
        by_text[text] = (max(known[0], likely + rarer), *known[1:])
    ranked = sorted(by_text.items(), key=lambda each: -each[1][0])
    if not ranked:
        return FoundEncoding("latin-1", is_sure=False, candidates=(_candidate("latin-1", sample),))
    best, encoding, letters = ranked[0][1]
    next_best = ranked[1][1][0] if len(ranked) > 1 else float("-inf")
    is_sure = best - next_best >= _SURE_BY and best >= _LIKELY_LETTER * max(letters, 1)
    candidates = tuple(_candidate(each[1], sample) for _text, each in ranked[:MOST_CANDIDATES])
    return FoundEncoding(encoding, is_sure=is_sure, candidates=candidates)


def _candidate(encoding: str, sample: bytes) -> Candidate:
    return Candidate(encoding, next(_lines(sample.decode(encoding, errors="replace")), ""))


def _lines(text: str) -> Iterator[str]:
    """The lines with letters beyond ASCII, shortened around the first of them."""
    for line in text.splitlines():
        at = next((place for place, character in enumerate(line) if not character.isascii()), None)
        if at is not None:
            yield line[max(at - 30, 0) : at + 50]


def put_together(text: str) -> str:
    """The text whose letters are the bytes of UTF-8, each taken for a letter of its own ("MÃ¼ller"), as it was meant;
    any other as it is.
    """
    if text.isascii() or not _TAKEN_APART.search(text):
        return text
    for encoding in ("cp1252", "latin-1"):
        with suppress(UnicodeError):
            meant = text.encode(encoding).decode("utf-8")
            return text if meant.isascii() else meant
    return text
