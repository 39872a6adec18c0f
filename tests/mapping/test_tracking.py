"""Change tracking sees every way in which a mapped value can change, and nothing else."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.tracking.models import Change
from dotbridge.sync.inbound.two_way_records import mark_origin
from tests.mapping.tracking_world import (
    compares_everything,
    dirty,
    execute,
    functions,
    log,
    make_integration,
    map_fields,
    quiet,
    tracked_tables,
)

ALL_EVENTS = {"insert", "update", "delete", "truncate"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> list[Contact]:
    acme, other = Account.objects.create(name="Acme"), Account.objects.create(name="Other")
    return [
        Contact.objects.create(first_name=name, last_name="Bee", account=account)
        for name, account in (("Ann", acme), ("Bob", acme), ("Cid", other), ("Dot", None))
    ]


@pytest.fixture
def contacts(people: list[Contact]) -> Mapping:
    """Contacts are mapped by their first name and their account's name."""
    mapping = map_fields(make_integration(), "crm.contact", "first_name", "account__name")
    quiet()
    return mapping


def keys(*records: Contact) -> set[int]:
    return {record.pk for record in records}


def make_many(number: int) -> None:
    execute(
        "INSERT INTO crm_contact (first_name, last_name, job_title, phone, is_vip, language, notes, updated_at)"
        " SELECT 'N', '', '', '', false, '', '', now() FROM generate_series(1, %s)",
        number,
    )


def test_what_is_saved_one_by_one(contacts: Mapping, people: list[Contact]) -> None:
    ann = people[0]
    ann.first_name = "Anne"
    ann.save()
    assert dirty(contacts) == keys(ann)


def test_bulk_updates_and_raw_sql(contacts: Mapping, people: list[Contact]) -> None:
    ann, bob, cid, _dot = people
    Contact.objects.filter(pk__in=[ann.pk, bob.pk]).update(first_name="X")
    execute("UPDATE crm_contact SET first_name = 'Y' WHERE id = %s", cid.pk)
    assert [len(each or []) for _source, each in log()] == [2, 1]
    assert dirty(contacts) == keys(ann, bob, cid)


def test_untracked_columns_and_equal_values_are_not_noted(contacts: Mapping, people: list[Contact]) -> None:
    Contact.objects.update(last_name="Cee", phone="1")
    execute("UPDATE crm_contact SET first_name = first_name")
    Account.objects.update(city="Berlin")
    assert log() == []


def test_only_a_change_of_case_and_a_null_are_changes(contacts: Mapping, people: list[Contact]) -> None:
    execute("UPDATE crm_contact SET first_name = upper(first_name) WHERE id = %s", people[0].pk)
    execute("UPDATE crm_contact SET account_id = NULL WHERE id = %s", people[1].pk)
    assert dirty(contacts) == keys(*people[:2])


def test_new_and_deleted_records(contacts: Mapping, people: list[Contact]) -> None:
    new = Contact.objects.bulk_create([Contact(first_name="Eve"), Contact(first_name="Fay")])
    gone = people[0].pk
    people[0].delete()
    assert dirty(contacts) == keys(*new) | {gone}


def test_copy_and_upsert(contacts: Mapping, people: list[Contact]) -> None:
    ann = people[0]
    with connection.cursor() as cursor:
        columns = "id, first_name, last_name, job_title, phone, is_vip, language, notes, updated_at"
        with cursor.copy(f"COPY crm_contact ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
            copy.write_row((9001, "Eve", "", "", "", False, "", "", "2026-01-01"))
    execute(
        f"INSERT INTO crm_contact ({columns}) SELECT {columns} FROM crm_contact WHERE id = %s"
        " ON CONFLICT (id) DO UPDATE SET first_name = 'Anne'",
        ann.pk,
    )
    assert dirty(contacts) == {9001, ann.pk}


def test_a_renamed_account_reaches_all_its_contacts(contacts: Mapping, people: list[Contact]) -> None:
    ann, bob, *_others = people
    Account.objects.filter(name="Acme").update(name="Acme Ltd")
    assert len(log()) == 1
    assert dirty(contacts) == keys(ann, bob)


def test_a_record_that_is_pointed_elsewhere(contacts: Mapping, people: list[Contact]) -> None:
    cid, dot = people[2:]
    Contact.objects.filter(pk__in=keys(cid, dot)).update(account=Account.objects.get(name="Acme"))
    assert dirty(contacts) == keys(cid, dot)


def test_a_deleted_account(contacts: Mapping, people: list[Contact]) -> None:
    Account.objects.get(name="Acme").delete()
    assert dirty(contacts) == keys(*people[:2])


def test_a_deleted_account_whose_records_the_database_cleans_up(contacts: Mapping, people: list[Contact]) -> None:
    """A cascade of the database's own is no statement of anybody's, and counts all the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'crm_contact'::regclass AND contype = 'f'")
        (name,) = cursor.fetchone()
    foreign_key = "FOREIGN KEY (account_id) REFERENCES crm_account"
    with transaction.atomic():
        execute(f"ALTER TABLE crm_contact DROP CONSTRAINT {name}")
        execute(f"ALTER TABLE crm_contact ADD CONSTRAINT {name} {foreign_key} ON DELETE SET NULL")
        execute("DELETE FROM crm_account WHERE name = 'Acme'")
        assert dirty(contacts) == keys(*people[:2])
        transaction.set_rollback(True)


def test_a_changed_key(contacts: Mapping, people: list[Contact]) -> None:
    execute("UPDATE crm_contact SET id = 7777 WHERE id = %s", people[3].pk)
    assert dirty(contacts) == {7777, people[3].pk}


def test_addresses_behind_a_virtual_field(contacts: Mapping, people: list[Contact]) -> None:
    ann, bob, cid, dot = people
    for person in (ann, bob, cid):
        ContactEmail.objects.create(contact=person, email=f"{person.pk}@example.com", is_primary=True)
    quiet()
    ContactEmail.objects.filter(contact=ann).update(email="other@example.com")
    ContactEmail.objects.filter(contact=bob).delete()
    ContactEmail.objects.filter(contact=cid).update(contact=dot)
    assert dirty(contacts) == keys(ann, bob, cid, dot)


def test_truncate_makes_everything_stale(contacts: Mapping, people: list[Contact]) -> None:
    other = map_fields(make_integration("Other"), "crm.lead", "company")
    quiet()
    execute("TRUNCATE crm_contact CASCADE")
    assert (None in [each for _source, each in log()]) is True
    assert dirty(contacts) == set()
    assert compares_everything(contacts)
    assert not compares_everything(other)


def test_a_key_that_has_another_type_by_now_stops_nothing(contacts: Mapping, people: list[Contact]) -> None:
    Account.objects.filter(name="Acme").update(name="Emca")
    execute("UPDATE dotbridge_mapping_change SET keys = ARRAY['acme']")  # as noted while the key was a text
    Contact.objects.filter(pk=people[3].pk).update(first_name="Dora")
    assert dirty(contacts) == keys(people[3])
    assert compares_everything(contacts)
    assert log() == []


def test_our_own_writes_are_left_alone(contacts: Mapping, people: list[Contact]) -> None:
    with transaction.atomic():
        execute("SET LOCAL dotbridge.origin = 'dotdigital'")
        Contact.objects.update(first_name="From there")
    assert log() == []
    Contact.objects.filter(pk=people[0].pk).update(first_name="From here")
    assert dirty(contacts) == keys(people[0])


def test_triggers_come_and_go_with_the_mappings(contacts: Mapping) -> None:
    addresses = {"crm_contactemail": ALL_EVENTS}
    assert tracked_tables() == {"crm_contact": ALL_EVENTS, "crm_account": ALL_EVENTS} | addresses
    MappingRow.objects.get(entity_fields=["account__name"]).delete()
    assert tracked_tables() == {"crm_contact": ALL_EVENTS} | addresses
    leads = map_fields(contacts.integration, "crm.lead", "company")
    assert tracked_tables() == {"crm_contact": ALL_EVENTS, "crm_lead": ALL_EVENTS} | addresses
    contacts.delete()
    assert tracked_tables() == {"crm_lead": ALL_EVENTS}
    leads.delete()
    assert tracked_tables() == {}
    assert functions() == 0


def test_a_row_of_another_field_is_tracked_at_once(contacts: Mapping, people: list[Contact]) -> None:
    MappingRow.objects.get(entity_fields=["first_name"]).delete()
    map_fields(contacts.integration, "crm.contact", "last_name")
    quiet()
    Contact.objects.filter(pk=people[0].pk).update(first_name="Not mapped any more")
    assert log() == []
    Contact.objects.filter(pk=people[1].pk).update(last_name="Cee")
    assert dirty(contacts) == keys(people[1])


def test_two_entities_share_a_relation(contacts: Mapping, people: list[Contact]) -> None:
    buyer = Customer.objects.create(name="Buyer", account=Account.objects.get(name="Acme"))
    customers = map_fields(contacts.integration, "crm.customer", "account__name")
    quiet()
    Account.objects.filter(name="Acme").update(name="Acme Ltd")
    assert len(log()) == 1
    assert dirty(contacts) == keys(*people[:2])
    assert dirty(customers) == {buyer.pk}


def test_an_account_that_does_not_map_a_table_need_not_look(contacts: Mapping, people: list[Contact]) -> None:
    other = map_fields(make_integration("Other"), "crm.contact", "first_name")
    quiet()
    Account.objects.filter(name="Acme").update(name="Acme Ltd")
    assert dirty(contacts) == keys(*people[:2])
    assert dirty(other) == set()
    Contact.objects.filter(pk=people[3].pk).update(first_name="D")
    assert dirty(other) == keys(people[3])


def test_the_addresses_of_leads_count_although_they_are_not_mapped() -> None:
    leads = map_fields(make_integration(), "crm.lead", "company")
    lead = Lead.objects.create(company="Acme", email="ann@example.com")
    quiet()
    Lead.objects.update(email="other@example.com")
    assert dirty(leads) == {lead.pk}


def test_a_bulk_update_is_cut_into_rows_of_the_log(contacts: Mapping) -> None:
    make_many(2500)
    assert sorted(len(each or []) for _source, each in log()) == [500, 1000, 1000]
    assert len(dirty(contacts)) == 2500


def test_the_plan_of_a_single_row_does_not_slow_a_bulk_update_down(contacts: Mapping, people: list[Contact]) -> None:
    """A session keeps the plan of its first statement; as a loop in a loop it would need 100 million comparisons."""
    make_many(10_000)
    Contact.objects.filter(pk=people[0].pk).update(first_name="X")
    execute("SET statement_timeout = '20s'")
    try:
        Contact.objects.update(first_name="Y")
    finally:
        execute("SET statement_timeout = 0")
    assert len(dirty(contacts)) == 10_004


def test_a_column_that_is_gone_stops_no_write(contacts: Mapping, people: list[Contact]) -> None:
    with transaction.atomic():
        execute("ALTER TABLE crm_contact RENAME COLUMN first_name TO given_name")
        execute("UPDATE crm_contact SET given_name = 'X' WHERE id = %s", people[0].pk)
        assert [each for _source, each in log()] == [None]
        transaction.set_rollback(True)
    assert not Change.objects.exists()


def write_back(account: Integration, statement: str, *parameters: object) -> None:
    """What an import of this account does when it writes into records."""
    with transaction.atomic():
        mark_origin(account)
        execute(statement, *parameters)


def test_what_an_account_wrote_is_news_to_the_others_only(contacts: Mapping, people: list[Contact]) -> None:
    MappingRow.objects.filter(entity_fields=["first_name"]).update(is_two_way=True)
    other = map_fields(make_integration("Other"), "crm.contact", "first_name")
    quiet()
    write_back(contacts.integration, "UPDATE crm_contact SET first_name = 'X', updated_at = now()")
    assert dirty(contacts) == set()
    assert dirty(other) == keys(*people)


def test_what_is_made_of_a_written_value_is_compared(contacts: Mapping, people: list[Contact]) -> None:
    MappingRow.objects.filter(entity_fields=["first_name"]).update(is_two_way=True)
    map_fields(contacts.integration, "crm.contact", "first_name+last_name")
    quiet()
    write_back(contacts.integration, "UPDATE crm_contact SET first_name = 'X' WHERE id = %s", people[0].pk)
    assert dirty(contacts) == keys(people[0])


def test_what_an_account_wrote_into_a_related_record_is_compared(contacts: Mapping, people: list[Contact]) -> None:
    write_back(contacts.integration, "UPDATE crm_account SET name = 'Acme Ltd' WHERE name = 'Acme'")
    assert dirty(contacts) == keys(*people[:2])
