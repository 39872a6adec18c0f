"""What must not be written into a record: old readings, absent values, another's values; and how writes are marked."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from dotbridge.connections.models import RunKind
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mirror.models import Contact as RemoteContact
from dotbridge.sync.inbound import contacts
from dotbridge.sync.inbound.books import CONTACTS_FEED
from dotbridge.sync.models import Cursor, ExportItem, Rejection, State, Upload, UploadState
from tests.accounts import RemoteAccount, steps_of
from tests.sync.two_way_account import change, connect_two_way, person, sync, writes

# No number of a record, which may be told, holds these digits.
UNLUCKY = 1_313_131_313


def test_data_fields_that_dotdigital_did_not_send_are_not_empty(
    integration: Integration, remote: RemoteAccount
) -> None:
    ann = person("ann@example.com", lead_score=5)
    connect_two_way(integration, remote, FIRSTNAME=EmptyValues.CLEAR, SCORE=EmptyValues.CLEAR)
    sync(integration)
    sync(integration)
    RemoteContact.objects.update(data_fields={})
    # So that the next reading does not bring them again.
    Cursor.objects.filter(feed=CONTACTS_FEED).update(position=timezone.now() + datetime.timedelta(minutes=10))
    remote.sandbox.advance(900)

    run = sync(integration)

    assert RemoteContact.objects.get().data_fields == {}

    ann.refresh_from_db()
    assert (ann.first_name, ann.lead_score) == ("Ann", 5)
    assert steps_of(run)["two_way"].get("written", 0) == 0


def test_a_record_with_another_address_by_now_is_left_alone(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Former")
    ContactEmail.objects.filter(contact=ann).update(email="ann.new@example.com")

    for _number in range(2):
        sync(integration)

    ann.refresh_from_db()
    assert ann.first_name == "Ann"


def test_a_deleted_record_is_no_error(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    ann.delete()

    assert sync(integration).state == State.SUCCEEDED


def test_while_an_upload_is_on_its_way_its_addresses_wait(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    Upload.objects.update(state=UploadState.SENT)

    sync(integration, kind=RunKind.IMPORT)

    ann.refresh_from_db()
    assert ann.first_name == "Ann"
    Upload.objects.update(state=UploadState.FINISHED)
    sync(integration, kind=RunKind.IMPORT)
    ann.refresh_from_db()
    assert ann.first_name == "Anna"


@pytest.mark.parametrize("days_ahead", [0, 400], ids=["read lately", "read by a wrong clock"])
def test_a_book_that_could_not_be_read_is_not_compared(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch, days_ahead: int
) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    Contact.objects.filter(pk=ann.pk).update(first_name="Ours")
    change(remote, "ann@example.com", SCORE=3)
    Cursor.objects.filter(feed=CONTACTS_FEED).update(position=F("position") + datetime.timedelta(days=days_ahead))
    monkeypatch.setattr(contacts, "move_cursor", lambda *_arguments: None)

    run = sync(integration, kind=RunKind.IMPORT)

    ann.refresh_from_db()
    assert (ann.first_name, ann.lead_score) == ("Ours", None)
    assert steps_of(run)["two_way"]["state"] == State.PARTIAL
    assert "could not be read" in steps_of(run)["two_way"]["message"]


def test_a_rule_of_the_database_refuses_one_record_and_no_other(
    integration: Integration, remote: RemoteAccount
) -> None:
    people = [person(f"reader.{number}@example.com") for number in range(9)]
    connect_two_way(integration, remote)
    sync(integration)
    for contact in people:
        change(remote, contact.emails.get().email, FIRSTNAME="Good", SCORE=UNLUCKY if contact == people[4] else 12)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE crm_contact ADD CONSTRAINT no_bad_luck CHECK (lead_score <> {UNLUCKY})")
    try:
        run = sync(integration)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE crm_contact DROP CONSTRAINT no_bad_luck")

    assert steps_of(run)["two_way"]["written"] == 8
    refused = Rejection.objects.get()
    assert refused.subject == people[4].emails.get().email
    assert str(UNLUCKY) not in refused.detail
    people[4].refresh_from_db()
    assert (people[4].first_name, people[4].lead_score) == ("Ann", None)
    assert Contact.objects.filter(lead_score=12).count() == 8


@pytest.fixture
def origins(transactional_db: None) -> Iterator[list[str]]:
    """What each write to a contact or an address of the CRM said of where it came from, as a trigger sees it."""
    tables = ("crm_contact", "crm_contactemail")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_origin (origin text)")
        cursor.execute(
            "CREATE FUNCTION note_origin() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO test_origin VALUES (coalesce(current_setting('dotbridge.origin', true), '')); "
            "RETURN NULL; END $$"
        )
        for table in tables:
            cursor.execute(
                f"CREATE TRIGGER note_origin AFTER INSERT OR UPDATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION note_origin()"
            )
    yield []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TRIGGER note_origin ON {table}")
        cursor.execute("DROP FUNCTION note_origin")
        cursor.execute("DROP TABLE test_origin")


def test_every_write_says_that_it_comes_from_dotdigital(
    integration: Integration, remote: RemoteAccount, origins: list[str]
) -> None:
    person("ann@example.com")
    link = connect_two_way(integration, remote)
    type(link).objects.filter(pk=link.pk).update(create_entities=True)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    remote.create_contact("new@example.com", book=link.address_book.remote_id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM test_origin")

    sync(integration)

    with connection.cursor() as cursor:
        cursor.execute("SELECT origin, count(*) FROM test_origin GROUP BY 1")
        assert cursor.fetchall() == [("dotdigital", 3)]
    person("later@example.com")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM test_origin WHERE origin = ''")
        assert cursor.fetchone() == (2,)


def test_what_follows_from_a_written_value_is_sent_once(integration: Integration, remote: RemoteAccount) -> None:
    """The full name is made of the first name: Dotdigital does not know of it by itself."""
    ann = person("ann@example.com")
    link = connect_two_way(integration, remote)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    MappingRow.objects.create(
        mapping=mapping,
        data_field=integration.data_fields.get(name="FULLNAME"),
        entity_fields=["first_name", "last_name"],
    )
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    sync(integration)

    held = remote.contacts(link.address_book.remote_id)["ann@example.com"]
    assert (held["FIRSTNAME"], held["FULLNAME"]) == ("Anna", "Anna Bee")
    remote.sandbox.clear_calls()
    sync(integration)
    assert writes(remote) == []
    ann.refresh_from_db()
    assert ann.first_name == "Anna"


def test_writing_back_changes_nobodys_consent(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    link = connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})

    for _number in range(3):
        sync(integration)

    ann.refresh_from_db()
    assert ann.first_name == "Anna"

    assert remote.ask("GET", "/v2/contacts/ann@example.com")["status"] == "Unsubscribed"
    assert not ExportItem.objects.filter(connection=link).exists()


def test_a_run_for_one_list_writes_back_for_this_list_alone(integration: Integration, remote: RemoteAccount) -> None:
    """Rule: a run for one list touches nothing of the others, not even to say that they were not read."""
    person("ann@example.com", last_name="One")
    person("bob@example.com", last_name="Two")
    links = [connect_two_way(integration, remote, book=book) for book in ("First", "Second")]
    for link, name in zip(links, ("One", "Two"), strict=True):
        rule = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": name}]}
        MarketingList.objects.filter(pk=link.marketing_list_id).update(rule=rule)
    sync(integration)
    for email in ("ann@example.com", "bob@example.com"):
        change(remote, email, FIRSTNAME="Theirs")

    run = sync(integration, link=links[0])

    assert set(Contact.objects.values_list("last_name", "first_name")) == {("One", "Theirs"), ("Two", "Ann")}
    assert (steps_of(run)["two_way"]["state"], steps_of(run)["two_way"]["message"]) == (State.SUCCEEDED, "")
