"""What became of an import: its status, its counters, its refused rows (contract §5)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from sqlite3 import Row

from dotdigital_sandbox.calls import GUID, Answer, Call, json_answer
from dotdigital_sandbox.contact_statuses import REPORT_COUNTERS
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.routing import LOW, UNLIMITED, Route

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PIECE_ROWS = 2000
# The service keeps refused rows for about a week (contract §5.2).
KEPT = timedelta(days=7)


def job_of(call: Call) -> Row:
    """The import of the path; refused when there is none."""
    guid = call.params["guid"].lower()
    if not GUID.fullmatch(guid):
        raise refusal("IMPORT_NOT_FOUND")
    with call.account.store.reading() as db:
        row: Row | None = db.execute("SELECT * FROM import_job WHERE guid = ?", (guid,)).fetchone()
    if row is None:
        raise refusal("IMPORT_NOT_FOUND")
    return row


def import_status(call: Call) -> Answer:
    """GET /v2/contacts/import/{guid}."""
    job = job_of(call)
    return json_answer({"id": job["guid"], "status": job["status"]})


def _finished(call: Call) -> Row:
    job = job_of(call)
    if job["status"] != "Finished":
        raise refusal("IMPORT_REPORT_NOT_FOUND")
    return job


def import_report(call: Call) -> Answer:
    """GET /v2/contacts/import/{guid}/report: 15 counters, 14 in the legacy shape (contract §5.3)."""
    counters = json.loads(_finished(call)["counters"])
    names = [
        name for name in REPORT_COUNTERS if name != "suppressedContacts" or call.account.settings.shape == "current"
    ]
    return json_answer({name: counters.get(name, 0) for name in names})


def import_faults(call: Call) -> Answer:
    """GET /v2/contacts/import/{guid}/report-faults: CSV; reason, e-mail, then the other columns as uploaded."""
    job = _finished(call)
    if job["finished"] < text_of(call.account.clock.now() - KEPT):
        raise refusal("IMPORT_REPORT_NOT_FOUND")
    return Answer(media_type="text/csv; charset=utf-8", pieces=_fault_csv(call, job))


def _fault_csv(call: Call, job: Row) -> Iterator[bytes]:
    header = [title.strip().lower() for title in json.loads(job["header"])]
    email = header.index("email") if "email" in header else 0
    order = [email, *(at for at in range(len(header)) if at != email)]
    mark = BYTE_ORDER_MARK if call.account.switches.fault_byte_order_mark else b""
    yield mark + _csv([["Reason", *(header[at] for at in order)]])
    last = 0
    while True:
        with call.account.store.reading() as db:
            rows = db.execute(
                "SELECT row, reason, cells FROM import_fault WHERE import_id = ? AND row > ? ORDER BY row LIMIT ?",
                (job["id"], last, PIECE_ROWS),
            ).fetchall()
        if not rows:
            return
        last = rows[-1]["row"]
        yield _csv([[row["reason"], *_ordered(json.loads(row["cells"]), order)] for row in rows])


def _ordered(cells: list[str], order: list[int]) -> list[str]:
    return [cells[at] if at < len(cells) else "" for at in order]


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


ROUTES = [
    Route("GET", "/v2/contacts/import/{guid}", import_status, UNLIMITED),
    Route("GET", "/v2/contacts/import/{guid}/report", import_report, LOW),
    Route("GET", "/v2/contacts/import/{guid}/report-faults", import_faults, LOW),
]
