"""The breaker: too many at once are not taken out of a book before a person has said so."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import allow_once
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, update_list
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.sync.context import NobodyWatches
from dotbridge.sync.models import Rejection, State, Step, Upload
from dotbridge.sync.selectors import book_size
from tests.accounts import RemoteAccount, add_contact, connect, opted_out, steps_of, sync

NOBODY = {"combinator": "and", "rules": [{"field": "first_name", "operator": "=", "value": "Nobody"}]}


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    """Forty people in the book, and all of them on a second list as well."""
    remote.create_book("Others")
    for number in range(40):
        add_contact(f"reader.{number}@example.com")
    connect(integration, book="Others")
    link = connect(integration, book="Readers")
    sync(integration)
    return link


def match_nobody(link: ListConnection) -> None:
    update_list(marketing_list=link.marketing_list, rule=NOBODY)


def test_a_rule_that_matches_nobody_stops_and_asks(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    match_nobody(link)
    Contact.objects.filter(emails__email="reader.1@example.com").update(first_name="Anna")
    other = AddressBook.objects.get(name="Others").remote_id

    run = sync(integration)

    assert len(remote.contacts(book)) == 40
    assert remote.contacts(other)["reader.1@example.com"]["FIRSTNAME"] == "Anna"  # the other list went on
    assert run.state == State.PARTIAL
    removals = steps_of(run)["removals"]
    assert (removals["state"], removals["stopped"]) == (State.PARTIAL, 1)
    assert "take 40 of 40 contacts out of the address book" in removals["message"]
    link.refresh_from_db()
    assert (link.stopped_rows, link.stopped_of) == (40, 40)
    since = link.stopped_at
    sync(integration)
    link.refresh_from_db()
    assert link.stopped_at == since
    assert len(remote.contacts(book)) == 40


def test_what_was_allowed_goes_once(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    match_nobody(link)
    sync(integration)
    allow_once(link=link)

    run = sync(integration)

    assert remote.contacts(book) == {}
    assert steps_of(run)["removals"]["removed"] == 40
    link.refresh_from_db()
    assert (link.stopped_at, link.allowed_rows) == (None, None)
    update_list(marketing_list=link.marketing_list, rule={})
    sync(integration)
    match_nobody(link)
    sync(integration)
    assert len(remote.contacts(book)) == 40


def test_far_more_than_was_allowed_is_asked_about_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    match_nobody(link)
    sync(integration)
    allow_once(link=link)
    ListConnection.objects.filter(pk=link.pk).update(allowed_rows=10)

    sync(integration)

    assert len(remote.contacts(book)) == 40
    link.refresh_from_db()
    assert (link.stopped_rows, link.allowed_rows) == (40, None)


def test_no_more_than_the_person_was_told_of_are_allowed(integration: Integration, link: ListConnection) -> None:
    """Between the question and the answer a run has stopped for more of them."""
    match_nobody(link)
    sync(integration)
    with pytest.raises(ValidationError, match="more people by now"):
        allow_once(link=link, seen=30)
    link.refresh_from_db()
    assert link.allowed_rows is None
    allow_once(link=link, seen=40)
    assert link.allowed_rows == 40


def test_what_is_allowed_in_the_moment_in_which_it_stops_counts(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    match_nobody(link)
    sync(integration)
    pressed: list[str] = []

    def press(execute: Any, statement: Any, *rest: Any) -> Any:
        if str(statement).startswith('UPDATE "dotbridge_connections_listconnection" SET "stopped_at"') and not pressed:
            pressed.append("allow")
            allow_once(link=ListConnection.objects.get(pk=link.pk))
        return execute(statement, *rest)

    with connection.execute_wrapper(press):
        sync(integration)

    assert pressed
    assert remote.contacts(book) == {}


def test_many_who_leave_while_a_few_are_being_taken_out_are_asked_about(
    integration: Integration,
    remote: RemoteAccount,
    book: int,
    link: ListConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dotbridge.sync.outbound.members.SECONDS_CURRENT", -1.0)
    monkeypatch.setattr("dotbridge.sync.outbound.removals.IDS_A_CALL", 10)
    leaving = Contact.objects.order_by("pk").values_list("pk", flat=True)[:20]
    remove_records(marketing_list=link.marketing_list, record_ids=list(leaving))
    update_list(
        marketing_list=link.marketing_list,
        rule={"combinator": "and", "rules": [{"field": "first_name", "operator": "=", "value": "Ann"}]},
    )

    class LosesThePeople(NobodyWatches):
        def progressed(self, step: Step, done: int, total: int | None) -> None:
            if step.name == "removals":
                Contact.objects.update(first_name="Nobody")

    sync(integration, observer=LosesThePeople())

    assert len(remote.contacts(book)) == 30
    link.refresh_from_db()
    assert (link.stopped_rows, link.stopped_of) == (30, 30)


def test_a_rule_that_was_mended_ends_the_stop(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    match_nobody(link)
    sync(integration)
    update_list(marketing_list=link.marketing_list, rule={})

    assert sync(integration).state == State.SUCCEEDED

    link.refresh_from_db()
    assert link.stopped_at is None
    with pytest.raises(ValidationError, match="has not stopped"):
        allow_once(link=link)


def test_a_stopped_list_prepares_nothing_between_two_exports(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    update_list(
        marketing_list=link.marketing_list,
        rule={"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "New"}]},
    )
    sync(integration)
    add_contact("new@example.com", "New", "New")

    sync(integration, kind=RunKind.CHANGES)

    assert not Upload.objects.filter(connection=link, items__email="new@example.com").exists()


def test_a_few_never_stop_a_run_whatever_their_share(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Few")
    for number in range(20):
        add_contact(f"few.{number}@example.com")
    link = connect(integration, book="Few")
    sync(integration)
    match_nobody(link)

    assert sync(integration).state == State.SUCCEEDED
    assert remote.contacts(book) == {}


def test_more_rows_than_the_setting_stop_whatever_their_share(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    Integration.objects.filter(pk=integration.pk).update(breaker_rows=30, breaker_percent=100)
    integration.refresh_from_db()
    match_nobody(link)
    sync(integration)
    assert len(remote.contacts(book)) == 40
    Integration.objects.filter(pk=integration.pk).update(breaker_rows=40)
    integration.refresh_from_db()
    sync(integration)
    assert remote.contacts(book) == {}


def test_many_who_left_in_dotdigital_are_off_the_list_at_once(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    """Nothing holds an opt-out up, however many they are."""
    for number in range(30):
        address = f"reader.{number}@example.com"
        remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": address})

    sync(integration)

    assert len(opted_out(link.marketing_list)) == 30
    link.refresh_from_db()
    assert link.stopped_at is None


def test_a_list_may_begin_with_many_whom_dotdigital_does_not_mail(
    integration: Integration, remote: RemoteAccount, book: int
) -> None:
    for number in range(40):
        add_contact(f"reader.{number}@example.com")
    for number in range(30):
        remote.create_contact(f"reader.{number}@example.com")
        remote.sandbox.unsubscribe(f"reader.{number}@example.com")
    link = connect(integration, book="Readers")

    sync(integration)

    assert len(opted_out(link.marketing_list)) == 30
    assert len(remote.contacts(book)) == 10


def test_a_rule_that_is_broken_touches_nobody_and_the_others_go_on(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    link.marketing_list.rule = {"combinator": "and", "rules": [{"field": "lost", "operator": "=", "value": "x"}]}
    link.marketing_list.save()
    add_contact("late@example.com")

    run = sync(integration)

    assert run.state == State.PARTIAL
    assert Rejection.objects.filter(step__run=run, reason="list_unreadable").count() == 1
    assert len(remote.contacts(book)) == 40
    assert len(remote.contacts(AddressBook.objects.get(name="Others").remote_id)) == 41


def test_a_book_that_was_deleted_and_made_again_costs_nobody_the_subscription(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.ask("DELETE", f"/v2/address-books/{book}")
    again = remote.create_book("Readers")

    sync(integration)
    sync(integration)

    assert remote.contacts(again) == {}
    assert not opted_out(link.marketing_list)
    assert link.items.count() == 40
    assert ContactEmail.objects.count() == 40


def test_the_share_is_taken_of_those_who_are_in_the_book(integration: Integration, remote: RemoteAccount) -> None:
    """Rule: 20 % of the book, as we last saw it; whoever is gone from it does not count."""
    book = remote.create_book("Readers")
    for number in range(4):
        remote.create_contact(f"p{number}@example.com", book=book)
    link = connect(integration, book="Readers")
    sync(integration, kind=RunKind.IMPORT)
    assert book_size(link.address_book) == 4
    gone = Membership.objects.filter(contact__email="p0@example.com")
    gone.update(gone_at=timezone.now())
    assert book_size(link.address_book) == 3
