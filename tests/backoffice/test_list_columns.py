"""The columns of a list: shown, sorted by, carried away, kept from who may not see them, changed by two at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from dotbridge.backoffice.reads import list_people
from dotbridge.backoffice.rights import MAY_EXPORT_PEOPLE
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact as Person
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list, update_list
from tests.backoffice.conftest import texts
from tests.backoffice.test_list_picking import picked
from tests.backoffice.test_lists import page_of
from tests.backoffice.world import World

__all__ = ["picked"]

MAY_SEE_LISTS = "dotbridge_lists.view_marketinglist"
MAY_CHANGE = "dotbridge_lists.change_marketinglist"


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
        ([("first_name", "a\0b", "")], "a character that cannot be kept"),
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
    client = logged_in(MAY_SEE_LISTS, MAY_CHANGE, MAY_EXPORT_PEOPLE, "crm.view_contact")
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


def test_the_later_of_two_is_shown_both_choices(logged_in: Callable[..., Client], world: World) -> None:
    """But not what they may not see of the other's."""
    edited = create_list(name="Edited", entity="crm.contact")
    client = logged_in(MAY_SEE_LISTS, MAY_CHANGE, "crm.view_contact")
    columns = client.get(page_of(edited, "list-settings")).context["columns_seen"]
    update_list(marketing_list=edited, columns=[{"field": "first_name"}, {"field": "account__name"}])
    posted = {"column-field": "last_name", "column-label": "", "column-sort": "asc", "seen": columns}
    answer = client.post(page_of(edited, "list-columns"), posted)
    assert [(line["theirs"], line["mine"]) for line in answer.context["columns_clash"]] == [
        ("First name", "Last name ↑")
    ]
    assert "account__name" not in texts(answer)
    assert 'value="last_name" selected' in texts(answer)
    client.post(page_of(edited, "list-columns"), posted | {"seen": answer.context["columns_seen"]})
    edited.refresh_from_db()
    assert [column["field"] for column in edited.columns] == ["last_name", "account__name"]
