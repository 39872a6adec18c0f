"""Consent only ever falls: no sequence of edits and syncs makes anybody mailable who is not, there or here."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_resubscription
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import UnsubscribedItem
from dotbridge.lists.services import remove_records, restore_records, unsubscribe_records
from dotbridge.mirror.status import LIVE
from tests.accounts import RemoteAccount, add_contact, connect, sync

PEOPLE = ("ann", "bob", "cid")
ACTIONS = (
    "rename",
    "remove",
    "restore",
    "unsubscribe in the CRM",
    "unsubscribe from the account",
    "unsubscribe from the book",
    "suppress",
    "change a field remotely",
    "ask to come back",
    "confirm by mail",
    "import",
    "export",
    "sync",
)
_numbers = itertools.count(1)


class World:
    """One connected list of three people, with names of its own so that examples do not meet."""

    def __init__(self, integration: Integration, remote: RemoteAccount) -> None:
        self.integration, self.remote = integration, remote
        number = next(_numbers)
        self.addresses = {name: f"{name}.{number}@example.com" for name in PEOPLE}
        Contact.objects.all().delete()
        self.records = {name: add_contact(address, name) for name, address in self.addresses.items()}
        ListConnection.objects.all().delete()
        self.book = remote.create_book(f"Book {number}")
        self.link = connect(integration, book=f"Book {number}")
        self.opted_out_here: set[str] = set()

    def do(self, action: str, name: str) -> None:
        """One thing that happens, here or there."""
        address, record, listed = self.addresses[name], self.records[name], self.link.marketing_list
        ids = [str(record.pk)]
        if action == "rename":
            Contact.objects.filter(pk=record.pk).update(first_name=f"{name} {next(_numbers)}")
        elif action == "remove":
            remove_records(marketing_list=listed, record_ids=ids, by=None)
        elif action == "restore":
            restore_records(marketing_list=listed, record_ids=ids)
        elif action == "unsubscribe in the CRM":
            origin = UnsubscribedItem.Origin.CRM
            unsubscribe_records(marketing_list=listed, record_ids=ids, origin=origin, reason="", by=None)
            self.opted_out_here.add(name)
        elif action == "ask to come back":
            self.ask_back(name)
        elif action in {"import", "export", "sync"}:
            self.sync(RunKind(action))
        elif self.status(name) is not None:
            self._do_remotely(action, address)

    def _do_remotely(self, action: str, address: str) -> None:
        if action == "unsubscribe from the account":
            self.remote.ask("POST", "/v2/contacts/unsubscribe", {"email": address})
        elif action == "unsubscribe from the book":
            self.remote.ask("POST", f"/v2/address-books/{self.book}/contacts/unsubscribe", {"email": address})
        elif action == "confirm by mail":
            self.remote.sandbox.complete_challenge(address)
        elif action == "suppress":
            self.remote.ask("PUT", "/v2/contacts/suppress-contacts", [{"email": address}])
        else:
            contact = self.remote.ask("GET", f"/v2/contacts/{address}")
            if contact["status"] not in LIVE:
                return  # Dotdigital refuses to change whom it does not mail
            fields = [{"key": "GENDER", "value": str(next(_numbers))}]
            self.remote.ask("PUT", f"/v2/contacts/{contact['id']}", {"email": address, "dataFields": fields})

    def ask_back(self, name: str) -> None:
        """The one way up: the person asks for it, and Dotdigital agrees. It raises nobody else."""
        try:
            request_resubscription(
                link=self.link, record_ids=[self.records[name].pk], opted_in_at=timezone.now(), by=None
            )
        except ValidationError:
            return
        self.opted_out_here.discard(name)
        off = set(self.link.marketing_list.unsubscribed_items.values_list("record_id", flat=True))
        self.sync(RunKind.REQUESTS, returning=name)
        assert set(self.link.marketing_list.unsubscribed_items.values_list("record_id", flat=True)) == off

    def sync(self, kind: RunKind, returning: str = "") -> None:
        """A run, and what must hold of it."""
        before = {name: self.status(name) for name in PEOPLE}
        left_before = self.left_the_book()
        run = sync(self.integration, kind=kind)
        assert not run.has_failed
        for name in PEOPLE:
            if before[name] is not None and before[name] not in LIVE and name != returning:
                assert self.status(name) == before[name]
        assert left_before - {self.addresses.get(returning)} <= self.left_the_book()
        opted_out = self.link.marketing_list.unsubscribed_items.filter(origin=UnsubscribedItem.Origin.CRM)
        assert {str(self.records[name].pk) for name in self.opted_out_here} <= set(
            opted_out.values_list("record_id", flat=True)
        )
        self._assert_nobody_is_mailed_against_the_crm(kind)

    def _assert_nobody_is_mailed_against_the_crm(self, kind: RunKind) -> None:
        if kind != RunKind.SYNC:
            return
        off = set(self.link.marketing_list.unsubscribed_items.values_list("record_id", flat=True))
        held = set(self.remote.contacts(self.book))
        for name in PEOPLE:
            if str(self.records[name].pk) in off:
                assert self.addresses[name] not in held

    def status(self, name: str) -> str | None:
        """The account's status of a person, None when it does not know them."""
        found = self.remote.find_contact(self.addresses[name])
        return None if found is None else str(found["status"])

    def left_the_book(self) -> set[str]:
        """Who unsubscribed from this book alone."""
        feed = self.remote.ask("GET", f"/v2/address-books/{self.book}/contacts/unsubscribed-since/2000-01-01")
        return {entry["suppressedContact"]["email"] for entry in feed}


@pytest.mark.timeout(900)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=st.lists(st.tuples(st.sampled_from(ACTIONS), st.sampled_from(PEOPLE)), min_size=4, max_size=12))
def test_no_sequence_of_syncs_raises_consent(
    integration: Integration, remote: RemoteAccount, happenings: list[tuple[str, str]]
) -> None:
    world = World(integration, remote)
    world.sync(RunKind.SYNC)
    for action, name in happenings:
        world.do(action, name)
    world.sync(RunKind.SYNC)
    world.sync(RunKind.SYNC)


def test_the_export_never_calls_what_could_raise_consent(integration: Integration, remote: RemoteAccount) -> None:
    add_contact("ann@example.com")
    remote.create_book("Readers")
    connect(integration, book="Readers")
    remote.ask("POST", "/v2/contacts", {"email": "ann@example.com"})
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    remote.sandbox.clear_calls()

    sync(integration)
    sync(integration)

    paths: list[Any] = [call["path"] for call in remote.sandbox.calls()]
    assert not [path for path in paths if "resubscribe" in path or path == "/v2/contacts"]
