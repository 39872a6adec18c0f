"""What goes wrong on the way, which error it becomes, and what is tried again (contract §3)."""

from __future__ import annotations

import copy
import gzip
import json
import logging
import pickle
import socket
import ssl
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dotdigital import (
    Account,
    ConfigurationError,
    ContactDraft,
    ContactV3Draft,
    Deletion,
    DotdigitalError,
    NotFound,
    Rejected,
    Retry,
    Throttled,
    Transient,
    UnknownOutcome,
)
from dotdigital.answers import read_refusal
from tests.dotdigital.certificates import self_signed, server_context
from tests.dotdigital.server import RESET, SILENCE, Reply, Server, answer, cut

MakeAccount = Callable[..., Account]
TASK = "d7de900d-d337-43f6-b1e1-c8ec73e1a434"
PAGE = json.dumps([{"id": number, "name": f"Book {number}"} for number in range(1, 50)]).encode()


@pytest.mark.parametrize(
    "fault",
    [
        cut(PAGE, keep=len(PAGE) // 2),
        cut(PAGE, keep=0),
        Reply(b"HTTP/1.1 200 OK\r\n\r\n" + PAGE[:-20], end="close"),
        Reply(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{"id', end="close"),
        Reply(b"no HTTP at all\r\n\r\n", end="close"),
        RESET,
        Reply(end="close"),
        answer(200, b""),
        Reply(b"HTTP/1.1 200 OK\r\n\r\n", end="close"),
        answer(200, PAGE[:100]),
        answer(200, {"unexpected": True}),
        answer(200, b"<html>captive portal</html>"),
        answer(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
        answer(200, gzip.compress(PAGE)[:60], headers={"Content-Encoding": "gzip"}),
        answer(500, {"message": "Error: ERROR_UNKNOWN"}),
        answer(503, b"<html>busy</html>"),
        answer(408),
        answer(400, {"message": "Error: ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"}),
        cut(b'{"message":', keep=3),
    ],
)
def test_a_read_is_tried_again_and_then_given_up(server: Server, account: Account, fault: Reply) -> None:
    server.say(fault, fault, fault, answer(200, PAGE))
    assert sum(len(page) for page in account.address_books()) == 49
    assert account.requests == 4

    server.say(fault, fault, fault, fault)
    with pytest.raises(Transient) as caught:
        list(account.address_books())
    assert account.requests == 8
    assert caught.value.detail.startswith("GET /v2/address-books, ")
    assert caught.value.text == str(caught.value)
    assert "Book" not in caught.value.text + caught.value.detail


def test_a_read_that_gets_no_answer_is_transient(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, timeout=0.2)
    server.say(SILENCE, answer(200, PAGE))
    assert sum(len(page) for page in account.address_books()) == 49


def test_an_unreachable_host_is_transient(make_account: MakeAccount) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    account = make_account(f"http://127.0.0.1:{port}")
    with pytest.raises(Transient, match="could not be reached"):
        account.info()
    with pytest.raises(Transient, match="could not be reached"):
        account.address_book(7).remove_contacts([1])


@pytest.mark.parametrize(
    "fault",
    [
        RESET,
        Reply(end="close"),
        cut(b'{"id":"g","status":"Started"}', keep=5),
        answer(202, b'{"id":'),
        answer(500, {"message": "Error: ERROR_UNKNOWN"}),
        answer(503),
    ],
)
def test_a_change_whose_answer_is_lost_is_never_repeated(server: Server, account: Account, fault: Reply) -> None:
    server.say(fault)
    with pytest.raises(UnknownOutcome) as caught:
        account.address_book(7).remove_contacts([1])
    assert account.requests == len(server.requests) == 1
    assert "Look before" in caught.value.text
    assert caught.value.detail.startswith("POST /v2/address-books/{id}/contacts/delete, ")


def test_a_change_without_answer_in_time_is_unknown(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, timeout=0.2)
    server.say(SILENCE)
    with pytest.raises(UnknownOutcome):
        account.address_book(7).remove_contacts([1])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "code", "said"),
    [
        (
            answer(401, {"message": "Authorization has been denied for this request."}),
            ConfigurationError,
            None,
            "Check them under Settings",
        ),
        (answer(403, b"Forbidden: Access is denied"), ConfigurationError, None, "denied access"),
        (answer(403, {"message": "Error: ERROR_FEATURENOTACTIVE"}), ConfigurationError, "ERROR_FEATURENOTACTIVE", ""),
        (answer(407), ConfigurationError, None, "proxy"),
        (answer(400, {"message": "Error: ERROR_INVALID_LOGIN"}), ConfigurationError, "ERROR_INVALID_LOGIN", ""),
        (answer(301, headers={"Location": "https://evil.example"}), ConfigurationError, None, "redirect"),
        (
            answer(404, {"message": "Error: ERROR_ADDRESSBOOK_NOT_FOUND"}),
            NotFound,
            "ERROR_ADDRESSBOOK_NOT_FOUND",
            "book",
        ),
        (answer(400, {"message": "Error: ERROR_DATAFIELD_NOTFOUND"}), NotFound, "ERROR_DATAFIELD_NOTFOUND", ""),
        (answer(404, b""), NotFound, None, "deleted"),
        (answer(404, b"Not Found"), NotFound, None, "deleted"),
        (
            answer(200, {"message": "Error: ERROR_ADDRESSBOOK_NOT_FOUND"}),
            NotFound,
            "ERROR_ADDRESSBOOK_NOT_FOUND",
            "book",
        ),
        (answer(409, {"dependencies": []}), Rejected, None, "still uses"),
        (answer(413), Rejected, None, "too large"),
        (answer(400, {"message": "file must be valid"}), Rejected, None, "file must be valid"),
        (answer(400, {"message": "Trailing blank. ERROR_NEW_ONE "}), Rejected, "ERROR_NEW_ONE", "Trailing blank"),
        (answer(400, {"message": "Error: ERROR_NEW_TWO"}), Rejected, "ERROR_NEW_TWO", "ERROR_NEW_TWO"),
        (answer(400, {"errorCode": "contacts:new", "description": "Bad."}), Rejected, "contacts:new", "Bad"),
        (answer(400, {"errorCode": "<b>", "description": None}), Rejected, None, "status 400"),
        (answer(400, {"title": "One or more fields.", "status": 400, "detail": None}), Rejected, None, "One or more"),
        (answer(400, {"title": "Bad", "status": 400, "detail": "Of 'x'."}), Rejected, None, "Of [value]"),
        (answer(404, {"type": "about:blank", "title": "Not Found", "status": 404}), NotFound, None, "deleted"),
        (answer(400, b"[]"), Rejected, None, "status 400"),
        (answer(418, {"message": 5}), Rejected, None, "status 418"),
    ],
)
def test_refusals_say_what_to_do(
    server: Server, account: Account, reply: Reply, kind: type[DotdigitalError], code: str | None, said: str
) -> None:
    server.otherwise = lambda request: reply
    with pytest.raises(kind) as caught:
        list(account.address_book(7).contacts())
    assert caught.value.code == code
    assert said in caught.value.text
    assert caught.value.text.endswith(".")
    assert ("not followed" in caught.value.detail) == (said == "redirect")
    assert len(server.requests) == 1


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip"])
@pytest.mark.parametrize(
    ("status", "kind"), [(401, ConfigurationError), (403, ConfigurationError), (404, NotFound), (413, Rejected)]
)
def test_of_a_refusal_the_status_counts_whatever_its_body_is_packed_in(
    server: Server, account: Account, encoding: str, status: int, kind: type[DotdigitalError]
) -> None:
    """Seen first: a 401 in an encoding that nobody had asked for was a fault of the network, and a change unknown."""
    server.otherwise = lambda request: answer(status, b"\x00\xff packed", headers={"Content-Encoding": encoding})
    for ask in (account.info, lambda: account.address_book(7).remove_contacts([1])):
        before = account.requests
        with pytest.raises(kind) as caught:
            ask()
        assert (caught.value.status, account.requests - before) == (status, 1)


def test_a_page_of_something_on_the_way_is_no_word_that_a_contact_is_gone(server: Server, account: Account) -> None:
    """Whoever is to be forgotten or unsubscribed would count as done."""
    page = answer(404, b"\n<!DOCTYPE html><html><h1>404 Not Found</h1></html>")
    server.say(page, answer(204))
    account.contacts.delete(5)
    assert len(server.requests) == 2
    server.say(page, page, page, page)
    with pytest.raises(Transient, match="such as a proxy"):
        account.contacts_v3.get(5, identifier="contactId")
    server.say(page)
    with pytest.raises(UnknownOutcome, match="could not be read"):
        account.address_book(7).remove_contacts([1])
    # It may say that there is no such service, for which no object was named.
    server.say(page)
    with pytest.raises(NotFound):
        list(account.contacts_v3.pages())


def test_that_it_was_deleted_before_is_said_by_the_service_alone(server: Server, account: Account) -> None:
    server.say(RESET, answer(404, {"message": "Error: ERROR_CONTACT_NOT_FOUND"}))
    account.contacts.delete(5)
    server.say(RESET, answer(404, {"message": "Resource not found"}))
    with pytest.raises(NotFound):
        account.contacts.delete(5)


@pytest.mark.parametrize("wrong", ["", "a/b", "{af4ac4bc}", "a\x00", "a\n", "x" * 65, 7])
def test_an_id_that_could_not_be_asked_for_is_no_answer(server: Server, account: Account, wrong: object) -> None:
    """What was started goes on, and nobody could say by which name: neither the path nor a column takes it."""
    starts: list[tuple[str, Callable[[], object]]] = [
        ("id", lambda: account.contacts.import_drafts([ContactDraft("a@example.com")])),
        ("id", lambda: account.address_book(7).remove_contacts([1])),
        ("id", lambda: account.campaigns.send(4, address_book_ids=[7])),
        ("id", lambda: account.programs.enrol(4, contact_ids=[5])),
        ("importId", lambda: account.contacts_v3.start_import([ContactV3Draft({"email": "a@example.com"})])),
        ("deleteId", lambda: account.contacts_v3.delete_many([5])),
    ]
    for key, start in starts:
        server.say(answer(202, {key: wrong, "status": "NotFinished"}))
        with pytest.raises(UnknownOutcome):
            start()
    assert len(server.requests) == len(starts)


def test_a_refusal_is_redacted(server: Server, account: Account) -> None:
    said = "The value 'Ann Bee' or \"x\" of ann.bee@example.com is \x1b[31m wrong. ERROR_SOMETHING"
    server.say(answer(400, {"message": said}))
    with pytest.raises(Rejected) as caught:
        account.info()
    shown = caught.value.text + caught.value.detail
    assert "example.com" not in shown
    assert "Ann" not in shown
    assert "\x1b" not in shown
    assert "wrong" in shown


def test_a_refusal_of_one_long_word_is_read_in_no_time() -> None:
    """Whether an address follows was looked for once for each pair of its letters: seconds for a few kilobytes."""
    word = "a" * 15_000
    started = time.process_time()
    assert read_refusal(json.dumps({"message": word}).encode()) == (None, "a" * 200, None)
    refusal = read_refusal(json.dumps({"errorCode": "a:b", "description": f"{word} or {word}@example.com"}).encode())
    assert refusal is not None
    assert "@" not in refusal.sentence
    assert time.process_time() - started < 1


def test_a_long_refusal_is_cut_and_a_broken_one_still_counts(server: Server, account: Account) -> None:
    server.say(answer(400, {"message": "word " * 10_000}), cut(b'{"message":"x"}', keep=3))
    with pytest.raises(Rejected) as caught:
        account.info()
    assert len(caught.value.text) < 400
    broken = b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n{"
    server.replies.clear()
    server.say(Reply(broken, end="close"))
    with pytest.raises(NotFound):
        account.info()


def test_nothing_personal_is_logged(server: Server, account: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server.say(answer(200, PAGE), answer(404))
    list(account.address_books())
    with pytest.raises(NotFound):
        account.address_book(123456).remove_contacts([654321])
    assert "s3cret" not in caplog.text
    assert "123456" not in caplog.text


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda a: a.server_time(), b'"ann@example.com"'),
        (lambda a: a.events.subscription(1), b'{"id":1,"created":"ann@example.com"}'),
        (lambda a: a.contacts_v3.get("b@example.com"), b'{"contactId":1,"created":"ann@example.com","\xff":1}'),
        (lambda a: a.address_book(7).info(), b'{"id":"ann@example.com"}'),
        (lambda a: a.import_report(TASK), b'{"newContacts":{"ann@example.com":1}'),
        (lambda a: list(a.contacts_v3.pages()), b'{"ann@example.com'),
        (lambda a: list(a.contacts_v3.pages()), b'{"_items":[],"_links":{"next":{"marker":["ann@example.com"]}}}'),
        (lambda a: a.events.read(1), b'{"checkPoint":{"ann@example.com":1},"events":[]}'),
    ],
)
def test_nothing_personal_stands_behind_an_error_either(
    server: Server, make_account: MakeAccount, call: Callable[[Account], object], body: bytes
) -> None:
    """Whoever logs an error with its traceback logs what it came from, and Python quotes what is no date."""
    server.say(answer(200, body))
    with pytest.raises(Transient) as caught:
        call(make_account(server.url, retry=Retry(tries=1)))
    shown = traceback.TracebackException.from_exception(caught.value)
    said = []
    while shown is not None:
        said += list(shown.format_exception_only())
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
    assert len(said) > 1
    assert "ann@" not in "".join(said)


def test_gzip_is_asked_for_and_read(server: Server, account: Account) -> None:
    server.say(answer(200, gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}))
    assert sum(len(page) for page in account.address_books()) == 49
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_connections_are_kept(server: Server, account: Account) -> None:
    server.say(answer(404, {"message": "Error: ERROR_X"}), answer(400, {"message": "Error: ERROR_X"}))
    for _ in range(2):
        with pytest.raises(DotdigitalError):
            account.info()
    list(account.address_books())
    assert server.connections == 1


def test_before_request_can_forbid(server: Server, make_account: MakeAccount) -> None:
    calls: list[int] = []

    def forbid() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("not inside a transaction")

    account = make_account(server.url, before_request=forbid)
    server.say(answer(500), answer(200, []))
    list(account.address_books())
    with pytest.raises(RuntimeError, match="transaction"):
        account.info()
    assert len(calls) == 3
    assert len(server.requests) == account.requests == 2


def test_a_closed_account_keeps_no_connection(server: Server, make_account: MakeAccount) -> None:
    with make_account(server.url) as account:
        list(account.address_books())
    with pytest.raises(RuntimeError, match="was closed"):
        list(account.address_books())
    with make_account(server.url) as account:
        list(account.address_books())
    assert server.connections == 2


def test_an_unknown_certificate_is_refused_and_a_trusted_one_taken(tmp_path: Path, make_account: MakeAccount) -> None:
    pem = self_signed(tmp_path)
    server = Server(tls=server_context(pem))
    try:
        with pytest.raises(ConfigurationError, match="certificate"):
            make_account(server.url).info()
        assert server.requests == []
        account = make_account(server.url, tls=ssl.create_default_context(cafile=str(pem)))
        assert list(account.address_books()) == []
        assert len(server.requests) == 1
    finally:
        server.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda account: account.address_book(7).remove_contacts([5]),
        lambda account: account.contacts.suppress([5]),
        lambda account: account.import_report("x"),
        lambda account: account.campaign(7).summary(),
        lambda account: account.data_fields(),
        lambda account: account.empty_recycle_bin(),
        lambda account: list(account.contacts_v3.import_results("x")),
    ],
)
def test_a_refusal_inside_of_a_success_is_one(
    server: Server, account: Account, ask: Callable[[Account], object]
) -> None:
    """Most shapes could be read out of it, as nothing that they name has to be there."""
    server.say(answer(200, {"message": "Address book cannot be written to. ERROR_ADDRESSBOOK_NOTWRITABLE"}))
    with pytest.raises(Rejected) as refused:
        ask(account)
    assert refused.value.code == "ERROR_ADDRESSBOOK_NOTWRITABLE"


def test_a_page_of_something_on_the_way_is_no_word_that_it_was_done(server: Server, account: Account) -> None:
    """Nor is one that is tried again, where that does no harm."""
    portal = answer(200, b"<html>Please log in</html>")
    server.say(portal, answer(204))
    account.contacts.delete(5)
    assert len(server.requests) == 2
    server.say(portal)
    with pytest.raises(UnknownOutcome, match="could not be read"):
        account.create_data_field("Size", "Numeric")
    server.otherwise = lambda _: portal
    with pytest.raises(Transient, match="such as a proxy"):
        account.contacts.count()


def test_a_status_that_is_an_answer_can_be_a_refusal(server: Server, account: Account) -> None:
    """A data field in use is answered with a 409; so is what was refused for another reason, and that once for all."""
    server.say(answer(409, {"message": "Not now."}), answer(409, {"result": False, "dependencies": ["a form", None]}))
    with pytest.raises(Rejected, match="still uses") as refused:
        account.delete_data_field("Size")
    assert refused.value.status == 409
    assert account.delete_data_field("Size").dependencies == ["a form"]
    assert len(server.requests) == 2
    # As the vendor's document has it, which the service itself is not known to send.
    problem = {"type": "https://example.com", "title": "In use", "status": 409, "errors": {"Name": ["in use"]}}
    server.say(answer(409, problem, headers={"Content-Type": "application/problem+json"}))
    with pytest.raises(Rejected, match="still uses") as refused:
        account.delete_data_field("Size")
    assert (refused.value.field, len(server.requests)) == ("Name", 3)


@pytest.mark.parametrize("body", [{}, {"ok": True}, {"state": "maintenance"}])
def test_an_object_of_something_else_is_no_answer_of_counters(
    server: Server, make_account: MakeAccount, body: dict[str, Any]
) -> None:
    """What need not be there could be read out of anything: a campaign that nobody opened, a removal that is done."""
    account = make_account(server.url, retry=Retry(tries=1))
    server.otherwise = lambda request: answer(200, body)
    reads: list[Callable[[], object]] = [
        lambda: account.import_report("g"),
        lambda: account.campaign(4).summary(),
        lambda: account.deletion("g"),
        lambda: account.delete_data_field("SIZE"),
        lambda: account.contacts.find([5]),
        lambda: account.contacts.suppress([5]),
        lambda: account.collection("Orders").import_report("g"),
        lambda: account.emails.statistics(datetime(2024, 1, 1, tzinfo=UTC)),
    ]
    for read in reads:
        with pytest.raises(Transient):
            read()
    with pytest.raises(UnknownOutcome):
        account.address_book(7).remove_contacts([5])


@pytest.mark.parametrize("second", [{}, {"status": "maintenance"}, {"_items": None}])
def test_something_else_in_the_place_of_a_page_is_not_the_end_of_the_list(
    server: Server, account: Account, second: Any
) -> None:
    """Whoever was not read yet would be taken for gone."""
    server.say(answer(200, {"_items": [{"contactId": 1}], "_links": {"next": {"marker": "m"}}}))
    server.otherwise = lambda request: answer(200, second)
    with pytest.raises(Transient):
        list(account.contacts_v3.pages())


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -0500", "yesterday"])
def test_a_date_that_is_none_costs_no_answer(server: Server, account: Account, date: str) -> None:
    server.say(answer(200, [], headers={"Date": date}))
    assert list(account.address_books()) == []
    assert account.answered_at is None


@pytest.mark.parametrize("host", ["a..example.com", f"{'a' * 64}.example.com"])
def test_a_host_name_that_cannot_be_one_is_not_reached(make_account: MakeAccount, host: str) -> None:
    with pytest.raises(Transient):
        make_account(f"http://{host}").info()


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://user:s3cret@host:bad", "not usable"),
        ("gopher://user:s3cret@host:1", "not usable"),
        ("nonsense", "not usable"),
        ("socks5://user:s3cret@host:1", "SOCKS"),
        ("SOCKS5H://user:s3cret@host:1", "SOCKS"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_said_at_once(
    make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch, proxy: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        make_account("http://127.0.0.1:8099", proxy=proxy)
    assert "s3cret" not in f"{refused.value!r} {refused.value.detail} {refused.value.__cause__}"
    if "://" in proxy:
        monkeypatch.setenv("ALL_PROXY", proxy)
        with pytest.raises(ConfigurationError, match=said):
            make_account("https://dotdigital.example.com")


@pytest.mark.parametrize("answered", [304, 206])
def test_what_a_cache_answers_is_no_fault_of_the_settings(server: Server, account: Account, answered: int) -> None:
    """As if the answer had been asked for before, or only a part of it. Nobody has."""
    server.say(answer(answered), answer(answered, []), answer(200, []))
    assert list(account.address_books()) == []
    assert len(server.requests) == 3
    server.say(answer(answered))
    with pytest.raises(UnknownOutcome):
        account.campaigns.send(5, address_book_ids=[7])


def test_an_address_that_is_too_long_is_not_sent(server: Server, account: Account) -> None:
    with pytest.raises(Rejected, match="longer than any can be"):
        account.contacts.get(f"{'a' * 70_000}@example.com")
    assert server.requests == []


def test_years_have_four_digits(server: Server, account: Account) -> None:
    list(account.suppressed_since(datetime(900, 1, 1, tzinfo=UTC)))
    assert "/suppressed-since/0900-01-01T00:00:00Z" in server.requests[0].target


def test_old_services_answer_a_removal_without_body(server: Server, account: Account) -> None:
    server.say(answer(204), answer(202, {"id": "13e7b388-2060", "status": "Started"}))
    assert account.address_book(7).remove_contacts([5]) == Deletion("", "Completed")
    assert account.address_book(7).remove_contacts([5, 6]) == Deletion("13e7b388-2060", "Started")
    assert json.loads(server.requests[1].body) == [5, 6]
    assert server.requests[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize("ids", [[], [0], [5, -1]])
def test_a_removal_needs_ids(server: Server, account: Account, ids: list[int]) -> None:
    with pytest.raises(ValueError, match="ids"):
        account.address_book(7).remove_contacts(ids)
    assert server.requests == []


def test_status_calls(server: Server, account: Account) -> None:
    server.say(answer(200, {"id": "g", "status": "Completed"}), answer(200, {"id": "g", "status": "Brewing", "x": 1}))
    assert account.deletion("g") == Deletion("g", "Completed")
    running = account.import_status("af4ac4bc-e1e7-4817-8a66-73fb59e91ce6")
    assert (running.status, running.unfinished) == ("Brewing", False)
    server.say(answer(200, {"newContacts": 10, "pendingDoubleOptin": 11, "suppressedContacts": 15, "ispComplaints": 8}))
    report = account.import_report("g")
    assert (report.new_contacts, report.pending_double_optin, report.suppressed_contacts) == (10, 11, 15)
    assert (report.isp_complaints, report.failures) == (8, 0)
    assert [request.target for request in server.requests] == [
        "/v2/contacts/deletion/g",
        "/v2/contacts/import/af4ac4bc-e1e7-4817-8a66-73fb59e91ce6",
        "/v2/contacts/import/g/report",
    ]


@pytest.mark.parametrize("wrong", ["", "../x", "a/b", "a b", "x" * 65])
def test_an_id_that_is_none_is_refused(server: Server, account: Account, wrong: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        account.import_status(wrong)
    assert server.requests == []


ERRORS: list[tuple[type[DotdigitalError], dict[str, Any]]] = [
    (Throttled, {"until": datetime(2024, 1, 1, tzinfo=UTC), "status": 429}),
    (Rejected, {"text": "no", "code": "ERROR_X", "status": 400, "detail": "d"}),
    (UnknownOutcome, {"text": "who knows"}),
]


@pytest.mark.parametrize(("kind", "facts"), ERRORS)
def test_errors_survive_copying_between_processes(kind: type[DotdigitalError], facts: dict[str, Any]) -> None:
    error = kind(**facts)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert str(again) == error.text
    assert error.detail
