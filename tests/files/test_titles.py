"""Lines above a table are no table: they are passed over, told, and take nobody's word with them."""

from __future__ import annotations

import io
import re
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
    assert (report.rows, report.refused, report.problems) == (40, 0, [])
    assert [(re.split(r"[^a-zA-Z]", skipped.value)[0], skipped.why) for skipped in report.skipped_lines] == [
        ("Customers", "It stands above the names of the columns, so it is taken for a title."),
        ("Person", "It stands above the names of the columns, so it is taken for a title."),
        ("Total", "It sums up what stands above."),
    ]


def test_who_made_an_export_stands_above_it_with_their_address(keeper: OptOutKeeper) -> None:
    report = load("Created by,mona@example.com,\nE-mail,First name,Opt out\na@example.com,Ada,yes\n")
    assert (counts(report), keeper.emails()) == ((1, 0, 0, 0), {"a@example.com"})
    assert [skipped.value for skipped in report.skipped_lines] == ["Created by,mona@example.com,"]
    assert Contact.objects.get().first_name == "Ada"


def test_a_name_of_a_column_may_go_over_two_lines(keeper: OptOutKeeper) -> None:
    report = load('"Unsubscribed\n(yes/no)","E-mail"\nyes,a@example.com\nno,b@example.com\n')
    assert (counts(report), keeper.emails(), report.skipped) == ((2, 0, 0, 0), {"a@example.com"}, 0)


def test_names_below_a_title_are_found_though_the_one_of_the_addresses_is_not_known(keeper: OptOutKeeper) -> None:
    report = load("Customers of May;;\nReaches them at;First name;Opt out\na@example.com;Ada;yes\n;Bo;\n")
    assert (counts(report), keeper.emails()) == ((1, 0, 0, 1), {"a@example.com"})
    assert Contact.objects.get().first_name == "Ada"


def test_a_first_line_that_names_nobody_is_no_title_where_people_follow() -> None:
    report = load("Customer,Prefers\na@example.com,E-mail\nb@example.com,E-mail\n")
    assert (counts(report)[0], [column.name for column in report.columns]) == (2, ["Customer", "Prefers"])
