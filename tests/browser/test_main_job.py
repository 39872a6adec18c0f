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


def test_from_an_empty_back_office_to_an_exported_list(
    back_office: Page, live_server: LiveServer, sandbox: Sandbox, complaints: list[str]
) -> None:
    generate_crm(contacts=60, leads=0, customers=0, seed=1)
    _add_integration(back_office, sandbox)
    integration = Integration.objects.get()
    sync(integration)

    back_office.goto(live_server.url + reverse("dotbridge_tables:dotbridge_lists_marketinglist_add"))
    back_office.get_by_label("Name").fill("Everybody")
    back_office.get_by_label("Entity").select_option(label="Contact")
    back_office.get_by_role("button", name="Save and continue editing").click()
    marketing_list = MarketingList.objects.get()
    expect(back_office.get_by_text("Not connected to an address book")).to_be_visible()

    _connect(back_office, "Product updates")
    link = ListConnection.objects.get()
    assert (link.marketing_list, link.address_book.name) == (marketing_list, "Product updates")
    assert ProcrastinateJob.objects.count() == 1
    sync(integration)

    back_office.reload()
    confirmed = _number(back_office, "Confirmed by Dotdigital")
    parts = ("Waiting", "Rejected", "Share their address", "Without an address", "Removed from", "Unsubscribed")
    assert confirmed + sum(_number(back_office, part) for part in parts) == _number(back_office, "Match the rule")
    remote = RemoteAccount(sandbox)
    assert confirmed > 0
    assert confirmed <= len(remote.contacts(link.address_book.remote_id))

    _look_at_the_run(back_office)
    _remove_a_member(back_office, live_server, marketing_list)
    assert complaints == []


def _add_integration(page: Page, sandbox: Sandbox) -> None:
    page.get_by_role("link", name="Connect your Dotdigital account").click()
    page.get_by_label("Name", exact=False).first.fill("Shop")
    page.get_by_label("API user").fill(sandbox.user)
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Base URL").fill(sandbox.url)
    page.get_by_role("button", name="Check what is typed").click()
    expect(page.locator("#check-result")).to_contain_text("It does not work.")
    page.get_by_label("Password").fill(sandbox.password)
    page.get_by_role("button", name="Check what is typed").click()
    expect(page.locator("#check-result")).to_contain_text("It works.")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_role("button", name="Check connection").click()
    expect(page.get_by_text("Connected to")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("starts as soon as the worker is free")).to_be_visible()
    empty_queue()


def _connect(page: Page, book: str) -> None:
    page.get_by_role("link", name="Connect to an address book").click()
    page.get_by_label("Name contains").press_sequentially(book[:4].lower())
    expect(page.get_by_role("radio")).to_have_count(1)
    page.get_by_role("radio", name=re.compile(book)).check()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text(f"Connected to {book}.")).to_be_visible()


def _number(page: Page, line: str) -> int:
    row = page.get_by_role("row", name=re.compile(rf"^{line}"))
    return int(row.get_by_role("cell").inner_text().replace(",", ""))


def _look_at_the_run(page: Page) -> None:
    run = SyncRun.objects.latest("pk")
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name=f"#{run.pk}", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("Uploading contacts"))).to_contain_text("rows sent")


def _remove_a_member(page: Page, live_server: LiveServer, marketing_list: MarketingList) -> None:
    page.goto(
        live_server.url + reverse("dotbridge_tables:dotbridge_lists_marketinglist_members", args=[marketing_list.pk])
    )
    page.get_by_role("checkbox", name="Choose", exact=False).nth(1).check()
    page.get_by_role("button", name="Remove from the list").click()
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_text("1 member was removed from the list.")).to_be_visible()
    assert RemovedItem.objects.count() == 1
    page.get_by_role("link", name="Removed", exact=True).first.click()
    page.get_by_role("link", name="Put back on the list").click()
    page.get_by_role("button", name="Yes, put back").click()
    expect(page.get_by_text("1 record is on the list again.")).to_be_visible()
    assert not RemovedItem.objects.exists()


def test_a_run_at_work_is_followed_without_reloading(
    back_office: Page, live_server: LiveServer, sandbox: Sandbox
) -> None:
    integration = create_integration(
        name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url
    )
    run = sync(integration)
    SyncRun.objects.filter(pk=run.pk).update(state="running", finished_at=None)
    back_office.goto(live_server.url + reverse("dotbridge_tables:dotbridge_sync_syncrun_change", args=[run.pk]))
    expect(back_office.locator("#run-progress")).to_contain_text("Running")
    SyncRun.objects.filter(pk=run.pk).update(state="succeeded", finished_at=run.finished_at)
    expect(back_office.locator("#run-progress h2").first).to_contain_text("Succeeded", timeout=10_000)
    assert back_office.locator("#run-progress").get_attribute("hx-trigger") is None
