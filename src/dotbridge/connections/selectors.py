"""Reads of what is connected, and of what people asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from dotbridge.connections.models import (
    OPEN_CHANGES,
    OPEN_RESUBSCRIPTIONS,
    OPEN_SENDS,
    AccountChange,
    BookOfList,
    CampaignSend,
    ChangeState,
    ContactRequest,
    ContactRequestKind,
    Ending,
    EndingState,
    ListConnection,
    Look,
    LookState,
    Resubscription,
)
from dotbridge.connections.request_moves import is_due
from dotbridge.consent.scopes import ListScopes
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.two_way import obstacle_to_creating, two_way_rows
from dotbridge.mirror.models import AddressBook, Campaign, CampaignBook
from dotbridge.one_reading import is_asked_again, known_by_key


def connected_books(integration: Integration, *, only: ListConnection | None) -> list[AddressBook]:
    """The address books of the account that a list is connected to, or this one, and that still exist."""
    books = AddressBook.objects.filter(integration=integration, gone_at=None, connection__isnull=False)
    return list((books if only is None else books.filter(connection=only)).order_by("pk"))


def connected_campaigns(integration: Integration, *, only: ListConnection | None = None) -> QuerySet[Campaign]:
    """The campaigns that were sent to a connected book, or to this one, and that still exist."""
    books = CampaignBook.objects.filter(
        campaign=OuterRef("pk"), address_book__gone_at=None, address_book__connection__isnull=False
    )
    if only is not None:
        books = books.filter(address_book__connection=only)
    return Campaign.objects.filter(Exists(books), integration=integration, gone_at=None).order_by("pk")


def books_of_opt_outs(integration: Integration, *, only: ListConnection | None = None) -> list[AddressBook]:
    """The books of the account that may tell of opt-outs from connected lists, or from this one: those that a list is
    connected to, and those that it was connected to before."""
    links = ListConnection.objects.filter(pk=only.pk) if only is not None else ListConnection.objects.all()
    former = BookOfList.objects.filter(account_id=integration.pk, marketing_list__in=links.values("marketing_list"))
    books = AddressBook.objects.filter(integration=integration, gone_at=None)
    return list(books.filter(Q(connection__in=links) | Q(pk__in=former.values("book_id"))).order_by("pk"))


def other_books(integration: Integration) -> list[AddressBook]:
    """The address books of the account that no list is connected to, and that still exist."""
    return list(AddressBook.objects.filter(integration=integration, gone_at=None, connection=None).order_by("pk"))


def scopes_of_connected_list(list_id: int) -> ListScopes:
    """The scopes that bind a list, with the account and the book that it is connected to."""
    known = known_by_key(ListScopes)
    if list_id not in known:
        links = ListConnection.objects.all()
        # A page about many lists asks for all of them, once, and not list by list.
        if not is_asked_again(ListScopes):
            known |= _scopes_of(links.filter(marketing_list=list_id))
        elif not is_asked_again(_scopes_of):
            known |= _scopes_of(links)
        known.setdefault(list_id, ListScopes(list_id=list_id))
    scopes: ListScopes = known[list_id]
    return scopes


def note_scopes(lists: Iterable[MarketingList]) -> None:
    """The scopes of lists that were read with their connections need not be asked for in this reading."""
    known_by_key(ListScopes).update({each.pk: scopes_read_with(each) for each in lists})


def scopes_read_with(marketing_list: MarketingList) -> ListScopes:
    """The scopes of a list that was read with its connection and its book."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    return ListScopes(list_id=marketing_list.pk) if link is None else scopes_of_connection(link)


def _scopes_of(links: QuerySet[ListConnection]) -> dict[int, ListScopes]:
    found = links.order_by().values_list("marketing_list", "address_book__integration_id", "address_book_id")
    return {
        list_id: ListScopes(list_id=list_id, account_id=account_id, book_id=book_id)
        for list_id, account_id, book_id in found
    }


def scopes_of_connection(link: ListConnection) -> ListScopes:
    """The same of a connection that is known, without asking the database."""
    return ListScopes(
        list_id=link.marketing_list_id, account_id=link.address_book.integration_id, book_id=link.address_book_id
    )


def exportable_connections(integration: Integration) -> list[ListConnection]:
    """The connections whose book still exists, in a stable order."""
    return list(
        ListConnection.objects.filter(address_book__integration=integration, address_book__gone_at=None)
        .select_related("marketing_list", "address_book", "address_book__integration")
        .order_by("pk")
    )


def obstacle_to_newcomers(link: ListConnection) -> str:
    """Why no records can be made of the contacts of a connected book, and the mend; empty when they can."""
    key = link.marketing_list.entity
    mapping = Mapping.objects.filter(integration=link.address_book.integration_id, entity=key).first()
    try:
        return obstacle_to_creating(entity(key), two_way_rows(mapping).rows)
    except UnknownEntity as error:
        return str(error)


def integrations_with_requests() -> QuerySet[Integration]:
    """The active integrations for which something is left to be done, and may be tried now."""
    changes = AccountChange.objects.filter(is_due(), integration=OuterRef("pk"), state__in=OPEN_CHANGES)
    of_integration = {"connection__address_book__integration": OuterRef("pk")}
    endings = Ending.objects.filter(is_due(), **of_integration, state=EndingState.WAITING)
    returns = Resubscription.objects.filter(is_due(), **of_integration, state__in=OPEN_RESUBSCRIPTIONS)
    contacts = ContactRequest.objects.filter(is_due(), integration=OuterRef("pk"), state__in=OPEN_CHANGES)
    sends = CampaignSend.objects.filter(is_due(), integration=OuterRef("pk"), state__in=OPEN_SENDS)
    looks = Look.objects.filter(is_due(), integration=OuterRef("pk"), state=LookState.WAITING)
    is_waiting = Exists(changes) | Exists(endings) | Exists(returns) | Exists(contacts) | Exists(sends) | Exists(looks)
    return Integration.objects.filter(is_waiting, is_active=True)


def open_contact_requests(integration: Integration) -> list[ContactRequest]:
    """What Dotdigital has to learn of single contacts of an account and is due by now, the oldest first."""
    found = ContactRequest.objects.filter(integration=integration, state__in=OPEN_CHANGES)
    return list(found.select_related("integration", "address_book").filter(is_due()).order_by("pk"))


def open_sends(integration: Integration) -> list[CampaignSend]:
    """The sends of an account that are due to be asked for, or to be looked after, the oldest first."""
    found = CampaignSend.objects.filter(integration=integration, state__in=OPEN_SENDS)
    found = found.select_related("integration", "requested_by").filter(is_due())
    return list(found.order_by("pk"))


def count_nameless_opt_outs(links: Sequence[ListConnection]) -> int:
    """How many may stand in the books of these connections, of one account, of whom nothing is known here any more, and
    are not to be written to: Dotdigital has still to unsubscribe them from a book, or to take them out altogether."""
    of_account = Q(kind=ContactRequestKind.ERASE) | Q(kind=ContactRequestKind.UNSUBSCRIBE, email_key="")
    of_books = Q(kind=ContactRequestKind.UNSUBSCRIBE_FROM_BOOK, email_key="", address_book__connection__in=links)
    asked = ContactRequest.objects.filter(integration__in={link.address_book.integration_id for link in links})
    return asked.filter(Q(of_account, state__in=OPEN_CHANGES) | (of_books & ~Q(state=ChangeState.DONE))).count()


def sends_to_come(link: ListConnection) -> list[CampaignSend]:
    """The campaigns that are on their way to the book of a connection and may not have gone out yet, oldest first."""
    found = CampaignSend.objects.filter(connection_ids__contains=[link.pk], is_test=False, state__in=OPEN_SENDS)
    return list(found.order_by("pk"))


def open_looks(integration: Integration) -> list[Look]:
    """What of an account somebody waits to see, and is due to be read, the oldest first."""
    found = Look.objects.filter(integration=integration, state=LookState.WAITING)
    return list(found.filter(is_due()).order_by("pk"))


def links_of_send(send: CampaignSend) -> list[ListConnection]:
    """The connections whose books a campaign is to be sent to, those that are still as they were chosen."""
    found = ListConnection.objects.filter(
        pk__in=send.connection_ids,
        address_book__integration=send.integration_id,
        address_book__remote_id__in=send.book_ids,
        address_book__gone_at=None,
        ending=None,
    )
    return list(found.select_related("marketing_list", "address_book__integration").order_by("pk"))


def integrations_to_disconnect() -> QuerySet[Integration]:
    """The integrations with a connection that ends without a word to Dotdigital, active or not."""
    endings = Ending.objects.filter(
        connection__address_book__integration=OuterRef("pk"), takes_out=False, state=EndingState.WAITING
    )
    return Integration.objects.filter(Exists(endings))


def ending_connections(integration: Integration) -> frozenset[int]:
    """The connections to whose books nothing is sent any more, because they are ending."""
    endings = Ending.objects.filter(connection__address_book__integration=integration)
    return frozenset(endings.values_list("connection", flat=True))
