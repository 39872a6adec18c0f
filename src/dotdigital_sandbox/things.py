"""Objects kept as they were given: templates, programs and enrolments (contract §4.1).

Their details are of no consequence to a sync; clients that use them find that what they write is there again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import INT32, NO_CONTENT, PAGE, Answer, Call, ids_of, json_answer, one_of, whole_number
from dotdigital_sandbox.campaigns import REPLY_ACTIONS, UNSUBSCRIBE_TOKEN, or_default
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import HIGH, MEDIUM, UNLIMITED, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

TEMPLATES_PAGE = 500
PROGRAM_STATUSES = ("Draft", "Deactivated", "Active", "ReadOnly")
ENROLMENT_STATUSES = ("Processing", "Finished")
ENROLMENTS_AN_HOUR = 20
_TEMPLATE_TEXTS = ("name", "subject", "fromname", "htmlcontent", "plaintextcontent")


def keep(db: Connection, account: Account, kind: str, name: str, body: dict[str, Any]) -> Row:
    """Put a new thing of a kind away."""
    row: Row = db.execute(
        "INSERT INTO thing (kind, name, body, created) VALUES (?, ?, ?, ?) RETURNING *",
        (kind, name, json.dumps(body, ensure_ascii=False), account.clock.text()),
    ).fetchone()
    return row


def thing_of(db: Connection, kind: str, ident: int, missing: str) -> Row:
    """The thing of a kind and id; refused with the given code when there is none."""
    row: Row | None = db.execute("SELECT * FROM thing WHERE kind = ? AND id = ?", (kind, ident)).fetchone()
    if row is None:
        raise refusal(missing)
    return row


@dataclass(frozen=True, kw_only=True)
class Things:
    """One kind of things: ``missing`` is the refusal where there is none, ``more`` what each is shown with besides."""

    kind: str
    missing: str
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    page: int = PAGE

    def shown(self, row: Row) -> dict[str, Any]:
        """A thing as answered."""
        return {"id": row["id"], **json.loads(row["body"]), **self.more}

    def asked(self, db: Connection, call: Call) -> Row:
        """The thing of the path."""
        return thing_of(db, self.kind, call.id("id", self.missing), self.missing)

    def list_all(self, call: Call) -> Answer:
        """GET: all of them, page by page."""
        page = call.page(self.page)
        with call.account.store.reading() as db:
            rows = db.execute("SELECT * FROM thing WHERE kind = ? ORDER BY id LIMIT ? OFFSET ?", (self.kind, *page))
            return json_answer([self.shown(row) for row in rows])

    def read_one(self, call: Call) -> Answer:
        """GET."""
        with call.account.store.reading() as db:
            return json_answer(self.shown(self.asked(db, call)))

    def routes(self, path: str) -> list[Route]:
        """The operations under a path."""
        return [Route("GET", path, self.list_all, MEDIUM), Route("GET", f"{path}/{{id}}", self.read_one, HIGH)]


@dataclass(frozen=True, kw_only=True)
class WrittenThings(Things):
    """One kind of things that clients write: ``given`` reads a request's body with its ``name``, or refuses it."""

    given: Callable[[Call], dict[str, Any]]

    def create(self, call: Call) -> Answer:
        """POST."""
        body = self.given(call)
        with call.account.store.writing() as db:
            row = keep(db, call.account, self.kind, body["name"], body)
        return json_answer(self.shown(row), status=HTTPStatus.CREATED)

    def update(self, call: Call) -> Answer:
        """PUT: given anew as a whole."""
        body = self.given(call)
        with call.account.store.writing() as db:
            row = db.execute(
                "UPDATE thing SET name = ?, body = ? WHERE id = ? RETURNING *",
                (body["name"], json.dumps(body, ensure_ascii=False), self.asked(db, call)["id"]),
            ).fetchone()
        return json_answer(self.shown(row))

    def delete(self, call: Call) -> Answer:
        """DELETE."""
        with call.account.store.writing() as db:
            db.execute("DELETE FROM thing WHERE id = ?", (self.asked(db, call)["id"],))
        return NO_CONTENT

    def routes(self, path: str) -> list[Route]:
        """The operations under a path."""
        return [
            *super().routes(path),
            Route("POST", path, self.create, MEDIUM),
            Route("PUT", f"{path}/{{id}}", self.update, MEDIUM),
            Route("DELETE", f"{path}/{{id}}", self.delete, MEDIUM),
        ]


# Templates


def _template(call: Call) -> dict[str, Any]:
    body = call.json_object()
    texts = {name: body.get(name) for name in _TEMPLATE_TEXTS}
    if not all(isinstance(text, str) and text.strip() for text in texts.values()):
        raise refusal("TEMPLATE_INVALID")
    if any(UNSUBSCRIBE_TOKEN not in str(texts[name]).upper() for name in ("htmlcontent", "plaintextcontent")):
        raise refusal("TEMPLATE_INVALID")
    return {
        "name": texts["name"],
        "subject": texts["subject"],
        "fromName": texts["fromname"],
        "htmlContent": texts["htmlcontent"],
        "plainTextContent": texts["plaintextcontent"],
        "replyAction": or_default(body.get("replyaction"), REPLY_ACTIONS),
        "replyToAddress": body.get("replytoaddress") if isinstance(body.get("replytoaddress"), str) else None,
    }


TEMPLATES = WrittenThings(kind="template", missing="TEMPLATE_NOT_FOUND", page=TEMPLATES_PAGE, given=_template)


# Programs and enrolments

PROGRAMS = Things(kind="program", missing="PROGRAM_NOT_FOUND")


def make_program(db: Connection, account: Account, *, name: str, status: str) -> int:
    """A new program; the API itself cannot make one. Raises ValueError for an unknown status."""
    if status not in PROGRAM_STATUSES:
        raise ValueError(f"a program cannot be {status!r}; it may be: {', '.join(PROGRAM_STATUSES)}")
    body = {"name": name, "status": status, "dateCreated": account.clock.text()}
    return int(keep(db, account, "program", name, body)["id"])


def enrol(call: Call) -> Answer:
    """POST /v2/programs/enrolments: contacts or books into an active program; twenty an hour."""
    body = call.json_object()
    program_id, account = whole_number(body.get("programid")), call.account
    contacts, books = (ids_of(body.get(name), code="ENROLMENT_INVALID") for name in ("contacts", "addressbooks"))
    if program_id is None or not (contacts or books):
        raise refusal("ENROLMENT_INVALID")
    with account.store.writing() as db:
        program = json.loads(thing_of(db, "program", min(program_id, INT32), "PROGRAM_NOT_FOUND")["body"])
        if program["status"] != "Active":
            raise refusal("PROGRAM_NOT_ACTIVE")
        hour_ago = text_of(account.clock.now() - timedelta(hours=1))
        lately = db.execute(
            "SELECT count(*) FROM thing WHERE kind = 'enrolment' AND created > ?", (hour_ago,)
        ).fetchone()[0]
        if lately >= ENROLMENTS_AN_HOUR:
            raise refusal("ENROLMENT_ALLOWANCE_EXCEEDED")
        guid = str(uuid.uuid4())
        given = {"programId": program_id, "contacts": contacts or None, "addressBooks": books or None}
        row = keep(db, account, "enrolment", guid, {**given, "dateCreated": account.clock.text()})
    return json_answer(_enrolment(call, row), status=HTTPStatus.CREATED)


def _enrolment(call: Call, row: Row) -> dict[str, Any]:
    over = text_of(call.account.clock.now() - timedelta(seconds=call.account.settings.import_seconds))
    status = "Finished" if row["created"] <= over else "Processing"
    return {"id": row["name"], **json.loads(row["body"]), "status": status}


def read_enrolment(call: Call) -> Answer:
    """GET /v2/programs/enrolments/{guid}."""
    with call.account.store.reading() as db:
        row = db.execute(
            "SELECT * FROM thing WHERE kind = 'enrolment' AND name = ?", (call.params["guid"].lower(),)
        ).fetchone()
    if row is None:
        raise refusal("ENROLMENT_NOT_FOUND")
    return json_answer(_enrolment(call, row))


def enrolment_faults(call: Call) -> Answer:
    """GET /v2/programs/enrolments/{guid}/report-faults: nobody is ever refused."""
    read_enrolment(call)
    return Answer(content=b"Reason,ContactId\n", media_type="text/csv; charset=utf-8")


def list_enrolments(call: Call) -> Answer:
    """GET /v2/programs/enrolments/{status}."""
    status, page = one_of(call.params["guid"], ENROLMENT_STATUSES), call.page()
    with call.account.store.reading() as db:
        rows = db.execute("SELECT * FROM thing WHERE kind = 'enrolment' ORDER BY id").fetchall()
    shown = [each for each in (_enrolment(call, row) for row in rows) if each["status"] == status]
    return json_answer(shown[page.skip : page.skip + page.select])


def read_enrolments(call: Call) -> Answer:
    """GET /v2/programs/enrolments/{guid or status}."""
    if call.params["guid"].capitalize() in ENROLMENT_STATUSES:
        return list_enrolments(call)
    return read_enrolment(call)


ROUTES = [
    *TEMPLATES.routes("/v2/templates"),
    *PROGRAMS.routes("/v2/programs"),
    Route("POST", "/v2/programs/enrolments", enrol, MEDIUM),
    Route("GET", "/v2/programs/enrolments/{guid}", read_enrolments, UNLIMITED),
    Route("GET", "/v2/programs/enrolments/{guid}/report-faults", enrolment_faults, MEDIUM),
]
