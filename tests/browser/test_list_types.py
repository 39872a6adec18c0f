"""Lists of every type in a real browser: made, picked, loaded, refreshed, given columns, and changed by two at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.crm.models import Contact as Person
from dotbridge.lists.models import ListedRecord, ListType, MarketingList
from dotbridge.lists.services import create_list, update_list
from tests.backoffice.world import World
from tests.browser.test_walk import barriers

ADD = "dotbridge:list-add"


def number_on(marketing_list: MarketingList) -> int:
    return ListedRecord.objects.filter(marketing_list=marketing_list).count()


def said(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def view(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Views").get_by_role("link", name=name, exact=True).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_list_from_picking_to_refreshing_by_mouse(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: Any
) -> None:
    page = back_office
    page.emulate_media(color_scheme=scheme)
    page.goto(live_server.url + reverse("dotbridge:lists"))
    found = make_a_list(page)
    made = MarketingList.objects.get(name="Garden fair")
    found += pick_by_search(page)
    found += add_by_addresses(page)
    assert number_on(made) == 4
    found += take_out(page)
    assert number_on(made) == 0
    page.get_by_role("button", name="Undo").click()
    said(page, "4 people are on the list again.")
    assert number_on(made) == 4
    found += choose_columns(page)
    assert page.locator("td[data-label=Family]").all_text_contents() == [f"Bee {number}" for number in (3, 2, 1, 0)]
    found += change_the_type(page)
    Person.objects.create(first_name="New")
    found += refresh(page)
    assert number_on(made) == 6
    assert found == []
    assert complaints == []


def make_a_list(page: Page) -> list[str]:
    page.get_by_role("link", name="New list").click()
    page.get_by_label("Name", exact=True).fill("Garden fair")
    page.get_by_label("Who can be on the list").select_option(label="Contact")
    expect(page.get_by_label("Refresh it by itself")).to_be_hidden()
    page.get_by_label("On demand").check()
    expect(page.get_by_label("Refresh it by itself")).to_be_visible()
    found = barriers(page)
    page.get_by_label("Manual").check()
    expect(page.locator("rule-builder")).to_be_hidden()
    page.get_by_role("button", name="Make the list and pick people").click()
    said(page, "Garden fair was made.")
    return found


def pick_by_search(page: Page) -> list[str]:
    page.get_by_label("Part of a name or an address").fill("bee 1")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("checkbox", name="Choose Ann").check()
    found = barriers(page)
    page.get_by_role("button", name="Add to the list").click()
    said(page, "1 person was added.")
    expect(page.get_by_text("On it", exact=True)).to_be_visible()
    return found


def add_by_addresses(page: Page) -> list[str]:
    """Pasted, with a report of what did not match; then from a file that matches."""
    page.get_by_label("Paste addresses").fill("ann.0@example.com\nnobody@example.com\nno address")
    page.get_by_role("button", name="Add these people").click()
    expect(page.get_by_role("heading", name="What came of it: Pasted addresses")).to_be_visible()
    expect(page.get_by_role("rowheader", name="nobody@example.com")).to_be_visible()
    page.get_by_role("link", name="This cannot be an address 1").click()
    expect(page.get_by_role("rowheader", name="no address")).to_be_visible()
    found = barriers(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="All of it as CSV").click()
    assert "nobody@example.com" in download.value.path().read_text()
    page.get_by_role("link", name="Pick more people").click()
    csv = {"name": "fair.csv", "mimeType": "text/csv", "buffer": b"E-mail\nann.2@example.com\nann.3@example.com\n"}
    page.get_by_label("Or choose a file").set_input_files(csv)  # type: ignore[arg-type]
    page.get_by_role("button", name="Add these people").click()
    expect(page.get_by_text("Every address matched.")).to_be_visible()
    return found


def take_out(page: Page) -> list[str]:
    page.get_by_role("link", name="See the list").click()
    page.get_by_role("checkbox", name="Choose all on this page").check()
    page.get_by_role("button", name="Take out of the list").click()
    expect(page.get_by_role("heading", name="Take 4 people out of the list?")).to_be_visible()
    page.get_by_role("button", name="Yes, take out").click()
    said(page, "You took 4 people out.")
    return barriers(page)


def choose_columns(page: Page) -> list[str]:
    """A second one, dragged before the first."""
    page.get_by_role("link", name="Columns").click()
    page.get_by_role("button", name="Add a column").click()
    line = page.locator(".column-line").last
    line.get_by_label("Field").select_option(label="Last name")
    line.get_by_label("Heading").fill("Family")
    line.get_by_label("Sorted").select_option(label="Largest or Z first")
    line.locator(".column-line__grip").drag_to(page.locator(".column-line").first, target_position={"x": 40, "y": 4})
    expect(page.locator(".column-line").first.get_by_label("Heading")).to_have_value("Family")
    found = barriers(page)
    page.get_by_role("button", name="Save the columns").click()
    said(page, "Changed: Columns.")
    view(page, "People")
    expect(page.get_by_role("columnheader", name="Family")).to_have_attribute("aria-sort", "descending")
    return found


def change_the_type(page: Page) -> list[str]:
    view(page, "Settings")
    page.get_by_label("On demand").check()
    page.get_by_label("Refresh it by itself").select_option(label="Every day")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Its rule is empty, so everybody matches it.")).to_be_visible()
    expect(page.get_by_text("Adds 1 person.")).to_be_visible()
    found = barriers(page)
    page.get_by_role("button", name="Yes, change it").click()
    said(page, "Changed: How people get on it, Refresh it by itself.")
    return found


def refresh(page: Page) -> list[str]:
    page.get_by_role("link", name="What would a refresh change?").click()
    expect(page.get_by_text("It refreshes itself: Every day.")).to_be_visible()
    expect(page.get_by_text("A refresh now: Adds 1 person. Staying: 5,")).to_be_visible()
    found = barriers(page)
    page.get_by_role("button", name="Refresh now").click()
    said(page, "The list was refreshed: 1 came, 0 went.")
    return found


def test_the_same_by_keyboard_alone(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str]
) -> None:
    page, keys = back_office, back_office.keyboard
    page.goto(live_server.url + reverse(ADD))
    page.get_by_label("Name", exact=True).focus()
    keys.type("Garden fair")
    keys.press("Tab")  # whose records
    keys.press("Tab")  # the type
    expect(page.get_by_label("Dynamic")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(page.get_by_label("Manual")).to_be_checked()
    page.get_by_role("button", name="Make the list and pick people").focus()
    keys.press("Enter")
    said(page, "Garden fair was made.")
    made = MarketingList.objects.get(name="Garden fair")
    page.get_by_label("Part of a name or an address").focus()
    keys.type("bee")
    keys.press("Enter")
    expect(page).to_have_url(live_server.url + reverse("dotbridge:list-pick", args=[made.pk]) + "?q=bee")
    for number in (0, 1):
        page.get_by_role("checkbox", name="Choose Ann").nth(number).focus()
        keys.press("Space")
    page.get_by_role("button", name="Add to the list").focus()
    keys.press("Enter")
    said(page, "2 people were added.")
    page.get_by_label("Paste addresses").focus()
    keys.type("ann.4@example.com")
    page.get_by_role("button", name="Add these people").focus()
    keys.press("Enter")
    expect(page.get_by_text("Every address matched.")).to_be_visible()
    assert number_on(made) == 3
    page.get_by_role("link", name="See the list").focus()
    keys.press("Enter")
    sort_by_the_score(page)
    made.refresh_from_db()
    kept = [(column["field"], column["sort"]) for column in made.columns]
    assert kept == [("lead_score", "asc"), ("primary_email", "")]
    assert complaints == []


def sort_by_the_score(page: Page) -> None:
    """By keys alone: a column is added, sorted, moved to the front and saved."""
    keys = page.keyboard
    page.get_by_role("link", name="Columns").focus()
    keys.press("Enter")
    page.get_by_role("button", name="Add a column").focus()
    keys.press("Enter")
    expect(page.locator(".column-line").last.get_by_label("Field")).to_be_focused()
    keys.type("Lead s")
    keys.press("Tab")  # its heading
    keys.press("Tab")
    keys.press("ArrowDown")
    keys.press("Tab")
    expect(page.get_by_role("button", name="Move up").last).to_be_focused()
    keys.press("Enter")
    first = page.locator(".column-line").first
    expect(first.get_by_label("Field")).to_have_value("lead_score")
    expect(first.get_by_role("button", name="Move up")).to_be_focused()
    page.get_by_role("button", name="Save the columns").focus()
    keys.press("Enter")
    said(page, "Changed: Columns.")


def test_a_removed_column_gives_the_focus_on(back_office: Page, live_server: LiveServer, world: World) -> None:
    columns = [{"field": "first_name"}, {"field": "last_name"}]
    made = create_list(name="Columns", entity="crm.contact", columns=columns)
    page = back_office
    page.goto(live_server.url + reverse("dotbridge:list-settings", args=[made.pk]))
    page.get_by_role("button", name="Remove the column").first.click()
    expect(page.get_by_role("button", name="Remove the column")).to_be_focused()
    page.get_by_role("button", name="Remove the column").click()
    expect(page.get_by_role("button", name="Add a column")).to_be_focused()
    page.get_by_role("button", name="Save the columns").click()
    said(page, "Changed: Columns.")
    made.refresh_from_db()
    assert made.columns == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_later_of_two_sees_both(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: Any
) -> None:
    page = back_office
    page.emulate_media(color_scheme=scheme)
    made = create_list(name="Edited", entity="crm.contact", type=ListType.MANUAL)
    page.goto(live_server.url + reverse("dotbridge:list-settings", args=[made.pk]))
    page.get_by_label("Name", exact=True).fill("Mine")
    update_list(marketing_list=made, name="Theirs")
    page.get_by_role("button", name="Save", exact=True).click()
    clash = page.get_by_role("alert", name="Somebody else changed this while you were writing")
    expect(clash.get_by_role("cell", name="Theirs")).to_be_visible()
    expect(clash.get_by_role("cell", name="Mine")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
    assert barriers(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Mine", level=1)).to_be_visible()
    # The browser itself notes the answer that says no.
    assert all("409" in complaint for complaint in complaints)
