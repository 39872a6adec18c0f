"""Names of columns in two rows, as surveys write them: neither row is a person, and both say what is asked."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook

from dotbridge.crm.models import Contact
from tests.files.conftest import OptOutKeeper, counts, load
from tests.files.test_titles import in_xlsx

pytestmark = pytest.mark.django_db

SURVEY_MONKEY: list[list[Any]] = [
    ["Respondent ID", "Start Date", "Contact information", "", "May we write to you?", ""],
    ["", "", "Name", "Email Address", "Yes", "No"],
    [11, "05/17/2024 10:00:00 AM", "Ada Byron", "ada@example.com", "Yes", ""],
    [12, "05/18/2024 10:00:00 AM", "Bo Ek", "bo@example.com", "", "No"],
]
QUALTRICS: list[list[Any]] = [
    ["StartDate", "Email", "Q2", "Q3_1"],
    ["Start Date", "What is your e-mail address?", "Would you like our newsletter?", "Please do not contact me"],
    ['{"ImportId":"startDate"}', '{"ImportId":"QID1_TEXT"}', '{"ImportId":"QID2"}', '{"ImportId":"QID3"}'],
    ["2024-05-17 10:00:00", "ada@example.com", "Yes", ""],
    ["2024-05-17 10:00:00", "bo@example.com", "No", ""],
    ["2024-05-17 10:00:00", "cy@example.com", "Yes", "Please do not contact me"],
]


def in_csv(rows: list[list[Any]], delimiter: str) -> bytes:
    quoted = (['"{}"'.format(str(cell).replace('"', '""')) if cell != "" else "" for cell in row] for row in rows)
    return "\r\n".join(delimiter.join(row) for row in quoted).encode()


@pytest.mark.parametrize("kind", [",", ";", "\t", "xlsx"])
def test_a_question_above_its_answers_is_asked_of_both(kind: str, keeper: OptOutKeeper) -> None:
    report = load(in_xlsx(SURVEY_MONKEY) if kind == "xlsx" else in_csv(SURVEY_MONKEY, kind))
    assert [column.name for column in report.columns] == [
        *("Respondent ID", "Start Date", "Name", "Email Address"),
        *("May we write to you? - Yes", "May we write to you? - No"),
    ]
    assert (counts(report), keeper.emails(), report.problems) == ((2, 0, 0, 0), {"bo@example.com"}, [])
    assert Contact.objects.filter(first_name="Ada", last_name="Byron").exists()


@pytest.mark.parametrize("kind", [",", "xlsx"])
def test_rows_of_questions_and_of_numbers_below_the_names_are_nobody(kind: str, keeper: OptOutKeeper) -> None:
    report = load(in_xlsx(QUALTRICS) if kind == "xlsx" else in_csv(QUALTRICS, kind))
    assert (counts(report), report.problems) == ((3, 0, 0, 0), [])
    assert keeper.emails() == {"bo@example.com", "cy@example.com"}
    assert [(each.line, each.why) for each in report.skipped_lines] == [
        (2, "It belongs to the names of the columns."),
        (3, "It belongs to the names of the columns."),
    ]


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("Email,Score,Opted out\ntext,number,yes/no\n", ["Email", "Score", "Opted out"]),
        ("Email,nl\nE-mail,Newsletter?\n", ["Email", "Newsletter?"]),
        (
            "Email,Newsletter?,\n,Yes please,No thanks\n",
            ["Email", "Newsletter? - Yes please", "Newsletter? - No thanks"],
        ),
        ("Contact,,Left,\nName,Email,Newsletter,Date\n", ["Name", "Email", "Newsletter", "Date"]),
        ("Kontakt;;Abgemeldet von;\nName;E-Mail;Newsletter;Feste\n", None),
        ("Customers,May\nEmail,Shoe size\n", ["Email", "Shoe size"]),
        ("Email;Newsletter;Score\n;1 = ja, 2 = nein;0 bis 10\n", ["Email", "Newsletter", "Score"]),
        ("Email,\n,Opted out\n", ["Email", "Opted out"]),
        # What is known word for word stays so.
        ("Email,Cleaned,Status\ntext,when it was,what it is\n", ["Email", "Cleaned", "Status"]),
    ],
)
def test_names_of_two_rows(rows: str, names: list[str] | None) -> None:
    delimiter = ";" if ";" in rows else ","
    width = rows.splitlines()[0].count(delimiter) + 1
    place = 1 if rows.splitlines()[1].startswith("Name") else 0
    person = delimiter.join("ada@example.com" if at == place else "" for at in range(width))
    report = load(f"{rows}{person}\n")
    assert counts(report) == (1, 0, 0, 0)
    expected = names or ["Name", "E-Mail", "Abgemeldet von - Newsletter", "Feste"]
    assert [column.name for column in report.columns] == expected


@pytest.mark.parametrize(
    "row",
    [
        "Ann,Lee,,Unsubscribed,wants the newsletter",
        ",,,,",
        "Newsletter,Lee,,no,likes tea",
        ",,,Unsubscribed,4711",
    ],
)
def test_somebody_without_an_address_is_no_name_of_a_column(row: str, keeper: OptOutKeeper) -> None:
    report = load(f"First name,Last name,Email,Status,\n{row}\nBo,Ek,bo@example.com,Subscribed,\n")
    assert [column.name for column in report.columns][:4] == ["First name", "Last name", "Email", "Status"]
    assert ([problem.line for problem in report.problems], keeper.emails()) == ([2] if row.strip(",") else [], set())


def test_the_answer_below_the_last_name_is_no_value_beyond_the_names(keeper: OptOutKeeper) -> None:
    book, raw = Workbook(), io.BytesIO()
    for row in (["E-mail", "Newsletter"], [None, "Yes", "No"], ["a@example.com", None, "No"], ["b@example.com", "Yes"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(raw)
    report = load(raw.getvalue())
    assert (counts(report), keeper.emails()) == ((2, 0, 0, 0), {"a@example.com"})


def test_what_several_columns_are_about_says_nothing_of_everybody(keeper: OptOutKeeper) -> None:
    load("Person,,Unsubscribed from\nEmail,Name,Newsletter\nada@example.com,Ada,\nbob@example.com,Bob,x\n")
    assert keeper.emails() == {"bob@example.com"}
