"""Lists of contacts and what became of them: whole, by date, and the suppression feeds (contract §4.3, §4.4)."""

from __future__ import annotations

from sqlite3 import Connection

from dotdigital_sandbox.address_books import ALL_CONTACTS, book_id_of, book_of
from dotdigital_sandbox.calls import BIG_PAGE, Answer, Call, Page, json_answer
from dotdigital_sandbox.contact_json import COLUMNS, ContactShape, suppression
from dotdigital_sandbox.contact_statuses import UNSUBSCRIBED
from dotdigital_sandbox.paging import Listing
from dotdigital_sandbox.routing import LOW, MEDIUM, Route

# Up to so many changed contacts are found by their date and sorted; beyond that, walking the ids is cheaper.
FEW = 20_000


def _unseen(call: Call, alias: str = "c") -> str:
    return "" if call.account.switches.list_suppressed else f"AND {alias}.suppressed_at IS NULL"


def _contacts(call: Call, listing: Listing, page: Page) -> Answer:
    with call.account.store.reading() as db:
        rows = listing.rows(db, page)
        return json_answer(ContactShape(db, call.account.switches, full=call.with_full_data()).many(rows))


def list_contacts(call: Call) -> Answer:
    """GET /v2/contacts: all but the suppressed, by id."""
    listing = Listing(
        call.account,
        f"SELECT {COLUMNS} FROM contact c WHERE c.id > :after {_unseen(call)} ORDER BY c.id",
    )
    return _contacts(call, listing, call.page())


def count_contacts(call: Call) -> Answer:
    """GET /v2/contacts/count: a bare number."""
    unseen = (
        ""
        if call.account.switches.list_suppressed
        else " - (SELECT count(*) FROM contact WHERE suppressed_at IS NOT NULL)"
    )
    with call.account.store.reading() as db:
        return json_answer(db.execute(f"SELECT (SELECT count(*) FROM contact){unseen}").fetchone()[0])


def _by_date(call: Call, column: str, unseen: str, page: Page) -> Answer:
    since = call.since()
    with call.account.store.reading() as db:
        few = _is_few(db, f"SELECT 1 FROM contact c WHERE c.{column} >= :since", {"since": since})
    # A plus before a column keeps the planner from using its index.
    wanted = f"{'' if few else '+'}c.{column} >= :since"
    sql = f"SELECT {COLUMNS} FROM contact c WHERE {'+' if few else ''}c.id > :after AND {wanted} {unseen} ORDER BY c.id"
    return _contacts(call, Listing(call.account, sql, since=since), page)


def created_since(call: Call) -> Answer:
    """GET /v2/contacts/created-since/{date}."""
    return _by_date(call, "created", _unseen(call), call.page())


def modified_since(call: Call) -> Answer:
    """GET /v2/contacts/modified-since/{date}; a changed status counts, so suppressed contacts are in it."""
    return _by_date(call, "modified", "", call.page(BIG_PAGE))


def _is_few(db: Connection, sql: str, params: dict[str, object]) -> bool:
    return bool(db.execute(f"SELECT count(*) FROM ({sql} LIMIT {FEW})", params).fetchone()[0] < FEW)


def _book_listing(call: Call, condition: str, *, members: str = "membership m", since: str = "") -> Listing:
    """The members of the book of the path that meet a condition on ``c`` and ``m``, by contact id."""
    with call.account.store.reading() as db:
        book = book_of(db, book_id_of(call), segments=True)
    if book["name"] == ALL_CONTACTS:
        everyone = condition.replace("m.added", "c.modified")
        sql = f"SELECT {COLUMNS} FROM contact c WHERE c.id > :after {everyone} ORDER BY c.id"
        return Listing(call.account, sql, since=since)
    left = "" if call.account.switches.list_suppressed else "AND m.unsubscribed_at IS NULL"
    sql = (
        f"SELECT {COLUMNS} FROM {members} CROSS JOIN contact c ON c.id = m.contact_id "
        f"WHERE m.book_id = :book AND m.contact_id > :after {left} {condition} ORDER BY m.contact_id"
    )
    return Listing(call.account, sql, since=since, book=book["id"])


def list_book_contacts(call: Call) -> Answer:
    """GET /v2/address-books/{id}/contacts; the id may be a segment's."""
    page = call.page()
    return _contacts(call, _book_listing(call, _unseen(call)), page)


def book_modified_since(call: Call) -> Answer:
    """GET /v2/address-books/{id}/contacts/modified-since/{date}: changed, or joined the book, since then."""
    page, since = call.page(BIG_PAGE), call.since()
    joined = "OR m.added >= :since" if call.account.switches.membership_modifies else ""
    with call.account.store.reading() as db:
        params = {"since": since, "book": book_id_of(call)}
        few = _is_few(db, "SELECT 1 FROM contact WHERE modified >= :since", params) and _is_few(
            db, "SELECT 1 FROM membership WHERE book_id = :book AND added >= :since", params
        )
    if not few:
        return _contacts(call, _book_listing(call, f"AND (c.modified >= :since {joined})", since=since), page)
    added = "UNION SELECT contact_id FROM membership WHERE book_id = :book AND added >= :since"
    changed = f"SELECT id FROM contact WHERE modified >= :since {added if joined else ''}"
    members = f"(SELECT n.* FROM ({changed}) x CROSS JOIN membership n ON n.book_id = :book AND n.contact_id = x.id) m"
    return _contacts(call, _book_listing(call, "", members=members, since=since), page)


def unsubscribed_since(call: Call) -> Answer:
    """GET /v2/contacts/unsubscribed-since/{date}: who left the account."""
    return _suppressions(call, f"AND c.status = '{UNSUBSCRIBED}'")


def suppressed_since(call: Call) -> Answer:
    """GET /v2/contacts/suppressed-since/{date}: everybody suppressed, for whatever reason."""
    return _suppressions(call, "")


def _suppressions(call: Call, condition: str) -> Answer:
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(
            f"SELECT {COLUMNS}, c.suppressed_at FROM contact c WHERE c.suppressed_at >= ? {condition} "
            "ORDER BY c.suppressed_at, c.id LIMIT ? OFFSET ?",
            (call.since(), page.select, page.skip),
        )
        return json_answer([suppression(row, row["suppressed_at"], row["status"]) for row in rows])


def book_unsubscribed_since(call: Call) -> Answer:
    """GET /v2/address-books/{id}/contacts/unsubscribed-since/{date}: who left this book; not who left the account."""
    page, since = call.page(), call.since()
    with call.account.store.reading() as db:
        book = book_of(db, book_id_of(call))
        rows = db.execute(
            f"SELECT {COLUMNS}, m.unsubscribed_at FROM membership m CROSS JOIN contact c ON c.id = m.contact_id "
            "WHERE m.book_id = ? AND m.unsubscribed_at >= ? ORDER BY m.unsubscribed_at, c.id LIMIT ? OFFSET ?",
            (book["id"], since, page.select, page.skip),
        )
        return json_answer([suppression(row, row["unsubscribed_at"], UNSUBSCRIBED) for row in rows])


ROUTES = [
    Route("GET", "/v2/contacts", list_contacts, MEDIUM),
    Route("GET", "/v2/contacts/count", count_contacts, MEDIUM),
    Route("GET", "/v2/contacts/get-all-contacts-count", count_contacts, MEDIUM),
    Route("GET", "/v2/contacts/created-since/{date}", created_since, LOW),
    Route("GET", "/v2/contacts/modified-since/{date}", modified_since, LOW),
    Route("GET", "/v2/contacts/unsubscribed-since/{date}", unsubscribed_since, LOW),
    Route("GET", "/v2/contacts/suppressed-since/{date}", suppressed_since, LOW),
    Route("GET", "/v2/address-books/{book_id}/contacts", list_book_contacts, MEDIUM),
    Route("GET", "/v2/address-books/{book_id}/contacts/modified-since/{date}", book_modified_since, LOW),
    Route("GET", "/v2/address-books/{book_id}/contacts/unsubscribed-since/{date}", book_unsubscribed_since, LOW),
]
