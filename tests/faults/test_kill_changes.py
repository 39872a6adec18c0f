"""`kill -9` while the account is changed: the next run makes each thing once, and notes it."""

from __future__ import annotations

import signal

import pytest

from dotbridge.connections.models import AccountChange, ChangeState, ListConnection, RunKind
from dotbridge.connections.services import request_address_book, request_data_field, request_data_field_deletion
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook, DataField
from tests.accounts import RemoteAccount, sync
from tests.faults.test_kill import run_killed

CHANGES = "dotbridge.sync.outbound.account_changes"
POINTS = [
    (f"{CHANGES}:note_asked", "before", 1),
    (f"{CHANGES}:note_asked", "after", 1),  # noted, not yet called
    ("dotdigital.account:Account.create_data_field", "after", 1),  # made, nothing noted
    (f"{CHANGES}:finish_change", "before", 1),  # kept in the mirror, not committed
    (f"{CHANGES}:finish_change", "after", 1),  # inside the transaction
    ("dotdigital.account:Account.create_address_book", "before", 1),
    ("dotdigital.account:Account.create_address_book", "after", 1),  # made, its id not noted
    ("dotbridge.sync.outbound.book_changes:connect_list", "after", 1),  # connected, not committed
    (f"{CHANGES}:finish_change", "after", 2),
    ("dotdigital.account:Account.delete_data_field", "before", 1),
    ("dotdigital.account:Account.delete_data_field", "after", 1),  # deleted, nothing noted
    ("dotbridge.sync.outbound.data_field_changes:_forget", "after", 1),
]


@pytest.mark.parametrize(("point", "moment", "nth"), POINTS)
def test_a_killed_change_is_made_good_by_the_next_run(
    integration: Integration, remote: RemoteAccount, point: str, moment: str, nth: int
) -> None:
    remote.create_field("OLD", "String")
    sync(integration, kind=RunKind.DATA_FIELDS)
    marketing_list = create_list(name="Everybody", entity="crm.contact")
    request_data_field(integration=integration, name="NEW", type="Numeric", default_value="0", notes="ours")
    request_address_book(integration=integration, name="Readers", marketing_list=marketing_list)
    request_data_field_deletion(data_field=DataField.objects.get(name="OLD"))

    code = run_killed(integration, remote.sandbox.url, point, moment, nth, RunKind.REQUESTS)
    assert code == -signal.SIGKILL, "the run never came to the point"
    sync(integration, kind=RunKind.REQUESTS)

    assert set(AccountChange.objects.values_list("state", flat=True)) == {ChangeState.DONE}
    names = [field["name"] for field in remote.ask("GET", "/v2/data-fields")]
    assert (names.count("NEW"), names.count("OLD")) == (1, 0)
    books = [book for book in remote.ask("GET", "/v2/address-books") if book["name"] == "Readers"]
    assert len(books) == 1
    assert DataField.objects.get(name="NEW").notes == "ours"
    assert not DataField.objects.filter(name="OLD").exists()
    link = ListConnection.objects.get()
    assert link.address_book == AddressBook.objects.get(remote_id=books[0]["id"])
    assert link.marketing_list == marketing_list
