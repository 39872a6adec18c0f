"""Images and documents, kept in folders so that a client that uploads them finds them again (the vendor's 2.0).

What they hold is not kept: only what the API tells of them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import PurePath
from sqlite3 import Connection, Row
from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.multipart import BrokenMultipart, file_parts
from dotdigital_sandbox.routing import HIGH, MEDIUM, Route
from dotdigital_sandbox.things import keep, thing_of
from dotdigital_sandbox.uploads import spooled

ROOT = 0
DEEPEST = 20
LARGEST = 10 * 1024 * 1024
NAME_LIMIT = 255
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")
_IMAGES = {".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png"}
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/jpg": ".jpg", "image/gif": ".gif"}
_JPEG_SIZE = re.compile(rb"\xff[\xc0-\xc3].{3}(.{4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One of the two trees: the kind of its folders and files, and how its refusals begin."""

    kind: str
    code: str

    def folder(self, db: Connection, call: Call) -> int:
        """The folder of the path; refused when there is none. The root is 0."""
        missing = f"{self.code}_FOLDER_NOT_FOUND"
        ident = call.id("id", missing)
        if ident != ROOT:
            thing_of(db, f"{self.kind}-folder", ident, missing)
        return ident

    def folders(self, db: Connection) -> list[Row]:
        """All folders."""
        return db.execute("SELECT * FROM thing WHERE kind = ? ORDER BY id", (f"{self.kind}-folder",)).fetchall()


IMAGES, DOCUMENTS = Shelf("image", "IMAGE"), Shelf("document", "DOCUMENT")


def _tree(rows: list[Row], parent: int) -> list[dict[str, Any]] | None:
    below = [row for row in rows if json.loads(row["body"])["parent"] == parent]
    return [{"id": row["id"], "name": row["name"], "childFolders": _tree(rows, row["id"])} for row in below] or None


def _list_folders(call: Call, shelf: Shelf) -> Answer:
    with call.account.store.reading() as db:
        return json_answer(_tree(shelf.folders(db), ROOT) or [])


def list_image_folders(call: Call) -> Answer:
    """GET /v2/image-folders: the whole tree."""
    return _list_folders(call, IMAGES)


def list_document_folders(call: Call) -> Answer:
    """GET /v2/document-folders: the whole tree."""
    return _list_folders(call, DOCUMENTS)


def read_image_folder(call: Call) -> Answer:
    """GET /v2/image-folders/{id}: a folder with those in it."""
    with call.account.store.reading() as db:
        ident = IMAGES.folder(db, call)
        rows = IMAGES.folders(db)
    name = next((row["name"] for row in rows if row["id"] == ident), "")
    return json_answer({"id": ident, "name": name, "childFolders": _tree(rows, ident)})


def _create_folder(call: Call, shelf: Shelf) -> Answer:
    name = call.json_object().get("name")
    if not isinstance(name, str) or not _FOLDER_NAME.fullmatch(name):
        raise refusal(f"{shelf.code}_FOLDER_INVALID")
    with call.account.store.writing() as db:
        body = {"parent": shelf.folder(db, call)}
        if _path(shelf.folders(db), body["parent"]).count("/") >= DEEPEST:
            raise refusal(f"{shelf.code}_FOLDER_INVALID")
        row = keep(db, call.account, f"{shelf.kind}-folder", name, body)
    return json_answer({"id": row["id"], "name": name, "childFolders": None}, status=HTTPStatus.CREATED)


def create_image_folder(call: Call) -> Answer:
    """POST /v2/image-folders/{id}: a folder within another."""
    return _create_folder(call, IMAGES)


def create_document_folder(call: Call) -> Answer:
    """POST /v2/document-folders/{id}: a folder within another."""
    return _create_folder(call, DOCUMENTS)


def _taken(call: Call, shelf: Shelf) -> tuple[str, bytes]:
    """The name and content of an upload: JSON with base64, multipart, or an image as it is."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.startswith("multipart/"):
        name, content = _part(call)
    elif media in _SUFFIXES:
        name, content = f"image{_SUFFIXES[media]}", spooled(call).read_bytes()
    else:
        name, content = _from_json(call)
    if not content:
        raise refusal(f"{shelf.code}_DATAEMPTY")
    if len(content) > LARGEST:
        raise refusal(f"{shelf.code}_TOOLARGE" if shelf is DOCUMENTS else "IMAGE_INVALID")
    if not 1 <= len(name) <= NAME_LIMIT or PurePath(name).name != name:
        raise refusal(f"{shelf.code}_NAMEINVALID")
    return name, content


def _part(call: Call) -> tuple[str, bytes]:
    try:
        parts = file_parts(spooled(call), call.headers.get("content-type", ""), call.account.uploads)
    except BrokenMultipart:
        raise refusal("MALFORMED_REQUEST") from None
    try:
        named = [(part.name, part.path.read_bytes()) for part in parts if part.name]
    finally:
        for part in parts:
            part.path.unlink(missing_ok=True)
    return named[0] if named else ("", b"")


def _from_json(call: Call) -> tuple[str, bytes]:
    keys = replace(call, body=spooled(call).read_bytes()).json_object()
    name, data = keys.get("filename"), keys.get("data")
    if not isinstance(name, str) or not isinstance(data, str):
        raise refusal("PARAMETER_INVALID")
    try:
        return name, base64.b64decode(data.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise refusal("PARAMETER_INVALID") from None


def _size(content: bytes) -> tuple[int, int] | None:
    """Width and height of an image; None for what is none."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return int(width), int(height)
    found = _JPEG_SIZE.search(content) if content.startswith(b"\xff\xd8") else None
    if found is None:
        return None
    height, width = struct.unpack(">HH", found[1])
    return int(width), int(height)


def upload_image(call: Call) -> Answer:
    """POST /v2/image-folders/{id}/images: GIF, JPEG or PNG."""
    name, content = _taken(call, IMAGES)
    suffix = PurePath(name).suffix.lower()
    if suffix not in _IMAGES:
        raise refusal("IMAGE_UNSUPPORTEDFORMAT")
    size = _size(content)
    if size is None:
        raise refusal("IMAGE_INVALID")
    width, height = size
    facts = {"mimeType": _IMAGES[suffix], "sizeInBytes": len(content), "widthInPixels": width, "heightInPixels": height}
    with call.account.store.writing() as db:
        folder = IMAGES.folder(db, call)
        row = keep(db, call.account, "image", name, {"parent": folder, **facts})
        path = _path(IMAGES.folders(db), folder)
    return json_answer({"id": row["id"], "name": name, "path": f"{path}{name}"}, status=HTTPStatus.CREATED)


def _path(rows: list[Row], ident: int) -> str:
    """The names of a folder and those around it."""
    row = next((each for each in rows if each["id"] == ident), None)
    return "" if row is None else f"{_path(rows, json.loads(row['body'])['parent'])}{row['name']}/"


def _files(db: Connection, shelf: Shelf, folder: int) -> list[tuple[Row, dict[str, Any]]]:
    rows = db.execute("SELECT * FROM thing WHERE kind = ? ORDER BY id", (shelf.kind,)).fetchall()
    kept = [(row, json.loads(row["body"])) for row in rows]
    return [(row, facts) for row, facts in kept if facts.pop("parent") == folder]


def list_images(call: Call) -> Answer:
    """GET /v2/image-folders/{id}/images: the images of a folder."""
    with call.account.store.reading() as db:
        files = _files(db, IMAGES, IMAGES.folder(db, call))
    base = f"{call.base_url}/images"
    return json_answer(
        [
            {"url": f"{base}/{row['id']}_{row['name']}", "filename": row["name"], **facts, "contentTags": []}
            for row, facts in files
        ]
    )


def upload_document(call: Call) -> Answer:
    """POST /v2/document-folders/{id}/documents: up to 10 MB."""
    name, content = _taken(call, DOCUMENTS)
    with call.account.store.writing() as db:
        body = {"parent": DOCUMENTS.folder(db, call), "fileSize": len(content)}
        row = keep(db, call.account, "document", name, body)
    return json_answer(document_out(row), status=HTTPStatus.CREATED)


def document_out(row: Row) -> dict[str, Any]:
    """A document as answered."""
    return {
        "id": row["id"],
        "name": PurePath(row["name"]).stem,
        "fileName": row["name"],
        "fileSize": json.loads(row["body"])["fileSize"],
        "dateCreated": row["created"],
        "dateModified": row["created"],
    }


def list_documents(call: Call) -> Answer:
    """GET /v2/document-folders/{id}/documents: the documents of a folder."""
    with call.account.store.reading() as db:
        return json_answer([document_out(row) for row, _ in _files(db, DOCUMENTS, DOCUMENTS.folder(db, call))])


ROUTES = [
    Route("GET", "/v2/image-folders", list_image_folders, MEDIUM),
    Route("GET", "/v2/image-folders/{id}", read_image_folder, HIGH),
    Route("POST", "/v2/image-folders/{id}", create_image_folder, MEDIUM),
    Route("GET", "/v2/image-folders/{id}/images", list_images, MEDIUM),
    Route("POST", "/v2/image-folders/{id}/images", upload_image, MEDIUM, upload=True),
    Route("GET", "/v2/document-folders", list_document_folders, MEDIUM),
    Route("POST", "/v2/document-folders/{id}", create_document_folder, MEDIUM),
    Route("GET", "/v2/document-folders/{id}/documents", list_documents, MEDIUM),
    Route("POST", "/v2/document-folders/{id}/documents", upload_document, MEDIUM, upload=True),
]
