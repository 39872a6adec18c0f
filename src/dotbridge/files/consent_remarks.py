"""What people write down in words: that somebody wants no more mail, and that this can be said at any time."""
# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import re

# What somebody has agreed to tells that it can be taken back: "You can unsubscribe at any time".
AT_ANY_TIME = re.compile(
    r"any ?time|whenever|jederzeit|à tout moment|à tout instant|en cualquier momento|in qualsiasi momento|"
    r"a qualquer momento|te allen tijde|w każdej chwili|kdykoli|bármikor|när som helst|når som helst|в любой момент|"
    r"\b(?:can|may|können|kannst|kann|pouvez|puede|peut|può|możesz) \w* ?(?:unsub|opt|abmeld|widerruf|désabonn"
    r"|désinscri)",
    re.IGNORECASE,
)
# "Please do not e-mail any more", "bitte nicht mehr anschreiben", "asked to be removed from the mailing list".
NO_MORE = re.compile(
    r"(?:(?:none|nothing|no|nein|non|keine)\W{1,3})?(?:please |pls |bitte |merci de )?(?:"
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
    r"|(?:wants?|asked|take|get)(?: me| him| her| them)?(?: to be)?(?: taken| removed)? off (?:the |our |your |this )?"
    r"(?:mailing |e-?mail )*lists?"
    r"|(?:graag |liever )?(?:niet|geen|nooit) (?:meer )?(?:mailen|benaderen|aanschrijven|contacteren|mails?|e-?mails?"
    r"|nieuwsbrie(?:f|ven)|reclame)(?: meer)?(?: sturen| ontvangen)?|wil (?:van|uit) [\w ]*(?:lijst|bestand)(?: af)?"
    r"|non (?:inviare|mandare|scrivere|contattare)(?: più)?(?: e-?mail| mail| newsletter)?"
    r"|(?:ha )?chiest[oa] (?:la )?(?:cancellazione|disiscrizione|rimozione)[\w ]*"
    r"|(?:a )?demand[ée]r? (?:à|a|de) (?:ne plus|être (?:retir|désins|supprim|enlev))[\w ]*"
    r"|não (?:enviar|contactar|contatar)(?: mais)?(?: e-?mails?| newsletters?)?|pediu (?:para sair|remoção)[\w ]*"
    r"|(?:proszę )?nie (?:wysyłać|przesyłać|kontaktować|pisać)(?: więcej| się)?(?: e-?maili| maili| newslettera)?"
    r"|(?:prosím )?(?:neposílat|nezasílat|neposielať|nekontaktovat|nekontaktovať)(?: e-?maily| newsletter)?"
    r"|(?:skicka|send) (?:inte|ikke)(?: fler| flere)?(?: mejl| mails?| e-post| utskick| nyhets?brev| nyhedsbreve?)?"
    r"|(?:inga|ingen)(?: fler| flere)?(?: mejl| mails?| utskick| nyhetsbrev| nyhedsbreve?)"
    r"|(?:больше )?не (?:писать|пишите|присылать|присылайте|отправлять|беспокоить)(?: больше)?(?: письма| рассылку)?"
    r"|se (?:ha )?(?:dio|dado) de baja(?: (?:el|en|del? bolet[ií]n|de la lista))?[\d ./-]*"
    r"|(?:† ?|ist |est |is |has |ha )?(?:verstorben|deceased|passed away|died|décédée?|fallecid[oa]|falleció|"
    r"decedut[oa]|falecid[oa]|overleden|zmarła?|avliden|avdød|afdød|kuollut|zemřela?|elhunyt|умерл?а?)[\d ./-]*"
    r"|consent (?:was |has been )?(?:withdrawn|revoked|refused)|(?:withdrawn|revoked|refused) consent"
    r"|einwilligung (?:widerrufen|verweigert)|consentement (?:retiré|révoqué|refusé)"
    r"|nomail|do not solicit|(?:pas|plus) de (?:e-?mails?|mails?|newsletters?|courriels?|pubs?|publicité)"
    r"(?: svp| merci)?"
    r")(?: any ?more| again| him| her| them| us| me| please| mehr| bitte| senden| schicken)*[.! ]*",
    re.IGNORECASE,
)
