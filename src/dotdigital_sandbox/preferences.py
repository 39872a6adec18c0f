"""What contacts can be interested in: a tree of preferences, and what each contact chose (contract §4.1, §4.3)."""

from __future__ import annotations

from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.address_books import belonging_sql, book_id_of, book_of
from dotdigital_sandbox.calls import (
    INT32,
    PAGE,
    Answer,
    Call,
    json_answer,
    lowered,
    text_or_none,
    truth_or_none,
    whole_number,
)
from dotdigital_sandbox.contact_json import COLUMNS, ContactShape
from dotdigital_sandbox.contact_writing import contact_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, LOW, MEDIUM, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

CHOOSE = (
    "INSERT INTO contact_preference VALUES (?, ?, ?, account_now()) ON CONFLICT DO UPDATE SET "
    "opted_in = excluded.opted_in, modified = excluded.modified WHERE opted_in IS NOT excluded.opted_in"
)
TOP, BOTTOM = "top", "bottom"


def preference_named(db: Connection, account: Account, title: str) -> int:
    """The id of the preference of an import column, ``Name`` or ``Category>Name``; made when there is none."""
    category, arrow, name = title.partition(">")
    parent = _found_or_made(db, account, category.strip(), None, selectable=False) if arrow else None
    return _found_or_made(db, account, (name if arrow else category).strip(), parent, selectable=True)


def _found_or_made(db: Connection, account: Account, name: str, parent: int | None, *, selectable: bool) -> int:
    row = _sibling(db, name, parent)
    if row is None:
        row = _insert(db, account, (name, name, parent, selectable, True))
    return int(row["id"])


def _sibling(db: Connection, name: str, parent: int | None) -> Row | None:
    row: Row | None = db.execute(
        "SELECT * FROM preference WHERE name = ? AND parent_id IS ?", (name, parent)
    ).fetchone()
    return row


def _insert(db: Connection, account: Account, values: tuple[str, str, int | None, bool, bool]) -> Row:
    now, parent = account.clock.text(), values[2]
    row: Row = db.execute(
        "INSERT INTO preference (name, public_name, parent_id, selectable, is_public, created, modified, position) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (*values, now, now, len(_beside(db, parent))),
    ).fetchone()
    return row


def _beside(db: Connection, parent: int | None) -> list[int]:
    """The ids of what stands in a category, or at the top, in their order."""
    rows = db.execute("SELECT id FROM preference WHERE parent_id IS ? ORDER BY position, id", (parent,))
    return [row["id"] for row in rows]


def _arrange(db: Connection, idents: list[int]) -> None:
    db.executemany("UPDATE preference SET position = ? WHERE id = ?", list(enumerate(idents)))


def _put_at(db: Connection, ident: int, parent: int | None, place: int) -> None:
    """Move a preference to a place among those beside it, which make room."""
    others = [each for each in _beside(db, parent) if each != ident]
    _arrange(db, [*others[:place], ident, *others[place:]])


def _place(order: object) -> int | None:
    """The place that ``order`` asks for: a number, ``top`` or ``bottom``; None when it asks for none."""
    if order is None or order == "":
        return None
    word = order.strip().lower() if isinstance(order, str) else order
    place = {TOP: 0, BOTTOM: INT32}.get(word) if isinstance(word, str) else None
    place = whole_number(word) if place is None else place
    if place is None or place < 0:
        raise refusal("PREFERENCE_INVALID")
    return place


def choose_preference(db: Connection, contact_id: int, preference_id: int, *, opted_in: bool) -> None:
    """Note what a contact wants."""
    db.execute(CHOOSE, (contact_id, preference_id, opted_in))


def choose_all(db: Connection, contact_id: int, given: object) -> None:
    """Take in a tree of preferences; refuses an unknown one, and leaves a category as it is."""
    waiting = list(given) if isinstance(given, list) else []
    while waiting:
        keys = lowered(waiting.pop(), code="PREFERENCE_INVALID")
        row = _preference_of(db, keys.get("id"))
        wanted = truth_or_none(keys.get("isoptedin"), code="PREFERENCE_INVALID")
        if row["selectable"] and wanted is not None:
            choose_preference(db, contact_id, row["id"], opted_in=wanted)
        below = keys.get("preferences")
        waiting.extend(below if isinstance(below, list) else [])


def _preference_of(db: Connection, ident: object) -> Row:
    number = whole_number(ident) or 0
    known = abs(number) <= INT32
    row: Row | None = db.execute("SELECT * FROM preference WHERE id = ?", (number,)).fetchone() if known else None
    if row is None:
        raise refusal("PREFERENCE_NOT_FOUND")
    return row


def chosen_preferences(db: Connection, contact_id: int) -> list[dict[str, Any]]:
    """All preferences as a tree with what the contact chose, in the four keys of contract §4.3."""
    return [_brief(each) for each in preference_tree(db, contact_id)]


def _brief(node: dict[str, Any]) -> dict[str, Any]:
    below = node["preferences"]
    return {
        "id": node["id"],
        "isPreference": node["isPreference"],
        "isOptedIn": node["isOptedIn"],
        "preferences": [_brief(each) for each in below] if below else None,
    }


def preference_tree(db: Connection, contact_id: int | None = None) -> list[dict[str, Any]]:
    """All preferences, those of a category inside it; ``isOptedIn`` is null unless a contact is asked about."""
    rows = db.execute(
        "SELECT p.*, c.opted_in FROM preference p LEFT JOIN contact_preference c ON c.preference_id = p.id "
        "AND c.contact_id = ? ORDER BY p.parent_id IS NULL, p.position, p.id",
        (contact_id,),
    ).fetchall()
    below: dict[int | None, list[dict[str, Any]]] = {}
    # Categories do not nest, so the nodes of a category are complete before it is shown itself.
    for row in rows:
        chosen = None if contact_id is None or not row["selectable"] else bool(row["opted_in"])
        node = _shown(row, below.get(row["id"], []), chosen=chosen)
        below.setdefault(row["parent_id"], []).append(node)
    return below.get(None, [])


def _shown(row: Row, below: list[dict[str, Any]], *, chosen: bool | None = None) -> dict[str, Any]:
    return {
        "id": row["id"],
        "publicName": row["public_name"],
        "privateName": row["name"],
        "isPreference": bool(row["selectable"]),
        "order": str(row["position"]),
        "isPublic": bool(row["is_public"]),
        "categoryId": row["parent_id"] or 0,
        "preferenceCount": len(below),
        "created": row["created"],
        "lastModified": row["modified"],
        "isOptedIn": chosen,
        "preferences": below or None,
    }


def list_preferences(call: Call) -> Answer:
    """GET /v2/preferences: the whole tree, without pages."""
    with call.account.store.reading() as db:
        return json_answer(preference_tree(db))


def _asked(db: Connection, call: Call) -> Row:
    return _preference_of(db, call.id("id", "PREFERENCE_NOT_FOUND"))


def _with_below(db: Connection, row: Row) -> dict[str, Any]:
    rows = db.execute("SELECT * FROM preference WHERE parent_id = ? ORDER BY position, id", (row["id"],))
    return _shown(row, [_shown(each, []) for each in rows])


def list_modified_preferences(call: Call) -> Answer:
    """GET /v2/preferences/modified-since/{date}: each by itself, a category with what it holds."""
    with call.account.store.reading() as db:
        rows = db.execute("SELECT * FROM preference WHERE modified >= ? ORDER BY id", (call.since(),)).fetchall()
        return json_answer([_with_below(db, row) for row in rows])


def read_preference(call: Call) -> Answer:
    """GET /v2/preferences/{id}."""
    with call.account.store.reading() as db:
        return json_answer(_with_below(db, _asked(db, call)))


def _names(body: dict[str, Any]) -> tuple[str, str]:
    """The private and the public name, each standing in for the other; refused without any."""
    private, public = (text_or_none(body.get(key)) for key in ("privatename", "publicname"))
    names = ((private or public or "").strip(), (public or private or "").strip())
    if not all(names):
        raise refusal("PREFERENCE_INVALID")
    return names


def create_preference(call: Call) -> Answer:
    """POST /v2/preferences: a preference, at the top or in a category, or a category; categories do not nest.

    What does not say which it is is a category, as the vendor's document has it, but not inside of another.
    """
    body = call.json_object()
    private, public = _names(body)
    place, visible = _place(body.get("order")), truth_or_none(body.get("ispublic"), code="PREFERENCE_INVALID")
    given = truth_or_none(body.get("ispreference"), code="PREFERENCE_INVALID")
    selectable = bool(body.get("categoryid")) if given is None else given
    with call.account.store.writing() as db:
        parent = _category(db, body.get("categoryid"), selectable=selectable)
        if _sibling(db, private, parent):
            raise refusal("PREFERENCE_INVALID")
        row = _insert(db, call.account, (private, public, parent, selectable, visible is not False))
        if place is not None:
            _put_at(db, row["id"], parent, place)
        return json_answer(_with_below(db, _preference_of(db, row["id"])))


def _category(db: Connection, ident: object, *, selectable: bool) -> int | None:
    """The id of the category to stand in; none where none is given, or 0. Refused for what cannot hold it."""
    if not ident:
        return None
    category = _preference_of(db, ident)
    if category["selectable"] or not selectable:
        raise refusal("PREFERENCE_INVALID")
    return int(category["id"])


def update_preference(call: Call) -> Answer:
    """PUT /v2/preferences/{id}: its names, its place and category, and whether recipients see it.

    The older path names it in the body.
    """
    body = call.json_object()
    private, public = _names(body)
    place, visible = _place(body.get("order")), truth_or_none(body.get("ispublic"), code="PREFERENCE_INVALID")
    with call.account.store.writing() as db:
        row = _asked(db, call) if "id" in call.params else _preference_of(db, body.get("id"))
        before = parent = row["parent_id"]
        if body.get("categoryid") is not None:
            parent = _category(db, body["categoryid"], selectable=bool(row["selectable"]))
        twin = _sibling(db, private, parent)
        if twin is not None and twin["id"] != row["id"]:
            raise refusal("PREFERENCE_INVALID")
        db.execute(
            "UPDATE preference SET name = ?, public_name = ?, is_public = coalesce(?, is_public), parent_id = ?, "
            "modified = ? WHERE id = ?",
            (private, public, visible, parent, call.account.clock.text(), row["id"]),
        )
        if parent != before:
            _arrange(db, _beside(db, before))
        if place is not None or parent != before:
            _put_at(db, row["id"], parent, INT32 if place is None else place)
        return json_answer(_with_below(db, _preference_of(db, row["id"])))


def delete_preference(call: Call) -> Answer:
    """DELETE /v2/preferences/{id}: with what a category holds, and with everybody's choice."""
    with call.account.store.writing() as db:
        row = _asked(db, call)
        ident = row["id"]
        gone = "(SELECT id FROM preference WHERE id = :id OR parent_id = :id)"
        db.execute(f"DELETE FROM contact_preference WHERE preference_id IN {gone}", {"id": ident})
        db.execute(f"DELETE FROM preference WHERE id IN {gone}", {"id": ident})
        _arrange(db, _beside(db, row["parent_id"]))
    return Answer(HTTPStatus.OK, media_type=None)


def contact_preferences(call: Call) -> Answer:
    """GET /v2/contacts/{id or email}/preferences: the tree with what the contact chose."""
    with call.account.store.reading() as db:
        return json_answer(preference_tree(db, contact_of(db, call.params["ident"])["id"]))


def set_contact_preferences(call: Call) -> Answer:
    """PUT /v2/contacts/{id or email}/preferences: what is not named stays as it was."""
    given = call.json()
    if not isinstance(given, list):
        raise refusal("PREFERENCE_INVALID")
    with call.account.store.writing() as db:
        choose_all(db, contact_of(db, call.params["ident"])["id"], given)
    return Answer(HTTPStatus.OK, media_type=None)


def _choosers(db: Connection, call: Call, condition: str, **params: object) -> list[Row]:
    """The contacts, a thousand from an id on, whose choice of the preference is as asked; of a book if one is named."""
    least = call.number("mincontactid", 0, least=0, most=INT32)
    sql = (
        f"SELECT {COLUMNS}, p.opted_in, p.modified FROM contact_preference p JOIN contact c ON c.id = p.contact_id "
        f"WHERE p.preference_id = :preference AND c.id >= :least AND {condition} "
    )
    if not call.account.switches.list_suppressed:
        sql += "AND c.suppressed_at IS NULL "
    preference = _asked(db, call)
    book = book_of(db, book_id_of(call), segments=True) if "book_id" in call.params else None
    if book is not None:
        sql += f"AND {belonging_sql(book, 'c.id')} "
    params |= {"preference": preference["id"], "least": least, "book": book and book["id"], "most": PAGE}
    return db.execute(f"{sql}ORDER BY c.id LIMIT :most", params).fetchall()


def contacts_with_preference(call: Call) -> Answer:
    """GET /v2/contacts/with-preference/{id}, and of a book or segment: who is opted in."""
    with call.account.store.reading() as db:
        return json_answer([{"id": row["id"], "email": row["email"]} for row in _choosers(db, call, "p.opted_in")])


def contacts_who_chose(call: Call) -> Answer:
    """GET /v2/contacts/with-preference/{id}/opt-ins-since/{date}, and of a book or segment: who changed their choice,
    either way.
    """
    with call.account.store.reading() as db:
        rows = _choosers(db, call, "p.modified >= :since", since=call.since())
        shape = ContactShape(db, call.account.switches, full=False)
        ident = _asked(db, call)["id"]
        return json_answer(
            [{"contact": shape.one(row), "marketingPreferenceOptIns": [_choice(ident, row)]} for row in rows]
        )


def _choice(preference_id: int, row: Row) -> dict[str, Any]:
    # The vendor spells the date like this. No book stands behind a preference here.
    return {
        "marketingPreferenceId": preference_id,
        "addressBookId": 0,
        "isOptedIn": bool(row["opted_in"]),
        "dateModifed": row["modified"],
    }


def contact_subscriptions(call: Call) -> Answer:
    """GET /v2/contacts/{id or email}/subscriptions: what the contact chose, and when."""
    with call.account.store.reading() as db:
        contact = contact_of(db, call.params["ident"])
        row = db.execute(f"SELECT {COLUMNS} FROM contact c WHERE c.id = ?", (contact["id"],)).fetchone()
        chosen = db.execute(
            "SELECT preference_id, opted_in, modified FROM contact_preference WHERE contact_id = ? "
            "ORDER BY preference_id",
            (contact["id"],),
        )
        choices = [_choice(each["preference_id"], each) for each in chosen]
        shown = ContactShape(db, call.account.switches, full=False).one(row)
        return json_answer({"contact": shown, "marketingPreferenceOptIns": choices})


_WITH = "contacts/with-preference/{id}"
ROUTES = [
    Route("GET", "/v2/preferences", list_preferences, MEDIUM),
    Route("POST", "/v2/preferences", create_preference, MEDIUM),
    Route("GET", "/v2/preferences/modified-since/{date}", list_modified_preferences, LOW),
    Route("GET", "/v2/preferences/{id}", read_preference, HIGH),
    Route("PUT", "/v2/preferences/{id}", update_preference, MEDIUM),
    Route("DELETE", "/v2/preferences/{id}", delete_preference, MEDIUM),
    Route("GET", f"/v2/{_WITH}", contacts_with_preference, MEDIUM),
    Route("GET", f"/v2/{_WITH}/opt-ins-since/{{date}}", contacts_who_chose, LOW),
    Route("GET", f"/v2/address-books/{{book_id}}/{_WITH}", contacts_with_preference, MEDIUM),
    Route("GET", f"/v2/address-books/{{book_id}}/{_WITH}/opt-ins-since/{{date}}", contacts_who_chose, LOW),
    # The vendor's pages spell these paths in both ways.
    Route("POST", "/v2/preference", create_preference, MEDIUM),
    Route("PUT", "/v2/preference", update_preference, MEDIUM),
    Route("DELETE", "/v2/preference/{id}", delete_preference, MEDIUM),
    Route("GET", "/v2/contact/{ident}/preferences", contact_preferences, HIGH),
    Route("PUT", "/v2/contact/{ident}/preferences", set_contact_preferences, MEDIUM),
    Route("GET", "/v2/contacts/{ident}/preferences", contact_preferences, HIGH),
    Route("PUT", "/v2/contacts/{ident}/preferences", set_contact_preferences, MEDIUM),
    Route("GET", "/v2/contacts/{ident}/subscriptions", contact_subscriptions, HIGH),
]
