"""The control of the account over HTTP: ``/_sandbox/...``, JSON in and out."""

from __future__ import annotations

from typing import Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.controls import Controls
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.routing import UNLIMITED, Route

FINE = {"ok": True}


def _controls(call: Call) -> Controls:
    return Controls(call.account)


def _body(call: Call) -> dict[str, Any]:
    return call.json_object() if call.body.strip() else {}


def _bad(problem: Exception) -> ApiError:
    return ApiError(400, str(problem))


def order_fault(call: Call) -> Answer:
    """POST /_sandbox/faults: kind, path, method, times, after, share, status, seconds, late."""
    try:
        _controls(call).fail_next(**_body(call))
    except (TypeError, ValueError) as problem:
        raise _bad(problem) from None
    return json_answer(FINE)


def list_faults(call: Call) -> Answer:
    """GET /_sandbox/faults."""
    return json_answer(call.account.faults.orders())


def clear_faults(call: Call) -> Answer:
    """DELETE /_sandbox/faults."""
    _controls(call).clear_faults()
    return json_answer(FINE)


def list_calls(call: Call) -> Answer:
    """GET /_sandbox/calls?last=500."""
    count = call.number("last", 500, least=1, most=20_000)
    return json_answer({"counts": _controls(call).call_counts(), "calls": _controls(call).calls(count)})


def clear_calls(call: Call) -> Answer:
    """DELETE /_sandbox/calls."""
    _controls(call).clear_calls()
    return json_answer(FINE)


def unsubscribe(call: Call) -> Answer:
    """POST /_sandbox/contacts/unsubscribe: email, and bookId to leave one book only."""
    body = _body(call)
    _controls(call).unsubscribe(str(body.get("email", "")), body.get("bookid"))
    return json_answer(FINE)


def complete_challenge(call: Call) -> Answer:
    """POST /_sandbox/contacts/complete-challenge: email."""
    return json_answer({"ok": True, "completed": _controls(call).complete_challenge(str(_body(call).get("email", "")))})


def hold_imports(call: Call) -> Answer:
    """POST /_sandbox/imports/hold."""
    _controls(call).hold_imports()
    return json_answer(FINE)


def release_imports(call: Call) -> Answer:
    """POST /_sandbox/imports/release."""
    _controls(call).release_imports()
    return json_answer(FINE)


def finish_imports(call: Call) -> Answer:
    """POST /_sandbox/imports/finish: process all now; answers when they have ended."""
    _controls(call).finish_imports()
    return json_answer(FINE)


def finish_import_as(call: Call) -> Answer:
    """POST /_sandbox/imports/finish-as: status."""
    try:
        _controls(call).finish_import_as(str(_body(call).get("status", "")))
    except ValueError as problem:
        raise _bad(problem) from None
    return json_answer(FINE)


ROUTES = [
    Route("GET", "/_sandbox/faults", list_faults, UNLIMITED),
    Route("POST", "/_sandbox/faults", order_fault, UNLIMITED),
    Route("DELETE", "/_sandbox/faults", clear_faults, UNLIMITED),
    Route("GET", "/_sandbox/calls", list_calls, UNLIMITED),
    Route("DELETE", "/_sandbox/calls", clear_calls, UNLIMITED),
    Route("POST", "/_sandbox/contacts/unsubscribe", unsubscribe, UNLIMITED),
    Route("POST", "/_sandbox/contacts/complete-challenge", complete_challenge, UNLIMITED),
    Route("POST", "/_sandbox/imports/hold", hold_imports, UNLIMITED),
    Route("POST", "/_sandbox/imports/release", release_imports, UNLIMITED),
    Route("POST", "/_sandbox/imports/finish", finish_imports, UNLIMITED),
    Route("POST", "/_sandbox/imports/finish-as", finish_import_as, UNLIMITED),
]
