"""Rules that ask whether a record is on another list: who matches, and that no list asks about itself."""

from __future__ import annotations

from typing import Any

import pytest

from dotbridge.crm.models import Contact
from dotbridge.entities.registry import entity
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import RuleError, read_rule, rule_in_words
from dotbridge.lists.rules.lists_named import MOST_LISTS_DEEP
from dotbridge.lists.selectors import matching_records
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records, update_list

pytestmark = pytest.mark.django_db
VIPS = {"rules": [{"field": "is_vip", "operator": "=", "value": True}]}


def on(*lists: MarketingList, operator: str = "in") -> dict[str, Any]:
    keys = [each.pk for each in lists]
    value: Any = keys if operator in ("in", "notIn") else keys[0]
    return {"rules": [{"field": "lists.member_of", "operator": operator, "value": value}]}


def names(marketing_list: MarketingList) -> str:
    keys = matching_records(marketing_list).values_list("record_pk", flat=True)
    return "".join(Contact.objects.filter(pk__in=keys).order_by("pk").values_list("first_name", flat=True))


@pytest.fixture
def people() -> list[Contact]:
    return [Contact.objects.create(first_name=name, is_vip=name in "AB") for name in "ABCD"]


def test_members_of_live_and_picked_lists_are_found(people: list[Contact]) -> None:
    vips = create_list(name="VIPs", entity="crm.contact", rule=VIPS)
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    add_records(marketing_list=picked, record_ids=[people[1].pk, people[2].pk])
    both = create_list(name="Both", entity="crm.contact", rule=on(vips, picked))
    assert names(both) == "ABC"
    remove_records(marketing_list=vips, record_ids=[people[0].pk])
    unsubscribe_records(marketing_list=picked, record_ids=[people[2].pk], reason="asked")
    assert names(both) == "B"
    assert names(update_list(marketing_list=both, rule=on(vips, picked, operator="notIn"))) == "ACD"
    assert names(update_list(marketing_list=both, rule=on(picked, operator="="))) == "B"
    assert names(update_list(marketing_list=both, rule=on(picked, operator="!="))) == "ACD"
    everybody = create_list(name="Everybody", entity="crm.contact")
    assert names(update_list(marketing_list=both, rule=on(everybody, vips))) == "ABCD"
    assert rule_in_words(entity("crm.contact"), on(vips, picked)) == "Contacts who are on the list “VIPs” or “Picked”"
    assert rule_in_words(entity("crm.contact"), on(vips, operator="!=")) == "Contacts who are not on the list “VIPs”"


def test_a_list_of_a_list_of_a_list(people: list[Contact]) -> None:
    first = create_list(name="First", entity="crm.contact", rule=VIPS)
    second = create_list(name="Second", entity="crm.contact", rule=on(first, operator="!="))
    third = create_list(name="Third", entity="crm.contact", rule=on(second, operator="!="))
    assert names(third) == "AB"


def test_a_list_cannot_ask_about_itself(people: list[Contact]) -> None:
    first = create_list(name="First", entity="crm.contact", rule=VIPS)
    with pytest.raises(RuleError, match=r"a list cannot ask about itself \(First → First\)"):
        update_list(marketing_list=first, rule=on(first))
    second = create_list(name="Second", entity="crm.contact", rule=on(first))
    third = create_list(name="Third", entity="crm.contact", rule=on(second))
    with pytest.raises(RuleError, match=r"a list cannot ask about itself \(First → Third → Second → First\)"):
        update_list(marketing_list=first, rule=on(third))
    # However it came to be: what is compiled never goes round.
    MarketingList.objects.filter(pk=first.pk).update(rule=on(third))
    first.refresh_from_db()
    for each in (first, second, third):
        with pytest.raises(RuleError, match="a list cannot ask about itself"):
            matching_records(each)


def test_a_way_round_is_refused_although_a_snapshot_stands_in_it(people: list[Contact]) -> None:
    """It could be asked, but each refresh would depend on the one before, and nobody could say who is on the list."""
    kept = create_list(name="Kept", entity="crm.contact", rule=VIPS, type=ListType.ON_DEMAND)
    other = create_list(name="Other", entity="crm.contact", rule=on(kept))
    with pytest.raises(RuleError, match="a list cannot ask about itself"):
        update_list(marketing_list=kept, rule=on(other))


@pytest.mark.parametrize(
    ("value", "operator", "kind", "message"),
    [
        (None, "in", "incomplete", "choose a list"),
        ([], "in", "incomplete", "choose a list"),
        (1, "", "incomplete", "choose whether it is or is not"),
        ("VIPs", "=", "wrong", "choose a list"),
        ([1], "between", "wrong", "is or is not on a list"),
        ([10**9], "in", "broken", "a list that was chosen is not there any more"),
    ],
)
def test_a_condition_on_no_list_is_told(value: Any, operator: str, kind: str, message: str) -> None:
    tree = {"rules": [{"field": "lists.member_of", "operator": operator, "value": value}]}
    (problem,) = read_rule(entity("crm.contact"), tree).problems
    assert (problem.kind, problem.place) == (kind, (0,))
    assert message in problem.text


def test_a_list_of_other_records_is_refused() -> None:
    leads = create_list(name="Leads", entity="crm.lead")
    with pytest.raises(RuleError, match="“Leads” is not of Contacts"):
        create_list(name="Mixed", entity="crm.contact", rule=on(leads))


def test_a_broken_list_breaks_those_that_ask_about_it_and_says_which() -> None:
    first = create_list(name="First", entity="crm.contact", rule=VIPS)
    second = create_list(name="Second", entity="crm.contact", rule=on(first))
    MarketingList.objects.filter(pk=first.pk).update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    (problem,) = read_rule(entity("crm.contact"), second.rule).broken
    assert "the rule of “First” has to be corrected first. There is no field “gone”" in problem.text


def test_many_lists_behind_each_other_are_refused_in_words() -> None:
    last = create_list(name="List 0", entity="crm.contact", rule=VIPS)
    for number in range(MOST_LISTS_DEEP):
        last = create_list(name=f"List {number + 1}", entity="crm.contact", rule=on(last))
    assert read_rule(entity("crm.contact"), last.rule, marketing_list=last).problems == ()
    with pytest.raises(RuleError, match="too many lists stand behind"):
        create_list(name="One more", entity="crm.contact", rule=on(last))


def test_lists_behind_a_list_count_against_its_budget() -> None:
    dear = {"rules": [{"field": "primary_email", "operator": "contains", "value": "x"}] * 60}
    lists = [create_list(name=f"Dear {number}", entity="crm.contact", rule=dear) for number in range(2)]
    assert create_list(name="One", entity="crm.contact", rule=on(lists[0]))
    with pytest.raises(RuleError, match="asks too much of the database"):
        create_list(name="Both", entity="crm.contact", rule=on(*lists))


def test_a_change_for_which_a_list_above_would_stand_still_is_refused() -> None:
    bottom = top = create_list(name="L0", entity="crm.contact", rule=VIPS)
    for number in range(1, MOST_LISTS_DEEP + 1):
        top = create_list(name=f"L{number}", entity="crm.contact", rule=on(top))
    below = create_list(name="Below", entity="crm.contact", rule=VIPS)
    with pytest.raises(RuleError, match=r"asks about this one, and could not be worked out .* too many lists"):
        update_list(marketing_list=bottom, rule=on(below))
    update_list(marketing_list=bottom, type=ListType.ON_DEMAND, rule=on(below))
    with pytest.raises(RuleError, match="asks about this one"):
        update_list(marketing_list=bottom, type=ListType.DYNAMIC)
    assert read_rule(entity("crm.contact"), top.rule, marketing_list=top).problems == ()
    # One that is broken already keeps nobody from mending what is below it.
    MarketingList.objects.filter(pk=top.pk).update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    update_list(marketing_list=bottom, type=ListType.DYNAMIC)
