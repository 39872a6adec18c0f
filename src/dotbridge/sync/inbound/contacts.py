"""Contacts of the connected address books: everybody at first, then whoever changed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from django.db import transaction

from dotbridge.connections.selectors import connected_books
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import Refusal, StepContext, StepSkipped, book_gone
from dotbridge.sync.cursors import move_cursor
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.seen import forget_seen, mark_gone, note_seen
from dotbridge.sync.inbound.stage import measure_tables, merge_members
from dotbridge.sync.inbound.stage_lines import stage_line
from dotbridge.sync.inbound.storable import NO_ID, is_id
from dotdigital import Contact, NotFound, Page

FEED = "contacts"
# So many pages of 1,000 are merged by one statement each: fewer round trips and commits, and still little memory.
PAGES_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pages of a book, ready for the database: the lines of `read` contacts, without those of `refused_ids`."""

    lines: bytes
    read: int
    refused_ids: list[int]
    refusals: list[Refusal]
    is_complete: bool


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
    reads_everybody, is_complete = since is None, True
    closed_at = step.run.server_now
    if reads_everybody:
        forget_seen()
    feed = batches(step.account.address_book(book.remote_id).contacts(modified_since=since))
    with read_ahead(feed) as ahead:
        for number, batch in enumerate(ahead):
            if number == 1:
                measure_tables()
            with transaction.atomic():
                store_batch(step, book, batch, closed_at)
                if reads_everybody:
                    note_seen(batch.refused_ids)
            is_complete = is_complete and batch.is_complete
    with transaction.atomic():
        if reads_everybody and is_complete:
            step.count(gone=mark_gone(book, closed_at))
        move_cursor(step.integration, FEED, closed_at, book.pk)


def store_batch(step: StepContext, book: AddressBook, batch: Batch, listed_at: datetime) -> None:
    """A batch of a book's contacts into the mirror, and what it did onto the step."""
    step.reject(batch.refusals)
    merged = merge_members(book, batch.lines, listed_at)
    step.count(read=batch.read, new=merged.new, changed=merged.changed)
    step.advance(batch.read)


def batches(pages: Iterable[Page[Contact]]) -> Generator[Batch]:
    """The pages in groups, each made ready for the database as it comes. The first page is a group of its own."""
    rest, size = iter(pages), 1
    while first := next(rest, None):
        lines: dict[int, bytes] = {}
        refusals: list[Refusal] = []
        is_complete = True
        for page in chain([first], islice(rest, size - 1)):
            # Of one id the row read last counts.
            lines |= {each.id: stage_line(each, each.status) for each in page.items if is_id(each.id)}
            refusals += _refusals(page, lines)
            is_complete = is_complete and not page.malformed
        refused_ids = [remote_id for remote_id, line in lines.items() if not line]
        yield Batch(b"".join(lines.values()), len(lines), refused_ids, refusals, is_complete)
        size = PAGES_AT_ONCE


def _refusals(page: Page[Contact], lines: Mapping[int, bytes]) -> Iterator[Refusal]:
    for row in page.malformed:
        yield Refusal("contact", "unreadable", row.reason)
    for contact in page.items:
        line = lines.get(contact.id)
        if line is None:
            yield Refusal(f"contact {contact.id}", "unreadable", NO_ID)
        elif not line:
            yield Refusal(f"contact {contact.id}", "no_email", "Dotdigital sent a contact without an address.")
