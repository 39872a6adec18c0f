"""What a line, a title or the name of a sheet says of everybody below it or in it."""

from __future__ import annotations

import re

from dotbridge.files.consent_cells import Says, is_any_state, listed_state
from dotbridge.files.consent_phrases import phrase_kind, phrase_state
from dotbridge.files.headers import plain

# Who or what is in a section. What is left of its name says what is so of them.
_WHO = """
    contact, contacts, person, people, persons, member, members, user, users, customer, customers, client, clients,
    recipient, recipients, profile, profiles, subscriber, subscribers, lead, leads,
    email, emails, mail, mails, address, addresses, audience, list, lists, export, exports,
    report, data, total, count, kontakt, kontakte, personen, kunden, mitglieder, empfänger, adressen, liste, adresses,
    contactos, contatti, contatos, contacten, kontakty, kontakter, newsletter, newsletters, mailing, marketing,
    global,
    mailchimp, hubspot, brevo, klaviyo, mailjet, cleverreach, rapidmail, list, listado, lijst, lista, seznam,
    список, リスト, 名单,
    名單, 목록, 명단, january, february, march, april, may, june, july, august, september, october, november,
    december, januar,
    februar, märz, mai, juni, juli, oktober, dezember, who, whom, have, has, of, from, the, our, as, these, those,
    confidential, everyone, everybody, die, der, den, sich, haben, vom, von, alle, qui, des, les, de, que, di, chi,
    van
"""
_WHO_WORDS = frozenset(word.strip() for word in _WHO.replace("\n", " ").split(","))
# Parts of what they are called, or what they did, wherever it stands by itself.
_OUT_OF_MANY = """
    unsubscri, optout, bounce, complaint, suppress, blacklist, blocklist, blockliste, robinson, sperrlist, sperrdatei,
    werbesperre, abmeldung, abmelder, spam, verstorben, deceased, décédé, fallecid, overleden, abbestell,
    austragung, désinscri, désabonn, stoplist, bajas, disiscri, uitschrij, afmeld,
    wypisan, rezygnac, unsub, widerruf, widerspr, sperre, gesperrt, отпис, відпис, odhláš, leiratkoz, dezabon, odjav,
    avregistrer, frameld, descadastr
"""
_OUT_PARTS = tuple(plain(part) for part in _OUT_OF_MANY.split(","))
# Said with the word for a list, which says nothing else by itself.
_OUT_LISTS = {
    *("blacklist", "blocklist", "stoplist", "listenoire", "listarouge", "listanegra", "listanera", "donotmaillist"),
    *("dnc", "dne", "dnclist", "dnelist", "stopmail", "noemail", "nomailing", "keinemails", "keinnewsletter"),
    *(
        plain("черный список"),
        plain("чорний список"),
        plain("стоп-лист"),
        "mailstop",
        "pasdemail",
        "nocontactar",
        "nietmailen",
    ),
    *("listerouge", "stop", "dadosdebaja", "dadasdebaja", "cancelaciones", "nonsubscribers", "nichtabonniert"),
    *("donotcontactlist", "donotemaillist", "donotmail", "donotcontact", "optouts"),
}
_IN_OF_MANY = {"subscribers", "abonnenten", "abonnes", "suscriptores"}
_WITHOUT = {
    "without",
    "ohne",
    "sans",
    "sin",
    "senza",
    "sem",
    "zonder",
    "bez",
    "utan",
    "uden",
    "uten",
    "без",
    "no",
    "keine",
}
_MOST_WORDS = 8


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
    if words and words[0] in _WITHOUT and phrase_kind(" ".join(words[1:])) == "opted in":
        # "Kontakte ohne Werbeeinwilligung".
        return Says.OPTED_OUT
    # "Abgemeldete", "Désabonnés". Of several words the others may say that it is not so.
    said_by_parts = phrase_state(phrase) if len(words) == 1 else ""
    return {"opted out": Says.OPTED_OUT, "opted in": Says.NOTHING}.get(said_by_parts)


def _is_out_of_many(word: str) -> bool:
    name = plain(word)
    return any(part in name for part in _OUT_PARTS) and not name.startswith(("non", "not"))
