"""Reads of the sync: what is unfinished, and how a connection stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import (
    MemberCounts,
    count_members_of,
    mailable_addresses,
    mailable_members,
    roomy_transaction,
)
from dotbridge.mirror.models import AddressBook, Campaign, DataField, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.one_reading import asked_once
from dotbridge.sync.models import Absence, ExportItem, Listing, Upload, UploadState
from dotbridge.sync.outbound.written import IN_BOOK_OF_OURS

# Given to Dotdigital, or perhaps, and not at their end.
ON_THEIR_WAY = (UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN)


def unfinished_uploads(integration: Integration) -> int:
    """How many uploads were given to Dotdigital, or may have been, and are not at their end."""
    return sum(books_with_unfinished_uploads(integration).values())


def books_with_unfinished_uploads(integration: Integration) -> dict[int, int]:
    """The same, an address book."""
    uploads = Upload.objects.filter(connection__address_book__integration=integration, state__in=ON_THEIR_WAY)
    return dict(uploads.order_by().values_list("connection__address_book").annotate(number=Count("pk")))


# What a listing lists, and how each is named.
LISTED: dict[Listing, type[AddressBook | DataField | Campaign]] = {
    Listing.ADDRESS_BOOKS: AddressBook,
    Listing.DATA_FIELDS: DataField,
    Listing.CAMPAIGNS: Campaign,
}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What a listing of an account does not name any more, too much at once to be believed: so many of those we know,
    the first names, and since when."""

    integration: Integration
    listing: Listing
    number: int
    known: int
    names: tuple[str, ...]
    since: datetime


def absent() -> QuerySet[Absence]:
    """What the listings miss and nobody has confirmed yet, in the accounts that are read."""
    return Absence.objects.filter(believed_at=None, integration__is_active=True)


def missing_of_listings(*, most_names: int) -> list[Missing]:
    """All that waits for a person to say whether it is gone: one query, and three for each listing that misses some."""
    since = {
        (listing, integration): moment
        for listing, integration, moment in absent()
        .order_by()
        .values_list("listing", "integration")
        .annotate(moment=Min("first_missed_at"))
    }
    found = []
    for listing in sorted({Listing(key) for key, _integration in since}):
        names, numbers = _names_and_numbers(listing, most_names)
        accounts = Integration.objects.in_bulk(list(numbers))
        found += [
            Missing(
                integration=accounts[pk],
                listing=listing,
                number=number,
                known=known,
                names=tuple(names[pk]),
                since=since[listing, pk],
            )
            for pk, (number, known) in sorted(numbers.items())
            if (listing, pk) in since
        ]
    return found


def _names_and_numbers(listing: Listing, most: int) -> tuple[dict[int, list[str]], dict[int, tuple[int, int]]]:
    """The first names of what is missing, and how many of how many, by account."""
    there = LISTED[listing]._base_manager.filter(gone_at=None)  # noqa: SLF001 - one of three models, all with a name
    is_absent = Q(pk__in=absent().filter(listing=listing).values("object_id"))
    place = Window(RowNumber(), partition_by="integration_id", order_by=["name", "pk"])
    names: dict[int, list[str]] = {}
    for pk, name in (
        there.filter(is_absent).annotate(place=place).filter(place__lte=most).values_list("integration_id", "name")
    ):
        names.setdefault(pk, []).append(name)
    counted = there.filter(integration__in=list(names)).order_by().values_list("integration_id")
    numbers = counted.annotate(number=Count("pk", filter=is_absent), known=Count("pk"))
    return names, {pk: (number, known) for pk, number, known in numbers}


_STANDING = """
    SELECT i.reason, count(*),
           count(*) FILTER (WHERE i.reason = '' AND u.state = 'finished' AND i.taken_out_at IS NULL),
           count(*) FILTER (WHERE i.reason = '' AND u.id = ANY(%s) AND i.taken_out_at IS NULL),
           count(*) FILTER (WHERE i.taken_out_at IS NOT NULL)
    FROM dotbridge_sync_exportitem i
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    WHERE i.connection_id = %s AND i.removal_id IS NULL AND i.email_key IN ({mailable})
    GROUP BY i.reason
"""


@dataclass(frozen=True, kw_only=True)
class ConnectionStanding:
    """Where every record of a connected list stands. `members.matching` is the sum of all parts:

    confirmed + taken_out + waiting + rejected, and of `members`: duplicates + without_email + removed + unsubscribed.
    `taken_out`: taken out of the book, or deleted, in Dotdigital; not sent again until they are put back.
    `returned`: those among the waiting whose whole file was refused, and who are not sent again until a person says so.
    """

    members: MemberCounts
    confirmed: int
    taken_out: int
    waiting: int
    returned: int
    rejected: dict[str, int]


def connection_standing(link: ListConnection) -> ConnectionStanding:
    """How a connected list stands: who is confirmed by Dotdigital, who waits, who was rejected and why."""
    (standing,) = connection_standings([link])
    return standing


def connection_standings(links: Sequence[ListConnection]) -> list[ConnectionStanding]:
    """The same of several lists, in their order: three statements for all of them."""
    if not links:
        return []
    counts = count_members_of([link.marketing_list for link in links])
    refused: dict[int, list[int]] = {link.pk: [] for link in links}
    for connection_id, upload_id in _refused_of(links).values_list("connection", "pk"):
        refused[connection_id].append(upload_id)
    asked, parameters = [], []
    for place, link in enumerate(links):
        # Whoever has left the list and waits to be taken out of the book is confirmed no more.
        mailable = mailable_addresses(link.marketing_list)
        asked.append(f"SELECT {place}, standing.* FROM ({_STANDING.format(mailable=mailable.sql)}) standing")
        parameters += [refused[link.pk], link.pk, *mailable.parameters]
    by_place: dict[int, list[Sequence[Any]]] = {place: [] for place in range(len(links))}
    with roomy_transaction(without_loops=True), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked), parameters)
        for place, *row in cursor.fetchall():
            by_place[place].append(row)
    return [_standing(each, by_place[place]) for place, each in enumerate(counts)]


def _standing(counts: MemberCounts, rows: Sequence[Sequence[Any]]) -> ConnectionStanding:
    rejected: dict[str, int] = {}
    confirmed = taken_out = returned = 0
    for reason, number, of_confirmed, of_returned, of_taken_out in rows:
        confirmed, returned, taken_out = confirmed + of_confirmed, returned + of_returned, taken_out + of_taken_out
        if reason:
            rejected[reason] = number
    addresses_rejected = sum(rejected.values())
    if counts.invalid_email:
        # Several records may hold one impossible address; each of them is a member that was rejected.
        rejected["invalid_email"] = rejected.get("invalid_email", 0) + counts.invalid_email
    return ConnectionStanding(
        members=counts,
        confirmed=confirmed,
        taken_out=taken_out,
        waiting=counts.mailable - confirmed - taken_out - addresses_rejected,
        returned=returned,
        rejected=dict(sorted(rejected.items())),
    )


def remote_ids_missing(link: ListConnection) -> int:
    """Of how many confirmed addresses of members Dotdigital's own id is not known yet."""
    keys = mailable_members(link.marketing_list).values("email_key")
    in_book = Membership.objects.filter(
        address_book=link.address_book, contact__email_key=OuterRef("email_key"), gone_at=None
    )
    items = ExportItem.objects.filter(connection=link, removal=None, email_key__in=keys)
    confirmed = items.filter(reason="", upload__state=UploadState.FINISHED, taken_out_at=None)
    with roomy_transaction(without_loops=True):
        return confirmed.exclude(Exists(in_book)).count()


@asked_once
def refused_uploads(link: ListConnection) -> list[int]:
    """The files of a connection that were refused as a whole, and whose rows go again only when a person says so."""
    return list(_refused_of([link]).values_list("pk", flat=True))


def _refused_of(links: Sequence[ListConnection]) -> QuerySet[Upload]:
    return Upload.objects.filter(connection__in=links, state=UploadState.REFUSED, retry_at=None)


@dataclass(frozen=True, kw_only=True)
class EndingNumbers:
    """What ending a connection means, in numbers: contacts of the book that are mailed, those of them that the list has
    sent, whom of the list's Dotdigital does not mail just now, and the rows that are on their way or waiting."""

    in_book: int
    ours: int
    ours_unmailed: int
    unfinished_rows: int

    @property
    def others(self) -> int:
        """Who is in the book without the list."""
        return self.in_book - self.ours

    @property
    def to_take_out(self) -> int:
        """Who leaves the book if the list's contacts are taken out of it."""
        return self.ours + self.ours_unmailed


@dataclass(frozen=True, kw_only=True)
class BookNumbers:
    """How many contacts stand in an address book, and how many of them Dotdigital mails."""

    contacts: int
    mailed: int


def _in_book(book: AddressBook) -> QuerySet[Membership]:
    return Membership.objects.filter(address_book=book, gone_at=None)


def book_size(book: AddressBook) -> int:
    """How many contacts the book has, as we last saw it."""
    return _in_book(book).count()


def book_numbers(book: AddressBook) -> BookNumbers:
    """The same, and how many of them are mailed. A large book is gone through once."""
    in_book = _in_book(book)
    is_live = Q(status__in=LIVE)
    counted = in_book.aggregate(contacts=Count("pk"), live=Count("pk", filter=is_live))
    # Whom the account does not mail are few, and found by an index of their own.
    unmailed = in_book.filter(is_live).exclude(contact__status__in=LIVE).count()
    return BookNumbers(contacts=counted["contacts"], mailed=counted["live"] - unmailed)


def ending_numbers(link: ListConnection) -> EndingNumbers:
    """The numbers that a person has to know before a connection ends."""
    book = link.address_book
    unfinished = Upload.objects.filter(connection=link, state__in=ON_THEIR_WAY)
    with roomy_transaction(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FILTER (WHERE o.status = ANY(%(live)s)), count(*) FROM ({IN_BOOK_OF_OURS}) o",
            {"connection": link.pk, "integration": book.integration_id, "book": book.pk, "live": list(LIVE)},
        )
        ours, with_unmailed = cursor.fetchone()
    return EndingNumbers(
        in_book=book_numbers(book).mailed,
        ours=ours,
        ours_unmailed=with_unmailed - ours,
        unfinished_rows=unfinished.aggregate(rows=Sum("row_count"))["rows"] or 0,
    )


def taken_out_of(link: ListConnection) -> QuerySet[ExportItem]:
    """Whom somebody has taken out of the connected book in Dotdigital."""
    return ExportItem.objects.filter(connection=link, taken_out_at__isnull=False)
