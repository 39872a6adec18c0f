"""Insight data of version 3: records in bulk, and what came of each."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.insight_fields import Fault
from dotdigital_sandbox.insight_store import (
    ACCOUNT,
    COLLECTION_TYPES,
    NO_CONTACT,
    check_key,
    collection_named,
    keep_record,
    note_work,
    work_of,
)
from dotdigital_sandbox.insight_v3 import BAD_REQUEST, SCOPES, add_collection, body_of, collection_name, one_of
from dotdigital_sandbox.routing import LOW, UNLIMITED, Route
from dotdigital_sandbox.v3_contacts import matched
from dotdigital_sandbox.v3_errors import V3Error, guid_of, object_of


def import_records(call: Call) -> Answer:
    """PUT /insightData/v3/import: an upsert into a collection, made if there is none; bad records are reported."""
    body = object_of(body_of(call), "body", code=BAD_REQUEST)
    name = collection_name(body.get("collectionname"))
    scope = one_of(body.get("collectionscope"), SCOPES, "collectionScope")
    kind = one_of(body.get("collectiontype"), COLLECTION_TYPES, "collectionType")
    records = body.get("records")
    if not isinstance(records, list) or not records:
        raise V3Error(400, BAD_REQUEST, "records must hold at least one record", "records")
    given = [object_of(each, "records", code=BAD_REQUEST) for each in records]
    failures: list[dict[str, Any]] = []
    with call.account.store.writing() as db:
        collection = collection_named(db, name) or add_collection(db, call, name, scope, kind)
        if collection["scope"] != scope:
            raise V3Error(400, BAD_REQUEST, f"The collection has the scope {collection['scope']}", "collectionScope")
        seen: set[str] = set()
        for record in given:
            try:
                _keep(db, call, collection, record, seen)
            except Fault as fault:
                failures.append(_failure(scope, record, fault))
            # What is known of the fields grows with each record.
            collection = collection_named(db, name) or collection
        report = _report(collection["name"], len(given), failures)
        seconds = call.account.settings.import_seconds
        guid = note_work(db, call.account, "v3", report, seconds=seconds)
    return json_answer({"importId": guid}, status=HTTPStatus.ACCEPTED)


def _keep(db: Connection, call: Call, collection: Row, record: dict[str, Any], seen: set[str]) -> None:
    key = check_key(_text(record.get("key")))
    if key in seen:
        raise Fault("DuplicateKey", f"The key '{key}' occurs twice in this import")
    content = record.get("json")
    if not isinstance(content, dict):
        raise Fault("InvalidJson", "A record must be a JSON object")
    owner = NO_CONTACT if collection["scope"] == ACCOUNT else _owner(db, record.get("contactidentity"))
    keep_record(db, call.account, collection, content, key=key, contact_id=owner)
    seen.add(key)


def _text(value: object) -> object:
    # The vendor's own example writes a key as a number.
    return str(value) if type(value) is int else value


def _owner(db: Connection, given: object) -> int:
    identity = {str(key).lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
    identifier, value = identity.get("identifier"), _text(identity.get("value"))
    if not isinstance(identifier, str) or not isinstance(value, str):
        raise Fault("InvalidContactIdentifier", "A record of a contact needs a contactIdentity")
    try:
        row = matched(db, identifier, value)
    except V3Error as refused:
        raise Fault("InvalidContactIdentifier", refused.message) from None
    if row is None:
        raise Fault("ContactIdDoesNotExist" if identifier.lower() == "contactid" else "ContactEmailDoesNotExist")
    return int(row["id"])


def _repeated(value: object) -> str:
    """What was given, as a text; an empty one for nothing."""
    return "" if value is None else str(value)


def _failure(scope: str, record: dict[str, Any], fault: Fault) -> dict[str, Any]:
    owner: dict[str, Any] = {"ownerType": scope}
    identity = record.get("contactidentity")
    if isinstance(identity, dict):
        known = {str(key).lower(): value for key, value in identity.items()}
        owner["contactIdentity"] = {
            "identifier": _repeated(known.get("identifier")),
            "value": None if known.get("value") is None else str(known["value"]),
        }
    content = record.get("json")
    return {
        "collectionOwner": owner,
        "failureReason": str(fault),
        "details": fault.details,
        "key": _repeated(record.get("key")),
        "json": content if isinstance(content, dict) else {},
    }


def _report(name: str, count: int, failures: list[dict[str, Any]]) -> dict[str, Any]:
    summary = {"totalRecords": count, "totalImported": count - len(failures), "totalRejected": len(failures)}
    return {"collectionName": name, "summary": summary, **({"failures": failures} if failures else {})}


def import_status(call: Call) -> Answer:
    """GET /insightData/v3/import/{importId}: its summary and failures once it is complete."""
    guid = guid_of(call, "insightData:invalidId")
    with call.account.store.reading() as db:
        row, over = work_of(db, call.account, "v3", guid)
    if row is None:
        raise V3Error(404, "insightData:importNotFound", f"The import request '{guid}' could not be found!")
    report = json.loads(row["report"]) if over else {}
    return json_answer({"importId": row["guid"], "status": "Complete" if over else "Processing", **report})


ROUTES = [
    Route("PUT", "/insightData/v3/import", import_records, LOW),
    Route("GET", "/insightData/v3/import/{guid}", import_status, UNLIMITED),
]
