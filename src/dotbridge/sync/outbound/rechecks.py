"""Which records have to be compared again: noted a list, because each list compares them in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from dotbridge.connections.models import ListConnection
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.services import begin_comparison, finish_comparison
from dotbridge.sync.models import Removal, Upload

_OF_DIRTY_RECORDS = """
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT c.id, d.record_id
    FROM dotbridge_mapping_dirtyrecord d
    CROSS JOIN dotbridge_connections_listconnection c
    JOIN dotbridge_lists_marketinglist l ON l.id = c.marketing_list_id
    WHERE d.mapping_id = %s AND d.is_claimed AND l.entity = %s AND c.id = ANY(%s)
    ON CONFLICT DO NOTHING
"""
_OF_ADDRESSES = """
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT l.connection_id, l.record_id
    FROM dotbridge_sync_exportitem i JOIN dotbridge_sync_exportitem l ON l.email_key = i.email_key
    WHERE {condition} AND l.connection_id = ANY(%s)
    ON CONFLICT DO NOTHING
"""


@transaction.atomic
def spread_changes(mapping: Mapping, links: Sequence[ListConnection]) -> None:
    """Note for each of these lists what has changed in the records that the mapping describes.

    Only the holder of the integration's lock may. What was noted is forgotten by change tracking, so a list that cannot
    be exported now loses nothing. Raises UnknownField when a mapped field is no entity field any more.
    """
    standing = begin_comparison(mapping=mapping)
    ids = [link.pk for link in links if link.marketing_list.entity == mapping.entity]
    if standing.compares_everything:
        ListConnection.objects.filter(pk__in=ids).update(compared_as="")
    else:
        with connection.cursor() as cursor:
            cursor.execute(_OF_DIRTY_RECORDS, [mapping.pk, mapping.entity, ids])
    finish_comparison(standing=standing)


def recheck_addresses_of_removal(removal: Removal, connection_ids: Sequence[int]) -> None:
    """These lists have a say again on the addresses of a removal that was carried out."""
    _recheck("i.removal_id = %s", removal.pk, connection_ids)


def recheck_refused_addresses(upload: Upload, connection_ids: Sequence[int]) -> None:
    """These lists have a say again on the addresses that were refused in an upload."""
    _recheck("i.upload_id = %s AND i.reason <> ''", upload.pk, connection_ids)


def _recheck(condition: str, value: int, connection_ids: Sequence[int]) -> None:
    if connection_ids:
        with connection.cursor() as cursor:
            cursor.execute(_OF_ADDRESSES.format(condition=condition), [value, list(connection_ids)])
