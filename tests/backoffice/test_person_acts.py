"""What is done with a person on their page: nothing more written, taken back, forgotten, and asked of Dotdigital again.

What is right is read from the ledger and from the sandbox's own books. The kind of thing that goes wrong here: a word
that is said where the person stands, and does not reach where they are written to (another record, another account).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import ChangeState, ContactRequest, ListConnection, RunKind
from dotbridge.consent.erasure import erase_address, receipt_of
from dotbridge.consent.models import ConsentEvent, Scope, Source, What
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.crm.models import Contact as Record
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact
from tests.accounts import RemoteAccount, add_contact, connect, sync
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue

YES = {"confirmed": "yes"}
NOTE = YES | {"note": "asked by phone"}


def of_record(record: Any, verb: str = "") -> str:
    name = "dotbridge:person-record-act" if verb else "dotbridge:person-record"
    return reverse(name, args=["crm.contact", record.pk, *filter(None, [verb])])


def of_contact(contact: Contact, verb: str = "") -> str:
    return reverse(
        "dotbridge:person-contact-act" if verb else "dotbridge:person-contact", args=[contact.pk, *filter(None, [verb])]
    )


def waiting() -> list[str]:
    return [job.args["kind"] for job in ProcrastinateJob.objects.filter(status="todo")]


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    return connect(integration, book="Readers")


def status(remote: RemoteAccount, address: str) -> str:
    return str(remote.ask("GET", f"/v2/contacts/{address}")["status"])


def test_nothing_more_is_written_and_dotdigital_is_told(
    back_office: Client, integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann, other = add_contact("ann@example.com"), add_contact("Ann@example.com", "Second")
    sync(integration)
    empty_queue()
    page = texts(back_office.get(of_record(ann)))
    assert of_record(ann, "opt-out") in page
    assert of_record(ann, "take-back") not in page
    asked = texts(back_office.get(of_record(ann, "opt-out")))
    assert "unsubscribed in every connected account" in asked
    assert "In Test account: subscribed now" in asked
    assert not ConsentEvent.objects.exists()

    done = texts(back_office.post(of_record(ann, "opt-out"), NOTE, follow=True))
    assert "Nothing more is written to this person. Dotdigital is told in a moment." in done
    event = ConsentEvent.objects.get()
    assert (event.what, event.scope, event.source) == (What.OPTED_OUT, Scope.EVERYTHING, Source.PERSON)
    assert (event.evidence, event.actor, event.email_key) == ("asked by phone", "mona", "ann@example.com")
    assert waiting() == [RunKind.REQUESTS]
    assert "Asked of Dotdigital" in done
    assert "Unsubscribe from the account" in done
    assert not may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=other.pk).may_be_mailed

    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)
    assert status(remote, "ann@example.com") == "Unsubscribed"
    assert remote.contacts(book) == {}
    page = texts(back_office.get(of_record(ann)))
    assert "take the opt-out back on this page" in page
    assert of_record(ann, "opt-out") not in page


def test_an_opt_out_needs_no_note_and_is_said_once(back_office: Client, world: World) -> None:
    back_office.post(of_record(world.people[0], "opt-out"), YES)
    said = ConsentEvent.objects.filter(scope=Scope.EVERYTHING)
    assert said.count() == 1
    refused = texts(back_office.post(of_record(world.people[0], "opt-out"), YES, follow=True))
    assert "This cannot be done" in refused
    assert said.count() == 1


def test_an_opt_out_is_taken_back_for_the_persons_own_wish(back_office: Client, db: None) -> None:
    ann = add_contact("ann@example.com")
    assert "This cannot be done" in texts(back_office.post(of_record(ann, "take-back"), NOTE, follow=True))
    back_office.post(of_record(ann, "opt-out"), NOTE)
    without_note = texts(back_office.post(of_record(ann, "take-back"), YES))
    assert "This field is required." in without_note
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    assert "taken back" in texts(back_office.post(of_record(ann, "take-back"), NOTE, follow=True))
    assert may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=ann.pk).may_be_mailed
    event = ConsentEvent.objects.latest("pk")
    assert (event.what, event.evidence, event.actor) == (What.TAKEN_BACK, "asked by phone", "mona")


def test_the_opt_out_of_another_record_with_the_address_stays(back_office: Client, db: None) -> None:
    ann, other = add_contact("ann@example.com"), add_contact("ann@example.com", "Second")
    for record in (ann, other):
        back_office.post(of_record(record, "opt-out"), NOTE)
    back_office.post(of_record(ann, "take-back"), NOTE)
    assert of_record(other, "take-back") in texts(back_office.get(of_record(other)))
    assert not may_be_mailed(address="", entity="crm.contact", record_id=other.pk).may_be_mailed


def test_an_address_without_a_record_is_bound_and_taken_back(
    back_office: Client, integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("Cy@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    empty_queue()
    contact = Contact.objects.get(email_key="cy@example.com")
    back_office.post(of_contact(contact, "opt-out"), NOTE)
    assert not may_be_mailed(address="cy@example.com").may_be_mailed
    assert waiting() == [RunKind.REQUESTS]
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "cy@example.com") == "Unsubscribed"
    asked = texts(back_office.get(of_contact(contact, "take-back")))
    assert "What else was said stays" not in asked
    back_office.post(of_contact(contact, "take-back"), NOTE)
    assert may_be_mailed(address="cy@example.com").may_be_mailed
    # Here it is taken back; in Dotdigital they stay out until they are asked again.
    sync(integration)
    assert status(remote, "cy@example.com") == "Unsubscribed"
    assert "Opted out in Test account" in texts(back_office.get(of_contact(contact)))


def test_a_person_is_forgotten_here_and_there(
    back_office: Client, integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    empty_queue()
    asked = texts(back_office.get(of_record(ann, "forget")))
    assert "An encrypted mark of the address stays" in asked
    assert "It cannot be undone." in asked
    wrong = texts(back_office.post(of_record(ann, "forget"), YES | {"address": "bob@example.com"}))
    assert "This is not the address of the person." in wrong
    assert Record.objects.filter(pk=ann.pk).exists()

    typed = YES | {"address": " ANN@example.com ", "is_remote": "on"}
    answer = back_office.post(of_record(ann, "forget"), typed, follow=True)
    assert answer.redirect_chain == [(reverse("dotbridge:people"), 302)]
    assert "The person is forgotten." in texts(answer)
    assert "ann@" not in texts(answer).lower()
    assert not Record.objects.exists()
    assert receipt_of("ann@example.com") is not None
    assert waiting() == [RunKind.REQUESTS]
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is None
    assert not any("ann@" in f"{entry.object_repr} {entry.change_message}".lower() for entry in LogEntry.objects.all())


def test_the_contact_stays_there_unless_it_is_asked_for(
    back_office: Client, integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = add_contact("ann@example.com")
    sync(integration)
    back_office.post(of_record(ann, "forget"), YES | {"address": "ann@example.com"})
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is not None


def test_nothing_is_said_any_more_of_who_was_forgotten(back_office: Client, db: None) -> None:
    erase_address(address="ann@example.com")
    again = add_contact("ann@example.com")
    page = texts(back_office.get(of_record(again)))
    assert "Nothing: the person asked to be forgotten." in page
    for verb in ("opt-out", "take-back"):
        assert of_record(again, verb) not in page
        back_office.post(of_record(again, verb), NOTE)
    assert not ConsentEvent.objects.filter(email_key="ann@example.com").exists()
    assert of_record(again, "forget") in page


def test_a_failed_request_is_tried_again_from_the_persons_page(
    back_office: Client, integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann, bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    sync(integration)
    back_office.post(of_record(ann, "opt-out"), NOTE)
    asked = ContactRequest.objects.get()
    retry = {"request": str(asked.pk)}
    assert 'name="request"' not in texts(back_office.get(of_record(ann)))
    assert "Only what failed" in texts(back_office.post(of_record(ann, "try-again"), retry, follow=True))
    ContactRequest.objects.update(state=ChangeState.FAILED, message="Tried 10 times.", attempts=10)
    page = texts(back_office.get(of_record(ann)))
    assert "Tried 10 times." in page
    assert 'name="request"' in page
    assert "Asked of Dotdigital" not in texts(back_office.get(of_record(bob)))
    assert back_office.post(of_record(bob, "try-again"), retry).status_code == 404
    assert back_office.get(of_record(ann, "try-again")).status_code == 405
    empty_queue()
    back_office.post(of_record(ann, "try-again"), retry)
    asked.refresh_from_db()
    assert (asked.state, asked.attempts) == (ChangeState.WAITING, 0)
    assert waiting() == [RunKind.REQUESTS]
    sync(integration, kind=RunKind.REQUESTS)
    assert status(remote, "ann@example.com") == "Unsubscribed"


def test_an_erasure_that_failed_is_found_where_no_person_is_left(
    back_office: Client, logged_in: Callable[..., Client], integration: Integration, remote: RemoteAccount, book: int
) -> None:
    """The second place of "shown on the person's page": the page of who was forgotten is gone."""
    connect(integration, book="Readers")
    ann = add_contact("ann@example.com")
    sync(integration)
    back_office.post(of_record(ann, "forget"), YES | {"address": "ann@example.com", "is_remote": "on"})
    ContactRequest.objects.update(state=ChangeState.FAILED, message="Tried 10 times.")
    asked = ContactRequest.objects.get()
    (need,) = (
        each for each in back_office.get(reverse("dotbridge:home")).context["needs"] if "opted out" in each.title
    )
    assert "1 opt-out or erasure" in need.text
    retry = reverse("dotbridge:activity-request-retry", args=[asked.pk])
    page = texts(back_office.get(need.url))
    assert "Tried 10 times." in page
    assert retry in page
    viewer = logged_in("dotbridge_connections.view_accountchange")
    assert retry not in texts(viewer.get(need.url))
    assert viewer.post(retry).status_code == 403
    back_office.post(retry)
    sync(integration, kind=RunKind.REQUESTS)
    assert remote.find_contact("ann@example.com") is None
    assert "Only what failed" in texts(back_office.post(retry, follow=True))


@pytest.mark.parametrize(
    ("verb", "permission"),
    [
        ("opt-out", "dotbridge_lists.opt_out_members"),
        ("take-back", "dotbridge_lists.opt_in_members"),
        ("forget", "dotbridge_consent.add_erasedaddress"),
        ("try-again", "dotbridge_connections.change_listconnection"),
    ],
)
def test_each_thing_is_done_by_who_may(
    logged_in: Callable[..., Client], world: World, verb: str, permission: str
) -> None:
    record, contact = world.people[0], world.contact
    viewer = logged_in("crm.view_contact", "dotbridge_mirror.view_contact")
    assert viewer.post(of_record(record, verb), NOTE | {"address": "ann.0@example.com"}).status_code == 403
    assert viewer.post(of_contact(contact, verb), NOTE | {"address": contact.email}).status_code == 403
    assert "/opt-out/" not in texts(viewer.get(of_record(record)))
    assert "/forget/" not in texts(viewer.get(of_record(record)))
    blind = logged_in(permission)
    assert blind.post(of_record(record, verb), NOTE).status_code == 403
    assert blind.post(of_contact(contact, verb), NOTE).status_code == 403
    may = logged_in(permission, "crm.view_contact", "dotbridge_mirror.view_contact")
    assert may.post(of_record(record, verb), NOTE).status_code in {200, 302, 404}
    assert may.get(of_record(record, "no-such-act")).status_code == 404
    assert not ConsentEvent.objects.filter(what=What.ERASED).exists()


def test_the_account_names_are_for_who_may_see_contacts(logged_in: Callable[..., Client], world: World) -> None:
    Contact.objects.filter(pk=world.contact.pk).update(status="Subscribed")
    record = next(each for each in world.people if each.emails.get().email.lower() == world.contact.email_key)
    may = ("dotbridge_lists.opt_out_members", "crm.view_contact")
    assert "subscribed now" not in texts(logged_in(*may).get(of_record(record, "opt-out")))
    seen = logged_in(*may, "dotbridge_mirror.view_contact").get(of_record(record, "opt-out"))
    assert "subscribed now" in texts(seen)
