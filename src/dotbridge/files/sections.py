"""What stands above people and says that none of them is to be written to: a line "Unsubscribed" within a table, a
title above it, or the name of the sheet or file where no column says it.

A line that says the other thing ("Subscribed") ends it, and nothing else does. Like all of a file it only takes consent
away.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from dotbridge.files.consent_cells import Says, is_any_state, listed_state
from dotbridge.files.consent_phrases import phrase_state
from dotbridge.files.headers import plain
from dotbridge.files.records import TABLES, Record, Skipped, cell_text, is_blank
from dotbridge.files.report import LoadReport, shortened
from dotbridge.files.rows import OptOut
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Understanding

# Who or what is in a section. What is left of its name says what is so of them.
_WHO = """
    contact, contacts, person, people, persons, member, members, user, users, customer, customers, client, clients,
    recipient, recipients, profile, profiles, subscriber, subscribers, lead, leads,
    email, emails, mail, mails, address, addresses, audience, list, lists, export, exports,
    report, data, total, count, kontakt, kontakte, personen, kunden, mitglieder, empfänger, adressen, liste, adresses,
    contactos, contatti, contatos, contacten, kontakty, kontakter
"""
_WHO_WORDS = frozenset(word.strip() for word in _WHO.replace("\n", " ").split(","))
# Parts of what they are called, or what they did, wherever it stands by itself.
_OUT_OF_MANY = """
    unsubscri, optout, bounce, complaint, suppress, blacklist, blocklist, blockliste, robinson, sperrlist, sperrdatei,
    werbesperre, abmeldung, abbestell, austragung, désinscri, désabonn, stoplist, bajas, disiscri, uitschrij, afmeld,
    wypisan, rezygnac
"""
_OUT_PARTS = tuple(plain(part) for part in _OUT_OF_MANY.split(","))
# Said with the word for a list, which says nothing else by itself.
_OUT_LISTS = {
    *("blacklist", "blocklist", "stoplist", "listenoire", "listarouge", "listanegra", "listanera", "donotmaillist"),
    *("donotcontactlist", "donotemaillist", "donotmail", "donotcontact", "optouts"),
}
_IN_OF_MANY = {"subscribers", "abonnenten", "abonnes", "suscriptores"}
_MOST_WORDS = 8
_NUMBER = re.compile(r"[\d\s.,()%]+")


def said_of_all(text: str) -> Says | None:
    """What a line or a name says of everybody below it: Says.NOTHING where they may be written to, None where it says
    more than that, or something else. A word of any state, such as "Inactive", says Says.DOUBTFUL.
    """
    words = [word for word in re.findall(r"[^\W_]+", text.casefold()) if not any(map(str.isdigit, word))]
    if len(words) > _MOST_WORDS:
        return None
    # "Do not email" is no section of e-mails.
    for some in (words, [word for word in words if word not in _WHO_WORDS]):
        if (said := _said(some)) is not None:
            may_be_another = is_any_state(" ".join(some)) and not all(map(_is_out_of_many, some))
            return Says.DOUBTFUL if said is Says.OPTED_OUT and may_be_another else said
    return None


def _said(words: list[str]) -> Says | None:
    phrase = " ".join(words)
    if plain(phrase) in _OUT_LISTS or (words and all(map(_is_out_of_many, words))):
        return Says.OPTED_OUT
    if plain(phrase) in _IN_OF_MANY:
        return Says.NOTHING
    if (said := listed_state(phrase)) is not None:
        return said
    # "Abgemeldete", "Désabonnés". Of several words the others may say that it is not so.
    said_by_parts = phrase_state(phrase) if len(words) == 1 else ""
    return {"opted out": Says.OPTED_OUT, "opted in": Says.NOTHING}.get(said_by_parts)


def _is_out_of_many(word: str) -> bool:
    name = plain(word)
    return any(part in name for part in _OUT_PARTS) and not name.startswith(("non", "not"))


class Sections:
    """Where in a file the people are whom a name above them says to be opted out. Give it every line that is nobody."""

    def __init__(self, understood: Understanding, file_name: str) -> None:
        self._report: LoadReport = understood.report
        self._is_table = understood.source.format in TABLES
        self._of_consent = understood.consent
        self._above = ""
        # A file that has such sections may name one by a word of any state.
        self._has_begun = False
        # The part is a sheet, the name of a list, or the file within an archive. Where a column says that somebody has
        # not opted out, such a name is that of the matter.
        part = understood.source.part
        is_said_by_column = any(column.lets_some_in for column in understood.consent.values())
        for name in () if is_said_by_column else (PurePath(file_name).stem, part, PurePath(part).stem):
            if not self._above and said_of_all(name) is Says.OPTED_OUT:
                self._begin(name)

    def told_from(self, found: Record | Skipped) -> Skipped | None:
        """What a line without an address is, if it begins or ends a section."""
        text = found.text if isinstance(found, Skipped) else self._text(found)
        said = said_of_all(text) if text else None
        if said is None or (said is Says.DOUBTFUL and not self._has_begun):
            return None
        if said is Says.NOTHING:
            self._above, self._has_begun = "", True
            return Skipped(found.line, text, _("It names people who may be written to."))
        self._begin(text)
        return Skipped(
            found.line,
            text,
            _("It names people who opted out, so everybody below it counts as opted out."),
        )

    def opt_out(self) -> OptOut | None:
        """What stands above whoever comes next, if it says that they have opted out."""
        return OptOut(self._above, self._above, None, doubtful=False) if self._above else None

    def _begin(self, text: str) -> None:
        self._above, self._has_begun = shortened(text), True
        if self._above not in self._report.sections:
            self._report.sections.append(self._above)

    def _text(self, record: Record) -> str:
        """What stands in a line alone, or beside how many there are, and in no column of consent."""
        if not self._is_table:
            return ""
        filled = [position for position, cell in enumerate(record.cells) if not is_blank(cell)]
        if not filled or filled[0] in self._of_consent:
            return ""
        texts = [cell_text(record.cells[position]).strip() for position in filled]
        return texts[0] if all(map(_NUMBER.fullmatch, texts[1:])) else ""
