"""The rule builder in a real browser: a nested rule by mouse, one by keyboard alone, and what it says meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Locator, Page, Route, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from pytest_django.live_server_helper import LiveServer

from dotbridge.crm.models import Account, Contact, Order
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list

ADD = "dotbridge:list-add"
CHANGE = "dotbridge:list-rule"
VIP = {"field": "is_vip", "operator": "=", "value": True}


@pytest.fixture(autouse=True)
def people(transactional_db: None) -> None:
    berlin = Account.objects.create(name="Acme", city="Berlin")
    for number, (name, is_vip) in enumerate((("Ada", True), ("Bob", False), ("Bea", False), ("Cem", False))):
        contact = Contact.objects.create(
            first_name=name, last_name=f"{name[0]}-name", is_vip=is_vip, lead_score=number * 40, account=berlin
        )
        Order.objects.bulk_create(Order(contact=contact, number=f"N{n}") for n in range(number))


@pytest.fixture
def quiet(complaints: list[str]) -> Iterator[None]:
    yield
    assert complaints == []


def builder(page: Page) -> Locator:
    expect(page.locator("rule-builder fieldset").first).to_be_visible()
    return page.locator("rule-builder")


def condition(page: Page, name: str, number: int = 0) -> Locator:
    return builder(page).get_by_role("listitem", name=name, exact=True).nth(number)


def entry(place: Locator, label: str) -> Locator:
    """The field itself, and not the list of what it found."""
    return place.locator(f'input[aria-label="{label}"]').first


def choose(place: Locator, label: str, text: str, option: str) -> None:
    """Type into a field that searches, and take what it found."""
    place.get_by_role("combobox", name=label, exact=True).first.click()
    place.get_by_role("combobox", name=label, exact=True).first.fill(text)
    place.get_by_role("option", name=option, exact=True).first.click()


def saved_rule(page: Page, name: str, button: str = "Save") -> dict[str, Any]:
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(re.compile("Changed: Rule|was made"))).to_be_visible()
    return dict(MarketingList.objects.get(name=name).rule)


def test_a_rule_can_be_edited_as_json_where_the_builder_does_not_come(
    back_office: Page, live_server: LiveServer
) -> None:
    made = create_list(name="Guests", entity="crm.contact", rule={"combinator": "and", "rules": [VIP]})
    back_office.route("**/catalogue*", lambda route: route.abort())
    back_office.goto(live_server.url + reverse(CHANGE, args=[made.pk]))
    expect(back_office.locator("#id_rule")).to_be_visible()


@pytest.mark.usefixtures("quiet")
def test_while_fields_of_another_entity_are_on_their_way_nobody_edits(
    back_office: Page, live_server: LiveServer
) -> None:
    """What somebody typed in the meantime went when the fields came, and the list that they chose from closed."""
    page = back_office
    page.goto(live_server.url + reverse(ADD))
    page.get_by_label("Who can be on the list").select_option(label="Lead")
    expect(page.get_by_text("0 match")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/catalogue?*", hold)
    page.get_by_label("Who can be on the list").select_option(label="Contact")
    expect(page.locator("rule-builder > [inert]")).to_be_visible()
    with pytest.raises(PlaywrightTimeoutError):
        page.locator("rule-builder button", has_text="Add condition").click(timeout=500)
    held[0].continue_()
    builder(page).get_by_role("button", name="+ Add condition").click()
    choose(builder(page), "Field", "score", "Lead score")
    expect(entry(builder(page), "Field")).to_have_value("Lead score")


@pytest.mark.usefixtures("quiet")
def test_a_nested_rule_by_mouse(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    page.goto(live_server.url + reverse(ADD))
    page.get_by_label("Name").fill("Bees")
    page.get_by_label("Who can be on the list").select_option(label="Contact")
    expect(page.get_by_text("Without a condition everybody is on the list.")).to_be_visible()
    expect(page.get_by_text("4 match")).to_be_visible()
    builder(page).get_by_label("Who matches").select_option(label="any of these")
    builder(page).get_by_role("button", name="+ Add condition").click()
    choose(condition(page, "Condition 1"), "Field", "vip", "VIP")
    expect(page.get_by_text("1 matches")).to_be_visible()
    builder(page).get_by_role("button", name="+ Add group").last.click()
    inner = condition(page, "Group 2")
    inner.get_by_role("button", name="+ Add condition").click()
    choose(inner, "Field", "last", "Last name")
    inner.get_by_label("Comparison").select_option(label="begins with")
    entry(inner, "Value").fill("B")
    entry(inner, "Value").press("Tab")
    inner.get_by_role("button", name="+ Add condition").click()
    second = inner.get_by_role("listitem", name="Condition 2")
    choose(second, "Field", "score", "Lead score")
    second.get_by_label("Comparison").select_option(label="is at least")
    # Not finished yet: left out of the count, and said.
    expect(second.get_by_text("Lead score: give a value.")).to_be_visible()
    expect(page.get_by_text("3 match")).to_be_visible()
    entry(second, "Value").fill("80")
    expect(page.get_by_text("2 match")).to_be_visible()
    expect(page.locator(".rb-words")).to_have_text(
        "Contacts who are VIP, or whose last name begins with B and whose lead score is 80 or more"
    )
    assert saved_rule(page, "Bees", "Make the list") == {
        "version": 1,
        "combinator": "or",
        "not": False,
        "rules": [
            VIP,
            {
                "combinator": "and",
                "not": False,
                "rules": [
                    {"field": "last_name", "operator": "beginsWith", "value": "B"},
                    {"field": "lead_score", "operator": ">=", "value": "80"},
                ],
            },
        ],
    }


@pytest.mark.usefixtures("quiet")
def test_the_same_by_keyboard_alone(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    kept = create_list(name="Bees", entity="crm.contact")
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    builder(page).get_by_label("Who matches").focus()
    keys = page.keyboard
    keys.press("Tab")  # to "Add condition"
    keys.press("Enter")
    expect(page.get_by_role("combobox", name="Field")).to_be_focused()
    keys.type("vip")
    expect(page.get_by_role("option", name="VIP")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_label("Comparison")).to_be_focused()
    keys.press("Tab")
    keys.press("ArrowDown")  # from yes to no
    expect(page.get_by_text("3 match")).to_be_visible()
    for _ in range(4):  # past up, down and remove
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("combobox", name="Field").last).to_be_focused()
    keys.type("birth")
    expect(page.get_by_role("option", name="Birthday")).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_label("Comparison").last).to_be_focused()
    keys.press("End")
    keys.press("ArrowUp")
    expect(page.locator(".rb-words")).to_have_text("Contacts who are not VIP and whose birthday is empty")
    # The second one before the first, and back again.
    page.get_by_role("button", name="Move up: Condition 2").focus()
    keys.press("Enter")
    expect(page.locator(".rb-words")).to_have_text("Contacts whose birthday is empty and who are not VIP")
    expect(page.get_by_role("button", name="Move up: Condition 1")).to_be_focused()
    keys.press("Control+z")
    expect(page.locator(".rb-words")).to_have_text("Contacts who are not VIP and whose birthday is empty")
    keys.press("Control+Shift+z")
    expect(page.locator(".rb-words")).to_have_text("Contacts whose birthday is empty and who are not VIP")
    assert [each["field"] for each in saved_rule(page, "Bees")["rules"]] == ["birthday", "is_vip"]


@pytest.mark.usefixtures("quiet")
def test_many_records_with_a_filter(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    kept = create_list(name="Buyers", entity="crm.contact")
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    builder(page).get_by_role("button", name="+ Add condition").click()
    line = condition(page, "Condition 1")
    choose(line, "Field", "orders", "Orders")
    expect(page.get_by_text("3 match")).to_be_visible()
    line.get_by_label("What is asked").select_option(label="number of")
    line.get_by_label("Comparison").select_option(label="is at least")
    entry(line, "Value").fill("2")
    expect(page.get_by_text("2 match")).to_be_visible()
    line.get_by_role("button", name="Only some of them").click()
    inner = line.get_by_role("listitem", name="Condition 1")
    choose(inner, "Field", "number", "Number")
    inner.get_by_label("Comparison").select_option(label="is one of")
    for number in ("N0", "N2"):
        entry(inner, "Add a value and press Enter").fill(number)
        entry(inner, "Add a value and press Enter").press("Enter")
    expect(page.locator(".rb-words")).to_have_text("Contacts with 2 or more orders (whose number is one of N0 or N2)")
    expect(page.get_by_text("1 matches")).to_be_visible()
    expect(page.get_by_text("Saving this rule: Takes out 3 people. Staying: 1,")).to_be_visible()
    (rule,) = saved_rule(page, "Buyers")["rules"]
    assert rule["where"]["rules"] == [{"field": "number", "operator": "in", "value": ["N0", "N2"]}]
    expect(page.get_by_text("Saving this rule: Nobody comes and nobody goes. Staying: 1,")).to_be_visible()


@pytest.mark.usefixtures("quiet")
def test_moving_by_mouse_removing_and_taking_back(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    rules = [VIP, {"field": "lead_score", "operator": ">=", "value": 40}, {"combinator": "or", "rules": []}]
    kept = create_list(name="Moved", entity="crm.contact", rule={"combinator": "and", "rules": rules})
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    # What is counted moves the page once; nobody could take hold of a line meanwhile.
    expect(page.locator(".rb-count")).to_be_visible()
    line = condition(page, "Condition 2")
    line.locator(".rb-grip").drag_to(condition(page, "Condition 1"), target_position={"x": 20, "y": 2})
    expect(condition(page, "Condition 1").get_by_role("combobox", name="Field")).to_have_value("Lead score")
    expect(page.locator(".rb-words")).to_have_text("Contacts whose lead score is 40 or more and who are VIP")
    # Down from the last place before a group leads into the group.
    page.get_by_role("button", name="Move down: Condition 2").click()
    inner = condition(page, "Group 2").get_by_role("listitem", name="Condition 1")
    expect(inner.get_by_role("combobox", name="Field")).to_have_value("VIP")
    page.get_by_role("button", name="Remove: Group 2").click()
    expect(page.locator(".rb-words")).to_have_text("Contacts whose lead score is 40 or more")
    builder(page).get_by_role("button", name="Undo").click()
    expect(inner.get_by_role("combobox", name="Field")).to_have_value("VIP")
    builder(page).get_by_role("button", name="Redo").click()
    expect(inner).to_have_count(0)


@pytest.mark.usefixtures("quiet")
def test_a_field_that_is_gone_is_shown_in_its_place(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    kept = create_list(name="Old", entity="crm.contact")
    gone = {"field": "shoe_size", "operator": "=", "value": 44}
    MarketingList.objects.update(rule={"combinator": "and", "rules": [VIP, gone]})
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    line = condition(page, "Condition 2")
    expect(line.get_by_role("combobox", name="Field")).to_have_value("shoe_size")
    expect(line.get_by_text("There is no field “shoe_size” (any more).")).to_be_visible()
    expect(page.get_by_text("Not counted: something has to be corrected first.")).to_be_visible()
    page.get_by_role("button", name="Remove: Condition 2").click()
    expect(page.get_by_text("1 matches")).to_be_visible()


@pytest.mark.usefixtures("quiet")
def test_the_json_stays_and_can_be_pasted(back_office: Page, live_server: LiveServer) -> None:
    page = back_office
    kept = create_list(name="Pasted", entity="crm.contact")
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    builder(page)
    page.get_by_text("JSON", exact=True).click()
    page.locator("#id_rule").fill('{"rules": [{"field": "account__city", "operator": "=", "value": "Berlin"}]}')
    page.locator("#id_rule").blur()
    expect(condition(page, "Condition 1").get_by_role("combobox", name="Value")).to_have_value("Berlin")
    expect(page.locator(".rb-words")).to_have_text("Contacts whose account's city is Berlin")
    # Real values are offered as one types.
    choose(condition(page, "Condition 1"), "Value", "Be", "Berlin")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_builder_is_accessible(back_office: Page, live_server: LiveServer, scheme: Any) -> None:
    page = back_office
    page.emulate_media(color_scheme=scheme)
    orders = {"field": "orders", "measure": "count", "operator": ">=", "value": 1, "where": {"rules": [
        {"field": "placed_at", "operator": "inLast", "value": {"amount": 90, "unit": "day"}}]}}  # fmt: skip
    born = {"field": "birthday", "operator": "anniversaryIn", "value": "this_month"}
    some = {"field": "first_name", "operator": "in", "value": ["Ada", "Bob"]}
    rule = {"combinator": "or", "rules": [VIP, orders, {"combinator": "and", "rules": [born, some]}]}
    kept = create_list(name="Everything", entity="crm.contact", rule=rule)
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    expect(page.locator(".rb-count")).to_be_visible()
    found = Axe().run(page, context="rule-builder")
    assert found.violations_count == 0, found.generate_report()
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        box = builder(page).bounding_box()
        assert box is not None
        assert page.evaluate("document.querySelector('rule-builder').scrollWidth") <= box["width"] + 1


@pytest.mark.usefixtures("quiet")
def test_whoever_only_goes_through_a_field_is_not_asked_when_they_leave(
    back_office: Page, live_server: LiveServer
) -> None:
    page = back_office
    asked: list[str] = []
    city = {"field": "account__city", "operator": "=", "value": "Berlin"}
    kept = create_list(name="Berlin", entity="crm.contact", rule={"rules": [city]})
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(live_server.url + reverse(CHANGE, args=[kept.pk]))
    expect(page.get_by_text("4 match")).to_be_visible()
    before = page.locator("#id_rule").input_value()
    entry(condition(page, "Condition 1"), "Value").click()
    page.keyboard.press("Tab")
    assert page.locator("#id_rule").input_value() == before
    page.goto(live_server.url + reverse("dotbridge:lists"))
    assert asked == []
