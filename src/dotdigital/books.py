"""One address book of an account, or a segment where the vendor takes its id (contract §4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

from dotdigital import operations
from dotdigital.decoding import Page, decode_one
from dotdigital.models import Contact, Deletion, Import, MergeOption, Suppression
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE
from dotdigital.session import Session
from dotdigital.uploads import FileBody, JsonBody


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
    ) -> Iterator[Page[Contact]]:
        """Yields the contacts of the book, or those changed or added since an aware time (contract §4.3, feeds).

        Pages overlap by ``overlap`` rows because order is not promised (contract §1.7): a contact can come more than
        once, and the caller removes duplicates. ``full_data`` brings the data fields along. Raises NotFound if the book
        is gone.
        """
        query: dict[str, str | int] = {"withFullData": "true" if full_data else "false"}
        paged = {"page_size": page_size, "overlap": overlap}
        if modified_since is None:
            return self._session.pages(operations.BOOK_CONTACTS, Contact, query=query, id=self.id, **paged)
        feed = operations.BOOK_MODIFIED_SINCE
        return self._session.pages(feed, Contact, query=query, id=self.id, date=modified_since, **paged)

    def unsubscribed_since(self, since: datetime) -> Iterator[Page[Suppression]]:
        """Yields who left this book only; who left the account is in ``Account.suppressed_since`` (contract §4.4)."""
        return self._session.pages(operations.BOOK_UNSUBSCRIBED_SINCE, Suppression, id=self.id, date=since)

    def remove_contacts(self, ids: Sequence[int]) -> Deletion:
        """Starts the removal of contacts from the book, which does not unsubscribe them (contract §4.5).

        Unknown ids are ignored. Raises ValueError for no ids or ids below 1, NotFound if the book is gone, and
        UnknownOutcome if the answer was lost.
        """
        if not ids:
            raise ValueError("ids is empty: name at least one contact")
        for contact_id in ids:
            operations.check_id("ids", contact_id)
        return self._session.send(operations.BOOK_REMOVE_CONTACTS, _deletion, JsonBody(list(ids)), id=self.id)

    def import_contacts(
        self,
        file: BinaryIO | Path,
        *,
        file_name: str = "contacts.csv",
        merge: MergeOption = MergeOption.OVERWRITE,
        encoding: Literal["multipart", "json"] = "multipart",
    ) -> Import:
        """Starts the import of a CSV with a header row and a column ``Email`` into the book (contract §4.6).

        ``file`` is streamed. Raises Rejected above 50 MB, with too many imports running or without that column, and
        UnknownOutcome if the file was sent but the answer was lost: then look for its contacts before sending it again.
        """
        body = FileBody(file, file_name=file_name, encoding=encoding)
        return self._session.send(operations.BOOK_IMPORT, _import, body, id=self.id, merge=merge.value)


def _deletion(body: bytearray) -> Deletion:
    return decode_one(body, Deletion) if body else Deletion()


def _import(body: bytearray) -> Import:
    return decode_one(body, Import)
