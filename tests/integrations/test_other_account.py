"""An integration belongs to one account, and an account to one integration.

The kind: ids that are trusted although they may belong to something else now. The case: another account's user and
password typed into an integration, so that the ids of the former account's contacts and books are sent to it, and other
people are taken out of other books there. The second place: one account in two integrations, and so one address book on
two lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.connections.models import CampaignSend, ListConnection, Look, LookKind, RunKind, SendState
from dotbridge.connections.services import connect_list, request_data_field_deletion
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import check_connection, create_integration, set_password
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import (
    PREFERENCE,
    AddressBook,
    CampaignContent,
    DataField,
    Draft,
    SenderAddress,
    Template,
)
from dotbridge.mirror.models import Contact as Mirrored
from dotbridge.studio.models import Grant
from dotbridge.sync.account_move import move_to_another_account
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import Absence, Cursor, ExportItem, Listing, State, Upload, UploadState
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, add_contact, connect, sync


@pytest.fixture
def there(tmp_path: Path, settings: Any, remote: RemoteAccount) -> Iterator[RemoteAccount]:
    """Another account, in which the same numbers are other people's."""
    with Sandbox(tmp_path / "live", account_id=2) as live:
        settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (live.url, remote.sandbox.url)}
        yield RemoteAccount(live)


def type_credentials(integration: Integration, account: RemoteAccount) -> None:
    Integration.objects.filter(pk=integration.pk).update(base_url=account.sandbox.url, username=account.sandbox.user)
    integration.refresh_from_db()
    set_password(integration=integration, password=account.sandbox.password)


def connected(integration: Integration, remote: RemoteAccount) -> ListConnection:
    remote.create_book("Readers")
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    link = connect(integration, book="Readers")
    sync(integration)
    return link


def test_nothing_is_asked_of_another_account(
    integration: Integration, remote: RemoteAccount, there: RemoteAccount
) -> None:
    link = connected(integration, remote)
    others = there.create_book("VIPs")
    there.create_contact("vip@example.com", book=others)
    remove_records(marketing_list=link.marketing_list, record_ids=[Contact.objects.earliest("pk").pk])
    type_credentials(integration, there)

    runs = [sync(integration, kind=kind) for kind in (RunKind.EXPORT, RunKind.IMPORT, RunKind.REQUESTS)]

    assert {run.state for run in runs} == {State.FAILED}
    assert "another account" in runs[0].message
    assert "move-integration" in runs[0].message
    assert list(there.contacts(others)) == ["vip@example.com"]
    assert AddressBook.objects.get().name == "Readers"
    integration.refresh_from_db()
    assert integration.account_id == 1


def test_moved_to_another_account_it_starts_clean(
    integration: Integration, remote: RemoteAccount, there: RemoteAccount
) -> None:
    link = connected(integration, remote)
    marketing_list = link.marketing_list
    rows = MappingRow.objects.count()
    book = there.create_book("Here too")
    type_credentials(integration, there)
    Absence.objects.create(
        integration=integration, listing=Listing.DATA_FIELDS, object_id=1, first_missed_at=timezone.now()
    )

    move_to_another_account(integration=integration)

    for left in (AddressBook, Mirrored, ExportItem, Upload, ListConnection, Cursor, Absence):
        assert not left.objects.exists(), left  # type: ignore[attr-defined]
    assert MappingRow.objects.count() == rows
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert integration.account_id == 2
    connect_list(marketing_list=marketing_list, address_book=AddressBook.objects.get(name="Here too"))
    sync(integration)
    assert sorted(there.contacts(book)) == ["ann@example.com", "bob@example.com"]
    assert len(remote.contacts(1)) in (0, 2)  # the former account is as it was left


def test_addresses_that_were_shared_on_a_list_of_the_former_account_are_forgotten(
    integration: Integration, remote: RemoteAccount, there: RemoteAccount
) -> None:
    """Nothing works them out any more, and no page must show them as if they stood against anybody."""
    link = connected(integration, remote)
    ann, bob = Contact.objects.order_by("pk")
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    ContactEmail.objects.filter(contact=ann).update(email="bob@example.com")
    sync(integration)
    assert count_members(link.marketing_list).unsubscribed == 2
    type_credentials(integration, there)

    move_to_another_account(integration=integration)

    assert count_members(link.marketing_list).unsubscribed == 1
    assert may_be_mailed(address="bob@example.com", entity="crm.contact", record_id=bob.pk).may_be_mailed


def test_data_fields_that_only_the_former_account_has_are_not_sent_to_the_other_one(
    integration: Integration, remote: RemoteAccount, there: RemoteAccount
) -> None:
    """So many that a reading would not believe at once that they are gone; and one that was to be deleted there."""
    for number in range(9):
        remote.create_field(f"OURS{number}", "String")
    sync(integration, kind=RunKind.DATA_FIELDS)
    link = connected(integration, remote)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    for number in range(8):
        field = DataField.objects.get(name=f"OURS{number}")
        set_mapping_row(mapping=mapping, data_field=field, entity_fields=["notes"])
    request_data_field_deletion(data_field=DataField.objects.get(name="OURS8"))
    DataField.objects.create(integration=integration, name="Preference:News", type=PREFERENCE, preference_id=7)
    Contact.objects.update(notes="n")
    book = there.create_book("Here too")
    there.create_field("OURS8", "String")
    type_credentials(integration, there)

    move_to_another_account(integration=integration)
    sync(integration, kind=RunKind.IMPORT)

    names = {field["name"] for field in there.ask("GET", "/v2/data-fields")}
    assert set(DataField.objects.filter(gone_at=None).values_list("name", flat=True)) == names
    assert not DataField.objects.filter(leaving_since__isnull=False).exists()
    connect_list(marketing_list=link.marketing_list, address_book=AddressBook.objects.get(name="Here too"))
    sync(integration)
    assert sorted(there.contacts(book)) == ["ann@example.com", "bob@example.com"]


def test_ids_of_the_former_account_lift_no_opt_out_and_delete_nobody(
    integration: Integration, remote: RemoteAccount, there: RemoteAccount
) -> None:
    link = connected(integration, remote)
    marketing_list, left = link.marketing_list, remote.find_contact("ann@example.com")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration)
    erase_address(address="bob@example.com", is_remote=True)
    add_contact("bob.new@example.com")
    # Other people have these ids there.
    book = there.create_book("Here too")
    for number in range(20):
        there.create_contact(f"person{number}@example.com")
    taken = {contact["id"] for contact in there.ask("GET", "/v2/contacts")}
    assert left
    assert left["id"] in taken
    type_credentials(integration, there)

    move_to_another_account(integration=integration)
    sync(integration, kind=RunKind.IMPORT)
    connect_list(marketing_list=marketing_list, address_book=AddressBook.objects.get(name="Here too"))
    sync(integration)
    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)

    assert taken <= {contact["id"] for contact in there.ask("GET", "/v2/contacts")}
    assert sorted(there.contacts(book)) == ["bob.new@example.com"]


def test_it_is_not_moved_in_the_middle_of_something(integration: Integration, remote: RemoteAccount) -> None:
    connected(integration, remote)
    with integration_lock(integration.pk), pytest.raises(ValidationError, match="run is at work"):
        move_to_another_account(integration=integration)
    Upload.objects.update(state=UploadState.SENT)
    with pytest.raises(ValidationError, match="on its way"):
        move_to_another_account(integration=integration)
    Upload.objects.update(state=UploadState.FINISHED)
    sent = {"integration": integration, "remote_id": 7, "name": "Spring", "book_ids": [1]}
    for state in (SendState.ASKED, SendState.ACCEPTED):
        send = CampaignSend.objects.create(state=state, **sent)
        with pytest.raises(ValidationError, match="being sent"):
            move_to_another_account(integration=integration)
        send.delete()
    assert ExportItem.objects.count() == 2


def test_drafts_sends_and_grants_of_the_former_account_go(integration: Integration, remote: RemoteAccount) -> None:
    """Their ids, and what people have allowed, are the former account's."""
    connected(integration, remote)
    person = User.objects.create_user("mona")
    of_account: dict[str, Any] = {"integration": integration, "remote_id": 7}
    Draft.objects.create(name="Spring", **of_account)
    CampaignContent.objects.create(fingerprint="f" * 64, read_at=timezone.now(), **of_account)
    Template.objects.create(name="Frame", **of_account)
    SenderAddress.objects.create(email="news@example.com", **of_account)
    CampaignSend.objects.create(name="Spring", book_ids=[1], state=SendState.SENT, **of_account)
    Look.objects.create(kind=LookKind.CONTENT, **of_account)
    Grant.objects.create(integration=integration, user=person, refresh_token_sealed="sealed")

    move_to_another_account(integration=integration)

    for model in (Draft, CampaignContent, Template, SenderAddress, CampaignSend, Look, Grant):
        assert not model.objects.exists(), model


def test_an_account_belongs_to_one_integration(integration: Integration, sandbox: Sandbox) -> None:
    sync(integration, kind=RunKind.IMPORT)
    second = create_integration(name="Second", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)

    run = sync(second, kind=RunKind.IMPORT)

    assert run.state == State.FAILED
    assert "Test account is connected to this account already" in run.message
    assert not AddressBook.objects.filter(integration=second).exists()


def test_the_check_says_it_too(integration: Integration, sandbox: Sandbox, there: RemoteAccount) -> None:
    sync(integration, kind=RunKind.IMPORT)
    typed = {"username": sandbox.user, "password": sandbox.password}

    assert check_connection(**typed, base_url=sandbox.url, integration=integration).succeeded
    assert check_connection(**typed, base_url=sandbox.url).is_other_account
    assert check_connection(**typed, base_url=there.sandbox.url, integration=integration).is_other_account
    assert check_connection(**typed, base_url=there.sandbox.url).succeeded


def test_the_form_refuses_another_accounts_credentials(
    integration: Integration, there: RemoteAccount, admin_client: Client
) -> None:
    sync(integration, kind=RunKind.IMPORT)
    page = reverse("dotbridge_tables:dotbridge_integrations_integration_change", args=[integration.pk])
    form = admin_client.get(page).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    typed = {name: value for name, value in values.items() if value not in (None, "")}

    answer = admin_client.post(page, {**typed, "base_url": there.sandbox.url, "password": there.sandbox.password})

    assert "belong to another account" in answer.content.decode()
    integration.refresh_from_db()
    assert integration.base_url != there.sandbox.url
    answer = admin_client.post(page, {**typed, "name": "Renamed"})
    integration.refresh_from_db()
    assert integration.name == "Renamed"
