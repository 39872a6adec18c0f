"""Consent only ever falls: no sequence of edits and runs makes anybody mailable who is not, there or here.

What was said is kept by the test itself; whether it was obeyed is read from the accounts' books and contacts alone.
Each contact there carries the key of the record that was written to it (RECORD), so that the account itself says whom
it holds, whatever address they have by now.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import Source
from dotbridge.consent.services import carry_over, opt_out_addresses, opt_out_records
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import remove_records, restore_records, unsubscribe_records
from dotbridge.mirror.status import LIVE
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, add_contact, connect, sync

# The first two have one address.
RECORDS = ("ann", "ann again", "bob")
NAMES = ("ann", "bob", "cid", "dee")
EVERYWHERE = -1
HERE = (
    "rename",
    "change the address",
    "change the address on both sides",
    "merge",
    "delete and load again",
    "remove",
    "restore",
    "opt out of the list",
    "opt out of everything",
    "opt out by a file",
    "opt out an address by a file",
    "erase",
    "ask to come back",
)
THERE = (
    "unsubscribe from the account",
    "unsubscribe from the book",
    "suppress",
    "change the address there",
    "confirm by mail",
    "come back",
)
RUNS = ("import", "export", "sync", "requests", "hold", "release")
_numbers = itertools.count(1)


@dataclass
class Word:
    """What a contact said in Dotdigital, about the account or the book, and the records that were written to it."""

    contact: int
    is_of_book: bool
    records: set[int]


@dataclass
class Side:
    """An account with one book and the list that is connected to it."""

    integration: Integration
    remote: RemoteAccount
    book: int = 0
    link: ListConnection | None = None
    is_held: bool = False
    words: list[Word] = field(default_factory=list)
    # Contacts that may be mailable again: their person said so.
    asked: set[int] = field(default_factory=set)
    statuses: dict[int, str] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)

    def begin(self, number: int) -> None:
        """Connect a list of everybody to a new book."""
        name = f"Book {number} of {self.integration}"
        self.book = self.remote.create_book(name)
        self.link = connect(self.integration, book=name, rows={"RECORD": ["id"]})
        self.is_held, self.words, self.asked, self.statuses, self.left = False, [], set(), {}, set()

    def contacts(self) -> dict[int, dict[str, Any]]:
        """All contacts of the account."""
        return {int(each["id"]): each for each in self.remote.ask("GET", "/v2/contacts?withFullData=true&select=1000")}

    def held(self) -> dict[int, dict[str, Any]]:
        """The book's contacts."""
        path = f"/v2/address-books/{self.book}/contacts?withFullData=true&select=1000"
        return {int(each["id"]): each for each in self.remote.ask("GET", path)}

    def who_left(self) -> set[int]:
        """Who unsubscribed from the book."""
        feed = self.remote.ask("GET", f"/v2/address-books/{self.book}/contacts/unsubscribed-since/2000-01-01")
        return {int(entry["suppressedContact"]["id"]) for entry in feed}

    def note_word(self, contact: int, *, is_of_book: bool) -> None:
        """Somebody opted out here: it binds the record that was written to this contact, and to no other since."""
        contacts = self.contacts()
        record = record_of(contacts[contact])
        holders = [number for number, each in contacts.items() if record_of(each) == record]
        is_certain = record is not None and holders == [contact] and not self.is_held
        self.words.append(Word(contact, is_of_book, {record} if is_certain and record else set()))

    def assert_consent_only_fell(self) -> None:
        """Whom Dotdigital did not mail it still does not mail, but for those who wished it."""
        now, left = {number: str(each["status"]) for number, each in self.contacts().items()}, self.who_left()
        for number, status in self.statuses.items():
            if number in now and status not in LIVE and number not in self.asked:
                assert now[number] == status, number
        assert {number for number in self.left if number in now} - self.asked <= left
        self.statuses, self.left = now, left


def record_of(contact: dict[str, Any]) -> int | None:
    """The record that was written to a contact."""
    values = {each["key"]: each["value"] for each in contact["dataFields"]}
    return int(values["RECORD"]) if values.get("RECORD") is not None else None


class World:
    """Three records, two accounts, and what everybody said; names of its own, so that examples do not meet."""

    def __init__(self, sides: list[Side]) -> None:
        number = next(_numbers)
        self.sides = sides
        self.addresses = [f"{name}.{number}@example.com" for name in NAMES]
        Contact.objects.all().delete()
        ListConnection.objects.all().delete()
        shared, _same, other = self.addresses[0], self.addresses[0], self.addresses[1]
        self.records = {
            name: add_contact(address, name) for name, address in zip(RECORDS, (shared, shared, other), strict=True)
        }
        # What was said here binds a record, or an address, for one of the sides' lists or everywhere.
        self.off_records: set[tuple[int, int]] = set()
        self.off_addresses: set[tuple[int, str]] = set()
        self.story: list[tuple[str, str, str, int]] = []
        for side in sides:
            side.begin(number)
        for number in range(len(sides)):
            self.sync(RunKind.SYNC, number)

    # What happens here

    def do(self, action: str, name: str, address: str, number: int) -> None:
        """One thing that happens, here or there."""
        self.story.append((action, name, address, number))
        if action in {"hold", "release"}:
            self._hold(self.sides[number], is_held=action == "hold")
        elif action in RUNS:
            self.sync(RunKind(action), number)
        elif action in THERE:
            self._do_there(action, address, self.sides[number])
        elif action == "opt out an address by a file":
            opt_out_addresses(addresses=[address.title()], source=Source.FILE, evidence="row 7")
            self.off_addresses.add((EVERYWHERE, address))
        elif action == "erase":
            self._erase(address)
        elif name in self.records:
            self._do_here(action, name, address, number)

    def _do_here(self, action: str, name: str, address: str, number: int) -> None:
        record, link = self.records[name], self.sides[number].link
        assert link is not None
        listed, ids = link.marketing_list, [record.pk]
        if action == "rename":
            Contact.objects.filter(pk=record.pk).update(first_name=f"{name} {next(_numbers)}")
        elif action == "change the address":
            ContactEmail.objects.filter(contact=record).update(email=address)
        elif action == "change the address on both sides":
            former, other = self.address_of(record), self.addresses[-1]
            ContactEmail.objects.filter(contact=record).update(email=address)
            self._change_there(self.sides[number], former, other)
        elif action == "merge":
            self._merge(name)
        elif action == "delete and load again":
            kept = self.address_of(record)
            record.delete()
            self.records[name] = add_contact(kept, name)
        elif action == "remove":
            remove_records(marketing_list=listed, record_ids=ids)
        elif action == "restore":
            restore_records(marketing_list=listed, record_ids=ids)
        elif action == "opt out of the list":
            unsubscribe_records(marketing_list=listed, record_ids=ids, reason="asked by phone")
            self._note_word(record, number)
        elif action == "ask to come back":
            self._ask_back(record, number)
        else:
            source = Source.FILE if action == "opt out by a file" else Source.PERSON
            opt_out_records(entity="crm.contact", record_ids=ids, source=source)
            self._note_word(record, EVERYWHERE)

    def _note_word(self, record: Contact, where: int) -> None:
        self.off_records.add((where, record.pk))
        self.off_addresses.add((where, self.address_of(record)))

    def _merge(self, name: str) -> None:
        """Into the next of the others: it is bound by all that bound the one that goes, and so is its address."""
        others = [other for other in self.records if other != name]
        if not others:
            return
        gone, kept = self.records.pop(name), self.records[others[0]]
        carry_over(entity="crm.contact", merged_ids=[gone.pk], into_id=kept.pk)
        for where, record in list(self.off_records):
            if record == gone.pk:
                self._note_word(kept, where)
        for side in self.sides:
            for word in side.words:
                word.records |= {kept.pk} if gone.pk in word.records else set()
        gone.delete()

    def _erase(self, address: str) -> None:
        erase_address(address=address, is_remote=True)
        self.off_addresses.add((EVERYWHERE, address))
        there = set(Contact.objects.values_list("pk", flat=True))
        for name, record in list(self.records.items()):
            if record.pk not in there:
                self.off_records.add((EVERYWHERE, record.pk))
                del self.records[name]
        for number in range(len(self.sides)):
            self.sync(RunKind.REQUESTS, number)

    def _ask_back(self, record: Contact, number: int) -> None:
        """The way up: the person asks for it, and Dotdigital agrees. It raises nobody else."""
        side, address = self.sides[number], self.address_of(record)
        assert side.link is not None
        try:
            request_resubscription(link=side.link, record_ids=[record.pk], opted_in_at=timezone.now())
        except ValidationError:
            return
        self.off_records.discard((number, record.pk))
        self.off_addresses.discard((number, address))
        side.asked |= {number for number, each in side.contacts().items() if each["email"].lower() == address}
        self.sync(RunKind.REQUESTS, number)

    def address_of(self, record: Contact) -> str:
        """The record's address now."""
        return ContactEmail.objects.get(contact=record).email

    # What happens there

    def _do_there(self, action: str, address: str, side: Side) -> None:
        found = side.remote.find_contact(address)
        if found is None:
            return
        contact, is_live = int(found["id"]), found["status"] in LIVE
        if action == "change the address there":
            self._change_there(side, address, self.addresses[next(_numbers) % len(NAMES)])
        elif action == "confirm by mail":
            side.remote.sandbox.complete_challenge(address)
        elif action == "come back":
            self._come_back(side, found)
        elif not is_live:
            return
        elif action == "unsubscribe from the account":
            side.note_word(contact, is_of_book=False)
            side.remote.ask("POST", "/v2/contacts/unsubscribe", {"email": address})
        elif action == "suppress":
            side.note_word(contact, is_of_book=False)
            side.remote.ask("PUT", "/v2/contacts/suppress-contacts", [{"email": address}])
        elif contact in side.held():
            side.note_word(contact, is_of_book=True)
            side.remote.ask("POST", f"/v2/address-books/{side.book}/contacts/unsubscribe", {"email": address})

    def _change_there(self, side: Side, former: str, other: str) -> None:
        contact = side.remote.find_contact(former)
        if contact is None or contact["status"] not in LIVE or side.remote.find_contact(other) is not None:
            return  # Dotdigital refuses to change whom it does not mail, and an address belongs to one contact
        side.remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": other})

    def _come_back(self, side: Side, contact: dict[str, Any]) -> None:
        """They subscribe again in Dotdigital, to the account alone."""
        if contact["status"] != "Unsubscribed":
            return
        body = {"unsubscribedContact": {"email": contact["email"]}}
        side.asked.add(int(contact["id"]))
        side.remote.ask("POST", "/v2/contacts/resubscribe-with-no-challenge", body)

    def _hold(self, side: Side, *, is_held: bool) -> None:
        side.is_held = is_held
        if is_held:
            side.remote.sandbox.hold_imports()
        else:
            side.remote.sandbox.release_imports()
            side.remote.sandbox.finish_imports()

    # Runs, and what must hold of them

    def sync(self, kind: RunKind, number: int) -> None:
        """A run. Only one that has read what was said can be asked to obey it, and only when nothing is on its way."""
        side = self.sides[number]
        run = sync(side.integration, kind=kind, wait_seconds=0.0 if side.is_held else 20.0)
        assert not run.has_failed, list(run.steps.values_list("name", "state", "message"))
        side.assert_consent_only_fell()
        if kind == RunKind.SYNC and not side.is_held:
            self.assert_obeyed(number)

    def assert_obeyed(self, number: int) -> None:
        """The book holds nobody who opted out, by their record and by their address."""
        side, held = self.sides[number], self.sides[number].held()
        left = side.who_left()
        contacts = side.contacts()
        records = {record for where, record in self.off_records if where in (number, EVERYWHERE)}
        for word in side.words:
            contact = contacts.get(word.contact)
            if contact and (word.contact in left if word.is_of_book else contact["status"] not in LIVE):
                records |= word.records
        addresses = {address for where, address in self.off_addresses if where in (number, EVERYWHERE)}
        addresses |= {self.address_of(record) for record in self.records.values() if record.pk in records}
        found = {(each["email"].lower(), record_of(each)) for each in held.values()}
        wrong = {(address, record) for address, record in found if address in addresses or record in records}
        assert not wrong, f"{wrong} are held by the book of account {number} after {self.story}"

    def rest(self) -> None:
        """Nothing is on its way any more, and both accounts have been read and told."""
        for number, side in enumerate(self.sides):
            self._hold(side, is_held=False)
            self.sync(RunKind.SYNC, number)
            self.sync(RunKind.REQUESTS, number)
            self.sync(RunKind.SYNC, number)


@pytest.fixture
def sides(integration: Integration, remote: RemoteAccount, tmp_path: Path, settings: Any) -> Iterator[list[Side]]:
    with Sandbox(tmp_path / "other", seed="empty", account_id=2) as other:
        origins = (*settings.DOTBRIDGE["API_ORIGINS"], other.url)
        settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": origins}
        second = create_integration(
            name="Other account", username=other.user, password=other.password, base_url=other.url
        )
        made = [Side(integration, remote), Side(second, RemoteAccount(other))]
        for side in made:
            side.remote.create_field("RECORD", "Numeric")
        yield made


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from((*HERE, *THERE, *RUNS, "sync", "sync")),
        st.sampled_from(RECORDS),
        st.integers(0, len(NAMES) - 1),
        st.integers(0, 1),
    ),
    min_size=5,
    max_size=14,
)


@pytest.mark.timeout(900)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(happenings=HAPPENINGS)
def test_no_sequence_raises_consent(sides: list[Side], happenings: list[tuple[str, str, int, int]]) -> None:
    world = World(sides)
    for action, name, address, number in happenings:
        world.do(action, name, world.addresses[address], number)
    world.rest()


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
