"""How programs and people in many languages write that somebody may not, or may, be written to."""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

# Columns that say yes, a moment or a reason where somebody has opted out.
OPTED_OUT_HEADERS = """
    email opt out, e-mail opt out, email opt-out, opt out, opt-out, optout, opted out, is opted out, has opted out,
    hasoptedoutofemail, has opted out of email, email opted out, opted out of email, email optout, opt out email,
    email opt out date, opt out date, opted out at, optout time, optout date,
    unsubscribed, unsubscribe, is unsubscribed, unsubscribed from all email, unsubscribed from all emails,
    unsubscribed from all, global unsubscribe, globally unsubscribed, unsubscribed at, unsubscribed on,
    unsubscribe date, unsubscribed date, date unsubscribed, unsubscription date, unsub, unsub time, unsub date,
    unsub reason, unsub reason other, unsub campaign title, unsub campaign id, unsubscribe reason,
    clean time, clean campaign title, clean campaign id, cleaned, leave time,
    emailstop, email stop, mailstop, mail stop, stop time,
    do not email, do not e-mail, donotemail, do not mail, donotmail, do not bulk email, donotbulkemail,
    donotsendmm, do not send marketing material, do not send marketing materials, do not contact, donotcontact,
    no email, no emails, no newsletter, no marketing, no marketing emails, no mailing, exclude from mailings,
    email blacklisted, emailblacklisted, blacklisted, blacklist, blocklisted, blocklist, suppressed, suppression,
    suppression reason, suppressed at, date suppressed, suppression date, reason for suppression, email suppressions,
    date removed, removed from list, bounced, hard bounced, hard bounce, is bounced, bounce date, bounce reason,
    email bounced reason, email bounced date, emailbouncedreason, emailbounceddate, email hard bounce reason,
    email hard bounced, spam complaint, complained, complaint date, marked as spam, reported spam,
    consent withdrawn, consent revoked, withdrawn, revoked at, objection, gdpr objection,
    removed on, removed at, removal reason, deactivated, email disabled, emails disabled, unsubscribed mode,
    confirmed opt-out date, confirmed opt-out source, confirmed opt-out reason, date undeliverable,

    abgemeldet, abgemeldet am, abmeldung, abmeldedatum, abmeldezeitpunkt, newsletter abgemeldet, ausgetragen,
    abbestellt, newsletter abbestellt, keine werbung, keine e-mails, kein newsletter, keine newsletter,
    keine mailings,
    werbesperre, mailsperre, e-mail-sperre, gesperrt, widerspruch, werbewiderspruch, widerrufen, einwilligung
        widerrufen,
    nicht anschreiben, nicht kontaktieren, deaktiviert, deaktiviert am, kontaktsperre, versandsperre, werbeverbot,
    sperrvermerk, robinsonliste, unzustellbar, désactivé, desactivado, disattivato, gedeactiveerd, npai, rebotado,
    rebote, rimbalzato, nie zezwalaj,
    désabonné, desabonne, désabonnée, désabonnement, date de désabonnement, désinscrit, désinscrite, désinscription,
    date de désinscription, ne pas contacter, ne pas envoyer d'e-mail, pas de newsletter, opposition, liste noire,
    dado de baja, dada de baja, baja, fecha de baja, de baja, cancelado, suscripción cancelada, desuscrito,
    darse de baja, no enviar correos, no contactar, excluido, lista negra, no desea correos,
    disiscritto, disiscritta, disiscrizione, data disiscrizione, cancellato, cancellazione, non contattare,
    non inviare email, revoca consenso, consenso revocato,
    descadastrado, descadastrada, descadastro, inscrição cancelada, cancelou a inscrição, subscrição cancelada,
    não contactar, não enviar e-mail, removido da lista,
    uitgeschreven, uitgeschreven op, uitschrijfdatum, afgemeld, afmelding, afmelddatum, geen nieuwsbrief, niet mailen,
    geen e-mail, niet benaderen,
    wypisany, wypisana, wypisano, data wypisania, rezygnacja, zrezygnował, sprzeciw, nie wysyłać, bez newslettera,
    avregistrerad, avprenumererad, avanmäld, inget nyhetsbrev, ej utskick,
    afmeldt, afmeldt dato, frameldt, intet nyhedsbrev, avmeldt, avregistrert, ikke nyhetsbrev,
    peruutettu, tilaus peruttu, ei uutiskirjettä, markkinointikielto, suoramarkkinointikielto,
    odhlášen, odhlášený, odhlášena, odhlášení, nezasílat, odhlásený, leiratkozott, leiratkozás, leiratkozás dátuma,
    dezabonat, dezabonare, data dezabonării, odjavljen, odjava, abonelikten çıktı, abonelikten ayrıldı,
    abonelik iptali,
    отписан, отписался, отписка, дата отписки, не писать, не беспокоить, відписаний, відписка, отписан от рассылки,
    διαγραφή, διαγράφηκε, 配信停止, 購読解除, 退订, 已退订, 退訂, 取消订阅, 수신거부, 구독취소,
    dne, dnm, do not send, don't send, do not disturb, no molestar, não enviar, non inviare, ikke send, send ikke,
    skicka inte, nicht senden, niet sturen, ne pas envoyer, ne šalji, baja de la lista, left list,
    nomail, no mail, do not solicit, fecha baja, baixa, data de baixa, data baixa, data de remoção, data remoção,
    motivo de remoção, fecha de remoción, motivo de remoción, reservert mot e-post, afskráður, afskráð,
    配信拒否, 配信不可, メール不可, 訂閱取消, 取消訂閱
"""

# Columns that say no where somebody has not opted in.
OPTED_IN_HEADERS = """
    email opt in, e-mail opt in, opt in, opt-in, optin, opted in, is opted in, has opted in, email opted in,
    subscribed, is subscribed, subscribe, newsletter, newsletter subscription, newsletter opt in, mailing list,
    email newsletter, receive newsletter, receives newsletter, wants newsletter, accepts marketing, accepts email
        marketing,
    email marketing, email marketing consent, accepts email, marketing consent, consent, email consent, gdpr consent,
    consent given, marketing permission, email permission, marketing opt in, can email, may email, allow email,
    allow emails, mailable, contactable, send email, receive emails, subscribed to email, agreed to marketing,
    abonniert, angemeldet, newsletter angemeldet, newsletter abonniert, einwilligung, e-mail-einwilligung,
    newsletter einwilligung, werbeeinwilligung, darf angeschrieben werden, newsletterempfänger, e-mail erlaubt,
    abonné, abonnée, inscrit, inscrit à la newsletter, inscription newsletter, consentement, accepte les e-mails,
    lettre d'information, suscrito, suscrita, boletín, acepta correos, consentimiento, acepta publicidad,
    iscritto, iscritta, iscritto alla newsletter, consenso, consenso marketing, accetta email,
    inscrito, inscrita, subscrito, consentimento, aceita e-mails, ingeschreven, aangemeld, nieuwsbrief, toestemming,
    zapisany, zapisana, zgoda, zgoda marketingowa, zgoda na newsletter, prenumererar, prenumerant, nyhetsbrev,
    samtycke,
    tilmeldt, nyhedsbrev, samtykke, påmeldt, uutiskirje, markkinointilupa, přihlášen, odběr, odběratel, souhlas,
    prihlásený, súhlas, feliratkozott, hírlevél, hozzájárulás, abonat, consimțământ, prijavljen, privola, abone,
    bülten,
    подписан, подписка, согласие, рассылка, підписаний, підписка, згода, συνδρομή, συγκατάθεση,
    購読, メルマガ, 配信許可, dm可否, メール可否, メール配信, 配信可否, 订阅, 訂閱, 同意, 수신동의, 구독,
    fréttabréf, butlletí, biltens, bilten, buletin, bản tin, дозвола, абониран, pretplaćen, naročen
"""

# How people begin to answer.
YES_SAID = """
    yes, yeah, yep, sure, ja, jawohl, gerne, oui, sí, sì, sim, tak, ano, áno, igen, evet, kyllä, jo, да, ναι, jah,
    taip, já, ya, כן, نعم
"""
NO_SAID = """
    no, nope, nein, non, não, nao, nee, nie, ne, nem, hayır, ei, nej, nei, нет, ні, όχι, brak, не, nē, tidak, לא, لا
"""

# Columns that are as often those of a plan that somebody pays for: of them codes for yes and no are asked about.
SUBSCRIPTION_HEADERS = "subscription, subscriptions, abo, abos, suscripción, subskrypcja, prenumeration"

# Columns that say yes or no of any state, or when it began. Alone they may be those of an account or a customer.
ANY_IN_HEADERS = """
    activated, aktiviert, activated at, aktiviert am,
    active, is active, aktiv, ist aktiv, actif, activo, attivo, ativo, actief, aktywny, aktiivinen,
    confirmed, is confirmed, is this user confirmed, bestätigt, confirmé, confirmado, confermato, bevestigd,
    potwierdzony
"""
ANY_OUT_HEADERS = """
    inactive, is inactive, inaktiv, ist inaktiv, inactif, inactivo, inattivo, inativo, inactief, nieaktywny, deleted,
    is deleted, deleted at, deleted on, date deleted, gelöscht, gelöscht am, supprimé, eliminado, eliminato,
    verwijderd,
    usunięty, archived, is archived, archived at, archiviert, deceased, is deceased, on hold,
    excluded, is excluded, exclude, dnc, blocked, is blocked, banned, is banned, blockiert, bloqué, bloqueado,
    bloccato, geblokkeerd, zablokowany,
    blokkert, blockerad, blokeret, zablokován, заблокирован,
    sperre, kundensperre, sperrkennzeichen, verstorben, décédé, fallecido, deceduto,
    overleden
"""

# Columns with a word for the state; a common name counts only where its cells hold such words.
STATUS_HEADERS = """
    status, state, email status, e-mail-status, subscription status, subscriber status, subscription state, member
        status,
    contact status, consent status, marketing status, email marketing status, email subscription status,
    opt-in status, opt in status, newsletter status, mailing status, email state,
    email marketing consent, e-mail marketing consent, consent, abonnement, anmeldestatus, abostatus,
    statut, statut d'abonnement, statut email, estado, estado de suscripción, stato, stato iscrizione, situação,
    stop status, iys durumu, izin durumu, email availability, estado da subscrição, estado da inscrição,
    inschrijfstatus, statuts, stav, stan, tila, durum, статус,
    статус подписки, κατάσταση, ステータス, 状态, 상태, 配信状況, 配信状態, 配信ステータス, 購読状況, 購読状態,
    購読ステータス, 订阅状态, 訂閱狀態, 狀態, 구독 상태, 구독상태, 수신 상태, סטטוס, الحالة, trạng thái,
    subscribe type,
    subscriber type, opt-in type, solicit codes
"""

# Columns with several words, one of which may say so.
LABEL_HEADERS = """
    list, lists, list name, segment, segments, audience, liste, listen, listes, lista, listas, liste di distribuzione,
    labels, label, group membership, groups, groups membership, tags, categories, category, kategorien, kategorie,
    catégories, étiquettes, categorías, etiquetas, categorie, etichette, categorias, kategorier, kategorie, метки,
        группы
"""

OUT_WORDS = """
    unsubscribed, unsubscribe, unsub, opted out, opt out, optout, opted-out, cleaned, bounced, hard bounced,
        hardbounced,
    softbounced, soft bounced, hard bounce, blocked, mailblocked, complained, isp complained, ispcomplained,
    isispcomplained, directcomplaint, complaint, spam, spam complaint, marked as spam, suppressed, shared suppression,
    sharedsuppression, domain suppression, domainsuppression, deleted, removed, inactive, nomxrecord, notallowed,
    not allowed, invalid, blacklisted, blocklisted, never subscribed, never_subscribed, not subscribed,
    not_subscribed,
    non subscribed, nonsubscribed, unconfirmed, pending, pendingoptin, pending opt in, archived, declined, denied,
        revoked,
    withdrawn, do not allow, do not send, not allow, no consent, no permission, awaiting confirmation, temp hold,
    do not email, no newsletter, do not contact, no email, redacted, cancelled, canceled, not activated, deactivated,
    no marketing, no marketing emails, validating, paused, undeliverable, abuse, junk, needs attention,
    abgemeldet, abbestellt, ausgetragen, gesperrt, widerrufen, inaktiv, unbestätigt, kein newsletter, keine werbung,
    gekündigt, nicht aktiviert, deaktiviert, résilié, annulé, désactivé,
    désabonné, désabonnée, désinscrit, désinscrite, bloqué, dado de baja, dada de baja, baja, cancelado, cancelada,
    desuscrito, bloqueado, disiscritto, disiscritta, cancellato, bloccato, descadastrado, descadastrada,
    uitgeschreven,
    afgemeld, wypisany, wypisana, avregistrerad, avprenumererad, afmeldt, frameldt, avmeldt, peruutettu, odhlášen,
    odhlášený, leiratkozott, dezabonat, odjavljen, abonelikten çıktı, отписан, отписался, відписаний, διαγράφηκε,
    held, dnc, ret, unreachable, on hold bounce, on hold opt out, reported as spam, disagree, i disagree, widerspruch,
    je refuse, not set, brak, brak zgody, no contact, kein kontakt, pas de contact, sin contacto, geen contact,
    brak zgody, no consent given,
    unzustellbar, nicht zustellbar, hard-bounce, zurückgewiesen, abgelehnt, gelöscht, wartet auf bestätigung,
    ausstehend,
    offen, unverifiziert, abgelaufen, verweigert, verstorben, deceased, expired, rejected, refused, objected,
    withheld,
    disabled, suspended, blocklist, blacklist, en attente, en attente de confirmation, non confirmé, rejeté, refusé,
    supprimé, expiré, décédé, désactivée, bloquée, retiré, npai, pendiente, pendiente de confirmación, no confirmado,
    rebotado, rechazado, denegado, eliminado, retirado, desactivado, suprimido, fallecido, in attesa, in attesa di
        conferma,
    non confermato, respinto, rimbalzato, negato, rifiutato, revocato, eliminato, disattivato, sospeso, pendente,
    recusado,
    negado, revogado, removido, desativado, in afwachting, geblokkeerd, geweigerd, ingetrokken, verwijderd, gebounced,
    niet bevestigd, onbevestigd, gedeactiveerd, overleden, zablokowany, zablokowana, niepotwierdzony, niepotwierdzona,
    oczekujący, oczekuje na potwierdzenie, odrzucony, usunięty, nieaktywny, nieaktywna, odwołana, wycofana,
    nieudzielona,
    nie udzielono, nie wyrażono,
    配信停止, 退订, 已退订, 수신거부,
    inactif, inactivo, inattivo, inativo, inactief, неактивен, неактивний, passiv, passif,
    dne, dnm, suppression list, do not email list, do not mail list, do not contact list, unsubscribes, unsubscribers,
    opt-outs, bounces, hard bounces,
    nomail, no mail, do not mail, do not solicit, spamtrap, spam trap, spamreport, spam report, bouncing,
    previous bounce,
    previous spam complaint, unactivated, spammy, disabled by user, disabled by bounces,
    bounce, marked spam, stale,
    transactional, non marketable, unengaged non marketable, unmarketable, plainte, plainte spam, plainte pour spam,
    queja, queja de spam, reclamo, segnalazione spam, denúncia de spam, skarga, odbicie, odbicie twarde,
    odbicie miękkie,
    opgeschoond, klacht, spamklacht, studsad, studsat, avvisad, erro, erro permanente, inválido, invalido,
    ungültig, invalide, ongeldig, nieprawidłowy, removido por suscriptor,
    недоступен, недоступна, ошибка, жалоба, жалоба на спам, скарга, заблокирован, заблокирована, заблокований,
    недействителен, не подтверждён, не подтвержден, отписана, odjavljena, odhlášená,
    拒否, 거부, 不可, 未订阅, 取消订阅, 已取消订阅, 未訂閱, 取消訂閱, 已取消訂閱, 不訂閱, 拒收, 已退訂, 구독취소,
    구독 취소, 구독해지,
    구독 해지, 미구독, 수신 거부, 미동의
"""

IN_WORDS = """
    available, reachable, deliverable, onay, onaylı, direct, i agree, agree, einverstanden, ich stimme zu,
    j'accepte, acepto, accetto, aceito, akkoord,
    zgadzam się, souhlasím, concedida, otorgada, accordée, prestata, confirmée, confirmada, confermata, potwierdzona,
    zulassen, autoriser, permitir, permettre, consenti, consentire, toestaan, zezwalaj, erteilt, vorhanden, liegt vor,
    gegeben, zugestimmt, eingewilligt, accordé, donné, otorgado, concedido, concesso, dato, prestato, gegeven,
    verleend,
    udzielona, wyrażona, given, obtained, agreed, zugelassen, autorisé,
    subscribed, subscriber, opted in, opt in, optin, active, confirmed, single, double, single opt in, double opt in,
    allow, send, consented, permission granted, express, implied, express consent, implied consent,
    verifieddouble, verified double, unknown optin, granted, allowed, accepted, mailable, valid,
    abonniert, angemeldet, bestätigt, aktiv, erlaubt, abonné, abonnée, inscrit, inscrite, actif, confirmé, suscrito,
    suscrita, activo, activa, iscritto, iscritta, attivo, attiva, inscrito, inscrita, ativo, ativa, ingeschreven,
        actief,
    zapisany, zapisana, aktywny, prenumererar, tilmeldt, påmeldt, tilattu, přihlášen, feliratkozott, abonat,
    prijavljen,
    abone, подписан, активен, активний, підписаний, ενεργός, 購読中, 已订阅, 구독중,
    enabled, engaged marketable, marketable, unengaged marketable, válido, valido, gültig, valide, geldig, ważny,
    配信中, 受信中, 已訂閱, 訂閱, 订阅, 구독, 구독 중, активна, підписана, подписана
"""

# Words of a state that may be any state: alone they do not make a column of a common name speak of consent.
ANY_STATE_WORDS = """
    inactif, inactivo, inattivo, inativo, inactief, неактивен, неактивний, passiv, passif,
    enabled, stale, transactional, plainte, queja, reclamo, skarga, odbicie, klacht, avvisad, erro,
    erro permanente,
    inválido, invalido, ungültig, invalide, ongeldig, nieprawidłowy, válido, valido, gültig, valide, geldig, ważny,
    marketable, недоступен, недоступна, ошибка, жалоба, скарга, заблокирован, заблокирована, заблокований,
    недействителен, активна, 拒否, 거부, 不可, 拒收,
    ret, disagree, i disagree, widerspruch, je refuse, not set, brak, available, reachable, deliverable, onay,
    onaylı, direct, i agree, agree,
    einverstanden,
    ich stimme zu, j'accepte, acepto, accetto, aceito, akkoord, zgadzam się, souhlasím, concedida, otorgada, accordée,
    prestata, confirmée, confirmada, confermata, potwierdzona,
    zulassen, autoriser, permitir, permettre, consenti, consentire, toestaan, zezwalaj, erteilt, vorhanden, liegt vor,
    gegeben, accordé, donné, otorgado, concedido, concesso, dato, prestato, gegeven, verleend, given, obtained,
    agreed,
    zugelassen, autorisé, held, no contact, kein kontakt, pas de contact, sin contacto, geen contact, zurückgewiesen,
    abgelehnt, gelöscht, wartet auf bestätigung, ausstehend, offen, unverifiziert, abgelaufen, verweigert, verstorben,
    deceased, expired, rejected, refused, objected, withheld, disabled, suspended, en attente, en attente de
        confirmation,
    non confirmé, rejeté, refusé, supprimé, expiré, décédé, désactivée, bloquée, retiré, pendiente, pendiente de
        confirmación,
    no confirmado, rechazado, denegado, eliminado, retirado, desactivado, suprimido, fallecido, in attesa,
    in attesa di
        conferma,
    non confermato, respinto, negato, rifiutato, revocato, eliminato, disattivato, sospeso, pendente, recusado,
    negado,
    revogado, removido, desativado, in afwachting, geblokkeerd, geweigerd, ingetrokken, verwijderd, niet bevestigd,
    onbevestigd, gedeactiveerd, overleden, zablokowany, zablokowana, niepotwierdzony, niepotwierdzona, oczekujący,
    oczekuje na potwierdzenie, odrzucony, usunięty, nieaktywny, nieaktywna, zugestimmt, eingewilligt, udzielona,
    wyrażona,
    active, inactive, validating, paused, undeliverable, needs attention,
    allow, send, do not allow, do not send, not allow, express, implied, temp hold,
    confirmed, unconfirmed, pending, archived, single, double, valid, invalid, deleted, removed,
        declined,
    cancelled, canceled, not activated, deactivated, gekündigt, nicht aktiviert, deaktiviert, résilié, annulé,
    désactivé, denied, blocked, accepted, allowed, granted, revoked, withdrawn, spam, aktiv, inaktiv, bestätigt,
    unbestätigt, gesperrt,
    erlaubt, angemeldet, actif, confirmé, bloqué, inscrit, inscrite, activo, activa, cancelado, cancelada,
        bloqueado, baja,
    attivo, attiva, bloccato, cancellato, iscritto, iscritta, inscrito, inscrita, ativo, ativa, actief, aktywny,
        активен,
    активний, ενεργός, peruutettu, tilattu, přihlášen, odhlášen, odhlášený, prijavljen, odjavljen
"""

YES_WORDS = """
    yes, yep, yeah, y, true, t, 1, -1, on, x, xx, ✓, ✔, ☑, ✅, √, ●, v, checked, wahr, ja, j, oui, o, vrai, si, sí,
    sì, s, verdadero,
    vero, sim,
    verdadeiro, tak, prawda, ano, áno, igen, igaz, da, adevărat, evet, doğru, kyllä, k, jo, sand, sann, sant, tosi,
        да, так, истина, ναι, αληθές,
    はい, 是, 예, ○, jah, jā, taip, var, כן, نعم, có, ya, ใช่, รับ, já, بله, हाँ, 可, 有, ydw, 希望する,
    希望します, 受信する,
    受け取る, 同意する, 同意します, 同意, 동의, 동의함, 네
"""

NO_WORDS = """
    no, nope, n, false, f, 0, off, -, none, null, n/a, #n/a, na, nan, nat, <na>, nil,
    unchecked, ☐, falsch, nein, non, faux, falso, não, nao, nee, onwaar,
    nie, fałsz, ne, nem, hamis, nu, fals, hayır, yanlış, ei, epätosi, nej, nei, falsk, falskt, usann, нет, ложь,
        ні, όχι, ψευδές,
    いいえ, 否, 아니요, 아니오, ×, ❌, ✗, ✘, ✖, never, не, nē, yok, לא, لا, không, tidak, ไม่, ไม่ใช่, ไม่รับ, خیر,
    नहीं, nac ydw,
    不可, 無, 无, 希望しない, 希望しません, 受信しない, 受け取らない, 同意しない, 同意しません, 不同意, 미동의,
    비동의, 동의안함
"""
