"""Where calls are short, who must not be mailed comes first, then the exports, then everything else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import RUN_TASK, request_run
from dotbridge.integrations.models import CallLimit, Integration, ProtocolChoice
from dotbridge.queues import WAITED_RANK, Queue
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import Cursor, State, SyncRun, Turn
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.sync.campaign_account import people, send


@pytest.fixture(params=["v2", "v3"])
def link(request: pytest.FixtureRequest, integration: Integration, remote: RemoteAccount) -> ListConnection:
    integration.protocol = ProtocolChoice(request.param)
    integration.save()
    remote.create_book("Another")
    book = remote.create_book("Readers")
    people(remote, 3, book=book)
    send(remote, book)
    made = connect(integration, book="Readers")
    sync(integration)
    return made


def make_short(integration: Integration) -> None:
    """A window has fewer heavy calls than a run needs, by what the account has said; nobody has to wait for one yet."""
    CallLimit.objects.create(integration=integration, tier="low", allowed=1)


def order(run: SyncRun) -> list[str]:
    return [step.name for step in run.steps.order_by("pk")]


def test_consent_then_exports_then_results(integration: Integration, link: ListConnection) -> None:
    add_contact("new@example.com")
    assert order(sync(integration)).index("campaign_opens") < order(sync(integration)).index("uploads")
    make_short(integration)
    Cursor.objects.filter(feed__in=["unsubscribes", "suppressions"]).delete()
    done = order(sync(integration))
    last_of_consent = max(done.index(name) for name in ("unsubscribes", "suppressions", "consent"))
    assert done[0] == "address_books"
    assert last_of_consent < done.index("uploads") < done.index("campaign_summaries") < done.index("other_contacts")
    if integration.protocol == ProtocolChoice.V3:
        assert done.index("events") < done.index("contacts") < done.index("uploads")
    else:
        assert done.index("uploads") < done.index("contacts")


def test_consent_that_was_read_by_a_wrong_clock_comes_first_too(integration: Integration, link: ListConnection) -> None:
    make_short(integration)
    feeds = Cursor.objects.filter(feed__in=["unsubscribes", "suppressions"])
    feeds.update(position=F("position") + timedelta(days=400))
    done = order(sync(integration))
    assert max(done.index("unsubscribes"), done.index("suppressions")) < done.index("uploads")


def test_with_calls_enough_the_order_is_as_ever(integration: Integration, link: ListConnection) -> None:
    usual = order(sync(integration))
    CallLimit.objects.create(integration=integration, tier="low", allowed=350)
    assert order(sync(integration)) == usual


def test_an_import_lets_an_export_go_that_waited_for_calls(integration: Integration, link: ListConnection) -> None:
    waited = SyncRun.objects.create(
        integration=integration,
        kind=RunKind.EXPORT,
        trigger="schedule",
        state=State.WAITING,
        started_at=timezone.now() - timedelta(minutes=1),
        waits_until=timezone.now() - timedelta(seconds=1),
    )
    Turn.objects.create(integration=integration, step="contacts", object_id=0, is_rest=True)
    Cursor.objects.filter(feed="unsubscribes").delete()
    ProcrastinateJob.objects.filter(task_name=RUN_TASK).delete()
    request_run(integration=integration, kind=RunKind.EXPORT, trigger="schedule")

    run = run_sync(integration=integration, kind=RunKind.IMPORT, trigger="schedule")

    done = order(run)
    assert "unsubscribes" in done
    assert done[-1] == "exports_first"
    assert "campaign_summaries" not in done
    assert "goes first" in run.message
    jobs = ProcrastinateJob.objects.filter(task_name=RUN_TASK, args__integration_id=integration.pk, status="todo")
    ranks = {job.args["kind"]: job.priority for job in jobs}
    assert ranks["export"] == Queue.SYNC.priority(WAITED_RANK) > ranks["import"]
    assert sync(integration, kind=RunKind.EXPORT).state == State.SUCCEEDED
    waited.refresh_from_db()
    assert waited.state == State.PARTIAL
    done = order(run_sync(integration=integration, kind=RunKind.IMPORT, trigger="schedule"))
    assert "exports_first" not in done
    assert "campaign_summaries" in done


def test_what_a_person_asks_for_does_not_stand_back(integration: Integration, link: ListConnection) -> None:
    SyncRun.objects.create(
        integration=integration,
        kind=RunKind.EXPORT,
        trigger="schedule",
        state=State.WAITING,
        started_at=timezone.now(),
        waits_until=timezone.now() - timedelta(seconds=1),
    )
    Turn.objects.create(integration=integration, step="contacts", object_id=0, is_rest=True)
    steps = steps_of(run_sync(integration=integration, kind=RunKind.IMPORT, trigger="person"))
    assert "exports_first" not in steps
    assert "campaign_summaries" in steps
