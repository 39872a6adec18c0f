"""Changing lists: beside somebody else, with a rule that broke from outside; and deleting what others name.

The kind of fault held down in the previews: whom the list keeps because it reached them was counted as leaving. The
second place is the change of the setting itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics
from dotbridge.crm.models import Contact
from dotbridge.editing import ChangedMeanwhile, fingerprint
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.previews import what_changes, what_settings_change
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import lists_that_name, members
from dotbridge.lists.services import create_list, delete_list, update_list

pytestmark = pytest.mark.django_db
VIPS = {"rules": [{"field": "is_vip", "operator": "=", "value": True}]}
BROKEN = {"rules": [{"field": "gone", "operator": "null"}]}


def on_list(*keys: int, operator: str = "=") -> dict[str, Any]:
    value = list(keys) if operator in ("in", "notIn") else keys[0]
    return {
        "combinator": "or",
        "rules": [{"rules": [{"field": "lists.member_of", "operator": operator, "value": value}]}],
    }


def test_the_later_of_two_is_told_and_changes_nothing() -> None:
    edited = create_list(name="Bees", entity="crm.contact")
    seen = fingerprint(edited, ["name", "owner", "refresh_every"])
    user = get_user_model().objects.create_user("mona")
    hour = timedelta(hours=1)
    update_list(marketing_list=edited, name="Wasps", owner=user, refresh_every=hour, seen=seen)
    with pytest.raises(ChangedMeanwhile) as caught:
        update_list(marketing_list=edited, name="Ants", owner=None, refresh_every=None, seen=seen)
    (theirs,) = caught.value.records
    assert theirs == edited
    assert str(theirs) == "Wasps"
    # What somebody else changed elsewhere on the list is no clash.
    update_list(marketing_list=edited, rule=VIPS, seen=fingerprint(edited, ["rule"]))
    update_list(marketing_list=edited, name="Ants", seen=fingerprint(edited, ["name"]))
    assert (edited.name, edited.owner, edited.refresh_every) == ("Ants", user, hour)


def test_a_rule_that_broke_from_outside_keeps_nobody_from_renaming() -> None:
    edited = create_list(name="Bees", entity="crm.contact")
    MarketingList.objects.update(rule=BROKEN)
    update_list(marketing_list=edited, name="Wasps")
    with pytest.raises(RuleError):
        update_list(marketing_list=edited, type=ListType.ON_DEMAND)
    MarketingList.objects.update(type=ListType.MANUAL)
    update_list(marketing_list=edited, description="picked")
    with pytest.raises(RuleError):
        update_list(marketing_list=edited, type=ListType.DYNAMIC)
    assert (edited.name, edited.type) == ("Wasps", ListType.MANUAL)


def test_a_list_that_others_ask_about_is_not_deleted() -> None:
    named, other = (create_list(name=name, entity="crm.contact") for name in ("Named", "Other"))
    create_list(name="One", entity="crm.contact", rule=on_list(named.pk))
    several = create_list(name="Several", entity="crm.contact", rule=on_list(other.pk, named.pk, operator="notIn"))
    by_hand = on_list(operator="in")
    by_hand["rules"][0]["rules"][0]["value"] = f"{other.pk}, {named.pk}"
    create_list(name="By hand", entity="crm.contact", rule=by_hand)
    create_list(name="Not", entity="crm.contact", rule=on_list(other.pk))
    assert [each.name for each in lists_that_name(named)] == ["By hand", "One", "Several"]
    with pytest.raises(ValidationError, match="By hand, One, Several"):
        delete_list(marketing_list=named)
    # A rule that is not asked any more is no reason.
    update_list(marketing_list=several, type=ListType.MANUAL)
    MarketingList.objects.filter(name__in=["By hand", "One"]).delete()
    delete_list(marketing_list=named)
    assert not MarketingList.objects.filter(name="Named").exists()


@pytest.fixture
def people() -> dict[str, Contact]:
    return {name: Contact.objects.create(first_name=name, is_vip=name in "AB") for name in "ABCD"}


def reach(marketing_list: MarketingList, person: Contact) -> None:
    campaign = EmailCampaign.objects.create(name=f"to {person.pk}", marketing_list=marketing_list)
    EmailCampaignStatistics.objects.create(
        email_campaign=campaign, entity="crm.contact", record_id=str(person.pk), last_contacted_at=timezone.now()
    )


def test_whom_the_list_keeps_is_not_said_to_leave(people: dict[str, Contact]) -> None:
    kept = create_list(name="VIPs", entity="crm.contact", rule=VIPS, include_previously_contacted=True)
    reach(kept, people["A"])
    reach(kept, people["C"])
    nobody = {"rules": [{"field": "first_name", "operator": "=", "value": "Z"}]}
    change = what_changes(kept, nobody)
    assert (change.adds, change.takes_out, change.stays) == (0, 1, 2)
    off = what_settings_change(kept, type=ListType.DYNAMIC, include_previously_contacted=False)
    assert (off.adds, off.takes_out, off.stays) == (0, 1, 2)


def test_what_another_type_would_change_is_what_it_changes(people: dict[str, Contact]) -> None:
    """The preview against the deed, from each type to each, with and without those whom the list reached."""
    for before in ListType:
        for after in ListType:
            for keeps in (False, True):
                each = create_list(
                    name=f"{before} {after} {keeps}", entity="crm.contact", rule=VIPS, type=before, owner=None
                )
                reach(each, people["D"])
                if before == ListType.MANUAL:
                    add_records(marketing_list=each, record_ids=[people["A"].pk, people["C"].pk])
                change = what_settings_change(each, type=after, include_previously_contacted=keeps)
                there = set(members_of(each))
                update_list(marketing_list=each, type=after, include_previously_contacted=keeps)
                now = set(members_of(each))
                expected = (len(now - there), len(there - now), len(there & now))
                assert (change.adds, change.takes_out, change.stays) == expected, each.name


def members_of(marketing_list: MarketingList) -> list[str]:
    return list(members(marketing_list).values_list("record_id", flat=True))


def test_a_change_to_a_broken_rule_says_what_is_broken() -> None:
    picked = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    MarketingList.objects.update(rule=BROKEN)
    picked.refresh_from_db()
    change = what_settings_change(picked, type=ListType.DYNAMIC, include_previously_contacted=False)
    assert change.adds is None
    assert "gone" in change.problems[0].text
