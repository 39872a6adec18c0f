"""Whom a note of ours was written to: the contact by its id, whatever address it has in Dotdigital by now.

A note is kept under the address that was sent. When the contact is given another one there, `FormerAddress` leads from
the one to the other; when a note goes, `PastAddress` remembers for a while whose it was.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.entities.sql import compiled
from dotbridge.sync.models import ExportItem

# Whether a live contact of note `i` is in the book. The parameters are `integration`, `book` and `live`.
IS_IN_BOOK = """EXISTS (
        SELECT FROM dotbridge_mirror_contact c
        JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
             AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
        WHERE c.integration_id = %(integration)s AND c.email_key = i.email_key AND c.status = ANY(%(live)s)
        UNION ALL
        SELECT FROM dotbridge_mirror_formeraddress a
        JOIN dotbridge_mirror_contact c ON c.integration_id = a.integration_id AND c.remote_id = a.remote_id
             AND c.status = ANY(%(live)s)
        JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
             AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
        WHERE a.integration_id = %(integration)s AND a.email_key = i.email_key
    )"""
# Before its first row goes to Dotdigital nobody was written to.
REMEMBER = """
    INSERT INTO dotbridge_sync_pastaddress (integration_id, email_key, entity, record_id, ended_at)
    SELECT DISTINCT %s::bigint, email_key, %s, record_id, %s::timestamptz FROM ({notes}) n
    ON CONFLICT (integration_id, email_key, entity, record_id) DO UPDATE SET ended_at = excluded.ended_at
"""


def note_past_addresses(link: ListConnection, notes: QuerySet[ExportItem]) -> None:
    """Remember of these notes, which are about to go, under which address each record was written to."""
    found = compiled(notes.exclude(upload=None).order_by().values("email_key", "record_id"))
    with connection.cursor() as cursor:
        cursor.execute(
            REMEMBER.format(notes=found.sql),
            [link.address_book.integration_id, link.marketing_list.entity, timezone.now(), *found.parameters],
        )
