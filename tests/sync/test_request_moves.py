"""Requests to Dotdigital of every kind move by one table each: asked for, called, looked after, put off, given up.

The kinds: something that waits for ever, because its failure was not counted or its answer never comes (a refused
ending was asked for each minute, a prepared removal whose address had changed failed at each run, a removal that stays
*Started* was waited for without end); and one list's trouble that stops the lists after it. The second places: an
upload that cannot be given to Dotdigital, and a resubscription whose outcome could not be looked up, which was then
asked for anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import (
    AccountChange,
    ChangeKind,
    ChangeState,
    Ending,
    ListConnection,
    Resubscription,
    ResubscriptionState,
    RunKind,
)
from dotbridge.connections.request_moves import (
    CALLED_RESUBSCRIPTION_MOVES,
    CALLED_SEND_MOVES,
    CHANGE_MOVES,
    ENDING_MOVES,
    LOOK_MOVES,
    MOST_ATTEMPTS,
    RESUBSCRIPTION_MOVES,
    SEND_MOVES,
    MovedMeanwhile,
    RequestMoves,
    move,
    put_off,
)
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import request_ending, retry_ending
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records
from dotbridge.sync.locks import LockLost
from dotbridge.sync.models import ExportItem, Removal, RemovalState, Upload, UploadState
from dotbridge.sync.outbound.attempts import attempt, move_by_run
from dotbridge.sync.outbound.states import REMOVAL_MOVES, UPLOAD_MOVES
from dotdigital import Transient
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.backoffice.world import empty_queue

TABLES = {
    "change": CHANGE_MOVES,
    "resubscription": RESUBSCRIPTION_MOVES,
    "resubscription that was called": CALLED_RESUBSCRIPTION_MOVES,
    "ending": ENDING_MOVES,
    "upload": UPLOAD_MOVES,
    "removal": REMOVAL_MOVES,
    "send": SEND_MOVES,
    "send that was called": CALLED_SEND_MOVES,
    "look": LOOK_MOVES,
}


pytestmark = pytest.mark.usefixtures("without_patience")


@pytest.fixture
def change(integration: Integration) -> AccountChange:
    return AccountChange.objects.create(
        integration=integration, kind=ChangeKind.CREATE_ADDRESS_BOOK, name="Fresh", details={"visibility": "Private"}
    )


@pytest.fixture
def links(integration: Integration, remote: RemoteAccount) -> list[ListConnection]:
    """Two lists of the same three people, all of them sent."""
    empty_queue()
    for name in ("First", "Second"):
        remote.create_book(name)
    for number in range(3):
        add_contact(f"p{number}@example.com")
    made = [connect(integration, book=name) for name in ("First", "Second")]
    sync(integration)
    return made


def take_off(links: list[ListConnection], email: str = "p0@example.com") -> None:
    """Take one person off all lists."""
    contact = Contact.objects.get(emails__email=email)
    for link in links:
        remove_records(marketing_list=link.marketing_list, record_ids=[contact.pk])


def fail(_change: AccountChange) -> None:
    """Dotdigital surely did not take it."""
    raise Transient("No answer.")


@pytest.mark.parametrize("moves", TABLES.values(), ids=TABLES)
def test_each_table_leads_from_waiting_to_given_up(moves: RequestMoves) -> None:
    states = {moves.waiting, moves.given_up, *([moves.called] if moves.called else [])}
    assert states <= set(moves.allowed)
    assert all(ends <= set(moves.allowed) for ends in moves.allowed.values())
    begun = moves.called or moves.waiting
    assert moves.given_up in moves.allowed[begun]
    assert moves.waiting in moves.allowed[begun]


def test_a_move_that_is_not_in_the_table_is_refused(change: AccountChange) -> None:
    with pytest.raises(ValueError, match="cannot go from waiting to done"):
        move(change, CHANGE_MOVES, ChangeState.DONE)


def test_a_row_that_somebody_else_has_moved_is_left_alone(change: AccountChange) -> None:
    AccountChange.objects.update(state=ChangeState.ASKED, message="by somebody else")
    with pytest.raises(MovedMeanwhile):
        move(change, CHANGE_MOVES, ChangeState.FAILED, message="by us")
    assert AccountChange.objects.get().message == "by somebody else"


@pytest.mark.parametrize(
    "then", [lambda change: move(change, CHANGE_MOVES, ChangeState.ASKED), fail], ids=["goes on", "fails"]
)
def test_what_somebody_takes_back_during_an_attempt_is_left_alone(
    change: AccountChange, then: Callable[[AccountChange], None]
) -> None:
    def take_back() -> None:
        AccountChange.objects.update(state=ChangeState.FAILED, message="taken back")
        then(change)

    attempt(change, CHANGE_MOVES, take_back, refused=lambda error: pytest.fail(error.text))
    assert AccountChange.objects.get().message == "taken back"


def test_what_runs_alone_move_says_that_another_run_is_at_work(change: AccountChange) -> None:
    AccountChange.objects.update(state=ChangeState.ASKED)
    with pytest.raises(LockLost):
        move_by_run(change, CHANGE_MOVES, ChangeState.FAILED)


def test_what_is_put_off_waits_longer_each_time_and_is_given_up(change: AccountChange) -> None:
    pauses = []
    while not put_off(change, CHANGE_MOVES, text="No answer."):
        assert change.due_at is not None
        pauses.append(round((change.due_at - timezone.now()) / timedelta(minutes=1)))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    change.refresh_from_db()
    assert (change.state, change.message) == (ChangeState.FAILED, "Tried 10 times. No answer.")
    assert change.finished_at is not None


def test_a_refused_ending_is_given_up_and_not_asked_for_each_minute(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    link, other = links
    for ending in links:
        request_ending(link=ending)
    remote.sandbox.fail_next(
        "status", path=f"address-books/{link.address_book.remote_id}/contacts/delete", times=None, status=400
    )

    sync(integration, kind=RunKind.REQUESTS)

    assert not ListConnection.objects.filter(pk=other.pk).exists(), "the other one does not wait for it"
    assert Ending.objects.get().attempts == 1
    assert not integrations_with_requests()
    Ending.objects.update(due_at=timezone.now())
    assert list(integrations_with_requests()) == [integration]
    for _again in range(MOST_ATTEMPTS):
        Ending.objects.update(due_at=None)
        run = sync(integration, kind=RunKind.REQUESTS)
    assert Ending.objects.get().has_failed
    assert "No connection is ending" in steps_of(run)["endings"]["message"]
    Ending.objects.update(due_at=timezone.now())
    assert not integrations_with_requests()
    remote.sandbox.clear_faults()
    retry_ending(link=link)
    sync(integration, kind=RunKind.REQUESTS)
    assert not ListConnection.objects.exists()


def test_a_refused_removal_stops_no_other_list(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    first, second = (link.address_book.remote_id for link in links)
    take_off(links)
    remote.sandbox.fail_next("status", path=f"address-books/{first}/contacts/delete", times=None, status=400)

    sync(integration)

    assert "p0@example.com" not in remote.contacts(second)
    remote.sandbox.clear_faults()
    sync(integration)
    assert "p0@example.com" not in remote.contacts(first)


def test_a_prepared_removal_of_somebody_who_is_gone_ends(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    first, second = (link.address_book.remote_id for link in links)
    take_off(links)
    remote.sandbox.fail_next("status", path=f"address-books/{first}/contacts/delete", times=20, status=503)
    sync(integration)
    assert RemovalState.PREPARED in Removal.objects.values_list("state", flat=True)
    remote.sandbox.clear_faults()
    contact = remote.find_contact("p0@example.com")
    assert contact is not None
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {"email": "moved@example.com"})

    for _run in range(2):
        run = sync(integration)

    assert steps_of(run)["removals"]["state"] == "succeeded"
    assert "p0@example.com" not in remote.contacts(second)
    assert not Removal.objects.filter(state=RemovalState.PREPARED).exists()


def test_a_removal_that_nobody_is_left_for_is_not_asked_for(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    item = links[0].items.get(email_key="p0@example.com")
    removal = Removal.objects.create(connection=links[0], row_count=1, created_at=timezone.now())
    ExportItem.objects.filter(pk=item.pk).update(removal=removal, email_key="nobody@example.com")
    remote.sandbox.clear_calls()

    sync(integration)

    removal.refresh_from_db()
    assert removal.state == RemovalState.COMPLETED
    assert not [call for call in remote.sandbox.calls() if call["path"].endswith("contacts/delete")]


def test_a_removal_that_never_ends_is_not_waited_for_longer_than_a_day(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    take_off(links[:1])
    remote.sandbox.settings.deletion_seconds = 10_000_000.0
    sync(integration, wait_seconds=0.0)
    assert Removal.objects.get().state == RemovalState.SENT
    sync(integration, wait_seconds=0.0)
    assert Removal.objects.get().state == RemovalState.SENT
    Removal.objects.update(sent_at=timezone.now() - timedelta(days=1, minutes=1))

    sync(integration, wait_seconds=0.0)

    assert Removal.objects.order_by("pk")[0].state == RemovalState.FAILED


def test_an_upload_that_cannot_be_sent_is_given_up_and_its_rows_go_again(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    """The program cannot even begin to send, which the sandbox cannot play in the middle of a run."""
    Contact.objects.update(first_name="New")
    sync(integration, kind=RunKind.CHANGES)
    upload = Upload.objects.filter(state=UploadState.PREPARED).order_by("pk")[0]

    def call() -> None:
        move(upload, UPLOAD_MOVES, UploadState.UPLOADING, sent_at=timezone.now())
        raise Transient("No connection.")

    def given_up() -> None:
        Upload.objects.filter(pk=upload.pk).update(retry_at=timezone.now() - timedelta(seconds=1))

    for number in range(1, MOST_ATTEMPTS + 1):
        assert upload.state == UploadState.PREPARED
        with pytest.raises(Transient):
            attempt(upload, UPLOAD_MOVES, call, refused=pytest.fail, given_up=given_up, sent_at=None)
        assert Upload.objects.get(pk=upload.pk).attempts == number

    upload.refresh_from_db()
    assert (upload.state, upload.retry_at is not None) == (UploadState.REFUSED, True)
    sync(integration)
    book = links[0].address_book.remote_id
    assert {values["FIRSTNAME"] for values in remote.contacts(book).values()} == {"New"}


def test_a_resubscription_that_could_not_be_looked_up_is_not_asked_for_anew(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection]
) -> None:
    asked = Resubscription.objects.create(
        connection=links[0],
        record_id="1",
        email="p0@example.com",
        email_key="p0@example.com",
        opted_in_at=timezone.now(),
        state=ResubscriptionState.ASKED,
    )
    remote.sandbox.fail_next("status", path="v2/contacts/p0", times=20, status=503)

    sync(integration, kind=RunKind.REQUESTS)

    asked.refresh_from_db()
    assert (asked.state, asked.attempts) == (ResubscriptionState.ASKED, 1)
    remote.sandbox.clear_faults()
    remote.sandbox.clear_calls()
    sync(integration, kind=RunKind.REQUESTS)
    assert not [call for call in remote.sandbox.calls() if "resubscribe" in call["path"]]


def test_a_throttled_account_costs_a_request_no_attempt(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection], change: AccountChange
) -> None:
    remote.sandbox.fail_next("status", path="v2/address-books", times=None, status=429)
    sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert (change.state, change.attempts) == (ChangeState.WAITING, 0)


def test_what_was_put_off_is_not_tried_before_its_time_because_something_else_is(
    integration: Integration, remote: RemoteAccount, links: list[ListConnection], change: AccountChange
) -> None:
    later = timezone.now() + timedelta(minutes=30)
    AccountChange.objects.update(attempts=5, due_at=later)
    request_ending(link=links[0])
    Ending.objects.update(attempts=5, due_at=later)
    request_ending(link=links[1])

    sync(integration, kind=RunKind.REQUESTS)

    change.refresh_from_db()
    assert (change.state, change.attempts) == (ChangeState.WAITING, 5)
    assert [ending.connection for ending in Ending.objects.all()] == [links[0]]
    Ending.objects.update(due_at=None)
    AccountChange.objects.update(due_at=None)
    sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    assert not Ending.objects.exists()


def test_a_request_that_fails_here_is_given_up_as_one_that_fails_there_is(
    integration: Integration, change: AccountChange
) -> None:
    """An error that nobody expected is an attempt too: else it is met each minute, for ever."""
    AccountChange.objects.update(details={})
    sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    # It was noted before, so it may have been carried out: it is looked up from now on.
    assert (change.state, change.attempts) == (ChangeState.ASKED, 0)
    for _number in range(MOST_ATTEMPTS):
        AccountChange.objects.update(due_at=None)
        sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert (change.state, change.attempts) == (ChangeState.FAILED, MOST_ATTEMPTS)
    assert "KeyError" in change.message
    assert not integrations_with_requests().exists()
