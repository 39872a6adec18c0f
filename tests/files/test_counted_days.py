"""Days as Excel counts them, in files that a program has made of a workbook: asked, and never a wrong date."""

from __future__ import annotations

import datetime

import pytest

from dotbridge.crm.models import Contact
from dotbridge.files.report_lines import report_lines
from tests.files.conftest import load
from tests.files.test_merged_cells import xlsx

pytestmark = pytest.mark.django_db

CONTENT = "E-mail,Birthday\na@example.com,32874\nb@example.com,32875.5\nc@example.com,1990-05-17\nd@example.com,1990\n"


def birthdays() -> list[datetime.date | None]:
    return list(Contact.objects.order_by("emails__email").values_list("birthday", flat=True))


def test_nothing_in_the_file_says_from_when_they_count() -> None:
    report = load(CONTENT)
    assert [(each.about, each.column, each.example) for each in report.questions] == [("dates", "Birthday", "32874")]
    assert birthdays() == [None, None, datetime.date(1990, 5, 17), None]
    assert any("excel1900" in line for line in report_lines(report))


@pytest.mark.parametrize(
    ("written", "first"),
    [("excel1900", datetime.date(1990, 1, 1)), ("excel1904", datetime.date(1994, 1, 2)), ("leave", None)],
)
def test_somebody_says_it(written: str, first: datetime.date | None) -> None:
    report = load(CONTENT, columns={"Birthday": f"birthday:{written}"})
    second = first and first + datetime.timedelta(days=1)
    assert birthdays() == [first, second, datetime.date(1990, 5, 17), None]
    assert report.questions == []


def test_they_do_not_settle_how_other_dates_are_written() -> None:
    content = "E-mail,Birthday\na@example.com,32874\nb@example.com,04/05/1990\n"
    load(content, columns={"Birthday": "birthday:excel1900"})
    assert birthdays() == [datetime.date(1990, 1, 1), None]


def test_a_workbook_may_hold_them_without_the_format_of_dates() -> None:
    content = xlsx([["E-mail", "Birthday"], ["a@example.com", 32874]])
    assert [each.about for each in load(content, dry_run=True).questions] == ["dates"]
    load(content, columns={"Birthday": "birthday:excel1900"})
    assert birthdays() == [datetime.date(1990, 1, 1)]
