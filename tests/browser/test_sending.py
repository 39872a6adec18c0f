"""A marketer sends a campaign, and opens the account: by mouse and keyboard, against the sandbox's own pages."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.connections.models import CampaignSend, RunKind, SendState
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotdigital_sandbox import Sandbox
from dotdigital_sandbox.oauth import DEFAULT_CLIENT, DEFAULT_SECRET
from tests.accounts import RemoteAccount, sync
from tests.backoffice.world import empty_queue
from tests.browser.test_walk import barriers
from tests.sync.sending import carry_out, connected, make_campaign, people, sent_to


@pytest.fixture
def worker() -> None:
    """Somebody reports for work, so that the pages wait for them; what is asked for the test does itself."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 hour')")


@pytest.fixture
def integration(transactional_db: None, sandbox: Sandbox) -> Integration:
    """An account in which a send takes its time."""
    sandbox.settings.send_seconds = 600.0
    return create_integration(name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_campaign_is_looked_at_tested_and_sent(
    back_office: Page,
    live_server: LiveServer,
    integration: Integration,
    sandbox: Sandbox,
    worker: None,
    complaints: list[str],
    scheme: str,
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    remote = RemoteAccount(sandbox)
    people(3)
    connected(integration, remote)
    remote.create_contact("mona@example.com")
    remote_id = make_campaign(remote, "Spring greetings")
    sync(integration, kind=RunKind.IMPORT)

    back_office.goto(live_server.url + reverse("dotbridge:campaigns"))
    _look(back_office, integration)
    _test(back_office, integration, sandbox)
    _choose(back_office, integration)
    _confirm(back_office)

    send = carry_out(integration, CampaignSend.objects.get(is_test=False))
    expect(back_office.locator("#sends")).to_contain_text("Dotdigital is sending it")
    sandbox.finish_chores()
    assert carry_out(integration, send).state == SendState.SENT
    assert sent_to(remote, remote_id) == ["p0@example.com", "p1@example.com", "p2@example.com"]
    empty_queue()
    sync(integration, kind=RunKind.IMPORT)
    back_office.goto(live_server.url + reverse("dotbridge:draft", args=[integration.pk, remote_id]))
    expect(back_office.get_by_role("heading", name="Spring greetings")).to_be_visible()
    expect(back_office.get_by_role("region", name="Results")).to_contain_text("Delivered")
    # The frame forbids the mail's own script, and says so; nothing else complains.
    assert [each for each in complaints if "Blocked script execution" not in each] == []


def _look(page: Page, integration: Integration) -> None:
    page.get_by_role("link", name="Not sent").click()
    page.get_by_label("Part of the name or the subject").fill("greetings")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Spring greetings").click()
    expect(page.get_by_text("Being read…")).to_be_visible()
    # The page asks for it by itself, and from then on looks whether it was read.
    expect(page.locator("#mail-preview[hx-get]")).to_be_visible()
    sync(integration, kind=RunKind.REQUESTS)
    expect(page.frame_locator("iframe").get_by_text("Hello")).to_be_visible()
    assert barriers(page) == []


def _test(page: Page, integration: Integration, sandbox: Sandbox) -> None:
    page.get_by_role("button", name="Send a test to myself").click()
    expect(page.get_by_text("A test is sent to mona@example.com.")).to_be_visible()
    test = CampaignSend.objects.get(is_test=True)
    for _turn in range(2):
        test = carry_out(integration, test)
        sandbox.finish_chores()
    assert test.state == SendState.SENT
    expect(page.locator("#sends .state--good")).to_have_text("Sent")


def _choose(page: Page, integration: Integration) -> None:
    page.get_by_role("link", name="Send…").click()
    page.get_by_role("checkbox", name=re.compile("Everybody for Readers")).check()
    assert barriers(page) == []
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#recipients")).to_have_text("3")
    sync(integration, kind=RunKind.REQUESTS)
    expect(page.frame_locator("iframe").get_by_text("Hello")).to_be_visible()
    assert barriers(page) == []


def _confirm(page: Page) -> None:
    page.get_by_label("Type the number of people").fill("4")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("It would go to 3 people now.")).to_be_visible()
    number = page.get_by_label("Type the number of people")
    number.fill("3")
    number.press("Enter")
    expect(page.get_by_text("Spring greetings is sent to 3 people.")).to_be_visible()


def test_a_person_signs_on_opens_the_account_and_disconnects(
    back_office: Page, live_server: LiveServer, integration: Integration, sandbox: Sandbox, complaints: list[str]
) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:studio"))
    expect(back_office.get_by_text("Enterprise licence")).to_be_visible()
    assert barriers(back_office) == []
    back_office.get_by_role("link", name="Enter them").click()
    expect(back_office.locator("#callback-url")).to_have_text(f"{live_server.url}/dotdigital/oauth/callback")
    back_office.get_by_label("Client ID").fill(DEFAULT_CLIENT)
    back_office.get_by_label("Client secret").fill(DEFAULT_SECRET)
    assert barriers(back_office) == []
    back_office.get_by_role("button", name="Save").click()
    expect(back_office.get_by_role("status").filter(has_text="Single sign-on set up.")).to_be_visible()

    for decision in ("Deny", "Log in and allow"):
        back_office.goto(live_server.url + reverse("dotbridge:studio-account", args=[integration.pk]))
        back_office.get_by_role("button", name="Connect").click()
        back_office.wait_for_url(f"{sandbox.url}/OAuth2/authorise.aspx*")
        if decision != "Deny":
            back_office.get_by_label("User name").fill(sandbox.user)
            back_office.get_by_label("Password").fill(sandbox.password)
        back_office.get_by_role("button", name=decision).click()
        back_office.wait_for_url(f"{live_server.url}/studio/**")
        if decision == "Deny":
            expect(back_office.get_by_text("You did not allow it")).to_be_visible()
    expect(back_office.frame_locator("iframe").get_by_role("heading", name="Your account")).to_be_visible()
    assert barriers(back_office) == []
    with back_office.context.expect_page() as opened:
        back_office.get_by_role("link", name="Open in a new tab").click()
    expect(opened.value.get_by_role("heading", name="Your account")).to_be_visible()
    opened.value.close()
    back_office.get_by_role("button", name="Disconnect").click()
    expect(back_office.get_by_role("button", name="Connect", exact=True)).to_be_visible()
    assert User.objects.get().username == "mona"
    assert complaints == []
