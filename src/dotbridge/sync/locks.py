"""One run an integration: a lock that the database holds for exactly as long as its holder lives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import InterfaceError

from dotbridge.lock_keys import LOCK_KEY
from dotbridge.sync.texts import LOCK_LOST, SWITCHED_OFF

# A lock says nothing for as long as the run lasts: a router that forgets such connections has to see some life, and
# whoever has lost the server has to learn it before the server's side of the lock is long gone.
_KEPT_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_TAKE = f"SELECT pg_try_advisory_lock({LOCK_KEY})"
# The lock's connection takes this one lock and no other. Behind a pool of connections another session may answer.
_STANDS = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted),
           EXISTS (SELECT FROM dotbridge_integrations_integration WHERE id = %s AND is_active)
"""


class LockLost(Exception):
    """The lock is not ours any more, so another run may be at work: nothing more is written or asked in this one."""


class SwitchedOff(LockLost):
    """The account was switched off, or deleted, while the run was at work: nothing more is asked of Dotdigital."""


class IntegrationLock:
    """The lock of one run, for as long as its connection to the database lives."""

    def __init__(self, link: BaseDatabaseWrapper, integration_id: int) -> None:
        self._link = link
        self._integration_id = integration_id
        self._one_at_a_time = threading.Lock()
        _is_held, self._was_active = self._look()

    def require(self) -> None:
        """Raise LockLost unless the database holds the lock for us still, and SwitchedOff once somebody has switched
        off the account, which was on when the lock was taken. Any thread of the run may ask."""
        with self._one_at_a_time:
            try:
                is_held, is_active = self._look()
            except (DatabaseError, InterfaceError):
                is_held = is_active = False
        if not is_held:
            raise LockLost(LOCK_LOST)
        if self._was_active and not is_active:
            raise SwitchedOff(SWITCHED_OFF)

    def _look(self) -> tuple[bool, bool]:
        with self._link.cursor() as cursor:
            cursor.execute(_STANDS, [self._integration_id])
            return cursor.fetchone()  # type: ignore[no-any-return]


@contextmanager
def integration_lock(integration_id: int) -> Iterator[IntegrationLock | None]:
    """The lock of the integration, held until the block ends; None while another process holds it.

    It is a session-level advisory lock on a connection of its own, so a killed worker frees it at once, and no
    transaction has to stay open while Dotdigital is asked. The session may end before the block does (a failover, an
    administrator, a time-out): ask `require` before whatever two runs must not do at once.
    """
    link = connections.create_connection("default")
    # The pool's connections, if there is one, are for others. The settings belong to all connections.
    options = {name: value for name, value in link.settings_dict["OPTIONS"].items() if name != "pool"}
    link.settings_dict = {**link.settings_dict, "OPTIONS": {**options, **_KEPT_ALIVE}}
    link.inc_thread_sharing()
    try:
        with link.cursor() as cursor:
            cursor.execute("SET idle_session_timeout = 0")
            cursor.execute(_TAKE, [f"dotbridge.integration.{integration_id}"])
            (held,) = cursor.fetchone()
        try:
            yield IntegrationLock(link, integration_id) if held else None
        finally:
            if held:
                # Closing would free it too, but only when the server notices, and the next run may come before that.
                with suppress(DatabaseError, InterfaceError), link.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        link.close()
