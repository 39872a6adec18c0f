"""A plan of calls: what it says beside what the account then counts, tier by tier, by both versions of the API.

It may be wrong by what only Dotdigital knows. The bound: never more than two calls of a tier from what is counted where
nothing happened there; and never below, where something did, by more than the calls that read what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import CallLimit, Integration, ProtocolChoice, RateWindow
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import ListType
from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.sync.call_plan import CallPlan, _plan, plan_of_export, plan_of_run
from dotbridge.sync.models import Cursor
from dotbridge.sync.outbound.next_export import ExportKind, next_export
from tests.accounts import RemoteAccount, connect, sync
from tests.sync.campaign_account import add_to_crm, people, send

BOUND = 2


@pytest.fixture(params=["v2", "v3"])
def account(request: pytest.FixtureRequest, integration: Integration) -> Integration:
    integration.protocol = ProtocolChoice(request.param)
    integration.save()
    return integration


def planned(plan: CallPlan) -> dict[str, int]:
    return {each.tier: each.calls for each in plan.tiers}


def counted(remote: RemoteAccount) -> dict[str, int]:
    """The calls that the account has counted since it was last asked this; those without a limit left out."""
    counts = remote.ask("GET", "/_sandbox/calls")["counts"]["tiers"]
    remote.sandbox.clear_calls()
    return {tier: counts.get(tier, 0) for tier in ("low", "medium", "high")}


def differences(plan: Mapping[str, int], calls: Mapping[str, int]) -> dict[str, int]:
    return {tier: calls[tier] - plan[tier] for tier in plan}


def compared(integration: Integration, remote: RemoteAccount, kind: RunKind) -> dict[str, int]:
    """By tier, how many calls a run takes more than its plan has said."""
    collect_changes()
    plan = planned(plan_of_run(integration, kind))
    remote.sandbox.clear_calls()
    sync(integration, kind=kind)
    return differences(plan, counted(remote))


def within_bound(found: Mapping[str, int]) -> bool:
    return all(abs(number) <= BOUND for number in found.values())


@pytest.fixture
def connected(account: Integration, remote: RemoteAccount) -> ListConnection:
    for place in range(4):
        remote.create_book(f"Book {place}")
    return connect(account, book="Book 0")


def many(number: int) -> None:
    add_to_crm([f"person{place}@example.com" for place in range(number)])


def test_a_first_export(account: Integration, remote: RemoteAccount, connected: ListConnection) -> None:
    many(3_500)
    sync(account, kind=RunKind.IMPORT)
    assert plan_of_run(account, RunKind.EXPORT).is_whole
    assert within_bound(compared(account, remote, RunKind.EXPORT))


def settled(account: Integration, remote: RemoteAccount) -> None:
    """All that was sent has come back, and the last reading was a while ago."""
    for _run in range(3):
        sync(account)
        remote.sandbox.advance(400)


def test_a_first_run_that_reads_and_sends(
    account: Integration, remote: RemoteAccount, connected: ListConnection
) -> None:
    many(1_500)
    assert within_bound(compared(account, remote, RunKind.SYNC))


@pytest.mark.parametrize("kind", [RunKind.IMPORT, RunKind.EXPORT, RunKind.SYNC, RunKind.RECONCILE])
def test_a_quiet_run_is_planned_to_the_call(
    account: Integration, remote: RemoteAccount, connected: ListConnection, kind: RunKind
) -> None:
    many(50)
    send(remote, connected.address_book.remote_id)
    settled(account, remote)
    assert compared(account, remote, kind) == {"low": 0, "medium": 0, "high": 0}


def test_a_first_reading_of_a_full_account(account: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    people(remote, 1_300, book=book)
    for name in ("One", "Two"):
        send(remote, book, name=name)
    connect(account, book="Readers")
    # Which campaigns there are is not known before the connected book was asked: at least so many, then.
    assert not plan_of_run(account, RunKind.IMPORT).is_whole
    assert all(number >= 0 for number in compared(account, remote, RunKind.IMPORT).values())
    assert plan_of_run(account, RunKind.IMPORT).is_whole
    # All of it once more, now that its size is known.
    Cursor.objects.exclude(feed="data_fields").delete()
    assert within_bound(compared(account, remote, RunKind.IMPORT))


def test_a_day_on_which_something_happened_on_both_sides(
    account: Integration, remote: RemoteAccount, connected: ListConnection
) -> None:
    many(2_000)
    book = connected.address_book.remote_id
    first = send(remote, book)
    settled(account, remote)
    # Here: known, so planned. There: a campaign with results, which takes its four readings, and some contacts.
    Contact.objects.filter(last_name__endswith="7").update(first_name="Zoe")
    remote.sandbox.send_campaign(first, [book])
    for place in range(20):
        remote.create_contact(f"person{place}@example.com", book=book, FIRSTNAME="Changed there")
    found = compared(account, remote, RunKind.SYNC)
    # A campaign that was sent once more has more pages than one of its three kinds of results.
    assert 0 <= found["low"] <= BOUND + 3 * 4
    assert 0 <= found["medium"] <= BOUND + 1
    assert abs(found["high"]) <= BOUND


def test_an_account_of_which_nothing_is_known_yet(integration: Integration) -> None:
    plan = plan_of_run(integration, RunKind.IMPORT)
    assert not plan.is_whole
    assert plan.calls > 0


def test_the_dry_run_of_a_list_is_what_its_export_takes(
    account: Integration, remote: RemoteAccount, connected: ListConnection
) -> None:
    many(1_200)
    with next_export(connected) as planned_export:
        counts = planned_export.numbers().counts
    plan = plan_of_export(connected, sent=counts[ExportKind.NEW], removed=0)
    remote.sandbox.clear_calls()
    sync(account, kind=RunKind.EXPORT)
    assert within_bound(differences(planned(plan), counted(remote)))


def test_it_takes_as_many_statements_however_much_there_is(
    account: Integration, remote: RemoteAccount, connected: ListConnection
) -> None:
    many(10)
    settled(account, remote)

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            plan_of_run(account, RunKind.SYNC)
        return len(captured)

    before = statements()
    remote.sandbox.clear_calls()
    for place in range(3):
        send(remote, remote.create_book(f"More {place}"), name=f"Campaign {place}")
    sync(account)
    for link_number in range(1, 4):
        connect(account, book=f"Book {link_number}")
    sync(account)
    assert statements() == before <= 8


def test_the_members_of_lists_never_sent_are_counted_at_once(
    account: Integration, remote: RemoteAccount, connected: ListConnection
) -> None:
    many(10)
    with CaptureQueriesContext(connection) as one:
        assert plan_of_run(account, RunKind.EXPORT).is_whole
    for place in range(1, 4):
        link = connect(account, book=f"Book {place}")
        assert link.marketing_list.type == ListType.DYNAMIC
    with CaptureQueriesContext(connection) as four:
        plan_of_run(account, RunKind.EXPORT)
    assert len(four) == len(one)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("left", "calls_a_minute", "seconds_left", "wanted"),
    [
        (100, 35, 40, 0),  # all are left
        (99, 35, 40, 40),  # one more, in the next window
        (None, 100, None, 0),  # nobody has called lately, and a window holds them all
        (30, 35, 40, 40 + 60),  # 70 more, two windows: the next one, and another minute
        (0, 35, 40, 40 + 2 * 60),
        (None, 35, None, 60 + 60),  # nobody has called lately: a whole window now
        (None, None, None, None),  # the account has never said
    ],
)
def test_how_long_it_takes(
    left: int | None, calls_a_minute: int | None, seconds_left: int | None, wanted: int | None
) -> None:
    integration = create_integration(name="Limited", username="u", password="p")
    if calls_a_minute is not None:
        CallLimit.objects.create(integration=integration, tier="low", allowed=calls_a_minute)
        CallLimit.objects.create(integration=integration, tier="high", allowed=1_000)
    if left is not None and seconds_left is not None:
        RateWindow.objects.create(
            integration=integration,
            tier="low",
            remaining=left,
            resets_at=timezone.now() + timedelta(seconds=seconds_left),
        )
    now = timezone.now()
    plan = _plan(integration, {"low": 100, "high": 2}, is_whole=True)
    assert plan.calls == 102
    assert (plan.seconds is None) == (wanted is None)
    if plan.seconds is not None and wanted is not None:
        assert abs(plan.seconds - wanted) <= (1 if wanted else 0)
        assert plan.is_short == (wanted > 0)
        assert plan.minutes == -(-plan.seconds // 60)
    assert plan.made_at >= now
