"""Bulk removal of contacts from a book, done in the background (contract §4.5)."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING

from dotdigital_sandbox.address_books import book_id_of, book_of
from dotdigital_sandbox.calls import Answer, Call, json_answer, whole_number
from dotdigital_sandbox.contact_writing import delete_contacts
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, UNLIMITED, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


def start_deletion(
    db: Connection, account: Account, *, book_id: int | None, contact_ids: list[int] | None, entries: str | None = None
) -> str:
    """Note a removal to be done soon; without a book the contacts leave the account.

    Without ids everybody leaves the book. ``entries`` is kept with it, for who asks what came of it.
    """
    guid = str(uuid.uuid4())
    due = text_of(account.clock.now() + timedelta(seconds=account.settings.deletion_seconds))
    ids = None if contact_ids is None else json.dumps(contact_ids)
    db.execute(
        "INSERT INTO deletion (guid, due, book_id, contact_ids, entries) VALUES (?, ?, ?, ?, ?)",
        (guid, due, book_id, ids, entries),
    )
    return guid


def finish_deletion(db: Connection, account: Account, row: Row) -> None:
    """Do a noted removal; members who had unsubscribed stay remembered as such."""
    if row["book_id"] is None:
        delete_contacts(db, account, json.loads(row["contact_ids"]))
    chosen = "" if row["contact_ids"] is None else "AND contact_id IN (SELECT value FROM json_each(:ids))"
    db.execute(
        f"DELETE FROM membership WHERE book_id = :book AND unsubscribed_at IS NULL {chosen}",
        {"book": row["book_id"], "ids": row["contact_ids"]},
    )
    db.execute("UPDATE deletion SET status = 'Completed', contact_ids = NULL WHERE guid = ?", (row["guid"],))


def _start(call: Call, contact_ids: list[int] | None) -> Answer:
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        guid = start_deletion(db, call.account, book_id=book["id"], contact_ids=contact_ids)
    call.account.work.wake()
    return json_answer({"id": guid, "status": "Started"}, status=HTTPStatus.ACCEPTED)


def remove_contacts(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/delete with a list of ids; unknown ids are no error."""
    given = call.json()
    ids = [whole_number(each) for each in given] if isinstance(given, list) else [None]
    if None in ids:
        raise refusal("PARAMETER_INVALID")
    if not ids:
        raise refusal("CONTACTS_ARE_NOT_SPECIFIED")
    return _start(call, [each for each in ids if each is not None])


def remove_all_contacts(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/delete-all."""
    return _start(call, None)


def deletion_status(call: Call) -> Answer:
    """GET /v2/contacts/deletion/{guid}."""
    guid = call.params["guid"].lower()
    with call.account.store.reading() as db:
        row = db.execute("SELECT guid, status FROM deletion WHERE guid = ? AND book_id IS NOT NULL", (guid,)).fetchone()
    if row is None:
        raise refusal("CONTACT_NOT_FOUND")
    return json_answer({"id": row["guid"], "status": row["status"]})


ROUTES = [
    Route("POST", "/v2/address-books/{book_id}/contacts/delete", remove_contacts, MEDIUM),
    Route("POST", "/v2/address-books/{book_id}/contacts/delete-all", remove_all_contacts, MEDIUM),
    Route("GET", "/v2/contacts/deletion/{guid}", deletion_status, UNLIMITED),
]
