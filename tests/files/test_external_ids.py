"""People whom a file knows by an id of its own: found by it, told apart by it, and given the address they have now.

The kind: a person taken for another, or for two, because only the address was looked at. Its other places: two rows of
one id, two people of one address, a record that has another id already, and the way back when a load is undone.
"""

from __future__ import annotations

import dataclasses

import pytest
from django.db.models import F

from dotbridge.crm.models import Contact, ContactEmail, Lead
from dotbridge.files import targets
from dotbridge.files.models import FileLoad
from dotbridge.files.services import undo_load
from dotbridge.files.targets import Role, file_target
from tests.files.conftest import counts, load

pytestmark = pytest.mark.django_db


def people() -> list[tuple[str, str, str]]:
    """Id, first name and primary address of everybody, in the order they were made."""
    rows = Contact.objects.filter(emails__is_primary=True).annotate(email=F("emails__email")).order_by("pk")
    return list(rows.values_list("external_id", "first_name", "email"))


def test_an_id_finds_the_person_under_a_new_address() -> None:
    load("Kundennummer;E-Mail;Vorname\n7;old@example.com;Ada\n8;bo@example.com;Bo\n")
    report = load("Kundennummer;E-Mail;Vorname\n7;new@example.com;\n8;bo@example.com;\n")
    assert (counts(report), report.moved) == ((0, 1, 1, 0), 1)
    assert people() == [("7", "Ada", "new@example.com"), ("8", "Bo", "bo@example.com")]
    assert ContactEmail.objects.get(email="old@example.com").is_primary is False, "the former one is not lost"
    assert counts(load("Kundennummer;E-Mail;Vorname\n7;new@example.com;\n")) == (0, 0, 1, 0)
    assert counts(load("Kundennummer;E-Mail\n7;old@example.com\n")) == (0, 1, 0, 0)
    assert people()[0] == ("7", "Ada", "old@example.com")
    assert ContactEmail.objects.filter(contact__external_id="7").count() == 2


def test_undoing_gives_the_former_address_back() -> None:
    load("Contact ID,E-mail,First name\n7,old@example.com,Ada\n")
    report = load("Contact ID,E-mail,First name\n7,new@example.com,\n")
    undone = undo_load(load=FileLoad.objects.get(pk=report.number))
    assert (undone.restored, undone.deleted, undone.kept) == (1, 0, 0)
    assert people() == [("7", "Ada", "old@example.com")]


def test_an_address_that_somebody_else_has_is_not_taken_from_them() -> None:
    load("Contact ID,E-mail,First name\n7,ada@example.com,Ada\n8,bo@example.com,Bo\n")
    assert counts(load("Contact ID,E-mail,First name\n7,bo@example.com,Adele\n")) == (0, 1, 0, 0)
    assert people() == [("7", "Adele", "ada@example.com"), ("8", "Bo", "bo@example.com")]


def test_who_is_here_without_an_id_gets_it_by_the_address() -> None:
    load("E-mail,First name\nada@example.com,Ada\n")
    assert counts(load("Customer ID,E-mail\n7,ADA@example.com\n")) == (0, 1, 0, 0)
    assert people() == [("7", "Ada", "ada@example.com")]


def test_two_people_of_one_address_are_told_apart_by_their_ids() -> None:
    report = load("Contact ID,E-mail,First name\n7,family@example.com,Ada\n8,family@example.com,Bo\n")
    assert (counts(report), report.questions) == ((2, 0, 0, 0), [])
    again = load("Contact ID,E-mail,First name\n8,family@example.com,Bob\n9,family@example.com,Cy\n")
    assert counts(again) == (1, 1, 0, 0)
    assert people() == [
        ("7", "Ada", "family@example.com"),
        ("8", "Bob", "family@example.com"),
        ("9", "Cy", "family@example.com"),
    ]


@pytest.mark.parametrize("nothing", ["0", "0.0", "-", "n/a", "none", "unknown", "Guest", "000"])
def test_the_id_of_a_guest_makes_nobody_one_with_another(nothing: str) -> None:
    report = load(f"Customer ID,E-mail,First name\n{nothing},a@example.com,Ada\n{nothing},b@example.com,Bo\n")
    assert (counts(report), report.problems) == ((2, 0, 0, 0), [])
    again = load(f"Customer ID,E-mail,First name\n{nothing},c@example.com,Cy\n")
    assert (counts(again), again.moved) == ((1, 0, 0, 0), 0)
    assert people() == [("", "Ada", "a@example.com"), ("", "Bo", "b@example.com"), ("", "Cy", "c@example.com")]


def test_two_rows_of_one_id_are_one_person_and_what_differs_is_shown() -> None:
    report = load("Contact ID,E-mail,First name\n7,a@example.com,Ada\n7,b@example.com,Adele\n")
    assert counts(report) == (1, 0, 0, 0)
    assert report.same_address == 1
    (problem,) = report.problems
    assert (problem.line, problem.column, "Line 2 has the same id." in problem.why) == (3, "First name, E-mail", True)
    Contact.objects.all().delete()
    load("Contact ID,E-mail,First name\n7,a@example.com,Ada\n7,b@example.com,Adele\n", same_address="last")
    assert people() == [("7", "Adele", "b@example.com")]


def test_a_row_without_an_id_is_the_person_of_its_address() -> None:
    report = load("Contact ID,E-mail,First name\n7,a@example.com,Ada\n,a@example.com,\n,b@example.com,Bo\n")
    assert (counts(report), report.same_address) == ((2, 0, 0, 0), 1)
    load("Contact ID,E-mail,First name\n7,a@example.com,Ada\n8,b@example.com,\n")
    assert people() == [("7", "Ada", "a@example.com"), ("8", "Bo", "b@example.com")]


def test_two_new_ids_for_one_person_who_is_here_are_two_people() -> None:
    load("E-mail,First name\nfamily@example.com,Ada\n")
    assert counts(load("Contact ID,E-mail,First name\n7,family@example.com,Ada\n8,family@example.com,Bo\n")) == (
        1,
        1,
        0,
        0,
    )
    assert people() == [("7", "Ada", "family@example.com"), ("8", "Bo", "family@example.com")]


def test_rows_that_lead_to_one_record_write_it_once() -> None:
    load("Contact ID,E-mail,First name\n7,a@example.com,Ada\n")
    report = load("Contact ID,E-mail,First name\n7,new@example.com,Adele\n,a@example.com,Someone\n")
    assert (counts(report), report.same_address) == ((0, 1, 0, 0), 1)
    assert people() == [("7", "Adele", "new@example.com")]


def test_a_number_that_may_be_of_a_row_is_no_id_until_somebody_says_so() -> None:
    assert load("ID,E-mail\n1,a@example.com\n").unused_columns == ["ID"]
    assert people() == [("", "", "a@example.com")]
    load("ID,E-mail\n1,a@example.com\n", columns={"ID": "external_id"})
    assert people() == [("1", "", "a@example.com")]


def test_records_with_one_address_of_their_own_get_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    target = file_target("crm.lead")
    with_id = dataclasses.replace(target, roles={**target.roles, Role.EXTERNAL_ID: "company"})
    monkeypatch.setitem(targets._registered, "crm.lead", with_id)
    load("Company,E-mail\nseven,old@example.com\n", entity="crm.lead")
    report = load("Company,E-mail\nseven,new@example.com\n", entity="crm.lead")
    assert counts(report) == (0, 1, 0, 0)
    assert Lead.objects.get().email == "new@example.com"
    assert undo_load(load=FileLoad.objects.get(pk=report.number)).restored == 1
    assert Lead.objects.get().email == "old@example.com"
