"""Who is not to be written to, as files of other products and languages say it. Consent only falls."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dotbridge.consent.files import keep_opt_outs
from dotbridge.crm.models import Contact
from dotbridge.files.errors import FileRefused
from dotbridge.files.opt_outs import OptOuts, receive_opt_outs, stop_receiving
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
        ("Group Membership", ["* myContacts ::: Unsubscribed", "* myContacts"], [0]),  # Google
        ("Categories", ["Customer;No newsletter", "Customer"], [0]),  # Outlook
        ("E-Mail-Status", ["aktiv", "abgemeldet"], [1]),
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
        ("Labels", ["* myContacts", "Family"]),
        ("Unsubscribe link", ["https://example.com/u?1", "https://example.com/u?2"]),
        ("SMS opt in", ["no", "yes"]),
        ("OPTIN_TIME", ["2024-01-02", ""]),
        ("Do not call", ["yes", "no"]),
        ("Notes", ["unsubscribed from the wine club", ""]),
    ],
)
def test_other_columns_say_nothing_of_it(header: str, cells: list[str]) -> None:
    assert out(header, *cells) == []


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
        datetime.datetime(2024, 5, 4, tzinfo=utc),
        None,
        datetime.datetime(2024, 5, 17, 10, tzinfo=utc),
    ]


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
