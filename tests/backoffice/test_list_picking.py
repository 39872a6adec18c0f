"""Picking people for a manual list, by search and by addresses, and taking them out again."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from dotbridge.backoffice.reads import picking
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import AddressLoad, ListedRecord, ListType, MarketingList
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records, update_list
from tests.backoffice.conftest import texts
from tests.backoffice.test_lists import page_of
from tests.backoffice.world import World

JUERGEN = "jürgen@example.com"


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


def test_who_was_taken_out_of_a_list_whose_records_are_known_no_more_is_not_put_back(
    back_office: Client, picked: MarketingList, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"verb": "take-out", "record": [world.people[0].pk], "confirmed": "yes"}
    back_office.post(page_of(picked, "list-change-people"), chosen)
    MarketingList.objects.filter(pk=picked.pk).update(entity="gone.away")
    assert back_office.post(page_of(picked, "list-put-taken-out-back")).status_code in (302, 403)


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


def test_a_record_that_there_cannot_be_is_nobody(back_office: Client, picked: MarketingList) -> None:
    answer = back_office.post(reverse("dotbridge:list-pick-add", args=[picked.pk]), {"record": "1\0"}, follow=True)
    assert "Choose at least one person." in texts(answer)
