"""Who opted out here and may be in a book all the same, though the mirror does not show it: our notes do.

A record that was given another address since we wrote to it is in the book under the one that we wrote to. What an
upload brings there is read only when Dotdigital has finished it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, blocked_records
from dotbridge.mirror.status import LIVE
from dotbridge.sync.outbound.written import UNDER_ANOTHER

_COUNT = f"""
    SELECT count(*) FROM dotbridge_sync_exportitem i
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    WHERE i.connection_id = %(connection)s AND (i.email_key IN ({{addresses}}) OR i.record_id IN ({{records}}))
      AND (u.state IN ('uploading', 'sent', 'unknown')
               AND NOT EXISTS (SELECT FROM dotbridge_mirror_contact k
                               WHERE k.integration_id = %(integration)s AND k.email_key = i.email_key
                                 AND k.status <> ALL(%(live)s))
           OR EXISTS (
               SELECT FROM dotbridge_mirror_contact c
               JOIN dotbridge_mirror_membership m ON m.contact_id = c.id AND m.address_book_id = %(book)s
                    AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
               WHERE c.integration_id = %(integration)s AND c.status = ANY(%(live)s) AND c.email_key = i.email_key
               UNION ALL
               {UNDER_ANOTHER} AND c.status = ANY(%(live)s)))
"""


def count_still_to_leave(links: Sequence[ListConnection]) -> int:
    """How many of our notes of these connections are about such people. An export ends each of them."""
    number = 0
    for link in links:
        scopes = scopes_of_connection(link)
        statement = _COUNT.format(
            addresses=blocked_addresses(scopes), records=blocked_records(scopes, link.marketing_list.entity)
        )
        book = link.address_book
        parameters: dict[str, Any] = {
            "connection": link.pk,
            "book": book.pk,
            "integration": book.integration_id,
            "live": list(LIVE),
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            number += int(cursor.fetchone()[0])
    return number
