"""What opens and clicks have in common: events without an id, each kept once however often it is read.

An event is known by its contact, its time and what it was about. Two that agree in all of these are one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import connection, transaction

from dotbridge.mirror.models import Campaign, ResultKind
from dotbridge.preferences.selectors import setting
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.cursors import BEGINNING, read_cursor
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.campaign_feeds import OfContact, forget_erased, joined, with_contact
from dotbridge.sync.texts import UNDATED_EVENTS
from dotdigital import Page

_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS stage_event (
        remote_contact_id bigint, email text, happened_at timestamptz, event_key uuid,
        url text, mail_client text, is_forward boolean
    ) ON COMMIT DELETE ROWS
"""
_COPY = "COPY stage_event FROM STDIN"
_MERGE = """
    WITH fresh AS (
        INSERT INTO {table} (campaign_id, remote_contact_id, email_key, happened_at, event_key, {columns})
        SELECT %(campaign)s::bigint, remote_contact_id, lower(email), happened_at, event_key, {columns}
        FROM stage_event ON CONFLICT (campaign_id, event_key) DO NOTHING
        RETURNING id, remote_contact_id, email_key
    ), queued AS (
        INSERT INTO dotbridge_mirror_waitingresult (campaign_id, kind, row_id, remote_contact_id, email_key)
        SELECT %(campaign)s, %(kind)s, id, remote_contact_id, email_key FROM fresh
        ON CONFLICT (campaign_id, kind, row_id) DO NOTHING
    )
    SELECT count(*) FROM fresh
"""


@dataclass(frozen=True)
class EventTable:
    """Where one kind of event is kept: its feed, its table, and its columns beside those that all have."""

    feed: str
    kind: ResultKind
    table: str
    columns: str


class StagedEvent(NamedTuple):
    """One event on its way into the mirror; `happened_at` is None where Dotdigital gave no time."""

    remote_contact_id: int
    email: str | None
    happened_at: datetime | None
    url: str = ""
    mail_client: str = ""
    is_forward: bool = False


Event = TypeVar("Event", bound=OfContact)


def store_events(
    step: StepContext,
    campaign: Campaign,
    into: EventTable,
    pages: Iterable[Page[Event]],
    staged: Callable[[Event], StagedEvent],
) -> None:
    """Keep the events of a feed, some pages a transaction. Those without a time cannot be told apart: not kept."""
    undated = 0
    # What was applied and deleted for its age does not come back when everything is read again.
    was_read = read_cursor(step.integration, into.feed, step.run.server_now, campaign.pk) is not None
    oldest = step.run.server_now - timedelta(days=setting("keep_events_days")) if was_read else BEGINNING
    with read_ahead(joined(pages)) as ahead:
        for page in ahead:
            with transaction.atomic():
                rows = [staged(event) for event in with_contact(step, into.kind.value, page)]
                dated = [row for row in rows if row.happened_at]
                undated += len(rows) - len(dated)
                kept = [row for row in dated if row.happened_at and row.happened_at >= oldest]
                step.count(read=len(rows), new=_merge(campaign, into, kept))
                step.advance(len(rows))
    if undated:
        detail = UNDATED_EVENTS % {"number": undated}
        step.reject([Refusal(f"campaign {campaign.remote_id}", "undated", detail)])


def _merge(campaign: Campaign, into: EventTable, rows: Iterable[StagedEvent]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in _rows(rows):
                copy.write_row(row)
        forget_erased("stage_event")
        cursor.execute(
            _MERGE.format(table=into.table, columns=into.columns),
            {"campaign": campaign.pk, "kind": into.kind.value},
        )
        (fresh,) = cursor.fetchone()
    return int(fresh)


def _rows(rows: Iterable[StagedEvent]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        url, client = row.url.replace("\x00", ""), row.mail_client.replace("\x00", "")
        told_apart_by = (str(row.remote_contact_id), str(row.happened_at), url, client, str(row.is_forward))
        key = hashlib.blake2b("\x1f".join(told_apart_by).encode(), digest_size=16).hexdigest()
        email = (row.email or "").replace("\x00", "").strip()
        yield row.remote_contact_id, email, row.happened_at, key, url, client[:255], row.is_forward
