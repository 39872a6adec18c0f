"""Imports as they are handed in: as JSON with a base64 file, or as multipart (contract §4.6)."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING

import msgspec

from dotdigital_sandbox.address_books import book_id_of, book_of
from dotdigital_sandbox.base64_body import NotDecodable, unpack
from dotdigital_sandbox.calls import INT32, Answer, Call, encoded, json_answer, list_or_empty, lowered, whole_number
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.errors import FILE_MUST_BE_VALID, ApiError, refusal
from dotdigital_sandbox.folder import new_file
from dotdigital_sandbox.import_rows import MERGE_OPTIONS, OVERWRITE, Merge, header_of
from dotdigital_sandbox.import_sources import upload_path
from dotdigital_sandbox.multipart import BrokenMultipart, FilePart, file_parts
from dotdigital_sandbox.routing import LOW, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

MEGABYTE = 1024 * 1024
HEAD = 256
SUFFIXES = (".csv", ".txt", "")


def merge_option(value: object) -> Merge:
    """The merge option by its number or its name, in any case of letters."""
    text = str(value).strip().lower()
    for number, name in enumerate(MERGE_OPTIONS):
        if text in (str(number), name.lower()):
            return number  # type: ignore[return-value]
    raise refusal("PARAMETER_INVALID")


def _import(call: Call, *, in_book: bool) -> Answer:
    merge = merge_option(call.params["merge"]) if "merge" in call.params else OVERWRITE
    account = call.account
    with account.store.reading() as db:
        book_ids = [book_of(db, book_id_of(call), writable=True)["id"]] if in_book else []
    guid = str(uuid.uuid4())
    path = upload_path(account, guid)
    try:
        _take_file(call, path)
        header = _header(path)
        with account.store.writing() as db:
            for each in book_ids:
                book_of(db, each, writable=True)
            note_import(db, account, guid=guid, kind="csv", merge=merge, book_ids=book_ids, header=header)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    account.work.wake()
    return json_answer({"id": guid, "status": "NotFinished"}, status=HTTPStatus.ACCEPTED)


def _header(path: Path) -> list[str]:
    header = header_of(path)
    if not any(title.lower() == "email" for title in header):
        raise refusal("NO_EMAIL_COLUMN")
    return header


def note_import(
    db: Connection, account: Account, *, guid: str, kind: str, merge: Merge, book_ids: list[int], header: list[str]
) -> None:
    """Queue an import; refused when too many are active (contract §2.2)."""
    active = db.execute("SELECT count(*) FROM import_job WHERE status = 'NotFinished'").fetchone()[0]
    if active >= account.settings.active_imports:
        raise refusal("IMPORT_TOOMANYACTIVEIMPORTS")
    now = account.clock.now()
    due = text_of(now + timedelta(seconds=account.settings.import_seconds))
    db.execute(
        "INSERT INTO import_job (guid, kind, book_ids, merge, created, due, header) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (guid, kind, json.dumps(book_ids), merge, text_of(now), due, json.dumps(header)),
    )


def import_collection(call: Call) -> Answer:
    """POST /v2/contacts/import-collection: contacts as JSON, into the account and any number of books."""
    body = lowered(replace(call, body=spooled(call).read_bytes()).json())
    contacts = body.get("contacts")
    if not isinstance(contacts, list) or not contacts:
        raise refusal("CONTACTS_ARE_NOT_SPECIFIED")
    if not all(isinstance(each, dict) for each in contacts):
        raise refusal("CONTACT_INVALID")
    merge = merge_option(body.get("mergeoption") or OVERWRITE)
    account, guid = call.account, str(uuid.uuid4())
    path = upload_path(account, guid)
    with new_file(path) as file:
        file.writelines(encoded(each) + b"\n" for each in contacts)
    try:
        with account.store.writing() as db:
            book_ids = [_book_id(db, each) for each in list_or_empty(body.get("addressbookids"))]
            note_import(db, account, guid=guid, kind="collection", merge=merge, book_ids=book_ids, header=["email"])
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    account.work.wake()
    return json_answer({"id": guid, "status": "NotFinished"}, status=HTTPStatus.ACCEPTED)


def _book_id(db: Connection, given: object) -> int:
    number = whole_number(given)
    if number is None:
        raise refusal("ADDRESSBOOK_NOT_FOUND")
    return int(book_of(db, min(number, INT32), writable=True)["id"])


def _take_file(call: Call, path: Path) -> None:
    """Put the uploaded file at the path; refuses what is no single file of a known kind within the size limit."""
    media = call.headers.get("content-type", "")
    name = _take_part(call, media, path) if media.lower().startswith("multipart/") else _take_json(call, path)
    if Path(name).suffix.lower() not in SUFFIXES:
        raise refusal("IMPORT_UNSUPPORTED_FORMAT")
    if path.stat().st_size > call.account.settings.import_megabytes * MEGABYTE:
        raise refusal("PARAMETER_INVALID", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _take_json(call: Call, path: Path) -> str:
    body = spooled(call)
    with body.open("rb") as file:
        call.check_json(file.read(HEAD))
    try:
        return unpack(body, path)
    except (NotDecodable, msgspec.ValidationError):
        raise refusal("PARAMETER_INVALID") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal("MALFORMED_REQUEST") from None


def spooled(call: Call) -> Path:
    """Where the body of an upload was put while it came in."""
    if call.body_file is None:
        raise refusal("MALFORMED_REQUEST")
    return call.body_file


def _take_part(call: Call, media: str, path: Path) -> str:
    try:
        parts = file_parts(spooled(call), media, path.parent)
    except BrokenMultipart:
        raise refusal("MALFORMED_REQUEST") from None
    try:
        named = _only_file(parts)
        shutil.move(named.path, path)
        return named.name
    finally:
        for part in parts:
            part.path.unlink(missing_ok=True)


def _only_file(parts: list[FilePart]) -> FilePart:
    named = [part for part in parts if part.name]
    if len(named) > 1:
        raise refusal("MULTI_FILE_UPLOAD_NOT_ALLOWED")
    if not named:
        raise ApiError(HTTPStatus.BAD_REQUEST, FILE_MUST_BE_VALID)
    return named[0]


def import_contacts(call: Call) -> Answer:
    """POST /v2/contacts/import, also with a merge option: into the account only."""
    return _import(call, in_book=False)


def import_into_book(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/import, also with a merge option."""
    return _import(call, in_book=True)


ROUTES = [
    Route("POST", "/v2/contacts/import", import_contacts, LOW, upload=True),
    Route("POST", "/v2/contacts/import-collection", import_collection, LOW, upload=True),
    Route("POST", "/v2/contacts/import/with-merge-option/{merge}", import_contacts, LOW, upload=True),
    Route("POST", "/v2/address-books/{book_id}/contacts/import", import_into_book, LOW, upload=True),
    Route(
        "POST",
        "/v2/address-books/{book_id}/contacts/import/with-merge-option/{merge}",
        import_into_book,
        LOW,
        upload=True,
    ),
]
