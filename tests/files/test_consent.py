"""Who is not to be written to, as files of other products and languages say it. Consent only falls."""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from dotbridge.consent.files import keep_opt_outs
from dotbridge.crm.models import Contact
from dotbridge.files.consent_headers import consent_kind
from dotbridge.files.errors import FileRefused
from dotbridge.files.opt_outs import OptOuts, receive_opt_outs, stop_receiving
from dotbridge.files.report_lines import report_lines
from tests.files.conftest import OptOutKeeper, counts, load

pytestmark = pytest.mark.django_db


def out(header: str, *cells: str, **choices: Any) -> list[int]:
    """The numbers of the cells whose people are opted out."""
    kept = OptOutKeeper()
    receive_opt_outs(kept)
    try:
        rows = "\n".join(f"p{number}@example.com\t{cell}" for number, cell in enumerate(cells))
        load(f"E-mail\t{header}\n{rows}\n", delimiter="\t", **choices)
    finally:
        stop_receiving(kept)
    return sorted(int(email[1:].partition("@")[0]) for email in kept.emails())


@pytest.mark.parametrize(
    "header",
    [
        "Email Opt Out",  # Salesforce, Zoho
        "HasOptedOutOfEmail",
        "et4ae5__HasOptedOutOfEmail__c",
        "Unsubscribed from all email",  # HubSpot
        "Opted out of email: Marketing Information",
        "Opted out",
        "Do not email",  # Microsoft Dynamics
        "DoNotBulkEmail",
        "EMAIL_BLACKLISTED",  # Brevo
        "Unsubscribed",
        "Abgemeldet",
        "Kein Newsletter",
        "désabonné",
        "DÉSINSCRIT",
        "Dado de baja",
        "Disiscritto",
        "Descadastrado",
        "Uitgeschreven",
        "Wypisany",
        "Avregistrerad",
        "Afmeldt",
        "Odhlášen",
        "Leiratkozott",
        "Отписан",
        "配信停止",
        "退订",
        "수신거부",
    ],
)
def test_columns_of_having_opted_out(header: str) -> None:
    assert out(header, "yes", "no", "", "1", "0", "x", "TRUE", "false", "ja", "nein", "2024-05-17") == [
        *(0, 3, 5, 6, 8, 10)
    ]


@pytest.mark.parametrize(
    "header",
    [
        "Email opt in",
        "Subscribed",
        "Newsletter",
        "Accepts Marketing",
        "Einwilligung",
        "inscrit",
        "Nieuwsbrief",
        "подписан",
    ],
)
def test_columns_of_having_opted_in(header: str) -> None:
    assert out(header, "no", "yes", "", "0", "1", "nein", "false", "2024-05-17", "unsubscribed") == [0, 3, 5, 6, 8]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("UNSUB_TIME", ["2024-01-02 10:11:12", "", "2024-01-03"], [0, 2]),  # Mailchimp
        ("UNSUB_REASON", ["No longer interested", ""], [0]),
        ("LEAVE_TIME", ["", "2024-01-02 10:11:12"], [1]),
        ("CLEAN_TIME", ["2024-01-02 10:11:12", ""], [0]),
        ("STATUS", ["subscribed", "unsubscribed", "cleaned", "pending", ""], [1, 2, 3]),
        ("Status", ["Subscribed", "HardBounced", "IsispComplained", "Suppressed", "MailBlocked"], [1, 2, 3, 4]),
        ("Email Marketing Consent", ["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "yes", "no"], [1, 2, 4]),
        ("Email hard bounce reason", ["UNKNOWN_USER", ""], [0]),
        ("emailstop", ["1", "0"], [0]),  # Moodle
        ("Global Status", ["Subscribed", "Unsubscribed", "Bounced", "Inactive"], [1, 2, 3]),  # MailPoet
        ("Lead status", ["New", "Unsubscribed", "Contacted"], [1]),
        ("Kontaktstatus", ["Kunde", "abgemeldet"], [1]),
        ("Stop Status", ["", "unsubscribed"], [1]),  # AWeber
        ("Stop Time", ["2024-01-02 10:11:12", ""], [0]),
        ("Marketing Suspended", ["1", "0"], [0]),  # Marketo
        ("Email address quarantined", ["true", "false"], [0]),  # HubSpot
        ("E-Mail gesperrt", ["ja", "nein"], [0]),
        ("Email blocked", ["yes", "no"], [0]),
        ("Email enabled", ["true", "false"], [1]),
        ("Mailing aktiv", ["ja", "nein"], [1]),
        ("optout_email", ["none", "all"], [1]),  # Sailthru
        ("List", ["Customers", "Unsubscribed in May"], [1]),
        ("Automatically unsubscribed", ["yes", "no"], [0]),
        ("Unsubscribed via link", ["yes", "no"], [0]),
        ("Group Membership", ["* myContacts ::: Unsubscribed", "* myContacts"], [0]),  # Google
        ("Categories", ["Customer;No newsletter", "Customer"], [0]),  # Outlook
        ("E-Mail-Status", ["aktiv", "abgemeldet"], [1]),
        ("DSGVO-Einwilligung", ["erteilt", "nicht erteilt", "erteilt", "widerrufen"], [1, 3]),
        ("DOI-Status", ["bestätigt", "offen", "Wartet auf Bestätigung"], [1, 2]),
        ("Status subskrypcji", ["Aktywny", "Wypisany", "Zablokowany", "Niepotwierdzony"], [1, 2, 3]),
        ("Newsletter", ["given", "not given", "withdrawn"], [1, 2]),
        ("Unsubscribed?", ["Not unsubscribed", "Unsubscribed"], [1]),
        ("E-Mail nicht zulassen", ["Zulassen", "Nicht zulassen"], [1]),  # Dynamics
        ("Ne pas autoriser les e-mails en nombre", ["Autoriser", "Ne pas autoriser"], [1]),
        ("No permitir correo electrónico en masa", ["Permitir", "No permitir"], [1]),
        ("Grund für Hard Bounce", ["", "Unbekannter Benutzer"], [1]),  # HubSpot
        ("Opt Out Details", ["", "via form"], [1]),
        ("Contact preference", ["Email", "No contact", "Post only"], [1, 2]),
        ("GROUP_UNSUBSCRIBES", ["", "Marketing, News", ""], [1]),  # SendGrid
        ("Unsubscribed from", ["Weekly news", "", ""], [0]),
        ("Contact preference", ["Email", "Never", "Phone", "None"], [1, 3]),
        ("Email preferences", ["HTML", "None", "Text"], [1]),
        ("Kontaktpräferenz", ["E-Mail", "Nie", "Telefon"], [1]),
        ("Préférence de contact", ["E-mail", "Jamais", "Téléphone"], [1]),
        ("Email frequency", ["Weekly", "Never", "Monthly", "0", "No emails", "Never (unsubscribe)"], [1, 3, 4, 5]),
        ("Newsletter frequency", ["Never", "Never", "Weekly"], [0, 1]),
        ("How often would you like to hear from us?", ["Weekly", "Not at all"], [1]),
        ("Send me emails", ["Daily", "Weekly", "Never"], [2]),
        ("Email digest", ["daily", "never", "weekly"], [1]),
        ("Newsletter-Häufigkeit", ["wöchentlich", "Nie", "gar nicht", "monatlich"], [1, 2]),
        ("Wie oft möchten Sie von uns hören?", ["monatlich", "Niemals", "täglich"], [1]),
        ("Fréquence newsletter", ["Hebdomadaire", "Jamais", "Mensuelle"], [1]),
        ("Frecuencia del boletín", ["Semanal", "Nunca", "Mensual"], [1]),
        ("Frequenza email", ["Settimanale", "Mai", "Mensile"], [1]),
        ("Frequentie nieuwsbrief", ["Wekelijks", "Nooit", "Maandelijks"], [1]),
        ("Częstotliwość newslettera", ["Co tydzień", "Nigdy", "Co miesiąc"], [1]),
        ("Frequência de e-mails", ["Semanal", "Nunca", "Mensal"], [1]),
        ("Hur ofta vill du ha nyhetsbrev", ["Varje vecka", "Aldrig", "Varje månad"], [1]),
        ("Nyhedsbrev frekvens", ["Ugentligt", "Aldrig", "Månedligt"], [1]),
        ("Uutiskirjeen tiheys", ["Viikoittain", "Ei koskaan", "Kuukausittain"], [1]),
        ("Hírlevél gyakoriság", ["Hetente", "Soha", "Havonta"], [1]),
        ("Частота рассылки", ["Раз в неделю", "Никогда", "Раз в месяц"], [1]),
        ("Newsletter", ["✅", "❌"], [1]),
        ("Date Undeliverable", ["", "5/2/2024"], [1]),  # Salesforce
        ("Zgoda na kontakt mailowy", ["Wyrażona", "Brak", "Wyrażona", "Cofnięta", "Wyrażona"], [1, 3]),
        ("Consenso newsletter", ["Prestato", "Non prestato"], [1]),
        ("Status da comunicação", ["Ativo", "Revogada"], [1]),  # RD Station
        ("IYS Durumu", ["ONAY", "RET"], [1]),
        ("On Hold", ["No", "On Hold Bounce", "On Hold Opt Out"], [1, 2]),  # CiviCRM
        ("Werbung per E-Mail", ["einverstanden", "nicht einverstanden", "Widerspruch"], [1, 2]),
        ("I agree to receive marketing emails", ["I agree", "I do not agree", "Disagree"], [1, 2]),
        ("Subscription status", ["Subscribed", "Reported as spam"], [1]),  # Freshsales
        ("Newsletter", ["yes\u200b", " no\u200b"], [1]),
        ("Unsubscribed", ["", "12/05/2024"], [1]),
        ("UNSUB_REASON", ["No, too many e-mails", "Yes"], [0, 1]),
        ("Statut", ["abonné", "désabonné"], [1]),
    ],
)
def test_states_moments_and_labels(header: str, cells: list[str], expected: list[int]) -> None:
    assert out(header, *cells) == expected


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Status", ["active", "inactive", "VIP"]),
        ("State", ["OK", "CA", "Baja California"]),
        ("Order status", ["cancelled", "completed", "pending"]),
        ("Lead status", ["New", "Contacted", "Lost", "Inactive"]),
        ("List", ["Customers", "Fans"]),
        ("Labels", ["* myContacts", "Family"]),
        ("Unsubscribe link", ["https://example.com/u?1", "https://example.com/u?2"]),
        ("SMS opt in", ["no", "yes"]),
        ("OPTIN_TIME", ["2024-01-02", ""]),
        ("Do not call", ["yes", "no"]),
        ("Notes", ["unsubscribed from the wine club", ""]),
        ("Email verified", ["no", "yes"]),
        ("Opened newsletter", ["no", "yes"]),
        ("Send invoice by email", ["no", "yes"]),
        ("Contact no.", ["0", "1"]),
        ("No. of e-mails", ["1", "0"]),
        ("Primary contact", ["no", "yes"]),
        ("Consent to track", ["No", "Yes"]),
        ("Newsletter source", ["Shop", "Fair", "no"]),
        ("Accepts SMS Marketing", ["no", "yes"]),
        ("Accepts returns", ["no", "yes"]),
        ("Mailing address", ["1 Main St", ""]),
        ("Marketing contact status", ["Marketing contact", "Non-marketing contact"]),
        ("Date subscribed", ["2024-01-02", ""]),
        ("Optin partenaires", ["N", "O"]),
        ("Opted-in IP", ["203.0.113.5", ""]),
        ("Marketing consent source", ["Shop", "Checkout"]),
        ("Active", ["yes", "yes"]),
        ("Deleted", ["", "no"]),
        ("Status", ["1", "1"]),
        ("Subscription", ["1", "1"]),
        ("Subscription", ["Pro", "Free", "cancelled"]),
        ("Newsletter version", ["1", "2", "2"]),
        ("Status", ["Y", "N"]),
        ("State", ["CA", "NY"]),
        ("Room", ["101", "102"]),
        ("Ticket", ["Question", "Complaint", "Question"]),
        ("Push status", ["subscribed", "unsubscribed"]),
        ("Opt-in Brief", ["ja", "nein"]),
        ("Direct mail opt-in", ["yes", "no"]),
        ("Last newsletter opened", ["2024-01-02", "Never", "2024-01-03"]),
        ("Last newsletter sent", ["2024-01-02", "Never", "2024-01-03"]),
        ("Letzter Newsletter", ["02.01.2024", "Nie", "03.01.2024"]),
        ("Email frequency", ["Weekly", "Monthly", "Weekly"]),
        ("Order frequency", ["Weekly", "Never", "Monthly"]),
        ("Call frequency", ["Weekly", "Never", "Monthly"]),
        ("Last order", ["Never", "2024-01-02", "2024-01-03"]),
        ("Newsletter topic", ["Wine", "keine Angabe", "Beer"]),
        ("Remarks", ["Was not unsubscribed", "Unsubscribed from SMS", "Asked about the newsletter", "cancelled"]),
    ],
)
def test_other_columns_say_nothing_of_it(header: str, cells: list[str]) -> None:
    assert out(header, *cells) == []


@pytest.mark.parametrize(
    ("header", "yes", "no"),
    [
        ("Would you like to receive our newsletter?", "Yes", "No"),  # Eventbrite
        ("Communications Opt-In", "true", "false"),
        ("Permission to email", "Yes", "No"),
        ("OK to email?", "yes", "no"),
        ("Would you like to hear about future events?", "Yes", "No"),
        ("Keep me informed", "yes", "no"),
        ("Ich möchte Angebote erhalten", "ja", "nein"),
        ("mail_ok", "1", "0"),
        ("Newsletter subscriber", "TRUE", "FALSE"),
        ("Marketing preference", "opt in", "opt out"),
        ("marketing_consent (metadata)", "true", "false"),  # Stripe
        ("Newsletter erhalten", "ja", "nein"),
        ("Accepte de recevoir la newsletter", "oui", "non"),
        ("Acepta recibir publicidad", "sí", "no"),
        ("Consenso al marketing", "sì", "no"),
        ("Aceita receber marketing", "sim", "não"),
        ("Nieuwsbrief ontvangen", "ja", "nee"),
        ("Zgoda na otrzymywanie newslettera", "tak", "nie"),
        ("Vill ha nyhetsbrev", "ja", "nej"),
        ("Ønsker nyhedsbrev", "ja", "nej"),
        ("Haluaa uutiskirjeen", "kyllä", "ei"),
        ("Souhlas se zasíláním", "ano", "ne"),
        ("Hírlevélre feliratkozott", "igen", "nem"),
        ("Acord marketing", "da", "nu"),
        ("Bülten aboneliği", "evet", "hayır"),
        ("Согласие на рассылку", "да", "нет"),
        ("Згода на розсилку", "так", "ні"),
        ("Λήψη ενημερωτικού δελτίου", "ναι", "όχι"),
        ("メールマガジン購読", "はい", "いいえ"),
        ("接收邮件", "是", "否"),
        ("마케팅 수신 동의", "예", "아니오"),
        ("Darf ich dir Infos zu weiteren Veranstaltungen schicken?", "Ja", "Nein"),  # pretix
        ("Darf der Veranstalter Sie über künftige Veranstaltungen informieren?", "Ja", "Nein"),  # Eventbrite
        ("Accord RGPD", "Oui", "Non"),
        ("DSGVO", "ja", "nein"),
        ("Consenso trattamento dati per marketing", "SI", "NO"),
        ("Möchtest du unseren Newsletter bekommen?", "Ja, gerne", "Nein, danke"),
        ("Would you like to receive updates?", "Yes please!", "No thanks"),
        ("Would you like to receive updates?", "yes", "No, thank you"),
        ("J'accepte de recevoir la lettre d'information", "Oui, j'accepte", "Non, je refuse"),
        ("¿Desea recibir nuestro boletín?", "Sí, quiero", "No, gracias"),
        ("Aceita receber comunicações", "Sim", "Não"),
        ("Vill ha utskick", "Ja", "Nej"),
        ("Permission", "Ja", "Nej"),
    ],
)
def test_a_question_in_words_that_nobody_listed(header: str, yes: str, no: str) -> None:
    assert out(header, yes, no, "", yes, no) == [1, 4]


@pytest.mark.parametrize(
    ("header", "yes", "no"),
    [
        ("Has unsubscribed from the newsletter", "Y", "N"),
        ("Do not send marketing emails", "Y", "N"),
        ("No bulk mail", "Y", "N"),
        ("Suppress email", "TRUE", "FALSE"),
        ("Marked email as spam", "true", "false"),  # Intercom
        ("Email last bounced", "2024-01-02", ""),
        ("Vom Newsletter abgemeldet am", "17.5.2024", ""),
        ("Keine Werbung per E-Mail", "ja", "nein"),
        ("S'est désabonné", "oui", "non"),
        ("Ne pas envoyer de newsletter", "oui", "non"),
        ("Se ha dado de baja", "sí", "no"),
        ("Si è disiscritto", "sì", "no"),
        ("Cancelou a subscrição", "sim", "não"),
        ("Heeft zich uitgeschreven", "ja", "nee"),
        ("Wypisał się", "tak", "nie"),
        ("Har avregistrerat sig", "ja", "nej"),
        ("Har afmeldt nyhedsbrev", "ja", "nej"),
        ("Peruuttanut uutiskirjeen", "kyllä", "ei"),
        ("Odhlásil se", "ano", "ne"),
        ("Leiratkozott a hírlevélről", "igen", "nem"),
        ("Abonelikten çıkmış", "evet", "hayır"),
        ("Отписался от рассылки", "да", "нет"),
        ("メール配信停止", "はい", "いいえ"),
        ("已退订邮件", "是", "否"),
        ("Canceló la suscripción a todos los correos", "Sí", "No"),  # HubSpot
        ("Kontaktsperre", "1", "0"),
        ("Rebotado", "Sí", "No"),
        ("E-mail küldés tiltása", "igen", "nem"),
        ("Plainte spam", "1", "0"),
        ("Czarna lista", "tak", "nie"),
        ("IsOptInPending", "true", "false"),  # Mailjet
        ("IsExcludedFromCampaigns", "true", "false"),
        ("Deaktiviert", "2024-06-01 10:00", "0"),  # CleverReach
    ],
)
def test_a_refusal_in_words_that_nobody_listed(header: str, yes: str, no: str) -> None:
    assert out(header, yes, no, "", yes, no) == [0, 3]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Email subscriber status", ["Subscribed", "Unsubscribed", "Never subscribed", "Pending"], [1, 2, 3]),  # Wix
        ("Person - Marketing status", ["Subscribed", "Unsubscribed", "No consent", "Archived"], [1, 2, 3]),  # Pipedrive
        ("Email permission status", ["Express", "Unsubscribed", "Awaiting Confirmation", "Implied"], [1, 2]),
        ("Do not allow Bulk Emails", ["Allow", "Do Not Allow"], [1]),  # Dynamics
        ("Send Marketing Materials", ["Send", "Do Not Send"], [1]),
        ("Email Suppressions", ["[]", '["UNSUBSCRIBE"]', ""], [1]),  # Klaviyo
        ("Date Unsubscribed", ["0000-00-00 00:00:00", "2024-02-02 03:04:05"], [1]),  # ActiveCampaign
    ],
)
def test_states_in_words_that_nobody_listed(header: str, cells: list[str], expected: list[int]) -> None:
    assert out(header, *cells) == expected


@pytest.mark.parametrize(
    ("header", "yes", "no"),
    [
        ("Not opted in", "yes", "no"),
        ("No opt-in", "yes", "no"),
        ("Kein Opt-in", "ja", "nein"),
        ("Non-subscriber", "yes", "no"),
        ("Not subscribed", "TRUE", "FALSE"),
        ("Consent not given", "yes", "no"),
        ("Consent refused", "yes", "no"),
        ("Email consent withdrawn", "yes", "no"),
        ("Opt-in revoked", "1", "0"),
        ("Newsletter stopped", "Y", "N"),
        ("Opt-out status", "Yes", "No"),
        ("Unsubscribed (yes/no)", "yes", "no"),
        ("No emails (Y/N)", "Y", "N"),
    ],
)
def test_a_permission_that_is_denied_is_none(header: str, yes: str, no: str) -> None:
    assert out(header, yes, no, "", yes, no) == [0, 3]


@pytest.mark.parametrize(
    ("header", "yes", "no"),
    [
        ("Newsletter (yes/no)", "yes", "no"),
        ("Newsletter yes/no", "yes", "no"),
        ("Newsletter (1 = yes, 0 = no)", "1", "0"),
        ("Opt-in (J/N)", "J", "N"),
        ("Newsletter: ja oder nein", "ja", "nein"),
        ("Newsletter oui/non", "oui", "non"),
        ("Подписка на рассылку (да/нет)", "да", "нет"),
    ],
)
def test_the_answers_that_a_header_offers_do_not_turn_it_round(header: str, yes: str, no: str) -> None:
    assert out(header, yes, no, "", yes, no) == [1, 4]


@pytest.mark.parametrize(
    ("header", "yes", "no", "expected"),
    [
        ("Do not email or call", "yes", "no", [0]),
        ("No calls or emails", "x", "", [0]),
        ("Opt out of email/SMS", "1", "0", [0]),
        ("Unsubscribed from all channels (email, SMS, push)", "yes", "no", [0]),
        ("Telefon- und E-Mail-Werbung erlaubt", "ja", "nein", [1]),
        ("Opt out of SMS", "1", "0", []),
    ],
)
def test_a_column_of_several_ways_to_write_speaks_of_mail_too(
    header: str, yes: str, no: str, expected: list[int]
) -> None:
    assert out(header, yes, no) == expected


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Subscription status", ["Yes", "No", ""], [1]),
        ("Email status", ["TRUE", "FALSE"], [1]),
        ("Newsletter status", ["1", "0"], [1]),
        ("Member status", ["yes", "no"], []),
        ("Status", ["yes", "no"], []),
        ("Status", ["Active", "Unsubscribed 2021-03-04", "Unsubscribed (spam)"], [1, 2]),
        ("Tags", ["vip; unsubscribed 2021", "vip 2021"], [0]),
        ("Marketing emails", ["yes", "no"], [1]),
        ("Werbung", ["ja", "nein"], [1]),
        ("Marketing email", ["a@example.com", "b@example.com"], []),
        # As spreadsheets and pandas write a column of numbers that has gaps.
        ("Do not email", ["1.0", "0.0", "nan", ""], [0]),
        ("Would you like to receive our newsletter?", ["1.0", "0.0", "1,0"], [1]),
    ],
)
def test_yes_and_no_in_their_other_shapes(header: str, cells: list[str], expected: list[int]) -> None:
    assert out(header, *cells) == expected


def test_a_state_in_the_file_of_a_mailing_tool_is_that_of_a_subscription(keeper: OptOutKeeper) -> None:
    # Beehiiv.
    report = load(
        "Email,Status,Created At,UTM Source,Referral Code\na@example.com,active,,web,\nb@example.com,inactive,,,\n"
        "c@example.com,validating,,,\nd@example.com,paused for now,,,\n"
    )
    assert keeper.emails() == {"b@example.com", "c@example.com", "d@example.com"}
    assert (report.questions, report.doubtful) == ([], 1)


def test_states_that_may_be_those_of_anything_are_asked_about_and_count_until_then(keeper: OptOutKeeper) -> None:
    content = "Email,Status\na@example.com,active\nb@example.com,inactive\n"
    report = load(content, dry_run=True)
    assert [(question.about, question.column, question.example) for question in report.questions] == [
        ("consent", "Status", "inactive")
    ]
    assert any("Status=mailing-state" in line for line in report_lines(report))
    load(content)
    assert keeper.emails() == {"b@example.com"}
    keeper.rows.clear()
    for answer, expected in (("unused", set()), ("job_title", set()), ("mailing-state", {"b@example.com"})):
        answered = load(content, columns={"Status": answer})
        assert (answered.questions, keeper.emails()) == ([], expected)


@pytest.mark.parametrize(
    ("header", "cells", "expected", "example"),
    [
        ("Status", ["S", "U", "C"], [1, 2], "c"),
        ("Status", ["A", "I", "A"], [1], "i"),
        ("Status", ["1", "0"], [1], "0"),
        ("Status", ["1", "2", "3", "0"], [1, 2, 3], "0"),  # ActiveCampaign
        ("Status", ["1", "-1", "1"], [1], "-1"),  # AcyMailing
        ("Subscription", ["0", "1", "2"], [0, 2], "0"),
        ("Newsletter gewünscht", ["2", "2", "2", "1"], [0, 1, 2], "2"),
        ("Subscription status", ["U", "S"], [0], "u"),
        ("EMAIL_PERMISSION_STATUS_", ["I", "O", "I"], [1], "i"),  # Responsys
        ("Kundensperre", ["N", "J"], [1], "j"),
        ("Is deceased", ["No", "Yes"], [1], "yes"),
        ("Status", ["active", "abgelehnt"], [1], "abgelehnt"),
        # "Abgemeldet" and "eingetragen".
        ("Status", ["A", "E"], [0, 1], "e"),
        ("Status", ["U", "U"], [0, 1], "u"),
        ("Aktiv", ["1", "0"], [1], "0"),
        ("Active", ["yes", "no"], [1], "no"),
        ("Deleted at", ["", "2024-05-01"], [1], "2024-05-01"),
        # Words that nobody has listed, under a name that speaks of having opted out.
        ("Do not e-mail group", ["foo", "bar", "foo"], [0, 1, 2], "bar"),
    ],
)
def test_codes_and_words_that_may_say_it_are_asked_about_and_count_until_then(
    header: str, cells: list[str], expected: list[int], example: str
) -> None:
    assert out(header, *cells) == expected
    rows = "".join(f"p{number}@example.com\t{cell}\n" for number, cell in enumerate(cells))
    report = load(f"E-mail\t{header}\n{rows}", delimiter="\t", dry_run=True)
    assert [(question.about, question.example) for question in report.questions] == [("consent", example)] * bool(
        example
    )
    assert out(header, *cells, columns={header: "unused"}) == []


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        # One column an answer, with a mark or the answer itself, as surveys give it out.
        ("Newsletter - No", ["x", "", "x"], [0, 2]),
        ("Newsletter - Yes", ["", "x", ""], []),
        ("Newsletter: Nein", ["x", ""], [0]),
        ("Newsletter [Nein]", ["Nein", ""], [0]),
        ("Newsletter (No)", ["1", "0"], [0]),
        ("Newsletter - No", ["No", ""], [0]),
        ("Newsletter [No]", ["Yes", "No"], [0]),
        ("Newsletter - Nein, danke", ["x", ""], [0]),
        ("Newsletter: nej tack!", ["nej tack", ""], [0]),
        ("Möchten Sie unseren Newsletter? [Nein, danke]", ["Nein, danke", ""], [0]),
        ("Möchten Sie unseren Newsletter? - Nein", ["X", ""], [0]),
        ("Infolettre / Non", ["oui", ""], [0]),
        ("Nieuwsbrief: nee", ["x", ""], [0]),
        ("Unsubscribe me - No", ["x", ""], []),
        ("Newsletter no.", ["4711", "4712"], []),
        ("Contact - No", ["x", ""], []),
        ("Active - No", ["x", ""], []),
        # Whatever most of the others answer.
        ("Möchten Sie den Newsletter erhalten?", ["vielleicht", "weiß nicht", "später", "nein"], [3]),
        ("Would you like to receive our newsletter?", ["perhaps", "later", "perhaps", "no"], [3]),
        ("Would you like to receive our newsletter?", ["❌", "❌", "✅"], [0, 1]),
        ("Vom Newsletter abgemeldet?", ["❌", "✔️"], [1]),
        ("Vom Newsletter abgemeldet?", ["✗", ""], [0]),
        # Databases write -1 for yes, and tools for having left.
        ("Subscribed", ["-1", "0"], [1]),
        ("Subscribed", ["1", "-1", "0"], [1, 2]),
        ("Subscription status", ["1", "-1", "1"], [1]),
    ],
)
def test_answers_of_surveys_and_databases(header: str, cells: list[str], expected: list[int]) -> None:
    assert out(header, *cells) == expected


@pytest.mark.parametrize("above", [0, 200])
def test_it_does_not_matter_how_many_other_things_stand_above_what_says_it(above: int, keeper: OptOutKeeper) -> None:
    others = "".join(f"p{number}@example.com,said {number}\n" for number in range(200))
    lines = others.splitlines(keepends=True)
    lines.insert(above, "z@example.com,Unsubscribed\n")
    load(f"E-mail,Last said\n{''.join(lines)}")
    assert keeper.emails() == {"z@example.com"}


def test_what_an_answer_makes_of_codes() -> None:
    assert out("Status", "S", "U", "C", columns={"Status": "mailing-state"}) == [1, 2]
    assert out("Active", "yes", "no", columns={"Active": "opted-in"}) == [1]


def test_a_state_of_anything_in_the_file_of_a_mailing_tool_is_that_of_a_subscription(keeper: OptOutKeeper) -> None:
    # Ghost, CleverReach.
    report = load(
        "email,subscribed_to_emails,deleted_at,active\na@example.com,true,,1\nb@example.com,true,2024-06-01,1\n"
        "c@example.com,true,,0\n"
    )
    assert (keeper.emails(), report.questions) == ({"b@example.com", "c@example.com"}, [])


def test_cells_say_it_where_no_name_does(keeper: OptOutKeeper) -> None:
    # A list of an outbox without names of columns, and Klaviyo's suppressed profiles.
    load("a@example.com,2024-05-01,hard bounce\nb@example.com,2024-05-01,complaint\nc@example.com,2024-05-02,ok\n")
    load("Email,Reason\nd@example.com,HARD_BOUNCE\ne@example.com,USER_SUPPRESSED\nf@example.com,UNSUBSCRIBE\n")
    load("Email,Last event\ng@example.com,Opened\nh@example.com,Clicked\ni@example.com,Unsubscribed\n")
    assert {email[0] for email in keeper.emails()} == {"a", "b", "d", "e", "f", "i"}


def test_a_column_called_after_the_address_may_ask_whether_to_write_to_it(keeper: OptOutKeeper) -> None:
    # Mailchimp's marketing permissions.
    report = load("Email Address,Email,Direct Mail\na@example.com,TRUE,FALSE\nb@example.com,FALSE,TRUE\n")
    assert (keeper.emails(), report.problems) == ({"b@example.com"}, [])


@pytest.mark.parametrize(
    "remark",
    [
        *("UNSUBSCRIBED 12/5/24", "please do not email any more", "asked to be removed from the mailing list"),
        *("hat sich abgemeldet", "möchte keine Newsletter mehr", "Bitte nicht mehr anschreiben", "ne plus contacter"),
        "Called in May\nunsubscribed",
    ],
)
def test_a_remark_says_it(remark: str, keeper: OptOutKeeper) -> None:
    report = load(f'Email,Remarks\na@example.com,"{remark}"\nb@example.com,VIP\n')
    assert (keeper.emails(), report.consent_columns) == ({"a@example.com"}, ["Remarks"])
    assert Contact.objects.get(emails__email="a@example.com").notes == remark


def test_a_state_beside_what_somebody_paid_is_that_of_an_order_or_a_plan(keeper: OptOutKeeper) -> None:
    report = load("Email,Status,Order Total\na@example.com,pending,1\nb@example.com,cancelled,2\n")
    assert (report.questions, keeper.rows) == ([], [])


def test_a_state_that_a_field_is_there_for_is_asked_about_by_nobody(keeper: OptOutKeeper) -> None:
    assert load("Email,Status\na@example.com,active\nb@example.com,inactive\n", entity="crm.lead").questions == []
    assert keeper.rows == []


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2024-05-17 10:30:00 UTC", 10),
        ("2024-05-17 10:30:00 +0200", 8),
        ("2024-05-17T10:30:00.123+02:00", 8),
        ("05/17/2024 10:30 PM +0000", 22),
        ("17.05.2024 10.30", 10),
        ("17. 5. 2024 10:30", 10),
        ("2024. 05. 17. 10:30", 10),
        ("May 17, 2024 10:30 AM", 10),
        ("Fri, 17 May 2024 10:30:00 +0000", 10),
        ("2024年5月17日 10:30", 10),
    ],
)
def test_the_moment_is_known_in_the_customs_of_programs_and_countries(
    written: str, hour: int, keeper: OptOutKeeper
) -> None:
    load(f'email,Unsubscribed at\na@example.com,"{written}"\n')
    (row,) = keeper.rows
    assert row.happened_at is not None
    assert (row.happened_at.date(), row.happened_at.hour) == (datetime.date(2024, 5, 17), hour)


@pytest.mark.parametrize("header", ["(" * 99_000, "newsletter (yes " * 6_000, "o " * 49_000])
def test_a_name_without_end_is_looked_through_in_no_time(header: str) -> None:
    begin = time.monotonic()
    consent_kind(header)
    assert time.monotonic() - begin < 10


def test_what_is_not_clear_counts_as_opted_out_and_is_told(keeper: OptOutKeeper) -> None:
    report = load("email,Email Opt Out\na@example.com,perhaps\nb@example.com,no\n")
    assert (report.opted_out, report.doubtful, counts(report)) == (1, 1, (2, 0, 0, 0))
    (row,) = keeper.rows
    assert (row.email, row.value, row.is_doubtful, row.line) == ("a@example.com", "perhaps", True, 2)
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.value, problem.taken) == (2, "Email Opt Out", "perhaps", True)
    assert "counts as opted out" in problem.why


def test_when_it_happened_is_known_where_the_cell_is_a_moment(keeper: OptOutKeeper) -> None:
    load(
        "email,Unsubscribed at\na@example.com,05/17/2024 10:30 PM\nb@example.com,05/04/2024\nc@example.com,yes\n"
        "d@example.com,2024-05-17T10:00:00Z\n"
    )
    utc = datetime.UTC
    assert [row.happened_at for row in keeper.rows] == [
        datetime.datetime(2024, 5, 17, 22, 30, tzinfo=utc),
        # All that is known is the day: whatever was said on it before its end does not count against it.
        datetime.datetime(2024, 5, 4, 23, 59, 59, 999_999, tzinfo=utc),
        None,
        datetime.datetime(2024, 5, 17, 10, tzinfo=utc),
    ]


@pytest.mark.parametrize(
    ("cell", "happened"),
    [
        ("2024-01-02 24:00:00", datetime.datetime(2024, 1, 2, 23, 59, 59, 999_999, tzinfo=datetime.UTC)),
        ("2024-01-02 10:61", datetime.datetime(2024, 1, 2, 23, 59, 59, 999_999, tzinfo=datetime.UTC)),
        ("2024-01-02T10:00:00-99:00", datetime.datetime(2024, 1, 2, 23, 59, 59, 999_999, tzinfo=datetime.UTC)),
        ("0001-01-01T00:00:00+14:00", datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)),
        ("9999-12-31T23:59:59-12:00", None),
        ("2999-01-01", None),
    ],
)
def test_a_moment_that_there_is_none_of_costs_no_opt_out(
    cell: str, happened: datetime.datetime | None, keeper: OptOutKeeper
) -> None:
    """Nor does one that is still to come make it a word that no later one can take back."""
    assert load(f"email,Unsubscribed at\na@example.com,{cell}\n").opted_out == 1
    assert [row.happened_at for row in keeper.rows] == [happened]


def test_every_address_and_row_of_the_person_is_handed_on(keeper: OptOutKeeper) -> None:
    load(
        "email,email 2,first name,opt out\na@example.com,,Ann,no\nA@example.com,further@example.com,Bob,yes\n"
        "a@example.com,,Cem,\n"
    )
    ann = Contact.objects.get()
    assert {(row.email, row.record_id, row.line) for row in keeper.rows} == {
        ("A@example.com", ann.pk, 3),
        ("further@example.com", ann.pk, 3),
    }
    assert keeper.sources == [("crm.contact", "people.csv")]


def test_what_is_chosen_for_one_column_is_not_taken_for_another_with_nearly_its_name(keeper: OptOutKeeper) -> None:
    load(
        "email,E-mail,Opt-out,Opt out\na@example.com,x@example.com,yes,no\nb@example.com,y@example.com,no,yes\n",
        columns={"email": "email", "E-mail": "unused", "Opt-out": "opted-out", "Opt out": "unused"},
    )
    assert keeper.emails() == {"a@example.com"}


def test_a_file_never_raises_consent(keeper: OptOutKeeper) -> None:
    report = load("email,subscribed,Email opt in\na@example.com,yes,2024-05-17\n")
    assert (report.opted_out, keeper.rows) == (0, [])


def test_a_file_with_opt_outs_is_refused_where_nobody_keeps_them() -> None:
    file = "email,opt out\na@example.com,yes\n"
    stop_receiving(keep_opt_outs)
    try:
        with pytest.raises(FileRefused, match=r"1 people .* not to be written to, and nothing here keeps that"):
            load(file)
        assert not Contact.objects.exists()
        assert load(file, dry_run=True).opted_out == 1
        assert load(file, columns={"opt out": "unused"}).opted_out == 0
    finally:
        receive_opt_outs(keep_opt_outs)


def test_what_a_keeper_raises_ends_the_load() -> None:
    def refuse(cursor: Any, opt_outs: OptOuts) -> None:
        cursor.execute(f"SELECT count(*) FROM {opt_outs.stage_table}")
        raise RuntimeError(cursor.fetchone()[0])

    receive_opt_outs(refuse)
    try:
        with pytest.raises(RuntimeError, match="1"):
            load("email,opt out\na@example.com,yes\n")
    finally:
        stop_receiving(refuse)
    assert not Contact.objects.exists()


def test_a_frequency_of_nobody_knows_what_is_asked_about() -> None:
    report = load("E-mail,Frequency\na@example.com,Weekly\nb@example.com,Never\n", dry_run=True)
    assert [(each.about, each.column, each.example) for each in report.questions] == [("consent", "Frequency", "never")]
    assert report.opted_out == 1
    assert load("E-mail,Frequency\na@example.com,Weekly\n", dry_run=True).questions == []


def test_who_was_never_activated_in_a_mailing_tool_is_not_written_to(keeper: OptOutKeeper) -> None:
    # CleverReach.
    load(
        "email;activated;registered;deactivated;bounced\na@example.com;1;02.01.2024;0;0\n"
        "b@example.com;0;02.01.2024;0;0\nc@example.com;02.01.2024 10:00;02.01.2024;0;0\n"
    )
    assert keeper.emails() == {"b@example.com"}


def test_a_field_of_ones_own_in_googles_contacts_says_it(keeper: OptOutKeeper) -> None:
    report = load(
        "First Name,E-mail 1 - Label,E-mail 1 - Value,Custom Field 1 - Label,Custom Field 1 - Value,"
        "Custom Field 2 - Label,Custom Field 2 - Value\n"
        "Ann,* Home,a@example.com,Newsletter,no,,\nBob,,b@example.com,Newsletter,yes,,\n"
        "Cat,,c@example.com,Shoe size,no,Unsubscribed,2024-01-02\nDan,,d@example.com,Status,inactive,Hat,no\n"
        "Eve,,e@example.com,Email frequency,Never,,\nFay,,f@example.com,Unsubscribed,no,,\n"
    )
    assert keeper.emails() == {"a@example.com", "c@example.com", "e@example.com"}
    assert report.consent_columns == ["Custom Field 1 - Value", "Custom Field 2 - Value"]


@pytest.mark.parametrize(
    "remark",
    [
        "will keine Mails mehr",
        "bitte aus Verteiler nehmen",
        "aus dem Newsletter-Verteiler gestrichen",
        "Newsletter: nein",
        "no emails please",
        "asked not to be emailed",
        "does not want to receive newsletters",
        "ne souhaite plus recevoir la newsletter",
        "no desea recibir más correos",
        "hat Newsletter abbestellt am 3.4.24",
        "take me off your mailing list",
        "a demandé à être retiré de la liste",
        "pidió la baja",
        "se dio de baja el 3/4",
        "wil geen mail meer ontvangen",
        "niet meer mailen",
        "non inviare email",
        "nie wysyłać maili",
        "nezasílat newsletter",
        "ikke send nyhedsbreve",
        "не присылать рассылку",
        "verstorben",
    ],
)
def test_a_remark_that_says_it_and_nothing_else(remark: str) -> None:
    assert out("Notes", remark, "asked for emails about wine", "will mehr Newsletter", "Newsletter: ja") == [0]


def test_a_tag_of_having_left_the_newsletter() -> None:
    assert out("Tags", "customer,newsletter-abmeldung", "customer,newsletter", "newsletter-anmeldung") == [0]


@pytest.mark.parametrize(
    "header",
    [
        *("E-Mail unerwünscht", "Newsletter-Stopp", "Don't send newsletters", "Removed from mailing list"),
        *("Left the mailing list", "Quit newsletter", "Baja newsletter", "Fecha baja newsletter", "Recusou newsletter"),
        *("Brak zgody na mailing", "Nej tak til nyhedsbrev", "Nechce newsletter", "Spärr e-post", "email1_is_bad"),
        *("Opposé à la prospection", "Geen reclame", "Kieltänyt markkinoinnin", "Ne želi e-poštu", "Чёрный список"),
        *("Не звонить и не писать", "E-posta istemiyor", "Exclu des campagnes", "Nomail", "Unsuscribed?"),
    ],
)
def test_a_refusal_that_names_what_is_refused_is_no_permission(header: str) -> None:
    yes, no = ("evet", "hayır") if "istemiyor" in header else ("yes", "no")
    assert out(header, yes, no, "", yes, no) == [0, 3]


@pytest.mark.parametrize(
    "header",
    [
        *("Må kontaktes på mail", "Får kontaktas på mail", "Info-Mail", "Rundbrief", "Einverständnis E-Mail"),
        *(
            "Offres par email",
            "Comunicaciones comerciales",
            "Sign me up for updates",
            "CONTACTABLE_EMAIL",
            "E-posta izni",
        ),
        *("Godkänner utskick", "Chce novinky", "Can we keep you posted?", "Infolettre / Newsletter"),
    ],
)
def test_a_permission_that_nobody_listed(header: str) -> None:
    assert out(header, "yes", "no", "", "yes", "no") == [1, 4]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Left voicemail", ["yes", "no"]),
        ("Envío en país", ["no", "yes"]),
        ("Nachricht nicht gelesen", ["yes", "no"]),
        (
            "Consent text",
            ["Yes, write to me. I can unsubscribe at any time", "Yes, write to me. I can opt out at any time"],
        ),
        ("OPTIN_TIME", ["", "2024-01-02 10:11:12"]),
        ("CONFIRM_TIME", ["", "2024-01-02 10:11:12"]),
        ("OPTIN_IP", ["", "203.0.113.5"]),
        ("Einwilligungstext", ["Ich willige ein, das kann ich jederzeit widerrufen", "Ich willige ein"]),
        ("Opt-out probability", ["0.12", "0.85"]),
        ("Unsubscribe rate", ["0%", "1.5%"]),
        ("Consent URL", ["https://example.com/unsubscribe", ""]),
        ("First name", ["Bo (Berlin)", "Ann-Lee", "Don", "Noor"]),
    ],
)
def test_what_only_looks_like_a_refusal_is_none(header: str, cells: list[str]) -> None:
    assert out(header, *cells) == []


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        # Letters as a Mac, a program in Japan and a file that was read twice write them, and marks that nobody sees.
        ("Suscrito", ["si\u0301", "na\u0303o"], [1]),
        ("ｕｎｓｕｂｓｃｒｉｂｅｄ", ["ｎｏ", "ｙｅｓ"], [1]),
        ("DÃ©sabonnÃ©", ["non", "oui"], [1]),
        ("Statut", ["abonnÃ©", "dÃ©sabonnÃ©"], [1]),
        ("Un\u00adsubscribed", ["n\u200bo", "y\u200bes"], [1]),
        # Bits, objects and two languages.
        ("optin", ["b'1'", "b'0'", "\\x00"], [1, 2]),
        ("consents", ['{"marketing": true}', '{"marketing": false}'], [1]),
        ("Infolettre", ["Oui / Yes", "Non / No"], [1]),
        ("Désabonné/Uitgeschreven", ["Non/Nee", "Oui/Ja"], [1]),
        ("Newsletter", ["Y.", "N.", "never!", "Nope"], [1, 2, 3]),
        # The answer itself, in a column that stands for it.
        ("How may we write? - Please do not contact me", ["", "Please do not contact me"], [1]),
        ("Email opt out corporate", ["yes", "no"], [0]),
        ("수신거부", ["거부", ""], [0]),
        ("Last said", ["Unsubscribed via https://example.com/u", "https://example.com/unsubscribe"], [0]),
        ("Legal basis", ["Consent", "Withdrawn consent", "Legitimate interest"], [1]),
        ("Preferred channel", ["Email", "None", "SMS"], [1]),
        ("Type", ["regular", "unsubscribed", "undeliverable"], [1, 2]),
        ("Contact me by", ["Email", "None - please don't contact me", "Phone"], [1]),
        # Behind a name.
        ("First name", ["Ann", "Bo (unsubscribed)", "Cy - DO NOT EMAIL", "Di [opted out]", "Ed (Ted)"], [1, 2, 3]),
        ("Company", ["Acme (UK) Ltd", "Beta GmbH - bitte keine Werbung", "No Limits (Pty)"], [1]),
    ],
)
def test_refusals_in_other_letters_and_places(header: str, cells: list[str], expected: list[int]) -> None:
    assert out(header, *cells) == expected


@pytest.mark.parametrize("cell", ["a" * 100_000, " " * 99_000 + "-x", "(" * 99_000, "no " * 30_000, '{"a":' * 9_000])
@pytest.mark.parametrize("header", ["First name", "Notes", "Anything"])
def test_a_cell_without_end_says_nothing(header: str, cell: str) -> None:
    # Read with patterns that go back over it, it would take hours.
    assert out(header, cell, "x") == []


def test_a_card_says_it_behind_a_name_and_in_a_property_of_its_own(keeper: OptOutKeeper) -> None:
    own = {"a": "FN:Ann", "b": "FN:Bob (unsubscribed)", "c": "FN:Cem\nX-OPTOUT:1", "d": "FN:Dan (VIP)\nX-OPT-OUT:0"}
    own |= {"e": "FN:Eve\nX-NEWSLETTER:no", "f": "FN:Fay\nX-PHONETIC-FIRST-NAME:No\nX-SOCIALPROFILE:no"}
    load(
        "".join(
            f"BEGIN:VCARD\nVERSION:3.0\n{said}\nEMAIL:{name}@example.com\nEND:VCARD\n" for name, said in own.items()
        )
    )
    assert {email[0] for email in keeper.emails()} == {"b", "c", "e"}
