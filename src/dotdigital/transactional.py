"""Records about contacts, kept in collections: orders, carts and the like (contract §4.6, transactional data)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from dotdigital import operations
from dotdigital.decoding import Page
from dotdigital.drafts import json_of
from dotdigital.models import Import
from dotdigital.operations import check_who
from dotdigital.session import Session


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """A record: its key in the collection, whose it is (id or address), and its content as JSON text."""

    key: str
    contact_identifier: str = ""
    json: str = ""


class RecordDraft(NamedTuple):
    """A record to be written; ``content`` is any JSON value, a Decimal in it a number."""

    key: str
    contact: int | str
    content: object

    def body(self) -> dict[str, str]:
        """Answers the record as the service wants it: with its content as a text.

        Raises ValueError or TypeError for content that is no JSON, and ValueError for a contact that is none.
        """
        check_who("contact", self.contact)
        content = json_of(self.content).decode()
        return {"key": self.key, "contactIdentifier": str(self.contact), "json": content}


class RecordFault(msgspec.Struct, frozen=True):
    """A record that was not taken, with one of the reasons of contract §4.6; without ``key`` where it had none."""

    key: str | None = None
    reason: str = ""
    detail: str | None = None


class RecordReport(msgspec.Struct, frozen=True, rename="camel"):
    """What came of an import of records."""

    total_items: int = 0
    total_imported: int = 0
    total_rejected: int = 0
    faults: list[RecordFault] = []


class RecordCollection:
    """One collection of an account. Made by ``Account.collection``."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.name = name

    def add(self, draft: RecordDraft) -> dict[str, Any]:
        """Adds a record; answers it in the service's own keys."""
        return self._session.post(operations.COLLECTION_ADD, dict[str, Any], draft.body(), collection=self.name)

    def save(self, draft: RecordDraft) -> None:
        """Writes a record under its key, whether it exists or not."""
        self._session.tell(operations.COLLECTION_SAVE, draft.body(), collection=self.name, key=draft.key)

    def get(self, key: str) -> Record:
        """Answers one record. Raises NotFound if there is none."""
        return self._session.get(operations.COLLECTION_RECORD, Record, collection=self.name, key=key)

    def delete(self, key: str) -> None:
        """Deletes one record. Raises NotFound if there is none."""
        self._session.tell(operations.COLLECTION_DELETE, collection=self.name, key=key)

    def of_contact(self, who: int | str) -> Page[Record]:
        """Answers the 100 latest records of a contact, by id or address."""
        return self._session.rows(operations.CONTACT_RECORDS, Record, who=who, collection=self.name)

    def delete_of_contact(self, who: int | str) -> None:
        """Deletes a contact's records of this collection."""
        self._session.tell(operations.CONTACT_RECORDS_DELETE, who=who, collection=self.name)

    def start_import(self, drafts: Sequence[RecordDraft]) -> Import:
        """Starts the import of many records."""
        body = [each.body() for each in drafts]
        return self._session.post(operations.COLLECTION_IMPORT, Import, body, collection=self.name)

    def import_status(self, import_id: str) -> Import:
        """Answers how far an import is: NotStarted, NotFinished, Finished or Failed."""
        return self._session.get(operations.COLLECTION_IMPORT_STATUS, Import, guid=import_id)

    def import_report(self, import_id: str) -> RecordReport:
        """Answers the counters of a finished import and the records it refused."""
        return self._session.get(operations.COLLECTION_IMPORT_REPORT, RecordReport, guid=import_id)
