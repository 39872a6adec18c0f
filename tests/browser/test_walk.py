"""Every page in a browser, light and dark: no complaint in the console, nothing that axe calls serious or critical."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.integrations.services import create_integration
from tests.backoffice.test_pages import LISTS, house_of, pages_of
from tests.backoffice.world import World

BARRIERS = {"serious", "critical"}


def barriers(page: Page) -> list[str]:
    """What keeps people out, each with the element it is about."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url} {each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in BARRIERS
        for node in each["nodes"]
    ]


def all_pages(world: World) -> list[str]:
    lists = [reverse(f"dotbridge_tables:{name}_changelist") for name in LISTS]
    forms = [
        reverse(f"dotbridge_tables:{name}_add")
        for name in ("dotbridge_integrations_integration", "dotbridge_mapping_mapping")
    ]
    hidden = [reverse("dotbridge_tables:dotbridge_sync_syncrun_progress", args=[world.run.pk])]
    hidden += [reverse("dotbridge_tables:dotbridge_campaigns_emailcampaign_results", args=[world.email_campaign.pk])]
    piece = reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record-piece")
    # The host's own pages are the host's own matter, and those of the house have a walk of their own.
    hidden += [reverse("admin:crm_contact_change", args=[world.people[0].pk]), *house_of(world)]
    shown = [page for page in pages_of(world) if page not in hidden and not page.startswith(piece)]
    return [*lists, *forms, *shown]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_sound_and_open_to_everybody(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = []
    for address in all_pages(world):
        response = back_office.goto(live_server.url + address)
        expect(back_office.get_by_text("Counting…")).to_have_count(0)
        assert response is not None
        assert response.status == 200, address
        assert back_office.locator("html.dark").count() == (1 if scheme == "dark" else 0)
        found += barriers(back_office)
    assert found == []
    assert complaints == []


def test_empty_pages_are_open_to_everybody(back_office: Page, live_server: LiveServer, complaints: list[str]) -> None:
    found = barriers(back_office)
    for name in LISTS:
        back_office.goto(live_server.url + reverse(f"dotbridge_tables:{name}_changelist"))
        found += barriers(back_office)
    assert found == []
    assert complaints == []


def test_the_settings_lead_to_every_table(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:settings"))
    addresses = {link.get_attribute("href") for link in back_office.get_by_role("main").get_by_role("link").all()}
    assert {reverse(f"dotbridge_tables:{name}_changelist") for name in LISTS} <= addresses


def test_what_only_a_mouse_could_reach_is_reached_by_keys(
    back_office: Page, live_server: LiveServer, world: World
) -> None:
    back_office.goto(live_server.url + reverse("dotbridge_tables:dotbridge_sync_syncrun_changelist"))
    filters = back_office.get_by_role("button", name="Filters")
    filters.focus()
    assert back_office.locator("#changelist-filter").is_hidden()
    back_office.keyboard.press("Enter")
    back_office.locator("#changelist-filter").wait_for(state="visible")


def test_a_narrow_screen_shows_everything(back_office: Page, live_server: LiveServer, world: World) -> None:
    create_integration(name="Second", username="x", password="y")
    back_office.set_viewport_size({"width": 390, "height": 800})
    for address in (
        reverse("dotbridge:home"),
        reverse("dotbridge_tables:dotbridge_sync_syncrun_change", args=[world.run.pk]),
    ):
        back_office.goto(live_server.url + address)
        width = back_office.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, address
