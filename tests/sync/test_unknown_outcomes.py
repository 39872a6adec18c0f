"""After an unknown outcome the book is read: whoever it shows with the values that were sent is not sent again."""

from __future__ import annotations

import datetime
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import ExportItem, Rejection, Upload, UploadState
from dotbridge.sync.outbound.states import MOST_ATTEMPTS, UNNAMED_STATUS
from tests.accounts import RemoteAccount, add_contact, connect
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor
from tests.sync.two_way_account import change, connect_two_way, person, sync

__all__ = ["scripted", "vendor"]


def test_values_that_dotdigital_writes_in_its_own_way_were_taken(
    integration: Integration, remote: RemoteAccount
) -> None:
    born = datetime.date(1990, 5, 17)
    for name in ("ann", "bob"):
        person(f"{name}@example.com", notes=" likes tea\r\nand cake ", lead_score=7, is_vip=True, birthday=born)
    connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", VIP="Yes", SCORE="7.00")
    change(remote, "bob@example.com", BORN="1990-05-18")
    Upload.objects.update(state=UploadState.UNKNOWN)

    sync(integration, kind=RunKind.EXPORT)

    first = Upload.objects.earliest("pk")
    assert first.state == UploadState.FINISHED
    assert "1 rows are sent again" in first.message
    assert Upload.objects.latest("pk").items.get().email == "bob@example.com"


def test_a_row_that_a_report_counts_as_refused_and_does_not_name_is_not_confirmed_and_not_sent_for_ever(
    integration: Integration, remote: RemoteAccount, tmp_path: Path
) -> None:
    """By the book: whoever it shows was taken. The others are tried again a day later, as by version 3."""
    book = remote.create_book("First")
    remote.sandbox.change_switch("text_limit", 100)
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
    add_contact("long@example.com", "x" * 101)
    connect(integration, book="First")
    with closing(sqlite3.connect(tmp_path / "sandbox" / "account.sqlite3")) as account:
        account.execute(
            "CREATE TRIGGER silent AFTER INSERT ON import_fault"
            " BEGIN DELETE FROM import_fault WHERE import_id = NEW.import_id; END"
        )
        account.commit()

    run = sync(integration)

    upload = Upload.objects.get()
    assert set(remote.contacts(book)) == {"ann@example.com", "bob@example.com"}
    reasons = dict(ExportItem.objects.values_list("email_key", "reason"))
    assert reasons == {"ann@example.com": "", "bob@example.com": "", "long@example.com": "unreported"}
    assert (upload.state, upload.rejected_count) == (UploadState.FINISHED, 1)
    assert Rejection.objects.get(reason="unreported").subject == "long@example.com"
    counts = run.steps.get(name="results").counts
    assert (counts["confirmed"], counts["unreported"]) == (2, 1)

    for _ in range(10):
        sync(integration)
        assert Upload.objects.count() <= 1 + MOST_ATTEMPTS
        Upload.objects.update(finished_at=timezone.now() - timedelta(days=2))
    assert Upload.objects.count() == 1 + MOST_ATTEMPTS
    assert ExportItem.objects.get(email_key="long@example.com").reason == "unreported"


@pytest.mark.parametrize("status", ["Half\ud800", "Nought\0", "A word longer than any that Dotdigital has " * 3])
def test_a_status_that_nobody_could_store_ends_its_upload_as_any_other(
    scripted: Integration, vendor: CampaignVendor, status: str
) -> None:
    link = ListConnection.objects.get()
    upload = Upload.objects.create(
        connection=link,
        state=UploadState.SENT,
        remote_id="one",
        created_at=timezone.now(),
        sent_at=timezone.now(),
        merge_option="Overwrite",
        columns=[],
        row_count=1,
    )
    vendor.answers["contacts/import/one"] = {"id": "one", "status": status}

    sync(scripted, kind=RunKind.EXPORT)

    upload.refresh_from_db()
    assert (upload.state, upload.message) == (UploadState.REFUSED, str(UNNAMED_STATUS.text))


def test_results_that_cannot_be_stored_here_hold_up_a_list_for_a_day_and_no_longer(
    integration: Integration, remote: RemoteAccount
) -> None:
    book = remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'")
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE OF report ON dotbridge_sync_upload FOR EACH ROW"
            " WHEN (NEW.report IS NOT NULL) EXECUTE FUNCTION refuse()"
        )
    try:
        sync(integration)
        assert Upload.objects.get().state == UploadState.SENT
        Upload.objects.update(sent_at=timezone.now() - timedelta(days=1, minutes=1))

        sync(integration)

        assert Upload.objects.get().state == UploadState.FINISHED
        add_contact("bob@example.com")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse() CASCADE")
    sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com", "bob@example.com"}
