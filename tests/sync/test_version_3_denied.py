"""An account that had version 3 and does not offer it any more, half-way through a run: an integration that leaves the
version open goes on by version 2, one that was told to use version 3 loses what needs it, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice, WireProtocol
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.account_move import move_to_another_account
from dotbridge.sync.inbound.events import has_news, integrations_with_events
from dotbridge.sync.models import EventHint, ExportItem, State, SyncRun, Upload, UploadState
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync

AFTER_A_DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def automatic(integration: Integration) -> Integration:
    integration.protocol = ProtocolChoice.AUTOMATIC
    integration.save()
    return integration


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(automatic: Integration, book: int) -> ListConnection:
    made = connect(automatic, book="Readers")
    sync(automatic)
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V3
    return made


def deny(remote: RemoteAccount, path: str = "contacts/v3", *, status: int = 403, method: str | None = None) -> None:
    """From now on the account does not offer this."""
    remote.sandbox.fail_next("status", path=path, status=status, times=None, **({"method": method} if method else {}))


def let_a_day_pass(integration: Integration) -> None:
    integration.refresh_from_db()
    assert integration.protocol_asked_at is not None
    integration.protocol_asked_at -= AFTER_A_DAY
    integration.save()


def asked(remote: RemoteAccount, part: str) -> list[str]:
    """The calls to such a path since this was last asked."""
    found = [call["path"] for call in remote.sandbox.calls() if part in call["path"]]
    remote.sandbox.clear_calls()
    return found


def members(link: ListConnection) -> set[str]:
    here = Membership.objects.filter(address_book=link.address_book, gone_at=None)
    return set(here.values_list("contact__email_key", flat=True))


def assert_may_not_be_mailed(address: str) -> None:
    assert not may_be_mailed(address=address).may_be_mailed


@pytest.mark.parametrize("status", [403, 404])
def test_denied_at_a_reading_the_books_are_read_in_the_same_run_and_consent_is_known(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int, status: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=book)
    remote.sandbox.unsubscribe("bob@example.com")
    add_contact("cy@example.com")
    deny(remote, status=status)
    run = sync(automatic)
    steps = steps_of(run)
    assert run.state == State.SUCCEEDED
    assert "one by one" in steps["contacts"]["message"]
    assert_may_not_be_mailed("bob@example.com")
    assert set(remote.contacts(book)) == members(link) - {"bob@example.com"} == {"ann@example.com", "cy@example.com"}
    assert set(Upload.objects.values_list("protocol", "state")) == {(WireProtocol.V2, UploadState.FINISHED)}
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V2
    assert automatic.protocol_reason.startswith("The account does not offer version 3 any more")
    # The next run does not ask for it, and completes.
    asked(remote, "")
    remote.sandbox.advance(60)
    remote.sandbox.unsubscribe("ann@example.com")
    assert sync(automatic).state == State.SUCCEEDED
    assert asked(remote, "/v3") == []
    assert_may_not_be_mailed("ann@example.com")


def test_a_look_that_is_denied_has_nobody_gone(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """Not found, without a word about a contact, is the service that is not there."""
    ann = remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=book)
    for _run in range(2):
        sync(automatic)
        remote.sandbox.advance(3600)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ann}")
    deny(remote, "contacts/v3/contactId", status=404)
    assert sync(automatic).state == State.SUCCEEDED
    assert EventHint.objects.exists()
    assert not Contact.objects.filter(remote_id=ann, memberships__gone_at__isnull=False).exists()
    remote.sandbox.clear_faults()
    let_a_day_pass(automatic)
    # What events had named was kept, and is looked at when version 3 is there again.
    assert sync(automatic).state == State.SUCCEEDED
    assert members(link) == {"bob@example.com"}
    assert not EventHint.objects.exists()


def test_denied_at_an_upload_its_rows_go_by_version_2_with_the_next_export_which_is_asked_for(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    deny(remote, "contacts/v3/import")
    run = sync(automatic)
    steps = steps_of(run)
    assert run.state == State.SUCCEEDED
    assert steps["uploads"]["sent_again"] == 2
    assert "by version 2" in steps["uploads"]["message"]
    assert not Upload.objects.exists()
    waiting = ProcrastinateJob.objects.filter(
        task_name="dotbridge.run_sync", status="todo", args__integration_id=automatic.pk
    )
    assert [job.args["kind"] for job in waiting] == ["export"]
    assert sync(automatic, kind=RunKind.EXPORT).state == State.SUCCEEDED
    assert set(remote.contacts(book)) == members(link) == {"ann@example.com", "bob@example.com"}
    assert Upload.objects.get().protocol == WireProtocol.V2


def test_denied_while_an_import_is_at_work_the_book_tells_what_became_of_it(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    add_contact("ann@example.com")
    deny(remote, "contacts/v3/import/")
    run = sync(automatic)
    assert run.state == State.SUCCEEDED
    upload = Upload.objects.get()
    assert (upload.protocol, upload.state) == (WireProtocol.V3, UploadState.FINISHED)
    assert "Settled by reading the book" in upload.message
    assert members(link) == {"ann@example.com"}
    assert ExportItem.objects.get().upload == upload
    assert sync(automatic).state == State.SUCCEEDED


def test_denied_between_two_files_the_second_is_not_offered(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    other = remote.create_book("Friends")
    connect(automatic, book="Friends")
    add_contact("ann@example.com")
    deny(remote, "contacts/v3/import")
    asked(remote, "")
    sync(automatic)
    assert len(asked(remote, "contacts/v3/import")) == 1
    sync(automatic, kind=RunKind.EXPORT)
    assert set(remote.contacts(book)) == set(remote.contacts(other)) == {"ann@example.com"}


def test_denied_at_events_the_books_are_read_and_the_export_keeps_its_version(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.unsubscribe("ann@example.com")
    add_contact("bob@example.com")
    deny(remote, "events/v3")
    for _run in range(2):
        run = sync(automatic)
        assert run.state == State.SUCCEEDED
        assert "one by one" in steps_of(run)["events"]["message"]
    assert_may_not_be_mailed("ann@example.com")
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert Upload.objects.get().protocol == WireProtocol.V3
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V3


def test_a_day_later_the_account_is_asked_again_and_nothing_was_missed(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in ("ann", "bob")}
    sync(automatic)
    deny(remote)
    sync(automatic)
    remote.sandbox.advance(3600)
    remote.create_contact("cy@example.com", book=book)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ids['ann']}")
    # By version 2 nobody would take the events, so nobody looks for them.
    assert not has_news(automatic)
    assert integrations_with_events() == []
    remote.sandbox.clear_faults()
    sync(automatic)
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V2
    let_a_day_pass(automatic)
    sync(automatic)
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V3
    assert members(link) == {"bob@example.com", "cy@example.com"}
    assert integrations_with_events() == [automatic.pk]


def test_an_integration_that_was_told_to_use_version_3_keeps_it_and_loses_nothing_else(
    automatic: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    automatic.protocol = ProtocolChoice.V3
    automatic.save()
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.unsubscribe("ann@example.com")
    add_contact("bob@example.com")
    deny(remote)
    run = sync(automatic)
    states = {name: step["state"] for name, step in steps_of(run).items()}
    assert (run.state, run.is_refused) == (State.PARTIAL, False)
    assert {name for name, state in states.items() if state == State.FAILED} == {"contacts", "uploads"}
    assert_may_not_be_mailed("ann@example.com")
    assert Upload.objects.get().state == UploadState.PREPARED
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V3
    remote.sandbox.clear_faults()
    assert sync(automatic).state == State.SUCCEEDED
    assert set(remote.contacts(book)) == {"bob@example.com"}


def test_an_account_that_cannot_answer_now_is_asked_by_the_next_run(
    automatic: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    let_a_day_pass(automatic)
    remote.sandbox.fail_next("status", path="contacts/v3", status=503, times=None)
    sync(automatic, kind=RunKind.REQUESTS)
    automatic.refresh_from_db()
    assert automatic.protocol_found == WireProtocol.V3
    assert automatic.protocol_asked_at is not None
    assert automatic.protocol_asked_at < timezone.now() - timedelta(days=1)
    assert SyncRun.objects.latest("pk").state == State.SUCCEEDED


def test_another_account_is_asked_anew(automatic: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    move_to_another_account(integration=automatic)
    assert automatic.protocol_asked_at is None
