"""Forgetting: notes about addresses that left the list, where nothing in the book has to be touched for it."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from dotbridge.mirror.status import LIVE
from dotbridge.sync.models import Connection
from dotbridge.sync.outbound.selection import member_keys

# So long an address that Dotdigital confirmed may stay unseen in its book before we take it as not there.
UNSEEN = timedelta(days=1)

# Nothing of theirs is in the book, or it is not to be touched there: only our own note goes. A confirmed address whose
# id has not been read yet is waited for.
_FORGET = """
    WITH departed AS MATERIALIZED (
        SELECT * FROM sync_exportitem i
        WHERE i.connection_id = %s AND i.removal_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM ({members}) k WHERE k.email_key = i.email_key)
    )
    DELETE FROM sync_exportitem i
    USING departed j
        LEFT JOIN sync_upload u ON u.id = j.upload_id
        LEFT JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = j.email_key
        LEFT JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id AND m.gone_at IS NULL
    WHERE i.id = j.id
      AND (u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown'))
      AND (m.id IS NULL OR m.status <> ALL(%s) OR c.status <> ALL(%s))
      AND (u.id IS NULL OR u.state <> 'finished' OR j.reason <> '' OR c.status <> ALL(%s) OR m.id IS NOT NULL
           OR u.finished_at < %s)
"""


def forget_departed(link: Connection) -> int:
    """Delete these notes, also from uploads that were prepared but not sent: who has left meanwhile is not sent.

    Answers how many there were.
    """
    keys, book, live = member_keys(link), link.address_book, list(LIVE)
    with connection.cursor() as cursor:
        cursor.execute(
            _FORGET.format(members=keys.sql),
            [
                *(link.pk, *keys.parameters),
                *(book.integration_id, book.pk),
                *(live, live, live, timezone.now() - UNSEEN),
            ],
        )
        return int(cursor.rowcount)
