"""Which columns speak of consent, by their names."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from functools import lru_cache

from dotbridge.files import consent_words
from dotbridge.files.consent_answers import denied_question, without_answers
from dotbridge.files.consent_phrases import (
    is_any_frequency,
    names_a_state,
    phrase_kind,
)
from dotbridge.files.headers import plain


class ConsentKind(enum.Enum):
    """How a column speaks: of having opted out, of having opted in, by a word for the state, or among labels."""

    OPTED_OUT = "opted out"
    OPTED_IN = "opted in"
    STATUS = "status"
    LABELS = "labels"


# What a column says that stands for the answer no to another one.
_DENIED = {ConsentKind.OPTED_IN: ConsentKind.OPTED_OUT, ConsentKind.OPTED_OUT: ConsentKind.OPTED_IN}
# What a person calls them who says that a column is one.
CHOSEN_KINDS = {
    "opted-out": ConsentKind.OPTED_OUT,
    "opted-in": ConsentKind.OPTED_IN,
    "mailing-state": ConsentKind.STATUS,
}


_HEADER_LISTS = {
    ConsentKind.OPTED_OUT: consent_words.OPTED_OUT_HEADERS,
    ConsentKind.OPTED_IN: consent_words.OPTED_IN_HEADERS,
    ConsentKind.STATUS: consent_words.STATUS_HEADERS,
    ConsentKind.LABELS: consent_words.LABEL_HEADERS,
}
# What may be so of anything, such as an account: "Active", "Deleted at".
_ANY_STATE_LISTS = {
    ConsentKind.OPTED_OUT: consent_words.ANY_OUT_HEADERS,
    ConsentKind.OPTED_IN: consent_words.ANY_IN_HEADERS,
}
# Names with something of the file's own in them: "Opted out of email: Events", "et4ae5__HasOptedOutOfEmail__c".
_OPTED_OUT_STEMS = (
    "optedout",
    "optdout",
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
# Where an opt-in came from, and how: none of it says whether there is one.
_PROVENANCE = {
    *("ip", "source", "quelle", "herkunft", "origin", "origine", "form", "formular", "page", "referrer", "browser"),
    *("agent", "method", "methode", "language", "country", "text", "wording", "version", "level"),
}
# The other ways to write to somebody, unless e-mail is named beside them: "Do not call", and not "Automatically".
_OTHER_WAYS = re.compile(r"fax|sms|phone|call(?!y)|whatsapp|push|telefon|mobile")
_PAPER = {"brief", "briefe", "post", "postal", "letter", "letters", "courrier", "correopostal", "paper", "briefpost"}
# How likely somebody is to leave, or how many do.
_GUESSED = {"probability", "likelihood", "propensity", "wahrscheinlichkeit", "score", "risk", "rate", "quote"}
_PAPER_MAIL = re.compile(r"(?:direct|postal|snail)mail")
_EMAIL = ("mail", "correo", "courriel", "epost", "sahkoposti", "почт", "メール", "邮件", "郵件", "메일")
# Beside which a "Status" is that of a subscription: "Subscribed via", "utm_source", "Open rate", "Optin time".
_OF_A_MAILING_TOOL = re.compile(r"subscribe[rd]|newsletter|^utm|openrate|clickrate|optin|abonnent|referral|bounced")
# Beside which it is that of an order, a plan or a deal.
_OF_A_SHOP = re.compile(
    r"order|invoice|amount|total|price|payment|plan$|currency|revenue|dealstage|rechnung|betrag|preis"
)


@lru_cache(maxsize=1)
def _headers() -> dict[str, ConsentKind]:
    return {
        plain(name): kind for kind, names in reversed(_HEADER_LISTS.items()) for name in names.split(",") if plain(name)
    }


@lru_cache(maxsize=1)
def _any_state_headers() -> dict[str, ConsentKind]:
    return {plain(name): kind for kind, names in _ANY_STATE_LISTS.items() for name in names.split(",")}


def consent_kind(header: str) -> ConsentKind | None:
    """How a column of this name speaks of consent, None if it does not."""
    if found := listed_kind(header) or _kind_of_denied(header, consent_kind):
        return found
    if _is_something_else(header):
        return None
    if is_any_frequency(header):
        return ConsentKind.OPTED_IN
    # Of a state of anything only those words count that are said of mailings alone, as of labels.
    return _phrased_kind(header) or (ConsentKind.LABELS if names_a_state(header) else None)


# Asked for each cell of a column.
@lru_cache(maxsize=1_024)
def listed_kind(header: str) -> ConsentKind | None:
    """The same, of names that are known word for word, or by a part that says all of it."""
    if found := _kind_of_denied(header, listed_kind):
        return found
    name = plain(without_answers(header))
    if found := _headers().get(name) or _any_state_headers().get(name):
        return found
    if _is_something_else(header):
        return None
    if any(stem in name for stem in _OPTED_OUT_STEMS):
        return ConsentKind.OPTED_OUT
    if not any(stem in name for stem in _OPTED_IN_STEMS) or tells_where_from(header):
        return None
    # "Not opted in", "Marketing consent withdrawn".
    return ConsentKind.OPTED_OUT if _phrased_kind(header) is ConsentKind.OPTED_OUT else ConsentKind.OPTED_IN


def _kind_of_denied(header: str, kind_of: Callable[[str], ConsentKind | None]) -> ConsentKind | None:
    """How a column speaks that stands for the answer no alone, as in "Newsletter - No"; None of any other."""
    asked = denied_question(header)
    if not asked or is_of_any_state(asked) or is_any_frequency(asked):
        return None
    kind = kind_of(asked)
    return _DENIED.get(kind) if kind else None


def _phrased_kind(header: str) -> ConsentKind | None:
    kind = phrase_kind(header)
    return ConsentKind(kind) if kind else None


def _is_something_else(header: str) -> bool:
    words = set(re.split(r"[\W_]+", header.casefold()))
    if words & _GUESSED:
        return True
    name = _PAPER_MAIL.sub("", plain(header))
    is_another_way = _OTHER_WAYS.search(name) is not None or not _PAPER.isdisjoint(words) or name != plain(header)
    return is_another_way and not any(part in name for part in _EMAIL)


def may_say_it_by_its_cells(header: str) -> bool:
    """Whether a column whose name says nothing of consent may do so all the same: it is of no other way to write."""
    return not _is_something_else(header)


def is_link(header: str) -> bool:
    """Whether a column of this name leads to where somebody can leave."""
    return any(part in plain(header) for part in _LINKS)


@lru_cache(maxsize=1_024)
def is_of_any_state(header: str) -> bool:
    """Whether a column of this name says yes or no of a state that may be that of anything, such as "Active"."""
    return plain(header) in _any_state_headers()


def is_listed(header: str) -> bool:
    """Whether the name alone says that a column may speak of consent."""
    return listed_kind(header) is not None and not is_of_any_state(header)


@lru_cache(maxsize=1_024)
def tells_where_from(header: str) -> bool:
    """Whether a column of this name says where an opt-in came from, and how: no word in it is an answer."""
    return not _PROVENANCE.isdisjoint(re.split(r"[\W_]+", header.casefold()))


@lru_cache(maxsize=1_024)
def is_any_subscription(header: str) -> bool:
    """Whether a column of this name is one of a subscription, be it to a newsletter or to what somebody pays for."""
    return plain(header) in {plain(name) for name in consent_words.SUBSCRIPTION_HEADERS.split(",")}


def speaks_of_mailing(header: str) -> bool:
    """Whether a column of this name is one of a mailing tool: then a "Status" beside it is that of a subscription."""
    return bool(_OF_A_MAILING_TOOL.search(plain(header)))


def speaks_of_money(header: str) -> bool:
    """Whether a column of this name is one of a shop: then a "Status" beside it is none of a subscription."""
    return bool(_OF_A_SHOP.search(plain(header)))
