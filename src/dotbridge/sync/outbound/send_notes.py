"""What is noted of a send on its way, whether it goes to address books or is a test."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from dotbridge.connections.models import CampaignSend, SendState
from dotbridge.connections.request_moves import LONGEST_PAUSE, SEND_MOVES, SHORTEST_PAUSE, move
from dotbridge.mirror.campaign_models import NOT_SENT_YET
from dotbridge.preferences.selectors import setting
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.storable import kind
from dotdigital import NotFound

# What was asked for at once, and no worker began in this time, is not what the person wants any more.
OLD = timedelta(days=1)
SOONEST, LATEST = SHORTEST_PAUSE, LONGEST_PAUSE


def note_asked(send: CampaignSend) -> None:
    """Note that Dotdigital is asked from here on: the outcome is unknown until it is noted."""
    move(send, SEND_MOVES, SendState.ASKED, called_at=timezone.now())


def note_accepted(send: CampaignSend, *, send_id: str = "", status: str) -> None:
    """Note that Dotdigital has taken it, by its answer or by what was seen there."""
    due_at = timezone.now() if status == "Sent" else next_look(send)
    noted = {"send_id": kind(send_id), "remote_status": kind(status), "message": "", "attempts": 0, "due_at": due_at}
    move(send, SEND_MOVES, SendState.ACCEPTED, **noted)


def next_look(send: CampaignSend) -> datetime:
    """Soon after the moment it is sent, then ever more rarely; at least once an hour."""
    now = timezone.now()
    begins_at = send.send_at or send.called_at or send.created_at
    pause = begins_at - now if begins_at > now else (now - begins_at) / 10
    return now + min(max(pause, SOONEST), LATEST)


def is_recent(send: CampaignSend, patience: timedelta | None = None) -> bool:
    """Whether Dotdigital may still be at work on what it was asked, and has not answered."""
    patience = patience or timedelta(seconds=setting("unknown_outcome_seconds"))
    return send.called_at is not None and abs(timezone.now() - send.called_at) < patience


def status_of_send(step: StepContext, send: CampaignSend, campaign_id: int) -> str:
    """How far it is: by the number of the send; by the campaign where there is none, or Dotdigital has forgotten it."""
    if send.send_id:
        try:
            return step.account.campaigns.send_status(send.send_id).status
        except NotFound:
            pass
    status = step.account.campaigns.get(campaign_id).status
    return "Scheduled" if status in NOT_SENT_YET else status
