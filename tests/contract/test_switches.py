"""The client works whichever way the switches stand for what nobody could verify live (contract §8)."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from dotdigital import Account, CampaignDraft, ConfigurationError, ContactDraft, NotFound, Rejected
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount, MakeSandbox, upload

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
MAIL = CampaignDraft("Spring", "Hello", "Acme", '<a href="https://x.example/a">a</a> $UNSUB$', "$UNSUB$")
STANDS: list[dict[str, Any]] = [
    {"shape": "legacy"},
    {"switches": {"list_suppressed": "true"}},
    {"switches": {"membership_modifies": "false"}},
    {"switches": {"unsubscribe_unknown": "create"}},
    {"switches": {"value_types": "strings"}},
    {"switches": {"fault_reasons": "magento", "fault_byte_order_mark": "false"}},
    {"switches": {"data_field_body": "empty", "book_delete_status": "200"}},
    {"switches": {"field_in_use_status": "200"}},
    {"switches": {"never": "null"}},
]


@pytest.mark.parametrize("stand", STANDS, ids=str)
def test_a_working_day_under_each_switch(
    make_sandbox: MakeSandbox, connect: MakeAccount, stand: dict[str, Any]
) -> None:
    sandbox = make_sandbox(**stand)
    account = connect(sandbox)
    account.connect()
    account.create_data_field("POINTS", "Numeric", default=3)
    assert "POINTS" in {field.name for field in account.data_fields()}
    book = account.address_book(account.create_address_book("Letters").id)
    rows = "Email,FIRSTNAME,POINTS\nann@example.com,Ann,7\nbob@example.com,Bob,8\ninvisible,X,9\n"
    started = upload(account, book.id, rows)
    report = account.import_report(started.id)
    assert (report.new_contacts, report.invalid_entries) == (2, 1)
    assert [fault.email for fault in account.import_faults(started.id)] == ["invisible"]
    contacts = {contact.email: contact for page in book.contacts() for contact in page}
    assert set(contacts) == {"ann@example.com", "bob@example.com"}
    points = next(field.value for field in contacts["ann@example.com"].data_fields or [] if field.key == "POINTS")
    assert float(str(points)) == 7.0
    results_of_a_campaign(sandbox, account, book.id)
    account.contacts.save(ContactDraft("cid@example.com"))
    account.contacts.unsubscribe("cid@example.com")
    assert "cid@example.com" in {row.contact.email for page in account.suppressed_since(LONG_AGO) for row in page}
    assert account.delete_data_field("POINTS").result
    book.delete()
    with pytest.raises(NotFound):
        book.info()


def results_of_a_campaign(sandbox: Sandbox, account: Account, book_id: int) -> None:
    campaign = account.campaigns.create(MAIL)
    account.campaigns.send(campaign.id, address_book_ids=[book_id])
    sandbox.finish_chores()
    activities = [row for page in account.campaign(campaign.id).activities() for row in page]
    assert len(activities) == account.campaign(campaign.id).summary().num_total_sent == 2
    for row in activities:
        assert (row.date_first_opened is None) == (row.num_opens == 0)
        assert row.date_first_opened is None or row.date_first_opened.year > 2000


def test_codes_that_are_guessed_are_told_apart_either_way(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    switches = {"unknown_field_code": "ERROR_CONTACT_INVALID", "bad_email_code": "ERROR_INVALID_EMAIL"}
    account = connect(make_sandbox(switches=switches))
    with pytest.raises(Rejected) as unknown:
        account.contacts.save(ContactDraft("ann@example.com", data_fields={"NOSUCH": 1}))
    with pytest.raises(Rejected) as bad:
        account.contacts.save(ContactDraft("invisible"))
    assert [unknown.value.code, bad.value.code] == list(switches.values())


@pytest.mark.parametrize("kept", [True, False])
def test_deletion_does_not_make_anybody_mailable_unless_switched(
    make_sandbox: MakeSandbox, connect: MakeAccount, kept: bool
) -> None:
    sandbox = make_sandbox(switches={"deleted_stay_suppressed": kept})
    account = connect(sandbox)
    book = account.address_book(account.create_address_book("Letters").id)
    for name in ("ann", "bob", "cid"):
        book.add_contact(ContactDraft(f"{name}@example.com"))
    account.contacts.unsubscribe("ann@example.com")
    book.unsubscribe("bob@example.com")
    sandbox.complain("cid@example.com")
    for name in ("ann", "bob", "cid"):
        account.contacts.delete(account.contacts.get(f"{name}@example.com").id)
    started = upload(account, book.id, "Email\nann@example.com\nbob@example.com\ncid@example.com\ndea@example.com\n")
    members = {contact.email for page in book.contacts() for contact in page}
    if not kept:
        assert len(members) == 4
        return
    assert members == {"dea@example.com"}
    assert sorted(fault.reason for fault in account.import_faults(started.id)) == [
        "Complained to ISP", "Unsubscribed", "Unsubscribed",
    ]  # fmt: skip
    with pytest.raises(Rejected) as caught:
        account.contacts.save(ContactDraft("ann@example.com"))
    assert caught.value.code == "ERROR_CONTACT_SUPPRESSED"
    account.contacts.save(ContactDraft("bob@example.com"))
    with pytest.raises(Rejected) as left:
        book.add_contact(ContactDraft("bob@example.com"))
    assert left.value.code == "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK"
    assert account.contacts.resubscribe(ContactDraft("cid@example.com")).status == "ContactCannotBeUnsuppressed"
    assert account.contacts.resubscribe(ContactDraft("ann@example.com")).status == "ContactChallenged"
    assert account.contacts.get("ann@example.com").status == "Unsubscribed"
    sandbox.complete_challenge("ann@example.com")
    assert account.contacts.get("ann@example.com").status == "Subscribed"


def test_an_account_import_keeps_what_is_remembered_of_a_book(sandbox: Sandbox, account: Account) -> None:
    books = [account.address_book(account.create_address_book(name).id) for name in ("Letters", "Offers")]
    books[0].add_contact(ContactDraft("bob@example.com"))
    books[0].unsubscribe("bob@example.com")
    account.contacts.delete(account.contacts.get("bob@example.com").id)
    upload(account, books[1].id, "Email\nbob@example.com\n")
    assert [contact.email for page in books[1].contacts() for contact in page] == ["bob@example.com"]
    gone = [row.contact.email for page in books[0].unsubscribed_since(LONG_AGO) for row in page]
    assert gone == ["bob@example.com"]
    sandbox.finish_imports()
    assert list(books[0].contacts()) == []


def test_a_summary_that_does_not_exist(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    account = connect(make_sandbox(switches={"unsent_summary": "not-found"}))
    campaign = account.campaigns.create(MAIL)
    with pytest.raises(NotFound):
        account.campaign(campaign.id).summary()


def test_the_wrong_region_is_a_setting_to_correct(
    make_sandbox: MakeSandbox, connect: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = make_sandbox(region=2)
    port = sandbox.url.rpartition(":")[2]
    hosts = {f"r{region}-api.dotdigital.test": f"http://r{region}-api.dotdigital.test:{port}" for region in (1, 2, 3)}
    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host in hosts else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    first, second, third = hosts.values()

    def at(url: str) -> Account:
        return connect(sandbox, base_url=url, allowed_origins=list(hosts.values()))

    account = at(first)
    with pytest.raises(ConfigurationError, match="region") as caught:
        list(account.address_books())
    assert caught.value.status == 403
    account.connect()
    assert account.endpoint == second
    assert [book.name for page in account.address_books() for book in page] == ["Test"]
    with pytest.raises(ConfigurationError):
        at(third).connect()
