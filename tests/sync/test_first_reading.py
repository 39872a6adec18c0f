"""A long first reading keeps its place: time, quota or a crash cut it, and the next run goes on there.

The kind: work that begins at its beginning each time it was interrupted, and so never ends. The case: a large book and
a limit of time. The second places: a quota that ends in the middle of it, and rows that go while nobody reads.
"""

from __future__ import annotations

import json
import urllib.request

import pytest

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Membership
from dotbridge.sync.models import Cursor, Reading, State, SyncRun
from tests.accounts import RemoteAccount, connect, read_connected_books_only, steps_of, sync
from tests.sync.test_waiting import asked_for

PEOPLE = 2500


def fill(remote: RemoteAccount, book: int, people: int = PEOPLE) -> None:
    """Many contacts at once, as a third party's import."""
    rows = "".join(f"p{number:05}@example.com\n" for number in range(people))
    body = f'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\nEmail\n{rows}\r\n--x--\r\n'
    headers = {**remote._headers, "Content-Type": "multipart/form-data; boundary=x"}
    url = f"{remote.sandbox.url}/v2/address-books/{book}/contacts/import"
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=30) as answer:
        guid = json.loads(answer.read())["id"]
    while remote.ask("GET", f"/v2/contacts/import/{guid}")["status"] == "NotFinished":
        pass


def members() -> int:
    return Membership.objects.filter(gone_at=None).count()


def test_a_long_reading_is_cut_into_several_runs(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Large")
    fill(remote, book)
    read_connected_books_only(integration)
    connect(integration, book="Large")

    run = sync(integration, kind=RunKind.IMPORT, most_seconds=0.0)

    assert (run.state, steps_of(run)["contacts"]["state"]) == (State.PARTIAL, State.BLOCKED)
    assert (members(), Reading.objects.get().skip) == (1000, 900)
    assert asked_for(integration) == [("import", None)]
    assert not Cursor.objects.filter(feed="contacts").exists()
    began_at = Reading.objects.get().began_at
    # Somebody changes while nobody reads; and who was read already is not thought gone at the end.
    first = remote.find_contact("p00000@example.com")
    assert first is not None
    remote.ask("PUT", f"/v2/contacts/{first['id']}", {"email": "changed@example.com"})

    # Each of these stores one page or two: from the beginning they would never come to the end.
    for _number in range(4):
        sync(integration, kind=RunKind.IMPORT, most_seconds=0.0)

    assert members() == PEOPLE
    assert not Reading.objects.exists()
    assert Cursor.objects.get(feed="contacts").position > began_at
    assert Membership.objects.filter(contact__email="changed@example.com", gone_at=None).exists()


def test_a_reading_without_a_limit_is_not_cut(integration: Integration, remote: RemoteAccount) -> None:
    fill(remote, remote.create_book("Large"))
    connect(integration, book="Large")
    assert sync(integration, kind=RunKind.IMPORT).state == State.SUCCEEDED
    assert members() == PEOPLE


def test_a_quota_that_ends_in_the_middle_of_it(
    integration: Integration, remote: RemoteAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotdigital.patience.time.sleep", lambda _seconds: None)
    book = remote.create_book("Large")
    fill(remote, book)
    read_connected_books_only(integration)
    connect(integration, book="Large")
    for _number in range(6):
        SyncRun.objects.update(waits_until=None)
        remote.sandbox.clear_faults()
        remote.sandbox.fail_next("status", path=f"address-books/{book}/contacts$", after=2, times=None, status=429)
        sync(integration, kind=RunKind.IMPORT)
    assert members() == PEOPLE
    assert not Reading.objects.exists()


@pytest.mark.parametrize("gone", [150, 1000])
def test_rows_that_go_before_the_place_hide_nobody(integration: Integration, remote: RemoteAccount, gone: int) -> None:
    book = remote.create_book("Large")
    fill(remote, book)
    read_connected_books_only(integration)
    connect(integration, book="Large")
    sync(integration, kind=RunKind.IMPORT, most_seconds=0.0)
    first = remote.ask("GET", f"/v2/address-books/{book}/contacts?select=1000&skip=0")
    ids = [contact["id"] for contact in first[:gone]]
    remote.ask("POST", f"/v2/address-books/{book}/contacts/delete", ids)

    for _number in range(5):
        sync(integration, kind=RunKind.IMPORT, most_seconds=0.0)

    still_there = set(remote.contacts(book))
    known = set(Membership.objects.filter(gone_at=None).values_list("contact__email", flat=True))
    assert still_there <= known
    assert len(still_there) == PEOPLE - gone
