"""What changes a list, and what a change leaves alone."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source
from dotbridge.entities.record_ids import BATCH
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists import services
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.rules import RuleError

pytestmark = pytest.mark.django_db
VIPS = {"combinator": "and", "rules": [{"field": "is_vip", "operator": "=", "value": True}]}


@pytest.fixture
def marketing_list() -> MarketingList:
    return services.create_list(name="VIPs", entity="crm.contact", rule=VIPS)


def test_a_list_is_kept_as_given(marketing_list: MarketingList) -> None:
    kept = MarketingList.objects.get()
    assert (kept.name, kept.entity, kept.rule, kept.description) == ("VIPs", "crm.contact", VIPS, "")
    assert kept.created_at is not None


def test_a_list_without_rule_is_everybody() -> None:
    assert services.create_list(name="All", entity="crm.lead").rule == {}


def test_an_unknown_entity_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownEntity, match=r"'crm.robot'.*crm.contact, crm.customer, crm.lead"):
        services.create_list(name="Robots", entity="crm.robot")


def test_a_rule_that_cannot_be_understood_is_not_kept(marketing_list: MarketingList) -> None:
    with pytest.raises(RuleError):
        services.update_list(marketing_list=marketing_list, name="New", rule={"rules": [{"field": "nope"}]})
    kept = MarketingList.objects.get()
    assert (kept.name, kept.rule) == ("VIPs", VIPS)


@pytest.mark.parametrize("name", ["", "VIPs", "x" * 256])
def test_a_name_is_there_and_unique_and_short(marketing_list: MarketingList, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        services.create_list(name=name, entity="crm.contact")
    assert set(caught.value.message_dict) == {"name"}


def test_an_update_changes_what_is_given(marketing_list: MarketingList) -> None:
    services.update_list(marketing_list=marketing_list, description="The dear ones")
    assert (marketing_list.name, marketing_list.rule, marketing_list.description) == ("VIPs", VIPS, "The dear ones")
    services.update_list(marketing_list=marketing_list, name="Everybody", rule={})
    assert (marketing_list.name, marketing_list.rule, marketing_list.description) == ("Everybody", {}, "The dear ones")


def test_removing_and_restoring(marketing_list: MarketingList) -> None:
    user = get_user_model().objects.create_user("mona")
    assert services.remove_records(marketing_list=marketing_list, record_ids=[1, "2", 3], by=user) == 3
    assert services.remove_records(marketing_list=marketing_list, record_ids=["3", "4"]) == 1
    assert list(RemovedItem.objects.order_by("record_id").values_list("record_id", "created_by")) == [
        ("1", user.pk),
        ("2", user.pk),
        ("3", user.pk),
        ("4", None),
    ]
    assert services.restore_records(marketing_list=marketing_list, record_ids=[1, 4, 9]) == 2
    assert {str(item) for item in RemovedItem.objects.all()} == {"2", "3"}


def test_an_opt_out_is_kept_with_who_said_it_and_why(marketing_list: MarketingList) -> None:
    user = get_user_model().objects.create_user("mona")
    said = {"marketing_list": marketing_list, "source": Source.PERSON, "reason": "asked by phone", "by": user}
    assert services.unsubscribe_records(record_ids=["1"], **said) == 1
    assert services.unsubscribe_records(record_ids=["1", "2"], **said) == 1
    event = ConsentEvent.objects.earliest("id")
    assert (event.scope, event.scope_id, event.source) == (Scope.LIST, marketing_list.pk, Source.PERSON)
    assert (event.record_id, event.evidence, event.actor) == ("1", "asked by phone", "mona")


def test_resubscribing_touches_this_list_alone(marketing_list: MarketingList) -> None:
    other = services.create_list(name="Other", entity="crm.contact")
    for each in (marketing_list, other):
        services.unsubscribe_records(marketing_list=each, record_ids=["1"])
    assert services.resubscribe_records(marketing_list=marketing_list, record_ids=["1"]) == 1
    left = ConsentState.objects.get(is_blocked=True)
    assert (left.subject, left.scope_id) == ("1", other.pk)


def test_restoring_does_not_resubscribe(marketing_list: MarketingList) -> None:
    services.unsubscribe_records(marketing_list=marketing_list, record_ids=["1"])
    services.remove_records(marketing_list=marketing_list, record_ids=["1"])
    services.restore_records(marketing_list=marketing_list, record_ids=["1"])
    assert ConsentState.objects.get().is_blocked


@pytest.mark.parametrize("record_id", ["", "x" * 256, "1\x002"])
def test_a_record_id_that_cannot_be_one_is_refused_and_nothing_written(
    marketing_list: MarketingList, record_id: str
) -> None:
    with pytest.raises(ValueError, match="is no record id"):
        services.remove_records(marketing_list=marketing_list, record_ids=["1", record_id])
    assert not RemovedItem.objects.exists()


def test_many_records_take_few_statements(marketing_list: MarketingList, django_assert_max_num_queries: object) -> None:
    many = BATCH * 2 + 1
    # Three batches, the save point around them, and the note that the list's kept numbers are of before.
    with django_assert_max_num_queries(6):
        written = services.remove_records(marketing_list=marketing_list, record_ids=range(many))
    assert written == many == RemovedItem.objects.count()
