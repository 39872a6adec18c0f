"""The back office's own pages in a browser: light and dark, wide and narrow, by mouse and by keys, and alive."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Dialog, Page, expect
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.live_server_helper import LiveServer

from dotbridge.campaigns.models import EmailCampaign
from dotbridge.connections.models import ChangeState, ContactRequest, ContactRequestKind, RunKind
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.lists.models import MarketingList
from dotbridge.notifications.models import Choice
from dotbridge.sync.models import Absence, Listing, State, SyncRun
from tests.backoffice.test_pages import house_of
from tests.backoffice.world import World
from tests.browser.test_walk import barriers

# Pieces that a page fetches; they stand in a page and are looked at there.
PIECES = ("counts/", "/bar/", "/numbers/", "/live/", "/snapshot/", "/state/", "/preview/")


def whole_pages(world: World) -> list[str]:
    return [page for page in house_of(world) if not any(piece in page for piece in PIECES)]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_every_page_of_the_house_is_sound_and_open_to_everybody(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str, width: int
) -> None:
    """Nothing of ours is refused by the policy that forbids scripts and styles beside our files: that complains."""
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    back_office.set_viewport_size({"width": width, "height": 800})
    found = []
    for address in whole_pages(world):
        response = back_office.goto(live_server.url + address)
        expect(back_office.get_by_text("Counting…")).to_have_count(0, timeout=15_000)
        assert response is not None
        assert response.status == 200, address
        policy = response.header_value("content-security-policy") or ""
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        found += barriers(back_office)
        if back_office.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{address} is wider than the screen")
        expect(back_office.get_by_role("main")).to_have_count(1)
        expect(back_office.get_by_role("heading", level=1)).to_have_count(1)
    assert found == []
    assert complaints == []


def test_the_house_without_anything_in_it(back_office: Page, live_server: LiveServer, complaints: list[str]) -> None:
    expect(back_office.get_by_role("heading", name="Four steps to your first mail")).to_be_visible()
    found = barriers(back_office)
    for name in ("lists", "campaigns", "marketing-campaigns", "people", "fields", "activity", "settings", "accounts"):
        back_office.goto(live_server.url + reverse(f"dotbridge:{name}"))
        found += barriers(back_office)
    assert found == []
    assert complaints == []


def test_anything_is_found_by_keys_alone(back_office: Page, live_server: LiveServer, world: World) -> None:
    MarketingList.objects.filter(pk=world.marketing_list.pk).update(name="Friends of the garden")
    back_office.keyboard.press("Tab")
    expect(back_office.get_by_role("link", name="Skip to the content")).to_be_focused()
    back_office.keyboard.press("Control+k")
    back_office.keyboard.type("garden")
    found = back_office.get_by_role("dialog", name="Search").get_by_role("link", name="Friends of the garden")
    expect(found).to_be_visible()
    back_office.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    back_office.keyboard.press("Enter")
    expect(back_office.get_by_role("heading", name="Friends of the garden", level=1)).to_be_visible()
    back_office.get_by_role("button", name=re.compile("Search")).click()
    back_office.keyboard.type("ann.2@example")
    expect(
        back_office.get_by_role("dialog").get_by_role("link", name=re.compile(r"ann\.2@example\.com"))
    ).to_be_visible()


def test_what_was_pressed_is_seen_to_work(back_office: Page, live_server: LiveServer, world: World) -> None:
    """From the button to what it did, without a reload; the numbers of the page follow. Seen: nothing moved."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 hour')")
    back_office.goto(live_server.url + reverse("dotbridge:list", args=[world.marketing_list.pk]))
    standing = back_office.locator("#standing")
    expect(standing).to_contain_text("5 people match the rule")
    back_office.get_by_role("button", name="Sync now").click()
    strip = back_office.locator(".live")
    expect(strip).to_contain_text("Waiting for the worker")
    job = ProcrastinateJob.objects.get()
    assert job.args["connection_id"] == world.link.pk
    run = SyncRun.objects.create(
        integration=world.integration,
        kind=RunKind.SYNC,
        connection=world.link,
        trigger="person",
        started_at=timezone.now(),
    )
    step = run.steps.create(name="prepare", counts={"read": 1200}, started_at=timezone.now())
    expect(strip).to_contain_text("1,200 read")
    expect(strip.get_by_role("img", name="How far the run is")).to_be_visible()
    world.people[0].delete()
    step.state, step.counts = State.SUCCEEDED, {"uploaded": 3}
    step.save()
    SyncRun.objects.filter(pk=run.pk).update(state=State.SUCCEEDED, finished_at=timezone.now() + timedelta(seconds=2))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    expect(strip).to_contain_text("Done", timeout=10_000)
    expect(strip).to_contain_text("3 rows sent")
    expect(standing).to_contain_text("4 people match the rule")
    assert strip.get_attribute("hx-trigger") is None


def test_what_only_waits_is_called_back(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:account", args=[world.integration.pk]))
    back_office.get_by_role("button", name="Sync now").click()
    strip = back_office.locator(".live")
    expect(strip).to_contain_text("no worker is running")
    strip.get_by_role("button", name="Cancel").click()
    expect(strip).not_to_contain_text("no worker is running")
    assert ProcrastinateJob.objects.get().status == "cancelled"


def test_what_has_the_focus_keeps_it_while_the_page_follows_a_run(
    back_office: Page, live_server: LiveServer, world: World
) -> None:
    """The strip is drawn anew every few seconds, and whoever had come to its button by keyboard began at the top."""
    back_office.goto(live_server.url + reverse("dotbridge:account", args=[world.integration.pk]))
    back_office.get_by_role("button", name="Sync now").click()
    cancel = back_office.locator(".live").get_by_role("button", name="Cancel")
    cancel.focus()
    with back_office.expect_response(lambda answer: "/live/" in answer.url):
        pass
    back_office.wait_for_timeout(300)
    expect(cancel).to_be_focused(timeout=1_000)


def test_a_refused_form_begins_with_what_is_wrong(back_office: Page, live_server: LiveServer) -> None:
    """The page comes anew from its top, and of a long form what was refused stood far below, without a word above."""
    back_office.set_viewport_size({"width": 390, "height": 600})
    back_office.goto(live_server.url + reverse("dotbridge:site-settings"))
    address = back_office.get_by_label("E-mail address")
    address.fill("nobody")
    back_office.get_by_role("button", name="Save", exact=True).click()
    expect(back_office.get_by_text("Write an e-mail address, such as news@example.com.")).to_be_in_viewport()
    expect(address).to_be_focused()


def test_a_changed_form_asks_before_it_is_left(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:list-settings", args=[world.marketing_list.pk]))
    expect(back_office.get_by_role("button", name="Save", exact=True)).to_be_hidden()
    back_office.get_by_label("Name", exact=True).fill("Renamed")
    expect(back_office.get_by_role("button", name="Save", exact=True)).to_be_visible()
    asked: list[str] = []
    back_office.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    back_office.get_by_role("link", name="Home").click()
    back_office.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    back_office.get_by_role("button", name="Save", exact=True).click()
    expect(back_office.get_by_role("heading", name="Renamed", level=1)).to_be_visible()
    assert asked == ["beforeunload"]


def test_sending_one_form_asks_before_another_one_is_lost(back_office: Page, live_server: LiveServer) -> None:
    back_office.goto(live_server.url + reverse("dotbridge:my-settings"))
    look, told = (back_office.locator("form[data-asks]").nth(place) for place in (0, 1))
    look.get_by_label("Time zone").select_option("Europe/Berlin")
    told.get_by_role("checkbox").first.click()
    stays, asked = [True, True, False], []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        if stays[len(asked) - 1]:
            dialog.dismiss()
        else:
            dialog.accept()

    back_office.on("dialog", answer)
    for times in (1, 2):
        told.get_by_role("button").click()
        back_office.wait_for_timeout(300)
        assert asked == times * ["beforeunload"], "whoever stays can send it again"
    assert not Choice.objects.exists()
    told.get_by_role("button").click()
    expect(back_office.get_by_text("Saved.")).to_be_visible()
    assert Choice.objects.exists()


def test_light_and_dark_are_chosen_and_kept(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.emulate_media(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = back_office.evaluate(ground)
    back_office.get_by_label("Light or dark").select_option(label="Dark")
    dark = back_office.evaluate(ground)
    assert dark != light
    back_office.goto(live_server.url + reverse("dotbridge:lists"))
    assert back_office.evaluate(ground) == dark


def test_a_phone_has_a_menu(back_office: Page, live_server: LiveServer, world: World) -> None:
    back_office.set_viewport_size({"width": 390, "height": 800})
    back_office.goto(live_server.url + reverse("dotbridge:home"))
    expect(back_office.get_by_role("link", name="Campaigns", exact=True)).to_be_hidden()
    back_office.get_by_role("button", name="Menu").click()
    back_office.get_by_role("link", name="Campaigns", exact=True).click()
    expect(back_office.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_is_opted_out_and_forgotten_from_their_page(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    record = world.people[1]
    address = live_server.url + reverse("dotbridge:person-record", args=["crm.contact", record.pk])
    back_office.goto(address)
    back_office.get_by_label("More").click()
    found = barriers(back_office)
    back_office.get_by_role("link", name="Write nothing more to this person").click()
    back_office.get_by_label("How do you know?").fill("asked by phone")
    found += barriers(back_office)
    back_office.get_by_role("button", name="Yes, write nothing more").click()
    expect(back_office.get_by_role("status").filter(has_text="Nothing more is written")).to_be_visible()
    expect(back_office.get_by_text("asked by phone")).to_be_visible()
    back_office.get_by_label("More").click()
    expect(back_office.get_by_role("link", name="Take the opt-out back")).to_be_visible()
    found += barriers(back_office)
    back_office.get_by_role("link", name="Forget this person").click()
    back_office.get_by_label("Type the address to confirm").fill("somebody@example.com")
    back_office.get_by_role("button", name="Yes, forget for good").click()
    expect(back_office.get_by_text("This is not the address of the person.")).to_be_visible()
    found += barriers(back_office)
    back_office.get_by_label("Type the address to confirm").fill("ann.1@example.com")
    back_office.get_by_role("button", name="Yes, forget for good").click()
    expect(back_office.get_by_role("heading", name="People", level=1)).to_be_visible()
    expect(back_office.get_by_role("status").filter(has_text="The person is forgotten.")).to_be_visible()
    assert not type(record).objects.filter(pk=record.pk).exists()
    assert found == []
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_missing_and_what_failed_is_decided_from_home(
    back_office: Page, live_server: LiveServer, world: World, complaints: list[str], scheme: str
) -> None:
    back_office.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    Absence.objects.create(
        integration=world.integration,
        listing=Listing.ADDRESS_BOOKS,
        object_id=world.book.pk,
        first_missed_at=timezone.now(),
    )
    asked = ContactRequest.objects.create(
        integration=world.integration, kind=ContactRequestKind.ERASE, remote_id=5, state=ChangeState.FAILED
    )
    back_office.goto(live_server.url + reverse("dotbridge:home"))
    back_office.get_by_role("link", name="Look and decide").click()
    found = barriers(back_office)
    back_office.get_by_role("button", name="Yes, they are gone").click()
    expect(back_office.get_by_role("status").filter(has_text="believed gone")).to_be_visible()
    expect(back_office.locator(".live")).to_contain_text("no worker is running")
    back_office.goto(live_server.url + reverse("dotbridge:activity-changes"))
    found += barriers(back_office)
    given_up = back_office.get_by_role("region", name="About people, given up")
    given_up.get_by_role("button", name="Try again").click()
    expect(given_up).to_have_count(0)
    asked.refresh_from_db()
    assert asked.state == ChangeState.WAITING
    assert found == []
    assert complaints == []


def test_a_row_of_a_table_can_be_read_on_a_phone(back_office: Page, live_server: LiveServer, world: World) -> None:
    """What is said in small below a value stands below it, and not beside it where no word fits any more."""
    back_office.set_viewport_size({"width": 390, "height": 800})
    squeezed = """() => [...document.querySelectorAll('.table td[data-label] > .small')]
        .filter((each) => each.tagName === 'DIV' && each.clientWidth < each.parentElement.clientWidth * 0.6)
        .map((each) => each.textContent)"""
    found = 0
    for name in ("activity-conflicts", "activity-uploads", "activity-problems", "activity"):
        back_office.goto(live_server.url + reverse(f"dotbridge:{name}"))
        found += back_office.locator(".table td[data-label] > div.small").count()
        assert back_office.evaluate(squeezed) == [], name
    assert found > 0
    campaign = EmailCampaign.objects.order_by("pk")[0]
    back_office.goto(f"{live_server.url}{reverse('dotbridge:campaigns-compare')}?campaign={campaign.pk}")
    labels = back_office.locator(".table td").evaluate_all("cells => cells.map(each => each.dataset.label)")
    assert set(labels) == {str(campaign)}


def test_a_very_long_name_or_address_leaves_room_for_the_others(
    back_office: Page, live_server: LiveServer, world: World
) -> None:
    person = Contact.objects.order_by("pk")[0]
    Contact.objects.filter(pk=person.pk).update(last_name="Wolfeschlegelsteinhausen-" * 12)
    ContactEmail.objects.filter(contact=person).update(email=f"{'long' * 15}@example.com")
    back_office.set_viewport_size({"width": 1280, "height": 800})
    back_office.goto(live_server.url + reverse("dotbridge:list", args=[world.marketing_list.pk]))
    box = back_office.get_by_role("row").filter(has_text="Wolfeschlegelsteinhausen").first.bounding_box()
    assert box is not None
    assert box["height"] < 120
    assert back_office.locator("#people").evaluate("card => card.scrollWidth <= card.clientWidth")
