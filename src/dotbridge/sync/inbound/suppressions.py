"""Who must not be mailed: unsubscribed from a connected book, or suppressed in the whole account.

Both feeds are read from the beginning at first: an opt-out of last year counts as much as one of today.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction

from dotbridge.mirror.models import AddressBook
from dotbridge.mirror.status import LIVE, UNSUBSCRIBED
from dotbridge.sync.context import Refusal, StepContext, StepSkipped, book_gone
from dotbridge.sync.cursors import move_cursor
from dotbridge.sync.inbound.stage import StagedContact, has_address, merge_contacts, staged
from dotbridge.sync.selectors import connected_books
from dotdigital import NotFound, Page, Suppression

BOOK_FEED = "unsubscribes"
ACCOUNT_FEED = "suppressions"
BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)

_UNSUBSCRIBE = """
    INSERT INTO mirror_membership AS m (address_book_id, contact_id, status, unsubscribed_at, seen_at)
    SELECT %(book)s, c.id, s.status, s.removed_at, %(seen_at)s
    FROM (SELECT DISTINCT ON (remote_id) * FROM stage_contact ORDER BY remote_id, position DESC) s
    JOIN mirror_contact c ON c.integration_id = %(integration)s AND c.remote_id = s.remote_id
    ON CONFLICT (address_book_id, contact_id) DO UPDATE SET
        status = excluded.status, unsubscribed_at = excluded.unsubscribed_at, seen_at = excluded.seen_at
    WHERE (m.status, m.unsubscribed_at) IS DISTINCT FROM (excluded.status, excluded.unsubscribed_at)
"""


def import_unsubscribes(step: StepContext) -> None:
    """Book by book: who left this book, though the account may still mail them elsewhere."""
    books = connected_books(step.integration)
    if not books:
        raise StepSkipped("No address book is connected to a list yet.")
    for book in books:
        try:
            _import_unsubscribes_of_book(step, book)
        except NotFound:
            step.reject([book_gone(book.name)])


def import_suppressions(step: StepContext) -> None:
    """The whole account: unsubscribed, bounced, complained. Contacts never seen before are kept too, so that a later
    export knows not to send them."""
    since = step.since(ACCOUNT_FEED) or BEGINNING
    for page in step.account.suppressed_since(since):
        with transaction.atomic():
            # An entry whose contact is live again was overtaken by a resubscription.
            rows = _staged(step, page, overtaken=LIVE)
            merged = merge_contacts(step.integration, rows, live=LIVE, sets_status=True, sets_data=False)
            step.count(read=len(page.items), new=merged.new, changed=merged.changed)
            step.advance(len(page.items))
    move_cursor(step.integration, ACCOUNT_FEED, step.run.server_now)


def _import_unsubscribes_of_book(step: StepContext, book: AddressBook) -> None:
    since = step.since(BOOK_FEED, book.pk) or BEGINNING
    for page in step.account.address_book(book.remote_id).unsubscribed_since(since):
        with transaction.atomic():
            merge_contacts(step.integration, _staged(step, page), live=LIVE, sets_status=False, sets_data=False)
            with connection.cursor() as cursor:
                cursor.execute(
                    _UNSUBSCRIBE,
                    {"integration": step.integration.pk, "book": book.pk, "seen_at": step.run.server_now},
                )
                step.count(read=len(page.items), changed=cursor.rowcount)
            step.advance(len(page.items))
    move_cursor(step.integration, BOOK_FEED, step.run.server_now, book.pk)


def _staged(step: StepContext, page: Page[Suppression], overtaken: Iterable[str] = ()) -> list[StagedContact]:
    step.reject(Refusal("suppression", "unreadable", row.reason) for row in page.malformed)
    overtaken = frozenset(overtaken)
    return [
        staged(entry.contact, status=entry.reason or UNSUBSCRIBED, removed_at=entry.date_removed)
        for entry in page.items
        if has_address(entry.contact) and entry.contact.status not in overtaken
    ]
