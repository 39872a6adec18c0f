"""Segments: contacts who meet a rule, found anew at each refresh (contract §4.10).

A segment shares its ids and names with the address books, and its members are kept as theirs are.
"""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.address_books import count_sql
from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import MEDIUM, UNLIMITED, Route
from dotdigital_sandbox.values import ValueRefused, taker

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

TESTS = {"equals": "=", "not-equals": "<>", "at-least": ">=", "at-most": "<="}


def make_segment(db: Connection, account: Account, *, name: str, field: str, test: str, value: object) -> int:
    """A new segment of the contacts whose data field meets the test; its id. Raises ValueError for a bad rule."""
    if test not in TESTS:
        raise ValueError(f"there is no test {test!r}; there are: {', '.join(TESTS)}")
    known = db.execute("SELECT name, type FROM data_field WHERE name = ?", (field,)).fetchone()
    if known is None:
        raise ValueError(f"there is no data field {field!r}")
    if db.execute("SELECT 1 FROM address_book WHERE name_key = ?", (name.lower(),)).fetchone():
        raise ValueError(f"the name {name!r} is in use already")
    rule = json.dumps({"field": known["name"], "test": test, "value": _wanted(account, known, value)}, default=float)
    row = db.execute(
        "INSERT INTO address_book (name, name_key, kind, writable, rule) VALUES (?, ?, 'segment', 0, ?) RETURNING *",
        (name, name.lower(), rule),
    ).fetchone()
    finish_refresh(db, account, row)
    return int(row["id"])


def _wanted(account: Account, field: Row, value: object) -> object:
    """The value as contacts have it, so that 5 is found whether it was given as a number or as a text."""
    try:
        # Nobody has an empty value: whoever has another one than that has any.
        return taker(field["type"], account.switches.text_limit)(value) if value not in ("", None) else ""
    except ValueRefused:
        raise ValueError(f"{value!r} is no value of the data field {field['name']}, a {field['type']}") from None


def finish_refresh(db: Connection, account: Account, row: Row) -> None:
    """Find the segment's members anew; those who stay keep the date they joined."""
    rule = json.loads(row["rule"])
    params = {
        "segment": row["id"],
        "path": f'$."{rule["field"]}"',
        "value": rule["value"],
        "now": account.clock.text(),
    }
    meets = f"json_extract(c.data, :path) {TESTS[rule['test']]} :value"
    db.execute(
        "DELETE FROM membership WHERE book_id = :segment "
        f"AND contact_id NOT IN (SELECT c.id FROM contact c WHERE {meets})",
        params,
    )
    db.execute(
        "INSERT INTO membership (book_id, contact_id, added) "
        f"SELECT :segment, c.id, :now FROM contact c WHERE {meets} ON CONFLICT DO NOTHING",
        params,
    )
    db.execute("UPDATE address_book SET refresh_due = NULL, refresh_status = 'Finished' WHERE id = ?", (row["id"],))


def _segment_of(db: Connection, call: Call) -> Row:
    segment_id = call.id("segment_id", "SEGMENT_NOT_FOUND")
    row: Row | None = db.execute(
        "SELECT * FROM address_book WHERE id = ? AND kind = 'segment'", (segment_id,)
    ).fetchone()
    if row is None:
        raise refusal("SEGMENT_NOT_FOUND")
    return row


def list_segments(call: Call) -> Answer:
    """GET /v2/segments."""
    page = call.page()
    with call.account.store.reading() as db:
        rows = db.execute(
            f"SELECT b.id, b.name, {count_sql(call.account.switches)} AS contacts FROM address_book b "
            "WHERE b.kind = 'segment' ORDER BY b.id LIMIT ? OFFSET ?",
            page,
        )
        return json_answer([dict(row) for row in rows])


def start_refresh(call: Call) -> Answer:
    """POST /v2/segments/refresh/{id}."""
    due = text_of(call.account.clock.now() + timedelta(seconds=call.account.settings.refresh_seconds))
    with call.account.store.writing() as db:
        row = _segment_of(db, call)
        db.execute(
            "UPDATE address_book SET refresh_due = ?, refresh_status = 'NotFinished' WHERE id = ?", (due, row["id"])
        )
    call.account.work.wake()
    return json_answer({"id": row["id"], "status": "NotStarted"}, status=HTTPStatus.ACCEPTED)


def refresh_status(call: Call) -> Answer:
    """GET /v2/segments/refresh/{id}."""
    with call.account.store.reading() as db:
        row = _segment_of(db, call)
    out: dict[str, Any] = {"id": row["id"], "status": row["refresh_status"] or "Finished"}
    return json_answer(out)


ROUTES = [
    Route("GET", "/v2/segments", list_segments, MEDIUM),
    Route("POST", "/v2/segments/refresh/{segment_id}", start_refresh, MEDIUM),
    Route("GET", "/v2/segments/refresh/{segment_id}", refresh_status, UNLIMITED),
]
