"""A rule as a sentence that somebody reads once."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from dotbridge.entities.registry import entity
from dotbridge.lists.rules import OPERATORS, compile_rule, rule_in_words
from dotbridge.lists.rules.operators import COUNT_OPERATORS
from dotbridge.lists.rules.phrases import CLAUSES, COUNTED

VIP = {"field": "is_vip", "operator": "=", "value": True}
NAME_B = {"field": "last_name", "operator": "beginsWith", "value": "B"}
SCORE = {"field": "lead_score", "operator": ">=", "value": 80}


def group(*rules: Any, combinator: str = "and", inverted: bool = False) -> dict[str, Any]:
    return {"combinator": combinator, "not": inverted, "rules": list(rules)}


def anyone(*rules: Any) -> dict[str, Any]:
    return group(*rules, combinator="or")


def words(tree: Any, key: str = "crm.contact") -> str:
    return rule_in_words(entity(key), tree)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, "All contacts"),
        (group(), "All contacts"),
        (group(VIP), "Contacts who are VIP"),
        (group(VIP, NAME_B), "Contacts who are VIP and whose last name begins with B"),
        (
            group(VIP, NAME_B, SCORE),
            "Contacts who are VIP, whose last name begins with B and whose lead score is 80 or more",
        ),
        (
            anyone(VIP, group(NAME_B, SCORE)),
            "Contacts who are VIP, or whose last name begins with B and whose lead score is 80 or more",
        ),
        (
            group(VIP, anyone(NAME_B, SCORE)),
            "Contacts who are VIP, and either whose last name begins with B or whose lead score is 80 or more",
        ),
        (
            anyone(VIP, group(NAME_B, anyone(VIP, {**VIP, "value": False}))),
            "Contacts who are VIP, or (whose last name begins with B and either who are VIP or who are not VIP)",
        ),
        (group(VIP, group(NAME_B, inverted=True)), "Contacts who are VIP, and not those whose last name begins with B"),
        (group({**VIP, "value": False}), "Contacts who are not VIP"),
        (group({**VIP, "operator": "!="}), "Contacts who are not VIP"),
        (group({**NAME_B, "value": "de la"}), "Contacts whose last name begins with “de la”"),
        (group({**NAME_B, "operator": "null"}), "Contacts whose last name is empty"),
        (
            group({"field": "account__city", "operator": "in", "value": list("ABCDEFG")}),
            "Contacts whose account's city is one of A, B, C, D, E or 2 more",
        ),
        (
            group({"field": "birthday", "operator": "between", "value": ["2026-03-01", "2026-03-31"]}),
            "Contacts whose birthday is between 1 Mar 2026 and 31 Mar 2026",
        ),
        (
            group({"field": "created_at", "operator": "inLast", "value": {"amount": 1, "unit": "week"}}),
            "Contacts whose created at is in the last 1 week",
        ),
        (
            group({"field": "birthday", "operator": "anniversaryIn", "value": "today"}),
            "Contacts whose birthday has its anniversary today",
        ),
        (
            group({"field": "birthday", "operator": "anniversaryInNext", "value": 7}),
            "Contacts whose birthday has its anniversary within the next 7 days",
        ),
        (group({"field": "orders", "operator": "=", "value": True}), "Contacts with orders"),
        (group({"field": "orders", "operator": "=", "value": False}), "Contacts without orders"),
        (
            group({"field": "orders", "measure": "count", "operator": "between", "value": [1, 3]}),
            "Contacts with 1 to 3 orders",
        ),
        (
            group({"field": "orders", "measure": "sum", "of": "total", "operator": ">", "value": "99.5",
                   "where": group({"field": "status", "operator": "=", "value": "paid"})}),
            "Contacts whose sum of total over all orders (whose status is “Paid”) is more than 99.5",
        ),
        (
            group({"field": "orders", "measure": "count", "operator": ">", "value": 1,
                   "where": anyone({"field": "status", "operator": "=", "value": "paid"},
                                   {"field": "total", "operator": ">", "value": "5"})}),
            "Contacts with more than 1 orders (whose status is “Paid”, or whose total is more than 5)",
        ),
        (
            group({"field": "orders", "measure": "count", "operator": "=", "value": 3,
                   "where": group({"field": "status", "operator": "=", "value": "paid"},
                                  anyone({"field": "total", "operator": "=", "value": "5"},
                                         {"field": "total", "operator": "=", "value": "1"}))}),
            "Contacts with exactly 3 orders (whose status is “Paid”, and either whose total is 5 or whose total is 1)",
        ),
    ],
)  # fmt: skip
def test_a_rule_in_words(tree: Any, expected: str) -> None:
    assert words(tree) == expected


def test_what_cannot_be_read_is_left_out() -> None:
    assert words(group(VIP, {"field": "gone", "operator": "null"}, {"field": ""})) == "Contacts who are VIP"


def test_names_stay_as_the_language_writes_them() -> None:
    with translation.override("de"):
        assert "Status" in words(group({"field": "status", "operator": "=", "value": "lost"}), "crm.lead")


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (group(VIP), "Kontakte, die VIP sind"),
        (group(NAME_B, SCORE), "Kontakte, bei denen Nachname mit B beginnt und bei denen Lead-Score 80 oder mehr ist"),
        (group(NAME_B, inverted=True), "Kontakte, nicht die, bei denen Nachname mit B beginnt"),
        (
            anyone({"field": "orders", "measure": "count", "operator": ">=", "value": 2}, VIP),
            "Kontakte, die 2 oder mehr Bestellungen haben, oder die VIP sind",
        ),
    ],
)
def test_in_german_a_comma_stands_before_each_relative_clause(tree: Any, expected: str) -> None:
    with translation.override("de"):
        assert words(tree) == expected


def test_in_german_every_condition_is_a_relative_clause() -> None:
    clauses = [*CLAUSES.values(), *COUNTED.values()]
    with translation.override("de"):
        others = [clause for clause in map(str, clauses) if not clause.startswith(("bei denen ", "deren ", "die "))]
    assert others == []


# Whether the ends of a range of texts are swapped only the database can say.
@pytest.mark.django_db
@pytest.mark.parametrize("kind", OPERATORS)
def test_every_operator_has_a_sentence(kind: Any) -> None:
    field = {
        "string": "first_name", "integer": "lead_score", "decimal": "total", "date": "birthday",
        "datetime": "created_at", "boolean": "is_vip",
    }[kind.value]  # fmt: skip
    one = {"string": "x", "integer": 1, "decimal": 1, "boolean": True}.get(kind.value, "2026-03-01")
    values = {
        "nothing": None, "one": one, "several": [one, one], "range": [one, one], "period": "today", "days": 3,
        "amount": {"amount": 2, "unit": "month"},
    }  # fmt: skip
    for operator in OPERATORS[kind].values():
        rule = {"field": field, "operator": operator.name, "value": values[operator.shape.value]}
        if field == "total":
            rule = {**rule, "field": "orders", "measure": "max", "of": "total"}
        assert words(group(rule)).startswith("Contacts w")
        assert compile_rule(entity("crm.contact"), group(rule))


def test_every_way_to_count_has_a_sentence() -> None:
    for operator in COUNT_OPERATORS.values():
        value: Any = {"several": [1, 2], "range": [1, 2]}.get(operator.shape.value, 1)
        rule = {"field": "orders", "measure": "count", "operator": operator.name, "value": value}
        assert "orders" in words(group(rule))
