"""The pages of lists by their type: made, refreshed, given columns, changed by two at once, deleted.

The kind of fault held down here: a right that is asked on the page and not on the button. Seen as columns that showed a
field to somebody who may not see it; so every button is pressed without its right as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.audit.models import AuditEntry
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact as Person
from dotbridge.crm.models import ContactEmail
from dotbridge.lists import refreshing
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import AddressLoad, ListType, MarketingList
from dotbridge.lists.services import create_list, update_list
from tests.backoffice.conftest import texts
from tests.backoffice.test_list_picking import on_it, picked
from tests.backoffice.test_lists import page_of
from tests.backoffice.world import World

__all__ = ["picked"]

ADD = "dotbridge:list-add"
BEES = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Bee 1"}]}
MAY_SEE_LISTS = "dotbridge_lists.view_marketinglist"
MAY_CHANGE = "dotbridge_lists.change_marketinglist"


def form_of(client: Client, marketing_list: MarketingList, **changes: Any) -> dict[str, Any]:
    """What the form of the settings posts."""
    page = client.get(page_of(marketing_list, "list-settings"))
    shown = {field.name: field.value() for field in page.context["form"]}
    typed = {**shown, "seen": page.context["seen"], **changes}
    return {name: value for name, value in typed.items() if value not in (None, False)}


@pytest.mark.parametrize(
    ("kind", "page", "number"), [("dynamic", "list", 1), ("on_demand", "list", 1), ("manual", "list-pick", 0)]
)
def test_a_list_of_each_type_is_made(back_office: Client, world: World, kind: str, page: str, number: int) -> None:
    typed = {
        "name": " Bees ",
        "entity": "crm.contact",
        "type": kind,
        "rule": json.dumps(BEES),
        "refresh_every": "86400",
        "include_previously_contacted": "on",
    }
    answer = back_office.post(reverse(ADD), typed)
    made = MarketingList.objects.get(name="Bees")
    assert answer["Location"] == page_of(made, page)
    assert (made.type, made.include_previously_contacted) == (kind, True)
    assert made.refresh_every == (timedelta(days=1) if kind == "on_demand" else None)
    assert made.rule == ({} if kind == "manual" else BEES)
    assert back_office.get(page_of(made, "list-bar")).context["standing"].total == number
    # Pressed twice, it is made once.
    assert "Another list has this name already." in texts(back_office.post(reverse(ADD), typed))
    assert AuditEntry.objects.filter(about_model="dotbridge_lists.marketinglist", about_id=str(made.pk)).exists()


def test_only_entities_that_one_may_see_are_offered(logged_in: Callable[..., Client], world: World) -> None:
    client = logged_in(MAY_SEE_LISTS, "dotbridge_lists.add_marketinglist", "crm.view_lead")
    page = client.get(reverse(ADD))
    assert page.context["form"].fields["entity"].choices == [("crm.lead", "Lead")]
    typed = {"name": "Bees", "entity": "crm.contact", "type": "dynamic", "rule": "{}"}
    assert "Select a valid choice" in texts(client.post(reverse(ADD), typed))
    assert not MarketingList.objects.filter(name="Bees").exists()


def test_a_rule_does_not_ask_what_its_writer_may_not_see(logged_in: Callable[..., Client], world: World) -> None:
    client = logged_in(MAY_SEE_LISTS, MAY_CHANGE, "crm.view_contact")
    edited = create_list(name="Edited", entity="crm.contact")
    rule = {"rules": [{"field": "account__city", "operator": "=", "value": "Berlin"}]}
    seen = client.get(page_of(edited, "list-rule")).context["seen"]
    page = texts(client.post(page_of(edited, "list-rule"), {"rule": json.dumps(rule), "seen": seen}))
    assert "account__city" in page
    edited.refresh_from_db()
    assert edited.rule == {}


@pytest.fixture
def snapshot(world: World) -> MarketingList:
    made = create_list(name="Snapshot", entity="crm.contact", type=ListType.ON_DEMAND)
    connect_list(marketing_list=made, address_book=world.free_book)
    Person.objects.create(first_name="New")
    world.people[0].delete()
    return made


def test_a_list_on_demand_says_what_a_refresh_would_change(
    back_office: Client, snapshot: MarketingList, world: World
) -> None:
    assert page_of(snapshot, "list-snapshot") in texts(back_office.get(page_of(snapshot, "list-rule")))
    piece = texts(back_office.get(page_of(snapshot, "list-snapshot")))
    assert "Last refreshed <time" in piece
    assert "by its schedule" not in piece, "it has none"
    assert "Adds 1 person. Of them, 0 stand in Book 1" in piece
    assert "It refreshes only when somebody asks." in piece
    done = texts(back_office.post(page_of(snapshot, "list-refresh-now"), follow=True))
    assert "The list was refreshed: 1 came, 0 went." in done
    snapshot.refresh_from_db()
    assert snapshot.refreshed_by is not None
    assert "by mona" in texts(back_office.get(page_of(snapshot, "list-snapshot")))
    assert "Nobody comes and nobody goes." in texts(back_office.get(page_of(snapshot, "list-snapshot")))
    again = texts(back_office.post(page_of(snapshot, "list-refresh-now"), follow=True))
    assert "0 came, 0 went" in again


def test_a_long_refresh_is_followed(back_office: Client, snapshot: MarketingList, monkeypatch: Any) -> None:
    Person.objects.bulk_create(Person(first_name="x") for _ in range(3_000))
    monkeypatch.setattr(refreshing, "MOST_MILLISECONDS", 1)
    for _press in range(2):
        page = texts(back_office.post(page_of(snapshot, "list-refresh-now"), follow=True))
        assert "The worker refreshes the list." in page
    assert ProcrastinateJob.objects.count() == 1
    piece = texts(back_office.get(page_of(snapshot, "list-snapshot")))
    assert "no worker is running" in piece
    assert "Start one on the server with: dotbridge worker" in piece
    assert 'hx-trigger="every 5s"' in piece, "nobody comes soon"
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    piece = texts(back_office.get(page_of(snapshot, "list-snapshot")))
    assert "It is being refreshed" in piece
    assert 'hx-trigger="every 2s"' in piece


def test_a_list_on_demand_whose_rule_broke_says_so(back_office: Client, snapshot: MarketingList) -> None:
    MarketingList.objects.filter(pk=snapshot.pk).update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    assert "There is no field “gone”" in texts(back_office.get(page_of(snapshot, "list-snapshot")))
    assert "gone" in texts(back_office.post(page_of(snapshot, "list-refresh-now"), follow=True))
    MarketingList.objects.filter(pk=snapshot.pk).update(entity="gone.model")
    assert back_office.get(page_of(snapshot, "list-snapshot")).status_code == 200


def test_another_type_is_asked_about_with_its_numbers(back_office: Client, picked: MarketingList, world: World) -> None:
    MarketingList.objects.filter(pk=picked.pk).update(rule=BEES)
    typed = form_of(back_office, picked, type="dynamic", description="now live")
    page = texts(back_office.post(page_of(picked, "list-settings"), typed))
    assert "Dynamic instead of Manual?" in page
    assert "That you picked 2 people by hand is forgotten." in page
    assert "Takes out 1 person." in page
    picked.refresh_from_db()
    assert picked.type == ListType.MANUAL
    # What was typed goes with the answer, whichever it is.
    (back,) = re.findall(r'href="([^"]+typed=yes[^"]*)"', page)
    again = back_office.get(unescape(back)).context["form"]
    assert (again["type"].value(), again["description"].value()) == ("dynamic", "now live")
    back_office.post(page_of(picked, "list-settings"), {**typed, "confirmed": "yes"})
    picked.refresh_from_db()
    assert (picked.type, picked.description) == (ListType.DYNAMIC, "now live")
    assert on_it(picked) == []


def test_what_changes_nobody_is_saved_at_once(back_office: Client, snapshot: MarketingList) -> None:
    typed = form_of(back_office, snapshot, name="Renamed", refresh_every="3600")
    page = texts(back_office.post(page_of(snapshot, "list-settings"), typed, follow=True))
    assert "Changed: Name, Refresh it by itself." in page
    snapshot.refresh_from_db()
    assert (snapshot.name, snapshot.refresh_every) == ("Renamed", timedelta(hours=1))
    assert "Every hour" in texts(back_office.get(page_of(snapshot, "list-snapshot")))
    odd = timedelta(minutes=90)
    MarketingList.objects.filter(pk=snapshot.pk).update(refresh_every=odd)
    back_office.post(page_of(snapshot, "list-settings"), form_of(back_office, snapshot, description="kept"))
    snapshot.refresh_from_db()
    assert (snapshot.description, snapshot.refresh_every) == ("kept", odd)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"type": "nonsense"}, "Select a valid choice"),
        ({"refresh_every": "7"}, "Select a valid choice"),
        ({"owner": "99999999"}, "Select a valid choice"),
    ],
)
def test_settings_that_make_no_sense_are_explained(
    back_office: Client, snapshot: MarketingList, changes: dict[str, str], said: str
) -> None:
    typed = form_of(back_office, snapshot, description="kept typing", **changes)
    page = texts(back_office.post(page_of(snapshot, "list-settings"), typed))
    assert said in page
    assert "kept typing" in page
    snapshot.refresh_from_db()
    assert (snapshot.name, snapshot.description) == ("Snapshot", "")


def test_the_later_of_two_is_shown_both(back_office: Client, logged_in: Callable[..., Client], world: World) -> None:
    """The rule and the settings: each says who was first, keeps what was typed, and gives way if asked."""
    edited = create_list(name="Edited", entity="crm.contact")
    other = logged_in(MAY_SEE_LISTS, MAY_CHANGE, "crm.view_contact")
    rule_page, settings_page = page_of(edited, "list-rule"), page_of(edited, "list-settings")
    seen = back_office.get(rule_page).context["seen"]
    typed = form_of(back_office, edited, name="Mine")
    theirs = {"rules": [{"field": "first_name", "operator": "=", "value": "Theirs"}]}
    other.post(rule_page, {"rule": json.dumps(theirs), "seen": seen})
    other.post(settings_page, form_of(other, edited, name="Theirs"))

    answer = back_office.post(rule_page, {"rule": json.dumps(BEES), "seen": seen})
    assert answer.status_code == 409
    assert [(line["theirs"], line["mine"]) for line in answer.context["clash"]] == [
        ("Contacts whose first name is Theirs", "Contacts whose last name is “Bee 1”")
    ]
    assert "person1 saved it" in texts(answer)
    assert "Bee 1" in texts(answer)
    edited.refresh_from_db()
    assert (edited.rule, edited.name) == (theirs, "Theirs")
    back_office.post(rule_page, {"rule": json.dumps(BEES), "seen": answer.context["seen"]})

    answer = back_office.post(settings_page, typed)
    assert answer.status_code == 409
    assert [(line["label"], line["theirs"], line["mine"]) for line in answer.context["clash"]] == [
        ("Name", "Theirs", "Mine")
    ]
    back_office.post(settings_page, typed | {"seen": answer.context["seen"]})
    edited.refresh_from_db()
    assert (edited.rule, edited.name) == (BEES, "Mine")


def test_every_button_needs_its_right(logged_in: Callable[..., Client], picked: MarketingList, world: World) -> None:
    load = AddressLoad.objects.create(marketing_list=picked)
    args = [picked.pk, load.pk]
    pages = [
        page_of(picked, "list-pick"),
        page_of(picked, "list-pick-add"),
        page_of(picked, "list-columns"),
        page_of(picked, "list-put-taken-out-back"),
        *(
            reverse(f"dotbridge:{name}", args=args)
            for name in ("list-address-load", "list-address-load-file", "list-address-load-undo")
        ),
    ]
    only_change = [page_of(picked, "list-settings"), page_of(picked, "list-refresh-now")]
    for rights, refused in (
        ((MAY_SEE_LISTS, "crm.view_contact"), pages + only_change),
        ((MAY_SEE_LISTS, MAY_CHANGE), pages),
        ((MAY_CHANGE, "crm.view_contact"), pages + only_change),
    ):
        client = logged_in(*rights)
        for address in refused:
            posted = {"confirmed": "yes", "record": [world.people[4].pk], "addresses": "ann.4@example.com"}
            assert client.post(address, posted).status_code == 403, (rights, address)
    take_out = {"verb": "take-out", "record": [world.people[0].pk], "confirmed": "yes"}
    client = logged_in(MAY_SEE_LISTS, "crm.view_contact")
    assert client.post(page_of(picked, "list-change-people"), take_out).status_code == 403
    assert client.post(page_of(world.marketing_list, "list-rule"), {"rule": "{}"}).status_code == 403
    assert len(on_it(picked)) == 2


@pytest.mark.parametrize("page", ["list", "list-pick", "list-settings", "list-address-load"])
def test_more_people_take_no_more_statements(back_office: Client, picked: MarketingList, page: str) -> None:
    update_list(marketing_list=picked, columns=[{"field": "lead_score", "sort": "desc"}, {"field": "account__name"}])
    args = [picked.pk]
    counts = []
    for number in range(3):
        ids = []
        for place in range(1 if number == 0 else 15):
            person = Person.objects.create(first_name=f"P{number}-{place}")
            ContactEmail.objects.create(contact=person, email=f"p{number}.{place}@example.com", is_primary=True)
            ids.append(person.pk)
        add_records(marketing_list=picked, record_ids=ids)
        given = "\n".join(f"nobody{place}@example.com" for place in range(1 + 20 * number))
        back_office.post(page_of(picked, "list-pick"), {"addresses": given})
        if page == "list-address-load":
            args = [picked.pk, AddressLoad.objects.latest("pk").pk]
        with CaptureQueriesContext(connection) as captured:
            assert back_office.get(reverse(f"dotbridge:{page}", args=args)).status_code == 200
        counts.append(len(captured))
    # The first page also reads what is read once in a process.
    assert counts[1] == counts[2]
    assert counts[2] <= 30


def test_a_list_that_others_ask_about_is_not_deleted(back_office: Client, picked: MarketingList) -> None:
    rule = {"rules": [{"field": "lists.member_of", "operator": "=", "value": picked.pk}]}
    asking = create_list(name="Asking", entity="crm.contact", rule=rule)
    for method in (back_office.get, back_office.post):
        page = texts(method(page_of(picked, "list-delete"), {"confirmed": "yes"}, follow=True))
        assert "Other lists ask about this one. Change their rules first: Asking." in page
    asking.delete()
    page = texts(back_office.get(page_of(picked, "list-delete")))
    assert "The list forgets who is on it: 2." in page
    done = texts(back_office.post(page_of(picked, "list-delete"), {"confirmed": "yes"}, follow=True))
    assert "Picked was deleted." in done
    assert not MarketingList.objects.filter(pk=picked.pk).exists()
