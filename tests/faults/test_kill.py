"""`kill -9` at every point of a run: the next start ends where an undisturbed run would have."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.request_moves import MOST_ATTEMPTS
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.lists.services import remove_records
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import Membership
from dotbridge.summary import adds_up, run_summary
from dotbridge.sync.models import ExportItem, Removal, RemovalState, State, SyncRun, Upload, UploadState
from tests.accounts import RemoteAccount, add_contact, connect, sync

REPOSITORY = Path(__file__).resolve().parent.parent.parent
OUTBOUND = "dotbridge.sync.outbound"
POINTS = [
    # where the CSV is written and given to Dotdigital
    (f"{OUTBOUND}.upload:write_csv", "before", 1),
    (f"{OUTBOUND}.upload:write_csv", "after", 1),
    (f"{OUTBOUND}.upload:move", "before", 1),  # prepared, about to be noted as uploading
    (f"{OUTBOUND}.upload:move", "after", 1),  # noted, not yet called
    ("dotdigital.books:Book.import_contacts", "before", 1),
    ("dotdigital.books:Book.import_contacts", "after", 1),  # taken by Dotdigital, its id not noted
    (f"{OUTBOUND}.upload:move", "before", 2),
    (f"{OUTBOUND}.upload:move", "after", 2),  # sent and noted
    # where rows are prepared
    (f"{OUTBOUND}.prepare:_assign", "before", 1),
    (f"{OUTBOUND}.prepare:_assign", "after", 1),  # inside the transaction
    (f"{OUTBOUND}.prepare:_tidy_uploads", "after", 1),
    # where results are read
    ("dotdigital.account:Account.import_status", "after", 1),
    ("dotdigital.account:Account.import_report", "after", 1),
    (f"{OUTBOUND}.results:_apply_refused", "after", 1),
    (f"{OUTBOUND}.results:_read_back", "before", 2),
    (f"{OUTBOUND}.results:_read_back", "after", 2),
    # where removals are carried out
    (f"{OUTBOUND}.removals:_assign", "after", 1),
    ("dotdigital.books:Book.remove_contacts", "after", 1),  # taken, its id not noted
    (f"{OUTBOUND}.removals:_ask", "after", 1),
    (f"{OUTBOUND}.removals:_complete", "before", 1),
    (f"{OUTBOUND}.removals:_complete", "after", 1),
    # where the import reads
    ("dotbridge.sync.inbound.contacts:store_batch", "before", 1),
    ("dotbridge.sync.inbound.contacts:store_batch", "after", 1),
    ("dotbridge.sync.inbound.contacts:move_cursor", "after", 1),
    ("dotbridge.sync.inbound.consent:record_dotdigitals_word", "after", 1),  # written down, the step not ended
]

# What is different by version 3: the rest of a run is the same.
POINTS_V3 = [
    (f"{OUTBOUND}.upload:write_json", "before", 1),
    (f"{OUTBOUND}.upload:write_json", "after", 1),
    (f"{OUTBOUND}.upload:move", "after", 1),
    ("dotdigital.contacts_v3:ContactsV3.import_file", "before", 1),
    ("dotdigital.contacts_v3:ContactsV3.import_file", "after", 1),  # taken by Dotdigital, its id not noted
    (f"{OUTBOUND}.upload:move", "after", 2),
    (f"{OUTBOUND}.prepare:_assign", "after", 1),
    ("dotdigital.contacts_v3:ContactsV3.import_status", "after", 1),
    (f"{OUTBOUND}.results:store_named_rows", "before", 1),
    (f"{OUTBOUND}.named_rows:merge_selected", "after", 1),  # inside the transaction of a batch
    (f"{OUTBOUND}.results:store_named_rows", "after", 1),
    (f"{OUTBOUND}.results:note_unreported", "after", 1),
    (f"{OUTBOUND}.results:refuse_unreported", "after", 1),  # inside the transaction that ends the upload
    (f"{OUTBOUND}.results:_apply_refused", "after", 1),
    (f"{OUTBOUND}.results:_finish", "after", 1),
    ("dotbridge.sync.inbound.events:_change", "before", 1),
    ("dotbridge.sync.inbound.events:_change", "after", 1),  # inside the transaction that notes whom to look at
    ("dotbridge.sync.inbound.account_feed:_store", "before", 1),
    ("dotbridge.sync.inbound.account_feed:settle_staged_hints", "after", 1),
    ("dotbridge.sync.inbound.account_feed:move_cursor", "after", 1),
]
POINTS_BY_PROTOCOL = {ProtocolChoice.V2: POINTS, ProtocolChoice.V3: POINTS_V3}


@functools.cache
def start_worker(database: str) -> subprocess.Popen[str]:
    """The program whose forks are killed. It ends with its input, so at the latest with this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.killed"],
        cwd=REPOSITORY,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dotbridge.settings", "TEST_DATABASE": database},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_killed(
    integration: Integration,
    sandbox_url: str,
    point: str,
    moment: str,
    nth: int,
    kind: RunKind = RunKind.SYNC,
    wait_seconds: float = 20.0,
) -> int:
    """Run a worker that dies at the point; its exit code."""
    worker = start_worker(str(connection.settings_dict["NAME"]))
    assert worker.stdin
    assert worker.stdout
    order = {
        "integration": integration.pk,
        "point": point,
        "moment": moment,
        "nth": nth,
        "kind": kind.value,
        "origin": sandbox_url,
        "wait_seconds": wait_seconds,
    }
    print(json.dumps(order), file=worker.stdin, flush=True)
    code = int(worker.stdout.readline())
    _await_the_locks_end()
    return code


def _await_the_locks_end() -> None:
    """Until PostgreSQL has noticed that the worker died: a run that comes sooner is skipped, as it should be."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while True:
            cursor.execute("""
                SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE l.locktype = 'advisory' AND d.datname = current_database()
            """)
            if cursor.rowcount == 0:
                return
            assert time.monotonic() < deadline, "the lock of a killed worker is still held"
            time.sleep(0.02)


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """Four people after their first export: one renamed, one taken off the list, one unsubscribed, and a new one."""
    for name in ("renamed", "removed", "suppressed"):
        add_contact(f"{name}@example.com", name.title())
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    Contact.objects.filter(first_name="Renamed").update(first_name="Changed")
    removed = Contact.objects.get(first_name="Removed")
    remove_records(marketing_list=link.marketing_list, record_ids=[str(removed.pk)], by=None)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "suppressed@example.com"})
    add_contact("new@example.com", "New", notes="n")
    return link


@pytest.mark.parametrize(
    ("protocol", "point", "moment", "nth"),
    [(protocol, *point) for protocol, points in POINTS_BY_PROTOCOL.items() for point in points],
)
def test_a_killed_run_is_made_good_by_the_next(
    integration: Integration, remote: RemoteAccount, link: ListConnection, point: str, moment: str, nth: int
) -> None:
    if point.endswith("_apply_refused"):
        _make_a_value_that_is_refused(integration, remote)

    code = run_killed(integration, remote.sandbox.url, point, moment, nth)
    assert code == -signal.SIGKILL, "the run never came to the point"
    remote.sandbox.finish_imports()
    runs = [sync(integration) for _number in range(2)]

    assert_as_undisturbed(remote, link, runs[-1])
    assert SyncRun.objects.filter(state=State.INTERRUPTED).count() == 1


def test_whoever_a_removal_that_is_given_up_was_for_is_taken_out_by_the_next_run(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """Given up and taken back are one: killed between the two, the person waited for a removal that was over."""
    remote.sandbox.fail_next("status", path="contacts/delete", status=500, times=None)
    sync(integration, kind=RunKind.EXPORT)
    assert Removal.objects.update(attempts=MOST_ATTEMPTS - 1) == 1

    code = run_killed(integration, remote.sandbox.url, f"{OUTBOUND}.removals:_give_back", "before", 1)
    assert code == -signal.SIGKILL, "the run never came to the point"
    remote.sandbox.clear_faults()
    sync(integration)

    assert "removed@example.com" not in remote.contacts(link.address_book.remote_id)
    assert not ExportItem.objects.filter(removal__isnull=False).exists()


def _make_a_value_that_is_refused(integration: Integration, remote: RemoteAccount) -> None:
    """A text for a data field that was made numeric since we read it: only the report can say so."""
    remote.create_field("SCORE", "Numeric")
    sync(integration, kind=RunKind.DATA_FIELDS)
    mapping = Mapping.objects.get(entity="crm.contact")
    field = integration.data_fields.get(name="SCORE")
    integration.data_fields.filter(pk=field.pk).update(type="String")
    MappingRow.objects.create(mapping=mapping, data_field=field, entity_fields=["notes"])


def assert_as_undisturbed(remote: RemoteAccount, link: ListConnection, last: SyncRun) -> None:
    """Book, mirror and items are as after a run that nobody killed, and nothing is in between."""
    book = link.address_book.remote_id
    held = remote.contacts(book)
    refused = {item.email for item in ExportItem.objects.exclude(reason="")}
    assert set(held) == {"renamed@example.com", "new@example.com"} - refused
    assert held["renamed@example.com"]["FIRSTNAME"] == "Changed"
    statuses = {
        address: remote.ask("GET", f"/v2/contacts/{address}")["status"]
        for address in ("removed@example.com", "suppressed@example.com")
    }
    assert statuses == {"removed@example.com": "Subscribed", "suppressed@example.com": "Unsubscribed"}
    assert not Upload.objects.exclude(state=UploadState.FINISHED).exists()
    assert not Removal.objects.exclude(state=RemovalState.COMPLETED).exists()
    assert set(ExportItem.objects.values_list("email", flat=True)) == set(held) | refused
    ours = set(
        Membership.objects.filter(
            address_book=link.address_book, gone_at=None, contact__status="Subscribed"
        ).values_list("contact__email", flat=True)
    )
    assert ours == set(held)
    summary = run_summary(last, link)
    assert adds_up(summary)
    assert summary["remote_ids_missing"] == 0
    assert summary["left_out"]["waiting"] == 0
