"""Headers that nobody has listed: "Would you like to receive our newsletter?", "Vom Newsletter abgemeldet am".

What they are about is found by the parts of words in them; a column counts only if most of its cells say yes, no, a
state or a moment, so that a header of which no more is known makes nothing up.
"""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import re
from functools import lru_cache

from dotbridge.files.consent_answers import without_answers
from dotbridge.files.consent_remarks import AT_ANY_TIME, NO_MORE
from dotbridge.files.headers import plain

# That somebody left, or is not to be written to: whatever else stands beside it.
_LEFT = """
    unsubscri, unsub, unsuscri, unscubscri, usubscri, optout, optedout, optingout, suppress, blacklist, blocklist,
    bounce, asspam, spamcomplaint,
    complain, plainte, spam, czarna lista, abgemeldet, abmeld, abbestell, austragen, ausgetragen, werbesperre,
    versandsperre, werbeverbot,
    mailverbot, sperrvermerk, robinson, unzustellbar, undeliver, npai,
    rebot, rimbalz, listenoire, lista nera, widerspr, widerruf, désabonn,
    désinscri, liste noire, dado de baja, dada de baja, darse de baja, desuscri, desabonad, lista negra, disiscri,
    revoca, descadastr, cancelou a, cancelada a, uitgeschreven, uitschrijv, afgemeld, afmeld, wypis, rezygn, sprzeciw,
    avregistr, avprenumer, avanmäl, frameld, avmeld, peruutta, peruuta, odhlás, nezasíl, leiratkoz, dezabon, odjav,
    abonelikten, отпис, відпис, διαγραφ, 配信停止, 購読解除, 受信拒否, 退订, 退訂, 取消订阅, 수신거부, 구독취소,
    date desabo, черный список, чорний список, жалоба на, скарга на спам, loobunud, atteic, atsisak, reservert mot,
    reservasjon mot, afskrá, הוסר, הסרה מ, להסיר, ביטל הרשמה, ביטול הרשמה, ألغى الاشتراك, إلغاء الاشتراك, hủy đăng ký,
    berhenti berlangganan, ยกเลิก, 取消訂閱, 구독 해지, unerwünscht, werbestop, mailstop, newsletterstop, reklamspärr,
    не писать, istemiyor
"""
# Shorter ones are found where the end of one word and the beginning of the next happen to make them up.
_LONGEST_SHORT_PART = 5
# Of an address that nothing reaches: "email_is_bad".
_BAD = {"bad", "dead", "wrong", "falsch", "defekt", "fehlerhaft", "ungultig", "returned", "erroneo", "errato"}
_NOT = """
    not, no, dont, never, stop, exclude, excluded, without, nicht, nichts, kein, keine, keinen, ohne, pas, rien, sans,
    non, sin, não, nao, sem, geen, niet, nie, bez, ej, inte, inget, inga, ikke, intet, ei, älä, ne, nem, nu, не,
    без, hayır, exclu, exclue, exclus, excluido, excluida, escluso, esclusa, excluído, uitgesloten, ausgeschlossen
"""
# The same, of somebody who is no more among those who get something, or never wanted to be.
_GONE = """
    stopp, removed, removal, excluded, baja, bajas, baixa, recusa, recusou, recusado, rechazo, brak,
    nej, nei, nechce, nekér, refus, opposition, opposé, opposée, opposizione, oposición, bezwaar, frabeder, frabedt,
    spärr, spärrad, sperre, gesperrt, istemiyor, istemiyorum, unerwünscht, unwanted, ongewenst
"""
# Of a newsletter or a list; a voicemail may be left, too.
_HAS_GONE = {"left", "leaving", "quit", "out"}
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
    visszavon, elutasít, retras, refuz, отозван, отказ, відклик, відмов, ανακλ, kielletty, kielto, запрет, запрещ,
    заборон,
    interdit, prohib, vietat, verboden, recus, kielt, förbjud, forbud, 停止, 拒否
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
    unsubscri, unsuscri, unsubcri, abgemeldet, abbestellt, dio de baja, pidió la baja, solicitó la baja, désabonn,
    désinscri, dado de baja, dada de baja, desuscri, disiscri,
    descadastr,
    uitgeschreven, afgemeld, wypisan, avprenumer, leiratkoz, dezabon, отписа, відписа, 配信停止, 購読解除, 退订, 退訂,
    suppressed, hardbounce, blacklisted, blocklisted, spamcomplaint
"""
_NEWSLETTER = """
    newsletter, mailing, nieuwsbrief, nyhetsbrev, nyhedsbrev, infolettre, boletín, рассылк, розсилк, бюлетин,
    uudiskirj,
    naujienlaišk, fréttabréf, butllet, ניוזלטר, דיוור, 電子報, 电子报
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
    schreiben wir, écrivons, keep you posted, keep me posted, in the loop, campagn, campañ, mkt, solicit, channel,
    kanal, canal de, informaci,
    sähköposti, epost, reklam, reclame, prospection, novidad, novice, новост, actualit, markkinoi, markedsfør,
    marknadsför, mainos, маркетинг, novink, noviniek,
    naujien, jaunum, uudis, ileti, รับข่าว, bản tin, рекламн
"""
_PERMITTED = """
    optin, optedin, permission, permiss, permit, permes, allow, accept, accett, acept, aceit, agree, subscri, abonn,
    abone, abonat, inscri, iscri, suscri, subskry, inschrij, erlaub, zulass, autoris, toesta, zezwala, erhalt,
    empfang, empfäng, wünsch, receive, recevoir,
    souhait, accord, acord, recibir, desea, ricev, desider, receber, deseja, ontvang, otrzym, vill, ønsker, onsker,
    haluaa, halua, lupa, odběr, odebír, zasíl, feliratk, подпис, получ, підпис, отрим, λήψη, εγγραφ, 購読, 受信, 許可,
    接收, 订阅, 允許, 允许, 수신, 구독, prefer, preferenc, gdpr, dsgvo, rgpd, izin, onay, autoriz, абонир, pretpla,
    einverst, modtag, godkän, godtar, godkend, izni, contactable, sign me up, 希望,
    可否, 配信
"""
_PERMITTED_WORDS = """
    ok, okay, darf, dürfen, dürft, peut, pouvons, puede, podemos, può, possiamo, mag, mogen, can, may, keep, stay,
    want, wants, wish, like, send, yes, enabled, active, aktiv, aktiviert, actif,
    activé, activo, attivo, ativo, actief, aktywny, aktywna, flag, flg, happy, möchte,
    möchten, chce, chci, želi, dorește, kér, vill, vil, хочет, хоче, må, får, kan, voi, saa, można, lze, lehet,
    можно, можна
"""
# Words that speak of such a permission by themselves.
_PERMISSION = """
    newsletter, mailing list, mailinglist, nieuwsbrief, nyhetsbrev, nyhedsbrev, infolettre, lettre d'information,
    boletín, biuletyn, uutiskirje, hírlev, bülten, zpravodaj,
    рассылк, розсилк, メルマガ, メールマガジン, ニュースレター,
    뉴스레터, ενημερωτικ, uudiskirj, naujienlaišk, fréttabréf, butllet, buletin, bilten, bản tin, бюлетин,
    cylchlythyr,
    nuachtlitir, ניוזלטר, דיוור, النشرة, نشرة بريدية, จดหมายข่าว, ข่าวสาร, 電子報, 电子报, メール配信, ticari ileti,
    nõusolek, piekriš, sutikim, sutinku, soglas, saglas, съглас, samþykk, pristanak, הסכמ, موافق, đồng ý, setuju,
    ยินยอม, marketing consent, consent, consentement, consenso, consentim, einwillig,
    zustimm, toestemm, zgod, samtyck, samtykk, suostum, souhlas, súhlas, hozzájár, соглас, згод, συγκατ, privol,
    suglas, 同意, 동의, optin, optedin
"""
# Names that say no more than what is sent, and so ask whether it may be.
_SENT_NAMES = """
    marketing, marketing email, marketing emails, marketing mails, marketing communication, marketing communications,
    email communication, email communications, email advertising, promotional email, promotional emails, promotions,
    werbung, werbung per mail, werbung per email, werbemails, werbeemails, email werbung, newsletter versand, mailing,
    mailings, permission, permissions, publicidad, publicité, pubblicità, publicidade, reclame, reklama, mainonta,
    реклама, direct marketing, electronic marketing, offers by email, email offers, email notifications,
    communications,
    comms, receive comms, enews, e-bulletin, news by email, mailwerbung, infopost, infomail, rundmail, rundbrief,
    email versand, offres commerciales, offres par email, offres par mail, communication par mail, prospection,
    prospection commerciale, comunicaciones comerciales, comunicazioni commerciali, invio promozioni, nl,
    nl anmeldung,
    infos per mail, infos per email, info per mail, news per mail, informationen per email, infos by email,
    infos par mail,
    contact by, contact via, newsletter signup, subscribe me, werbekennzeichen, werbekz
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
    nenhuma, ingen, inga, žádné, nigdy więcej, none of these, none of those, none of them, none of the above,
    keine davon, keiner davon, keines davon, keins davon, nichts davon, keine der genannten, aucun de ceux-ci,
    aucune de celles-ci, aucun des deux, aucune de ces réponses, aucune de ces propositions, ninguno de estos,
    ninguna de estas, ninguno de los anteriores, ninguna de las anteriores, nessuno di questi, nessuna di queste,
    nessuno dei precedenti, nessuna delle precedenti, geen van deze, geen van beide, geen van bovenstaande,
    żaden z powyższych, żadne z powyższych, nenhum destes, nenhuma destas, nenhum dos anteriores,
    nenhuma das anteriores, inget av ovanstående, inget av dessa, ingen af ovenstående, ingen av disse
"""
# Beside these a "never" says that nothing of the kind has happened yet: "Last newsletter".
_WHEN = """
    last, latest, since, when, sent, date, letzt, zuletzt, seit, datum, gesendet, versendet, dernier, dernière,
    envoyé,
    última, último, enviad, ultima, ultimo, inviat, laatst, verzonden, ostatni, wysłan, senast, sidste, siste
"""
# Laws that are named for the permission that they ask for.
_LAW = "gdpr, dsgvo, rgpd, rodo, lopd, lgpd"
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


_APOSTROPHE = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_WORDS_OF_A_REMARK = 9
_LONGEST_REMARK = 200
# How words begin that refuse something, or say that somebody is gone: a remark without any needs no second look.
_TO_BEGIN = 3
REFUSING = frozenset(
    word.strip()[:_TO_BEGIN]
    for word in (
        f"{_NOT},{_GONE},{_HAS_LEFT},{_NEWSLETTER},off,out,remove,take,took,plus,nomail,no,ask,demand,chiest,pedi,"
        "non,skicka,send,se,verstorben,deceased,passed,died,fallec,falec,decedut,overleden,zmar,avlid,kuol,elhun,"
        "mail,e-mail,email,werbung,marketing,merci,please,pls,bitte,wil,proszę,prosím,nepos,nezas,nekon,nl,ne,niet"
    ).split(",")
    if word.strip()
)
# "Unsubscribed from the wine club" is of another matter.
_MOST_WORDS_OF_LEAVING = 4
_WAYS = "channel, kanal, canal, kanał, contact by, contact via, hear from, contacted by"
_ONLY = "only, just, nur, ausschließlich, seulement, uniquement, solo, sólo, solamente, soltanto, apenas, alleen, tylko"
# Ways to write to somebody that are none by e-mail, as one answer or several: "SMS only", "Phone, post".
_OTHER_WAYS_ALONE = re.compile(
    rf"(?:(?:{_ONLY.replace(', ', '|')}|by|per|via|par|and|und|et|y|e|en|i"
    r"|sms|text|texts|text messages?|whatsapp|messenger|push|phone|phone calls?|calls?|telephone|telefon|téléphone"
    r"|teléfono|telefono|telefone|telefoon|mobile|handy|fax|post|postal mail|letters?|brief|courrier|correo postal"
    r"|posta|carta)(?:[\s,;/&+.|()-]+|$))+"
)
_ANOTHER_WAY = re.compile(r"sms|phone|telefon|whatsapp|push|webinar|event|kurs|course")
_LONGEST_STATE = 100


@lru_cache(maxsize=16)
def _parts(words: str) -> tuple[str, ...]:
    return tuple(part for word in words.replace("\n", " ").split(",") if (part := plain(word)))


def _holds(name: str, words: str) -> bool:
    return any(part in name for part in _parts(words))


def _says_left(header: str, name: str) -> bool:
    """Whether a header holds a part of a word for having left. A short one is not made of the ends of two words: "vill
    kontaktas på mail" has nothing to do with spam.
    """
    parts = [part for part in _parts(_LEFT) if part in name]
    if not parts or any(len(part) > _LONGEST_SHORT_PART for part in parts):
        return bool(parts)
    words = [plain(word) for word in re.split(r"[\W_]+", header)]
    begins = tuple("".join(words[number : number + 3]) for number in range(len(words)))
    return any(any(part in word for word in words) or any(each.startswith(part) for each in begins) for part in parts)


def phrase_kind(header: str) -> str:
    """How a header of several words speaks of consent: "opted out", "opted in" or "status"; empty if it does not."""
    header = without_answers(header)
    name = plain(header)
    spelt = _CAMEL.sub(" ", _NUMBER.sub("", header))
    # "Don't" is one word.
    words = {plain(word) for word in re.split(r"[\W_]+", f"{spelt} {_APOSTROPHE.sub('', spelt)}")}
    is_of_others = len(words) <= _MOST_WORDS_OF_OTHERS and bool(words & {*_parts(_OTHERS)})
    if _holds(name, _OTHER) or is_of_others:
        return ""
    is_of_mailing = _holds(name, _MAILING)
    is_law_agreed = name in _parts(_LAW) or (_holds(name, _LAW) and _holds(name, _AGREED))
    is_permission = _holds(name, _PERMISSION) or "doi" in words or is_law_agreed
    is_negated = bool(words & {*_parts(_NOT), *_parts(_GONE)})
    if (
        _says_left(header, name)
        or (is_of_mailing and bool(words & _BAD))
        or (is_permission and bool(words & _HAS_GONE))
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


@lru_cache(maxsize=1_024)
def asks_for_ways(header: str) -> bool:
    """Whether a column of this name says by which ways somebody may be written to: "Channels allowed"."""
    return _holds(plain(header), _WAYS)


@lru_cache(maxsize=4_096)
def names_other_ways(text: str, *, has_to_say_only: bool) -> bool:
    """Whether an answer names ways to write to somebody and no e-mail: "SMS", or that alone where it `has_to_say_only`:
    "SMS only".
    """
    if len(text) > _LONGEST_STATE or not _OTHER_WAYS_ALONE.fullmatch(text):
        return False
    return not has_to_say_only or not {*re.findall(r"\w+", text)}.isdisjoint(_ONLY.split(", "))


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
        return "" if not is_negated and AT_ANY_TIME.search(text) else "opted out"
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


def is_address_of_page(text: str) -> bool:
    """Whether a text says where somebody may leave, and not that anybody has."""
    return text.startswith(("http://", "https://", "www."))


def asks_for_no_mail(text: str) -> bool:
    """Whether a remark of somebody says that they are not to be written to, and nothing else: "hat sich abgemeldet"."""
    if len(text) > _LONGEST_REMARK or is_address_of_page(text):
        return False
    words = [word for word in re.split(r"[\W_]+", text) if not word.isdecimal()]
    if len(words) > _MOST_WORDS_OF_A_REMARK:
        return False
    name = plain(text)
    is_negated = bool({*map(plain, words)} & {*_parts(_NOT)})
    has_left = len(words) <= _MOST_WORDS_OF_LEAVING and _holds(name, _HAS_LEFT) and not is_negated
    is_refusal = is_negated and (
        _holds(name, _NEWSLETTER) or (_is_wish_to_receive(name, {*map(plain, words)}) and _holds(name, _MAILING))
    )
    return ((has_left or is_refusal) and not _ANOTHER_WAY.search(name)) or NO_MORE.fullmatch(text) is not None


def names_a_state(header: str) -> bool:
    """Whether a header says that its column holds a state, of whatever it is: "Global status", "Kontaktstatus"."""
    name, words = plain(header), {plain(word) for word in re.split(r"[\W_]+", header)}
    return bool(words & {*_parts(_STATES)}) or name.endswith(("status", "statut"))


def _is_no_subscriber(name: str, *, is_negated: bool) -> bool:
    return _holds(name, _SUBSCRIBER) and (is_negated or _holds(name, _REFUSED))


def _is_wish_to_receive(name: str, words: set[str]) -> bool:
    return (_holds(name, _WISH) or bool(words & {*_parts(_WISH_WORDS)})) and _holds(name, _RECEIVE)
