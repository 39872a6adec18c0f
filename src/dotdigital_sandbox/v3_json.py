"""Contacts as version 3 of the API shows them (contract §7)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from sqlite3 import Connection, Row
from typing import Any

import msgspec

from dotdigital_sandbox.calls import Call
from dotdigital_sandbox.settings import Shape
from dotdigital_sandbox.v3_channels import WHATSAPP, channels_out, identifiers_out
from dotdigital_sandbox.v3_consents import consents_by_contact
from dotdigital_sandbox.v3_errors import V3Error

PARTS = ("channelProperties", "lists", "preferences", "consentRecords")
ALL_FIELDS = "[[ALL]]"

_STATUSES = {"Subscribed": "subscribed", "Unsubscribed": "unsubscribed", "PendingOptIn": "pendingOptIn"}
# Read first, so that what hangs on each contact is found by its index.
_IDS = "json_each(?) ids"
# What hangs on contacts, by the contact's id.
Tied = dict[int, list[dict[str, Any]]]


def contacts_out(
    db: Connection, rows: list[Row], *, parts: frozenset[str], fields: frozenset[str] | None, shape: Shape
) -> list[dict[str, Any]]:
    """Contacts of version 3 with the parts asked for; ``fields`` None means all data fields.

    The legacy shape has nothing that the vendor's own PHP client refuses: the ``name`` of a preference, which the
    vendor's document asks for and does not describe, and WhatsApp. However many they are, each part is read by one
    query.
    """
    ids, is_legacy = json.dumps([row["id"] for row in rows]), shape == "legacy"
    lists = _lists(db, ids) if "lists" in parts else None
    preferences = _preferences(db, ids, named=not is_legacy) if "preferences" in parts else {}
    consents = consents_by_contact(db, ids) if "consentRecords" in parts else None
    there = frozenset(row["name"] for row in db.execute("SELECT name FROM data_field"))
    names = there if fields is None else there & fields
    shown: list[dict[str, Any]] = []
    for row in rows:
        out = _basics(row, names)
        if "channelProperties" in parts:
            out["channelProperties"] = channels_out(row)
            if is_legacy:
                out["channelProperties"].pop(WHATSAPP, None)
        if lists is not None:
            out["lists"] = lists.get(row["id"], [])
        # There is no empty list of preferences.
        if row["id"] in preferences:
            out["preferences"] = preferences[row["id"]]
        if consents is not None:
            out["consentRecords"] = consents.get(row["id"], [])
        shown.append(out)
    return shown


def _basics(row: Row, names: frozenset[str]) -> dict[str, Any]:
    values = msgspec.json.decode(row["data"])
    if row["last_subscribed"]:
        values["LASTSUBSCRIBED"] = row["last_subscribed"]
    return {
        "contactId": row["id"],
        # Who has no address has the standing of the one channel there is.
        "status": _STATUSES.get(row["status"], "suppressed") if row["email"] else row["sms_status"],
        "created": row["created"],
        "updated": row["modified"],
        "identifiers": identifiers_out(row),
        "dataFields": values if names.issuperset(values) else {name: values[name] for name in values if name in names},
    }


def _lists(db: Connection, ids: str) -> Tied:
    found: Tied = defaultdict(list)
    for row in db.execute(
        f"SELECT m.contact_id, b.id, b.name, m.unsubscribed_at FROM {_IDS} CROSS JOIN membership m "
        "ON m.contact_id = ids.value JOIN address_book b ON b.id = m.book_id WHERE b.kind = 'book' ORDER BY b.id",
        (ids,),
    ):
        status = "suppressed" if row["unsubscribed_at"] else "subscribed"
        found[row["contact_id"]].append({"id": row["id"], "name": row["name"], "status": status})
    return found


def _preferences(db: Connection, ids: str, *, named: bool) -> Tied:
    found: Tied = defaultdict(list)
    for row in db.execute(
        f"SELECT c.contact_id, p.id, p.name, p.public_name, c.opted_in FROM {_IDS} CROSS JOIN contact_preference c "
        "ON c.contact_id = ids.value JOIN preference p ON p.id = c.preference_id ORDER BY p.id",
        (ids,),
    ):
        names = {"publicName": row["public_name"], "privateName": row["name"]}
        name = {"name": row["public_name"]} if named else {}
        found[row["contact_id"]].append({"id": row["id"], "isOptedIn": bool(row["opted_in"]), **name, **names})
    return found


def parts_of(call: Call) -> frozenset[str]:
    """The parts of a contact that a query includes; refused for one that there is not."""
    known = {part.lower(): part for part in PARTS}
    wanted = {each.lower() for each in _listed(call, "include")}
    if not wanted.issubset(known):
        raise V3Error(400, "invalidFilter", f"include must be some of {', '.join(PARTS)}", "include")
    return frozenset(known[each] for each in wanted)


def fields_of(call: Call, *, listing: bool = False) -> frozenset[str] | None:
    """The data fields that a query asks for; None for all of them."""
    names = frozenset(each.upper() for each in _listed(call, "data-fields"))
    return None if ALL_FIELDS in names or (not names and not listing) else names


def _listed(call: Call, name: str) -> list[str]:
    """The parts of a list in a query: the contract shows commas, the vendor's machine-readable schema says pipes, and
    there are clients that name the parameter once for each part."""
    parts = (part.strip() for text in call.query.get(name, ()) for part in re.split("[,|]", text))
    return [each for each in parts if each]
