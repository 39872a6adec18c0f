"""What an import does with what Dotdigital may send: everything that can be taken is, and the rest has a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import override

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook, Contact, DataField, Membership
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import Cursor, Rejection, State, SyncRun
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync, use_protocol
from tests.dotdigital.server import Reply, Request, Server, answer, cut


class Vendor:
    """A Dotdigital that sends what a test tells it to, over a socket."""

    def __init__(self) -> None:
        self.server = Server()
        self.server.otherwise = self._answer
        self.answers: dict[str, Any] = {
            "/v2/account-info": {"id": 1, "properties": []},
            "/v2/server-time": "2026-01-01T12:00:00.000Z",
            "/v2/address-books": [{"id": 7, "name": "Readers", "visibility": "Private", "contacts": 0}],
            "/v2/data-fields": [{"name": "FIRSTNAME", "type": "String", "visibility": "Public", "defaultValue": None}],
        }

    def contacts(self, *contacts: dict[str, Any]) -> None:
        """What the book holds, for its full reading and for its changes."""
        self.answers["/v2/address-books/7/contacts"] = list(contacts)

    def _answer(self, request: Request) -> Reply:
        path = request.target.split("?")[0]
        if "skip=0" not in request.target and "skip=" in request.target:
            return answer(200, [])
        for known in sorted(self.answers, key=len, reverse=True):
            if path.startswith(known):
                found = self.answers[known]
                if known == "/v2/address-books/7/contacts" and "unsubscribed-since" in path:  # has answers of its own
                    return answer(200, [])
                return found if isinstance(found, Reply) else answer(200, found)
        return answer(200, [])


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    running = Vendor()
    yield running
    running.server.close()


@pytest.fixture
def scripted(transactional_db: None, vendor: Vendor, settings: Any) -> Integration:
    """An integration with the scripted vendor, its book connected to an empty list."""
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (vendor.server.url,)}
    integration = create_integration(name="Scripted", username="u", password="p", base_url=vendor.server.url)
    use_protocol(integration, ProtocolChoice.V2)  # what it is asked for by version 3, it answers with nonsense
    book = AddressBook.objects.create(integration=integration, remote_id=7, name="Readers")
    connect_list(marketing_list=create_list(name="Nobody", entity="crm.contact"), address_book=book)
    return integration


def contact(number: int, email: Any, **more: Any) -> dict[str, Any]:
    fields = [{"key": "FIRSTNAME", "value": f"Name {number}"}]
    base = {"id": number, "email": email, "optInType": "Single", "emailType": "Html", "dataFields": fields}
    return {**base, "status": "Subscribed", **more}


def run_import(integration: Integration) -> SyncRun:
    return run_sync(integration=integration, kind=RunKind.IMPORT, trigger="test")


def test_what_a_run_writes_down_is_in_one_language_whatever_the_hosts(integration: Integration) -> None:
    with override("de"):
        run = run_import(integration)
    told = set(run.steps.exclude(message="").values_list("message", flat=True))
    assert "Every address book is connected to a list." in told
    assert all(message.isascii() for message in told)


def test_all_books_but_the_two_of_every_account(integration: Integration, remote: RemoteAccount) -> None:
    for name in ("Newsletter", "Customers"):
        remote.create_book(name)

    sync(integration, kind=RunKind.IMPORT)

    assert set(AddressBook.objects.values_list("name", flat=True)) == {"Newsletter", "Customers"}


def test_a_renamed_book_keeps_its_identity_and_a_deleted_one_is_marked_gone(
    integration: Integration, remote: RemoteAccount
) -> None:
    kept, deleted = remote.create_book("Old name"), remote.create_book("Doomed")
    sync(integration, kind=RunKind.IMPORT)
    remote.ask("PUT", f"/v2/address-books/{kept}", {"name": "New name", "visibility": "Public"})
    remote.ask("DELETE", f"/v2/address-books/{deleted}")

    run = sync(integration, kind=RunKind.IMPORT)

    assert AddressBook.objects.get(remote_id=kept).name == "New name"
    assert AddressBook.objects.get(remote_id=deleted).gone_at is not None
    assert steps_of(run)["address_books"]["gone"] == 1


@pytest.mark.parametrize("books", [[], Reply(b"HTTP/1.1 204 No Content\r\n\r\n")], ids=["empty list", "204"])
def test_an_empty_answer_removes_no_book(scripted: Integration, vendor: Vendor, books: Any) -> None:
    vendor.answers["/v2/address-books"] = books
    vendor.answers["/v2/address-books/7/contacts"] = []

    run_import(scripted)

    assert AddressBook.objects.get().gone_at is None


def test_many_books_do_not_vanish_at_once(scripted: Integration, vendor: Vendor) -> None:
    for number in range(100, 110):
        AddressBook.objects.create(integration=scripted, remote_id=number, name=f"Book {number}")

    run = run_import(scripted)

    assert not AddressBook.objects.exclude(gone_at=None).exists()
    assert steps_of(run)["address_books"]["state"] == State.PARTIAL
    assert "Address books: 10 of 11 were not listed" in steps_of(run)["address_books"]["message"]
    assert run.state == State.PARTIAL


def test_data_fields_and_the_first_mappings(integration: Integration, remote: RemoteAccount) -> None:
    remote.create_field("SCORE", "Numeric")

    sync(integration, kind=RunKind.IMPORT)

    assert DataField.objects.get(name="SCORE").type == "Numeric"
    mappings = {mapping.entity: mapping for mapping in Mapping.objects.filter(integration=integration)}
    assert set(mappings) == {"crm.contact", "crm.lead"}
    assert (mappings["crm.contact"].sync_priority, mappings["crm.lead"].sync_priority) == (20, 10)
    rows = {row.data_field.name: row.entity_fields for row in mappings["crm.contact"].rows.all()}
    assert rows == {
        "FIRSTNAME": ["first_name"],
        "LASTNAME": ["last_name"],
        "FULLNAME": ["first_name", "last_name"],
    }


def test_a_model_that_is_registered_later_is_mapped_with_the_next_reading_and_nothing_is_mapped_twice(
    integration: Integration, remote: RemoteAccount
) -> None:
    sync(integration, kind=RunKind.IMPORT)
    # As if it had not been there then.
    Mapping.objects.filter(entity="crm.lead").delete()
    Mapping.objects.get(entity="crm.contact").rows.all().delete()
    sync(integration, kind=RunKind.DATA_FIELDS)
    assert Mapping.objects.get(entity="crm.lead").rows.exists()
    assert not Mapping.objects.get(entity="crm.contact").rows.exists(), "somebody has decided so"


def test_data_fields_are_read_once_a_day_unless_forced(integration: Integration, remote: RemoteAccount) -> None:
    sync(integration, kind=RunKind.IMPORT)
    assert steps_of(sync(integration, kind=RunKind.IMPORT))["data_fields"]["state"] == State.SKIPPED
    remote.create_field("SCORE", "Numeric")
    remote.ask("DELETE", "/v2/data-fields/SCORE")
    remote.create_field("LATER", "Date")

    run = sync(integration, kind=RunKind.DATA_FIELDS)

    assert steps_of(run)["data_fields"]["new"] == 1
    remote.ask("DELETE", "/v2/data-fields/LATER")
    sync(integration, kind=RunKind.DATA_FIELDS)
    assert DataField.objects.get(name="LATER").gone_at is not None
    assert Mapping.objects.count() == 2


def test_one_bad_row_never_stops_the_others(scripted: Integration, vendor: Vendor) -> None:
    vendor.contacts(
        contact(1, "good@example.com"),
        contact(2, None),
        contact(3, {"not": "an address"}),
        contact(4, "   "),
        {"email": "no id"},
        contact(5, "also.good@example.com", status="StatusOfTomorrow", newKey={"a": 1}),
        contact(6, "nul@example.com", dataFields=[{"key": "FIRSTNAME", "value": "a\x00b"}]),
    )

    run = run_import(scripted)

    assert set(Contact.objects.values_list("email", flat=True)) == {
        "good@example.com",
        "also.good@example.com",
        "nul@example.com",
    }
    assert Contact.objects.get(remote_id=5).status == "StatusOfTomorrow"
    assert Contact.objects.get(remote_id=6).data_fields["FIRSTNAME"] == "ab"
    # Two of the rows have no id to be told apart by: they are one problem.
    assert steps_of(run)["contacts"]["rejected"] == 4
    reasons = sorted(Rejection.objects.values_list("reason", flat=True))
    assert reasons == ["no_email", "no_email", "unreadable"]
    assert steps_of(run)["contacts"]["state"] == State.PARTIAL
    assert run.state == State.PARTIAL


def test_an_address_that_moved_to_another_contact(scripted: Integration, vendor: Vendor) -> None:
    vendor.contacts(contact(1, "ann@example.com"), contact(2, "bob@example.com"))
    run_import(scripted)
    vendor.contacts(contact(1, "bob@example.com"), contact(2, "ann@example.com"), contact(3, "cid@example.com"))
    run_import(scripted)
    vendor.contacts(contact(4, "CID@example.com"))

    run = run_import(scripted)

    keys = dict(Contact.objects.values_list("remote_id", "email_key"))
    assert keys == {1: "bob@example.com", 2: "ann@example.com", 3: None, 4: "cid@example.com"}
    assert run.state == State.SUCCEEDED


def test_two_contacts_with_one_address_in_two_cases_in_one_page(scripted: Integration, vendor: Vendor) -> None:
    vendor.contacts(contact(8, "ANN@example.com"), contact(9, "ann@example.com"), contact(8, "ANN@example.com"))

    run_import(scripted)

    assert dict(Contact.objects.values_list("remote_id", "email_key")) == {8: None, 9: "ann@example.com"}
    assert Membership.objects.count() == 2


def test_a_cut_page_fails_its_step_alone_and_the_next_run_completes_it(scripted: Integration, vendor: Vendor) -> None:
    body = json.dumps([contact(1, "ann@example.com")]).encode()
    vendor.answers["/v2/address-books/7/contacts"] = cut(body, keep=20)
    vendor.answers["/v2/contacts/suppressed-since"] = [
        {"suppressedContact": contact(2, "gone@example.com", status="HardBounced"), "reason": "HardBounced"}
    ]

    run = run_import(scripted)

    steps = steps_of(run)
    assert (steps["contacts"]["state"], steps["suppressions"]["state"]) == (State.FAILED, State.SUCCEEDED)
    assert run.state == State.PARTIAL
    assert not Cursor.objects.filter(feed="contacts").exists()
    assert Contact.objects.get().status == "HardBounced"
    vendor.contacts(contact(1, "ann@example.com"))
    assert steps_of(run_import(scripted))["contacts"]["new"] == 1
    assert Cursor.objects.filter(feed="contacts").exists()


@pytest.mark.parametrize(
    ("feed", "path"),
    [("suppressions", "/v2/contacts/suppressed-since"), ("unsubscribes", "/v2/address-books/7/contacts/unsubscribed")],
)
def test_an_opt_out_that_could_not_be_read_is_asked_for_again_for_a_day(
    scripted: Integration, vendor: Vendor, feed: str, path: str
) -> None:
    """Else nobody would hear of it before the weekly comparison."""

    def position_at(time: str, *rows: Any) -> str:
        vendor.answers["/v2/server-time"] = f"2026-01-{time}:00.000Z"
        vendor.answers[path] = list(rows)
        run_import(scripted)
        return f"{Cursor.objects.get(feed=feed).position:%dT%H:%M}"

    opted_out = {
        "suppressedContact": contact(1, "ann@example.com", status="Unsubscribed"),
        "dateRemoved": "2026-01-01T12:30:00Z",
        "reason": "Unsubscribed",
    }
    assert position_at("01T12:00") == "01T12:00"
    assert position_at("01T13:00", "unreadable") == "01T12:00"
    assert position_at("01T15:00", "unreadable") == "01T12:00"
    assert position_at("01T16:00", opted_out) == "01T16:00"
    assert Contact.objects.get().remote_id == 1
    assert position_at("03T12:00", "unreadable") == "02T12:00", (
        "what is never readable is not read from ever further back"
    )


def test_a_first_reading_of_opt_outs_is_not_begun_anew_for_one_row(scripted: Integration, vendor: Vendor) -> None:
    vendor.answers["/v2/contacts/suppressed-since"] = ["unreadable"]
    run_import(scripted)
    assert f"{Cursor.objects.get(feed='suppressions').position:%Y-%m-%dT%H:%M}" == "2025-12-31T12:00"


def test_malformed_json_is_said_in_words(scripted: Integration, vendor: Vendor) -> None:
    vendor.answers["/v2/address-books/7/contacts"] = answer(200, b'[{"id": 1, ')

    run = run_import(scripted)

    assert steps_of(run)["contacts"]["state"] == State.FAILED
    assert run.message == steps_of(run)["contacts"]["message"]


def test_a_wrong_password_ends_the_run_and_says_what_to_do(integration: Integration, remote: RemoteAccount) -> None:
    Integration.objects.update(username="somebody@example.com")
    integration.refresh_from_db()

    run = sync(integration)

    assert run.state == State.FAILED
    assert "password" in run.message.lower()
    assert "somebody" not in run.message


def test_an_unreachable_host_ends_the_run(integration: Integration, settings: Any) -> None:
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": ("http://127.0.0.1:9",)}
    integration.base_url = "http://127.0.0.1:9"

    run = sync(integration)

    assert run.state == State.FAILED
    assert run.message


def test_the_password_never_goes_to_a_foreign_host(scripted: Integration, vendor: Vendor) -> None:
    foreign = Server()
    vendor.answers["/v2/account-info"] = {
        "id": 1,
        "properties": [{"name": "ApiEndpoint", "type": "String", "value": foreign.url}],
    }

    run = run_import(scripted)

    assert run.state == State.FAILED
    assert foreign.requests == []
    foreign.close()


def test_history_of_suppressions_is_read_on_the_first_run(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    for name in ("left", "blocked", "book.left", "stays"):
        remote.create_contact(f"{name}@example.com", book=book)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "left@example.com"})
    remote.ask("PUT", "/v2/contacts/suppress-contacts", [{"email": "blocked@example.com"}])
    remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "book.left@example.com"})
    link = connect(integration, book="Readers")

    sync(integration, kind=RunKind.IMPORT)

    statuses = dict(Contact.objects.values_list("email", "status"))
    assert statuses == {
        "left@example.com": "Unsubscribed",
        "blocked@example.com": "Suppressed",
        "book.left@example.com": "Subscribed",
        "stays@example.com": "Subscribed",
    }
    members = dict(Membership.objects.filter(address_book=link.address_book).values_list("contact__email", "status"))
    assert members["book.left@example.com"] == "Unsubscribed"
    assert members["stays@example.com"] == "Subscribed"


def test_a_book_unsubscription_is_not_undone_by_a_changed_field(
    integration: Integration, remote: RemoteAccount
) -> None:
    """Also where the account keeps listing such contacts in their book."""
    remote.sandbox.settings.switches.list_suppressed = True
    book = remote.create_book("Readers")
    number = remote.create_contact("ann@example.com", book=book)
    connect(integration, book="Readers")
    sync(integration)
    remote.ask("POST", f"/v2/address-books/{book}/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration)
    body = {"email": "ann@example.com", "dataFields": [{"key": "FIRSTNAME", "value": "Anna"}]}
    remote.ask("PUT", f"/v2/contacts/{number}", body)

    sync(integration)
    sync(integration)

    assert Contact.objects.get().data_fields["FIRSTNAME"] == "Anna"
    assert Membership.objects.get().status == "Unsubscribed"


def test_contacts_found_missing_by_the_first_full_reading_are_marked_gone(
    integration: Integration, remote: RemoteAccount
) -> None:
    book = remote.create_book("Readers")
    add_contact("ann@example.com")
    connect(integration, book="Readers")
    sync(integration)
    number = remote.create_contact("other@example.com", book=book)
    sync(integration)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{number}")
    Cursor.objects.filter(feed="contacts").delete()

    sync(integration)

    gone = Membership.objects.exclude(gone_at=None).values_list("contact__email", flat=True)
    assert list(gone) == ["other@example.com"]


def test_a_run_without_any_connection_has_nothing_to_ask_of_books(integration: Integration) -> None:
    run = sync(integration, kind=RunKind.IMPORT)
    steps = steps_of(run)
    assert steps["contacts"]["state"] == steps["unsubscribes"]["state"] == State.SKIPPED
    assert run.state == State.SUCCEEDED
    assert not ListConnection.objects.exists()


def test_a_full_comparison_finds_what_escaped_the_changes(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    for name in ("stays", "goes", "differs"):
        remote.create_contact(f"{name}@example.com", book=book)
    connect(integration, book="Readers")
    sync(integration, kind=RunKind.IMPORT)
    assert "No drift" in steps_of(sync(integration, kind=RunKind.RECONCILE))["contacts"]["message"]
    gone = remote.find_contact("goes@example.com")
    assert gone is not None
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{gone['id']}")
    Contact.objects.filter(email="differs@example.com").update(data_fields={"FIRSTNAME": "wrong"})
    Contact.objects.filter(email="stays@example.com").delete()
    remote.sandbox.advance(3600)
    Cursor.objects.update(position=timezone.now() + timedelta(hours=1))

    run = sync(integration, kind=RunKind.RECONCILE)

    step = steps_of(run)["contacts"]
    assert (step["new"], step["changed"], step["gone"]) == (1, 1, 1)
    assert step["message"] == "Drift: 1 unknown here, 1 different, 1 not there any more."
    assert Membership.objects.get(contact__email="goes@example.com").gone_at is not None


def test_a_change_that_became_visible_late_is_read(integration: Integration, remote: RemoteAccount) -> None:
    """Rule: each reading reads the last five minutes before its cursor again."""
    book = remote.create_book("Readers")
    number = remote.create_contact("ann@example.com", book=book)
    connect(integration, book="Readers")
    sync(integration, kind=RunKind.IMPORT)
    remote.ask("PUT", f"/v2/contacts/{number}", {"email": "anna@example.com"})
    # The former reading closed after the moment with which the change is dated, and did not see it.
    Cursor.objects.filter(feed="contacts").update(position=timezone.now() + timedelta(minutes=4))
    remote.sandbox.advance(300)

    sync(integration, kind=RunKind.IMPORT)

    assert Contact.objects.get().email == "anna@example.com"


def test_a_clock_of_dotdigital_that_was_wrong_for_a_while_hides_no_opt_out(
    integration: Integration, remote: RemoteAccount
) -> None:
    """A run that was told a moment of the future has not read what was to come until then."""
    remote.create_book("Readers")
    connect(integration, book="Readers")
    add_contact("ann@example.com")
    sync(integration)
    now = timezone.now()
    remote.sandbox.freeze(now + timedelta(hours=2))
    sync(integration)
    remote.sandbox.freeze(now + timedelta(minutes=2))
    remote.sandbox.unsubscribe("ann@example.com")
    remote.sandbox.freeze(now + timedelta(minutes=30))
    sync(integration)
    assert Contact.objects.get().status == "Unsubscribed"
    assert Cursor.objects.get(feed="suppressions").position < now + timedelta(hours=1)
