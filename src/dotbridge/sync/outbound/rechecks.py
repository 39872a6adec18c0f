"""Which records have to be compared again: noted a list, because each list compares them in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from dotbridge.sync.models import Connection, Removal, Upload

_OF_ADDRESSES = """
    INSERT INTO sync_recheck (connection_id, record_id)
    SELECT l.connection_id, l.record_id
    FROM sync_exportitem i JOIN sync_exportitem l ON l.email_key = i.email_key
    WHERE {condition} AND l.connection_id = ANY(%s)
    ON CONFLICT DO NOTHING
"""


def recheck_addresses_of_removal(removal: Removal, connection_ids: Sequence[int]) -> None:
    """These lists have a say again on the addresses of a removal that was carried out."""
    _recheck("i.removal_id = %s", removal.pk, connection_ids)


def recheck_refused_addresses(upload: Upload, connection_ids: Sequence[int]) -> None:
    """These lists have a say again on the addresses that were refused in an upload."""
    _recheck("i.upload_id = %s AND i.reason <> ''", upload.pk, connection_ids)


def recheck_addresses_of(link: Connection, connection_ids: Sequence[int]) -> None:
    """These lists have a say again on all addresses of a connection that is about to end."""
    _recheck("i.connection_id = %s", link.pk, connection_ids)


def _recheck(condition: str, value: int, connection_ids: Sequence[int]) -> None:
    if connection_ids:
        with connection.cursor() as cursor:
            cursor.execute(_OF_ADDRESSES.format(condition=condition), [value, list(connection_ids)])
