"""Workbooks that are sent while they are made: right in every reader, and never here as a whole."""
# ruff: noqa: DTZ001 - a workbook knows no time zones

from __future__ import annotations

import io
import itertools
import tracemalloc
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from dotbridge import workbooks
from dotbridge.workbooks import workbook_pieces

ROW = [
    *(7, -1.5, Decimal("12.30"), True, None, "", 'O\'Brien <&> "x"', "  two\nlines ", "Łódź 東京", "\x0b"),
    *(date(1990, 5, 17), datetime(2024, 5, 17, 10, 30), time(10, 30), float("nan"), "x" * 40_000, object),
]
RIGHT = [
    *(7, -1.5, 12.3, True, None, None, 'O\'Brien <&> "x"', "  two\nlines ", "Łódź 東京", "\N{REPLACEMENT CHARACTER}"),
    *(datetime(1990, 5, 17), datetime(2024, 5, 17, 10, 30), time(10, 30), "nan", "x" * 32_767, "<class 'object'>"),
]


def test_every_value_is_read_as_what_it_is() -> None:
    raw = b"".join(workbook_pieces(["Head"], [ROW]))
    (sheet,) = load_workbook(io.BytesIO(raw)).worksheets
    assert [cell.value for cell in sheet[2]] == RIGHT
    assert sheet["A1"].value == "Head"
    other = CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()
    assert other[1][6:9] == RIGHT[6:9]
    assert (other[1][10], other[1][11]) == (date(1990, 5, 17), datetime(2024, 5, 17, 10, 30))


def test_a_workbook_without_anybody_has_its_headings() -> None:
    (sheet,) = load_workbook(io.BytesIO(b"".join(workbook_pieces(["Head"], [])))).worksheets
    assert list(sheet.iter_rows(values_only=True)) == [("Head",)]


@pytest.mark.parametrize(("limit", "value"), [("MOST_ROWS", 3), ("MOST_BYTES", 150)])
def test_what_a_sheet_does_not_hold_stands_on_further_ones(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(workbooks, limit, value)
    raw = b"".join(workbook_pieces(["Head"], ([number] for number in range(5))))
    sheets = [list(each.iter_rows(values_only=True)) for each in load_workbook(io.BytesIO(raw)).worksheets]
    assert len(sheets) > 1
    assert all(rows[0] == ("Head",) for rows in sheets)
    assert [row[0] for rows in sheets for row in rows[1:]] == [0, 1, 2, 3, 4]


def test_it_comes_while_it_is_made_and_takes_no_room() -> None:
    made = itertools.count()
    rows = ([next(made), f"somebody.{number}@example.com", "Ada", "Byron"] for number in range(100_000))
    tracemalloc.start()
    pieces = workbook_pieces(["Number", "E-mail", "First", "Last"], rows)
    size = len(next(pieces))
    assert next(made) < 50_000, "the first piece is here long before the last row"
    size += sum(map(len, pieces))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 1_000_000
    assert peak < 2_000_000
