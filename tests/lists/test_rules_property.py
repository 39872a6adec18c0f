"""For any rule the compiled query and a plain-Python evaluation give the same members.

The kind of fault it is here for: two ways of counting days in one product. Seen were virtual fields that counted days
in UTC beside columns that counted them in the site's zone, and `between` a moment and a day, which matched nobody. The
second place of the first was a person's own zone: days were counted in whichever was active.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dotbridge.crm.models import Account, Contact, ContactEmail, Order
from dotbridge.entities.record_values import values_of_record
from dotbridge.entities.registry import entity
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import compile_rule, rule_in_words
from dotbridge.lists.rules.lists_named import LIST_PATH
from dotbridge.lists.rules.one_record import ConditionsOfRecord, holds
from dotbridge.lists.rules.operators import COUNT_OPERATORS, OPERATORS
from dotbridge.lists.rules.periods import Period
from dotbridge.lists.selectors import list_rule
from dotbridge.lists.services import create_list, remove_records
from tests.lists.rule_evaluator import Evaluator

UTC = datetime.UTC
# Two that change their clocks at other moments, one that does it at midnight, so that a day begins at one o'clock, and
# one that changes them by half an hour, and is nearly half a day ahead of UTC.
ZONES = ("Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe")
# What a person has chosen for themselves, while the site's zone counts.
OF_A_PERSON = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
# The night and day of each change, a leap day, the turn of a year, and a day on which nothing happens.
NOWS = (
    datetime.datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime.datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime.datetime(2026, 3, 8, 6, 30, tzinfo=UTC),
    datetime.datetime(2026, 11, 1, 23, 30, tzinfo=UTC),
    datetime.datetime(2026, 9, 6, 4, 0, tzinfo=UTC),
    datetime.datetime(2026, 4, 5, 3, 30, tzinfo=UTC),
    datetime.datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime.datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
    datetime.datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
    datetime.datetime(2026, 6, 17, 9, 0, tzinfo=UTC),
    datetime.datetime(2026, 10, 3, 15, 15, tzinfo=UTC),
)
TEXTS = ("", " ", "A", "a", "b", "ab", "AB ", "É", "é", "a%b", "_", "\\", "Bär", "bär")
BIRTHDAYS = [
    None,
    *(datetime.date(year, month, day) for year in (1960, 1988) for month, day in ((2, 28), (2, 29), (3, 1), (12, 31))),
    *(datetime.date(year, month, day) for year in (1999, 2026) for month, day in ((1, 1), (3, 29), (6, 17), (9, 6))),
]


def moments() -> list[datetime.datetime]:
    """Moments around each of NOWS: its own, the edges of its days in each zone, and some time away from it."""
    found = []
    for now in NOWS:
        found += [now + datetime.timedelta(days=days, hours=1) for days in (-400, -31, -30, -7, -1, 0, 1, 7, 31)]
        for zone in map(ZoneInfo, ZONES):
            for away in (-30, -1, 0, 1):
                day = now.astimezone(zone).date() + datetime.timedelta(days=away)
                start = datetime.datetime.combine(day, datetime.time(), tzinfo=zone).astimezone(UTC)
                found += [start, start - datetime.timedelta(microseconds=1), start + datetime.timedelta(minutes=59)]
    return found


MOMENTS = moments()


@pytest.fixture
def contacts(db: None) -> list[Contact]:
    """Eighty contacts of every sort, with addresses and orders, the same at each run."""
    pick = random.Random(14)
    accounts = [
        Account.objects.create(name=pick.choice(TEXTS), city=city, created_at=pick.choice(MOMENTS)) for city in TEXTS
    ]
    made = Contact.objects.bulk_create(
        Contact(
            first_name=pick.choice(TEXTS),
            last_name=pick.choice(TEXTS),
            account=pick.choice([None, *accounts]),
            birthday=pick.choice(BIRTHDAYS),
            lead_score=pick.choice([None, None, -1, 0, 1, 2, 80]),
            is_vip=pick.random() < 0.5,
            created_at=pick.choice(MOMENTS),
        )
        for _ in range(80)
    )
    ContactEmail.objects.bulk_create(
        ContactEmail(contact=contact, email=f"{pick.choice(TEXTS)}@example.com", is_primary=number == 0)
        for contact in made
        for number in range(pick.choice([0, 0, 1, 2]))
    )
    Order.objects.bulk_create(
        Order(
            contact=contact,
            number=pick.choice(TEXTS),
            placed_at=pick.choice([None, *MOMENTS]),
            delivered_on=pick.choice(BIRTHDAYS),
            status=pick.choice(Order.Status.values),
            items=pick.choice([0, 1, 2, 3]),
            total=pick.choice([None, Decimal("0.00"), Decimal("12.50"), Decimal("80.00")]),
        )
        for contact in made
        for _ in range(pick.choice([0, 0, 1, 2, 4]))
    )
    return list(Contact.objects.select_related("account").prefetch_related("orders", "emails"))


# Beside the days around NOWS the first and the last one that a rule may name.
days = st.sampled_from(["0200-01-01", "9800-12-31"]) | st.sampled_from(
    sorted({(now + datetime.timedelta(days=away)).date().isoformat() for now in NOWS for away in (-30, -1, 0, 1)})
)
moments_given = st.sampled_from([moment.isoformat() for moment in MOMENTS]) | st.sampled_from(
    ["2026-03-29T02:30", "2026-10-25T02:30:00", "2026-09-06T00:30"]  # local times that are missing or come twice
)
amounts = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([1, 2, 7, 30, 90, 100]),
        "unit": st.sampled_from(["day", "week", "month", "year"]),
    }
)
periods = st.sampled_from([each.value for each in Period])
VALUES = {
    "string": st.sampled_from([text for text in TEXTS if text]),
    "integer": st.sampled_from([-(2**63) + 1, -1, 0, 1, 2, 30, 38, 80, 2**63 - 1]),
    "decimal": st.sampled_from([0, "12.5", 80, "80.01", "-1e40", "1e-40"]),
    "boolean": st.booleans(),
    "date": days,
    "datetime": days | moments_given,
}
FIELDS = {
    "first_name": "string",
    "last_name": "string",
    "account__city": "string",
    "full_name": "string",
    "primary_email": "string",
    "lead_score": "integer",
    "age_in_years": "integer",
    "days_since_created": "integer",
    "is_vip": "boolean",
    "birthday": "date",
    "created_at": "datetime",
    "account__created_at": "datetime",
}
ORDER_FIELDS = {
    "number": "string",
    "items": "integer",
    "total": "decimal",
    "delivered_on": "date",
    "placed_at": "datetime",
}
KINDS = {kind.value: known for kind, known in OPERATORS.items()}


@st.composite
def asked(draw: Any, fields: dict[str, str]) -> dict[str, Any]:
    """A condition on one of the fields."""
    field = draw(st.sampled_from(sorted(fields)))
    operator = draw(st.sampled_from(sorted(KINDS[fields[field]])))
    return {"field": field, "operator": operator, "value": draw(value_of(fields[field], operator))}


def value_of(kind: str, operator: str) -> st.SearchStrategy[Any]:
    one = VALUES[kind]
    shape = KINDS[kind][operator].shape.value
    return {
        "nothing": st.none(),
        "one": one,
        "several": st.lists(one, min_size=1, max_size=3),
        "range": st.lists(one, min_size=2, max_size=2),
        "amount": amounts,
        "period": periods,
        "days": st.sampled_from([0, 1, 7, 60, 366]),
    }[shape]


def in_order(tree: Any, zone: str) -> Any:
    """The tree with the ends of each range in their order: a range from the larger to the smaller one is refused."""
    if isinstance(tree, list):
        return [in_order(part, zone) for part in tree]
    if not isinstance(tree, dict):
        return tree
    ordered = {name: in_order(part, zone) if name in ("rules", "where") else part for name, part in tree.items()}
    if tree.get("operator") in ("between", "notBetween"):
        low, high = tree["value"]
        if place_of(low, zone, is_end=False) > place_of(high, zone, is_end=True):
            ordered["value"] = [high, low]
    return ordered


def place_of(value: Any, zone: str, *, is_end: bool) -> Any:
    """By what a value is ordered: a number, a text, the moment with which a day or moment begins or ends."""
    with suppress(InvalidOperation):
        return Decimal(str(value))
    if not value[:4].isdecimal():
        return value
    moment = datetime.datetime.fromisoformat(value)
    if len(value) == len("2026-03-31"):
        moment = datetime.datetime.combine(moment.date(), datetime.time.max if is_end else datetime.time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def groups(parts: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "combinator": st.sampled_from(["and", "or"]),
            "not": st.booleans(),
            "rules": st.lists(parts, min_size=least, max_size=3),
        }
    )


@st.composite
def measured(draw: Any) -> dict[str, Any]:
    """A condition on the orders or addresses of a contact."""
    where = draw(st.none() | groups(asked(ORDER_FIELDS)))
    measure = draw(st.sampled_from(["exists", "count", "sum", "min", "max", "latest"]))
    rule: dict[str, Any] = {"field": "orders", "measure": measure, "where": where}
    if measure in ("exists", "count") and draw(st.booleans()):
        rule |= {"field": "emails", "where": draw(st.none() | groups(asked({"email": "string"})))}
    if measure == "exists":
        return rule | {"operator": "=", "value": draw(st.booleans())}
    if measure == "count":
        operator = draw(st.sampled_from(sorted(COUNT_OPERATORS)))
        return rule | {"operator": operator, "value": draw(value_of("integer", operator))}
    of = draw(st.sampled_from(["items", "total"] if measure == "sum" else sorted(ORDER_FIELDS)))
    kind = ORDER_FIELDS[of]
    operator = draw(st.sampled_from(sorted(COUNT_OPERATORS if measure == "sum" else KINDS[kind])))
    return rule | {"of": of, "operator": operator, "value": draw(value_of(kind, operator))}


# Which of three lists, by their places.
places = st.sampled_from([0, 1, 2])
on_lists = st.fixed_dictionaries(
    {"field": st.just(LIST_PATH), "operator": st.sampled_from(["=", "!="]), "value": places}
) | st.fixed_dictionaries(
    {
        "field": st.just(LIST_PATH),
        "operator": st.sampled_from(["in", "notIn"]),
        "value": st.lists(places, min_size=1, max_size=3),
    }
)
trees = groups(st.recursive(asked(FIELDS) | measured() | on_lists, groups, max_leaves=6), least=1)


def with_keys(tree: Any, keys: list[int]) -> Any:
    """The tree with the keys of the lists in place of their places."""
    if isinstance(tree, list):
        return [with_keys(part, keys) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("field") != LIST_PATH:
        return {name: with_keys(part, keys) for name, part in tree.items()}
    value = tree["value"]
    return {**tree, "value": [keys[place] for place in value] if isinstance(value, list) else keys[value]}


@pytest.fixture
def others(contacts: list[Contact]) -> dict[int, set[int]]:
    """Three other lists with their members: by a rule, picked by hand, and one that asks about the first."""
    vips = create_list(name="VIP", entity="crm.contact", rule={"rules": [asks("is_vip", "=", True)]})
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    nearly = {"combinator": "or", "not": True, "rules": [asks(LIST_PATH, "=", vips.pk), asks("lead_score", ">", 1)]}
    others = create_list(name="Others", entity="crm.contact", rule=nearly)
    keys = [contact.pk for contact in contacts]
    add_records(marketing_list=picked, record_ids=keys[:30])
    for each, gone in ((vips, keys[::7]), (picked, keys[:5]), (others, keys[::5])):
        remove_records(marketing_list=each, record_ids=gone)
    on_first = {contact.pk for contact in contacts if contact.is_vip} - set(keys[::7])
    scored = {contact.pk for contact in contacts if contact.lead_score is not None and contact.lead_score > 1}
    return {
        vips.pk: on_first,
        picked.pk: set(keys[5:30]),
        others.pk: set(keys) - on_first - scored - set(keys[::5]),
    }


def asks(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture(params=ZONES)
def zone(request: Any) -> Iterator[str]:
    with override_settings(TIME_ZONE=request.param):
        yield request.param


@given(tree=trees, now=st.sampled_from(NOWS), of_a_person=st.sampled_from(OF_A_PERSON), pick=st.randoms())
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_query_and_plain_python_agree(
    contacts: list[Contact],
    others: dict[int, set[int]],
    zone: str,
    tree: dict[str, Any],
    now: datetime.datetime,
    of_a_person: str,
    pick: random.Random,
) -> None:
    listed, tree = entity("crm.contact"), with_keys(in_order(tree, zone), list(others))
    with time_machine.travel(now, tick=False), timezone.override(of_a_person):
        found = set(listed.queryset().filter(compile_rule(listed, tree)).values_list("pk", flat=True))
        assert rule_in_words(listed, tree)
        one = pick.choice(contacts).pk
        assert holds_of_one(tree, one) is (one in found), one
    python = Evaluator(now=now, zone=zone, lists=others)
    assert found == {contact.pk for contact in contacts if python.matches(contact, tree)}


def holds_of_one(tree: dict[str, Any], key: int) -> bool | None:
    """Whether a rule holds of one record, asked as a person's page asks."""
    listed = entity("crm.contact")
    conditions = ConditionsOfRecord(listed, key)
    condition = conditions.add(list_rule(MarketingList(entity=listed.key, rule=tree)))
    return holds(condition, values_of_record(listed, key, conditions.columns, milliseconds=60_000))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_each_operator_alone_at_each_moment(contacts: list[Contact], field: str) -> None:
    listed, pick = entity("crm.contact"), random.Random(field)
    for turn, now in enumerate(NOWS):
        zone = ZONES[turn % len(ZONES)]
        python = Evaluator(now=now, zone=zone)
        for operator in KINDS[FIELDS[field]]:
            for value in some_values(FIELDS[field], operator, pick):
                tree = in_order({"rules": [{"field": field, "operator": operator, "value": value}]}, zone)
                with override_settings(TIME_ZONE=zone), time_machine.travel(now, tick=False):
                    found = set(listed.queryset().filter(compile_rule(listed, tree)).values_list("pk", flat=True))
                expected = {contact.pk for contact in contacts if python.matches(contact, tree)}
                assert found == expected, (now, zone, tree)


def some_values(kind: str, operator: str, pick: random.Random) -> list[Any]:
    """A few values that fit the operator, of periods and amounts all."""
    pools = {
        "string": TEXTS[1:],
        "integer": (-1, 0, 1, 30, 80),
        "boolean": (True, False),
        "date": sorted({now.date().isoformat() for now in NOWS}),
        "datetime": [moment.isoformat() for moment in MOMENTS[::7]] + [now.date().isoformat() for now in NOWS],
    }
    ones = [pick.choice(pools[kind]) for _ in range(6)]
    shape = KINDS[kind][operator].shape.value
    if shape == "period":
        return [each.value for each in Period]
    if shape == "amount":
        return [{"amount": pick.choice([1, 3, 30]), "unit": unit} for unit in ("day", "week", "month", "year")]
    return {
        "nothing": [None],
        "one": ones[:3],
        "several": [ones[:2], ones[2:5]],
        "range": [ones[:2], ones[2:4], sorted(ones[4:], key=str)],
        "days": [0, 1, 60],
    }[shape]
