"""Contacts of the address books: everybody at first, then whoever changed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from django.db import transaction
from django.utils.translation import gettext as _

from dotbridge.connections.selectors import connected_books, other_books
from dotbridge.integrations.models import ContactsReadOf, WireProtocol
from dotbridge.integrations.protocols import Version3Denied
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import end_reading, keep_place, move_cursor, place_of_reading
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.account_feed import import_account_feed
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.books import CONTACTS_FEED, book_number, unread_book
from dotbridge.sync.inbound.large_readings import books_that_may_be_read
from dotbridge.sync.inbound.seen import forget_seen, mark_gone, note_seen
from dotbridge.sync.inbound.stage import measure_tables, merge_members
from dotbridge.sync.inbound.stage_lines import stage_line
from dotbridge.sync.inbound.storable import NO_ID, is_id
from dotbridge.sync.models import Reading
from dotbridge.sync.texts import BOOKS_ONE_BY_ONE
from dotdigital import DEFAULT_OVERLAP, MAX_PAGE, Contact, Page

# So many pages of 1,000 are merged by one statement each: fewer round trips and commits, and still little memory.
PAGES_AT_ONCE = 5
# Of the last page so many ids tell the next run where it was: not all of these will have gone meanwhile.
IDS_KEPT = 20
ROWS_BACK = MAX_PAGE - DEFAULT_OVERLAP


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pages of a book, ready for the database: the lines of `read` contacts, without those of `refused_ids`.

    `rows_further` is by how many rows they bring the reading on, `last_ids` are those of their end, and `may_go_on`
    says that the last page was full, so that others may follow.
    """

    lines: bytes
    read: int
    refused_ids: list[int]
    refusals: list[Refusal]
    is_complete: bool
    rows_further: int
    last_ids: list[int]
    may_go_on: bool


def import_contacts(step: StepContext) -> None:
    """Read each connected book. A book that cannot be read is said so; the others go on.

    Where the account's events can be followed, one feed tells of the whole account. Should the account not offer that
    any more, an integration that leaves the version open goes on with the books at once.
    """
    if heard_since := step.run.heard_since:
        # Whatever ends the reading of this feed, it has not told of every opt-out then: their own feeds have to.
        step.run.heard_since = None
        try:
            with step.run.by_version_3():
                is_whole = import_account_feed(step, heard_since)
        except Version3Denied as error:
            if step.run.protocol is WireProtocol.V3:
                raise
            step.step.message = BOOKS_ONE_BY_ONE % {"reason": error.text}
        else:
            step.run.heard_since = heard_since if is_whole else None
            return
    books = connected_books(step.integration, only=step.run.only)
    if not books:
        raise StepSkipped(_("No address book is connected to a list yet."))
    ready = books_that_may_be_read(step, books)
    go_over(step, ready, partial(import_contacts_of_book, step), unread_book, turn=book_number)


def import_other_contacts(step: StepContext) -> None:
    """Read each book that no list is connected to: who is in the account, and what connecting it would bring.

    Comes after all else that a run does, since nobody waits for it.
    """
    if step.run.heard_since is not None:
        raise StepSkipped(_("The feed of the account has told of every address book."))
    if step.run.only is not None:
        raise StepSkipped(_("This run is for one list alone."))
    if step.integration.contacts_read_of != ContactsReadOf.ALL_BOOKS:
        raise StepSkipped(_("Only the connected address books of this account are read."))
    books = other_books(step.integration)
    if not books:
        raise StepSkipped(_("Every address book is connected to a list."))
    ready = books_that_may_be_read(step, books)
    go_over(step, ready, partial(import_contacts_of_book, step), unread_book, turn=book_number)


def import_contacts_of_book(step: StepContext, book: AddressBook) -> None:
    """Bring one book's contacts into the mirror. Its cursor moves only when the feed was read to its end.

    A first reading keeps its place with each batch: whatever ends it, the next run goes on there. Raises StepPaused
    when the run has had its time.
    """
    since = step.since(CONTACTS_FEED, book.pk)
    is_first = since is None and not step.run.reads_everything
    place = place_of_reading(step.integration, CONTACTS_FEED, step.run.server_now, book.pk) if is_first else None
    goes_on = place is not None and place.pk is not None
    # Whom a run before this one has seen is not known any more; and before a first reading nobody was there to be gone.
    knows_who_is_gone, is_complete = since is None and not goes_on, True
    closed_at = step.run.server_now if place is None else place.began_at
    if knows_who_is_gone:
        forget_seen()
    contacts = partial(step.account.address_book(book.remote_id).contacts, modified_since=since)
    with read_ahead(batches(contacts() if place is None else _pages_from(contacts, place))) as ahead:
        for number, batch in enumerate(ahead):
            step.run.require_lock()
            if number == 1:
                measure_tables()
            with transaction.atomic():
                store_batch(step, book, batch)
                if knows_who_is_gone:
                    note_seen(batch.refused_ids)
                if place is not None and batch.may_go_on:
                    keep_place(place, rows=batch.rows_further, last_ids=batch.last_ids)
            is_complete = is_complete and batch.is_complete
            if place is not None and batch.may_go_on:
                step.run.require_time()
    step.run.require_lock()
    with transaction.atomic():
        if knows_who_is_gone and is_complete:
            step.count(gone=mark_gone(book, closed_at))
        move_cursor(step.integration, CONTACTS_FEED, closed_at, book.pk)
        if place is not None:
            end_reading(place)
    if goes_on:
        # What has changed since it began, so that the book is as new as the others.
        import_contacts_of_book(step, book)


def _pages_from(contacts: Callable[..., Iterator[Page[Contact]]], place: Reading) -> Generator[Page[Contact]]:
    """The pages from a place on. Rows before it may have gone since, which moves the list: so its first page has to
    hold somebody who was read last, and if it does not, an earlier one is tried."""
    start, read_last = place.skip, set(place.last_ids)
    while True:
        pages = contacts(start=start)
        first = next(pages, None)
        if start == 0 or (first is not None and not read_last.isdisjoint(each.id for each in first.items)):
            break
        start = max(0, start - ROWS_BACK)
    if first is not None:
        yield first
        yield from pages


def store_batch(step: StepContext, book: AddressBook, batch: Batch) -> None:
    """A batch of a book's contacts into the mirror, and what it did onto the step.

    They were listed now, also where the reading that they belong to began in an earlier run: the feed of the book's
    opt-outs may have been read since, and looks for whoever was listed later.
    """
    step.reject(batch.refusals)
    merged = merge_members(book, batch.lines, step.run.server_now)
    step.count(read=batch.read, new=merged.new, changed=merged.changed)
    step.advance(batch.read)


def batches(pages: Iterable[Page[Contact]]) -> Generator[Batch]:
    """The pages in groups, each made ready for the database as it comes. The first page is a group of its own."""
    rest, size = iter(pages), 1
    while first := next(rest, None):
        lines: dict[int, bytes] = {}
        refusals: list[Refusal] = []
        is_complete = True
        rows_further = 0
        last = first
        for page in chain([first], islice(rest, size - 1)):
            # Of one id the row read last counts.
            lines |= {each.id: stage_line(each, each.status) for each in page.items if is_id(each.id)}
            refusals += _refusals(page, lines)
            is_complete = is_complete and not page.malformed
            rows_further += max(0, page.rows - DEFAULT_OVERLAP)
            last = page
        refused_ids = [remote_id for remote_id, line in lines.items() if not line]
        yield Batch(
            b"".join(lines.values()),
            len(lines),
            refused_ids,
            refusals,
            is_complete,
            rows_further=rows_further,
            last_ids=[each.id for each in last.items[-IDS_KEPT:]],
            may_go_on=last.rows >= MAX_PAGE,
        )
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
