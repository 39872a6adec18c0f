"""What is sent and read in v3 without ever being held whole, and what goes wrong on the way (contract §7)."""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdigital import (
    Account,
    ContactV3Draft,
    EventDraft,
    EventPage,
    FailureV3,
    Malformed,
    MergeV3,
    NotFound,
    Rejected,
    ResultV3,
    Transient,
    UnknownOutcome,
)
from dotdigital.json_stream import Unreadable, members
from tests.dotdigital.cases import CONSENT
from tests.dotdigital.cases_events import ANSWERED, EVENT
from tests.dotdigital.server import RESET, Reply, Request, Server, answer, cut

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


# Whatever ends or begins like an entry of a list, within one.
ENTRIES = st.lists(
    st.fixed_dictionaries({"a": st.sampled_from(["x", "},{", '"},{"', "\\"]), "b": st.lists(st.just({}), max_size=3)}),
    min_size=2,
    max_size=12,
)


@given(
    content=st.dictionaries(st.text(), VALUES | ENTRIES, max_size=5),
    size=st.integers(1, 400),
    indent=st.sampled_from([None, 1]),
    is_dense=st.booleans(),
)
def test_members_are_those_that_the_usual_parser_finds(
    content: dict[str, Any], size: int, indent: int | None, is_dense: bool
) -> None:
    separators = (",", ":") if is_dense else None
    text = json.dumps(content, indent=indent, separators=separators, ensure_ascii=size % 2 == 0)
    body = text.encode("utf-8", "surrogatepass")
    found: list[tuple[str, Any]] = []
    for name, value in content.items():
        if value is None:
            continue
        found.extend((name, each) for each in (value if isinstance(value, list) else [value]))
    read = [(name, json.loads(raw)) for name, raw in members(pieces(body, size))]
    assert read == [(json.loads(json.dumps(name)), json.loads(json.dumps(each))) for name, each in found]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":[', b'{"a":[1,', b'{"a":[1', b'{"a":["x',
        b'{"a" 1}', b'{"a":1 "b":2}', b"{1:2}", b'{"a":[1 2]}', b'{"a":[,]}', b'{"a":}', b'{"a":"x\\"', b"<html>",
    ],
)  # fmt: skip
def test_what_is_no_object_or_cut_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        list(members(iter([body])))


@pytest.mark.parametrize(("size", "is_read"), [(4 * 2**20, True), (4 * 2**20 + 1, False)])
def test_no_more_than_four_megabytes_are_held_for_an_entry(size: int, is_read: bool) -> None:
    """What has arrived of it by then was not its end."""
    chunks = iter([b'{"a":', b'"' + b"x" * (size - 1), b'"}'])
    if is_read:
        assert [len(raw) for _name, raw in members(chunks)] == [size + 1]
    else:
        with pytest.raises(Unreadable, match="4194304 bytes"):
            list(members(chunks))


def test_an_entry_without_end_is_given_up() -> None:
    endless = iter([b'{"a":["', *([b"x" * 65_536] * 1000)])
    with pytest.raises(Unreadable, match="more than"):
        list(members(endless))
    # It was given up long before it would have ended.
    assert sum(1 for _ in endless) > 800


def a_status(rows: int, **more: Any) -> bytes:
    """A finished import with so many created contacts."""
    created = [{"contactId": n, "identifiers": {"email": f"p{n}@example.com"}} for n in range(1, rows + 1)]
    body = {"importId": "g", "status": "Finished", "summary": {"newContacts": rows}, "created": created}
    return json.dumps({**body, "updated": [], "failures": [], **more}).encode()


def test_results_tell_what_came_of_each_contact(server: Server, account: Account) -> None:
    failure = {
        "matchIdentifier": "email",
        "identifiers": {"email": "invisible"},
        "failures": [{"failureCode": "invalidEmail", "description": "x"}],
    }
    updated = [{"contactId": 9, "identifiers": {"email": "u@example.com", "mobileNumber": None}}]
    server.say(answer(200, a_status(2, updated=updated, failures=[failure, {**failure, "contactId": 5}], novel=[1])))
    results = [each for each in account.contacts_v3.import_results("g") if isinstance(each, ResultV3)]
    assert [(each.outcome, each.contact_id) for each in results] == [
        ("created", 1), ("created", 2), ("updated", 9), ("failures", None), ("failures", 5)
    ]  # fmt: skip
    assert results[-1].failures[0].failure_code == "invalidEmail"


def test_an_unfinished_import_has_no_results(server: Server, account: Account) -> None:
    server.otherwise = lambda _: answer(200, {"importId": "g", "status": "NotFinished"})
    assert list(account.contacts_v3.import_results("g")) == []
    assert account.contacts_v3.import_status("g").unfinished


@pytest.mark.parametrize("bad", [b"7", b"null", b'{"contactId":"x"}', b'{"identifiers":[1]}', b'{"contactId":1e400}'])
def test_a_result_that_cannot_be_read_costs_none_of_the_others(server: Server, account: Account, bad: bytes) -> None:
    body = a_status(2).replace(b'{"contactId": 2, "identifiers": {"email": "p2@example.com"}}', bad)
    assert bad in body
    server.say(answer(200, body.replace(b'"updated": []', b'"updated": [{"contactId": 3}]')))
    results = list(account.contacts_v3.import_results("g"))
    assert [each.contact_id if isinstance(each, ResultV3) else "bad" for each in results] == [1, "bad", 3]
    (malformed,) = (each for each in results if isinstance(each, Malformed))
    assert malformed.raw == bad.decode()


def test_a_list_of_results_that_is_null_is_an_empty_one(server: Server, account: Account) -> None:
    failed = {"contactId": None, "failures": [{"failureCode": None, "description": None}, None]}
    told = {"importId": "g", "status": "Finished", "created": None, "updated": None, "failures": [failed]}
    server.say(answer(200, told))
    assert list(account.contacts_v3.import_results("g")) == [ResultV3("failures", failures=[FailureV3()])]


def test_a_status_that_is_cut_in_the_middle_goes_on_where_it_was(server: Server, account: Account) -> None:
    body = a_status(2000)
    server.say(cut(body, keep=len(body) // 2), cut(body, keep=len(body) - 1), answer(200, body))
    results = [each.contact_id for each in account.contacts_v3.import_results("g") if isinstance(each, ResultV3)]
    assert results == list(range(1, 2001))
    assert len(server.requests) == 3
    server.otherwise = lambda _: cut(body, keep=5000)
    with pytest.raises(Transient):
        list(account.contacts_v3.import_results("g"))
    server.otherwise = lambda _: answer(404, {"errorCode": "contacts:importNotFound", "description": "x"})
    with pytest.raises(NotFound):
        list(account.contacts_v3.import_results("g"))


def test_a_status_is_read_no_further_than_its_summary(server: Server, account: Account) -> None:
    head = b'{"importId":"g","status":"Finished","summary":{"newContacts":3},"created":['
    endless = Reply(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n" + head,
        end="close",
        more=[b'{"contactId":1},'] * 50,
        pause=0.1,
    )
    server.say(endless)
    assert account.contacts_v3.import_status("g").summary == {"newContacts": 3}


def lines(count: int) -> bytes:
    return b"".join(
        b'{"matchIdentifier":"email","identifiers":{"email":"p%d@example.com"}}\n' % number for number in range(count)
    )


@pytest.mark.parametrize("how", ["path", "open", "half-read", "no newline at the end"])
def test_a_file_of_lines_is_sent_as_a_list(server: Server, account: Account, tmp_path: Path, how: str) -> None:
    content = lines(3000)
    path = tmp_path / "contacts"
    path.write_bytes(content.rstrip(b"\n") if how.startswith("no") else content)
    server.say(RESET if how == "open" else answer(202, {"importId": "g"}))
    if how in ("open", "half-read"):
        with path.open("rb") as file:
            if how == "half-read":
                file.readline()
                assert account.contacts_v3.import_file(file) == "g"
            else:
                # An import must not be started twice, and nobody knows whether this one was.
                with pytest.raises(UnknownOutcome):
                    account.contacts_v3.import_file(file, option=MergeV3.OVERWRITE_IF_NOT_EMPTY)
    else:
        assert account.contacts_v3.import_file(path) == "g"
    sent = json.loads(server.requests[0].body)
    assert sent["mergeOption"] == ("overwriteIfNotEmpty" if how == "open" else "overwrite")
    assert sent["contacts"] == [json.loads(each) for each in content.splitlines()][how == "half-read" :]


def test_more_than_fifty_megabytes_are_not_sent(server: Server, account: Account, tmp_path: Path) -> None:
    path = tmp_path / "contacts"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(Rejected) as caught:
        account.contacts_v3.import_file(path)
    assert caught.value.code == "FILE_TOO_LARGE"
    asked = 0

    def drafts() -> Iterator[ContactV3Draft]:
        nonlocal asked
        while True:
            asked += 1
            yield ContactV3Draft({"email": "a@example.com"}, data_fields={"LONG": "x" * 100_000})

    with pytest.raises(Rejected):
        account.contacts_v3.start_import(drafts())
    assert asked < 600
    assert server.requests == []


def test_a_draft_that_would_do_more_twice_is_not_repeated(server: Server, account: Account) -> None:
    plain = ContactV3Draft({"email": "ann@example.com"})
    server.say(RESET, answer(200, {"contactId": 5}))
    assert account.contacts_v3.merge("ann@example.com", plain).contact_id == 5
    again = {"email": {"resubscribeOptions": {"resubscribeWithNoChallenge": False}}}
    for draft in (
        ContactV3Draft({"email": "ann@example.com"}, consents=[CONSENT]),
        ContactV3Draft({"email": "ann@example.com"}, channel_properties=again),
    ):
        server.say(RESET)
        with pytest.raises(UnknownOutcome):
            account.contacts_v3.merge("ann@example.com", draft)
    assert len(server.requests) == 4


def test_the_pages_of_subscriptions_are_walked(server: Server, account: Account) -> None:
    server.say(
        answer(200, {"_links": {"next": {"marker": "m"}}, "_items": [ANSWERED, {"id": "x"}]}),
        answer(200, {"_links": {}, "_items": [{**ANSWERED, "id": 8}]}),
    )
    pages = list(account.events.subscriptions(limit=2))
    assert [each.id for page in pages for each in page] == [7, 8]
    assert [len(page.malformed) for page in pages] == [1, 0]


def subscriptions(marker: str | None, *ids: int) -> Reply:
    links = {"next": {"marker": marker}} if marker else {}
    return answer(200, {"_links": links, "_items": [{**ANSWERED, "id": each} for each in ids]})


def test_a_page_without_rows_that_names_a_next_one_is_not_the_end(server: Server, account: Account) -> None:
    server.say(subscriptions("a", 7), subscriptions("b"), subscriptions("c"), subscriptions(None, 8))
    pages = list(account.events.subscriptions(limit=1))
    assert [[each.id for each in page] for page in pages] == [[7], [8]]
    server.say(subscriptions("a", 7), subscriptions("a"))
    assert [len(page) for page in account.events.subscriptions(limit=1)] == [1]


def test_pages_without_rows_do_not_go_on_for_ever(server: Server, account: Account) -> None:
    server.otherwise = lambda _: subscriptions(f"m{len(server.requests)}")
    with pytest.raises(Transient, match="in a circle"):
        list(account.events.subscriptions(limit=1))
    assert len(server.requests) == 21


def events(checkpoint: str, *ids: str) -> Reply:
    return answer(200, {"checkPoint": checkpoint, "events": [{**EVENT, "id": each} for each in ids]})


def test_pages_of_events_follow_checkpoints_to_an_empty_page(server: Server, account: Account) -> None:
    server.say(events("c1", "e1", "e2"), RESET, events("c2", "e3"), events("c3"))
    pages: list[EventPage] = []
    for page in account.events.pages(7, checkpoint="c0", limit=2):
        # A page counts as received once the next is asked for, and not before.
        assert [request.target.partition("checkPoint=")[2] for request in server.requests][-1] == f"c{len(pages)}"
        pages.append(page)
    assert [[event.id for event in page] for page in pages] == [["e1", "e2"], ["e3"], []]
    assert pages[-1].checkpoint == "c3"


def test_a_checkpoint_that_does_not_move_is_an_error(server: Server, account: Account) -> None:
    server.otherwise = lambda _: events("c1", "e1")
    with pytest.raises(Transient, match="again and again"):
        list(account.events.pages(7))
    assert len(server.requests) == 2


@pytest.mark.parametrize("bad", [b"7", b"null", b'{"id": 5}', b'{"id":"e","type":"t","eventDate":"never"}'])
def test_a_bad_event_costs_none_of_the_others(server: Server, account: Account, bad: bytes) -> None:
    body = b'{"checkPoint":"c","events":[%s,%s]}' % (bad, json.dumps(EVENT).encode())
    server.say(answer(200, body))
    page = account.events.read(7)
    assert ([event.id for event in page], len(page.malformed), page.checkpoint) == (["e1"], 1, "c")


@pytest.mark.parametrize(
    "body", [{"events": []}, {"checkPoint": 5, "events": []}, [], {"checkPoint": "c", "events": [EVENT] * 5001}]
)
def test_a_page_without_a_checkpoint_or_with_too_much_is_not_taken(server: Server, account: Account, body: Any) -> None:
    server.otherwise = lambda _: answer(200, body)
    with pytest.raises(Transient):
        account.events.read(7)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "events:invalidCheckpoint", Rejected),
        (409, "events:inactiveSubscription", Rejected),
        (409, "events:nameAlreadyExists", Rejected),
        (404, "events:subscriptionNotFound", NotFound),
    ],
)
def test_refusals_of_events_say_what_to_do(
    server: Server, account: Account, status: int, code: str, error: type[Exception]
) -> None:
    server.say(answer(status, {"errorCode": code, "description": "x", "details": [{"item": "i", "description": "d"}]}))
    with pytest.raises(error) as caught:
        account.events.read(7)
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert "Correct what was sent" not in str(caught.value)


def test_imported_events_are_not_sent_twice(server: Server, account: Account) -> None:
    server.say(RESET)
    with pytest.raises(UnknownOutcome):
        account.events.import_events([EventDraft("ann@example.com", "Search")])
    assert len(server.requests) == 1


def test_a_large_object_is_written_once_though_it_broke_off(server: Server, account: Account) -> None:
    body = bytes(range(256)) * 4000
    server.say(cut(body, keep=300_000), answer(200, body, {"Content-Type": "image/png"}))
    target = io.BytesIO(b"before")
    target.seek(6)
    assert account.events.save_large_object("lob", target) == "image/png"
    assert target.getvalue() == b"before" + body


PROGRAM = """
    import resource, sys
    from pathlib import Path
    from dotdigital import Account, ContactV3Draft, Retry
    url, path = sys.argv[1:]
    account = Account("u", "p", url, allowed_origins=[url], retry=Retry(tries=1))
    next(account.contacts_v3.import_results("warm"), None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    account.contacts_v3.import_file(Path(path))
    assert account.contacts_v3.import_status("g").summary
    count = sum(1 for _ in account.contacts_v3.import_results("g"))
    print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_fifty_megabytes_out_and_165_000_rows_in_are_never_in_memory(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "contacts"
    path.write_bytes(lines(600_000)[: 49 * 1024 * 1024].rpartition(b"\n")[0])
    status = a_status(165_000)

    def serve(request: Request) -> Reply:
        if request.method == "PUT":
            return answer(202, {"importId": "g"})
        return answer(200, {"importId": "g"} if request.target.endswith("warm") else status)

    server.otherwise = serve
    program = textwrap.dedent(PROGRAM)
    done = run(
        [sys.executable, "-c", program, server.url, path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, megabytes = map(int, done.stdout.split())
    assert rows == 165_000
    assert len(status) > 10 * 1024 * 1024
    assert megabytes < 8
