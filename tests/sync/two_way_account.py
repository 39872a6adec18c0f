"""An account with a data field of each type and a list whose mapping is two-way, for the tests of the way back."""

from __future__ import annotations

import time
from typing import Any

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.sync.models import SyncRun
from tests import accounts
from tests.accounts import RemoteAccount, add_contact, connect

FIELDS = {
    "NICK": ("String", "notes"),
    "SCORE": ("Numeric", "lead_score"),
    "VIP": ("Boolean", "is_vip"),
    "BORN": ("Date", "birthday"),
}


def sync(integration: Integration, **options: Any) -> SyncRun:
    """A whole run. On a busy machine the lock of the one before may be given back a moment late."""
    for _attempt in range(50):
        run = accounts.sync(integration, **options)
        if run.steps.exists():
            return run
        time.sleep(0.1)
    raise AssertionError("the integration never got free")


def connect_two_way(
    integration: Integration, remote: RemoteAccount, *, book: str = "Readers", **rows: str
) -> ListConnection:
    """A connected list of all contacts with a two-way row a data field; `rows` says what becomes of empty values."""
    held = {field["name"] for field in remote.ask("GET", "/v2/data-fields")}
    for name, (kind, _path) in FIELDS.items():
        if name not in held:
            remote.create_field(name, kind)
    remote.create_book(book)
    sync(integration, kind=RunKind.DATA_FIELDS)
    link = connect(integration, book=book)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    # A full name follows the first name; here only what goes both ways is looked at.
    MappingRow.objects.filter(mapping=mapping, data_field__name="FULLNAME").delete()
    fields = {**FIELDS, "FIRSTNAME": ("String", "first_name"), "LASTNAME": ("String", "last_name")}
    for name, (_kind, path) in fields.items():
        set_mapping_row(
            mapping=mapping,
            data_field=integration.data_fields.get(name=name),
            entity_fields=[path],
            is_two_way=True,
            empty_values=rows.get(name, EmptyValues.KEEP),
        )
    return link


def change(remote: RemoteAccount, email: str, **values: Any) -> None:
    """Somebody changes a contact in Dotdigital."""
    remote.create_contact(email, **values)


def person(email: str, **fields: Any) -> Contact:
    """A contact of the CRM."""
    return add_contact(email, **{"first_name": "Ann", "last_name": "Bee", **fields})


def writes(remote: RemoteAccount) -> list[str]:
    """The calls that changed something in Dotdigital since the log was cleared."""
    return [f"{call['method']} {call['path']}" for call in remote.sandbox.calls() if call["method"] != "GET"]
