"""Who left an address book that a list was connected to before has left the list, wherever it is connected now.

What was said until then is carried over once, when the list is connected; from then on only what is new: a book may
have lost a million people.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from dotbridge.connections.models import BookOfList, ListConnection
from dotbridge.consent.bulk import record_events
from dotbridge.consent.conditions import LONGEST_TRANSACTION, states_since
from dotbridge.consent.models import Scope
from dotbridge.integrations.models import Integration

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


def note_opt_outs_of_former_books(*, integration: Integration, reads_everything: bool = False) -> None:
    """Whoever has left a book of the account has left the connected lists that it was of before, wherever they are; and
    what a list of the account has not heard yet of its former books, it hears now. Only what was said since the last
    time is looked at, unless this run reads everything."""
    links = ListConnection.objects.filter(marketing_list=OuterRef("marketing_list"))
    known = BookOfList.objects.filter(Exists(links.exclude(address_book=OuterRef("book_id"))))
    of_account = known.filter(account_id=integration.pk)
    here = Exists(links.filter(address_book__integration=integration))
    unread = known.filter(Q(read_at=None) & (Q(account_id=integration.pk) | here))
    note_who_left_former_books(of_account if reads_everything else unread)
    if not reads_everything:
        _note_news(of_account.filter(read_at__isnull=False))


@transaction.atomic
def note_who_left_former_books(books: QuerySet[BookOfList]) -> None:
    """Carry over all that was said of these books."""
    if keys := _keys(books):
        record_events(selection=_LEFT.format(states=_ALL_STATES), parameters={"books": keys})
        BookOfList.objects.filter(pk__in=keys).update(read_at=Now())


@transaction.atomic
def _note_news(books: QuerySet[BookOfList]) -> None:
    keys, since = _keys(books), books.aggregate(since=Min("read_at"))["since"]
    if since is not None:
        parameters: dict[str, Any] = {"books": keys, "since": since - LONGEST_TRANSACTION}
        record_events(selection=_LEFT.format(states=_NEW_STATES), parameters=parameters)
        BookOfList.objects.filter(pk__in=keys).update(read_at=Now())


def _keys(books: QuerySet[BookOfList]) -> list[int]:
    return list(books.order_by("pk").values_list("pk", flat=True))
