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
from dotbridge.lists.rules import DEEPEST, MOST_RULES, OPERATORS, RuleError, compile_rule

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
        ("created_at", "=", "2026-01-31", "A"),
        ("created_at", "<=", "2026-01-31", "AC"),
        ("created_at", ">", "2026-01-31", "B"),
        ("created_at", "between", "2026-01-31,2026-02-01", "AB"),
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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (rule("firstname", "=", "x"), r"rules\[0\]: crm.contact has no field 'firstname'. Did you mean 'first_name'"),
        (rule("password", "=", "x"), "has no field 'password'"),
        (rule("emails__email", "=", "x"), "has no field 'emails__email'"),
        ({"field": ["a"], "operator": "="}, "has no field"),
        ({"operator": "="}, "has no field 'None'"),
        (
            rule("lead_score", "contains", "1"),
            "'lead_score' cannot be asked 'contains'; a field of kind integer knows: =, !=",
        ),
        (rule("is_vip", "<", True), "'is_vip' cannot be asked '<'"),
        (rule("first_name", "regex", "x"), "cannot be asked 'regex'"),
        (rule("first_name", ["="], "x"), "cannot be asked"),
        ({**rule("first_name", "=", "last_name"), "valueSource": "field"}, "compare it with a value"),
        (rule("lead_score", "=", "ten"), "'lead_score' = 'ten': give a number"),
        (rule("lead_score", "=", 1.5), "give a whole number"),
        (rule("lead_score", "=", "1e30"), "give a whole number"),
        (rule("lead_score", "=", "1e999999999"), "give a number"),
        (rule("lead_score", "=", "NaN"), "give a number"),
        (rule("lead_score", "=", True), "give a number"),
        (rule("lead_score", "between", [1]), "give two values, from and to"),
        (rule("lead_score", "in", {}), "give a list of values"),
        (rule("lead_score", "in", []), "give a list of values"),
        (rule("lead_score", "in", [1] * 1001), "at most 1000 values"),
        (rule("is_vip", "=", "perhaps"), "give true or false"),
        (rule("birthday", "=", "17.5.1990"), "give a date as YEAR-MONTH-DAY"),
        (rule("birthday", "=", "1990-02-30"), "give a date as YEAR-MONTH-DAY"),
        (rule("birthday", "=", 19900517), "give a date as YEAR-MONTH-DAY"),
        (rule("created_at", ">", "yesterday"), "give a date or a date with time"),
        (rule("created_at", ">", "2026-13-01T00:00"), "give a date or a date with time"),
        (rule("created_at", "in", []), "give a list of values"),
        (rule("first_name", "=", None), "'first_name' = None: give a text"),
        (rule("first_name", "=", {"a": 1}), "give a text"),
        (rule("first_name", "=", "x" * 1001), "at most 1000 characters"),
        (rule("first_name", "=", "a\0b"), "no character 0 and no half"),
        (rule("first_name", "=", "a\ud800"), "no character 0 and no half"),
        ("and", "'and' is neither a rule nor a group"),
        (tree(combinator="xor"), "the combinator is 'xor'"),
        ({"rules": [], "not": "yes"}, "'not' is 'yes'; it must be true or false"),
        ({"rules": "all"}, "'rules' is 'all'; it must be a list"),
        ({"rules": None}, "'rules' is None"),
    ],
)
def test_a_mistake_is_named_with_its_mend(wrong: Any, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        compile_rule(entity("crm.contact"), tree(wrong))


def test_a_field_of_no_plain_kind_cannot_be_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    listed = registry.register(MarketingList, email="name", fields=["name", "rule"])
    with pytest.raises(RuleError, match="'rule' holds values that no rule can ask about; choose another field"):
        compile_rule(listed, tree(rule("rule", "null")))


def test_a_top_level_without_rules_is_a_mistake() -> None:
    with pytest.raises(RuleError, match=r"^The rule: 'rules' is None"):
        compile_rule(entity("crm.contact"), {"combinator": "and"})


def test_the_place_leads_into_the_tree() -> None:
    fine = rule("first_name", "=", "Ada")
    with pytest.raises(RuleError) as caught:
        compile_rule(entity("crm.contact"), tree(fine, tree(fine, fine, rule("nope", "=", 1))))
    assert caught.value.place == "rules[1].rules[2]"


def test_depth_and_size_are_limited() -> None:
    deep: dict[str, Any] = tree(rule("first_name", "=", "Ada"))
    for _ in range(DEEPEST - 1):
        deep = tree(deep)
    assert compile_rule(entity("crm.contact"), deep)
    with pytest.raises(RuleError, match="nested 10 deep"):
        compile_rule(entity("crm.contact"), tree(deep))
    full = [rule("first_name", "=", "Ada")] * MOST_RULES
    assert compile_rule(entity("crm.contact"), tree(*full))
    with pytest.raises(RuleError, match="at most 500"):
        compile_rule(entity("crm.contact"), tree(*full, full[0]))


@pytest.mark.django_db
def test_the_largest_allowed_rule_can_be_asked() -> None:
    rules = [rule("full_name", "doesNotContain", "x")] * MOST_RULES
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


@given(rules=st.lists(rules_of_any_kind, max_size=5))
def test_any_json_is_understood_or_refused(rules: list[Any]) -> None:
    try:
        condition = compile_rule(entity("crm.contact"), {"rules": rules})
    except RuleError:
        return
    assert str(Contact.objects.filter(condition).query)
