"""Whom a full reading of an address book has seen, and so who is not in it any more.

It stands in a temporary table of the reader's own connection, so that reading a book again writes nothing where nothing
changed. Should the connection be lost midway, noting fails, and nobody is thought gone who was seen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook
from dotbridge.mirror.status import LIVE
from dotbridge.sync.cursors import OVERLAP

_NOTE = "INSERT INTO seen_contact SELECT remote_id FROM stage_contact UNION ALL SELECT unnest(%s::bigint[])"
_MARK_GONE = """
    UPDATE dotbridge_mirror_membership m SET gone_at = %(at)s
    FROM dotbridge_mirror_contact c
    WHERE m.address_book_id = ANY(%(books)s) AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
      AND c.id = m.contact_id AND c.suppressed_at IS NULL AND m.listed_at < %(before)s
      AND NOT EXISTS (SELECT FROM seen_contact s WHERE s.remote_id = c.remote_id)
"""
_HINT_AT_RECENT = """
    INSERT INTO dotbridge_sync_eventhint (integration_id, remote_id)
    SELECT DISTINCT c.integration_id, c.remote_id
    FROM dotbridge_mirror_membership m JOIN dotbridge_mirror_contact c ON c.id = m.contact_id
    WHERE m.address_book_id = ANY(%(books)s) AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
      AND c.suppressed_at IS NULL AND m.listed_at >= %(before)s
      AND NOT EXISTS (SELECT FROM seen_contact s WHERE s.remote_id = c.remote_id)
    ON CONFLICT DO NOTHING
"""


def forget_seen() -> None:
    """Begin a full reading: nobody was seen yet."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS seen_contact")
        cursor.execute("CREATE TEMP TABLE seen_contact (remote_id bigint)")


def note_seen(refused_ids: Sequence[int]) -> None:
    """Whoever is on the stage was listed, and so were these who were refused; an id may be noted more than once."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [list(refused_ids)])


def mark_gone(book: AddressBook, at: datetime) -> int:
    """After a complete reading that was not empty: who was not seen in it is gone. How many; nothing is deleted.

    Whom Dotdigital does not mail it need not list: they stay as they are.
    """
    return _mark_gone([book.pk], at, before=None)


def mark_gone_of_account(integration: Integration, at: datetime) -> int:
    """The same after a complete reading of the whole account, for all of its books.

    Whom an export has brought a moment ago Dotdigital may not list yet: they are to be looked at one by one.
    """
    return _mark_gone(list(integration.address_books.values_list("pk", flat=True)), at, before=at - OVERLAP)


def _mark_gone(books: list[int], at: datetime, *, before: datetime | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE seen_contact")
        cursor.execute("SELECT EXISTS (SELECT FROM seen_contact)")
        if cursor.fetchone() == (False,):
            return 0
        parameters: dict[str, Any] = {"books": books, "at": at, "live": list(LIVE), "before": before or "infinity"}
        cursor.execute(_MARK_GONE, parameters)
        gone: int = cursor.rowcount
        if before is not None:
            cursor.execute(_HINT_AT_RECENT, parameters)
        cursor.execute("DROP TABLE seen_contact")
        return gone
