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
    "campaign": ("/campaigns/", "Autumn letter"),
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
        page.wait_for_load_state("networkidle")
        for name, (first, *links) in WANTED.items():
            take(page, name, f"{address}{first}", links)
        chromium.close()


def take(page: Page, name: str, address: str, links: list[str]) -> None:
    """One picture of what can be seen without scrolling."""
    page.goto(address)
    for text in links:
        page.get_by_role("main").get_by_role("link", name=text, exact=True).first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"{name}: {page.title()}")


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
