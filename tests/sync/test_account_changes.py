"""What people ask to be made or deleted in the account: done once, refused with a reason, and never left unknown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.audit.models import AuditEntry
from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState, ListConnection, RunKind
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import (
    discard_change,
    request_address_book,
    request_data_field,
    request_data_field_deletion,
    retry_change,
)
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.sync.context import NobodyWatches
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import Rejection, State, Step, SyncRun
from tests.accounts import RemoteAccount, sync
from tests.backoffice.world import empty_queue
from tests.dotdigital.server import Reply, Request, answer
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor

__all__ = ["scripted", "vendor"]


@pytest.fixture(autouse=True)
def _no_jobs(integration: Integration) -> None:
    empty_queue()


def carry_out(integration: Integration) -> SyncRun:
    return sync(integration, kind=RunKind.REQUESTS)


def fields_of(remote: RemoteAccount) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in remote.ask("GET", "/v2/data-fields")}


def known(integration: Integration, name: str) -> DataField:
    sync(integration, kind=RunKind.DATA_FIELDS)
    return DataField.objects.get(integration=integration, name=name)


@pytest.mark.parametrize(
    ("kind", "default", "remote_default"),
    [
        ("String", "", None),
        ("String", "none yet", "none yet"),
        ("Numeric", "0", 0),
        ("Numeric", "12.5", 12.5),
        ("Boolean", "no", False),
        ("Date", "2026-01-31", "2026-01-31T00:00:00.000Z"),
    ],
)
def test_a_data_field_is_made_as_asked(
    integration: Integration, remote: RemoteAccount, kind: str, default: str, remote_default: Any
) -> None:
    change = request_data_field(
        integration=integration, name="loyalty-no", type=kind, visibility="Public", default_value=default, notes="ours"
    )
    assert "LOYALTY-NO" not in fields_of(remote)
    assert list(integrations_with_requests()) == [integration]
    job = ProcrastinateJob.objects.get(task_name="dotbridge.run_sync")
    assert job.args == {"integration_id": integration.pk, "kind": "requests", "trigger": "person"}

    assert carry_out(integration).state == State.SUCCEEDED

    made = fields_of(remote)["LOYALTY-NO"]
    assert (made["type"], made["visibility"], made["defaultValue"]) == (kind, "Public", remote_default)
    kept = DataField.objects.get(integration=integration, name="LOYALTY-NO")
    assert (kept.type, kept.visibility, kept.notes, kept.gone_at) == (kind, "Public", "ours", None)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    assert not integrations_with_requests()
    carry_out(integration)
    assert len([name for name in fields_of(remote) if name == "LOYALTY-NO"]) == 1


@pytest.mark.parametrize(
    ("values", "at", "said"),
    [
        ({"name": "firstname"}, "name", "exists already"),
        ({"name": "two words"}, "name", "Only letters"),
        ({"type": "Colour"}, "type", "Choose String"),
        ({"visibility": "Secret"}, "visibility", "Choose Private"),
        ({"type": "Numeric", "default_value": "many"}, "default_value", "must be numeric"),
    ],
)
def test_what_dotdigital_would_refuse_is_said_before_it_is_asked(
    integration: Integration, values: dict[str, str], at: str, said: str
) -> None:
    known(integration, "FIRSTNAME")
    with pytest.raises(ValidationError) as refused:
        request_data_field(**{"integration": integration, "name": "NEW", "type": "String", **values})
    assert said in refused.value.message_dict[at][0]
    assert not AccountChange.objects.exists()


def test_a_type_that_is_used_up_is_said_before_it_is_asked(integration: Integration) -> None:
    DataField.objects.bulk_create(
        DataField(integration=integration, name=f"DATE{number}", type="Date") for number in range(49)
    )
    with pytest.raises(ValidationError, match="49 data fields of this type"):
        request_data_field(integration=integration, name="ONE-MORE", type="Date")


def test_the_same_is_not_asked_for_twice(integration: Integration) -> None:
    request_data_field(integration=integration, name="LOYALTY", type="String")
    with pytest.raises(ValidationError, match="asked for already"):
        request_data_field(integration=integration, name="loyalty", type="Numeric")


def test_an_inactive_integration_is_not_asked(integration: Integration) -> None:
    Integration.objects.update(is_active=False)
    integration.refresh_from_db()
    with pytest.raises(ValidationError, match="is switched off"):
        request_data_field(integration=integration, name="LOYALTY", type="String")


def test_a_name_taken_meanwhile_is_said_and_its_field_is_known_from_then_on(
    integration: Integration, remote: RemoteAccount
) -> None:
    change = request_data_field(integration=integration, name="LOYALTY", type="String")
    remote.create_field("LOYALTY", "Numeric")
    assert carry_out(integration).state == State.PARTIAL
    change.refresh_from_db()
    assert change.state == ChangeState.FAILED
    assert "of type Numeric. It was made by somebody else" in change.message
    assert DataField.objects.get(name="LOYALTY").type == "Numeric"


def test_the_vendors_refusal_is_kept_and_the_change_can_be_tried_again_or_discarded(
    integration: Integration, remote: RemoteAccount
) -> None:
    for number in range(48):
        remote.create_field(f"DATE{number}", "Date")
    change = request_data_field(integration=integration, name="ONE-MORE", type="Date")
    fine = request_data_field(integration=integration, name="FINE", type="String")
    carry_out(integration)
    change.refresh_from_db()
    fine.refresh_from_db()
    assert (change.state, fine.state) == (ChangeState.FAILED, ChangeState.DONE)
    assert change.message

    remote.ask("DELETE", "/v2/data-fields/DATE7")
    retry_change(change=change)
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    with pytest.raises(ValidationError, match="Only what failed"):
        retry_change(change=change)
    with pytest.raises(ValidationError, match="cannot be taken back"):
        discard_change(change=change)


def test_an_unknown_outcome_is_looked_up_before_it_is_asked_again(
    integration: Integration, remote: RemoteAccount
) -> None:
    taken = request_data_field(integration=integration, name="TAKEN", type="Numeric", default_value="0")
    lost = request_data_field(integration=integration, name="LOST", type="String")
    AccountChange.objects.update(state=ChangeState.ASKED)
    remote.ask("POST", "/v2/data-fields", {"name": "TAKEN", "type": "Numeric", "defaultValue": 0})
    remote.sandbox.clear_calls()

    carry_out(integration)

    asked = [call for call in remote.sandbox.calls() if call["method"] == "POST"]
    assert len(asked) == 1
    for change in (taken, lost):
        change.refresh_from_db()
        assert change.state == ChangeState.DONE
    assert {"TAKEN", "LOST"} <= set(fields_of(remote))


def test_a_data_field_is_deleted_there_and_here(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_field("OLD-ONE", "String")
    field = known(integration, "OLD-ONE")
    change = request_data_field_deletion(data_field=field)
    field.refresh_from_db()
    assert field.leaving_since is not None
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    with pytest.raises(ValidationError, match="is being deleted"):
        set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name"])

    assert carry_out(integration).state == State.SUCCEEDED

    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    assert "OLD-ONE" not in fields_of(remote)
    assert not DataField.objects.filter(name="OLD-ONE").exists()


def test_a_field_that_is_gone_already_counts_as_deleted(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_field("OLD", "String")
    change = request_data_field_deletion(data_field=known(integration, "OLD"))
    remote.ask("DELETE", "/v2/data-fields/OLD")
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE


def test_dotdigitals_own_fields_and_mapped_ones_are_not_deleted(
    integration: Integration, remote: RemoteAccount
) -> None:
    with pytest.raises(ValidationError, match="GENDER is one of Dotdigital's own"):
        request_data_field_deletion(data_field=known(integration, "GENDER"))
    remote.create_field("NICK", "String")
    field = known(integration, "NICK")
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name", "last_name"])
    with pytest.raises(ValidationError, match=r"in use .* Contact → Test account \(first_name \+ last_name\)"):
        request_data_field_deletion(data_field=field)
    assert not AccountChange.objects.exists()


def test_a_field_that_dotdigital_uses_stays_and_can_be_mapped_again(
    integration: Integration, remote: RemoteAccount
) -> None:
    remote.create_field("USED", "String")
    campaign = {
        "name": "Offer", "subject": "Hello", "fromName": "Acme",
        "htmlContent": "<p>@USED@</p> $UNSUB$", "plainTextContent": "$UNSUB$",
    }  # fmt: skip
    number = remote.ask("POST", "/v2/campaigns", campaign)["id"]
    field = known(integration, "USED")
    change = request_data_field_deletion(data_field=field)
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.FAILED
    assert f"in use there by Campaign {number}" in change.message
    assert "USED" in fields_of(remote)
    field.refresh_from_db()
    assert (field.gone_at, field.leaving_since) == (None, None)
    retry_change(change=change)
    discard_change(change=change)
    field.refresh_from_db()
    assert field.leaving_since is None


def test_what_is_taken_back_in_the_moment_in_which_its_turn_comes_is_no_problem(
    integration: Integration, remote: RemoteAccount
) -> None:
    first, second = (request_data_field(integration=integration, name=name, type="String") for name in ("ONE", "TWO"))

    class TakesBack(NobodyWatches):
        def progressed(self, step: Step, done: int, total: int | None) -> None:
            if step.name == "account_changes" and done == 1:
                discard_change(change=second)

    run = run_sync(integration=integration, kind=RunKind.REQUESTS, trigger="test", observer=TakesBack())

    first.refresh_from_db()
    assert first.state == ChangeState.DONE
    assert "TWO" not in fields_of(remote)
    assert (run.state, Rejection.objects.count()) == (State.SUCCEEDED, 0)


def test_a_field_mapped_between_asking_and_doing_stays(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_field("NICK", "String")
    field = known(integration, "NICK")
    change = request_data_field_deletion(data_field=field)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    MappingRow.objects.create(mapping=mapping, data_field=field, entity_fields=["first_name"])
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.FAILED
    assert "in use" in change.message
    assert "NICK" in fields_of(remote)


def test_a_wrong_password_leaves_everything_waiting(integration: Integration) -> None:
    change = request_data_field(integration=integration, name="LOYALTY", type="String")
    Integration.objects.update(username="nobody@example.com")
    integration.refresh_from_db()
    assert carry_out(integration).state == State.FAILED
    change.refresh_from_db()
    assert change.state == ChangeState.WAITING


def test_a_book_is_made_and_the_list_connected_to_it(integration: Integration, remote: RemoteAccount) -> None:
    marketing_list = create_list(name="Everybody", entity="crm.contact")
    change = request_address_book(
        integration=integration,
        name="  Summer   readers ",
        visibility="Public",
        marketing_list=marketing_list,
        by=User.objects.create_user("mona"),
    )
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    made = [book for book in remote.ask("GET", "/v2/address-books") if book["name"] == "Summer readers"]
    assert [book["visibility"] for book in made] == ["Public"]
    link = ListConnection.objects.get()
    assert (link.marketing_list, link.address_book.remote_id) == (marketing_list, made[0]["id"])
    kinds = ProcrastinateJob.objects.filter(task_name="dotbridge.run_sync").values_list("args__kind", flat=True)
    assert "sync" in set(kinds)
    connected = AuditEntry.objects.get(model="dotbridge_connections.listconnection")
    assert connected.actor == "mona", "the worker did what she had asked for"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (" ", "needs a name"),
        ("x" * 129, "at most 128"),
        ("Test", "Every account has"),
        ("readers", "exists already"),
    ],
)
def test_a_book_name_that_dotdigital_refuses_is_explained(
    integration: Integration, remote: RemoteAccount, name: str, said: str
) -> None:
    remote.create_book("Readers")
    sync(integration, kind=RunKind.IMPORT)
    with pytest.raises(ValidationError, match=said):
        request_address_book(integration=integration, name=name)


def test_somebody_elses_book_is_not_taken_for_ours(integration: Integration, remote: RemoteAccount) -> None:
    marketing_list = create_list(name="Everybody", entity="crm.contact")
    change = request_address_book(integration=integration, name="Readers", marketing_list=marketing_list)
    number = remote.create_book("READERS")
    remote.create_contact("ann@example.com", book=number)
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.FAILED
    assert "made by somebody else" in change.message
    assert not ListConnection.objects.exists()
    assert AddressBook.objects.filter(remote_id=number).exists()


def test_a_list_that_was_connected_meanwhile_stays_so(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_book("Other")
    sync(integration, kind=RunKind.IMPORT)
    marketing_list = create_list(name="Everybody", entity="crm.contact")
    change = request_address_book(integration=integration, name="Readers", marketing_list=marketing_list)
    with pytest.raises(ValidationError, match="is being made already"):
        request_address_book(integration=integration, name="Others", marketing_list=marketing_list)
    ListConnection.objects.create(marketing_list=marketing_list, address_book=AddressBook.objects.get(name="Other"))
    carry_out(integration)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    assert "made, but not connected" in change.message
    with pytest.raises(ValidationError, match="connected already"):
        request_address_book(integration=integration, name="Third", marketing_list=marketing_list)


def test_what_is_gone_remotely_while_mapped_is_not_deleted_here(
    integration: Integration, remote: RemoteAccount
) -> None:
    remote.create_field("NICK", "String")
    field = known(integration, "NICK")
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["first_name"])
    remote.ask("DELETE", "/v2/data-fields/NICK")
    sync(integration, kind=RunKind.DATA_FIELDS)
    field.refresh_from_db()
    assert field.gone_at is not None
    assert MappingRow.objects.filter(data_field=field).exists()


def test_what_was_made_and_is_not_listed_is_not_made_once_more(scripted: Integration, vendor: CampaignVendor) -> None:
    """Dotdigital has answered that it was made, but lists it late, or under another name than it was asked for."""
    asked: list[str] = []
    lists = vendor.server.otherwise

    def make(request: Request) -> Reply:
        if request.method != "POST":
            return lists(request)
        asked.append(request.target)
        return answer(200, {"id": 99, "name": "Fresh", "visibility": "Private", "contacts": 0})

    vendor.server.otherwise = make
    change = AccountChange.objects.create(
        integration=scripted, kind=ChangeKind.CREATE_ADDRESS_BOOK, name="Fresh  book", details={"visibility": "Private"}
    )
    for _number in range(3):
        AccountChange.objects.update(due_at=None)
        sync(scripted, kind=RunKind.REQUESTS)
    assert len(asked) == 1
    change.refresh_from_db()
    assert (change.state, change.attempts) == (ChangeState.ASKED, 2)
    vendor.answers["address-books"].append({"id": 99, "name": "Fresh  book", "visibility": "Private", "contacts": 0})
    AccountChange.objects.update(due_at=None)
    sync(scripted, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert change.state == ChangeState.DONE
    assert AddressBook.objects.filter(remote_id=99).exists()


def test_what_was_made_is_ours_although_the_account_could_not_be_searched_for_it_then(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failing look later it was taken for somebody else's, and the list was not connected."""
    monkeypatch.setattr("dotdigital.patience.time.sleep", lambda _seconds: None)
    marketing_list = create_list(name="Everybody", entity="crm.contact")
    change = request_address_book(integration=integration, name="Readers", marketing_list=marketing_list)
    remote.sandbox.fail_next("status", path="/v2/address-books", method="GET", status=503, after=1, times=None)
    carry_out(integration)
    remote.sandbox.clear_faults()
    AccountChange.objects.update(due_at=None)
    carry_out(integration)
    change.refresh_from_db()
    assert (change.state, change.message) == (ChangeState.DONE, "")
    assert ListConnection.objects.get().marketing_list == marketing_list
    assert [book["name"] for book in remote.ask("GET", "/v2/address-books")].count("Readers") == 1
