"""Contacts of the connected address books: everybody at first, then whoever changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db import connection, transaction

from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import Refusal, StepContext, StepSkipped, book_gone
from dotbridge.sync.cursors import move_cursor
from dotbridge.sync.inbound.stage import has_address, merge_contacts, staged
from dotbridge.sync.inbound.storable import NO_ID, is_id
from dotbridge.sync.selectors import connected_books
from dotdigital import Contact, NotFound, Page

FEED = "contacts"
# So many pages of 1,000 are merged by one statement each: fewer round trips and commits, and still little memory.
PAGES_AT_ONCE = 5

# A book's own unsubscription is not undone by the contact being listed: some accounts go on listing such contacts.
_MEMBERSHIPS = """
    INSERT INTO mirror_membership AS m (address_book_id, contact_id, status, seen_at)
    SELECT %(book)s, c.id, 'Subscribed', %(seen_at)s
    FROM (SELECT DISTINCT remote_id FROM stage_contact) s
    JOIN mirror_contact c ON c.integration_id = %(integration)s AND c.remote_id = s.remote_id
    ON CONFLICT (address_book_id, contact_id) DO UPDATE SET seen_at = excluded.seen_at, gone_at = NULL
"""


def import_contacts(step: StepContext) -> None:
    """Read each connected book. A book that cannot be read is said so; the others go on."""
    books = connected_books(step.integration, only=step.run.only)
    if not books:
        raise StepSkipped("No address book is connected to a list yet.")
    for book in books:
        try:
            import_contacts_of_book(step, book)
        except NotFound:
            step.reject([book_gone(book.name)])


def import_contacts_of_book(step: StepContext, book: AddressBook) -> None:
    """Bring one book's contacts into the mirror. Its cursor moves only when the feed was read to its end."""
    since = step.since(FEED, book.pk)
    closed_at = step.run.server_now
    remote = step.account.address_book(book.remote_id)
    complete = True
    for pages in batched(remote.contacts(modified_since=since), PAGES_AT_ONCE):
        complete = complete and not any(page.malformed for page in pages)
        with transaction.atomic():
            store_pages(step, book, pages, closed_at)
    with transaction.atomic():
        if since is None and complete:
            _mark_gone(step, book, closed_at)
        move_cursor(step.integration, FEED, closed_at, book.pk)


def store_pages(step: StepContext, book: AddressBook, pages: Sequence[Page[Contact]], seen_at: datetime) -> None:
    """Some pages of a book's contacts into the mirror, with the memberships they prove."""
    listed = [contact for page in pages for contact in page.items]
    step.reject(Refusal("contact", "unreadable", row.reason) for page in pages for row in page.malformed)
    step.reject(Refusal(f"contact {contact.id}", "unreadable", NO_ID) for contact in listed if not is_id(contact.id))
    contacts = [contact for contact in listed if is_id(contact.id)]
    step.reject(
        Refusal(f"contact {contact.id}", "no_email", "Dotdigital sent a contact without an address.")
        for contact in contacts
        if not has_address(contact)
    )
    merged = merge_contacts(
        step.integration,
        (staged(contact, status=contact.status) for contact in contacts if has_address(contact)),
        sets_status=True,
        sets_data=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _MEMBERSHIPS,
            {"integration": step.integration.pk, "book": book.pk, "seen_at": seen_at},
        )
    step.count(read=len(contacts), new=merged.new, changed=merged.changed)
    step.advance(len(contacts))


def batched(pages: Iterable[Page[Contact]], size: int) -> Iterator[list[Page[Contact]]]:
    """The pages in groups, as they come."""
    rest = iter(pages)
    while group := list(islice(rest, size)):
        yield group


def _mark_gone(step: StepContext, book: AddressBook, seen_at: datetime) -> None:
    """After a complete reading that was not empty: memberships not seen in it are gone. Nothing is deleted.

    Whom Dotdigital does not mail it need not list: they stay as they are.
    """
    if not Membership.objects.filter(address_book=book, seen_at=seen_at).exists():
        return
    missing = Membership.objects.filter(address_book=book, gone_at=None, seen_at__lt=seen_at)
    step.count(gone=missing.filter(status__in=LIVE, contact__suppressed_at=None).update(gone_at=seen_at))
