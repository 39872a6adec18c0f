"""The writers of endings: a connection that ends when the contacts its list has sent are out of the book."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dotbridge.connections.models import Ending, ListConnection, RunKind
from dotbridge.connections.services.connecting import check_free
from dotbridge.connections.services.run_requests import request_run
from dotbridge.mirror.models import AddressBook


@transaction.atomic
def request_ending(
    *, link: ListConnection, next_book: AddressBook | None = None, by: AbstractBaseUser | None = None
) -> Ending:
    """Have the contacts that a list has sent taken out of its book, then end the connection.

    With `next_book` the list is connected to that one afterwards. Raises ValidationError when it is ending already,
    when the integration is not active, and when one of the books is gone or taken.
    """
    book = link.address_book
    if not book.integration.is_active:
        raise ValidationError(
            _("%(name)s is not active, so nothing was started. Activate it first.") % {"name": book.integration}
        )
    if book.gone_at is not None:
        raise ValidationError(_("The address book is gone from Dotdigital, so nothing is left in it to be removed."))
    if next_book is not None:
        check_free(next_book)
    try:
        with transaction.atomic():
            ending = Ending.objects.create(connection=link, next_book=next_book, requested_by_id=by.pk if by else None)
    except IntegrityError:
        raise ValidationError(_("This connection is ending already.")) from None
    request_run(integration=book.integration, kind=RunKind.REQUESTS, trigger="person")
    return ending


def cancel_ending(*, link: ListConnection) -> None:
    """Keep a connection after all; who was removed already is sent again.

    Raises ValidationError when it is not ending.
    """
    deleted, _rows = Ending.objects.filter(connection=link).delete()
    if not deleted:
        raise ValidationError(_("This connection is not ending."))


def retry_ending(*, link: ListConnection) -> None:
    """Try again what was given up. Raises ValidationError when nothing was."""
    if not Ending.objects.filter(connection=link, has_failed=True).update(has_failed=False, attempts=0, message=""):
        raise ValidationError(_("Only what failed can be tried again."))
    request_run(integration=link.address_book.integration, kind=RunKind.REQUESTS, trigger="person")


def put_off_ending(*, ending: Ending, message: str, most_attempts: int | None = None) -> None:
    """Note what an ending waits for. With `most_attempts` this was an attempt, and after so many it is given up."""
    ending.message = message
    if most_attempts is not None:
        ending.attempts += 1
        ending.has_failed = ending.attempts >= most_attempts
    ending.save(update_fields=["message", "attempts", "has_failed"])
