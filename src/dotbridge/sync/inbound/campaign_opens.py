"""Opens: each opening of each campaign's mail."""

from __future__ import annotations

from dotbridge.mirror.models import Campaign, ResultKind
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.campaign_events import EventTable, StagedEvent, store_events
from dotbridge.sync.inbound.campaign_feeds import read_each
from dotdigital import Open

FEED = "campaign_opens"
_TABLE = EventTable(FEED, ResultKind.OPEN, "dotbridge_mirror_openevent", "mail_client, is_forward")


def import_opens(step: StepContext) -> None:
    """Read the openings of every campaign with news."""
    read_each(step, FEED, _read_opens)


def _read_opens(step: StepContext, campaign: Campaign) -> None:
    since = step.since(FEED, campaign.pk)
    pages = step.account.campaign(campaign.remote_id).opens(since=since)
    store_events(step, campaign, _TABLE, pages, _staged)


def _staged(row: Open) -> StagedEvent:
    return StagedEvent(
        row.contact_id,
        row.email,
        row.date_opened,
        mail_client=row.mail_client_version or row.mail_client or "",
        is_forward=row.is_forward,
    )
