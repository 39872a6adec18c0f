"""Members whose contact is not what it was: taken out of the book or deleted in Dotdigital, or another one by now.

Somebody there wanted them out, so they are not sent again by the next edit of their record: they stay out, and that is
shown, until a person has them put back or the connection says *always put back*. Unsubscribing is something else.

The contact that we wrote to may have got another address there, or be deleted, and somebody put a new one with the
old address into the book: that one has none of our values, so all of them are sent again.
"""

from __future__ import annotations

from django.db import connection, transaction

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.mirror.status import LIVE
from dotbridge.sync.services import put_back

# Whoever is out of a book has no word there any more on the values of their contact: other lists look at them again.
# So does the list itself at whoever is back: nothing was compared while they were out.
_RECHECK = """
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT o.connection_id, o.record_id
    FROM noted n
    JOIN dotbridge_sync_exportitem o ON o.email_key = n.email_key
    JOIN dotbridge_connections_listconnection l ON l.id = o.connection_id
    JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id AND b.integration_id = %(integration)s
    ON CONFLICT DO NOTHING
"""
# Whom an upload has put into the book, and who was seen there and is not any more: they are few, an index finds them.
# What was prepared for them since stays here. Who was not in the book when they were prepared was not taken out of it
# since.
_NOTE = f"""
    WITH noted AS (
        UPDATE dotbridge_sync_exportitem i SET
            taken_out_at = m.gone_at,
            upload_id = (SELECT u.id FROM dotbridge_sync_upload u WHERE u.id = i.upload_id AND u.state <> 'prepared')
        FROM dotbridge_mirror_addressbook b
        JOIN dotbridge_connections_listconnection l ON l.address_book_id = b.id
        JOIN dotbridge_mirror_membership m
            ON m.address_book_id = b.id AND m.gone_at IS NOT NULL AND m.status = ANY(%(live)s)
        JOIN dotbridge_mirror_contact c ON c.id = m.contact_id AND c.status = ANY(%(live)s)
        WHERE b.integration_id = %(integration)s AND i.connection_id = l.id AND i.email_key = c.email_key
          AND i.taken_out_at IS NULL AND i.removal_id IS NULL AND i.reason = ''
          AND (EXISTS (SELECT FROM dotbridge_sync_upload u WHERE u.id = i.upload_id AND u.state = 'finished')
               OR (i.was_confirmed AND i.operation = 'update' AND NOT EXISTS (
                   SELECT FROM dotbridge_sync_upload u
                   WHERE u.id = i.upload_id AND u.state IN ('uploading', 'sent', 'unknown'))))
        RETURNING i.connection_id, i.email_key
    ), rechecked AS ({_RECHECK})
    SELECT count(*) FROM noted
"""
_RETURNED = f"""
    WITH noted AS (
        UPDATE dotbridge_sync_exportitem i SET taken_out_at = NULL
        FROM dotbridge_mirror_addressbook b
        JOIN dotbridge_connections_listconnection l ON l.address_book_id = b.id
        WHERE b.integration_id = %(integration)s AND i.connection_id = l.id AND i.taken_out_at IS NOT NULL
          AND EXISTS (SELECT FROM dotbridge_mirror_contact c
                      JOIN dotbridge_mirror_membership m ON m.contact_id = c.id AND m.address_book_id = b.id
                      WHERE c.integration_id = b.integration_id AND c.email_key = i.email_key AND m.gone_at IS NULL)
        RETURNING i.connection_id, i.email_key
    ) {_RECHECK}
"""
# Each address that a contact had is looked at until another contact of a connected book has it.
_NEW_CONTACTS = f"""
    WITH new AS (
        UPDATE dotbridge_mirror_formeraddress a SET is_taken_over = true
        FROM dotbridge_mirror_contact c
        WHERE a.integration_id = %(integration)s AND NOT a.is_taken_over AND c.integration_id = a.integration_id
          AND c.email_key = a.email_key AND c.remote_id <> a.remote_id
          AND EXISTS (SELECT FROM dotbridge_mirror_membership m
                      JOIN dotbridge_connections_listconnection l ON l.address_book_id = m.address_book_id
                      WHERE m.contact_id = c.id AND m.gone_at IS NULL)
        RETURNING c.id, c.email_key, c.data_fields
    ), noted AS (
        UPDATE dotbridge_sync_exportitem i SET values = '{{}}'
        FROM new
        JOIN dotbridge_mirror_membership m ON m.contact_id = new.id AND m.gone_at IS NULL
        JOIN dotbridge_connections_listconnection l ON l.address_book_id = m.address_book_id
        WHERE i.connection_id = l.id AND i.email_key = new.email_key AND NOT new.data_fields @> i.values
          AND EXISTS (SELECT FROM dotbridge_sync_upload u WHERE u.id = i.upload_id AND u.state = 'finished')
        RETURNING i.connection_id, i.email_key
    ) {_RECHECK}
"""


@transaction.atomic
def note_taken_out(integration: Integration) -> int:
    """Note who was taken out of the connected books in Dotdigital, and who is back; answers how many are new.

    Where the connection says so they are put back at once. Of whom another contact is in the book nothing counts as
    sent any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEW_CONTACTS, {"integration": integration.pk})
        cursor.execute(_RETURNED, {"integration": integration.pk})
        cursor.execute(_NOTE, {"integration": integration.pk, "live": list(LIVE)})
        noted = int(cursor.fetchone()[0])
    links = ListConnection.objects.filter(address_book__integration=integration, always_put_back=True)
    for link in links.filter(items__taken_out_at__isnull=False).distinct():
        put_back(link=link)
    return noted
