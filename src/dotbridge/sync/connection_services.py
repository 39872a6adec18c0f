"""The writers of what becomes of a connection: another book, its end, and comparing everything anew."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.services import mark_stale
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import Connection, RunKind
from dotbridge.sync.request_models import Ending
from dotbridge.sync.services import connect_list, disconnect_list, request_run, set_create_entities


def refresh_data_fields(*, link: Connection) -> None:
    """Have the next export compare the values of all members, and send those that differ."""
    Connection.objects.filter(pk=link.pk).update(compared_as="")
    integration, key = link.address_book.integration_id, link.marketing_list.entity
    mark_stale(mappings=Mapping.objects.filter(integration=integration, entity=key))


@transaction.atomic
def move_list(*, link: Connection, address_book: AddressBook) -> Connection:
    """Connect a list to another book; the contacts of the former one stay where they are.

    Raises ValidationError while an upload is on its way, and when the book is not free or gone.
    """
    marketing_list, creates = link.marketing_list, link.create_entities
    disconnect_list(link=link)
    moved = connect_list(marketing_list=marketing_list, address_book=address_book)
    if creates:
        _keep_creating(moved)
    return moved


def _keep_creating(link: Connection) -> None:
    try:
        set_create_entities(link=link, create_entities=True)
    except ValidationError:
        # The mapping of another account may not allow it; then it has to be switched on there.
        return


@transaction.atomic
def request_ending(
    *, link: Connection, next_book: AddressBook | None = None, by: AbstractBaseUser | None = None
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


def check_free(address_book: AddressBook) -> None:
    """Raise ValidationError when no list can be connected to the book."""
    if address_book.gone_at is not None:
        raise ValidationError(_("This address book does not exist in Dotdigital any more."))
    if hasattr(address_book, "connection"):
        raise ValidationError(_("The address book is connected to a list already: one list, one book."))


def cancel_ending(*, link: Connection) -> None:
    """Keep a connection after all; who was removed already is sent again.

    Raises ValidationError when it is not ending.
    """
    deleted, _rows = Ending.objects.filter(connection=link).delete()
    if not deleted:
        raise ValidationError(_("This connection is not ending."))


def retry_ending(*, link: Connection) -> None:
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
