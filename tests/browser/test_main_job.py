"""The main job by hand: an account is connected, read, a list made, connected, exported and looked at."""

from __future__ import annotations

import re

from django.urls import reverse
from playwright.sync_api import Page, expect
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.live_server_helper import LiveServer

from dotbridge.connections.models import ListConnection
from dotbridge.crm.generator import generate_crm
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.sync.models import SyncRun
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, sync
from tests.backoffice.world import empty_queue

PARTS = (
    "In step",
    "Waiting",
    "Refused",
    "Opted out",
    "Taken off",
    "Address not valid",
    "No address",
    "Shares an address",
)


def test_from_an_empty_back_office_to_an_exported_list(
    back_office: Page, live_server: LiveServer, sandbox: Sandbox, complaints: list[str]
) -> None:
    generate_crm(contacts=60, leads=0, customers=0, seed=1)
    _connect_account(back_office, sandbox)
    integration = Integration.objects.get()
    sync(integration)

    back_office.goto(live_server.url + reverse("dotbridge:home"))
    back_office.get_by_role("link", name="Make a list").click()
    back_office.get_by_label("Name", exact=True).fill("Everybody")
    back_office.get_by_label("Who can be on the list").select_option(label="Contact")
    back_office.get_by_role("button", name="Make the list").click()
    marketing_list = MarketingList.objects.get()
    expect(back_office.get_by_text("Not connected")).to_be_visible()

    _connect_list(back_office, "Product updates")
    link = ListConnection.objects.get()
    assert (link.marketing_list, link.address_book.name) == (marketing_list, "Product updates")
    assert ProcrastinateJob.objects.count() == 1
    empty_queue()
    sync(integration)

    back_office.goto(live_server.url + reverse("dotbridge:list", args=[marketing_list.pk]))
    expect(back_office.locator("#standing")).to_contain_text("In step")
    total = re.search(r"([\d,]+) people match", back_office.locator("#standing").inner_text())
    assert total is not None
    numbers = {part: _number(back_office, part) for part in PARTS}
    assert sum(numbers.values()) == int(total[1].replace(",", ""))
    assert 0 < numbers["In step"] <= len(RemoteAccount(sandbox).contacts(link.address_book.remote_id))
    back_office.get_by_role("link", name=re.compile("^In step")).click()
    expect(back_office.get_by_role("row")).to_have_count(min(50, numbers["In step"]) + 1)

    _look_at_the_run(back_office)
    _take_somebody_off(back_office, live_server, marketing_list)
    assert complaints == []


def _connect_account(page: Page, sandbox: Sandbox) -> None:
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("API user").fill(sandbox.user)
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Address of Dotdigital's API").fill(sandbox.url)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_role("alert")).to_contain_text("It does not work, so nothing was saved.")
    assert not Integration.objects.exists()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Shop")
    page.get_by_label("Password").fill(sandbox.password)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_text("Connected to Sandbox")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.locator(".live")).to_contain_text("no worker is running")
    empty_queue()


def _connect_list(page: Page, book: str) -> None:
    page.get_by_role("link", name="Connect", exact=True).click()
    sheet = page.get_by_role("dialog", name="Connect Everybody")
    sheet.get_by_label("Part of the name").press_sequentially(book[:4].lower())
    expect(sheet.get_by_role("radio")).to_have_count(1)
    sheet.get_by_role("radio", name=re.compile(book)).check()
    sheet.get_by_role("button", name="Go on").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Sent, and new to Dotdigital")
    expect(sheet).to_contain_text("The address book has")
    assert not ListConnection.objects.exists()
    sheet.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text(f"Connected to {book}.")).to_be_visible()


def _number(page: Page, part: str) -> int:
    words = page.locator("#standing").get_by_role("link", name=re.compile(f"^{part}"))
    return int(re.sub(r"\D", "", words.inner_text())) if words.count() else 0


def _look_at_the_run(page: Page) -> None:
    run = SyncRun.objects.latest("pk")
    page.get_by_role("link", name="Activity").click()
    page.locator(f'a[href$="/runs/{run.pk}/"]').click()
    expect(page.get_by_role("row", name=re.compile("Uploading contacts"))).to_contain_text("rows sent")


def _take_somebody_off(page: Page, live_server: LiveServer, marketing_list: MarketingList) -> None:
    page.goto(live_server.url + reverse("dotbridge:list", args=[marketing_list.pk]))
    expect(page.get_by_role("button", name="Take off the list")).to_be_hidden()
    page.get_by_role("checkbox", name=re.compile("^Choose (?!all)")).first.check()
    page.get_by_role("button", name="Take off the list").click()
    page.get_by_role("button", name="Yes, take off").click()
    expect(page.get_by_text("1 person was taken off the list.")).to_be_visible()
    assert RemovedItem.objects.count() == 1
    page.get_by_role("link", name=re.compile("^Taken off")).click()
    page.get_by_role("link", name="Put back").click()
    page.get_by_role("button", name="Yes, put back").click()
    expect(page.get_by_text("1 person is on the list again.")).to_be_visible()
    assert not RemovedItem.objects.exists()


def test_a_run_at_work_is_followed_without_reloading(
    back_office: Page, live_server: LiveServer, sandbox: Sandbox
) -> None:
    integration = create_integration(
        name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url
    )
    run = sync(integration)
    SyncRun.objects.filter(pk=run.pk).update(state="running", finished_at=None)
    back_office.goto(live_server.url + reverse("dotbridge:run", args=[run.pk]))
    expect(back_office.locator("#run")).to_contain_text("Running")
    SyncRun.objects.filter(pk=run.pk).update(state="succeeded", finished_at=run.finished_at)
    expect(back_office.locator("#run h2").first).to_contain_text("Succeeded", timeout=10_000)
    assert back_office.locator("#run").get_attribute("hx-trigger") is None
