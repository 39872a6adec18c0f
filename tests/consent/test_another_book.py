"""Who left the address book of a list has left the list, wherever that goes: people unsubscribe from what they get.

The kind: a word is kept by the thing that it was said about, and that thing is exchanged. The cases: a list goes over
to another book; it is disconnected, and connected to another one later; the account's book was deleted, and made again;
the list goes over into another account, whose people are written to by the same list.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from dotbridge.connections.models import BookOfList, ListConnection, RunKind
from dotbridge.connections.services import connect_list, connecting, request_ending
from dotbridge.connections.services.former_books import has_left_former_books
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source, What
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import resubscribe_records
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import Rejection
from dotbridge.sync.outbound.endings import disconnect_lists
from dotbridge.sync.services import disconnect_list
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, add_contact, sync


@pytest.fixture
def ann(integration: Integration, remote: RemoteAccount, link: ListConnection, book: int) -> int:
    """Somebody who has left the book in Dotdigital, beside somebody who left the account, and one who stays."""
    made = add_contact("ann@example.com")
    for name in ("bob", "cid"):
        add_contact(f"{name}@example.com")
    sync(integration)
    remote.sandbox.unsubscribe("ann@example.com", book)
    remote.sandbox.unsubscribe("cid@example.com")
    remote.create_book("Others")
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    return int(made.pk)


@pytest.fixture
def elsewhere(tmp_path: Path, settings: Any) -> Iterator[RemoteAccount]:
    with Sandbox(tmp_path / "elsewhere", seed="empty", account_id=2) as other:
        settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (*settings.DOTBRIDGE["API_ORIGINS"], other.url)}
        yield RemoteAccount(other)


def in_book(remote: RemoteAccount, name: str) -> set[str]:
    book = AddressBook.objects.get(name=name, gone_at=None)
    return set(remote.contacts(book.remote_id))


@pytest.mark.parametrize("way", ["over", "later"])
def test_to_another_book_of_the_account(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: int, way: str
) -> None:
    others = AddressBook.objects.get(name="Others")
    if way == "over":
        request_ending(link=link, next_book=others)
        sync(integration, kind=RunKind.REQUESTS)
    else:
        disconnect_list(link=link)
        connect_list(marketing_list=MarketingList.objects.get(), address_book=others)
    sync(integration)
    assert in_book(remote, "Others") == {"bob@example.com"}
    assert count_members(MarketingList.objects.get()).unsubscribed == 2


def test_to_a_book_that_was_made_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int
) -> None:
    remote.ask("DELETE", f"/v2/address-books/{book}")
    remote.create_book("Readers")
    sync(integration, kind=RunKind.IMPORT)
    disconnect_list(link=link)
    again = AddressBook.objects.get(name="Readers", gone_at=None)
    connect_list(marketing_list=MarketingList.objects.get(), address_book=again)
    sync(integration)
    assert in_book(remote, "Readers") == {"bob@example.com"}


def test_to_a_book_of_another_account(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: int, elsewhere: RemoteAccount
) -> None:
    sandbox = elsewhere.sandbox
    other = create_integration(name="Elsewhere", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)
    elsewhere.create_book("There")
    sync(other, kind=RunKind.IMPORT)
    # A word of a book that has the account's number says nothing of the account.
    cid = ConsentState.objects.get(scope=Scope.ACCOUNT, kind="record", is_blocked=True).subject
    add_contact("dan@example.com")
    ConsentEvent.objects.create(
        scope=Scope.BOOK,
        scope_id=integration.pk,
        what=What.OPTED_OUT,
        source=Source.FEED,
        happened_at=timezone.now(),
        email_key="dan@example.com",
        entity="crm.contact",
        record_id=cid,
    )
    disconnect_list(link=link)
    connect_list(marketing_list=MarketingList.objects.get(), address_book=AddressBook.objects.get(name="There"))
    sync(other)
    assert in_book(elsewhere, "There") == {"bob@example.com", "dan@example.com"}
    # Also under an address that they get later.
    add_contact("cid@example.com", "Cid once more")
    sync(other)
    assert in_book(elsewhere, "There") == {"bob@example.com", "dan@example.com"}


def test_a_newer_word_lifts_it_for_good_and_who_returns_to_the_same_book_is_back(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int
) -> None:
    readers, others = AddressBook.objects.get(name="Readers"), AddressBook.objects.get(name="Others")
    the_list = MarketingList.objects.get()
    disconnect_list(link=link)
    there = connect_list(marketing_list=the_list, address_book=others)
    said = ConsentEvent.objects.filter(scope=Scope.LIST, source=Source.FEED)
    assert said.count() > 0
    again = {"marketing_list": the_list, "record_ids": [ann], "source": Source.PERSON}
    resubscribe_records(**again, opted_in_at=timezone.now())
    sync(integration)
    assert in_book(remote, "Others") == {"ann@example.com", "bob@example.com"}
    # Neither there and back again takes it away, nor is it said twice.
    number = said.count()
    disconnect_list(link=there)
    connect_list(marketing_list=the_list, address_book=readers)
    assert said.count() == number


@pytest.mark.parametrize("takes_out", [True, False])
def test_who_left_a_moment_ago_and_was_not_read_yet(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, takes_out: bool
) -> None:
    """The feed of the former book is read once more before anything goes to the other one."""
    remote.sandbox.advance(60)
    remote.sandbox.unsubscribe("bob@example.com", book)
    request_ending(link=link, takes_out=takes_out, next_book=AddressBook.objects.get(name="Others"))
    assert disconnect_lists(integration) == 0
    sync(integration, kind=RunKind.REQUESTS)
    assert ListConnection.objects.get().address_book.name == "Others"
    sync(integration)
    assert in_book(remote, "Others") == set()


@pytest.mark.parametrize("kind", [RunKind.SYNC, RunKind.EXPORT])
@pytest.mark.parametrize("connects_first", [True, False])
def test_who_leaves_the_former_book_after_the_connection_has_ended(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    book: int,
    ann: int,
    kind: RunKind,
    connects_first: bool,
) -> None:
    """Its contacts stay in it, and Dotdigital's users may go on writing to them."""
    the_list, others = MarketingList.objects.get(), AddressBook.objects.get(name="Others")
    disconnect_list(link=link)
    if connects_first:
        connect_list(marketing_list=the_list, address_book=others)
    remote.sandbox.advance(3600)
    remote.sandbox.unsubscribe("bob@example.com", book)
    if not connects_first:
        connect_list(marketing_list=the_list, address_book=others)
    if kind == RunKind.EXPORT:
        # An export by itself goes by what was read; the schedule has an import before it.
        sync(integration, kind=RunKind.IMPORT)
    sync(integration, kind=kind)
    assert in_book(remote, "Others") == set()
    assert count_members(the_list).unsubscribed == 3


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
@pytest.mark.parametrize("kind", [RunKind.SYNC, RunKind.EXPORT])
def test_who_leaves_the_former_book_while_no_list_is_connected_to_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, kind: RunKind
) -> None:
    """Nobody asks that book then; so it is asked before the first one is sent to the other."""
    the_list, others = MarketingList.objects.get(), AddressBook.objects.get(name="Others")
    disconnect_list(link=link)
    sync(integration, kind=RunKind.IMPORT)
    remote.sandbox.advance(60)
    remote.sandbox.unsubscribe("bob@example.com", book)
    sync(integration, kind=RunKind.IMPORT)
    connect_list(marketing_list=the_list, address_book=others)

    sync(integration, kind=kind)

    assert in_book(remote, "Others") == set()
    assert count_members(the_list).unsubscribed == 3


def test_nothing_is_sent_to_the_other_book_before_the_former_one_could_be_asked(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int
) -> None:
    the_list, others = MarketingList.objects.get(), AddressBook.objects.get(name="Others")
    disconnect_list(link=link)
    connect_list(marketing_list=the_list, address_book=others)
    path = f"address-books/{book}/contacts/unsubscribed-since"
    remote.sandbox.fail_next("status", path=path, status=400, times=None)
    sync(integration)
    assert in_book(remote, "Others") == set()
    assert Rejection.objects.filter(step_name="consent", reason="not_read", subject="Readers", ended_at=None).exists()

    remote.sandbox.clear_faults()
    sync(integration, kind=RunKind.EXPORT)

    assert in_book(remote, "Others") == {"bob@example.com"}
    assert not Rejection.objects.filter(step_name="consent", ended_at=None).exists()


@pytest.fixture
def many_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many left the former book that a page does not wait for them."""
    monkeypatch.setattr(connecting, "MOST_AT_ONCE", 0)


@contextmanager
def no_word_is_taken() -> Iterator[None]:
    """The database refuses to write into the ledger."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'")
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON dotbridge_consent_consentevent"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse() CASCADE")


def test_how_many_words_a_former_book_has_is_counted_with_the_records_that_its_account_names(
    integration: Integration, link: ListConnection, ann: int
) -> None:
    readers = link.address_book_id
    disconnect_list(link=link)
    there = connect_list(
        marketing_list=MarketingList.objects.get(), address_book=AddressBook.objects.get(name="Others")
    )
    of_book = Q(scope=Scope.BOOK, scope_id=readers)
    of_account = Q(scope=Scope.ACCOUNT, scope_id=integration.pk)
    blocked = ConsentState.objects.filter(is_blocked=True)
    number = blocked.filter(of_book | (of_account & Q(kind="record"))).count()
    assert number < blocked.filter(of_book | of_account).count()
    assert has_left_former_books(there, more_than=number - 1)
    assert not has_left_former_books(there, more_than=number)


def test_very_many_who_left_are_noted_by_a_worker_and_nothing_is_sent_before(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: int, many_left: None
) -> None:
    disconnect_list(link=link)
    connect_list(marketing_list=MarketingList.objects.get(), address_book=AddressBook.objects.get(name="Others"))
    assert not ConsentEvent.objects.filter(scope=Scope.LIST).exists()
    with no_word_is_taken():
        sync(integration, kind=RunKind.EXPORT)
    assert in_book(remote, "Others") == set()

    sync(integration, kind=RunKind.EXPORT)

    assert in_book(remote, "Others") == {"bob@example.com"}
    said = ConsentEvent.objects.filter(scope=Scope.LIST).count()
    assert said
    sync(integration)
    assert ConsentEvent.objects.filter(scope=Scope.LIST).count() == said


def test_of_a_former_book_in_another_account_they_are_noted_by_the_run_that_sends(
    integration: Integration, link: ListConnection, ann: int, elsewhere: RemoteAccount, many_left: None
) -> None:
    elsewhere.create_book("Over there")
    other = create_integration(
        name="Elsewhere",
        username=elsewhere.sandbox.user,
        password=elsewhere.sandbox.password,
        base_url=elsewhere.sandbox.url,
    )
    sync(other, kind=RunKind.IMPORT)
    disconnect_list(link=link)
    there = AddressBook.objects.get(integration=other, name="Over there")
    connect_list(marketing_list=MarketingList.objects.get(), address_book=there)

    sync(other, kind=RunKind.EXPORT)

    assert in_book(elsewhere, "Over there") == {"bob@example.com"}


def test_a_full_comparison_looks_at_all_that_was_said_of_a_former_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: int, book: int
) -> None:
    """Whatever the news of a run did not show."""
    disconnect_list(link=link)
    connect_list(marketing_list=MarketingList.objects.get(), address_book=AddressBook.objects.get(name="Others"))
    BookOfList.objects.filter(book_id=link.address_book_id).update(read_at=timezone.now() + timedelta(days=9))
    remote.sandbox.unsubscribe("bob@example.com", book)
    sync(integration, kind=RunKind.IMPORT)
    assert count_members(MarketingList.objects.get()).unsubscribed == 2
    BookOfList.objects.filter(book_id=link.address_book_id).update(read_at=timezone.now() + timedelta(days=9))
    sync(integration, kind=RunKind.RECONCILE)
    assert count_members(MarketingList.objects.get()).unsubscribed == 3
