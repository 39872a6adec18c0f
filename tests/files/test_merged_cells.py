"""Cells of workbooks that are merged over several rows: what they say is said of every one of them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import openpyxl
import pytest

from dotbridge.crm.models import Contact
from dotbridge.files import merged_cells
from dotbridge.files.errors import FileRefused
from tests.files.conftest import OptOutKeeper, load
from tests.files.test_formats import ods, text, xlsb

pytestmark = pytest.mark.django_db

ROWS = [
    ["E-mail", "Company", "Status"],
    ["a@example.com", "Acme", "Subscribed"],
    ["b@example.com", "", "Unsubscribed"],
    ["c@example.com", "", ""],
    ["d@example.com", "Bolt", ""],
    ["e@example.com", "", ""],
]
OUT = {"b@example.com", "c@example.com", "d@example.com"}


def xlsx(rows: Sequence[Sequence[object]], *merged: str) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def opendocument(rows: list[list[str]]) -> bytes:
    def cell(value: str) -> str:
        return text(value) if value else "/>"

    written = [[cell(value) for value in row] for row in rows]
    written[1][1] = f'table:number-rows-spanned="3" table:number-columns-spanned="1" {cell("Acme")}'
    written[2][2] = f'table:number-rows-spanned="3" table:number-columns-spanned="1" {cell("Unsubscribed")}'
    return ods(written)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(xlsx(ROWS, "B2:B4", "C3:C5"), id="xlsx"),
        pytest.param(opendocument(ROWS), id="ods"),
        pytest.param(xlsb(ROWS, (1, 3, 1, 1), (2, 4, 2, 2)), id="xlsb"),
    ],
)
def test_what_is_merged_over_rows_is_said_of_each(content: bytes, keeper: OptOutKeeper) -> None:
    assert load(content).created == 5
    assert keeper.emails() == OUT
    assert dict(Contact.objects.values_list("emails__email", "account__name")) == {
        "a@example.com": "Acme",
        "b@example.com": "Acme",
        "c@example.com": "Acme",
        "d@example.com": "Bolt",
        "e@example.com": None,
    }


def test_several_columns_at_once_are_merged_for_each_of_their_rows(keeper: OptOutKeeper) -> None:
    rows = [["E-mail", "Note", "Status"], ["a@example.com", "Unsubscribed"], ["b@example.com"], ["c@example.com"]]
    assert load(xlsx(rows, "B2:C3")).created == 3
    assert keeper.emails() == {"a@example.com", "b@example.com"}


def test_a_mark_beside_the_table_is_said_of_those_beside_it(keeper: OptOutKeeper) -> None:
    rows = [["", "E-mail"], ["", "a@example.com"], ["Unsubscribed", "b@example.com"], ["", "c@example.com"]]
    load(xlsx(rows, "A3:A4"))
    assert keeper.emails() == {"b@example.com", "c@example.com"}


def test_titles_and_headings_that_are_merged_make_nobody() -> None:
    rows = [["Our people", "", ""], ["", "", ""], ["E-mail", "Name", ""], ["", "First name", "Last name"]]
    content = xlsx([*rows, ["a@example.com", "Ada", "Byron"]], "A1:C2", "A3:A4", "B3:C3", "A6:C9")
    report = load(content)
    assert (report.created, report.problems) == (1, [])
    assert [line.line for line in report.skipped_lines] == [1, 3]
    assert Contact.objects.get().last_name == "Byron"


def test_more_merged_cells_than_any_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_cells, "MOST_AREAS", 1)
    with pytest.raises(FileRefused, match="merged cells"):
        load(xlsx(ROWS, "B2:B4", "C3:C5"))
