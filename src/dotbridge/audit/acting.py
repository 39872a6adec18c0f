"""Says to the database who is acting, so that the triggers can write it down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

SETTING = "dotbridge.actor"
BACK_OFFICE, COMMAND_LINE = "back office", "command line"


@contextmanager
def acting(*, actor_id: object = "", name: str, origin: str) -> Iterator[None]:
    """What is changed inside, by whatever statements, was this person's doing.

    It holds for the session of the database, as our locks and temporary tables do, and is taken back at the end.
    """
    _say(json.dumps({"id": str(actor_id), "name": name[:255], "origin": origin}))
    try:
        yield
    finally:
        # In a transaction that has failed already the setting goes back with everything else.
        with suppress(DatabaseError):
            _say("")


def _say(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, text])
