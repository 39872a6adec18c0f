"""Imports and bulk deletions of version 3: JSON in, per-row outcomes back (contract §7)."""

from __future__ import annotations

import codecs
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

import msgspec

from dotdigital_sandbox.calls import Answer, Call, encoded, json_answer, lowered
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.folder import new_file
from dotdigital_sandbox.import_rows import Merge
from dotdigital_sandbox.import_sources import upload_path
from dotdigital_sandbox.routing import LOW, UNLIMITED, Route
from dotdigital_sandbox.uploads import MEGABYTE, note_import, spooled
from dotdigital_sandbox.v3_contacts import matched, merge_values, named, read_given, save_given
from dotdigital_sandbox.v3_errors import V3Error, guid_of, object_of
from dotdigital_sandbox.v3_plain_rows import PlainRows

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

MERGES: dict[str, Merge] = {"overwrite": 0, "overwriteifnotempty": 1, "overwriteifempty": 2}
# A commit writes each page of the addresses' index that it touches, so many plain rows go together. Of odd rows not so
# many, since they are taken one by one while other writers wait.
CHUNK, MOST_ODD = 20_000, 500
TOLD = 2000
# How an import of version 3 can end, or stand.
STATUSES = ("Finished", "NotFinished", "RejectedByWatchdog", "Failed", "ExceedsAllowedContactLimit")
SUMMARY = {
    "created": "newContacts",
    "updated": "updatedContacts",
    "globallySuppressed": "globallySuppressed",
    "invalidEmail": "invalidEntries",
    "invalidMobileNumber": "invalidEntries",
    "invalidContact": "invalidEntries",
    "contactNotFound": "invalidEntries",
    "identifierConflict": "invalidEntries",
    "duplicateIdentifier": "duplicateIdentifiers",
}

# Said of what belongs to a contact that is imported all the same.
CONSENTS = "consentRecordsNotApplied"
_IDENTIFIERS = {"email": "email", "mobilenumber": "mobileNumber", "contactid": "contactId"}
_NAME = re.compile(r"[-A-Za-z0-9_]{1,50}")
# Outcome, counter key and body.
Result = tuple[str, str, dict[str, Any]]
FAILURES = frozenset(SUMMARY) - {"created", "updated"}


def start_import(call: Call) -> Answer:
    """PUT /contacts/v3/import."""
    source = spooled(call)
    if source.stat().st_size > call.account.settings.import_megabytes * MEGABYTE:
        raise V3Error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "gateway:tooLarge", "The import is too large")
    guid = str(uuid.uuid4())
    path = upload_path(call.account, guid)
    try:
        merge, rows = _read(source)
        with new_file(path) as file:
            for row in rows:
                _check_row(msgspec.json.decode(row))
                # Within a JSON value a line end is an escape: those that there are part the values.
                file.write(bytes(row).replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        with call.account.store.writing() as db:
            _note(db, call.account, guid, merge)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        path.unlink(missing_ok=True)
        raise V3Error(400, "badJson", "The body is no JSON object") from None
    except V3Error:
        path.unlink(missing_ok=True)
        raise
    call.account.work.wake()
    return json_answer({"importId": guid}, status=HTTPStatus.ACCEPTED)


def _read(source: Path) -> tuple[Merge, list[msgspec.Raw]]:
    """The merge option and the rows of a body, still as JSON: a decoded row takes ten times the room."""
    members = msgspec.json.decode(source.read_bytes().removeprefix(codecs.BOM_UTF8), type=dict[str, msgspec.Raw])
    body = {name.lower(): raw for name, raw in members.items()}
    option = msgspec.json.decode(body["mergeoption"]) if "mergeoption" in body else None
    listed = bytes(body.get("contacts", b"null"))
    rows = msgspec.json.decode(listed, type=list[msgspec.Raw]) if listed.startswith(b"[") else []
    if not rows:
        raise V3Error(400, "noContactsSpecified", "No contacts were specified", "contacts")
    merge = MERGES.get(str(option or "overwrite").lower())
    if merge is None:
        raise V3Error(400, "badRequest", "The merge option is unknown", "mergeOption")
    return merge, rows


def _note(db: Connection, account: Account, guid: str, merge: Merge) -> None:
    try:
        note_import(db, account, guid=guid, kind="v3", merge=merge, book_ids=[], header=[])
    except ApiError:
        raise V3Error(429, "tooManyActiveImports", "There are too many active imports") from None


def _check_row(given: object) -> None:
    """Refuse the whole import for a row without identifiers, or without a match identifier that can be one."""
    keys = lowered(given) if isinstance(given, dict) else {}
    if "identifiers" not in keys:
        raise V3Error(400, "badRequest", "The Identifiers field is required", "identifiers")
    match = keys.get("matchidentifier")
    if match is None:
        raise V3Error(400, "badRequest", "The MatchIdentifier field is required", "matchIdentifier")
    if not (isinstance(match, str) and _NAME.fullmatch(match)):
        raise V3Error(400, "badRequest", "The matchIdentifier must be the name of an identifier", "matchIdentifier")


def process(account: Account, job: Row, *, before_each: Callable[[], None]) -> dict[str, int]:
    """Do a queued import, or the rest of one that was interrupted; the counters of its summary.

    ``before_each`` is called before some rows are taken and may raise to end the work there.
    """
    counters: Counter[str] = Counter(dict.fromkeys(SUMMARY.values(), 0))
    seen: set[str] = set()
    with upload_path(account, job["guid"]).open("rb") as file:
        rows = enumerate(file, start=1)
        _pass_over_done(account, job, rows, counters, seen)
        are_left = True
        while are_left:
            before_each()
            with account.store.writing() as db:
                results = list(_some(db, account, job["merge"], rows, seen))
                db.executemany(
                    "INSERT OR REPLACE INTO import_result VALUES (?, ?, ?, ?)",
                    ((job["id"], number, outcome, body) for number, outcome, _, body in results),
                )
            for key, number in Counter(key for _, _, key, _ in results if key in SUMMARY).items():
                counters[SUMMARY[key]] += number
            are_left = bool(results)
    return dict(counters)


def _pass_over_done(
    account: Account, job: Row, rows: Iterator[tuple[int, bytes]], counters: Counter[str], seen: set[str]
) -> None:
    """Pass over the rows that were taken before an interruption, and note what came of them."""
    with account.store.reading() as db:
        results = db.execute(
            "SELECT row, outcome, body FROM import_result WHERE import_id = ?", (job["id"],)
        ).fetchall()
    taken: dict[int, int] = {}
    for result in results:
        body = json.loads(result["body"])
        key = result["outcome"] if "failures" not in body else body["failures"][0]["failureCode"]
        if key in SUMMARY:
            counters[SUMMARY[key]] += 1
        if "failures" not in body:
            taken[result["row"]] = body["contactId"]
    for number, line in islice(rows, max((result["row"] for result in results), default=0)):
        if number in taken:
            seen.add(f"{_match_of(lowered(msgspec.json.decode(line)))}:{taken[number]}")


def _match_of(row: dict[str, Any]) -> str:
    return _spelled(str(row.get("matchidentifier") or "email"))


def _spelled(identifier: str) -> str:
    """The name of an identifier as the API writes it, since clients spell it in every case."""
    return _IDENTIFIERS.get(identifier.lower(), identifier)


def _some(
    db: Connection, account: Account, merge: Merge, rows: Iterator[tuple[int, bytes]], seen: set[str]
) -> Iterator[tuple[int, str, str, str]]:
    """What came of the next rows, with the body as JSON; none when there are no more."""
    together = PlainRows(db, account, merge)
    read, odd = [], 0
    for number, line in rows:
        plain = together.read(line)
        read.append((number, line, plain))
        odd += plain is None
        if len(read) == CHUNK or odd == MOST_ODD:
            break
    together.find(plain for _number, _line, plain in read if plain)
    for number, line, plain in read:
        taken = together.take(plain, seen) if plain else None
        if plain and taken:
            outcome = "created" if taken.is_new else "updated"
            email = encoded(plain.email).decode()
            yield number, outcome, outcome, f'{{"contactId":{taken.contact_id},"identifiers":{{"email":{email}}}}}'
        else:
            together.write()
            for outcome, key, body in _one(db, account, merge, line, seen):
                yield number, outcome, key, encoded(body).decode()
            together.write()
    together.write()


def _one(db: Connection, account: Account, merge: int, line: bytes, seen: set[str]) -> list[Result]:
    """What came of one row: its outcome, and a failure of what belongs to it."""
    raw = lowered(msgspec.json.decode(line))
    identifiers, match = raw.get("identifiers") or {}, _match_of(raw)
    known: Row | None = None
    try:
        value = object_of(identifiers, "identifiers").get(match.lower())
        if value is None:
            raise V3Error(400, "invalidContacts", f"The identifier '{match}' is missing", "matchIdentifier")  # noqa: TRY301
        known = matched(db, match, value)
        if known is None and match.lower() == "contactid":
            raise V3Error(404, "contactNotFound", "The contact was not found", match)  # noqa: TRY301
        given = read_given(db, account, raw, named(known), forgiving=True)
        key = f"{match}:{known['id'] if known else given.contact.email.lower() or given.contact.mobile}"
        if key in seen:
            text = "The identifier occurs twice in this import"
            raise V3Error(400, "duplicateIdentifier", text, match)  # noqa: TRY301
        merge_values(given.contact, known, merge)
        contact_id = save_given(db, account, given, known=known)
        seen |= {key, f"{match}:{contact_id}"}
    except V3Error as refused:
        return [_failed(identifiers, match, known["id"] if known else None, _failure_code(refused), refused.message)]
    outcome = "updated" if known else "created"
    results: list[Result] = [(outcome, outcome, {"contactId": contact_id, "identifiers": _shown(identifiers)})]
    if given.consent_fault:
        results.append(_failed(identifiers, match, contact_id, CONSENTS, given.consent_fault.message))
    return results


def _shown(identifiers: object) -> dict[str, str]:
    """The identifiers of a row as they are repeated: texts, without the id of the service's own."""
    known = identifiers.items() if isinstance(identifiers, dict) else ()
    return {_spelled(name): str(value) for name, value in known if value is not None and name.lower() != "contactid"}


def _failure_code(refused: V3Error) -> str:
    item = refused.details[0]["item"] if refused.details else ""
    if refused.code == "contacts:invalidId":
        return {"email": "invalidEmail", "mobilenumber": "invalidMobileNumber"}.get(item.lower(), "invalidContact")
    if refused.code == "contacts:invalidContacts":
        return "globallySuppressed" if item == "email" else "invalidContact"
    code = refused.code.removeprefix("contacts:")
    return code if code in FAILURES else "invalidContact"


def _failed(identifiers: object, match: str, contact_id: int | None, code: str, text: str) -> Result:
    body = {"matchIdentifier": match, "identifiers": _shown(identifiers)}
    # Whom it is about is left out where nobody is known.
    whom = {} if contact_id is None else {"contactId": contact_id}
    return "failures", code, {**whom, **body, "failures": [{"failureCode": code, "description": text}]}


def import_status(call: Call) -> Answer:
    """GET /contacts/v3/import/{importId}: once finished, in pieces, since it tells of each row."""
    guid = guid_of(call, "invalidId")
    with call.account.store.reading() as db:
        job = db.execute("SELECT * FROM import_job WHERE guid = ? AND kind = 'v3'", (guid,)).fetchone()
    if job is None:
        raise V3Error(404, "importNotFound", f"The import '{guid}' was not found")
    status = job["status"] if job["status"] in STATUSES else "Failed"
    if status != "Finished":
        return json_answer({"importId": job["guid"], "status": status})
    return Answer(pieces=_told(call.account, job))


def _told(account: Account, job: Row) -> Iterator[bytes]:
    summary = json.loads(job["counters"]) or dict.fromkeys(SUMMARY.values(), 0)
    yield encoded({"importId": job["guid"], "status": job["status"], "summary": summary})[:-1]
    for outcome in ("created", "updated", "failures"):
        yield b',"%s":[' % outcome.encode()
        last, comma = 0, ""
        while rows := _results(account, job["id"], outcome, last):
            yield (comma + ",".join(row["body"] for row in rows)).encode()
            last, comma = rows[-1]["row"], ","
        yield b"]"
    yield b"}"


def _results(account: Account, import_id: int, outcome: str, after: int) -> list[Row]:
    with account.store.reading() as db:
        return db.execute(
            "SELECT row, body FROM import_result WHERE import_id = ? AND outcome = ? AND row > ? ORDER BY row LIMIT ?",
            (import_id, outcome, after, TOLD),
        ).fetchall()


ROUTES = [
    Route("PUT", "/contacts/v3/import", start_import, LOW, upload=True),
    Route("GET", "/contacts/v3/import/{guid}", import_status, UNLIMITED),
]
