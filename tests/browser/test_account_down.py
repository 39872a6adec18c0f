"""Dotdigital does not answer while a page is open: the page says so in words, and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.connections.models import CampaignSend, ListConnection, RunKind, SendState
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, sync
from tests.browser.test_story import empty_queue, worker
from tests.browser.test_walk import barriers
from tests.sync.sending import connected, make_campaign, people

__all__ = ["empty_queue", "worker"]

NOT_NOW = "Dotdigital cannot be reached at the moment. Check the address and the network, then try again."
LAST_TRY = "Dotdigital could not be reached."


@pytest.fixture
def integration(transactional_db: None, sandbox: Sandbox) -> Integration:
    return create_integration(name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)


@pytest.fixture
def link(integration: Integration, sandbox: Sandbox) -> ListConnection:
    """A connected list of three people, and a campaign that nobody was sent."""
    remote = RemoteAccount(sandbox)
    people(3)
    made = connected(integration, remote)
    remote.create_contact("mona@example.com")
    make_campaign(remote, "Spring greetings")
    sync(integration, kind=RunKind.SYNC)
    return made


def open_page(page: Page, live_server: LiveServer, name: str, *args: object) -> None:
    page.goto(live_server.url + reverse(f"dotbridge:{name}", args=args))


def test_credentials_stay_as_they_were_typed(
    back_office: Page, live_server: LiveServer, integration: Integration, sandbox: Sandbox, complaints: list[str]
) -> None:
    open_page(back_office, live_server, "account", integration.pk)
    form = back_office.get_by_role("region", name="Credentials")
    typed = {"API user": "apiuser-other@apiconnector.com", "Password": "another secret"}
    for label, text in typed.items():
        form.get_by_label(label).fill(text)
    sandbox.stop()
    form.get_by_role("button", name="Check and save").click()
    expect(form.get_by_role("alert")).to_have_text(f"It does not work, so nothing was saved. {NOT_NOW}")
    for label, text in typed.items():
        expect(form.get_by_label(label)).to_have_value(text)
    assert barriers(back_office) == []
    sandbox.start()
    # The account answers again, and now it is known that they are wrong: a password is not said back any more.
    form.get_by_role("button", name="Check and save").click()
    expect(form.get_by_role("alert")).to_contain_text("did not accept the user name and password")
    expect(form.get_by_label("API user")).to_have_value(typed["API user"])
    expect(form.get_by_label("Password")).to_have_value("")
    assert Integration.objects.get().username == sandbox.user
    assert complaints == []


def test_a_new_account_stays_as_it_was_typed(
    back_office: Page, live_server: LiveServer, sandbox: Sandbox, complaints: list[str]
) -> None:
    open_page(back_office, live_server, "account-add")
    typed = {"Name": "Shop", "API user": sandbox.user, "Password": sandbox.password}
    for label, text in typed.items():
        back_office.get_by_label(label, exact=True).fill(text)
    back_office.get_by_label("Address of Dotdigital's API").fill(sandbox.url)
    sandbox.stop()
    back_office.get_by_role("button", name="Check and connect").click()
    expect(back_office.get_by_text(NOT_NOW)).to_be_visible()
    for label, text in typed.items():
        expect(back_office.get_by_label(label, exact=True)).to_have_value(text)
    sandbox.start()
    back_office.get_by_role("button", name="Check and connect").click()
    expect(back_office.get_by_role("heading", name="Shop", level=1)).to_be_visible()
    assert complaints == []


def test_what_is_pressed_says_that_the_account_is_down_and_is_done_when_it_answers(
    back_office: Page,
    live_server: LiveServer,
    integration: Integration,
    link: ListConnection,
    sandbox: Sandbox,
    worker: None,
    complaints: list[str],
) -> None:
    open_page(back_office, live_server, "list", link.marketing_list_id)
    sandbox.stop()
    back_office.get_by_role("button", name="Sync now").click()
    expect(back_office.locator(".live")).to_contain_text("It failed", timeout=60_000)
    expect(back_office.locator(".live")).to_contain_text(LAST_TRY)

    open_page(back_office, live_server, "home")
    expect(back_office.get_by_role("heading", name="Shop: the last run failed")).to_be_visible()
    expect(back_office.get_by_role("main")).to_contain_text(LAST_TRY)

    back_office.get_by_role("link", name="Campaigns", exact=True).click()
    back_office.get_by_role("link", name="Not sent").click()
    back_office.get_by_role("link", name="Spring greetings").click()
    preview = back_office.get_by_role("region", name="What it says")
    expect(preview).to_contain_text(LAST_TRY)
    back_office.get_by_role("button", name="Send a test to myself").click()
    sends = back_office.get_by_role("region", name="Sending")
    expect(sends).to_contain_text(LAST_TRY)
    expect(sends).to_contain_text("is done as soon as the account answers")
    assert barriers(back_office) == []

    open_page(back_office, live_server, "draft-add")
    back_office.get_by_role("button", name="Read the templates").click()
    expect(back_office.get_by_role("main")).to_contain_text(f"Shop: The last try did not work. {LAST_TRY}")

    sandbox.start()
    open_page(back_office, live_server, "list", link.marketing_list_id)
    back_office.get_by_role("button", name="Sync now").click()
    expect(back_office.locator(".live")).to_contain_text("Done", timeout=60_000)
    open_page(back_office, live_server, "home")
    expect(back_office.get_by_role("heading", name="Shop: the last run failed")).to_have_count(0)
    assert CampaignSend.objects.exclude(state=SendState.FAILED).exists()
    assert complaints == []
