"""The writers of connections: which list is kept in step with which book, and how."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import BookOfList, ListConnection
from dotbridge.connections.selectors import obstacle_to_newcomers
from dotbridge.connections.services.former_books import (
    MOST_AT_ONCE,
    carry_over_known,
    former_books_of,
    has_left_former_books,
)
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.columns import columns_of, lacks_email_column
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook


def connect_list(*, marketing_list: MarketingList, address_book: AddressBook) -> ListConnection:
    """Keep a list and an address book in step from the next run on.

    Who left an address book that the list was connected to before has left the list, and is not written to in this one
    either: that is noted here, as far as it is known, and by the next run, which asks that book. Nothing is sent
    before. Raises ValidationError when either is connected already, the book is gone, or no column of the list shows an
    address.
    """
    if address_book.gone_at is not None:
        raise ValidationError({"address_book": _("This address book does not exist in Dotdigital any more.")})
    check_columns(marketing_list)
    try:
        with transaction.atomic():
            link = ListConnection.objects.create(marketing_list=marketing_list, address_book=address_book)
            _keep_opt_outs(link)
            return link
    except IntegrityError:
        raise ValidationError(_("The list or the address book is connected already: one list, one book.")) from None


def _keep_opt_outs(link: ListConnection) -> None:
    book = link.address_book
    BookOfList.objects.get_or_create(
        marketing_list=link.marketing_list, book_id=book.pk, defaults={"account_id": book.integration_id}
    )
    BookOfList.objects.filter(marketing_list=link.marketing_list).update(read_at=None)
    # Where very many left, nobody waits for it at a page. The next run asks those books, before anything is sent.
    former = former_books_of(link)
    if former.exists() and not has_left_former_books(link, more_than=MOST_AT_ONCE):
        carry_over_known(former)


def check_columns(marketing_list: MarketingList) -> None:
    """Raise ValidationError when no column of the list shows an address: nobody would see whom it is sent to."""
    try:
        lacks_it = lacks_email_column(entity(marketing_list.entity), columns_of(marketing_list))
    except UnknownEntity as error:
        raise ValidationError(str(error)) from None
    if lacks_it:
        raise ValidationError(_("No column of the list shows an e-mail address. Add one under Settings, Columns."))


def check_free(address_book: AddressBook) -> None:
    """Raise ValidationError when no list can be connected to the book."""
    if address_book.gone_at is not None:
        raise ValidationError(_("This address book does not exist in Dotdigital any more."))
    if hasattr(address_book, "connection"):
        raise ValidationError(_("The address book is connected to a list already: one list, one book."))


def refresh_data_fields(*, link: ListConnection) -> None:
    """Have the next export compare the values of all members, and send those that differ."""
    # No two marks are alike: a comparison that has begun already takes off none that was set since.
    ListConnection.objects.filter(pk=link.pk).update(compared_as=f"again {uuid4().hex}")


def set_create_entities(*, link: ListConnection, create_entities: bool) -> None:
    """Let runs make records of the book's contacts whose address no record has, or not any more.

    Raises ValidationError, saying what to mend, when it is switched on and no record could be made.
    """
    if create_entities and (obstacle := obstacle_to_newcomers(link)):
        raise ValidationError({"create_entities": obstacle})
    ListConnection.objects.filter(pk=link.pk).update(create_entities=create_entities)
    link.create_entities = create_entities


def set_settings(*, link: ListConnection, unsubscribes_book: bool, always_put_back: bool) -> None:
    """Say what an opt-out of the list means for the book, and whether who was taken out there is sent again."""
    link.unsubscribes_book, link.always_put_back = unsubscribes_book, always_put_back
    link.save(update_fields=["unsubscribes_book", "always_put_back"])


def allow_once(*, link: ListConnection, seen: int | None = None, by: AbstractBaseUser | None = None) -> None:
    """Let the next export take out as many as it stopped for, and a few more, once.

    `seen` is the number that the person was told: where a later run has stopped for more of them, nothing is allowed.
    Raises ValidationError then, and when it has not stopped.
    """
    stopped = ListConnection.objects.filter(pk=link.pk, stopped_at__isnull=False)
    asked = stopped if seen is None else stopped.filter(stopped_rows__lte=seen)
    if not asked.update(allowed_rows=F("stopped_rows"), allowed_at=timezone.now(), allowed_by=by):
        if stopped.exists():
            raise ValidationError(_("It is about more people by now than when you were asked. Look at it again."))
        raise ValidationError(_("The export of this list has not stopped, so there is nothing to allow."))
    link.refresh_from_db()
