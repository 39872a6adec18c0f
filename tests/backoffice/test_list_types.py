"""The pages of lists by their type: made, picked, loaded, refreshed, given columns, changed by two at once.

The kind of fault held down here: a right that is asked on the page and not on the button. Seen as columns that showed a
field to somebody who may not see it; so every button is pressed without its right as well.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook, load_workbook
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.reads import list_people, picking
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact as Person
from dotbridge.crm.models import ContactEmail
from dotbridge.lists import refreshing
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import AddressLoad, ListedRecord, ListType, MarketingList
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records, update_list
from tests.backoffice.conftest import texts
from tests.backoffice.test_lists import page_of
from tests.backoffice.world import World

ADD = "dotbridge:list-add"
BEES = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Bee 1"}]}
JUERGEN = "jürgen@example.com"
MAY_SEE_LISTS = "dotbridge_lists.view_marketinglist"
MAY_CHANGE = "dotbridge_lists.change_marketinglist"


@pytest.fixture
def picked(world: World) -> MarketingList:
    made = create_list(name="Picked", entity="crm.contact", type=ListType.MANUAL)
    add_records(marketing_list=made, record_ids=[person.pk for person in world.people[:2]])
    return made


def on_it(marketing_list: MarketingList) -> list[int]:
    return sorted(
        int(key)
        for key in ListedRecord.objects.filter(marketing_list=marketing_list).values_list("record_id", flat=True)
    )


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
    assert LogEntry.objects.filter(object_id=str(made.pk)).exists()


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


def test_people_are_picked_by_search(back_office: Client, picked: MarketingList, world: World) -> None:
    remove_records(marketing_list=picked, record_ids=[world.people[2].pk])
    unsubscribe_records(marketing_list=picked, record_ids=[world.people[3].pk])
    page = back_office.get(page_of(picked, "list-pick") + "?q=bee")
    shown = {int(each.record_id): each for each, _name in page.context["candidates"]}
    people = [person.pk for person in world.people]
    assert [key for key, each in shown.items() if each.is_listed] == people[:2]
    assert [key for key, each in shown.items() if each.is_removed] == [people[2]]
    assert [key for key, each in shown.items() if each.is_blocked] == [people[3]]
    chosen = {"q": "bee", "after": "", "record": [people[1], people[4], "nobody", "9" * 60, "a\0b"]}
    done = back_office.post(page_of(picked, "list-pick-add"), chosen)
    assert done["Location"] == page_of(picked, "list-pick") + "?q=bee"
    assert "1 person was added. 1 was on the list already." in texts(back_office.get(done["Location"]))
    assert on_it(picked) == [people[0], people[1], people[4]]
    assert "Choose at least one person" in texts(back_office.post(page_of(picked, "list-pick-add"), follow=True))


def test_the_search_comes_page_by_page(back_office: Client, picked: MarketingList, monkeypatch: Any) -> None:
    monkeypatch.setattr(picking, "PAGE", 2)
    seen: list[str] = []
    address = page_of(picked, "list-pick")
    query = "?q="
    while query:
        page = back_office.get(address + query)
        seen += [each.record_id for each, _name in page.context["candidates"]]
        query = page.context["pager"]["next"]
    assert len(seen) == len(set(seen)) == 5
    assert "Nobody is found" in texts(back_office.get(address + "?q=nobody-at-all"))


def test_addresses_are_pasted_and_what_did_not_match_is_kept(
    back_office: Client, picked: MarketingList, world: World
) -> None:
    given = "E-mail\nAnn <ANN.2@example.com>, ann.0@example.com\n<script>alert('x')</script>\n=1+1@example.org\n"
    answer = back_office.post(page_of(picked, "list-pick"), {"addresses": given})
    load = AddressLoad.objects.get()
    report = reverse("dotbridge:list-address-load", args=[picked.pk, load.pk])
    assert answer["Location"] == report
    page = texts(back_office.get(report))
    assert "=1+1@example.org" in page
    assert "<script>alert('x')" not in page
    assert "&lt;script&gt;alert(" in texts(back_office.get(report + "?why=not_an_address"))
    assert (load.added, load.already, load.created_by.username) == (1, 1, "mona")
    content = b"".join(back_office.get(report + "all.csv")).decode()
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[1:] == [
        ["'=1+1@example.org", "No record has this address"],
        ["<script>alert('x')</script>", "This cannot be an address"],
    ]
    assert "Pasted addresses" in texts(back_office.get(page_of(picked, "list-pick")))


def test_a_load_is_taken_back_after_a_question(back_office: Client, picked: MarketingList, world: World) -> None:
    back_office.post(page_of(picked, "list-pick"), {"addresses": "ann.0@example.com\nann.4@example.com"})
    undo = reverse("dotbridge:list-address-load-undo", args=[picked.pk, AddressLoad.objects.get().pk])
    assert "Take 1 person out again?" in texts(back_office.get(undo))
    assert len(on_it(picked)) == 3
    assert "1 person was taken out again." in texts(back_office.post(undo, {"confirmed": "yes"}, follow=True))
    assert on_it(picked) == [person.pk for person in world.people[:2]]
    assert "0 people were taken out again." in texts(back_office.post(undo, {"confirmed": "yes"}, follow=True))


def workbook() -> bytes:
    book, content = Workbook(), io.BytesIO()
    sheet = book.active
    for row in (["Name", "Whatever"], ["Ann", "ann.3@example.com"], ["Bob", "bob@example.com"]):
        sheet.append(row)
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "noted"),
    [
        ("headed.csv", b"Name;E-Mail\r\nAnn;ann.3@example.com\r\nNobody;\r\n;no address\r\n", ["Nobody", "no address"]),
        ("bare.txt", b"ann.3@example.com\nnobody@example.com\n", ["nobody@example.com"]),
        (
            "latin.csv",
            "Größe,Wer\n1,ann.3@example.com\n2,jürgen@example.com\n".encode("cp1252"),
            ["jürgen@example.com"],
        ),
        ("book.xlsx", workbook(), ["bob@example.com"]),
    ],
)
def test_a_file_of_any_kind_is_taken(
    back_office: Client, picked: MarketingList, world: World, name: str, content: bytes, noted: list[str]
) -> None:
    back_office.post(page_of(picked, "list-pick"), {"file": SimpleUploadedFile(name, content)})
    load = AddressLoad.objects.get()
    assert (load.name, load.added) == (name, 1)
    assert sorted(load.noted.values_list("text", flat=True)) == sorted(noted)
    assert world.people[3].pk in on_it(picked)


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({}, "Paste at least one address, or choose a file."),
        ({"addresses": "ann.0@example.com", "file": b"ann.0@example.com\n"}, "not both"),
        ({"addresses": "nobody here"}, "There is no e-mail address in it."),
        ({"file": b""}, "The submitted file is empty."),
        ({"file": b"Name,City\nAnn,Berlin\n"}, "No column of this file holds e-mail addresses."),
        ({"file": bytes(range(256)) * 8}, "no text"),
    ],
)
def test_what_holds_no_addresses_is_explained(
    back_office: Client, picked: MarketingList, posted: dict[str, Any], said: str
) -> None:
    if "file" in posted:
        posted = posted | {"file": SimpleUploadedFile("list.csv", posted["file"])}
    page = texts(back_office.post(page_of(picked, "list-pick"), posted))
    assert said in page
    assert posted.get("addresses", "") in page
    assert not AddressLoad.objects.exists()


def test_people_are_taken_out_and_put_back(back_office: Client, picked: MarketingList, world: World) -> None:
    unsubscribe_records(marketing_list=picked, record_ids=[world.people[1].pk])
    people = [person.pk for person in world.people[:2]]
    chosen = {"verb": "take-out", "record": [*people, world.people[4].pk]}
    address = page_of(picked, "list-change-people")
    assert "Take 2 people out of the list?" in texts(back_office.post(address, chosen))
    assert on_it(picked) == people
    page = texts(back_office.post(address, chosen | {"confirmed": "yes"}, follow=True))
    assert "2 people were taken out." in page
    assert "You took 2 people out." in page
    assert on_it(picked) == []
    undo = page_of(picked, "list-put-taken-out-back")
    assert "2 people are on the list again." in texts(back_office.post(undo, follow=True))
    assert on_it(picked) == people
    # Pressed twice, it does nothing more.
    assert "There was nobody to put back." in texts(back_office.post(undo, follow=True))
    assert "You took" not in texts(back_office.get(page_of(picked)))


def test_of_a_list_that_keeps_whom_it_reached_people_are_taken_off(
    back_office: Client, picked: MarketingList, world: World
) -> None:
    """Taken out alone they would stay on it."""
    update_list(marketing_list=picked, include_previously_contacted=True)
    page = texts(back_office.get(page_of(picked)))
    assert 'value="remove"' in page
    assert 'value="take-out"' not in page
    chosen = {"verb": "take-out", "record": [world.people[0].pk], "confirmed": "yes"}
    assert "Choose what to do" in texts(back_office.post(page_of(picked, "list-change-people"), chosen, follow=True))
    assert len(on_it(picked)) == 2


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
    assert "by its schedule" in piece
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
    assert 'hx-trigger="every 2s"' in piece
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert "It is being refreshed" in texts(back_office.get(page_of(snapshot, "list-snapshot")))


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
    # What was typed goes with the answer.
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
    """The rule, the settings and the columns: each says who was first, keeps what was typed, and gives way if asked."""
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

    columns = back_office.get(settings_page).context["columns_seen"]
    update_list(marketing_list=edited, columns=[{"field": "first_name"}])
    posted = {"column-field": "last_name", "column-label": "", "column-sort": "asc", "seen": columns}
    answer = back_office.post(page_of(edited, "list-columns"), posted)
    assert [(line["theirs"], line["mine"]) for line in answer.context["columns_clash"]] == [
        ("first_name", "last_name ↑")
    ]
    assert 'value="last_name" selected' in texts(answer)
    back_office.post(page_of(edited, "list-columns"), posted | {"seen": answer.context["columns_seen"]})
    edited.refresh_from_db()
    assert edited.columns == [{"field": "last_name", "label": "", "sort": "asc"}]


def columns_posted(client: Client, marketing_list: MarketingList, *lines: tuple[str, str, str]) -> Any:
    seen = client.get(page_of(marketing_list, "list-settings")).context["columns_seen"]
    fields, labels, sorts = zip(*lines, strict=True) if lines else ((), (), ())
    posted = {"column-field": fields, "column-label": labels, "column-sort": sorts, "seen": seen}
    return client.post(page_of(marketing_list, "list-columns"), posted, follow=True)


def test_columns_are_shown_and_carried_away(back_office: Client, picked: MarketingList, world: World) -> None:
    Person.objects.filter(pk=world.people[1].pk).update(
        lead_score=90, is_vip=True, birthday=timezone.now().date().replace(year=1990, month=2, day=3)
    )
    lines = [("lead_score", "=Score", "desc"), ("is_vip", "", ""), ("birthday", "Born", ""), ("primary_email", "", "")]
    assert "Changed: Columns." in texts(columns_posted(back_office, picked, *lines))
    page = back_office.get(page_of(picked))
    assert 'aria-sort="descending"' in texts(page)
    shown = [dict(line["cells"]) for line in page.context["people"]]
    assert shown[0] == {"=Score": "90", "VIP": "yes", "Born": "3 Feb 1990", "Primary e-mail": "ann.1@example.com"}
    assert shown[1]["Born"] == ""
    file = reverse("dotbridge:list-file", args=[picked.pk, "csv"])
    rows = list(csv.reader(io.StringIO(b"".join(back_office.get(file)).decode())))
    assert rows[0] == ["Record", "Who", "'=Score", "VIP", "Born", "Primary e-mail", "State", "Why"]
    assert [row[2:6] for row in rows[1:]] == [
        ["90", "yes", "1990-02-03", "ann.1@example.com"],
        ["", "no", "", "ann.0@example.com"],
    ]
    content = b"".join(back_office.get(reverse("dotbridge:list-file", args=[picked.pk, "xlsx"])))
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet["C2"].value == 90
    assert sheet["E2"].value.year == 1990


def test_a_sorted_list_comes_page_by_page(back_office: Client, world: World, monkeypatch: Any) -> None:
    made = create_list(name="Sorted", entity="crm.contact", columns=[{"field": "last_name", "sort": "desc"}])
    monkeypatch.setattr(list_people, "PAGE", 2)
    monkeypatch.setattr(list_people, "AT_ONCE", 2)
    seen: list[str] = []
    query = "?q="
    while query:
        page = back_office.get(page_of(made) + query)
        seen += [line["cells"][0][1] for line in page.context["people"]]
        query = page.context["pager"]["next"]
    assert seen == [f"Bee {number}" for number in (4, 3, 2, 1, 0)]
    assert back_office.get(page_of(made) + "?after=" + "9" * 30).status_code == 200
    file = b"".join(back_office.get(reverse("dotbridge:list-file", args=[made.pk, "csv"]))).decode()
    assert [row[2] for row in csv.reader(io.StringIO(file))][1:] == seen


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("gone", "", "")], "There is no field “gone”"),
        ([("first_name", "", ""), ("first_name", "Again", "")], "“Again” is a column already."),
        ([("first_name", "x" * 101, "")], "at most 100 characters"),
        ([("first_name", "", "sideways")], "not at all"),
        ([("first_name", "", "")] * 40, "at most 30 columns"),
    ],
)
def test_columns_that_make_no_sense_are_explained(
    back_office: Client, picked: MarketingList, lines: list[tuple[str, str, str]], said: str
) -> None:
    assert said in texts(columns_posted(back_office, picked, *lines))
    picked.refresh_from_db()
    assert picked.columns == []


def test_a_list_without_an_address_column_is_not_connected(back_office: Client, world: World) -> None:
    edited = create_list(name="Edited", entity="crm.contact", columns=[{"field": "first_name"}])
    page = texts(back_office.get(page_of(edited, "list-connect"), follow=True))
    assert "No column of the list shows an e-mail address." in page
    numbers = back_office.get(page_of(edited, "list-connect-numbers"), {"book": world.free_book.pk})
    assert "No column of the list shows" in texts(numbers)
    posted = {"address_book": world.free_book.pk}
    assert "No column of the list shows" in texts(
        back_office.post(page_of(edited, "list-connect-look"), posted, follow=True)
    )
    update_list(marketing_list=edited, columns=[])
    connect_list(marketing_list=edited, address_book=world.free_book)
    said = texts(columns_posted(back_office, edited, ("first_name", "", "")))
    assert "one column has to show the address" in said
    edited.refresh_from_db()
    assert edited.columns == []


def test_columns_of_fields_that_one_may_not_see_stay_unseen(logged_in: Callable[..., Client], world: World) -> None:
    columns = [{"field": "account__name", "sort": "asc"}, {"field": "first_name"}]
    edited = create_list(name="Edited", entity="crm.contact", columns=columns)
    client = logged_in(MAY_SEE_LISTS, MAY_CHANGE, "crm.view_contact")
    page = client.get(page_of(edited))
    assert [column.label for column in page.context["columns"]] == ["First name"]
    settings = client.get(page_of(edited, "list-settings"))
    assert "1 more column shows a field that you may not see." in texts(settings)
    assert "account__name" not in texts(settings)
    columns_posted(client, edited, ("last_name", "", ""), ("account__name", "", ""))
    edited.refresh_from_db()
    assert [column["field"] for column in edited.columns] == ["last_name", "account__name"]
    file = b"".join(client.get(reverse("dotbridge:list-file", args=[edited.pk, "csv"]))).decode()
    assert file.startswith("Record,Who,Last name,State,Why")


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
    assert "With it goes who stands on it: 2." in page
    done = texts(back_office.post(page_of(picked, "list-delete"), {"confirmed": "yes"}, follow=True))
    assert "Picked was deleted." in done
    assert not MarketingList.objects.filter(pk=picked.pk).exists()
