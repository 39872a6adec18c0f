"""After an unknown outcome the book is read: whoever it shows with the values that were sent is not sent again."""

from __future__ import annotations

import datetime

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Upload, UploadState
from tests.accounts import RemoteAccount
from tests.sync.two_way_account import change, connect_two_way, person, sync


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
