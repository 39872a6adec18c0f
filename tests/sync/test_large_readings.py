"""Large readings wait for the window of the day; consent, exports and what a person starts do not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import RunKind
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.connections.services import RUN_TASK
from dotbridge.connections.services.run_requests import PERSON
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mirror.models import Activity, AddressBook, CampaignSummary, Membership
from dotbridge.sync.engine import run_sync
from dotbridge.sync.inbound.large_readings import waiting_readings
from dotbridge.sync.models import Cursor, State, SyncRun
from tests.accounts import RemoteAccount, add_contact, steps_of
from tests.sync.campaign_account import connected_book, people, send


@pytest.fixture(params=["v2", "v3"])
def closed(request: pytest.FixtureRequest, integration: Integration) -> Integration:
    """An account whose window has just closed."""
    integration.protocol = ProtocolChoice(request.param)
    return set_window(integration, opens_in=timedelta(hours=20))


def set_window(integration: Integration, *, opens_in: timedelta) -> Integration:
    """Give the account a window of two hours."""
    opens = timezone.localtime(timezone.now() + opens_in, timezone.get_default_timezone())
    integration.bulk_from = opens.time().replace(second=0, microsecond=0)
    integration.bulk_until = (opens + timedelta(hours=2)).time().replace(second=0, microsecond=0)
    integration.save()
    return integration


def on_schedule(integration: Integration, kind: RunKind) -> SyncRun:
    return run_sync(integration=integration, kind=kind, trigger="schedule", wait_seconds=20.0)


def test_a_first_reading_waits_and_says_until_when(closed: Integration, remote: RemoteAccount) -> None:
    connected_book(closed, remote)
    people(remote, 5, book=AddressBook.objects.get().remote_id)
    run = on_schedule(closed, RunKind.IMPORT)
    step = steps_of(run)["contacts"]
    assert step["state"] == State.SKIPPED
    assert f" until {closed.bulk_from:%H:%M}." in step["message"]
    assert not Membership.objects.exists()
    waiting = waiting_readings(closed)
    assert waiting is not None
    assert waiting.books == 1
    set_window(closed, opens_in=timedelta(hours=-1))
    assert waiting_readings(closed) is None
    on_schedule(closed, RunKind.IMPORT)
    assert Membership.objects.count() == 5


def test_what_was_read_once_goes_on_at_any_time(closed: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(closed, remote)
    run_sync(integration=closed, kind=RunKind.IMPORT, trigger=PERSON)
    people(remote, 5, book=book)
    remote.create_book("Another")
    remote.sandbox.advance(400)
    on_schedule(closed, RunKind.IMPORT)
    assert Membership.objects.count() == 5


def test_a_person_waits_for_no_window(closed: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(closed, remote)
    people(remote, 5, book=book)
    for trigger in (PERSON, "command line"):
        Cursor.objects.all().delete()
        Membership.objects.all().delete()
        run_sync(integration=closed, kind=RunKind.IMPORT, trigger=trigger)
        assert Membership.objects.count() == 5


def test_opt_outs_and_exports_wait_for_no_window(closed: Integration, remote: RemoteAccount) -> None:
    book, link = connected_book(closed, remote)
    people(remote, 3, book=book)
    add_contact("ann@example.com")
    for at in ("account", "book"):
        remote.create_contact(f"{at}@example.com", book=book)
    remote.sandbox.unsubscribe("account@example.com")
    remote.sandbox.unsubscribe("book@example.com", book)
    on_schedule(closed, RunKind.IMPORT)
    assert not Cursor.objects.filter(feed__in=["account", "contacts"]).exists()
    for at in ("account", "book"):
        assert not may_be_mailed(address=f"{at}@example.com", scopes=scopes_of_connection(link)).may_be_mailed
    remote.sandbox.unsubscribe("person0@example.com")
    remote.sandbox.advance(60)
    on_schedule(closed, RunKind.IMPORT)
    assert not may_be_mailed(address="person0@example.com", scopes=scopes_of_connection(link)).may_be_mailed
    on_schedule(closed, RunKind.EXPORT)
    assert "ann@example.com" in remote.contacts(book)


def test_results_of_past_campaigns_wait_and_new_ones_do_not(closed: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(closed, remote)
    people(remote, 10, book=book)
    old = send(remote, book, name="Old")
    remote.sandbox.advance(10 * 86_400)
    new = send(remote, book, name="New")
    run_sync(integration=closed, kind=RunKind.DATA_FIELDS, trigger=PERSON)
    run = on_schedule(closed, RunKind.IMPORT)
    steps = steps_of(run)
    assert "Past campaigns whose results are to be read: 1. They wait until" in steps["campaign_activities"]["message"]
    assert CampaignSummary.objects.count() == 2
    read = set(Activity.objects.values_list("campaign__remote_id", flat=True))
    assert read == {new}
    run_sync(integration=closed, kind=RunKind.IMPORT, trigger=PERSON)
    assert set(Activity.objects.values_list("campaign__remote_id", flat=True)) == {old, new}


def test_a_full_comparison_waits_as_a_whole(closed: Integration, remote: RemoteAccount) -> None:
    connected_book(closed, remote)
    remote.sandbox.clear_calls()
    run = on_schedule(closed, RunKind.RECONCILE)
    assert run.state == State.SKIPPED
    assert f"waits until {closed.bulk_from:%H:%M}." in run.message
    assert remote.sandbox.calls() == []
    (job,) = ProcrastinateJob.objects.filter(
        task_name=RUN_TASK, status="todo", args__kind="reconcile", args__integration_id=closed.pk
    )
    assert job.scheduled_at is not None
    local = timezone.localtime(job.scheduled_at, timezone.get_default_timezone())
    assert closed.bulk_from is not None
    assert (local.hour, local.minute) == (closed.bulk_from.hour, closed.bulk_from.minute)
    assert run_sync(integration=closed, kind=RunKind.RECONCILE, trigger=PERSON).state == State.SUCCEEDED
