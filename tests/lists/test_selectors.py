"""Who is on a list, and how the counts add up."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dotbridge.consent.models import Source
from dotbridge.consent.services import opt_out_addresses
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.selectors import (
    MemberCounts,
    count_members,
    mailable_addresses,
    mailable_members,
    matching_records,
    members,
)
from dotbridge.lists.services import unsubscribe_records

pytestmark = pytest.mark.django_db


def contact(first_name: str, email: str | None, **values: object) -> Contact:
    made = Contact.objects.create(first_name=first_name, **values)
    if email is not None:
        ContactEmail.objects.create(contact=made, email=email, is_primary=True)
    return made


def listed(entity: str = "crm.contact", rule: dict[str, object] | None = None) -> MarketingList:
    return MarketingList.objects.create(name=f"All {entity}", entity=entity, rule=rule or {})


def test_columns_are_those_promised() -> None:
    ada = contact("Ada", "  Ada@Example.COM ")
    row = matching_records(listed()).get()
    assert row == {
        "record_pk": ada.pk,
        "record_id": str(ada.pk),
        "email": "Ada@Example.COM",
        "email_key": "ada@example.com",
    }


def test_a_model_may_have_an_email_field_of_its_own() -> None:
    Lead.objects.create(first_name="Lea", email=" Lea@example.org")
    row = matching_records(
        listed("crm.lead", {"rules": [{"field": "email", "operator": "contains", "value": " "}]})
    ).get()
    assert (row["email"], row["email_key"]) == ("Lea@example.org", "lea@example.org")


def test_a_secondary_address_is_not_the_email() -> None:
    made = contact("Ada", None)
    ContactEmail.objects.create(contact=made, email="second@example.com")
    assert matching_records(listed()).get()["email"] is None


def test_stands_as_a_subquery_in_larger_sql() -> None:
    contact("Ada", "ada@example.com")
    contact("Bob", "bob@example.com", is_vip=True)
    marketing_list = listed(rule={"rules": [{"field": "is_vip", "operator": "=", "value": True}]})
    inner, parameters = mailable_members(marketing_list).query.get_compiler("default").as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.record_id, m.email_key, m.email FROM ({inner}) AS m JOIN crm_contact c ON c.id = m.record_pk",
            parameters,
        )
        assert [row[1] for row in cursor.fetchall()] == ["bob@example.com"]


def test_counts_divide_the_matching_records() -> None:
    marketing_list = listed()
    kept = contact("Kept", "kept@example.com")
    contact("Twin", " KEPT@example.com ")
    removed = contact("Removed", "removed@example.com")
    off = contact("Off", "off@example.com")
    both = contact("Both", "both@example.com")
    contact("None", None)
    contact("Blank", "   ")
    contact("Bad", "not an address")
    for record in (removed, both):
        RemovedItem.objects.create(marketing_list=marketing_list, record_id=str(record.pk))
    unsubscribe_records(marketing_list=marketing_list, record_ids=[off.pk, both.pk])
    counts = count_members(marketing_list)
    assert counts == MemberCounts(
        matching=8, removed=2, unsubscribed=1, without_email=2, invalid_email=1, duplicates=1, mailable=1
    )
    assert members(marketing_list).count() == 5
    assert min(row["record_pk"] for row in mailable_members(marketing_list)) == kept.pk


def test_state_rows_of_another_list_do_not_count() -> None:
    made = contact("Ada", "ada@example.com")
    other = MarketingList.objects.create(name="Other", entity="crm.contact")
    RemovedItem.objects.create(marketing_list=other, record_id=str(made.pk))
    unsubscribe_records(marketing_list=other, record_ids=[made.pk])
    assert members(listed()).count() == 1


def test_counting_reads_the_records_once() -> None:
    marketing_list = listed("crm.customer")
    Customer.objects.create(name="Acme", email="x@example.com", account=Account.objects.create(name="Acme"))
    with CaptureQueriesContext(connection) as captured:
        assert count_members(marketing_list).mailable == 1
    assert sum(each["sql"].count('FROM "crm_customer"') for each in captured.captured_queries) == 1


def test_addresses_that_may_be_mailed_are_the_same_by_both_ways() -> None:
    marketing_list = listed("crm.customer")
    account = Account.objects.create(name="Acme")
    for place, email in enumerate((" Ann@Example.com", "ann@example.com", "off@example.com", "not an address", "")):
        Customer.objects.create(name=f"Customer {place}", email=email, account=account)
    opt_out_addresses(addresses=["off@example.com"], source=Source.CRM)
    found = mailable_addresses(marketing_list)
    with connection.cursor() as cursor:
        cursor.execute(found.sql, found.parameters)
        quick = sorted(key for (key,) in cursor.fetchall())
    assert quick == sorted(mailable_members(marketing_list).values_list("email_key", flat=True))
    assert quick == ["ann@example.com", "ann@example.com"]
    counts = count_members(marketing_list)
    assert (counts.mailable, counts.duplicates, counts.unsubscribed) == (1, 1, 1)
    assert (counts.invalid_email, counts.without_email, counts.matching) == (1, 1, 5)


def test_state_rows_are_never_joined_by_guesswork() -> None:
    """Right after many rows were written their number is unknown to the planner, and an anti-join takes minutes."""
    marketing_list = listed()
    assert "Anti Join" not in members(marketing_list).explain()
    assert "Anti Join" not in mailable_members(marketing_list).explain()
