"""Everything is kept by the account's own ids: what happens in one account, or book, changes nothing in another.

Rule (docs/concepts.md, "A run"): "An integration belongs to one account, and an account to one integration: everything
is kept by the account's own ids." Two accounts that were made alike have the same ids, the same addresses and the same
records behind them, so a statement that forgets to ask whose row it is finds the neighbour's. The neighbour is watched
from outside, by what its book holds and what it was asked for, and by what is known of it here. Each happening is tried
from the older account and from the younger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.services import carry_over
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import remove_records, restore_records, resubscribe_records, unsubscribe_records
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import Contact as RemoteContact
from dotbridge.mirror.models import Membership
from dotbridge.sync.models import PastAddress
from dotbridge.sync.selectors import connection_standing
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, add_contact, connect, list_of, opted_out, sync

NAMES = ("ann", "bob", "cid", "dee", "eve", "fay", "gil", "hal")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two accounts, and its list of everybody."""

    integration: Integration
    remote: RemoteAccount
    book: int
    link: ListConnection

    def contact(self, name: str) -> dict[str, Any]:
        """Somebody, as the account has them."""
        found = self.remote.find_contact(f"{name}@example.com")
        assert found is not None
        return found

    def work(self, kind: RunKind = RunKind.SYNC) -> None:
        """A run to its end."""
        run = sync(self.integration, kind=kind)
        assert not run.has_failed, list(run.steps.values_list("name", "state", "message"))

    def seen(self) -> dict[str, Any]:
        """What the account holds, and what is known of it here."""
        contacts = self.remote.ask("GET", "/v2/contacts?withFullData=true&select=1000")
        left = f"/v2/address-books/{self.book}/contacts/unsubscribed-since/2000-01-01"
        members = Membership.objects.filter(address_book=self.link.address_book)
        return {
            "contacts": {each["email"]: each["status"] for each in contacts},
            "book": self.remote.contacts(self.book),
            "left": [each["suppressedContact"]["email"] for each in self.remote.ask("GET", left)],
            "members": sorted(members.values_list("contact__email", "contact__status", "status", "gone_at")),
            "notes": sorted(self.link.items.values_list("email_key", "record_id", "reason", "taken_out_at")),
            "opted out": opted_out(list_of(self.link)),
            "standing": connection_standing(self.link),
        }

    def asked_to_change(self) -> list[str]:
        """What the account was asked for since the last time, reading left out."""
        calls = [f"{each['method']} {each['path']}" for each in self.remote.sandbox.calls() if each["method"] != "GET"]
        self.remote.sandbox.clear_calls()
        return calls


@pytest.fixture
def sides(integration: Integration, remote: RemoteAccount, tmp_path: Path, settings: Any) -> Iterator[list[Side]]:
    with Sandbox(tmp_path / "younger", seed="empty", account_id=2) as other:
        origins = (*settings.DOTBRIDGE["API_ORIGINS"], other.url)
        settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": origins}
        younger = create_integration(
            name="Younger account", username=other.user, password=other.password, base_url=other.url
        )
        for name in NAMES:
            add_contact(f"{name}@example.com", name.title(), job_title="Smith")
        made = []
        for number, (owner, account) in enumerate(((integration, remote), (younger, RemoteAccount(other)))):
            account.create_field("JOB", "String")
            book = account.create_book(f"Book {number}")
            # In which order an export sends them nobody promises, and here they have the same ids in both accounts.
            for name in NAMES:
                account.create_contact(f"{name}@example.com")
            link = connect(owner, book=f"Book {number}", rows={"JOB": ["job_title"]})
            made.append(Side(integration=owner, remote=account, book=book, link=link))
        for side in made * 2:
            side.work()
        assert made[0].book == made[1].book
        assert [made[0].contact(name)["id"] for name in NAMES] == [made[1].contact(name)["id"] for name in NAMES]
        yield made


@pytest.fixture
def two_books(integration: Integration, remote: RemoteAccount) -> list[Side]:
    """Two lists of the same people in two books of one account: of equal rank, so that their values are the same."""
    for name in NAMES:
        add_contact(f"{name}@example.com", name.title(), job_title="Smith")
    remote.create_field("JOB", "String")
    made = []
    for number in range(2):
        book = remote.create_book(f"Book {number}")
        link = connect(integration, book=f"Book {number}", rows={"JOB": ["job_title"]})
        made.append(Side(integration=integration, remote=remote, book=book, link=link))
    for _run in range(2):
        made[0].work()
    return made


def record(name: str) -> Contact:
    """The record of somebody."""
    return Contact.objects.get(emails__email=f"{name}@example.com")


def opt_out_of_the_account(side: Side) -> None:
    side.remote.sandbox.unsubscribe("ann@example.com")
    side.remote.sandbox.suppress("bob@example.com", "HardBounced")
    side.work()
    assert opted_out(list_of(side.link)) == [str(record(name).pk) for name in ("ann", "bob")]


def leave_the_book(side: Side) -> None:
    side.remote.sandbox.unsubscribe("cid@example.com", side.book)
    side.work()
    assert opted_out(list_of(side.link)) == [str(record("cid").pk)]


def get_another_address(side: Side) -> None:
    contact = side.contact("dee")
    side.remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": "there.dee@example.com"})
    side.work()
    side.remote.sandbox.unsubscribe("there.dee@example.com")
    side.work()
    assert opted_out(list_of(side.link)) == [str(record("dee").pk)]


def be_taken_out(side: Side) -> None:
    side.remote.ask("DELETE", f"/v2/address-books/{side.book}/contacts/{side.contact('eve')['id']}")
    side.work(RunKind.RECONCILE)
    side.work()
    assert side.link.items.exclude(taken_out_at=None).count() == 1


def be_deleted(side: Side) -> None:
    side.remote.ask("DELETE", f"/v2/contacts/{side.contact('fay')['id']}")
    side.work(RunKind.RECONCILE)
    side.work()
    assert side.link.items.exclude(taken_out_at=None).count() == 1


def leave_the_list(side: Side) -> None:
    remove_records(marketing_list=list_of(side.link), record_ids=[record("gil").pk])
    unsubscribe_records(marketing_list=list_of(side.link), record_ids=[record("hal").pk])
    side.work()
    assert not {"gil@example.com", "hal@example.com"} & set(side.remote.contacts(side.book))


def come_back(side: Side) -> None:
    """Off the list and back on it, and out of the account and back into it."""
    listed, ids = list_of(side.link), [record("gil").pk, record("hal").pk]
    for leave, join in ((remove_records, restore_records), (unsubscribe_records, resubscribe_records)):
        leave(marketing_list=listed, record_ids=ids)
        side.work()
        join(marketing_list=listed, record_ids=ids)
        side.work()
    side.remote.sandbox.suppress("ann@example.com", "Unsubscribed")
    side.work()
    request_resubscription(link=side.link, record_ids=[record("ann").pk], opted_in_at=timezone.now())
    side.work(RunKind.REQUESTS)
    side.remote.sandbox.complete_challenge("ann@example.com")
    side.work()
    assert opted_out(list_of(side.link)) == []
    assert len(side.remote.contacts(side.book)) == len(NAMES)


def lose_values(side: Side) -> None:
    side.remote.sandbox.advance(86_400.0)  # so that no feed of changes is read back to when they were made
    side.work()
    side.remote.ask("DELETE", "/v2/data-fields/JOB")
    side.remote.create_field("JOB", "String")
    side.work(RunKind.RECONCILE)
    side.work()
    assert {values["JOB"] for values in side.remote.contacts(side.book).values()} == {"Smith"}


HAPPENINGS = (
    opt_out_of_the_account,
    leave_the_book,
    get_another_address,
    be_taken_out,
    be_deleted,
    leave_the_list,
    come_back,
    lose_values,
)
# What is about one book or list, and not about the account.
OF_ONE_BOOK = (leave_the_book, be_taken_out, leave_the_list)


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("acting", [0, 1], ids=["in the older", "in the younger"])
def test_what_happens_in_one_account_changes_nothing_in_another(
    sides: list[Side], acting: int, happening: Callable[[Side], None]
) -> None:
    side, neighbour = sides[acting], sides[1 - acting]
    before = neighbour.seen()
    neighbour.asked_to_change()

    happening(side)
    neighbour.work()

    assert neighbour.asked_to_change() == []
    assert neighbour.seen() == before
    # And what it is given still goes there, about everybody.
    Contact.objects.update(job_title="Baker")
    neighbour.work()
    assert {values["JOB"] for values in neighbour.remote.contacts(neighbour.book).values()} == {"Baker"}
    assert set(neighbour.remote.contacts(neighbour.book)) == {f"{name}@example.com" for name in NAMES}


@pytest.mark.parametrize("happening", OF_ONE_BOOK, ids=lambda each: each.__name__)
@pytest.mark.parametrize("acting", [0, 1], ids=["in the older", "in the younger"])
def test_what_happens_in_one_book_changes_nothing_in_another(
    two_books: list[Side], acting: int, happening: Callable[[Side], None]
) -> None:
    side, neighbour = two_books[acting], two_books[1 - acting]
    before = neighbour.seen()
    neighbour.asked_to_change()

    happening(side)
    neighbour.work()

    assert not [call for call in neighbour.asked_to_change() if f"/{neighbour.book}/" in call]
    assert neighbour.seen() == before
    Contact.objects.update(job_title="Baker")
    neighbour.work()
    assert {values["JOB"] for values in neighbour.remote.contacts(neighbour.book).values()} == {"Baker"}
    assert set(neighbour.remote.contacts(neighbour.book)) == {f"{name}@example.com" for name in NAMES}


def test_an_address_that_goes_over_to_another_contact_does_so_in_each_account(sides: list[Side]) -> None:
    for side in sides:
        giver, taker = side.contact("gil"), side.contact("hal")
        for contact, address in ((giver, "away"), (taker, "gil")):
            side.remote.ask("PUT", f"/v2/contacts/{contact['id']}", {**contact, "email": f"{address}@example.com"})
        side.work(RunKind.IMPORT)
        known = RemoteContact.objects.filter(integration=side.integration)
        assert known.get(email_key="gil@example.com").remote_id == taker["id"]
        assert known.get(email_key="away@example.com").remote_id == giver["id"]


def test_what_an_account_has_read_and_not_noted_yet_is_left_to_its_own_run(sides: list[Side]) -> None:
    """A run may end between the two. Noted by the other account, nobody would ask again whose record it is."""
    side, neighbour = sides
    path = f"/v2/address-books/{neighbour.book}/contacts/unsubscribe"
    neighbour.remote.ask("POST", path, {"email": "ann@example.com"})
    read = Membership.objects.filter(address_book=neighbour.link.address_book, contact__email_key="ann@example.com")
    read.update(status="Unsubscribed", unsubscribed_at=timezone.now())
    side.work()
    assert opted_out(list_of(side.link)) == []
    neighbour.work()
    assert opted_out(list_of(neighbour.link)) == [str(record("ann").pk)]
    ContactEmail.objects.filter(contact=record("ann")).update(email="other.ann@example.com")
    neighbour.work()
    assert "other.ann@example.com" not in neighbour.remote.contacts(neighbour.book)


def test_a_data_field_made_anew_in_one_account_holds_nothing_there_and_all_in_the_other(sides: list[Side]) -> None:
    side, neighbour = sides
    side.remote.ask("DELETE", "/v2/data-fields/JOB")
    side.remote.create_field("JOB", "Numeric")
    for each in sides:
        assert all("JOB" in note.values for note in each.link.items.all())
    sync(side.integration, kind=RunKind.DATA_FIELDS, force_data_fields=True)
    assert not any("JOB" in note.values for note in side.link.items.all())
    assert all("JOB" in note.values for note in neighbour.link.items.all())
    seen = {
        each: {contact.data_fields.get("JOB") for contact in RemoteContact.objects.filter(integration=each)}
        for each in (side.integration, neighbour.integration)
    }
    assert seen == {side.integration: {None}, neighbour.integration: {"Smith"}}


def test_a_data_field_has_in_each_account_what_is_mapped_there(sides: list[Side]) -> None:
    """The lists of an account are ranked among each other alone."""
    for side, path in zip(sides, ("last_name", "first_name"), strict=True):
        mapping = Mapping.objects.get(integration=side.integration, entity="crm.contact")
        job = side.integration.data_fields.get(name="JOB")
        set_mapping_row(mapping=mapping, data_field=job, entity_fields=[path])
    # A list that another one ranks above, so that it is asked what that sends.
    younger = sides[1]
    other_book = younger.remote.create_book("Below")
    connect(younger.integration, book="Below")
    for side in sides * 2:
        side.work()
    books = [(sides[0], sides[0].book), (younger, younger.book), (younger, other_book)]
    held = [{values["JOB"] for values in side.remote.contacts(book).values()} for side, book in books]
    first_names = {name.title() for name in NAMES}
    assert held == [{"Bee"}, first_names, first_names]


def test_a_merge_takes_along_what_was_written_in_each_account_and_no_more(sides: list[Side]) -> None:
    side, neighbour = sides
    gone, kept = add_contact("new@example.com"), record("ann")
    remove_records(marketing_list=list_of(neighbour.link), record_ids=[gone.pk])
    for each in sides:
        each.work()
    carry_over(entity="crm.contact", merged_ids=[gone.pk], into_id=kept.pk)
    noted = PastAddress.objects.filter(record_id=str(kept.pk)).values_list("integration", "email_key")
    assert list(noted) == [(side.integration.pk, "new@example.com")]


def test_an_upload_on_its_way_to_one_account_holds_up_no_other(sides: list[Side]) -> None:
    side, neighbour = sides
    side.remote.sandbox.hold_imports()
    Contact.objects.update(job_title="Baker")
    sync(side.integration, wait_seconds=0.0)

    neighbour.work()
    ContactEmail.objects.filter(contact=record("ann")).update(email="other.ann@example.com")
    neighbour.work()

    held = neighbour.remote.contacts(neighbour.book)
    assert "ann@example.com" not in held
    assert held["other.ann@example.com"]["JOB"] == "Baker"
    side.remote.sandbox.release_imports()
    side.work()
    side.work()
    assert set(side.remote.contacts(side.book)) == set(held)
