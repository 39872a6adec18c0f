"""List-item state: whom Dotdigital does not mail, the list does not mail either."""

from __future__ import annotations

from django.db import transaction

from dotbridge.lists.bulk import resubscribe_selected, unsubscribe_selected
from dotbridge.lists.models import UnsubscribedItem
from dotbridge.lists.selectors import matching_records
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import StepContext
from dotbridge.sync.models import Connection
from dotbridge.sync.outbound.selection import compiled, member_keys
from dotbridge.sync.outbound.states import UNSUBSCRIBING
from dotbridge.sync.selectors import exportable_connections

# Marks an unsubscription that came from an import's report; the mirror may not know of it.
FROM_REPORT = "report:"

# Whom Dotdigital does not mail are few, and partial indexes find them; only then the members are looked at.
_NOT_LIVE = """
    SELECT k.record_id, o.reason
    FROM (
        SELECT c.email_key, c.status AS reason FROM mirror_contact c
        WHERE c.integration_id = %s AND c.status NOT IN {live}
        UNION ALL
        SELECT c.email_key, m.status FROM mirror_membership m JOIN mirror_contact c ON c.id = m.contact_id
        WHERE m.address_book_id = %s AND m.status NOT IN {live}
        UNION ALL
        SELECT i.email_key, '{from_report}' || i.reason FROM sync_exportitem i
        WHERE i.connection_id = %s AND i.reason <> '' AND i.reason = ANY(%s)
    ) o
    JOIN ({members}) k ON k.email_key = o.email_key
"""

# Taken back only where Dotdigital itself says that the person may be mailed again.
_LIVE_AGAIN = """
    WITH candidate AS MATERIALIZED (
        SELECT o.id, o.reason, o.created_at, k.email_key
        FROM lists_unsubscribeditem o JOIN ({matching}) k ON k.record_id = o.record_id
        WHERE o.marketing_list_id = %s AND o.origin = 'dotdigital'
    )
    SELECT o.id
    FROM candidate o
    JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = o.email_key
    LEFT JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id
    WHERE c.status IN {live} AND (m.id IS NULL OR m.status IN {live})
      AND (o.reason NOT LIKE '{from_report}%%' OR c.last_subscribed_at > o.created_at)
"""
_LIVE = "({})".format(", ".join(f"'{status}'" for status in LIVE))


def sync_list_state(step: StepContext) -> None:
    """Unsubscribe from each connected list whom its account or book does not mail, and take that back when it does."""
    for link in exportable_connections(step.integration):
        with transaction.atomic():
            step.count(unsubscribed=_unsubscribe(link), resubscribed=_resubscribe(link))
        step.advance(0)


def _unsubscribe(link: Connection) -> int:
    keys, book = member_keys(link), link.address_book
    return unsubscribe_selected(
        marketing_list=link.marketing_list,
        selection=_NOT_LIVE.format(members=keys.sql, from_report=FROM_REPORT, live=_LIVE),
        parameters=[book.integration_id, book.pk, link.pk, list(UNSUBSCRIBING), *keys.parameters],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )


def _resubscribe(link: Connection) -> int:
    keys, book = compiled(matching_records(link.marketing_list).values("record_id", "email_key")), link.address_book
    return resubscribe_selected(
        marketing_list=link.marketing_list,
        selection=_LIVE_AGAIN.format(matching=keys.sql, from_report=FROM_REPORT, live=_LIVE),
        parameters=[*keys.parameters, link.marketing_list_id, book.integration_id, book.pk],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )
