"""Reads of the sync: what is connected, what is unfinished, and how a connection stands."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import MemberCounts, count_members, mailable_members
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.two_way import obstacle_to_creating, two_way_rows
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.sync.models import UNFINISHED_UPLOADS, Connection, ExportItem, Upload, UploadState


def connected_books(integration: Integration, *, only: Connection | None = None) -> list[AddressBook]:
    """The address books of the account that a list is connected to, or this one, and that still exist."""
    books = AddressBook.objects.filter(integration=integration, gone_at=None, connection__isnull=False)
    return list((books if only is None else books.filter(connection=only)).order_by("pk"))


def exportable_connections(integration: Integration) -> list[Connection]:
    """The connections whose book still exists, in a stable order."""
    return list(
        Connection.objects.filter(address_book__integration=integration, address_book__gone_at=None)
        .select_related("marketing_list", "address_book", "address_book__integration")
        .order_by("pk")
    )


def unfinished_uploads(integration: Integration) -> int:
    """How many uploads were given to Dotdigital, or may have been, and are not at their end."""
    return sum(books_with_unfinished_uploads(integration).values())


def books_with_unfinished_uploads(integration: Integration) -> dict[int, int]:
    """The same, an address book."""
    given = set(UNFINISHED_UPLOADS) - {UploadState.PREPARED}
    uploads = Upload.objects.filter(connection__address_book__integration=integration, state__in=given)
    return dict(uploads.order_by().values_list("connection__address_book").annotate(number=Count("pk")))


def obstacle_to_newcomers(link: Connection) -> str:
    """Why no records can be made of the contacts of a connected book, and the mend; empty when they can."""
    key = link.marketing_list.entity
    mapping = Mapping.objects.filter(integration=link.address_book.integration_id, entity=key).first()
    try:
        return obstacle_to_creating(entity(key), two_way_rows(mapping).rows)
    except UnknownEntity as error:
        return str(error)


@dataclass(frozen=True, kw_only=True)
class ConnectionStanding:
    """Where every record of a connected list stands. `members.matching` is the sum of all parts:

    confirmed + waiting + rejected, and of `members`: duplicates + without_email + removed + unsubscribed.
    """

    members: MemberCounts
    confirmed: int
    waiting: int
    rejected: dict[str, int]
    remote_ids_missing: int


def connection_standing(link: Connection) -> ConnectionStanding:
    """How a connected list stands: who is confirmed by Dotdigital, who waits, who was rejected and why."""
    counts = count_members(link.marketing_list)
    # Whoever has left the list and waits to be taken out of the book is confirmed no more.
    keys = mailable_members(link.marketing_list).values("email_key")
    items = ExportItem.objects.filter(connection=link, removal=None, email_key__in=keys)
    confirmed = Q(reason="", upload__state=UploadState.FINISHED)
    in_book = Membership.objects.filter(
        address_book=link.address_book, contact__email_key=OuterRef("email_key"), gone_at=None
    )
    totals = items.aggregate(
        confirmed=Count("pk", filter=confirmed),
        with_id=Count("pk", filter=confirmed & Q(Exists(in_book))),
    )
    reasons = items.exclude(reason="").order_by().values_list("reason").annotate(rows=Count("pk"))
    rejected = dict(sorted(reasons))
    addresses_rejected = sum(rejected.values())
    if counts.invalid_email:
        # Several records may hold one impossible address; each of them is a member that was rejected.
        rejected["invalid_email"] = rejected.get("invalid_email", 0) + counts.invalid_email
    return ConnectionStanding(
        members=counts,
        confirmed=totals["confirmed"],
        waiting=counts.mailable - totals["confirmed"] - addresses_rejected,
        rejected=rejected,
        remote_ids_missing=totals["confirmed"] - totals["with_id"],
    )
