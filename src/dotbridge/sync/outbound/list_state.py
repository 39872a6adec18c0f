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

_NOT_LIVE = """
    SELECT k.record_id,
           CASE WHEN c.status <> ALL(%s) THEN c.status WHEN m.status <> ALL(%s) THEN m.status
                ELSE '{from_report}' || i.reason END AS reason
    FROM ({members}) k
    LEFT JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = k.email_key
    LEFT JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id
    LEFT JOIN sync_exportitem i ON i.connection_id = %s AND i.email_key = k.email_key AND i.reason = ANY(%s)
    WHERE c.status <> ALL(%s) OR m.status <> ALL(%s) OR i.id IS NOT NULL
"""

# Taken back only where Dotdigital itself says that the person may be mailed again.
_LIVE_AGAIN = """
    SELECT o.id
    FROM lists_unsubscribeditem o
    JOIN ({matching}) k ON k.record_id = o.record_id
    JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = k.email_key
    LEFT JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id
    WHERE o.marketing_list_id = %s AND c.status = ANY(%s) AND (m.id IS NULL OR m.status = ANY(%s))
      AND (o.reason NOT LIKE '{from_report}%%' OR c.last_subscribed_at > o.created_at)
"""


def sync_list_state(step: StepContext) -> None:
    """Unsubscribe from each connected list whom its account or book does not mail, and take that back when it does."""
    for link in exportable_connections(step.integration):
        with transaction.atomic():
            step.count(unsubscribed=_unsubscribe(link), resubscribed=_resubscribe(link))
        step.advance(0)


def _unsubscribe(link: Connection) -> int:
    keys, book, live = member_keys(link), link.address_book, list(LIVE)
    return unsubscribe_selected(
        marketing_list=link.marketing_list,
        selection=_NOT_LIVE.format(members=keys.sql, from_report=FROM_REPORT),
        parameters=[
            *(live, live),
            *keys.parameters,
            *(book.integration_id, book.pk, link.pk, list(UNSUBSCRIBING)),
            *(live, live),
        ],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )


def _resubscribe(link: Connection) -> int:
    keys = compiled(matching_records(link.marketing_list).values("record_id", "email_key"))
    book, live = link.address_book, list(LIVE)
    return resubscribe_selected(
        marketing_list=link.marketing_list,
        selection=_LIVE_AGAIN.format(matching=keys.sql, from_report=FROM_REPORT),
        parameters=[*keys.parameters, book.integration_id, book.pk, link.marketing_list_id, live, live],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )
