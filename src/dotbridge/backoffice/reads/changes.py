"""What the screens show of changes that were asked for: the open ones, the failed ones, and what was done just now."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from dotbridge.connections.models import AccountChange, ChangeState

# A change that is done is worth a look for so long; then the thing itself speaks.
NEWS = timedelta(minutes=10)
MOST_SHOWN = 10


def changes_to_show(changes: QuerySet[AccountChange]) -> list[AccountChange]:
    """The newest of these changes that somebody may want to know of, in one query."""
    is_news = ~Q(state=ChangeState.DONE) | Q(finished_at__gte=timezone.now() - NEWS)
    return list(changes.filter(is_news).select_related("integration", "marketing_list").order_by("-id")[:MOST_SHOWN])
