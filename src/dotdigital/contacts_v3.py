"""Contacts as the newer v3 service offers them: several identifiers, markers, bulk changes (contract §7)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from dotdigital import operations
from dotdigital.campaign_models import Dated
from dotdigital.decoding import Page, Unreadable, decode_page
from dotdigital.drafts import Value, json_time, json_value
from dotdigital.imports_v3 import ImportOutcome
from dotdigital.models import Scalar
from dotdigital.session import Session
from dotdigital.uploads import FileBody
from dotdigital.wire import Query

MAX_PAGE_V3 = 5000
MAX_DELETION = 5000


class MergeV3(StrEnum):
    """Which value wins when the contact exists already; the service spells it differently in paths and in bodies."""

    OVERWRITE = "overwrite"
    OVERWRITE_IF_NOT_EMPTY = "overwrite-if-not-empty"
    OVERWRITE_IF_EMPTY = "overwrite-if-empty"

    @property
    def in_body(self) -> str:
        """The spelling of import bodies."""
        first, *rest = self.value.split("-")
        return first + "".join(word.capitalize() for word in rest)


class ListMembership(msgspec.Struct, frozen=True):
    """A list the contact is on, with its status there."""

    id: int
    name: str | None = None
    status: str | None = None


class ContactV3(Dated, frozen=True, rename="camel"):
    """A contact as v3 answers it. ``status`` is in lower case here: subscribed, unsubscribed, pendingOptIn, ..."""

    dates = ("created", "updated")

    contact_id: int
    status: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    identifiers: dict[str, str | int | None] = {}
    data_fields: dict[str, Scalar] | None = None
    channel_properties: dict[str, dict[str, Any] | None] | None = None
    lists: list[ListMembership] | None = None
    preferences: list[dict[str, Any]] | None = None
    consent_records: list[dict[str, Any]] | None = None

    @property
    def email(self) -> str | None:
        """The address, if the contact has one."""
        address = self.identifiers.get("email")
        return None if address is None else str(address)


class ImportV3(msgspec.Struct, frozen=True, rename="camel"):
    """How far a v3 import is, and once it is Finished what came of each contact, in the service's own keys."""

    import_id: str
    status: str = "NotFinished"
    summary: dict[str, int] = {}
    created: list[dict[str, Any]] = []
    updated: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []


class ContactV3Draft(msgspec.Struct, frozen=True):
    """A contact to be written through v3. A data field with the value None is cleared; what is not named stays."""

    identifiers: Mapping[str, str]
    data_fields: Mapping[str, Value] = {}
    lists: Sequence[int] = ()
    channel_properties: Mapping[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """Answers the contact as JSON. Raises ValueError without an identifier."""
        if not self.identifiers:
            raise ValueError("identifiers is empty: name at least one, such as email")
        body: dict[str, Any] = {"identifiers": dict(self.identifiers)}
        if self.data_fields:
            body["dataFields"] = {key: json_value(value) for key, value in self.data_fields.items()}
        if self.lists:
            body["lists"] = list(self.lists)
        if self.channel_properties:
            body["channelProperties"] = dict(self.channel_properties)
        return body


@dataclass(frozen=True, slots=True)
class MarkedPage(Page[ContactV3]):
    """A page of contacts; ``following`` is the marker of the next one, None on the last."""

    following: str | None = None


class _Marked(msgspec.Struct, frozen=True):
    """A page with its links; rows stay raw until they are decoded one by one or all at once."""

    items: msgspec.Raw = msgspec.field(name="_items", default=msgspec.Raw(b"[]"))
    links: dict[str, dict[str, Any] | None] = msgspec.field(name="_links", default={})


class ContactsV3:
    """Answers and changes contacts through v3. Made by ``Account.contacts_v3``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(
        self,
        *,
        modified_since: datetime | None = None,
        created_since: datetime | None = None,
        list_id: int | None = None,
        segment_id: int | None = None,
        include: Sequence[str] = ("lists", "channelProperties"),
        limit: int = 1000,
        marker: str | None = None,
    ) -> Iterator[MarkedPage]:
        """Yields contacts in a stable order; pages do not overlap, because the service continues from a marker.

        ``include`` may name lists, channelProperties, preferences, consentRecords. ``marker`` is where to begin: that
        of an earlier page with the same filters. Raises ValueError for filters the service does not take together and
        for a limit outside 1..5000.
        """
        if not 1 <= limit <= MAX_PAGE_V3:
            raise ValueError(f"limit is {limit}: the service takes 1 to {MAX_PAGE_V3}")
        if modified_since is not None and created_since is not None:
            raise ValueError("give modified_since or created_since, not both")
        if list_id is not None and segment_id is not None:
            raise ValueError("give list_id or segment_id, not both")
        query: dict[str, str | int] = {"limit": limit, "data-fields": "[[ALL]]"}
        if include:
            query["include"] = "|".join(include)
        for name, since in (("~modified", modified_since), ("~created", created_since)):
            if since is not None:
                query[name] = f"gte::{json_time(since)}"
        narrowed = {"~listId": list_id, "~segmentId": segment_id}
        return self._walk(
            query | {name: number for name, number in narrowed.items() if number is not None}, limit, marker
        )

    def get(self, contact: int | str, *, identifier: str = "email") -> ContactV3:
        """Answers one contact by an identifier: email, contactId, mobileNumber or one of the account's own."""
        return self._session.get(operations.V3_CONTACT, ContactV3, identifier=identifier, wanted=contact)

    def create(self, draft: ContactV3Draft) -> ContactV3:
        """Creates a contact. Raises Rejected with contacts:idAlreadyExists if one of its identifiers is taken."""
        return self._session.post(operations.V3_CREATE, ContactV3, draft.body())

    def merge(
        self,
        contact: int | str,
        draft: ContactV3Draft,
        *,
        identifier: str = "email",
        option: MergeV3 = MergeV3.OVERWRITE,
    ) -> ContactV3:
        """Creates the contact or changes what the draft names."""
        query: Query = {"merge-option": option.value}
        return self._session.post(
            operations.V3_MERGE, ContactV3, draft.body(), query=query, identifier=identifier, wanted=contact
        )

    def replace(self, contact: int | str, draft: ContactV3Draft, *, identifier: str = "email") -> ContactV3:
        """Replaces the whole contact: whatever the draft does not name is lost."""
        return self._session.post(operations.V3_REPLACE, ContactV3, draft.body(), identifier=identifier, wanted=contact)

    def delete(self, contact: int | str, *, identifier: str = "email") -> None:
        """Deletes a contact from the account."""
        self._session.tell(operations.V3_DELETE, identifier=identifier, wanted=contact)

    def start_import(
        self, drafts: Sequence[ContactV3Draft], *, match: str = "email", option: MergeV3 = MergeV3.OVERWRITE
    ) -> str:
        """Starts an import and answers its id. Raises Rejected, to be tried ``later``, with 25 imports running."""
        contacts = [{"matchIdentifier": match, **each.body()} for each in drafts]
        body = {"mergeOption": option.in_body, "contacts": contacts}
        return self._session.post(operations.V3_IMPORT, ImportV3, body).import_id

    def import_file(self, file: BinaryIO | Path) -> str:
        """Starts an import from a file that holds the request's JSON, streamed; answers the import's id.

        The file is ``{"mergeOption": ..., "contacts": [...]}``, at most 50 MB. Raises as ``start_import``, and Rejected
        for a file that is too large.
        """
        body = FileBody(file, file_name="", encoding="plain")
        return self._session.upload(operations.V3_IMPORT, ImportV3, body).import_id

    @contextmanager
    def import_outcome(self, import_id: str) -> Iterator[ImportOutcome]:
        """Answers how far an import is and what came of its rows, for as long as the block lasts.

        The answer is kept in a temporary file meanwhile, because it may be large.
        """
        with tempfile.TemporaryFile(prefix="dotdigital-import-") as file:
            outcome = self._session.save(operations.V3_IMPORT_STATUS, file, ImportOutcome, guid=import_id)
            yield outcome

    def import_status(self, import_id: str) -> ImportV3:
        """Answers how far an import is and what came of it."""
        return self._session.get(operations.V3_IMPORT_STATUS, ImportV3, guid=import_id)

    def delete_many(self, contact_ids: Sequence[int]) -> dict[str, Any]:
        """Starts the deletion of up to 5,000 contacts; answers its id in the service's own keys."""
        if not 1 <= len(contact_ids) <= MAX_DELETION:
            raise ValueError(f"contact_ids has {len(contact_ids)} ids: the service takes 1 to {MAX_DELETION}")
        body = [{"contactId": each} for each in contact_ids]
        return self._session.post(operations.V3_DELETE_MANY, dict[str, Any], body)

    def delete_status(self, delete_id: str) -> dict[str, Any]:
        """Answers how far a deletion is, in the service's own keys."""
        return self._session.get(operations.V3_DELETE_STATUS, dict[str, Any], guid=delete_id)

    def _walk(self, query: Mapping[str, str | int], limit: int, marker: str | None) -> Iterator[MarkedPage]:
        while True:
            asked: Query = query if marker is None else {**query, "marker": marker}
            page = self._session.read(operations.V3_CONTACTS, partial(_marked, limit=limit), query=asked)
            if page.rows:
                yield page
            if page.following is None or page.following == marker or not page.rows:
                return
            marker = page.following


def _marked(body: bytearray, limit: int) -> MarkedPage:
    """Answers a page with the marker of the next one."""
    try:
        marked = msgspec.json.decode(body, type=_Marked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("a page with _items was expected") from error
    following = (marked.links.get("next") or {}).get("marker")
    page = decode_page(bytes(marked.items), ContactV3, limit)
    return MarkedPage(page.items, page.malformed, page.unkept, str(following) if following else None)
