"""The writers of what a run leaves behind: the end of a connection with all its notes, and rows sent once more."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.audit.acting import acting_for
from dotbridge.connections.models import Ending, ListConnection, RunKind
from dotbridge.connections.request_moves import MovedMeanwhile
from dotbridge.connections.services import connect_list, request_run, set_create_entities
from dotbridge.consent.shared import forget_shared_addresses
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Absence, ExportItem, Listing, Removal, Upload, UploadState
from dotbridge.sync.outbound.ranks import Ranked, ranked_connections
from dotbridge.sync.outbound.rechecks import recheck_addresses_of_list
from dotbridge.sync.outbound.written import note_past_addresses
from dotbridge.sync.selectors import taken_out_of

NOTES_AT_ONCE = 10_000
# What a list takes along to another book, beside making records, which the other account may not allow.
KEPT_SETTINGS = ("unsubscribes_book", "always_put_back")


def disconnect_list(*, link: ListConnection) -> None:
    """End a connection, with all our notes. Nothing changes in Dotdigital: its contacts stay in the book.

    Only the holder of the integration's lock may call this: a run that sends meanwhile would leave people in the book
    of whom we know nothing.
    """
    forget_notes(link=link)
    with transaction.atomic():
        Removal.objects.filter(connection=link).delete()
        forget_shared_addresses(list_id=link.marketing_list_id)
        link.delete()


def forget_notes(*, link: ListConnection) -> None:
    """Delete all notes of a list in pieces, each a transaction of its own: there may be a million.

    Of each goes with them what others have to know of it: under which address a record was written to, and that lists
    of lower rank have a say again. When it ends in between, the rest goes the next time.
    """
    ranked = next(
        (each for each in ranked_connections(link.address_book.integration) if each.link.pk == link.pk),
        Ranked(link=link, rank=None, has_higher=False, has_lower=False),
    )
    while _delete_notes(ranked):
        pass


@transaction.atomic
def _delete_notes(ranked: Ranked) -> bool:
    notes = ExportItem.objects.filter(connection=ranked.link)
    chosen = notes.filter(pk__in=notes.order_by("pk").values("pk")[:NOTES_AT_ONCE])
    recheck_addresses_of_list(ranked, most=NOTES_AT_ONCE)
    note_past_addresses(ranked.link, chosen)
    return chosen.delete()[0] > 0


def confirm_absences(*, integration: Integration, listing: Listing) -> int:
    """Have the next reading believe that what it misses is gone, because a person looked in Dotdigital.

    The reading is asked for at once. Answers how many are confirmed; 0 asks for nothing.
    """
    number = Absence.objects.filter(integration=integration, listing=listing, believed_at=None).update(
        believed_at=timezone.now()
    )
    if number:
        # An import reads data fields once in some hours only.
        kind = RunKind.DATA_FIELDS if listing == Listing.DATA_FIELDS else RunKind.IMPORT
        request_run(integration=integration, kind=kind, trigger="person")
    return number


def _keep_creating(link: ListConnection) -> None:
    try:
        set_create_entities(link=link, create_entities=True)
    except ValidationError:
        # The mapping of another account may not allow it; then it has to be switched on there.
        return


def finish_ending(*, ending: Ending) -> str:
    """End the connection, connect the list to the next book if there is one, and answer what went wrong with that.

    Only the holder of the integration's lock may call this. Raises MovedMeanwhile where somebody keeps the connection
    after all.
    """
    link, next_book = ending.connection, ending.next_book
    if not Ending.objects.filter(pk=ending.pk).update(is_final=True):
        raise MovedMeanwhile("The connection is not ending any more.")
    marketing_list = link.marketing_list
    settings = {name: getattr(link, name) for name in KEPT_SETTINGS}
    forget_notes(link=link)
    # In one transaction, so that a list on its way to another book arrives there whatever happens to the worker.
    with acting_for(ending.requested_by), transaction.atomic():
        disconnect_list(link=link)
        if next_book is None:
            return ""
        try:
            with transaction.atomic():
                moved = connect_list(marketing_list=marketing_list, address_book=next_book)
        except ValidationError as error:
            return " ".join(error.messages)
        ListConnection.objects.filter(pk=moved.pk).update(**settings)
        if link.create_entities:
            _keep_creating(moved)
        request_run(integration=next_book.integration, kind=RunKind.SYNC, trigger="person")
    return ""


@transaction.atomic
def put_back(*, link: ListConnection) -> int:
    """Have the next export send all members again who were taken out of the book in Dotdigital.

    Whoever opted out is no member and stays out. Answers how many there were.
    """
    # They count as not written to from here on, and were: what they say there still binds the record.
    note_past_addresses(link, taken_out_of(link))
    return taken_out_of(link).update(upload=None, taken_out_at=None, attempts=0, was_confirmed=False)


@transaction.atomic
def retry_upload(*, upload: Upload) -> None:
    """Let the rows of a refused upload go again with the next export. Raises ValidationError for any other upload."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.REFUSED).update(retry_at=timezone.now()):
        raise ValidationError(_("Only the rows of a refused upload can be sent again."))
    ExportItem.objects.filter(upload=upload).update(attempts=0)
