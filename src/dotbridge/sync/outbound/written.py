"""Whom a note of ours was written to: the contact by its id, whatever address it has in Dotdigital by now.

A note is kept under the address that was sent. When the contact is given another one there, `FormerAddress` leads from
the one to the other. When a note goes, or becomes another record's, `PastAddress` remembers whose it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from dotbridge.connections.models import ListConnection
from dotbridge.entities.sql import compiled
from dotbridge.sync.models import ExportItem, PastAddress
from dotbridge.sync.outbound.states import NOTHING_ARRIVED

_NOTHING_ARRIVED = ", ".join(f"'{status}'" for status in NOTHING_ARRIVED)
# The contacts `c` of the book that were written to by note `i` and have another address by now. Where the list has a
# note there such a contact is somebody else's.
UNDER_ANOTHER = """SELECT FROM dotbridge_mirror_formeraddress a
        JOIN dotbridge_mirror_contact c ON c.integration_id = a.integration_id AND c.remote_id = a.remote_id
        JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
             AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
        WHERE a.integration_id = %(integration)s AND a.email_key = i.email_key AND NOT EXISTS (
            SELECT FROM dotbridge_sync_exportitem o
            WHERE o.connection_id = %(connection)s AND o.email_key = c.email_key AND o.removal_id IS NULL
        )"""
# So it is where the list has a member there.
_UNDER_ANOTHER = f"""{UNDER_ANOTHER} AND (c.email_key IN (
            SELECT email_key FROM export_member WHERE connection_id = %(connection)s AND is_member
        )) IS NOT TRUE"""
# Whether there is one, whether Dotdigital mails it or not.
IS_THERE_UNDER_ANOTHER = f"EXISTS ({_UNDER_ANOTHER})"
# Dotdigital may mail somebody again whom it does not mail now.
_IS_TO_LEAVE = "(c.status = ANY(%(live)s) OR d.leaves_unmailed)"
# Whether a contact of note `i`, which has departed as `d` says, is in the book. The parameters are `connection`,
# `integration`, `book` and `live`; the table of members has to be filled.
IS_IN_BOOK = f"""EXISTS (
        SELECT FROM dotbridge_mirror_contact c
        JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
             AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
        WHERE c.integration_id = %(integration)s AND c.email_key = i.email_key AND {_IS_TO_LEAVE}
        UNION ALL
        {_UNDER_ANOTHER} AND {_IS_TO_LEAVE}
    )"""
# Whether the row of note `i`, by its upload `u`, was taken, or may have been though nobody said so: that is thought
# where the contact was not in the book before.
HAS_ARRIVED = f"""((u.state = 'finished' AND i.reason = '') OR (i.operation <> 'update' AND (
        i.reason = 'unreported' OR (u.state = 'refused' AND u.remote_status NOT IN ({_NOTHING_ARRIVED}))
    ))) IS TRUE"""
# Whether we brought the contact of note `i` to the book, or updated it there.
IS_OURS = f"(i.was_confirmed IS TRUE OR {HAS_ARRIVED})"
# The contacts `c` of the book that leave it when the whole list does: whom the list has brought there or updated, also
# those who left the list while Dotdigital did not mail them. The parameters are `connection`, `integration`, `book` and
# `live`.
IN_BOOK_OF_OURS = f"""
    WITH ours AS MATERIALIZED (
        SELECT i.email_key FROM dotbridge_sync_exportitem i LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
        WHERE i.connection_id = %(connection)s AND {IS_OURS}
        UNION ALL
        SELECT email_key FROM dotbridge_sync_bookremainder WHERE connection_id = %(connection)s
    )
    SELECT c.status FROM dotbridge_mirror_membership m JOIN dotbridge_mirror_contact c ON c.id = m.contact_id
    WHERE m.address_book_id = %(book)s AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
      AND (c.email_key IN (SELECT email_key FROM ours) OR c.remote_id IN (
              SELECT a.remote_id FROM dotbridge_mirror_formeraddress a
              WHERE a.integration_id = %(integration)s AND a.email_key IN (SELECT email_key FROM ours)
          ) AND NOT EXISTS (
              SELECT FROM dotbridge_sync_exportitem o
              WHERE o.connection_id = %(connection)s AND o.email_key = c.email_key
          ))
"""
# Of notes `n` of a list, which are about to go, the records that the list has written to at another address since, and
# when it prepared that. A note that was taken out of its upload is older than every one that has one.
WRITTEN_SINCE = """
    SELECT l.record_id, l.upload_id, u.created_at AS at
    FROM (
        SELECT o.record_id, max(o.upload_id) AS upload_id FROM dotbridge_sync_exportitem o
        WHERE o.connection_id = %(connection)s AND o.record_id IN (SELECT record_id FROM n) GROUP BY 1
    ) l JOIN dotbridge_sync_upload u ON u.id = l.upload_id
"""
# Before its first row goes to Dotdigital nobody was written to. A note that was confirmed is of somebody who was, also
# when it was taken out of the upload that it waited in since.
_REMEMBER = f"""
    WITH n AS MATERIALIZED ({{notes}})
    INSERT INTO dotbridge_sync_pastaddress (integration_id, email_key, entity, record_id, ended_at)
    SELECT %(integration)s, n.email_key, %(entity)s, n.record_id, s.at
    FROM n LEFT JOIN ({WRITTEN_SINCE}) s ON s.record_id = n.record_id AND s.upload_id > coalesce(n.upload_id, 0)
    ON CONFLICT (integration_id, email_key, entity, record_id) DO UPDATE SET ended_at = excluded.ended_at
"""
# A note that is about to become another record's: whoever opts out from now on is the other one.
_HAND_OVER = """
    INSERT INTO dotbridge_sync_pastaddress (integration_id, email_key, entity, record_id, ended_at)
    SELECT %(integration)s, i.email_key, %(entity)s, i.record_id, now()
    FROM export_candidate k
    JOIN dotbridge_sync_exportitem i ON i.id = k.item_id AND (i.upload_id IS NOT NULL OR i.was_confirmed)
    WHERE k.connection_id = %(connection)s AND k.is_handed_over
    ON CONFLICT (integration_id, email_key, entity, record_id) DO UPDATE SET ended_at = excluded.ended_at
"""
# A record that is about to be written to at one address was not last written to at another; and an address is its new
# owner's alone. At what cannot be an address nobody is written to.
_END = """
    UPDATE dotbridge_sync_pastaddress p SET ended_at = now()
    WHERE p.ended_at IS NULL AND p.integration_id = %(integration)s AND p.id IN (
        SELECT q.id FROM dotbridge_sync_pastaddress q JOIN export_candidate k ON k.record_id = q.record_id
        WHERE q.ended_at IS NULL AND q.entity = %(entity)s AND k.connection_id = %(connection)s AND k.is_mailable
          AND (k.item_id IS NULL OR k.is_handed_over)
        UNION ALL
        SELECT q.id FROM dotbridge_sync_pastaddress q JOIN export_candidate k ON k.email_key = q.email_key
        WHERE q.ended_at IS NULL AND q.integration_id = %(integration)s AND k.connection_id = %(connection)s
          AND k.is_mailable AND (k.item_id IS NULL OR k.is_handed_over)
    )
"""
_CARRY_OVER = """
    INSERT INTO dotbridge_sync_pastaddress (integration_id, email_key, entity, record_id, ended_at)
    SELECT DISTINCT ON (integration_id, email_key) integration_id, email_key, %(entity)s, %(into)s, ended_at
    FROM (
        SELECT b.integration_id, i.email_key, NULL::timestamptz AS ended_at
        FROM dotbridge_sync_exportitem i
        JOIN dotbridge_connections_listconnection n ON n.id = i.connection_id
        JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id
        JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id AND l.entity = %(entity)s
        WHERE i.record_id = ANY(%(merged)s) AND (i.upload_id IS NOT NULL OR i.was_confirmed)
        UNION ALL
        SELECT integration_id, email_key, ended_at
        FROM dotbridge_sync_pastaddress WHERE entity = %(entity)s AND record_id = ANY(%(merged)s)
    ) known
    ORDER BY integration_id, email_key, ended_at DESC NULLS FIRST
    ON CONFLICT (integration_id, email_key, entity, record_id) DO UPDATE SET ended_at = excluded.ended_at
    WHERE excluded.ended_at IS NULL OR excluded.ended_at > dotbridge_sync_pastaddress.ended_at
"""


def note_past_addresses(link: ListConnection, notes: QuerySet[ExportItem]) -> None:
    """Remember of these notes of a list, which are about to go, under which address each record was written to."""
    written = notes.exclude(upload=None, was_confirmed=False).order_by()
    found, values = compiled(written.values("email_key", "record_id", "upload_id")).named("note")
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER.format(notes=found), {**values, **_parameters(link)})


def end_past_addresses(link: ListConnection) -> None:
    """The candidates of a list are about to be written to: end what they were written to before, under which address.

    Call it before their notes are stored, with the candidates found.
    """
    named = _parameters(link)
    with connection.cursor() as cursor:
        if PastAddress.objects.filter(ended_at=None, integration=link.address_book.integration_id).exists():
            cursor.execute(_END, named)
        cursor.execute(_HAND_OVER, named)


def _parameters(link: ListConnection) -> dict[str, Any]:
    return {
        "integration": link.address_book.integration_id,
        "entity": link.marketing_list.entity,
        "connection": link.pk,
    }


def carry_written_over(*, entity: str, merged_ids: Iterable[str], into_id: str, **_said: Any) -> None:
    """Receives `records_merged`: what was not read yet of those that go binds the record that stays."""
    with connection.cursor() as cursor:
        cursor.execute(_CARRY_OVER, {"entity": entity, "into": into_id, "merged": list(merged_ids)})
