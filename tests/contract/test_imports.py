"""Imports, their reports and their faults (contract §4.6, §5)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pytest

from dotdigital import Account, ContactDraft, MergeOption, NotFound, Rejected
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount, MakeSandbox, finished, upload

Encoding = Literal["multipart", "json"]
ROWS = 'Email,FIRSTNAME\r\nann@example.com,"Zoë, ""Z""\r\n🎉"\r\nbob@example.com,Bob\r\ncid@example.com,=1+1\r\n'


@pytest.fixture
def book_id(account: Account) -> int:
    return account.create_address_book("Letters").id


def names(account: Account, book_id: int) -> dict[str | None, object]:
    return {
        contact.email: next(field.value for field in contact.data_fields or [] if field.key == "FIRSTNAME")
        for page in account.address_book(book_id).contacts()
        for contact in page
    }


@pytest.mark.parametrize("encoding", ["multipart", "json"])
def test_what_is_uploaded_is_read_back(account: Account, book_id: int, tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(ROWS.encode())
    started = account.address_book(book_id).import_contacts(path, encoding=encoding)
    assert finished(account, started) == "Finished"
    assert names(account, book_id) == {
        "ann@example.com": 'Zoë, "Z"\r\n🎉',
        "bob@example.com": "Bob",
        "cid@example.com": "=1+1",
    }
    report = account.import_report(started.id)
    assert (report.new_contacts, report.updated_contacts, report.failures) == (3, 0, 0)
    assert list(account.import_faults(started.id)) == []
    again = upload(account, book_id, ROWS)
    assert account.import_report(again.id).updated_contacts == 3


@pytest.mark.parametrize("vendor", ["vendor", "magento"])
@pytest.mark.parametrize("mark", [True, False])
def test_refused_rows_have_a_reason(
    make_sandbox: MakeSandbox, connect: MakeAccount, vendor: str, *, mark: bool
) -> None:
    account = connect(make_sandbox(switches={"fault_reasons": vendor, "fault_byte_order_mark": mark}))
    book_id = account.create_address_book("Letters").id
    account.contacts.save(ContactDraft("gone@example.com"))
    account.contacts.unsubscribe("gone@example.com")
    rows = "FIRSTNAME,EMAIL\nA,ann@example.com\nI,invisible\nD,ann@example.com\nG,gone@example.com\nB,bob@example.com\n"
    started = upload(account, book_id, rows)
    report = account.import_report(started.id)
    assert (report.new_contacts, report.invalid_entries, report.duplicate_emails, report.unsubscribed) == (2, 1, 1, 1)
    faults = {fault.email: fault for fault in account.import_faults(started.id)}
    assert set(faults) == {"invisible", "ann@example.com", "gone@example.com"}
    assert faults["invisible"].reason.lower().startswith("invalid")
    assert faults["ann@example.com"].row["firstname"] == "D"
    assert faults["gone@example.com"].reason == "Unsubscribed"
    assert set(names(account, book_id)) == {"ann@example.com", "bob@example.com"}


@pytest.mark.parametrize(
    ("merge", "first", "last"),
    [
        (MergeOption.OVERWRITE, None, "New"),
        (MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY, "Ann", "New"),
        (MergeOption.ONLY_OVERWRITE_IF_CONTACT_DATA_NOT_POPULATED, "Ann", "Old"),
    ],
)
def test_merge_options(account: Account, book_id: int, merge: MergeOption, first: str | None, last: str) -> None:
    account.contacts.save(ContactDraft("ann@example.com", data_fields={"FIRSTNAME": "Ann", "LASTNAME": "Old"}))
    upload(account, book_id, "email,firstname,lastname\nann@example.com,,New\n", merge=merge)
    fields = {field.key: field.value for field in account.contacts.get("ann@example.com").data_fields or []}
    assert (fields["FIRSTNAME"], fields["LASTNAME"]) == (first, last)


def test_an_import_never_lifts_an_unsubscription(account: Account, book_id: int) -> None:
    account.contacts.save(ContactDraft("ann@example.com"))
    account.contacts.unsubscribe("ann@example.com")
    upload(account, book_id, "Email\nann@example.com\n")
    assert account.contacts.get("ann@example.com").status == "Unsubscribed"


def test_imports_refuse_what_the_contract_says(account: Account, book_id: int) -> None:
    system = next(book.id for page in account.address_books() for book in page if book.name == "Test")
    for target, csv, code in (
        (book_id, b"Name\nAnn\n", "ERROR_NO_EMAIL_COLUMN"),
        (system, b"Email\nann@example.com\n", "ERROR_ADDRESSBOOK_NOTWRITABLE"),
    ):
        with pytest.raises(Rejected) as caught:
            account.address_book(target).import_contacts(io.BytesIO(csv))
        assert caught.value.code == code
    with pytest.raises(NotFound):
        account.address_book(987_654).import_contacts(io.BytesIO(b"Email\n"))


def test_reports_come_after_the_end(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.hold_imports()
    started = account.address_book(book_id).import_contacts(io.BytesIO(ROWS.encode()))
    assert account.import_status(started.id).unfinished
    for read in (account.import_report, lambda guid: list(account.import_faults(guid))):
        with pytest.raises(NotFound) as caught:
            read(started.id)
        assert caught.value.code == "ERROR_IMPORT_REPORT_NOT_FOUND"
    sandbox.release_imports()
    sandbox.finish_imports()
    assert account.import_report(started.id).new_contacts == 3
    with pytest.raises(NotFound) as caught:
        account.import_status("00000000-0000-0000-0000-000000000000")
    assert caught.value.code == "ERROR_IMPORT_NOT_FOUND"


@pytest.mark.parametrize("status", ["RejectedByWatchdog", "InvalidFileFormat", "Failed", "ExceedsAllowedContactLimit"])
def test_imports_end_badly_too(sandbox: Sandbox, account: Account, book_id: int, status: str) -> None:
    sandbox.finish_import_as(status)
    started = account.address_book(book_id).import_contacts(io.BytesIO(ROWS.encode()))
    assert finished(account, started) == status
    assert names(account, book_id) == {}


def test_too_many_imports_have_to_wait(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.hold_imports()
    book = account.address_book(book_id)
    for _ in range(25):
        book.import_contacts(io.BytesIO(ROWS.encode()))
    with pytest.raises(Rejected) as caught:
        book.import_contacts(io.BytesIO(ROWS.encode()))
    assert caught.value.code == "ERROR_IMPORT_TOOMANYACTIVEIMPORTS"
    assert caught.value.later
    sandbox.release_imports()
    sandbox.finish_imports()
    upload(account, book_id, ROWS)


def test_an_import_without_a_book(account: Account) -> None:
    started = account.contacts.import_file(io.BytesIO(ROWS.encode()))
    assert finished(account, started) == "Finished"
    assert account.contacts.count() == 3
