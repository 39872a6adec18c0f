"""Who must not be mailed: unsubscribed from a book of a connected list, or suppressed in the whole account.

Both feeds are read from the beginning at first: an opt-out of last year counts as much as one of today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop as _

from dotbridge.connections.selectors import books_of_opt_outs
from dotbridge.connections.services import former_books_to_hear
from dotbridge.consent.selectors import addresses_refused_in
from dotbridge.entities.email import address_key
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.mirror.models import Contact as MirroredContact
from dotbridge.mirror.status import LIVE, SUBSCRIBED, UNSUBSCRIBED
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import BEGINNING, OVERLAP, hold_cursor, move_cursor
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.books import book_number, unread_book
from dotbridge.sync.inbound.stage import merge_contacts
from dotbridge.sync.inbound.stage_lines import address_of, stage_line
from dotbridge.sync.inbound.storable import is_id, kind
from dotbridge.sync.models import Cursor
from dotdigital import Contact, NotFound, Page, Suppression

BOOK_FEED = "unsubscribes"
ACCOUNT_FEED = "suppressions"
# By version 3 the feed of the account tells who left which book; the books' own feeds are a second witness.
WITNESS_EVERY = timedelta(hours=1)

_UNSUBSCRIBE = """
    INSERT INTO dotbridge_mirror_membership AS m (address_book_id, contact_id, status, unsubscribed_at, listed_at)
    SELECT %(book)s, c.id, s.status, s.removed_at, coalesce(s.removed_at, %(now)s)
    FROM stage_contact s
    JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.remote_id = s.remote_id
    ON CONFLICT (address_book_id, contact_id) DO UPDATE SET
        status = excluded.status, unsubscribed_at = excluded.unsubscribed_at, gone_at = NULL
    WHERE (m.status, m.unsubscribed_at, m.gone_at)
        IS DISTINCT FROM (excluded.status, excluded.unsubscribed_at, excluded.gone_at)
"""


def import_unsubscribes(step: StepContext) -> None:
    """Book by book: who left this book, though the account may still mail them elsewhere."""
    books = books_of_opt_outs(step.integration, only=step.run.only)
    if not books:
        raise StepSkipped(_("No address book is connected to a list yet."))
    if step.run.heard_since is not None and not step.run.reads_everything:
        books = _with_something_to_ask(step, books)
        if not books:
            raise StepSkipped(_("The feed of the account has told of every opt-out; the books are asked hourly."))
    go_over(step, books, partial(import_unsubscribes_of_book, step), unread_book, turn=book_number)


def import_suppressions(step: StepContext) -> None:
    """The whole account: unsubscribed, bounced, complained. Contacts never seen before are kept too, so that a later
    export knows not to send them."""
    since = step.since(ACCOUNT_FEED)
    if step.run.heard_since is not None and since is not None and since + OVERLAP > step.run.server_now - WITNESS_EVERY:
        raise StepSkipped(_("The feed of the account has told of everybody; this one is read hourly."))
    # By version 3 the feed of the account has told of all who changed, also of those who are back.
    if step.run.heard_since is None and (since is not None or step.run.reads_everything):
        _read_returned(step, since or BEGINNING)
    is_complete = True
    for page in step.account.suppressed_since(since or BEGINNING):
        is_complete = is_complete and not page.malformed
        with transaction.atomic():
            current = replace(page, items=[entry for entry in page.items if not _is_overtaken(entry)])
            rows = _staged(step, current, _reason)
            merged = merge_contacts(step.integration, rows, sets_status=True)
            step.count(read=len(page.items), new=merged.new, changed=merged.changed)
            step.advance(len(page.items))
    move = move_cursor if is_complete else hold_cursor
    move(step.integration, ACCOUNT_FEED, step.run.server_now)


def _with_something_to_ask(step: StepContext, books: list[AddressBook]) -> list[AddressBook]:
    """The books whose own feed was not read within the hour, or that list somebody again who had left them."""
    positions = dict(
        Cursor.objects.filter(integration=step.integration, feed=BOOK_FEED).values_list("object_id", "position")
    )
    left = Membership.objects.filter(address_book__in=books).exclude(status__in=LIVE).filter(gone_at=None)
    newest = dict(left.values_list("address_book").annotate(newest=Max("listed_at")))
    due = step.run.server_now - WITNESS_EVERY

    def has_something(book: AddressBook) -> bool:
        position = positions.get(book.pk)
        if position is None or not due < position <= step.run.server_now:
            return True
        return book.pk in newest and newest[book.pk] >= position

    return [book for book in books if has_something(book)]


def _read_returned(step: StepContext, since: datetime) -> None:
    """Who may be mailed again. Those in a connected book were read with it; of others only this feed tells.

    Whom an upload's report named may be in no feed of opt-outs, and unknown here: of them the moment of their last
    subscription decides, which is one of the data fields.
    """
    suppressed = MirroredContact.objects.filter(integration=step.integration).exclude(status=SUBSCRIBED)
    refused = addresses_refused_in(AddressBook.objects.filter(integration=step.integration))
    has_refused = refused.exists()
    if not has_refused and not suppressed.exists():
        return
    for page in step.account.contacts.pages(modified_since=since, full_data=has_refused):
        live = {contact.id: contact for contact in page.items if contact.status in LIVE and _is_somebody(contact)}
        with transaction.atomic():
            back = set(suppressed.filter(remote_id__in=live).values_list("remote_id", flat=True))
            if has_refused:
                ids = {address_key(address_of(contact)): contact.id for contact in live.values()}
                back |= {ids[key] for key in refused.filter(subject__in=ids).values_list("subject", flat=True)}
            lines = [stage_line(live[remote_id], live[remote_id].status) for remote_id in back]
            merged = merge_contacts(step.integration, b"".join(lines), sets_status=True)
            step.count(changed=merged.changed)


def _is_overtaken(entry: Suppression) -> bool:
    """Whether the contact has been subscribed again since. A soft bounce suppresses, and is live all the same."""
    return entry.contact.status in LIVE and kind(entry.reason) not in LIVE


def import_unsubscribes_of_book(step: StepContext, book: AddressBook) -> None:
    """Who left one book since this was read last, and who is back of those who had left it."""
    listed = _listed_although_unsubscribed(step, book)
    since = min([step.since(BOOK_FEED, book.pk) or BEGINNING, *(at - OVERLAP for at in listed.values())])
    is_complete = True
    for page in step.account.address_book(book.remote_id).unsubscribed_since(since):
        is_complete = is_complete and not page.malformed
        for entry in page.items:
            listed.pop(entry.contact.id, None)
        with transaction.atomic():
            merge_contacts(step.integration, _staged(step, page, _reason_of_book), sets_status=False)
            with connection.cursor() as cursor:
                cursor.execute(
                    _UNSUBSCRIBE, {"integration": step.integration.pk, "book": book.pk, "now": step.run.server_now}
                )
                step.count(read=len(page.items), changed=cursor.rowcount)
            step.advance(len(page.items))
    with transaction.atomic():
        if is_complete:
            back = Membership.objects.filter(address_book=book, contact__remote_id__in=listed)
            step.count(changed=back.update(status=SUBSCRIBED, unsubscribed_at=None))
        move = move_cursor if is_complete else hold_cursor
        move(step.integration, BOOK_FEED, step.run.server_now, book.pk)
    step.run.heard_of.add(book.pk)


def hear_of_former_books(step: StepContext) -> bool:
    """Ask those books who left them that a list was connected to before and has not heard of since. Of one that cannot
    be asked now that is said, and nothing is sent of its list. False where none was left to be asked."""

    def ask(book: AddressBook) -> None:
        try:
            import_unsubscribes_of_book(step, book)
        except NotFound:
            # It is gone there, and tells nothing any more.
            step.run.heard_of.add(book.pk)

    unheard = [book for book in former_books_to_hear(step.integration) if book.pk not in step.run.heard_of]
    go_over(step, unheard, ask, unread_book)
    return bool(unheard)


def _listed_although_unsubscribed(step: StepContext, book: AddressBook) -> dict[int, datetime]:
    """When they had left the book, of contacts that it lists since this feed was read last, by their id.

    The account may go on listing them, or they have come back: then they are in this feed no more. Whom version 3 says
    that the book has lost was not listed since they left, whatever this feed says.
    """
    left = Membership.objects.filter(address_book=book).exclude(status__in=LIVE)
    left = left.filter(Q(unsubscribed_at=None) | Q(listed_at__gt=F("unsubscribed_at")))
    if read_to := Cursor.objects.filter(integration=step.integration, feed=BOOK_FEED, object_id=book.pk).first():
        # Where calls were short this feed was read before the lists of the same run.
        left = left.filter(listed_at__gte=read_to.position)
    return dict(left.values_list("contact__remote_id", Coalesce("unsubscribed_at", BEGINNING)))


def _staged(step: StepContext, page: Page[Suppression], reason: Callable[[Suppression], str]) -> bytes:
    step.reject(Refusal("suppression", "unreadable", row.reason) for row in page.malformed)
    step.reject(
        Refusal(
            f"suppression of contact {entry.contact.id}", "unreadable", _("It has no address, or its id cannot be one.")
        )
        for entry in page.items
        if not _is_somebody(entry.contact)
    )
    # Of one contact the entry read last counts.
    last = {entry.contact.id: entry for entry in page.items if _is_somebody(entry.contact)}
    return b"".join([stage_line(each.contact, reason(each), each.date_removed) for each in last.values()])


def _is_somebody(contact: Contact) -> bool:
    return is_id(contact.id) and bool(address_of(contact))


def _reason(entry: Suppression) -> str:
    """Why the account does not mail the contact; its status where the feed gives no reason that could be one."""
    reason = kind(entry.reason)
    return kind(entry.contact.status) or UNSUBSCRIBED if reason == SUBSCRIBED else reason or UNSUBSCRIBED


def _reason_of_book(entry: Suppression) -> str:
    """Why the contact is not in the book any more: whom this feed names has left it, whatever else it says."""
    reason = kind(entry.reason)
    return reason if reason and reason not in LIVE else UNSUBSCRIBED
