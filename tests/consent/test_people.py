"""Consent belongs to the person: what was seen to go wrong, and what is right, with a second place of each kind.

- An opt-out is about the person, not a row: two records with one address; all lists, by an opt-out of everything.
- An opt-out outlives its record: deleted and loaded again; merged into another record.
- We know whose address it was: the CRM changes it before the opt-out is read; our note is gone by the time it is read.
- Identity is the remote id: the address is changed in Dotdigital, then off the list; then opted out under the new one.
- The screens say what the export does: of an address that somebody has who opted out under another; until they move on.
- Nothing holds an opt-out up: an unfinished upload, there and here; the breaker; a list that is ending.
- Dotdigital learns of it: opting out of everything; of a list, where its connection says so; an erasure.
- It outlives Dotdigital's own: whoever is mailed there again is in no book of ours, in whatever order both were said.

What is right is read from the sandbox's books alone.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from dotbridge.backoffice.reads.list_people import people_page
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.connections.models import ChangeState, ContactRequest, ListConnection, RunKind
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import request_ending, request_unsubscriptions, retry_contact_request
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source, SubjectKind
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.consent.services import carry_over, opt_in_records, opt_out_records
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.selectors import count_members, members
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.mirror.models import Contact as Mirrored
from dotbridge.summary import run_summary
from dotbridge.sync.models import ExportItem, Upload
from dotbridge.sync.services import disconnect_list
from tests.accounts import RemoteAccount, add_contact, connect, sync


def move(record: Contact, address: str) -> None:
    """The CRM gives a record another address."""
    ContactEmail.objects.filter(contact=record).update(email=address)


def change_there(remote: RemoteAccount, old: str, new: str) -> None:
    """Somebody changes a contact's address in Dotdigital."""
    contact = remote.ask("GET", f"/v2/contacts/{old}")
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": new})


def test_of_two_records_with_one_address_no_other_is_written_to(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    first, second = add_contact("twice@example.com", "Ann"), add_contact("Twice@example.com", "Bob")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[first.pk], reason="asked by phone")
    sync(integration)
    assert remote.contacts(book) == {}
    assert remote.find_contact("twice@example.com") is None
    assert count_members(link.marketing_list).unsubscribed == 2
    second.delete()
    add_contact("twice@example.com", "Cy")
    sync(integration)
    assert remote.contacts(book) == {}


def test_they_leave_the_book_where_the_other_had_been_written_to(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    first, second = add_contact("twice@example.com", "Ann"), add_contact("twice@example.com", "Bob")
    sync(integration)
    assert set(remote.contacts(book)) == {"twice@example.com"}
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[second.pk])
    sync(integration)
    assert remote.contacts(book) == {}
    assert first.pk < second.pk


def test_whose_new_address_others_have_too_is_the_reason_that_is_shown_for_them(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """The numbers, the list of people and the person's page say what the export does, for as long as it does."""
    off, other, third = add_contact("old@example.com"), add_contact("shared@example.com"), add_contact("cy@example.com")
    opt_out_records(entity="crm.contact", record_ids=[off.pk], source=Source.FILE)
    move(off, "shared@example.com")
    run = sync(integration)
    assert set(remote.contacts(book)) == {"cy@example.com"}
    left_out = run_summary(run, link)["left_out"]
    assert (left_out["unsubscribed"], left_out["waiting"]) == (2, 0)
    scopes = scopes_of_list(link.marketing_list_id)
    verdict = may_be_mailed(address="shared@example.com", scopes=scopes, entity="crm.contact", record_id=other.pk)
    assert [(each.is_shared, each.source) for each in verdict.objections] == [(True, Source.FILE)]
    shown = {person.record_id: person for person in people_page(link.marketing_list).people}
    assert shown[str(other.pk)].standing is Standing.OPTED_OUT
    assert str(shown[str(other.pk)].why).startswith("Another record with the same address: Opted out")
    assert shown[str(third.pk)].standing is Standing.IN_STEP

    move(off, "new@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"cy@example.com", "shared@example.com"}
    assert count_members(link.marketing_list).unsubscribed == 1

    move(off, "shared@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"cy@example.com"}
    erase_address(address="shared@example.com")
    assert not ConsentState.objects.filter(subject="shared@example.com").exists()


def test_a_list_that_is_not_connected_any_more_keeps_no_shared_addresses(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    off, _other = add_contact("old@example.com"), add_contact("shared@example.com")
    opt_out_records(entity="crm.contact", record_ids=[off.pk], source=Source.FILE)
    move(off, "shared@example.com")
    sync(integration)
    assert ConsentState.objects.filter(kind=SubjectKind.SHARED).count() == 1
    disconnect_list(link=link)
    assert not ConsentState.objects.filter(kind=SubjectKind.SHARED).exists()


def test_whoever_opted_out_of_everything_is_on_no_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("ann@example.com")
    other_book = remote.create_book("Others")
    connect(integration, book="Others")
    opt_out_records(entity="crm.contact", record_ids=[record.pk], source=Source.CRM)
    sync(integration)
    assert remote.contacts(book) == {}
    assert remote.contacts(other_book) == {}


def test_a_record_loaded_again_stays_out(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("again@example.com", "Cy")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[record.pk], reason="asked by phone")
    record.delete()
    add_contact("again@example.com", "Cy")
    sync(integration)
    assert remote.contacts(book) == {}


def test_a_merged_record_takes_the_opt_out_along(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    gone, kept = add_contact("ann@example.com"), add_contact("ann.bee@example.com")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[gone.pk])
    carry_over(entity="crm.contact", merged_ids=[gone.pk], into_id=kept.pk)
    gone.delete()
    sync(integration)
    assert remote.contacts(book) == {}


@pytest.mark.parametrize("left", ["account", "book"])
def test_an_opt_out_reaches_the_record_whose_address_changed_meanwhile(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, left: str
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    path = "/v2/contacts/unsubscribe" if left == "account" else f"/v2/address-books/{book}/contacts/unsubscribe"
    remote.ask("POST", path, {"email": "old@example.com"})
    move(record, "new@example.com")
    sync(integration)
    sync(integration)
    assert remote.find_contact("new@example.com") is None
    assert count_members(link.marketing_list).unsubscribed == 1


def test_an_opt_out_before_our_note_went_reaches_the_record_too(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """They opt out, their address changes here, an export takes the former one out: only then the opt-out is read."""
    record = add_contact("old@example.com")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "old@example.com"})
    move(record, "new@example.com")
    # Until an import reads it, nobody here knows of the opt-out.
    sync(integration, kind=RunKind.EXPORT)
    sync(integration)
    sync(integration)
    assert count_members(link.marketing_list).unsubscribed == 1
    assert "new@example.com" not in remote.contacts(book)


def test_an_opted_out_address_does_not_follow_its_other_users(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    written_to, other = add_contact("info@example.com", "Ann"), add_contact("info@example.com", "Bob")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "info@example.com"})
    sync(integration)
    assert count_members(link.marketing_list).unsubscribed == 2
    move(other, "bob@example.com")
    move(written_to, "ann@example.com")
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}


def test_who_was_given_another_address_there_leaves_with_the_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    record = add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    sync(integration)
    remove_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration)
    assert remote.contacts(book) == {}


def test_who_opts_out_under_another_address_is_found_by_the_id(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("old@example.com")
    sync(integration)
    change_there(remote, "old@example.com", "new@example.com")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "new@example.com"})
    sync(integration)
    assert count_members(link.marketing_list).unsubscribed == 1


def test_an_opt_out_there_does_not_wait_for_an_upload(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    sync(integration)
    remote.sandbox.hold_imports()
    add_contact("bob@example.com")
    sync(integration, wait_seconds=0.0)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration, kind=RunKind.IMPORT)
    assert [row["email"] for row in members(link.marketing_list)] == ["bob@example.com"]


def test_an_opt_out_here_leaves_the_book_while_an_upload_is_on_its_way(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    remote.sandbox.hold_imports()
    add_contact("bob@example.com")
    sync(integration, wait_seconds=0.0)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration, wait_seconds=5.0)
    assert "ann@example.com" not in remote.contacts(book)


def test_an_opt_out_of_somebody_on_their_way_leaves_the_book_when_they_have_arrived(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.sandbox.hold_imports()
    ann = add_contact("ann@example.com")
    sync(integration, wait_seconds=0.0)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration, wait_seconds=0.0)
    assert link.items.get().email == "ann@example.com", "without the note nobody would know of them"
    remote.sandbox.release_imports()
    for _run in range(2):
        sync(integration)
    assert remote.contacts(book) == {}


def test_opt_outs_pass_the_breaker(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    records = [add_contact(f"person{number}@example.com") for number in range(60)]
    sync(integration)
    Integration.objects.update(breaker_rows=1, breaker_percent=1)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[record.pk for record in records[:40]])
    remove_records(marketing_list=link.marketing_list, record_ids=[record.pk for record in records[40:]])
    for record in records[40:50]:
        remove_records(marketing_list=link.marketing_list, record_ids=[record.pk])
    sync(integration)
    assert set(remote.contacts(book)) <= {f"person{number}@example.com" for number in range(40, 60)}


def test_an_opt_out_counts_on_a_list_that_is_ending(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    sync(integration)
    request_ending(link=link)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration, kind=RunKind.IMPORT)
    assert count_members(link.marketing_list).unsubscribed == 1


def test_what_dotdigital_said_is_said_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    for _run in range(3):
        sync(integration)
    (event,) = ConsentEvent.objects.filter(source=Source.FEED)
    assert (event.scope, event.what, event.email_key) == (Scope.ACCOUNT, "opted_out", "ann@example.com")
    assert event.record_id
    assert event.remote_id


def status(remote: RemoteAccount, address: str) -> str:
    return str(remote.ask("GET", f"/v2/contacts/{address}")["status"])


def test_what_dotdigital_says_is_noted_once_however_often_it_is_read(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
    sync(integration)
    remote.sandbox.unsubscribe("ann@example.com")
    remote.sandbox.unsubscribe("bob@example.com", book)
    sync(integration)
    noted = ConsentEvent.objects.count()
    assert noted >= 2
    sync(integration)
    sync(integration, kind=RunKind.RECONCILE)
    assert ConsentEvent.objects.count() == noted


def test_who_opted_out_of_everything_is_unsubscribed_in_dotdigital_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM)
    request_unsubscriptions()
    assert list(integrations_with_requests()) == [integration]
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Unsubscribed"
    assert ContactRequest.objects.get().state == ChangeState.DONE

    # Dotdigital's own later word is not argued with, and here nothing is sent all the same.
    remote.ask(
        "POST", "/v2/contacts/resubscribe-with-no-challenge", {"unsubscribedContact": {"email": "ann@example.com"}}
    )
    remote.sandbox.advance(3600)
    sync(integration)
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Subscribed"
    assert not members(link.marketing_list).exists()


@pytest.mark.parametrize("of_all", [False, True])
@pytest.mark.parametrize("is_first_said_there", [False, True])
def test_who_opted_out_here_is_in_no_book_when_dotdigital_mails_them_again(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    book: int,
    is_first_said_there: bool,
    of_all: bool,
) -> None:
    """While it does not, nothing in the book seems to have to be touched: our note is deleted, or the account's
    unsubscription was asked for before the removal."""
    ann = add_contact("ann@example.com")
    sync(integration)
    if is_first_said_there:
        remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
        remote.sandbox.advance(3600)
        sync(integration)
    scope = (Scope.EVERYTHING, 0) if of_all else (Scope.LIST, link.marketing_list_id)
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.PERSON, scope=scope[0], scope_id=scope[1])
    sync(integration, kind=RunKind.REQUESTS)
    remote.sandbox.advance(3600)
    sync(integration)
    remote.ask(
        "POST", "/v2/contacts/resubscribe-with-no-challenge", {"unsubscribedContact": {"email": "ann@example.com"}}
    )
    remote.sandbox.advance(3600)
    sync(integration)
    assert remote.contacts(book) == {}
    assert not ExportItem.objects.exists()


def test_who_returns_and_is_off_the_list_leaves_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann, bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    sync(integration)
    for name in ("ann", "bob"):
        remote.ask("POST", "/v2/contacts/unsubscribe", {"email": f"{name}@example.com"})
    remote.sandbox.advance(3600)
    sync(integration)
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    for name in ("ann", "bob"):
        path = "/v2/contacts/resubscribe-with-no-challenge"
        remote.ask("POST", path, {"unsubscribedContact": {"email": f"{name}@example.com"}})
    remote.sandbox.advance(3600)
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert list(ExportItem.objects.values_list("record_id", flat=True)) == [str(bob.pk)]


@pytest.mark.parametrize("is_renamed_first", [False, True])
@pytest.mark.parametrize("opts_out", [False, True])
def test_who_has_another_address_there_and_returns_leaves_the_book(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    book: int,
    opts_out: bool,
    is_renamed_first: bool,
) -> None:
    """The same for a contact that was given another address in Dotdigital, before our note went or after the return."""
    ann = add_contact("ann@example.com")
    sync(integration)
    Upload.objects.update(finished_at=timezone.now() - timedelta(days=2))
    if is_renamed_first:
        change_there(remote, "ann@example.com", "ann.new@example.com")
        remote.sandbox.advance(3600)
        sync(integration)
    present = "ann.new@example.com" if is_renamed_first else "ann@example.com"
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": present})
    remote.sandbox.advance(3600)
    sync(integration)
    if opts_out:
        unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    else:
        remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    assert not ExportItem.objects.exists()
    path = "/v2/contacts/resubscribe-with-no-challenge"
    remote.ask("POST", path, {"unsubscribedContact": {"email": present}})
    if not is_renamed_first:
        change_there(remote, "ann@example.com", "ann.new@example.com")
    remote.sandbox.advance(3600)
    sync(integration)
    assert remote.contacts(book) == {}
    assert not ExportItem.objects.exists()


@pytest.mark.parametrize("of_all", [False, True])
def test_an_opt_out_that_was_taken_back_is_not_told_any_more(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, of_all: bool
) -> None:
    ListConnection.objects.update(unsubscribes_book=True)
    ann = add_contact("ann@example.com")
    sync(integration)
    scope = (Scope.EVERYTHING, 0) if of_all else (Scope.LIST, link.marketing_list_id)
    said = {"entity": "crm.contact", "record_ids": [ann.pk], "source": Source.PERSON}
    opt_out_records(**said, scope=scope[0], scope_id=scope[1])
    assert request_unsubscriptions() == 1
    opt_in_records(**said, scope=scope[0], scope_id=scope[1])
    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)
    assert not ContactRequest.objects.exists()
    assert status(remote, "ann@example.com") == "Subscribed"
    assert remote.ask("GET", f"/v2/address-books/{book}/contacts/unsubscribed-since/2000-01-01") == []
    assert set(remote.contacts(book)) == {"ann@example.com"}


@pytest.mark.parametrize("unsubscribes", [False, True])
def test_an_opt_out_of_a_list_unsubscribes_from_the_book_where_the_connection_says_so(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, unsubscribes: bool
) -> None:
    ListConnection.objects.update(unsubscribes_book=unsubscribes)
    ann = add_contact("ann@example.com")
    sync(integration)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)
    feed = remote.ask("GET", f"/v2/address-books/{book}/contacts/unsubscribed-since/2000-01-01")
    assert [entry["suppressedContact"]["email"] for entry in feed] == ["ann@example.com"] * unsubscribes
    assert status(remote, "ann@example.com") == "Subscribed"
    assert "ann@example.com" not in remote.contacts(book)


def test_an_opt_out_that_one_book_still_waits_for_takes_them_out_of_the_other(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    other = remote.create_book("Others")
    connect(integration, book="Others")
    ListConnection.objects.filter(pk=link.pk).update(unsubscribes_book=True)
    ann = add_contact("ann@example.com")
    sync(integration)
    assert set(remote.contacts(other)) == {"ann@example.com"}
    remote.sandbox.fail_next("status", path="contacts/unsubscribe$", status=503, times=None)
    for each in ListConnection.objects.select_related("marketing_list"):
        unsubscribe_records(marketing_list=each.marketing_list, record_ids=[ann.pk])
    sync(integration, kind=RunKind.EXPORT)
    assert ContactRequest.objects.get().state != ChangeState.DONE
    assert remote.contacts(other) == {}


def test_an_opt_out_that_dotdigital_does_not_take_is_put_off_shown_and_can_be_asked_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    opt_out_records(entity="crm.contact", record_ids=[ann.pk], source=Source.CRM)
    remote.sandbox.fail_next("status", path="contacts/unsubscribe", status=400, times=None)
    sync(integration, kind=RunKind.REQUESTS)
    request = ContactRequest.objects.get()
    assert (request.state, request.attempts) == (ChangeState.WAITING, 1)
    ContactRequest.objects.update(attempts=9, due_at=None)
    run = sync(integration, kind=RunKind.REQUESTS)
    request.refresh_from_db()
    assert request.state == ChangeState.FAILED
    assert "Tried 10 times" in request.message
    assert run.steps.get(name="contact_requests").rejections.get().reason == "not_done"
    remote.sandbox.clear_faults()
    retry_contact_request(request=request)
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Unsubscribed"


def test_an_erased_person_is_gone_here_and_there_and_stays_out(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    sync(integration)
    erase_address(address="Ann@example.com", is_remote=True)
    assert not Contact.objects.exists()
    assert not Mirrored.objects.exists()
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is None

    add_contact("ann@example.com")
    remote.create_contact("ann@example.com", book=book)
    sync(integration)
    assert not Mirrored.objects.exists()
    assert count_members(link.marketing_list).unsubscribed == 1
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.app_label.startswith("dotbridge_"):
                cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}" t WHERE t::text ILIKE %s', ["%ann@%"])
                assert cursor.fetchone() == (0,), model
