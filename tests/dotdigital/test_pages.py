"""Lists: paging (contract §1.7) and decoding that loses no good row to a bad one."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dotdigital import (
    Account,
    Contact,
    ContactId,
    FieldValue,
    Page,
    RecordFault,
    RecordReport,
    Rejected,
    Suppressed,
    Transient,
)
from dotdigital.decoding import KEPT, RAW_LIMIT, decode_one, decode_page
from dotdigital.json_stream import Unreadable
from dotdigital.models import AddressBook, ImportReport, Suppression
from dotdigital.paging import pages
from tests.dotdigital.server import Reply, Request, Server, answer

ROWS = [{"id": number, "email": f"c{number}@example.com", "status": "Subscribed"} for number in range(1, 261)]


def listing(rows: list[dict[str, object]]) -> Callable[[Request], Reply]:
    """Serves a list with select and skip as the service does."""

    def serve(request: Request) -> Reply:
        query = {
            name: int(values[0])
            for name, values in parse_qs(urlsplit(request.target).query).items()
            if values[0].isdigit()
        }
        return answer(200, rows[query["skip"] : query["skip"] + query["select"]])

    return serve


def test_pages_overlap_and_end_with_a_short_one(server: Server, account: Account) -> None:
    server.otherwise = listing(ROWS)
    pages = list(account.address_book(7).contacts(page_size=100, overlap=10))
    assert [len(page) for page in pages] == [100, 100, 80]
    assert [page.items[0].id for page in pages] == [1, 91, 181]
    assert {contact.id for page in pages for contact in page} == set(range(1, 261))
    assert [urlsplit(request.target).query for request in server.requests] == [
        f"withFullData=true&select=100&skip={skip}" for skip in (0, 90, 180)
    ]


def test_an_overlap_of_more_than_half_a_page_is_cut(server: Server, account: Account) -> None:
    server.otherwise = listing(ROWS[:12])
    pages = list(account.address_book(7).contacts(page_size=10))
    assert [[contact.id for contact in page] for page in pages] == [list(range(1, 11)), list(range(6, 13))]


def test_rows_removed_while_reading_lose_none_of_the_others(server: Server, account: Account) -> None:
    rows = list(ROWS)
    server.otherwise = listing(rows)
    seen: set[int] = set()
    for page in account.address_book(7).contacts(page_size=100, overlap=10):
        seen |= {contact.id for contact in page}
        del rows[:9]
    assert seen == set(range(1, 261))


def test_more_rows_removed_than_overlap_lose_none_of_the_others(server: Server, account: Account) -> None:
    rows = list(ROWS)
    server.otherwise = listing(rows)
    seen: set[int] = set()
    for at, page in enumerate(account.address_book(7).contacts(page_size=50, overlap=5)):
        seen |= {contact.id for contact in page}
        if at < 3:
            del rows[: 49 if at else 50]
    assert seen == set(range(1, 261))


def test_a_list_that_empties_behind_us_is_read_to_its_end(server: Server, account: Account) -> None:
    rows = ROWS[:60]
    server.otherwise = listing(rows)
    pages = account.address_book(7).contacts(page_size=50, overlap=5)
    next(pages)
    del rows[:48]
    assert {contact.id for page in pages for contact in page} == set(range(49, 61))


def test_a_list_in_another_order_each_time_is_given_up(server: Server, account: Account) -> None:
    def shuffled(request: Request) -> Reply:
        base = 1000 * len(server.requests)
        return answer(200, [{"id": base + number} for number in range(1, 11)])

    server.otherwise = shuffled
    with pytest.raises(Transient, match="faster"):
        list(account.address_book(7).contacts(page_size=10, overlap=2))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whoever_is_there_all_the_time_is_seen(data: st.DataObject) -> None:
    """Between any two reads any rows may go and new ones come at the end."""
    rows = list(range(data.draw(st.integers(0, 60))))
    always = set(rows)
    fresh = iter(range(1000, 1060))
    size = data.draw(st.integers(2, 12))

    def read(skip: int, select: int) -> Page[int]:
        return Page(rows[skip : skip + select])

    seen: set[int] = set()
    for page in pages(read, size=size, overlap=data.draw(st.integers(1, 6))):
        seen |= set(page.items)
        gone = data.draw(st.sets(st.sampled_from(rows), max_size=20)) if rows else set()
        always -= gone
        rows[:] = [row for row in rows if row not in gone] + list(itertools.islice(fresh, data.draw(st.integers(0, 3))))
    assert always <= seen


def test_a_list_that_is_a_multiple_of_the_page_ends(server: Server, account: Account) -> None:
    server.otherwise = listing(ROWS[:200])
    pages = list(account.address_book(7).contacts(page_size=100, overlap=0))
    assert [len(page) for page in pages] == [100, 100]
    assert len(server.requests) == 3


def test_an_empty_list_has_no_page(server: Server, account: Account) -> None:
    server.say(answer(200, []), answer(204))
    assert list(account.address_books()) == []
    assert list(account.address_books()) == []
    assert account.requests == 2


def test_nothing_is_asked_before_the_first_page_is_wanted(server: Server, account: Account) -> None:
    account.address_book(7).contacts()
    assert server.requests == []


def test_a_service_that_ignores_skip_does_not_keep_us_for_ever(server: Server, account: Account) -> None:
    server.otherwise = lambda request: answer(200, ROWS[:10])
    pages = account.address_book(7).contacts(page_size=10, overlap=0)
    assert len(next(pages)) == 10
    with pytest.raises(Transient, match="same page"):
        next(pages)


def test_one_page_sent_twice_is_asked_for_again(server: Server, account: Account) -> None:
    server.say(answer(200, ROWS[:10]), answer(200, ROWS[:10]))
    server.otherwise = listing(ROWS[:12])
    seen = {contact.id for page in account.address_book(7).contacts(page_size=10, overlap=0) for contact in page}
    assert seen == set(range(1, 13))


@pytest.mark.parametrize(
    ("size", "overlap", "named"), [(0, 0, "page_size"), (1001, 0, "page_size"), (10, -1, "overlap")]
)
def test_impossible_paging_is_refused(account: Account, size: int, overlap: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        account.address_book(7).contacts(page_size=size, overlap=overlap)


def test_feeds_carry_their_date_in_utc(server: Server, account: Account) -> None:
    since = datetime(2024, 5, 1, 1, 30, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    list(account.address_book(7).contacts(modified_since=since, full_data=False))
    list(account.address_book(7).unsubscribed_since(since))
    list(account.suppressed_since(since))
    assert [urlsplit(request.target).path for request in server.requests] == [
        "/v2/address-books/7/contacts/modified-since/2024-04-30T23:30:00Z",
        "/v2/address-books/7/contacts/unsubscribed-since/2024-04-30T23:30:00Z",
        "/v2/contacts/suppressed-since/2024-04-30T23:30:00Z",
    ]
    assert "withFullData=false" in server.requests[0].target


def test_a_date_without_zone_and_an_id_below_one_are_refused(account: Account) -> None:
    with pytest.raises(ValueError, match="date has no time zone"):
        account.suppressed_since(datetime(2024, 1, 1))  # noqa: DTZ001 - the fault under test
    for wrong in (0, -3, True):
        with pytest.raises(ValueError, match="book_id"):
            account.address_book(wrong)


def test_contacts_keep_unknown_values_and_pass_over_unknown_keys(server: Server, account: Account) -> None:
    server.say(
        answer(
            200,
            [
                {
                    "id": 1,
                    "email": "Ann@Example.com",
                    "optInType": "NotAvailableInThisVersion",
                    "emailType": "Hologram",
                    "status": "Teleported",
                    "dataFields": [
                        {"key": "FIRSTNAME", "value": "Zoë 🎉"},
                        {"key": "POINTS", "value": 7},
                        {"key": "SCORE", "value": 7.25},
                        {"key": "VIP", "value": True},
                        {"key": "GENDER", "value": None},
                        {"key": "NOVALUE", "extra": 1},
                    ],
                    "created": {"deep": [1, 2]},
                },
                {"id": 2},
            ],
        )
    )
    (page,) = account.address_book(7).contacts()
    assert page.malformed == []
    first, second = page
    assert first == Contact(
        id=1,
        email="Ann@Example.com",
        opt_in_type="NotAvailableInThisVersion",
        email_type="Hologram",
        status="Teleported",
        data_fields=[
            FieldValue("FIRSTNAME", "Zoë 🎉"),
            FieldValue("POINTS", 7),
            FieldValue("SCORE", 7.25),
            FieldValue("VIP", value=True),
            FieldValue("GENDER"),
            FieldValue("NOVALUE"),
        ],
    )
    assert second == Contact(id=2)


def test_a_bad_row_costs_none_of_the_others(server: Server, account: Account) -> None:
    rows: list[object] = [ROWS[0], {"id": "two", "email": "x" * 5000}, "three", None, ROWS[3], {"email": "no id"}]
    server.say(answer(200, rows))
    (page,) = account.address_book(7).contacts()
    assert [contact.id for contact in page.items] == [1, 4]
    assert page.rows == len(rows)
    assert [json.loads(row.raw) for row in page.malformed[1:]] == ["three", None, {"email": "no id"}]
    assert len(page.malformed[0].raw) == RAW_LIMIT
    assert page.malformed[0].reason == "Expected `int`, got `str` - at `$.id`"


def test_a_number_may_be_written_as_a_text() -> None:
    """As another program on the way may do. What is no whole number is none."""
    book = {"id": 7, "name": "007", "visibility": "Public", "contacts": 3}
    taken = [{**book, "id": "7", "contacts": "3"}, {**book, "id": 7.0}]
    refused = [{**book, "id": each} for each in ("", "x", 7.5, True)]
    page = decode_page(json.dumps(taken + refused).encode(), AddressBook)
    assert page.items == [AddressBook(id=7, name="007", visibility="Public", contacts=3)] * 2
    assert len(page.malformed) == 4
    contact = {"id": "7", "email": "a@example.com", "dataFields": [{"key": "POSTCODE", "value": "01234"}]}
    (read,) = decode_page(json.dumps([contact]).encode(), Contact)
    assert (read.id, read.data_fields) == (7, [FieldValue("POSTCODE", "01234")])


def test_malformed_rows_count_when_the_end_is_looked_for(server: Server, account: Account) -> None:
    rows: list[dict[str, object]] = [{"id": "bad"} if number == 3 else {"id": number} for number in range(1, 15)]
    server.otherwise = listing(rows)
    seen = {contact.id for page in account.address_book(7).contacts(page_size=10, overlap=2) for contact in page}
    assert seen == set(range(1, 15)) - {3}


@pytest.mark.parametrize("kept_rows", [3, KEPT + 5])
def test_malformed_rows_join_pages(server: Server, account: Account, kept_rows: int) -> None:
    """The rule: a page joins the one before it by any row they share, readable or not.

    All that these pages share are unreadable rows, on the first page beyond those that are kept, too. Without the rule
    the second page looks as if rows had gone away, and the reading goes back.
    """
    size, overlap = 2 * kept_rows, kept_rows - 1
    bad = range(kept_rows + 1, size + 1)
    rows: list[dict[str, object]] = [
        {"id": f"bad{number}"} if number in bad else {"id": number} for number in range(1, 2 * size)
    ]
    server.otherwise = listing(rows)
    pages = list(account.address_book(7).contacts(page_size=size, overlap=overlap))
    assert [int(parse_qs(urlsplit(request.target).query)["skip"][0]) for request in server.requests] == [
        number * (size - overlap) for number in range(len(pages))
    ]
    assert {contact.id for page in pages for contact in page} == set(range(1, 2 * size)) - set(bad)


def test_that_both_were_too_long_does_not_join_pages() -> None:
    """A note on a page is no row of it: two pages that share nothing else have a gap between them."""
    first, second = (decode_page(json.dumps([{"id": at}, {"id": at + 1}]).encode(), Contact, 1) for at in (1, 5))
    skips: list[int] = []

    def read(skip: int, select: int) -> Page[Contact]:
        skips.append(skip)
        return [first, second, Page([])][len(skips) - 1]

    list(pages(read, size=2, overlap=1))
    assert skips == [0, 1, 0]


def test_rows_in_the_services_own_keys_are_told_apart_too() -> None:
    page = decode_page(b'[{"id":1,"x":"2020"},7,{"id":2}]', dict[str, object])
    assert page.items == [{"id": 1, "x": "2020"}, {"id": 2}]
    assert [row.raw for row in page.malformed] == ["7"]


def test_text_that_is_no_unicode_costs_only_its_row() -> None:
    body = b'[{"id":1,"email":"\\ud800"},{"id":2,"email":"\xff@example.com"},{"id":3,"email":"ok@example.com"}]'
    page = decode_page(body, Contact)
    assert [contact.id for contact in page] == [3]
    assert [row.reason for row in page.malformed] == ["text that is not valid Unicode"] * 2
    assert all(row.raw.encode() for row in page.malformed)


def test_a_byte_order_mark_and_nan_do_not_cost_the_page() -> None:
    page = decode_page(b'\xef\xbb\xbf[{"id":1,"dataFields":[{"key":"A","value":NaN}]},{"id":2}]', Contact)
    assert [contact.id for contact in page] == [1, 2]


def test_nulls_count_as_absent() -> None:
    page = decode_page(b'[{"id":1,"name":"A","visibility":null,"contacts":null}]', AddressBook)
    assert page.items == [AddressBook(1, "A")]
    assert decode_one(b'{"newContacts":3,"blocked":null}', ImportReport) == ImportReport(new_contacts=3)


def test_nulls_within_count_as_absent_too() -> None:
    """One of them costs neither the report nor the other entries, however deep the object is."""
    body = b'{"totalItems":null,"faults":[null,{"key":"a","reason":null}]}'
    assert decode_one(body, RecordReport) == RecordReport(faults=[RecordFault("a")])
    deep = b'{"suppressed":[{"id":null,"email":"a@example.com"}],"other":' + b"[" * 900 + b"null" + b"]" * 900 + b"}"
    assert decode_one(deep, Suppressed) == Suppressed([ContactId(email="a@example.com")])


@pytest.mark.parametrize("body", [b'{"id":1}', b'[{"id":1', b"<html>", b"null", b"[" * 100_000])
def test_what_is_no_list_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_page(body, Contact)


def test_an_object_of_another_shape_is_unreadable() -> None:
    for body in (b"[]", b'{"new": true}', b""):
        with pytest.raises(Unreadable):
            decode_one(body, AddressBook)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("null", None),
        ('"9999-12-31T23:59:59-05:00"', None),
        ('"9999-12-31T23:59:59.9999999"', None),
        ('"9999-01-01T00:00:00Z"', None),
        ('"0001-01-01T00:00:00"', None),
        ('"0001-01-01T00:00:00Z"', None),
        ('"2020-01-01T09:40:18Z"', datetime(2020, 1, 1, 9, 40, 18, tzinfo=UTC)),
        ('"2020-01-01T09:40:18.5"', datetime(2020, 1, 1, 9, 40, 18, 500000, UTC)),
        ('"2020-01-01T09:40:18.123456789Z"', datetime(2020, 1, 1, 9, 40, 18, 123457, UTC)),
        ('"2020-01-01T11:40:18.00+02:00"', datetime(2020, 1, 1, 9, 40, 18, tzinfo=UTC)),
        ('"2020-01-01 09:40:18.527000+00:00"', datetime(2020, 1, 1, 9, 40, 18, 527000, UTC)),
        ('"2020-01-01"', datetime(2020, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_each_form(written: str, read: datetime | None) -> None:
    body = f'[{{"suppressedContact":{{"id":1}},"dateRemoved":{written},"reason":"Unsubscribed"}}]'
    assert decode_page(body.encode(), Suppression).items == [Suppression(Contact(1), read, "Unsubscribed")]


def test_a_date_that_is_none_costs_its_row_and_is_not_quoted() -> None:
    page = decode_page(
        b'[{"suppressedContact":{"id":1},"dateRemoved":"a@example.com"},{"suppressedContact":{"id":2}}]', Suppression
    )
    assert [row.contact.id for row in page] == [2]
    assert page.malformed[0].reason == "a value that cannot be read"


def test_a_long_list_does_not_fill_the_memory(server: Server, account: Account) -> None:
    def serve(request: Request) -> Reply:
        skip = int(parse_qs(urlsplit(request.target).query)["skip"][0])
        return answer(
            200, [{"id": number, "email": f"c{number}@example.com"} for number in range(skip, min(skip + 1000, 40_000))]
        )

    server.otherwise = serve

    def peak_of(pages_to_read: int) -> int:
        tracemalloc.start()
        for at, page in enumerate(account.address_book(7).contacts(full_data=False)):
            assert len(page) > 0
            if at == pages_to_read:
                break
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few = peak_of(4)
    assert peak_of(40) < few * 1.3


def test_threads_may_share_an_account(server: Server, account: Account) -> None:
    server.otherwise = listing(ROWS)

    def read(_: int) -> int:
        return len(
            {contact.id for page in account.address_book(7).contacts(page_size=50, overlap=5) for contact in page}
        )

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(12))) == [260] * 12
    assert account.requests == len(server.requests)
    assert server.connections <= 4


def test_data_fields_come_as_one_page(server: Server, account: Account) -> None:
    fields = [
        {"name": "FIRSTNAME", "type": "String", "visibility": "Public", "defaultValue": None},
        {"name": "VIP", "type": "Boolean", "visibility": "Private", "defaultValue": True},
        {"name": "BIRTHDAY", "type": "Date", "visibility": "Private", "defaultValue": "2015-01-31T00:00:00"},
        {"name": "POINTS", "type": "Numeric", "visibility": "Private", "defaultValue": 7},
    ]
    server.say(answer(200, fields))
    page = account.data_fields()
    assert [(field.name, field.type, field.default_value) for field in page] == [
        ("FIRSTNAME", "String", None),
        ("VIP", "Boolean", True),
        ("BIRTHDAY", "Date", "2015-01-31T00:00:00"),
        ("POINTS", "Numeric", 7),
    ]
    assert server.requests[0].target == "/v2/data-fields"


def test_an_answer_without_end_is_given_up(server: Server, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dotdigital.wire.MAX_BODY", 1000)
    server.otherwise = lambda request: answer(200, ROWS)
    with pytest.raises(Rejected, match="smaller pages") as caught:
        list(account.address_book(7).contacts())
    assert caught.value.code == "ANSWER_TOO_LARGE"
    assert account.requests == 1


def test_pages_join_by_a_row_that_cannot_be_read_too() -> None:
    """Rule: rows that two pages share say that none is missing between them, whether they could be decoded or not."""
    broken = [{"id": f"row {number}"} for number in range(30)]
    asked: list[int] = []

    def read(skip: int, select: int) -> Page[Contact]:
        asked.append(skip)
        return decode_page(json.dumps(broken[skip : skip + select]).encode(), Contact)

    found = list(pages(read, size=10, overlap=2))

    assert sum(len(page) for page in found) == 0
    # Each page is asked for once: nothing had to be gone back for.
    assert asked == [0, 8, 16, 24]
