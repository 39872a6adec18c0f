"""A connected Dotdigital account for tests: the real sandbox on a socket, and the real client reading it back."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import ContactsReadOf, Integration, ProtocolChoice
from dotbridge.lists.models import MarketingList
from dotbridge.lists.selectors import opted_out_records
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import SyncRun
from dotdigital_sandbox import Sandbox


class RemoteAccount:
    """What the account holds, asked over HTTP without any of our code, as a third party would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        token = base64.b64encode(f"{sandbox.user}:{sandbox.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the decoded answer, or None for an empty one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.sandbox.url}{path}", data, self._headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def create_book(self, name: str) -> int:
        """A new address book's id."""
        return int(self.ask("POST", "/v2/address-books", {"name": name})["id"])

    def create_field(self, name: str, kind: str) -> None:
        """A new data field."""
        self.ask("POST", "/v2/data-fields", {"name": name, "type": kind})

    def create_contact(self, email: str, *, book: int | None = None, **values: Any) -> int:
        """A contact, in a book when one is named."""
        fields = [{"key": key, "value": value} for key, value in values.items()]
        path = "/v2/contacts" if book is None else f"/v2/address-books/{book}/contacts"
        return int(self.ask("POST", path, {"email": email, "dataFields": fields})["id"])

    def find_contact(self, email: str) -> dict[str, Any] | None:
        """The contact with this address, None when the account does not know it."""
        try:
            found: dict[str, Any] = self.ask("GET", f"/v2/contacts/{quote(email)}")
        except urllib.error.HTTPError as error:
            # What cannot be an address is known to nobody either.
            if error.code not in (400, 404):
                raise
            return None
        return found

    def contacts(self, book: int) -> dict[str, dict[str, Any]]:
        """The book's contacts by address, their data fields by name."""
        found: dict[str, dict[str, Any]] = {}
        skip = 0
        while page := self.ask("GET", f"/v2/address-books/{book}/contacts?withFullData=true&select=1000&skip={skip}"):
            for contact in page:
                found[contact["email"]] = {field["key"]: field["value"] for field in contact["dataFields"]}
            skip += len(page)
        return found


def connect(integration: Integration, *, book: str, rows: Mapping[str, list[str]] | None = None) -> ListConnection:
    """A list of all contacts of the CRM, connected to a book of this name; further mapping rows by data field."""
    run_sync(integration=integration, kind=RunKind.IMPORT, trigger="test")
    mapping = FieldMapping.objects.get(integration=integration, entity="crm.contact")
    for name, fields in (rows or {}).items():
        data_field = DataField.objects.get(integration=integration, name=name)
        set_mapping_row(mapping=mapping, data_field=data_field, entity_fields=fields)
    marketing_list = create_list(name=f"Everybody for {book}", entity="crm.contact")
    return connect_list(
        marketing_list=marketing_list, address_book=AddressBook.objects.get(integration=integration, name=book)
    )


def read_connected_books_only(integration: Integration) -> None:
    """Leave out the books that no list is connected to."""
    integration.contacts_read_of = ContactsReadOf.CONNECTED_BOOKS
    integration.save(update_fields=["contacts_read_of"])


def use_protocol(integration: Integration, protocol: ProtocolChoice) -> None:
    """Have contacts read and sent by a version of the API."""
    integration.protocol = protocol
    integration.save(update_fields=["protocol"])


def add_contact(email: str | None, first_name: str = "Ann", last_name: str = "Bee", **fields: Any) -> Contact:
    """A contact of the CRM with one primary address, or none."""
    contact = Contact.objects.create(first_name=first_name, last_name=last_name, **fields)
    if email is not None:
        ContactEmail.objects.create(contact=contact, email=email, is_primary=True)
    return contact


def sync(integration: Integration, **options: Any) -> SyncRun:
    """A whole run that waits for the sandbox to finish."""
    return run_sync(integration=integration, trigger="test", **{"wait_seconds": 20.0, **options})


def steps_of(run: SyncRun) -> dict[str, dict[str, Any]]:
    """Each step's state, message and counts."""
    return {step.name: {"state": step.state, "message": step.message, **step.counts} for step in run.steps.all()}


def list_of(link: ListConnection) -> MarketingList:
    """The connection's list, read anew."""
    return MarketingList.objects.get(pk=link.marketing_list_id)


def opted_out(marketing_list: MarketingList) -> list[str]:
    """The records that match a list's rule and may not be mailed, by id."""
    return [row["record_id"] for row in opted_out_records(marketing_list).order_by("record_pk")]


def words_about(address: str) -> set[tuple[str, str, str]]:
    """What stands against mailing an address now: scope, what was said, and by whom."""
    return {
        (each.scope.value, each.what.value, each.source.value) for each in may_be_mailed(address=address).objections
    }
