"""From an answer that is no success to the error that says what to do (contract §3)."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec

from dotdigital.codes import person_text
from dotdigital.decoding import json_list, json_object
from dotdigital.errors import (
    ConfigurationError,
    DotdigitalError,
    NotFound,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from dotdigital.operations import Operation

ERROR_BODY_LIMIT: Final = 16 * 1024
_CODE = re.compile(r"ERROR_[A-Z0-9_]+")
_V3_CODE = re.compile(r"[A-Za-z]{1,40}:[A-Za-z]{1,60}")
# A name of a field, never a value: "Email is not a valid email address", "contacts[0].identifiers.email".
_NAMED = re.compile(r"([A-Z][A-Za-z]{1,30}) (?:is|must|cannot|has)\b")
_FIELD = re.compile(r"[A-Za-z][\w.\[\]-]{0,63}")
# Bounded, since each letter of a long word without an @ would be looked at once for each one before it.
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]{1,256}@[^\s<>\"'(),;:]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_FLAT_LIMIT: Final = "ERROR_APIUSAGE_EXCEEDED"
# v3 answers 429 for these too, but no quota of calls is used up: other work has to finish first (contract §7).
_SLOTS: Final = frozenset({"contacts:tooManyActiveImports", "contacts:tooManyBulkDeleteJobs"})
_CREDENTIALS: Final = frozenset({"ERROR_INVALID_LOGIN", "ERROR_APIUSER_INVALID"})
_BUSY: Final = frozenset({"ERROR_UNKNOWN", "ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"})
_NOT_FOUND: Final = ("_NOT_FOUND", "_NOTFOUND", "_DOES_NOT_EXIST", "NotFound")


class Refusal(NamedTuple):
    """What an error body says: the code if it has one, the sentence without quoted values and addresses, and the field
    that was refused, if it names one."""

    code: str | None
    sentence: str
    field: str | None = None


def read_refusal(body: bytes) -> Refusal | None:
    """Answers what an error body says, or None if it is none of the vendor's shapes (contract §3.1, §3.4).

    The third is the one of RFC 9457, by which the vendor's document describes a data field that is still used.
    """
    try:
        content = json_object(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(content.get("message"), str):
        codes = _CODE.findall(content["message"])
        sentence = _redacted(_CODE.sub("", content["message"]))
        named = _NAMED.match(sentence)
        return Refusal(codes[-1] if codes else None, sentence, named[1] if named else None)
    if isinstance(content.get("errorCode"), str):
        code = content["errorCode"] if _V3_CODE.fullmatch(content["errorCode"]) else None
        return Refusal(code, _redacted(str(content.get("description") or "")), _item(content.get("details")))
    if isinstance(content.get("title"), str) and isinstance(content.get("status"), int):
        detail = content.get("detail")
        said = detail if isinstance(detail, str) and detail.strip() else content["title"]
        return Refusal(None, _redacted(said), _first_field(content.get("errors")))
    return None


def _first_field(errors: Any) -> str | None:
    """The first field that a problem by RFC 9457 names; the service is written in a language that names them so."""
    return next((name for name in json_object(errors) if _FIELD.fullmatch(name)), None)


def _item(details: Any) -> str | None:
    """The first field that v3 names in the details of a refusal (contract §3.4)."""
    for each in json_list(details):
        item = json_object(each).get("item")
        if isinstance(item, str) and _FIELD.fullmatch(item):
            return item
    return None


def describe(operation: Operation, *, status: int | None = None, code: str | None = None, cause: str = "") -> str:
    """Answers the line for logs: method, path template, status, code, cause; never an id, an address or a body."""
    facts = [f"{operation.method} {operation.path}", f"status {status}" if status else "", code or "", cause]
    return ", ".join(fact for fact in facts if fact)


def error_for(operation: Operation, status: int, body: bytes) -> DotdigitalError:
    """Answers the error for a status outside 200..299, or for a refusal inside a 200 (contract §3.2).

    The code decides before the status, because the vendor documents no status for its codes. The ``until`` of Throttled
    is left to the caller, which knows the clock.
    """
    refusal = read_refusal(body) or Refusal(None, "")
    code = refusal.code
    kind = _kind(operation, status, code)
    # A code's own text may say "try again", which is wrong advice where the outcome is unknown.
    text = person_text(code) if code and kind is not UnknownOutcome else None
    text = text or _text_of_status(kind, status, refusal)
    cause = "a redirect, not followed" if 300 <= status < 400 else ""
    detail = describe(operation, status=status, code=code, cause=cause)
    error = kind(text, detail=detail, code=code, status=status)
    error.field = refusal.field
    return error


def _kind(operation: Operation, status: int, code: str | None) -> type[DotdigitalError]:
    if code in _SLOTS:
        return Rejected
    if status == 429 or code == _FLAT_LIMIT:
        return Throttled
    if status in {401, 403, 407} or 300 <= status < 400 or code in _CREDENTIALS:
        return ConfigurationError
    if status >= 500 or status == 408 or code in _BUSY:
        return Transient if operation.repeatable else UnknownOutcome
    if status == 404 or (code is not None and code.endswith(_NOT_FOUND)):
        return NotFound
    return Rejected


_STATUS_TEXTS: Final = {
    401: "Dotdigital did not accept the user name and password. Check them under Settings > Access > API users.",
    403: "Dotdigital denied access. Check that the host is the one of the account's region and that the feature is "
    "part of the account's package.",
    404: "Dotdigital does not have what was asked for. It may have been deleted; read it again.",
    407: "The proxy wants a name and a password. Give them in its address, or use another one.",
    409: "Dotdigital refused the change because something else still uses the object. Remove that use first.",
    413: "Dotdigital refused the upload because it is too large. Send smaller files.",
}
_KIND_TEXTS: Final[dict[type[DotdigitalError], str]] = {
    Throttled: "Dotdigital's limit of calls for this account is used up. Try again later.",
    ConfigurationError: "The host answered with a redirect, which is not followed because the password would go along. "
    "Correct the address of the account.",
    Transient: "Dotdigital is not available at the moment. Try again later.",
    UnknownOutcome: "Dotdigital failed while it worked on the request, so it is unknown whether it was carried out. "
    "Look before sending it again.",
}


def _text_of_status(kind: type[DotdigitalError], status: int, refusal: Refusal) -> str:
    if status in _STATUS_TEXTS and kind is not UnknownOutcome:
        return _STATUS_TEXTS[status]
    if kind in _KIND_TEXTS:
        return _KIND_TEXTS[kind]
    said = refusal.sentence or refusal.code or f"status {status}"
    return f"Dotdigital refused the request ({said}). Correct what was sent."


def _redacted(sentence: str) -> str:
    """The vendor quotes the offending value in some sentences; a value may be personal data."""
    without = _QUOTED.sub("[value]", _ADDRESS.sub("[address]", sentence))
    printable = "".join(character for character in without if character.isprintable())
    return printable.strip(" .")[:200].removeprefix("Error:").strip()
