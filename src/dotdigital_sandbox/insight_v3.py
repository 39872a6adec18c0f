"""Insight data of version 3: the collections, and what is done to them in the background."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.insight_fields import schema_out
from dotdigital_sandbox.insight_store import (
    ACCOUNT,
    COLLECTION_TYPES,
    CONTACT,
    collection_named,
    is_collection_name,
    make_collection,
    note_work,
    work_of,
)
from dotdigital_sandbox.routing import MEDIUM, UNLIMITED, Route
from dotdigital_sandbox.v3_errors import V3Error, guid_of

SCOPES = (ACCOUNT, CONTACT)
MOST_COLLECTIONS = 1000
BAD_REQUEST = "insightData:badRequest"


def body_of(call: Call) -> Any:
    """The JSON of a call."""
    try:
        return call.json()
    except ApiError as refused:
        raise V3Error(400, "insightData:badJson", refused.message) from None


def collection_name(name: object) -> str:
    """The name, if a collection can have it; refused otherwise."""
    if not isinstance(name, str) or not is_collection_name(name):
        raise V3Error(400, "insightData:invalidId", f"The collectionName value '{name}' is invalid")
    return name


def collection_of(db: Connection, call: Call, *, scope: str | None = None) -> Row:
    """The collection of the path, of a scope if one is wanted; refused when there is none."""
    name = collection_name(call.params["collection"])
    row = collection_named(db, name)
    if row is None or (scope is not None and row["scope"] != scope):
        details = [{"item": name, "description": "Not found"}]
        raise V3Error(404, "insightData:collectionNotFound", "The collection could not be found", details=details)
    return row


def one_of(value: object, choices: tuple[str, ...], item: str) -> str:
    """The member of an enum as the API spells it."""
    spelled = {each.lower(): each for each in choices}
    if not isinstance(value, str) or value.lower() not in spelled:
        raise V3Error(400, BAD_REQUEST, f"{item} must be one of {', '.join(choices)}", item)
    return spelled[value.lower()]


def summaries(db: Connection, condition: str = "TRUE", counted: str = "TRUE", **params: object) -> list[dict[str, Any]]:
    """The collections that meet a condition on ``c``, each with how many records ``i`` count."""
    rows = db.execute(
        f"SELECT c.*, (SELECT count(*) FROM insight i WHERE i.collection = c.name AND {counted}) AS records "
        f"FROM insight_collection c WHERE {condition} ORDER BY c.id LIMIT {MOST_COLLECTIONS}",
        params,
    )
    return [
        {
            "collectionName": row["name"],
            "collectionType": row["type"],
            "collectionScope": row["scope"],
            "recordCount": row["records"],
        }
        for row in rows
    ]


def list_collections(call: Call) -> Answer:
    """GET /insightData/v3/collections: those of the account and those of contacts."""
    with call.account.store.reading() as db:
        return json_answer(summaries(db))


def list_account_collections(call: Call) -> Answer:
    """GET /insightData/v3/account: the collections of the account."""
    with call.account.store.reading() as db:
        return json_answer(summaries(db, "c.scope = :scope", scope=ACCOUNT))


def create_collection(call: Call) -> Answer:
    """POST /insightData/v3/collections/{collectionName}: 200 when there is one already, 412 beyond a thousand."""
    name = collection_name(call.params["collection"])
    scope = one_of(call.text("collectionscope") or None, SCOPES, "collectionScope")
    kind = one_of(call.text("collectiontype") or None, COLLECTION_TYPES, "collectionType")
    with call.account.store.writing() as db:
        if collection_named(db, name) is not None:
            return Answer(HTTPStatus.OK, media_type=None)
        add_collection(db, call, name, scope, kind)
    return Answer(HTTPStatus.CREATED, media_type=None)


def add_collection(db: Connection, call: Call, name: str, scope: str, kind: str) -> Row:
    """A new collection; refused beyond a thousand."""
    if db.execute("SELECT count(*) FROM insight_collection").fetchone()[0] >= MOST_COLLECTIONS:
        text = f"There are {MOST_COLLECTIONS} collections, and there can be no more"
        raise V3Error(HTTPStatus.PRECONDITION_FAILED, "insightData:collectionLimitExceeded", text)
    return make_collection(db, call.account, name, scope=scope, kind=kind)


def delete_collection(call: Call) -> Answer:
    """DELETE /insightData/v3/collections/{collectionName}: with all its records; 202 with the id of the work."""
    with call.account.store.writing() as db:
        collection = collection_of(db, call)
        answer = empty(db, call, "collection = ?", collection["name"])
        db.execute("DELETE FROM insight_collection WHERE id = ?", (collection["id"],))
    return answer


def empty_collection(call: Call) -> Answer:
    """DELETE /insightData/v3/collections/{collectionName}/empty: the collection itself stays."""
    with call.account.store.writing() as db:
        return empty(db, call, "collection = ?", collection_of(db, call)["name"])


def empty(db: Connection, call: Call, condition: str, *params: object) -> Answer:
    """Delete the records that meet a condition; answers the id of the work, which counts as finished when due."""
    gone = db.execute(f"DELETE FROM insight WHERE {condition}", params).rowcount
    summary = {"totalRecords": gone, "totalProcessed": gone, "totalFailed": 0}
    report = {"summary": summary, "failures": []}
    guid = note_work(db, call.account, "job", report, seconds=call.account.settings.deletion_seconds)
    return json_answer({"jobId": guid}, status=HTTPStatus.ACCEPTED)


def job_status(call: Call) -> Answer:
    """GET /insightData/v3/async/{jobId}."""
    guid = guid_of(call, "insightData:invalidId")
    with call.account.store.reading() as db:
        row, over = work_of(db, call.account, "job", guid)
    if row is None:
        raise V3Error(404, "insightData:asyncJobNotFound", f"The job ID '{guid}' could not be found!")
    report = json.loads(row["report"]) if over else {}
    return json_answer({"jobId": row["guid"], "status": "Finished" if over else "NotFinished", **report})


def collection_schema(call: Call) -> Answer:
    """GET /insightData/v3/collections/{collectionName}/schema: what is known of its records."""
    with call.account.store.reading() as db:
        row = collection_of(db, call)
    schema = {"fields": schema_out(json.loads(row["fields"]))}
    return json_answer({"collectionName": row["name"], "collectionType": row["type"], "schema": schema})


_BASE = "/insightData/v3"
ROUTES = [
    Route("GET", f"{_BASE}/collections", list_collections, MEDIUM),
    Route("POST", f"{_BASE}/collections/{{collection}}", create_collection, MEDIUM),
    Route("DELETE", f"{_BASE}/collections/{{collection}}", delete_collection, MEDIUM),
    Route("DELETE", f"{_BASE}/collections/{{collection}}/empty", empty_collection, MEDIUM),
    Route("GET", f"{_BASE}/collections/{{collection}}/schema", collection_schema, MEDIUM),
    Route("GET", f"{_BASE}/account", list_account_collections, MEDIUM),
    Route("GET", f"{_BASE}/async/{{guid}}", job_status, UNLIMITED),
]
