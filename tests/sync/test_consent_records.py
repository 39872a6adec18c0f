"""Consent records: what proves an opt-in goes along with the person by version 3, once to an account.

What is right is read from the sandbox's contacts, as a third party would.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import ConsentEvent, Scope, Source
from dotbridge.consent.proofs import ConsentProof
from dotbridge.consent.services import opt_in_addresses, opt_in_records, opt_out_addresses
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import ExportItem, Recheck, SentConsent, State, Upload, UploadState
from dotbridge.sync.outbound.files import write_json
from dotbridge.sync.outbound.next_export import ExportKind, next_export
from dotbridge.sync.services import retry_upload
from tests.accounts import RemoteAccount, add_contact, connect, sync, use_protocol

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TRICKY = 'Yes \\ "I" agree,\nZoë \u2028 \t end'


@pytest.fixture
def link(v3: Integration, remote: RemoteAccount) -> ListConnection:
    remote.create_book("Readers")
    made = connect(v3, book="Readers")
    sync(v3)
    return made


def proof(text: str = "Yes, send me the news") -> ConsentProof:
    return ConsentProof(
        text=text, url="https://shop.example.com/sign-up", ip_address="192.0.2.7", user_agent="Browser/1.0"
    )


def agree(email: str, text: str = "Yes, send me the news", at: datetime = AT) -> None:
    opt_in_addresses(addresses=[email], source=Source.CRM, happened_at=at, proof=proof(text))


def records(remote: RemoteAccount, email: str) -> list[dict[str, Any]]:
    """The consent records of a contact, as the account has them."""
    found = remote.ask("GET", f"/contacts/v3/email/{quote(email)}?include=consentRecords")
    return list(found.get("consentRecords") or [])


def texts(remote: RemoteAccount, email: str) -> list[str]:
    return [each["text"] for each in records(remote, email)]


def test_a_record_arrives_with_the_person_and_once(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    ann = add_contact("Ann@example.com")
    add_contact("bob@example.com")
    opt_in_records(
        entity="crm.contact", record_ids=[ann.pk], source=Source.CRM, scope=Scope.EVERYTHING, happened_at=AT,
        proof=proof(TRICKY),
    )  # fmt: skip
    assert sync(v3).state == State.SUCCEEDED
    (record,) = records(remote, "ann@example.com")
    assert record.pop("dateTimeCreated")
    assert record.pop("dateTimeConsented").startswith("2026-03-01T09:30:00")
    assert record == {
        "text": TRICKY,
        "url": "https://shop.example.com/sign-up",
        "ipAddress": "192.0.2.7",
        "userAgent": "Browser/1.0",
    }
    assert records(remote, "bob@example.com") == []
    type(ann).objects.filter(pk=ann.pk).update(first_name="Changed")
    sync(v3)
    sync(v3)
    assert len(records(remote, "ann@example.com")) == 1
    assert Upload.objects.count() == 2


def test_who_was_sent_before_is_sent_again_for_it_and_nobody_else(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
    sync(v3)
    agree("ann@example.com", "First")
    with next_export(link) as planned:
        assert planned.numbers().counts[ExportKind.UPDATE] == 1
    sync(v3)
    assert texts(remote, "ann@example.com") == ["First"]
    assert list(Upload.objects.order_by("pk").values_list("row_count", flat=True)) == [2, 1]
    agree("ann@example.com", "Second")
    sync(v3)
    assert texts(remote, "ann@example.com") == ["First", "Second"]


def test_five_at_a_time_and_no_others_than_those_of_the_list(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    ann = add_contact("ann@example.com")
    for number in range(6):
        agree("ann@example.com", f"Number {number}", at=AT.replace(day=number + 1))
    for scope, scope_id in ((Scope.LIST, link.marketing_list_id), (Scope.LIST, link.marketing_list_id + 1)):
        opt_in_records(
            entity="crm.contact", record_ids=[ann.pk], source=Source.CRM, scope=scope, scope_id=scope_id,
            happened_at=AT.replace(month=4), proof=proof(f"List {scope_id - link.marketing_list_id}"),
        )  # fmt: skip
    sync(v3)
    assert texts(remote, "ann@example.com") == ["Number 2", "Number 3", "Number 4", "Number 5", "List 0"]
    agree("ann@example.com", "Another")
    sync(v3)
    assert set(texts(remote, "ann@example.com")) == {f"Number {n}" for n in range(6)} | {"List 0", "Another"}


def test_who_has_none_is_sent_as_ever(v3: Integration, link: ListConnection) -> None:
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    sync(v3, kind=RunKind.CHANGES)
    upload = Upload.objects.get()
    before = BytesIO()
    write_json(upload, before)
    agree("bob@example.com")
    after = BytesIO()
    write_json(upload, after)
    was, now = ({json.loads(line)["identifiers"]["email"]: line for line in each.getvalue().splitlines()}
                for each in (before, after))  # fmt: skip
    assert was["ann@example.com"] == now["ann@example.com"]
    assert "consentRecords" not in json.loads(was["bob@example.com"])
    assert json.loads(now["bob@example.com"]).pop("consentRecords")


def test_by_version_2_nothing_is_sent_and_nothing_is_sent_again(
    integration: Integration, remote: RemoteAccount
) -> None:
    remote.create_book("Readers")
    connect(integration, book="Readers")
    add_contact("ann@example.com")
    sync(integration)
    agree("ann@example.com")
    sync(integration)
    assert Upload.objects.count() == 1
    assert not SentConsent.objects.exists()
    assert records(remote, "ann@example.com") == []


def test_what_was_refused_goes_again(v3: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    add_contact("ann@example.com")
    agree("ann@example.com")
    remote.sandbox.hold_imports()
    sync(v3, wait_seconds=0.0)
    assert SentConsent.objects.count() == 1
    lost = Upload.objects.get()
    Upload.objects.update(remote_id="00000000-0000-0000-0000-000000000000")
    sync(v3, wait_seconds=0.0)
    lost.refresh_from_db()
    assert lost.state == UploadState.REFUSED
    assert SentConsent.objects.get().upload == Upload.objects.get(state=UploadState.SENT)


def test_a_row_that_is_refused_keeps_its_record_for_the_next_time(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    for name in ("ann", "banned"):
        add_contact(f"{name}@example.com")
        agree(f"{name}@example.com")
    remote.sandbox.ban("banned@example.com")
    sync(v3)
    events = dict(
        ConsentEvent.objects.filter(pk__in=SentConsent.objects.values("event_id")).values_list("pk", "email_key")
    )
    assert set(events.values()) == {"ann@example.com"}


def test_after_an_unknown_outcome_it_goes_again(v3: Integration, remote: RemoteAccount, link: ListConnection) -> None:
    add_contact("ann@example.com")
    sync(v3)
    agree("ann@example.com")
    remote.sandbox.fail_next("reset", path="contacts/v3/import", method="PUT", late=False)
    sync(v3)
    assert texts(remote, "ann@example.com") == []
    # Her values are in the book, so that nothing but the record is missing.
    assert "Settled by reading the book: 0 rows" in Upload.objects.order_by("pk")[1].message
    assert not SentConsent.objects.exists()
    sync(v3)
    sync(v3)
    assert texts(remote, "ann@example.com") == ["Yes, send me the news"]
    assert SentConsent.objects.count() == 1


@pytest.mark.parametrize("how", ["row", "file"])
def test_who_was_refused_waits_with_their_record_until_it_is_mended(
    v3: Integration, remote: RemoteAccount, link: ListConnection, how: str
) -> None:
    """A proof that was not sent yet had them sent again by each export, whatever had to be mended before."""
    ann = add_contact("ann@example.com", notes="none")
    agree("ann@example.com")
    if how == "row":
        # A text for a data field that was made numeric since we read it: only the report can say so.
        remote.create_field("SCORE", "Numeric")
        sync(v3, kind=RunKind.DATA_FIELDS)
        DataField.objects.filter(name="SCORE").update(type="String")
        field, mapping = DataField.objects.get(name="SCORE"), Mapping.objects.get(entity="crm.contact")
        MappingRow.objects.create(mapping=mapping, data_field=field, entity_fields=["notes"])
        sync(v3)
        assert ExportItem.objects.get().reason == "failure"
    else:
        remote.sandbox.finish_import_as("RejectedByWatchdog")
        sync(v3)
        assert Upload.objects.get().state == UploadState.REFUSED
    agree("ann@example.com", "Once more", at=AT.replace(month=5))
    with next_export(link) as planned:
        assert planned.numbers().counts[ExportKind.UPDATE] == planned.numbers().counts[ExportKind.NEW] == 0
    for _number in range(3):
        sync(v3)
    assert Upload.objects.count() == 1

    if how == "row":
        type(ann).objects.filter(pk=ann.pk).update(notes="12")
    else:
        retry_upload(upload=Upload.objects.get())
    sync(v3)
    assert texts(remote, "ann@example.com") == ["Yes, send me the news", "Once more"]
    assert Upload.objects.count() == 2


def test_a_file_that_was_written_and_never_given_to_dotdigital_has_sent_nothing(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    add_contact("ann@example.com")
    agree("ann@example.com")
    remote.sandbox.fail_next("status", path="contacts/v3/import", method="PUT", status=403, times=None)
    Integration.objects.update(protocol=ProtocolChoice.AUTOMATIC)
    v3.refresh_from_db()
    sync(v3)
    assert not SentConsent.objects.exists()
    remote.sandbox.clear_faults()
    use_protocol(v3, ProtocolChoice.V3)
    sync(v3)
    sync(v3)
    assert texts(remote, "ann@example.com") == ["Yes, send me the news"]


def test_a_proof_that_comes_while_its_list_is_prepared_goes_with_the_next_export(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """The kind: a note that is taken off by a later statement than the one that looked at it."""
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
    sync(v3)
    Recheck.objects.create(connection=link, record_id=ExportItem.objects.get(email="bob@example.com").record_id)
    came: list[threading.Thread] = []

    def sign_up() -> None:
        try:
            agree("ann@example.com")
        finally:
            connections.close_all()

    def meanwhile(execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        answer = execute(statement, parameters, many, context)
        if "INSERT INTO export_candidate" in statement and not came:
            came.append(threading.Thread(target=sign_up))
            came[0].start()
            came[0].join(20)
        return answer

    with connection.execute_wrapper(meanwhile):
        sync(v3)
    assert came
    sync(v3)
    assert texts(remote, "ann@example.com") == ["Yes, send me the news"]


def test_an_opted_out_or_erased_person_is_not_sent_for_it(
    v3: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    for name in ("ann", "bob"):
        add_contact(f"{name}@example.com")
        agree(f"{name}@example.com")
    opt_out_addresses(addresses=["ann@example.com"], source=Source.CRM)
    erase_address(address="bob@example.com")
    sync(v3)
    assert not SentConsent.objects.exists()
    assert not Upload.objects.exists()


def test_a_thousand_proofs_take_as_many_statements_as_one(v3: Integration, link: ListConnection) -> None:
    def statements(number: int, first: int) -> int:
        for place in range(first, first + number):
            add_contact(f"person{place}@example.com")
        opt_in_addresses(
            addresses=[f"person{place}@example.com" for place in range(first, first + number)],
            source=Source.CRM, happened_at=AT, proof=proof(),
        )  # fmt: skip
        sync(v3, kind=RunKind.CHANGES)
        upload = Upload.objects.get(state=UploadState.PREPARED)
        with CaptureQueriesContext(connection) as captured:
            assert write_json(upload, BytesIO()) == number
        sync(v3, kind=RunKind.EXPORT)
        return len(captured)

    assert statements(1, first=0) == statements(300, first=1)
