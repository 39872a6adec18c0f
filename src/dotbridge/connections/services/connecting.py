"""The writers of connections: which list is kept in step with which book, and how."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import BookOfList, ListConnection
from dotbridge.connections.selectors import obstacle_to_newcomers
from dotbridge.consent.bulk import record_events
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.columns import columns_of, lacks_email_column
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook

# Whoever left a book that the list was connected to before, by an address or as a record; and whom the account of that
# book does not mail, where it is another one by now: the records that were written to there, and the addresses that
# they had then. What was said of the list since stays.
_LEFT_FORMER_BOOKS = """
    WITH former AS (
        SELECT n.marketing_list_id AS list_id, l.entity, f.book_id, f.account_id,
               f.account_id <> b.integration_id AS is_elsewhere
        FROM dotbridge_connections_bookoflist f
        JOIN dotbridge_connections_listconnection n
            ON n.marketing_list_id = f.marketing_list_id AND n.address_book_id <> f.book_id
        JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
        JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id
        WHERE {which}
    ),
    said AS (
        SELECT f.list_id, s.what, s.source, s.status, s.since, s.kind, s.entity, s.subject
        FROM former f
        JOIN dotbridge_consent_consentstate s
            ON s.scope = 'book' AND s.scope_id = f.book_id AND s.kind IN ('address', 'record') AND s.is_blocked
        UNION
        SELECT f.list_id, s.what, s.source, s.status, s.since, v.kind, v.entity, v.subject
        FROM (SELECT DISTINCT list_id, entity, account_id FROM former WHERE is_elsewhere) f
        JOIN dotbridge_consent_consentstate s
            ON s.scope = 'account' AND s.scope_id = f.account_id AND s.kind = 'record' AND s.entity = f.entity
           AND s.is_blocked
        CROSS JOIN LATERAL (
            SELECT 'record', s.entity, s.subject
            UNION
            SELECT 'address', '', e.email_key FROM dotbridge_consent_consentevent e
            WHERE e.entity = s.entity AND e.record_id = s.subject AND e.scope = s.scope AND e.scope_id = s.scope_id
              AND e.email_key <> ''
        ) v (kind, entity, subject)
    ),
    newest AS (
        SELECT DISTINCT ON (list_id, kind, entity, subject) * FROM said
        ORDER BY list_id, kind, entity, subject, since DESC
    )
    SELECT 'list', n.list_id, n.what, n.source, n.status, n.since,
           CASE n.kind WHEN 'address' THEN n.subject END, n.entity, CASE n.kind WHEN 'record' THEN n.subject END,
           NULL::bigint, 'left an address book that the list was connected to'
    FROM newest n
    LEFT JOIN dotbridge_consent_consentstate held
        ON held.scope = 'list' AND held.scope_id = n.list_id AND held.kind = n.kind AND held.entity = n.entity
       AND held.subject = n.subject
    WHERE held.id IS NULL OR (NOT held.is_blocked AND held.since < n.since)
"""


def connect_list(*, marketing_list: MarketingList, address_book: AddressBook) -> ListConnection:
    """Keep a list and an address book in step from the next run on.

    Who left an address book that the list was connected to before has left the list, and is not written to in this one
    either. Raises ValidationError when either is connected already, the book is gone, or no column of the list shows an
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
    record_events(
        selection=_LEFT_FORMER_BOOKS.format(which="n.id = %(connection)s"), parameters={"connection": link.pk}
    )
    BookOfList.objects.get_or_create(
        marketing_list=link.marketing_list, book_id=book.pk, defaults={"account_id": book.integration_id}
    )


def note_opt_outs_of_former_books(*, integration: Integration) -> None:
    """Whoever has left a book of the account has left the connected lists that it was of before, wherever they are."""
    record_events(
        selection=_LEFT_FORMER_BOOKS.format(which="f.account_id = %(account)s"), parameters={"account": integration.pk}
    )


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
    ListConnection.objects.filter(pk=link.pk).update(compared_as="")


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


def allow_once(*, link: ListConnection, by: AbstractBaseUser | None = None) -> None:
    """Let the next export take out as many as it stopped for, and a few more, once.

    Raises ValidationError when it has not stopped.
    """
    changed = ListConnection.objects.filter(pk=link.pk, stopped_at__isnull=False).update(
        allowed_rows=F("stopped_rows"), allowed_at=timezone.now(), allowed_by=by
    )
    if not changed:
        raise ValidationError(_("The export of this list has not stopped, so there is nothing to allow."))
    link.refresh_from_db()
