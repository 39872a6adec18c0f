"""The writers of endings: a connection that ends as soon as a worker has carried it out."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dotbridge.connections.models import Ending, EndingState, ListConnection, RunKind
from dotbridge.connections.services.connecting import check_free
from dotbridge.connections.services.run_requests import request_disconnection, request_run
from dotbridge.integrations.services import require_active
from dotbridge.mirror.models import AddressBook


@transaction.atomic
def request_ending(
    *,
    link: ListConnection,
    takes_out: bool = True,
    next_book: AddressBook | None = None,
    by: AbstractBaseUser | None = None,
) -> Ending:
    """Have a connection ended; with `takes_out` the contacts that its list has sent are taken out of the book before.

    With `next_book` the list is connected to that one afterwards. Raises ValidationError when it is ending already and
    when the next book is gone or taken; and where contacts are to be taken out, when the book is gone or the
    account is switched off.
    """
    book = link.address_book
    if takes_out:
        require_active(book.integration)
    if takes_out and book.gone_at is not None:
        raise ValidationError(_("The address book is gone from Dotdigital, so nothing is left in it to be removed."))
    if next_book is not None:
        check_free(next_book)
    try:
        with transaction.atomic():
            ending = Ending.objects.create(
                connection=link, takes_out=takes_out, next_book=next_book, requested_by_id=by.pk if by else None
            )
    except IntegrityError:
        raise ValidationError(_("This connection is ending already.")) from None
    if takes_out:
        request_run(integration=book.integration, kind=RunKind.REQUESTS, trigger="person")
    else:
        request_disconnection(integration=book.integration)
    return ending


def cancel_ending(*, link: ListConnection) -> None:
    """Keep a connection after all; who was removed already is sent again.

    Raises ValidationError when it is not ending, and when it has ended but for what is deleted here.
    """
    endings = Ending.objects.filter(connection=link)
    deleted, _rows = endings.filter(is_final=False).delete()
    if deleted:
        return
    if endings.exists():
        raise ValidationError(_("This connection is too far gone to be kept. Connect the list again afterwards."))
    raise ValidationError(_("This connection is not ending."))


def retry_ending(*, link: ListConnection) -> None:
    """Try again what was given up. Raises ValidationError when nothing was."""
    again = {"state": EndingState.WAITING, "attempts": 0, "due_at": None, "message": ""}
    if not Ending.objects.filter(connection=link, state=EndingState.FAILED).update(**again):
        raise ValidationError(_("Only what failed can be tried again."))
    request_run(integration=link.address_book.integration, kind=RunKind.REQUESTS, trigger="person")
