"""Which records have to be compared again for a list, besides those whose own values changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection, transaction

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.mapping.tracking.services import forget_claimed_records
from dotbridge.sync.models import Removal, Upload
from dotbridge.sync.outbound.ranks import (
    LOWER_CONNECTIONS,
    Ranked,
    RankedMapping,
    rank_parameters,
    ranked_connections,
)

# The mark of a list whose book is gone, in place of its digest.
GONE = "gone"

_OF_CLAIMED_RECORDS = """
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT connection_id, d.record_id
    FROM dotbridge_mapping_dirtyrecord d CROSS JOIN unnest(%s::bigint[]) AS connection_id
    WHERE d.mapping_id = %s AND d.is_claimed
    ON CONFLICT DO NOTHING
"""
_OF_ADDRESSES = f"""
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT l.connection_id, l.record_id
    FROM dotbridge_sync_exportitem i JOIN dotbridge_sync_exportitem l ON l.email_key = i.email_key
    WHERE {{condition}} AND l.connection_id IN ({LOWER_CONNECTIONS})
    ON CONFLICT DO NOTHING
"""


@transaction.atomic
def forget_changes(rank: RankedMapping, links: Collection[ListConnection], compared: Collection[int]) -> None:
    """Forget which records of a mapping had changed; for a list that was not compared now, note them with the list.

    A list that has to compare all of its members, when it is its turn again, needs no note.
    """
    late = [
        link.pk
        for link in links
        if link.pk not in compared
        and link.marketing_list.entity == rank.mapping.entity
        and link.compared_as == rank.digest
    ]
    if late:
        with connection.cursor() as cursor:
            cursor.execute(_OF_CLAIMED_RECORDS, [late, rank.mapping.pk])
    forget_claimed_records(mapping=rank.mapping)


def recheck_addresses_of_removal(removal: Removal, ranked: Ranked) -> None:
    """The lists that rank lower have a say again on the addresses of a removal that was carried out."""
    _recheck("i.removal_id = %(which)s", removal.pk, ranked)


def recheck_refused_addresses(upload: Upload, ranked: Ranked) -> None:
    """The lists that rank lower have a say again on the addresses that were refused in an upload."""
    _recheck("i.upload_id = %(which)s AND i.reason <> ''", upload.pk, ranked)


def recheck_addresses_of_list(ranked: Ranked, *, most: int | None = None) -> None:
    """The lists that rank lower have a say again on the addresses of a list, or have to hear its word again.

    On all of them, or on so many, those noted first.
    """
    first = "" if most is None else f" ORDER BY id LIMIT {most}"
    notes = f"SELECT id FROM dotbridge_sync_exportitem WHERE connection_id = %(which)s{first}"
    _recheck(f"i.id IN ({notes})", ranked.link.pk, ranked)


def note_books_that_went(integration: Integration, ranks: dict[str, RankedMapping]) -> None:
    """A list whose book is gone has no word any more; it has it again when the book comes back."""
    links = ListConnection.objects.filter(address_book__integration=integration).select_related(
        "marketing_list", "address_book"
    )
    for link in links.filter(address_book__gone_at__isnull=False).exclude(compared_as=GONE):
        rank = ranks.get(link.marketing_list.entity)
        recheck_addresses_of_list(Ranked(link=link, rank=rank, has_higher=False, has_lower=rank is not None))
        ListConnection.objects.filter(pk=link.pk).update(compared_as=GONE)
    if links.filter(address_book__gone_at=None, compared_as=GONE).exists():
        for ranked in ranked_connections(integration, ranks):
            if ranked.link.compared_as == GONE:
                recheck_addresses_of_list(ranked)
                ListConnection.objects.filter(pk=ranked.link.pk).update(compared_as="")


def _recheck(condition: str, which: int, ranked: Ranked) -> None:
    if not ranked.has_lower:
        return
    parameters: dict[str, Any] = {**rank_parameters(ranked), "which": which}
    with connection.cursor() as cursor:
        cursor.execute(_OF_ADDRESSES.format(condition=condition), parameters)
