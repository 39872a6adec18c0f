"""Campaigns by hand: two that an import made become one, its activities are seen, and it is deleted."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.campaigns.services import create_marketing_campaign
from tests.backoffice.world import World
from tests.browser.test_walk import barriers


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_campaigns_are_merged_by_keyboard(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    imported = world.marketing_campaign
    create_marketing_campaign(name="Spring", code="SPRING")
    back_office.goto(live_server.url + reverse("dotbridge:marketing-campaigns"))
    for box in back_office.locator("[data-choose]").all():
        box.focus()
        back_office.keyboard.press("Space")
    found = barriers(back_office)
    back_office.get_by_role("button", name="Merge into one campaign").press("Enter")
    expect(back_office.get_by_role("heading", name="What is kept")).to_be_visible()
    found += barriers(back_office)
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
    expect(back_office.get_by_text(f"lead here as well: {imported.code}")).to_be_visible()
    found += barriers(back_office)
    assert found == []
    assert complaints == []


def test_activities_are_drawn_and_told_as_a_table(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str]
) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:marketing-campaign", args=[world.marketing_campaign.pk]))
    expect(back_office.get_by_role("img", name="What recipients did over time")).to_be_visible()
    over_time = back_office.get_by_role("region", name="Activities over time")
    assert over_time.get_by_role("listitem").all_text_contents() == ["Opened", "Clicked", "Hard-bounced"]
    summary = over_time.get_by_text("The same as a table")
    summary.focus()
    back_office.keyboard.press("Enter")
    expect(over_time.get_by_role("columnheader", name="Opened")).to_be_visible()
    assert barriers(back_office) == []
    assert complaints == []


def test_campaigns_are_deleted_after_a_question(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str]
) -> None:
    for page, said in (("marketing-campaign", "stay, outside of any"), ("campaign", "2 recipients go with it")):
        campaign = world.marketing_campaign if page == "marketing-campaign" else world.email_campaign
        back_office.goto(live_server.url + reverse(f"dotbridge:{page}", args=[campaign.pk]))
        back_office.get_by_label("More").click()
        back_office.get_by_role("link", name="Delete").click()
        expect(back_office.get_by_text(said)).to_be_visible()
        assert barriers(back_office) == []
        back_office.get_by_role("button", name="Yes, delete it").click()
        expect(back_office.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
        assert not type(campaign).objects.filter(pk=campaign.pk).exists()
    assert complaints == []
