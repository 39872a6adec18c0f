"""E-mail addresses as people write them: what is meant is found, what is none is refused with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from dotbridge.entities.email import is_plausible
from dotbridge.files.texts import text as _

# What surrounds an address in pasted text: blanks of every kind, marks that nobody sees, quotation marks.
_AROUND = " \t\r\n\u00a0\u200b\u200c\u200e\u200f\u202a\u202c\u2060\ufeff,;"
_QUOTES = "'\"‘’“”«»"  # noqa: RUF001 - these are what people type
_BRACKETED = re.compile(r"<([^<>\s]+)>")
_BETWEEN = re.compile(r"\s*:::\s*|[;,|]\s*|\s+/\s+|\s+(?=\S+@)")
_PLAIN = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*", re.ASCII | re.IGNORECASE)
# <a href="mailto:ada@example.com">Ada</a>
_LINK = re.compile(r"""<a\s[^>]*mailto:([^"'>?\s]+)""", re.IGNORECASE)
_LONGEST_LOCAL_PART = 64
# Room for several. What is longer is no address, and would take its time to be taken apart.
LONGEST_CELL = 2_000


# How people take a line out of a list without deleting it. Both may begin an address, and hardly ever do.
_TAKEN_OUT = ("#", "//")


@dataclass(frozen=True)
class Addresses:
    """The addresses in a cell, the first one first; if there is none, `why` says what is wrong with the cell, and
    `mend` what to do about it, if it is more than to write an address.
    """

    addresses: tuple[str, ...] = ()
    why: str = ""
    mend: str = ""


def read_address(cell: str) -> Addresses:
    """The addresses in a cell: alone, in brackets after a name, after `mailto:`, or several with ; , or ::: between.

    Letter case and the two ways to write a domain beyond ASCII do not make another address: the domain is given in
    small letters and in its own script, the part before the @ as it was typed.
    """
    if len(cell) > LONGEST_CELL:
        return Addresses(why=_("This is no e-mail address: it is far too long."))
    link = _LINK.search(cell)
    text = _bare(link[1] if link else cell)
    if not text:
        return Addresses(why=_("There is no e-mail address."))
    whole = _one(text)
    if not isinstance(whole, _NotOne):
        return Addresses((whole,))
    pieces = _BRACKETED.findall(text) or [piece for piece in map(_bare, _BETWEEN.split(text)) if piece]
    found = [_one(_bare(piece)) for piece in pieces]
    good = [each for each in found if not isinstance(each, _NotOne)]
    # What is partly an address may be anything: "me at home@example.com" is not "home@example.com".
    if good and len(good) == len(found):
        return Addresses(tuple(dict.fromkeys(good)))
    return Addresses(why=whole.why)


@dataclass(frozen=True)
class _NotOne:
    why: str


def _bare(text: str) -> str:
    text = text.strip(_AROUND)
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0]
    if text.startswith("<") and text.endswith(">") and text.count("<") == 1:
        text = text[1:-1].strip(_AROUND)
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip(_AROUND)
    return text.removesuffix(".")


def _one(text: str) -> str | _NotOne:
    if text.startswith(_TAKEN_OUT):
        return _NotOne(_("This is no e-mail address: it begins with a sign that takes a line out, such as #."))
    local, at, domain = text.rpartition("@")
    if at and len(local) <= _LONGEST_LOCAL_PART and _PLAIN.fullmatch(local):
        # Nearly all are such, and their domains are few: the library is asked once for each.
        known = _domain(domain)
        return known if isinstance(known, _NotOne) else f"{local}@{known}"
    return _validated(text)


@lru_cache(maxsize=20_000)
def _domain(domain: str) -> str | _NotOne:
    found = _validated(f"x@{domain}")
    return found if isinstance(found, _NotOne) else found[2:]


def _validated(text: str) -> str | _NotOne:
    if text.count("@") > 1 and not text.startswith('"'):
        return _NotOne(_("This is no e-mail address: it has more than one @."))
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        return _NotOne(_("This is no e-mail address: %(why)s") % {"why": error})
    if len(found.ascii_domain.rpartition(".")[2]) < 2:
        return _NotOne(_("This is no e-mail address: no domain ends with a single letter."))
    if not is_plausible(found.normalized):
        return _NotOne(_("This is no e-mail address: it holds a character that no address has, or it is too long."))
    return found.normalized


def other_spelling(address: str) -> str | None:
    """The address with its domain in ASCII, None where it is so already: somebody else may have stored it that way."""
    local, _at, domain = address.rpartition("@")
    if domain.isascii():
        return None
    return f"{local}@{validate_email(address, check_deliverability=False, test_environment=True).ascii_domain}"
