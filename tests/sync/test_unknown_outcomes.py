"""After an unknown outcome the book is read: whoever it shows with the values that were sent is not sent again."""

from __future__ import annotations

import datetime
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.states import UNNAMED_STATUS
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
