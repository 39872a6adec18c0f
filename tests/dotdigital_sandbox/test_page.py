"""The page at ``/_sandbox/`` in a browser: light and dark, open to everybody, and every switch works by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from dotdigital_sandbox import Sandbox
from tests.browser.conftest import (  # noqa: F401 - fixtures
    _let_django_work_beside_the_browser,
    browser_type_launch_args,
    chromium_path,
)

TABS = ("Address books", "Contacts", "Imports", "Campaigns", "Calls", "Switches")
ANN = "subscriber.1@example.com"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "account", seed="demo", import_seconds=3600) as running:
        yield running


@pytest.fixture
def shown(sandbox: Sandbox, page: Page) -> Iterator[Page]:
    """The page, after a few calls; the console must not complain."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with httpx2.Client(base_url=sandbox.url, auth=(sandbox.user, sandbox.password)) as http:
        file = {"file": ("people.csv", b"Email,FIRSTNAME\nzoe@example.com,Zoe\ninvisible,\n", "text/csv")}
        http.post("/v2/address-books/3/contacts/import", files=file).raise_for_status()
        http.get("/v2/account-info")
        http.get("/v2/contacts/nobody@example.com")
    page.goto(f"{sandbox.url}/_sandbox/")
    expect(page.get_by_role("tab")).to_have_count(len(TABS))
    yield page
    assert complaints == []


def pressed(target: Locator, key: str = "Enter") -> None:
    """Reach a control by keyboard and press a key on it."""
    target.focus()
    expect(target).to_be_focused()
    target.press(key)


def opened(page: Page, name: str) -> Locator:
    """The panel of a tab, reached by keyboard."""
    pressed(page.get_by_role("tab", name=name))
    panel = page.get_by_role("tabpanel", name=name)
    expect(panel).to_be_visible()
    return panel


def said(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_have_text(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_each_part_is_open_to_everybody(shown: Page, scheme: str, width: int) -> None:
    shown.set_viewport_size({"width": width, "height": 900})
    shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    pictures = os.environ.get("SANDBOX_PICTURES")
    found = []
    for name in TABS:
        panel = opened(shown, name)
        expect(panel.get_by_role("table").first).to_be_visible()
        violations = Axe().run(shown).response["violations"]
        found += [f"{each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]
        assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        if pictures:
            shown.screenshot(path=f"{pictures}/{name}-{scheme}-{width}.png".lower().replace(" ", "-"))
    assert found == []


def test_the_first_tab_stop_leads_past_the_head_of_the_page(shown: Page) -> None:
    shown.keyboard.press("Tab")
    if shown.evaluate("document.activeElement === document.body"):
        # Without a window the first press only brings the focus into the page.
        shown.keyboard.press("Tab")
    expect(shown.get_by_role("link", name="Skip to content")).to_be_focused()
    shown.keyboard.press("Enter")
    expect(shown.locator("main")).to_be_focused()


def test_tabs_move_with_the_arrows(shown: Page) -> None:
    first = shown.get_by_role("tab", name=TABS[0])
    pressed(first, "ArrowRight")
    for name in (*TABS[1:], TABS[0]):
        tab = shown.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        shown.keyboard.press("ArrowRight")
    shown.keyboard.press("Home")
    expect(first).to_be_focused()
    shown.keyboard.press("End")
    expect(shown.get_by_role("tab", name=TABS[-1])).to_be_focused()


def test_the_clock_is_stopped_and_moved(shown: Page, sandbox: Sandbox) -> None:
    pressed(shown.get_by_role("button", name="Freeze"), "Space")
    said(shown, "The clock stands still.")
    assert sandbox.account.clock.frozen
    before = sandbox.account.clock.now()
    for name, seconds in (("+1 h", 3600), ("+1 day", 86_400)):
        start = sandbox.account.clock.now()
        pressed(shown.get_by_role("button", name=name))
        expect(shown.locator("#now")).to_contain_text(":")
        shown.wait_for_function("text => document.getElementById('now').textContent > text", arg=start.isoformat(" "))
        assert (sandbox.account.clock.now() - start).total_seconds() == seconds
    assert sandbox.account.clock.now() > before
    pressed(shown.get_by_role("button", name="Unfreeze"))
    said(shown, "The clock runs.")
    assert not sandbox.account.clock.frozen


def test_people_are_found_and_made_to_leave(shown: Page, sandbox: Sandbox) -> None:
    panel = opened(shown, "Contacts")
    people = ("Unsubscribe", "1", "Unsubscribed"), ("Bounce", "2", "HardBounced"), ("Complain", "3", "IspComplained")
    for act, number, status in people:
        address = f"subscriber.{number}@example.com"
        panel.get_by_label("Address contains").fill(address)
        panel.get_by_label("Address contains").press("Enter")
        row = panel.get_by_role("row", name=address)
        pressed(row.get_by_role("button", name=f"{act} {address}"))
        expect(row).to_contain_text(status)
    panel.get_by_label("Address contains").fill("")
    panel.get_by_label("Book").select_option("Customers")
    pressed(panel.get_by_role("button", name="Find"))
    expect(panel.get_by_role("row")).to_have_count(11)


def test_a_confirmation_is_clicked(shown: Page, sandbox: Sandbox) -> None:
    body = {"unsubscribedContact": {"email": "opted.out.1@example.com"}}
    auth = (sandbox.user, sandbox.password)
    assert httpx2.post(f"{sandbox.url}/v2/contacts/resubscribe", json=body, auth=auth).status_code == 200
    panel = opened(shown, "Contacts")
    panel.get_by_label("Address contains").fill("opted.out.1")
    panel.get_by_label("Address contains").press("Enter")
    pressed(panel.get_by_role("button", name="Confirm opted.out.1@example.com"))
    expect(panel.get_by_role("row", name="opted.out.1")).to_contain_text("Subscribed")


def test_imports_are_held_released_ended_and_finished(shown: Page, sandbox: Sandbox) -> None:
    panel = opened(shown, "Imports")
    expect(panel.get_by_role("row").nth(1)).to_contain_text("NotFinished")
    pressed(panel.get_by_role("button", name="Hold imports"))
    expect(panel.get_by_role("button", name="Release imports")).to_be_focused()
    assert sandbox.account.work.held
    pressed(panel.get_by_role("button", name="Release imports"))
    expect(panel.get_by_role("button", name="Hold imports")).to_be_visible()
    assert not sandbox.account.work.held
    panel.get_by_label("The next ends as").select_option("RejectedByWatchdog")
    pressed(panel.get_by_role("button", name="Order"))
    said(shown, "Ordered.")
    pressed(panel.get_by_role("button", name="Finish all now"))
    expect(panel.get_by_role("row").nth(1)).to_contain_text("RejectedByWatchdog")


def test_a_campaign_is_sent_after_a_question(shown: Page, sandbox: Sandbox) -> None:
    panel = opened(shown, "Campaigns")
    send = panel.get_by_role("button", name="Send Winter offers")
    shown.once("dialog", lambda dialog: dialog.dismiss())
    pressed(send)
    expect(panel.get_by_role("row", name="Winter offers")).to_contain_text("Unsent")
    shown.once("dialog", lambda dialog: dialog.accept())
    pressed(send)
    expect(panel.get_by_role("row", name="Winter offers")).not_to_contain_text("Unsent")


def test_faults_are_ordered_and_forgotten(shown: Page, sandbox: Sandbox) -> None:
    panel = opened(shown, "Calls")
    expect(panel.get_by_role("table", name="The latest 500 calls")).to_contain_text("/v2/account-info")
    panel.get_by_label("Fault").select_option("status")
    panel.get_by_label("Path matches").fill("server-time")
    panel.get_by_role("spinbutton", name="Status").fill("500")
    pressed(panel.get_by_label("after the work"), "Space")
    pressed(panel.get_by_role("button", name="Order"))
    expect(panel.get_by_role("table", name="Faults ordered")).to_contain_text("server-time")
    auth = (sandbox.user, sandbox.password)
    assert httpx2.get(f"{sandbox.url}/v2/server-time", auth=auth).status_code == 500
    assert httpx2.get(f"{sandbox.url}/v2/server-time", auth=auth).status_code == 200
    sandbox.fail_next("delay", times=None, path="nowhere")
    pressed(panel.get_by_role("button", name="Clear faults"))
    expect(panel.get_by_role("table", name="Faults ordered")).to_have_count(0)
    pressed(panel.get_by_role("button", name="Clear log"))
    expect(panel).to_contain_text("Nobody has called yet.")
    assert sandbox.call_counts()["total"] == 0


def test_every_switch_is_turned_by_keyboard(shown: Page, sandbox: Sandbox) -> None:
    panel = opened(shown, "Switches")
    names = sandbox.account.switches.as_dict()
    expect(panel.get_by_role("row")).to_have_count(len(names) + 1)
    for name, value in names.items():
        control = panel.get_by_label(name, exact=True)
        if control.locator("option").count() == 0:
            wanted = str(type(value)(7))
            control.fill(wanted)
            control.press("Tab")
        else:
            wanted = control.locator("option:not(:checked)").first.inner_text()
            control.focus()
            control.press("ArrowDown" if control.locator("option").first.inner_text() != wanted else "ArrowUp")
        expect(shown.get_by_role("status")).to_have_text(f"{name} is now {wanted}.")
        assert str(sandbox.account.switches.as_dict()[name]).lower() == wanted.lower()
