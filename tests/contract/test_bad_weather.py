"""The client against a sandbox that loses, cuts, garbles and refuses answers (contract §1.7, §2.1)."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from dotdigital import Account, ContactDraft, LocalLimiter, Retry, Throttled, Timeout, Transient, UnknownOutcome
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount, MakeSandbox, finished, upload

ROWS = 3000
PAGES = r"/address-books/\d+/contacts$"


class Unlimited:
    """A limiter that leaves it all to the answers."""

    def acquire(self, tier: str) -> None:
        """Lets everything through."""

    def observe(self, tier: str, headers: Mapping[str, str], status: int) -> None:
        """Learns nothing."""


@pytest.fixture
def book_id(account: Account) -> int:
    book_id = account.create_address_book("Letters").id
    rows = "".join(f"c{number}@example.com,N{number}\n" for number in range(ROWS))
    upload(account, book_id, "Email,FIRSTNAME\n" + rows)
    return book_id


def everybody(account: Account, book_id: int) -> set[str | None]:
    return {
        contact.email for page in account.address_book(book_id).contacts(page_size=100, overlap=10) for contact in page
    }


def test_a_read_through_all_kinds_of_faults_is_complete(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.fail_next("reset", path=PAGES, times=None, share=0.05)
    sandbox.fail_next("status", path=PAGES, times=None, share=0.05, status=429)
    sandbox.fail_next("status", path=PAGES, times=None, share=0.05, status=503)
    sandbox.fail_next("cut", path=PAGES, times=None, share=0.05)
    sandbox.fail_next("malformed", path=PAGES, times=None, share=0.05)
    before = account.requests
    for _ in range(3):
        assert everybody(account, book_id) == {f"c{number}@example.com" for number in range(ROWS)}
    assert account.requests - before > 3 * 34


def test_a_long_read_in_bad_weather_ends_complete(sandbox: Sandbox, connect: MakeAccount) -> None:
    """A hundred thousand contacts through resets, refusals, time-outs and cuts: one answer in eight is spoilt."""
    account = connect(sandbox, timeout=Timeout(connect=2, read=1.0, write=5), limiter=Unlimited())
    book_id = account.create_address_book("Many").id
    rows = "".join(f"c{number}@example.com\n" for number in range(100_000))
    upload(connect(sandbox), book_id, "Email\n" + rows)
    sandbox.fail_next("reset", path=PAGES, times=None, share=0.05)
    sandbox.fail_next("status", path=PAGES, times=None, share=0.05, status=429)
    sandbox.fail_next("delay", path=PAGES, times=None, share=0.02, seconds=1.5)
    sandbox.fail_next("cut", path=PAGES, times=None, share=0.01)
    seen: set[int] = set()
    for page in account.address_book(book_id).contacts(full_data=False):
        seen |= {contact.id for contact in page}
    assert len(seen) == 100_000
    assert account.requests > 113


def test_repeated_and_reordered_pages_lose_nobody(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.fail_next("duplicate", path=PAGES, times=2, after=3)
    sandbox.fail_next("reorder", path=PAGES, times=3, after=8)
    assert everybody(account, book_id) == {f"c{number}@example.com" for number in range(ROWS)}


def test_a_read_that_cannot_succeed_ends(sandbox: Sandbox, account: Account, book_id: int) -> None:
    sandbox.fail_next("malformed", path=PAGES, times=None)
    with pytest.raises(Transient):
        everybody(account, book_id)


def test_rows_that_go_while_we_read_cost_nobody_else(account: Account, book_id: int) -> None:
    seen: set[str | None] = set()
    gone: set[str | None] = set()
    book = account.address_book(book_id)
    for page in book.contacts(page_size=500, overlap=100):
        seen |= {contact.email for contact in page}
        for contact in page.items[:20]:
            account.contacts.delete(contact.id)
            gone.add(contact.email)
    assert seen == {f"c{number}@example.com" for number in range(ROWS)}
    assert len(gone) > 100


def test_a_late_fault_leaves_the_outcome_of_an_upload_unknown(sandbox: Sandbox, account: Account) -> None:
    book = account.address_book(account.create_address_book("Letters").id)
    sandbox.fail_next("reset", path="import", method="POST", late=True)
    before = account.requests
    with pytest.raises(UnknownOutcome):
        book.import_contacts(io.BytesIO(b"Email\nann@example.com\n"))
    assert account.requests == before + 1
    sandbox.finish_imports()
    assert [contact.email for page in book.contacts() for contact in page] == ["ann@example.com"]


def test_a_deletion_that_was_carried_out_unheard_is_done(sandbox: Sandbox, account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    sandbox.fail_next("reset", path="contacts", method="DELETE", late=True)
    account.contacts.delete(ann.id)
    assert account.contacts.count() == 0


def test_faults_of_an_import_survive_a_cut(sandbox: Sandbox, account: Account) -> None:
    book = account.address_book(account.create_address_book("Letters").id)
    rows = "".join(f"bad{number}\n" for number in range(2000))
    started = book.import_contacts(io.BytesIO(f"Email\n{rows}".encode()))
    assert finished(account, started) == "Finished"
    sandbox.fail_next("cut", path="report-faults")
    assert [fault.email for fault in account.import_faults(started.id)] == [f"bad{number}" for number in range(2000)]


def test_the_tiers_are_kept_by_the_headers(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    sandbox = make_sandbox(scheme="tiered", high_rate=5)
    account = connect(sandbox, limiter=LocalLimiter(max_wait=0.0), retry=Retry(tries=1, max_wait=0.0))
    for _ in range(5):
        account.server_time()
    sent = account.requests
    with pytest.raises(Throttled) as caught:
        account.server_time()
    assert account.requests == sent, "the limiter knew before the service had to say so"
    assert caught.value.until is not None
    assert 0 < (caught.value.until - datetime.now(UTC)).total_seconds() <= 61
    fresh = connect(sandbox, limiter=LocalLimiter(max_wait=0.0), retry=Retry(tries=1, max_wait=0.0))
    with pytest.raises(Throttled) as caught:
        fresh.server_time()
    assert caught.value.status == 429
    assert caught.value.until is not None
    list(account.address_books())


def test_the_flat_scheme_is_recognised(make_sandbox: MakeSandbox, connect: MakeAccount) -> None:
    sandbox = make_sandbox(scheme="flat", flat_rate=4)
    account = connect(sandbox, limiter=LocalLimiter(max_wait=5.0), retry=Retry(max_wait=0.05, throttle_base=0.01))
    for _ in range(4):
        account.server_time()
    started = time.monotonic()
    with pytest.raises(Throttled) as caught:
        account.server_time()
    assert caught.value.code == "ERROR_APIUSAGE_EXCEEDED"
    assert time.monotonic() - started < 5
