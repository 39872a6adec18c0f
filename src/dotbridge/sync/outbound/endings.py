"""Ending connections: whom the list has sent is taken out of the book, if that was asked for; then the connection goes.

Nothing more is sent to the book from the moment it was asked for; an upload that is on its way is waited for. Whoever
opted out leaves the book in any case. Only the holder of the integration's lock ends a connection: nobody else may be
sending meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import Ending, EndingState, ListConnection
from dotbridge.connections.request_moves import ENDING_MOVES, MovedMeanwhile, is_due, move, put_off
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, blocked_records
from dotbridge.each_alone import do_each_alone
from dotbridge.integrations.models import Integration
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.consent import record_dotdigitals_word
from dotbridge.sync.inbound.contacts import import_contacts_of_book
from dotbridge.sync.inbound.suppressions import import_unsubscribes_of_book
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import ExportItem, Upload, UploadState
from dotbridge.sync.outbound.attempts import attempt, move_by_run
from dotbridge.sync.outbound.consents import release_consents
from dotbridge.sync.outbound.links import all_ranked
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.removals import remove_everybody, remove_opted_out_of
from dotbridge.sync.outbound.states import UNTOLD, UPLOAD_MOVES
from dotbridge.sync.selectors import ON_THEIR_WAY
from dotbridge.sync.services import finish_ending
from dotdigital import NotFound

# An account that cannot be reached for so long does not keep a connection from ending.
REACHED_WITHIN = timedelta(days=1)


def end_connections(step: StepContext) -> None:
    """Bring every ending connection of the integration as far as it goes now, each alone. Raises as `attempt`."""
    endings = _waiting(step.integration)
    if not endings:
        raise StepSkipped(_("No connection is ending."))
    go_over(step, endings, partial(_attempt, step), _refusal, turn=lambda ending: ending.pk)


def _refusal(ending: Ending, failure: Failure) -> Refusal:
    return Refusal(str(ending.connection), "not_done", failure.text)


def disconnect_lists(integration: Integration) -> int:
    """End the connections that need no word to Dotdigital, each alone, also of an integration that cannot run.

    Answers how many ended; none while a run is at work: whoever waits for it asks again. Raises SomeFailed, after the
    last one, where one could not be ended.
    """
    with integration_lock(integration.pk) as held:
        endings = _waiting(integration) if held else []
        ended = do_each_alone({str(ending.connection_id): partial(_disconnect, ending) for ending in endings})
    return sum(ended.values())


def _disconnect(ending: Ending) -> bool:
    """Whether the connection ended: Dotdigital did not have to be asked, and nothing was on its way."""
    if ending.takes_out or _has_to_tell(ending) or not _has_arrived(ending):
        return False
    with suppress(MovedMeanwhile):  # somebody keeps the connection after all
        finish_ending(ending=ending)
        return True
    return False


def _has_to_tell(ending: Ending) -> bool:
    """Whether Dotdigital has to be asked before, and can be, or could for a day: to take somebody out of the book who
    opted out, or to say who left it, where the list goes on elsewhere."""
    link = ending.connection
    if link.address_book.gone_at is not None or not link.address_book.integration.is_active:
        return False
    if abs(timezone.now() - ending.created_at) > REACHED_WITHIN:
        return False
    if ending.next_book is not None:
        return True
    scopes = scopes_of_connection(link)
    opted_out = Q(email_key__in=RawSQL(blocked_addresses(scopes), ())) | Q(  # noqa: S611 - it holds our own names alone
        record_id__in=RawSQL(blocked_records(scopes, link.marketing_list.entity), ())  # noqa: S611
    )
    return ExportItem.objects.filter(opted_out, connection=link).exists()


def _waiting(integration: Integration) -> list[Ending]:
    return list(
        Ending.objects.filter(is_due(), connection__address_book__integration=integration, state=EndingState.WAITING)
        .select_related(
            "connection__address_book__integration",
            "connection__marketing_list",
            "next_book__integration",
            "requested_by",
        )
        .order_by("pk")
    )


def _attempt(step: StepContext, ending: Ending) -> None:
    def given_up() -> None:
        step.reject([Refusal(str(ending.connection), "ending_failed", ending.message)])

    attempt(
        ending,
        ENDING_MOVES,
        lambda: _end(step, ending),
        refused=lambda error: _put_off(step, ending, error.text),
        given_up=given_up,
    )


def _end(step: StepContext, ending: Ending) -> None:
    link = ending.connection
    if not _has_arrived(ending):
        step.mark_partial(f"{link.marketing_list}: {ending.message}")
        return
    if link.address_book.gone_at is None:
        # Who left the book has left the list: that is known before anything goes to another book.
        with suppress(NotFound):  # the book is gone there by now
            # Nobody comes back for those whom an upload has brought since it was read last.
            import_contacts_of_book(step, link.address_book)
            import_unsubscribes_of_book(step, link.address_book)
        _give_up_uploads(link)
        record_dotdigitals_word(step)
        if not _is_left(step, ending):
            return
    subject = str(link)
    if problem := finish_ending(ending=ending):
        step.reject([Refusal(subject, "not_connected", problem)])
    step.count(ended=1)
    step.advance(1)


def _has_arrived(ending: Ending) -> bool:
    """Whether nothing of the list is on its way. What was prepared and not sent goes."""
    uploads = Upload.objects.filter(connection=ending.connection)
    for upload in uploads.filter(state=UploadState.PREPARED):
        with transaction.atomic():
            release_consents(upload)
            upload.delete()
    on_their_way = uploads.filter(state__in=ON_THEIR_WAY).values_list("sent_at", flat=True)
    if all(UPLOAD_MOVES.is_overdue(sent_at) for sent_at in on_their_way):
        return True
    text = _("An upload of this list is on its way. The connection ends when it is finished.")
    move(ending, ENDING_MOVES, EndingState.WAITING, message=text)
    return False


def _give_up_uploads(link: ListConnection) -> None:
    """What is on its way for longer than a day: its rows may have arrived, and leave the book as all others do."""
    for upload in Upload.objects.filter(connection=link, state__in=ON_THEIR_WAY):
        with transaction.atomic():
            release_consents(upload)
            now = timezone.now()
            move_by_run(upload, UPLOAD_MOVES, UploadState.REFUSED, remote_status=UNTOLD, finished_at=now, retry_at=now)


def _ranked(step: StepContext, ending: Ending) -> Ranked:
    (ranked,) = [each for each in all_ranked(step) if each.link.pk == ending.connection_id]
    return ranked


def _is_left(step: StepContext, ending: Ending) -> bool:
    """Whether those who have to leave the book are out of it: all whom the list has sent, or those who opted out."""
    if ending.takes_out:
        return _is_empty_of_ours(step, ending)
    if remove_opted_out_of(step, _ranked(step, ending)):
        return True
    _put_off(step, ending, _("Dotdigital did not remove the contacts."))
    return False


def _is_empty_of_ours(step: StepContext, ending: Ending) -> bool:
    outcome = remove_everybody(step, _ranked(step, ending))
    if outcome is None:
        text = _("Dotdigital is still removing contacts.")
        move(ending, ENDING_MOVES, EndingState.WAITING, message=text)
    elif not outcome:
        _put_off(step, ending, _("Dotdigital did not remove the contacts."))
    return bool(outcome)


def _put_off(step: StepContext, ending: Ending, text: str) -> None:
    if put_off(ending, ENDING_MOVES, text=text):
        step.reject([Refusal(str(ending.connection), "ending_failed", ending.message)])
