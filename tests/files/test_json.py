"""JSON as interfaces of programs answer it: people in a list within objects, or one behind the other."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dotbridge.crm.models import Contact
from dotbridge.files import json_objects, json_text, waiting
from dotbridge.files.errors import FileRefused
from dotbridge.files.services import look_at_file
from dotbridge.files.understanding import Choices
from tests.files.conftest import OptOutKeeper, chosen, counts, load

pytestmark = pytest.mark.django_db

DOTDIGITAL = {
    "contacts": [
        {
            "id": 1,
            "email": "ada@example.com",
            "status": "Subscribed",
            "dataFields": [{"key": "FIRSTNAME", "value": "Ada"}, {"key": "LASTNAME", "value": "Byron"}],
        },
        {
            "id": 2,
            "email": "bob@example.com",
            "status": "Unsubscribed",
            "dataFields": [{"key": "FIRSTNAME", "value": "Bob"}, {"key": "LASTNAME", "value": None}],
        },
    ]
}
MAILCHIMP = {
    "links": [{"rel": "self", "href": "https://example.com"}],
    "exported_by": "mona@example.com",
    "members": [
        {
            "email_address": "ada@example.com",
            "status": "subscribed",
            "merge_fields": {"FNAME": "Ada", "LNAME": "Byron"},
            "tags": [{"id": 1, "name": "VIP"}],
        },
        {"email_address": "bob@example.com", "status": "cleaned", "merge_fields": {"FNAME": "Bob", "LNAME": ""}},
    ],
    "total_items": 2,
}
HUBSPOT = {
    "results": [
        {"properties": {"email": "ada@example.com", "firstname": "Ada", "lastname": "Byron", "hs_email_optout": None}},
        {"properties": {"email": "bob@example.com", "firstname": "Bob", "hs_email_optout": "true"}},
    ],
    "paging": {"next": {"after": "2"}},
}
KLAVIYO = {
    "data": [
        {"attributes": {"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron"}},
        {
            "attributes": {
                "email": "bob@example.com",
                "first_name": "Bob",
                "subscriptions": {
                    "email": {"marketing": {"consent": "SUBSCRIBED", "suppression": [{"reason": "HARD_BOUNCE"}]}}
                },
            }
        },
    ],
    "links": {"self": "https://example.com"},
}


@pytest.mark.parametrize("written", [{}, {"indent": 2}], ids=["on one line", "wide"])
@pytest.mark.parametrize(
    ("answer", "part"),
    [(DOTDIGITAL, "contacts"), (MAILCHIMP, "members"), (HUBSPOT, "results"), (KLAVIYO, "data")],
    ids=["Dotdigital", "Mailchimp", "HubSpot", "Klaviyo"],
)
def test_the_answer_of_an_interface(
    answer: dict[str, Any], part: str, written: dict[str, Any], keeper: OptOutKeeper
) -> None:
    report = load(json.dumps(answer, **written))
    assert (report.format, report.part, counts(report)) == ("json", part, (2, 0, 0, 0))
    assert list(Contact.objects.order_by("pk").values_list("first_name", "last_name")) == [
        ("Ada", "Byron"),
        ("Bob", ""),
    ]
    assert keeper.emails() == {"bob@example.com"}


def test_answers_one_behind_the_other() -> None:
    pages = [{"contacts": [{"email": f"a{number}@example.com"}]} for number in range(3)]
    assert counts(load("\n".join(map(json.dumps, pages)))) == (3, 0, 0, 0)


@pytest.mark.parametrize("between", ["\n", ",\n"])
def test_objects_over_several_lines(between: str) -> None:
    people = [{"email": f"a{number}@example.com", "first_name": "Ann"} for number in range(3)]
    report = load(between.join(json.dumps(each, indent=2) for each in people))
    assert (counts(report), report.format) == ((3, 0, 0, 0), "json")
    assert counts(load(json.dumps({"email": "b@example.com"}, indent=2))) == (1, 0, 0, 0)


def test_of_several_lists_one_is_read_and_the_others_are_named(keeper: OptOutKeeper) -> None:
    answer = json.dumps({"subscribed": [{"email": "a@example.com"}], "unsubscribed": [{"email": "b@example.com"}]})
    report = load(answer)
    assert (report.part, report.other_parts, report.created) == ("subscribed", ["unsubscribed"], 1)
    report = load(answer, sheet="unsubscribed")
    assert (report.other_parts, keeper.emails()) == (["subscribed"], {"b@example.com"})
    with pytest.raises(FileRefused, match=r"There is no list 'cleaned'\. The lists are: subscribed, unsubscribed"):
        load(answer, sheet="cleaned")


def test_a_persons_own_lists_are_no_lists_of_people() -> None:
    people = [
        {"email": "ada@example.com", "orders": [{"id": 1, "email": "shop@example.com"}]},
        {"first_name": "Bob", "emails": [{"type": "home", "email": "bob@example.com"}, {"email": "b2@example.com"}]},
    ]
    report = load(json.dumps(people[0]) + "\n")
    assert (report.format, report.created) == ("jsonl", 1)
    report = load("\n".join([json.dumps(people[1]), json.dumps({**people[1], "emails": [{"email": "c@example.com"}]})]))
    assert (report.format, report.created) == ("jsonl", 2)
    assert set(Contact.objects.filter(first_name="Bob").values_list("emails__email", flat=True)) == {
        *("bob@example.com", "b2@example.com", "c@example.com")
    }


def test_a_long_answer_is_read_as_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (json_objects, json_text):
        monkeypatch.setattr(module, "LONGEST_LINE", 2_000)
    people = [{"email": f"a{number}@example.com", "note": "x" * 50} for number in range(200)]
    answer = {"status": {"pages": [1, 2]}, "events": [{"id": 1}], "data": {"contacts": people}, "total": 200}
    for written in ({}, {"indent": 1}):
        report = load(json.dumps(answer, **written), dry_run=True)  # type: ignore[arg-type]
        assert (report.part, report.created) == ("data.contacts", 200)
    with pytest.raises(FileRefused, match="damaged or cut off"):
        load(json.dumps(answer)[:-100])
    # A damaged line of a long file costs only itself.
    lines = ['{"email": "broken', *map(json.dumps, people)]
    assert counts(load("\n".join(lines), dry_run=True)) == (200, 0, 0, 1)


@pytest.mark.parametrize("shape", ["lines", "list", "answer"])
def test_a_look_reads_no_more_than_it_shows(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [json.dumps({"email": f"a{number}@example.com", f"late{number // 50}": "x"}) for number in range(400)]
    content = {
        "lines": "\n".join(people),
        "list": f"[{','.join(people)}]",
        "answer": f'{{"total": 400, "contacts": [{",".join(people)}]}}',
    }[shape]
    read = 0
    values = json_objects._values

    def counted(found: Any) -> Any:
        nonlocal read
        read += 1
        return values(found)

    monkeypatch.setattr(json_objects, "_values", counted)
    choices = Choices(columns={"late0": "first_name", "late7": "last_name"})
    report = look_at_file(
        file=io.BytesIO(content.encode()), name="p.json", entity="crm.contact", choices=choices, most_rows=10
    )
    assert (report.rows, report.has_more, [column.name for column in report.columns]) == (10, True, ["email", "late0"])
    assert read < 100
    # A load knows the names of all.
    report = load(content, columns=choices.columns)
    assert len(report.columns) == 9
    assert Contact.objects.filter(last_name="x").count() == 50


def test_what_was_chosen_for_a_name_that_comes_later_is_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_ROWS", 10)
    client.force_login(User.objects.create_superuser("mona"))
    people = [json.dumps({"email": f"a{number}@example.com", f"late{number // 50}": "x"}) for number in range(400)]
    kept = waiting.keep_file(file=io.BytesIO("\n".join(people).encode()), name="p.jsonl", entity="crm.contact")
    waiting.choose(load=kept, choices=Choices(columns={"late7": "last_name", "late0": "first_name"}))
    page = client.get(reverse("dotbridge:file", args=[kept.pk]))
    assert [column.name for column in page.context["columns"]] == ["email", "late0"]
    client.post(reverse("dotbridge:file-look", args=[kept.pk]), {**chosen(page), "goes-1": "unused"})
    kept.refresh_from_db()
    assert kept.choices["columns"] == {"email": "email", "late0": "unused", "late7": "last_name"}


@pytest.mark.parametrize("written", [{}, {"indent": 2}], ids=["on one line", "wide"])
@pytest.mark.parametrize("around", ["", "contacts"])
def test_objects_that_stand_under_addresses(around: str, written: dict[str, Any], keeper: OptOutKeeper) -> None:
    people: Any = {
        "ada@example.com": {"first_name": "Ada", "unsubscribed": False},
        "bob@example.com": {"first_name": "Bob", "unsubscribed": True, "email": "bob@work.example"},
        "cy@example.com": {"first_name": "Cy", "email": None},
    }
    report = load(json.dumps({around: people, "total": 3} if around else people, **written))
    assert (report.part, counts(report), keeper.emails()) == (
        around,
        (3, 0, 0, 0),
        {"bob@work.example", "bob@example.com"},
    )
    known = Contact.objects.order_by("pk").values_list("first_name", "emails__email")
    assert sorted(known) == [
        ("Ada", "ada@example.com"),
        ("Bob", "bob@example.com"),
        ("Bob", "bob@work.example"),
        ("Cy", "cy@example.com"),
    ]


def test_many_objects_that_stand_under_addresses_are_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (json_objects, json_text):
        monkeypatch.setattr(module, "LONGEST_LINE", 2_000)
    people = {f"a{number}@example.com": {"first_name": "Ann"} for number in range(600)}
    assert load(json.dumps(people), dry_run=True).created == 600


def test_states_that_stand_under_addresses(keeper: OptOutKeeper) -> None:
    load(json.dumps({"ada@example.com": "subscribed", "bob@example.com": "unsubscribed"}))
    assert keeper.emails() == {"bob@example.com"}


def test_addresses_that_stand_in_a_list_alone(keeper: OptOutKeeper) -> None:
    assert counts(load(json.dumps(["ada@example.com", "bob@example.com"]))) == (2, 0, 0, 0)
    answer = json.dumps({"sent_to": ["mona@example.com"], "contacts": [{"email": "ada@example.com"}]})
    report = load(answer)
    assert (report.part, report.other_parts) == ("contacts", ["sent_to"])
