"""Addresses put on a manual list: the report that stays, what it says of whom was taken off, and how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from dotbridge.consent.erasure import erase_address
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.lists.address_loads import forget_old_address_loads, load_addresses, undo_address_load
from dotbridge.lists.listed_services import WrongListType, add_records
from dotbridge.lists.models import AddressLoad, ListType, MarketingList, NotedAddress, WhyNoted
from dotbridge.lists.selectors import members
from dotbridge.lists.services import create_list, remove_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def picked() -> MarketingList:
    for name in "abc":
        made = Contact.objects.create(first_name=name)
        ContactEmail.objects.create(contact=made, email=f"{name}@example.com", is_primary=True)
    twin = Contact.objects.create(first_name="twin")
    ContactEmail.objects.create(contact=twin, email="A@Example.com", is_primary=True)
    return create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)


def test_what_did_not_match_is_kept(picked: MarketingList) -> None:
    user = get_user_model().objects.create_user("mona")
    remove_records(marketing_list=picked, record_ids=[Contact.objects.get(first_name="c").pk])
    given = ["a@example.com", "B@example.com", "c@example.com", "Nobody@example.com", "no address", "x" * 400 + "\0"]
    load = load_addresses(marketing_list=picked, addresses=given, unread=["Name"], name="fair.csv", by=user)
    assert (load.added, load.already, load.name, load.created_by) == (2, 0, "fair.csv", user)
    noted = list(load.noted.order_by("pk").values_list("why", "text"))
    assert noted == [
        (WhyNoted.NOT_FOUND, "Nobody@example.com"),
        (WhyNoted.NOT_AN_ADDRESS, "no address"),
        (WhyNoted.NOT_AN_ADDRESS, "x" * 254),
        (WhyNoted.NOT_AN_ADDRESS, "Name"),
        (WhyNoted.TAKEN_OFF, "c@example.com"),
        (WhyNoted.SHARED, "a@example.com"),
    ]
    assert members(picked).count() == 2
    again = load_addresses(marketing_list=picked, addresses=given, by=user)
    assert (again.added, again.already) == (0, 2)


def test_a_load_is_taken_back(picked: MarketingList) -> None:
    add_records(marketing_list=picked, record_ids=[Contact.objects.get(first_name="c").pk])
    load = load_addresses(marketing_list=picked, addresses=["b@example.com", "c@example.com"])
    assert members(picked).count() == 2
    for expected in (1, 0):
        assert undo_address_load(load=load) == expected
        assert [row["email"] for row in members(picked)] == ["c@example.com"]
        assert load.undone_at is not None


def test_addresses_are_loaded_into_manual_lists_alone(picked: MarketingList) -> None:
    live = create_list(name="Live", entity="crm.contact")
    with pytest.raises(WrongListType):
        load_addresses(marketing_list=live, addresses=["a@example.com"])
    assert not AddressLoad.objects.exists()


def test_a_report_forgets_who_is_erased_and_goes_in_the_end(picked: MarketingList) -> None:
    load_addresses(marketing_list=picked, addresses=["Gone@example.com", "stays@example.com"])
    erase_address(address="gone@example.com")
    assert [noted.text for noted in NotedAddress.objects.all()] == ["stays@example.com"]
    assert forget_old_address_loads() == 0
    AddressLoad.objects.update(created_at=timezone.now() - timedelta(days=91))
    assert forget_old_address_loads() > 0
    assert not NotedAddress.objects.exists()
