"""Asking Dotdigital to subscribe people again who asked for it themselves (contract §4.4).

Always with its challenge: where Dotdigital thinks it right, the person has to confirm by a mail. *Asked* is noted
before the call. A request found so noted may have sent that mail, so it is never asked again by itself.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from dotbridge.connections.models import OPEN_RESUBSCRIPTIONS, Resubscription, ResubscriptionState, RunKind
from dotbridge.connections.request_moves import (
    CALLED_RESUBSCRIPTION_MOVES,
    RESUBSCRIPTION_MOVES,
    is_due,
    move,
)
from dotbridge.connections.services import finish_resubscription, note_returns, request_run
from dotbridge.consent.models import OF_DOTDIGITAL
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.mirror.models import Membership
from dotbridge.mirror.status import LIVE, SUBSCRIBED
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.outbound.attempts import attempt
from dotdigital import ContactDraft, NotFound, Rejected
from dotdigital import Resubscription as Answer

RESULTS = {
    "ContactAdded": ResubscriptionState.ADDED,
    "ContactChallenged": ResubscriptionState.CHALLENGED,
    "ContactCannotBeUnsuppressed": ResubscriptionState.REFUSED,
}


def ask_for_resubscriptions(step: StepContext) -> None:
    """Ask for whoever waits, each alone, and note what Dotdigital makes of it."""
    waiting = list(
        Resubscription.objects.filter(
            is_due(), connection__address_book__integration=step.integration, state__in=OPEN_RESUBSCRIPTIONS
        )
        .select_related("connection__address_book", "connection__marketing_list")
        .order_by("pk")
    )
    if not waiting:
        raise StepSkipped(_("Nobody asked for a resubscription."))

    def ask(each: Resubscription) -> None:
        _carry_out(step, each)
        step.count(asked=1, resubscribed=int(each.state == ResubscriptionState.ADDED))
        step.advance(1, len(waiting))

    go_over(step, waiting, ask, _refusal, turn=lambda each: each.pk)
    note_returns(integration=step.integration)
    if any(each.state == ResubscriptionState.ADDED for each in waiting):
        # The list follows what the import reads.
        request_run(integration=step.integration, kind=RunKind.IMPORT, trigger="person")


def _refusal(asked: Resubscription, failure: Failure) -> Refusal:
    # Not by its address: what is asked for stands on a page of its own.
    return Refusal(f"resubscription {asked.pk}", "not_done", failure.text)


def _carry_out(step: StepContext, asked: Resubscription) -> None:
    def call() -> None:
        if asked.state == ResubscriptionState.ASKED:
            _look(step, asked)
        elif _left_again(asked):
            text = _("Unsubscribed again in the CRM since. Dotdigital was not asked.")
            finish_resubscription(resubscription=asked, state=ResubscriptionState.REFUSED, message=text)
        else:
            _ask(step, asked)

    was_asked = asked.state == ResubscriptionState.ASKED

    def refused(error: Rejected | NotFound) -> None:
        # Whatever a look is answered says nothing about the request.
        state = ResubscriptionState.UNKNOWN if was_asked else ResubscriptionState.REFUSED
        finish_resubscription(resubscription=asked, state=state, answer=error.code or "", message=error.text)

    moves = CALLED_RESUBSCRIPTION_MOVES if was_asked else RESUBSCRIPTION_MOVES
    attempt(asked, moves, call, refused=refused)


def note_asked(asked: Resubscription) -> None:
    """Note that Dotdigital is asked from here on: the outcome is unknown until it is noted."""
    move(asked, RESUBSCRIPTION_MOVES, ResubscriptionState.ASKED)


def _left_again(asked: Resubscription) -> bool:
    verdict = may_be_mailed(
        address=asked.email,
        scopes=scopes_of_list(asked.connection.marketing_list_id),
        entity=asked.connection.marketing_list.entity,
        record_id=asked.record_id,
    )
    return any(objection.source not in OF_DOTDIGITAL for objection in verdict.objections)


def _ask(step: StepContext, asked: Resubscription) -> None:
    book = asked.connection.address_book
    left_book = (
        Membership.objects.filter(address_book=book, contact__email_key=asked.email_key)
        .exclude(status__in=LIVE)
        .exists()
    )
    note_asked(asked)
    draft = ContactDraft(email=asked.email)
    answer = (
        step.account.address_book(book.remote_id).resubscribe(draft)
        if left_book
        else step.account.contacts.resubscribe(draft)
    )
    _keep(asked, answer, in_book=left_book)


def _keep(asked: Resubscription, answer: Answer, *, in_book: bool) -> None:
    state = RESULTS.get(answer.status, ResubscriptionState.UNKNOWN)
    if state == ResubscriptionState.ADDED and in_book:
        # Dotdigital's own word on this book. What it says of the account comes with the import.
        Membership.objects.filter(
            address_book=asked.connection.address_book, contact__email_key=asked.email_key
        ).update(status=SUBSCRIBED, unsubscribed_at=None, gone_at=None)
    text = "" if state != ResubscriptionState.UNKNOWN else _("Dotdigital gave an answer that is not documented.")
    finish_resubscription(resubscription=asked, state=state, answer=answer.status, message=text)


def _look(step: StepContext, asked: Resubscription) -> None:
    """After an unknown outcome: somebody whom Dotdigital mails has returned; of others nobody can know."""
    try:
        is_live = step.account.contacts.get(asked.email).status in LIVE
    except NotFound:
        is_live = False
    left_book = Membership.objects.filter(
        address_book=asked.connection.address_book, contact__email_key=asked.email_key
    ).exclude(status__in=LIVE)
    if is_live and not left_book.exists():
        finish_resubscription(resubscription=asked, state=ResubscriptionState.ADDED)
        return
    text = _("No answer came. Dotdigital may have sent a mail to confirm; ask again only if the person got none.")
    finish_resubscription(resubscription=asked, state=ResubscriptionState.UNKNOWN, message=text)
