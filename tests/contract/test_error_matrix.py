"""The error matrix of contract §4.11, as far as a client that checks its arguments can provoke it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dotdigital import Account, CampaignDraft, ConfigurationError, ContactDraft, NotFound, Rejected, Resubscription
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount, MakeSandbox, finished, upload

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
ANN = ContactDraft("ann@example.com")


@pytest.fixture
def book_id(account: Account) -> int:
    return account.create_address_book("Letters").id


def refusal(call: Callable[[], object]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    assert caught.value.text.endswith(".")
    return caught.value


def test_an_account_that_is_full(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    account = connect(make_sandbox(contact_limit=2))
    book_id = account.create_address_book("Letters").id
    for who in ("ann", "bob"):
        account.contacts.save(ContactDraft(f"{who}@example.com"))
    assert refusal(lambda: account.contacts.save(ContactDraft("cid@example.com"))).code == "ERROR_CONTACT_TOOMANY"
    started = account.address_book(book_id).import_contacts(io.BytesIO(b"Email\nx@example.com\ny@example.com\n"))
    assert finished(account, started) == "ExceedsAllowedContactLimit"


def test_a_book_in_use_has_to_wait(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.hold_imports()
    book = account.address_book(book_id)
    book.import_contacts(io.BytesIO(b"Email\nann@example.com\n"))
    refused = refusal(book.delete)
    assert refused.code == "ERROR_ADDRESSBOOK_IN_USE"
    assert refused.later
    sandbox.release_imports()
    sandbox.finish_imports()
    book.delete()


def test_an_address_on_the_suppression_lists(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.ban("ann@example.com")
    assert refusal(lambda: account.contacts.save(ANN)).code == "ERROR_CONTACT_SUPPRESSED"
    started = upload(account, book_id, "Email\nann@example.com\nbob@example.com\n")
    assert account.import_report(started.id).globally_suppressed == 1
    faults = [(fault.reason.lower(), fault.email) for fault in account.import_faults(started.id)]
    assert faults == [("globally suppressed", "ann@example.com")]


def test_who_complained_cannot_be_asked_back(sandbox: Sandbox, account: Account, book_id: int) -> None:
    account.contacts.save(ANN)
    sandbox.complain("ann@example.com")
    feed = {row.contact.email: row.reason for page in account.suppressed_since(LONG_AGO) for row in page}
    assert feed == {"ann@example.com": "IspComplained"}
    answers: list[Resubscription] = [
        account.contacts.resubscribe(ANN),
        account.contacts.resubscribe(ANN, challenge=False),
        account.address_book(book_id).resubscribe(ANN),
    ]
    assert {answer.status for answer in answers} == {"ContactCannotBeUnsuppressed"}
    assert refusal(lambda: account.contacts.save(ANN)).code == "ERROR_CONTACT_SUPPRESSED"


def test_who_bounced_is_in_the_feed(sandbox: Sandbox, account: Account, book_id: int) -> None:
    upload(account, book_id, "Email\nann@example.com\n")
    sandbox.bounce("ann@example.com")
    feed = {row.contact.email: row.reason for page in account.suppressed_since(LONG_AGO) for row in page}
    assert feed == {"ann@example.com": "HardBounced"}
    started = upload(account, book_id, "Email\nann@example.com\n")
    assert account.import_report(started.id).hard_bounced == 1
    assert [fault.reason.lower() for fault in account.import_faults(started.id)] == ["hard bounced"]


def test_a_user_that_was_disabled_meanwhile(sandbox: Sandbox, account: Account) -> None:
    account.info()
    sandbox.disable_user(sandbox.user)
    with pytest.raises(ConfigurationError, match="API users"):
        account.info()


def test_too_many_data_fields(account: Account) -> None:
    for number in range(50):
        account.create_data_field(f"N{number}", "Numeric")
    refused = refusal(lambda: account.create_data_field("ONE_MORE", "Numeric"))
    assert refused.code == "ERROR_DATAFIELD_LIMITEXCEEDED"


def test_unreadable_files(account: Account, book_id: int) -> None:
    book = account.address_book(book_id)
    refused = refusal(lambda: book.import_contacts(io.BytesIO(b"Email\n"), file_name="contacts.exe"))
    assert refused.code == "ERROR_IMPORT_UNSUPPORTED_FORMAT"
    with pytest.raises(NotFound):
        account.import_report("00000000-0000-0000-0000-000000000000")
    with pytest.raises(NotFound):
        list(account.import_faults("00000000-0000-0000-0000-000000000000"))


def test_the_watchdog_refuses_a_file_as_a_whole(account: Account, book_id: int) -> None:
    rows = b"Email\nann@example.com\nwatchdog@example.com\n"
    started = account.address_book(book_id).import_contacts(io.BytesIO(rows))
    assert finished(account, started) == "RejectedByWatchdog"
    assert list(account.address_book(book_id).contacts()) == []


def test_what_of_a_campaign_is_not_there(account: Account, book_id: int) -> None:
    results = account.campaign(987_654)
    for call in (
        results.summary,
        lambda: list(results.activities()),
        lambda: list(results.clicks()),
        lambda: list(results.opens(since=LONG_AGO)),
        lambda: results.activity(5),
        lambda: account.campaigns.copy(987_654),
        lambda: account.campaigns.delete(987_654),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.code == "ERROR_CAMPAIGN_NOT_FOUND"
    draft = CampaignDraft("n", "s", "f", "$UNSUB$", "$UNSUB$")
    campaign = account.campaigns.create(draft)
    with pytest.raises(NotFound) as missing:
        account.campaigns.send(campaign.id, address_book_ids=[987_654])
    assert missing.value.code == "ERROR_ADDRESSBOOK_NOT_FOUND"


def test_resubscribing_needs_a_book_and_an_address(account: Account, book_id: int) -> None:
    with pytest.raises(NotFound) as caught:
        account.address_book(987_654).resubscribe(ANN)
    assert caught.value.code == "ERROR_ADDRESSBOOK_NOT_FOUND"
    code = refusal(lambda: account.contacts.resubscribe(ContactDraft("invisible"))).code
    assert code in {"ERROR_INVALID_EMAIL", "ERROR_PARAMETER_INVALID", "ERROR_CONTACT_INVALID"}
    with pytest.raises(NotFound) as unknown:
        account.contacts.unsubscribe("zoe@example.com")
    assert unknown.value.code == "ERROR_CONTACT_NOT_FOUND"


def test_the_api_cannot_write_into_the_test_book(account: Account) -> None:
    system = next(book.id for page in account.address_books() for book in page if book.name == "Test")
    assert refusal(lambda: account.address_book(system).add_contact(ANN)).code == "ERROR_ADDRESSBOOK_NOTWRITABLE"
