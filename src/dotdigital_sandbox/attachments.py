"""Documents that go with a campaign (the vendor's documents 2.0, whose codes are published with the others)."""

from __future__ import annotations

from http import HTTPStatus
from sqlite3 import Connection, Row

from dotdigital_sandbox.calls import INT32, NO_CONTENT, Answer, Call, json_answer, whole_number
from dotdigital_sandbox.campaigns import ATTACHMENT, campaign_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.media import DOCUMENTS, document_out
from dotdigital_sandbox.routing import MEDIUM, Route
from dotdigital_sandbox.things import keep, thing_of

MOST = 20
_ATTACHED = (
    "SELECT a.id AS attachment, d.* FROM thing a JOIN thing d ON d.id = json_extract(a.body, '$.document') "
    "WHERE a.kind = ? AND a.name = ? ORDER BY a.id"
)


def _attached(db: Connection, campaign_id: int) -> list[Row]:
    return db.execute(_ATTACHED, (ATTACHMENT, str(campaign_id))).fetchall()


def list_attachments(call: Call) -> Answer:
    """GET /v2/campaigns/{id}/attachments: in the order in which they were attached."""
    with call.account.store.reading() as db:
        return json_answer([document_out(row) for row in _attached(db, campaign_of(db, call)["id"])])


def attach(call: Call) -> Answer:
    """POST /v2/campaigns/{id}/attachments: a document, of which the id alone counts."""
    ident = whole_number(call.json_object().get("id"))
    if ident is None:
        raise refusal("DOCUMENT_INVALID")
    with call.account.store.writing() as db:
        campaign_id = campaign_of(db, call)["id"]
        document = thing_of(db, DOCUMENTS.kind, max(0, min(ident, INT32)), "DOCUMENT_NOT_FOUND")
        attached = _attached(db, campaign_id)
        if any(row["id"] == document["id"] for row in attached):
            raise refusal("DOCUMENT_ALREADYATTACHED")
        if len(attached) >= MOST:
            raise refusal("DOCUMENT_TOOMANYATTACHMENTS")
        keep(db, call.account, ATTACHMENT, str(campaign_id), {"document": document["id"]})
    return json_answer(document_out(document), status=HTTPStatus.OK)


def detach(call: Call) -> Answer:
    """DELETE /v2/campaigns/{id}/attachments/{documentId}: the document itself stays."""
    with call.account.store.writing() as db:
        campaign_id, ident = campaign_of(db, call)["id"], call.id("document_id", "DOCUMENT_NOT_FOUND")
        found = next((row for row in _attached(db, campaign_id) if row["id"] == ident), None)
        if found is None:
            raise refusal("DOCUMENT_NOT_FOUND")
        db.execute("DELETE FROM thing WHERE id = ?", (found["attachment"],))
    return NO_CONTENT


_BASE = "/v2/campaigns/{campaign_id}/attachments"
ROUTES = [
    Route("GET", _BASE, list_attachments, MEDIUM),
    Route("POST", _BASE, attach, MEDIUM),
    Route("DELETE", f"{_BASE}/{{document_id}}", detach, MEDIUM),
]
