"""Contact scoring: how engaged and how well known somebody is, in numbers and a word (the vendor's scoring 2.0).

How the service reckons is a setting of each account. Here opens and clicks make the engagement, and the share of data
fields that are filled the suitability.
"""

from __future__ import annotations

from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.address_books import belonging_sql, book_id_of, book_of
from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.contact_writing import contact_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, LOW, MEDIUM, Route

# Each label with the score that it begins at, the highest first.
LABELS = ((75, "Hot"), (50, "Warm"), (25, "Cool"), (0, "Cold"))
MOST, PER_OPEN, PER_CLICK = 100, 10, 20
_DONE = (
    "FROM activity a JOIN event e ON e.campaign_id = a.campaign_id AND e.contact_id = a.contact_id "
    "WHERE a.contact_id = c.id AND e.kind IN ('open', 'click') AND e.at <= :now"
)
_SCORED = f"""
SELECT c.id, c.email, max(c.modified, coalesce((SELECT max(e.at) {_DONE}), '')) AS changed,
    min({MOST}, coalesce((SELECT sum(iif(e.kind = 'open', {PER_OPEN}, {PER_CLICK})) {_DONE}), 0)) AS engagement,
    min({MOST}, {MOST} * (SELECT count(*) FROM json_each(c.data)) / max(1, (SELECT count(*) FROM data_field)))
    AS suitability
FROM contact c WHERE c.email <> ''
"""


def _shown(row: Row) -> dict[str, Any]:
    score = (row["engagement"] + row["suitability"]) // 2
    return {
        "contactId": row["id"],
        "email": row["email"],
        "dateModified": row["changed"],
        "scoreLabel": next(label for least, label in LABELS if score >= least),
        "score": score,
        "engagement": row["engagement"],
        "suitability": row["suitability"],
    }


def _scores(db: Connection, call: Call, condition: str = "TRUE", **params: object) -> Answer:
    page = call.page()
    rows = db.execute(
        f"SELECT * FROM ({_SCORED}) s WHERE {condition} ORDER BY s.id LIMIT :select OFFSET :skip",
        {**params, "now": call.account.clock.text(), "select": page.select, "skip": page.skip},
    )
    return json_answer([_shown(row) for row in rows])


def list_scores(call: Call) -> Answer:
    """GET /v2/contacts/score: everybody with an address."""
    with call.account.store.reading() as db:
        return _scores(db, call)


def list_scores_since(call: Call) -> Answer:
    """GET /v2/contacts/score/modified-since/{date}."""
    with call.account.store.reading() as db:
        return _scores(db, call, "s.changed >= :since", since=call.since())


def list_scores_of_book(call: Call) -> Answer:
    """GET /v2/address-books/{id}/contacts/score: the members of a book or segment."""
    with call.account.store.reading() as db:
        book = book_of(db, book_id_of(call), segments=True)
        return _scores(db, call, belonging_sql(book, "s.id"), book=book["id"])


def read_score(call: Call) -> Answer:
    """GET /v2/contacts/{id or email}/score."""
    with call.account.store.reading() as db:
        contact = contact_of(db, call.params["ident"])
        row = db.execute(
            f"SELECT * FROM ({_SCORED}) s WHERE s.id = :id", {"id": contact["id"], "now": call.account.clock.text()}
        ).fetchone()
    if row is None:
        # Whoever has no address is not scored.
        raise refusal("CONTACT_NOT_FOUND")
    return json_answer(_shown(row))


ROUTES = [
    Route("GET", "/v2/contacts/score", list_scores, LOW),
    Route("GET", "/v2/contacts/score/modified-since/{date}", list_scores_since, LOW),
    Route("GET", "/v2/contacts/{ident}/score", read_score, HIGH),
    Route("GET", "/v2/address-books/{book_id}/contacts/score", list_scores_of_book, MEDIUM),
]
