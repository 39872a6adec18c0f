"""Cursors: up to which moment, by Dotdigital's clock, a feed was read completely; and the place of one that was not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Cursor, Reading

# A change may become visible a little after the moment it is dated with, so each window re-reads the end of the last.
OVERLAP = timedelta(minutes=5)
# Since when a feed is read that never was: before anything that an account can tell.
BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
# A row that could not be read may be readable later. So long it is asked for again; then the full comparison finds it.
# No further back, too, a clock that was wrong is thought to have been so.
ASKED_AGAIN_FOR = timedelta(days=1)
_MOVE_OF_BOOKS = """
    INSERT INTO dotbridge_sync_cursor (integration_id, feed, object_id, position)
    SELECT integration_id, %(feed)s, id, %(position)s
    FROM dotbridge_mirror_addressbook WHERE integration_id = %(integration)s AND gone_at IS NULL
    ON CONFLICT (integration_id, feed, object_id) DO UPDATE SET position = excluded.position
"""


def is_over(since: datetime, pause: timedelta, now: datetime) -> bool:
    """Whether a pause that began then is over by Dotdigital's clock. One that begins later than now was begun by a
    clock that was wrong: it is over too."""
    return not timedelta() <= now - since < pause


def read_cursor(integration: Integration, feed: str, now: datetime, object_id: int = 0) -> datetime | None:
    """Since when the feed has to be read: a little before its cursor. None when it was never read completely.

    A cursor beyond `now` was set by a clock of Dotdigital's that was wrong. What happened since is asked for by a day.
    """
    cursor = Cursor.objects.filter(integration=integration, feed=feed, object_id=object_id).first()
    if cursor is None:
        return None
    return now - ASKED_AGAIN_FOR if cursor.position > now else cursor.position - OVERLAP


def move_cursor(integration: Integration, feed: str, position: datetime, object_id: int = 0) -> None:
    """Say that the feed was read completely up to a moment."""
    Cursor.objects.bulk_create(
        [Cursor(integration=integration, feed=feed, object_id=object_id, position=position)],
        update_conflicts=True,
        unique_fields=["integration", "feed", "object_id"],
        update_fields=["position"],
    )


def hold_cursor(integration: Integration, feed: str, position: datetime, object_id: int = 0) -> None:
    """Say that rows of the feed could not be read: it is read again from where it was now, at most from a day back."""
    former = Cursor.objects.filter(integration=integration, feed=feed, object_id=object_id).first()
    earliest = position - ASKED_AGAIN_FOR
    move_cursor(integration, feed, max(former.position, earliest) if former else earliest, object_id)


def move_cursors_of_books(integration: Integration, feed: str, position: datetime) -> None:
    """Say the same of every address book of an account."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVE_OF_BOOKS, {"integration": integration.pk, "feed": feed, "position": position})


def place_of_reading(integration: Integration, feed: str, began_at: datetime, object_id: int = 0) -> Reading:
    """Where a first reading of the feed goes on that was not ended; else its beginning, which is not kept yet."""
    kept = Reading.objects.filter(integration=integration, feed=feed, object_id=object_id).first()
    return kept or Reading(
        integration=integration, feed=feed, object_id=object_id, began_at=began_at, skip=0, last_ids=[]
    )


def keep_place(place: Reading, *, rows: int, last_ids: Sequence[int]) -> None:
    """A first reading has come so many rows further; call it in the transaction that stores them."""
    place.skip += rows
    place.last_ids = list(last_ids)
    place.save()


def keep_marker(place: Reading, marker: str) -> None:
    """The same of a list that Dotdigital continues by markers."""
    place.marker = marker
    place.save()


def forget_marker(integration: Integration, feed: str) -> bool:
    """A first reading begins again, because Dotdigital does not know its place any more; False if none was kept."""
    kept = Reading.objects.filter(integration=integration, feed=feed).exclude(marker="")
    return bool(kept.delete()[0])


def end_reading(place: Reading) -> None:
    """The feed was read to its end, so its cursor moves and no place is kept."""
    Reading.objects.filter(pk=place.pk).delete()
