"""Forgetting: notes about addresses that left the list, where nothing in the book has to be touched for it.

Whom Dotdigital does not mail stays in the book, and it may mail them again: then the note comes back as well.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.mirror.status import LIVE
from dotbridge.sync.outbound.members import EvaluatedMembers
from dotbridge.sync.outbound.ranks import LOWER_CONNECTIONS, Ranked, rank_parameters
from dotbridge.sync.outbound.written import HAS_ARRIVED, IS_IN_BOOK, IS_OURS, IS_THERE_UNDER_ANOTHER, WRITTEN_SINCE

# So long a row that Dotdigital has taken, or may have, can stay unseen in its book before we take it as not there.
UNSEEN = timedelta(days=1)

# Note `i` waits to be sent again, and Dotdigital may be at work still on the file that it was in: nobody has told.
_MAY_ARRIVE = """(u.id IS NULL AND i.was_confirmed AND EXISTS (
        SELECT FROM dotbridge_sync_upload s
        WHERE s.connection_id = i.connection_id AND s.state = 'finished' AND s.remote_id = ''
          AND s.finished_at >= %(unseen)s))"""
# Nothing of ours is in the book, or it is not to be touched there: only our own note goes. An address that has arrived,
# or may have, and has not been read there yet is waited for.
_FORGET = f"""
    WITH forgotten AS (
        DELETE FROM dotbridge_sync_exportitem i
        USING export_departed d
            JOIN dotbridge_sync_exportitem j ON j.id = d.item_id
            LEFT JOIN dotbridge_sync_upload u ON u.id = j.upload_id
            LEFT JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.email_key = j.email_key
            LEFT JOIN dotbridge_mirror_membership m
                ON m.address_book_id = %(book)s AND m.contact_id = c.id AND m.gone_at IS NULL
        WHERE i.id = j.id AND d.connection_id = %(connection)s AND j.removal_id IS NULL
          AND (u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown'))
          AND (NOT (d.is_opt_out OR {IS_OURS})
               OR (m.id IS NULL OR m.status <> ALL(%(live)s) OR c.status <> ALL(%(live)s)) AND NOT {IS_IN_BOOK})
          AND (NOT ({HAS_ARRIVED} OR {_MAY_ARRIVE}) OR j.taken_out_at IS NOT NULL OR c.status <> ALL(%(live)s)
               OR m.id IS NOT NULL OR u.finished_at < %(unseen)s)
        RETURNING i.connection_id, i.email_key, i.email, i.record_id, i.upload_id,
                  i.was_confirmed, {IS_OURS} AND j.taken_out_at IS NULL
                  AND (m.status = ANY(%(live)s) OR {IS_THERE_UNDER_ANOTHER}) AS stays_in_book
    ), staying AS (
        INSERT INTO dotbridge_sync_bookremainder (connection_id, email_key, email, record_id)
        SELECT connection_id, email_key, email, record_id FROM forgotten WHERE stays_in_book
        ON CONFLICT (connection_id, email_key) DO UPDATE SET record_id = excluded.record_id
    ), n AS (
        SELECT email_key, record_id, upload_id FROM forgotten WHERE upload_id IS NOT NULL OR was_confirmed
    ), remembered AS (
        INSERT INTO dotbridge_sync_pastaddress (integration_id, email_key, entity, record_id, ended_at)
        SELECT %(integration)s, n.email_key, %(entity)s, n.record_id, s.at
        FROM n LEFT JOIN ({WRITTEN_SINCE}) s ON s.record_id = n.record_id AND s.upload_id > coalesce(n.upload_id, 0)
        ON CONFLICT (integration_id, email_key, entity, record_id) DO UPDATE SET ended_at = excluded.ended_at
    ), noted AS (
        INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
        SELECT l.connection_id, l.record_id FROM forgotten f
            JOIN dotbridge_sync_exportitem l ON l.email_key = f.email_key
        WHERE l.connection_id IN ({LOWER_CONNECTIONS})
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM forgotten
"""

# Mailed again, and in the book still. Where the list has sent to them meanwhile, there is a note.
_BRING_BACK = """
    WITH returned AS (
        DELETE FROM dotbridge_sync_bookremainder r
        USING dotbridge_connections_listconnection n, dotbridge_mirror_addressbook b, dotbridge_mirror_contact c,
              dotbridge_mirror_membership m
        WHERE n.id = r.connection_id AND b.id = n.address_book_id AND b.integration_id = %(integration)s
          AND c.integration_id = b.integration_id AND c.status = ANY(%(live)s)
          AND (c.email_key = r.email_key OR c.remote_id IN (
              SELECT a.remote_id FROM dotbridge_mirror_formeraddress a
              WHERE a.integration_id = b.integration_id AND a.email_key = r.email_key
          ))
          AND m.address_book_id = b.id AND m.contact_id = c.id AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
        RETURNING r.*
    )
"""
_BRING_BACK_ALL = """
    WITH returned AS (DELETE FROM dotbridge_sync_bookremainder WHERE connection_id = %(connection)s RETURNING *)
"""
_NOTE_AGAIN = """
    INSERT INTO dotbridge_sync_exportitem
        (connection_id, email_key, email, record_id, values, operation, reason, attempts, was_confirmed)
    SELECT connection_id, email_key, email, record_id, '{}', 'update', '', 0, true FROM returned
    ON CONFLICT (email_key, connection_id) DO NOTHING
"""


def forget_departed(evaluated: EvaluatedMembers, ranked: Ranked) -> int:
    """Delete these notes, also from uploads that were prepared but not sent: who has left meanwhile is not sent.

    Answers how many there were.
    """
    if not evaluated.departed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _FORGET,
            {
                **rank_parameters(ranked),
                "book": evaluated.link.address_book_id,
                "entity": evaluated.link.marketing_list.entity,
                "live": list(LIVE),
                "unseen": timezone.now() - UNSEEN,
            },
        )
        return int(cursor.fetchone()[0])


def bring_back_returned(integration: Integration) -> None:
    """Note those again whom Dotdigital mails again, and who stayed in the book when our note of them was deleted.

    The next export sends to them if they are on the list, and takes them out of the book if they are not.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BRING_BACK + _NOTE_AGAIN, {"integration": integration.pk, "live": list(LIVE)})


def bring_back_all(link: ListConnection) -> None:
    """Note all of a list again who stayed in the book though they had left it, whether Dotdigital mails them or not."""
    with connection.cursor() as cursor:
        cursor.execute(_BRING_BACK_ALL + _NOTE_AGAIN, {"connection": link.pk})
