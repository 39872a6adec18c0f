"""A full disk, a state loaded over work in hand, a change between two reads: nothing is done by halves or twice."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dotdigital_sandbox.calls import Page
from dotdigital_sandbox.paging import Listing
from tests.dotdigital_sandbox.conftest import Api

PEOPLE = "Email\n" + "".join(f"reader{number}@example.com\n" for number in range(4500))
LETTER = {
    "name": "Spring", "subject": "Hello", "fromName": "Acme", "htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$",
}  # fmt: skip


@contextmanager
def a_full_disk(api: Api) -> Iterator[None]:
    """No file of this process can grow beyond what the account's journal is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = api.sandbox.data_dir / "account.sqlite3-wal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def refusing(api: Api, change: str, when: str = "TRUE") -> Iterator[None]:
    """The account's file refuses a change."""
    broken = f"CREATE TRIGGER broken BEFORE {change} WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused for a test'); END"
    api.sandbox.account.write(lambda db: db.execute(broken) and None)
    try:
        yield
    finally:
        api.sandbox.account.write(lambda db: db.execute("DROP TRIGGER broken") and None)


def count(api: Api, table: str) -> int:
    with api.sandbox.account.store.reading() as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_after_a_full_disk_everything_is_written_again(api: Api) -> None:
    api.contact("ann@example.com")
    with a_full_disk(api):
        assert api.message("POST", "/v2/contacts", {"email": "bob@example.com"}) == (500, "Error: ERROR_UNKNOWN")
    api.contact("cid@example.com")
    assert [each["email"] for each in api.get("/v2/contacts")] == ["ann@example.com", "cid@example.com"]


def test_an_import_whose_end_could_not_be_noted_ends_later_and_so_do_those_behind_it(api: Api) -> None:
    with refusing(api, "UPDATE OF status ON import_job"):
        first, second = api.upload("Email\nann@example.com\n"), api.upload("Email\nbob@example.com\n")
        eventually(lambda: count(api, "contact") == 1)
        time.sleep(0.4)
    for guid, new in ((first, 1), (second, 1)):
        eventually(lambda guid=guid: api.get(f"/v2/contacts/import/{guid}")["status"] == "Finished")  # type: ignore[misc]
        assert api.get(f"/v2/contacts/import/{guid}/report")["newContacts"] == new


def test_a_chore_that_cannot_be_done_does_not_keep_others_from_being_done(demo: Api) -> None:
    with refusing(demo, "UPDATE OF status ON deletion"):
        stuck = demo.ask("POST", "/v2/address-books/3/contacts/delete", [1], status=202)["id"]
        sent = demo.ask("POST", "/v2/campaigns/send", {"campaignId": 2, "addressBookIds": [3]}, status=202)["id"]
        eventually(lambda: demo.get(f"/v2/campaigns/send/{sent}")["status"] == "Sent")
        assert demo.get(f"/v2/contacts/deletion/{stuck}")["status"] == "Started"
    eventually(lambda: demo.get(f"/v2/contacts/deletion/{stuck}")["status"] == "Completed")


@pytest.mark.parametrize("send", [{}, {"sendDate": "2030-01-01T00:00:00Z"}])
def test_a_send_that_is_interrupted_is_finished_and_nobody_reads_twice(
    start: Callable[..., Api], send: dict[str, Any]
) -> None:
    summaries = []
    for is_disturbed in (False, True):
        api = start(send_seconds=60.0)
        api.run_import(PEOPLE)
        campaign = api.ask("POST", "/v2/campaigns", LETTER, status=201)["id"]
        api.ask("POST", "/v2/campaigns/send", {"campaignId": campaign, **send}, status=202)
        api.sandbox.freeze(datetime(2030, 1, 1, 0, 1, 1, tzinfo=UTC))
        if is_disturbed:
            with refusing(api, "INSERT ON event", "(SELECT max(id) FROM event) > 2500"):
                api.sandbox.account.work.wake()
                eventually(lambda api=api: count(api, "event") > 0)  # type: ignore[misc]
                time.sleep(0.6)
        api.sandbox.finish_chores()
        api.sandbox.freeze(datetime(2031, 1, 1, tzinfo=UTC))
        summary = api.get(f"/v2/campaigns/{campaign}/summary")
        summaries.append({name: value for name, value in summary.items() if name != "dateSent"})
    assert summaries[0]["numTotalSent"] == 4500
    assert summaries[1] == summaries[0]


def test_an_import_in_hand_does_not_run_into_a_state_that_is_loaded(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(import_rows_per_second=1.0)
    api.sandbox.dump(tmp_path / "empty.sqlite3")
    api.upload("Email\nann@example.com\nbob@example.com\ncid@example.com\n")
    time.sleep(0.3)
    api.sandbox.load(tmp_path / "empty.sqlite3")
    api.sandbox.advance(3600)
    api.sandbox.finish_imports()
    assert api.get("/v2/contacts/count") == 0
    api.upload("Email\ndan@example.com\n")
    api.sandbox.finish_imports()
    assert api.get("/v2/contacts/count") == 1


def test_what_a_killed_sandbox_had_not_taken_is_forgotten(start: Callable[..., Api], tmp_path: Path) -> None:
    api = start(data_dir=tmp_path / "kept")
    api.sandbox.hold_imports()
    guid = api.upload("Email\nann@example.com\n")
    left = [api.sandbox.data_dir / "uploads" / name for name in ("a.body", "b.part", "c.upload")]
    api.sandbox.stop()
    for path in left:
        path.write_bytes(b"half of a file")
    again = start(data_dir=tmp_path / "kept")
    assert not any(path.exists() for path in left)
    eventually(lambda: again.get(f"/v2/contacts/import/{guid}")["status"] == "Finished")
    assert again.get("/v2/contacts/count") == 1


def test_where_a_page_ended_is_not_remembered_for_what_came_later(api: Api) -> None:
    for name in ("ann", "bob", "cid", "dan"):
        api.contact(f"{name}@example.com")
    account = api.sandbox.account
    listing = Listing(account, "SELECT id FROM contact WHERE id > :after ORDER BY id")
    with account.store.reading() as db:
        db.execute("SELECT count(*) FROM contact").fetchone()
        account.write(lambda writer: writer.execute("DELETE FROM contact WHERE email_key = 'ann@example.com'") and None)
        assert [row["id"] for row in listing.rows(db, Page(2, 0))] == [1, 2]
    with account.store.reading() as db:
        assert [row["id"] for row in listing.rows(db, Page(2, 2))] == [4]
