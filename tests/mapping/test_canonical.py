"""One form for what we send, what Dotdigital answers and what a record holds."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotbridge.entities.registry import FieldKind
from dotbridge.mapping.canonical import DoesNotFit, canonical, coerced


@pytest.mark.parametrize(
    ("kind", "forms"),
    [
        (FieldKind.INTEGER, ["7", "7.0", " 7 ", "+7", "7e0", "007"]),
        (FieldKind.DECIMAL, ["7.5", "7.50", "75e-1"]),
        (FieldKind.DECIMAL, ["0", "0.00", "-0"]),
        (FieldKind.BOOLEAN, ["true", "True", "Yes", "1", " TRUE "]),
        (FieldKind.BOOLEAN, ["false", "No", "0"]),
        (FieldKind.DATE, ["2026-01-31", "2026-01-31T00:00:00", "2026-01-31T00:00:00.000Z", "2026-01-31 10:09:22"]),
        (
            FieldKind.DATETIME,
            [
                "2026-01-31T12:00:00",
                "2026-01-31T12:00:00.000Z",
                "2026-01-31 12:00:00",
                "2026-01-31T14:00:00+02:00",
                "2026-01-31T12:00:00.4567Z",
            ],
        ),
        (FieldKind.STRING, ["two\nlines", "two\r\nlines", " two\nlines "]),
        (FieldKind.INTEGER, [None, "", "  "]),
        (FieldKind.DATE, [None, "0001-01-01T00:00:00", "0001-01-01T00:00:00Z"]),
        (FieldKind.INTEGER, ["not a number", " not a number "]),
    ],
)
def test_forms_of_one_value_are_equal(kind: FieldKind, forms: list[str | None]) -> None:
    assert len({canonical(kind, form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (FieldKind.INTEGER, "7", "8"),
        (FieldKind.INTEGER, "7", "7.5"),
        (FieldKind.DECIMAL, "0.1", "0.10000000000000001"),
        (FieldKind.BOOLEAN, "true", None),
        (FieldKind.BOOLEAN, "false", None),
        (FieldKind.DATE, "2026-01-31", "2026-02-01"),
        (FieldKind.DATETIME, "2026-01-31T12:00:00", "2026-01-31T12:00:01"),
        (FieldKind.STRING, "7", "7.0"),
        (FieldKind.STRING, "Ann", "ann"),
    ],
)
def test_different_values_differ(kind: FieldKind, one: str, other: str | None) -> None:
    assert canonical(kind, one) != canonical(kind, other)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (FieldKind.INTEGER, "7.0", 7),
        (FieldKind.DECIMAL, "7.50", Decimal("7.5")),
        (FieldKind.BOOLEAN, "No", False),
        (FieldKind.DATE, "2026-01-31T00:00:00.000Z", datetime.date(2026, 1, 31)),
        (FieldKind.DATE, "2026-01-31T00:00:00+05:00", datetime.date(2026, 1, 31)),
        (FieldKind.DATETIME, "2026-01-31T12:00:00", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
        (FieldKind.STRING, " as it is ", " as it is "),
        (FieldKind.STRING, "", None),
    ],
)
def test_what_a_record_takes(kind: FieldKind, text: str, value: Any) -> None:
    assert coerced(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (FieldKind.INTEGER, "7.5", "whole number"),
        (FieldKind.DECIMAL, "NaN", "not a number"),
        (FieldKind.DECIMAL, "1e999999", "too many digits"),
        (FieldKind.DECIMAL, "1e-999999", "too many digits"),
        (FieldKind.BOOLEAN, "maybe", "neither true nor false"),
        (FieldKind.DATE, "31/01/2026", "not a date"),
        (FieldKind.DATETIME, "9999-12-31T23:59:59-10:00", "out of range"),
        (FieldKind.OTHER, "x", "no plain value"),
    ],
)
def test_what_it_does_not_take(kind: FieldKind, text: str, why: str) -> None:
    with pytest.raises(DoesNotFit, match=why):
        coerced(kind, text)
    assert canonical(kind, text) == text


@given(kind=st.sampled_from(FieldKind), text=st.text())
def test_any_text_has_a_form_and_the_form_is_its_own(kind: FieldKind, text: str) -> None:
    form = canonical(kind, text)
    assert canonical(kind, form) == form
