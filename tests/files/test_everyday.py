"""Files as offices, phones and programs leave them: each loads right, or is told with line, value and mend.

Kinds, with a second place of each: a cell that holds nothing after all, in a name and in a phone; marks that nobody
sees, in a name and in a header; zeros from a broken disk, in a cell and behind the last line; a value that is not in
the file, a formula's, in a name and in a column of consent; a file of another kind under a table's name.
"""

# ruff: noqa: RUF001 - letters of every script are the point

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.files.errors import AddressMissing, FileRefused
from dotbridge.files.models import FileShape
from dotbridge.files.phones import read_phones
from dotbridge.files.selectors import shape_of
from tests.files.conftest import OptOutKeeper, counts, load
from tests.files.test_formats import ods, text
from tests.files.test_hostile import row, workbook

pytestmark = pytest.mark.django_db


def people() -> dict[str, list[str]]:
    """First and last name of every contact, by the primary address."""
    rows = ContactEmail.objects.filter(is_primary=True)
    names = rows.values_list("email", "contact__first_name", "contact__last_name")
    return {email: [first, last] for email, first, last in names}


def saved(**sheets: list[list[object]]) -> bytes:
    """A workbook as a program makes it that cannot calculate."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for each in rows:
            sheet.append(each)
    raw = io.BytesIO()
    book.save(raw)
    return raw.getvalue()


CARD = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET={0};ENCODING=QUOTED-PRINTABLE:{1}\r\nEMAIL;INTERNET:a@example.com\r\n"
    "END:VCARD\r\n"
)
REPEATED = 'table:number-columns-repeated="{}" '
GOOD: dict[str, tuple[bytes, dict[str, list[str]]]] = {
    "UTF-16 with tabs": (
        "E-mail\tFirst name\r\na@example.com\tZoë\r\n".encode("utf-16"),
        {"a@example.com": ["Zoë", ""]},
    ),
    "UTF-16 without a mark, Latin": (
        "E-mail,First name\na@example.com,Ann\n".encode("utf-16-le"),
        {"a@example.com": ["Ann", ""]},
    ),
    "UTF-16 without a mark, Cyrillic": (
        "Почта;Имя;Фамилия\r\na@example.com;Владислава;Константинопольская\r\n".encode("utf-16-be"),
        {"a@example.com": ["Владислава", "Константинопольская"]},
    ),
    "typographic marks of Windows": (
        "E-mail,Last name\r\na@example.com,O’Malley\r\n".encode("cp1252"),
        {"a@example.com": ["", "O’Malley"]},
    ),
    "lines of an old Mac": (
        b"E-mail,First name\ra@example.com,Ada\rb@example.com,Bo\r",
        {"a@example.com": ["Ada", ""], "b@example.com": ["Bo", ""]},
    ),
    "lines of every system": (
        b"E-mail,First name\r\na@example.com,A\nb@example.com,B\rc@example.com,C",
        {"a@example.com": ["A", ""], "b@example.com": ["B", ""], "c@example.com": ["C", ""]},
    ),
    "quoted lines": (b'E-mail,First name\r\na@example.com,"Ann\r\nMay"\r\n', {"a@example.com": ["Ann\r\nMay", ""]}),
    "names with their marks around them": (
        '"Mail","First name"\n"Byron, Ada" <a@münchen.example>,Ada\n"Bo" <b@example.com>,"Bo ""B"""\n'.encode(),
        {"a@münchen.example": ["Ada", ""], "b@example.com": ['Bo "B"', ""]},
    ),
    "marks that nobody sees": (
        "\ufeffE-mail,\ufeffFirst name\u200b,Last name\n\ufeffa@example.com,\u202bמשה\u202c,\u200fכהן\u00a0\n".encode(),
        {"a@example.com": ["משה", "כהן"]},
    ),
    "10,000 columns, two of them named": (
        b"E-mail,First name" + b"," * 9_998 + b"\na@example.com,Ann" + b"," * 9_998 + b"\nb@example.com,Bo\n",
        {"a@example.com": ["Ann", ""], "b@example.com": ["Bo", ""]},
    ),
    "cells that a sheet says once for several": (
        ods(
            [
                [text("E-mail"), text("First name"), text("Last name"), REPEATED.format(1_020) + "/>"],
                [text("a@example.com"), REPEATED.format(2) + text("Ona"), REPEATED.format(1_020) + "/>"],
                [REPEATED.format(1_023) + "/>"],
                [text("b@example.com"), REPEATED.format(1_022) + "/>"],
            ]
        ),
        {"a@example.com": ["Ona", "Ona"], "b@example.com": ["", ""]},
    ),
    "a list of JSON": (
        b'[{"email": "a@example.com", "first name": "Ada", "tags": []}, {"email": "b@example.com"}]',
        {"a@example.com": ["Ada", ""], "b@example.com": ["", ""]},
    ),
    "a list of JSON, written wide": (
        '[\n  {\n    "email": "a@example.com",\n    "last name": "Škoda"\n  }\n]\n'.encode(),
        {"a@example.com": ["", "Škoda"]},
    ),
    "lists of JSON in cells": (
        b'E-mail;First name\n"[""a@example.com""]";Ada\n"[{""value"": ""b@example.com""}]";Bo\n',
        {"a@example.com": ["Ada", ""], "b@example.com": ["Bo", ""]},
    ),
    "quotes as MySQL writes them": (
        b'"Mail","First name","Last name"\n"a@example.com","Ada \\"Ace\\"","Byron"\n"b@example.com","\\"Bo\\"","Ek"\n',
        {"a@example.com": ['Ada "Ace"', "Byron"], "b@example.com": ['"Bo"', "Ek"]},
    ),
    "the mark by which DOS ends a file": (
        b"E-mail,First name\r\na@example.com,Ada\r\n\x1a",
        {"a@example.com": ["Ada", ""]},
    ),
    "words for nothing": (
        "E-mail,First name,Last name\na@example.com,-,n/a\nb@example.com,\u2013,--\n".encode(),
        {"a@example.com": ["", ""], "b@example.com": ["", ""]},
    ),
    "a spreadsheet's lines in quotes": (
        b'"E-mail,First name,""Last name"""\n"a@example.com,Ada,""Byron, King"""\n"b@example.com,Bo,Ek"\n',
        {"a@example.com": ["Ada", "Byron, King"], "b@example.com": ["Bo", "Ek"]},
    ),
    "carets": (b"E-mail^First name^Last name\na@example.com^Ada^Byron\n", {"a@example.com": ["Ada", "Byron"]}),
    "units of old systems": (b"E-mail\x1fFirst name\na@example.com\x1fAda\n", {"a@example.com": ["Ada", ""]}),
    "texts in quotes as of databases": (
        b"'E-mail','First name'\n'a@example.com','Ada'\n",
        {"a@example.com": ["Ada", ""]},
    ),
    "links": (
        b'E-mail;First name\n<a href="mailto:a@example.com">Ada</a>;Ada\n',
        {"a@example.com": ["Ada", ""]},
    ),
    "Czech": (
        "Jméno;Příjmení;E-mail\nJiří;Růžička;a@example.com\n".encode("cp1250"),
        {"a@example.com": ["Jiří", "Růžička"]},
    ),
    "Hebrew": ("שם פרטי,שם משפחה,דואר אלקטרוני\nדנה,כהן,a@example.com\n".encode(), {"a@example.com": ["דנה", "כהן"]}),
    "names of columns with what a form says of them": (
        b"Email (required),First name (optional),Last name (Pflichtfeld)\na@example.com,Ada,Byron\n",
        {"a@example.com": ["Ada", "Byron"]},
    ),
    "vCard with a picture whose lines begin with no blank": (
        b"BEGIN:VCARD\nVERSION:2.1\nN:Byron;Ada\nPHOTO;ENCODING=BASE64:\n/9j/4A\nSkZJRg==\n\nEMAIL:a@example.com\nEND:VCARD\n",
        {"a@example.com": ["Ada", "Byron"]},
    ),
    "vCard with a note that was broken": (
        b"BEGIN:VCARD\nVERSION:3.0\nN:Byron;Ada\nNOTE:likes tea\nand cake\nEMAIL:a@example.com\nEND:VCARD\n",
        {"a@example.com": ["Ada", "Byron"]},
    ),
    "vCard of a phone": (CARD.format("UTF-8", "M=C3=BCller;J=C3=B6rg").encode(), {"a@example.com": ["Jörg", "Müller"]}),
    "vCard of an older phone": (
        CARD.format("ISO-8859-1", "Garc=EDa;Jos=E9").encode(),
        {"a@example.com": ["José", "García"]},
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_of_every_day(name: str) -> None:
    content, right = GOOD[name]
    report = load(content)
    assert people() == right
    assert (report.problems, report.rows) == ([], len(right))


def of_one_file(**files: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return raw.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "no text"),
    "a web page": (
        lambda: b"<!DOCTYPE html><table><tr><td>E-mail</td></tr></table>",
        "web page or XML. Open it in a spread",
    ),
    "XML": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?><people/>', "web page or XML"),
    "a list of JSON that was cut off": (lambda: b'[\n{"email": "a@example.com"},\n{"ema', "from line 3 on"),
    "a list of JSON without its end": (lambda: b'[{"email": "a@example.com"}\n', "from line 2 on"),
    "a list of JSON that is damaged": (lambda: b'[{"email": "a@example.com"}, {"email" "b"}]', "damaged or cut off"),
    "a list of JSON with nothing in it": (lambda: b" [ ]", "The list holds no JSON object"),
    "a document of Numbers": (
        lambda: of_one_file(**{"Index/Document.iwa": "x", "preview.jpg": "x"}),
        "a document of another program",
    ),
    "a document of Word": (
        lambda: of_one_file(**{"[Content_Types].xml": "x", "word/document.xml": "x"}),
        "a document of another program",
    ),
    "a workbook under a password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le"),
        "locked with a password",
    ),
    "an archive of nothing": (of_one_file, "no file in the archive"),
    "lines of several addresses": (lambda: b"a@example.com; b@example.com\nc@example.com\n", "Name the columns"),
    "an object of JSON around a list of nobody": (
        lambda: b'{"contacts":[{"name":"Ann"},{"name":"Bob"}]}',
        "No column holds e-mail addresses",
    ),
    "a title above the table": (
        lambda: b"Customers of May\n\nTheirs,First name\nnobody,Ann\n",
        "If that is a title",
    ),
    "a sheet before the table": (
        lambda: saved(Cover=[["See the next sheet"]], People=[["E-mail"], ["a@example.com"]]),
        "choose another sheet: People",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_said_with_what_to_do(name: str) -> None:
    made, why = REFUSED[name]
    with pytest.raises((FileRefused, AddressMissing), match=why):
        load(made())
    assert not Contact.objects.exists()


def test_a_cell_that_holds_nothing_after_all_keeps_what_the_record_has() -> None:
    load("E-mail,First name,Phone,Birthday,Lead score\na@example.com,Ann,+44 20 7946 0000,1990-05-17,7\n")
    nothing = '"=""""",{0},"=""""","="""""'
    for phone in ('"="""""', ";", " ::: ", "\u200b"):
        report = load(f"E-mail,First name,Phone,Birthday,Lead score\na@example.com,{nothing.format(phone)}\n")
        assert (counts(report), report.problems) == ((0, 0, 1, 0), [])
    ann = Contact.objects.get()
    assert (ann.first_name, ann.phone, str(ann.birthday), ann.lead_score) == (
        "Ann",
        "+44 20 7946 0000",
        "1990-05-17",
        7,
    )


def test_what_was_chosen_for_a_field_that_is_gone_does_not_count() -> None:
    columns = {"E-mail": "email", "Size": "shoe_size"}
    FileShape.objects.create(entity="crm.contact", shape=shape_of(list(columns)), columns=columns)
    assert counts(load("E-mail,Size\na@example.com,9\n")) == (1, 0, 0, 0)


def test_an_address_that_is_not_there_after_all_is_not_told_beside_one_that_is() -> None:
    report = load('E-mail,E-mail 2\na@example.com,"="""""\n"=""""","="""""\n')
    assert [(problem.line, problem.why) for problem in report.problems] == [(3, "There is no e-mail address.")]


def test_zeros_in_a_file_are_told_where_they_stand() -> None:
    report = load(b"E-mail,First name\na@example.com,A\0nn\nb\0@example.com,Bo\nc@example.com,Cy\n" + bytes(4_096))
    assert people() == {"a@example.com": ["", ""], "c@example.com": ["Cy", ""]}
    assert [(problem.line, problem.column, problem.taken) for problem in report.problems] == [
        (2, "First name", True),
        (3, "E-mail", False),
        (5, "E-mail", False),
    ]
    assert "the number 0" in report.problems[0].why


def test_a_formula_without_its_result_is_told_and_keeps_what_the_record_has(keeper: OptOutKeeper) -> None:
    load("E-mail,First name,Phone\na@example.com,Ann,+44 20 7946 0000\n")
    report = load(
        saved(
            People=[
                ["E-mail", "First name", "Phone", "Email opt out"],
                ["a@example.com", '=CONCATENATE("A","n")', "=B2", None],
                ["b@example.com", "Bo", None, "=1=1"],
            ]
        )
    )
    told = [(problem.line, problem.column, problem.value) for problem in report.problems]
    assert told == [(2, "First name", '=CONCATENATE("A","n")'), (2, "Phone", "=B2"), (3, "Email opt out", "=1=1")]
    assert "its result is not in the file" in report.problems[0].why
    assert "save it there" in report.problems[0].mend
    assert people() == {"a@example.com": ["Ann", ""], "b@example.com": ["Bo", ""]}
    assert keeper.emails() == {"b@example.com"}, "what cannot be understood there counts"


def test_a_whole_name_that_is_a_formula_is_nobodys_name() -> None:
    report = load(saved(People=[["E-mail", "Name"], ["a@example.com", '="Ada "&"Byron"']]))
    assert people() == {"a@example.com": ["", ""]}
    assert [problem.column for problem in report.problems] == ["Name"]


def test_the_result_of_a_formula_may_be_nothing() -> None:
    cells = '<row r="2"><c r="A2" t="str"><f>x</f><v>a@example.com</v></c><c r="B2" t="str"><f>""</f><v></v></c></row>'
    assert load(workbook(cells + row(3, A="b@example.com", B="Bo"))).problems == []
    assert people() == {"a@example.com": ["", ""], "b@example.com": ["", "Bo"]}


def test_a_quote_that_is_closed_far_below_costs_only_its_lines() -> None:
    long = "more of it\n" * 150
    report = load(f'E-mail,Notes\na@example.com,"begins\n{long}ends"\nb@example.com,ok\n')
    assert people() == {"b@example.com": ["", ""]}
    assert "not closed within 100 lines" in report.problems[0].why
    assert (report.rows, report.refused) == (153, 152)


@given(st.from_regex(r"\+?(?:[ ()./-]{0,3}[0-9]){7,15}", fullmatch=True))
def test_a_number_as_nearly_all_are_typed_is_one_for_the_library_too(typed: str) -> None:
    assert read_phones(typed) == (" ".join(typed.split()),)
    # Two numbers in a cell are asked of the library, one by one.
    assert read_phones(f"{typed} ::: {typed}") == (" ".join(typed.split()),)
