"""What a collection of Insight data knows of its records: each key with its type, which later records must fit.

A field is ``{"type": .., "repeated": .., "fields": {..}}``; the last only of a RECORD.
"""

from __future__ import annotations

import re
from typing import Any

from dotdigital_sandbox.dates import parse_instant

Fields = dict[str, dict[str, Any]]
_KEY = re.compile(r"[A-Za-z0-9_-]+")
KEY_LIMIT, VALUE_LIMIT, NUMBER_LIMIT = 255, 65_535, 10**28
RECORD, TEXT, MOMENT = "RECORD", "STRING", "TIMESTAMP"


class Fault(ValueError):
    """Why a record cannot be kept, in a word of the reports, and perhaps which key is at fault."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.details = [detail] if detail else []


def grown(fields: Fields, record: dict[str, Any], path: str = "") -> Fields:
    """The fields with those of one more record; raises :class:`Fault` for a record that does not fit."""
    out = dict(fields)
    for key, value in record.items():
        place = f"{path}{key}"
        if len(key) > KEY_LIMIT:
            raise Fault("JsonKeyTooLong", f"A key has more than {KEY_LIMIT} characters")
        if not _KEY.fullmatch(key):
            raise Fault("JsonKeyInvalidCharacters", f"Field '{place}' has characters that a key cannot have")
        values = value if isinstance(value, list) else [value]
        for each in values:
            if each is not None:
                out[key] = _merged(out.get(key), each, place, repeated=isinstance(value, list))
    return out


def _merged(known: dict[str, Any] | None, value: Any, place: str, *, repeated: bool) -> dict[str, Any]:
    kind = _type(value, place)
    known = known or {"type": kind, "repeated": repeated}
    kinds = {known["type"], kind}
    if known["repeated"] != repeated or not (len(kinds) == 1 or kinds == {TEXT, MOMENT}):
        expected = f"{'a list of ' if known['repeated'] else ''}{known['type']}"
        raise Fault("JsonValueIncompatibleWithSchema", f"Field '{place}' is expected to be {expected}")
    merged = {**known, "type": kind if len(kinds) == 1 else TEXT}
    if kind == RECORD:
        merged["fields"] = grown(known.get("fields", {}), value, f"{place}.")
    return merged


def _type(value: Any, place: str) -> str:
    if isinstance(value, list):
        raise Fault("JsonContainsNestedArray", f"Field '{place}' is an array within an array")
    if isinstance(value, dict):
        return RECORD
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, str):
        if len(value) > VALUE_LIMIT:
            raise Fault("JsonValueTooLong", f"Field '{place}' has more than {VALUE_LIMIT} characters")
        return MOMENT if parse_instant(value) else TEXT
    if abs(value) >= NUMBER_LIMIT:
        raise Fault("JsonNumberValueTooLarge", f"Field '{place}' is too large")
    return "FLOAT"


def schema_out(fields: Fields) -> list[dict[str, Any]]:
    """The fields as the API shows them."""
    return [
        {
            "name": name,
            "mode": "REPEATED" if each["repeated"] else "NULLABLE",
            "type": each["type"],
            "fields": schema_out(each.get("fields", {})),
        }
        for name, each in fields.items()
    ]
