"""Contacts as the newer v3 service offers them: several identifiers, markers, bulk changes (contract §7)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from dotdigital import operations
from dotdigital.decoding import Malformed, decode_one, malformed
from dotdigital.drafts import encode, json_time
from dotdigital.json_stream import Unreadable, members
from dotdigital.operations import check_id
from dotdigital.session import Session
from dotdigital.uploads import LinesBody, check_size
from dotdigital.v3_models import ContactV3, ContactV3Draft, DeletionV3, ImportV3, MergeV3, ResultV3
from dotdigital.v3_pages import MarkedPage, check_limit, marked_pages
from dotdigital.wire import Query

MAX_DELETION: Final = 5000
INCLUDES: Final = ("channelProperties", "lists", "preferences", "consentRecords")
_OUTCOMES: Final = frozenset({"created", "updated", "failures"})
_decode_result = msgspec.json.Decoder(ResultV3).decode
# Beyond this the drafts of an import wait in a file for the call that sends them.
_KEPT_IN_MEMORY: Final = 1024 * 1024


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
        data_fields: Sequence[str] | None = None,
        limit: int = 1000,
        marker: str | None = None,
    ) -> Iterator[MarkedPage[ContactV3]]:
        """Yields contacts in a stable order; pages do not overlap, because the service continues from a marker.

        ``include`` may name lists, channelProperties, preferences, consentRecords; ``data_fields`` the data fields that
        are wanted, none for an empty list and all for None. ``marker``, from an earlier page of the same filters, reads
        on from there. Raises ValueError for filters the service does not take together and for a limit outside 1..5000,
        Rejected for a marker the service does not know (any more), Transient for markers that go in a circle.
        """
        check_limit(limit)
        query = {"limit": limit, **_shown(include, data_fields)}
        if modified_since is not None and created_since is not None:
            raise ValueError("give modified_since or created_since, not both")
        if list_id is not None and segment_id is not None:
            raise ValueError("give list_id or segment_id, not both")
        for name, since in (("~modified", modified_since), ("~created", created_since)):
            if since is not None:
                query[name] = f"gte::{json_time(since)}"
        for name, number in (("~listId", list_id), ("~segmentId", segment_id)):
            if number is not None:
                check_id(name, number)
                query[name] = number
        return marked_pages(self._session, operations.V3_CONTACTS, ContactV3, query, marker=marker)

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
        """Creates the contact or changes what the draft names.

        Raises Rejected if one of the draft's identifiers belongs to another contact. A draft with consent records, or
        one that has a confirmation mail sent, is not sent again after an interruption: UnknownOutcome.
        """
        query: Query = {"merge-option": option.value}
        operation = operations.V3_MERGE._replace(repeatable=draft.repeatable)
        return self._session.post(
            operation, ContactV3, draft.body(), query=query, identifier=identifier, wanted=contact
        )

    def replace(self, contact: int | str, draft: ContactV3Draft, *, identifier: str = "email") -> ContactV3:
        """Replaces the whole contact: whatever the draft does not name is lost. Consent records are not taken here."""
        if draft.consents:
            raise ValueError("consents cannot be given with replace: the service takes them with create and merge")
        operation = operations.V3_REPLACE._replace(repeatable=draft.repeatable)
        return self._session.post(operation, ContactV3, draft.body(), identifier=identifier, wanted=contact)

    def delete(self, contact: int | str, *, identifier: str = "email") -> None:
        """Deletes a contact from the account."""
        self._session.tell(operations.V3_DELETE, identifier=identifier, wanted=contact)

    def start_import(
        self, drafts: Iterable[ContactV3Draft], *, match: str = "email", option: MergeV3 = MergeV3.OVERWRITE
    ) -> str:
        """Starts an import of up to 50 MB and answers its id; the drafts are not held in memory, but in a file.

        ``match`` names the identifier by which contacts are found. Raises ValueError without any draft, Rejected above
        50 MB, and Rejected, to be tried ``later``, with 25 imports running.
        """
        with tempfile.SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY) as file:
            for each in drafts:
                file.write(encode({"matchIdentifier": match, **each.body()}) + b"\n")
                check_size(file.tell())
            file.seek(0)
            return self.import_file(file, option=option)  # type: ignore[arg-type]

    def import_file(self, file: BinaryIO | Path, *, option: MergeV3 = MergeV3.OVERWRITE) -> str:
        """Starts an import of contacts that were written as JSON beforehand, one a line, and answers its id.

        ``file`` is a path or a seekable binary file, read from where it stands and never in memory as a whole. Each
        line is what the service takes: matchIdentifier, identifiers, dataFields and so on. Raises as ``start_import``.
        """
        before = b'{"mergeOption":' + msgspec.json.encode(option.in_body) + b',"contacts":['
        body = LinesBody(file, before=before, after=b"]}")
        return self._session.upload(operations.V3_IMPORT, ImportV3, body).import_id

    def import_status(self, import_id: str) -> ImportV3:
        """Answers how far an import is and its summary; what came of each contact is passed over.

        Polling does not count against the quota.
        """
        return self._session.read_stream(operations.V3_IMPORT_STATUS, _status, guid=import_id)

    def import_results(self, import_id: str) -> Iterator[ResultV3 | Malformed]:
        """Yields what came of each contact of a finished import while it arrives; nothing for one that is not finished.

        An entry that cannot be read comes as Malformed and costs none of the others.
        """
        return self._session.stream(operations.V3_IMPORT_STATUS, _results, guid=import_id)

    def delete_many(self, contacts: Sequence[int | str | Mapping[str, int | str]]) -> str:
        """Starts the deletion of up to 5,000 contacts and answers its id.

        A contact is named by its id, its address, or a single identifier such as ``{"mobileNumber": "447123123123"}``.
        Raises Rejected, to be tried ``later``, when too many deletions are running.
        """
        if not 1 <= len(contacts) <= MAX_DELETION:
            raise ValueError(f"contacts has {len(contacts)} entries: the service takes 1 to {MAX_DELETION}")
        body = [_named(each) for each in contacts]
        return self._session.post(operations.V3_DELETE_MANY, DeletionV3, body).delete_id

    def delete_status(self, delete_id: str) -> DeletionV3:
        """Answers how far a deletion is and what came of it. Polling does not count against the quota."""
        return self._session.get(operations.V3_DELETE_STATUS, DeletionV3, guid=delete_id)


def _shown(include: Sequence[str], data_fields: Sequence[str] | None) -> dict[str, str | int]:
    unknown = set(include) - set(INCLUDES)
    if unknown:
        raise ValueError(f"include names {min(unknown)}: the service knows {', '.join(INCLUDES)}")
    shown: dict[str, str | int] = {}
    if data_fields is None:
        shown["data-fields"] = "[[ALL]]"
    elif data_fields:
        shown["data-fields"] = "|".join(data_fields)
    if include:
        shown["include"] = "|".join(include)
    return shown


def _named(contact: int | str | Mapping[str, int | str]) -> dict[str, int | str]:
    if isinstance(contact, Mapping):
        if len(contact) != 1:
            raise ValueError("a contact to be deleted is named by exactly one identifier")
        return dict(contact)
    if isinstance(contact, int):
        check_id("contacts", contact)
        return {"contactId": contact}
    return {"email": contact}


def _status(chunks: Iterator[bytes]) -> ImportV3:
    """Reads no further than needed: a finished import may have a hundred thousand entries behind its summary."""
    found: dict[str, bytes] = {}
    for name, raw in members(chunks):
        if name in {"importId", "status", "summary"}:
            found[name] = raw
            if len(found) == 3:
                break
    return decode_one(b"{" + b",".join(b'"%s":%s' % (key.encode(), raw) for key, raw in found.items()) + b"}", ImportV3)


def _results(chunks: Iterator[bytes]) -> Iterator[ResultV3 | Malformed]:
    is_status = False
    for name, raw in members(chunks):
        is_status = is_status or name == "importId"
        if name in _OUTCOMES:
            yield _result(raw, name)
    if not is_status:
        raise Unreadable("the status of an import was expected")


def _result(raw: bytes, outcome: str) -> ResultV3 | Malformed:
    try:
        told = _decode_result(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            told = decode_one(raw, ResultV3)
        except Unreadable as error:
            return malformed(raw, str(error))
    return ResultV3(outcome, told.contact_id, told.match_identifier, told.identifiers, told.failures)
