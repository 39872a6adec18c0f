"""What an export does when something does not go as planned: nothing is lost, and it can be told what happened."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.backoffice.labels import refusal_text
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records, restore_records, unsubscribe_records
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mirror.models import AddressBook, Membership
from dotbridge.summary import adds_up, run_summary
from dotbridge.sync.models import ExportItem, Rejection, Removal, RemovalState, State, Upload, UploadState
from dotbridge.sync.outbound.states import REASONS, REFUSED_STATUSES, UPLOAD_MOVES, Rule, reason_of
from dotbridge.sync.outbound.upload import move
from dotbridge.sync.services import retry_upload
from tests.accounts import RemoteAccount, add_contact, connect, opted_out, steps_of, sync, words_about


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, book: int) -> ListConnection:
    add_contact("ann@example.com")
    add_contact("bob@example.com", "Bob", "Cee")
    return connect(integration, book="Readers")


def addresses(remote: RemoteAccount, book: int) -> set[str]:
    return set(remote.contacts(book))


def test_a_suppressed_contact_is_neither_sent_nor_raised(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.create_contact("bob@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "bob@example.com"})

    sync(integration)

    assert addresses(remote, book) == {"ann@example.com"}
    assert remote.ask("GET", "/v2/contacts/bob@example.com")["status"] == "Unsubscribed"
    assert words_about("bob@example.com") == {("account", "opted_out", "feed")}


def test_a_row_refused_by_the_report_unsubscribes_its_record(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    """Bob unsubscribes after our last look and before the upload: only the report can tell."""
    sync(integration, kind=RunKind.IMPORT)
    remote.create_contact("bob@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "bob@example.com"})

    run = sync(integration, kind=RunKind.EXPORT)

    assert ExportItem.objects.get(email="bob@example.com").reason == "unsubscribed"
    # Bob is opted out from now on, everywhere; nothing is left that anybody could mend.
    assert not Rejection.objects.exists()
    summary = run_summary(run, link)
    assert (summary["exported"], summary["unsubscribed"], summary["rejected"]) == (1, 1, {})
    assert words_about("bob@example.com") == {("book", "opted_out", "report")}
    assert adds_up(summary)
    assert run.state == State.SUCCEEDED
    later = run_summary(sync(integration), link)
    assert (later["left_out"]["unsubscribed"], later["rejected"]) == (1, {})
    assert adds_up(later)


def test_a_resubscription_in_dotdigital_undoes_the_unsubscription(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "bob@example.com"})
    sync(integration)
    assert len(opted_out(link.marketing_list)) == 1
    body = {"unsubscribedContact": {"email": "bob@example.com"}}
    remote.ask("POST", "/v2/contacts/resubscribe-with-no-challenge", body)

    sync(integration)

    assert not opted_out(link.marketing_list)
    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}


def test_a_person_unsubscribed_here_leaves_the_book_and_stays_unsubscribed(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    bob = Contact.objects.get(first_name="Bob")
    unsubscribe_records(
        marketing_list=link.marketing_list,
        record_ids=[str(bob.pk)],
        reason="asked",
        by=None,
    )

    sync(integration)
    sync(integration)

    assert addresses(remote, book) == {"ann@example.com"}
    assert words_about("bob@example.com") == {("list", "opted_out", "crm")}


def test_a_contact_of_the_book_that_is_not_ours_stays(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.create_contact("theirs@example.com", book=book)

    sync(integration)
    sync(integration)

    assert "theirs@example.com" in addresses(remote, book)


def test_a_changed_address_moves_in_the_book(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    ContactEmail.objects.filter(email="bob@example.com").update(email="bob@example.org")

    sync(integration)

    assert addresses(remote, book) == {"ann@example.com", "bob@example.org"}


def test_of_two_records_with_one_address_the_older_speaks_and_they_never_take_turns(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    add_contact("ANN@example.com", "Annika", "Dee")
    sync(integration)

    run = sync(integration)

    assert run_summary(run, link)["exported"] == 0
    assert remote.contacts(book)["ann@example.com"]["FIRSTNAME"] == "Ann"
    remove_records(
        marketing_list=link.marketing_list, record_ids=[str(Contact.objects.get(first_name="Ann").pk)], by=None
    )
    sync(integration)
    assert remote.contacts(book)["ann@example.com"]["FIRSTNAME"] == "Annika"


def test_a_removed_and_restored_member_comes_back(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    ids = [str(Contact.objects.get(first_name="Bob").pk)]
    remove_records(marketing_list=link.marketing_list, record_ids=ids, by=None)
    sync(integration)
    restore_records(marketing_list=link.marketing_list, record_ids=ids)

    sync(integration)

    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}


def test_no_second_export_while_one_is_unfinished(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.hold_imports()
    first = sync(integration, wait_seconds=0.1)
    assert steps_of(first)["uploads"]["uploaded"] == 2
    Contact.objects.filter(first_name="Bob").update(first_name="Robert")

    second = sync(integration, kind=RunKind.EXPORT, wait_seconds=0.1)

    assert second.state == State.SKIPPED
    assert "has not finished 1 earlier upload" in second.message
    assert {name: step["state"] for name, step in steps_of(second).items() if name in {"removals", "uploads"}} == {
        "removals": State.BLOCKED,
        "uploads": State.BLOCKED,
    }
    remote.sandbox.release_imports()
    sync(integration)
    sync(integration)
    assert remote.contacts(book)["bob@example.com"]["FIRSTNAME"] == "Robert"


@pytest.mark.parametrize(
    ("status", "goes_again"),
    [
        ("RejectedByWatchdog", False),
        ("ExceedsAllowedContactLimit", False),
        ("InvalidFileFormat", True),
        ("Failed", True),
        ("Unknown", True),
    ],
)
def test_every_end_of_an_import_leads_somewhere(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, status: str, goes_again: bool
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    upload = Upload.objects.get()
    remote.sandbox.finish_import_as(status)
    remote.sandbox.release_imports()

    run = sync(integration)

    upload.refresh_from_db()
    assert (upload.state, upload.remote_status) == (UploadState.REFUSED, status)
    assert upload.message == str(REFUSED_STATUSES[status].text)
    assert run.state == State.PARTIAL
    if goes_again:
        Upload.objects.filter(pk=upload.pk).update(retry_at=timezone.now() - timedelta(seconds=1))
    else:
        assert upload.retry_at is None
        assert sync(integration).state == State.SUCCEEDED
        assert addresses(remote, book) == set()
        retry_upload(upload=upload)
        assert set(upload.items.values_list("attempts", flat=True)) == {0}
    sync(integration)
    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}


def test_only_a_refused_upload_can_be_sent_again(integration: Integration, link: ListConnection) -> None:
    sync(integration)
    with pytest.raises(ValidationError, match="refused"):
        retry_upload(upload=Upload.objects.get())


def test_a_file_whose_rows_could_not_be_let_go_can_be_sent_again_still(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """Half done, nobody could press the button any more, and the rows went nowhere."""
    remote.sandbox.finish_import_as("RejectedByWatchdog")
    sync(integration)
    upload = Upload.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dotbridge_sync_exportitem ADD CONSTRAINT test_kept CHECK (attempts > 0) NOT VALID")
    try:
        with pytest.raises(IntegrityError):
            retry_upload(upload=upload)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE dotbridge_sync_exportitem DROP CONSTRAINT test_kept")
    upload.refresh_from_db()
    assert upload.retry_at is None


def test_an_import_without_end_is_given_up_after_a_day(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    Upload.objects.update(sent_at=timezone.now() - timedelta(days=1, minutes=1))

    sync(integration, wait_seconds=0.0)

    assert Upload.objects.filter(state=UploadState.REFUSED).count() == 1
    remote.sandbox.release_imports()
    sync(integration)
    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}


def test_an_import_that_dotdigital_forgot_is_sent_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    Upload.objects.update(remote_id=str(uuid.uuid4()))
    remote.sandbox.release_imports()

    sync(integration)

    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.REFUSED, UploadState.FINISHED}
    assert ExportItem.objects.filter(upload__state=UploadState.FINISHED).count() == 2


@pytest.mark.parametrize("late", [False, True], ids=["before it was taken", "after it was taken"])
def test_a_connection_that_breaks_during_the_upload(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, late: bool
) -> None:
    remote.sandbox.fail_next("reset", path="/contacts/import", method="POST", late=late)

    run = sync(integration)

    assert Upload.objects.get().state in {UploadState.UNKNOWN, UploadState.FINISHED}
    assert not run.has_failed
    remote.sandbox.finish_imports()
    sync(integration)
    sync(integration)
    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}
    assert not Upload.objects.exclude(state=UploadState.FINISHED).exists()
    imports = [call for call in remote.sandbox.calls() if call["method"] == "POST" and "import" in call["path"]]
    assert len(imports) == (1 if late else 2)


def test_a_file_that_is_refused_is_a_problem_under_dotdigitals_own_code(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """The book cannot be written to by the API any more."""
    sync(integration, kind=RunKind.CHANGES)
    system_book = next(book["id"] for book in remote.ask("GET", "/v2/address-books") if book["name"] == "Test")
    AddressBook.objects.filter(integration=integration, remote_id=system_book).delete()
    AddressBook.objects.filter(pk=link.address_book_id).update(remote_id=system_book)

    run = sync(integration, kind=RunKind.EXPORT)

    assert Upload.objects.get().state == UploadState.REFUSED
    assert Rejection.objects.get(step__run=run).reason == "ERROR_ADDRESSBOOK_NOTWRITABLE"


def test_an_upload_that_was_surely_not_taken_stays_prepared(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.sandbox.fail_next("status", status=401, path="/contacts/import", method="POST")

    run = sync(integration)

    assert run.state == State.FAILED or run.has_failed
    assert Upload.objects.get().state == UploadState.PREPARED
    sync(integration)
    assert addresses(remote, book) == {"ann@example.com", "bob@example.com"}


def test_who_leaves_the_list_before_a_prepared_upload_goes_is_not_sent(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration, kind=RunKind.CHANGES)
    assert Upload.objects.get().state == UploadState.PREPARED
    remove_records(
        marketing_list=link.marketing_list, record_ids=[str(Contact.objects.get(first_name="Bob").pk)], by=None
    )
    Contact.objects.filter(first_name="Ann").update(first_name="Anna")

    sync(integration)

    assert addresses(remote, book) == {"ann@example.com"}
    assert remote.contacts(book)["ann@example.com"]["FIRSTNAME"] == "Anna"
    assert Upload.objects.count() == 1


def test_a_book_deleted_during_the_run_stops_nothing_else(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    other = remote.create_book("Others")
    connect(integration, book="Others")
    sync(integration, kind=RunKind.IMPORT)
    remote.ask("DELETE", f"/v2/address-books/{book}")

    run = sync(integration, kind=RunKind.EXPORT)

    assert addresses(remote, other) == {"ann@example.com", "bob@example.com"}
    assert Rejection.objects.filter(reason="book_gone", step__run=run).count() == 1
    assert AddressBook.objects.get(remote_id=book).gone_at is None
    assert sync(integration).state == State.SUCCEEDED
    assert AddressBook.objects.get(remote_id=book).gone_at is not None


def test_a_removal_that_failed_is_asked_for_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    remove_records(
        marketing_list=link.marketing_list, record_ids=[str(Contact.objects.get(first_name="Bob").pk)], by=None
    )
    remote.sandbox.settings.deletion_seconds = 60
    sync(integration, wait_seconds=0.0)
    Removal.objects.update(remote_id=str(uuid.uuid4()))
    remote.sandbox.settings.deletion_seconds = 0

    run = sync(integration)

    assert Rejection.objects.filter(step__run=run, reason="removal_failed").exists()
    assert Removal.objects.earliest("pk").state == RemovalState.FAILED
    sync(integration)
    assert addresses(remote, book) == {"ann@example.com"}
    assert Removal.objects.latest("pk").state == RemovalState.COMPLETED


def test_a_removal_at_work_is_waited_for_by_the_next_run(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    remote.sandbox.settings.deletion_seconds = 0.5
    remove_records(
        marketing_list=link.marketing_list, record_ids=[str(Contact.objects.get(first_name="Bob").pk)], by=None
    )

    sync(integration, wait_seconds=0.0)

    assert Removal.objects.get().state == RemovalState.SENT
    sync(integration)
    assert Removal.objects.get().state == RemovalState.COMPLETED
    assert addresses(remote, book) == {"ann@example.com"}


def test_more_imports_than_dotdigital_takes_wait_in_line(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotbridge.sync.outbound.prepare.UPLOAD_BYTES", 300)
    monkeypatch.setattr("dotbridge.sync.outbound.prepare.MOST_UPLOADS", 60)
    for number in range(100):
        add_contact(f"reader.{number}@example.com")
    remote.sandbox.hold_imports()

    run = sync(integration, wait_seconds=0.0)

    assert steps_of(run)["uploads"]["state"] == State.BLOCKED
    assert Upload.objects.filter(state=UploadState.SENT).count() == 25
    waiting = Upload.objects.filter(state=UploadState.PREPARED).count()
    assert waiting > 0
    remote.sandbox.release_imports()
    for _attempt in range(3):
        sync(integration)
    assert len(addresses(remote, book)) == 102
    assert ExportItem.objects.filter(upload__state=UploadState.FINISHED).count() == 102


@pytest.mark.parametrize(("empty_values", "left"), [(EmptyValues.KEEP, "Acme"), (EmptyValues.CLEAR, None)])
def test_an_empty_value_keeps_or_clears_as_the_mapping_says(
    integration: Integration, remote: RemoteAccount, book: int, empty_values: str, left: str | None
) -> None:
    remote.create_field("JOB", "String")
    remote.create_field("SCORE", "Numeric")
    add_contact("ann@example.com", job_title="", lead_score=None)
    remote.create_contact("ann@example.com", book=book, JOB="Acme", SCORE=7)
    connect(integration, book="Readers", rows={"JOB": ["job_title"], "SCORE": ["lead_score"]})
    MappingRow.objects.filter(data_field__name="JOB").update(empty_values=empty_values)

    sync(integration)

    values = remote.contacts(book)["ann@example.com"]
    assert (values["JOB"] or None) == left
    assert values["SCORE"] == 7  # keeps, beside a column that clears
    assert values["FIRSTNAME"] == "Ann"


def test_a_new_mapping_row_sends_everybody_again(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    sync(integration)
    remote.create_field("JOB", "String")
    Contact.objects.update(job_title="Smith")
    sync(integration, kind=RunKind.DATA_FIELDS)
    mapping = Mapping.objects.get(entity="crm.contact")
    job = integration.data_fields.get(name="JOB")
    MappingRow.objects.create(mapping=mapping, data_field=job, entity_fields=["job_title"])

    run = sync(integration)

    assert run_summary(run, link)["updated"] == 2
    assert remote.contacts(book)["bob@example.com"]["JOB"] == "Smith"


def test_a_value_too_long_for_dotdigital_is_rejected_with_a_reason(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    remote.create_field("NOTE", "String")
    sync(integration, force_data_fields=True)
    mapping = Mapping.objects.get(entity="crm.contact")
    field = integration.data_fields.get(name="NOTE")
    MappingRow.objects.create(mapping=mapping, data_field=field, entity_fields=["notes"])
    Contact.objects.filter(first_name="Bob").update(notes="x" * 1001)

    run = sync(integration)

    assert run_summary(run, link)["rejected"] == {"failure": 1}
    detail = Rejection.objects.get(subject="bob@example.com").detail
    assert f"probably because of NOTE ({'x' * 40}…)." in detail
    on_pages = str(refusal_text(ExportItem.objects.get(email_key="bob@example.com")))
    assert "probably because of NOTE." in on_pages
    Contact.objects.filter(first_name="Bob").update(notes="short")
    assert run_summary(sync(integration), link)["rejected"] == {}
    assert remote.contacts(book)["bob@example.com"]["NOTE"] == "short"


def test_one_list_one_book(integration: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    remote.create_book("Others")
    sync(integration, kind=RunKind.IMPORT)
    others = AddressBook.objects.get(name="Others")
    with pytest.raises(ValidationError, match="one list, one book"):
        connect_list(marketing_list=link.marketing_list, address_book=others)


def test_reasons_are_known_however_they_are_spelled() -> None:
    for text in ("Hard bounced", "HARD  BOUNCED", "hard bounced\r"):
        assert reason_of(text).code == "hard_bounced"
    assert reason_of("Isp Complaints").rule is Rule.UNSUBSCRIBE
    assert reason_of("Invalid Entries").code == reason_of("Invalid Email").code == "invalid_email"
    assert reason_of("something of tomorrow") is REASONS["other"]


def test_an_upload_makes_no_move_that_is_not_in_the_table(integration: Integration, link: ListConnection) -> None:
    for start, allowed in UPLOAD_MOVES.allowed.items():
        for end in UploadState:
            upload = Upload.objects.create(connection=link, state=start, created_at=timezone.now())
            if end in allowed:
                move(upload, end)
                assert Upload.objects.get(pk=upload.pk).state == end
            else:
                with pytest.raises(ValueError, match="cannot go from"):
                    move(upload, end)


def test_statements_do_not_grow_with_the_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    counts = []
    for size in (100, 900):
        start = Contact.objects.count()
        for number in range(start, start + size):
            add_contact(f"reader.{number}@example.com")
        with CaptureQueriesContext(connection) as captured:
            sync(integration)
        counts.append(len(captured))
    # A page of contacts more, and asking once or twice more whether the import is done, are some statements each.
    assert counts[1] <= counts[0] + 40


def note_of(link: ListConnection, email: str, state: UploadState, **said: Any) -> ExportItem:
    """A note about an address in an upload of its own."""
    now = timezone.now()
    upload = Upload.objects.create(connection=link, state=state, row_count=1, created_at=now, sent_at=now, **said)
    return ExportItem.objects.create(
        connection=link, email_key=email, email=email, record_id="1", values={}, operation="new", upload=upload
    )


def test_whoever_is_gone_from_the_book_was_not_seen_in_it(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection
) -> None:
    """Rule: after an unknown outcome a row counts as taken only where the book shows it; the others are sent again."""
    emails = ("there@example.com", "gone@example.com")
    numbers = [remote.create_contact(email, book=book) for email in emails]
    sync(integration, kind=RunKind.IMPORT)
    there, gone = (note_of(link, email, UploadState.UNKNOWN) for email in emails)
    # Taken out there, and a full comparison has told us.
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{numbers[1]}")
    Membership.objects.filter(contact__email_key="gone@example.com").update(gone_at=timezone.now())

    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)

    for note, rows in ((there, 0), (gone, 1)):
        note.upload.refresh_from_db()
        assert note.upload.state == UploadState.FINISHED
        assert f"{rows} rows are sent again" in note.upload.message


def test_an_unknown_outcome_is_given_its_time(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, settings: Any
) -> None:
    """Rule: an import that may be at work is not judged by the book before it can have been taken."""
    note = note_of(link, "ann@example.com", UploadState.UNKNOWN)
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"UNKNOWN_OUTCOME_SECONDS": 600.0}
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    note.upload.refresh_from_db()
    assert note.upload.state == UploadState.UNKNOWN

    Upload.objects.update(sent_at=timezone.now() - timedelta(seconds=601))
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    note.upload.refresh_from_db()
    assert note.upload.state == UploadState.FINISHED


@pytest.mark.parametrize(("hours", "is_kept"), [(23, True), (25, False)])
def test_a_confirmed_address_that_was_not_seen_yet_is_waited_for_a_day(
    integration: Integration, link: ListConnection, *, hours: int, is_kept: bool
) -> None:
    """Rule: an address that Dotdigital has confirmed and that we do not see in the book is believed not to be there
    after a day. Until then its note stays, so that they can be taken out when they are seen."""
    confirmed_at = timezone.now() - timedelta(hours=hours)
    note = note_of(link, "left@example.com", UploadState.FINISHED, finished_at=confirmed_at)
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    assert ExportItem.objects.filter(pk=note.pk).exists() == is_kept
