"""Says to the database who is acting, so that the triggers can write it down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

SETTING = "dotbridge.actor"
BACK_OFFICE, COMMAND_LINE, OTHER_PAGES = "back office", "command line", "other pages"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What stood there is read before it is set anew.
_SAY = """
    WITH before AS MATERIALIZED (SELECT coalesce(current_setting(%s, true), '') AS words)
    SELECT words, set_config(%s, %s, false) FROM before
"""


@contextmanager
def acting(*, actor_id: object = "", name: str, origin: str) -> Iterator[None]:
    """What is changed inside, by whatever statements, was this person's doing.

    It holds for the session of the database, as our locks and temporary tables do. Afterwards whoever acted before does
    so again, or nobody.
    """
    before = _say(_words(actor_id=actor_id, name=name, origin=origin))
    try:
        yield
    finally:
        # In a transaction that has failed already the setting goes back with everything else.
        with suppress(DatabaseError):
            _say(before)


def acting_for(person: Any, *, origin: str = BACK_OFFICE) -> AbstractContextManager[None]:
    """The same for this person, such as for a worker that carries out what they have asked for in the back office; None
    where that is not known, or nobody did."""
    if person is None:
        return nullcontext()
    return acting(actor_id=person.pk, name=person.get_username(), origin=origin)


def audited_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware: what is changed on other pages than the back office's, such as a project's own admin, is the doing
    of whoever is logged in there. Reading alone costs nothing."""

    def audited(request: HttpRequest) -> HttpResponse:
        if request.method in READING or not request.user.is_authenticated:
            return get_response(request)
        with acting_for(request.user, origin=OTHER_PAGES):
            return get_response(request)

    return audited


def act_once_connected(*, name: str, origin: str) -> None:
    """What this process changes from now on is this person's doing. It need not be connected, or ever come to be."""
    text = _words(name=name, origin=origin)

    def note(connection: Any, **_named: Any) -> None:
        if connection.alias == DEFAULT_DB_ALIAS:
            _say(text)

    connection_created.connect(note, weak=False, dispatch_uid="dotbridge_actor")
    if connection.connection is not None:
        _say(text)


def _words(*, actor_id: object = "", name: str, origin: str) -> str:
    return json.dumps({"id": str(actor_id), "name": name[:255], "origin": origin})


def _say(text: str) -> str:
    """Have the triggers read this. Answers what they read before."""
    with connection.cursor() as cursor:
        cursor.execute(_SAY, [SETTING, SETTING, text])
        before, _now = cursor.fetchone()
    return str(before)
