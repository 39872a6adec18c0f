"""Consent records of contacts, written and read together with their preferences (contract §4.3, §4.6)."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Answer, Call, json_answer, list_or_empty, lowered
from dotdigital_sandbox.contact_writing import contact_of, given_contact, save_contact, update_contact
from dotdigital_sandbox.contacts import read_out
from dotdigital_sandbox.import_rows import CONSENT_COLUMNS
from dotdigital_sandbox.preferences import choose_all, choose_preference, chosen_preferences, preference_named
from dotdigital_sandbox.routing import MEDIUM, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

CONSENT_KEYS = frozenset(CONSENT_COLUMNS.values())
INSERT_CONSENT = "INSERT INTO consent (contact_id, fields, created) VALUES (?, ?, ?)"
PREFERENCE_PREFIX = "preference:"


def keep_consent(db: Connection, account: Account, contact_id: int, fields: dict[str, str]) -> None:
    """Note what a consent record has of ``TEXT``, ``DATETIMECONSENTED``, ``URL``, ``IPADDRESS`` and ``USERAGENT``."""
    known = {key.upper(): value for key, value in fields.items() if key.upper() in CONSENT_KEYS}
    if known:
        db.execute(INSERT_CONSENT, (contact_id, consent_text(known), account.clock.text()))


def consent_text(record: dict[str, str]) -> str:
    """A consent record as the store keeps it."""
    return json.dumps(record, ensure_ascii=False)


def keep_extras(db: Connection, account: Account, contact_id: int, extras: dict[str, str]) -> None:
    """Take in an import row's consent and preference columns."""
    keep_consent(
        db, account, contact_id, {CONSENT_COLUMNS.get(name.upper(), ""): value for name, value in extras.items()}
    )
    for name, value in extras.items():
        if name.lower().startswith(PREFERENCE_PREFIX):
            preference = preference_named(db, account, name[len(PREFERENCE_PREFIX) :])
            choose_preference(db, contact_id, preference, opted_in=value.strip().lower() in ("true", "1", "yes"))


def consents_of(db: Connection, contact_id: int) -> list[dict[str, Any]]:
    """A contact's consent records as answered."""
    rows = db.execute("SELECT * FROM consent WHERE contact_id = ? ORDER BY id", (contact_id,))
    return [_consent_out(row) for row in rows]


def _consent_out(row: Row) -> dict[str, Any]:
    fields = {**json.loads(row["fields"]), "DATETIMECREATED": row["created"]}
    return {"id": str(row["id"]), "fields": [{"key": key, "value": value} for key, value in fields.items()]}


def _save(call: Call, db: Connection) -> int:
    body = call.json_object()
    account = call.account
    if call.method == "POST":
        contact_id = save_contact(db, account, given_contact(db, account.switches, body.get("contact")))
    else:
        keys = lowered(body.get("contact"))
        known = contact_of(db, call.params.get("ident") or str(keys.get("id") or keys.get("email") or ""))
        update_contact(db, account, known, given_contact(db, account.switches, keys, needs_email=False))
        contact_id = known["id"]
    records = body.get("consentfields")
    for record in records if isinstance(records, list) else []:
        pairs = [lowered(pair) for pair in list_or_empty(lowered(record).get("fields"))]
        keep_consent(db, account, contact_id, {str(pair.get("key")): str(pair.get("value") or "") for pair in pairs})
    choose_all(db, contact_id, body.get("preferences"))
    return contact_id


def _answer(call: Call, db: Connection, contact_id: int, *, preferences: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"contact": read_out(db, call, contact_id), "consentFields": consents_of(db, contact_id)}
    if preferences:
        out["preferences"] = chosen_preferences(db, contact_id)
    return out


def save_with_consent(call: Call) -> Answer:
    """POST and PUT /v2/contacts/with-consent, and -and-preferences: a contact and what it agreed to."""
    preferences = call.path.rstrip("/").lower().endswith("preferences")
    status = HTTPStatus.CREATED if call.method == "POST" else HTTPStatus.OK
    with call.account.store.writing() as db:
        contact_id = _save(call, db)
        return json_answer(_answer(call, db, contact_id, preferences=preferences), status=status)


def read_with_consent(call: Call) -> Answer:
    """GET /v2/contacts/{id}/with-consent, and -and-preferences."""
    preferences = call.path.rstrip("/").lower().endswith("preferences")
    with call.account.store.reading() as db:
        contact_id = contact_of(db, call.params["ident"])["id"]
        return json_answer(_answer(call, db, contact_id, preferences=preferences))


ROUTES = [
    *(
        Route(method, f"/v2/contacts/{path}", save_with_consent, MEDIUM)
        for method in ("POST", "PUT")
        for path in ("with-consent", "with-consent-and-preferences")
    ),
    *(
        Route(method, f"/v2/contacts/{{ident}}/{path}", handler, MEDIUM)
        for method, handler in (("PUT", save_with_consent), ("GET", read_with_consent))
        for path in ("with-consent", "with-consent-and-preferences")
    ),
]
