"""What each operator matches, NULLs included, and what a hostile or mistaken tree is told."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import DEEPEST, MOST_CONDITIONS, OPERATORS, RuleError, compile_rule, read_rule
from dotbridge.lists.rules.scope import LARGEST_COST

UTC = datetime.UTC


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def tree(*rules: Any, combinator: str = "and", inverted: bool = False) -> dict[str, Any]:
    return {"combinator": combinator, "not": inverted, "rules": list(rules)}


@pytest.fixture
def people(db: None) -> None:
    berlin = Account.objects.create(name="Bär & Söhne", city="Berlin", industry="Trade")
    ada = Contact.objects.create(
        first_name="Ada",
        last_name="Love%lace",
        account=berlin,
        lead_score=10,
        is_vip=True,
        birthday=datetime.date(1990, 5, 17),
        created_at=datetime.datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    )
    ContactEmail.objects.create(contact=ada, email="ada@example.com", is_primary=True)
    Contact.objects.create(
        first_name="Bob",
        last_name="",
        lead_score=20,
        birthday=datetime.date(2000, 1, 1),
        created_at=datetime.datetime(2026, 2, 1, 8, 0, tzinfo=UTC),
    )
    Contact.objects.create(first_name="Cem", last_name="Lovelace", created_at=datetime.datetime(1950, 1, 1, tzinfo=UTC))


def matched(*rules: Any, **group: Any) -> str:
    """The initials of the contacts that match, in order."""
    condition = compile_rule(entity("crm.contact"), tree(*rules, **group))
    return "".join(
        name[0] for name in Contact.objects.filter(condition).order_by("pk").values_list("first_name", flat=True)
    )


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("first_name", "=", "Ada", "A"),
        ("first_name", "=", "ada", ""),
        ("first_name", "!=", "Ada", "BC"),
        ("first_name", "contains", "A", "A"),
        ("last_name", "contains", "LOVE", "AC"),
        ("last_name", "contains", "e%l", "A"),
        ("last_name", "contains", "_", ""),
        ("last_name", "doesNotContain", "love%", "BC"),
        ("last_name", "beginsWith", "love", "AC"),
        ("last_name", "doesNotBeginWith", "love", "B"),
        ("last_name", "endsWith", "%LACE", "A"),
        ("last_name", "doesNotEndWith", "lace", "B"),
        ("last_name", "null", None, "B"),
        ("last_name", "notNull", None, "AC"),
        ("first_name", "in", ["Ada", "Cem"], "AC"),
        ("first_name", "in", "Ada, Cem", "AC"),
        ("first_name", "notIn", "Ada,Cem", "B"),
        ("last_name", "in", "Lovelace, ", "C"),
        ("last_name", "notIn", "Lovelace,,", "AB"),
        ("first_name", "between", ["B", "C"], "B"),
        ("first_name", "<", "B", "A"),
        ("lead_score", "=", 10, "A"),
        ("lead_score", "!=", "10", "BC"),
        ("lead_score", "<", 20, "A"),
        ("lead_score", "<=", "20", "AB"),
        ("lead_score", ">", 10, "B"),
        ("lead_score", ">=", 10.0, "AB"),
        ("lead_score", ">", 2**40, ""),
        ("lead_score", "between", "5,15", "A"),
        ("lead_score", "notBetween", [5, 15], "BC"),
        ("lead_score", "in", [10, 99], "A"),
        ("lead_score", "notIn", [10, 99], "BC"),
        ("lead_score", "null", None, "C"),
        ("lead_score", "notNull", "", "AB"),
        ("is_vip", "=", True, "A"),
        ("is_vip", "=", "false", "BC"),
        ("is_vip", "!=", True, "BC"),
        ("birthday", "=", "1990-05-17", "A"),
        ("birthday", "<", "2000-01-01", "A"),
        ("birthday", "between", ["1990-01-01", "2000-01-01"], "AB"),
        ("birthday", "notBetween", ["1990-01-01", "1999-01-01"], "BC"),
        ("birthday", "between", ["1990-05-17", "1990-05-17"], "A"),
        ("created_at", "=", "2026-01-31", "A"),
        ("created_at", "<=", "2026-01-31", "AC"),
        ("created_at", ">", "2026-01-31", "B"),
        ("created_at", "between", "2026-01-31,2026-02-01", "AB"),
        ("created_at", "between", ["2026-02-01T08:00", "2026-02-01"], "B"),
        ("created_at", "in", ["2026-01-31"], "A"),
        ("created_at", ">=", "2026-02-01T08:00", "B"),
        ("created_at", "<", "2026-02-01T09:00+01:00", "AC"),
        ("account__city", "=", "Berlin", "A"),
        ("account__city", "!=", "Berlin", "BC"),
        ("account__name", "contains", "SÖHNE", "A"),
        ("account__name", "doesNotContain", "söhne", "BC"),
        ("account__name", "null", None, "BC"),
        ("full_name", "=", "Bob", "B"),
        ("full_name", "beginsWith", "ada love", "A"),
        ("primary_email", "endsWith", "@EXAMPLE.com", "A"),
        ("primary_email", "doesNotContain", "example", "BC"),
        ("age_in_years", ">=", 25, "AB"),
        ("days_since_created", ">", 20_000, "C"),
    ],
)
def test_operator(field: str, operator: str, value: Any, expected: str) -> None:
    assert matched(rule(field, operator, value)) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("operator", ["between", "notBetween"])
def test_which_text_comes_first_is_for_the_database_to_say(operator: str) -> None:
    (problem,) = read_rule(entity("crm.contact"), tree(rule("first_name", operator, ["C", "B"]))).problems
    assert problem.text == "First name: give the smaller or earlier value first."


@pytest.mark.django_db
def test_decimals_choices_and_virtual_booleans() -> None:
    Customer.objects.create(name="Big", lifetime_value=Decimal("10000.01"))
    Customer.objects.create(name="Small", lifetime_value=Decimal("12.50"))
    Lead.objects.create(first_name="Lea", status=Lead.Status.LOST)
    Lead.objects.create(first_name="Nia")

    def names(key: str, *rules: Any) -> list[str]:
        return [str(record) for record in entity(key).queryset().filter(compile_rule(entity(key), tree(*rules)))]

    assert names("crm.customer", rule("is_big_spender", "=", True)) == ["Big"]
    assert names("crm.customer", rule("lifetime_value", "=", "12.5")) == ["Small"]
    assert names("crm.customer", rule("lifetime_value", ">", 9999.99)) == ["Big"]
    assert names("crm.lead", rule("status", "in", ["lost", "contacted"])) == ["Lea"]


@pytest.mark.usefixtures("people")
def test_groups_join_and_invert() -> None:
    ada, high = rule("first_name", "=", "Ada"), rule("lead_score", ">=", 20)
    assert matched(ada, high) == ""
    assert matched(ada, high, combinator="or") == "AB"
    # Cem has no score: whether it is high is unknown, so he is not among the high ones, so he is among the others.
    assert matched(high, inverted=True) == "AC"
    assert matched(tree(ada, inverted=True), tree(high, inverted=True)) == "C"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("inverted", [False, True])
def test_empty_groups_say_nothing(inverted: bool) -> None:
    assert matched(inverted=inverted) == "ABC"
    assert matched(tree(inverted=inverted), combinator="or") == "ABC"
    assert matched(rule("first_name", "=", "Ada"), tree(inverted=inverted), combinator="or") == "A"


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_tree_is_everybody(nothing: Any) -> None:
    assert compile_rule(entity("crm.contact"), nothing) == Q()


SOMEBODY = rule("first_name", "=", "Ada")


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (rule("firstname", "=", "x"), "broken", "There is no field “firstname” (any more). Did you mean “First name”?"),
        (rule("§§§", "=", "x"), "broken", "There is no field “§§§” (any more). Choose another one."),
        (rule("password", "=", "x"), "broken", "There is no field “password”"),
        (rule("emails__email", "=", "x"), "broken", "There is no field “emails__email”"),
        (rule("f" * 100_000, "=", "x"), "broken", "f…” (any more)"),
        (rule("nobody.clicked", "=", True), "broken", "There is no field “nobody.clicked”"),
        ({"field": ["a"], "operator": "="}, "wrong", "['a'] is no field."),
        ({"operator": "="}, "incomplete", "Choose a field."),
        (rule("~", "=", "x"), "incomplete", "Choose a field."),
        (rule("lead_score", "", "1"), "incomplete", "Lead score: choose how to compare."),
        (
            rule("lead_score", "contains", "1"),
            "wrong",
            "Lead score cannot be asked “contains”. It can be asked: is, is not",
        ),
        (rule("is_vip", "<", True), "wrong", "VIP cannot be asked “<”"),
        (rule("first_name", "regex", "x"), "wrong", "First name cannot be asked “regex”"),
        (rule("first_name", ["="], "x"), "wrong", "First name cannot be asked"),
        ({**SOMEBODY, "valueSource": "field"}, "wrong", "A field is compared with a value, not with another field."),
        (rule("lead_score", "=", "ten"), "wrong", "Lead score: give a number, such as 12 or 3.5."),
        (rule("lead_score", "=", 1.5), "wrong", "Lead score: give a whole number"),
        (rule("lead_score", "=", "1e30"), "wrong", "give a whole number"),
        (rule("lead_score", "=", "1e999999999"), "wrong", "give a number"),
        (rule("lead_score", "=", "NaN"), "wrong", "give a number"),
        (rule("lead_score", "=", True), "wrong", "give a number"),
        (rule("lead_score", "=", " "), "incomplete", "Lead score: give a value."),
        (rule("lead_score", "between", [1]), "incomplete", "give two values, from and to"),
        (rule("lead_score", "between", ["", 3]), "incomplete", "give two values, from and to"),
        (rule("lead_score", "notBetween", [15, 5]), "wrong", "Lead score: give the smaller or earlier value first."),
        (rule("lead_score", "between", "15,5"), "wrong", "give the smaller or earlier value first."),
        (rule("birthday", "notBetween", ["2000-01-02", "2000-01-01"]), "wrong", "the smaller or earlier value first."),
        (rule("created_at", "notBetween", ["2000-01-02T00:00", "2000-01-01"]), "wrong", "smaller or earlier"),
        (rule("created_at", "notBetween", ["2000-01-02", "2000-01-01T23:59"]), "wrong", "smaller or earlier"),
        ({"field": "orders", "measure": "count", "operator": "notBetween", "value": [3, 1]}, "wrong", "smaller or"),
        (rule("first_name", "in", [""]), "incomplete", "give at least one value"),
        (rule("first_name", "notIn", ", ,"), "incomplete", "give at least one value"),
        (rule("lead_score", "between", [1, 2, 3]), "wrong", "give two values, from and to"),
        (rule("lead_score", "in", {"a": 1}), "wrong", "give a list of values"),
        (rule("lead_score", "in", []), "incomplete", "give at least one value"),
        (rule("lead_score", "in", [1] * 1001), "wrong", "at most 1000 values"),
        (rule("lead_score", "in", [None]), "wrong", "give a number"),
        (rule("is_vip", "=", "perhaps"), "wrong", "VIP: give true or false."),
        (rule("birthday", "=", "17.5.1990"), "wrong", "Birthday: give a date as YEAR-MONTH-DAY"),
        (rule("birthday", "=", "1990-02-30"), "wrong", "give a date as YEAR-MONTH-DAY"),
        (rule("birthday", "=", 19900517), "wrong", "give a date as YEAR-MONTH-DAY"),
        (rule("birthday", "=", "0001-01-01"), "wrong", "give a date between the years 200 and 9800"),
        (rule("birthday", "inLast", None), "incomplete", "Birthday: say how long."),
        (rule("birthday", "inLast", {"unit": "day"}), "incomplete", "say how long."),
        (rule("birthday", "inLast", 30), "wrong", "say how long, such as 30 days."),
        (rule("birthday", "inLast", {"amount": 3, "unit": "moon"}), "wrong", "count in days, weeks, months or years."),
        (rule("birthday", "inLast", {"amount": 0, "unit": "day"}), "wrong", "give a number from 1 to 36500."),
        (rule("birthday", "inLast", {"amount": 101, "unit": "year"}), "wrong", "give a number from 1 to 100."),
        (rule("birthday", "inPeriod", ""), "incomplete", "choose a period."),
        (rule("birthday", "inPeriod", "fortnight"), "wrong", "choose a period, such as this month."),
        (rule("birthday", "anniversaryInNext", None), "incomplete", "give a number of days."),
        (rule("birthday", "anniversaryInNext", 400), "wrong", "a number of days from 0 to 366."),
        (rule("created_at", ">", "yesterday"), "wrong", "give a date or a date with time"),
        (rule("created_at", ">", "2026-13-01T00:00"), "wrong", "give a date or a date with time"),
        (rule("created_at", ">", "9999-12-31T23:59-14:00"), "wrong", "between the years"),
        (rule("first_name", "=", None), "incomplete", "First name: give a value."),
        (rule("first_name", "=", {"a": 1}), "wrong", "First name: give a text."),
        (rule("first_name", "=", "x" * 65_537), "wrong", "at most 65536 characters"),
        (rule("first_name", "in", "x," * 600_000), "wrong", "at most 65536 characters"),
        (rule("first_name", "=", "a\0b"), "wrong", "no character 0 and no half"),
        (rule("first_name", "=", "a\ud800"), "wrong", "no character 0 and no half"),
        ("and", "wrong", "'and' is neither a condition nor a group."),
        (tree(SOMEBODY, combinator="xor"), "wrong", "all (“and”) or any (“or”)"),
        ({"rules": [], "not": "yes"}, "wrong", "“not” of a group is true or false."),
        ({"rules": "all"}, "wrong", "A group has a list of conditions and groups."),
        ({"rules": None}, "wrong", "A group has a list of conditions and groups."),
        ({"field": "orders", "measure": "median"}, "wrong", "Orders: ask whether there are any"),
        ({"field": "orders", "measure": ""}, "incomplete", "Orders: choose what to ask."),
        ({"field": "orders", "measure": "sum"}, "incomplete", "Orders: choose which value of them."),
        (
            {"field": "orders", "measure": "sum", "of": "colour"},
            "broken",
            "Orders: there is no value “colour” (any more).",
        ),
        (
            {"field": "orders", "measure": "sum", "of": "number"},
            "wrong",
            "Orders: “Number” cannot be measured in this way.",
        ),
        ({"field": "orders", "measure": "count", "operator": ">"}, "incomplete", "Orders: give a value."),
        ({"field": "orders", "measure": "count", "operator": "null"}, "wrong", "Orders cannot be asked “null”"),
        ({"field": "orders", "operator": "=", "value": None}, "incomplete", "Orders: give a value."),
        ({"field": "orders", "operator": "=", "value": 7}, "wrong", "Orders: give true or false."),
        ({"field": "emails", "measure": "latest", "of": "email"}, "wrong", "E-mail addresses have no date"),
    ],
)
def test_a_problem_is_told_in_the_words_of_the_field(wrong: Any, kind: str, message: str) -> None:
    read = read_rule(entity("crm.contact"), tree(SOMEBODY, wrong))
    assert [(problem.place, problem.kind) for problem in read.problems] == [((1,), kind)]
    assert message in read.problems[0].text
    assert "rules[" not in read.problems[0].text
    with pytest.raises(RuleError) as caught:
        compile_rule(entity("crm.contact"), tree(SOMEBODY, wrong))
    assert caught.value.problems == read.problems


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([SOMEBODY], "A rule is an object with conditions in it."),
        ("all", "A rule is an object with conditions in it."),
        ({"combinator": "and"}, "A group has a list of conditions and groups."),
        ({**tree(SOMEBODY), "version": 2}, "This rule is of version 2; it can be of version 1."),
        ({**tree(SOMEBODY), "version": "1"}, "This rule is of version '1'; it can be of version 1."),
    ],
)
def test_a_whole_that_is_no_rule(wrong: Any, message: str) -> None:
    read = read_rule(entity("crm.contact"), wrong)
    assert [(problem.key, problem.text) for problem in read.problems] == [("", message)]


def test_the_version_may_stand_at_the_top() -> None:
    assert not read_rule(entity("crm.contact"), {**tree(SOMEBODY), "version": 1}).problems


def test_a_field_of_no_plain_kind_cannot_be_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    listed = registry.register(MarketingList, email="name", fields=["name", "rule"], collections=[])
    with pytest.raises(RuleError, match="“Rule” holds nothing that a rule can ask"):
        compile_rule(listed, tree(rule("rule", "null")))


def test_a_choice_that_the_field_does_not_have_is_broken() -> None:
    read = read_rule(entity("crm.lead"), tree(rule("status", "in", ["lost", "gone"])))
    assert [problem.text for problem in read.broken] == ["Status: “gone” is none of New, Contacted, Qualified, Lost."]


def test_the_place_leads_into_the_tree_and_into_a_filter() -> None:
    fine, unknown = rule("first_name", "=", "Ada"), rule("nope", "=", 1)
    orders = {"field": "orders", "operator": "=", "value": True, "where": tree(rule("items", "=", 1), tree(unknown))}
    read = read_rule(entity("crm.contact"), tree(fine, tree(fine, fine, unknown), orders))
    assert [problem.key for problem in read.problems] == ["1.2", "2/1.0"]


def test_all_problems_are_told_at_once() -> None:
    wrong = tree(rule("nope", "=", 1), rule("lead_score", "=", "x"), rule("birthday", "=", None))
    read = read_rule(entity("crm.contact"), wrong)
    assert [problem.kind for problem in read.problems] == ["broken", "wrong", "incomplete"]
    assert not read.can_be_tried


@pytest.mark.usefixtures("people")
def test_a_draft_leaves_out_what_is_not_said_yet() -> None:
    half = tree(rule("first_name", "=", "Ada"), rule("lead_score", ">=", ""), {"field": ""}, {"rules": [{}]})
    read = read_rule(entity("crm.contact"), half)
    assert [problem.key for problem in read.incomplete] == ["1", "2", "3.0"]
    assert Contact.objects.filter(compile_rule(entity("crm.contact"), half, draft=True)).count() == 1
    with pytest.raises(RuleError, match=r"Lead score: give a value\. Choose a field\."):
        compile_rule(entity("crm.contact"), half)
    with pytest.raises(RuleError, match="no field “nope”"):
        compile_rule(entity("crm.contact"), tree({"field": ""}, rule("nope", "=", 1)), draft=True)


def test_depth_and_size_are_limited() -> None:
    deep: dict[str, Any] = tree(SOMEBODY)
    for _ in range(DEEPEST - 1):
        deep = tree(deep)
    assert compile_rule(entity("crm.contact"), deep)
    with pytest.raises(RuleError, match="stand in each other 10 deep"):
        compile_rule(entity("crm.contact"), tree(deep))
    for _ in range(500):
        deep = tree(deep)
    with pytest.raises(RuleError, match="stand in each other 10 deep"):
        compile_rule(entity("crm.contact"), deep)
    full = [SOMEBODY] * MOST_CONDITIONS
    assert compile_rule(entity("crm.contact"), tree(*full))
    with pytest.raises(RuleError, match="at most 500 conditions and groups"):
        compile_rule(entity("crm.contact"), tree(*full, SOMEBODY))


def test_what_a_rule_may_cost_the_database_is_limited() -> None:
    """499 looked-up addresses, each allowed, once kept the database busy for eleven seconds; many records cost more."""
    address, orders = rule("primary_email", "contains", "x"), {"field": "orders", "operator": "=", "value": True}
    for condition, cost in ((address, 10), (orders, 20), (rule("account__city", "=", "x"), 2)):
        fitting = min(MOST_CONDITIONS, LARGEST_COST // cost)
        assert compile_rule(entity("crm.contact"), tree(*[condition] * fitting))
    for condition, number in ((address, 101), (orders, 51)):
        with pytest.raises(RuleError, match=r"asks too much of the database at once: 10[12]0 of at most 1000 points"):
            compile_rule(entity("crm.contact"), tree(*[condition] * number))


@pytest.mark.django_db
def test_the_largest_allowed_rule_can_be_asked() -> None:
    rules = [rule("full_name", "doesNotContain", "x")] * MOST_CONDITIONS
    condition = compile_rule(entity("crm.contact"), tree(*rules, combinator="or", inverted=True))
    assert Contact.objects.filter(condition).count() == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from([field.path for field in entity("crm.contact").fields])
operators = st.sampled_from(sorted({name for known in OPERATORS.values() for name in known}))
rules_of_any_kind = st.fixed_dictionaries({"field": fields, "operator": operators, "value": json_values}) | json_values


# Of two texts the database says which one comes first.
@pytest.mark.django_db
@given(rules=st.lists(rules_of_any_kind, max_size=5))
def test_any_json_is_understood_or_refused(rules: list[Any]) -> None:
    try:
        condition = compile_rule(entity("crm.contact"), {"rules": rules})
    except RuleError:
        return
    assert str(Contact.objects.filter(condition).query)
