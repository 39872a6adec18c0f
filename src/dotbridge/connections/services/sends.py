"""The writers of campaign sends: a person asks for one here, a worker asks Dotdigital, and nobody is sent it twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.connections.models import CampaignSend, ListConnection, RunKind, SendState
from dotbridge.connections.recipients import count_recipients
from dotbridge.connections.request_moves import SEND_MOVES, MovedMeanwhile, move
from dotbridge.connections.services.run_requests import request_run
from dotbridge.entities.registry import UnknownEntity
from dotbridge.integrations.services import require_active, switched_off_text
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.models import CampaignContent, Draft
from dotbridge.user_address import address_of_user

FARTHEST = timedelta(days=366)


def request_send(
    *,
    draft: Draft,
    links: Sequence[ListConnection],
    number: int,
    fingerprint: str,
    send_at: datetime | None = None,
    by: AbstractBaseUser | None = None,
) -> CampaignSend:
    """Have a campaign sent to the books of these connections, now or at an aware moment.

    `number` is what the person typed, `fingerprint` that of the content they looked at. Raises ValidationError, at the
    name it is about, when nothing would be sent or something else than was looked at.
    """
    if problem := problem_of_sending(draft):
        raise ValidationError(problem)
    _check_links(draft, links)
    _check_moment(send_at)
    _check_content(draft, fingerprint)
    _check_number(links, number)
    try:
        with transaction.atomic():
            send = CampaignSend.objects.create(
                integration=draft.integration,
                remote_id=draft.remote_id,
                name=draft.name,
                connection_ids=[link.pk for link in links],
                book_ids=[link.address_book.remote_id for link in links],
                recipients=number,
                fingerprint=fingerprint,
                send_at=send_at,
                requested_by_id=by.pk if by else None,
            )
            request_run(integration=draft.integration, kind=RunKind.REQUESTS, trigger="person")
    except IntegrityError:
        raise ValidationError(_("This campaign is being sent already, or was sent.")) from None
    return send


def request_test(*, draft: Draft, by: AbstractBaseUser) -> CampaignSend:
    """Have a campaign sent to the one who asks, at the address of their log-in, and to nobody else.

    Raises ValidationError without an address, and while an earlier test is on its way.
    """
    require_active(draft.integration)
    if not address_of_user(by):
        raise ValidationError(_("Your log-in has no e-mail address, so there is nowhere to send the test to."))
    try:
        with transaction.atomic():
            send = CampaignSend.objects.create(
                integration=draft.integration,
                remote_id=draft.remote_id,
                name=draft.name,
                is_test=True,
                recipients=1,
                requested_by_id=by.pk,
            )
            request_run(integration=draft.integration, kind=RunKind.REQUESTS, trigger="person")
    except IntegrityError:
        raise ValidationError(_("Your last test of this campaign is still on its way.")) from None
    return send


def problem_of_sending(draft: Draft) -> str:
    """Why a campaign cannot be sent from here, whoever is to get it; empty when it can, as far as we know."""
    if not draft.integration.is_active:
        return switched_off_text(draft.integration)
    if draft.is_split_test:
        return _("This is a split test. Send it in Dotdigital, where its variants are compared.")
    if draft.status != UNSENT:
        return _("In Dotdigital its state is %(state)s, and only a campaign that is Unsent can be sent.") % {
            "state": draft.status or "?"
        }
    return ""


def withdraw_send(*, send: CampaignSend) -> None:
    """Take a send back that no worker has begun. Raises ValidationError for any other."""
    _end(send, SendState.WAITING, _("Taken back before Dotdigital was asked."), _("It is too late to take it back."))


def give_up_send(*, send: CampaignSend) -> None:
    """Note that a person has looked in Dotdigital and nobody was sent it. Raises ValidationError for any other."""
    text = _("A person has looked in Dotdigital: nobody was sent it.")
    _end(send, SendState.UNKNOWN, text, _("Only a send whose outcome is unknown can be ended in this way."))


def look_again(*, send: CampaignSend) -> None:
    """Have an unknown outcome looked up once more. Raises ValidationError for any other."""
    if send.state != SendState.UNKNOWN:
        raise ValidationError(_("Only a send whose outcome is unknown can be looked up."))
    try:
        with transaction.atomic():
            move(send, SEND_MOVES, SendState.ASKED, attempts=0, due_at=None, finished_at=None)
    except MovedMeanwhile:
        raise ValidationError(_("Somebody else has done this already.")) from None
    except IntegrityError:
        # Of two tests at a time of one person nobody could tell which one arrived.
        raise ValidationError(_("Your last test of this campaign is still on its way.")) from None
    request_run(integration=send.integration, kind=RunKind.REQUESTS, trigger="person")


def finish_send(*, send: CampaignSend, state: SendState, message: str = "", remote_status: str = "") -> None:
    """Note how a send ended."""
    noted = {"remote_status": remote_status} if remote_status else {}
    move(send, SEND_MOVES, state, message=message, finished_at=timezone.now(), due_at=None, **noted)


def _end(send: CampaignSend, state: SendState, text: str, refusal: str) -> None:
    if send.state != state:
        raise ValidationError(refusal)
    try:
        finish_send(send=send, state=SendState.WITHDRAWN, message=text)
    except MovedMeanwhile:
        raise ValidationError(refusal) from None


def _check_links(draft: Draft, links: Sequence[ListConnection]) -> None:
    if not links:
        # Dotdigital would take no book at all for all of them.
        raise ValidationError({"lists": _("Choose at least one list.")})
    if len({link.address_book_id for link in links}) < len(links):
        raise ValidationError({"lists": _("Choose each list once.")})
    # Asked anew: what the page has shown may have ended since.
    standing = ListConnection.objects.filter(
        pk__in=[link.pk for link in links],
        address_book__integration=draft.integration_id,
        address_book__gone_at=None,
        ending=None,
    )
    books = dict(standing.values_list("pk", "address_book"))
    for link in links:
        if books.get(link.pk) != link.address_book_id:
            text = _("%(list)s is not connected to an address book of this account any more.")
            raise ValidationError({"lists": text % {"list": link.marketing_list}})


def _check_moment(send_at: datetime | None) -> None:
    if send_at is None:
        return
    if send_at.tzinfo is None:
        raise ValueError("send_at has no time zone: give an aware datetime")
    if send_at <= timezone.now():
        raise ValidationError({"send_at": _("This moment is over. Choose a later one, or send at once.")})
    if send_at > timezone.now() + FARTHEST:
        raise ValidationError({"send_at": _("This is more than a year ahead.")})


def _check_content(draft: Draft, fingerprint: str) -> None:
    seen = CampaignContent.objects.filter(integration=draft.integration, remote_id=draft.remote_id).first()
    if seen is None or not fingerprint:
        raise ValidationError(_("Look at the mail before it is sent: its content has not been read yet."))
    if seen.fingerprint != fingerprint:
        raise ValidationError(_("The mail was changed in Dotdigital since you looked at it. Look at it again."))


def _check_number(links: Sequence[ListConnection], number: int) -> None:
    try:
        now = count_recipients(links)
    except UnknownEntity as error:
        raise ValidationError({"lists": str(error)}) from None
    if not now.number:
        raise ValidationError({"number": _("Nobody would be sent it: no one in these address books may be mailed.")})
    if number != now.number:
        text = ngettext("It would go to %(number)s person now.", "It would go to %(number)s people now.", now.number)
        again = _("Type this number to confirm it.")
        raise ValidationError(
            {"number": f"{text % {'number': number_format(now.number, force_grouping=True)}} {again}"}
        )
