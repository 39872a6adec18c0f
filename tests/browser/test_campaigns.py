"""Campaigns by hand: two that an import made become one, and its activities are seen in a chart and a table."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.campaigns.services import create_marketing_campaign
from tests.backoffice.world import World
from tests.browser.test_walk import barriers

LIST = "dotbridge_tables:dotbridge_campaigns_marketingcampaign_changelist"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_campaigns_are_merged_by_keyboard(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    imported = world.marketing_campaign
    create_marketing_campaign(name="Spring", code="SPRING")
    back_office.goto(live_server.url + reverse(LIST))
    for box in back_office.locator("input.action-select").all():
        box.focus()
        back_office.keyboard.press("Space")
    back_office.get_by_label("Select action to run").select_option(label="Merge into one campaign")
    assert barriers(back_office) == []
    back_office.get_by_role("button", name="Run").press("Enter")
    expect(back_office.get_by_role("heading", name="What is kept")).to_be_visible()
    remaining = back_office.get_by_role("group", name="Remaining campaign")
    expect(remaining.get_by_role("radio", name="Spring")).to_be_checked()
    name = back_office.get_by_role("group", name="Name", exact=True)
    name.get_by_role("radio", name="Spring").focus()
    back_office.keyboard.press("ArrowUp")
    expect(name.get_by_role("radio").first).to_be_checked()
    back_office.get_by_role("button", name="Yes, merge them").press("Enter")
    expect(back_office.get_by_text("1 campaign was merged into")).to_be_visible()
    kept = MarketingCampaign.objects.get()
    assert (kept.code, kept.name) == ("SPRING", imported.name)
    expect(back_office.get_by_text(f"SPRING ({imported.code})")).to_be_visible()
    assert complaints == []


def test_a_chart_is_drawn_and_told_as_a_table(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str]
) -> None:
    back_office.goto(
        live_server.url
        + reverse("dotbridge_tables:dotbridge_campaigns_marketingcampaign_change", args=[world.marketing_campaign.pk])
    )
    expect(back_office.get_by_role("img", name="Chart of opens")).to_be_visible()
    drawn = "() => Object.values(Chart.instances).map((chart) => chart.data.datasets.map((each) => each.label))"
    back_office.wait_for_function("() => Object.keys(Chart.instances).length === 1")
    assert back_office.evaluate(drawn) == [["Opened", "Clicked", "Hard-bounced"]]
    summary = back_office.get_by_text("The same as a table")
    summary.focus()
    back_office.keyboard.press("Enter")
    table = back_office.get_by_role("region", name="Activities over time").get_by_role("table")
    expect(table.get_by_role("columnheader", name="Opened")).to_be_visible()
    assert barriers(back_office) == []
    assert complaints == []
