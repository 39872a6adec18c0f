"""The account stays whole under parallel calls, and any order of joining and leaving keeps its levels right."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dotdigital_sandbox import Sandbox
from tests.dotdigital_sandbox.conftest import Api

ACTIONS = st.lists(
    st.sampled_from(["post", "post-book", "import", "leave", "leave-book", "return", "return-book", "remove"]),
    max_size=12,
)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


def test_parallel_upserts_of_one_address_make_one_contact(api: Api) -> None:
    def post(number: int) -> int:
        body = {"email": "Ann@Example.com", "dataFields": [{"key": "FIRSTNAME", "value": str(number)}]}
        return int(api.http.post("/v2/contacts", json=body).json()["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(60)))) == 1
    assert api.get("/v2/contacts/count") == 1


def test_readers_and_writers_are_served_during_a_long_import(api: Api) -> None:
    rows = "".join(f"person{number}@example.com,First {number}\n" for number in range(40_000))
    guid = api.upload("email,FIRSTNAME\n" + rows)
    slowest = 0.0
    while api.get(f"/v2/contacts/import/{guid}")["status"] == "NotFinished":
        started = time.monotonic()
        api.contact(f"other{started}@example.com")
        api.get("/v2/address-books")
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 2
    assert api.get(f"/v2/contacts/import/{guid}/report")["newContacts"] == 40_000


def test_paging_with_overlap_loses_nobody_while_rows_come_and_go(api: Api) -> None:
    book = api.book()
    stay = [f"stay{number}@example.com" for number in range(1500)]
    go = [f"go{number}@example.com" for number in range(300)]
    mixed = [address for pair in zip(stay, go * 5, strict=True) for address in dict.fromkeys(pair)]
    api.run_import("email\n" + "\n".join(dict.fromkeys(mixed)), f"/v2/address-books/{book}/contacts/import")
    leaving = {
        contact["email"]: contact["id"] for contact in api.get("/v2/contacts") if contact["email"].startswith("go")
    }
    stop = threading.Event()

    def disturb() -> None:
        with httpx2.Client(base_url=api.sandbox.url, auth=(api.sandbox.user, api.sandbox.password)) as http:
            for number, contact in enumerate(list(leaving.values())[:50]):
                if stop.is_set():
                    return
                http.delete(f"/v2/address-books/{book}/contacts/{contact}")
                http.post(f"/v2/address-books/{book}/contacts", json={"email": f"come{number}@example.com"})

    disturber = threading.Thread(target=disturb)
    disturber.start()
    seen: set[str] = set()
    skip, select, overlap = 0, 200, 100
    while page := api.get(f"/v2/address-books/{book}/contacts", select=select, skip=skip):
        seen |= {contact["email"] for contact in page}
        skip += select - overlap
    stop.set()
    disturber.join()
    assert set(stay) <= seen


@pytest.fixture(scope="module")
def shared() -> Iterator[Api]:
    """One account for many examples."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(folder) as sandbox:
        yield Api(sandbox)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_no_order_of_events_mixes_the_levels(shared: Api, actions: list[str]) -> None:
    test_no_order_of_events_mixes_the_levels.number += 1  # type: ignore[attr-defined]
    email = f"person{test_no_order_of_events_mixes_the_levels.number}@example.com"  # type: ignore[attr-defined]
    book = shared.book(email)
    account_out = book_out = member = known = False
    path = f"/v2/address-books/{book}/contacts"
    again = {"unsubscribedContact": {"email": email}}
    for action in actions:
        if action == "post":
            assert shared.http.post("/v2/contacts", json={"email": email}).is_success is not account_out
            known = known or not account_out
        elif action == "post-book":
            done = shared.http.post(path, json={"email": email}).is_success
            assert done is not (account_out or book_out)
            member, known = member or done, known or done
        elif action == "import":
            report, _ = shared.run_import(f"email\n{email}\n", f"{path}/import")
            assert ("unsubscribed" in report) is (account_out or book_out)
            member, known = member or "unsubscribed" not in report, True
        elif action in ("leave", "leave-book"):
            where = "/v2/contacts" if action == "leave" else path
            assert shared.http.post(f"{where}/unsubscribe", json={"email": email}).is_success is known
            account_out = account_out or (known and action == "leave")
            book_out = book_out or (known and action == "leave-book")
        elif action in ("return", "return-book"):
            where = "/v2/contacts" if action == "return" else path
            shared.ask("POST", f"{where}/resubscribe-with-no-challenge", again, status=200)
            account_out, known = False, True
            if action == "return-book":
                book_out, member = False, True
        elif known:
            ident = shared.get(f"/v2/contacts/{email}")["id"]
            assert shared.http.delete(f"{path}/{ident}").is_success is (member and not book_out)
            member = member and book_out
        if known:
            status = shared.get(f"/v2/contacts/{email}")["status"]
            assert status == ("Unsubscribed" if account_out else "Subscribed")
        left = shared.get(f"{path}/unsubscribed-since/2000-01-01")
        assert len(left) == int(book_out)
        assert len(shared.get(path)) == int(member and not account_out and not book_out)


test_no_order_of_events_mixes_the_levels.number = 0  # type: ignore[attr-defined]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=TEXT, last=TEXT, score=st.integers(-(10**15), 10**15), vip=st.booleans())
def test_any_value_that_is_taken_comes_back(shared: Api, first: str, last: str, score: int, vip: object) -> None:
    for name, kind in (("SCORE", "Numeric"), ("VIP", "Boolean")):
        shared.http.post("/v2/data-fields", json={"name": name, "type": kind})
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in (first, last))
    email = "values@example.com"
    report, faults = shared.run_import(f"email,firstname,lastname,score,vip\r\n{email},{quoted},{score},{vip}\r\n")
    assert sum(report.values()) == 1, faults
    held = {each["key"]: each["value"] for each in shared.get(f"/v2/contacts/{email}")["dataFields"]}
    assert (held["FIRSTNAME"], held["LASTNAME"], held["SCORE"], held["VIP"]) == (first, last, score, vip)
