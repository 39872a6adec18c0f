"""List-item state: whom Dotdigital does not mail, the list does not mail either."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from dotbridge.connections.models import ListConnection, StoppedWhat
from dotbridge.connections.services import note_returns
from dotbridge.lists.bulk import resubscribe_selected, unsubscribe_selected
from dotbridge.lists.models import UnsubscribedItem
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import StepContext
from dotbridge.sync.outbound.breaker import end_allowance, may_go_on
from dotbridge.sync.outbound.links import for_each_list
from dotbridge.sync.outbound.members import (
    EvaluatedMembers,
    apply_list_state,
    empty_table,
    find_departed,
    require_current_members,
    roomy_transaction,
)
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.states import UNSUBSCRIBING

# Marks an unsubscription that came from an import's report; the mirror may not know of it.
FROM_REPORT = "report:"

_LIVE = "({})".format(", ".join(f"'{status}'" for status in LIVE))
# Whom Dotdigital does not mail are few, and partial indexes find them.
_NOT_LIVE = f"""
    INSERT INTO export_state (connection_id, record_id, reason)
    SELECT DISTINCT ON (k.record_id) k.connection_id, k.record_id, o.reason
    FROM (
        SELECT c.email_key, c.status AS reason FROM dotbridge_mirror_contact c
        WHERE c.integration_id = %(integration)s AND c.status NOT IN {_LIVE}
        UNION ALL
        SELECT c.email_key, m.status
        FROM dotbridge_mirror_membership m JOIN dotbridge_mirror_contact c ON c.id = m.contact_id
        WHERE m.address_book_id = %(book)s AND m.status NOT IN {_LIVE}
        UNION ALL
        SELECT i.email_key, '{FROM_REPORT}' || i.reason FROM dotbridge_sync_exportitem i
        WHERE i.connection_id = %(connection)s AND i.reason <> '' AND i.reason = ANY(%(unsubscribing)s)
    ) o
    JOIN export_member k ON k.connection_id = %(connection)s AND k.email_key = o.email_key AND k.is_member
    ORDER BY k.record_id, o.reason
"""
# Taken back only where Dotdigital itself says that the person may be mailed again.
_LIVE_AGAIN = f"""
    INSERT INTO export_state (connection_id, record_id, reason, unsubscribed_id)
    SELECT k.connection_id, o.record_id, o.reason, o.id
    FROM dotbridge_lists_unsubscribeditem o
    JOIN export_member k ON k.connection_id = %(connection)s AND k.record_id = o.record_id AND k.is_unsubscribed
    JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.email_key = k.email_key
    LEFT JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
    WHERE o.marketing_list_id = %(list)s AND o.origin = 'dotdigital'
      AND c.status IN {_LIVE} AND (m.id IS NULL OR m.status IN {_LIVE})
      AND (o.reason NOT LIKE '{FROM_REPORT}%%' OR c.last_subscribed_at > o.created_at)
"""
_COUNT = """
    SELECT count(*) FILTER (WHERE unsubscribed_id IS NULL), count(unsubscribed_id) FROM export_state
    WHERE connection_id = %(connection)s
"""


def sync_list_state(step: StepContext) -> None:
    """Unsubscribe from each connected list whom its account or book does not mail, and take that back when it does."""
    note_returns(integration=step.integration)
    for_each_list(step, _sync_list_state)


def find_list_state(evaluated: EvaluatedMembers) -> tuple[int, int]:
    """Fill `export_state`: whom to unsubscribe, and whose unsubscription to take back; answers how many of each."""
    link = evaluated.link
    parameters: dict[str, Any] = {
        "connection": link.pk,
        "list": link.marketing_list_id,
        "integration": link.address_book.integration_id,
        "book": link.address_book_id,
        "unsubscribing": list(UNSUBSCRIBING),
    }
    with roomy_transaction(), connection.cursor() as cursor:
        empty_table("export_state")
        cursor.execute(_NOT_LIVE, parameters)
        cursor.execute(_LIVE_AGAIN, parameters)
        cursor.execute(_COUNT, parameters)
        unsubscribed, resubscribed = cursor.fetchone()
        return unsubscribed, resubscribed


def _sync_list_state(step: StepContext, ranked: Ranked) -> None:
    link = ranked.link
    evaluated = require_current_members(step, link)
    unsubscribing, resubscribing = find_list_state(evaluated)
    if not may_go_on(step, link, StoppedWhat.UNSUBSCRIBE, unsubscribing):
        return
    with transaction.atomic():
        step.count(unsubscribed=_unsubscribe(link), resubscribed=_resubscribe(link))
        end_allowance(link, StoppedWhat.UNSUBSCRIBE)
        if unsubscribing or resubscribing:
            apply_list_state(evaluated)
            find_departed(evaluated)
    step.advance(0)


def _unsubscribe(link: ListConnection) -> int:
    return unsubscribe_selected(
        marketing_list=link.marketing_list,
        selection="SELECT record_id, reason FROM export_state WHERE connection_id = %s AND unsubscribed_id IS NULL",
        parameters=[link.pk],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )


def _resubscribe(link: ListConnection) -> int:
    return resubscribe_selected(
        marketing_list=link.marketing_list,
        selection="SELECT unsubscribed_id FROM export_state WHERE connection_id = %s AND unsubscribed_id IS NOT NULL",
        parameters=[link.pk],
        origin=UnsubscribedItem.Origin.DOTDIGITAL,
    )
