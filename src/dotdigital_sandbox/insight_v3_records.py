"""Insight data of version 3: the records of the account and of contacts."""

from __future__ import annotations

from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

import msgspec

from dotdigital_sandbox.calls import NO_CONTENT, Answer, Call, json_answer
from dotdigital_sandbox.insight_fields import Fault
from dotdigital_sandbox.insight_store import (
    ACCOUNT,
    CONTACT,
    NO_CONTACT,
    check_key,
    json_of,
    keep_record,
    record_of,
)
from dotdigital_sandbox.insight_v3 import BAD_REQUEST, body_of, collection_of, empty, summaries
from dotdigital_sandbox.routing import HIGH, LOW, MEDIUM, Route
from dotdigital_sandbox.v3_contacts import contact_not_found, matched, since_of
from dotdigital_sandbox.v3_errors import V3Error, object_of
from dotdigital_sandbox.v3_paging import marked_page

# The vendor takes a limit of 5000 but shows no more than these.
PAGE = 1000
MOST_KEYS = 5000


def _contact(db: Connection, call: Call) -> int:
    """The contact of the path."""
    identifier, value = call.params["identifier"], call.params["value"]
    try:
        row = matched(db, identifier, value)
    except V3Error as refused:
        raise V3Error(refused.status, "insightData:invalidId", refused.message) from None
    if row is None:
        raise contact_not_found(call, "insightData:contactNotFound")
    return int(row["id"])


def _whose(db: Connection, call: Call) -> tuple[Row, int]:
    """The collection of the path and who owns the records that are meant: a contact, or the account."""
    if "identifier" not in call.params:
        return collection_of(db, call, scope=ACCOUNT), NO_CONTACT
    contact_id = _contact(db, call)
    return collection_of(db, call, scope=CONTACT), contact_id


def _out(row: Row) -> dict[str, Any]:
    owner = {} if row["contact_id"] == NO_CONTACT else {"ownerContactId": row["contact_id"]}
    # Records of version 2 may be a text, a number or a list, which this version does not know.
    content = row["json"] if row["json"].lstrip().startswith("{") else "{}"
    shown = {"key": row["key"], "json": msgspec.Raw(content.encode()), "created": row["created"]}
    return {**shown, "updated": row["modified"], **owner}


def _page(call: Call, condition: str, **params: object) -> Answer:
    page = marked_page(call, PAGE, code="insightData:invalidFilter")
    limit = min(page.limit, PAGE)
    since = since_of(call, "modified", code="insightData:invalidFilter")
    with call.account.store.reading() as db:
        where, found = _scope(db, call, condition)
        rows = db.execute(
            f"SELECT * FROM insight WHERE {where} AND id > :after AND (:since IS NULL OR modified >= :since) "
            "ORDER BY id LIMIT :limit",
            {**params, **found, "after": page.after, "since": since, "limit": limit + 1},
        ).fetchall()
    following = rows[limit - 1]["id"] if len(rows) > limit else None
    return json_answer(page.answer([_out(row) for row in rows[:limit]], following=following))


def _scope(db: Connection, call: Call, condition: str) -> tuple[str, dict[str, object]]:
    if condition == "everybody":
        return "collection = :name", {"name": collection_of(db, call, scope=CONTACT)["name"]}
    collection, owner = _whose(db, call)
    return "collection = :name AND contact_id = :owner", {"name": collection["name"], "owner": owner}


def list_records(call: Call) -> Answer:
    """GET .../account/{collectionName}, .../contacts/{identifier}/{value}/{collectionName}: pages by marker."""
    return _page(call, "owner")


def list_records_of_everybody(call: Call) -> Answer:
    """GET /insightData/v3/contacts/{collectionName}: the records of all contacts, pages by marker."""
    return _page(call, "everybody")


def list_collections_of_contact(call: Call) -> Answer:
    """GET /insightData/v3/contacts/{identifier}/{value}: the collections that hold something of a contact."""
    with call.account.store.reading() as db:
        mine = "i.contact_id = :contact"
        some = f"EXISTS (SELECT 1 FROM insight i WHERE i.collection = c.name AND {mine})"
        return json_answer(summaries(db, some, mine, contact=_contact(db, call)))


def _record(db: Connection, call: Call) -> Row:
    collection, owner = _whose(db, call)
    row = record_of(db, collection["name"], call.params["record"])
    if row is None or row["contact_id"] != owner:
        description = f"Not found in the contacts collection '{collection['name']}'"
        details = [{"item": call.params["record"], "description": description}]
        problem = "The Insight data record could not be found"
        raise V3Error(404, "insightData:recordNotFound", problem, details=details)
    return row


def read_record(call: Call) -> Answer:
    """GET .../{recordId}: one record."""
    with call.account.store.reading() as db:
        return json_answer(_out(_record(db, call)))


def save_record(call: Call) -> Answer:
    """PUT .../{recordId}: 201 for a new record, 204 for one replaced; the body is the record, or a text of it."""
    content = body_of(call)
    with call.account.store.writing() as db:
        collection, owner = _whose(db, call)
        try:
            key = check_key(call.params["record"])
            if not isinstance(json_of(content)[1], dict):
                raise Fault("InvalidJson", "A record must be a JSON object")  # noqa: TRY301 - as the others are
            known = record_of(db, collection["name"], key)
            keep_record(db, call.account, collection, content, key=key, contact_id=owner)
        except Fault as fault:
            details = [{"item": call.params["record"], "description": each} for each in fault.details]
            raise V3Error(400, "insightData:badJson", str(fault), details=details) from None
    return NO_CONTENT if known is not None else Answer(HTTPStatus.CREATED, media_type=None)


def delete_record(call: Call) -> Answer:
    """DELETE .../{recordId}: one record."""
    with call.account.store.writing() as db:
        db.execute("DELETE FROM insight WHERE id = ?", (_record(db, call)["id"],))
    return NO_CONTENT


def delete_records(call: Call) -> Answer:
    """DELETE .../deleteRecords: up to 5,000 records by their keys, at once; unknown keys are told."""
    keys = object_of(body_of(call), "body", code=BAD_REQUEST).get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS or not all(isinstance(key, str) for key in keys):
        text = f"You must specify between 1 and {MOST_KEYS} keys of the records to be deleted from the collection."
        raise V3Error(400, "insightData:noRecordsSpecified", text)
    missing: list[str] = []
    with call.account.store.writing() as db:
        collection, owner = _whose(db, call)
        for key in keys:
            gone = db.execute(
                "DELETE FROM insight WHERE collection = ? AND key = ? AND contact_id = ?",
                (collection["name"], key, owner),
            )
            if not gone.rowcount:
                missing.append(key)
    summary = {
        "totalRecords": len(keys), "totalDeleted": len(keys) - len(missing), "totalNotFound": len(missing),
    }  # fmt: skip
    return json_answer({"summary": summary, "notFound": missing, "failures": []})


def empty_for_contact(call: Call) -> Answer:
    """DELETE .../contacts/{identifier}/{value}/{collectionName}/empty: all records of a contact; 202."""
    with call.account.store.writing() as db:
        collection, owner = _whose(db, call)
        return empty(db, call, "collection = ? AND contact_id = ?", collection["name"], owner)


_ACCOUNT = "/insightData/v3/account/{collection}"
_CONTACTS = "/insightData/v3/contacts"
_CONTACT = f"{_CONTACTS}/{{identifier}}/{{value}}"
_RECORDS = f"{_CONTACT}/{{collection}}"
ROUTES = [
    Route("DELETE", "/insightData/v3/accounts/{collection}/deleteRecords", delete_records, LOW),
    Route("GET", f"{_CONTACTS}/{{collection}}", list_records_of_everybody, LOW),
    Route("GET", _CONTACT, list_collections_of_contact, MEDIUM),
    Route("DELETE", f"{_RECORDS}/deleteRecords", delete_records, LOW),
    Route("DELETE", f"{_RECORDS}/empty", empty_for_contact, MEDIUM),
    *(
        route
        for base in (_ACCOUNT, _RECORDS)
        for route in (
            Route("GET", base, list_records, LOW),
            Route("GET", f"{base}/{{record}}", read_record, HIGH),
            Route("PUT", f"{base}/{{record}}", save_record, MEDIUM),
            Route("DELETE", f"{base}/{{record}}", delete_record, MEDIUM),
        )
    ),
]
