"""What the campaign import costs: calls of a quiet run, statements a page; and that a killed one is made good."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaignStatistics, MarketingActivity
from dotbridge.connections.models import RunKind
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import open_account
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import Activity, AddressBook, Campaign, ClickEvent, OpenEvent, WaitingResult
from dotbridge.sync.context import NobodyWatches, RunContext, StepContext
from dotbridge.sync.inbound.campaign_activities import import_activities
from dotbridge.sync.inbound.campaign_clicks import import_clicks
from dotbridge.sync.inbound.campaign_opens import import_opens
from dotbridge.sync.inbound.campaigns import import_campaigns
from dotbridge.sync.inbound.marketing_activities import apply_results
from dotbridge.sync.models import Cursor, State, Step, SyncRun
from tests.accounts import RemoteAccount, sync
from tests.faults.test_kill import run_killed
from tests.sync.campaign_account import (
    LIVELY,
    add_to_crm,
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
MOST_CALLS_OF_A_QUIET_RUN = 40
INBOUND = "dotbridge.sync.inbound"


def ten_books_fifty_campaigns(integration: Integration, remote: RemoteAccount) -> None:
    """48 campaigns that are older than a month and two that are not, each sent to one of ten connected books."""
    books = []
    for number in range(10):
        book = remote.create_book(f"Book {number}")
        remote.create_contact(f"person{number}@example.com", book=book)
        mirrored = AddressBook.objects.create(integration=integration, remote_id=book, name=f"Book {number}")
        connect_list(marketing_list=create_list(name=f"List {number}", entity="crm.contact"), address_book=mirrored)
        books.append(book)
    for number in range(50):
        if number == 48:
            remote.sandbox.advance(45 * DAY)
        send(remote, books[number % 10], name=f"Campaign {number}")


def calls_of(remote: RemoteAccount, work: Callable[[], SyncRun]) -> int:
    """How many calls of the API a run made, by the account's own log."""
    remote.sandbox.clear_calls()
    run = work()
    made = remote.sandbox.call_counts()["total"]
    assert made == run.requests
    assert run.state == State.SUCCEEDED
    return int(made)


def test_a_quiet_run_makes_few_calls(integration: Integration, remote: RemoteAccount) -> None:
    remote.sandbox.settings.engagement_seconds = 0.0
    ten_books_fifty_campaigns(integration, remote)
    first = calls_of(remote, lambda: run_import(integration))
    assert first > 200
    assert Campaign.objects.count() == 50

    # At once: what was just sent counts as active once more, because windows overlap.
    for seconds in (0, 3600):
        remote.sandbox.advance(seconds)
        assert calls_of(remote, lambda: sync(integration)) <= MOST_CALLS_OF_A_QUIET_RUN
    remote.sandbox.advance(3600)
    quiet = calls_of(remote, lambda: sync(integration))
    assert quiet <= 30
    # A day later data fields are read, the books are asked, and the figures of the two young campaigns.
    remote.sandbox.advance(DAY)
    daily = calls_of(remote, lambda: sync(integration))
    assert quiet < daily <= MOST_CALLS_OF_A_QUIET_RUN
    remote.sandbox.advance(60 * DAY)
    calls_of(remote, lambda: sync(integration))
    paths = [call["path"] for call in remote.sandbox.calls()]
    assert not [path for path in paths if path.endswith("/summary")], "all campaigns are old by now"


def test_only_the_campaign_with_activity_is_asked(integration: Integration, remote: RemoteAccount) -> None:
    remote.sandbox.settings.engagement_seconds = 0.0
    ten_books_fifty_campaigns(integration, remote)
    for _settled in range(2):
        run_import(integration)
        remote.sandbox.advance(3600)
    old = Campaign.objects.get(name="Campaign 3")
    contact = Activity.objects.get(campaign=old)
    with remote.sandbox.account.store.writing() as db:
        db.execute(
            "INSERT INTO event (campaign_id, contact_id, email, kind, at) VALUES (?, ?, ?, 'open', ?)",
            (old.remote_id, contact.remote_contact_id, contact.email, remote.sandbox.account.clock.text()),
        )
    remote.sandbox.clear_calls()
    run_import(integration)
    asked = {call["path"].split("/")[3] for call in remote.sandbox.calls() if call["path"].startswith("/v2/campaigns/")}
    assert asked == {"with-activity-since", str(old.remote_id)}
    contact.refresh_from_db()
    assert contact.opens > 0


def a_step(integration: Integration, account: Any) -> StepContext:
    """A step of a run that is at work."""
    run = SyncRun.objects.create(integration=integration, kind=RunKind.IMPORT, trigger="t", started_at=timezone.now())
    context = RunContext(
        integration=integration,
        account=account,
        run=run,
        observer=NobodyWatches(),
        server_now=account.server_time(),
        wait_seconds=0,
    )
    return StepContext(run=context, step=Step.objects.create(run=run, name="t", started_at=timezone.now()))


def statements(integration: Integration, work: Callable[[StepContext], None]) -> int:
    """How many statements a connector needs; limiter and transactions included."""
    with open_account(integration) as account:
        account.connect()
        step = a_step(integration, account)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            work(step)
    return len(queries)


def test_the_number_of_statements_does_not_grow_with_the_rows(scripted: Integration, vendor: CampaignVendor) -> None:
    """One page of 10 and one of 900 rows, each with an opening and a click, cost the same."""
    needed = []
    add_to_crm([f"person{each}@example.com" for each in range(1, 901)])
    # The first time everything is matched with all records; from then on what is new.
    for number, rows in ((1, 10), (2, 10), (3, 900)):
        vendor.campaigns(campaign(number))
        vendor.answers[f"campaigns/{number}/activities"] = [activity(each) for each in range(1, rows + 1)]
        for feed, when in (("opens", "dateOpened"), ("clicks", "dateClicked")):
            vendor.answers[f"campaigns/{number}/{feed}"] = [
                {"contactId": each, "email": f"person{each}@example.com", when: "2026-01-30T10:00:00Z"}
                for each in range(1, rows + 1)
            ]
        connectors = (import_campaigns, import_activities, import_opens, import_clicks, apply_results)
        needed.append([statements(scripted, work) for work in connectors])
    for few, many in zip(*needed[1:], strict=True):
        assert many <= few + 5
    assert EmailCampaignStatistics.objects.count() == 920
    assert (Activity.objects.count(), OpenEvent.objects.count(), ClickEvent.objects.count()) == (920, 920, 920)


def test_pages_of_a_campaign_are_read_at_a_constant_price(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    vendor.answers["campaigns/1/activities"] = [activity(each) for each in range(1, 901)]
    vendor.answers["campaigns/2/activities"] = [activity(each) for each in range(1, 4600)]
    statements(scripted, import_campaigns)
    Campaign.objects.filter(remote_id=2).update(status="Unsent")
    one_page = statements(scripted, import_activities)
    Campaign.objects.filter(remote_id=2).update(status="Sent")
    five_pages = statements(scripted, import_activities)
    assert Activity.objects.count() == 900 + 4599
    assert (five_pages - one_page) / 4 <= 12


def run_after_kill(integration: Integration) -> SyncRun:
    """The first run that may begin: the database needs a moment to notice that the lock's holder is dead."""
    deadline = time.monotonic() + 20
    while (run := run_import(integration)).state == State.SKIPPED and time.monotonic() < deadline:
        time.sleep(0.05)
    return run


POINTS = [
    (f"{INBOUND}.campaigns:_store_page", "after", 1),
    (f"{INBOUND}.campaigns:_note_listing", "before", 1),
    (f"{INBOUND}.campaigns:_mark_active", "after", 1),
    (f"{INBOUND}.campaign_records:_make_records", "before", 2),
    (f"{INBOUND}.campaign_records:_make_records", "after", 1),
    (f"{INBOUND}.campaign_summaries:_store", "after", 1),
    (f"{INBOUND}.campaign_activities:_store_page", "after", 1),
    (f"{INBOUND}.campaign_activities:_store_page", "after", 2),
    (f"{INBOUND}.campaign_events:_merge", "after", 2),
    (f"{INBOUND}.campaign_feeds:move_cursor", "before", 3),
    (f"{INBOUND}.marketing_activities:_apply_chunk", "before", 2),
    (f"{INBOUND}.marketing_activities:_apply_chunk", "after", 2),
    (f"{INBOUND}.marketing_activities:set_statistics", "after", 1),
]


@pytest.mark.parametrize(("point", "moment", "nth"), POINTS)
def test_a_killed_import_is_made_good_by_the_next(
    integration: Integration, remote: RemoteAccount, point: str, moment: str, nth: int
) -> None:
    remote.sandbox.settings.engagement = LIVELY
    remote.sandbox.settings.engagement_seconds = 0.0
    book, _link = connected_book(integration, remote)
    people(remote, 12, book=book)
    numbers = [make_campaign(remote, name=name) for name in ("First", "Second")]
    for number in numbers:
        send(remote, book, campaign=number)

    assert run_killed(integration, remote.sandbox.url, point, moment, nth) == -signal.SIGKILL
    run = run_after_kill(integration)

    assert run.state == State.SUCCEEDED
    assert SyncRun.objects.filter(state=State.INTERRUPTED).count() == 1
    assert sorted(Campaign.objects.values_list("pair__email_campaign__name", flat=True)) == ["First", "Second"]
    told = [row for number in numbers for row in remote.ask("GET", f"/v2/campaigns/{number}/activities")]
    assert Activity.objects.count() == EmailCampaignStatistics.objects.count() == len(told)
    assert MarketingActivity.objects.filter(type="send").count() == len(told)
    assert MarketingActivity.objects.filter(type="click").count() == ClickEvent.objects.count()
    assert MarketingActivity.objects.filter(type="open").count() == OpenEvent.objects.count()
    assert not WaitingResult.objects.exists()
    before = everything_imported()
    Cursor.objects.all().delete()
    run_import(integration)
    assert everything_imported() == before


def test_a_run_killed_between_two_pages_of_one_campaign(scripted: Integration, vendor: CampaignVendor) -> None:
    """The pages that were read stay, the cursor does not move, and the next run reads all of them."""
    addresses = [f"person{each}@example.com" for each in range(1, 9401)]
    add_to_crm(addresses)
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(each) for each in range(1, 9401)]

    point = f"{INBOUND}.campaign_activities:_store_page"
    assert run_killed(scripted, vendor.server.url, point, "before", 2) == -signal.SIGKILL

    assert Activity.objects.count() == WaitingResult.objects.count() == 4600
    assert not Cursor.objects.filter(feed="campaign_activities").exists()
    run = run_after_kill(scripted)
    assert run.state == State.SUCCEEDED
    assert Activity.objects.count() == EmailCampaignStatistics.objects.count() == 9400
    assert MarketingActivity.objects.count() == 9400
    assert not WaitingResult.objects.exists()
