"""What a program of anybody's expects of a client: upserts tried again, single rows, the field at fault, an end.

The kind: a call that its caller has to know too much about. Each has its second place beside it: the upsert into a
book, pages of any list, the refusals of v3, a stream.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable

import pytest

from dotdigital import (
    Account,
    AsyncAccount,
    Consent,
    ContactDraft,
    ContactV3Draft,
    NotFound,
    Rejected,
    Transient,
    UnknownOutcome,
    flat,
)
from tests.dotdigital.server import RESET, Reply, Server, answer

ANN = ContactDraft("ann@example.com")
CONFIRMED = ContactDraft("ann@example.com", opt_in_type="VerifiedDouble")
SAVED = {"id": 5, "email": "ann@example.com"}


@pytest.mark.parametrize("fault", [answer(503), RESET, answer(200, b"")], ids=["busy", "reset", "empty"])
@pytest.mark.parametrize(
    "save",
    [lambda account: account.contacts.save(ANN), lambda account: account.address_book(7).add_contact(ANN)],
    ids=["account", "book"],
)
def test_an_upsert_is_tried_again(
    server: Server, account: Account, fault: object, save: Callable[[Account], object]
) -> None:
    server.say(fault, fault, answer(200, SAVED))
    save(account)
    assert account.requests == 3


def test_single_rows_come_once_where_their_key_is_named(server: Server, account: Account) -> None:
    rows = [{"id": number, "name": str(number)} for number in range(1, 1001)]
    server.say(answer(200, rows), answer(200, rows[900:]))
    assert [book.id for book in flat(account.address_books(), key=lambda book: book.id)] == list(range(1, 1001))
    server.say(answer(200, rows), answer(200, [*rows[900:], {"id": "no number"}]))
    assert len(list(flat(account.address_books()))) == 1100


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message": "Error: Email is not a valid email address. ERROR_PARAMETER_INVALID"}, "Email"),
        ({"message": "Error: 'ann@example.com' is not a valid value. ERROR_PARAMETER_INVALID"}, None),
        ({"errorCode": "contacts:invalidId", "details": [{"item": "identifiers.email"}]}, "identifiers.email"),
        ({"errorCode": "contacts:invalidId", "details": [{"item": "ann@example.com"}, 7, {}]}, None),
        ({"errorCode": "contacts:invalidId", "details": "none"}, None),
    ],
)
def test_a_refusal_names_the_field_and_never_a_value(
    server: Server, account: Account, body: object, field: str | None
) -> None:
    server.say(answer(400, body))
    with pytest.raises(Rejected) as refused:
        account.contacts_v3.create(ContactV3Draft({"email": "ann@example.com"}))
    assert refused.value.field == field
    assert "ann@" not in f"{refused.value.text} {refused.value.detail} {refused.value.field}"
    server.say(answer(404, body))
    with pytest.raises(NotFound) as missing:
        account.contacts.get(5)
    assert missing.value.field == field


def test_after_the_end_nothing_is_asked(server: Server, account: Account) -> None:
    pages = account.address_books()
    faults = account.import_faults("0f8fad5b-d9cb-469f-a165-70867728950e")
    account.close()
    for late in (account.info, lambda: next(pages), lambda: next(faults)):
        with pytest.raises(RuntimeError, match="was closed"):
            late()
    assert account.requests == 0


def test_an_import_is_waited_for_and_not_for_ever(server: Server, account: Account) -> None:
    unfinished, finished = {"id": "x", "status": "NotFinished"}, {"id": "x", "status": "Finished"}
    server.say(answer(200, unfinished), answer(200, finished))
    assert account.wait_for_import("x", seconds=5, pause=0.01).status == "Finished"
    server.say(*[answer(200, unfinished)] * 50)
    with pytest.raises(Transient, match="not finished the import yet"):
        account.wait_for_import("x", seconds=0.05, pause=0.02)


def test_in_an_event_loop_the_same_calls_hold_nothing_up(server: Server) -> None:
    """Errors are the same, a listing that is left early gives its connection back, and others go on meanwhile."""
    rows = [{"id": number, "name": str(number)} for number in range(1, 1001)]
    server.say(answer(200, SAVED, more=[b""], pause=0.2), answer(200, rows), answer(404))

    async def work() -> list[object]:
        async with AsyncAccount("user", "password", server.url, allowed_origins=[server.url]) as account:
            saving = asyncio.create_task(account.ask(lambda it: it.contacts.save(ANN)))
            while not server.requests:
                await asyncio.sleep(0.005)
            found: list[object] = [(await saving).id]
            async for page in account.each(lambda it: it.address_books()):
                found.append(len(page))
                break
            with pytest.raises(NotFound):
                await account.ask(lambda it: it.contacts.get(5))
            with pytest.raises(TypeError, match="ask it with each"):
                await account.ask(lambda it: it.address_books())
        with pytest.raises(RuntimeError, match="was closed"):
            await account.ask(lambda it: it.info())
        return found

    assert asyncio.run(work()) == [5, 1000]


def test_an_account_for_an_event_loop_takes_what_the_other_takes() -> None:
    """In the eyes of type checkers, too: were nothing known of it, the marks of what is wrong here would be refused."""
    with pytest.raises(TypeError, match="password"):
        AsyncAccount("user")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="patience"):
        AsyncAccount("user", "password", patience=1)  # type: ignore[call-arg]


def test_the_log_has_a_line_a_request_without_an_address(
    server: Server, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dotdigital")
    server.say(answer(503), answer(200, SAVED))
    account.contacts.get("ann@example.com")
    lines = [record.getMessage() for record in caplog.records if record.name == "dotdigital"]
    assert [line.rsplit(" in ", 1)[0] for line in lines] == [
        "GET /v2/contacts/{who}: 503",
        "GET /v2/contacts/{who}, status 503 is tried again",
        "GET /v2/contacts/{who}: 200",
    ]
    assert "ann@" not in json.dumps(lines)


def test_a_task_that_is_cancelled_stops_waiting_for_a_page(server: Server) -> None:
    """A time limit is told as one, although the request goes on; its connection is given back once it ends."""
    rows = [{"id": number, "name": str(number)} for number in range(1, 1001)]
    server.say(answer(200, rows), Reply(more=[b"", answer(200, rows).raw], pause=0.4), answer(404))

    async def work() -> None:
        async with AsyncAccount("user", "password", server.url, allowed_origins=[server.url]) as account:
            pages = account.each(lambda it: it.address_books())
            assert len(await anext(pages)) == 1000
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(pages), 0.2)
            with pytest.raises(NotFound):
                await account.ask(lambda it: it.contacts.get(5))

    asyncio.run(work())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_has_connections_of_its_own(server: Server, account: Account) -> None:
    """Two that write to one connection would be given each other's answers."""
    server.otherwise = lambda request: answer(200, {"id": 1, "properties": []})
    account.info()
    child = os.fork()
    if child == 0:
        account.info()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    account.info()
    assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda account: account.contacts.save(CONFIRMED),
        lambda account: account.contacts.update(5, CONFIRMED),
        lambda account: account.address_book(3).add_contact(CONFIRMED),
        lambda account: account.contacts.update_with_consent(5, ANN, [Consent("Yes")]),
        lambda account: account.contacts_v3.merge(
            "ann@example.com",
            ContactV3Draft({"email": "ann@example.com"}, channel_properties={"email": {"optInType": "verifiedDouble"}}),
        ),
    ],
)
def test_what_does_more_the_second_time_is_sent_once(
    server: Server, account: Account, change: Callable[[Account], object]
) -> None:
    """A mail that has to be confirmed, a consent record."""
    server.say(RESET)
    with pytest.raises(UnknownOutcome):
        change(account)
    assert len(server.requests) == 1
