"""The whole story by hand, each person with the rights of their ready group, and a real worker that does what they ask.

A marketer: from an account that is not connected to a campaign that was read, and to a list that is disconnected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from dotbridge.backoffice.role_services import make_role_groups
from dotbridge.connections.models import CampaignSend, ListConnection, RunKind
from dotbridge.connections.services import request_run
from dotbridge.crm.generator import generate_crm
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import update_list
from dotbridge.mirror.models import DataField
from dotbridge.notifications.services import note_conditions
from dotdigital_sandbox import Sandbox
from dotdigital_sandbox.oauth import DEFAULT_CLIENT, DEFAULT_SECRET
from dotdigital_sandbox.settings import Engagement
from tests.accounts import RemoteAccount, connect, sync
from tests.browser.conftest import PASSWORD
from tests.browser.test_rule_builder import builder, choose, condition, entry
from tests.platform.crew import Workers, empty_queue
from tests.platform.place import Place, until

__all__ = ["empty_queue"]

LIST, BOOK = "VIPs and good leads", "Good people"
EAGER = Engagement(
    opens=0.9, clicks=0.9, hard_bounces=0, soft_bounces=0, mail_blocks=0, unsubscribes=0, complaints=0, variety=0
)
LogIn = Callable[[str], Page]


@pytest.fixture
def worker(empty_queue: None, tmp_path: Path, sandbox: Sandbox, settings: Any) -> Iterator[None]:
    """A worker that takes what is asked for on the pages."""
    sandbox.settings.engagement = EAGER
    place = Place(tmp_path / "worker")
    Workers(place, sandbox, settings.SECRET_KEY).start(import_wait_seconds=30)
    yield
    place.close()


@pytest.fixture
def log_in(
    worker: None, browser: Browser, live_server: LiveServer, transactional_db: None, complaints: list[str]
) -> Iterator[LogIn]:
    """A page of somebody with the rights of a ready group, in a browser of their own."""
    make_role_groups()
    contexts = []

    def log_in(role: str) -> Page:
        user = User.objects.create_user(role, f"{role}@example.com", PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(dotbridge_role__role=role))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url)
        page.get_by_label("Username").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        return page

    yield log_in
    for context in contexts:
        context.close()


def sync_now(page: Page) -> None:
    """Press the button, and follow the strip to the end of the run."""
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator(".live")).to_contain_text("Done")


def from_menu(page: Page, entry: str) -> None:
    """Follow an entry of the menu."""
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name=re.compile(rf"^{entry}\b")).click()


def open_list(page: Page) -> None:
    """The page of the story's list, by the menu."""
    from_menu(page, "Lists")
    page.get_by_role("main").get_by_role("link", name=LIST).first.click()


def number(page: Page, part: str) -> int:
    """How many people of the list stand there, as its bar says."""
    words = page.locator("#standing").get_by_role("link", name=re.compile(f"^{part}"))
    return int(re.sub(r"\D", "", words.inner_text())) if words.count() else 0


def test_the_story_of_a_marketer(
    log_in: LogIn, sandbox: Sandbox, live_server: LiveServer, complaints: list[str]
) -> None:
    generate_crm(contacts=60, leads=0, customers=0, seed=1)
    _connect_account(log_in("administrator"), sandbox)
    page = log_in("marketer")
    _make_list_by_mouse(page)
    _change_rule_by_keyboard(page)
    _connect_with_new_book(page, sandbox)
    people = _see_people_in_sandbox(page, sandbox)
    _send(page, sandbox, len(people))
    _see_results(page, len(people))
    _see_opt_out(page, sandbox, people[0])
    _open_studio(page, sandbox)
    manager = log_in("manager")
    _merge(page, manager, live_server)
    _disconnect(manager, live_server, sandbox)
    # The frame forbids the mail's own script, and says so; nothing else complains.
    assert [each for each in complaints if "Blocked script execution" not in each] == []


def _connect_account(page: Page, sandbox: Sandbox) -> None:
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("API user").fill(sandbox.user)
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Address of Dotdigital's API").fill(sandbox.url)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_role("alert")).to_contain_text("It does not work, so nothing was saved.")
    page.get_by_label("Password").fill(sandbox.password)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_text("Connected to Sandbox")).to_be_visible()
    # It is read at once, and followed; then its books are known.
    expect(page.locator(".live")).to_contain_text("Done")
    page.reload()
    expect(page.get_by_role("region", name="What the account told about itself")).to_contain_text("Address books 3")
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Client ID").fill(DEFAULT_CLIENT)
    page.get_by_label("Client secret").fill(DEFAULT_SECRET)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Single sign-on set up.")).to_be_visible()


def _make_list_by_mouse(page: Page) -> None:
    from_menu(page, "Lists")
    page.get_by_role("link", name="Make a list").first.click()
    page.get_by_label("Name", exact=True).fill(LIST)
    page.get_by_label("Who can be on the list").select_option(label="Contact")
    builder(page).get_by_label("Who matches").select_option(label="any of these")
    builder(page).get_by_role("button", name="+ Add condition").click()
    choose(condition(page, "Condition 1"), "Field", "vip", "VIP")
    builder(page).get_by_role("button", name="+ Add group").last.click()
    inner = condition(page, "Group 2")
    inner.get_by_role("button", name="+ Add condition").click()
    choose(inner, "Field", "score", "Lead score")
    inner.get_by_label("Comparison").select_option(label="is at least")
    entry(inner, "Value").fill("70")
    entry(inner, "Value").press("Tab")
    expect(page.locator(".rb-words")).to_have_text("Contacts who are VIP, or whose lead score is 70 or more")
    page.get_by_role("button", name="Make the list", exact=True).click()
    expect(page.get_by_text("Not connected")).to_be_visible()


def _change_rule_by_keyboard(page: Page) -> None:
    keys = page.keyboard
    page.get_by_role("link", name="Rule", exact=True).press("Enter")
    builder(page).get_by_role("listitem", name="Group 2").get_by_role("button", name="+ Add condition").press("Enter")
    expect(page.get_by_role("combobox", name="Field").last).to_be_focused()
    keys.type("birth")
    expect(page.get_by_role("option", name="Birthday", exact=True)).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_label("Comparison").last).to_be_focused()
    keys.press("End")
    expect(page.locator(".rb-words")).to_have_text(
        "Contacts who are VIP, or whose lead score is 70 or more and whose birthday is not empty"
    )
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_text("Changed: Rule")).to_be_visible()


def _connect_with_new_book(page: Page, sandbox: Sandbox) -> None:
    sandbox.hold_imports()
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("dialog").get_by_role("link", name="Make a new address book").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name", exact=True).fill(BOOK)
    sheet.get_by_role("button", name="Make and connect").click()
    expect(page.get_by_text(f"{BOOK} is made in Dotdigital")).to_be_visible()
    # The page follows by itself: the book, then the first export, for which Dotdigital takes its time.
    expect(page.locator(".live")).to_contain_text("Results")
    expect(page.locator(".live .meter")).to_be_visible()
    sandbox.release_imports()
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    expect(page.locator(".live")).to_contain_text("Done")
    expect(page.locator("#standing")).to_contain_text("In step")


def _see_people_in_sandbox(page: Page, sandbox: Sandbox) -> list[str]:
    """The addresses in the new book, as the account's own page shows them."""
    remote = RemoteAccount(sandbox)
    (book,) = [each["id"] for each in remote.ask("GET", "/v2/address-books") if each["name"] == BOOK]
    people = sorted(remote.contacts(book))
    assert len(people) == number(page, "In step") > 5
    account = page.context.new_page()
    account.goto(f"{sandbox.url}/_sandbox/")
    account.get_by_role("tab", name="Contacts").click()
    account.get_by_role("combobox", name="Book").select_option(label=BOOK)
    account.get_by_role("button", name="Find").click()
    for address in people:
        expect(account.locator("#found")).to_contain_text(address)
    account.close()
    return people


def _send(page: Page, sandbox: Sandbox, recipients: int) -> None:
    from_menu(page, "Campaigns")
    page.get_by_role("link", name="Not sent").click()
    page.get_by_role("link", name="Winter offers").click()
    expect(page.frame_locator("iframe").get_by_text("Hello")).to_be_visible()
    page.get_by_role("link", name="Send…").click()
    page.get_by_role("checkbox", name=re.compile(LIST)).check()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#recipients")).to_have_text(str(recipients))
    expect(page.frame_locator("iframe").get_by_text("Hello")).to_be_visible()
    page.get_by_label("Type the number of people").fill(str(recipients))
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text(f"Winter offers is sent to {recipients} people.")).to_be_visible()
    expect(page.locator("#sends")).to_contain_text(re.compile("Taken by Dotdigital|Dotdigital is sending it"))
    sandbox.finish_chores()
    # The worker looks after it again and again; what the schedule would ask for next is asked for at once.
    CampaignSend.objects.update(due_at=None)
    request_run(integration=Integration.objects.get(), kind=RunKind.REQUESTS, trigger="schedule")
    # As soon as an import has it, the page gives way to that of its results.
    expect(page.locator("#sends .state--good").or_(page.get_by_role("region", name="Results"))).to_be_visible()


def _see_results(page: Page, recipients: int) -> None:
    open_list(page)
    sync_now(page)
    from_menu(page, "Campaigns")
    page.get_by_role("link", name="Winter offers").first.click()
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_role("link", name=re.compile(f"^Delivered {recipients} "))).to_be_visible()
    opened = results.get_by_role("link", name=re.compile("^Opened"))
    assert int(opened.locator(".figure-card__number").inner_text()) > recipients / 2
    assert (
        int(results.get_by_role("link", name=re.compile("^Clicked")).locator(".figure-card__number").inner_text()) > 0
    )
    opened.click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()


def _see_opt_out(page: Page, sandbox: Sandbox, address: str) -> None:
    sandbox.unsubscribe(address)
    open_list(page)
    sync_now(page)
    page.get_by_label("Part of a name or an address").fill(address)
    page.get_by_role("button", name="Find").click()
    row = page.get_by_role("row").filter(has_text=address)
    expect(row).to_contain_text("Opted out")
    row.get_by_role("link").first.click()
    lead = page.get_by_role("main")
    expect(lead).to_contain_text("Cannot be mailed")
    expect(lead).to_contain_text("Opted out in Shop, just now")
    expect(lead).to_contain_text("Opted out in the whole account on")
    expect(lead).to_contain_text("Only if the person asks for it")


def _open_studio(page: Page, sandbox: Sandbox) -> None:
    from_menu(page, "Campaigns")
    page.get_by_role("link", name="Email Studio").click()
    page.get_by_role("button", name="Connect").click()
    page.wait_for_url(f"{sandbox.url}/OAuth2/authorise.aspx*")
    page.get_by_label("User name").fill(sandbox.user)
    page.get_by_label("Password").fill(sandbox.password)
    page.get_by_role("button", name="Log in and allow").click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Your account")).to_be_visible()


def _merge(page: Page, manager: Page, live_server: LiveServer) -> None:
    from_menu(page, "Campaigns")
    page.get_by_role("link", name="Marketing campaigns").click()
    page.get_by_role("link", name="New marketing campaign").click()
    page.get_by_label("Name", exact=True).fill("Winter")
    page.get_by_label("Code").fill("WINTER")
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("heading", name="Winter", exact=True)).to_be_visible()
    manager.goto(live_server.url + reverse("dotbridge:marketing-campaigns"))
    for name in ("Winter", "Winter offers"):
        manager.get_by_role("checkbox", name=f"Choose {name}", exact=True).check()
    manager.get_by_role("button", name="Merge into one campaign").click()
    manager.get_by_role("group", name="Remaining campaign").get_by_role(
        "radio", name=re.compile("^Winter WINTER")
    ).check()
    manager.get_by_role("button", name="Yes, merge them").click()
    expect(manager.get_by_text("1 campaign was merged into")).to_be_visible()
    expect(manager.get_by_role("region", name="E-mail campaigns")).to_contain_text("Winter offers")


def _disconnect(page: Page, live_server: LiveServer, sandbox: Sandbox) -> None:
    open_list(page)
    page.get_by_label("More").click()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("radio", name=re.compile("are taken out of the address book")).check()
    page.get_by_role("button", name="Yes, disconnect").click()
    expect(page.get_by_text(f"The contacts are being taken out of {BOOK}")).to_be_visible()
    expect(page.get_by_role("link", name="Connect", exact=True)).to_be_visible(timeout=60_000)
    remote = RemoteAccount(sandbox)
    (book,) = [each["id"] for each in remote.ask("GET", "/v2/address-books") if each["name"] == BOOK]
    assert remote.contacts(book) == {}


def test_the_story_of_an_administrator(log_in: LogIn, sandbox: Sandbox, complaints: list[str]) -> None:
    generate_crm(contacts=60, leads=0, customers=0, seed=1)
    remote = RemoteAccount(sandbox)
    remote.create_book(BOOK)
    integration = create_integration(
        name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url
    )
    link = connect(integration, book=BOOK)
    sync(integration)
    page = log_in("administrator")
    _make_data_field(page, remote)
    _map_it(page)
    _meet_refused_credentials(page, sandbox)
    _meet_breaker(page, link, remote)
    _meet_refused_upload(page, sandbox, remote, link)
    _look_at_audit(page)
    assert complaints == []


def _make_data_field(page: Page, remote: RemoteAccount) -> None:
    from_menu(page, "Fields")
    page.get_by_role("link", name="Make or delete data fields").click()
    page.locator('a[href$="/datafield/add/"]').first.click()
    page.get_by_label("Integration").select_option(label="Shop")
    page.get_by_label("Name").fill("JOBTITLE")
    page.get_by_label("Type").select_option("String")
    page.get_by_role("button", name="Create in Dotdigital").click()
    expect(page.get_by_text("JOBTITLE is made in a moment.")).to_be_visible()
    until(lambda: any(field["name"] == "JOBTITLE" for field in remote.ask("GET", "/v2/data-fields")))
    until(lambda: DataField.objects.filter(name="JOBTITLE").exists())


def _map_it(page: Page) -> None:
    page.get_by_role("link", name="Home").first.click()
    from_menu(page, "Fields")
    page.get_by_role("main").get_by_role("link", name="Contact → Shop").click()
    page.get_by_role("link", name="Map another field").click()
    page.get_by_label("Data field").select_option(label="JOBTITLE (String)")
    page.get_by_label("Our field").select_option(label="Job title")
    page.get_by_role("button", name="What will this send again?").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"[1-9]\d* people"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("rowheader", name="Job title")).to_be_visible()


def _meet_refused_credentials(page: Page, sandbox: Sandbox) -> None:
    sandbox.disable_user(sandbox.user)
    from_menu(page, "Settings")
    page.get_by_role("main").get_by_role("link", name="Accounts").first.click()
    page.get_by_role("main").get_by_role("link", name="Shop").first.click()
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator(".live")).to_contain_text("It failed")
    _tell(later=timedelta(0))
    _tell(later=timedelta(hours=1))
    from_menu(page, "Home")
    needs = page.get_by_role("region", name="Needs you")
    expect(needs).to_contain_text("Shop")
    page.get_by_role("link", name="Notifications").click()
    told = page.get_by_role("main").get_by_role("listitem").filter(has_text="credentials")
    expect(told).to_be_visible()
    sandbox.add_user(sandbox.user, sandbox.password)
    told.get_by_role("link").click()
    page.get_by_label("More").click()
    page.get_by_role("button", name="Check the connection").click()
    expect(page.get_by_text("Connected to Sandbox")).to_be_visible()
    sync_now(page)
    _tell(later=timedelta(hours=2))
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text="over").first).to_be_visible()


def _meet_breaker(page: Page, link: ListConnection, remote: RemoteAccount) -> None:
    before = len(remote.contacts(link.address_book.remote_id))
    rule = {"combinator": "and", "rules": [{"field": "is_vip", "operator": "=", "value": True}]}
    update_list(marketing_list=link.marketing_list, rule=rule)
    from_menu(page, "Lists")
    page.get_by_role("main").get_by_role("link", name=link.marketing_list.name).first.click()
    sync_now(page)
    assert len(remote.contacts(link.address_book.remote_id)) == before
    from_menu(page, "Home")
    page.get_by_role("link", name="Look and decide").click()
    page.get_by_role("button", name=re.compile("^Yes")).click()
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    until(lambda: len(remote.contacts(link.address_book.remote_id)) < before / 2)


def _meet_refused_upload(page: Page, sandbox: Sandbox, remote: RemoteAccount, link: ListConnection) -> None:
    sandbox.finish_import_as("RejectedByWatchdog")
    Contact.objects.filter(is_vip=True).update(job_title="Head of Mills")
    from_menu(page, "Lists")
    page.get_by_role("main").get_by_role("link", name=link.marketing_list.name).first.click()
    sync_now(page)
    from_menu(page, "Home")
    page.get_by_role("link", name="See and try again").click()
    expect(page.get_by_role("main")).to_contain_text("quality check refused the whole file")
    page.get_by_role("link", name="Send again").click()
    page.get_by_role("button", name="Yes, send again").click()
    expect(page.get_by_text("They are sent again with the next export.")).to_be_visible()
    from_menu(page, "Lists")
    page.get_by_role("main").get_by_role("link", name=link.marketing_list.name).first.click()
    sync_now(page)
    titles = {values["JOBTITLE"] for values in remote.contacts(link.address_book.remote_id).values()}
    assert titles == {"Head of Mills"}


def _look_at_audit(page: Page) -> None:
    from_menu(page, "Activity")
    page.get_by_role("link", name="Audit", exact=True).click()
    history = page.get_by_role("main")
    expect(history).to_contain_text("JOBTITLE")
    expect(history).to_contain_text("administrator")
    with page.expect_download() as file:
        page.get_by_role("link", name="As CSV").click()
    assert re.search(r"administrator,.*mappingrow", file.value.path().read_text())


def _tell(*, later: timedelta) -> None:
    """What a worker does each minute about notifications, at that time."""
    note_conditions(timezone.now() + later)
