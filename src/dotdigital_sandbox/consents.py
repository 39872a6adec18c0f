"""Consent records and marketing preferences of contacts (contract §4.3, §4.6)."""

from __future__ import annotations

import json
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Answer, Call, json_answer, lowered
from dotdigital_sandbox.contact_writing import contact_of, given_contact, save_contact, update_contact
from dotdigital_sandbox.contacts import read_out
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.import_rows import CONSENT_COLUMNS
from dotdigital_sandbox.routing import MEDIUM, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

CONSENT_KEYS = frozenset(CONSENT_COLUMNS.values())
PREFERENCE_PREFIX = "preference:"


def keep_consent(db: Connection, account: Account, contact_id: int, fields: dict[str, str]) -> None:
    """Note one consent record; its keys are ``TEXT``, ``DATETIMECONSENTED``, ``URL``.

    ``IPADDRESS`` and ``USERAGENT``.
    """
    known = {key.upper(): value for key, value in fields.items() if key.upper() in CONSENT_KEYS}
    if known:
        db.execute(
            "INSERT INTO consent (contact_id, fields, created) VALUES (?, ?, ?)",
            (contact_id, json.dumps(known, ensure_ascii=False), account.clock.text()),
        )


def preference_named(db: Connection, title: str) -> int:
    """The id of the preference of an import column, ``Name`` or ``Category>Name``; made when there is none."""
    category, arrow, name = title.partition(">")
    parent = _preference(db, category.strip(), None, selectable=False) if arrow else None
    return _preference(db, (name if arrow else category).strip(), parent, selectable=True)


def _preference(db: Connection, name: str, parent: int | None, *, selectable: bool) -> int:
    row = db.execute("SELECT id FROM preference WHERE name = ? AND parent_id IS ?", (name, parent)).fetchone()
    if row is None:
        row = db.execute(
            "INSERT INTO preference (name, parent_id, selectable) VALUES (?, ?, ?) RETURNING id",
            (name, parent, selectable),
        ).fetchone()
    return int(row["id"])


def choose_preference(db: Connection, contact_id: int, preference_id: int, *, opted_in: bool) -> None:
    """Note what a contact wants."""
    db.execute(
        "INSERT INTO contact_preference VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET opted_in = excluded.opted_in",
        (contact_id, preference_id, opted_in),
    )


def keep_extras(db: Connection, account: Account, contact_id: int, extras: dict[str, str]) -> None:
    """Take in an import row's consent and preference columns."""
    keep_consent(
        db, account, contact_id, {CONSENT_COLUMNS.get(name.upper(), ""): value for name, value in extras.items()}
    )
    for name, value in extras.items():
        if name.lower().startswith(PREFERENCE_PREFIX):
            preference = preference_named(db, name[len(PREFERENCE_PREFIX) :])
            choose_preference(db, contact_id, preference, opted_in=value.strip().lower() in ("true", "1", "yes"))


def consents_of(db: Connection, contact_id: int) -> list[dict[str, Any]]:
    """A contact's consent records as answered."""
    rows = db.execute("SELECT * FROM consent WHERE contact_id = ? ORDER BY id", (contact_id,))
    return [_consent_out(row) for row in rows]


def _consent_out(row: Row) -> dict[str, Any]:
    fields = {**json.loads(row["fields"]), "DATETIMECREATED": row["created"]}
    return {"id": str(row["id"]), "fields": [{"key": key, "value": value} for key, value in fields.items()]}


def preferences_of(db: Connection, contact_id: int) -> list[dict[str, Any]]:
    """All preferences as a tree, with what the contact chose."""
    rows = db.execute(
        "SELECT p.*, c.opted_in FROM preference p LEFT JOIN contact_preference c ON c.preference_id = p.id "
        "AND c.contact_id = ? ORDER BY p.id",
        (contact_id,),
    ).fetchall()

    def out(row: Row) -> dict[str, Any]:
        below = [out(each) for each in rows if each["parent_id"] == row["id"]]
        chosen = bool(row["opted_in"]) if row["selectable"] else None
        return {
            "id": row["id"],
            "isPreference": bool(row["selectable"]),
            "isOptedIn": chosen,
            "preferences": below or None,
        }

    return [out(row) for row in rows if row["parent_id"] is None]


def list_preferences(call: Call) -> Answer:
    """GET /v2/preferences: the preferences of the account, categories included."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute("SELECT * FROM preference ORDER BY id LIMIT ? OFFSET ?", page)
        return json_answer([_preference_out(row) for row in rows])


def read_preference(call: Call) -> Answer:
    """GET /v2/preferences/{id}."""
    with call.account.store.reading() as db:
        row = db.execute("SELECT * FROM preference WHERE id = ?", (call.id("id", "PREFERENCE_NOT_FOUND"),)).fetchone()
    if row is None:
        raise refusal("PREFERENCE_NOT_FOUND")
    return json_answer(_preference_out(row))


def _preference_out(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "publicName": row["name"],
        "privateName": row["name"],
        "isPreference": bool(row["selectable"]),
        "order": row["id"],
        "isPublic": True,
        "categoryId": row["parent_id"] or 0,
    }


def contact_preferences(call: Call) -> Answer:
    """GET /v2/contacts/{id}/preferences."""
    with call.account.store.reading() as db:
        return json_answer(preferences_of(db, contact_of(db, call.params["ident"])["id"]))


def _choose_all(db: Connection, contact_id: int, given: object) -> None:
    """Take in a tree of preferences; refuses an unknown one."""
    for each in given if isinstance(given, list) else []:
        keys = lowered(each)
        row = db.execute("SELECT id, selectable FROM preference WHERE id = ?", (keys.get("id") or 0,)).fetchone()
        if row is None:
            raise refusal("PREFERENCE_NOT_FOUND")
        if row["selectable"] and isinstance(keys.get("isoptedin"), bool):
            choose_preference(db, contact_id, row["id"], opted_in=keys["isoptedin"])
        _choose_all(db, contact_id, keys.get("preferences"))


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
        pairs = [lowered(pair) for pair in lowered(record).get("fields") or []]
        keep_consent(db, account, contact_id, {str(pair.get("key")): str(pair.get("value") or "") for pair in pairs})
    _choose_all(db, contact_id, body.get("preferences"))
    return contact_id


def _answer(call: Call, db: Connection, contact_id: int, *, preferences: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"contact": read_out(db, call, contact_id), "consentFields": consents_of(db, contact_id)}
    if preferences:
        out["preferences"] = preferences_of(db, contact_id)
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
    Route("GET", "/v2/preferences", list_preferences, MEDIUM),
    Route("GET", "/v2/preferences/{id}", read_preference, MEDIUM),
    Route("GET", "/v2/contacts/{ident}/preferences", contact_preferences, MEDIUM),
]
