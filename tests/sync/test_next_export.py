"""The next export, shown: what it says is what the next export does, and until then nothing has changed."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dotbridge import cli
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import allow_once, connect_list
from dotbridge.consent.models import ConsentEvent
from dotbridge.crm.models import Contact
from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records, update_list
from dotbridge.mirror.models import AddressBook
from dotbridge.next_export import csv_lines, find_connections, next_export_as_json
from dotbridge.summary import run_summary
from dotbridge.sync.models import ExportItem, Removal, Upload
from dotbridge.sync.outbound.next_export import BookGone, ExportKind, ExportNumbers, ExportRow, FieldChange, next_export
from tests.accounts import RemoteAccount, add_contact, connect, sync


def numbers_of(link: ListConnection) -> ExportNumbers:
    """The numbers of the next export."""
    with next_export(link) as found:
        return found.numbers()


def rows_of(link: ListConnection, *, most_a_kind: int | None = None) -> list[ExportRow]:
    """The rows of the next export."""
    with next_export(link) as found:
        return list(found.rows(most_a_kind=most_a_kind))


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    """One of each kind waits: renamed, removed, left in Dotdigital, known to the account alone, new, no address."""
    for name in ("renamed", "removed", "left", "stays"):
        add_contact(f"{name}@example.com", name.title())
    link = connect(integration, book="Readers")
    sync(integration)
    Contact.objects.filter(first_name="Renamed").update(first_name="Changed")
    remove_records(marketing_list=link.marketing_list, record_ids=[Contact.objects.get(first_name="Removed").pk])
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "left@example.com"})
    remote.create_contact("known@example.com", FIRSTNAME="Old")
    add_contact("known@example.com", "Known")
    add_contact("new@example.com", "New")
    add_contact("no address", "Wrong")
    sync(integration, kind=RunKind.IMPORT)
    return link


def state_of_everything() -> list[Any]:
    return [
        sorted(ExportItem.objects.values_list("email", "values", "upload", "reason", "removal")),
        sorted(Upload.objects.values_list("pk", "state")),
        Removal.objects.count(),
        ConsentEvent.objects.count(),
        ListConnection.objects.values_list("compared_as", "stopped_at").get(),
    ]


def test_it_says_what_the_export_then_does(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    before = state_of_everything()
    remote.sandbox.clear_calls()

    numbers = numbers_of(link)
    rows = {row.email: row for row in rows_of(link)}

    assert remote.sandbox.calls() == []
    assert state_of_everything() == before
    expected = {"new": 1, "add": 0, "update": 1, "remove": 1, "reject": 1}
    # An address that only the account knows is new to us until it was read.
    assert {kind.value: number for kind, number in numbers.counts.items()} == {**expected, "new": 2}
    assert (numbers.book_size, numbers.asks_first) == (4, False)
    renamed = rows["renamed@example.com"]
    assert renamed.kind is ExportKind.UPDATE
    assert renamed.changes[0] == FieldChange(data_field="FIRSTNAME", before="Renamed", after="Changed")
    assert [change.data_field for change in renamed.changes] == ["FIRSTNAME", "FULLNAME"]
    assert {email: row.kind.value for email, row in rows.items()} == {
        "renamed@example.com": "update",
        "removed@example.com": "remove",
        "known@example.com": "new",
        "new@example.com": "new",
        "no address": "reject",
    }
    summary = run_summary(sync(integration, kind=RunKind.EXPORT), link)
    assert (summary["exported"], summary["updated"], summary["removed"], summary["unsubscribed"]) == (3, 1, 1, 0)
    assert set(remote.contacts(book)) == {f"{name}@example.com" for name in ("renamed", "stays", "known", "new")}
    assert sum(numbers_of(link).counts.values()) == 1  # the address that cannot be one


def test_what_is_prepared_already_is_said_too(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    sync(integration, kind=RunKind.CHANGES)

    sent = {row.email: row for row in rows_of(link) if row.kind in {ExportKind.NEW, ExportKind.UPDATE}}

    assert set(sent) == {"renamed@example.com", "known@example.com", "new@example.com"}
    assert sent["renamed@example.com"].changes[0] == FieldChange(
        data_field="FIRSTNAME", before="Renamed", after="Changed"
    )


def test_a_sample_is_limited_and_the_counts_stay_exact(integration: Integration, link: ListConnection) -> None:
    for number in range(30):
        add_contact(f"more.{number}@example.com")
    before = ExportItem.objects.count()

    assert numbers_of(link).counts[ExportKind.NEW] == 32
    assert sum(row.kind is ExportKind.NEW for row in rows_of(link, most_a_kind=5)) <= 5
    assert ExportItem.objects.count() == before


def test_statements_do_not_grow_with_the_list(integration: Integration, link: ListConnection) -> None:
    counts = []
    for size in (10, 400):
        for number in range(size):
            add_contact(f"grow.{size}.{number}@example.com")
        numbers_of(link)  # the change log is taken once
        with CaptureQueriesContext(connection) as captured:
            numbers_of(link)
            assert len(list(rows_of(link))) >= size
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_it_says_that_the_export_would_stop(integration: Integration, remote: RemoteAccount, book: int) -> None:
    for number in range(30):
        add_contact(f"reader.{number}@example.com")
    link = connect(integration, book="Readers")
    sync(integration)
    rule = {"combinator": "and", "rules": [{"field": "first_name", "operator": "=", "value": "Nobody"}]}
    update_list(marketing_list=link.marketing_list, rule=rule)
    link.refresh_from_db()

    numbers = numbers_of(link)

    assert numbers.counts[ExportKind.REMOVE] == 30
    assert numbers.asks_first
    assert next_export_as_json(link)["asks_first"] is True


def test_whom_the_breaker_does_not_count_does_not_stop_the_export(
    integration: Integration, remote: RemoteAccount, book: int
) -> None:
    """Whoever opted out leaves the book however many they are, and so does whoever was allowed to."""
    people = [add_contact(f"reader.{number}@example.com") for number in range(60)]
    link = connect(integration, book="Readers")
    sync(integration)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[each.pk for each in people[:30]])

    numbers = numbers_of(link)
    assert (numbers.counts[ExportKind.REMOVE], numbers.asks_first) == (30, False)
    sync(integration)
    assert len(remote.contacts(book)) == 30

    remove_records(marketing_list=link.marketing_list, record_ids=[each.pk for each in people[30:]])
    sync(integration)
    assert numbers_of(link).asks_first
    link.refresh_from_db()
    allow_once(link=link)
    assert not numbers_of(link).asks_first
    sync(integration)
    assert remote.contacts(book) == {}


def test_a_book_that_is_gone_is_said_so(integration: Integration, link: ListConnection) -> None:
    AddressBook.objects.update(gone_at="2026-01-01T00:00:00Z")
    with pytest.raises(BookGone, match="Readers"):
        numbers_of(link)


def test_the_csv_has_a_line_a_changed_field_and_no_formula(
    integration: Integration, link: ListConnection, tmp_path: Path
) -> None:
    Contact.objects.filter(first_name="New").update(first_name="=1+1", last_name="")

    lines = list(csv.DictReader(io.StringIO("".join(csv_lines(link)), newline="")))

    of_new = [line for line in lines if line["email"] == "new@example.com"]
    assert [(line["what"], line["data_field"], line["before"], line["after"]) for line in of_new] == [
        ("new", "FIRSTNAME", "", "'=1+1"),
        ("new", "FULLNAME", "", "'=1+1"),
    ]
    assert {line["list"] for line in lines} == {str(link.marketing_list)}


def test_a_list_is_found_by_name_or_number(integration: Integration, link: ListConnection) -> None:
    assert find_connections([integration], link.marketing_list.name) == [link]
    assert find_connections([integration], str(link.marketing_list_id)) == [link]
    with pytest.raises(OperatorError, match="there are: Everybody for Readers"):
        find_connections([integration], "Nobody")


def test_a_row_is_a_value(link: ListConnection) -> None:
    row = ExportRow(kind=ExportKind.REMOVE, email="a@example.com", record_id="1")
    with pytest.raises(AttributeError):
        row.email = "b@example.com"  # type: ignore[misc]


def test_a_file_that_cannot_be_written_is_named(link: ListConnection, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "all.csv"
    with pytest.raises(OperatorError, match=r"all\.csv cannot be written: No such file or directory\."):
        cli.export(dry_run=True, csv=nowhere)


def test_a_name_goes_before_the_same_number(integration: Integration, link: ListConnection) -> None:
    """Else one word would mean two lists, and one that nobody named were let go."""
    book = AddressBook.objects.create(integration=integration, remote_id=999_999, name="Another")
    named = connect_list(
        marketing_list=create_list(name=str(link.marketing_list_id), entity="crm.contact"), address_book=book
    )
    assert find_connections([integration], str(link.marketing_list_id)) == [named]
    assert find_connections([integration], str(named.marketing_list_id)) == [named]
