"""A run that cannot go on says what it waits for, and the next one is asked for: nobody sleeps in a worker's slot.

The kind: a run that holds its slot, or reports its success, although the answer is still to come. The cases: a
throttled account is asked again by each step, the run sleeping between; a run has succeeded while Dotdigital still
works on its file. The second places: a removal that Dotdigital works on, and the runs of other kinds while no call is
left.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import RUN_TASK, connect_list
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.lists.services import create_list, remove_records
from dotbridge.mirror.models import AddressBook, Campaign
from dotbridge.sync.models import Removal, State, Step, SyncRun, Upload, UploadState
from dotbridge.sync.verdicts import opening_of
from dotdigital import Throttled
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.dotdigital.server import answer
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, campaign, scripted, vendor

__all__ = ["scripted", "vendor"]


def asked_for(integration: Integration) -> list[tuple[str, datetime | None]]:
    jobs = ProcrastinateJob.objects.filter(
        task_name=RUN_TASK, status="todo", args__integration_id=integration.pk
    ).order_by("pk")
    return [(job.args["kind"], job.scheduled_at) for job in jobs]


def test_a_throttled_account_is_left_alone_until_it_opens(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("dotdigital.patience.time.sleep", slept.append)
    monkeypatch.setattr("dotbridge.integrations.limiter.time.sleep", slept.append)
    remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    sync(integration)
    remote.sandbox.clear_calls()
    remote.sandbox.fail_next("status", path="address-books|contacts|campaigns|data-fields", times=None, status=429)

    run = sync(integration, kind=RunKind.IMPORT, force_data_fields=True)

    refused = [call for call in remote.sandbox.calls() if call["status"] == 429]
    assert len(refused) <= 2
    assert sum(slept) <= 10
    assert run.state == State.WAITING
    assert run.waits_until is not None
    assert f"{run.waits_until:%H:%M:%S}" in run.message
    assert list(steps_of(run)) == ["address_books"]
    assert asked_for(integration) == [("import", run.waits_until)]


def test_until_then_no_run_of_any_kind_asks_anything(integration: Integration, remote: RemoteAccount) -> None:
    opens_at = timezone.now() + timedelta(minutes=20)
    RateWindow.objects.create(integration=integration, tier="high", remaining=0, resets_at=opens_at)
    RateWindow.objects.create(integration=integration, tier="medium", remaining=0, resets_at=opens_at)
    RateWindow.objects.create(integration=integration, tier="low", remaining=0, resets_at=opens_at)
    assert sync(integration, kind=RunKind.IMPORT).waits_until == opens_at
    remote.sandbox.clear_calls()

    run = sync(integration, kind=RunKind.EXPORT)

    assert remote.sandbox.calls() == []
    assert (run.state, run.waits_until) == (State.WAITING, opens_at)
    assert asked_for(integration) == [("import", opens_at), ("export", opens_at)]
    SyncRun.objects.update(waits_until=timezone.now())
    RateWindow.objects.all().delete()
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert set(SyncRun.objects.filter(waits_until__isnull=False).values_list("state", flat=True)) == {State.PARTIAL}


def test_dotdigital_is_believed_within_reason() -> None:
    now = datetime.now(UTC)
    assert timedelta(seconds=50) < opening_of(Throttled()) - now < timedelta(seconds=70)
    assert opening_of(Throttled(until=now + timedelta(days=3))) - now < timedelta(hours=1, seconds=5)
    assert opening_of(Throttled(until=now - timedelta(days=3))) >= now
    assert timedelta(seconds=19) < opening_of(Throttled(until=now + timedelta(seconds=20))) - now


def test_a_service_that_opens_at_once_and_refuses_all_the_same_is_not_asked_all_the_time(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.answers["account-info"] = answer(429, {"message": "Too many"}, {"Retry-After": "0"})
    run = run_import(scripted)
    assert run.state == State.WAITING
    assert run.waits_until is not None
    assert run.waits_until - timezone.now() > timedelta(seconds=50)


@pytest.mark.parametrize("refused", [False, True])
def test_the_verdict_comes_with_dotdigitals_answer(
    integration: Integration, remote: RemoteAccount, *, refused: bool
) -> None:
    remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    remote.sandbox.hold_imports()
    run = sync(integration, wait_seconds=0.0)
    assert (run.state, run.waits_until) == (State.WAITING, None)
    assert "files and removals of this run: 1" in run.message
    assert not run.has_failed
    sync(integration, kind=RunKind.IMPORT)
    run.refresh_from_db()
    assert run.state == State.WAITING

    if refused:
        Upload.objects.update(remote_id="00000000-0000-0000-0000-000000000000")
    else:
        remote.sandbox.release_imports()
    # What was refused goes again at once, and that import is held as well.
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0 if refused else 20.0)

    run.refresh_from_db()
    assert run.state == (State.PARTIAL if refused else State.SUCCEEDED)
    assert run.message == ("Rejected when Dotdigital had finished: 1. The uploads say why." if refused else "")


def test_the_run_that_sends_is_the_one_that_waits(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_book("First")
    add_contact("ann@example.com")
    connect(integration, book="First")
    preparing = sync(integration, kind=RunKind.CHANGES)
    remote.sandbox.hold_imports()

    sending = sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    preparing.refresh_from_db()
    assert (preparing.state, sending.state) == (State.SUCCEEDED, State.WAITING)
    assert Upload.objects.get(state=UploadState.SENT).run == sending
    remote.sandbox.release_imports()


def test_a_removal_that_dotdigital_works_on_is_waited_for_too(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_book("First")
    people = [add_contact(f"p{number}@example.com") for number in range(2)]
    link = connect(integration, book="First")
    sync(integration)
    remote.sandbox.account.settings.deletion_seconds = 3600.0
    remote.sandbox.hold_imports()
    remove_records(marketing_list=link.marketing_list, record_ids=[people[0].pk])
    add_contact("new@example.com")

    run = sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    assert Removal.objects.get().state == "sent"
    assert run.state == State.WAITING
    assert "files and removals of this run: 2" in run.message
    remote.sandbox.release_imports()
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    run.refresh_from_db()
    assert run.state == State.WAITING
    remote.sandbox.advance(3700)
    sync(integration, kind=RunKind.EXPORT)
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED


def test_one_list_reads_its_own_books_campaigns_and_no_others(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers["address-books"] = [
        {"id": number, "name": f"Book {number}", "visibility": "Private", "contacts": 0} for number in (7, 8)
    ]
    run_import(scripted)
    other = AddressBook.objects.get(remote_id=8)
    connect_list(marketing_list=create_list(name="Other", entity="crm.contact"), address_book=other)
    vendor.campaigns(campaign(1, "Mine"), sent_to=7)
    vendor.campaigns(campaign(2, "Theirs"), sent_to=8)
    link = ListConnection.objects.get(address_book__remote_id=7)
    asked_before = len(vendor.server.requests)

    run = sync(scripted, kind=RunKind.IMPORT, link=link)

    assert list(Campaign.objects.values_list("name", flat=True)) == ["Mine"]
    assert steps_of(run)["campaign_activities"]["read"] == 1
    asked = [request.target for request in vendor.server.requests[asked_before:]]
    assert asked
    assert not any("campaigns/2/" in target or "address-books/8/" in target for target in asked)


def test_a_waiting_run_of_another_version_gets_its_verdict(integration: Integration) -> None:
    """Its steps may be called what this version does not know."""
    waiting = SyncRun.objects.create(
        integration=integration, kind=RunKind.EXPORT, state=State.WAITING, trigger="schedule", started_at=timezone.now()
    )
    Step.objects.create(
        run=waiting, name="former_step", state=State.FAILED, message="It broke.", started_at=timezone.now()
    )
    assert sync(integration, kind=RunKind.DATA_FIELDS).state == State.SUCCEEDED
    waiting.refresh_from_db()
    assert (waiting.state, waiting.message) == (State.FAILED, "It broke.")
