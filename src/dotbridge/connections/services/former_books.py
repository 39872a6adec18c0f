"""Who left an address book that a list was connected to before has left the list, wherever it is connected now.

What was said until then is carried over once, when the list is connected, and once more when the book was asked after
that; from then on only what is new: a book may have lost a million people.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from dotbridge.connections.models import BookOfList, ListConnection
from dotbridge.consent.bulk import record_events
from dotbridge.consent.conditions import LONGEST_TRANSACTION, states_since
from dotbridge.consent.models import Scope
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook

# So many words are carried over while somebody waits at a page.
MOST_AT_ONCE = 10_000

_ALL_STATES = "dotbridge_consent_consentstate"
_NEW_STATES = states_since(Scope.BOOK, Scope.ACCOUNT)
# Whoever left a book that the list was connected to before, by an address or as a record; and whom the account of that
# book does not mail, where it is another one by now: the records that were written to there, and the addresses that
# they had then. What was said of the list since stays.
_LEFT = """
    WITH former AS (
        SELECT n.marketing_list_id AS list_id, l.entity, f.book_id, f.account_id,
               f.account_id <> b.integration_id AS is_elsewhere
        FROM dotbridge_connections_bookoflist f
        JOIN dotbridge_connections_listconnection n ON n.marketing_list_id = f.marketing_list_id
        JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
        JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id
        WHERE f.id = ANY(%(books)s)
    ),
    said AS (
        SELECT f.list_id, s.what, s.source, s.status, s.since, s.kind, s.entity, s.subject
        FROM former f
        JOIN {states} s
            ON s.scope = 'book' AND s.scope_id = f.book_id AND s.kind IN ('address', 'record') AND s.is_blocked
        UNION
        SELECT f.list_id, s.what, s.source, s.status, s.since, v.kind, v.entity, v.subject
        FROM (SELECT DISTINCT list_id, entity, account_id FROM former WHERE is_elsewhere) f
        JOIN {states} s
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
# Those of the account's records alone that a word was said about are few, and what is counted is an upper limit.
_NUMBER = """
    SELECT count(*) FROM (
        SELECT FROM dotbridge_connections_bookoflist f
        JOIN dotbridge_consent_consentstate s
            ON s.is_blocked AND ((s.scope = 'book' AND s.scope_id = f.book_id)
                                 OR (s.scope = 'account' AND s.scope_id = f.account_id AND s.kind = 'record'))
        WHERE f.id = ANY(%(books)s) LIMIT %(most)s
    ) found
"""


def former_books_of(link: ListConnection) -> QuerySet[BookOfList]:
    """The books that the list of a connection was connected to before."""
    return BookOfList.objects.filter(marketing_list=link.marketing_list_id).exclude(book_id=link.address_book_id)


def has_left_former_books(link: ListConnection, *, more_than: int) -> bool:
    """Whether more words than so many were said of the books that the list was connected to before."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER, {"books": _keys(former_books_of(link)), "most": more_than + 1})
        return int(cursor.fetchone()[0]) > more_than


def is_still_to_be_noted() -> Exists:
    """Of a connection: whether its list has not heard yet who left a former book, so nothing may be sent to it."""
    former = BookOfList.objects.filter(marketing_list=OuterRef("marketing_list"), read_at=None)
    return Exists(former.exclude(book_id=OuterRef("address_book_id")))


def former_books_to_hear(integration: Integration) -> list[AddressBook]:
    """The former books of the account of which a connected list has to hear yet who has left them: while no list was
    connected to such a book nobody asked."""
    unheard = _known().filter(read_at=None, account_id=integration.pk)
    books = AddressBook.objects.filter(integration=integration, gone_at=None, pk__in=unheard.values("book_id"))
    return list(books.order_by("pk"))


def note_opt_outs_of_former_books(
    *, integration: Integration, heard: Collection[int] = (), reads_everything: bool = False
) -> None:
    """Whoever has left a book of the account has left the connected lists that it was of before, wherever they are; and
    what a list of the account has not heard yet of its former books, it hears now. Only what was said since the last
    time is looked at, unless this run reads everything.

    `heard` are the books of the account that were asked since: of another one that is still there nothing counts as
    heard, whatever is known of it.
    """
    known = _known()
    of_account = known.filter(account_id=integration.pk)
    here = Exists(_links().filter(address_book__integration=integration))
    unread = known.filter(Q(read_at=None) & (Q(account_id=integration.pk) | here))
    unasked = [book.pk for book in former_books_to_hear(integration) if book.pk not in heard]
    note_who_left_former_books((of_account if reads_everything else unread).exclude(book_id__in=unasked))
    if not reads_everything:
        _note_news(of_account.filter(read_at__isnull=False))


@transaction.atomic
def note_who_left_former_books(books: QuerySet[BookOfList]) -> None:
    """Carry over all that was said of these books; they count as heard."""
    if keys := _keys(books):
        carry_over_known(books)
        BookOfList.objects.filter(pk__in=keys).update(read_at=Now())


def carry_over_known(books: QuerySet[BookOfList]) -> None:
    """Carry over all that is known of these books by now."""
    record_events(selection=_LEFT.format(states=_ALL_STATES), parameters={"books": _keys(books)})


@transaction.atomic
def _note_news(books: QuerySet[BookOfList]) -> None:
    keys, since = _keys(books), books.aggregate(since=Min("read_at"))["since"]
    if since is not None:
        parameters: dict[str, Any] = {"books": keys, "since": since - LONGEST_TRANSACTION}
        record_events(selection=_LEFT.format(states=_NEW_STATES), parameters=parameters)
        BookOfList.objects.filter(pk__in=keys).update(read_at=Now())


def _links() -> QuerySet[ListConnection]:
    return ListConnection.objects.filter(marketing_list=OuterRef("marketing_list"))


def _known() -> QuerySet[BookOfList]:
    """The books that connected lists were connected to before."""
    return BookOfList.objects.filter(Exists(_links().exclude(address_book=OuterRef("book_id"))))


def _keys(books: QuerySet[BookOfList]) -> list[int]:
    return list(books.order_by("pk").values_list("pk", flat=True))
