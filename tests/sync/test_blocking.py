"""What waits for what: an unfinished upload blocks its book or the whole account, and one list can be run alone."""

from __future__ import annotations

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge import jobs
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_run
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import ExportWaitsFor, Integration, ProtocolChoice
from dotbridge.sync.models import State, SyncRun, UploadState
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync


@pytest.fixture
def books(remote: RemoteAccount) -> tuple[int, int]:
    return remote.create_book("Readers"), remote.create_book("Others")


@pytest.fixture
def links(integration: Integration, books: tuple[int, int]) -> tuple[ListConnection, ListConnection]:
    add_contact("ann@example.com")
    return connect(integration, book="Readers"), connect(integration, book="Others")


def hold_one_upload(integration: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    """Dotdigital works on an upload of this list alone."""
    sync(integration)
    Contact.objects.update(first_name="Anna")
    remote.sandbox.hold_imports()
    run = sync(integration, link=link, wait_seconds=0.0)
    assert steps_of(run)["uploads"]["uploaded"] == 1


def first_name(remote: RemoteAccount, book: int) -> str:
    return str(remote.contacts(book)["ann@example.com"]["FIRSTNAME"])


def test_an_unfinished_upload_blocks_only_its_book_where_the_setting_says_so(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    Integration.objects.update(export_waits_for=ExportWaitsFor.ADDRESS_BOOK)
    integration.refresh_from_db()
    hold_one_upload(integration, remote, links[0])
    Contact.objects.update(first_name="Annika")

    run = sync(integration, wait_seconds=0.0)

    steps = steps_of(run)
    assert steps["uploads"]["uploaded"] == 1
    assert "Waiting: Readers" in steps["prepare"]["message"]
    assert links[0].uploads.filter(state=UploadState.SENT).count() == 1
    assert links[1].uploads.filter(state=UploadState.SENT).count() == 1
    assert sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0).state == State.SKIPPED
    remote.sandbox.release_imports()
    sync(integration)
    sync(integration)
    assert [first_name(remote, book) for book in books] == ["Annika", "Annika"]


def test_by_default_an_unfinished_upload_blocks_the_whole_integration(
    integration: Integration, remote: RemoteAccount, links: tuple[ListConnection, ListConnection]
) -> None:
    hold_one_upload(integration, remote, links[0])

    run = sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    assert run.state == State.SKIPPED
    assert steps_of(run)["uploads"]["state"] == State.BLOCKED
    assert not links[1].uploads.exclude(state=UploadState.FINISHED).exists()


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
def test_files_that_dotdigital_takes_no_more_of_follow_and_the_run_does_not_say_that_it_did_nothing(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    remote.sandbox.settings.active_imports = 1
    remote.sandbox.hold_imports()

    run = sync(integration, kind=RunKind.EXPORT, wait_seconds=0.0)

    assert (run.state, steps_of(run)["uploads"]["state"]) == (State.PARTIAL, State.BLOCKED)
    assert run.message.startswith("Dotdigital works on as many imports")
    assert [link.uploads.get().state for link in links] == [UploadState.SENT, UploadState.PREPARED]
    remote.sandbox.release_imports()
    sync(integration)
    assert [len(remote.contacts(book)) for book in books] == [1, 1]


def test_a_run_for_one_list_leaves_the_others_alone(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    run = sync(integration, link=links[1])

    assert (len(remote.contacts(books[0])), len(remote.contacts(books[1]))) == (0, 1)
    assert run.connection == links[1]
    assert "data_fields" not in steps_of(run)
    sync(integration)
    assert len(remote.contacts(books[0])) == 1


def test_a_list_of_another_account_is_refused(
    integration: Integration, links: tuple[ListConnection, ListConnection]
) -> None:
    other = Integration.objects.create(name="Other", username="x", password_sealed="x")
    with pytest.raises(ValueError, match="another integration"):
        sync(other, link=links[0])


def test_a_list_is_asked_for_by_its_number(
    integration: Integration, remote: RemoteAccount, links: tuple[ListConnection, ListConnection]
) -> None:
    _empty_queue()

    assert request_run(integration=integration, trigger="test", link=links[0])
    assert not request_run(integration=integration, trigger="test", link=links[0])
    assert request_run(integration=integration, trigger="test", link=links[1])

    waiting = ProcrastinateJob.objects.order_by("id").values_list("args", flat=True)
    assert [args["connection_id"] for args in waiting] == [links[0].pk, links[1].pk]
    jobs.run(**waiting[0])
    assert SyncRun.objects.latest("pk").connection == links[0]
    links[0].items.all().delete()
    runs = SyncRun.objects.count()
    jobs.run(integration_id=integration.pk, kind="sync", trigger="test", connection_id=0)
    assert SyncRun.objects.count() == runs


def test_an_export_that_was_asked_for_twice_goes_before_the_next_import(integration: Integration) -> None:
    """Imports that take longer than their interval would else go first for ever."""
    _empty_queue()
    request_run(integration=integration, kind=RunKind.EXPORT, trigger="test")
    request_run(integration=integration, kind=RunKind.IMPORT, trigger="test")
    assert _queue() == ["import", "export"]

    request_run(integration=integration, kind=RunKind.EXPORT, trigger="test")

    assert _queue() == ["export", "import"]


def _empty_queue() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


def _queue() -> list[str]:
    """The kinds of the waiting runs, in the order in which a worker takes them."""
    waiting = ProcrastinateJob.objects.filter(status="todo").order_by("-priority", "id")
    return [args["kind"] for args in waiting.values_list("args", flat=True)]
