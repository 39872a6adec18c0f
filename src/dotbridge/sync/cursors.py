"""Cursors: up to which moment, by Dotdigital's clock, a feed was read completely."""

from __future__ import annotations

from datetime import datetime, timedelta

from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Cursor

# A change may become visible a little after the moment it is dated with, so each window re-reads the end of the last.
OVERLAP = timedelta(minutes=5)


def read_cursor(integration: Integration, feed: str, object_id: int = 0) -> datetime | None:
    """Since when the feed has to be read: a little before its cursor. None when it was never read completely."""
    cursor = Cursor.objects.filter(integration=integration, feed=feed, object_id=object_id).first()
    return cursor.position - OVERLAP if cursor else None


def move_cursor(integration: Integration, feed: str, position: datetime, object_id: int = 0) -> None:
    """Say that the feed was read completely up to a moment."""
    Cursor.objects.update_or_create(
        integration=integration, feed=feed, object_id=object_id, defaults={"position": position}
    )
