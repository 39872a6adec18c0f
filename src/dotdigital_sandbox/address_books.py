"""Address books (contract §4.2)."""

from __future__ import annotations

from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import NO_CONTENT, Answer, Call, json_answer, one_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route
from dotdigital_sandbox.settings import Switches

NAME_LIMIT = 128
TEST = "Test"
ALL_CONTACTS = "All Contacts"
VISIBILITIES = ("Private", "Public")


def book_of(db: Connection, book_id: int, *, writable: bool = False, segments: bool = False) -> Row:
    """The book's row; refused when there is none, or when it must be written to and cannot."""
    row: Row | None = db.execute("SELECT * FROM address_book WHERE id = ?", (book_id,)).fetchone()
    if row is None or (row["kind"] == "segment" and not segments):
        raise refusal("ADDRESSBOOK_NOT_FOUND")
    if writable and not row["writable"]:
        raise refusal("ADDRESSBOOK_NOTWRITABLE")
    return row


def book_id_of(call: Call) -> int:
    """The book's id in the path."""
    return call.id("book_id", "ADDRESSBOOK_NOT_FOUND")


def belonging_sql(book: Row, contact: str) -> str:
    """A condition: the contact of this id is in the book or segment now; its id has to be given as ``:book``."""
    if book["name"] == ALL_CONTACTS:
        return "TRUE"
    return f"{contact} IN (SELECT contact_id FROM membership WHERE book_id = :book AND unsubscribed_at IS NULL)"


def count_sql(switches: Switches) -> str:
    """An expression for the number of the current members of address_book ``b``."""
    if switches.list_suppressed:
        members = "SELECT count(*) FROM membership m WHERE m.book_id = b.id"
        everyone = "SELECT count(*) FROM contact"
    else:
        # Suppressed contacts are few and have an index of their own: counting all and taking them off reads no contact
        # twice.
        members = (
            "SELECT (SELECT count(*) FROM membership m WHERE m.book_id = b.id AND m.unsubscribed_at IS NULL) - "
            "(SELECT count(*) FROM contact c JOIN membership m ON m.book_id = b.id AND m.contact_id = c.id "
            "AND m.unsubscribed_at IS NULL WHERE c.suppressed_at IS NOT NULL)"
        )
        everyone = (
            "SELECT (SELECT count(*) FROM contact) - (SELECT count(*) FROM contact c WHERE c.suppressed_at IS NOT NULL)"
        )
    return f"CASE WHEN b.name_key = 'all contacts' THEN ({everyone}) ELSE ({members}) END"


def shown(row: Row) -> dict[str, Any]:
    """The four keys of a book; the row must carry ``contacts``."""
    return {"id": row["id"], "name": row["name"], "visibility": row["visibility"], "contacts": row["contacts"]}


def _list_books(call: Call, visibility: str | None) -> Answer:
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(
            f"SELECT b.*, {count_sql(call.account.switches)} AS contacts FROM address_book b "
            "WHERE b.kind = 'book' AND b.listed AND (? IS NULL OR b.visibility = ?) ORDER BY b.id LIMIT ? OFFSET ?",
            (visibility, visibility, page.select, page.skip),
        )
        return json_answer([shown(row) for row in rows])


def list_books(call: Call) -> Answer:
    """GET /v2/address-books: ``Test`` first, then in the order of their making; ``All Contacts`` is not listed."""
    return _list_books(call, None)


def list_private_books(call: Call) -> Answer:
    """GET /v2/address-books/private."""
    return _list_books(call, "Private")


def list_public_books(call: Call) -> Answer:
    """GET /v2/address-books/public."""
    return _list_books(call, "Public")


def _read(db: Connection, call: Call, book_id: int) -> dict[str, Any]:
    row = db.execute(
        f"SELECT b.*, {count_sql(call.account.switches)} AS contacts FROM address_book b WHERE b.id = ? AND b.kind = "
        "'book'",
        (book_id,),
    ).fetchone()
    if row is None:
        raise refusal("ADDRESSBOOK_NOT_FOUND")
    return shown(row)


def read_book(call: Call) -> Answer:
    """GET /v2/address-books/{id}."""
    with call.account.store.reading() as db:
        return json_answer(_read(db, call, book_id_of(call)))


def create_book(call: Call) -> Answer:
    """POST /v2/address-books."""
    body = call.json_object()
    name = _name(body)
    visibility = one_of(body.get("visibility"), VISIBILITIES, default="Private", code="ADDRESSBOOK_INVALID")
    limit = call.account.settings.book_limit
    with call.account.store.writing() as db:
        _must_be_free(db, name, besides=0)
        if (
            limit is not None
            and db.execute("SELECT count(*) FROM address_book WHERE kind = 'book'").fetchone()[0] >= limit
        ):
            raise refusal("ADDRESSBOOK_LIMITEXCEEDED")
        made = db.execute(
            "INSERT INTO address_book (name, name_key, visibility) VALUES (?, ?, ?) RETURNING id",
            (name, name.lower(), visibility),
        ).fetchone()
        return json_answer(_read(db, call, made["id"]), status=HTTPStatus.CREATED)


def update_book(call: Call) -> Answer:
    """PUT /v2/address-books/{id}: a name, which must be given, and a visibility, which else stays."""
    body = call.json_object()
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        name = _name(body)
        visibility = one_of(
            body.get("visibility"), VISIBILITIES, default=book["visibility"], code="ADDRESSBOOK_INVALID"
        )
        _must_be_free(db, name, besides=book["id"])
        db.execute(
            "UPDATE address_book SET name = ?, name_key = ?, visibility = ? WHERE id = ?",
            (name, name.lower(), visibility, book["id"]),
        )
        return json_answer(_read(db, call, book["id"]))


def delete_book(call: Call) -> Answer:
    """DELETE /v2/address-books/{id}: the book and its memberships; its contacts stay."""
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        if _in_use(db, book["id"]):
            raise refusal("ADDRESSBOOK_IN_USE")
        db.execute("DELETE FROM membership WHERE book_id = ?", (book["id"],))
        db.execute("DELETE FROM address_book WHERE id = ?", (book["id"],))
    status = HTTPStatus(call.account.switches.book_delete_status)
    return NO_CONTENT if status == HTTPStatus.NO_CONTENT else Answer(status)


def _in_use(db: Connection, book_id: int) -> bool:
    importing = (
        "SELECT 1 FROM import_job i, json_each(i.book_ids) b WHERE i.status = 'NotFinished' AND b.value = ? "
        "UNION ALL SELECT 1 FROM send s, json_each(s.book_ids) b "
        "WHERE s.status IN ('Scheduled', 'Sending') AND b.value = ?"
    )
    return db.execute(importing, (book_id, book_id)).fetchone() is not None


def _name(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_LIMIT:
        raise refusal("ADDRESSBOOK_INVALID")
    return name.strip()


def _must_be_free(db: Connection, name: str, *, besides: int) -> None:
    if db.execute("SELECT 1 FROM address_book WHERE name_key = ? AND id <> ?", (name.lower(), besides)).fetchone():
        raise refusal("ADDRESSBOOK_DUPLICATE")


ROUTES = [
    Route("GET", "/v2/address-books", list_books, MEDIUM),
    Route("GET", "/v2/address-books/private", list_private_books, MEDIUM),
    Route("GET", "/v2/address-books/public", list_public_books, MEDIUM),
    Route("POST", "/v2/address-books", create_book, MEDIUM),
    Route("GET", "/v2/address-books/{book_id}", read_book, HIGH),
    Route("PUT", "/v2/address-books/{book_id}", update_book, MEDIUM),
    Route("DELETE", "/v2/address-books/{book_id}", delete_book, MEDIUM),
]
