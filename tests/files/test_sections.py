"""People below "Unsubscribed": a line, a title, a sheet or a file says it once for all of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from dotbridge.files.consent_cells import Says
from dotbridge.files.report_lines import report_lines
from dotbridge.files.said_of_all import said_of_all
from dotbridge.files.services import load_file
from dotbridge.files.waiting import keep_file
from tests.files.conftest import OptOutKeeper, counts, load

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        *("Unsubscribed", "Unsubscribed:", "--- UNSUBSCRIBED ---", "Unsubscribed contacts (12)", "Unsubscribes"),
        *("unsubscribed_members_export_6d3f2a", "Opted out", "Opt-outs", "Do not email", "Cleaned", "Hard bounced"),
        *("Abgemeldet", "Abgemeldete Kontakte", "Désabonnés", "Dado de baja", "Disiscritti", "Uitgeschreven"),
        *(
            "Wypisani",
            "Отписан",
            "配信停止",
            "退订",
            "suppression_list",
            "suppressed profiles",
            "Sperrliste",
            "liste_noire",
        ),
        *(
            "Robinsonliste 2024",
            "hardbounces_2024",
            "bajas",
            "suppression_unsubscribes",
            "Désinscriptions",
            "block-list",
        ),
        *("Sperre", "Widerrufe 2024", "Newsletter-Abmeldungen", "Hard bounces May", "Stop-Liste", "Verstorben"),
        *("mailchimp_unsubscribed", "Отписавшиеся", "Черный список", "수신거부 목록", "DNC list", "Dados de baja"),
    ],
)
def test_what_says_that_all_have_opted_out(text: str) -> None:
    assert said_of_all(text) is Says.OPTED_OUT


@pytest.mark.parametrize("text", ["Subscribed", "Subscribers:", "Active contacts", "Abonniert", "Abonnés", "Opted in"])
def test_what_says_that_all_may_be_written_to(text: str) -> None:
    assert said_of_all(text) is Says.NOTHING


@pytest.mark.parametrize(
    "text",
    [
        *("", "42", "Contacts", "people", "Kunden 2024", "Including unsubscribed", "not unsubscribed", "Ada Byron"),
        *("Newsletter May", "Kunden Sperrzone", "STOP shop customers", "Unsubmitted forms", "Baja California"),
        *("bounce house customers", "no bounces", "Abmeldungen Webinar", "blacklist not included"),
        *("Subscribed and unsubscribed contacts", "All contacts without those who unsubscribed", "Newsletter", "Bob"),
    ],
)
def test_what_says_more_or_something_else(text: str) -> None:
    assert said_of_all(text) is None


def test_a_word_of_any_state_says_it_only_among_sections() -> None:
    assert said_of_all("Inactive") is Says.DOUBTFUL
    assert said_of_all("Deleted customers") is Says.DOUBTFUL


@pytest.mark.parametrize(
    ("content", "out", "sections"),
    [
        ("Email,Name\nada@example.com,Ada\nUnsubscribed\nbob@example.com,Bob\n", {"bob"}, ["Unsubscribed"]),
        ("Email,Name\nada@example.com,Ada\n-- Unsubscribed (1) --,\nbob@example.com,Bob\n", {"bob"}, None),
        ("Email,Name\nada@example.com,Ada\n,Unsubscribed\nbob@example.com,Bob\n", {"bob"}, None),
        ("Email,Name\nada@example.com,Ada\nUnsubscribed contacts,1\nbob@example.com,Bob\n", {"bob"}, None),
        ("ada@example.com\n\nUnsubscribed:\nbob@example.com\ncy@example.com\n", {"bob", "cy"}, ["Unsubscribed:"]),
        (
            "Email,Name\nUnsubscribed\nada@example.com,Ada\nCleaned\nbob@example.com,Bob\nSubscribed\ncy@example.com,Cy\n",
            {"ada", "bob"},
            ["Unsubscribed", "Cleaned"],
        ),
        # A title, and the names of the columns once more.
        (
            "Subscribed\nEmail,Name\nada@example.com,Ada\n\nInactive\nEmail,Name\nbob@example.com,Bob\n",
            {"bob"},
            ["Inactive"],
        ),
        ("Unsubscribed contacts\nEmail,Name\nada@example.com,Ada\n", {"ada"}, ["Unsubscribed contacts"]),
        ("List of people who opted out of email\nEmail,Name\nada@example.com,Ada\n", {"ada"}, None),
        ("Unsubscribed contacts,,12\nEmail,Name,City\nada@example.com,Ada,York\n", {"ada"}, None),
        ("Opt-out list as of 2024-05-17 (confidential)\nEmail,Name\nada@example.com,Ada\n", {"ada"}, None),
        ("Kontakte ohne Werbeeinwilligung\nE-Mail;Name\nada@example.com;Ada\n", {"ada"}, None),
        ("Kontakte ohne Abmeldungen\nE-Mail;Name\nada@example.com;Ada\n", set(), []),
        ("These people have NOT unsubscribed\nEmail,Name\nada@example.com,Ada\n", set(), []),
        ("Name,Email\nAda,ada@example.com\n** DO NOT EMAIL **,\nBob,bob@example.com\n", {"bob"}, None),
        # Other sections, a word of any state, and a person's own state where the address is missing.
        ("Email,Name\nada@example.com,Ada\nInactive\nbob@example.com,Bob\n", set(), []),
        ("Email,Status\nada@example.com,Subscribed\n,Unsubscribed\nbob@example.com,Subscribed\n", set(), []),
        ("Email,Name\nUnsubscribed,Ada\nbob@example.com,Bob\n", set(), []),
    ],
)
def test_sections_of_a_table(content: str, out: set[str], sections: list[str] | None, keeper: OptOutKeeper) -> None:
    report = load(content)
    counts(report)
    assert {email.partition("@")[0] for email in keeper.emails()} == out
    assert report.opted_out == len(out)
    assert sections is None or report.sections == sections
    if out:
        assert any("opted out" in line.why for line in report.skipped_lines)
        assert not report.refused


def test_who_has_opted_out_above_stays_so_below(keeper: OptOutKeeper) -> None:
    load("Email\nUnsubscribed\nada@example.com\nSubscribed\nADA@example.com\n")
    assert keeper.emails() == {"ada@example.com"}
    assert [(row.column, row.line) for row in keeper.rows] == [("Unsubscribed", 3)]


def test_the_name_of_a_sheet_says_it(keeper: OptOutKeeper) -> None:
    book, content = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Unsubscribed"
    for row in (["Email", "First name"], ["ada@example.com", "Ada"]):
        sheet.append(row)
    book.save(content)
    report = load(content.getvalue())
    assert (keeper.emails(), report.sections) == ({"ada@example.com"}, ["Unsubscribed"])


@pytest.mark.parametrize("name", ["unsubscribed_members_export.csv", "export.zip", "Abmeldungen 2024-05.csv"])
def test_the_name_of_a_file_says_it(name: str, keeper: OptOutKeeper) -> None:
    content = b"Email\nada@example.com\n"
    if name.endswith(".zip"):
        packed = io.BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr("unsubscribed.csv", content)
        content = packed.getvalue()
    report = load_file(file=io.BytesIO(content), name=name, entity="crm.contact")
    assert keeper.emails() == {"ada@example.com"}
    assert report.opted_out == len(report.sections) == 1


def test_a_name_says_nothing_where_a_column_does(keeper: OptOutKeeper) -> None:
    content = io.BytesIO(b"Email,Opted out\nada@example.com,no\nbob@example.com,yes\n")
    report = load_file(file=content, name="opt-outs.csv", entity="crm.contact")
    assert (keeper.emails(), report.sections) == ({"bob@example.com"}, [])


def test_a_name_counts_where_columns_say_of_nobody_that_they_may_be_written_to(keeper: OptOutKeeper) -> None:
    content = io.BytesIO(b"Email,Unsubscribed at\nada@example.com,2024-05-01\nbob@example.com,\n")
    load_file(file=content, name="unsubscribed.csv", entity="crm.contact")
    assert keeper.emails() == {"ada@example.com", "bob@example.com"}


def workbook(**sheets: list[list[str]]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(content)
    return content.getvalue()


PEOPLE = [["E-Mail", "Vorname"], ["ada@example.com", "Ada"], ["Bob@example.com", "Bob"], ["cy@münchen.example", "Cy"]]


@pytest.mark.parametrize(
    ("sheet", "out"),
    [
        ([["E-Mail"], ["BOB@example.com"], ["zoe@example.com"]], {"Bob@example.com"}),
        ([["bob@example.com", "2024-05-01"], ["cy@xn--mnchen-3ya.example", ""]], None),
        ([["E-Mail", "Grund", "Betreuung"], ["bob@example.com", "zu viel", "ada@example.com"]], {"Bob@example.com"}),
        # A column there says of whom it is so.
        ([["E-Mail", "Abgemeldet"], ["ada@example.com", "nein"], ["bob@example.com", "ja"]], {"Bob@example.com"}),
        ([["Vorname"], ["Bob"]], set()),
        ([], set()),
    ],
)
def test_who_stands_in_another_sheet_of_those_who_left_has_left(
    sheet: list[list[str]], out: set[str] | None, keeper: OptOutKeeper
) -> None:
    content = workbook(Kontakte=PEOPLE, Abgemeldet=sheet)
    report = load(content)
    both_spellings = {"cy@münchen.example", "cy@xn--mnchen-3ya.example"}
    assert keeper.emails() == ({"Bob@example.com", *both_spellings} if out is None else out)
    assert counts(report) == (3, 0, 0, 0), "nobody is loaded from there"
    assert report.sections == (["Abgemeldet"] if keeper.rows else [])
    assert report.heeded_parts == (["Abgemeldet"] if sheet and sheet != [["Vorname"], ["Bob"]] else [])
    if keeper.rows:
        assert {row.column for row in keeper.rows} == {"Abgemeldet"}
        assert any("Whoever stands in “Abgemeldet” as well counts" in line for line in report_lines(report))


def test_a_column_of_another_sheet_says_who_has_left(keeper: OptOutKeeper) -> None:
    people = [["Email Address", "First Name"], ["a@example.com", "Ann"], ["b@example.com", "Bob"]]
    clean = [["Email Address", "CLEAN_TIME"], ["a@example.com", "2024-02-02 10:00:00"]]
    orders = [["E-mail", "State"], ["b@example.com", "inactive"], ["b@example.com", "active"]]
    report = load(workbook(SUB=people, CLEAN=clean, Parties=orders))
    assert keeper.emails() == {"a@example.com"}
    assert report.sections == ["CLEAN: CLEAN_TIME"]


def test_a_list_of_json_beside_the_one_that_is_read_says_who_has_left(keeper: OptOutKeeper) -> None:
    people = [{"email": "ada@example.com"}, {"email": "bob@example.com"}]
    for left in ([{"email": "bob@example.com"}], ["bob@example.com"], {"bob@example.com": {"since": "2024"}}):
        keeper.rows.clear()
        load(json.dumps({"contacts": people, "unsubscribed": left}))
        assert keeper.emails() == {"bob@example.com"}


def test_the_page_tells_of_the_other_sheet(client: Client, keeper: OptOutKeeper) -> None:
    client.force_login(User.objects.create_superuser("mona"))
    content = workbook(Kontakte=PEOPLE, Unsubscribed=[["E-Mail"], ["bob@example.com"]])
    kept = keep_file(file=io.BytesIO(content), name="people.xlsx", entity="crm.contact")
    page = client.get(reverse("dotbridge:file", args=[kept.pk]))
    assert dict(page.context["figures"])["Opted out"] == "1"
    assert "Whoever stands in “Unsubscribed” as well counts as opted out." in page.content.decode()


def test_the_command_tells_what_stands_above(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keeper: OptOutKeeper
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Email\nada@example.com\nUnsubscribed\nbob@example.com\n")
    call_command("load_file", "crm.contact", str(path), "--dry-run")
    told = capsys.readouterr().out
    assert "1 people are opted out by this file" in told
    assert "Opted out by what stands above them, or by the name: Unsubscribed" in told
    assert "line 3: 'Unsubscribed': It names people who opted out" in told


def test_the_page_tells_what_stands_above(client: Client, keeper: OptOutKeeper) -> None:
    client.force_login(User.objects.create_superuser("mona"))
    kept = keep_file(file=io.BytesIO(b"Email\nada@example.com\n"), name="unsubscribed.csv", entity="crm.contact")
    page = client.get(reverse("dotbridge:file", args=[kept.pk])).content.decode()
    assert "Opted out by what stands above them, or by the name: unsubscribed" in page
