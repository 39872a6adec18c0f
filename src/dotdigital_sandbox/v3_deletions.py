"""Bulk deletions of version 3: who is meant, and what came of each (contract §7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer, lowered, whole_number
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.removals import start_deletion
from dotdigital_sandbox.routing import LOW, UNLIMITED, Route
from dotdigital_sandbox.v3_contacts import matched
from dotdigital_sandbox.v3_errors import V3Error, guid_of

LIMIT = 5000
NAMES = {"contactid": "contactId", "email": "email", "mobilenumber": "mobileNumber"}
FAULTS = {"email": "invalidEmail", "mobileNumber": "invalidMobileNumber", "contactId": "invalidContact"}
NOT_FOUND = "contactNotFound"
TEXTS = {NOT_FOUND: "The contact could not be found", "invalidEmail": "Invalid value for 'email'"}


def start_delete(call: Call) -> Answer:
    """POST /contacts/v3/delete: contacts out of the account, in the background."""
    given = _given(call)
    with call.account.store.writing() as db:
        jobs = db.execute("SELECT count(*) FROM deletion WHERE status = 'Started' AND book_id IS NULL").fetchone()[0]
        if jobs >= call.account.settings.active_deletions:
            raise V3Error(429, "tooManyBulkDeleteJobs", "There are too many deletions that are not finished")
        entries = [_entry(db, each) for each in given]
        ids = [entry["id"] for entry in entries if entry["id"] is not None]
        guid = start_deletion(db, call.account, book_id=None, contact_ids=ids, entries=json.dumps(entries))
    call.account.work.wake()
    return json_answer({"deleteId": guid}, status=HTTPStatus.ACCEPTED)


def _given(call: Call) -> list[dict[str, Any]]:
    try:
        body = call.json()
    except ApiError as refused:
        raise V3Error(400, "badJson", refused.message) from None
    given = lowered(body).get("contactids") if isinstance(body, dict) else body
    if not isinstance(given, list):
        raise V3Error(400, "badRequest", "The contacts must be a list of identifiers", "contactIds")
    if not 1 <= len(given) <= LIMIT:
        raise V3Error(400, "noContactsSpecified", f"Between 1 and {LIMIT} contacts can be deleted", "contactIds")
    return [_identifier(each) for each in given]


def _identifier(given: object) -> dict[str, Any]:
    """``{"contactId": 1}``, ``{"email": "a@example.com"}`` or another, from the like or a plain id."""
    keys: Mapping[str, object] = given if isinstance(given, dict) else {"contactId": given}
    if len(keys) == 1:
        ((name, value),) = keys.items()
        spelled = NAMES.get(str(name).lower(), str(name))
        number = whole_number(value)
        if spelled == "contactId" and number is not None and number >= 0:
            return {spelled: number}
        if spelled != "contactId" and isinstance(value, str):
            return {spelled: value}
    text = "A contact to delete is named by contactId, email or mobileNumber"
    raise V3Error(400, "badRequest", text, "contactIds")


def _entry(db: Connection, identifier: dict[str, Any]) -> dict[str, Any]:
    """Who is meant: an id, or a fault."""
    ((name, value),) = identifier.items()
    try:
        row = matched(db, name, str(value))
    except V3Error:
        return {"given": identifier, "id": None, "fault": FAULTS.get(name, "invalidContact")}
    return {"given": identifier, "id": row["id"] if row else None, "fault": None if row else NOT_FOUND}


def delete_status(call: Call) -> Answer:
    """GET /contacts/v3/delete/{id}: once finished, what came of each contact."""
    guid = guid_of(call, "invalidDeleteId")
    with call.account.store.reading() as db:
        row = db.execute("SELECT * FROM deletion WHERE guid = ? AND book_id IS NULL", (guid,)).fetchone()
    if row is None:
        # The vendor's document has no other code for it than that of imports.
        raise V3Error(404, "importNotFound", f"The deletion '{guid}' was not found")
    if row["status"] != "Completed":
        return json_answer({"deleteId": row["guid"], "status": "NotFinished"})
    return json_answer({"deleteId": row["guid"], "status": "Finished", **_results(json.loads(row["entries"]))})


def _results(entries: list[dict[str, Any]]) -> dict[str, Any]:
    seen: set[int] = set()
    deleted: list[dict[str, Any]] = []
    failures: list[tuple[dict[str, Any], str]] = []
    for entry in entries:
        # Whoever is named twice is gone the second time.
        fault = entry["fault"] or (NOT_FOUND if entry["id"] in seen else None)
        if fault:
            failures.append((entry["given"], fault))
        else:
            seen.add(entry["id"])
            deleted.append(entry["given"])
    unknown = sum(fault == NOT_FOUND for _, fault in failures)
    return {
        "summary": {
            "requestedContacts": len(entries),
            "deletedContacts": len(deleted),
            "unknownContacts": unknown,
            "invalidEntries": len(failures) - unknown,
        },
        "deleted": deleted,
        "failures": [{"identifier": given, "failures": [_reason(fault)]} for given, fault in failures],
    }


def _reason(fault: str) -> dict[str, str]:
    return {"failureCode": fault, "description": TEXTS.get(fault, "Invalid value")}


ROUTES = [
    Route("POST", "/contacts/v3/delete", start_delete, LOW),
    Route("GET", "/contacts/v3/delete/{guid}", delete_status, UNLIMITED),
]
