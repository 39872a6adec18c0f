"""Campaigns that people have sent by Dotdigital (contract §4.8). Nobody is sent one twice, and never everybody.

Right before the call all that was confirmed is looked at once more: the lists are still connected, nobody in their
books has opted out here, the campaign is still unsent and says what it said. Then *asked* is noted, and only then
asked. A send found so noted may have been carried out, and Dotdigital does not list sends; so the campaign is looked
at, and what cannot be told waits for a person. It is never asked for again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import CampaignSend, ListConnection, RunKind, SendState
from dotbridge.connections.recipients import Recipients, count_recipients
from dotbridge.connections.request_moves import CALLED_SEND_MOVES, SEND_MOVES, move, put_off
from dotbridge.connections.selectors import count_nameless_opt_outs, links_of_send, open_sends
from dotbridge.connections.services import (
    finish_send,
    is_still_to_be_noted,
    request_import,
    request_run,
    unsubscribe_held,
)
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.models import Draft
from dotbridge.sync import texts
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.consent import record_dotdigitals_word
from dotbridge.sync.inbound.contacts import import_contacts_of_book
from dotbridge.sync.inbound.drafts import fingerprint_of
from dotbridge.sync.inbound.storable import kind
from dotbridge.sync.inbound.suppressions import hear_of_former_books
from dotbridge.sync.outbound.attempts import attempt
from dotbridge.sync.outbound.send_notes import (
    OLD,
    SOONEST,
    is_recent,
    next_look,
    note_accepted,
    note_asked,
    status_of_send,
)
from dotbridge.sync.outbound.still_to_leave import count_still_to_leave
from dotbridge.sync.outbound.trial_sends import ask_for_test, follow_test, look_for_test
from dotdigital import Campaign, NotFound, Rejected

# What should have gone out then and could not, because no worker ran, is not what the person wants any more.
LATE = timedelta(hours=1)
# Between confirming and sending a run may have brought a few more people into a book.
FEW_MORE, FEW_MORE_PERCENT = 10, 1


def send_campaigns(step: StepContext) -> None:
    """Ask for what waits, look up what was asked for, follow what Dotdigital has taken; each alone."""
    sends = open_sends(step.integration)
    if not sends:
        raise StepSkipped(_("No campaign waits to be sent."))

    def carry_out(send: CampaignSend) -> None:
        _carry_out(step, send)
        step.count(sent=int(send.state == SendState.SENT))
        step.advance(1, len(sends))

    go_over(step, sends, carry_out, _refusal, turn=lambda send: send.pk)
    if any(send.state == SendState.SENT and not send.is_test for send in sends):
        request_import(integration=step.integration)


def _refusal(send: CampaignSend, failure: Failure) -> Refusal:
    return Refusal(f"campaign {send.remote_id}", "not_done", failure.text)


def _carry_out(step: StepContext, send: CampaignSend) -> None:
    found_as = send.state
    was_called = found_as != SendState.WAITING

    def refused(error: Rejected | NotFound) -> None:
        # Refused before it was taken it surely was not; whatever a look is answered says nothing about the send.
        state = SendState.UNKNOWN if was_called else SendState.FAILED
        finish_send(send=send, state=state, message=error.text)

    works = {
        SendState.WAITING: ask_for_test if send.is_test else _ask,
        SendState.ASKED: look_for_test if send.is_test else _look,
        SendState.ACCEPTED: follow_test if send.is_test else _follow,
    }
    moves = CALLED_SEND_MOVES if was_called else SEND_MOVES
    unknown = None if was_called else SendState.ASKED
    try:
        attempt(send, moves, partial(works[SendState(found_as)], step, send), refused=refused, unknown=unknown)
    finally:
        if send.state in (SendState.FAILED, SendState.UNKNOWN):
            step.reject([Refusal(f"campaign {send.remote_id}", "send_failed", send.message)])


def _ask(step: StepContext, send: CampaignSend) -> None:
    # Dotdigital first: to look there takes its time, and what happens here until then counts.
    problem = _problem_of_time(send) or _problem_there(step.account.campaigns.get(send.remote_id), send)
    former = links_of_send(send)
    for link in former:
        # Whom an upload has brought, or somebody there, since the book was read last may have opted out here.
        import_contacts_of_book(step, link.address_book)
    unheard = ListConnection.objects.filter(is_still_to_be_noted(), pk__in=[link.pk for link in former])
    if unheard.exists():
        # What a book refuses to tell refuses no campaign: it is put off below.
        with suppress(Rejected, NotFound):
            hear_of_former_books(step)
        record_dotdigitals_word(step)
    links = links_of_send(send)
    numbers = count_recipients(links)
    if problem := problem or _problem_here(send, links, numbers):
        finish_send(send=send, state=SendState.FAILED, message=problem)
        return
    if unheard.exists():
        put_off(send, SEND_MOVES, text=_("Who has left a former address book of a list could not be read yet."))
        return
    if leaving := numbers.held or count_still_to_leave(links) or count_nameless_opt_outs(links):
        text = texts.OPTED_OUT_THERE % {"number": leaving}
        if send.attempts:
            # The export that was asked for then has left them there: they are none of those whom we have brought.
            unsubscribe_held(links=links)
        put_off(send, SEND_MOVES, text=text)
        request_run(integration=step.integration, kind=RunKind.EXPORT, trigger="person")
        return
    # A run that lost its lock would leave a call behind that was noted and never made.
    step.run.require_lock()
    note_asked(send)
    answer = step.account.campaigns.send(send.remote_id, address_book_ids=send.book_ids, send_date=send.send_at)
    note_accepted(send, send_id=answer.id, status=answer.status)


def _problem_of_time(send: CampaignSend) -> str:
    """Why a send that waits is too late."""
    now = timezone.now()
    if now > (send.send_at + LATE if send.send_at else send.created_at + OLD):
        return _("It could not be sent in time, because no worker ran. Nobody was sent it.")
    return ""


def _problem_here(send: CampaignSend, links: Sequence[ListConnection], numbers: Recipients) -> str:
    """Why a send that waits must not be asked for any more, by the connections that are left of it and their people."""
    if sorted(link.address_book.remote_id for link in links) != sorted(send.book_ids) or not links:
        return _("One of the lists is not connected to its address book any more. Choose the lists again.")
    if not numbers.number:
        return _("Nobody in the address books may be mailed any more.")
    most = send.recipients + max(FEW_MORE, send.recipients * FEW_MORE_PERCENT // 100)
    if numbers.number > most:
        return texts.MORE_PEOPLE % {"now": numbers.number, "confirmed": send.recipients}
    return ""


def _problem_there(remote: Campaign, send: CampaignSend) -> str:
    """Why a campaign must not be sent, by what it is in Dotdigital at this moment."""
    if remote.status != UNSENT:
        return texts.NOT_UNSENT % {"state": remote.status or "?"}
    if fingerprint_of(remote) != send.fingerprint:
        return _("It was changed in Dotdigital since it was looked at. Look at it and confirm it again.")
    return ""


def _look(step: StepContext, send: CampaignSend) -> None:
    """After an unknown outcome: whether the campaign is on its way to the books that were chosen."""
    remote = step.account.campaigns.get(send.remote_id)
    if remote.status == UNSENT:
        if _is_scheduled(step, send):
            note_accepted(send, status="Scheduled")
        else:
            _wait_or_ask_a_person(send, _("In Dotdigital it is unsent so far."))
        return
    pages = list(step.account.campaign(send.remote_id).address_books())
    books = {book.id for page in pages for book in page.items}
    if set(send.book_ids) <= books:
        note_accepted(send, status=remote.status)
    elif books and not any(page.malformed for page in pages):  # a row that cannot be read may be ours
        text = _("Somebody else has sent it in Dotdigital, to other address books.")
        finish_send(send=send, state=SendState.FAILED, message=text, remote_status=remote.status)
    else:
        # While it is being sent Dotdigital may not say yet to whom.
        patience = SEND_MOVES.longest if remote.status == "Sending" else None
        _wait_or_ask_a_person(send, texts.STATE_THERE % {"state": remote.status}, patience)


def _is_scheduled(step: StepContext, send: CampaignSend) -> bool:
    """Whether Dotdigital has the campaign on its schedule for the moment that was asked for."""
    if send.send_at is None:
        return False
    minute = timedelta(minutes=1)
    found = step.account.campaigns.filtered(scheduled_from=send.send_at - minute, scheduled_to=send.send_at + minute)
    return any(each.id == send.remote_id for page in found for each in page.items)


def _wait_or_ask_a_person(send: CampaignSend, seen: str, patience: timedelta | None = None) -> None:
    if is_recent(send, patience):
        move(send, SEND_MOVES, SendState.ASKED, message=seen, due_at=timezone.now() + SOONEST)
        return
    finish_send(send=send, state=SendState.UNKNOWN, message=texts.NO_ANSWER % {"seen": seen})


def _follow(step: StepContext, send: CampaignSend) -> None:
    status = status_of_send(step, send, send.remote_id)
    if status == "Sent":
        finish_send(send=send, state=SendState.SENT, remote_status=status)
        Draft.objects.filter(integration=step.integration, remote_id=send.remote_id).delete()
    elif status == "Cancelled":
        finish_send(send=send, state=SendState.CANCELLED, remote_status=status)
    elif SEND_MOVES.is_overdue(max(filter(None, (send.send_at, send.called_at)), default=None)):
        text = _("Dotdigital took it a week ago, and it is not sent yet. Look there.")
        finish_send(send=send, state=SendState.UNKNOWN, message=text, remote_status=status)
    else:
        move(send, SEND_MOVES, SendState.ACCEPTED, remote_status=kind(status), attempts=0, due_at=next_look(send))
