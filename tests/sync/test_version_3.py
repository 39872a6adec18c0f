"""Contacts by version 3 of the API: what an export sends and learns, what an import hears, and what happens when the
account does not do as expected. What is right is read from the sandbox's books, and from the same story by version 2.
"""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.integration_removal import delete_integration
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_run
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice, WireProtocol
from dotbridge.jobs import look_for_news
from dotbridge.lists.services import remove_records, restore_records
from dotbridge.mapping.models import EmptyValues, MappingRow
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.inbound import account_feed, events
from dotbridge.sync.inbound.events import has_news, integrations_with_events
from dotbridge.sync.inbound.seen import forget_seen, mark_gone_of_account, note_seen
from dotbridge.sync.models import (
    EventHint,
    EventSubscription,
    ExportItem,
    Rejection,
    State,
    SyncRun,
    Upload,
    UploadState,
)
from dotbridge.sync.outbound.files import write_json
from dotbridge.sync.services import disconnect_list
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    for name, kind in (("AGE", "Numeric"), ("VIP", "Boolean"), ("JOB", "String")):
        remote.create_field(name, kind)
    return remote.create_book("Readers")


@pytest.fixture
def link(v3: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    rows = {"AGE": ["lead_score"], "VIP": ["is_vip"], "JOB": ["job_title"]}
    made = connect(v3, book="Readers", rows=rows)
    sync(v3)
    return made


def paths(remote: RemoteAccount) -> list[str]:
    """What the sandbox was asked since it was last asked this."""
    found = [f"{call['method']} {call['path']}" for call in remote.sandbox.calls()]
    remote.sandbox.clear_calls()
    return found


def members(link: ListConnection) -> set[str]:
    """Who is in the book, as our mirror has it."""
    here = Membership.objects.filter(address_book=link.address_book, gone_at=None)
    return set(here.values_list("contact__email_key", flat=True))


def test_an_export_learns_the_ids_and_reads_no_book_for_them(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    add_contact("bob@example.com")
    paths(remote)
    run = sync(v3, kind=RunKind.EXPORT)
    asked = paths(remote)
    assert run.state == State.SUCCEEDED
    assert [path for path in asked if "address-books" in path] == []
    assert set(remote.contacts(book)) == members(link) == {"ann@example.com", "bob@example.com"}
    upload = Upload.objects.get()
    assert (upload.protocol, upload.state) == (WireProtocol.V3, UploadState.FINISHED)
    ids = {email: remote.find_contact(email)["id"] for email in remote.contacts(book)}  # type: ignore[index]
    assert dict(Contact.objects.values_list("email_key", "remote_id")) == ids
    # Taken off the list, she is found by the id that the import told.
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(v3, kind=RunKind.EXPORT)
    assert set(remote.contacts(book)) == {"bob@example.com"}


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
def test_who_was_sent_is_known_to_be_in_the_book_although_it_cannot_be_read_again(
    integration: Integration, remote: RemoteAccount, book: int, protocol: ProtocolChoice
) -> None:
    """Whoever an upload has put into the book is there, whatever was read before: so they can be taken out of it."""
    integration.protocol = protocol
    integration.save()
    ann, link = add_contact("ann@example.com"), connect(integration, book="Readers")
    add_contact("bob@example.com")
    sync(integration)
    for _time in range(2):
        remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
        sync(integration, kind=RunKind.EXPORT)
        assert set(remote.contacts(book)) == members(link) == {"bob@example.com"}
        restore_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
        remote.sandbox.fail_next("status", status=400, path="modified-since", times=None)
        sync(integration, kind=RunKind.EXPORT)
        remote.sandbox.clear_faults()
        assert set(remote.contacts(book)) == members(link) == {"ann@example.com", "bob@example.com"}


def test_values_are_sent_by_their_types_and_one_file_both_clears_and_keeps(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    MappingRow.objects.filter(data_field__name="JOB").update(empty_values=EmptyValues.CLEAR)
    MappingRow.objects.filter(data_field__name="AGE").update(empty_values=EmptyValues.KEEP)
    tricky = 'Say "hi" \\ back\tand\nforth, Zoë \u2028 end'
    record = add_contact("ann@example.com", tricky, lead_score=41, is_vip=True, job_title="Engineer")
    sync(v3)
    values = remote.contacts(book)["ann@example.com"]
    assert (values["FIRSTNAME"], values["JOB"]) == (tricky, "Engineer")
    assert (float(values["AGE"]), str(values["VIP"]).lower()) == (41, "true")
    type(record).objects.filter(pk=record.pk).update(job_title="", lead_score=None, first_name="Ann")
    sync(v3)
    values = remote.contacts(book)["ann@example.com"]
    assert (values["FIRSTNAME"], values["JOB"]) == ("Ann", None)
    assert float(values["AGE"]) == 41
    assert Upload.objects.filter(connection=link).count() == 2


def test_a_file_holds_one_contact_a_line(v3: Integration, link: ListConnection) -> None:
    add_contact("ann@example.com", lead_score=3)
    sync(v3, kind=RunKind.CHANGES)
    file = BytesIO()
    assert write_json(Upload.objects.get(), file) == 1
    (contact,) = map(json.loads, file.getvalue().splitlines())
    assert contact["matchIdentifier"] == "email"
    assert contact["identifiers"] == {"email": "ann@example.com"}
    assert contact["lists"] == [link.address_book.remote_id]
    assert contact["dataFields"]["AGE"] == 3
    assert contact["dataFields"]["VIP"] is False


def test_a_row_that_is_refused_says_why_and_the_others_are_taken(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("gone@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "gone@example.com"})
    add_contact("ann@example.com")
    remote.sandbox.change_switch("text_limit", 100)
    add_contact("long@example.com", "x" * 101)
    sync(v3)
    assert set(remote.contacts(book)) == {"ann@example.com"}
    refused = dict(ExportItem.objects.exclude(reason="").values_list("email_key", "reason"))
    assert refused == {"long@example.com": "failure"}
    # No value breaks a rule that we know of, so Dotdigital's own words stand there.
    assert "(invalidContact: Invalid value for 'FIRSTNAME')" in Rejection.objects.get(subject="long@example.com").detail


def test_rows_that_a_report_does_not_name_are_tried_again_and_not_for_ever(
    v3: Integration, remote: RemoteAccount, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the middle it would be read again; whole and silent about a row, nobody knows what became of it."""
    from dotdigital import ContactsV3  # noqa: PLC0415 - what is replaced below

    genuine = ContactsV3.import_results

    def leave_out(self: ContactsV3, import_id: str) -> Any:
        return (each for each in genuine(self, import_id) if each.identifiers.get("email") != "bob@example.com")  # type: ignore[union-attr]

    monkeypatch.setattr(ContactsV3, "import_results", leave_out)
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    sync(v3)
    assert dict(ExportItem.objects.values_list("email_key", "reason")) == {
        "ann@example.com": "",
        "bob@example.com": "unreported",
    }
    monkeypatch.undo()
    Upload.objects.update(finished_at="2020-01-01T00:00:00Z")
    sync(v3)
    assert not ExportItem.objects.exclude(reason="").exists()


def test_a_lost_answer_is_settled_by_the_book(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    remote.sandbox.fail_next("reset", path="contacts/v3/import", late=True)
    sync(v3)
    sync(v3)
    assert set(remote.contacts(book)) == {"ann@example.com"}
    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.FINISHED}


def test_who_joins_leaves_and_is_deleted_is_known_with_the_next_import(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ids = {name: remote.create_contact(f"{name}@example.com") for name in ("ann", "bob", "cy")}
    for name in ("ann", "bob"):
        remote.create_contact(f"{name}@example.com", book=book)
    sync(v3, kind=RunKind.IMPORT)
    assert members(link) == {"ann@example.com", "bob@example.com"}
    remote.sandbox.advance(3600)
    remote.create_contact("cy@example.com", book=book)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ids['ann']}")
    remote.ask("DELETE", f"/v2/contacts/{ids['bob']}")
    run = sync(v3, kind=RunKind.IMPORT)
    assert members(link) == {"cy@example.com"}
    assert not EventHint.objects.exists()
    assert steps_of(run)["contacts"]["looked"] >= 1


def test_an_opt_out_of_a_book_and_of_the_account_is_known_with_the_next_import(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    sync(v3)
    remote.sandbox.advance(60)
    remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "ann@example.com"})
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "bob@example.com"})
    sync(v3, kind=RunKind.IMPORT)
    for email in ("ann@example.com", "bob@example.com"):
        assert not may_be_mailed(address=email, scopes=scopes_of_list(link.marketing_list_id)).may_be_mailed


def test_a_quiet_run_asks_six_times(v3: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    for place in range(20):
        remote.create_book(f"Book {place}")
    sync(v3)
    remote.sandbox.advance(300)
    sync(v3)
    paths(remote)
    sync(v3)
    assert len(paths(remote)) <= 6


def test_a_subscription_that_was_deleted_there_is_made_again_and_nothing_is_missed(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    bob = remote.create_contact("bob@example.com", book=book)
    sync(v3, kind=RunKind.IMPORT)
    ours = EventSubscription.objects.get()
    remote.sandbox.advance(3600)
    remote.ask("DELETE", f"/events/v3/export/subscriptions/{ours.remote_id}")
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{bob}")
    run = sync(v3, kind=RunKind.IMPORT)
    assert "deleted in Dotdigital" in steps_of(run)["events"]["message"]
    assert members(link) == {"ann@example.com"}
    assert EventSubscription.objects.get().remote_id != ours.remote_id


def test_after_a_large_export_everybody_is_read_in_place_of_the_events_that_it_made(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of those who came is an event: so many pages, and as many of contacts, where these alone say the same."""
    monkeypatch.setattr(events, "PAGE", 2)
    for number in range(20):
        add_contact(f"p{number}@example.com")
    remote.create_contact("other@example.com", book=book)
    sync(v3, kind=RunKind.IMPORT)
    sync(v3, kind=RunKind.EXPORT)
    ours = EventSubscription.objects.get()
    # What happens there meanwhile is not missed.
    remote.sandbox.unsubscribe("p1@example.com")
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{remote.find_contact('p2@example.com')['id']}")
    remote.ask("DELETE", f"/v2/contacts/{remote.find_contact('other@example.com')['id']}")
    paths(remote)

    run = sync(v3, kind=RunKind.IMPORT)

    asked = [path for path in paths(remote) if "/events/v3" in path]
    assert len(asked) <= 4
    assert "fewer calls" in steps_of(run)["events"]["message"]
    assert members(link) - {"p1@example.com"} == set(remote.contacts(book))
    assert not may_be_mailed(address="p1@example.com", scopes=scopes_of_list(link.marketing_list_id)).may_be_mailed
    assert EventSubscription.objects.get().remote_id != ours.remote_id
    assert len(remote.ask("GET", "/events/v3/export/subscriptions")["_items"]) == 1
    # A few more are events as ever.
    remote.sandbox.advance(3600)
    remote.create_contact("late@example.com", book=book)
    paths(remote)
    run = sync(v3, kind=RunKind.IMPORT)
    assert "fewer calls" not in steps_of(run)["events"]["message"]
    assert "late@example.com" in members(link)


def test_whoever_was_put_into_a_book_a_moment_ago_and_is_not_listed_yet_is_looked_at_before_they_count_as_gone(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Else a member whom Dotdigital lists late would not be sent again until somebody puts them back."""
    for name in ("ann", "bob", "cid"):
        remote.create_contact(f"{name}@example.com", book=book)
    sync(v3, kind=RunKind.IMPORT)
    now = timezone.now()
    places = Membership.objects.filter(address_book=link.address_book)
    places.filter(contact__email_key="ann@example.com").update(listed_at=now - timedelta(minutes=10))
    places.filter(contact__email_key="bob@example.com").update(listed_at=now - timedelta(minutes=1))
    cid = places.get(contact__email_key="cid@example.com").contact.remote_id
    forget_seen()
    note_seen([cid])
    assert mark_gone_of_account(v3, now) == 1
    assert members(link) == {"bob@example.com", "cid@example.com"}
    hinted = EventHint.objects.values_list("remote_id", flat=True)
    assert list(hinted) == [Contact.objects.get(email_key="bob@example.com").remote_id]


def test_whom_the_feed_of_changes_tells_of_are_not_too_many_to_be_looked_at(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an export of more people than are looked at one by one, nobody has to be read again for its events."""
    monkeypatch.setattr(account_feed, "MOST_LOOKS", 1)
    for number in range(5):
        add_contact(f"p{number}@example.com")
    sync(v3, kind=RunKind.IMPORT)
    sync(v3, kind=RunKind.EXPORT)

    steps = steps_of(sync(v3, kind=RunKind.IMPORT))

    assert (steps["events"]["events"], steps["contacts"]["read"]) == (5, 5)
    assert "gone" not in steps["contacts"]
    assert not EventHint.objects.exists()


def test_a_subscription_that_is_inactive_or_whose_place_is_lost_goes_on_from_now(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    bob = remote.create_contact("bob@example.com", book=book)
    sync(v3, kind=RunKind.IMPORT)
    EventSubscription.objects.update(checkpoint="nonsense")
    remote.sandbox.advance(40 * 86400)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{bob}")
    run = sync(v3, kind=RunKind.IMPORT)
    assert "may have been missed" in steps_of(run)["events"]["message"]
    assert members(link) == {"ann@example.com"}
    assert remote.ask("GET", "/events/v3/export/subscriptions")["_items"][0]["status"] == "active"


def test_imports_within_the_second_in_which_events_begin_read_nobody_twice(
    v3: Integration, remote: RemoteAccount, book: int
) -> None:
    """The head of an answer tells Dotdigital's time to the second only, and its clock more exactly."""
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.advance(3600)
    remote.sandbox.freeze(timezone.now().replace(microsecond=700_000) + timedelta(hours=1))
    assert steps_of(sync(v3, kind=RunKind.IMPORT))["contacts"]["read"] == 1
    for _later in range(2):
        assert steps_of(sync(v3, kind=RunKind.IMPORT))["contacts"].get("read", 0) == 0
    remote.sandbox.freeze(timezone.now() + timedelta(hours=2))
    assert steps_of(sync(v3, kind=RunKind.IMPORT))["contacts"].get("read", 0) == 0


def test_events_that_began_by_a_wrong_clock_cost_one_reading_of_everybody(
    v3: Integration, remote: RemoteAccount, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.advance(3600)
    now = timezone.now() + timedelta(hours=1)
    remote.sandbox.freeze(now + timedelta(days=400))
    sync(v3, kind=RunKind.IMPORT)
    read = []
    for minutes in (0, 4, 8):
        remote.sandbox.freeze(now + timedelta(hours=1, minutes=minutes))
        read.append(steps_of(sync(v3, kind=RunKind.IMPORT))["contacts"].get("read", 0))
    assert read[-1] == 0


def test_events_are_not_asked_for_while_a_run_waits_for_calls(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_contact("ann@example.com", book=link.address_book.remote_id)
    assert has_news(v3)
    run = sync(v3, kind=RunKind.IMPORT)
    remote.create_contact("bob@example.com", book=link.address_book.remote_id)
    SyncRun.objects.filter(pk=run.pk).update(state=State.WAITING, waits_until=timezone.now() + timedelta(minutes=5))
    remote.sandbox.clear_calls()
    assert not has_news(v3)
    assert remote.sandbox.calls() == []


def test_a_subscription_made_before_a_crash_is_found_by_its_name(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    EventSubscription.objects.update(remote_id=None, heard_since=None)
    sync(v3, kind=RunKind.IMPORT)
    assert len(remote.ask("GET", "/events/v3/export/subscriptions")["_items"]) == 1


def test_an_integration_that_goes_takes_its_subscription_with_it(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    wanted = {
        "name": "Of somebody else",
        "status": "active",
        "subscribedEventTypes": [{"eventType": "contact.removed"}],
    }
    kept = remote.ask(
        "POST", "/events/v3/export/subscriptions", {**wanted, "alertsConfiguration": {"alertChannels": "none"}}
    )
    assert len(remote.ask("GET", "/events/v3/export/subscriptions")["_items"]) == 2
    disconnect_list(link=link)
    delete_integration(integration=v3)
    assert [each["id"] for each in remote.ask("GET", "/events/v3/export/subscriptions")["_items"]] == [kept["id"]]


def test_without_events_the_books_are_read_one_by_one_and_it_is_said(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.fail_next("status", path="events/v3", status=403, times=None)
    run = sync(v3, kind=RunKind.IMPORT)
    assert run.state == State.SUCCEEDED
    assert members(link) == {"ann@example.com"}
    assert "one by one" in steps_of(run)["events"]["message"]


def test_automatic_takes_version_3_where_the_account_has_it(integration: Integration, remote: RemoteAccount) -> None:
    integration.protocol = ProtocolChoice.AUTOMATIC
    integration.save()
    remote.sandbox.fail_next("status", path="contacts/v3", status=403, times=None)
    sync(integration, kind=RunKind.IMPORT)
    integration.refresh_from_db()
    assert integration.protocol_found == WireProtocol.V2
    assert integration.protocol_reason
    remote.sandbox.clear_faults()
    sync(integration, kind=RunKind.IMPORT)
    integration.refresh_from_db()
    # It was asked today.
    assert integration.protocol_found == WireProtocol.V2
    integration.protocol_asked_at = None
    integration.save()
    sync(integration, kind=RunKind.IMPORT)
    integration.refresh_from_db()
    assert integration.protocol_found == WireProtocol.V3


def test_events_that_wait_bring_an_import_at_once(v3: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    assert not has_news(v3)
    assert integrations_with_events() == [v3.pk]
    add_contact("ann@example.com")
    sync(v3)
    sync(v3)
    assert not has_news(v3)
    request_run(integration=v3, kind=RunKind.IMPORT, trigger="schedule", delay=100)
    remote.sandbox.unsubscribe("ann@example.com")
    look_for_news(integration_id=v3.pk)
    # The table of jobs is not emptied between tests.
    asked = ProcrastinateJob.objects.filter(task_name="dotbridge.run_sync", status="todo", args__integration_id=v3.pk)
    assert [(job.args["kind"], job.scheduled_at) for job in asked] == [("import", None)]


def test_what_the_feed_of_suppressions_said_exactly_is_not_blurred_by_the_feed_of_the_account(
    v3: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """By version 3 a status that it has no word of its own for is merely "suppressed", without a moment."""
    ann = remote.create_contact("ann@example.com", book=book)
    sync(v3)
    remote.sandbox.advance(3700)
    remote.sandbox.suppress("ann@example.com", "MailBlocked")
    sync(v3)
    said = Contact.objects.values_list("status", "suppressed_at").get(remote_id=ann)
    assert said[0] == "MailBlocked"
    assert said[1] is not None
    remote.ask("PATCH", f"/contacts/v3/contactId/{ann}", {"dataFields": {"AGE": 7}})
    run = sync(v3)
    assert steps_of(run)["suppressions"]["state"] == State.SKIPPED
    assert Contact.objects.values_list("status", "suppressed_at").get(remote_id=ann) == said
    # Back is back, whoever says it.
    body = {"unsubscribedContact": {"email": "ann@example.com"}}
    remote.ask("POST", "/v2/contacts/resubscribe-with-no-challenge", body)
    sync(v3)
    assert Contact.objects.values_list("status", "suppressed_at").get(remote_id=ann) == ("Subscribed", None)
