"""A real browser on the real pages: Chromium from the machine where there is one, Playwright's own otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from dotdigital_sandbox import Sandbox
from tests.backoffice.world import World, build_world, empty_queue

NAMES = ("chromium", "chromium-browser", "google-chrome")
PASSWORD = "long and invented"
# The machine may have no graphics, no user namespace and no way out to the internet.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--no-first-run",
)
# A busy machine takes its time; what is expected comes, or the test fails later.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def chromium_path() -> str | None:
    """The browser on the PATH, None for the one that Playwright brought."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium_path: str | None) -> dict[str, Any]:
    found = {"executable_path": chromium_path} if chromium_path else {}
    return {**browser_type_launch_args, **found, "args": [*ARGUMENTS]}


@pytest.fixture(scope="session", autouse=True)
def _let_django_work_beside_the_browser() -> Iterator[None]:
    """Playwright's event loop runs in this thread, and Django would refuse to touch the database beside a loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", seed="demo") as running:
        settings.DOTBRIDGE = settings.DOTBRIDGE | {
            "API_ORIGINS": (running.url,),
            "IMPORT_WAIT_SECONDS": 20.0,
            "UNKNOWN_OUTCOME_SECONDS": 0.0,
        }
        yield running


@pytest.fixture
def world(transactional_db: None) -> World:
    return build_world()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console and failed scripts said. A test ends by looking at it."""
    return []


@pytest.fixture
def back_office(
    live_server: LiveServer, transactional_db: None, context: BrowserContext, complaints: list[str]
) -> Iterator[Page]:
    """A page of somebody who has logged in by hand and may do everything."""
    empty_queue()
    User.objects.create_superuser("mona", "mona@example.com", PASSWORD)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("mona")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/")
    yield page
    # Let what the page still asks for end before its database goes away.
    page.goto("about:blank")
    empty_queue()
