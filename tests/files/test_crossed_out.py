"""Cells of workbooks with a line through them: whom they name, or what they say, was taken off the list."""

from __future__ import annotations

import io
from collections.abc import Sequence

import openpyxl
import pytest
from openpyxl.styles import Font

from dotbridge.crm.models import Contact, ContactEmail
from tests.files.conftest import OptOutKeeper, load

pytestmark = pytest.mark.django_db


def xlsx(rows: Sequence[Sequence[object]], *crossed_out: str) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cell in crossed_out:
        book.active[cell].font = Font(strike=True)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def test_who_is_crossed_out_is_not_taken_and_named() -> None:
    rows = [["E-mail", "First name"], ["a@example.com", "Ann"], ["b@example.com", "Bob"], ["", ""]]
    report = load(xlsx(rows, "A2", "B2", "A4"))
    assert list(ContactEmail.objects.values_list("email", flat=True)) == ["b@example.com"]
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.value, problem.taken) == (2, "E-mail", "a@example.com", False)
    assert "crossed out" in problem.why
    assert "a column such as Unsubscribed" in problem.mend


def test_a_value_that_is_crossed_out_is_none_and_overwrites_nothing() -> None:
    load("E-mail,First name\na@example.com,Ann\n")
    report = load(xlsx([["E-mail", "First name", "Phone"], ["a@example.com", "Anna", "020 7946 0000"]], "B2", "C2"))
    assert Contact.objects.get().first_name == "Ann"
    assert [(each.line, each.column, each.taken) for each in report.problems] == [
        (2, "First name", True),
        (2, "Phone", True),
    ]


def test_a_permission_that_is_crossed_out_is_none(keeper: OptOutKeeper) -> None:
    rows = [["E-mail", "Newsletter", "Unsubscribed", "Tags"]]
    rows += [[f"{name}@example.com", "yes", "no", "customer"] for name in "abcd"]
    rows += [["e@example.com", "yes", "yes", "customer"]]
    report = load(xlsx(rows, "B2", "C3", "D4", "C6"))
    assert keeper.emails() == {"a@example.com", "b@example.com", "e@example.com"}
    assert report.doubtful == 2


def test_names_of_columns_that_are_crossed_out_are_names() -> None:
    assert load(xlsx([["E-mail", "First name"], ["a@example.com", "Ann"]], "A1", "B1")).created == 1
