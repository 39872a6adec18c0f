"""One run an integration: a lock that the database holds for exactly as long as its holder lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connections


@contextmanager
def integration_lock(integration_id: int) -> Iterator[bool]:
    """Whether this process may work on the integration; the lock is held until the block ends.

    It is a session-level advisory lock on a connection of its own, so a killed worker frees it at once, and no
    transaction has to stay open while Dotdigital is asked.
    """
    link = connections.create_connection("default")
    try:
        with link.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"dotbridge.integration.{integration_id}"]
            )
            (held,) = cursor.fetchone()
        try:
            yield held
        finally:
            if held:
                # Closing would free it too, but only when the server notices, and the next run may come before that.
                with suppress(DatabaseError), link.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        link.close()
