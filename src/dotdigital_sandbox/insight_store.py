"""Collections of Insight data and the records in them, for both versions of the API (contract §4.6)."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

import msgspec

from dotdigital_sandbox.calls import encoded
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.insight_fields import Fault, grown

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

KEY_LIMIT = 255
# Records of the account itself, not of a contact.
ACCOUNT, CONTACT, NO_CONTACT = "account", "contact", 0
# Whose they are in the answers of version 2.
ACCOUNT_ID = "-1"
COLLECTION_TYPES = (
    "cartInsight", "catalog", "consentInsight", "custom", "easyEditorExtensions", "nostoEmailCampaigns", "orders",
    "productCategories", "webInsight", "wishList",
)  # fmt: skip
_BY_NAME = {"orders": "orders", "cartinsight": "cartInsight", "wishlist": "wishList", "webinsight": "webInsight"}


def collection_named(db: Connection, name: str) -> Row | None:
    """The collection of a name, whatever the case of its letters."""
    row: Row | None = db.execute("SELECT * FROM insight_collection WHERE name = ?", (name,)).fetchone()
    return row


def make_collection(db: Connection, account: Account, name: str, *, scope: str, kind: str = "") -> Row:
    """A new collection; without a type it gets the one that its name stands for."""
    plain = name.lower()
    guessed = "catalog" if plain.startswith("catalog") else _BY_NAME.get(plain, "custom")
    row: Row = db.execute(
        "INSERT INTO insight_collection (name, scope, type, created) VALUES (?, ?, ?, ?) RETURNING *",
        (name, scope, kind or guessed, account.clock.text()),
    ).fetchone()
    return row


def record_of(db: Connection, collection: str, key: str) -> Row | None:
    """The record of a key."""
    row: Row | None = db.execute("SELECT * FROM insight WHERE collection = ? AND key = ?", (collection, key)).fetchone()
    return row


def json_of(given: object) -> tuple[str, Any]:
    """The text of a record and what it says; it may come as JSON or as a text of JSON. Raises :class:`Fault`."""
    text = given if isinstance(given, str) else encoded(given).decode()
    try:
        return text, msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise Fault("InvalidJson") from None


def check_key(key: object) -> str:
    """The key, if it is one; raises :class:`Fault`."""
    if not isinstance(key, str) or not 1 <= len(key) <= KEY_LIMIT:
        raise Fault("InvalidClientKey")
    return key


def keep_record(db: Connection, account: Account, collection: Row, given: object, *, key: str, contact_id: int) -> Row:
    """Keep a record, new or in place of the one with this key; raises :class:`Fault` for what does not fit."""
    text, content = json_of(given)
    if isinstance(content, dict):
        known = json.loads(collection["fields"])
        try:
            fields = grown(known, content)
        except RecursionError:
            raise Fault("InvalidJson") from None
        if fields != known:
            db.execute(
                "UPDATE insight_collection SET fields = ? WHERE id = ?", (encoded(fields).decode(), collection["id"])
            )
    now = account.clock.text()
    row: Row = db.execute(
        "INSERT INTO insight (collection, key, contact_id, json, created, modified) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET contact_id = excluded.contact_id, json = excluded.json, "
        "modified = excluded.modified RETURNING *",
        (collection["name"], key, contact_id, text, now, now),
    ).fetchone()
    return row


def note_work(db: Connection, account: Account, kind: str, report: dict[str, Any], *, seconds: float) -> str:
    """Note work that counts as finished in so many seconds; its id."""
    guid = str(uuid.uuid4())
    due = text_of(account.clock.now() + timedelta(seconds=seconds))
    db.execute("INSERT INTO insight_work VALUES (?, ?, ?, ?)", (guid, kind, encoded(report).decode(), due))
    return guid


def work_of(db: Connection, account: Account, kind: str, guid: str) -> tuple[Row | None, bool]:
    """The work of an id, and whether it is over."""
    row = db.execute("SELECT * FROM insight_work WHERE guid = ? AND kind = ?", (guid.lower(), kind)).fetchone()
    return row, row is not None and row["due"] <= account.clock.text()


def is_collection_name(name: str) -> bool:
    """Whether a collection can have this name."""
    return re.fullmatch(r"[-A-Za-z_][-A-Za-z0-9_]{1,254}", name) is not None
