"""Transactional ("Insight") data: JSON kept by collection and key, hung on a contact (contract §4.6)."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import NO_CONTENT, PAGE, Answer, Call, json_answer, lowered
from dotdigital_sandbox.contact_writing import contact_of, find_contact
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.insight_fields import Fault
from dotdigital_sandbox.insight_store import (
    ACCOUNT,
    ACCOUNT_ID,
    CONTACT,
    NO_CONTACT,
    check_key,
    collection_named,
    is_collection_name,
    keep_record,
    make_collection,
    note_work,
    record_of,
    work_of,
)
from dotdigital_sandbox.routing import LOW, MEDIUM, UNLIMITED, Route
from dotdigital_sandbox.values import is_email

LATEST = 100


def _collection(call: Call) -> str:
    name = call.params["collection"]
    if not is_collection_name(name):
        raise refusal("TRANSACTIONAL_DATA_INVALID_COLLECTION_NAME")
    return name


def _keep(db: Connection, call: Call, name: str, given: object) -> Row:
    """Keep one item in a collection, made with its first item; raises :class:`Fault`."""
    if not isinstance(given, dict):
        raise Fault("InvalidJson")
    keys = lowered(given)
    key, ident, content = check_key(keys.get("key")), keys.get("contactidentifier"), keys.get("json")
    if not isinstance(content, (str, dict)):
        raise Fault("InvalidJson")
    held = record_of(db, name, key) if ident is None else None
    contact_id = held["contact_id"] if held is not None else _owner(db, ident)
    collection = collection_named(db, name)
    if collection is None:
        scope = ACCOUNT if contact_id == NO_CONTACT else CONTACT
        collection = make_collection(db, call.account, name, scope=scope)
    return keep_record(db, call.account, collection, content, key=key, contact_id=contact_id)


def _owner(db: Connection, ident: object) -> int:
    if isinstance(ident, str) and ident.lower() in (ACCOUNT, ACCOUNT_ID):
        return NO_CONTACT
    text = str(ident) if isinstance(ident, (str, int)) and not isinstance(ident, bool) else ""
    if not text.isdigit() and not is_email(text):
        raise Fault("InvalidContactIdentifier")
    row = find_contact(db, text)
    if row is None:
        raise Fault("ContactIdDoesNotExist" if text.isdigit() else "ContactEmailDoesNotExist")
    return int(row["id"])


def _out(row: Row) -> dict[str, Any]:
    owner = ACCOUNT_ID if row["contact_id"] == NO_CONTACT else str(row["contact_id"])
    return {"key": row["key"], "contactIdentifier": owner, "json": row["json"]}


def _item_of(db: Connection, call: Call) -> Row:
    row = record_of(db, _collection(call), call.params["key"])
    if row is None:
        raise refusal("TRANSACTIONAL_DATA_DOES_NOT_EXIST")
    return row


def save_item(call: Call) -> Answer:
    """POST /v2/contacts/transactional-data/{collection}, and .../{key}: an upsert."""
    body = call.json_object()
    body["key"] = call.params.get("key") or body.get("key", str(uuid.uuid4()))
    try:
        with call.account.store.writing() as db:
            row = _keep(db, call, _collection(call), body)
    except Fault:
        raise refusal("TRANSACTIONAL_DATA_VALIDATION_FAILED") from None
    # A record that is addressed by its key is replaced; one that is added was made.
    return json_answer(_out(row), status=HTTPStatus.OK if "key" in call.params else HTTPStatus.CREATED)


def read_item(call: Call) -> Answer:
    """GET /v2/contacts/transactional-data/{collection}/{key}."""
    with call.account.store.reading() as db:
        return json_answer(_out(_item_of(db, call)))


def delete_item(call: Call) -> Answer:
    """DELETE /v2/contacts/transactional-data/{collection}/{key}."""
    with call.account.store.writing() as db:
        row = _item_of(db, call)
        db.execute("DELETE FROM insight WHERE collection = ? AND key = ?", (row["collection"], row["key"]))
    return NO_CONTENT


def items_of_contact(call: Call) -> Answer:
    """GET /v2/contacts/{id}/transactional-data/{collection}: the latest hundred."""
    with call.account.store.reading() as db:
        contact = contact_of(db, call.params["ident"])
        rows = db.execute(
            "SELECT * FROM insight WHERE contact_id = ? AND collection = ? ORDER BY modified DESC, key LIMIT ?",
            (contact["id"], _collection(call), LATEST),
        )
        return json_answer([_out(row) for row in rows])


def delete_items_of_contact(call: Call) -> Answer:
    """DELETE /v2/contacts/{id}/transactional-data/{collection}."""
    with call.account.store.writing() as db:
        contact = contact_of(db, call.params["ident"])
        db.execute("DELETE FROM insight WHERE contact_id = ? AND collection = ?", (contact["id"], _collection(call)))
    return NO_CONTENT


def import_items(call: Call) -> Answer:
    """POST /v2/contacts/transactional-data/import/{collection}: many at once; bad ones are reported, not refused."""
    items = call.json()
    if not isinstance(items, list):
        raise refusal("PARAMETER_INVALID")
    collection, faults, seen = _collection(call), list[dict[str, Any]](), set[str]()
    with call.account.store.writing() as db:
        for item in items:
            given = lowered(item).get("key") if isinstance(item, dict) else None
            key = "" if given is None else str(given)
            try:
                if key in seen:
                    raise Fault("DuplicateKey")  # noqa: TRY301 - joins the faults found below
                _keep(db, call, collection, item)
                seen.add(key)
            except Fault as fault:
                detail = {"detail": "; ".join(fault.details) or None}
                current = call.account.settings.shape == "current"
                faults.append({"key": key, "reason": str(fault), **(detail if current else {})})
        counts = {"totalItems": len(items), "totalImported": len(items) - len(faults), "totalRejected": len(faults)}
        seconds = call.account.settings.import_seconds
        guid = note_work(db, call.account, "v2", {**counts, "faults": faults}, seconds=seconds)
    return json_answer({"id": guid, "status": "NotStarted"}, status=HTTPStatus.ACCEPTED)


def _import_of(call: Call) -> tuple[Row, bool]:
    """The import of the path, and whether its time has passed."""
    with call.account.store.reading() as db:
        row, over = work_of(db, call.account, "v2", call.params["guid"])
    if row is None:
        raise refusal("IMPORT_NOT_FOUND")
    return row, over


def import_status(call: Call) -> Answer:
    """GET /v2/contacts/transactional-data/import/{guid}."""
    row, over = _import_of(call)
    return json_answer({"id": row["guid"], "status": "Finished" if over else "NotFinished"})


def import_report(call: Call) -> Answer:
    """GET /v2/contacts/transactional-data/import/{guid}/report."""
    row, over = _import_of(call)
    if not over:
        raise refusal("IMPORT_REPORT_NOT_FOUND")
    return json_answer(json.loads(row["report"]))


def list_collections(call: Call) -> Answer:
    """GET /v2/contacts/transactional-data-collections: those of the account and those of contacts."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute("SELECT id, name FROM insight_collection ORDER BY id LIMIT ? OFFSET ?", page)
        return json_answer([dict(row) for row in rows])


def _known_collection(db: Connection, call: Call) -> str:
    row = collection_named(db, _collection(call))
    if row is None:
        raise refusal("TRANSACTIONAL_DATA_COLLECTION_DOES_NOT_EXIST")
    return str(row["name"])


def items_of_account(call: Call) -> Answer:
    """GET /v2/transactional-data/{collection}: the items of the account itself, a hundred a page."""
    page = call.page(LATEST, most=LATEST)
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT * FROM insight WHERE collection = ? AND contact_id = ? ORDER BY key LIMIT ? OFFSET ?",
            (_known_collection(db, call), NO_CONTACT, *page),
        )
        return json_answer([_out(row) for row in rows])


def items_from_key(call: Call) -> Answer:
    """GET /v2/contacts/transactional-data/{collection}?fromId&take: the items behind a key, in the order of keys."""
    take = call.number("take", PAGE, least=1, most=PAGE)
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT * FROM insight WHERE collection = ? AND key > ? ORDER BY key LIMIT ?",
            (_known_collection(db, call), call.text("fromid"), take),
        )
        return json_answer([_out(row) for row in rows])


def empty_collection(call: Call) -> Answer:
    """PUT /v2/contacts/transactional-data/{collection}/empty: the collection itself stays."""
    with call.account.store.writing() as db:
        db.execute("DELETE FROM insight WHERE collection = ?", (_known_collection(db, call),))
    return NO_CONTENT


_BASE = "/v2/contacts/transactional-data"
ROUTES = [
    Route("GET", f"{_BASE}-collections", list_collections, MEDIUM),
    Route("GET", "/v2/transactional-data/{collection}", items_of_account, MEDIUM),
    Route("PUT", f"{_BASE}/{{collection}}/empty", empty_collection, MEDIUM),
    Route("GET", f"{_BASE}/{{collection}}", items_from_key, LOW),
    Route("POST", f"{_BASE}/{{collection}}", save_item, MEDIUM),
    Route("POST", f"{_BASE}/import/{{collection}}", import_items, LOW),
    Route("GET", f"{_BASE}/import/{{guid}}", import_status, UNLIMITED),
    Route("GET", f"{_BASE}/import/{{guid}}/report", import_report, LOW),
    Route("GET", f"{_BASE}/{{collection}}/{{key}}", read_item, MEDIUM),
    Route("POST", f"{_BASE}/{{collection}}/{{key}}", save_item, MEDIUM),
    Route("DELETE", f"{_BASE}/{{collection}}/{{key}}", delete_item, MEDIUM),
    Route("GET", "/v2/contacts/{ident}/transactional-data/{collection}", items_of_contact, MEDIUM),
    Route("DELETE", "/v2/contacts/{ident}/transactional-data/{collection}", delete_items_of_contact, MEDIUM),
]
