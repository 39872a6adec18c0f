"""Tests of a campaign: one mail to the person who asks for it, and to nobody else.

A campaign that was sent to anybody is *Sent* in Dotdigital and cannot be edited any more. So a copy of it is made, sent
to the one contact, and deleted when it is out. Where it stands is noted before and after each call.
"""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import CampaignSend, SendState
from dotbridge.connections.request_moves import SEND_MOVES, move
from dotbridge.connections.services import finish_send
from dotbridge.consent.models import Scope
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.storable import kind
from dotbridge.sync.outbound.contact_requests import contact_at
from dotbridge.sync.outbound.send_notes import (
    OLD,
    SOONEST,
    is_recent,
    next_look,
    note_accepted,
    note_asked,
    status_of_send,
)
from dotbridge.sync.texts import NOT_MAILED
from dotbridge.user_address import address_of_user
from dotdigital import NotFound, Rejected


def ask_for_test(step: StepContext, send: CampaignSend) -> None:
    """Copy the campaign and have the copy sent to the one who asks."""
    _delete_copy(step, send)
    address = address_of_user(send.requested_by)
    if problem := _problem_here(send, address):
        finish_send(send=send, state=SendState.FAILED, message=problem)
        return
    contact = contact_at(step, address)
    if contact is None or contact.status not in LIVE:
        text = (
            _("You are no contact of this account. Add your own address to it in Dotdigital, then try again.")
            if contact is None
            else NOT_MAILED % {"state": contact.status}
        )
        finish_send(send=send, state=SendState.FAILED, message=text)
        return
    note_asked(send)
    copy = step.account.campaigns.copy(send.remote_id)
    move(send, SEND_MOVES, SendState.ASKED, copy_id=copy.id)
    try:
        answer = step.account.campaigns.send(copy.id, contact_ids=[contact.id])
    except (Rejected, NotFound):
        _delete_copy(step, send)
        raise
    note_accepted(send, send_id=answer.id, status=answer.status)


def look_for_test(step: StepContext, send: CampaignSend) -> None:
    """After an unknown outcome: whether the copy is on its way."""
    if send.copy_id is None:
        # It may be there, but a copy that somebody else has made looks the same: it is not ours to delete.
        text = _("No answer came when the copy was made. Nobody was mailed; a “Copy of” may be left in Dotdigital.")
        finish_send(send=send, state=SendState.FAILED, message=text)
        return
    try:
        status = step.account.campaigns.get(send.copy_id).status
    except NotFound:
        status = UNSENT
    if status != UNSENT:
        note_accepted(send, status=status)
    elif is_recent(send):
        move(send, SEND_MOVES, SendState.ASKED, due_at=timezone.now() + SOONEST)
    else:
        _delete_copy(step, send)
        text = _("No answer came. If no mail has arrived, send another test.")
        finish_send(send=send, state=SendState.FAILED, message=text)


def follow_test(step: StepContext, send: CampaignSend) -> None:
    """Wait until it is out, then delete the copy."""
    status = status_of_send(step, send, send.copy_id or send.remote_id)
    if status not in ("Sent", "Cancelled") and not SEND_MOVES.is_overdue(send.called_at):
        noted = {"remote_status": kind(status), "attempts": 0, "due_at": next_look(send)}
        move(send, SEND_MOVES, SendState.ACCEPTED, **noted)
        return
    _delete_copy(step, send)
    ends = {"Sent": SendState.SENT, "Cancelled": SendState.CANCELLED}
    finish_send(send=send, state=ends.get(status, SendState.UNKNOWN), remote_status=status)


def _problem_here(send: CampaignSend, address: str) -> str:
    if timezone.now() > send.created_at + OLD:
        return _("It could not be sent in time, because no worker ran. Nobody was sent it.")
    if not address:
        return _("Your log-in has no e-mail address, so there is nowhere to send the test to.")
    # An opt-out of one list says nothing about a test.
    binding = {(Scope.EVERYTHING, 0), (Scope.ACCOUNT, send.integration_id)}
    if any((said.scope, said.scope_id) in binding for said in may_be_mailed(address=address).objections):
        return _("Your own address has opted out, so it is not mailed.")
    return ""


def _delete_copy(step: StepContext, send: CampaignSend) -> None:
    if send.copy_id is None:
        return
    try:
        step.account.campaigns.delete(send.copy_id)
    except NotFound:
        # Somebody has deleted it already.
        return
