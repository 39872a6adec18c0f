"""What must hold for any data and any order of events."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dotdigital import Account, Book, ContactDraft, Rejected
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import PATIENT, finished

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
WHO = ("ann@example.com", "bob@example.com")

# Any text of the service's length. It keeps no NUL and no half characters, and blanks around a cell are not promised.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=60).filter(
    lambda text: text == text.strip()
)
LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Sandbox, Account]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(folder) as sandbox,
        Account(sandbox.user, sandbox.password, sandbox.url, allowed_origins=[sandbox.url], retry=PATIENT) as account,
    ):
        yield sandbox, account


@given(
    people=st.dictionaries(LOCAL, st.tuples(TEXT, TEXT), min_size=1, max_size=8),
    encoding=st.sampled_from(["multipart", "json"]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_names_survive_the_way_there_and_back(
    shared: tuple[Sandbox, Account], people: dict[str, tuple[str, str]], encoding: str
) -> None:
    _, account = shared
    book = account.address_book(account.create_address_book(f"Book {account.requests}").id)
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(["Email", "FIRSTNAME", "LASTNAME"])
    writer.writerows([f"{who}@example.com", *names] for who, names in people.items())
    started = book.import_contacts(io.BytesIO(file.getvalue().encode()), encoding=encoding)  # type: ignore[arg-type]
    assert finished(account, started) == "Finished"
    read = {
        contact.email: tuple(
            next(field.value for field in contact.data_fields or [] if field.key == name) or ""
            for name in ("FIRSTNAME", "LASTNAME")
        )
        for page in book.contacts()
        for contact in page
    }
    assert read == {f"{who}@example.com": names for who, names in people.items()}


@given(first=TEXT, last=TEXT)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_names_survive_being_saved_one_by_one(shared: tuple[Sandbox, Account], first: str, last: str) -> None:
    _, account = shared
    draft = ContactDraft("one@example.com", data_fields={"FIRSTNAME": first or None, "LASTNAME": last or None})
    saved = {field.key: field.value for field in account.contacts.save(draft).data_fields or []}
    read = {field.key: field.value for field in account.contacts.get("one@example.com").data_fields or []}
    assert saved == read
    assert (read["FIRSTNAME"] or "", read["LASTNAME"] or "") == (first, last)


class TwoLevels(RuleBasedStateMachine):
    """Account and book level of subscription, each kept apart from the other, whatever happens in whatever order.

    Deleting a contact takes it out of the feeds, but gives back nothing of what it had opted out of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.sandbox = Sandbox(self.folder.name).start()
        self.account = Account(
            self.sandbox.user,
            self.sandbox.password,
            self.sandbox.url,
            allowed_origins=[self.sandbox.url],
            retry=PATIENT,
        )
        self.book: Book = self.account.address_book(self.account.create_address_book("Letters").id)
        self.known: set[str] = set()
        self.members: set[str] = set()
        self.left_account: set[str] = set()
        self.left_book: set[str] = set()

    def teardown(self) -> None:
        self.account.close()
        self.sandbox.stop()
        self.folder.cleanup()

    @rule(who=st.sampled_from(WHO))
    def add(self, who: str) -> None:
        if who in self.left_account | self.left_book:
            with pytest.raises(Rejected):
                self.book.add_contact(ContactDraft(who))
        else:
            self.book.add_contact(ContactDraft(who))
            self.known.add(who)
            self.members.add(who)

    @rule(who=st.sampled_from(WHO))
    def upload(self, who: str) -> None:
        started = self.book.import_contacts(io.BytesIO(f"Email\n{who}\n".encode()))
        assert finished(self.account, started) == "Finished"
        report = self.account.import_report(started.id)
        taken = report.new_contacts + report.updated_contacts
        assert taken <= 1
        assert not (taken and who in self.left_account)
        if who not in self.left_account | self.left_book:
            self.known.add(who)
            self.members.add(who)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def leave_account(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.known)))
        self.account.contacts.unsubscribe(who)
        self.left_account.add(who)

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave_book(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.members)))
        self.book.unsubscribe(who)
        self.left_book.add(who)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.known)))
        self.account.contacts.delete(self.account.contacts.get(who).id)
        self.known.discard(who)
        self.members.discard(who)

    @precondition(lambda self: self.left_account)
    @rule(data=st.data())
    def ask_back(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.left_account)))
        assert self.account.contacts.resubscribe(ContactDraft(who)).status == "ContactChallenged"
        self.known.add(who)

    @precondition(lambda self: self.left_account)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.left_account)))
        assert self.account.contacts.resubscribe(ContactDraft(who), challenge=False).status == "ContactAdded"
        self.left_account.discard(who)
        self.known.add(who)

    @invariant()
    def both_levels_are_as_expected(self) -> None:
        account_feed = {row.contact.email for page in self.account.suppressed_since(LONG_AGO) for row in page}
        book_feed = {row.contact.email for page in self.book.unsubscribed_since(LONG_AGO) for row in page}
        members = {contact.email for page in self.book.contacts(full_data=False) for contact in page}
        assert account_feed == self.left_account & self.known
        assert book_feed == self.left_book & self.known
        assert members == self.members - self.left_account - self.left_book


TwoLevels.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestTwoLevels = TwoLevels.TestCase
