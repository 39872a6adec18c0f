"""Campaigns of the connected address books: found, kept in step, and flagged when they are gone.

One call lists the campaigns of the account. Only when that list is another one than before, or the books connected are,
or a day has passed, are the books asked which of them were sent to whom: so a quiet run costs two calls here, however
many books there are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from django.db import transaction
from django.utils.translation import gettext_noop as _

from dotbridge.connections.selectors import connected_books
from dotbridge.mirror.models import AddressBook, Campaign, CampaignBook
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import hold_cursor, is_over, move_cursor, read_cursor
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.absences import believed_gone
from dotbridge.sync.inbound.books import book_number, unread_book
from dotbridge.sync.inbound.campaign_records import make_records
from dotbridge.sync.inbound.drafts import is_draft, store_drafts
from dotbridge.sync.inbound.storable import differs, is_id, kind, text
from dotbridge.sync.models import CampaignListing, Listing
from dotdigital import Campaign as RemoteCampaign

ACTIVE_FEED = "campaigns_active"
BOOKS_ARE_ASKED_EVERY = timedelta(days=1)

_COPIED = (
    "name",
    "subject",
    "from_name",
    "from_address",
    "reply_action",
    "reply_to_address",
    "status",
    "is_split_test",
    "gone_at",
)


def import_campaigns(step: StepContext) -> None:
    """Bring the campaigns of connected books in, mark those with activity, and make records of those that were sent."""
    books = connected_books(step.integration, only=step.run.only)
    if not books:
        raise StepSkipped(_("No address book is connected to a list yet."))
    if step.run.only is not None:
        _ask_books(step, books, set())
    else:
        listing = _read_listing(step, books)
        is_complete = listing.is_complete and bool(listing.ids)
        store_drafts(step.integration, listing.drafts, is_complete=is_complete)
        if _is_news(step, listing):
            unread = _ask_books(step, books, listing.ids)
            _note_listing(step, listing, is_known=not unread)
    _mark_active(step)
    make_records(step)


@dataclass(kw_only=True)
class _Listing:
    """What the account's list said: the ids, whether all of it could be read, and what it looked like.

    An empty one says nothing: an account without campaigns and a wrong answer look alike.
    """

    ids: set[int] = field(default_factory=set)
    is_complete: bool = True
    fingerprint: str = ""
    drafts: list[RemoteCampaign] = field(default_factory=list)


def _read_listing(step: StepContext, books: list[AddressBook]) -> _Listing:
    found = _Listing()
    looks: dict[int, bytes] = {}
    for page in step.account.campaigns.pages():
        step.reject(Refusal("campaign", "unreadable", row.reason) for row in page.malformed)
        found.is_complete = found.is_complete and not page.malformed
        found.drafts += filter(is_draft, page.items)
        looks |= {each.id: hashlib.sha256(msgspec.json.encode(each)).digest() for each in page.items}
    found.ids = set(looks)
    whole = hashlib.sha256(repr(sorted(book.pk for book in books)).encode())
    for remote_id in sorted(looks):
        whole.update(looks[remote_id])
    found.fingerprint = whole.hexdigest()
    return found


def _is_news(step: StepContext, listing: _Listing) -> bool:
    if not listing.ids or step.run.reads_everything:
        return bool(listing.ids)
    last = CampaignListing.objects.filter(integration=step.integration).first()
    if last is None or last.fingerprint != listing.fingerprint:
        return True
    return is_over(last.listed_at, BOOKS_ARE_ASKED_EVERY, step.run.server_now)


@transaction.atomic
def _note_listing(step: StepContext, listing: _Listing, *, is_known: bool) -> None:
    """After the books were asked: flag what the account does not list any more, and remember the list if all books
    have answered; else the next run asks again."""
    if listing.is_complete:
        _mark_gone(step, listing.ids)
    if not is_known:
        return
    CampaignListing.objects.update_or_create(
        integration=step.integration,
        defaults={"fingerprint": listing.fingerprint, "listed_at": step.run.server_now},
    )


def _mark_gone(step: StepContext, listed: set[int]) -> None:
    known = dict(Campaign.objects.filter(integration=step.integration, gone_at=None).values_list("pk", "remote_id"))
    named = [pk for pk, remote_id in known.items() if remote_id in listed]
    gone = believed_gone(step, Listing.CAMPAIGNS, known=known, named=named, is_empty=not listed)
    Campaign.objects.filter(pk__in=gone).update(gone_at=step.run.server_now)
    step.count(gone=len(gone))


def _ask_books(step: StepContext, books: list[AddressBook], listed: set[int]) -> list[AddressBook]:
    """Which campaigns were sent to these; answers the books that exist and did not say. What a book lists is added to
    `listed`: it is there, also when the account leaves it out. So is what a book has listed that was not read now."""
    unread: list[AddressBook] = []
    unknown = {book.pk for book in books}

    def ask(book: AddressBook) -> None:
        if _read_campaigns_of_book(step, listed, book):
            unknown.discard(book.pk)

    def refusal(book: AddressBook, failure: Failure) -> Refusal:
        if failure.is_gone:
            unknown.discard(book.pk)
        else:
            unread.append(book)
        return unread_book(book, failure)

    go_over(step, books, ask, refusal, turn=book_number)
    held = Campaign.objects.filter(integration=step.integration, campaignbook__address_book__in=unknown)
    listed.update(held.values_list("remote_id", flat=True))
    return unread


def _read_campaigns_of_book(step: StepContext, listed: set[int], book: AddressBook) -> bool:
    """Bring in what one book lists; answers whether all of it could be read."""
    sent_here: set[int] = set()
    is_complete = True
    for page in step.account.address_book(book.remote_id).campaigns():
        step.reject(Refusal("campaign", "unreadable", row.reason) for row in page.malformed)
        is_complete = is_complete and not page.malformed
        listed.update(each.id for each in page.items)
        with transaction.atomic():
            sent_here.update(_store_page(step, book, {each.id: each for each in page.items if is_id(each.id)}))
            step.advance(len(page.items))
    if sent_here and is_complete:
        CampaignBook.objects.filter(address_book=book).exclude(campaign__in=sent_here).delete()
    return is_complete


def _store_page(step: StepContext, book: AddressBook, remote: dict[int, RemoteCampaign]) -> list[int]:
    """One page of a book's campaigns into the mirror, and that they were sent to it; the keys of the campaigns."""
    rows = Campaign.objects.filter(integration=step.integration, remote_id__in=remote)
    known = {each.remote_id: each for each in rows}
    wanted = [_as_row(step, each) for each in remote.values()]
    changed = [row for row in wanted if row.remote_id not in known or differs(known[row.remote_id], row, _COPIED)]
    Campaign.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["integration", "remote_id"],
        update_fields=[*_COPIED, "active_at"],
    )
    keys = list(rows.values_list("pk", flat=True))
    links = [CampaignBook(campaign_id=key, address_book=book) for key in keys]
    CampaignBook.objects.bulk_create(links, ignore_conflicts=True)
    new = sum(row.remote_id not in known for row in changed)
    step.count(read=len(remote), new=new, changed=len(changed) - new)
    return keys


def _as_row(step: StepContext, remote: RemoteCampaign) -> Campaign:
    # A campaign that looks new or changed counts as active: a status that moved to Sent is no event of any recipient.
    return Campaign(
        integration=step.integration,
        remote_id=remote.id,
        name=text(remote.name),
        subject=text(remote.subject),
        from_name=text(remote.from_name),
        from_address=text(remote.from_address.email if remote.from_address else ""),
        reply_action=kind(remote.reply_action),
        reply_to_address=text(remote.reply_to_address),
        status=kind(remote.status),
        is_split_test=remote.is_split_test,
        gone_at=None,
        active_at=step.run.server_now,
    )


def _mark_active(step: StepContext) -> None:
    """Note which campaigns somebody was active in, before their feeds are read: a feed that fails stays due."""
    since = read_cursor(step.integration, ACTIVE_FEED, step.run.server_now)
    is_complete = True
    if since is not None:
        for page in step.account.campaigns.active_since(since):
            step.reject(Refusal("active campaign", "unreadable", row.reason) for row in page.malformed)
            is_complete = is_complete and not page.malformed
            ids = [each.id for each in page.items if is_id(each.id)]
            active = Campaign.objects.filter(integration=step.integration, remote_id__in=ids)
            step.count(active=active.update(active_at=step.run.server_now))
    move = move_cursor if is_complete else hold_cursor
    move(step.integration, ACTIVE_FEED, step.run.server_now)
