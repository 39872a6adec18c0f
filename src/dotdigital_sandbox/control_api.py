"""The control of the account over HTTP: ``/_sandbox/...``, JSON in and out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dotdigital_sandbox import overview
from dotdigital_sandbox.calls import INT32, Answer, Call, json_answer, whole_number
from dotdigital_sandbox.controls import Controls
from dotdigital_sandbox.dates import parse_instant
from dotdigital_sandbox.errors import ApiError
from dotdigital_sandbox.folder import private_folder
from dotdigital_sandbox.routing import UNLIMITED, Route

Deed = Callable[[Controls, dict[str, Any]], Any]
MOST_CALLS = 20_000
SAVED_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _body(call: Call) -> dict[str, Any]:
    return call.json_object() if call.body.strip() else {}


def _doing(deed: Deed) -> Callable[[Call], Answer]:
    """A handler that does a deed with the body's keys and answers what came of it."""

    def handler(call: Call) -> Answer:
        try:
            result = deed(Controls(call.account), _body(call))
        except (TypeError, ValueError, KeyError, OverflowError, TimeoutError) as problem:
            text = f"the body lacks {problem}" if isinstance(problem, KeyError) else str(problem)
            raise ApiError(400, text) from None
        return json_answer({"ok": True} if result is None else {"ok": True, "result": result})

    return handler


def _list_calls(call: Call) -> Answer:
    count = call.number("last", overview.LISTED, least=1, most=MOST_CALLS)
    return json_answer({"counts": call.account.log.counts(), "calls": Controls(call.account).calls(count)})


def _list_faults(call: Call) -> Answer:
    return json_answer(call.account.faults.orders())


def _list_imported(call: Call) -> Answer:
    return json_answer(Controls(call.account).imported_events(call.text("email")))


def _freeze(controls: Controls, body: dict[str, Any]) -> None:
    at = body.get("at")
    instant = parse_instant(str(at)) if at else None
    if at and instant is None:
        raise ValueError(f"at is no date: {at!r}")
    controls.freeze(instant)


def _survey(controls: Controls, body: dict[str, Any]) -> int:
    questions, replies = body.get("questions") or [], body.get("replies") or {}
    texts = [questions, *replies.values()] if isinstance(replies, dict) else [None]
    if not all(isinstance(each, list) and all(isinstance(text, str) for text in each) for each in texts):
        raise ValueError("questions must be a list of texts, replies an object of lists of texts by address")
    return controls.make_survey(str(body["name"]), questions=questions, replies=replies)


def _switch(controls: Controls, body: dict[str, Any]) -> None:
    for name, value in body.items():
        controls.change_switch(name, value)


def _segment(controls: Controls, body: dict[str, Any]) -> int:
    return controls.make_segment(
        str(body["name"]), field=str(body["field"]), test=str(body.get("test", "equals")), value=body.get("value", "")
    )


def _user(controls: Controls, body: dict[str, Any]) -> None:
    controls.add_user(str(body["name"]), str(body["password"]), scheme=str(body.get("scheme", "none")))


def _oauth_client(controls: Controls, body: dict[str, Any]) -> None:
    uris = body.get("redirecturis") or []
    controls.register_oauth_client(str(body["clientid"]), str(body["secret"]), *map(str, uris))


def _saved(controls: Controls, body: dict[str, Any]) -> Path:
    """Where a state of this name is kept; callers from outside must not write just anywhere."""
    name = str(body["name"])
    if not SAVED_NAME.fullmatch(name):
        raise ValueError("name must be made of letters, digits, - and _ only")
    return private_folder(controls.data_dir / "states") / f"{name}.sqlite3"


def _id(value: object) -> int:
    number = whole_number(value)
    if number is None:
        raise ValueError(f"{value!r} is no id")
    return min(number, INT32)


def _send(controls: Controls, body: dict[str, Any]) -> None:
    controls.send_campaign(_id(body["campaignid"]), [_id(each) for each in body.get("addressbookids") or []])


# Verb, path, what is done with the body, and its line in the manual.
DEEDS: tuple[tuple[str, str, Deed, str], ...] = (
    (
        "POST",
        "faults",
        lambda c, b: c.fail_next(**b),
        "order a fault: kind, path, method, times, after, share, status, seconds, late",
    ),
    ("DELETE", "faults", lambda c, _: c.clear_faults(), "forget all faults"),
    ("DELETE", "calls", lambda c, _: c.clear_calls(), "forget the calls so far"),
    ("POST", "clock/advance", lambda c, b: c.advance(float(b["seconds"])), "move the clock by seconds"),
    ("POST", "clock/freeze", _freeze, "stop the clock, now or at a date: at"),
    ("POST", "clock/unfreeze", lambda c, _: c.unfreeze(), "let the clock run on"),
    (
        "POST",
        "contacts/unsubscribe",
        lambda c, b: c.unsubscribe(str(b["email"]), None if b.get("bookid") is None else _id(b["bookid"])),
        "email; bookId for one book",
    ),
    ("POST", "contacts/suppress", lambda c, b: c.suppress(str(b["email"]), str(b["status"])), "email, status"),
    ("POST", "contacts/bounce", lambda c, b: c.bounce(str(b["email"])), "let an address bounce for good: email"),
    ("POST", "contacts/complain", lambda c, b: c.complain(str(b["email"])), "let a person complain to the ISP: email"),
    ("POST", "contacts/ban", lambda c, b: c.ban(str(b["email"])), "ban an address or a whole domain: email"),
    (
        "POST",
        "contacts/complete-challenge",
        lambda c, b: c.complete_challenge(str(b["email"])),
        "click the confirmation links sent to email",
    ),
    ("POST", "imports/hold", lambda c, _: c.hold_imports(), "leave imports at NotFinished"),
    ("POST", "imports/release", lambda c, _: c.release_imports(), "go on with imports"),
    ("POST", "imports/finish", lambda c, _: c.finish_imports(), "process all imports now and wait for their end"),
    (
        "POST",
        "imports/finish-as",
        lambda c, b: c.finish_import_as(str(b["status"])),
        "end the oldest or next import as status",
    ),
    ("POST", "chores/finish", lambda c, _: c.finish_chores(), "do all deletions, sends and refreshes now"),
    ("POST", "segments", _segment, "make a segment: name, field, test, value"),
    (
        "POST",
        "programs",
        lambda c, b: c.make_program(str(b["name"]), status=str(b.get("status", "Active"))),
        "make a program: name, status",
    ),
    ("POST", "surveys", _survey, "make a survey: name, questions, replies by address"),
    (
        "POST",
        "large-objects",
        lambda c, b: c.keep_large_object(str(b["text"]).encode(), str(b.get("mediatype", "text/plain"))),
        "keep a large object of events: text, mediaType",
    ),
    ("POST", "campaigns/send", _send, "send campaignId to addressBookIds and let recipients react"),
    ("POST", "users", _user, "let in an API user: name, password, scheme none|tiered|flat"),
    ("POST", "users/disable", lambda c, b: c.disable_user(str(b["name"])), "shut an API user out: name"),
    (
        "POST",
        "oauth/clients",
        _oauth_client,
        "register an application for single sign-on: clientId, secret, redirectUris",
    ),
    ("PATCH", "switches", _switch, "turn switches: name -> value"),
    ("POST", "state/dump", lambda c, b: c.dump(_saved(c, b)), "save the account under a name: name"),
    ("POST", "state/load", lambda c, b: c.load(_saved(c, b)), "put the account into a saved state: name"),
)

ROUTES = [
    *(Route(verb, f"/_sandbox/{path}", _doing(deed), UNLIMITED) for verb, path, deed, _ in DEEDS),
    Route("GET", "/_sandbox/calls", _list_calls, UNLIMITED),
    Route("GET", "/_sandbox/faults", _list_faults, UNLIMITED),
    Route("GET", "/_sandbox/imported-events", _list_imported, UNLIMITED),
    *overview.ROUTES,
]
