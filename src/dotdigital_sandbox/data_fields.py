"""Data fields of the account (contract §4.7)."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer, one_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, Route
from dotdigital_sandbox.values import FIELD_TYPES, Taker, ValueRefused, taker

VISIBILITIES = ("Private", "Public")
DEFAULT_FIELDS = (
    ("FIRSTNAME", "String", "Public"),
    ("LASTNAME", "String", "Public"),
    ("FULLNAME", "String", "Public"),
    ("GENDER", "String", "Public"),
    ("POSTCODE", "String", "Public"),
    ("LASTSUBSCRIBED", "Date", "Private"),
)
READ_ONLY = frozenset({"LASTSUBSCRIBED"})
RESERVED = frozenset(
    [
        "account",
        "campaign",
        "campaignid",
        "contact",
        "contact_api_id",
        "contactid",
        "email",
        "hcontactid",
        "hemail",
        "hemail256",
        "id",
        "messagecontent",
        "mobilenumberid",
        "notes",
        "unsubscribed",
        "uniquecontactid",
    ]
)
LIMITS = {"String": 246, "Numeric": 50, "Date": 49, "Boolean": 50}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,20}")


def field_takers(db: Connection, text_limit: int) -> dict[str, Taker]:
    """For every data field, by upper-case name, what turns a client's value into the kept one."""
    rows = db.execute("SELECT name, type FROM data_field")
    return {row["name"]: taker(row["type"], text_limit) for row in rows}


def list_data_fields(call: Call) -> Answer:
    """GET /v2/data-fields: all of them, in the order of their making."""
    with call.account.store.reading() as db:
        return json_answer([_shown(row) for row in db.execute("SELECT * FROM data_field ORDER BY id")])


def create_data_field(call: Call) -> Answer:
    """POST /v2/data-fields."""
    body = call.json_object()
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower() in RESERVED:
        raise refusal("DATAFIELD_INVALID")
    kind = one_of(body.get("type"), FIELD_TYPES, default="String", code="DATAFIELD_INVALID")
    visibility = one_of(body.get("visibility"), VISIBILITIES, default="Private", code="DATAFIELD_INVALID")
    default = _default(body.get("defaultvalue"), kind, call.account.switches.text_limit)
    with call.account.store.writing() as db:
        if db.execute("SELECT 1 FROM data_field WHERE name = ?", (name,)).fetchone():
            raise refusal("NON_UNIQUE_DATAFIELD")
        if db.execute("SELECT count(*) FROM data_field WHERE type = ?", (kind,)).fetchone()[0] >= LIMITS[kind]:
            raise refusal("DATAFIELD_LIMITEXCEEDED")
        row = db.execute(
            "INSERT INTO data_field (name, type, visibility, default_value) VALUES (?, ?, ?, ?) RETURNING *",
            (name.upper(), kind, visibility, json.dumps(default)),
        ).fetchone()
    if call.account.switches.data_field_body == "empty":
        return Answer(HTTPStatus.CREATED, media_type=None)
    return json_answer(_shown(row), status=HTTPStatus.CREATED)


def delete_data_field(call: Call) -> Answer:
    """DELETE /v2/data-fields/{name}: the field and all its values; refused while a campaign shows it."""
    with call.account.store.writing() as db:
        row = db.execute("SELECT * FROM data_field WHERE name = ?", (call.params["name"],)).fetchone()
        if row is None or row["system"]:
            raise refusal("DATAFIELD_NOTFOUND")
        users = _campaigns_showing(db, row["name"])
        if users:
            dependencies = [{"type": "Campaign", "objectId": each} for each in users]
            status = call.account.switches.field_in_use_status
            return json_answer({"dependencies": dependencies, "result": False}, status=status)
        path = f'$."{row["name"]}"'
        db.execute("UPDATE contact SET data = json_remove(data, ?) WHERE json_type(data, ?) IS NOT NULL", (path, path))
        db.execute("DELETE FROM data_field WHERE id = ?", (row["id"],))
    return json_answer({"dependencies": None, "result": True})


def _campaigns_showing(db: Connection, name: str) -> list[int]:
    found = db.execute(
        "SELECT id FROM campaign WHERE instr(upper(subject || html_content || plain_text_content || "
        "coalesce(versions, '')), ?) ORDER BY id",
        (f"@{name}@",),
    )
    return [row["id"] for row in found]


def _default(value: Any, kind: str, text_limit: int) -> Any:
    if value in (None, "", "null"):
        return None
    try:
        kept = taker(kind, text_limit)(value)
    except ValueRefused:
        raise refusal("DATAFIELD_INVALID") from None
    return kept if kind != "Numeric" or isinstance(kept, int) else float(kept)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "type": row["type"],
        "visibility": row["visibility"],
        "defaultValue": json.loads(row["default_value"]),
    }


ROUTES = [
    Route("GET", "/v2/data-fields", list_data_fields, MEDIUM),
    Route("POST", "/v2/data-fields", create_data_field, MEDIUM),
    Route("DELETE", "/v2/data-fields/{name}", delete_data_field, MEDIUM),
]
