"""What is asked of one record for many lists at once ends as each list by itself does, whatever stands against it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import Scope, Source
from dotbridge.consent.services import opt_out_addresses, opt_out_records
from dotbridge.crm.models import Contact
from dotbridge.entities.record_values import values_of_record
from dotbridge.entities.registry import entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.one_record import ConditionsOfRecord, holds
from dotbridge.lists.selectors import list_rule, matching_records
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records
from tests.accounts import add_contact

pytestmark = pytest.mark.django_db
ADDRESS = "ann@example.com"


def nothing(_contact: Contact, _first: MarketingList) -> Contact | None:
    return None


def removed(contact: Contact, first: MarketingList) -> None:
    remove_records(marketing_list=first, record_ids=[contact.pk])


def opted_out_of_it(contact: Contact, first: MarketingList) -> None:
    unsubscribe_records(marketing_list=first, record_ids=[contact.pk], reason="asked")


def opted_out_of_everything(contact: Contact, _first: MarketingList) -> None:
    opt_out_records(entity="crm.contact", record_ids=[contact.pk], source=Source.PERSON)


def its_address_opted_out(_contact: Contact, _first: MarketingList) -> None:
    opt_out_addresses(addresses=[ADDRESS.upper()], source=Source.FILE)


def opted_out_under_another_address(contact: Contact, _first: MarketingList) -> None:
    opt_out_records(entity="crm.contact", record_ids=[contact.pk], source=Source.PERSON)
    contact.emails.update(email="new@example.com")


def opted_out_of_a_book_that_is_not_its(contact: Contact, _first: MarketingList) -> None:
    said = {"scope": Scope.BOOK, "scope_id": 7}
    opt_out_records(entity="crm.contact", record_ids=[contact.pk], source=Source.FEED, **said)


def has_no_address(contact: Contact, _first: MarketingList) -> None:
    contact.emails.all().delete()


def its_address_was_erased(_contact: Contact, _first: MarketingList) -> Contact:
    erase_address(address=ADDRESS)
    return add_contact(ADDRESS)


@pytest.mark.parametrize(
    ("happens", "stays_on"),
    [
        (nothing, {"first", "second"}),
        (removed, {"second"}),
        (opted_out_of_it, {"second"}),
        (opted_out_of_everything, set()),
        (its_address_opted_out, set()),
        (opted_out_under_another_address, set()),
        (opted_out_of_a_book_that_is_not_its, {"first", "second"}),
        (has_no_address, {"first", "second"}),
        (its_address_was_erased, set()),
    ],
)
def test_what_stands_against_one_record(
    happens: Callable[[Contact, MarketingList], Contact | None], stays_on: set[str]
) -> None:
    contact = add_contact(ADDRESS)
    first, second = create_list(name="first", entity="crm.contact"), create_list(name="second", entity="crm.contact")
    asking = {each.name: asks_about(each) for each in (first, second)}
    contact = happens(contact, first) or contact
    conditions = ConditionsOfRecord(entity("crm.contact"), contact.pk)
    added = {name: conditions.add(list_rule(each)) for name, each in asking.items()}
    answers = values_of_record(entity("crm.contact"), contact.pk, conditions.columns, milliseconds=60_000)
    assert {name for name, condition in added.items() if holds(condition, answers)} == stays_on
    by_themselves = {name: matching_records(each).filter(record_pk=contact.pk) for name, each in asking.items()}
    assert {name for name, found in by_themselves.items() if found.exists()} == stays_on


def test_lists_that_are_named_add_no_column_each() -> None:
    contact = add_contact(ADDRESS)
    conditions = ConditionsOfRecord(entity("crm.contact"), contact.pk)
    numbers = []
    for number in range(3):
        conditions.add(list_rule(asks_about(create_list(name=f"List {number}", entity="crm.contact"))))
        numbers.append(len(conditions.columns))
    assert numbers[0] == numbers[-1]


def test_what_the_database_did_not_answer_is_not_taken_for_a_no() -> None:
    contact = add_contact(ADDRESS)
    conditions = ConditionsOfRecord(entity("crm.contact"), contact.pk)
    asking = asks_about(create_list(name="first", entity="crm.contact"))
    assert holds(conditions.add(list_rule(asking)), {}) is None


def asks_about(marketing_list: MarketingList) -> MarketingList:
    rule = {"rules": [{"field": "lists.member_of", "operator": "=", "value": marketing_list.pk}]}
    return create_list(name=f"Who is on {marketing_list}", entity="crm.contact", rule=rule)
