"""Headers that nobody has listed: "Would you like to receive our newsletter?", "Vom Newsletter abgemeldet am".

What they are about is found by the parts of words in them; a column counts only if most of its cells say yes, no, a
state or a moment, so that a header of which no more is known makes nothing up.
"""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import re
from functools import lru_cache

from dotbridge.files import consent_words
from dotbridge.files.headers import plain

# That somebody left, or is not to be written to: whatever else stands beside it.
_LEFT = """
    unsubscri, unsub, optout, optedout, optingout, suppress, blacklist, blocklist, bounce, asspam, spamcomplaint,
    complain, plainte, spam, czarna lista, abgemeldet, abmeld, abbestell, austragen, ausgetragen, werbesperre,
    versandsperre, werbeverbot,
    mailverbot, sperrvermerk, robinson, unzustellbar, undeliver, npai,
    rebot, rimbalz, listenoire, lista nera, widerspr, widerruf, désabonn,
    désinscri, liste noire, dado de baja, dada de baja, darse de baja, desuscri, desabonad, lista negra, disiscri,
    revoca, descadastr, cancelou a, cancelada a, uitgeschreven, uitschrijv, afgemeld, afmeld, wypis, rezygn, sprzeciw,
    avregistr, avprenumer, avanmäl, frameld, avmeld, peruutta, peruuta, odhlás, nezasíl, leiratkoz, dezabon, odjav,
    abonelikten, отпис, відпис, διαγραφ, 配信停止, 購読解除, 受信拒否, 退订, 退訂, 取消订阅, 수신거부, 구독취소
"""
_NOT = """
    not, no, dont, never, stop, exclude, excluded, without, nicht, nichts, kein, keine, keinen, ohne, pas, rien, sans,
    non, sin, não, nao, sem, geen, niet, nie, bez, ej, inte, inget, inga, ikke, intet, ei, älä, ne, nem, nu, не,
    без, hayır
"""
# That a permission was given once and is none any more, or was never given.
_REFUSED = """
    withdrawn, withdrew, revoked, refus, declin, denied, rejected, expired, cancel, stopped, invalid, pending,
    unconfirmed, unbestätigt, ausstehend, suspend, paused, blocked, disabled, quarantin, sperr, deaktiv, désactiv,
    desactiv, disattiv, desativ, bloqu,
    blocca, tiltás, letilt, revog, cofnię, geblokkeerd, zablokow, заблок,
    résili, annul, cancelad, opgezegd, beëindigd, anulowan, uppsag, opsagt, oppsagt, zrušen,
    zurückgezog, abgelehnt, verweigert, abgelaufen, gekündigt, retiré, expiré, rechaz, retirad, rifiut, ritirat,
    recusad, ingetrokken, geweigerd, wycofan, odmów, odmít, odvolán, återkall, nekad, tilbagekald, afvist,
    tilbaketrukk,
    visszavon, elutasít, retras, refuz, отозван, отказ, відклик, відмов, ανακλ
"""
# How somebody says that they want to get something, whatever it is.
_WISH = """
    souhait, wünsch, möchte, desea, quiere, desider, deseja, wenst, życzy, önskar, ønsker, onsker, haluaa, halua,
    желае,
    хоче, бажа
"""
_WISH_WORDS = "want, wants, wish, wishes, like, wil, wilt, vuole, quer, chce, chci, vill, veut"
_RECEIVE = """
    receiv, recevoir, erhalten, empfang, recibir, ricev, receber, ontvang, otrzym, motta, modtag, vastaanot, dostáv,
    získáv, получ, отрим, contact, kontakt, contatt
"""
# That somebody has left a mailing, said as the state of a person: nothing else is meant by them.
_HAS_LEFT = """
    unsubscri, abgemeldet, abbestellt, désabonn, désinscri, dado de baja, dada de baja, desuscri, disiscri,
    descadastr,
    uitgeschreven, afgemeld, wypisan, avprenumer, leiratkoz, dezabon, отписа, відписа, 配信停止, 購読解除, 退订, 退訂,
    suppressed, hardbounce, blacklisted, blocklisted, spamcomplaint
"""
_NEWSLETTER = """
    newsletter, mailing, nieuwsbrief, nyhetsbrev, nyhedsbrev, infolettre, boletín, рассылк, розсилк
"""
_SUBSCRIBER = "subscri, abonn, abone, abonat, inscri, iscri, suscri, inschrij, feliratk, подпис, підпис"
# What is sent to many, and the ways to say that it is sent.
_LEFT_OPEN = "angabe, angaben, answer, response, reply, data, preference, réponse, respuesta, risposta, antwoord, sure"
_MAILING = """
    mail, news, marketing, werb, publicidad, pubblicit, publicit, promo, bulletin, correo, courriel, letter, communic,
    komunik, kommunik, contact, kontakt, contatt, campaign, commercial, comercial, рассыл, розсил, письм, повідомл,
    infos, zusenden, zuschicken, schicken, comunic, utskick, hear from, hear about, hear more, updates, offers,
    informed, in touch,
    angebot, informier, auf dem laufenden,
    informé, offres, ofertas, novedad, offerte, novità, aanbieding, oferty, tilbud, erbjudand, tarjou,
    メール, 邮件, 郵件, 메일, 마케팅, ενημερωτ, write to you, write to me, anschreiben, vous écrire,
    von uns hör, de nos nouvelles, saber de nosotros, noticias nuestras, da noi, van ons hor, från oss, fra os,
    schreiben wir, écrivons
"""
_PERMITTED = """
    optin, optedin, permission, permiss, permit, permes, allow, accept, accett, acept, aceit, agree, subscri, abonn,
    abone, abonat, inscri, iscri, suscri, subskry, inschrij, erlaub, zulass, autoris, toesta, zezwala, erhalt,
    empfang, empfäng, wünsch, receive, recevoir,
    souhait, accord, acord, recibir, desea, ricev, desider, receber, deseja, ontvang, otrzym, vill, ønsker, onsker,
    haluaa, halua, lupa, odběr, odebír, zasíl, feliratk, подпис, получ, підпис, отрим, λήψη, εγγραφ, 購読, 受信, 許可,
    接收, 订阅, 允許, 允许, 수신, 구독, prefer, preferenc, gdpr, dsgvo, rgpd, izin, onay
"""
_PERMITTED_WORDS = """
    ok, okay, darf, dürfen, dürft, peut, pouvons, puede, podemos, può, possiamo, mag, mogen, can, may, keep, stay,
    want, wants, wish, like, send, yes, enabled, active, aktiv, aktiviert, actif,
    activé, activo, attivo, ativo, actief, aktywny, aktywna
"""
# Words that speak of such a permission by themselves.
_PERMISSION = """
    newsletter, mailing list, mailinglist, nieuwsbrief, nyhetsbrev, nyhedsbrev, infolettre, lettre d'information,
    boletín, biuletyn, uutiskirje, hírlev, bülten, zpravodaj,
    рассылк, розсилк, メルマガ, メールマガジン, ニュースレター,
    뉴스레터, ενημερωτικ, marketing consent, consent, consentement, consenso, consentim, einwillig,
    zustimm, toestemm, zgod, samtyck, samtykk, suostum, souhlas, súhlas, hozzájár, соглас, згод, συγκατ, privol,
    suglas, 同意, 동의, optin, optedin
"""
# Names that say no more than what is sent, and so ask whether it may be.
_SENT_NAMES = """
    marketing, marketing email, marketing emails, marketing mails, marketing communication, marketing communications,
    email communication, email communications, email advertising, promotional email, promotional emails, promotions,
    werbung, werbung per mail, werbung per email, werbemails, werbeemails, email werbung, newsletter versand, mailing,
    mailings, permission, permissions, publicidad, publicité, pubblicità, publicidade, reclame, reklama, mainonta,
    реклама
"""
# How often something is sent, which asks as well whether it is at all.
_HOW_OFTEN = """
    frequen, fréquence, frecuencia, frequência, häufigkeit, intervall, rhythmus, cadence, cadencia, częstotliwoś,
    frekven, tiheys,
    gyakoriság, frecvenț, učestalost, pogostost, частот, періодичн, периодичн, συχνότητ, sıklı, how often, wie oft,
    wie häufig, combien de fois, cada cuánto, quanto spesso, ogni quanto, quantas vezes, hoe vaak, jak często,
    hur ofta, hvor ofte, kuinka usein, jak často, milyen gyakran, как часто, як часто, 頻度, 频率, 빈도, digest
"""
# The same, or how and whether, as somebody would rather have it.
_PREFERRED = "prefer, preferenc, präferenz, préféren, voorkeur, wunsch, foretruk, föredra, предпочт"
_NEVER = """
    never, not at all, no emails, no mails, no newsletters, no contact, nie, niemals, gar nicht, gar keine,
    überhaupt nicht, keine, jamais, aucun, aucune, nunca, ninguno, ninguna, mai, nessuno, nessuna, nooit, helemaal
    niet, nigdy, wcale, aldrig, aldri, ei koskaan, en koskaan, nikdy, nikoli, nikada, soha, niciodată, ποτέ, asla,
    hiçbir zaman, никогда, ніколи, 配信しない, 希望しない, しない, 从不, 不接收, 받지 않음, 안함, nenhum,
    nenhuma, ingen, inga, žádné, nigdy więcej
"""
# Beside these a "never" says that nothing of the kind has happened yet: "Last newsletter".
_WHEN = """
    last, latest, since, when, sent, date, letzt, zuletzt, seit, datum, gesendet, versendet, dernier, dernière, envoyé,
    última, último, enviad, ultima, ultimo, inviat, laatst, verzonden, ostatni, wysłan, senast, sidste, siste
"""
# Laws that are named for the permission that they ask for.
_LAW = "gdpr, dsgvo, rgpd, rodo"
_AGREED = "accord, accept, accept, acept, accett, agree, einverst, okay, optin, permi, zugestimmt, oui"
# Names of what others send.
_OTHERS = "partner, partners, partenaire, partenaires, partnern, third, tiers, terceros, terzi, dritte, drittanbieter"
_MOST_WORDS_OF_OTHERS = 3
_STATES = "status, state, statut, stato, estado, situação, statuts, stav, stan, tila, durum, статус, κατάστασ"
# Permissions of another kind, what somebody did with a mail, and mails that are no marketing.
_OTHER = """
    track, cookie, terms, agb, cgv, privacy policy, verif, photo, image, opened, clicked, geöffnet, geklickt, invoice,
    receipt, rechnung, facture, factura, fattura
"""
# "No. of e-mails", "Contact no."
_NUMBER = re.compile(r"\bno\.|\bno of\b|\bno$", re.IGNORECASE)


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_WORDS_OF_A_REMARK = 9
# "Unsubscribed from the wine club" is of another matter.
_MOST_WORDS_OF_LEAVING = 4
_ANOTHER_WAY = re.compile(r"sms|phone|telefon|whatsapp|push|webinar|event|kurs|course")
# "Please do not e-mail any more", "bitte nicht mehr anschreiben", "asked to be removed from the mailing list".
_NO_MORE = re.compile(
    r"(?:please |pls |bitte |merci de )?(?:"
    r"(?:do not|don.?t|stop|no more|never|no longer) (?:send |sending |any |more )*"
    r"(?:e-?mails?|e-?mailing|mails?|mailings?|newsletters?|contact|contacting|write|writing|marketing)"
    r"|(?:nicht|keine|nie) (?:mehr |weiteren? )*"
    r"(?:e-?mails?|mails?|mailings?|newsletter|werbung|kontaktieren|anschreiben|anmailen|kontakt)"
    r"|ne (?:plus|pas) (?:le |la |les )?(?:contacter|envoyer|écrire)(?: de | d.)?(?:e-?mails?|mails?|newsletters?)?"
    r"|no (?:enviar|contactar|escribir)(?: más)?(?: correos?| e-?mails?)?"
    r"|[\w ]*\b(?:removed?|taken?|took) (?:\w+ )?(?:off|from) (?:the |our |your |all )*(?:mailing |e-?mail )*lists?"
    r"|(?:will|wollen|möchte|möchten|wünscht|wünschen) (?:bitte )?(?:keine?n? (?:weiteren? )?)"
    r"(?:e-?mails?|mails?|mailings?|newsletter|werbung|kontakt)"
    r"|(?:bitte )?(?:aus|von|vom) (?:dem |unserem |der |unserer )?(?:e-?mail-?|mail-?|newsletter-?)?(?:verteiler|liste)"
    r" (?:genommen|nehmen|gelöscht|löschen|gestrichen|streichen|entfernt|entfernen)"
    r"|(?:newsletters?|mailings?|e-?mails?|werbung|marketing) ?[:=-] ?(?:no|nein|non|nee|never|nie)"
    r"|no (?:e-?mails?|e-?mailing|mailings?|newsletters?|marketing)"
    r"|[\w ]*\bnot to (?:be )?(?:e-?mailed|mailed|contacted|written to|receive (?:any |our |more )*"
    r"(?:e-?mails?|mails?|mailings?|newsletters?|marketing))"
    r"|(?:does(?: not|n.?t)|don.?t|do not) want (?:any |our |more |to receive |to get |to be )*"
    r"(?:e-?mails?|e-?mailed|mails?|mailings?|newsletters?|marketing|contacted)"
    r"|ne (?:souhaite|veut|désire) (?:plus|pas) (?:recevoir )?(?:de |d.|la |le |nos |nos |les )?"
    r"(?:e-?mails?|mails?|newsletters?|courriels?)"
    r"|no (?:quiere|desea) (?:recibir )?(?:más |el |la )?(?:correos?|e-?mails?|newsletters?|bolet[ií]n(?:es)?)"
    r")(?: any ?more| again| him| her| them| us| me| please| mehr| bitte| senden| schicken)*[.! ]*",
    re.IGNORECASE,
)
_YES, _NO = (
    "|".join(re.escape(word.strip()) for word in words.replace("\n", " ").split(",") if word.strip()[:1].isalnum())
    for words in (consent_words.YES_WORDS, consent_words.NO_WORDS)
)
_OR = r"(?:\s*[/|,;-]\s*|\s+(?:or|oder|ou|o|u|of|lub|eller|tai|nebo|vagy|sau|или|або|ή)\s+)"
_LONGEST_STATE = 100
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


@lru_cache(maxsize=16)
def _parts(words: str) -> tuple[str, ...]:
    return tuple(part for word in words.replace("\n", " ").split(",") if (part := plain(word)))


def _holds(name: str, words: str) -> bool:
    return any(part in name for part in _parts(words))


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


def phrase_kind(header: str) -> str:
    """How a header of several words speaks of consent: "opted out", "opted in" or "status"; empty if it does not."""
    header = without_answers(header)
    name = plain(header)
    words = {plain(word) for word in re.split(r"[\W_]+", _CAMEL.sub(" ", _NUMBER.sub("", header)))}
    is_of_others = len(words) <= _MOST_WORDS_OF_OTHERS and bool(words & {*_parts(_OTHERS)})
    if _holds(name, _OTHER) or is_of_others:
        return ""
    is_of_mailing = _holds(name, _MAILING)
    is_law_agreed = name in _parts(_LAW) or (_holds(name, _LAW) and _holds(name, _AGREED))
    is_permission = _holds(name, _PERMISSION) or "doi" in words or is_law_agreed
    is_negated = bool(words & {*_parts(_NOT)})
    if (
        _holds(name, _LEFT)
        or ((is_of_mailing or is_permission) and (is_negated or _holds(name, _REFUSED)))
        or _is_no_subscriber(name, is_negated=is_negated)
        or (is_negated and _is_wish_to_receive(name, words))
    ):
        return "opted out"
    is_permitted = _holds(name, _PERMITTED) or bool(words & {*_parts(_PERMITTED_WORDS)})
    if words & {*_parts(_STATES)} and (is_of_mailing or is_permitted or is_permission):
        return "status"
    is_permitted = is_permitted or _holds(name, _PREFERRED) or _holds(name, _HOW_OFTEN)
    is_asked = is_permission or (is_of_mailing and is_permitted) or name in _parts(_SENT_NAMES) or name == "digest"
    return "opted in" if is_asked else ""


@lru_cache(maxsize=1_024)
def asks_how_often(header: str) -> bool:
    """Whether a column of this name says how often somebody is written to, of which "never" is one answer."""
    return _holds(plain(header), _HOW_OFTEN)


@lru_cache(maxsize=1_024)
def asks_what_is_preferred(header: str) -> bool:
    """Whether a column of this name says what somebody would rather have, of which "none" is one answer."""
    return _holds(plain(header), _PREFERRED)


@lru_cache(maxsize=1_024)
def is_any_frequency(header: str) -> bool:
    """Whether a column of this name says how often, and not what: that of orders, or of mailings."""
    words = re.findall(r"[^\W_]+", header)
    return len(words) == 1 and asks_how_often(header) and plain(header) != "digest"


@lru_cache(maxsize=1_024)
def asks_when(header: str) -> bool:
    """Whether a column of this name says when something happened, where "never" says that it did not yet."""
    return _holds(plain(header), _WHEN)


@lru_cache(maxsize=4_096)
def says_never(text: str) -> bool:
    """Whether an answer says never: "Nie", "Jamais", "Never (unsubscribe)", "Not at all"."""
    if len(text) > _LONGEST_STATE:
        return False
    said = re.split(r"\s*[(\[,;:.!\N{EN DASH}\N{EM DASH}-]", text.strip(), maxsplit=1)[0]
    return plain(said) in _parts(_NEVER)


def phrase_state(text: str) -> str:
    """What a cell with a person's state says in several words: "opted out" or "opted in"; empty if it says neither.

    It says less than a header may: "Not contacted" beside "Customer" has nothing to do with mailings.
    """
    if len(text) > _LONGEST_STATE:
        return ""
    name, words = plain(text), {plain(word) for word in re.split(r"[\W_]+", text)}
    is_negated = bool(words & {*_parts(_NOT)})
    is_wish = _is_wish_to_receive(name, words)
    if (
        _holds(name, _HAS_LEFT)
        or _is_no_subscriber(name, is_negated=is_negated)
        # "Newsletter-Abmeldung".
        or (_holds(name, _NEWSLETTER) and _holds(name, _LEFT) and not is_negated)
        or (is_negated and (is_wish or _holds(name, _NEWSLETTER)))
    ):
        return "opted out"
    return "opted in" if is_wish or (len(words) > 1 and _holds(name, _SUBSCRIBER)) else ""


def without_not(text: str) -> str:
    """What a text of two or three words says is not so: "granted" of "not granted"; empty if it says nothing of that
    kind.
    """
    words = text.split() if len(text) <= _LONGEST_STATE else []
    # "No, I refuse" denies nothing.
    rest = [word for word in words if plain(word) not in _parts(_NOT) or not word[-1].isalnum()]
    is_denied = 1 < len(words) < 5 and 0 < len(rest) < len(words)
    return " ".join(word for word in rest if word not in {"do", "does"}) if is_denied else ""


def is_denied(text: str) -> bool:
    """Whether an answer of a few words begins by denying it: "nicht erteilt", "no deseo"."""
    words = text.split() if len(text) <= _LONGEST_STATE else []
    if len(words) not in {2, 3} or plain(words[0]) not in _parts(_NOT):
        return False
    return not {*map(plain, words)} & {*_parts(_LEFT_OPEN)}


def has_left(text: str) -> bool:
    """Whether a text holds a word for having left a mailing."""
    return _holds(plain(text), _HAS_LEFT) or _holds(plain(text), "optout, optedout, unsub, bounce")


def is_refused(text: str) -> bool:
    """Whether a word or two say that something was permitted and is no more, or was never: "Revogada", "abgelehnt"."""
    words = text.split() if len(text) <= _LONGEST_STATE else []
    return 0 < len(words) < 3 and _holds(plain(text), _REFUSED)


def asks_for_no_mail(text: str) -> bool:
    """Whether a remark of somebody says that they are not to be written to, and nothing else: "hat sich abgemeldet"."""
    words = re.split(r"[\W_]+", text)
    if len(words) > _MOST_WORDS_OF_A_REMARK:
        return False
    name = plain(text)
    is_negated = bool({*map(plain, words)} & {*_parts(_NOT)})
    has_left = len(words) <= _MOST_WORDS_OF_LEAVING and _holds(name, _HAS_LEFT) and not is_negated
    is_refusal = is_negated and _holds(name, _NEWSLETTER)
    return ((has_left or is_refusal) and not _ANOTHER_WAY.search(name)) or _NO_MORE.fullmatch(text) is not None


def names_a_state(header: str) -> bool:
    """Whether a header says that its column holds a state, of whatever it is: "Global status", "Kontaktstatus"."""
    name, words = plain(header), {plain(word) for word in re.split(r"[\W_]+", header)}
    return bool(words & {*_parts(_STATES)}) or name.endswith(("status", "statut"))


def _is_no_subscriber(name: str, *, is_negated: bool) -> bool:
    return _holds(name, _SUBSCRIBER) and (is_negated or _holds(name, _REFUSED))


def _is_wish_to_receive(name: str, words: set[str]) -> bool:
    return (_holds(name, _WISH) or bool(words & {*_parts(_WISH_WORDS)})) and _holds(name, _RECEIVE)
