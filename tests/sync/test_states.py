"""The moves of uploads and rows: the drawings in the documents are the tables in the code, and rows move as drawn."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import roomy_transaction
from dotbridge.lists.services import remove_records
from dotbridge.sync.models import ExportItem, Upload, UploadState
from dotbridge.sync.outbound.states import ROW_MOVES, UPLOAD_MOVES, RowState, state_of_row
from dotbridge.sync.selectors import connection_standing, remote_ids_missing
from tests.accounts import RemoteAccount, add_contact, connect, sync

CONCEPTS = Path(__file__).resolve().parent.parent.parent / "docs" / "concepts.md"
ARROW = re.compile(r"^ +(\w+) --> (\w+)", re.MULTILINE)


def drawn(number: int) -> set[tuple[str, str]]:
    """The arrows of a drawing, without those from its beginning and to its end."""
    text = re.findall(r"```mermaid\n(.*?)```", CONCEPTS.read_text(encoding="utf-8"), re.DOTALL)[number]
    return set(ARROW.findall(text))


def test_the_drawings_show_the_moves() -> None:
    assert drawn(0) == {(str(start), str(end)) for start, ends in UPLOAD_MOVES.allowed.items() for end in ends}
    assert drawn(1) == {(start.value, end.value) for start, ends in ROW_MOVES.items() for end in ends}
    assert set(UPLOAD_MOVES.allowed) == set(UploadState)
    assert set(ROW_MOVES) == set(RowState)


class Watch:
    """Follows one row, and refuses a move that is not in the table."""

    def __init__(self, link: ListConnection) -> None:
        self.link, self.seen = link, [RowState.WAITING]

    def look(self) -> RowState | None:
        """Where the row stands now; None when it is gone."""
        item = ExportItem.objects.select_related("upload").filter(connection=self.link).first()
        if item is None:
            return None
        state = state_of_row(item)
        if state is not self.seen[-1]:
            assert state in ROW_MOVES[self.seen[-1]], f"{self.seen[-1]} to {state}"
            self.seen.append(state)
        return state


@pytest.fixture
def watch(integration: Integration, remote: RemoteAccount) -> Watch:
    remote.create_book("Readers")
    add_contact("ann@example.com")
    return Watch(connect(integration, book="Readers"))


def test_from_the_list_to_the_book_and_out_again(integration: Integration, remote: RemoteAccount, watch: Watch) -> None:
    sync(integration, kind=RunKind.CHANGES)
    assert watch.look() is RowState.QUEUED
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    assert watch.look() is RowState.ON_ITS_WAY
    remote.sandbox.release_imports()
    sync(integration)
    assert watch.look() is RowState.CONFIRMED
    Contact.objects.update(first_name="Anna")
    sync(integration, kind=RunKind.CHANGES)
    assert watch.look() is RowState.QUEUED
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    watch.look()
    remote.sandbox.release_imports()
    sync(integration)
    assert watch.look() is RowState.CONFIRMED
    remove_records(marketing_list=watch.link.marketing_list, record_ids=[Contact.objects.get().pk])
    remote.sandbox.settings.deletion_seconds = 0.5
    sync(integration, wait_seconds=0.0)
    assert watch.look() is RowState.LEAVING
    sync(integration, kind=RunKind.EXPORT)
    assert watch.look() is None
    assert [state.value for state in watch.seen[1:]] == [
        "queued", "on_its_way", "confirmed", "queued", "on_its_way", "confirmed", "leaving",
    ]  # fmt: skip


def test_a_refused_file_and_an_unknown_outcome_go_again(
    integration: Integration, remote: RemoteAccount, watch: Watch, settings: Any
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, kind=RunKind.CHANGES)
    watch.look()
    sync(integration, wait_seconds=0.0)
    assert watch.look() is RowState.ON_ITS_WAY
    remote.sandbox.finish_import_as("Failed")
    remote.sandbox.release_imports()
    sync(integration)
    assert watch.look() is RowState.RETURNED
    Upload.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    sync(integration, kind=RunKind.CHANGES)
    assert watch.look() is RowState.QUEUED
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"UNKNOWN_OUTCOME_SECONDS": 3600.0}
    remote.sandbox.fail_next("reset", path="/contacts/import", method="POST", late=False)
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    assert Upload.objects.latest("pk").state == UploadState.UNKNOWN
    assert watch.look() is RowState.ON_ITS_WAY
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"UNKNOWN_OUTCOME_SECONDS": 0.0}
    sync(integration)
    assert watch.look() is RowState.CONFIRMED


def test_an_upload_of_unknown_outcome_to_a_book_that_is_gone_ends(
    integration: Integration, remote: RemoteAccount, watch: Watch
) -> None:
    remote.sandbox.fail_next("reset", path="/contacts/import", method="POST", late=False)
    sync(integration, wait_seconds=0.0)
    Upload.objects.update(state=UploadState.UNKNOWN)
    remote.ask("DELETE", f"/v2/address-books/{watch.link.address_book.remote_id}")

    sync(integration, kind=RunKind.EXPORT)

    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.REFUSED}


def test_where_a_list_stands_is_not_worked_out_anew_for_each_row(
    integration: Integration, remote: RemoteAccount
) -> None:
    """After a first export the planner takes the tables for empty, and would ask for the list once a row."""
    remote.create_book("First")
    for number in range(20):
        add_contact(f"p{number}@example.com")
    link = connect(integration, book="First")
    sync(integration)
    with CaptureQueriesContext(connection) as queries:
        assert connection_standing(link).confirmed == 20
        assert remote_ids_missing(link) == 0
    asked = [each["sql"] for each in queries if "dotbridge_sync_exportitem" in each["sql"]]
    assert len(asked) == 2
    with roomy_transaction(without_loops=True), connection.cursor() as cursor:
        for statement in asked:
            cursor.execute("EXPLAIN " + statement)
            assert not [line for (line,) in cursor.fetchall() if "Nested Loop" in line]
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == ("on",)


def test_every_move_of_a_row_leads_on_or_out() -> None:
    reachable = {RowState.WAITING}
    while more := {end for start in reachable for end in ROW_MOVES[start]} - reachable:
        reachable |= more
    assert reachable == set(RowState)
