"""What is not as it should be is told once, for as long as it lasts, and taken back when it is over.

The kind: an alarm that rings each minute, or never again. Each kind of notification is its own place: it begins, stays
one however often it is seen, ends, and begins anew as another one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from django.utils.translation import override

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.notifications.conditions import found_now
from dotbridge.notifications.kinds import MANNERS, Kind
from dotbridge.notifications.models import Delivery, Notification
from dotbridge.notifications.services import choose, mark_seen, note_conditions
from dotbridge.notifications.texts import over_words, words_of
from dotbridge.sync.models import Absence, Listing, State, SyncRun, Upload, UploadState
from dotbridge.sync.texts import NEW_PROBLEMS
from tests.backoffice.world import World, build_world

LONG = timedelta(days=1)


@pytest.fixture
def world(db: None) -> World:
    made = build_world()
    # Nothing of it is wrong to begin with.
    Upload.objects.filter(state=UploadState.REFUSED).delete()
    run_ended(made.integration, State.SUCCEEDED, RunKind.SYNC)
    return made


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", email="boss@example.com", password="x")


def run_ended(integration: Integration, state: State, kind: RunKind = RunKind.IMPORT, **more: Any) -> SyncRun:
    now = timezone.now()
    times = {"started_at": now, "finished_at": now}
    return SyncRun.objects.create(
        integration=integration, kind=kind, trigger="schedule", state=state, **{**times, **more}
    )


def fail_twice(world: World) -> None:
    for _time in range(2):
        run_ended(world.integration, State.FAILED, message="The network is down.")


def refuse(world: World) -> None:
    run_ended(world.integration, State.FAILED, is_refused=True, message="Dotdigital did not accept the password.")


def stop(world: World) -> None:
    ListConnection.objects.filter(pk=world.link.pk).update(stopped_at=timezone.now(), stopped_rows=495, stopped_of=900)


def let_it_grow_old(world: World) -> None:
    """Nothing was read for three hours, though it is sent."""
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=3))
    run_ended(world.integration, State.SUCCEEDED, RunKind.EXPORT)


def miss_books(world: World) -> None:
    Absence.objects.create(
        integration=world.integration,
        listing=Listing.ADDRESS_BOOKS,
        object_id=world.free_book.pk,
        first_missed_at=timezone.now(),
    )


def refuse_upload(world: World) -> None:
    world.upload.state = UploadState.REFUSED
    world.upload.retry_at = None
    world.upload.save()


def use_up_calls(world: World) -> None:
    run_ended(world.integration, State.SUCCEEDED, RunKind.SYNC, requests=1900)
    RateWindow.objects.create(
        integration=world.integration, tier="general", remaining=100, resets_at=timezone.now() + timedelta(minutes=20)
    )


def mend(world: World) -> None:
    """Everything is well again."""
    run_ended(world.integration, State.SUCCEEDED, RunKind.SYNC)
    ListConnection.objects.update(stopped_at=None)
    Absence.objects.all().delete()
    Upload.objects.filter(state=UploadState.REFUSED).update(retry_at=timezone.now())
    RateWindow.objects.all().delete()


WRONG: dict[Kind, Callable[[World], None]] = {
    Kind.SYNC_FAILING: fail_twice,
    Kind.CREDENTIALS_REFUSED: refuse,
    Kind.BREAKER_WAITING: stop,
    Kind.FEED_OLD: let_it_grow_old,
    Kind.FEED_EMPTY: miss_books,
    Kind.UPLOAD_REFUSED: refuse_upload,
    Kind.QUOTA_NEAR: use_up_calls,
}


def test_every_kind_is_tried() -> None:
    assert set(WRONG) == set(Kind) == set(MANNERS)


def test_nothing_is_told_of_what_is_well(world: World, boss: User) -> None:
    note_conditions()
    assert [each.kind for each in found_now()] == []
    assert not Notification.objects.exists()


@pytest.mark.parametrize("kind", list(Kind))
def test_it_is_told_once_and_taken_back_and_told_anew(world: World, boss: User, kind: Kind) -> None:
    WRONG[kind](world)
    now, manner = timezone.now(), MANNERS[kind]
    note_conditions(now)
    if manner.grace:
        assert not Delivery.objects.exists(), "it may be over in a moment"
    for minute in range(3):
        note_conditions(now + manner.grace + timedelta(minutes=minute))
    (told,) = Notification.objects.filter(kind=kind)
    assert told.deliveries.get().user == boss
    assert told.ended_at is None

    mend(world)
    later = now + manner.grace + timedelta(minutes=4)
    note_conditions(later)
    told.refresh_from_db()
    if manner.calm:
        assert told.ended_at is None, "what comes and goes is one"
    note_conditions(later + manner.calm)
    told.refresh_from_db()
    assert told.ended_at == later + manner.calm
    assert not Notification.objects.filter(ended_at=None).exists()

    WRONG[kind](world)
    again = later + manner.calm + timedelta(minutes=1)
    note_conditions(again)
    note_conditions(again + manner.grace)
    assert Notification.objects.filter(kind=kind, told_at__isnull=False).count() == 2


def test_what_is_over_before_anybody_was_told_is_forgotten(world: World, boss: User) -> None:
    let_it_grow_old(world)
    note_conditions()
    assert Notification.objects.filter(kind=Kind.FEED_OLD, told_at=None).count() == 1
    mend(world)
    note_conditions(timezone.now() + timedelta(minutes=20))
    assert not Notification.objects.exists()


def test_one_failed_run_is_a_hiccup_and_wrong_credentials_are_no_failure(world: World) -> None:
    run_ended(world.integration, State.FAILED)
    assert found_now() == []
    refuse(world)
    assert [each.kind for each in found_now()] == [Kind.CREDENTIALS_REFUSED]


def test_an_account_that_is_switched_off_is_told_of_by_nothing(world: World) -> None:
    for wrong in WRONG.values():
        wrong(world)
    Integration.objects.update(is_active=False)
    assert {each.kind for each in found_now()} <= {Kind.UPLOAD_REFUSED}


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.UPLOAD_REFUSED}))
def test_what_an_account_that_is_switched_off_had_is_over_without_a_word_of_how_it_is(
    world: World, boss: User, kind: Kind
) -> None:
    WRONG[kind](world)
    note_conditions(now=timezone.now() - LONG)
    note_conditions(now=timezone.now() - LONG / 2)
    Integration.objects.update(is_active=False)
    note_conditions()
    told = Notification.objects.get(kind=kind)
    assert told.ended_at is not None
    assert "switched off" in str(over_words(told))


@pytest.mark.parametrize(
    ("state", "more"),
    [(State.INTERRUPTED, {}), (State.WAITING, {"waits_until": timezone.now()})],
    ids=["cut off", "waits for calls"],
)
def test_a_run_that_found_nothing_out_ends_nothing(world: World, state: State, more: dict[str, Any]) -> None:
    refuse(world)
    fail_twice(world)
    run_ended(world.integration, state, **more)
    assert [each.kind for each in found_now()] == [Kind.SYNC_FAILING]
    SyncRun.objects.filter(kind=RunKind.IMPORT).delete()
    refuse(world)
    run_ended(world.integration, state, **more)
    assert [each.kind for each in found_now()] == [Kind.CREDENTIALS_REFUSED]


def test_runs_that_only_wait_for_calls_read_nothing(world: World) -> None:
    let_it_grow_old(world)
    waited = run_ended(world.integration, State.PARTIAL, waits_until=timezone.now())
    assert [each.kind for each in found_now()] == [Kind.FEED_OLD]
    waited.steps.create(name="contacts", state=State.SUCCEEDED, started_at=timezone.now())
    assert found_now() == []


@pytest.mark.parametrize("kind", [Kind.FEED_OLD, Kind.QUOTA_NEAR])
def test_what_was_noted_by_a_wrong_clock_is_told_and_over_in_time(world: World, boss: User, kind: Kind) -> None:
    WRONG[kind](world)
    note_conditions(now=timezone.now() + timedelta(days=400))
    note_conditions()
    told = Notification.objects.get(kind=kind)
    assert told.told_at is not None
    Notification.objects.update(met_at=timezone.now() + timedelta(days=400))
    mend(world)
    note_conditions()
    told.refresh_from_db()
    assert told.ended_at is not None


def test_the_right_to_see_it_decides_who_is_told(world: World, boss: User) -> None:
    seer = User.objects.create_user("seer", password="x", is_staff=True)
    seer.user_permissions.add(Permission.objects.get(codename="view_integration"))
    User.objects.create_user("blind", password="x", is_staff=True)
    gone = User.objects.create_superuser("gone", password="x", is_active=False)
    fail_twice(world)
    stop(world)
    note_conditions()
    told = {(each.notification.kind, each.user.username) for each in Delivery.objects.select_related("user")}
    assert told == {
        (Kind.SYNC_FAILING, "boss"),
        (Kind.BREAKER_WAITING, "boss"),
        (Kind.SYNC_FAILING, "seer"),
    }
    assert gone.username not in {name for _kind, name in told}


def test_a_person_chooses(world: World, boss: User) -> None:
    choose(user=boss, kind=Kind.SYNC_FAILING, is_shown=False, is_mailed=False)
    choose(user=boss, kind=Kind.BREAKER_WAITING, is_shown=False, is_mailed=True)
    fail_twice(world)
    stop(world)
    note_conditions()
    (delivery,) = Delivery.objects.all()
    assert (delivery.notification.kind, delivery.is_shown, delivery.mail) == (Kind.BREAKER_WAITING, False, "waiting")


def test_seen_is_seen_once(world: World, boss: User) -> None:
    stop(world)
    note_conditions()
    assert (mark_seen(user=boss), mark_seen(user=boss)) == (1, 0)


def test_it_costs_the_same_for_many_accounts(world: World, boss: User, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        Integration.objects.create(name=f"Account {number}", username="u", password_sealed="x")
    with django_assert_max_num_queries(12):
        found_now()


def test_old_ones_are_forgotten(world: World, boss: User) -> None:
    stop(world)
    note_conditions(timezone.now() - timedelta(days=200))
    mend(world)
    note_conditions(timezone.now() - timedelta(days=199))
    assert Notification.objects.count() == 1
    note_conditions()
    assert not Notification.objects.exists()


def test_what_a_run_wrote_down_with_a_number_is_said_in_the_readers_language(world: World) -> None:
    for _time in range(2):
        run_ended(world.integration, State.FAILED, message=NEW_PROBLEMS % {"number": 12})
    note_conditions()
    with override("de"):
        assert words_of(Notification.objects.get(kind=Kind.SYNC_FAILING)).text == (
            "Neue Probleme: 12. Die Schritte sagen, warum."
        )
