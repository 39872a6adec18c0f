"""Small files that went wrong elsewhere, each with the right value of it.

Kinds, and the second place found for each: an encoding taken for another (k1, k4, k7, p2b, p3b, p4; and whole files of
UTF-8 that some program has read as something else: test_damage); several values in one cell or column (a, i, j; vCard
and JSON lists: test_formats); what a spreadsheet leaves in place of a value (c, l5; in names and of other languages:
test_damage); an order or mark that one cell cannot tell (d, e; moments of consent: test_consent); lines of unequal
length (f, l1; rows of a workbook: test_formats); a person lost for a value that nobody needs (l3; damaged letters:
test_loading); a name taken apart wrongly (l4); consent that is passed over (l6); two people for one (l8, n7; the two
spellings of a domain: test_loading).
"""

# ruff: noqa: RUF001 - typographic quotes are the point

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dotbridge.crm.models import Account, Contact, ContactEmail, ContactPhone
from tests.backoffice.world import empty_queue
from tests.files.conftest import Load, OptOutKeeper, command_case, counts, load_case, page_case

pytestmark = pytest.mark.django_db(transaction=True)
WAYS: dict[str, Load] = {"function": load_case, "command": command_case, "pages": page_case}


@pytest.fixture(params=WAYS)
def load_case_by(request: pytest.FixtureRequest) -> Load:
    """The ways in: the function behind them, the command line, and the pages of the back office."""
    empty_queue()
    return WAYS[request.param]


def of(email: str) -> Contact:
    return Contact.objects.get(emails__email=email, emails__is_primary=True)


def column(name: str) -> dict[str, Any]:
    """A field of every contact, by the part of the address before the @."""
    rows = ContactEmail.objects.filter(is_primary=True).values_list("email", f"contact__{name}")
    return {email.partition("@")[0]: value for email, value in rows}


def left_out(report: Any) -> list[tuple[int, str, str]]:
    assert all(problem.why and problem.mend for problem in report.problems)
    return [(problem.line, problem.column, problem.value) for problem in report.problems if problem.taken]


def test_typographic_signs_of_windows(load_case_by: Load) -> None:
    for name in ("k1_apostrophe", "k4_quotes", "k7_pound"):
        assert load_case_by(name).encoding == "cp1252"
    assert of("k01@example.com").last_name == "O’Malley"
    assert of("k04@example.com").notes == "said “hello”"
    assert of("k07@example.com").notes == "owes £5"


def test_german_with_a_euro_sign(load_case_by: Load) -> None:
    assert load_case_by("p4_german_euro_cp1252").encoding == "cp1252"
    assert (of("p10@example.com").last_name, of("p10@example.com").notes) == ("Müller", "Preis 0 €")


def test_czech_and_hungarian_of_windows(load_case_by: Load) -> None:
    assert load_case_by("p2b_czech_30_cp1250").encoding == "cp1250"
    assert load_case_by("p3b_hungarian_30_cp1250").encoding == "cp1250"
    assert {"Novák", "Veselý", "Růžička", "Dvořák", "Šimek", "Černý", "Szőke", "Kőműves"} <= {
        *Contact.objects.values_list("last_name", flat=True)
    }
    assert {"Eliška", "Zdeněk", "Jiří", "Tomáš", "László", "Győző"} <= {
        *Contact.objects.values_list("first_name", flat=True)
    }
    assert Contact.objects.count() == 60


def test_googles_export(load_case_by: Load) -> None:
    report = load_case_by("a_google")
    assert counts(report) == (3, 0, 0, 0)
    assert left_out(report) == [(2, "Birthday", "--05-17")]
    assert column("first_name") == {"g01": "Ines", "g02": "Otto", "g03w": "Mia"}
    assert column("birthday") == {"g01": None, "g02": datetime.date(1988, 5, 17), "g03w": None}
    assert column("phone") == {"g01": "+44 20 7946 0001", "g02": "+44 20 7946 0002", "g03w": "+44 20 7946 0003"}
    further = ContactEmail.objects.filter(is_primary=False).values_list("contact__first_name", "email")
    assert set(further) == {("Ines", "g01w@example.com"), ("Otto", "g02b@example.com")}
    assert ContactPhone.objects.values_list("phone", flat=True).get() == "+44 20 7946 0012"
    ines = of("g01@example.com")
    assert (str(ines.account), ines.job_title) == ("Acme Ltd", "CTO")


def test_columns_of_one_name(load_case_by: Load) -> None:
    load_case_by("i_dup_headers")
    assert column("first_name") == {"i01": "Ann", "i02": "Bob"}
    assert ContactEmail.objects.get(is_primary=False).email == "i02b@example.com"


def test_what_a_spreadsheet_leaves_in_a_cell(load_case_by: Load) -> None:
    report = load_case_by("c_excel")
    assert column("phone") == {
        "x01": "",
        "x02": "00447911123",
        "x03": "0044791112",
        "x04": "+447911123456",
        "x05": "",
        "x06": "",
    }
    assert column("first_name")["x05"] == ""
    assert left_out(report) == [
        (2, "Phone", "4.47911E+12"),
        (6, "First name", "#N/A"),
        (6, "Phone", "#NAME?"),
        (7, "Phone", "#REF!"),
    ]


def test_damage_never_overwrites_a_good_value(load_case_by: Load) -> None:
    load_case_by("l5_overwrite_a")
    report = load_case_by("l5_overwrite_b")
    ann = of("l12@example.com")
    assert (ann.first_name, ann.phone, ann.birthday) == ("Ann", "+44 7911 123456", datetime.date(1990, 5, 17))
    assert left_out(report) == [
        (2, "First name", "#N/A"),
        (2, "Phone", "4.47911E+11"),
        (2, "Birthday", "05-04-1990"),
    ]
    assert counts(report) == (0, 0, 1, 0)


def test_an_order_of_day_and_month_is_the_columns(load_case_by: Load) -> None:
    for name in ("d_dates_us_dash", "d_dates_us_slash", "d_dates_uk_slash"):
        assert left_out(load_case_by(name)) == []
    day = datetime.date
    assert column("birthday") == {
        "d01": day(1990, 5, 17),
        "d02": day(1990, 5, 4),
        "d03": day(1985, 12, 31),
        "d11": day(1990, 5, 17),
        "d12": day(1990, 5, 4),
        "d13": day(1985, 12, 31),
        "d21": day(1990, 5, 17),
        "d22": day(1990, 5, 4),
        "d23": day(1985, 12, 31),
    }


def test_thousands_and_decimals_are_the_columns(load_case_by: Load) -> None:
    report = load_case_by("e_numbers")
    assert list(column("lead_score").values()) == [1000, 12000, 1500, 1000, 1000, 42, None, None, 999999999]
    assert left_out(report) == [(8, "Lead score", "42%"), (9, "Lead score", "2147483648")]


def test_lines_of_unequal_length(load_case_by: Load) -> None:
    report = load_case_by("f_short")
    assert column("first_name") == {"f01": "Jo", "f02": "Ge", "f04": "La"}
    assert [problem.line for problem in report.problems] == [5]
    report = load_case_by("l1_trailing_header")
    assert (report.problems, report.unused_columns) == ([], [])
    assert column("first_name") | {"l01": "Ann", "l02": "Bob"} == column("first_name")


def test_nobody_is_lost_for_a_value_that_is_too_long(load_case_by: Load) -> None:
    report = load_case_by("l3_long_language")
    assert column("language") == {"l05": "", "l06": "en"}
    assert left_out(report) == [(2, "Language", "English (United Kingdom)")]


def test_names_in_one_column(load_case_by: Load) -> None:
    load_case_by("l4_suffix")
    names = {key: (first, column("last_name")[key]) for key, first in column("first_name").items()}
    assert names == {
        "l07": ("Martin", "King"),
        "l08": ("Ada", "Byron"),
        "l09": ("", ""),
        "l10": ("Ada", "Byron"),
        "l11": ("Sam", "Poe"),
    }
    assert str(of("l09@example.com").account) == "Acme Widgets, Inc."


def test_addresses(load_case_by: Load) -> None:
    report = load_case_by("j_addresses")
    refused = {problem.line for problem in report.problems if not problem.taken}
    assert column("first_name") == {
        "j01": "A",
        "j02": "B",
        "j.o'hara03": "C",
        "j04+tag": "D",
        "j06": "F",
        "j07": "G",
        "j08": "H",
        "jü09": "I",
        "j16": "P",
        "J17": "Q",
        "j18": "R",
        "j22": "W",
        "j23": "X",
    }
    assert refused == {6, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 26, 27}
    assert report.refused == 12
    assert of("j08@münchen.example").first_name == "H"
    assert ContactEmail.objects.get(is_primary=False).email == "j06b@example.com"
    clash = next(problem for problem in report.problems if problem.line == 20)
    assert clash.value == "J18@example.com"


def test_the_first_person_has_opted_out(load_case_by: Load, keeper: OptOutKeeper) -> None:
    report = load_case_by("l6_optout")
    assert report.opted_out == 1
    assert report.consent_columns == ["Unsubscribed from all email", "Email Opt Out"]
    assert keeper.emails() == {"l13@example.com"}
    assert [(row.column, row.value, row.line, row.record_id) for row in keeper.rows] == [
        ("Unsubscribed from all email", "Yes", 2, of("l13@example.com").pk),
        ("Email Opt Out", "1", 2, of("l13@example.com").pk),
    ]


@pytest.mark.parametrize(
    ("decision", "names"),
    [(None, ["Ann"]), ("first", ["Ann"]), ("last", ["Bob"]), ("both", ["Ann", "Bob"])],
)
def test_two_people_with_one_address(load_case_by: Load, decision: str | None, names: list[str]) -> None:
    for _again in range(2):
        report = load_case_by("l8_family", same_address=decision)
        assert sorted(Contact.objects.values_list("first_name", flat=True)) == names
        told = [(problem.line, problem.column, "Line 2" in problem.why) for problem in report.problems]
        assert told == ([(3, "First name", True)] if decision is None else [])


def test_a_company_in_three_spellings(load_case_by: Load) -> None:
    load_case_by("n7_company_case")
    assert Account.objects.get().name == "Northwind Ltd"
    assert Contact.objects.filter(account__isnull=False).count() == 3
