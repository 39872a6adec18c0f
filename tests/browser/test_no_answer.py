"""What is asked for and does not come, and what the browser brings back: a page that says neither lies."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from tests.backoffice.world import World

PIECE = "**/lists/*/bar/**"
MISSING = "This part of the page could not be loaded."


def address(live_server: LiveServer, world: World, name: str = "list", query: str = "") -> str:
    return live_server.url + reverse(f"dotbridge:{name}", args=[world.marketing_list.pk]) + query


@pytest.mark.parametrize("fault", ["no answer", "broken"])
def test_a_piece_that_does_not_come_says_so_and_is_asked_for_again(
    back_office: Page, live_server: LiveServer, world: World, fault: str
) -> None:
    back_office.route(PIECE, lambda route: route.abort() if fault == "no answer" else route.fulfill(status=500))
    back_office.goto(address(live_server, world))
    standing = back_office.locator("#standing")
    expect(standing).to_contain_text(MISSING)
    standing.get_by_role("button", name="Try again").click()
    expect(standing).to_contain_text(MISSING)
    back_office.unroute(PIECE)
    standing.get_by_role("button", name="Try again").press("Enter")
    expect(standing).to_contain_text("5 people match the rule")
    expect(standing).not_to_contain_text(MISSING)


def test_a_page_that_hears_nothing_more_says_that_it_may_be_old(
    back_office: Page, live_server: LiveServer, world: World
) -> None:
    live = "**/live/**"

    def refuse(route: Route) -> None:
        route.fulfill(status=503)

    back_office.route(live, refuse)
    back_office.goto(address(live_server, world, query="?after_run=1000000"))
    note = back_office.locator("[data-stale]")
    expect(note).to_be_visible()
    expect(note).to_contain_text("The server did not answer.")
    back_office.unroute(live, refuse)
    expect(note).to_be_hidden()


def test_a_sheet_begins_with_what_it_is_for(back_office: Page, live_server: LiveServer, world: World) -> None:
    free = reverse("dotbridge:list-connect", args=[world.unconnected.pk])
    back_office.goto(live_server.url + free)
    expect(back_office.get_by_role("searchbox", name="Part of the name")).to_be_focused()
    look = reverse("dotbridge:list-connect-look", args=[world.unconnected.pk])
    back_office.goto(f"{live_server.url}{look}?book={world.free_book.pk}")
    expect(back_office.get_by_role("heading", name="Connect First unconnected")).to_be_focused()


def test_who_goes_back_finds_the_way_to_save_and_to_act_again(
    back_office: Page, live_server: LiveServer, world: World
) -> None:
    back_office.on("dialog", lambda dialog: dialog.accept())
    back_office.goto(address(live_server, world, "list-settings"))
    back_office.get_by_label("Name", exact=True).fill("Another name")
    back_office.get_by_role("link", name="Home").first.click()
    back_office.go_back()
    expect(back_office.get_by_label("Name", exact=True)).to_have_value("Another name")
    expect(back_office.get_by_role("button", name="Save", exact=True)).to_be_visible()
    back_office.goto(address(live_server, world))
    back_office.locator("[data-choose]").first.check()
    back_office.get_by_role("link", name="Home").first.click()
    back_office.go_back()
    expect(back_office.locator("[data-choose]").first).to_be_checked()
    expect(back_office.get_by_role("button", name="Take off the list")).to_be_visible()


def test_the_menu_of_a_phone_says_whether_it_is_open(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.set_viewport_size({"width": 390, "height": 800})
    back_office.goto(address(live_server, world))
    button = back_office.get_by_role("button", name="Menu")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    back_office.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    button.click()
    back_office.locator("h1").click(position={"x": 380, "y": 5}, force=True)
    expect(button).to_have_attribute("aria-expanded", "false")
    more = back_office.locator("summary[aria-label=More]")
    more.press("Enter")
    back_office.keyboard.press("Tab")
    back_office.keyboard.press("Escape")
    expect(more).to_be_focused()


def test_nothing_is_said_to_be_copied_that_is_not(back_office: Page, live_server: LiveServer, world: World) -> None:
    page = reverse("dotbridge:marketing-campaign", args=[world.marketing_campaign.pk])
    back_office.goto(live_server.url + page)
    back_office.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false"
    )
    back_office.get_by_role("button", name="Copy").click()
    expect(back_office.get_by_role("button", name="Copy")).to_be_visible()
    marked = back_office.evaluate("getSelection().toString()")
    assert marked == f"?pk_campaign={world.marketing_campaign.code}"
