"""Lines above a table are no table: they are passed over, told, and take nobody's word with them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook

from dotbridge.crm.models import Contact
from tests.files.conftest import OptOutKeeper, counts, load

pytestmark = pytest.mark.django_db


def in_xlsx(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    told = io.BytesIO()
    book.save(told)
    return told.getvalue()


TITLED: list[list[Any]] = [
    ["Customers of May"],
    ["Person", "", "Consent"],
    ["E-mail", "First name", "Opt out"],
    *[[f"p{number}@example.com", "Ann", "yes" if number == 2 else ""] for number in range(40)],
    ["Total", "", 1],
]


@pytest.mark.parametrize(
    "content",
    [
        *("\n".join(d.join(map(str, row)) for row in TITLED).encode() for d in ",;\t|"),
        b"sep=;\n\n" + "\n".join(";".join(map(str, row)) for row in TITLED).encode(),
        in_xlsx(TITLED),
    ],
    ids=["commas", "semicolons", "tabs", "bars", "announced", "xlsx"],
)
def test_titles_above_the_table_are_passed_over_and_told(content: bytes, keeper: OptOutKeeper) -> None:
    # With so many people the first column would be found by its addresses, and who opted out would be lost.
    report = load(content)
    assert (counts(report)[0], report.opted_out, keeper.emails()) == (40, 1, {"p2@example.com"})
    assert Contact.objects.filter(first_name="Ann").count() == 40
    assert [(problem.value, problem.taken) for problem in report.problems][-1:] == [("Total", False)]
    assert [problem.why for problem in report.problems if "taken for a title" in problem.why] == [
        "It stands above the names of the columns, so it is taken for a title."
    ] * 2


def test_a_first_line_that_names_nobody_is_no_title_where_people_follow() -> None:
    report = load("Customer,Prefers\na@example.com,E-mail\nb@example.com,E-mail\n")
    assert (counts(report)[0], [column.name for column in report.columns]) == (2, ["Customer", "Prefers"])
