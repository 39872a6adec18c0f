"""Consent records of version 3: complete ones only, up to five at a time (contract §7)."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import defaultdict
from sqlite3 import Connection
from typing import Any

from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.v3_errors import V3Error, list_of, object_of

MOST = 5
# How version 2, and the store, spell what version 3 calls by these names.
KEYS = {
    "text": "TEXT",
    "dateTimeConsented": "DATETIMECONSENTED",
    "url": "URL",
    "ipAddress": "IPADDRESS",
    "userAgent": "USERAGENT",
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"{}|\\^`\[\]]+")


def is_url(text: str) -> bool:
    """Whether version 3 takes the text for an address of the web."""
    return _URL.fullmatch(text) is not None


def read_consents(given: object) -> list[dict[str, str]]:
    """The consent records of a request, as the store spells them; refused when one of them is not as it must be."""
    if given is None:
        return []
    records = list_of(given, "consentRecords")
    if not 1 <= len(records) <= MOST:
        raise V3Error(400, "badRequest", f"consentRecords must hold between 1 and {MOST} records", "consentRecords")
    return [_record(object_of(each, "consentRecords")) for each in records]


def consents_or_fault(given: object, *, forgiving: bool) -> tuple[list[dict[str, str]], V3Error | None]:
    """The same, and to be ``forgiving`` none, with the refusal beside it, where one of them is not as it must be."""
    try:
        return read_consents(given), None
    except V3Error as fault:
        if not forgiving:
            raise
        return [], fault


def _record(keys: dict[str, Any]) -> dict[str, str]:
    unknown = set(keys) - {name.lower() for name in KEYS}
    record = {stored: keys.get(name.lower()) for name, stored in KEYS.items()}
    shown = _shown(record)
    if unknown or shown is None:
        text = "The provided consent records could not be applied as they were incorrectly formatted"
        raise V3Error(400, "consentRecordsNotApplied", text, "consentRecords")
    return {stored: shown[name] for name, stored in KEYS.items()}


def _shown(record: dict[str, Any]) -> dict[str, str] | None:
    """The record as version 3 shows it; None for one that lacks something."""
    given = {name: record.get(stored) for name, stored in KEYS.items()}
    texts = {name: text for name, text in given.items() if isinstance(text, str) and text}
    if len(texts) < len(KEYS) or not is_url(texts["url"]):
        return None
    moment = parse_instant(texts["dateTimeConsented"])
    try:
        ipaddress.ip_address(texts["ipAddress"])
    except ValueError:
        return None
    return None if moment is None else {**texts, "dateTimeConsented": text_of(moment)}


def consents_by_contact(db: Connection, ids: str) -> dict[int, list[dict[str, str]]]:
    """The consent records of contacts, whose ids come as a JSON list, by contact.

    Those of version 2 that lack something are not shown here.
    """
    found: dict[int, list[dict[str, str]]] = defaultdict(list)
    rows = db.execute(
        "SELECT c.* FROM json_each(?) ids CROSS JOIN consent c ON c.contact_id = ids.value ORDER BY c.id", (ids,)
    )
    for row in rows:
        record = _shown(json.loads(row["fields"]))
        if record is not None:
            found[row["contact_id"]].append({**record, "dateTimeCreated": row["created"]})
    return found
