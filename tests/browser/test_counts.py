"""The numbers of a large list, seen: they stay while newer ones are counted, and these come by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, expect
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.live_server_helper import LiveServer

from dotbridge.backoffice import counting
from tests.backoffice.test_counts import make_older
from tests.backoffice.world import World


def test_newer_numbers_of_a_large_list_come_by_themselves(
    back_office: Page, live_server: LiveServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "QUICK_MILLISECONDS", -1)
    counting.count_and_keep(world.marketing_list)
    make_older(world.marketing_list, timedelta(minutes=4))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 hour')")
    back_office.set_viewport_size({"width": 390, "height": 900})
    back_office.goto(live_server.url + reverse("dotbridge:list", args=[world.marketing_list.pk]))
    standing = back_office.locator("#standing")
    expect(standing).to_contain_text("5 people match the rule")
    expect(standing).to_contain_text("Counted 4\xa0minutes ago.")
    world.people[0].delete()
    again = standing.get_by_role("button", name="Count again")
    before = standing.bounding_box()
    again.focus()
    back_office.keyboard.press("Enter")
    expect(standing).to_contain_text("It is being counted again…")
    expect(standing).to_contain_text("5 people match the rule")
    expect(again).to_be_focused()
    after = standing.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] == before["height"]
    assert ProcrastinateJob.objects.get().args == {"list_id": world.marketing_list.pk}
    counting.count_and_keep(world.marketing_list)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    expect(standing).to_contain_text("4 people match the rule")
    expect(standing).not_to_contain_text("being counted")
    expect(again).to_be_focused()
    expect(standing.locator("[hx-trigger]")).to_have_count(0)
