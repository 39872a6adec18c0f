"""Exports as mailing tools, shops, CRMs, address books and spreadsheets write them: nobody and nothing is lost.

`exports/` holds a file of each with invented people, `exports/rights.json` who is in it, who has opted out there, and
which lines are told instead of taken, and which are skipped as nobody's.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.files.headers import email_column
from dotbridge.files.models import FileLoad
from dotbridge.files.names import first_name_beside
from dotbridge.files.opt_outs import OptOuts, receive_opt_outs, stop_receiving
from dotbridge.files.waiting import keep_file, look_at
from tests.files.conftest import OptOutKeeper, counts, load

EXPORTS = Path(__file__).parent / "exports"
RIGHTS: dict[str, Any] = json.loads((EXPORTS / "rights.json").read_text())
pytestmark = pytest.mark.django_db


def person(contact: Contact) -> dict[str, Any]:
    """What is known of somebody, without what is empty."""
    further = contact.emails.filter(is_primary=False).order_by("pk")
    known = {
        "first": contact.first_name,
        "last": contact.last_name,
        "company": contact.account.name if contact.account else "",
        "job": contact.job_title,
        "phone": contact.phone,
        "birthday": str(contact.birthday or ""),
        "id": contact.external_id,
        "also": [*(each.email for each in further), *(each.phone for each in contact.phones.order_by("pk"))],
    }
    return {name: value for name, value in known.items() if value}


@pytest.mark.parametrize("name", RIGHTS)
def test_an_export_loses_nobody_and_keeps_who_has_opted_out(name: str, keeper: OptOutKeeper) -> None:
    content, right = (EXPORTS / name).read_bytes(), RIGHTS[name]
    shown = look_at(load=keep_file(file=io.BytesIO(content), name=name, entity="crm.contact"))
    report = load(content)
    assert counts(report) == counts(shown), "the page shows what the load does"
    people = {contact.emails.get(is_primary=True).email: person(contact) for contact in Contact.objects.all()}
    assert people == right["people"]
    assert keeper.emails() == set(right["opted_out"])
    assert [problem.line for problem in report.problems if not problem.taken] == right["not_taken"]
    assert [skipped.line for skipped in report.skipped_lines] == right.get("skipped", [])
    assert all(problem.why and problem.mend for problem in report.problems)


@pytest.mark.parametrize(
    ("name", "first"), [("Ada", "Ada"), ("Ada Byron", "Ada"), ("Byron, Ada", "Ada"), ("Ada  King BYRON", "Ada King")]
)
def test_a_column_of_names_beside_one_of_last_names_says_the_first_name(name: str, first: str) -> None:
    assert first_name_beside(name, "Byron") == first


def test_who_looks_after_people_is_not_their_address() -> None:
    rows = [("", "mona@example.com", "ada@example.com"), ("", "mona@example.com", ""), ("", "mona@example.com", "")]
    assert email_column(rows) == 1
    assert email_column(rows, but={0}, each_its_own=True) == 2
    assert email_column(rows, but={0, 2}, each_its_own=True) is None


def test_a_sheet_that_nobody_sees_is_read_where_it_is_named() -> None:
    book = Workbook()
    hidden, shown = book.active, book.create_sheet("People")
    assert hidden is not None
    hidden.title, hidden.sheet_state = "Old", "hidden"
    for sheet, who in ((hidden, "old@example.com"), (shown, "ada@example.com")):
        sheet.append(["E-mail"])
        sheet.append([who])
    raw = io.BytesIO()
    book.save(raw)
    report = load(raw.getvalue())
    assert (report.part, report.other_parts) == ("People", ["Old"])
    assert list(ContactEmail.objects.values_list("email", flat=True)) == ["ada@example.com"]
    assert load(raw.getvalue(), sheet="Old").created == 1


def test_a_cell_without_a_value_of_its_own_is_told_as_that_under_addresses_too() -> None:
    book = Workbook()
    assert book.active is not None
    for row in (["E-mail", "Last name"], ['=HYPERLINK("mailto:bo@example.com")', "Ek"], ["#REF!", "Fox"]):
        book.active.append(row)
    raw = io.BytesIO()
    book.save(raw)
    report = load(raw.getvalue())
    assert [problem.why[:45] for problem in report.problems] == [
        "This is a formula, and its result is not in t",
        "This is what a spreadsheet shows in place of ",
    ]


def test_what_databases_and_outlook_write_for_nothing_is_nothing() -> None:
    load("E-mail,First name,VIP\na@example.com,Ada,yes\n")
    report = load("E-mail;First name;Birthday;VIP\na@example.com;\\N;0.0.00;null\nb@example.com;NULL;0/0/00;\n")
    assert [(problem.line, problem.value, problem.why[:26]) for problem in report.problems] == [
        (3, "NULL", "This is how a database wri")
    ]
    known = Contact.objects.order_by("pk").values_list("first_name", "birthday", "is_vip")
    assert list(known) == [("Ada", None, True), ("", None, False)]


@pytest.mark.parametrize("known", ["ada@xn--mnchen-3ya.example", "ada@münchen.example"])
def test_a_further_address_has_one_place_in_either_spelling(known: str) -> None:
    contact = Contact.objects.create(first_name="Ada")
    ContactEmail.objects.create(contact=contact, email="ada@example.com", is_primary=True)
    ContactEmail.objects.create(contact=contact, email=known)
    for spelling in ("ada@xn--mnchen-3ya.example", "ada@münchen.example"):
        assert load(f"E-mail,E-mail 2\nada@example.com,{spelling}\n").unchanged == 1
    assert ContactEmail.objects.filter(contact=contact).count() == 2


def test_a_further_address_is_opted_out_in_both_spellings() -> None:
    told: set[str] = set()

    def keep(_cursor: Any, opt_outs: OptOuts) -> None:
        told.update(row.email for row in opt_outs.rows())

    receive_opt_outs(keep)
    try:
        load("E-mail,E-mail 2,Opt out\nada@example.com,ada@münchen.example,yes\n")
    finally:
        stop_receiving(keep)
    assert told == {"ada@example.com", "ada@münchen.example", "ada@xn--mnchen-3ya.example"}
    assert FileLoad.objects.count() == 1
