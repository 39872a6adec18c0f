"""Bad input by version 3 of the API: each is named, the rest goes on, and the next run completes.

Most of it is brought about in the sandbox; what the sandbox does not say is said by a vendor that is scripted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook, Contact, Membership
from dotbridge.sync.inbound import account_feed
from dotbridge.sync.inbound.books import WHOLE_ACCOUNT
from dotbridge.sync.models import (
    Cursor,
    EventHint,
    EventSubscription,
    ExportItem,
    Reading,
    Rejection,
    State,
    SyncRun,
    Upload,
    UploadState,
)
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync, use_protocol
from tests.dotdigital.server import Reply, Request, answer
from tests.sync.campaign_vendor import BOOK, CampaignVendor

pytestmark = pytest.mark.parametrize("protocol", [ProtocolChoice.V3], ids=["v3"])
NAMES = ("ann", "bob", "cy", "dee", "eve")


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, book: int) -> ListConnection:
    return connect(integration, book="Readers")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_feed, "MAX_PAGE_V3", 2)


def members(book: AddressBook) -> set[str]:
    """Who is in the book as far as we know, by the first part of the address."""
    here = Membership.objects.filter(address_book=book, gone_at=None).values_list("contact__email_key", flat=True)
    return {email.partition("@")[0] for email in here}


def first_reading_that_breaks_off(remote: RemoteAccount, link: ListConnection, book: int) -> dict[str, int]:
    """Five people of whom a first reading has told two; their ids."""
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in NAMES}
    # The first call asks whether there are events; the second one is the second page.
    remote.sandbox.fail_next("status", path="/contacts/v3", status=500, after=1, times=None)
    run = sync(link.address_book.integration, kind=RunKind.IMPORT)
    assert steps_of(run)["contacts"]["state"] == State.FAILED
    remote.sandbox.clear_faults()
    assert Reading.objects.get(feed=WHOLE_ACCOUNT).marker
    return ids


# Markers and pages


@pytest.mark.usefixtures("small_pages")
def test_a_marker_that_has_expired_has_the_reading_begin_again(
    integration: Integration, remote: RemoteAccount, book: int
) -> None:
    link = connect_without_reading(integration, book)
    first_reading_that_breaks_off(remote, link, book)
    Reading.objects.update(marker="expired")
    run = sync(integration, kind=RunKind.IMPORT)
    assert run.state == State.SUCCEEDED
    assert "began again" in steps_of(run)["contacts"]["message"]
    assert members(link.address_book) == set(NAMES)
    assert not Reading.objects.exists()


def test_a_marker_that_has_expired_ends_no_reading_of_everybody_beside_the_feed_of_changes(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """It was begun because too much had happened to be looked at one by one, and ended early."""
    ann = remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    remote.sandbox.advance(3600)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ann}")
    Reading.objects.create(
        integration=integration,
        feed=WHOLE_ACCOUNT,
        object_id=0,
        began_at=Cursor.objects.get(feed=WHOLE_ACCOUNT).position,
        skip=0,
        marker="expired",
        last_ids=[],
    )
    run = sync(integration, kind=RunKind.IMPORT)
    assert run.state == State.SUCCEEDED, steps_of(run)["contacts"]
    assert "began again" in steps_of(run)["contacts"]["message"]
    assert members(link.address_book) == {"bob"}
    assert not Reading.objects.exists()


@pytest.mark.usefixtures("small_pages")
def test_pages_that_shrink_while_they_are_read_lose_nobody_else(
    integration: Integration, remote: RemoteAccount, book: int
) -> None:
    link = connect_without_reading(integration, book)
    ids = first_reading_that_breaks_off(remote, link, book)
    for name in ("ann", "bob", "cy"):
        remote.ask("DELETE", f"/v2/contacts/{ids[name]}")
    run = sync(integration, kind=RunKind.IMPORT)
    assert run.state == State.SUCCEEDED
    assert members(link.address_book) == {"dee", "eve"}


@pytest.mark.usefixtures("small_pages")
def test_who_is_back_is_known_though_the_reading_that_tells_it_was_broken_off_more_than_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    """The books' own feeds are read meanwhile, and would not be asked again for somebody who was listed before."""
    for name in NAMES:
        remote.create_contact(f"{name}@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    remote.sandbox.advance(4000)
    remote.sandbox.unsubscribe("eve@example.com", book)
    sync(integration, kind=RunKind.IMPORT)
    eve = Membership.objects.get(contact__email_key="eve@example.com")
    assert eve.status == "Unsubscribed"
    remote.sandbox.advance(4000)
    back = {"unsubscribedContact": {"email": "eve@example.com"}}
    remote.ask("POST", f"/v2/address-books/{book}/contacts/resubscribe-with-no-challenge", back)
    remote.ask("DELETE", f"/events/v3/export/subscriptions/{EventSubscription.objects.get().remote_id}")
    for pages_read in (1, 0):
        remote.sandbox.advance(4000)
        remote.sandbox.fail_next("status", path="/contacts/v3", status=500, after=pages_read, times=None)
        sync(integration, kind=RunKind.IMPORT)
        remote.sandbox.clear_faults()
    # In the run that ends the reading who must not be mailed comes first, so the books are asked again by the next one.
    for _run in range(2):
        remote.sandbox.advance(4000)
        assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    eve.refresh_from_db()
    assert (eve.status, eve.unsubscribed_at) == ("Subscribed", None)


def connect_without_reading(integration: Integration, book: int) -> ListConnection:
    """A connection of which nothing was read by version 3 yet."""
    mirrored = AddressBook.objects.create(integration=integration, remote_id=book, name="Readers")
    return connect_list(marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=mirrored)


# Events


def test_events_that_come_twice_and_in_another_order_change_nothing(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    sync(integration)
    before = EventSubscription.objects.get().checkpoint
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in NAMES}
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ids['ann']}")
    remote.ask("DELETE", f"/v2/contacts/{ids['bob']}")
    sync(integration, kind=RunKind.IMPORT)
    seen = snapshot()
    assert members(link.address_book) == {"cy", "dee", "eve"}
    for checkpoint in (before, ""):
        EventSubscription.objects.update(checkpoint=checkpoint)
        with remote.sandbox.account.store.writing() as db:
            db.execute("UPDATE feed SET contact_id = (SELECT max(contact_id) + min(contact_id) FROM feed) - contact_id")
        remote.sandbox.advance(60)
        assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
        assert snapshot() == seen
    assert not EventHint.objects.exists()


def test_an_event_of_somebody_who_is_gone_is_settled(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    sync(integration)
    # Within the second in which events began to be heard everybody is read again.
    remote.sandbox.advance(2)
    sync(integration)
    EventHint.objects.create(integration=integration, remote_id=987_654)
    run = sync(integration, kind=RunKind.IMPORT)
    assert (run.state, steps_of(run)["contacts"]["looked"]) == (State.SUCCEEDED, 1)
    assert not EventHint.objects.exists()


def test_one_event_that_names_nobody_is_met_on_one_day_only(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    sync(integration, kind=RunKind.IMPORT)
    ann = remote.create_contact("ann@example.com", book=book)
    with remote.sandbox.account.store.writing() as db:
        db.execute("UPDATE feed SET contact_id = NULL")
    run = sync(integration, kind=RunKind.IMPORT)
    assert "do not name their contacts" in steps_of(run)["events"]["message"]
    assert members(link.address_book) == {"ann"}
    EventSubscription.objects.update(unusable_until=run.started_at)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ann}")
    assert steps_of(sync(integration, kind=RunKind.IMPORT))["events"]["message"] == ""
    assert EventSubscription.objects.get().unusable_until is None
    assert members(link.address_book) == set()


@pytest.mark.usefixtures("small_pages")
def test_somebody_who_cannot_be_looked_at_holds_up_nobody_else(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in this run nor by the number of looks that a run has."""
    monkeypatch.setattr(account_feed, "MOST_LOOKS", 2)
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in NAMES}
    # What the feed tells need not be looked at.
    remote.sandbox.advance(4000)
    sync(integration, kind=RunKind.IMPORT)
    for name in ("ann", "bob", "cy"):
        remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ids[name]}")
    for name in ("ann", "bob"):
        path = f"/contacts/v3/contactId/{ids[name]}"
        remote.sandbox.fail_next("status", path=path, status=500, times=None)
    run = sync(integration, kind=RunKind.IMPORT)
    assert run.state == State.PARTIAL
    assert set(Rejection.objects.filter(step__run=run).values_list("subject", "reason")) == {
        (f"contact {ids[name]}", "not_read") for name in ("ann", "bob")
    }
    assert list(EventHint.objects.order_by("pk").values_list("remote_id", flat=True)) == [
        ids[name] for name in ("cy", "ann", "bob")
    ]
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert members(link.address_book) == {"ann", "bob", "dee", "eve"}
    remote.sandbox.clear_faults()
    sync(integration, kind=RunKind.IMPORT)
    assert members(link.address_book) == {"dee", "eve"}
    assert not EventHint.objects.exists()
    assert not Rejection.objects.filter(ended_at=None).exists()


def test_after_a_reading_of_all_nobody_who_was_deleted_is_left_to_be_looked_at(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more than can be looked at everybody is read: once, and not until the last of them has had its turn."""
    monkeypatch.setattr(account_feed, "MOST_LOOKS", 1)
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in NAMES}
    sync(integration, kind=RunKind.IMPORT)
    # Whoever came a moment ago might not be listed yet, and would be looked at in any case.
    remote.sandbox.advance(3600)
    for name in ("ann", "bob", "cy", "dee"):
        remote.ask("DELETE", f"/v2/contacts/{ids[name]}")
    run = sync(integration, kind=RunKind.IMPORT)
    assert members(link.address_book) == {"eve"}
    assert "looked" not in steps_of(run)["contacts"]
    assert not EventHint.objects.exists()


@pytest.mark.usefixtures("small_pages")
def test_of_a_large_account_everybody_is_read_when_more_are_to_be_looked_at_than_there_are_pages(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few looks a run would take days for a hundred thousand who were deleted."""
    monkeypatch.setattr(account_feed, "MOST_LOOKS", 1)
    ids = {name: remote.create_contact(f"{name}@example.com", book=book) for name in NAMES}
    sync(integration, kind=RunKind.IMPORT)
    remote.sandbox.advance(3600)
    for name in ("ann", "bob", "cy", "dee"):
        remote.ask("DELETE", f"/v2/contacts/{ids[name]}")
    run = sync(integration, kind=RunKind.IMPORT)
    assert members(link.address_book) == {"eve"}
    assert "looked" not in steps_of(run)["contacts"]
    assert not EventHint.objects.exists()


def test_a_subscription_that_somebody_switched_off_there_is_switched_on_and_nothing_is_missed(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    ann = remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=book)
    sync(integration, kind=RunKind.IMPORT)
    ours = EventSubscription.objects.get()
    path = f"/events/v3/export/subscriptions/{ours.remote_id}"
    theirs = remote.ask("GET", path)
    wanted = ("name", "subscribedEventTypes", "alertsConfiguration")
    remote.ask("PUT", path, {**{name: theirs[name] for name in wanted}, "status": "inactive"})
    remote.sandbox.advance(3600)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{ann}")
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert remote.ask("GET", path)["status"] == "active"
    assert members(link.address_book) == {"bob"}


def snapshot() -> set[tuple[Any, ...]]:
    """The contacts of the mirror with their books."""
    columns = ("remote_id", "email_key", "status", "memberships__address_book", "memberships__gone_at")
    return set(Contact.objects.values_list(*columns))


# Imports


@pytest.fixture
def sent(integration: Integration, remote: RemoteAccount, link: ListConnection) -> Upload:
    """An import of two people that has ended in Dotdigital, and of which nobody has read what came of it."""
    sync(integration)
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    remote.sandbox.hold_imports()
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    upload = Upload.objects.get()
    assert upload.state == UploadState.SENT
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()
    return upload


def rewrite_results(remote: RemoteAccount, change: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]) -> None:
    """Have the account tell something else of each row than what it did."""
    with remote.sandbox.account.store.writing() as db:
        rows = db.execute("SELECT row, body FROM import_result").fetchall()
        for row in rows:
            outcome, body = change(json.loads(row["body"]))
            db.execute(
                "UPDATE import_result SET outcome = ?, body = ? WHERE row = ?", (outcome, json.dumps(body), row["row"])
            )


def test_an_import_whose_status_cannot_be_read_holds_up_no_other(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_book("Others")
    other = connect(integration, book="Others")
    sync(integration)
    add_contact("ann@example.com")
    remote.sandbox.hold_imports()
    sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    bad, good = Upload.objects.get(connection=other), Upload.objects.get(connection=link)
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()
    remote.sandbox.fail_next("status", path=f"/contacts/v3/import/{bad.remote_id}", status=500, times=None)
    sync(integration, kind=RunKind.EXPORT)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state) == (UploadState.SENT, UploadState.FINISHED)
    assert Rejection.objects.filter(ended_at=None, subject=str(other)).exists()
    # Nobody waits for it for ever: its book tells what became of it.
    Upload.objects.filter(pk=bad.pk).update(sent_at=bad.sent_at - timedelta(days=30))
    sync(integration, kind=RunKind.EXPORT)
    bad.refresh_from_db()
    assert bad.state == UploadState.FINISHED
    assert set(remote.contacts(other.address_book.remote_id)) == {"ann@example.com"}


def test_a_status_that_is_cut_in_the_middle_is_read_by_the_next_run(
    integration: Integration, remote: RemoteAccount, sent: Upload
) -> None:
    remote.sandbox.fail_next("cut", path="/contacts/v3/import/", share=0.8, times=None)
    run = sync(integration, kind=RunKind.EXPORT, wait_seconds=0)
    assert run.state != State.SUCCEEDED
    sent.refresh_from_db()
    assert sent.state == UploadState.SENT
    remote.sandbox.clear_faults()
    assert sync(integration, kind=RunKind.EXPORT, wait_seconds=0).state == State.SUCCEEDED
    sent.refresh_from_db()
    assert sent.state == UploadState.FINISHED
    assert Contact.objects.count() == 2


def test_rows_that_were_never_sent_are_nobodys(integration: Integration, remote: RemoteAccount, sent: Upload) -> None:
    stranger = {"contactId": 4711, "identifiers": {"email": "stranger@example.com"}}
    nobody = {"contactId": 4712, "identifiers": {"mobileNumber": "447123123123"}}
    with remote.sandbox.account.store.writing() as db:
        (number,) = db.execute("SELECT max(import_id) FROM import_result").fetchone()
        for row, body in ((98, stranger), (99, nobody)):
            db.execute("INSERT INTO import_result VALUES (?, ?, 'created', ?)", (number, row, json.dumps(body)))
    assert sync(integration, kind=RunKind.EXPORT).state == State.SUCCEEDED
    assert set(Contact.objects.values_list("email_key", flat=True)) == {"ann@example.com", "bob@example.com"}
    assert not ExportItem.objects.exclude(reason="").exists()


@pytest.mark.parametrize("code", ["identifierConflict", "duplicateIdentifier", "somethingNew"])
def test_a_row_whose_identifiers_conflict_is_refused_and_the_other_one_is_not(
    integration: Integration, remote: RemoteAccount, sent: Upload, code: str
) -> None:
    """Such as an address whose mobile number belongs to another contact."""

    def refuse_ann(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if body["identifiers"]["email"] != "ann@example.com":
            return "created", body
        return "failures", {**body, "failures": [{"failureCode": code, "description": "x"}]}

    rewrite_results(remote, refuse_ann)
    run = sync(integration, kind=RunKind.EXPORT)
    assert run.state == State.PARTIAL
    reasons = dict(ExportItem.objects.values_list("email_key", "reason"))
    assert reasons.pop("bob@example.com") == ""
    assert reasons["ann@example.com"]
    (named,) = [each.detail for step in run.steps.all() for each in step.rejections.all()]
    assert code in named
    assert sync(integration, kind=RunKind.EXPORT).state == State.SUCCEEDED


def test_somebody_without_an_address_is_no_reason_to_fail(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int
) -> None:
    phone = {"identifiers": {"mobileNumber": "447123123123"}, "lists": [book]}
    remote.ask("POST", "/contacts/v3", phone)
    remote.create_contact("ann@example.com", book=book)
    run = sync(integration)
    assert run.state == State.SUCCEEDED
    assert members(link.address_book) == {"ann"}


# What only a scripted vendor says


class FeedVendor(CampaignVendor):
    """An account whose feed has the pages that a test wants, by their markers. It has events, and none of them wait."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, dict[str, Any]] = {}

    def _answer(self, request: Request) -> Reply:
        parts = urlsplit(request.target)
        if parts.path == "/contacts/v3":
            return answer(200, self.pages[parse_qs(parts.query).get("marker", [""])[0]])
        if parts.path.endswith("/subscriptions"):
            ours = {"id": 5, "name": "Dotbridge", "status": "active"}
            return answer(200, {"_items": [], "_links": {}}) if request.method == "GET" else answer(201, ours)
        if parts.path.startswith("/events/"):
            return answer(200, {"events": [], "checkPoint": "c"})
        return super()._answer(request)


@pytest.fixture
def vendor() -> Iterator[FeedVendor]:
    running = FeedVendor()
    yield running
    running.server.close()


@pytest.fixture
def scripted(transactional_db: None, vendor: FeedVendor, settings: Any, protocol: ProtocolChoice) -> Integration:
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (vendor.server.url,)}
    integration = create_integration(name="Scripted", username="u", password="p", base_url=vendor.server.url)
    use_protocol(integration, protocol)
    connect_without_reading(integration, BOOK)
    return integration


def contact(number: int, name: str, **more: Any) -> dict[str, Any]:
    """A contact of the feed, in the book, whom everybody may write to unless said otherwise."""
    channel = {"email": {"status": "subscribed", "optInType": "single", "emailType": "html"}}
    known = {"contactId": number, "status": "subscribed", "identifiers": {"email": f"{name}@example.com"}}
    return {**known, "channelProperties": channel, "lists": [{"id": BOOK, "status": "subscribed"}], **more}


def page(*contacts: Any, marker: str | None = None) -> dict[str, Any]:
    return {"_items": list(contacts), "_links": {"next": {"marker": marker}} if marker else {}}


def run_import(integration: Integration) -> SyncRun:
    return sync(integration, kind=RunKind.IMPORT)


def test_markers_that_repeat_fail_the_reading_and_the_next_run_completes(
    scripted: Integration, vendor: FeedVendor
) -> None:
    vendor.pages = {"": page(contact(1, "ann"), marker="m"), "m": page(contact(2, "bob"), marker="n")}
    vendor.pages["n"] = page(contact(3, "cy"), marker="m")
    steps = steps_of(run_import(scripted))
    assert steps["contacts"]["state"] == State.FAILED
    assert "in a circle" in steps["contacts"]["message"]
    assert steps["suppressions"]["state"] == State.SUCCEEDED
    vendor.pages["m"] = page(contact(2, "bob"))
    vendor.pages["n"] = page(contact(3, "cy"))
    assert run_import(scripted).state == State.SUCCEEDED
    assert members(AddressBook.objects.get()) == {"ann", "bob", "cy"}


def test_a_page_without_contacts_is_no_end_and_nobody_behind_it_is_believed_gone(
    scripted: Integration, vendor: FeedVendor
) -> None:
    vendor.pages = {"": page(contact(1, "ann"), marker="m"), "m": page(contact(2, "bob"), contact(3, "cy"))}
    assert run_import(scripted).state == State.SUCCEEDED
    vendor.pages = {
        "": page(contact(1, "ann"), marker="m"),
        "m": page(marker="n"),
        "n": page(contact(2, "bob"), contact(3, "cy")),
    }
    assert sync(scripted, kind=RunKind.RECONCILE).state == State.SUCCEEDED
    assert members(AddressBook.objects.get()) == {"ann", "bob", "cy"}


def test_unknown_statuses_and_channels_are_kept_and_never_mailed(scripted: Integration, vendor: FeedVendor) -> None:
    def channels(status: Any) -> dict[str, Any]:
        return {"email": {"status": status, "optInType": "quintuple"}, "pigeonPost": {"status": "grounded"}}

    vendor.pages = {
        "": page(
            contact(1, "ann"),
            contact(2, "bob", channelProperties=channels("quarantined")),
            contact(3, "cy", lists=[{"id": BOOK, "status": "daydreaming"}, {"id": 99, "status": "subscribed"}]),
            contact(4, "dee", channelProperties={"email": None, "pigeonPost": 7}),
            contact(5, "eve", channelProperties=channels(7), status="moonlighting"),
            7,
            contact(6, "fay", lists="none"),
            marker="m",
        ),
        "m": page(contact(7, "gus", channelProperties={"pigeonPost": {"status": "subscribed"}}, somethingNew={})),
    }
    run = run_import(scripted)
    assert run.state == State.PARTIAL
    assert steps_of(run)["contacts"]["state"] == State.PARTIAL
    assert dict(Contact.objects.values_list("email_key", "status"))["bob@example.com"] == "Quarantined"
    mailed = {name: may_be_mailed(address=f"{name}@example.com").may_be_mailed for name in ("ann", "bob", "gus")}
    assert mailed == {"ann": True, "bob": False, "gus": True}
    statuses = dict(Membership.objects.values_list("contact__email_key", "status"))
    assert (statuses["ann@example.com"], statuses["cy@example.com"]) == ("Subscribed", "Unsubscribed")
    # The next run says of the bad rows that they still are, and reads all others.
    assert run_import(scripted).state in {State.SUCCEEDED, State.PARTIAL}
    assert {"ann", "bob", "gus"} <= members(AddressBook.objects.get())


@pytest.mark.parametrize("lists", [None, "missing"])
def test_a_contact_of_whom_no_books_are_told_is_in_those_that_it_was_in(
    scripted: Integration, vendor: FeedVendor, lists: str | None
) -> None:
    """An absence is not a deletion; what is told of them counts all the same."""
    vendor.pages[""] = page(contact(1, "ann"), contact(2, "bob"), contact(3, "cy"))
    run_import(scripted)
    told = contact(1, "ann", lists=None, channelProperties={"email": {"status": "unsubscribed"}})
    if lists == "missing":
        del told["lists"]
    vendor.pages[""] = page(told, contact(2, "bob", lists=[]))
    run_import(scripted)
    assert members(AddressBook.objects.get()) == {"ann", "cy"}
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
