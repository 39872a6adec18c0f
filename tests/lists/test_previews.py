"""What a rule would do before it is saved: counted, shown, and stopped when it takes too long."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.db import connection

from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.entities.registry import entity
from dotbridge.lists.listed_services import refresh_list
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.previews import SampleRecord, count_and_sample, what_changes
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records, update_list

pytestmark = pytest.mark.django_db
CONTACT = entity("crm.contact")


def tree(*rules: Any) -> dict[str, Any]:
    return {"combinator": "and", "rules": list(rules)}


def score(at_least: int) -> dict[str, Any]:
    return {"field": "lead_score", "operator": ">=", "value": at_least}


def names_of(rows: Any) -> list[str]:
    """The first names of the records in these rows, by their keys."""
    found = Contact.objects.filter(pk__in=[row["record_pk"] for row in rows])
    return list(found.order_by("pk").values_list("first_name", flat=True))


@pytest.fixture
def people() -> list[Contact]:
    made = [Contact.objects.create(first_name=f"P{number}", lead_score=number) for number in range(20)]
    ContactEmail.objects.create(contact=made[19], email=" P19@example.com", is_primary=True)
    return made


def test_a_rule_is_counted_and_its_first_people_shown(people: list[Contact]) -> None:
    preview = count_and_sample(CONTACT, tree(score(8)), limit=3)
    assert (preview.count, preview.problems, preview.took_too_long) == (12, (), False)
    assert [record.name for record in preview.sample] == ["P8", "P9", "P10"]
    (last,) = count_and_sample(CONTACT, tree(score(19))).sample
    assert last == SampleRecord(record_id=str(people[19].pk), name="P19", email="P19@example.com")


def test_what_is_not_said_yet_is_left_out_and_named(people: list[Contact]) -> None:
    preview = count_and_sample(
        CONTACT, tree(score(15), {"field": "is_vip", "operator": "=", "value": ""}, {"field": ""})
    )
    assert (preview.count, [(each.key, each.kind) for each in preview.problems]) == (
        5,
        [("1", "incomplete"), ("2", "incomplete")],
    )
    everybody = count_and_sample(CONTACT, tree({"field": ""}))
    assert everybody.count == 20


def test_a_rule_with_a_vanished_field_is_not_asked(people: list[Contact]) -> None:
    preview = count_and_sample(CONTACT, tree(score(15), {"field": "gone", "operator": "null"}))
    assert (preview.count, preview.sample) == (None, ())
    assert [(each.key, each.kind) for each in preview.problems] == [("1", "broken")]


SLOW = tree(*[{"field": "orders", "measure": "count", "operator": ">=", "value": 0}] * 50)


@pytest.fixture
def a_slow_database(people: list[Contact]) -> None:
    """Ten thousand contacts with orders looked at fifty times each, within a millisecond."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_contact (first_name, last_name, job_title, phone, is_vip, language, notes, updated_at) "
            "SELECT 'x', '', '', '', false, '', '', now() FROM generate_series(1, 10000)"
        )


@pytest.mark.usefixtures("a_slow_database")
def test_a_rule_that_takes_too_long_is_stopped_and_says_so() -> None:
    preview = count_and_sample(CONTACT, SLOW, timeout_ms=1)
    assert (preview.count, preview.sample, preview.took_too_long) == (None, (), True)
    change = what_changes(create_list(name="All", entity="crm.contact"), SLOW, timeout_ms=1)
    assert (change.adds, change.takes_out, change.took_too_long) == (None, None, True)
    # And the connection goes on as before.
    assert Contact.objects.count() == 10_020


def test_saving_says_who_comes_and_who_goes(people: list[Contact]) -> None:
    old = create_list(name="Scored", entity="crm.contact", rule=tree(score(8), {**score(16), "operator": "<"}))
    remove_records(marketing_list=old, record_ids=[people[8].pk])
    unsubscribe_records(marketing_list=old, record_ids=[people[19].pk])
    change = what_changes(old, tree(score(12)))
    assert (change.adds, change.takes_out, change.stays) == (3, 3, 4)
    assert change.joining is not None
    assert change.leaving is not None
    assert names_of(change.joining) == ["P16", "P17", "P18"]
    assert names_of(change.leaving) == ["P9", "P10", "P11"]
    update_list(marketing_list=old, rule=tree(score(12)))
    change = what_changes(old, tree(score(12)))
    assert (change.adds, change.takes_out, change.stays) == (0, 0, 7)


def test_from_and_to_everybody(people: list[Contact]) -> None:
    old = create_list(name="All", entity="crm.contact")
    change = what_changes(old, tree(score(15)))
    assert (change.adds, change.takes_out, change.stays) == (0, 15, 5)
    update_list(marketing_list=old, rule=tree(score(15)))
    change = what_changes(old, {})
    assert (change.adds, change.takes_out, change.stays) == (15, 0, 5)
    change = what_changes(old, {"rules": []})
    assert change.adds == 15


def test_those_without_a_value_are_on_one_side_too(people: list[Contact]) -> None:
    Contact.objects.create(first_name="None")
    old = create_list(name="Scored", entity="crm.contact", rule=tree(score(15)))
    change = what_changes(old, tree({"field": "lead_score", "operator": "!=", "value": 3}))
    assert (change.adds, change.takes_out, change.stays) == (15, 0, 5)


def test_of_a_list_on_demand_what_stands_on_it_is_compared(people: list[Contact]) -> None:
    kept = create_list(name="Kept", entity="crm.contact", rule=tree(score(18)), type=ListType.ON_DEMAND)
    Contact.objects.create(first_name="New", lead_score=99)
    change = what_changes(kept, tree(score(18)))
    assert (change.adds, change.takes_out, change.stays) == (1, 0, 2)
    refresh_list(marketing_list=kept)
    assert what_changes(kept, tree(score(18))).adds == 0


def test_a_new_rule_with_a_problem_and_an_old_one_that_is_broken(people: list[Contact]) -> None:
    old = create_list(name="Scored", entity="crm.contact", rule=tree(score(15)))
    change = what_changes(old, tree({"field": "is_vip", "operator": ""}))
    assert (change.adds, [each.kind for each in change.problems]) == (None, ["incomplete"])
    MarketingList.objects.update(rule=tree({"field": "gone", "operator": "null"}))
    old.refresh_from_db()
    change = what_changes(old, tree(score(15)))
    assert (change.adds, change.was_broken, change.problems) == (None, True, ())


def test_nobody_finds_out_by_a_rule_what_they_may_not_see(people: list[Contact]) -> None:
    """Seen: with the right to change lists alone any value of anybody could be found out by asking rules."""
    mona = User.objects.create_user("mona")
    mona.user_permissions.add(Permission.objects.get(codename="change_marketinglist"))
    with pytest.raises(PermissionDenied):
        count_and_sample(CONTACT, tree(), viewer=mona)
    with pytest.raises(PermissionDenied):
        what_changes(create_list(name="All", entity="crm.contact"), tree(), viewer=mona)
    mona.user_permissions.add(Permission.objects.get(codename="view_contact", content_type__app_label="crm"))
    mona = User.objects.get()
    assert count_and_sample(CONTACT, tree(score(15)), viewer=mona).count == 5
    for condition in (
        {"field": "account__city", "operator": "=", "value": "Berlin"},
        {"field": "primary_email", "operator": "beginsWith", "value": "p"},
        {"field": "orders", "operator": "=", "value": True},
        {"field": "campaigns.last_contacted", "operator": "notNull"},
        {"field": "campaigns.clicked", "operator": "=", "value": True},
    ):
        preview = count_and_sample(CONTACT, tree(condition), viewer=mona)
        assert preview.count is None
        assert "You may not see" in preview.problems[0].text
