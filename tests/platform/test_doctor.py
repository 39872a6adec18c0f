"""What the doctor sees of the connection to the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from dotbridge import doctor

pytestmark = pytest.mark.django_db(transaction=True)


class SameSession:
    """What a pooler in transaction mode does to a second client while the first one is between its statements: the
    server's session that the first one had is given to it."""

    def cursor(self) -> Any:
        return connection.cursor()

    def close(self) -> None:
        pass


def test_each_connection_has_a_session_of_its_own() -> None:
    found = doctor._sessions()
    assert (found.is_good, found.text) == (True, "each connection has its own")


def test_a_session_that_another_client_gets_is_a_poolers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "copy", SameSession)
    found = doctor._sessions()
    assert not found.is_good
    assert "a pooler in transaction mode is in front" in found.text
    assert "DISABLE_SERVER_SIDE_CURSORS" in found.text


def test_a_database_of_a_newer_version_is_told_and_keeps_nobody_from_working(caplog: pytest.LogCaptureFixture) -> None:
    assert doctor._migrations().is_good
    recorder = MigrationRecorder(connection)
    recorder.record_applied("dotbridge_lists", "0002_of_tomorrow")
    try:
        found = doctor._migrations()
        doctor.require_migrations()
    finally:
        recorder.record_unapplied("dotbridge_lists", "0002_of_tomorrow")
    assert not found.is_good
    assert "of a newer version (dotbridge_lists.0002_of_tomorrow)" in found.text
    assert "newer version" in caplog.text
