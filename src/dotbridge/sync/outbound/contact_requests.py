"""Telling Dotdigital of single contacts: opt-outs said here, and erasures (contract §4.4).

All three calls may be repeated without harm, so one that was called and has no known outcome is simply called again.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import ChangeState, ContactRequest, ContactRequestKind
from dotbridge.connections.request_moves import CHANGE_MOVES, move
from dotbridge.connections.selectors import open_contact_requests
from dotbridge.connections.services import finish_contact_request, request_unsubscriptions
from dotbridge.entities.email import address_key, is_plausible
from dotbridge.mirror.models import Contact, Membership
from dotbridge.mirror.status import UNSUBSCRIBED
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.stage_lines import address_of
from dotbridge.sync.outbound.attempts import attempt
from dotdigital import Contact as RemoteContact
from dotdigital import NotFound, Rejected


def carry_out_contact_requests(step: StepContext) -> None:
    """Ask for every opt-out and erasure that Dotdigital has not learned of, each alone."""
    request_unsubscriptions(integration=step.integration)
    requests = open_contact_requests(step.integration)
    if not requests:
        raise StepSkipped(_("Dotdigital knows of every opt-out."))

    def tell(request: ContactRequest) -> None:
        _carry_out(step, request)
        step.count(told=int(request.state == ChangeState.DONE))
        step.advance(1, len(requests))

    go_over(step, requests, tell, _refusal, turn=lambda request: request.pk)


def _refusal(request: ContactRequest, failure: Failure) -> Refusal:
    return Refusal(str(request), "not_done", failure.text)


def _carry_out(step: StepContext, request: ContactRequest) -> None:
    def refused(error: Rejected | NotFound) -> None:
        # Without a code it is somebody on the way who does not know the address, and Dotdigital was not told.
        if isinstance(error, NotFound) and error.code:
            text = _("Dotdigital does not know the contact any more.")
            finish_contact_request(request=request, state=ChangeState.DONE, message=text)
        else:
            finish_contact_request(request=request, state=ChangeState.FAILED, message=error.text)
            step.reject([Refusal(str(request), "contact_request_failed", error.text)])

    attempt(request, CHANGE_MOVES, lambda: _ask(step, request), refused=refused)


def _ask(step: StepContext, request: ContactRequest) -> None:
    contact = Contact.objects.filter(integration=step.integration, remote_id=request.remote_id).first()
    move(request, CHANGE_MOVES, ChangeState.ASKED)
    if request.kind == ContactRequestKind.ERASE:
        _erase(step, request)
    else:
        _unsubscribe(step, request, contact.email if contact is not None else request.email_key)
    with transaction.atomic():
        _keep(request, contact)
        finish_contact_request(request=request, state=ChangeState.DONE)


def _erase(step: StepContext, request: ContactRequest) -> None:
    """By its id, or where none is known by its address. That nobody there has the address is as good."""
    remote_id = request.remote_id
    if not remote_id:
        found = contact_at(step, request.email_key)
        remote_id = found.id if found else 0
    if remote_id:
        step.account.contacts.delete(remote_id)


def contact_at(step: StepContext, address: str) -> RemoteContact | None:
    """The account's contact of this very address; None without one, and for what Dotdigital would take for somebody's
    id. Raises NotFound where somebody on the way does not know the path."""
    if not is_plausible(address):
        return None
    try:
        found = step.account.contacts.get(address)
    except NotFound as error:
        if not error.code:
            raise
        return None
    return found if address_key(found.email or "") == address_key(address) else None


def _unsubscribe(step: StepContext, request: ContactRequest, address: str) -> None:
    """By the address that is known here. Where Dotdigital does not know that, or none is known any more, because it was
    changed there or erased here, by the one that the contact has there. Raises NotFound when there is no such contact.
    """
    book = request.address_book
    place = step.account.contacts if book is None else step.account.address_book(book.remote_id)
    if address:
        try:
            place.unsubscribe(address)
        except NotFound:
            pass
        else:
            return
    place.unsubscribe(address_of(step.account.contacts.get(request.remote_id)))


def _keep(request: ContactRequest, contact: Contact | None) -> None:
    """Dotdigital has said yes, so the mirror may say it before the next reading does."""
    if contact is None:
        return
    if request.kind == ContactRequestKind.ERASE:
        contact.delete()
    elif request.address_book is not None:
        Membership.objects.filter(address_book=request.address_book, contact=contact).update(
            status=UNSUBSCRIBED, unsubscribed_at=timezone.now()
        )
    else:
        Contact.objects.filter(pk=contact.pk).update(status=UNSUBSCRIBED, suppressed_at=timezone.now())
