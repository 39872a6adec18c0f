"""Says to the database who is acting, so that the triggers can write it down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.backends.signals import connection_created

SETTING = "dotbridge.actor"
BACK_OFFICE, COMMAND_LINE = "back office", "command line"


@contextmanager
def acting(*, actor_id: object = "", name: str, origin: str) -> Iterator[None]:
    """What is changed inside, by whatever statements, was this person's doing.

    It holds for the session of the database, as our locks and temporary tables do, and is taken back at the end.
    """
    _say(_words(actor_id=actor_id, name=name, origin=origin))
    try:
        yield
    finally:
        # In a transaction that has failed already the setting goes back with everything else.
        with suppress(DatabaseError):
            _say("")


def acting_for(person: Any) -> AbstractContextManager[None]:
    """The same for a worker that carries out what this person has asked for in the back office; None where that is not
    known, or nobody did."""
    if person is None:
        return nullcontext()
    return acting(actor_id=person.pk, name=person.get_username(), origin=BACK_OFFICE)


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


def _say(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, text])
