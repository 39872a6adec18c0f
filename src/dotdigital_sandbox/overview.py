"""The account at a glance: the web page at ``/_sandbox/`` and the numbers it shows."""

from __future__ import annotations

import json
from importlib import resources
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.address_books import count_sql
from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.contact_statuses import SUPPRESSED
from dotdigital_sandbox.errors import no_such_path
from dotdigital_sandbox.routing import UNLIMITED, Route
from dotdigital_sandbox.settings import Switches

LISTED = 500
FEW = 50
_MEDIA = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


def page(_call: Call) -> Answer:
    """GET /_sandbox/: the web page."""
    return _file("page.html")


def asset(call: Call) -> Answer:
    """GET /_sandbox/page/{name}: what the web page is made of."""
    return _file(call.params["name"])


def _file(name: str) -> Answer:
    if name not in _MEDIA:
        raise no_such_path()
    content = resources.files("dotdigital_sandbox").joinpath("page", name).read_bytes()
    policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Answer(content=content, media_type=f"{_MEDIA[name]}; charset=utf-8", headers=headers)


def state(call: Call) -> Answer:
    """GET /_sandbox/state: all that the page shows but the contacts."""
    account = call.account
    with account.store.reading() as db:
        shown = {
            "books": _books(call, db),
            "contacts": _statuses(db),
            "imports": _imports(db),
            "campaigns": _campaigns(db, account.clock.text()),
            "users": [dict(row) for row in db.execute("SELECT name, scheme, disabled FROM api_user ORDER BY name")],
        }
    manual = [
        {"name": name, "may": may, "default": default, "meaning": meaning}
        for name, may, default, meaning in Switches.manual()
    ]
    return json_answer(
        {
            **shown,
            "now": account.clock.text(),
            "frozen": account.clock.frozen,
            "held": account.work.held,
            "faults": account.faults.orders(),
            "calls": account.log.counts(),
            "limits": {**account.rates.limits(), "flat": account.settings.flat_rate},
            "switches": [{**each, "value": account.switches.as_dict()[each["name"]]} for each in manual],
            "shape": account.settings.shape,
            "region": account.settings.region,
            "suppressions": SUPPRESSED,
        }
    )


def _books(call: Call, db: Connection) -> list[dict[str, Any]]:
    rows = db.execute(
        f"SELECT b.id, b.name, b.visibility, b.kind, b.writable, {count_sql(call.account.switches)} AS contacts, "
        "(SELECT count(*) FROM membership m WHERE m.book_id = b.id AND m.unsubscribed_at IS NOT NULL) AS gone "
        "FROM address_book b ORDER BY b.kind, b.id LIMIT ?",
        (LISTED,),
    )
    return [dict(row) for row in rows]


def _statuses(db: Connection) -> dict[str, int]:
    suppressed = "SELECT status, count(*) AS n FROM contact WHERE suppressed_at IS NOT NULL GROUP BY status"
    counts = {row["status"]: row["n"] for row in db.execute(suppressed)}
    total = db.execute("SELECT count(*) FROM contact").fetchone()[0]
    return {"Subscribed": total - sum(counts.values()), **counts}


def _imports(db: Connection) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT id, guid, kind, book_ids, merge, status, created, finished, counters FROM import_job ORDER BY id DESC "
        "LIMIT ?",
        (FEW,),
    )
    return [
        {**dict(row), "book_ids": json.loads(row["book_ids"]), "counters": json.loads(row["counters"])} for row in rows
    ]


def _campaigns(db: Connection, now: str) -> list[dict[str, Any]]:
    events = (
        "(SELECT count(*) FROM event e WHERE e.campaign_id = g.id AND e.kind = '{kind}' AND e.at <= :now) AS {name}"
    )
    counted = ", ".join(
        events.format(kind=kind, name=name)
        for kind, name in (("open", "opens"), ("click", "clicks"), ("hard_bounce", "bounces"), ("unsubscribe", "gone"))
    )
    rows = db.execute(
        "SELECT g.id, g.name, g.subject, g.status, g.sent_date, "
        "(SELECT count(*) FROM activity a WHERE a.campaign_id = g.id) "
        f"AS sent, {counted} FROM campaign g ORDER BY g.id DESC LIMIT :few",
        {"now": now, "few": FEW},
    )
    return [dict(row) for row in rows]


def find_contacts(call: Call) -> Answer:
    """GET /_sandbox/contacts?q=&book=: the first contacts whose address begins with the text, or is like it."""
    text = call.text("q").strip().lower().replace("%", "").replace("_", "\\_")
    book = call.number("book", 0, least=0, most=2**31 - 1)
    member = "AND EXISTS (SELECT 1 FROM membership m WHERE m.book_id = :book AND m.contact_id = c.id)" if book else ""
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT c.id, c.email, c.status, c.opt_in, c.modified, c.data, "
            "(SELECT group_concat(b.name, ', ') FROM membership m "
            "JOIN address_book b ON b.id = m.book_id WHERE m.contact_id = c.id AND m.unsubscribed_at IS NULL) AS books "
            f"FROM contact c WHERE c.email_key LIKE :text ESCAPE '\\' {member} ORDER BY c.id LIMIT :few",
            {"text": f"%{text}%", "book": book, "few": FEW},
        )
        return json_answer([{**dict(row), "data": json.loads(row["data"])} for row in rows])


ROUTES = [
    Route("GET", "/_sandbox", page, UNLIMITED),
    Route("GET", "/_sandbox/page/{name}", asset, UNLIMITED),
    Route("GET", "/_sandbox/state", state, UNLIMITED),
    Route("GET", "/_sandbox/contacts", find_contacts, UNLIMITED),
]
