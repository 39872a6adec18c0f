"""What the next runs need of an account's quota, and its hours for large readings: shown, set and noted."""

from __future__ import annotations

from datetime import time, timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.integrations.models import CallLimit, Integration, RateWindow
from dotbridge.mirror.models import AddressBook
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def url_of(world: World) -> str:
    return reverse("dotbridge:account", args=[world.integration.pk])


def settings_form(world: World, **changes: str) -> dict[str, str]:
    account = Integration.objects.get(pk=world.integration.pk)
    names = ("name", "data_fields_hours", "forced_comparison", "export_waits_for", "contacts_read_of", "protocol")
    names += ("breaker_rows", "breaker_percent")
    return {"form": "settings", **{name: str(getattr(account, name)) for name in names}, **changes}


def test_the_account_says_what_the_next_runs_need(back_office: Client, world: World) -> None:
    Integration.objects.update(checked_at=timezone.now())
    page = texts(back_office.get(url_of(world)))
    assert "The next reading needs" in page
    assert "has not said yet how many it allows" in page
    CallLimit.objects.create(integration=world.integration, tier="low", allowed=35)
    CallLimit.objects.create(integration=world.integration, tier="medium", allowed=1)
    CallLimit.objects.create(integration=world.integration, tier="high", allowed=150)
    resets_at = timezone.now() + timedelta(seconds=50)
    RateWindow.objects.create(integration=world.integration, tier="medium", remaining=0, resets_at=resets_at)
    page = texts(back_office.get(url_of(world)))
    assert "on your package" in page
    assert "0 of 1 are left until" in page
    assert "35 a minute" in page


def test_an_account_never_connected_has_no_plan(back_office: Client, world: World) -> None:
    Integration.objects.update(checked_at=None)
    assert "The next reading needs" not in texts(back_office.get(url_of(world)))


def test_the_dry_run_says_what_it_takes(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge:list-plan-numbers", args=[world.marketing_list.pk])))
    assert "What it takes:" in page


def test_the_hours_of_large_readings_are_set_noted_and_shown(back_office: Client, world: World) -> None:
    opens = timezone.localtime(timezone.now() + timedelta(hours=20), timezone.get_default_timezone())
    begins, ends = f"{opens:%H:%M}", f"{opens + timedelta(hours=2):%H:%M}"
    refused = texts(back_office.post(url_of(world), settings_form(world, bulk_from=begins)))
    assert "Give both times of large readings" in refused
    refused = texts(back_office.post(url_of(world), settings_form(world, bulk_from="25:00", bulk_until=ends)))
    assert Integration.objects.get(pk=world.integration.pk).bulk_from is None
    back_office.post(url_of(world), settings_form(world, bulk_from=begins, bulk_until=ends))
    account = Integration.objects.get(pk=world.integration.pk)
    assert account.bulk_from == time.fromisoformat(begins)
    AddressBook.objects.create(integration=account, remote_id=987_654, name="Never read")
    page = texts(back_office.get(url_of(world)))
    assert f"Large readings wait until {begins}." in page
    assert "read for the first time" in page
    # Who changed it, and to what.
    assert f"{begins}:00" in page
    back_office.post(url_of(world), settings_form(world, bulk_from="", bulk_until=""))
    assert Integration.objects.get(pk=world.integration.pk).bulk_from is None
    assert "Large readings wait" not in texts(back_office.get(url_of(world)))
