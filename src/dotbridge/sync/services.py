"""The writers of what a run leaves behind: the end of a connection with all its notes, and rows sent once more."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import Ending, ListConnection, RunKind
from dotbridge.connections.services import connect_list, request_run, set_create_entities
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import ExportItem, Removal, Upload, UploadState


@transaction.atomic
def disconnect_list(*, link: ListConnection) -> None:
    """End a connection. Nothing changes in Dotdigital: its contacts stay in the book.

    Raises ValidationError while an upload is on its way, because its result could not be noted any more.
    """
    if Upload.objects.filter(
        connection=link, state__in=[UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN]
    ).exists():
        raise ValidationError(_("An upload of this list is on its way. Disconnect when it is finished."))
    ExportItem.objects.filter(connection=link).delete()
    Removal.objects.filter(connection=link).delete()
    link.delete()


@transaction.atomic
def move_list(*, link: ListConnection, address_book: AddressBook) -> ListConnection:
    """Connect a list to another book; the contacts of the former one stay where they are.

    Raises ValidationError while an upload is on its way, and when the book is not free or gone.
    """
    marketing_list, creates = link.marketing_list, link.create_entities
    disconnect_list(link=link)
    moved = connect_list(marketing_list=marketing_list, address_book=address_book)
    if creates:
        _keep_creating(moved)
    return moved


def _keep_creating(link: ListConnection) -> None:
    try:
        set_create_entities(link=link, create_entities=True)
    except ValidationError:
        # The mapping of another account may not allow it; then it has to be switched on there.
        return


@transaction.atomic
def finish_ending(*, ending: Ending) -> str:
    """End the connection, connect the list to the next book if there is one, and answer what went wrong with that.

    Raises ValidationError while an upload is on its way.
    """
    link, next_book = ending.connection, ending.next_book
    marketing_list, creates = link.marketing_list, link.create_entities
    disconnect_list(link=link)
    if next_book is None:
        return ""
    try:
        with transaction.atomic():
            moved = connect_list(marketing_list=marketing_list, address_book=next_book)
    except ValidationError as error:
        return " ".join(error.messages)
    if creates:
        _keep_creating(moved)
    request_run(integration=next_book.integration, kind=RunKind.SYNC, trigger="person")
    return ""


def retry_upload(*, upload: Upload) -> None:
    """Let the rows of a refused upload go again with the next export. Raises ValidationError for any other upload."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.REFUSED).update(retry_at=timezone.now()):
        raise ValidationError(_("Only the rows of a refused upload can be sent again."))
    ExportItem.objects.filter(upload=upload).update(attempts=0)
