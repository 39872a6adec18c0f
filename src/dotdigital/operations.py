"""The operations this client calls: one table with method, path, tier and whether repeating is harmless."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from dotdigital.limits import HIGH, LOW, MEDIUM, UNLIMITED

_GUID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Operation(NamedTuple):
    """One row of contract §4.1. ``path`` is a template, which is also what is logged instead of the real path.

    ``repeatable`` says that sending it twice does no more than sending it once.
    """

    method: str
    path: str
    tier: str
    repeatable: bool


def _get(path: str, tier: str) -> Operation:
    return Operation("GET", path, tier, repeatable=True)


def _post(path: str, tier: str) -> Operation:
    return Operation("POST", path, tier, repeatable=False)


ACCOUNT_INFO: Final = _get("/v2/account-info", HIGH)
SERVER_TIME: Final = _get("/v2/server-time", HIGH)
ADDRESS_BOOKS: Final = _get("/v2/address-books", MEDIUM)
DATA_FIELDS: Final = _get("/v2/data-fields", MEDIUM)
SUPPRESSED_SINCE: Final = _get("/v2/contacts/suppressed-since/{date}", LOW)
DELETION: Final = _get("/v2/contacts/deletion/{guid}", UNLIMITED)
IMPORT: Final = _get("/v2/contacts/import/{guid}", UNLIMITED)
IMPORT_REPORT: Final = _get("/v2/contacts/import/{guid}/report", HIGH)
IMPORT_FAULTS: Final = _get("/v2/contacts/import/{guid}/report-faults", LOW)
BOOK_CONTACTS: Final = _get("/v2/address-books/{id}/contacts", LOW)
BOOK_MODIFIED_SINCE: Final = _get("/v2/address-books/{id}/contacts/modified-since/{date}", LOW)
BOOK_UNSUBSCRIBED_SINCE: Final = _get("/v2/address-books/{id}/contacts/unsubscribed-since/{date}", LOW)
BOOK_REMOVE_CONTACTS: Final = _post("/v2/address-books/{id}/contacts/delete", MEDIUM)
BOOK_IMPORT: Final = _post("/v2/address-books/{id}/contacts/import/with-merge-option/{merge}", LOW)


def fill(operation: Operation, **parts: int | str | datetime) -> str:
    """Answers the path of one call: the template with its parts checked and escaped.

    Raises ValueError, naming the part, for an id below 1, something that is no import id, or a date without time zone.
    """
    return operation.path.format_map({name: _part(name, value) for name, value in parts.items()})


def check_id(name: str, value: int) -> None:
    """Raises ValueError, naming the argument, for a number that no object of the service can have (contract §1.5)."""
    if value < 1 or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: ids start at 1")


def _part(name: str, value: int | str | datetime) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone: give an aware datetime")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, int):
        check_id(name, value)
        return str(value)
    if name == "guid" and not _GUID.fullmatch(value):
        raise ValueError("the id of an import or deletion has letters, digits and hyphens only")
    return quote(value, safe="@")
