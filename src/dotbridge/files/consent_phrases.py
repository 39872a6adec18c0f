"""Headers that nobody has listed: "Would you like to receive our newsletter?", "Vom Newsletter abgemeldet am".

What they are about is found by the parts of words in them; a column counts only if most of its cells say yes, no, a
state or a moment, so that a header of which no more is known makes nothing up.
"""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import re
from functools import lru_cache

from dotbridge.files.headers import plain

# That somebody left, or is not to be written to: whatever else stands beside it.
_LEFT = """
    unsubscri, unsub, optout, optedout, optingout, suppress, blacklist, blocklist, bounce, asspam, spamcomplaint,
    complain, abgemeldet, abmeld, abbestell, austragen, ausgetragen, werbesperre, widerspr, widerruf, désabonn,
    désinscri, liste noire, dado de baja, dada de baja, darse de baja, desuscri, desabonad, lista negra, disiscri,
    revoca, descadastr, cancelou a, cancelada a, uitgeschreven, uitschrijv, afgemeld, afmeld, wypis, rezygn, sprzeciw,
    avregistr, avprenumer, avanmäl, frameld, avmeld, peruutta, peruuta, odhlás, nezasíl, leiratkoz, dezabon, odjav,
    abonelikten, отпис, відпис, διαγραφ, 配信停止, 購読解除, 受信拒否, 退订, 退訂, 取消订阅, 수신거부, 구독취소
"""
_NOT = """
    not, no, dont, never, stop, exclude, excluded, without, nicht, kein, keine, keinen, ohne, pas, sans, non, sin, não,
    nao, sem, geen, niet, nie, bez, ej, inte, inget, inga, ikke, intet, ei, älä, ne, nem, nu, не, без, hayır
"""
# What is sent to many, and the ways to say that it is sent.
_MAILING = """
    mail, news, marketing, werb, publicidad, pubblicit, publicit, promo, bulletin, correo, courriel, letter, communic,
    komunik, kommunik, contact, kontakt, contatt, campaign, commercial, comercial, рассыл, розсил, письм, повідомл,
    メール, 邮件, 郵件, 메일, 마케팅, ενημερωτ
"""
_PERMITTED = """
    optin, optedin, permission, permiss, permit, permes, allow, accept, accett, acept, aceit, agree, subscri, abonn,
    abone, abonat, inscri, iscri, suscri, inschrij, erlaub, erhalt, empfang, empfäng, wünsch, receive, recevoir,
    souhait, accord, acord, recibir, desea, ricev, desider, receber, deseja, ontvang, otrzym, vill, ønsker, onsker,
    haluaa, halua, lupa, odběr, odebír, zasíl, feliratk, подпис, получ, підпис, отрим, λήψη, εγγραφ, 購読, 受信, 許可,
    接收, 订阅, 允許, 允许, 수신, 구독, prefer, preferenc, gdpr, dsgvo, rgpd, izin, onay
"""
_PERMITTED_WORDS = "ok, okay, can, may, want, wants, wish, like, send, yes"
# Words that speak of such a permission by themselves.
_PERMISSION = """
    newsletter, mailing list, mailinglist, nieuwsbrief, nyhetsbrev, nyhedsbrev, infolettre, lettre d'information,
    boletín, biuletyn, uutiskirje, hírlev, bülten, zpravodaj,
    рассылк, розсилк, メルマガ, メールマガジン, ニュースレター,
    뉴스레터, ενημερωτικ, marketing consent, consent, consentement, consenso al, consenso a, consentim, einwillig,
    zustimm, toestemm, zgod, samtyck, samtykk, suostum, souhlas, súhlas, hozzájár, соглас, згод, συγκατ, privol,
    suglas, 同意, 동의, optin, optedin
"""
_STATES = "status, state, statut, stato, estado, situação, statuts, stav, stan, tila, durum, статус, κατάστασ"
# Permissions of another kind, what somebody did with a mail, and mails that are no marketing.
_OTHER = """
    track, cookie, terms, agb, cgv, privacy policy, verif, photo, image, opened, clicked, geöffnet, geklickt, invoice,
    receipt, rechnung, facture, factura, fattura
"""
# "No. of e-mails", "Contact no."
_NUMBER = re.compile(r"\bno\.|\bno of\b|\bno$", re.IGNORECASE)


@lru_cache(maxsize=16)
def _parts(words: str) -> tuple[str, ...]:
    return tuple(part for word in words.replace("\n", " ").split(",") if (part := plain(word)))


def _holds(name: str, words: str) -> bool:
    return any(part in name for part in _parts(words))


def phrase_kind(header: str) -> str:
    """How a header of several words speaks of consent: "opted out", "opted in" or "status"; empty if it does not."""
    name = plain(header)
    words = {plain(word) for word in re.split(r"[\W_]+", _NUMBER.sub("", header))}
    if _holds(name, _OTHER):
        return ""
    is_of_mailing = _holds(name, _MAILING)
    if _holds(name, _LEFT) or (is_of_mailing and words & {*_parts(_NOT)}):
        return "opted out"
    is_permitted = _holds(name, _PERMITTED) or bool(words & {*_parts(_PERMITTED_WORDS)})
    if words & {*_parts(_STATES)} and (is_of_mailing or is_permitted):
        return "status"
    return "opted in" if _holds(name, _PERMISSION) or (is_of_mailing and is_permitted) else ""
