"""What Dotdigital refuses, or cannot tell, of one thing is told of that one thing; and it comes to an end.

The kind of test_going_over, in the places that asked one by one on their own: contacts that an event named, the results
of uploads, the outcome of removals, and features that the account's package does not have. Each for ever refused, and
each answered with an error of the server for ever.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import remove_records
from dotbridge.sync.models import EventHint, Removal, State, Upload, UploadState
from dotbridge.terminal import run_as_json
from tests.accounts import RemoteAccount, add_contact, connect, list_of, opted_out, steps_of, sync

for_ever = pytest.mark.parametrize("status", [409, 500])


pytestmark = pytest.mark.usefixtures("without_patience")


@for_ever
def test_a_contact_that_cannot_be_looked_at_keeps_no_other_waiting(
    v3: Integration, remote: RemoteAccount, status: int
) -> None:
    """Nor is the run thought to have heard of every opt-out: the feeds of the books and of the account are asked."""
    book = remote.create_book("Readers")
    connect(v3, book="Readers")
    ids = [remote.create_contact(f"person{number}@example.com", book=book) for number in range(6)]
    sync(v3)
    remote.sandbox.advance(3600)
    sync(v3)
    EventHint.objects.bulk_create(EventHint(integration=v3, remote_id=each) for each in ids)
    for each in ids[:4]:
        remote.sandbox.fail_next("status", path=f"contacts/v3/contactId/{each}$", times=None, status=status)
    runs = [sync(v3, kind=RunKind.IMPORT) for _number in range(2)]
    assert set(EventHint.objects.values_list("remote_id", flat=True)) == set(ids[:4])
    assert steps_of(runs[1])["unsubscribes"]["state"] == State.SUCCEEDED
    remote.sandbox.clear_faults()
    sync(v3, kind=RunKind.IMPORT)
    assert not EventHint.objects.exists()


@pytest.mark.parametrize(
    ("protocol", "part", "status", "is_refused"),
    [
        (ProtocolChoice.V2, "$", 500, False),
        (ProtocolChoice.V2, "/report", 500, False),
        (ProtocolChoice.V3, "$", 500, False),
        (ProtocolChoice.V3, "$", 409, True),
    ],
)
def test_an_upload_whose_results_cannot_be_read_keeps_no_other_waiting_and_is_settled(
    integration: Integration, remote: RemoteAccount, part: str, status: int, is_refused: bool
) -> None:
    """What Dotdigital refuses to tell the book tells at once; what it cannot tell, when a day is over."""
    books = [remote.create_book(name) for name in ("One", "Two", "Three")]
    for name in ("One", "Two", "Three"):
        connect(integration, book=name)
    add_contact("ann@example.com")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    uploads = Upload.objects.order_by("pk")
    bad = uploads[1]
    remote.sandbox.fail_next("status", path=f"import/{bad.remote_id}{part}", times=None, status=status)
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()

    sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    sent, finished = UploadState.SENT, UploadState.FINISHED
    assert [each.state for each in uploads.all()] == [finished, finished if is_refused else sent, finished]
    Upload.objects.filter(pk=bad.pk).update(sent_at=timezone.now() - timedelta(days=2))
    add_contact("bob@example.com")
    sync(integration, kind=RunKind.EXPORT)
    bad.refresh_from_db()
    assert (bad.state, bad.items.count()) == (finished, 1)
    for book in books:
        assert set(remote.contacts(book)) == {"ann@example.com", "bob@example.com"}


@for_ever
def test_an_upload_that_nothing_can_settle_is_given_up_and_its_rows_go_again(
    integration: Integration, remote: RemoteAccount, status: int
) -> None:
    book = remote.create_book("One")
    connect(integration, book="One")
    add_contact("ann@example.com")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    Upload.objects.update(state=UploadState.UNKNOWN)
    remote.sandbox.release_imports()
    remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts", method="GET", times=None, status=status)
    sync(integration, kind=RunKind.EXPORT)
    assert Upload.objects.get().state == UploadState.UNKNOWN
    Upload.objects.update(sent_at=timezone.now() - timedelta(days=2))
    for _run in range(2):
        sync(integration, kind=RunKind.EXPORT)
    first, second = Upload.objects.order_by("pk")
    assert (first.state, second.state) == (UploadState.REFUSED, UploadState.FINISHED)


@for_ever
def test_a_removal_whose_outcome_is_never_told_is_asked_for_again(
    integration: Integration, remote: RemoteAccount, status: int
) -> None:
    book = remote.create_book("One")
    ann, _bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    link = connect(integration, book="One")
    sync(integration)
    remote.sandbox.fail_next("status", path="contacts/deletion/", times=None, status=status)
    remove_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    sync(integration)
    remote.sandbox.clear_faults()
    former = Removal.objects.earliest("pk")
    remote.sandbox.fail_next("status", path=f"contacts/deletion/{former.remote_id}", times=None, status=status)
    Removal.objects.update(sent_at=timezone.now() - timedelta(days=2))
    add_contact("cid@example.com")
    for _run in range(2):
        sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com", "cid@example.com"}


@pytest.mark.parametrize("denied", ["/v2/campaigns", "/v2/address-books/{book}/contacts"])
def test_what_is_denied_to_one_step_or_book_keeps_no_opt_out_from_being_read(
    integration: Integration, remote: RemoteAccount, denied: str
) -> None:
    """An account whose package has no campaigns, or whose API user may not read a book."""
    first, second = remote.create_book("First"), remote.create_book("Second")
    ann, bob = add_contact("ann@example.com"), add_contact("bob@example.com")
    link = [connect(integration, book=name) for name in ("First", "Second")][1]
    sync(integration)
    remote.sandbox.fail_next("status", path=denied.format(book=first), times=None, status=403)
    remote.sandbox.unsubscribe("ann@example.com")
    remote.sandbox.unsubscribe("bob@example.com", second)

    run = sync(integration)

    assert (run.state, run.is_refused) == (State.PARTIAL, False)
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    assert opted_out(list_of(link)) == [str(ann.pk), str(bob.pk)]


def test_an_account_that_denies_everything_is_not_asked_by_every_step(
    integration: Integration, remote: RemoteAccount
) -> None:
    remote.create_book("First")
    connect(integration, book="First")
    sync(integration)
    remote.sandbox.fail_next("status", path="/v2/(?!account-info|server-time)", times=None, status=403)
    remote.sandbox.clear_calls()
    run = sync(integration)
    assert (run.state, run.is_refused) == (State.FAILED, True)
    assert len([call for call in remote.sandbox.calls() if call["status"] == 403]) == 3
    said = [step.message for step in run.steps.filter(state=State.FAILED)]
    assert len(said) > len(set(said))
    assert all(run.message.count(each) == 1 for each in said)


def test_a_list_that_cannot_be_counted_hides_none_of_what_a_run_did(
    integration: Integration, remote: RemoteAccount
) -> None:
    for name in ("First", "Second"):
        remote.create_book(name)
    add_contact("ann@example.com")
    links = [connect(integration, book=name) for name in ("First", "Second")]
    run = sync(integration, wait_seconds=20)
    broken = MarketingList.objects.filter(pk=links[0].marketing_list_id)
    broken.update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    told = run_as_json(run, ListConnection.objects.order_by("pk"))["lists"]
    assert "gone" in told["Everybody for First"]["problem"]
    assert told["Everybody for Second"]["list_members"] == 1
