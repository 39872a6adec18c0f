"""One address book of an account, or a segment where the vendor takes its id (contract §4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from dotdigital import operations
from dotdigital.campaign_models import Campaign
from dotdigital.decoding import Page, decode_one
from dotdigital.drafts import ContactDraft, resubscription
from dotdigital.models import AddressBook, Contact, Deletion, Import, MergeOption, Resubscription, Suppression
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE
from dotdigital.session import Session
from dotdigital.uploads import FileBody


class Book:
    """Answers and changes what is in one address book. Made by ``Account.address_book``."""

    def __init__(self, session: Session, book_id: int) -> None:
        self._session = session
        self.id = book_id

    def contacts(
        self,
        *,
        modified_since: datetime | None = None,
        full_data: bool = True,
        page_size: int = MAX_PAGE,
        overlap: int = DEFAULT_OVERLAP,
        start: int = 0,
    ) -> Iterator[Page[Contact]]:
        """Yields the contacts of the book, or those changed or added since an aware time (contract §4.3, feeds).

        Pages overlap by ``overlap`` rows because order is not promised (contract §1.7): a contact can come more than
        once, and the caller removes duplicates. ``full_data`` brings the data fields along. ``start`` passes over so
        many rows, to go on with a reading that was broken off. Raises NotFound if the book is gone.
        """
        read = partial(
            self._session.contact_pages,
            full_data=full_data,
            page_size=page_size,
            overlap=overlap,
            start=start,
            id=self.id,
        )
        if modified_since is None:
            return read(operations.BOOK_CONTACTS)
        return read(operations.BOOK_MODIFIED_SINCE, date=modified_since)

    def unsubscribed_since(self, since: datetime) -> Iterator[Page[Suppression]]:
        """Yields who left this book only; who left the account is in ``Account.suppressed_since`` (contract §4.4)."""
        return self._session.pages(operations.BOOK_UNSUBSCRIBED_SINCE, Suppression, id=self.id, date=since)

    def info(self) -> AddressBook:
        """Answers name, visibility and size of the book."""
        return self._session.get(operations.ADDRESS_BOOK, AddressBook, id=self.id)

    def update(self, *, name: str, visibility: str) -> AddressBook:
        """Renames the book and sets its visibility. Raises Rejected for a name that is taken or reserved."""
        body = {"name": name, "visibility": visibility}
        return self._session.post(operations.ADDRESS_BOOK_UPDATE, AddressBook, body, id=self.id)

    def delete(self) -> None:
        """Deletes the book; its contacts stay in the account."""
        self._session.tell(operations.ADDRESS_BOOK_DELETE, id=self.id)

    def campaigns(self) -> Iterator[Page[Campaign]]:
        """Yields the campaigns that were sent to the book."""
        return self._session.pages(operations.BOOK_CAMPAIGNS, Campaign, id=self.id)

    def add_contact(self, draft: ContactDraft) -> Contact:
        """Puts a contact into the book, creating or updating it.

        Raises Rejected with ERROR_CONTACT_SUPPRESSED or ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK for somebody who left. A
        draft that has a confirmation mail sent is not sent again after an interruption: UnknownOutcome.
        """
        operation = operations.BOOK_ADD_CONTACT._replace(repeatable=draft.repeatable)
        return self._session.post(operation, Contact, draft.body(), id=self.id)

    def remove_contact(self, contact_id: int) -> None:
        """Takes one contact out of the book, without unsubscribing it."""
        self._session.tell(operations.BOOK_REMOVE_CONTACT, id=self.id, contact=contact_id)

    def remove_contacts(self, ids: Sequence[int]) -> Deletion:
        """Starts the removal of contacts from the book, which does not unsubscribe them (contract §4.5).

        Unknown ids are ignored. Raises ValueError for no ids or ids below 1, NotFound if the book is gone, and
        UnknownOutcome if the answer was lost.
        """
        if not ids:
            raise ValueError("ids is empty: name at least one contact")
        for contact_id in ids:
            operations.check_id("ids", contact_id)
        return self._session.ask(operations.BOOK_REMOVE_CONTACTS, _deletion, list(ids), id=self.id)

    def remove_everybody(self, *, in_background: bool = True) -> Deletion:
        """Takes all contacts out of the book, without unsubscribing them."""
        if in_background:
            return self._session.ask(operations.BOOK_REMOVE_ALL_LATER, _deletion, id=self.id)
        self._session.tell(operations.BOOK_REMOVE_ALL, id=self.id)
        return Deletion()

    def unsubscribe(self, email: str) -> Suppression:
        """Unsubscribes an address from this book only (contract §4.4). Repeating it does no harm, so it is retried."""
        return self._session.post(operations.BOOK_UNSUBSCRIBE, Suppression, {"email": email}, id=self.id)

    def resubscribe(
        self,
        draft: ContactDraft,
        *,
        challenge: bool = True,
        locale: str | None = None,
        return_url: str | None = None,
    ) -> Resubscription:
        """Asks a contact who left the book to come back; as ``Contacts.resubscribe``."""
        operation = operations.BOOK_RESUBSCRIBE if challenge else operations.BOOK_RESUBSCRIBE_AT_ONCE
        body = resubscription(draft, locale=locale, return_url=return_url)
        return self._session.post(operation, Resubscription, body, id=self.id)

    def import_contacts(
        self,
        file: BinaryIO | Path,
        *,
        file_name: str = "contacts.csv",
        merge: MergeOption = MergeOption.OVERWRITE,
        encoding: Literal["multipart", "json"] = "multipart",
    ) -> Import:
        """Starts the import of a CSV with a header row and a column ``Email`` into the book (contract §4.6).

        ``file`` is streamed. Raises Rejected above 50 MB, without that column, or with too many imports running (then
        ``later`` is true); and UnknownOutcome if the file was sent but the answer was lost: then look for its contacts
        before sending it again.
        """
        body = FileBody(file, file_name=file_name, encoding=encoding)
        return self._session.upload(operations.BOOK_IMPORT, Import, body, id=self.id, merge=merge.value)


def _deletion(answer: bytearray) -> Deletion:
    """Older services answer a removal without a body (contract §4.5)."""
    return decode_one(answer, Deletion) if answer else Deletion()
