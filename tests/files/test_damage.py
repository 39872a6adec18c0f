"""What programs leave in a cell in place of the value, in the languages of their users."""

# ruff: noqa: RUF001 - what people type is the point

from __future__ import annotations

import time

import pytest

from dotbridge.files.addresses import read_address
from dotbridge.files.consent_columns import ConsentColumn
from dotbridge.files.consent_headers import ConsentKind
from dotbridge.files.damage import Unreadable, check_text, unwrapped
from dotbridge.files.numbers import NumberColumn
from dotbridge.files.phones import read_phones
from dotbridge.files.targets import file_target
from dotbridge.files.values import ColumnReader


@pytest.mark.parametrize(
    "text",
    [
        *("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "########", "#WERT!", "#NV"),
        *("#BEZUG!", "#ZAHL!", "#VALEUR!", "#NOM?", "#¡VALOR!", "#¿NOMBRE?", "#¡REF!", "#N/D", "#RIF!", "4.47911E+12"),
        *(
            "4,47911E+12",
            "J\N{REPLACEMENT CHARACTER}rgen",
            "MÃ¼ller",
            "â‚¬ 5",
            "ÐŸÑ‘Ñ‚Ñ€",
            "O\u00e2\u0080\u0099Malley",
            "\0",
        ),
    ],
)
def test_damage_is_told(text: str) -> None:
    with pytest.raises(Unreadable) as damaged:
        check_text(text)
    assert damaged.value.why
    assert damaged.value.mend


@pytest.mark.parametrize(
    "text", ["#1", "# 5", "#hashtag", "1E5", "Ã", "Müller", "São João", "Â", "C# developer", "4.5", "Ñandú"]
)
def test_what_only_looks_like_it_is_taken(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('="0044"', "0044"),
        ('="say ""hi"""', 'say "hi"'),
        ("'+44", "+44"),
        ("'=1+1", "=1+1"),
        ("'0044", "0044"),
        ("'t Hooft", "'t Hooft"),
        ("=1+1", "=1+1"),
        ("'", "'"),
    ],
)
def test_what_keeps_a_spreadsheet_from_counting_is_taken_off(text: str, bare: str) -> None:
    assert unwrapped(text) == bare


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("\ufeff\u00a0 ada@example.com\u200b ", ["ada@example.com"]),
        ("a@example.com b@example.com", ["a@example.com", "b@example.com"]),
        ("<a@example.com>; Bob <b@example.com>", ["a@example.com", "b@example.com"]),
        ("Doe, Jo <jo@example.com>", ["jo@example.com"]),
        ("mailto:jo@example.com?subject=hi", ["jo@example.com"]),
        ("“jo@example.com”", ["jo@example.com"]),
        ("jo@xn--mnchen-3ya.example", ["jo@münchen.example"]),
        ("jo@MÜNCHEN.example", ["jo@münchen.example"]),
        ("me at home@example.com", []),
        ("a@example.com and more", []),
        ("a@example.com; nobody", []),
        ("https://x.example/?e=a@example.com", []),
        ("a@example", []),
        ("x" * 65 + "@example.com", []),
    ],
)
def test_addresses_in_a_cell(cell: str, addresses: list[str]) -> None:
    found = read_address(cell)
    assert list(found.addresses) == addresses
    assert bool(found.why) is not bool(addresses)


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("+44 20 7946 0001 ::: +44 20 7946 0002", ["+44 20 7946 0001", "+44 20 7946 0002"]),
        ("+44 20 7946 0001; +442079460001", ["+44 20 7946 0001"]),
        ("(020) 7946-0001 ext. 5", ["(020) 7946-0001 ext. 5"]),
        ("0171/1234567", ["0171/1234567"]),
        ("911", ["911"]),
    ],
)
def test_phones_in_a_cell(cell: str, numbers: list[str]) -> None:
    assert list(read_phones(cell)) == numbers


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("42,50 €", "42.50"),
        ("€ 42", "42"),
        ("$1,200.50", "1200.50"),
        ("USD 42", "42"),
        ("42.00 CHF", "42.00"),
        ("42-", "-42"),
        ("(42)", "-42"),
        ("\N{MINUS SIGN}42", "-42"),
    ],
)
def test_a_currency_and_the_place_of_a_minus_are_no_part_of_a_number(written: str, number: str) -> None:
    column = NumberColumn(is_whole=False)
    column.observe(written)
    assert str(column.read(written)) == number


@pytest.mark.parametrize("filling", [" ", "\t", ",", ";", "a ", "1 ", "1.", "<", "(", ": ", "-", "'"])
def test_hostile_cells_cost_no_time(filling: str) -> None:
    cell = "a" + filling * 50_000 + "b"
    target = next(field for field in file_target("crm.contact").fields.values() if field.name == "birthday")
    dates, numbers = ColumnReader(target), NumberColumn(is_whole=False)
    labels = ConsentColumn("Labels", ConsentKind.LABELS)
    began = time.process_time()
    assert not read_address(cell).addresses
    for column in (dates, numbers, labels):
        column.observe(cell)
    for read in (dates.read, numbers.read, read_phones):
        with pytest.raises(Unreadable):
            read(cell)
    labels.read(cell)
    check_text(cell)
    unwrapped(cell)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("cell", ["ask Ann", "12", "4.47911E+12", "447911E12", "1234567890123456789012345"])
def test_what_is_no_phone(cell: str) -> None:
    with pytest.raises(Unreadable):
        read_phones(cell)
