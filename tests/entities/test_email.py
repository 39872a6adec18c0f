"""One rule for a plausible address: Python and PostgreSQL must never disagree about it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, TextField, Value
from django.db.models.sql import Query
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dotbridge.crm.models import Lead
from dotbridge.entities.email import address_key, is_plausible, normalised, plausible_q

PLAUSIBLE = [
    "ada@example.com",
    "a@b.c",
    "first.last+tag@sub.example.co.uk",
    "übung@example.org",
    "reader@bücher.example",
    "почта@почта.example",
    "o'brien@example.com",
    "x" * 242 + "@example.com",
    "emoji🌞@example.com",
    "a\u200cb@example.com",
]
NOT_PLAUSIBLE = [
    "",
    "ada",
    "ada@",
    "@example.com",
    "ada@example",
    "ada@.example.com",
    "ada@example.com.",
    "ada@example..com",
    "ada@.",
    "a@b@example.com",
    "ada @example.com",
    " ada@example.com",
    "ada@example.com ",
    "ada@example.com\n",
    "ada@exam\nple.com",
    "ada\t@example.com",
    "ada\u00a0@example.com",
    "ada\u3000@example.com",
    "ada\u2028@example.com",
    "ada\u200b@example.com",
    "\ufeffada@example.com",
    "\u202eada@example.com",
    "ada\x7f@example.com",
    "ada,bob@example.com",
    "ada@example.com;bob@example.com",
    "<ada@example.com>",
    "Ada <ada@example.com>",
    "x" * 243 + "@example.com",
]

near_addresses = st.text(
    alphabet=st.sampled_from("aÜя.@@..,; <>\t\n\u00a0\u2028\u200b\ufeff\u00ad🌞\u200d\x7f\x85\u0301"), max_size=12
) | st.tuples(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1)).map(lambda t: f"{t[0]}@{t[1]}.{t[2]}")
storable = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def postgres_says(addresses: list[str]) -> list[bool]:
    """What the condition answers for each address, asked in one statement of the database itself."""
    query = Query(Lead)
    answers = []
    for address in addresses:
        condition = plausible_q(Value(address, output_field=TextField())).resolve_expression(query)
        sql, parameters = condition.as_sql(query.get_compiler("default"), connection)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {sql}", parameters)
            answers.append(cursor.fetchone()[0])
    return answers


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "expected"), [(each, True) for each in PLAUSIBLE] + [(each, False) for each in NOT_PLAUSIBLE]
)
def test_both_know_what_is_plausible(address: str, expected: bool) -> None:
    assert is_plausible(address) is expected
    assert postgres_says([address]) == [expected]


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(addresses=st.lists(near_addresses | storable, min_size=5, max_size=25))
@example(addresses=[f"a{chr(point)}b@example.com" for point in range(1, 0x300)])
@example(addresses=[f"a{chr(point)}b@example.com" for point in range(0x1680, 0x2100)])
@example(addresses=[f"ada@exam{chr(point)}ple.com" for point in (0x3000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10FFFF, 0xE0001)])
def test_python_and_postgres_agree(addresses: list[str]) -> None:
    known = [each for each in addresses if "\0" not in each and not any(0xD800 <= ord(char) < 0xE000 for char in each)]
    assert postgres_says(known) == [is_plausible(each) for each in known]


@pytest.mark.parametrize("address", ["ada\0@example.com", "ada\ud800@example.com"])
def test_what_no_database_can_hold_is_not_plausible(address: str) -> None:
    assert is_plausible(address) is False


@pytest.mark.django_db
def test_condition_stands_in_filter_and_annotate_by_name_and_by_expression() -> None:
    Lead.objects.create(first_name="Ada", email=" Ada@EXAMPLE.com ")
    Lead.objects.create(first_name="Bob", email="bob@example.com")
    assert [lead.first_name for lead in Lead.objects.filter(plausible_q("email"))] == ["Bob"]
    assert Lead.objects.filter(plausible_q(normalised("email"))).count() == 2
    wrapped = ExpressionWrapper(plausible_q("email"), output_field=BooleanField())
    rows = Lead.objects.annotate(fine=plausible_q("email"), also=wrapped).order_by("pk")
    assert list(rows.values_list("fine", "also")) == [(False, False), (True, True)]


@pytest.mark.django_db
def test_normalised_is_the_same_for_two_spellings() -> None:
    for email in (" ÄDA@Example.com", "äda@EXAMPLE.COM  "):
        Lead.objects.create(email=email)
    assert set(Lead.objects.annotate(key=normalised("email")).values_list("key", flat=True)) == {"äda@example.com"}


@pytest.mark.django_db
def test_python_makes_the_same_key_as_postgres() -> None:
    letters = [chr(point) for point in range(0x20, 0x3000) if chr(point).isprintable()]
    addresses = [f" {letter}DA{letter}@Example.com" for letter in letters if not letter.isspace()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower(btrim(address)) FROM unnest(%s::text[]) AS given (address)", [addresses])
        keys = [key for (key,) in cursor]
    assert [address_key(each) for each in addresses] == keys
