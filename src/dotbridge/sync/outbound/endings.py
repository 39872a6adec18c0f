"""Ending connections: whom the list has sent is taken out of the book, then the connection goes.

Nothing more is sent to the book from the moment it was asked for; an upload that is on its way is waited for.
"""

from __future__ import annotations

from functools import partial

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dotbridge.connections.models import Ending
from dotbridge.connections.services import put_off_ending
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.ranks import ranked_connections
from dotbridge.sync.outbound.removals import remove_everybody
from dotbridge.sync.services import finish_ending

# A removal that Dotdigital does not carry out so often, a minute apart or more, waits for a person.
MOST_ATTEMPTS = 10
_ON_THEIR_WAY = (UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN)


def end_connections(step: StepContext) -> None:
    """Bring every ending connection of the integration as far as it goes now."""
    endings = list(
        Ending.objects.filter(connection__address_book__integration=step.integration, has_failed=False)
        .select_related("connection__address_book__integration", "connection__marketing_list", "next_book__integration")
        .order_by("pk")
    )
    if not endings:
        raise StepSkipped("No connection is ending.")
    go_over(step, endings, partial(_end, step), _refusal, turn=lambda ending: ending.pk)


def _refusal(ending: Ending, failure: Failure) -> Refusal:
    return Refusal(str(ending.connection), "not_done", failure.text)


def _end(step: StepContext, ending: Ending) -> None:
    link = ending.connection
    uploads = Upload.objects.filter(connection=link)
    uploads.filter(state=UploadState.PREPARED).delete()
    if uploads.filter(state__in=_ON_THEIR_WAY).exists():
        text = _("An upload of this list is on its way. The connection ends when it is finished.")
        put_off_ending(ending=ending, message=text)
        step.mark_partial(f"{link.marketing_list}: {text}")
        return
    if link.address_book.gone_at is None and not _is_empty_of_ours(step, ending):
        return
    subject = str(link)
    try:
        problem = finish_ending(ending=ending)
    except ValidationError as error:
        put_off_ending(ending=ending, message=" ".join(error.messages))
        return
    if problem:
        step.reject([Refusal(subject, "not_connected", problem)])
    step.count(ended=1)
    step.advance(1)


def _is_empty_of_ours(step: StepContext, ending: Ending) -> bool:
    (ranked,) = [each for each in ranked_connections(step.integration) if each.link.pk == ending.connection_id]
    outcome = remove_everybody(step, ranked)
    if outcome is None:
        put_off_ending(ending=ending, message=_("Dotdigital is still removing contacts."))
    elif not outcome:
        text = _("Dotdigital did not remove the contacts.")
        put_off_ending(ending=ending, message=text, most_attempts=MOST_ATTEMPTS)
    return bool(outcome)
