"""Transactional data, consent records and the JSON import (contract §4.3, §4.6)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from dotdigital import Account, Consent, ContactDraft, NotFound, RecordDraft, Rejected
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import finished


def test_records_live_and_die(account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    orders = account.collection("Orders")
    orders.add(RecordDraft("o1", "ann@example.com", {"total": 5, "items": ["x"]}))
    orders.save(RecordDraft("o2", ann.id, {"total": 7}))
    assert json.loads(orders.get("o1").json) == {"total": 5, "items": ["x"]}
    orders.save(RecordDraft("o1", "ann@example.com", {"total": 6}))
    assert json.loads(orders.get("o1").json) == {"total": 6}
    assert {record.key for record in orders.of_contact("ann@example.com")} == {"o1", "o2"}
    assert {record.key for record in orders.of_contact(ann.id)} == {"o1", "o2"}
    orders.delete("o1")
    with pytest.raises(NotFound) as caught:
        orders.get("o1")
    assert caught.value.code == "ERROR_TRANSACTIONAL_DATA_DOES_NOT_EXIST"
    orders.delete_of_contact(ann.id)
    with pytest.raises(Rejected) as refused:
        account.collection("1 bad name").add(RecordDraft("k", "ann@example.com", {}))
    assert refused.value.code == "ERROR_TRANSACTIONAL_DATA_INVALID_COLLECTION_NAME"


def test_records_are_imported_in_bulk(sandbox: Sandbox, account: Account) -> None:
    account.contacts.save(ContactDraft("ann@example.com"))
    orders = account.collection("Orders")
    drafts = [RecordDraft("o1", "ann@example.com", {"total": 1}), RecordDraft("o2", "zoe@example.com", {"total": 2})]
    started = orders.start_import(drafts)
    sandbox.finish_chores()
    sandbox.finish_imports()
    deadline = time.monotonic() + 20
    while orders.import_status(started.id).unfinished:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert orders.import_status(started.id).status == "Finished"
    report = orders.import_report(started.id)
    assert (report.total_items, report.total_imported, report.total_rejected) == (2, 1, 1)
    assert [(fault.key, fault.reason) for fault in report.faults] == [("o2", "ContactEmailDoesNotExist")]


def test_a_contact_with_what_it_agreed_to(account: Account) -> None:
    at = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)
    consent = Consent("I agree", at, "https://shop.example.com", "192.0.2.1", "Browser")
    answered = account.contacts.save_with_consent(ContactDraft("ann@example.com"), [consent])
    assert answered["contact"]["email"] == "ann@example.com"
    keys = {pair["key"]: pair["value"] for pair in answered["consentFields"][0]["fields"]}
    assert keys["TEXT"] == "I agree"
    assert keys["DATETIMECONSENTED"].startswith("2024-05-01T10:00:00")
    again = account.contacts.save_with_consent(ContactDraft("ann@example.com"), [consent], preferences=[])
    assert again["contact"]["id"] == answered["contact"]["id"]
    for preferences in (None, []):
        draft = ContactDraft("ann@example.com", data_fields={"LASTNAME": "Bee"})
        changed = account.contacts.update_with_consent(again["contact"]["id"], draft, [], preferences=preferences)
        assert changed["contact"]["id"] == answered["contact"]["id"]


def test_contacts_are_imported_as_values(account: Account) -> None:
    book_id = account.create_address_book("Letters").id
    drafts = [
        ContactDraft("ann@example.com", email_type="PlainText", data_fields={"FIRSTNAME": 'A "n", n'}),
        ContactDraft("invisible"),
    ]
    started = account.contacts.import_drafts(drafts, address_book_ids=[book_id])
    assert finished(account, started) == "Finished"
    report = account.import_report(started.id)
    assert (report.new_contacts, report.invalid_entries) == (1, 1)
    (page,) = account.address_book(book_id).contacts()
    assert page.items[0].email_type == "PlainText"
    assert [fault.email for fault in account.import_faults(started.id)] == ["invisible"]
