"""Unsubscribing and resubscribing by a query of another app: one statement, however many records it selects.

Like `services`, this is a writer of the list's items; it exists for those who know the records only as SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from dotbridge.lists.models import MarketingList, UnsubscribedItem


def unsubscribe_selected(
    *, marketing_list: MarketingList, selection: str, parameters: Sequence[Any], origin: UnsubscribedItem.Origin
) -> int:
    """Unsubscribe the records of a query with the columns `record_id` and `reason`. Answers how many are new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dotbridge_lists_unsubscribeditem (marketing_list_id, record_id, origin, reason) "
            f"SELECT DISTINCT ON (s.record_id) %s, s.record_id, %s, s.reason FROM ({selection}) s ORDER BY s.record_id "
            "ON CONFLICT (marketing_list_id, record_id) DO NOTHING",
            [marketing_list.pk, origin.value, *parameters],
        )
        return int(cursor.rowcount)


def resubscribe_selected(
    *, marketing_list: MarketingList, selection: str, parameters: Sequence[Any], origin: UnsubscribedItem.Origin
) -> int:
    """Take back unsubscriptions of this origin alone, for the ids that a query selects. Answers how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM dotbridge_lists_unsubscribeditem u "
            f"WHERE u.marketing_list_id = %s AND u.origin = %s AND u.id IN ({selection})",
            [marketing_list.pk, origin.value, *parameters],
        )
        return int(cursor.rowcount)
