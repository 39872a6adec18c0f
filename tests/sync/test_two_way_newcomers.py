"""Contacts without a record: which of them become one, which do not, and what happens to them afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import connect_list
from dotbridge.consent.models import Source
from dotbridge.consent.services import opt_in_addresses, opt_out_addresses
from dotbridge.crm.models import Contact, ContactEmail, Customer, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.inbound import two_way_newcomers
from dotbridge.sync.models import ExportItem, Rejection, State
from tests.accounts import RemoteAccount, steps_of
from tests.sync.two_way_account import change, connect_two_way, person, sync, writes


def creating(link: ListConnection) -> ListConnection:
    ListConnection.objects.filter(pk=link.pk).update(create_entities=True)
    return link


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    return creating(connect_two_way(integration, remote))


def test_a_contact_without_a_record_becomes_one(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    known = person("Known@Example.com")
    book = link.address_book.remote_id
    remote.create_contact("new@example.com", book=book, FIRSTNAME="Nora", LASTNAME="New", SCORE=3, VIP=True)
    remote.create_contact("known@example.com", book=book, FIRSTNAME="Somebody")

    runs = [sync(integration) for _number in range(3)]

    created = Contact.objects.exclude(pk=known.pk).get()
    assert (created.first_name, created.last_name, created.lead_score, created.is_vip) == ("Nora", "New", 3, True)
    assert ContactEmail.objects.get(contact=created).email == "new@example.com"
    assert ContactEmail.objects.get(contact=created).is_primary
    assert created.created_at is not None
    assert [steps_of(run)["two_way"].get("created", 0) for run in runs] == [1, 0, 0]
    remote.sandbox.clear_calls()
    change(remote, "new@example.com", FIRSTNAME="Nele")
    remote.sandbox.clear_calls()
    sync(integration)
    created.refresh_from_db()
    assert created.first_name == "Nele"
    assert writes(remote) == []


def test_nobody_is_created_unless_the_connection_says_so(integration: Integration, remote: RemoteAccount) -> None:
    link = connect_two_way(integration, remote)
    remote.create_contact("new@example.com", book=link.address_book.remote_id)

    sync(integration)

    assert not Contact.objects.exists()


def test_suppressed_contacts_do_not_become_records(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    book = link.address_book.remote_id
    for name in ("account", "book"):
        remote.create_contact(f"{name}@example.com", book=book)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "account@example.com"})
    remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "book@example.com"})

    for _number in range(2):
        sync(integration)

    assert not Contact.objects.exists()
    assert remote.ask("GET", "/v2/contacts/account@example.com")["status"] == "Unsubscribed"


def test_a_record_that_the_rule_does_not_match_stays_in_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    rule = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Wanted"}]}
    type(link.marketing_list).objects.filter(pk=link.marketing_list_id).update(rule=rule)
    book = link.address_book.remote_id
    remote.create_contact("in@example.com", book=book, LASTNAME="Wanted")
    remote.create_contact("out@example.com", book=book, LASTNAME="Other")

    for _number in range(3):
        sync(integration)

    assert set(Contact.objects.values_list("last_name", flat=True)) == {"Wanted", "Other"}
    assert set(remote.contacts(book)) == {"in@example.com", "out@example.com"}
    assert set(ExportItem.objects.values_list("email", flat=True)) == {"in@example.com"}
    assert remote.ask("GET", "/v2/contacts/out@example.com")["status"] == "Subscribed"


def test_a_deleted_record_does_not_come_back(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    person("sent@example.com")
    remote.create_contact("made@example.com", book=link.address_book.remote_id)
    rule = {"combinator": "and", "rules": [{"field": "first_name", "operator": "=", "value": "Ann"}]}
    type(link.marketing_list).objects.filter(pk=link.marketing_list_id).update(rule=rule)
    sync(integration)
    assert Contact.objects.count() == 2
    Contact.objects.all().delete()

    for _number in range(3):
        sync(integration)

    assert not Contact.objects.exists()
    assert set(remote.contacts(link.address_book.remote_id)) == {"made@example.com"}


@pytest.fixture
def customers(integration: Integration, remote: RemoteAccount) -> Iterator[ListConnection]:
    """A list of customers, whose name is required, that creates entities; the name is not mapped yet."""
    connect_two_way(integration, remote)
    remote.create_book("Customers")
    sync(integration)
    mapping = Mapping.objects.create(integration=integration, entity="crm.customer")
    set_mapping_row(
        mapping=mapping,
        data_field=integration.data_fields.get(name="LASTNAME"),
        entity_fields=["contact_last_name"],
        is_two_way=True,
    )
    return creating(
        connect_list(
            marketing_list=create_list(name="Customers", entity="crm.customer"),
            address_book=AddressBook.objects.get(integration=integration, name="Customers"),
        )
    )


def test_missing_required_fields_are_named_once(
    integration: Integration, remote: RemoteAccount, customers: ListConnection
) -> None:
    for number in range(3):
        remote.create_contact(f"c{number}@example.com", book=customers.address_book.remote_id, NICK=f"Shop {number}")

    runs = [sync(integration) for _number in range(3)]

    assert not Customer.objects.exists()
    refused = Rejection.objects.get()
    assert refused.reason == "not_created"
    assert "3 contacts" in refused.detail
    assert "name" in refused.detail
    assert [run.state for run in runs] == [State.PARTIAL, State.SUCCEEDED, State.SUCCEEDED]

    set_mapping_row(
        mapping=Mapping.objects.get(entity="crm.customer"),
        data_field=integration.data_fields.get(name="NICK"),
        entity_fields=["name"],
        is_two_way=True,
    )
    sync(integration)
    assert set(Customer.objects.values_list("name", "email")) == {
        (f"Shop {number}", f"c{number}@example.com") for number in range(3)
    }


def test_one_contact_that_cannot_be_created_is_refused_once_until_it_changes(
    integration: Integration, remote: RemoteAccount, customers: ListConnection
) -> None:
    set_mapping_row(
        mapping=Mapping.objects.get(entity="crm.customer"),
        data_field=integration.data_fields.get(name="NICK"),
        entity_fields=["name"],
        is_two_way=True,
    )
    book = customers.address_book.remote_id
    remote.create_contact("good@example.com", book=book, NICK="Shop")
    remote.create_contact("bad@example.com", book=book)

    for _number in range(3):
        sync(integration)

    assert list(Customer.objects.values_list("email", flat=True)) == ["good@example.com"]
    refused = Rejection.objects.get()
    assert (refused.subject, refused.reason) == ("bad@example.com", "not_created")
    assert "name" in refused.detail
    change(remote, "bad@example.com", NICK="Mended")
    sync(integration)
    assert Customer.objects.filter(name="Mended").exists()


def test_one_contact_in_two_books_becomes_one_record(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_book("Second")
    sync(integration)
    second = creating(
        connect_list(
            marketing_list=create_list(name="Second", entity="crm.contact"),
            address_book=AddressBook.objects.get(name="Second"),
        )
    )
    for book in (link.address_book.remote_id, second.address_book.remote_id):
        remote.create_contact("both@example.com", book=book, FIRSTNAME="Bea")

    for _number in range(2):
        sync(integration)

    assert Contact.objects.count() == 1
    assert not Lead.objects.exists()


def test_creating_takes_the_same_statements_for_any_number(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    book = link.address_book.remote_id

    def statements(batch: int, number: int) -> int:
        for each in range(number):
            remote.create_contact(f"reader.{batch}.{each}@example.com", book=book, FIRSTNAME=f"Name {each}")
        with CaptureQueriesContext(connection) as captured:
            run = sync(integration)
        assert steps_of(run)["two_way"]["created"] == number
        texts = [query["sql"] for query in captured]
        start = next(at for at, text in enumerate(texts) if "CREATE TEMP TABLE stage_newcomer" in text)
        end = next(at for at, text in enumerate(texts) if at > start and "DROP TABLE IF EXISTS stage_newcomer" in text)
        return end - start

    assert statements(1, 3) == statements(2, 60)


def test_whoever_may_not_be_mailed_by_what_was_said_here_becomes_no_record(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """Dotdigital has not been told yet, or does not take it."""
    opt_out_addresses(addresses=["New@example.com"], source=Source.API)
    remote.create_contact("new@example.com", book=link.address_book.remote_id, FIRSTNAME="Nora", LASTNAME="New")
    sync(integration)
    assert not Contact.objects.exists()
    opt_in_addresses(addresses=["new@example.com"], source=Source.API)
    sync(integration)
    assert Contact.objects.get().first_name == "Nora"


def test_another_account_that_makes_records_is_not_waited_for_without_end(
    integration: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(two_way_newcomers, "LONGEST_WAIT", 0.3)
    remote.create_contact("new@example.com", book=link.address_book.remote_id)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({LOCK_KEY})", ["dotbridge.create.crm.contact"])
        try:
            run = sync(integration)
        finally:
            other.close()

    step = steps_of(run)["two_way"]
    assert (step["state"], step["message"]) == (
        State.PARTIAL,
        f"{link}: no records were made, because another account makes some. The next run does.",
    )
    assert not Contact.objects.exists()
    sync(integration)
    assert Contact.objects.exists()
