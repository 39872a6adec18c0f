"""Clicks: each click on a link of each campaign. One without its link is still a click."""

from __future__ import annotations

from dotbridge.mirror.models import Campaign, ResultKind
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.campaign_events import EventTable, StagedEvent, store_events
from dotbridge.sync.inbound.campaign_feeds import read_each
from dotdigital import Click

FEED = "campaign_clicks"
_TABLE = EventTable(FEED, ResultKind.CLICK, "dotbridge_mirror_clickevent", "url")


def import_clicks(step: StepContext) -> None:
    """Read the clicks of every campaign with news."""
    read_each(step, FEED, _read_clicks)


def _read_clicks(step: StepContext, campaign: Campaign) -> None:
    since = step.since(FEED, campaign.pk)
    pages = step.account.campaign(campaign.remote_id).clicks(since=since)
    store_events(step, campaign, _TABLE, pages, _staged)


def _staged(row: Click) -> StagedEvent:
    return StagedEvent(row.contact_id, row.email, row.date_clicked, url=row.url or "")
