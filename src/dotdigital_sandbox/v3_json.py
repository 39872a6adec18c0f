"""Contacts as version 3 of the API shows them (contract §7)."""

from __future__ import annotations

import json
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.v3_channels import channels_out, identifiers_out
from dotdigital_sandbox.v3_consents import consents_out

_STATUSES = {"Subscribed": "subscribed", "Unsubscribed": "unsubscribed", "PendingOptIn": "pendingOptIn"}


def contact_out(db: Connection, row: Row, *, parts: frozenset[str], fields: frozenset[str] | None) -> dict[str, Any]:
    """A contact of version 3 with the parts asked for; ``fields`` None means all data fields."""
    # Who has no address has the standing of the one channel there is.
    status = _STATUSES.get(row["status"], "suppressed") if row["email"] else row["sms_status"]
    values = json.loads(row["data"])
    if row["last_subscribed"]:
        values["LASTSUBSCRIBED"] = row["last_subscribed"]
    out: dict[str, Any] = {
        "contactId": row["id"],
        "status": status,
        "created": row["created"],
        "updated": row["modified"],
        "identifiers": identifiers_out(row),
        "dataFields": {name: value for name, value in values.items() if fields is None or name in fields},
    }
    if "channelProperties" in parts:
        out["channelProperties"] = channels_out(row)
    if "lists" in parts:
        out["lists"] = _lists(db, row["id"])
    if "preferences" in parts:
        chosen = db.execute(
            "SELECT p.id, p.name, p.public_name, c.opted_in FROM contact_preference c "
            "JOIN preference p ON p.id = c.preference_id WHERE c.contact_id = ? ORDER BY p.id",
            (row["id"],),
        )
        preferences = [
            {
                "id": each["id"],
                "isOptedIn": bool(each["opted_in"]),
                "name": each["public_name"],
                "publicName": each["public_name"],
                "privateName": each["name"],
            }
            for each in chosen
        ]
        # There is no empty list of them.
        out |= {"preferences": preferences} if preferences else {}
    if "consentRecords" in parts:
        out["consentRecords"] = consents_out(db, row["id"])
    return out


def _lists(db: Connection, contact_id: int) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT b.id, b.name, m.unsubscribed_at FROM membership m JOIN address_book b ON b.id = m.book_id "
        "WHERE m.contact_id = ? AND b.kind = 'book' ORDER BY b.id",
        (contact_id,),
    )
    return [
        {"id": row["id"], "name": row["name"], "status": "suppressed" if row["unsubscribed_at"] else "subscribed"}
        for row in rows
    ]
