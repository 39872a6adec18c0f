"""Loading real files into a real database: what is created, updated, left alone and refused, and how fast."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dotbridge.crm.contact_file import ContactFileError
from dotbridge.crm.loading import CHUNK, MOST_PROBLEMS, LoadReport, load_contacts
from dotbridge.crm.models import Account, Contact, ContactEmail

pytestmark = pytest.mark.django_db


def load(content: str | bytes, **options: Any) -> LoadReport:
    return load_contacts(io.BytesIO(content.encode() if isinstance(content, str) else content), **options)


def counts(report: LoadReport) -> tuple[int, int, int, int]:
    assert report.rows == report.created + report.updated + report.unchanged + report.refused
    return report.created, report.updated, report.unchanged, report.refused


def latin_1_file(rows: int) -> bytes:
    """A file as an office makes it: semicolons, Latin-1, Windows line ends, a few broken lines."""
    lines = [
        "Vorname;Name;E-Mail;Firma;Bemerkung",
        *(f'Jürgen;Größmann {n};leser.{n}@example.com;Bär & Söhne {n % 7};"a; b"' for n in range(rows)),
    ]
    lines[11] = "Käthe;Weiß;käthe@example.com"
    lines[21] = 'Änne;"Öztürk;offen@example.com;;'
    lines[31] = "Uwe;Müßig;keine Adresse;;"
    lines[41] = ""
    lines[51] = "Nils;Groß;;;ohne Adresse"
    return "\r\n".join(lines).encode("latin-1") + b"\r\n"


def test_a_file_from_an_office() -> None:
    report = load(latin_1_file(2_000))
    assert counts(report) == (1_995, 0, 0, 5)
    assert (report.encoding, report.delimiter, report.unused_columns) == ("cp1252", ";", [])
    assert report.columns == {
        "Vorname": "first_name",
        "Name": "last_name",
        "E-Mail": "email",
        "Firma": "account",
        "Bemerkung": "notes",
    }
    assert [(problem.row, problem.field) for problem in report.problems] == [
        (12, ""),
        (22, ""),
        (32, "E-Mail"),
        (42, ""),
        (52, "E-Mail"),
    ]
    assert all(problem.why and problem.mend and not problem.taken for problem in report.problems)
    last = Contact.objects.get(emails__email="leser.1999@example.com")
    assert (last.first_name, last.last_name, last.notes) == ("Jürgen", "Größmann 1999", "a; b")
    assert last.account is not None
    assert last.account.name == "Bär & Söhne 4"
    assert Account.objects.count() == 7
    assert ContactEmail.objects.filter(is_primary=True).count() == 1_995


def test_loading_again_changes_nothing() -> None:
    load(latin_1_file(200))
    before = list(Contact.objects.order_by("pk").values())
    assert counts(load(latin_1_file(200))) == (0, 0, 195, 5)
    assert list(Contact.objects.order_by("pk").values()) == before


def test_a_contact_is_found_by_its_primary_address_whatever_the_letter_case() -> None:
    known = Contact.objects.create(first_name="Ada", last_name="Old", phone="1", lead_score=7)
    ContactEmail.objects.create(contact=known, email=" ADA@Example.com ", is_primary=True)
    other = Contact.objects.create(first_name="Bob")
    ContactEmail.objects.create(contact=other, email="bob@example.com", is_primary=False)
    before = known.updated_at
    report = load("E-mail,Last name,Phone\nada@example.COM,New,\nbob@example.com,Second,\n")
    assert counts(report) == (1, 1, 0, 0)
    known.refresh_from_db()
    assert (known.first_name, known.last_name, known.phone, known.lead_score) == ("Ada", "New", "1", 7)
    assert known.updated_at > before
    assert known.emails.get().email == " ADA@Example.com "
    other.refresh_from_db()
    assert other.last_name == ""


def test_of_several_contacts_with_the_address_the_oldest_is_meant() -> None:
    first, second = (Contact.objects.create(first_name="Twin") for _ in range(2))
    for contact in (second, first):
        ContactEmail.objects.create(contact=contact, email="twin@example.com", is_primary=True)
    load("email,first name\nTWIN@example.com,Elder\n")
    assert list(Contact.objects.order_by("pk").values_list("first_name", flat=True)) == ["Elder", "Twin"]


def test_the_same_person_twice_in_a_file() -> None:
    rows = ["email,first name", "ada@example.com,Ada", "ADA@example.com,Adah", "ada@EXAMPLE.com,Adah"]
    assert counts(load("\n".join(rows))) == (1, 1, 1, 0)
    assert Contact.objects.get().first_name == "Adah"
    apart = [f"x{number}@example.com,X" for number in range(CHUNK)]
    assert counts(load("\n".join([rows[0], "new@example.com,A", *apart, "new@example.com,B"]))) == (CHUNK + 1, 1, 0, 0)
    assert Contact.objects.get(emails__email="new@example.com").first_name == "B"


def test_a_known_contact_twice_in_a_file() -> None:
    load("email,first name,company\nada@example.com,Ada,Acme\n")
    report = load("email,first name,company\nada@example.com,Adah,\nada@example.com,Adele,Other\n")
    assert counts(report) == (0, 2, 0, 0)
    ada = Contact.objects.get()
    assert (ada.first_name, str(ada.account)) == ("Adele", "Other")


def test_values_are_data_whatever_they_begin_with() -> None:
    load('email,first name,last name,notes\nf@example.com,=1+1,"@SUM(A1)","-2\n+3"\n')
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name, contact.notes) == ("=1+1", "@SUM(A1)", "-2\n+3")


def test_every_kind_of_value() -> None:
    load(
        "E-mail;Full name;Birthday;Lead score;VIP;Language;Job title;Phone\n"
        "a@example.com;Lovelace, Ada;10.12.1815;-3;ja;en;Countess;+44 1\n"
        "b@example.com;Bob Brightwater;1990-02-03T10:00;12.0;no;;;\n"
        "c@example.com;Cem;25/12/2000;;;;;\n"
        "d@example.com;;12/25/2000;;;;;\n"
    )
    rows = Contact.objects.order_by("pk").values_list("first_name", "last_name", "birthday", "lead_score", "is_vip")
    assert list(rows) == [
        ("Ada", "Lovelace", datetime.date(1815, 12, 10), -3, True),
        ("Bob", "Brightwater", datetime.date(1990, 2, 3), 12, False),
        ("", "Cem", datetime.date(2000, 12, 25), None, False),
        ("", "", datetime.date(2000, 12, 25), None, False),
    ]
    assert Contact.objects.order_by("pk").values_list("job_title", "phone", "language").first() == (
        "Countess",
        "+44 1",
        "en",
    )


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("Birthday", "soon", "This is no date"),
        ("Birthday", "30.2.1990", "There is no such day"),
        ("Birthday", "3/4/1990", "Day and month cannot be told apart"),
        ("Score", "many", "This is no whole number"),
        ("Score", "12345678901", "This is no whole number"),
        ("VIP", "perhaps", "This says neither yes nor no"),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_and_told(column: str, value: str, why: str) -> None:
    report = load(f"E-mail;{column}\na@example.com;{value}\n")
    assert counts(report) == (1, 0, 0, 0)
    (problem,) = report.problems
    assert (problem.row, problem.field, problem.value, problem.taken) == (2, column, value, True)
    assert problem.why.startswith(why)


@pytest.mark.parametrize(
    ("row", "field", "why"),
    [
        ("no address,Ada", "E-mail", "This is no e-mail address."),
        ("a@example.com b@example.com,Ada", "E-mail", "This is no e-mail address."),
        (",Ada", "E-mail", "There is no e-mail address."),
        ("a@example.com," + "x" * 501, "First name", "The text has 501 characters."),
        ("a@example.com,\0", "First name", "The text holds the character with the number 0."),
    ],
)
def test_a_row_that_cannot_be_taken_is_refused_alone(row: str, field: str, why: str) -> None:
    report = load(f"E-mail,First name\n{row}\nfine@example.com,Fine\n", encoding="utf-8")
    assert counts(report) == (1, 0, 0, 1)
    (problem,) = report.problems
    assert (problem.row, problem.field, problem.why, problem.taken) == (2, field, why, False)
    assert len(problem.value) <= 60


def test_a_damaged_letter_refuses_its_row() -> None:
    good = "".join(f"Zoë,z{number}@example.com\n" for number in range(9)).encode()
    report = load(b"Name,E-mail\n" + good + b"Zo\xeb,last@example.com\n")
    assert counts(report) == (9, 0, 0, 1)
    assert report.problems[0].why.startswith("The text is damaged")


def test_blanks_and_invisible_marks_around_an_address_are_dropped() -> None:
    load("email\n\ufeff\u00a0 ada@example.com\u200b \n", encoding="utf-8")
    assert ContactEmail.objects.get().email == "ada@example.com"


def test_the_address_column_is_found_by_content_and_the_rest_is_listed() -> None:
    report = load("First name,Where to reach,Shoe size\nAda,ada@example.com,38\nBob,n/a,44\nCem,cem@example.com,41\n")
    assert report.columns == {"First name": "first_name", "Where to reach": "email"}
    assert report.unused_columns == ["Shoe size"]
    assert counts(report) == (2, 0, 0, 1)


def test_a_plain_list_of_addresses_needs_no_header() -> None:
    report = load("ada@example.com\nbob@example.com\n")
    assert counts(report) == (2, 0, 0, 0)
    assert report.columns == {"Column 1": "email"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "The file is empty"),
        ("First name,City\nAda,London\n", "No column holds e-mail addresses. The columns are: First name, City"),
        ("First name,City\n", "No column holds e-mail addresses"),
        ("just some prose, nothing else.\n", "No column holds e-mail addresses"),
    ],
)
def test_a_file_that_is_no_contact_file_is_one_error(content: str, why: str) -> None:
    with pytest.raises(ContactFileError, match=why):
        load(content)
    assert not Contact.objects.exists()


def test_a_header_alone_is_a_report_of_nothing() -> None:
    assert counts(load("First name,E-mail\n")) == (0, 0, 0, 0)


def test_a_dry_run_reports_the_same_and_keeps_nothing() -> None:
    dry = load(latin_1_file(100), dry_run=True)
    assert not Contact.objects.exists()
    assert not Account.objects.exists()
    assert dry.as_dict() == load(latin_1_file(100)).as_dict()


def test_problems_beyond_a_thousand_are_counted() -> None:
    report = load("email,name\n" + "nobody,x\n" * (MOST_PROBLEMS + 5))
    assert (len(report.problems), report.problems_left_off, report.refused) == (MOST_PROBLEMS, 5, MOST_PROBLEMS + 5)


def test_statements_depend_on_chunks_not_on_rows(django_assert_max_num_queries: Any) -> None:
    def lines(last_name: str) -> str:
        return "email,last name,company\n" + "".join(
            f"p{number}@example.com,{last_name},Company {number % 50}\n" for number in range(2 * CHUNK)
        )

    with django_assert_max_num_queries(2 * 9):
        assert counts(load(lines("First"))) == (2 * CHUNK, 0, 0, 0)
    with django_assert_max_num_queries(2 * 9):
        assert counts(load(lines("Second"))) == (0, 2 * CHUNK, 0, 0)
    assert Contact.objects.filter(last_name="Second", account__name="Company 7").count() == 40


def test_the_command_tells_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(latin_1_file(60))
    call_command("crm_load", str(path))
    told = capsys.readouterr().out
    assert "60 rows: 55 created, 0 updated, 0 unchanged, 5 not taken." in told
    assert "Read as cp1252, with the delimiter ;" in told
    assert "line 32, E-Mail: 'keine Adresse': This is no e-mail address." in told
    call_command("crm_load", str(path), "--json", "--encoding=latin-1", "--delimiter=;")
    report = json.loads(capsys.readouterr().out)
    assert (report["unchanged"], report["refused"], report["encoding"]) == (55, 5, "iso8859-1")
    assert report["problems"][0]["row"] == 12


def test_the_command_shows_a_few_problems_and_unused_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("E-mail\tBirthday\tShoe\nok@example.com\tsoon\t1\n" + "nobody\t\t\n" * 30)
    call_command("crm_load", str(path))
    told = capsys.readouterr().out
    assert "with the delimiter tab" in told
    assert "Columns without use: Shoe" in told
    assert "'soon': This is no date. Write the date as YEAR-MONTH-DAY, such as 1990-05-17. Taken without it." in told
    assert "... and 11 more; --json names them." in told


def test_the_command_fails_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing.csv cannot be read: No such file"):
        call_command("crm_load", str(tmp_path / "missing.csv"))
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(CommandError, match=r"empty.csv was not loaded. The file is empty."):
        call_command("crm_load", str(empty))
