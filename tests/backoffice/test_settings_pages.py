"""Settings that are chosen on pages: each is said once, validated, and changes what it is there for.

The kind: a setting that is stored and does nothing, or does something else than its page says. Each test changes one on
the page and looks at what follows: which minutes runs are asked for, what is deleted, which steps a run has, who a mail
is from, which language and which time a page shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge import jobs
from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.pages.account_forms import AccountSettingsForm
from dotbridge.backoffice.pages.setting_forms import GROUPS
from dotbridge.backoffice.reads.accounts import feeds_of
from dotbridge.choosable import BY_NAME, CHOOSABLE
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import RUN_TASK
from dotbridge.notifications.conditions import found_now
from dotbridge.notifications.models import Choice
from dotbridge.notifications.services import note_conditions
from dotbridge.preferences.durations import duration_words
from dotbridge.preferences.models import SiteSetting
from dotbridge.preferences.selectors import setting
from dotbridge.preferences.services import choose_settings
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import State, SyncRun
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue


def url(name: str, *args: Any) -> str:
    return reverse(f"dotbridge:{name}", args=args)


def form(**changed: str) -> dict[str, str]:
    """What the page sends when nothing but these was touched."""
    sent = {}
    for _title, some in GROUPS:
        for shown in some:
            value = setting(shown.name)
            if isinstance(value, bool):
                sent |= {shown.name: "on"} if value else {}
            else:
                sent[shown.name] = duration_words(value) if shown.name.endswith("_seconds") else str(value)
    return {name: text for name, text in (sent | changed).items() if text != "off"}


def save(client: Client, **changed: str) -> None:
    answer = client.post(url("site-settings"), form(**changed))
    assert answer.status_code == 302, texts(answer)


def test_every_setting_stands_on_the_page_once() -> None:
    shown = [each.name for _title, some in GROUPS for each in some]
    assert sorted(shown) == sorted(each.name for each in CHOOSABLE)


def test_saving_what_is_there_stores_nothing(back_office: Client) -> None:
    save(back_office)
    assert not SiteSetting.objects.exists()


def test_the_database_wins_over_the_environment_until_it_is_taken_back(back_office: Client, settings: Any) -> None:
    settings.DOTBRIDGE = {**settings.DOTBRIDGE, "KEEP_RUNS_DAYS": 30}
    assert setting("keep_runs_days") == 30
    save(back_office, keep_runs_days="7")
    assert setting("keep_runs_days") == 7
    assert "By default: 30" in texts(back_office.get(url("site-settings")))
    save(back_office, keep_runs_days="")
    assert setting("keep_runs_days") == 30
    changes = AuditEntry.objects.filter(model="dotbridge_preferences.sitesetting").order_by("id")
    assert [(entry.actor, entry.changes.get("value")) for entry in changes] == [
        ("mona", [None, "7"]),
        ("mona", ["7", None]),
    ]
    assert "keep_runs_days" in texts(back_office.get(url("site-settings")))


GOOD = [("10 minutes", 600), ("1 h 30 min", 5400), ("1 day", 86_400), ("1.5 hours", 5400), ("90 seconds", 90)]
BAD = [
    "10",
    "soon",
    "-4 minutes",
    "2 days",
    "30 seconds",
    "4 fortnights",
    "minutes",
    "1e9 days",
    "٤ minutes",
    "4 minutes;",
]


@pytest.mark.parametrize(("text", "seconds"), GOOD)
def test_lengths_of_time_are_written_as_people_do(back_office: Client, text: str, seconds: int) -> None:
    save(back_office, import_every_seconds=text)
    assert setting("import_every_seconds") == seconds


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_is_said_with_an_example_and_nothing_is_lost(back_office: Client, text: str) -> None:
    refused = back_office.post(url("site-settings"), form(import_every_seconds=text, sender_name="Kept"))
    assert refused.status_code == 200
    page = texts(refused)
    assert "from 1 minute to 1 day, such as 90 seconds, 1 h 30 min or 1 day" in page
    assert 'value="Kept"' in page
    assert not SiteSetting.objects.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keep_runs_days", "0"),
        ("keep_events_days", "for ever"),
        ("sender_email", "nobody"),
        ("sender_email", "a@b.c,d@e.f"),
        ("sender_email", "news@example..com"),
        ("sender_email", "jürgen@example.com"),
    ],
)
def test_other_values_are_checked_as_well(back_office: Client, name: str, text: str) -> None:
    assert back_office.post(url("site-settings"), form(**{name: text})).status_code == 200
    assert not SiteSetting.objects.exists()


def test_a_stored_value_that_is_not_allowed_any_more_does_not_count(db: None) -> None:
    SiteSetting.objects.create(name="keep_runs_days", value="for ever")
    assert setting("keep_runs_days") == BY_NAME["keep_runs_days"].default
    with pytest.raises(ValueError, match="soon"):
        choose_settings(chosen={"import_every_seconds": "soon"})


def asked_for(task: Any, minutes: range) -> list[int]:
    """In which minutes the schedule asks for runs."""
    found = []
    for minute in minutes:
        empty_queue()
        task.func(timestamp=minute * 60)
        if ProcrastinateJob.objects.filter(task_name=RUN_TASK).exists():
            found.append(minute)
    return found


@pytest.mark.parametrize(
    ("task", "name", "before", "after"),
    [
        (jobs.schedule_import, "import_every_seconds", [0, 4, 8], [0, 7]),
        (jobs.schedule_export, "export_every_seconds", [2, 6, 10], [2, 9]),
        (jobs.schedule_changes, "changes_every_seconds", [0, 5, 10], [0, 7]),
    ],
)
def test_the_schedule_follows_the_settings(
    back_office: Client, world: World, task: Any, name: str, before: list[int], after: list[int]
) -> None:
    assert asked_for(task, range(12)) == before
    save(back_office, **{name: "7 minutes"})
    assert asked_for(task, range(12)) == after
    save(back_office, **{name: "1 minute"})
    assert asked_for(task, range(3)) == [0, 1, 2]


def test_the_page_of_the_account_knows_when_the_next_run_is_due(back_office: Client, world: World) -> None:
    now = timezone.now()
    run = SyncRun.objects.create(
        integration=world.integration,
        kind=RunKind.SYNC,
        trigger="x",
        state=State.SUCCEEDED,
        started_at=now,
        finished_at=now,
    )
    save(back_office, import_every_seconds="2 hours")
    assert feeds_of(world.integration)[0].next == run.finished_at + timedelta(hours=2)


def test_what_is_old_follows_the_schedule(back_office: Client, world: World) -> None:
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(hours=3), state=State.SUCCEEDED)
    assert "feed_old" in {each.kind for each in found_now()}
    save(back_office, import_every_seconds="1 hour", export_every_seconds="1 hour")
    assert "feed_old" not in {each.kind for each in found_now()}


def test_what_is_kept_follows_the_settings(back_office: Client, world: World) -> None:
    then = timezone.now() - timedelta(days=10)
    for _number in range(3):
        SyncRun.objects.create(
            integration=world.integration,
            kind=RunKind.IMPORT,
            trigger="x",
            state=State.SUCCEEDED,
            started_at=then,
            finished_at=then,
        )
    number = SyncRun.objects.count()
    jobs.delete_old_records.func(timestamp=0)
    assert SyncRun.objects.count() == number
    save(back_office, keep_runs_days="5")
    jobs.delete_old_records.func(timestamp=0)
    assert SyncRun.objects.count() < number


@pytest.fixture
def steps_of(integration: Any, remote: Any) -> Callable[[], set[str]]:
    def run() -> set[str]:
        done = run_sync(integration=integration, kind=RunKind.IMPORT, trigger="test")
        assert done.state == State.SUCCEEDED, done.message
        return {step.name for step in done.steps.all()}

    return run


def test_switches_leave_out_the_steps_and_the_entry(steps_of: Callable[[], set[str]]) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("mona", password="x"), "django.contrib.auth.backends.ModelBackend")
    everything = steps_of()
    assert {"campaigns", "marketing_activities"} <= everything
    save(client, reads_activities="off")
    assert everything - steps_of() == {"marketing_activities"}
    save(client, reads_campaigns="off")
    left_out = everything - steps_of()
    assert {"campaigns", "campaign_opens", "campaign_clicks", "marketing_activities"} <= left_out
    assert {"address_books", "contacts"} & left_out == set()
    menu = texts(client.get(url("home")))
    assert f'href="{url("campaigns")}"' not in menu
    save(client, reads_campaigns="on")
    assert f'href="{url("campaigns")}"' in texts(client.get(url("home")))


def test_who_may_only_see_changes_nothing(world: World, logged_in: Callable[..., Client]) -> None:
    viewer = logged_in("dotbridge_preferences.view_sitesetting")
    page = texts(viewer.get(url("site-settings")))
    assert "disabled" in page
    assert viewer.post(url("site-settings"), form(keep_runs_days="1")).status_code == 403
    assert logged_in().get(url("site-settings")).status_code == 403
    assert not SiteSetting.objects.exists()


def look(client: Client, **chosen: str) -> None:
    sent = {"form": "look", "language": "", "time_zone": "", "theme": "auto", **chosen}
    assert client.post(url("my-settings"), sent).status_code == 302


def test_the_time_zone_is_the_persons(back_office: Client, world: World) -> None:
    SyncRun.objects.update(
        started_at=datetime(2026, 7, 1, 12, tzinfo=UTC), finished_at=datetime(2026, 7, 1, 12, tzinfo=UTC)
    )
    address = url("run", world.run.pk)
    assert "12" in texts(back_office.get(address))
    before = texts(back_office.get(address))
    look(back_office, time_zone="Asia/Tokyo")
    after = texts(back_office.get(address))
    assert "noon" in before or "12:00" in before
    assert "9 p.m." in after or "21:00" in after


def test_the_language_is_the_persons_on_pages_and_tables(back_office: Client, world: World) -> None:
    assert back_office.get(url("home"))["Content-Language"].startswith("en")
    look(back_office, language="de")
    page = back_office.get(url("home"))
    assert page["Content-Language"] == "de"
    assert '<html lang="de"' in texts(page)
    table = back_office.get(reverse("dotbridge_tables:auth_group_changelist"))
    assert table["Content-Language"] == "de"
    assert "Gruppe" in texts(table)


def test_the_theme_comes_along_to_another_browser(back_office: Client) -> None:
    look(back_office, theme="dark")
    assert 'data-theme="dark"' in texts(back_office.get(url("home")))
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(username="mona"), "django.contrib.auth.backends.ModelBackend")
    assert 'data-theme="dark"' in texts(elsewhere.get(url("home")))


@pytest.mark.parametrize("chosen", [{"language": "xx"}, {"time_zone": "Middle/Earth"}, {"theme": "pink"}])
def test_what_is_no_language_zone_or_theme_is_refused(back_office: Client, chosen: dict[str, str]) -> None:
    sent = {"form": "look", "language": "", "time_zone": "", "theme": "auto", **chosen}
    assert back_office.post(url("my-settings"), sent).status_code == 200


def test_what_one_is_told_of_is_chosen_by_kind(world: World, logged_in: Callable[..., Client]) -> None:
    client = logged_in("dotbridge_lists.view_marketinglist")
    page = texts(client.get(url("my-settings")))
    assert "An export has stopped" in page
    assert "Dotdigital does not accept the credentials" not in page, "only what one may see"
    assert client.post(url("my-settings"), {"form": "told", "mailed_breaker_waiting": "on"}).status_code == 302
    (choice,) = Choice.objects.all()
    assert (choice.kind, choice.is_shown, choice.is_mailed) == ("breaker_waiting", False, True)
    Choice.objects.create(user=choice.user, kind="of_tomorrow")
    assert client.get(url("my-settings")).status_code == 200, "what only another version tells breaks nothing"


def test_a_notification_stands_in_the_list_until_it_is_seen_and_over(back_office: Client, world: World) -> None:
    ListConnection.objects.filter(pk=world.link.pk).update(stopped_at=timezone.now(), stopped_rows=495, stopped_of=900)
    note_conditions()
    assert "topbar__bell" in texts(back_office.get(url("home")))
    assert 'menu__badge">' in texts(back_office.get(url("home"))).partition("topbar__bell")[2][:400]
    page = texts(back_office.get(url("notifications")))
    assert "the export waits for you" in page
    assert "495 of 900" in page
    assert "<script>alert" not in page
    assert 'menu__badge">' not in texts(back_office.get(url("home"))).partition("topbar__bell")[2][:400], "seen"
    ListConnection.objects.update(stopped_at=None)
    note_conditions()
    assert "Somebody has decided, or it is gone." in texts(back_office.get(url("notifications")))


@pytest.mark.parametrize(("text", "hours"), [("1 day", 24), ("36 hours", 36), ("6", 6), ("0", 0), ("0 hours", 0)])
def test_hours_of_an_account_are_written_as_people_do(back_office: Client, world: World, text: str, hours: int) -> None:
    page = texts(back_office.get(url("account", world.integration.pk)))
    assert 'value="1 day"' in page
    kept = AccountSettingsForm(instance=world.integration).initial
    there = {name: str(value) for name, value in kept.items() if value not in (None, "", False)}
    sent = {**there, "form": "settings", "name": "Account", "data_fields_hours": text}
    assert back_office.post(url("account", world.integration.pk), sent).status_code == 302
    world.integration.refresh_from_db()
    assert world.integration.data_fields_hours == hours
    for wrong in ("90 minutes", "soon", "32 days", ""):
        refused = back_office.post(url("account", world.integration.pk), sent | {"data_fields_hours": wrong})
        assert refused.status_code == 200, wrong
