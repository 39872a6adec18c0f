"""The numbers of lists on the pages: exact where counting is quick, kept with their age where it is not.

The kind of fault held down here: a page that says nothing, or holds everybody up, because a list is large. Seen as a
list of a million that was counted for eight seconds at each look and never had a number; its other places are Home,
the overview, a count that no worker ends either, and kept numbers that are of before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge import jobs
from dotbridge.backoffice import counting
from dotbridge.backoffice.counting import standing_of
from dotbridge.backoffice.reads import home
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact as Person
from dotbridge.lists.counting import COUNT_TASK, keep_counts, keep_try, request_count
from dotbridge.lists.models import ListCount, ListType, MarketingList
from dotbridge.lists.services import (
    create_list,
    delete_list,
    remove_records,
    restore_records,
    unsubscribe_records,
    update_list,
)
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.sync.models import ExportItem, State, SyncRun
from tests.backoffice.conftest import texts
from tests.backoffice.test_lists import page_of
from tests.backoffice.world import World

NOBODY = {"rules": [{"field": "last_name", "operator": "=", "value": "nobody"}]}
NO_WORKER = "It waits to be counted: no worker is running."


@pytest.fixture
def everything_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quick a count was, it was not quick enough."""
    monkeypatch.setattr(counting, "QUICK_MILLISECONDS", -1)


@pytest.fixture
def crowd(world: World) -> MarketingList:
    """A connected list that is not counted in a millisecond, of a list that nobody has counted yet."""
    Person.objects.bulk_create(Person(first_name="x", last_name="Crowd") for _ in range(5_000))
    return world.marketing_list


def a_worker_lives() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")


def counts_asked_for() -> list[int]:
    return sorted(ProcrastinateJob.objects.filter(task_name=COUNT_TASK).values_list("args__list_id", flat=True))


def do_the_counts() -> int:
    """Whatever waits to be counted is counted, as the worker does it. How many that were."""
    waiting = ProcrastinateJob.objects.filter(task_name=COUNT_TASK)
    for job in list(waiting):
        app.tasks[job.task_name].func(**job.args)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s", [COUNT_TASK])
        return int(cursor.rowcount)


def bar(client: Client, marketing_list: MarketingList, **query: str) -> Any:
    return client.get(page_of(marketing_list, "list-bar"), {"whole": "yes", **query})


def total(client: Client, marketing_list: MarketingList) -> int:
    return int(bar(client, marketing_list).context["standing"].total)


def as_stored(marketing_list: MarketingList) -> MarketingList:
    return MarketingList.objects.get(pk=marketing_list.pk)


def make_older(marketing_list: MarketingList, age: timedelta) -> None:
    """The numbers of the list were counted so long ago, and nothing has happened to it since."""
    then = timezone.now() - age
    ListCount.objects.filter(pk=marketing_list.pk).update(counted_at=then, tried_at=then)
    MarketingList.objects.filter(pk=marketing_list.pk).update(updated_at=then - age)
    ListConnection.objects.filter(marketing_list=marketing_list).update(created_at=then - age)
    SyncRun.objects.update(finished_at=then - age)


@contextmanager
def another_page_counts(marketing_list: MarketingList) -> Iterator[None]:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock({LOCK_KEY})", [f"dotbridge.count.{marketing_list.pk}"])
        yield
    finally:
        other.close()


def test_a_small_list_is_counted_at_each_look(back_office: Client, world: World) -> None:
    """Nothing of what was kept is shown, and no age is said, however old what was kept may be."""
    assert total(back_office, world.marketing_list) == 5
    make_older(world.marketing_list, timedelta(days=1))
    Person.objects.create(first_name="New")
    page = bar(back_office, world.marketing_list)
    assert page.context["standing"].total == 6
    for words in ("Counted", "Count again", "every 2s", "being counted"):
        assert words not in texts(page)
    assert counts_asked_for() == []
    # For the day on which it is small no more.
    assert sum(ListCount.objects.get(pk=world.marketing_list.pk).numbers.values()) == 6


def test_who_waits_in_a_small_list_is_right_as_soon_as_a_run_has_ended(back_office: Client, world: World) -> None:
    ExportItem.objects.filter(email_key="ann.0@example.com").delete()
    assert bar(back_office, world.marketing_list).context["standing"].numbers[Standing.WAITING] == 1
    ExportItem.objects.filter(email_key="ann.1@example.com").update(email_key="ann.0@example.com", reason="")
    assert bar(back_office, world.marketing_list).context["standing"].numbers[Standing.IN_STEP] == 1


def test_a_slow_list_shows_what_was_kept_with_its_age(
    back_office: Client, world: World, everything_is_slow: None
) -> None:
    first = bar(back_office, world.marketing_list)
    assert first.context["standing"].total == 5
    assert "just now" in texts(first)
    make_older(world.marketing_list, timedelta(minutes=4))
    Person.objects.create(first_name="New")
    page = bar(back_office, world.marketing_list)
    assert page.context["standing"].total == 5
    assert 'title="' in texts(page)
    assert "4\xa0minutes ago</time>." in texts(page)
    assert "Count again" in texts(page)
    assert "every 2s" not in texts(page)
    assert counts_asked_for() == []
    # The overview says the age too, and leaves the button to the list's own page.
    overview = texts(back_office.get(page_of(world.marketing_list, "list-bar")))
    assert "4\xa0minutes ago" in overview
    assert "Count again" not in overview


def test_kept_numbers_are_those_that_were_counted(world: World, everything_is_slow: None) -> None:
    """One definition of a number: the page's own count, the worker's, and what is shown of either are the same."""
    for marketing_list in (world.marketing_list, world.unconnected):
        own = standing_of(marketing_list)
        kept = standing_of(marketing_list)
        counting.count_and_keep(marketing_list)
        of_worker = standing_of(marketing_list)
        assert kept.numbers == of_worker.numbers == own.numbers
        # The parts of a bar stay in their places.
        assert list(kept.numbers) == list(own.numbers)
        assert kept.total == Person.objects.count()
        assert kept.leaving == own.leaving


def a_run_ends(world: World) -> None:
    now = timezone.now()
    SyncRun.objects.create(
        integration=world.integration, kind=RunKind.EXPORT, state=State.SUCCEEDED, started_at=now, finished_at=now
    )


CHANGES = {
    "a run ends": a_run_ends,
    "the rule": lambda world: update_list(marketing_list=world.marketing_list, rule=NOBODY),
    "somebody is taken off": lambda world: remove_records(
        marketing_list=world.marketing_list, record_ids=[world.people[0].pk]
    ),
    "somebody is put back": lambda world: restore_records(
        marketing_list=world.marketing_list, record_ids=[world.people[3].pk]
    ),
    "somebody opts out": lambda world: unsubscribe_records(
        marketing_list=world.marketing_list, record_ids=[world.people[0].pk]
    ),
    "time": lambda world: make_older(world.marketing_list, timedelta(minutes=6)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_numbers_older_than_what_changed_them_are_counted_anew(
    back_office: Client, world: World, everything_is_slow: None, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """By the worker, once however many look; what is on the page stays there until the newer numbers come."""
    a_worker_lives()
    total(back_office, world.marketing_list)
    make_older(world.marketing_list, timedelta(minutes=4))
    assert "Count again" in texts(bar(back_office, world.marketing_list))
    assert counts_asked_for() == []
    CHANGES[change](world)
    # Also a page's own try, which a changed rule is worth, comes to nothing.
    Person.objects.bulk_create(Person(first_name="x", last_name="nobody") for _ in range(5_000))
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1)
    for _look in range(2):
        page = bar(back_office, world.marketing_list)
        assert page.context["standing"].total == 5
        assert "It is being counted again…" in texts(page)
        assert 'hx-trigger="every 2s"' in texts(page)
    assert counts_asked_for() == [world.marketing_list.pk]
    assert bar(back_office, world.marketing_list, waits="yes").status_code == 204
    assert do_the_counts() == 1
    page = bar(back_office, world.marketing_list, waits="yes")
    assert page.context["standing"].total == (5_000 if change == "the rule" else 5_005)
    assert "just now" in texts(page)
    assert "every 2s" not in texts(page)
    assert counts_asked_for() == []


def test_looking_again_ends_also_where_a_run_has_ended_meanwhile(
    back_office: Client, world: World, everything_is_slow: None
) -> None:
    """Where each count takes as long as it is from run to run, the page would else never be done."""
    a_worker_lives()
    total(back_office, world.marketing_list)
    back_office.post(page_of(world.marketing_list, "list-count"))
    do_the_counts()
    a_run_ends(world)
    page = bar(back_office, world.marketing_list, waits="yes")
    assert page.context["standing"].total == 5
    assert "every 2s" not in texts(page)
    assert counts_asked_for() == []
    assert "every 2s" in texts(bar(back_office, world.marketing_list))


@pytest.mark.parametrize("kind", [RunKind.CHANGES, RunKind.DATA_FIELDS])
def test_runs_that_move_nobody_ask_for_no_count(world: World, everything_is_slow: None, kind: RunKind) -> None:
    standing_of(world.marketing_list)
    make_older(world.marketing_list, timedelta(minutes=4))
    now = timezone.now()
    SyncRun.objects.create(
        integration=world.integration, kind=kind, state=State.SUCCEEDED, started_at=now, finished_at=now
    )
    assert not standing_of(as_stored(world.marketing_list)).is_awaited
    a_run_ends(world)
    assert standing_of(as_stored(world.marketing_list)).is_awaited


def test_a_large_list_that_nobody_counted_yet_is_counted_by_the_worker(
    back_office: Client, crowd: MarketingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1)
    page = texts(bar(back_office, crowd))
    assert NO_WORKER in page
    assert "every 2s" not in page
    a_worker_lives()
    page = texts(bar(back_office, crowd))
    assert "This list is being counted. Its numbers come by themselves." in page
    assert 'hx-trigger="every 2s"' in page
    assert counts_asked_for() == [crowd.pk]
    assert bar(back_office, crowd, waits="yes").status_code == 204
    do_the_counts()
    # The page has no time for it, the worker had: it took him less than a second, so it is counted at each look again.
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1_000)
    assert total(back_office, crowd) == Person.objects.count() == 5_005


def test_no_page_tries_twice_to_count_a_slow_list(crowd: MarketingList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1)
    standing_of(crowd)
    # Had it all the time of the world now, it would not count.
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 60_000)
    found = standing_of(crowd)
    assert (found.numbers, found.is_awaited) == ({}, True)


def test_two_pages_do_not_count_one_new_list_at_once(back_office: Client, world: World) -> None:
    with another_page_counts(world.unconnected):
        page = bar(back_office, world.unconnected)
        assert page.context["standing"].numbers == {}
        assert "This list is being counted" in texts(page)
        assert 'hx-trigger="every 2s"' in texts(page)
        assert counts_asked_for() == []
    assert bar(back_office, world.unconnected, waits="yes").context["standing"].total == 5


def test_a_count_that_the_worker_gives_up_is_said_and_not_tried_at_each_look(
    back_office: Client, crowd: MarketingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1)
    monkeypatch.setattr(counting, "WORKER_MILLISECONDS", 1)
    a_worker_lives()
    bar(back_office, crowd)
    do_the_counts()
    for _look in range(2):
        page = texts(bar(back_office, crowd))
        assert "takes too long, also for the worker" in page
        assert "Count again" in page
        assert "every 2s" not in page
    SyncRun.objects.update(finished_at=timezone.now())
    bar(back_office, crowd)
    assert counts_asked_for() == []
    # An hour later, or once somebody has made the rule simpler, it is worth another try.
    make_older(crowd, timedelta(minutes=61))
    ListCount.objects.update(counted_at=None)
    assert "being counted" in texts(bar(back_office, crowd))
    do_the_counts()
    update_list(marketing_list=crowd, rule={"rules": [{"field": "last_name", "operator": "=", "value": "Bee 1"}]})
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 1_000)
    assert total(back_office, crowd) == 1


def test_a_count_that_died_is_not_tried_at_each_look(
    world: World, everything_is_slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database went away in the middle of it, or the worker was killed: the job has failed, and says nothing."""
    standing_of(world.marketing_list)
    make_older(world.marketing_list, timedelta(minutes=6))
    ListCount.objects.update(tried_at=timezone.now())
    found = standing_of(as_stored(world.marketing_list))
    assert (found.total, found.is_awaited, found.problem) == (5, False, "")


def test_a_person_asks_for_a_count(back_office: Client, world: World, everything_is_slow: None) -> None:
    total(back_office, world.marketing_list)
    Person.objects.create(first_name="New")
    address = page_of(world.marketing_list, "list-count")
    assert back_office.get(address).status_code == 405
    assert NO_WORKER in texts(back_office.post(f"{address}?whole=yes&show=refused"))
    a_worker_lives()
    for _press in range(2):
        page = back_office.post(f"{address}?whole=yes&show=refused")
        assert page.context["standing"].total == 5
        assert "It is being counted again…" in texts(page)
        assert 'aria-current="true"' in texts(page)
    assert do_the_counts() == 1
    assert total(back_office, world.marketing_list) == 6


def test_counting_again_needs_the_right_to_see_lists(logged_in: Any, world: World) -> None:
    address = page_of(world.marketing_list, "list-count")
    assert logged_in("crm.view_contact").post(address).status_code == 403
    assert counts_asked_for() == []
    assert logged_in("dotbridge_lists.view_marketinglist").post(address).status_code == 200


def test_numbers_of_another_connection_are_not_shown(world: World, everything_is_slow: None) -> None:
    """Who could be mailed before is not in step now, and who was in step with one book is not with the next."""
    assert Standing.MAILABLE in standing_of(world.unconnected).numbers
    link = connect_list(marketing_list=world.unconnected, address_book=world.free_book)
    connected = as_stored(world.unconnected)
    found = standing_of(connected)
    assert (found.numbers, found.is_awaited) == ({}, True)
    do_the_counts()
    assert standing_of(connected).numbers[Standing.WAITING] == 5
    ListConnection.objects.filter(pk=link.pk).update(created_at=timezone.now())
    assert standing_of(as_stored(connected)).numbers == {}
    ListConnection.objects.filter(pk=link.pk).delete()
    assert standing_of(as_stored(connected)).numbers == {}


def test_a_rule_that_cannot_be_read_is_said_at_once_of_a_slow_list_too(
    back_office: Client, world: World, everything_is_slow: None
) -> None:
    total(back_office, world.marketing_list)
    MarketingList.objects.update(rule={"rules": [{"field": "lost", "operator": "="}]})
    page = texts(bar(back_office, world.marketing_list))
    assert "lost" in page
    assert "Count again" not in page
    counting.count_and_keep(as_stored(world.marketing_list))
    assert "lost" in ListCount.objects.get(pk=world.marketing_list.pk).problem


def test_home_sums_what_is_counted_and_what_was_kept(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list is left out because another one is slow: a slow one costs nothing, and a small one is of the moment."""
    slow, small = world.marketing_list, world.unconnected
    connect_list(marketing_list=small, address_book=world.free_book)
    counting.count_and_keep(slow)
    ListCount.objects.filter(pk=slow.pk).update(milliseconds=9_000)
    make_older(slow, timedelta(minutes=4))
    Person.objects.create(first_name="New")
    page = back_office.get(reverse("dotbridge:home-lists"))
    found = page.context["found"]
    assert {line[0].pk: line[1].total for line in found.lines} == {slow.pk: 5, small.pk: 6}
    assert sum(figure.number for figure in found.figures) == sum(
        line[1].numbers[state]
        for line in found.lines
        for state in (Standing.IN_STEP, Standing.WAITING, Standing.REFUSED, Standing.OPTED_OUT)
    )
    assert "The oldest of these numbers were counted" in texts(page)
    assert "every 4s" not in texts(page)
    # A run of an account has not all of its large lists counted because somebody looks at Home; their age does.
    a_run_ends(world)
    back_office.get(reverse("dotbridge:home-lists"))
    assert counts_asked_for() == []
    make_older(slow, timedelta(minutes=6))
    back_office.get(reverse("dotbridge:home-lists"))
    assert counts_asked_for() == [slow.pk]
    make_older(slow, timedelta(minutes=2))
    assert "The oldest of these numbers" not in texts(back_office.get(reverse("dotbridge:home-lists")))


def test_home_without_time_shows_what_was_kept_and_has_the_rest_counted(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_worker_lives()
    connect_list(marketing_list=world.unconnected, address_book=world.free_book)
    standing_of(world.marketing_list)
    make_older(world.marketing_list, timedelta(minutes=2))
    monkeypatch.setattr(home, "COUNTING_SECONDS", 0.0)
    page = back_office.get(reverse("dotbridge:home-lists"))
    assert "1 list is not counted yet, so the figures are without it." in texts(page)
    assert 'hx-trigger="every 4s"' in texts(page)
    assert counts_asked_for() == [world.unconnected.pk]
    assert back_office.get(reverse("dotbridge:home-lists"), {"waits": "yes"}).status_code == 204
    do_the_counts()
    page = back_office.get(reverse("dotbridge:home-lists"), {"waits": "yes"})
    assert page.context["found"].uncounted == 0
    assert [line[1].total for line in page.context["found"].lines] == [5, 5]
    assert "every 4s" not in texts(page)


def test_home_counts_first_what_was_counted_longest_ago(world: World) -> None:
    """Where there is time for some lists only, these are others each time, also without a worker."""
    lists = [world.marketing_list, world.unconnected]
    for each in lists:
        counting.count_and_keep(each)
    for each in lists:
        make_older(each, timedelta(hours=1))
        assert next(iter(counting.standings_of(lists, seconds=0))) == each.pk
        counting.count_and_keep(each)
    never = create_list(name="Never", entity="crm.contact")
    assert next(iter(counting.standings_of([*lists, never], seconds=0))) == never.pk


def test_what_is_kept_of_a_list_goes_with_it(world: World, everything_is_slow: None) -> None:
    gone = create_list(name="Gone", entity="crm.contact", type=ListType.MANUAL)
    standing_of(gone)
    request_count(list_id=gone.pk)
    key = gone.pk
    assert ListCount.objects.filter(pk=key).exists()
    delete_list(marketing_list=gone)
    assert not ListCount.objects.filter(pk=key).exists()
    assert do_the_counts() == 1
    keep_counts(numbers={key: ({}, 0)}, counted_at=timezone.now(), milliseconds=1)
    assert not ListCount.objects.filter(pk=key).exists()


def test_a_count_that_began_earlier_replaces_no_later_one(world: World) -> None:
    now = timezone.now()
    for moment, number in ((now, 2), (now - timedelta(minutes=1), 1)):
        keep_counts(numbers={world.unconnected.pk: ({"mailable": number}, 0)}, counted_at=moment, milliseconds=1)
    assert ListCount.objects.get(pk=world.unconnected.pk).numbers == {"mailable": 2}


def test_the_worker_knows_the_job(world: World) -> None:
    request_count(list_id=world.marketing_list.pk)
    assert jobs.count_list.name == COUNT_TASK
    assert do_the_counts() == 1
    assert ListCount.objects.get(pk=world.marketing_list.pk).counted_at is not None


def test_the_few_of_a_long_list_are_looked_for_once_the_page_stands(back_office: Client, world: World) -> None:
    page = reverse("dotbridge:list", args=[world.marketing_list.pk])
    keep_try(list_id=world.marketing_list.pk, tried_at=timezone.now(), milliseconds=counting.QUICK_MILLISECONDS + 1)
    assert 'id="people"' in texts(back_office.get(page)), "everybody stands in the order of the keys, which is quick"
    for asked in ("show=waiting", "q=example.com"):
        found = texts(back_office.get(f"{page}?{asked}"))
        assert "They are looked for…" in found
        assert f'hx-get="?{asked.replace("&", "&amp;")}&amp;now=yes"' in found
        assert "They are looked for…" not in texts(back_office.get(f"{page}?{asked}&now=yes"))
