"""Changes of the account that people asked for. Whatever happens on the way, nothing is made twice or left unknown.

Before Dotdigital is asked to make something, the account is searched for its name: what is there already is not ours.
Then *asked* is noted, and only then asked. A change found so noted may have been carried out: what is there by then is
ours, and if nothing is there it is asked for again, unless Dotdigital has answered that it was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as _

from dotbridge.audit.acting import acting_for
from dotbridge.connections.models import OPEN_CHANGES, AccountChange, ChangeKind, ChangeState
from dotbridge.connections.request_moves import CHANGE_MOVES, is_due, move, put_off
from dotbridge.connections.services import finish_change, note_failed_deletion
from dotbridge.connections.services.account_changes import ANSWERED
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.outbound.attempts import attempt
from dotbridge.sync.outbound.book_changes import NewBook
from dotbridge.sync.outbound.campaign_changes import NewCampaign
from dotbridge.sync.outbound.data_field_changes import NewDataField, delete_data_field
from dotbridge.sync.outbound.making import Making
from dotdigital import NotFound, Rejected

ASKED = ChangeState.ASKED

MAKINGS: dict[ChangeKind, Callable[[], Making[Any]]] = {
    ChangeKind.CREATE_DATA_FIELD: NewDataField,
    ChangeKind.CREATE_ADDRESS_BOOK: NewBook,
    ChangeKind.CREATE_CAMPAIGN: NewCampaign,
}


def carry_out_changes(step: StepContext) -> None:
    """Do what people asked for, each alone: what Dotdigital refuses stops nothing else."""
    changes = list(
        AccountChange.objects.filter(is_due(), integration=step.integration, state__in=OPEN_CHANGES)
        .select_related("integration", "marketing_list", "requested_by")
        .order_by("pk")
    )
    if not changes:
        raise StepSkipped(_("Nobody asked for a change of the account."))

    def carry_out(change: AccountChange) -> None:
        _carry_out(step, change)
        step.count(changed=int(change.state == ChangeState.DONE))
        step.advance(1, len(changes))

    go_over(step, changes, carry_out, _refusal, turn=lambda change: change.pk)


def _refusal(change: AccountChange, failure: Failure) -> Refusal:
    return Refusal(str(change), "not_done", failure.text)


def note_asked(change: AccountChange) -> None:
    """Note that Dotdigital is asked from here on: the outcome is unknown until it is noted."""
    move(change, CHANGE_MOVES, ChangeState.ASKED)


def _carry_out(step: StepContext, change: AccountChange) -> None:
    def call() -> None:
        if change.kind == ChangeKind.DELETE_DATA_FIELD:
            delete_data_field(step, change, note_asked)
        else:
            _make(step, change, MAKINGS[ChangeKind(change.kind)]())

    def refused(error: Rejected | NotFound) -> None:
        finish_change(change=change, state=ChangeState.FAILED, message=error.text)

    try:
        attempt(change, CHANGE_MOVES, call, refused=refused, given_up=lambda: note_failed_deletion(change=change))
    finally:
        if change.state == ChangeState.FAILED:
            step.reject([Refusal(str(change), "change_failed", change.message)])


def _make(step: StepContext, change: AccountChange, making: Making[Any]) -> None:
    # What was answered goes back to waiting all the same, where the account could not be searched for it afterwards.
    was_answered = bool(change.details.get(ANSWERED))
    if was_answered and change.state != ASKED:
        note_asked(change)
    was_asked = change.state == ASKED
    is_there = making.find(step, change)
    if was_answered and not is_there:
        put_off(
            change, CHANGE_MOVES, text=_("Dotdigital has said that it was made, but does not list it."), back_to=ASKED
        )
        return
    if not is_there:
        note_asked(change)
        try:
            making.ask(step, change)
        except (Rejected, NotFound):
            # Taken between looking and asking: by us, when an earlier call was slow, or by somebody else.
            is_there = making.find(step, change)
            if not is_there:
                raise
        else:
            was_asked = True
            # From here on it is only looked for: made once more, there would be two of it.
            move(change, CHANGE_MOVES, ASKED, details={**change.details, ANSWERED: True})
            is_there = making.find(step, change)
    if not is_there:
        return
    with acting_for(change.requested_by), transaction.atomic():
        if was_asked and making.is_as_asked(change):
            finish_change(change=change, state=ChangeState.DONE, message=making.keep(change))
        else:
            finish_change(change=change, state=ChangeState.FAILED, message=making.remember_other(change))
