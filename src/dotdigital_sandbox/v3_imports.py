"""Imports and bulk deletions of version 3: JSON in, per-row outcomes back (contract §7)."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

import msgspec

from dotdigital_sandbox.calls import Answer, Call, encoded, json_answer, lowered
from dotdigital_sandbox.contact_writing import contact_by_email
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.folder import new_file
from dotdigital_sandbox.import_rows import Merge
from dotdigital_sandbox.import_sources import upload_path
from dotdigital_sandbox.removals import start_deletion
from dotdigital_sandbox.routing import LOW, UNLIMITED, Route
from dotdigital_sandbox.uploads import note_import, spooled
from dotdigital_sandbox.v3_contacts import V3Error, merge_values, read_given, save_given
from dotdigital_sandbox.values import is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

MERGES: dict[str, Merge] = {"overwrite": 0, "overwriteifnotempty": 1, "overwriteifempty": 2}
BATCH = 500
DELETE_LIMIT = 5000
SUMMARY = {
    "created": "newContacts",
    "updated": "updatedContacts",
    "globallySuppressed": "globallySuppressed",
    "invalidEmail": "invalidEntries",
    "duplicateIdentifier": "duplicateIdentifiers",
}


def start_import(call: Call) -> Answer:
    """PUT /contacts/v3/import."""
    try:
        body = lowered(msgspec.json.decode(spooled(call).read_bytes()))
    except (msgspec.DecodeError, ApiError):
        raise V3Error(400, "badJson", "The body is no JSON object") from None
    contacts = body.get("contacts")
    if not isinstance(contacts, list) or not contacts:
        raise V3Error(400, "noContactsSpecified", "No contacts were specified", "contacts")
    merge = MERGES.get(str(body.get("mergeoption") or "overwrite").lower())
    if merge is None:
        raise V3Error(400, "badRequest", "The merge option is unknown", "mergeOption")
    for each in contacts:
        if not isinstance(each, dict) or "identifiers" not in lowered(each):
            raise V3Error(400, "badRequest", "The Identifiers field is required", "identifiers")
    guid = str(uuid.uuid4())
    path = upload_path(call.account, guid)
    with new_file(path) as file:
        file.writelines(encoded(each) + b"\n" for each in contacts)
    try:
        with call.account.store.writing() as db:
            note_import(db, call.account, guid=guid, kind="v3", merge=merge, book_ids=[], header=[])
    except ApiError:
        path.unlink(missing_ok=True)
        raise V3Error(429, "tooManyActiveImports", "There are too many active imports") from None
    call.account.work.wake()
    return json_answer({"importId": guid}, status=HTTPStatus.ACCEPTED)


def process(account: Account, job: Row) -> dict[str, int]:
    """Do a queued import; the counters of its summary."""
    counters: Counter[str] = Counter(dict.fromkeys(SUMMARY.values(), 0))
    seen: set[str] = set()
    with upload_path(account, job["guid"]).open("rb") as file:
        rows = enumerate(file, start=1)
        while batch := list(islice(rows, BATCH)):
            with account.store.writing() as db:
                results = [(number, *_one(db, account, job["merge"], line, seen)) for number, line in batch]
                db.executemany(
                    "INSERT OR REPLACE INTO import_result VALUES (?, ?, ?, ?)",
                    [(job["id"], number, outcome, json.dumps(body)) for number, outcome, _, body in results],
                )
            counters.update(SUMMARY[key] for _, _, key, _ in results if key in SUMMARY)
    return dict(counters)


def _one(db: Connection, account: Account, merge: int, line: bytes, seen: set[str]) -> tuple[str, str, dict[str, Any]]:
    """Outcome, counter key and body of one row."""
    raw = lowered(msgspec.json.decode(line))
    identifiers = raw.get("identifiers") or {}
    try:
        given = read_given(db, account, raw)
        key = given.contact.email.lower()
        if key in seen:
            return _failed(identifiers, None, "duplicateIdentifier", "The identifier occurs twice in this import")
        seen.add(key)
        known = contact_by_email(db, key)
        merge_values(given.contact, known, merge)
        contact_id = save_given(db, account, given, known=known)
    except V3Error as refused:
        code = "invalidEmail" if refused.code == "contacts:invalidId" else "globallySuppressed"
        code = code if refused.details else "invalidContact"
        return _failed(identifiers, None, code, refused.message)
    outcome = "updated" if known else "created"
    return outcome, outcome, {"contactId": contact_id, "identifiers": identifiers}


def _failed(identifiers: object, contact_id: int | None, code: str, text: str) -> tuple[str, str, dict[str, Any]]:
    failures = [{"failureCode": code, "description": text}]
    body = {"contactId": contact_id, "matchIdentifier": "email", "identifiers": identifiers, "failures": failures}
    return "failures", code, body


def import_status(call: Call) -> Answer:
    """GET /contacts/v3/import/{importId}."""
    with call.account.store.reading() as db:
        job = db.execute(
            "SELECT * FROM import_job WHERE guid = ? AND kind = 'v3'", (call.params["guid"].lower(),)
        ).fetchone()
        if job is None:
            raise V3Error(404, "importNotFound", "The import was not found")
        out: dict[str, Any] = {"importId": job["guid"], "status": job["status"]}
        if job["status"] == "Finished":
            out["summary"] = json.loads(job["counters"]) or dict.fromkeys(SUMMARY.values(), 0)
            for outcome in ("created", "updated", "failures"):
                out[outcome] = list(_results(db, job["id"], outcome))
    return json_answer(out)


def _results(db: Connection, import_id: int, outcome: str) -> Iterator[Any]:
    for row in db.execute(
        "SELECT body FROM import_result WHERE import_id = ? AND outcome = ? ORDER BY row", (import_id, outcome)
    ):
        yield json.loads(row["body"])


def start_delete(call: Call) -> Answer:
    """POST /contacts/v3/delete: contacts out of the account, in the background."""
    body = call.json()
    given = lowered(body).get("contactids") if isinstance(body, dict) else body
    if not isinstance(given, list):
        raise V3Error(400, "badRequest", "The contacts must be a list of identifiers", "contactIds")
    if not 1 <= len(given) <= DELETE_LIMIT:
        raise V3Error(400, "noContactsSpecified", f"Between 1 and {DELETE_LIMIT} contacts can be deleted", "contactIds")
    with call.account.store.writing() as db:
        found = [_meant(db, each) for each in given]
        ids = [each for each in found if each is not None]
        guid = start_deletion(db, call.account, book_id=None, contact_ids=ids)
    call.account.work.wake()
    return json_answer({"deleteId": guid}, status=HTTPStatus.ACCEPTED)


def _meant(db: Connection, given: object) -> int | None:
    """The contact of ``{"contactId": 1}``, ``{"email": "a@example.com"}`` or a plain id; None when there is none."""
    keys = lowered(given) if isinstance(given, dict) else {"contactid": given}
    number, email = keys.get("contactid"), keys.get("email")
    if type(number) is int:
        return number
    if isinstance(email, str) and is_email(email):
        row = contact_by_email(db, email)
        return None if row is None else int(row["id"])
    raise V3Error(400, "badRequest", "A contact to delete is named by contactId or email", "contactIds")


def delete_status(call: Call) -> Answer:
    """GET /contacts/v3/delete/{id}."""
    with call.account.store.reading() as db:
        row = db.execute(
            "SELECT * FROM deletion WHERE guid = ? AND book_id IS NULL", (call.params["guid"].lower(),)
        ).fetchone()
    if row is None:
        raise V3Error(404, "invalidDeleteId", "The deletion was not found")
    return json_answer(
        {"deleteId": row["guid"], "status": "Finished" if row["status"] == "Completed" else "NotFinished"}
    )


ROUTES = [
    Route("PUT", "/contacts/v3/import", start_import, LOW, upload=True),
    Route("GET", "/contacts/v3/import/{guid}", import_status, UNLIMITED),
    Route("POST", "/contacts/v3/delete", start_delete, LOW),
    Route("GET", "/contacts/v3/delete/{guid}", delete_status, UNLIMITED),
]
