"""Single contacts: create, read, update, delete, in the account and in a book (contract §4.3)."""

from __future__ import annotations

from http import HTTPStatus
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.address_books import book_id_of, book_of, count_sql, shown
from dotdigital_sandbox.calls import NO_CONTENT, Answer, Call, json_answer, lowered, truth_or_none, whole_number
from dotdigital_sandbox.contact_json import COLUMNS, ContactOut, ContactShape
from dotdigital_sandbox.contact_writing import (
    bad_email,
    contact_of,
    delete_contacts,
    find_contact,
    given_contact,
    join_book,
    save_contact,
    update_contact,
)
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route
from dotdigital_sandbox.subscriptions import suppress
from dotdigital_sandbox.values import is_email

COLLECTION_LIMIT = 1000


def read_out(db: Connection, call: Call, contact_id: int) -> ContactOut:
    """The contact as single reads and writes answer it: with every data field."""
    row = db.execute(f"SELECT {COLUMNS} FROM contact c WHERE c.id = ?", (contact_id,)).fetchone()
    return ContactShape(db, call.account.switches, full=True).one(row)


def _ident(call: Call) -> str:
    ident = call.params["ident"]
    if not ident.isdigit() and not is_email(ident.strip()):
        raise bad_email(call.account.switches)
    return ident


def read_contact(call: Call) -> Answer:
    """GET /v2/contacts/{id or email}; suppressed contacts can be read too."""
    with call.account.store.reading() as db:
        return json_answer(read_out(db, call, contact_of(db, _ident(call))["id"]))


def create_contact(call: Call) -> Answer:
    """POST /v2/contacts: an upsert by address, 201 in both cases."""
    body = call.json_object()
    with call.account.store.writing() as db:
        contact_id = save_contact(db, call.account, given_contact(db, call.account.switches, body))
        return json_answer(read_out(db, call, contact_id), status=HTTPStatus.CREATED)


def update_one_contact(call: Call) -> Answer:
    """PUT /v2/contacts/{id}: given values replace, the address may change."""
    body = call.json_object()
    with call.account.store.writing() as db:
        known = contact_of(db, _ident(call))
        update_contact(db, call.account, known, given_contact(db, call.account.switches, body, needs_email=False))
        return json_answer(read_out(db, call, known["id"]))


def delete_contact(call: Call) -> Answer:
    """DELETE /v2/contacts/{id}."""
    with call.account.store.writing() as db:
        delete_contacts(db, call.account, [contact_of(db, _ident(call))["id"]])
    return NO_CONTENT


def add_to_book(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts: an upsert by address that also joins the book; 200."""
    body = call.json_object()
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        contact_id = save_contact(db, call.account, given_contact(db, call.account.switches, body))
        join_book(db, call.account, book_id=book["id"], contact_id=contact_id)
        return json_answer(read_out(db, call, contact_id))


def remove_from_book(call: Call) -> Answer:
    """DELETE /v2/address-books/{id}/contacts/{contactId}: no unsubscription, the contact stays in the account."""
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        contact_id = call.id("contact_id", "CONTACT_NOT_FOUND")
        gone = db.execute(
            "DELETE FROM membership WHERE book_id = ? AND contact_id = ? AND unsubscribed_at IS NULL",
            (book["id"], contact_id),
        )
        if not gone.rowcount:
            raise refusal("CONTACT_NOT_FOUND")
    return NO_CONTENT


def empty_book(call: Call) -> Answer:
    """DELETE /v2/address-books/{id}/contacts: all members out at once."""
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        db.execute("DELETE FROM membership WHERE book_id = ? AND unsubscribed_at IS NULL", (book["id"],))
    return NO_CONTENT


def books_of_contact(call: Call) -> Answer:
    """GET /v2/contacts/{id}/address-books."""
    page = call.page()
    with call.account.store.reading() as db:
        contact = contact_of(db, _ident(call))
        rows = db.execute(
            f"SELECT b.*, {count_sql(call.account.switches)} AS contacts FROM membership m "
            "JOIN address_book b ON b.id = m.book_id "
            "WHERE m.contact_id = ? AND m.unsubscribed_at IS NULL AND b.kind = 'book' ORDER BY b.id LIMIT ? OFFSET ?",
            (contact["id"], page.select, page.skip),
        )
        return json_answer([shown(row) for row in rows])


def identified(db: Connection, each: object) -> tuple[int | None, dict[str, Any]]:
    """The contact meant by ``{"id"}`` or ``{"email"}``, and both as answers repeat them: 0 or null when not given."""
    keys = lowered(each)
    number, email = whole_number(keys.get("id")), keys.get("email")
    if number is not None and number > 0:
        row = find_contact(db, str(number))
        return (row["id"] if row else None), {"id": number, "email": None}
    if isinstance(email, str) and email:
        row = find_contact(db, email) if "@" in email else None
        return (row["id"] if row else None), {"id": 0, "email": email}
    raise refusal("PARAMETER_INVALID")


def retrieve_collection(call: Call) -> Answer:
    """GET /v2/contacts/retrieve-collection, a GET with a body: the named contacts, each with the date of its making."""
    body = call.json_object()
    wanted = body.get("contacts")
    if not isinstance(wanted, list) or len(wanted) > COLLECTION_LIMIT:
        raise refusal("PARAMETER_INVALID")
    full = truth_or_none(body.get("withfulldata"), code="PARAMETER_INVALID")
    found: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    with call.account.store.reading() as db:
        shape = ContactShape(db, call.account.switches, full=full is True)
        for each in wanted:
            contact_id, ident = identified(db, each)
            if contact_id is None:
                missing.append(ident)
                continue
            row = db.execute(f"SELECT {COLUMNS}, c.created FROM contact c WHERE c.id = ?", (contact_id,)).fetchone()
            out = shape.one(row)
            found.append({**{name: getattr(out, attribute) for attribute, name in _KEYS}, "created": row["created"]})
    return json_answer({"contacts": found, "notFound": missing})


_KEYS = tuple(zip(ContactOut.__struct_fields__, ContactOut.__struct_encode_fields__, strict=True))


def suppress_contacts(call: Call) -> Answer:
    """PUT /v2/contacts/suppress-contacts: the named contacts become ``Suppressed``."""
    body = call.json()
    if not isinstance(body, list):
        raise refusal("PARAMETER_INVALID")
    suppressed: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    with call.account.store.writing() as db:
        for each in body:
            contact_id, ident = identified(db, each)
            if contact_id is None:
                missing.append(ident)
            else:
                suppressed.append(ident)
                suppress(db, call.account, contact_id=contact_id, status="Suppressed")
    return json_answer({"suppressed": suppressed, "notFound": missing})


ROUTES = [
    Route("GET", "/v2/contacts/{ident}", read_contact, HIGH),
    Route("POST", "/v2/contacts", create_contact, MEDIUM),
    Route("PUT", "/v2/contacts/{ident}", update_one_contact, MEDIUM),
    Route("DELETE", "/v2/contacts/{ident}", delete_contact, MEDIUM),
    Route("GET", "/v2/contacts/{ident}/address-books", books_of_contact, MEDIUM),
    Route("GET", "/v2/contacts/retrieve-collection", retrieve_collection, MEDIUM),
    Route("PUT", "/v2/contacts/suppress-contacts", suppress_contacts, MEDIUM),
    Route("POST", "/v2/address-books/{book_id}/contacts", add_to_book, MEDIUM),
    Route("DELETE", "/v2/address-books/{book_id}/contacts", empty_book, MEDIUM),
    Route("DELETE", "/v2/address-books/{book_id}/contacts/{contact_id}", remove_from_book, MEDIUM),
]
