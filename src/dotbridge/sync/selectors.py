"""Reads of the sync: what is unfinished, and how a connection stands."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, Sum

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import MemberCounts, count_members, mailable_members
from dotbridge.mirror.models import Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.models import ExportItem, Upload, UploadState

# Given to Dotdigital, or perhaps, and not at their end.
ON_THEIR_WAY = (UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN)


def unfinished_uploads(integration: Integration) -> int:
    """How many uploads were given to Dotdigital, or may have been, and are not at their end."""
    return sum(books_with_unfinished_uploads(integration).values())


def books_with_unfinished_uploads(integration: Integration) -> dict[int, int]:
    """The same, an address book."""
    uploads = Upload.objects.filter(connection__address_book__integration=integration, state__in=ON_THEIR_WAY)
    return dict(uploads.order_by().values_list("connection__address_book").annotate(number=Count("pk")))


@dataclass(frozen=True, kw_only=True)
class ConnectionStanding:
    """Where every record of a connected list stands. `members.matching` is the sum of all parts:

    confirmed + taken_out + waiting + rejected, and of `members`: duplicates + without_email + removed + unsubscribed.
    `taken_out`: taken out of the book, or deleted, in Dotdigital; not sent again until they are put back.
    """

    members: MemberCounts
    confirmed: int
    taken_out: int
    waiting: int
    rejected: dict[str, int]
    remote_ids_missing: int


def connection_standing(link: ListConnection) -> ConnectionStanding:
    """How a connected list stands: who is confirmed by Dotdigital, who waits, who was rejected and why."""
    counts = count_members(link.marketing_list)
    # Whoever has left the list and waits to be taken out of the book is confirmed no more.
    keys = mailable_members(link.marketing_list).values("email_key")
    items = ExportItem.objects.filter(connection=link, removal=None, email_key__in=keys)
    confirmed = Q(reason="", upload__state=UploadState.FINISHED, taken_out_at=None)
    in_book = Membership.objects.filter(
        address_book=link.address_book, contact__email_key=OuterRef("email_key"), gone_at=None
    )
    totals = items.aggregate(
        confirmed=Count("pk", filter=confirmed),
        taken_out=Count("pk", filter=Q(taken_out_at__isnull=False)),
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
        taken_out=totals["taken_out"],
        waiting=counts.mailable - totals["confirmed"] - totals["taken_out"] - addresses_rejected,
        rejected=rejected,
        remote_ids_missing=totals["confirmed"] - totals["with_id"],
    )


@dataclass(frozen=True, kw_only=True)
class EndingNumbers:
    """What ending a connection means, in numbers: contacts of the book, those of them that the list has sent, and the
    rows that are on their way or waiting."""

    in_book: int
    ours: int
    unfinished_rows: int

    @property
    def others(self) -> int:
        """Who was in the book without the list."""
        return self.in_book - self.ours


def ending_numbers(link: ListConnection) -> EndingNumbers:
    """The numbers that a person has to know before a connection ends."""
    book = link.address_book
    live = Membership.objects.filter(address_book=book, gone_at=None, status__in=LIVE, contact__status__in=LIVE)
    notes = ExportItem.objects.filter(connection=link, email_key=OuterRef("contact__email_key"))
    unfinished = Upload.objects.filter(connection=link, state__in=ON_THEIR_WAY)
    return EndingNumbers(
        in_book=live.count(),
        ours=live.filter(Exists(notes)).count(),
        unfinished_rows=unfinished.aggregate(rows=Sum("row_count"))["rows"] or 0,
    )
