"""Address books: all that the account lists, except the two that every account has."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from msgspec.structs import replace

from dotbridge.integrations.models import Integration
from dotbridge.mirror.book_rules import EVERY_ACCOUNT_HAS
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.inbound.absences import believed_gone
from dotbridge.sync.inbound.storable import NO_ID, counted, is_id, kind, text
from dotbridge.sync.models import Listing
from dotdigital import AddressBook as RemoteBook


def import_address_books(step: StepContext) -> None:
    """Make the mirror's address books those of the account. A book not listed any more is kept and marked gone."""
    found: dict[int, RemoteBook] = {}
    is_complete = True
    for page in step.account.address_books():
        step.reject(Refusal("address book", "unreadable", row.reason) for row in page.malformed)
        step.reject(
            Refusal(f"address book {book.id}", "unreadable", NO_ID) for book in page.items if not is_id(book.id)
        )
        is_complete = is_complete and not page.malformed and all(is_id(book.id) for book in page.items)
        found |= {book.id: _storable(book) for book in page.items if is_id(book.id)}
        step.advance(len(page.items))
    wanted = {book.id: book for book in found.values() if book.name.strip().lower() not in EVERY_ACCOUNT_HAS}
    known = {book.remote_id: book for book in AddressBook.objects.filter(integration=step.integration)}
    with transaction.atomic():
        _store(step, wanted, known)
        if is_complete:
            _mark_gone(step, set(found), known)


def store_address_books(integration: Integration, books: Iterable[RemoteBook]) -> None:
    """Bring some of the account's address books into the mirror."""
    AddressBook.objects.bulk_create(
        [
            AddressBook(
                integration=integration,
                remote_id=book.id,
                name=book.name,
                visibility=book.visibility,
                contact_count=book.contacts,
                gone_at=None,
                updated_at=timezone.now(),
            )
            for book in map(_storable, books)
        ],
        update_conflicts=True,
        unique_fields=["integration", "remote_id"],
        update_fields=["name", "visibility", "contact_count", "gone_at", "updated_at"],
    )


def _storable(book: RemoteBook) -> RemoteBook:
    return replace(book, name=text(book.name), visibility=kind(book.visibility), contacts=counted(book.contacts))


def _store(step: StepContext, wanted: dict[int, RemoteBook], known: dict[int, AddressBook]) -> None:
    changed = [book for book in wanted.values() if book.id not in known or _differs(known[book.id], book)]
    store_address_books(step.integration, changed)
    new = sum(book.id not in known for book in changed)
    step.count(read=len(wanted), new=new, changed=len(changed) - new)


def _differs(book: AddressBook, remote: RemoteBook) -> bool:
    seen = (book.name, book.visibility, book.contact_count, book.gone_at)
    return seen != (remote.name, remote.visibility, remote.contacts, None)


def _mark_gone(step: StepContext, listed: set[int], known: dict[int, AddressBook]) -> None:
    there = {book.pk: remote_id for remote_id, book in known.items() if book.gone_at is None}
    named = {pk for pk, remote_id in there.items() if remote_id in listed}
    gone = believed_gone(step, Listing.ADDRESS_BOOKS, known=there, named=named, is_empty=not listed)
    AddressBook.objects.filter(pk__in=gone).update(gone_at=timezone.now())
    step.count(gone=len(gone))
