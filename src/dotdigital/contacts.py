"""The contacts of an account, across its books (contract §4.3, §4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

from dotdigital import operations
from dotdigital.decoding import Page
from dotdigital.drafts import Consent, ContactDraft, key_values, resubscription
from dotdigital.models import (
    AddressBook,
    Contact,
    FoundContacts,
    Import,
    MergeOption,
    Resubscription,
    Suppressed,
    Suppression,
)
from dotdigital.operations import check_id, check_who
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE
from dotdigital.session import Session
from dotdigital.uploads import FileBody


class Contacts:
    """Answers and changes the contacts of an account. Made by ``Account.contacts``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(
        self,
        *,
        modified_since: datetime | None = None,
        created_since: datetime | None = None,
        full_data: bool = False,
        page_size: int = MAX_PAGE,
        overlap: int = DEFAULT_OVERLAP,
    ) -> Iterator[Page[Contact]]:
        """Yields all contacts, or those changed or created since an aware time; a contact can come more than once."""
        if modified_since is not None and created_since is not None:
            raise ValueError("give modified_since or created_since, not both")
        read = partial(self._session.contact_pages, full_data=full_data, page_size=page_size, overlap=overlap)
        if modified_since is not None:
            return read(operations.MODIFIED_SINCE, date=modified_since)
        if created_since is not None:
            return read(operations.CREATED_SINCE, date=created_since)
        return read(operations.CONTACTS)

    def unsubscribed_since(self, since: datetime) -> Iterator[Page[Suppression]]:
        """Yields who unsubscribed from the account since an aware time (contract §4.3, feeds)."""
        return self._session.pages(operations.UNSUBSCRIBED_SINCE, Suppression, date=since)

    def count(self) -> int:
        """Answers how many contacts the account has."""
        return self._session.get(operations.CONTACT_COUNT, int)

    def get(self, who: int | str) -> Contact:
        """Answers one contact, by id or address, with its data fields."""
        return self._session.get(operations.CONTACT, Contact, who=who)

    def find(self, who: Sequence[int | str], *, full_data: bool = False) -> FoundContacts:
        """Answers several contacts at once, by id or address, and which of them the account does not have."""
        asked = {"contacts": [_identity(each) for each in who], "withFullData": full_data}
        return self._session.post(operations.CONTACTS_COLLECTION, FoundContacts, asked)

    def save(self, draft: ContactDraft) -> Contact:
        """Creates the contact or updates the one with this address.

        Raises Rejected with ERROR_CONTACT_SUPPRESSED for somebody who left: only ``resubscribe`` can ask them back. A
        draft that has a confirmation mail sent is not sent again after an interruption: UnknownOutcome.
        """
        operation = operations.CONTACT_SAVE._replace(repeatable=draft.repeatable)
        return self._session.post(operation, Contact, draft.body())

    def update(self, contact_id: int, draft: ContactDraft) -> Contact:
        """Changes a contact, its address included."""
        operation = operations.CONTACT_UPDATE._replace(repeatable=draft.repeatable)
        return self._session.post(operation, Contact, draft.body(), id=contact_id)

    def delete(self, contact_id: int) -> None:
        """Deletes a contact from the account. Raises NotFound if there is none."""
        self._session.tell(operations.CONTACT_DELETE, id=contact_id)

    def address_books(self, contact_id: int) -> Iterator[Page[AddressBook]]:
        """Yields the books the contact is in."""
        return self._session.pages(operations.CONTACT_BOOKS, AddressBook, id=contact_id)

    def save_with_consent(
        self,
        draft: ContactDraft,
        consents: Sequence[Consent],
        *,
        preferences: Sequence[tuple[int, bool]] | None = None,
    ) -> dict[str, Any]:
        """Creates a contact with what it agreed to; answers the service's own keys.

        ``preferences`` are ids with whether the contact opted in. It is never sent twice, lest what was agreed to
        stands there twice: UnknownOutcome.
        """
        plain, chosen = operations.CONTACT_CREATE_WITH_CONSENT, operations.CONTACT_CREATE_WITH_PREFERENCES
        operation = plain if preferences is None else chosen
        return self._session.post(operation, dict[str, Any], _with_consent(draft, consents, preferences))

    def update_with_consent(
        self,
        contact_id: int,
        draft: ContactDraft,
        consents: Sequence[Consent],
        *,
        preferences: Sequence[tuple[int, bool]] | None = None,
    ) -> dict[str, Any]:
        """Changes a contact and adds what it agreed to; otherwise as ``save_with_consent``."""
        plain, chosen = operations.CONTACT_UPDATE_WITH_CONSENT, operations.CONTACT_UPDATE_WITH_PREFERENCES
        operation = (plain if preferences is None else chosen)._replace(repeatable=False)
        body = _with_consent(draft, consents, preferences)
        return self._session.post(operation, dict[str, Any], body, id=contact_id)

    def unsubscribe(self, email: str) -> Suppression:
        """Unsubscribes an address from the account (contract §4.4). Repeating it does no harm, so it is retried."""
        return self._session.post(operations.UNSUBSCRIBE, Suppression, {"email": email})

    def suppress(self, who: Sequence[int | str]) -> Suppressed:
        """Suppresses contacts "by you", by id or address, and answers whom the account does not have."""
        return self._session.post(operations.SUPPRESS, Suppressed, [_identity(each) for each in who])

    def resubscribe(
        self,
        draft: ContactDraft,
        *,
        challenge: bool = True,
        locale: str | None = None,
        return_url: str | None = None,
    ) -> Resubscription:
        """Asks a contact who left to come back, by a mail they have to confirm (contract §4.4).

        ``challenge=False`` skips the mail and needs their fresh consent. ``locale`` is one of the service's codes.
        """
        operation = operations.RESUBSCRIBE if challenge else operations.RESUBSCRIBE_AT_ONCE
        body = resubscription(draft, locale=locale, return_url=return_url)
        return self._session.post(operation, Resubscription, body)

    def import_file(
        self,
        file: BinaryIO | Path,
        *,
        file_name: str = "contacts.csv",
        merge: MergeOption = MergeOption.OVERWRITE,
        encoding: Literal["multipart", "json"] = "multipart",
    ) -> Import:
        """Starts the import of a CSV into the account, into no book; otherwise as ``Book.import_contacts``."""
        body = FileBody(file, file_name=file_name, encoding=encoding)
        return self._session.upload(operations.ACCOUNT_IMPORT, Import, body, merge=merge.value)

    def import_drafts(
        self,
        drafts: Sequence[ContactDraft],
        *,
        address_book_ids: Sequence[int] = (),
        merge: MergeOption = MergeOption.OVERWRITE,
    ) -> Import:
        """Starts the import of contacts given as values, into books or none (contract §4.6, JSON collection)."""
        for each in address_book_ids:
            check_id("address_book_ids", each)
        body = {
            "addressBookIds": list(address_book_ids),
            "mergeOption": merge.value,
            "contacts": [_row(each) for each in drafts],
        }
        return self._session.post(operations.IMPORT_COLLECTION, Import, body)


def _row(draft: ContactDraft) -> dict[str, Any]:
    return {**draft.body(), "dataFields": key_values(draft.data_fields)}


def _with_consent(
    draft: ContactDraft, consents: Sequence[Consent], preferences: Sequence[tuple[int, bool]] | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"contact": draft.body(), "consentFields": [each.fields() for each in consents]}
    if preferences is not None:
        body["preferences"] = [{"id": each, "isPreference": True, "isOptedIn": yes} for each, yes in preferences]
    return body


def _identity(who: int | str) -> dict[str, int | str]:
    check_who("who", who)
    return {"id": who} if isinstance(who, int) else {"email": who}
