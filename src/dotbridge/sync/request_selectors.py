"""Reads of what people asked for."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Sum

from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import count_members
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.models import Connection, ExportItem, Upload, UploadState
from dotbridge.sync.request_models import OPEN_CHANGES, OPEN_RESUBSCRIPTIONS, AccountChange, Ending, Resubscription


def integrations_with_requests() -> QuerySet[Integration]:
    """The active integrations for which something is left to be done."""
    changes = AccountChange.objects.filter(integration=OuterRef("pk"), state__in=OPEN_CHANGES)
    of_integration = {"connection__address_book__integration": OuterRef("pk")}
    endings = Ending.objects.filter(**of_integration, has_failed=False)
    returns = Resubscription.objects.filter(**of_integration, state__in=OPEN_RESUBSCRIPTIONS)
    return Integration.objects.filter(Exists(changes) | Exists(endings) | Exists(returns), is_active=True)


def ending_connections(integration: Integration) -> frozenset[int]:
    """The connections to whose books nothing is sent any more, because they are ending."""
    endings = Ending.objects.filter(connection__address_book__integration=integration)
    return frozenset(endings.values_list("connection", flat=True))


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


def ending_numbers(link: Connection) -> EndingNumbers:
    """The numbers that a person has to know before a connection ends."""
    book = link.address_book
    live = Membership.objects.filter(address_book=book, gone_at=None, status__in=LIVE, contact__status__in=LIVE)
    notes = ExportItem.objects.filter(connection=link, email_key=OuterRef("contact__email_key"))
    unfinished = Upload.objects.filter(
        connection=link, state__in=[UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN]
    )
    return EndingNumbers(
        in_book=live.count(),
        ours=live.filter(Exists(notes)).count(),
        unfinished_rows=unfinished.aggregate(rows=Sum("row_count"))["rows"] or 0,
    )


@dataclass(frozen=True, kw_only=True)
class MoveNumbers:
    """What connecting a list to another book means there: members that are sent, and contacts the book has already."""

    members: int
    in_next_book: int


def move_numbers(link: Connection, next_book: AddressBook) -> MoveNumbers:
    """The numbers of the other book. Raises RuleError and UnknownEntity."""
    return MoveNumbers(members=count_members(link.marketing_list).mailable, in_next_book=next_book.contact_count)
