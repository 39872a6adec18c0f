"""The full comparison: whatever had drifted in the mirror, of whatever feed, is mended and told."""

from __future__ import annotations

from typing import Any

import pytest

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import (
    Activity,
    AddressBook,
    Campaign,
    CampaignBook,
    CampaignSummary,
    ClickEvent,
    Contact,
    DataField,
    Membership,
    OpenEvent,
)
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import State, SyncRun
from tests.accounts import RemoteAccount, steps_of
from tests.dotdigital.server import answer
from tests.sync.campaign_account import (
    LIVELY,
    connected_book,
    everything_imported,
    make_campaign,
    people,
    run_import,
    send,
)
from tests.sync.campaign_vendor import CampaignVendor, activity, campaign, scripted, vendor

__all__ = ["scripted", "vendor"]

DAY = 86_400.0
FEEDS = (
    "address_books",
    "data_fields",
    "campaigns",
    "contacts",
    "unsubscribes",
    "suppressions",
    "campaign_summaries",
    "campaign_activities",
    "campaign_opens",
    "campaign_clicks",
)


def reconcile(integration: Integration) -> SyncRun:
    """One full comparison."""
    return run_sync(integration=integration, kind=RunKind.RECONCILE, trigger="test")


def drift_of(run: SyncRun) -> dict[str, str]:
    """What each feed says of its drift."""
    return {name: step["message"] for name, step in steps_of(run).items() if name in FEEDS}


@pytest.fixture
def rested(integration: Integration, remote: RemoteAccount) -> Integration:
    """A campaign that nobody has looked at for a year, its results long read."""
    remote.sandbox.settings.engagement = LIVELY
    remote.sandbox.settings.engagement_seconds = 0.0
    book, _link = connected_book(integration, remote)
    addresses = people(remote, 20, book=book)
    send(remote, book, name="Old")
    make_campaign(remote, name="Draft")
    remote.sandbox.unsubscribe(addresses[0], book)
    remote.sandbox.complain(addresses[1])
    run_import(integration)
    for _settled in range(2):
        remote.sandbox.advance(180 * DAY)
        assert run_import(integration).state == State.SUCCEEDED
    return integration


def test_where_nothing_drifted_every_feed_says_so(rested: Integration, remote: RemoteAccount) -> None:
    remote.sandbox.clear_calls()
    before = everything_imported()

    run = reconcile(rested)

    assert run.state == State.SUCCEEDED
    assert drift_of(run) == dict.fromkeys(FEEDS, "No drift: everything was as we had it.")
    assert everything_imported() == before
    asked = [call["path"] for call in remote.sandbox.calls()]
    number = Campaign.objects.get().remote_id
    whole = [f"/v2/campaigns/{number}/{feed}" for feed in ("summary", "activities", "opens", "clicks")]
    assert [path for path in asked if path.startswith(f"/v2/campaigns/{number}/")] == whole
    assert not [path for path in asked if "since-date" in path]


def test_drift_is_mended_and_told_feed_by_feed(rested: Integration) -> None:
    before, contacts = everything_imported(), _contacts()
    _plant_drift()
    assert everything_imported() != before

    run = reconcile(rested)

    assert run.state == State.SUCCEEDED
    assert everything_imported() == before
    assert _contacts() == contacts
    told = drift_of(run)
    assert told == {
        "address_books": "Drift: 0 unknown here, 1 different, 0 not there any more.",
        "data_fields": "Drift: 1 unknown here, 0 different, 1 not there any more.",
        "campaigns": "Drift: 0 unknown here, 1 different, 0 not there any more.",
        # The one not there is listed no more because it unsubscribed, as the next feed says.
        "contacts": "Drift: 1 unknown here, 1 different, 1 not there any more.",
        "unsubscribes": "Drift: 0 unknown here, 1 different, 0 not there any more.",
        "suppressions": "Drift: 0 unknown here, 1 different, 0 not there any more.",
        "campaign_summaries": "Drift: 0 unknown here, 1 different, 0 not there any more.",
        "campaign_activities": "Drift: 1 unknown here, 1 different, 0 not there any more.",
        "campaign_opens": "Drift: 1 unknown here, 0 different, 0 not there any more.",
        "campaign_clicks": "Drift: 1 unknown here, 0 different, 0 not there any more.",
    }
    assert set(drift_of(reconcile(rested)).values()) == {"No drift: everything was as we had it."}


def _contacts() -> list[tuple[Any, ...]]:
    columns = ("contact__remote_id", "contact__email_key", "contact__status", "contact__data_fields", "status")
    return sorted(Membership.objects.values_list(*columns, "gone_at"), key=repr)


def _plant_drift() -> None:
    """One thing wrong or missing in every table of the mirror that a feed fills."""
    AddressBook.objects.update(name="Wrong")
    DataField.objects.filter(name="GENDER").update(name="NO_SUCH")
    Campaign.objects.update(subject="Wrong")
    CampaignBook.objects.all().delete()
    first, second = Contact.objects.filter(status="Subscribed", memberships__status="Subscribed").order_by("pk")[:2]
    first.delete()
    Contact.objects.filter(pk=second.pk).update(data_fields={"FIRSTNAME": "Wrong"})
    Membership.objects.filter(status="Unsubscribed").update(status="Subscribed")
    complained = Contact.objects.filter(status="IspComplained").order_by("pk")[0]
    Contact.objects.filter(pk=complained.pk).update(status="Subscribed")
    CampaignSummary.objects.update(num_total_opens=10_000)
    lost, changed = Activity.objects.filter(opens=0).order_by("pk")[:2]
    Activity.objects.filter(pk=changed.pk).update(opens=99)
    lost.delete()
    for table in (OpenEvent, ClickEvent):
        table.objects.order_by("pk")[0].delete()


def test_one_campaign_that_cannot_be_read_stops_no_other(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    run_import(scripted)
    Activity.objects.all().delete()
    vendor.answers["campaigns/1/activities"] = answer(400, {"message": "Error: ERROR_PARAMETER_INVALID"})

    run = reconcile(scripted)

    assert list(Activity.objects.values_list("campaign__remote_id", flat=True)) == [2]
    assert drift_of(run)["campaign_activities"] == "Drift: 1 unknown here, 0 different, 0 not there any more."
    vendor.answers["campaigns/1/activities"] = [activity(1)]
    reconcile(scripted)
    assert Activity.objects.count() == 2
