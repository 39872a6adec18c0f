"""Loading real files into a real database: what is created, updated, left alone and refused, and at what cost."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.crm.models import Account, Contact, ContactEmail, ContactPhone, Customer, Lead
from dotbridge.files.errors import FileRefused, LoadCancelled
from dotbridge.files.models import FileLoad, FileShape, LoadedRecord
from dotbridge.files.report import MOST_PROBLEMS
from dotbridge.files.services import forget_old_loads, load_file
from dotbridge.files.understanding import Choices
from tests.files.conftest import CASES, counts, load

pytestmark = pytest.mark.django_db


def fields_of(report: Any) -> dict[str, str]:
    return {column.name: column.field for column in report.columns if column.field}


def latin_1_file(rows: int) -> bytes:
    """A file as an office makes it: semicolons, Latin-1, Windows line ends, a few broken lines."""
    lines = [
        "Vorname;Name;E-Mail;Firma;Bemerkung",
        *(f'Jürgen;Größmann {n};leser.{n}@example.com;Bär & Söhne {n % 7};"a; b"' for n in range(rows)),
    ]
    lines[11] = "Käthe;Weiß;käthe@example.com;;;beyond"
    lines[21] = 'Änne;"Öztürk;offen@example.com;;'
    lines[31] = "Uwe;Müßig;keine Adresse;;"
    lines[41] = ""
    lines[51] = "Nils;Groß;;;ohne Adresse"
    return "\r\n".join(lines).encode("latin-1") + b"\r\n"


def test_a_file_from_an_office() -> None:
    report = load(latin_1_file(2_000))
    assert counts(report) == (1_995, 0, 0, 4)
    assert (report.encoding, report.delimiter, report.unused_columns) == ("cp1252", ";", [])
    assert fields_of(report) == {
        "Vorname": "first_name",
        "Name": "last_name",
        "E-Mail": "email",
        "Firma": "account",
        "Bemerkung": "notes",
    }
    told = [(problem.line, problem.column) for problem in report.problems]
    assert told == [(12, ""), (22, ""), (32, "E-Mail"), (52, "E-Mail")]
    assert all(problem.why and problem.mend and not problem.taken for problem in report.problems)
    last = Contact.objects.get(emails__email="leser.1999@example.com")
    assert (last.first_name, last.last_name, last.notes) == ("Jürgen", "Größmann 1999", "a; b")
    assert str(last.account) == "Bär & Söhne 4"
    assert Account.objects.count() == 7
    assert ContactEmail.objects.filter(is_primary=True).count() == 1_995
    assert report.first_rows[0][:3] == ["Jürgen", "Größmann 0", "leser.0@example.com"]


def test_loading_again_changes_nothing() -> None:
    load(latin_1_file(200))
    before = list(Contact.objects.order_by("pk").values())
    assert counts(load(latin_1_file(200))) == (0, 0, 195, 4)
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


@pytest.mark.parametrize("stored", ["jo@xn--mnchen-3ya.example", "Jo@MÜNCHEN.example"])
def test_the_two_spellings_of_a_domain_are_one_address(stored: str) -> None:
    known = Contact.objects.create(first_name="Jo")
    ContactEmail.objects.create(contact=known, email=stored, is_primary=True)
    for spelt in ("jo@münchen.example", "JO@xn--mnchen-3ya.example"):
        load(f"email,job title\n{spelt},{spelt}\n")
    assert Contact.objects.get().job_title == "JO@xn--mnchen-3ya.example"


def test_of_several_contacts_with_the_address_the_oldest_is_meant() -> None:
    first, second = (Contact.objects.create(first_name="Twin") for _ in range(2))
    for contact in (second, first):
        ContactEmail.objects.create(contact=contact, email="twin@example.com", is_primary=True)
    load("email,first name\nTWIN@example.com,Elder\n")
    assert list(Contact.objects.order_by("pk").values_list("first_name", flat=True)) == ["Elder", "Twin"]


FAMILY = "email,first name,phone\nx@example.com,Ann,\nX@example.com,Bob,+44 20 7946 0000\nx@EXAMPLE.com,Ann,\n"


def test_rows_with_one_address_are_told_and_the_first_counts() -> None:
    report = load(FAMILY)
    assert (report.created, report.same_address, report.refused) == (1, 2, 0)
    # What the first row leaves empty comes from the others.
    assert Contact.objects.values_list("first_name", "phone").get() == ("Ann", "+44 20 7946 0000")
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.value) == (3, "First name", "X@example.com")
    assert "Line 2 has the same address" in problem.why
    assert "first, last, or both" in problem.mend


def test_a_person_decides_for_the_last_row() -> None:
    report = load(FAMILY.replace("x@EXAMPLE.com,Ann,", "x@EXAMPLE.com,Cem,"), same_address="last")
    assert report.problems == []
    assert Contact.objects.values_list("first_name", "phone").get() == ("Cem", "+44 20 7946 0000")


def test_a_person_decides_for_both_rows() -> None:
    Contact.objects.bulk_create([Contact(first_name="Zoe"), Contact(first_name="BOB", notes="known")])
    for contact in Contact.objects.all():
        ContactEmail.objects.create(contact=contact, email="x@example.com", is_primary=True)
    for created in (1, 0):
        assert load(FAMILY, same_address="both").created == created
    assert sorted(Contact.objects.values_list("first_name", "notes")) == [("Ann", ""), ("Bob", "known"), ("Zoe", "")]


def test_another_answer_is_refused() -> None:
    with pytest.raises(FileRefused, match="'middle' is no answer"):
        Choices(same_address="middle")


def test_values_are_data_whatever_they_begin_with() -> None:
    load('email,first name,last name,notes\nf@example.com,=1+1,"@SUM(A1)","-2\n+3"\n')
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name, contact.notes) == ("=1+1", "@SUM(A1)", "-2\n+3")


def test_every_kind_of_value() -> None:
    load(
        "E-mail;Full name;Birthday;Lead score;VIP;Language;Job title;Phone\n"
        "a@example.com;Lovelace, Ada;10.12.1815;-3;ja;en;Countess;+44 20 7946 0000\n"
        "b@example.com;Bob Brightwater;1990-02-03T10:00;12.0;no;;;\n"
        "c@example.com;Cem;25/12/2000;;;;;\n"
        "d@example.com;;31. März 2000;;;;;\n"
    )
    rows = Contact.objects.order_by("pk").values_list("first_name", "last_name", "birthday", "lead_score", "is_vip")
    assert list(rows) == [
        ("Ada", "Lovelace", datetime.date(1815, 12, 10), -3, True),
        ("Bob", "Brightwater", datetime.date(1990, 2, 3), 12, False),
        ("", "Cem", datetime.date(2000, 12, 25), None, False),
        ("", "", datetime.date(2000, 3, 31), None, False),
    ]
    assert Contact.objects.order_by("pk").values_list("job_title", "phone", "language").first() == (
        "Countess",
        "+44 20 7946 0000",
        "en",
    )


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("Birthday", "soon", "This is no date"),
        ("Birthday", "30.2.1990", "There is no such day"),
        ("Birthday", "3/4/1990", "Day and month cannot be told apart"),
        ("Birthday", "3.4.90", "The year has two digits"),
        ("Birthday", "3.4.", "This date has no year"),
        ("Score", "many", "This is no number"),
        ("Score", "4.5", "This is no whole number"),
        ("Score", "12345678901", "The number is out of the field's range"),
        ("Score", "1.000", "A comma or point before three digits"),
        ("VIP", "perhaps", "This says neither yes nor no"),
        ("Phone", "call me", "This is no phone number"),
        ("First name", "x" * 501, "The text has 501 characters."),
        ("First name", "\0", "The text holds the character with the number 0."),
        ("Full name", "x" * 501 + " y", "The text has 503 characters."),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_and_told(column: str, value: str, why: str) -> None:
    known = Contact.objects.create(first_name="Ann", last_name="Old", phone="1", lead_score=1, is_vip=True)
    ContactEmail.objects.create(contact=known, email="a@example.com", is_primary=True)
    report = load(f"E-mail;{column}\na@example.com;{value}\n", encoding="utf-8")
    assert counts(report) == (0, 0, 1, 0)
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.taken, bool(problem.mend)) == (2, column, True, True)
    assert problem.why.startswith(why)
    assert len(problem.value) <= 60
    known.refresh_from_db()
    assert (known.first_name, known.last_name, known.phone, known.lead_score) == ("Ann", "Old", "1", 1)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("no address,Ada", "This is no e-mail address"),
        ("a@b@example.com,Ada", "This is no e-mail address: it has more than one @"),
        ("#b@example.com,Bob", "This is no e-mail address: it begins with a sign that takes a line out"),
        (",Ada", "There is no e-mail address"),
    ],
)
def test_a_row_without_an_address_is_refused_alone(row: str, why: str) -> None:
    report = load(f"E-mail,First name\n{row}\nfine@example.com,Fine\n")
    assert counts(report) == (1, 0, 0, 1)
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.taken) == (2, "E-mail", False)
    assert problem.why.startswith(why)


def test_a_damaged_letter_costs_its_value_alone() -> None:
    good = "".join(f"Zoë,z{number}@example.com\n" for number in range(9)).encode()
    report = load(b"First name,E-mail\n" + good + b"Zo\xeb,last@example.com\n")
    assert counts(report) == (10, 0, 0, 0)
    assert report.problems[0].why.startswith("The text is damaged")
    assert Contact.objects.get(emails__email="last@example.com").first_name == ""


def test_columns_can_be_chosen_and_are_remembered() -> None:
    file = "Where,Day,Shoe\na@example.com,05-04-1990,38\n"
    report = load(file, columns={"Day": "birthday:mdy", "shoe": "lead_score"})
    assert fields_of(report) == {"Where": "email", "Day": "birthday", "Shoe": "lead_score"}
    assert Contact.objects.values_list("birthday", "lead_score").get() == (datetime.date(1990, 5, 4), 38)
    again = load(file.replace("05-04-1990,38", "06-04-1990,39"))
    assert [column.chosen for column in again.columns] == [False, True, True]
    assert Contact.objects.values_list("birthday", "lead_score").get() == (datetime.date(1990, 6, 4), 39)
    load(file.replace("38", "40"), columns={"Shoe": "unused"})
    assert FileShape.objects.get().columns == {"Day": "birthday:mdy", "shoe": "lead_score", "Shoe": "unused"}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"Boot": "notes"}, "The file has no column 'Boot'. Its columns are: email, Shoe"),
        ({"Shoe": "boot"}, "There is no field 'boot' for a column to go to. There are: account, birthday"),
        ({"Shoe": "birthday:ymd"}, "'ymd' says nothing about dates or numbers"),
        ({"email": "unused"}, "No column holds e-mail addresses"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(columns: dict[str, str], why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        load("email,Shoe\na@example.com,38\n", columns=columns)


def test_the_address_column_is_found_by_content_and_the_rest_is_listed() -> None:
    report = load("First name,Where to reach,Shoe size\nAda,ada@example.com,38\nBob,n/a,44\nCem,cem@example.com,41\n")
    assert fields_of(report) == {"First name": "first_name", "Where to reach": "email"}
    assert report.unused_columns == ["Shoe size"]
    assert counts(report) == (2, 0, 0, 1)


def test_a_plain_list_of_addresses_needs_no_header() -> None:
    report = load("ada@example.com\nbob@example.com\n")
    assert counts(report) == (2, 0, 0, 0)
    assert fields_of(report) == {"Column 1": "email"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "The file is empty"),
        ("First name,City\nAda,London\n", "No column holds e-mail addresses. The columns are: First name, City"),
        ("First name,City\n", "No column holds e-mail addresses"),
        ("just some prose, nothing else.\n", "No column holds e-mail addresses"),
        (",".join(f"c{number}" for number in range(501)), "more than 500 columns"),
    ],
)
def test_a_file_that_is_no_contact_file_is_one_error(content: str, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        load(content)
    assert not Contact.objects.exists()
    assert not FileLoad.objects.exists()


def test_a_header_alone_is_a_report_of_nothing() -> None:
    assert counts(load("First name,E-mail\n")) == (0, 0, 0, 0)


def test_a_dry_run_reports_the_same_and_keeps_nothing() -> None:
    load("E-Mail,Firma\nleser.3@example.com,Old\nleser.4@example.com,Bär & Söhne 4\n")
    dry = load(latin_1_file(100), dry_run=True)
    assert (Contact.objects.count(), Account.objects.count(), FileLoad.objects.count()) == (2, 2, 1)
    done = load(latin_1_file(100))
    assert {**dry.as_dict(), "dry_run": False, "number": done.number} == done.as_dict()
    assert (done.created, done.updated) == (93, 2)
    kept = FileLoad.objects.first()
    assert kept is not None
    assert (kept.file, kept.entity, kept.report["created"]) == ("people.csv", "crm.contact", 93)


def test_problems_beyond_a_thousand_are_counted() -> None:
    report = load("email,name\n" + "nobody,x\n" * (MOST_PROBLEMS + 5))
    assert (len(report.problems), report.problems_left_off, report.refused) == (MOST_PROBLEMS, 5, MOST_PROBLEMS + 5)


@pytest.mark.parametrize("rows", [10, 1_000])
def test_statements_do_not_depend_on_the_number_of_rows(rows: int, django_assert_max_num_queries: Any) -> None:
    def lines(last_name: str) -> str:
        return "email,last name,company,phone\n" + "".join(
            f"p{number}@example.com,{last_name},Company {number % 50},+44 20 7946 {number:04d}\n"
            for number in range(rows)
        )

    with django_assert_max_num_queries(40):
        assert counts(load(lines("First"))) == (rows, 0, 0, 0)
    with django_assert_max_num_queries(40):
        assert counts(load(lines("Second"))) == (0, rows, 0, 0)
    assert Contact.objects.filter(last_name="Second", account__name="Company 7").count() == max(rows // 50, 1)


def test_further_values_are_added_once() -> None:
    for _again in range(2):
        load("email,email 2,phone,mobile\na@example.com,B@example.com,+44 20 7946 0000,+44 7911 123456\n")
    report = load("email,email 2,phone,mobile\na@example.com,c@example.com,020 7946 0000,+447911123456\n")
    assert report.updated == 1
    assert set(ContactEmail.objects.values_list("email", "is_primary")) == {
        ("a@example.com", True),
        ("B@example.com", False),
        ("c@example.com", False),
    }
    assert set(ContactPhone.objects.values_list("phone", flat=True)) == {"+44 7911 123456", "+447911123456"}


def test_files_fill_other_records_too() -> None:
    report = load(
        "Name;Mail;Status;Wert\nAda Byron;ada@example.com;Qualified;1.234,50\nBob Poe;bob@example.com;gone;7,5\n",
        entity="crm.lead",
    )
    assert [problem.value for problem in report.problems] == ["gone"]
    assert list(Lead.objects.order_by("pk").values_list("first_name", "email", "status", "estimated_value")) == [
        ("Ada", "ada@example.com", "qualified", pytest.approx(1234.5)),
        ("Bob", "bob@example.com", "new", pytest.approx(7.5)),
    ]
    load("Firma,E-Mail,Kunde seit,aktiv\nAcme,a@example.com,31/12/2020,nein\n", entity="crm.customer")
    assert Customer.objects.values_list("name", "email", "customer_since", "is_active").get() == (
        "Acme",
        "a@example.com",
        datetime.date(2020, 12, 31),
        False,
    )


def test_an_entity_that_files_cannot_fill_is_named() -> None:
    with pytest.raises(
        LookupError, match=r"'crm\.account'. They can be loaded into: crm\.contact, crm\.customer, crm\.lead"
    ):
        load("email\na@example.com\n", entity="crm.account")


def test_a_load_that_is_cancelled_keeps_nothing() -> None:
    told: list[str] = []

    def cancel(step: str, rows: int) -> None:
        told.append(step)
        if step == "writing":
            raise LoadCancelled

    with (CASES / "k1_apostrophe.csv").open("rb") as file, pytest.raises(LoadCancelled):
        load_file(file=file, name="x", entity="crm.contact", progress=cancel)
    assert told == ["merging", "finding", "writing"]
    assert not Contact.objects.exists()


def test_old_reports_are_forgotten() -> None:
    load("email\na@example.com\n")
    assert forget_old_loads() == 0
    assert LoadedRecord.objects.count() == 1
    FileLoad.objects.update(loaded_at=timezone.now() - datetime.timedelta(hours=25))
    assert forget_old_loads() == 0
    assert not LoadedRecord.objects.exists()
    FileLoad.objects.update(made_at="2020-01-01T00:00:00Z")
    assert forget_old_loads() == 1
