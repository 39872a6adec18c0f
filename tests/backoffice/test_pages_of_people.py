"""Pages of a list's people: each address counts once, on whichever page its records stand, and few are looked at."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.backoffice.counting import standing_of
from dotbridge.backoffice.reads.list_people import PAGE, ListPerson, people_page, speakers_of
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact, ContactEmail, Customer
from dotbridge.entities.addresses import records_with_addresses
from dotbridge.entities.registry import entity
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import ExportItem, Upload, UploadState

pytestmark = pytest.mark.django_db
NUMBER = PAGE + 10


@pytest.fixture
def link() -> ListConnection:
    """A connected list on which two records each share an address; every fourth address was refused, the rest is in
    step, but for the last two, who wait."""
    people = Contact.objects.bulk_create(Contact(first_name=f"P{place}") for place in range(2 * NUMBER))
    ContactEmail.objects.bulk_create(
        ContactEmail(contact=person, email=f" Shared{place % NUMBER}@Example.com", is_primary=True)
        for place, person in enumerate(people)
    )
    integration = create_integration(
        name="Shop", username="api@example.com", password="secret", base_url="https://r1-api.dotdigital.com"
    )
    book = AddressBook.objects.create(integration=integration, remote_id=1, name="Book")
    made = connect_list(marketing_list=create_list(name="All", entity="crm.contact"), address_book=book)
    upload = Upload.objects.create(connection=made, state=UploadState.FINISHED, row_count=3, created_at=timezone.now())
    ExportItem.objects.bulk_create(
        ExportItem(
            connection=made,
            email_key=f"shared{place}@example.com",
            email=f"shared{place}@example.com",
            record_id=str(people[place].pk),
            operation="new",
            upload=upload,
            reason="" if place % 4 else "hard_bounced",
        )
        for place in range(NUMBER - 2)
    )
    return made


def everybody(link: ListConnection, show: Standing) -> list[ListPerson]:
    """All pages, one after the other."""
    found: list[ListPerson] = []
    after = ""
    while True:
        page = people_page(link.marketing_list, show=show, after=after)
        found += page.people
        if not page.after:
            return found
        assert len(page.people) == PAGE
        after = page.after


def test_each_address_counts_once_on_its_page(link: ListConnection) -> None:
    standing = standing_of(link.marketing_list)
    for state, number in standing.numbers.items():
        people = everybody(link, state)
        assert len(people) == number, state
        assert {person.standing for person in people} <= {state}
        assert len({person.record_id for person in people}) == number
    assert standing.numbers[Standing.REFUSED] == NUMBER // 4
    assert standing.numbers[Standing.WAITING] == 2
    assert standing.numbers[Standing.SHARED] == NUMBER


def test_a_first_record_that_leaves_lets_the_second_one_speak(link: ListConnection) -> None:
    first, second = Contact.objects.filter(emails__email__icontains="shared3@").order_by("pk")
    key = {"shared3@example.com": second.pk}
    assert speakers_of(link.marketing_list, key) == {"shared3@example.com": str(first.pk)}
    ContactEmail.objects.filter(contact=first).update(email="other@example.com")
    assert speakers_of(link.marketing_list, key) == {"shared3@example.com": str(second.pk)}
    # Whoever is said to have the address and is not found by the columns has everybody looked through.
    assert speakers_of(link.marketing_list, {"shared3@example.com": first.pk}) == {
        "shared3@example.com": str(second.pk)
    }


def test_refused_people_of_another_address_now_are_looked_for_among_all(link: ListConnection) -> None:
    refused = ExportItem.objects.filter(connection=link, reason="hard_bounced").order_by("pk")
    moved = refused[0]
    ContactEmail.objects.filter(contact=moved.record_id).update(email="moved@example.com")
    assert len(everybody(link, Standing.REFUSED)) == standing_of(link.marketing_list).numbers[Standing.REFUSED]


def test_who_has_an_address_is_asked_of_its_columns(link: ListConnection) -> None:
    keys = ["shared1@example.com", "nobody@example.com"]
    with CaptureQueriesContext(connection) as captured:
        found = records_with_addresses(entity("crm.contact"), keys)
    assert len(captured) == 1
    assert found == set(Contact.objects.filter(emails__email__icontains="shared1@").values_list("pk", flat=True))
    customer = Customer.objects.create(name="Shop", email="SHARED1@example.com ")
    assert records_with_addresses(entity("crm.customer"), keys) == {customer.pk}
