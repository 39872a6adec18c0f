"""One bad object never stops its neighbours, in this run or the next.

The kind: a loop whose first failure ends it, so that whatever comes later is never reached. The cases: one unreadable
book keeps the others' contacts and opt-outs away; a quota for a few calls a run reaches the same books each time; one
list's broken field or refused removal stops the lists of lower rank; an entity that is not registered any more stops
the way back. The second places: the books' campaigns, the opt-outs of books, requests of people, and code of the host
that raises in the middle of it, or leaves a transaction open.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import IntegerField
from django.db.models.expressions import Func
from django.utils import timezone

from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState, RunKind
from dotbridge.connections.services import connect_list, request_run
from dotbridge.crm.models import Contact
from dotbridge.entities import registry
from dotbridge.entities.fields import EntityField
from dotbridge.entities.registry import FieldKind
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records
from dotbridge.mapping.models import MappingRow
from dotbridge.mirror.models import AddressBook, Campaign, CampaignBook, Membership
from dotbridge.mirror.models import Contact as Mirrored
from dotbridge.sync.context import NobodyWatches, Refusal, RunContext, StepContext
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.models import Cursor, Rejection, State, Step, SyncRun, Turn
from dotdigital import Transient
from tests.accounts import RemoteAccount, add_contact, connect, read_connected_books_only, steps_of, sync
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, campaign, scripted, vendor

__all__ = ["scripted", "vendor"]


pytestmark = pytest.mark.usefixtures("without_patience")


@pytest.mark.parametrize("status", [400, 500])
def test_one_unreadable_book_leaves_the_others_alone(
    integration: Integration, remote: RemoteAccount, status: int
) -> None:
    first, second = remote.create_book("First"), remote.create_book("Second")
    add_contact("ann@example.com")
    for name in ("First", "Second"):
        connect(integration, book=name)
    sync(integration)
    remote.create_contact("eve@example.com", book=second)
    remote.ask("POST", f"/v2/address-books/{second}/contacts/unsubscribe", {"email": "ann@example.com"})
    remote.sandbox.fail_next("status", path=f"address-books/{first}/contacts", times=None, status=status)

    run = sync(integration, kind=RunKind.IMPORT)

    assert Mirrored.objects.filter(email="eve@example.com", memberships__address_book__remote_id=second).exists()
    left = Membership.objects.get(address_book__remote_id=second, contact__email="ann@example.com")
    assert left.status == "Unsubscribed"
    assert run.state == State.PARTIAL
    assert set(Rejection.objects.values_list("subject", "reason")) == {("First", "not_read")}


def test_a_quota_for_a_few_calls_reaches_all_books_over_the_runs(
    integration: Integration, remote: RemoteAccount
) -> None:
    for number in range(20):
        remote.create_book(f"Book {number:02}")
    sync(integration, kind=RunKind.IMPORT)
    for book in AddressBook.objects.all():
        connect_list(marketing_list=create_list(name=f"L {book.name}", entity="crm.contact"), address_book=book)

    for _number in range(8):
        SyncRun.objects.update(waits_until=None)
        remote.sandbox.clear_faults()
        remote.sandbox.fail_next("status", path=r"address-books/\d+/contacts", after=8, times=None, status=429)
        sync(integration, kind=RunKind.IMPORT)

    assert Cursor.objects.filter(feed="contacts").count() == 20
    assert Cursor.objects.filter(feed="unsubscribes").count() == 20


def test_who_must_not_be_mailed_is_read_first_where_calls_are_short(
    integration: Integration, remote: RemoteAccount
) -> None:
    for name in ("First", "Second"):
        remote.create_book(name)
        connect(integration, book=name)
    remote.sandbox.fail_next(
        "status", path=r"address-books/\d+/contacts(/modified-since/[^/]+)?$", times=None, status=429
    )
    sync(integration, kind=RunKind.IMPORT)
    assert Turn.objects.get().step == "contacts"
    SyncRun.objects.update(waits_until=None)

    run = sync(integration, kind=RunKind.IMPORT)

    assert list(steps_of(run)) == ["address_books", "unsubscribes", "suppressions", "consent", "contacts"]
    assert steps_of(run)["suppressions"]["state"] == State.SUCCEEDED


def test_three_broken_books_at_the_front_let_the_others_have_their_turn(
    integration: Integration, remote: RemoteAccount
) -> None:
    books = [remote.create_book(f"Book {number}") for number in range(5)]
    read_connected_books_only(integration)
    sync(integration, kind=RunKind.IMPORT)
    for book in AddressBook.objects.all():
        connect_list(marketing_list=create_list(name=f"L {book.name}", entity="crm.contact"), address_book=book)
    for book in books[:3]:
        remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts", times=None, status=400)

    runs = [sync(integration, kind=RunKind.IMPORT) for _number in range(2)]

    assert steps_of(runs[0])["contacts"]["state"] == State.FAILED
    read = Cursor.objects.filter(feed="contacts").values_list("object_id", flat=True)
    assert set(AddressBook.objects.filter(pk__in=read).values_list("name", flat=True)) == {"Book 3", "Book 4"}


def test_a_refused_removal_stops_its_own_list_only(integration: Integration, remote: RemoteAccount) -> None:
    first, second = remote.create_book("First"), remote.create_book("Second")
    people = [add_contact(f"p{number}@example.com") for number in range(3)]
    links = connect(integration, book="First"), connect(integration, book="Second")
    sync(integration)
    for link in links:
        remove_records(marketing_list=link.marketing_list, record_ids=[people[0].pk])
    add_contact("new@example.com")
    remote.sandbox.fail_next("status", path=f"address-books/{first}/contacts/delete", times=None, status=400)

    run = sync(integration)

    assert "p0@example.com" not in remote.contacts(second)
    assert "new@example.com" in remote.contacts(second)
    # Nothing is sent for a list whose removals did not go well in this run.
    assert "new@example.com" not in remote.contacts(first)
    assert steps_of(run)["removals"]["state"] == State.PARTIAL


def test_three_lists_whose_removals_are_denied_for_ever_let_the_others_opt_outs_through(
    integration: Integration, remote: RemoteAccount
) -> None:
    """Also while everything else waits, because Dotdigital has not finished what was uploaded before."""
    names = ["First", "Second", "Third", "Fourth"]
    books = [remote.create_book(name) for name in names]
    ann, _bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    links = [connect(integration, book=name) for name in names]
    sync(integration)
    remote.sandbox.hold_imports()
    add_contact("cid@example.com")
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    for link in links:
        unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    for book in books[:3]:
        remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts/delete", times=None, status=403)

    for _run in range(2):
        sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    assert [set(remote.contacts(book)) for book in books[2:]] == [
        {"ann@example.com", "bob@example.com"},
        {"bob@example.com"},
    ]
    remote.sandbox.clear_faults()
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)
    assert all(set(remote.contacts(book)) == {"bob@example.com"} for book in books)


def test_three_books_that_take_no_file_let_the_others_uploads_through(
    integration: Integration, remote: RemoteAccount
) -> None:
    names = ["First", "Second", "Third", "Fourth"]
    books = [remote.create_book(name) for name in names]
    add_contact("ann@example.com")
    for name in names:
        connect(integration, book=name)
    for book in books[:3]:
        remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts/import", times=None, status=403)

    for _run in range(2):
        sync(integration, kind=RunKind.EXPORT)

    assert [len(remote.contacts(book)) for book in books] == [0, 0, 0, 1]


def test_one_lists_broken_virtual_field_stops_its_own_export_only(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.create_book("First")
    second = remote.create_book("Second")
    add_contact("ann@example.com")
    sync(integration, kind=RunKind.IMPORT)
    contacts = registry.entity("crm.contact")
    two_rows = Func(template="(SELECT unnest(ARRAY[1, 2]))", output_field=IntegerField())
    broken = EntityField(path="broken", label="Broken", kind=FieldKind.INTEGER, is_virtual=True, source=two_rows)
    with_broken = dataclasses.replace(contacts, fields=(*contacts.fields, broken))
    monkeypatch.setitem(registry._registered, "crm.contact", with_broken)
    rule = {"combinator": "and", "rules": [{"field": "broken", "operator": "=", "value": 1}]}
    one = create_list(name="One", entity="crm.contact", rule=rule)
    two = create_list(name="Two", entity="crm.contact")
    connect_list(marketing_list=one, address_book=AddressBook.objects.get(name="First"))
    connect_list(marketing_list=two, address_book=AddressBook.objects.get(name="Second"))

    sync(integration)

    assert list(remote.contacts(second)) == ["ann@example.com"]
    rejection = Rejection.objects.get(reason="list_unreadable")
    assert (rejection.subject, "cardinality violation" in rejection.detail) == ("One", True)


def test_an_entity_that_is_not_registered_any_more_leaves_the_way_back_open(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.create_book("First")
    remote.create_book("Second")
    add_contact("ann@example.com")
    connect(integration, book="First")
    leads = create_list(name="Leads", entity="crm.lead")
    connect_list(marketing_list=leads, address_book=AddressBook.objects.get(name="Second"))
    rows = MappingRow.objects.filter(mapping__entity="crm.contact", data_field__name="FIRSTNAME")
    rows.update(is_two_way=True)
    sync(integration)
    monkeypatch.delitem(registry._registered, "crm.lead")
    contact = remote.find_contact("ann@example.com")
    assert contact is not None
    values = [{"key": "FIRSTNAME", "value": "Annabel"}]
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {"email": "ann@example.com", "dataFields": values})

    run = sync(integration)

    assert Contact.objects.get().first_name == "Annabel"
    assert steps_of(run)["two_way"]["state"] == State.PARTIAL
    assert "unknown_entity" in set(Rejection.objects.filter(step__run=run).values_list("reason", flat=True))


def test_one_books_campaigns_leave_the_others_alone_and_are_asked_for_again(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.answers["address-books"] = [
        {"id": number, "name": f"Book {number}", "visibility": "Private", "contacts": 0} for number in (7, 8)
    ]
    run_import(scripted)
    for book in AddressBook.objects.all():
        if not hasattr(book, "connection"):
            connect_list(marketing_list=create_list(name=f"L {book.pk}", entity="crm.contact"), address_book=book)
    vendor.campaigns(campaign(1, "Spring"), sent_to=8)
    vendor.answers["address-books/7/campaigns"] = {"no": "list"}

    run = run_import(scripted)

    assert CampaignBook.objects.filter(campaign=Campaign.objects.get(remote_id=1)).count() == 1
    assert steps_of(run)["campaigns"]["state"] == State.PARTIAL
    vendor.campaigns(campaign(1, "Spring"), sent_to=7)
    run_import(scripted)
    assert CampaignBook.objects.filter(campaign=Campaign.objects.get(remote_id=1)).count() == 2


def test_one_request_that_cannot_be_carried_out_leaves_the_others_alone(
    integration: Integration, remote: RemoteAccount
) -> None:
    for name in ("FIRST_THING", "SECOND_THING"):
        AccountChange.objects.create(
            integration=integration,
            kind=ChangeKind.CREATE_DATA_FIELD,
            name=name,
            details={"type": "String", "visibility": "Private", "default": None, "notes": ""}
            if name.startswith("SECOND")
            else {},
        )

    run = sync(integration, kind=RunKind.REQUESTS)

    assert AccountChange.objects.get(name="SECOND_THING").state == ChangeState.DONE
    assert steps_of(run)["account_changes"]["state"] == State.PARTIAL
    # The same is asked for by the schedule; nobody has to come.
    assert request_run(integration=integration, kind=RunKind.REQUESTS, trigger="test")


class Thing:
    def __init__(self, name: str) -> None:
        self.name = name


def begun_step(integration: Integration) -> StepContext:
    run = SyncRun.objects.create(integration=integration, kind=RunKind.IMPORT, trigger="t", started_at=timezone.now())
    step = Step.objects.create(run=run, name="contacts", started_at=run.started_at)
    context: Any = RunContext(
        integration=integration,
        account=None,  # type: ignore[arg-type]
        run=run,
        observer=NobodyWatches(),
        server_now=run.started_at,
        wait_seconds=0,
    )
    return StepContext(run=context, step=step)


def refused(thing: Thing, failure: Failure) -> Refusal:
    return Refusal(thing.name, "not_done", failure.text)


def test_code_of_the_host_that_fails_is_named_by_its_own_line_and_by_nobodys_data(
    integration: Integration, caplog: pytest.LogCaptureFixture
) -> None:
    step = begun_step(integration)
    done: list[str] = []

    def work(thing: Thing) -> None:
        if thing.name == "bad":
            raise KeyError("secret.person@example.com")
        done.append(thing.name)

    failed = go_over(step, [Thing("one"), Thing("bad"), Thing("two")], work, refused)

    assert (done, [each.name for each in failed]) == (["one", "two"], ["bad"])
    assert "KeyError" in Rejection.objects.get().detail
    assert "secret.person" not in caplog.text + Rejection.objects.get().detail
    assert f"{__file__}:" in caplog.text
    assert "in work" in caplog.text


@pytest.mark.parametrize(
    "statement", ["SELECT 1/0", "BEGIN; SELECT 1/0", "SELECT pg_terminate_backend(pg_backend_pid())"]
)
def test_an_error_of_one_leaves_the_database_usable_for_the_next(integration: Integration, statement: str) -> None:
    step = begun_step(integration)
    done: list[str] = []

    def work(thing: Thing) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement if thing.name == "bad" else "SELECT 1")
        with transaction.atomic():
            done.append(thing.name)

    go_over(step, [Thing("bad"), Thing("good")], work, refused)

    assert done == ["good"]
    assert Rejection.objects.get().subject == "bad"


def test_a_step_of_which_nothing_was_done_has_failed(integration: Integration) -> None:
    step = begun_step(integration)

    def work(_thing: Thing) -> None:
        raise ZeroDivisionError

    go_over(step, [Thing("one"), Thing("two")], work, refused)

    assert step.step.state == State.FAILED


def test_a_success_begins_the_count_of_failures_anew(integration: Integration) -> None:
    """Rule: three failures *in a row* end a step; with a success between them each is its own."""
    step = begun_step(integration)
    tried: list[str] = []

    def work(thing: Thing) -> None:
        tried.append(thing.name)
        if thing.name.startswith("bad"):
            raise Transient("Try again later.", detail="500")

    things = [Thing(name) for name in ("bad 1", "bad 2", "good", "bad 3", "bad 4", "last")]
    failed = go_over(step, things, work, refused)
    assert tried == [thing.name for thing in things]
    assert len(failed) == 4

    with pytest.raises(Transient):
        go_over(step, [Thing("bad 1"), Thing("bad 2"), Thing("bad 3"), Thing("last")], work, refused)
    assert tried[-1] == "bad 3"
