"""The pictures of the README and of docs/, taken of the demo: `python tools/screenshots.py`.

Starts a demo of its own on free ports, in a folder of its own, and ends it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "images"
# The name of a picture, and where to go: an address, or the texts of the links to follow one after the other.
WANTED: dict[str, tuple[str, ...]] = {
    "home": ("/",),
    "marketing-list": ("/lists/", "Everybody in the CRM"),
    "rule-builder": ("/lists/", "VIPs and good leads", "Rule"),
    "campaign": ("/campaigns/", "Last chance to book"),
    "guide-next-export": ("/lists/", "Birthdays", "What will the next export do?"),
    "guide-breaker": ("/", "Look and decide"),
    "guide-upload": ("/", "See and try again"),
}


def main() -> None:
    """Take them all."""
    with demo() as (address, user, password), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(address)
        page.get_by_label("User").fill(user)
        page.locator("input[type=password]").fill(password)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").wait_for()
        wait_until_at_rest(page, address)
        for name, (first, *links) in WANTED.items():
            page.goto(f"{address}{first}")
            for text in links:
                follow(page, text)
            take(page, name)
        for picture in (person, campaign_to_send, list_to_connect):
            picture(page, address)
        chromium.close()


def wait_until_at_rest(page: Page, address: str) -> None:
    """Wait until no run of the demo's account is at work: the pictures show a quiet day."""
    page.goto(f"{address}/lists/")
    follow(page, "Everybody in the CRM")
    page.wait_for_load_state("networkidle")
    while page.locator(".live .strip").count():
        page.wait_for_timeout(1_000)
        page.reload(wait_until="networkidle")


def follow(page: Page, text: str) -> None:
    """Follow a link of the page, one in its menu too."""
    link = page.get_by_role("main").get_by_role("link", name=text, exact=True).first
    menu = page.get_by_label("More", exact=True)
    if not link.is_visible() and menu.count():
        menu.first.click()
    link.click()


def take(page: Page, name: str) -> None:
    """One picture of what can be seen without scrolling."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"{name}: {page.title()}")


def person(page: Page, address: str) -> None:
    """Somebody who read some mails, and opted out by the link in one of them."""
    page.goto(f"{address}/lists/")
    follow(page, "VIPs and good leads")
    page.locator("#standing").get_by_role("link", name=re.compile("^Opted out")).click()
    left = page.get_by_role("row").filter(has_text="Opted out in the whole account").filter(has_not_text="opted.out")
    left.first.get_by_role("link").first.click()
    take(page, "guide-person")


def campaign_to_send(page: Page, address: str) -> None:
    """The last step before a campaign is sent. It is not sent."""
    page.goto(f"{address}/campaigns/not-sent/")
    follow(page, "Winter offers")
    page.locator("iframe").wait_for()
    follow(page, "Send…")
    page.get_by_role("checkbox", name=re.compile("VIPs and good leads")).check()
    page.get_by_role("button", name="Go on").click()
    page.locator("#recipients").wait_for()
    page.locator("iframe").wait_for()
    take(page, "guide-send")


def list_to_connect(page: Page, address: str) -> None:
    """What would happen, before a list is connected. It is not connected."""
    page.goto(f"{address}/lists/new/")
    page.get_by_label("Name", exact=True).fill("Everybody who reads German")
    page.get_by_label("Who can be on the list").select_option(label="Contact")
    page.get_by_role("button", name="+ Add condition").click()
    field = page.get_by_role("combobox", name="Field", exact=True)
    field.fill("language")
    page.get_by_role("option", name="Language", exact=True).click()
    page.locator('input[aria-label="Value"]').fill("de")
    page.get_by_role("button", name="Make the list", exact=True).click()
    follow(page, "Connect")
    page.get_by_role("radio", name=re.compile("^Customers")).check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("as we last saw it").wait_for()
    take(page, "guide-connect")


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """A running demo: its address, and the name and password of its log-in."""
    port, sandbox_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="screenshots") as folder:
        places = {
            "DOTBRIDGE_DATA_DIR": folder,
            "DOTBRIDGE_PORT": str(port),
            "DOTBRIDGE_SANDBOX_PORT": str(sandbox_port),
        }
        command = [sys.executable, "-m", "dotbridge", "demo"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **places})
        assert running.stdout is not None
        try:
            for line in running.stdout:
                if found := re.search(r"(http://\S+)\s+log in as (\S+) / (\S+)", line):
                    wait_for(port)
                    yield found[1], found[2], found[3]
                    break
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(timeout=60)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    """Until the back office answers."""
    while True:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return


if __name__ == "__main__":
    main()
