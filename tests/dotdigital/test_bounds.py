"""One call ends in time and in memory, whatever arrives.

The kind of fault: a limit that is only looked at where data happen to pass, or that counts one thing (decoded bytes)
while another grows (seconds, bytes on the wire, rows). Seen first: a head at one byte a second, endless interim
answers, endless trailers and gzip that stands for nothing outlived the total time-out, and 20 kB of gzip became seven
million malformed rows. Found beside them: a request body that the host takes byte by byte, the handshake of TLS and of
a proxy, several addresses of one name, a list that is not paged, and pages of v3.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from dotdigital import (
    Account,
    ConfigurationError,
    DotdigitalError,
    Event,
    Page,
    Rejected,
    Retry,
    Timeout,
    Transient,
    UnknownOutcome,
    campaign_models,
    events,
    models,
    operations,
    programs,
    v3_models,
)
from dotdigital.decoding import KEPT, decode_page
from dotdigital.json_stream import Unreadable
from dotdigital.models import Contact
from tests.dotdigital.certificates import self_signed, server_context
from tests.dotdigital.server import Reply, Request, Server, answer

MakeAccount = Callable[..., Account]
TOTAL = 0.3
# One that is kept although the machine is busy, and far from the time-outs of the single steps.
MUCH_LATER = 2.5
HURRY = {"timeout": Timeout(connect=20, read=20, write=20, total=TOTAL), "retry": Retry(tries=1)}
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
GZIP_HEAD = gzip.compress(b"")[:10]
# A block of deflate that holds no byte.
NOTHING = b"\x00\x00\x00\xff\xff"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def endless(piece: bytes, *, before: bytes, pause: float = 0.02) -> Reply:
    return Reply(before, more=itertools.repeat(piece), pause=pause, end="close")


SLOW = {
    "the head": endless(b"X", before=b"HTTP/1.1 200 OK\r\n"),
    "interim answers": endless(b"HTTP/1.1 102 Processing\r\n\r\n", before=b""),
    "interim answers at full speed": endless(b"HTTP/1.1 102 Processing\r\n\r\n" * 50, before=b"", pause=0),
    "the body": endless(b" ", before=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n["),
    "chunks": endless(chunk(b" "), before=CHUNKED + b"\r\n" + chunk(b"[]")),
    "trailers": endless(b"X-More: y\r\n", before=CHUNKED + b"\r\n" + chunk(b"[]") + b"0\r\n"),
    "compressed nothing": endless(
        chunk(NOTHING * 3), before=CHUNKED + b"Content-Encoding: gzip\r\n\r\n" + chunk(GZIP_HEAD)
    ),
    "compressed nothing at full speed": endless(
        chunk(NOTHING * 1000), before=CHUNKED + b"Content-Encoding: gzip\r\n\r\n" + chunk(GZIP_HEAD), pause=0
    ),
    "a refusal": endless(b" ", before=b"HTTP/1.1 500 X\r\nContent-Length: 100000\r\n\r\n"),
}


@contextmanager
def in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert TOTAL * 0.9 <= time.monotonic() - started < MUCH_LATER


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=["http", "https"])
def hurried(
    request: pytest.FixtureRequest, certificate: Path, make_account: MakeAccount
) -> Iterator[tuple[Server, Account]]:
    """A server, plain or with TLS, and an account that has 0.3 s for each call and tries once."""
    secure = request.param == "https"
    server = Server(tls=server_context(certificate) if secure else None)
    trust = {"tls": ssl.create_default_context(cafile=str(certificate))} if secure else {}
    yield server, make_account(server.url, **HURRY, **trust)
    server.close()


@pytest.mark.parametrize("what", SLOW)
def test_the_total_time_holds_whatever_arrives(hurried: tuple[Server, Account], what: str) -> None:
    server, account = hurried
    server.say(SLOW[what])
    with in_time(), pytest.raises(Transient) as caught:
        list(account.address_books())
    assert what == "a refusal" or "total time-out" in caught.value.detail
    assert list(account.address_books()) == []


def test_a_change_that_took_too_long_is_unknown(hurried: tuple[Server, Account]) -> None:
    server, account = hurried
    server.say(SLOW["interim answers"])
    with in_time(), pytest.raises(UnknownOutcome):
        account.address_book(7).remove_contacts([1])


def test_a_stream_ends_in_time(hurried: tuple[Server, Account]) -> None:
    server, account = hurried
    before = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nReason,Email\n"
    server.say(endless(b"Blocked,a@example.com\n", before=before))
    with in_time(), pytest.raises(Transient):
        list(account.import_faults("af4ac4bc-e1e7-4817-8a66-73fb59e91ce6"))


@pytest.mark.parametrize("end", ["silence", "sip"])
def test_an_upload_that_is_not_taken_ends_in_time(hurried: tuple[Server, Account], end: str) -> None:
    server, account = hurried
    server.say(Reply(end=end, read_body=False))
    file = io.BytesIO(b"email\n" + b"somebody@example.com\n" * 1_000_000)
    with in_time(), pytest.raises(Transient):
        account.address_book(7).import_contacts(file)


def test_the_time_counts_from_the_connect(server: Server, certificate: Path, make_account: MakeAccount) -> None:
    """A host that takes the connection and says nothing to the handshake."""
    trust = ssl.create_default_context(cafile=str(certificate))
    account = make_account(server.url.replace("http:", "https:"), **HURRY, tls=trust)
    with in_time(), pytest.raises(Transient):
        account.info()


def test_a_proxy_has_no_more_time(server: Server, make_account: MakeAccount) -> None:
    server.say(SLOW["the head"])
    account = make_account("https://dotdigital.example.com", **HURRY, proxy=server.url)
    with in_time(), pytest.raises(Transient):
        account.info()


def test_wrong_credentials_are_known_by_the_head(hurried: tuple[Server, Account]) -> None:
    server, account = hurried
    server.say(endless(b" ", before=b"HTTP/1.1 401 X\r\nContent-Length: 100000\r\n\r\n"))
    with in_time(), pytest.raises(ConfigurationError):
        account.info()


def test_each_call_of_a_kept_connection_has_its_own_time(hurried: tuple[Server, Account]) -> None:
    server, account = hurried
    for _ in range(3):
        assert list(account.address_books()) == []
        time.sleep(TOTAL / 2)
    assert server.connections == 1
    server.say(SLOW["the head"])
    with in_time(), pytest.raises(Transient):
        list(account.address_books())


def test_bytes_are_counted_as_they_come(server: Server, make_account: MakeAccount) -> None:
    """So many that stand for nothing end the call long before its time is over."""
    empty = chunk(NOTHING * 200_000)
    server.say(endless(empty, before=CHUNKED + b"Content-Encoding: gzip\r\n\r\n" + chunk(GZIP_HEAD), pause=0))
    account = make_account(server.url, retry=Retry(tries=1), timeout=Timeout(total=120))
    with pytest.raises(Rejected) as caught:
        list(account.address_books())
    assert caught.value.code == "ANSWER_TOO_LARGE"


def test_an_answer_to_a_change_that_is_too_large_leaves_it_unknown(server: Server, make_account: MakeAccount) -> None:
    """It was carried out, or may have been: that the answer could not be read refuses nothing."""
    server.say(answer(202, gzip.compress(b" " * (257 << 20), 1), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UnknownOutcome):
        make_account(server.url, timeout=Timeout()).address_book(7).remove_contacts([1])


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(lambda packed: packed[:-9], id="cut"),
        pytest.param(lambda packed: packed + b"more", id="longer"),
        pytest.param(lambda packed: b"x" + packed, id="no gzip"),
    ],
)
def test_broken_compression_is_noticed(server: Server, account: Account, spoiled: Callable[[bytes], bytes]) -> None:
    server.say(answer(200, spoiled(gzip.compress(b'[{"id":1,"name":"A"}]')), headers={"Content-Encoding": "gzip"}))
    assert [len(page) for page in account.address_books()] == []
    assert account.requests == 2


def test_compression_that_was_not_asked_for_is_not_guessed(server: Server, account: Account) -> None:
    server.say(answer(200, zlib.compress(b'[{"id":1}]'), headers={"Content-Encoding": "deflate"}))
    list(account.address_books())
    assert account.requests == 2


def test_an_empty_answer_labelled_as_compressed_is_empty(server: Server, account: Account) -> None:
    server.say(answer(202, b"", headers={"Content-Encoding": "gzip"}))
    account.create_data_field("POINTS", "Numeric")
    assert account.requests == 1


# Rows


def whole_list(rows: list[object]) -> Callable[[Request], Reply]:
    """A service that heeds ``skip`` and not ``select``."""

    def serve(request: Request) -> Reply:
        return answer(200, rows[int(parse_qs(urlsplit(request.target).query)["skip"][0]) :])

    return serve


def test_a_page_never_has_more_rows_than_were_asked_for(server: Server, account: Account) -> None:
    server.otherwise = whole_list([{"id": number} for number in range(1, 36)])
    pages = list(account.address_book(7).contacts(page_size=10, overlap=2))
    assert max(len(page) for page in pages) == 10
    assert {contact.id for page in pages for contact in page} == set(range(1, 36))
    # A reading that rests on the page being whole must see that it was not.
    assert "10 asked for" in pages[0].malformed[-1].reason
    assert pages[-1].malformed == []


def test_what_is_not_paged_has_an_end_too() -> None:
    page = decode_page(json.dumps([{"id": number + 1} for number in range(10_001)]).encode(), Contact)
    assert len(page) == 10_000
    assert len(page.malformed) == 1


def test_a_page_of_v3_has_no_more_rows_than_were_asked_for(server: Server, account: Account) -> None:
    rows = [{"contactId": number} for number in range(1, 8)]
    server.say(answer(200, {"_items": rows, "_links": {}}))
    (page,) = account.contacts_v3.pages(limit=5)
    assert (len(page), len(page.malformed)) == (5, 1)


@pytest.mark.parametrize("bad", [b"1", b'{"id":"x"}', b"NaN", b'"\\ud800"', b'{"id":1}'])
def test_twenty_kilobytes_of_gzip_stay_small(server: Server, account: Account, bad: bytes) -> None:
    """Millions of rows, good or bad, readable by the fast parser or only by the patient one: a page holds few."""
    body = b"[" + (bad + b",") * (7_000_000 // (len(bad) + 1)) + bad + b"]"
    server.otherwise = lambda request: answer(200, gzip.compress(body, 6), headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    started = time.monotonic()
    try:
        page: Page[Contact] = next(account.address_book(7).contacts())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert page.rows == 1001
    assert len(page.malformed) <= KEPT + 1
    assert peak < 6 * len(body)
    assert time.monotonic() - started < 10


LISTS = b"[" + b"[]," * 4_000_000 + b"[]]"
OBJECTS = b"[" + b"{}," * 4_000_000 + b"{}]"
FULL: dict[str, tuple[bytes, Callable[[Account], object]]] = {
    "fields of a contact": (
        b'[{"id":1,"dataFields":%s}]' % OBJECTS,
        lambda account: list(account.address_book(7).contacts()),
    ),
    "links of a page": (b'{"_items":[],"_links":%s}' % LISTS, lambda account: list(account.contacts_v3.pages())),
    "answers to a survey": (b'[{"id":1,"givenAnswers":%s}]' % LISTS, lambda a: list(a.surveys.responses(1))),
    "an object": (b'{"id":1,"properties":[{"name":"x","value":%s}]}' % LISTS, lambda account: account.info()),
    "an object that is not quite one": (b'{"newContacts":"x","a":%s}' % LISTS, lambda a: a.import_report(TASK)),
}
TASK = "d7de900d-d337-43f6-b1e1-c8ec73e1a434"


@pytest.mark.parametrize("what", FULL)
def test_what_is_within_a_row_or_an_object_stays_small_too(server: Server, account: Account, what: str) -> None:
    """Twelve kilobytes of gzip became a gigabyte: an empty list takes three bytes to send and seventy to hold."""
    body, ask = FULL[what]
    server.otherwise = lambda request: answer(200, gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        with pytest.raises(Rejected) as caught:
            ask(account)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (caught.value.code, account.requests) == ("ANSWER_TOO_LARGE", 1)
    assert peak < 20 * len(body)


def test_events_stay_small_together(server: Server, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_VALUES", 70_000)
    full = b'{"type":"a","data":{"a":[%s[]]}}' % (b"[]," * 7_995)
    page = b'{"checkPoint":"a","events":[%s]}'
    server.say(answer(200, page % b",".join([full] * 4)), answer(200, page % b",".join([full] * 5)))
    assert account.events.read(1).rows == 4
    with pytest.raises(Rejected) as caught:
        account.events.read(1)
    assert (caught.value.code, account.requests) == ("ANSWER_TOO_LARGE", 2)


def test_an_object_that_is_not_quite_one_is_not_mended_at_any_cost(server: Server, make_account: MakeAccount) -> None:
    """The patient parser takes a hundred times what was sent."""
    account = make_account(server.url, retry=Retry(tries=1))
    server.say(answer(200, b'{"newContacts":"7","a":%s}' % (b'"%s"' % (b"x" * 4 * 2**20))))
    with pytest.raises(Transient):
        account.import_report(TASK)
    server.say(answer(200, b'{"newContacts":"7","a":%s}' % (b'"%s"' % (b"x" * 2**20))))
    assert account.import_report(TASK).new_contacts == 7


ENDLESS = b"9" * 5000
DEEP = b"[" * 5_000 + b"]" * 5_000
BEYOND = [ENDLESS, DEEP, b'{"a":' * 2000 + b"1" + b"}" * 2000]


@pytest.mark.parametrize("value", BEYOND, ids=["digits", "lists", "objects"])
def test_a_row_that_no_parser_takes_costs_none_of_the_others(server: Server, account: Account, value: bytes) -> None:
    """Five thousand digits, or as many brackets, made the whole page unreadable each time it was asked for."""
    bad = [b'{"id":%s,"contactId":%s}' % (value, value), b'{"id":2,"contactId":2,"dataFields":%s}' % value]
    for row in bad:
        rows = b'[{"id":1,"contactId":1},%s,{"id":3,"contactId":3}]' % row
        server.say(answer(200, rows), answer(200, b'{"_links":{"next":null},"_items":%s}' % rows))
        (page,) = account.address_book(7).contacts()
        assert ([contact.id for contact in page], len(page.malformed)) == ([1, 3], 1)
        assert page.malformed[0].raw.startswith('{"id":')
        (page_of_v3,) = account.contacts_v3.pages()
        assert ([contact.contact_id for contact in page_of_v3], len(page_of_v3.malformed)) == ([1, 3], 1)


@pytest.mark.parametrize("value", BEYOND[:2], ids=["digits", "lists"])
def test_a_single_object_that_no_parser_takes_is_a_fault(
    server: Server, make_account: MakeAccount, value: bytes
) -> None:
    server.say(answer(200, b'{"id":%s}' % value), answer(400, b'{"message":%s}' % value))
    account = make_account(server.url, retry=Retry(tries=1))
    with pytest.raises(Transient):
        account.address_book(7).info()
    with pytest.raises(Rejected):
        account.address_book(7).info()


def test_what_is_unknown_of_a_row_costs_nothing_beside_a_bad_row() -> None:
    page = decode_page(b'[7,{"id":1,"new":%s}]' % ENDLESS, Contact)
    assert [contact.id for contact in page] == [1]


@pytest.mark.parametrize("body", [b"[7,%s]x", b"[7,%s][]", b"[7 %s]", b"[7,%s", b"[7,%s}", b"[,%s]", b"[7,%s,]"])
def test_a_list_is_whole_or_unreadable_though_a_row_is_beyond_all_parsers(body: bytes) -> None:
    for limit in (10, 2):
        with pytest.raises(Unreadable):
            decode_page(body % DEEP, Contact, limit)
    assert decode_page(b" [ 7 , %s ] \r\n" % DEEP, Contact).rows == 2


@pytest.mark.parametrize("end", [b"x", b"{}", b"]", b"\x00"])
def test_a_page_of_v3_ends_where_its_object_ends(server: Server, make_account: MakeAccount, end: bytes) -> None:
    """Else what a proxy adds to it would be read as an answer."""
    page = b'{"_items":[{"contactId":NaN}],"_links":{}}'
    server.say(answer(200, page + end), answer(200, page + b" \n"))
    account = make_account(server.url, retry=Retry(tries=1))
    with pytest.raises(Transient):
        list(account.contacts_v3.pages())
    (read,) = account.contacts_v3.pages()
    assert read.rows == 1


def test_one_row_as_large_as_all_of_them_is_not_taken_apart() -> None:
    page = decode_page(b'[{"id":1},[' + b"1," * 4_000_000 + b'1],{"id":2}]', Contact)
    assert [contact.id for contact in page] == [1, 2]
    assert "4194304 bytes" in page.malformed[0].reason


def test_beside_a_bad_row_one_of_four_megabytes_is_read_and_no_longer_one() -> None:
    """A page with a bad row is taken apart row by row, which costs most where rows are long."""
    begin, end = b'{"id":1,"email":"', b'"}'
    fits = begin + b"x" * (4 * 2**20 - len(begin) - len(end)) + end
    assert [contact.id for contact in decode_page(b"[7," + fits + b"]", Contact)] == [1]
    refused = decode_page(b"[7," + fits.replace(b"x", b"xx", 1) + b"]", Contact).malformed[-1]
    assert "4194304 bytes" in refused.reason


def test_of_many_malformed_rows_all_are_counted_and_few_are_kept() -> None:
    page = decode_page(json.dumps(["bad"] * 700 + [{"id": 1}]).encode(), Contact, 1000)
    assert (len(page), len(page.malformed), page.rows) == (1, KEPT, 701)


@pytest.mark.parametrize("body", ["[NaN,]", "[NaN", "[NaN}", "[[NaN]", "[NaN 2]", "[NaN]]", '{"a":NaN}', "NaN"])
def test_the_patient_parser_takes_no_broken_list(body: str, server: Server, make_account: MakeAccount) -> None:
    server.say(answer(200, body.encode()))
    with pytest.raises(DotdigitalError):
        list(make_account(server.url, retry=Retry(tries=1)).suppressed_since(datetime(2024, 1, 1, tzinfo=UTC)))


def test_the_patient_parser_takes_lists_with_blanks() -> None:
    assert decode_page(b' [ {"id":1} , NaN\n,\t{"id":2} ] ', Contact).rows == 3
    assert decode_page(b"\xef\xbb\xbf[ ]", Contact).rows == 0


# Lists without end


def rows_of_turn(turn: int) -> list[dict[str, object]]:
    return [{"id": 10 * turn + at, "name": "A"} for at in range(5)]


@pytest.mark.parametrize("turns", [1, 2, 3, 7])
@pytest.mark.parametrize("overlap", [0, 2])
def test_pages_that_come_again_and_again_have_an_end(
    server: Server, make_account: MakeAccount, turns: int, overlap: int
) -> None:
    """A service that heeds no ``skip``, or goes round in a circle of pages, with something changed in each."""
    account = make_account(server.url, retry=Retry(tries=1))

    def serve(request: Request) -> Reply:
        rows = rows_of_turn(len(server.requests) % turns)
        return answer(200, [*rows[:-1], {**rows[-1], "contacts": len(server.requests)}])

    server.otherwise = serve
    pages = account._session.pages(operations.ADDRESS_BOOKS, models.AddressBook, page_size=5, overlap=overlap)
    with pytest.raises(Transient, match=r"again and again|faster than it can be read"):
        for _ in pages:
            pass
    assert len(server.requests) < 3000


def test_markers_that_are_ever_new_have_an_end_if_their_pages_are_not(
    server: Server, make_account: MakeAccount
) -> None:
    """Seen first: a marker with the time in it, and the first page for each."""
    account = make_account(server.url, retry=Retry(tries=1))

    def serve(request: Request) -> Reply:
        rows = [{"contactId": 1}, {"contactId": 2, "status": str(len(server.requests))}]
        return answer(200, {"_items": rows, "_links": {"next": {"marker": f"m{len(server.requests)}"}}})

    server.otherwise = serve
    with pytest.raises(Transient, match="again and again"):
        for _ in account.contacts_v3.pages(limit=2):
            pass
    assert len(server.requests) < 300


def test_the_same_events_with_ever_new_checkpoints_have_an_end(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, retry=Retry(tries=1))
    server.otherwise = lambda request: answer(
        200, {"events": [{"id": "e", "type": "t"}], "checkPoint": f"c{len(server.requests)}"}
    )
    with pytest.raises(Transient, match="again and again"):
        for _ in account.events.pages(5):
            pass
    assert len(server.requests) < 300


def test_a_list_that_only_shifts_is_read_to_its_end(server: Server, account: Account) -> None:
    """Rows that come in at its front push others back, so that one is the first of several pages."""
    rows: list[object] = [{"id": number} for number in range(1, 400)]

    def serve(request: Request) -> Reply:
        skip = int(parse_qs(urlsplit(request.target).query)["skip"][0])
        found = rows[skip : skip + 5]
        if len(server.requests) % 2 and len(rows) < 600:
            rows[:0] = [{"id": 1000 + len(rows) + at} for at in range(3)]
        return answer(200, found)

    server.otherwise = serve
    seen = {contact.id for page in account.address_book(7).contacts(page_size=5, overlap=0) for contact in page}
    assert seen >= set(range(1, 400))


@pytest.mark.parametrize("token", ["a\x00b", "x" * 8193, {"a": 1}, "a\nb"])
def test_a_marker_that_could_not_be_sent_back_is_no_answer(
    server: Server, make_account: MakeAccount, token: object
) -> None:
    """It would be kept, which no database does with a NUL, and each run after it would fail."""
    account = make_account(server.url, retry=Retry(tries=1))
    server.say(answer(200, {"_items": [{"contactId": 1}], "_links": {"next": {"marker": token}}}))
    with pytest.raises(Transient):
        list(account.contacts_v3.pages())
    server.say(answer(200, {"events": [], "checkPoint": token}))
    with pytest.raises(Transient):
        account.events.read(5)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_times_that_nobody_can_wait_are_refused_by_name(seconds: float) -> None:
    for name in ("connect", "read", "write", "total"):
        with pytest.raises(ValueError, match=f"^{name} is {seconds}: give seconds"):
            Timeout(**{name: seconds})
    with pytest.raises(ValueError, match=r"^connect is"):
        Account("user", "password", timeout=seconds)
    for name in ("base", "cap", "max_wait", "throttle_base"):
        if seconds:
            with pytest.raises(ValueError, match=f"^{name} is {seconds}: give seconds"):
                Retry(**{name: seconds})
    for name in ("tries", "throttle_tries"):
        with pytest.raises(ValueError, match="at least once"):
            Retry(**{name: 0})


# Ids

MOST = 2**63 - 1


def all_shapes() -> list[type[msgspec.Struct]]:
    """Everything that the service answers."""
    modules = (campaign_models, events, models, programs, v3_models)
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return sorted({each for each in found if issubclass(each, msgspec.Struct)}, key=lambda each: each.__name__)


def whole_numbers(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.IntType]:
    if isinstance(kind, msgspec.inspect.IntType):
        yield kind
    elif isinstance(kind, msgspec.inspect.UnionType):
        for each in kind.types:
            yield from whole_numbers(each)
    elif isinstance(kind, msgspec.inspect.ListType):
        yield from whole_numbers(kind.item_type)


def test_no_id_has_more_than_64_bits() -> None:
    """Seen first: ids of a contact's lists, of a copy and of a subscription went on to the database, which cannot."""
    drafts = {shape for shape in all_shapes() if shape.__name__.endswith("Draft")}
    ids = [
        (shape.__name__, field.name, number)
        for shape in set(all_shapes()) - drafts
        for field in msgspec.inspect.type_info(shape).fields  # type: ignore[attr-defined]
        if field.encode_name == "id" or field.encode_name.lower().endswith(("id", "ids"))
        for number in whole_numbers(field.type)
    ]
    assert len(ids) > 25
    assert [each for each in ids if (each[2].ge, each[2].le) != (-(2**63), MOST)] == []


@pytest.mark.parametrize("number", [MOST + 1, 2**64, -(2**63) - 1, 10**400])
def test_an_id_beyond_64_bits_costs_its_row(server: Server, account: Account, number: int) -> None:
    server.say(answer(200, [{"id": number, "name": "A"}, {"id": MOST, "name": "B"}]))
    (page,) = account.address_books()
    assert [book.id for book in page] == [MOST]
    assert [row.reason[:15] for row in page.malformed] == ["Expected `int` "]


@pytest.mark.parametrize(
    ("told", "read"),
    [(5, 5), ("5", 5), (MOST, MOST), (MOST + 1, None), ("9" * 19, None), ("9" * 5000, None), (True, None)],
)
def test_an_event_is_never_about_another_contact_than_it_names(told: object, read: int | None) -> None:
    """A longer number was cut to eighteen digits, which are somebody's."""
    assert Event("e", "contact.updated", data={"contactId": told}).contact_id == read
