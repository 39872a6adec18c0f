"""An account with many connected lists, made by a few statements: no network, no worker."""

from __future__ import annotations

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import AddressBook, DataField

_CONTACTS = """
    INSERT INTO dotbridge_mirror_contact (integration_id, remote_id, email, email_key, status, opt_in_type, email_type,
                                          data_fields, updated_at)
    SELECT %s, g, 'k' || g || '@example.com', 'k' || g || '@example.com', 'Subscribed', '', '', '{}', now()
    FROM generate_series(1, %s) g
"""
_RECORDS = """
    WITH made AS (
        INSERT INTO crm_contact (first_name, last_name, job_title, phone, lead_score, is_vip, language, notes,
                                 created_at, updated_at)
        SELECT 'Ann', 'Bee', '', '', 0, false, '', '', now(), now() FROM generate_series(1, %s) RETURNING id
    )
    INSERT INTO crm_contactemail (contact_id, email, is_primary)
    SELECT id, 'k' || row_number() OVER (ORDER BY id) || '@example.com', true FROM made
"""
_NOTES = """
    INSERT INTO dotbridge_sync_exportitem
        (connection_id, email_key, email, record_id, values, operation, reason, attempts)
    SELECT c.id, lower(e.email), e.email, e.contact_id::text, '{"F0": "Ann"}', 'new', '', 0
    FROM dotbridge_connections_listconnection c CROSS JOIN crm_contactemail e
"""


def connect_many(integration: Integration, number: int, *, fields: int = 3) -> list[ListConnection]:
    """So many lists of all contacts, each connected to a book of its own, with one mapping of so many data fields."""
    links = connect_more(integration, [], number)
    data_fields = DataField.objects.bulk_create(
        DataField(integration=integration, name=f"F{place}", type="String") for place in range(fields)
    )
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    MappingRow.objects.bulk_create(
        MappingRow(mapping=mapping, data_field=data_field, entity_fields=["first_name"]) for data_field in data_fields
    )
    return links


def connect_more(integration: Integration, former: list[ListConnection], number: int) -> list[ListConnection]:
    """So many lists and books beside the former ones."""
    places = range(len(former) + 1, len(former) + number + 1)
    books = AddressBook.objects.bulk_create(
        AddressBook(integration=integration, remote_id=place, name=f"Book {place}") for place in places
    )
    lists = MarketingList.objects.bulk_create(
        MarketingList(name=f"List {place}", entity="crm.contact", rule={}) for place in places
    )
    return ListConnection.objects.bulk_create(
        ListConnection(marketing_list=marketing_list, address_book=book)
        for marketing_list, book in zip(lists, books, strict=True)
    )


def fill(integration: Integration, *, contacts: int, records: int) -> None:
    """So many contacts in the account; the first of them are records here, which all lists have sent."""
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, [integration.pk, contacts])
        cursor.execute(_RECORDS, [records])
        cursor.execute(_NOTES)
        cursor.execute("ANALYZE dotbridge_mirror_contact, dotbridge_sync_exportitem, crm_contact, crm_contactemail")
