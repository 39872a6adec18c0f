"""Every operation of contract §4.1 that the client calls: what it sends, and what it makes of the answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from dotdigital import (
    Account,
    CampaignDraft,
    Consent,
    ContactDraft,
    ContactV3Draft,
    EmailDraft,
    EventDraft,
    NotFound,
    RecordDraft,
    Rejected,
    SplitTest,
    SubscriptionDraft,
    Transient,
    UnknownOutcome,
    operations,
)
from dotdigital.operations import Events, Operation
from dotdigital_sandbox.front_door import API_ROUTES
from dotdigital_sandbox.routing import RouteTable
from tests.dotdigital.cases import CONSENT, DAY, MAIL, SINCE, SUPPRESSION, V3_ANN
from tests.dotdigital.cases_campaigns import CAMPAIGN_CASES
from tests.dotdigital.cases_contacts import CONTACT_CASES
from tests.dotdigital.cases_events import EVENT_CASES
from tests.dotdigital.cases_others import OTHER_CASES
from tests.dotdigital.server import RESET, Reply, Request, Server, answer

CASES = {**CONTACT_CASES, **CAMPAIGN_CASES, **OTHER_CASES, **EVENT_CASES}


@pytest.mark.parametrize("name", CASES)
def test_each_operation(server: Server, account: Account, name: str) -> None:
    case = CASES[name]
    server.say(answer(case.status, case.answered))
    assert case.call(account) == case.result
    (request,) = server.requests
    assert f"{request.method} {request.target.replace('%3A', ':')}" == case.asked
    assert (json.loads(request.body) if request.body else None) == case.body


SERVICE = RouteTable(API_ROUTES)


def words_that_lead_elsewhere(operation: Operation, name: str, given: dict[str, Any]) -> set[str]:
    """Words of the service's own paths with which, in the place of this part, another operation would answer."""
    shown = {key: str(value) for key, value in given.items()}
    own = SERVICE.match(operation.method, operation.path.format_map(shown))[0]
    words = {word for route in API_ROUTES for word in route.path.split("/") if word and "{" not in word}
    asked = {word: operation.path.format_map({**shown, name: word}) for word in words}
    return {word for word, path in asked.items() if SERVICE.match(operation.method, path)[0] is not own}


def operations_with_texts() -> list[tuple[Operation, str]]:
    """Operations with a part of their path that the caller gives as a text."""
    listed = [each for each in vars(operations).values() if isinstance(each, (Operation, Events))]
    single = [one for each in listed for one in (each if isinstance(each, Events) else [each]) if one is not None]
    parts = [(each, part[1:-1]) for each in single for part in each.path.split("/") if part.startswith("{")]
    return [(each, part) for each, part in parts if part not in {"id", "contact", "date", "merge"}]


GIVEN: dict[str, Any] = {"who": "ann@example.com", "wanted": "ann@example.com", "identifier": "email", "id": 7}
GIVEN |= {"contact": 5, "guid": "af4ac4bc-e1e7", "status": "Finished", "name": "Size"}
GIVEN |= {"collection": "Orders", "key": "k"}


def test_a_part_of_a_path_never_leads_to_another_operation() -> None:
    """Seen first: ``contacts.get("count")`` was answered with how many there are, and that taken for a proxy's page."""
    met: set[str] = set()
    for operation, name in operations_with_texts():
        given = {key: value for key, value in GIVEN.items() if f"{{{key}}}" in operation.path}
        words = words_that_lead_elsewhere(operation, name, given)
        met |= words
        wrong = ["", " ", ".", "..", "../x", "a/..", "..\\x", "a\n", "\ud800", *words, *map(str.upper, words)]
        wrong += [] if name in {"who", "wanted", "key"} else ["a/b", "a\\b"]
        assert "{" not in operations.fill(operation, **given)
        for value in wrong:
            with pytest.raises(ValueError, match=f"{name}|background task"):
                operations.fill(operation, **(given | {name: value}))
    assert met >= {"count", "import", "delete"}


@pytest.mark.parametrize("who", ["count", "retrieve-collection", "12345", "ann"])
def test_who_is_an_id_or_an_address(server: Server, account: Account, who: str) -> None:
    with pytest.raises(ValueError, match="neither an id, given as a number, nor an e-mail address"):
        account.contacts.get(who)
    assert server.requests == []


def test_enrolments_are_listed_by_a_status_and_read_by_their_id(server: Server, account: Account) -> None:
    with pytest.raises(ValueError, match="Processing nor Finished"):
        account.programs.enrolments("af4ac4bc-e1e7-4817-8a66-73fb59e91ce6")
    with pytest.raises(ValueError, match="a word of the service"):
        account.programs.enrolment("Processing")
    assert server.requests == []


def test_addresses_and_keys_may_have_a_slash(server: Server, account: Account) -> None:
    server.say(answer(200, {"id": 5}), answer(200, {"key": "2024/17"}))
    account.contacts.get("ann/bee@example.com")
    account.collection("Orders").get("2024/17")
    assert [request.target for request in server.requests] == [
        "/v2/contacts/ann%2Fbee@example.com",
        "/v2/contacts/transactional-data/Orders/2024%2F17",
    ]


ELSEWHERE = {
    "ACCOUNT_INFO",
    "SERVER_TIME",
    "BOOK_CONTACTS",
    "BOOK_MODIFIED_SINCE",
    "BOOK_UNSUBSCRIBED_SINCE",
    "BOOK_REMOVE_CONTACTS",
    "BOOK_IMPORT",
    "SUPPRESSED_SINCE",
    "DELETION",
    "IMPORT",
    "IMPORT_REPORT",
    "IMPORT_FAULTS",
    "DATA_FIELDS",
    "V3_CONTACTS",
    "EVENT_SUBSCRIPTIONS",
}


def test_every_operation_has_a_case() -> None:
    asked = [unquote(case.asked).split("?")[0].split(" ", 1) for case in CASES.values()]
    for name, entry in vars(operations).items():
        if name in ELSEWHERE:
            continue
        for operation in entry if isinstance(entry, Events) else [entry]:
            if isinstance(operation, Operation):
                parts = operation.path.split("/")
                assert any(
                    method == operation.method
                    and len(path.split("/")) == len(parts)
                    and all(
                        part.startswith("{") or part == given
                        for part, given in zip(parts, path.split("/"), strict=True)
                    )
                    for method, path in asked
                ), name


def v3_page(ids: list[int], following: str | None) -> dict[str, Any]:
    links = {"self": {"marker": "x"}, "next": {"marker": following, "link": "..."} if following else None}
    return {"_links": links, "_items": [{"contactId": each} for each in ids]}


def test_v3_pages_follow_markers(server: Server, account: Account) -> None:
    server.say(answer(200, v3_page([1, 2], "bQ==")), answer(200, v3_page([3], None)))
    pages = list(account.contacts_v3.pages(modified_since=SINCE, list_id=7, limit=2))
    assert [[contact.contact_id for contact in page] for page in pages] == [[1, 2], [3]]
    first, second = (unquote(request.target) for request in server.requests)
    assert first == (
        f"/contacts/v3?limit=2&data-fields=[[ALL]]&include=lists|channelProperties&~modified=gte::{DAY}&~listId=7"
    )
    assert second == f"{first}&marker=bQ=="


def test_v3_pages_end_without_a_next_one_and_with_a_repeated_marker(server: Server, account: Account) -> None:
    server.say(answer(200, v3_page([], "again")), answer(200, v3_page([], "again")))
    assert list(account.contacts_v3.pages(created_since=SINCE, segment_id=3, include=())) == []
    server.say(answer(200, v3_page([1], "again")), answer(200, v3_page([2], "again")))
    pages = list(account.contacts_v3.pages())
    assert [page.marker for page in pages] == ["again", None]
    server.otherwise = lambda request: answer(200, [1])
    with pytest.raises(Transient):
        list(account.contacts_v3.pages())


def test_v3_pages_that_go_in_a_circle_are_an_error_and_no_end(server: Server, account: Account) -> None:
    server.say(*(answer(200, v3_page([1, 2], marker)) for marker in ("a", "b", "a")))
    read: list[int] = []
    with pytest.raises(Transient, match="in a circle"):
        read.extend(len(page) for page in account.contacts_v3.pages(limit=2))
    assert read == [2, 2, 2]
    server.say(*(answer(200, v3_page([1, 2], marker)) for marker in ("a", "a")))
    with pytest.raises(Transient, match="in a circle"):
        list(account.contacts_v3.pages(limit=2))


def test_a_marker_that_was_kept_reads_on(server: Server, account: Account) -> None:
    server.say(answer(200, v3_page([3], None)))
    (page,) = account.contacts_v3.pages(marker="kept", data_fields=["A", "B"], include=())
    assert unquote(server.requests[0].target) == "/contacts/v3?limit=1000&data-fields=A|B&marker=kept"
    assert page.marker is None
    server.say(answer(400, {"errorCode": "contacts:invalidFilter", "description": "The marker"}))
    with pytest.raises(Rejected):
        list(account.contacts_v3.pages(marker="expired", data_fields=()))
    assert "data-fields" not in server.requests[1].target


@pytest.mark.parametrize("bad", [b'"\\ud800"', b'"\xff"', b"NaN", b"[]", b"1e999"])
def test_a_bad_row_of_v3_costs_none_of_the_others(server: Server, account: Account, bad: bytes) -> None:
    row = b'{"contactId": 2, "identifiers": {"email": %s}}' % bad
    body = b'{"_links": {"next": {"marker": "m"}}, "_items": [{"contactId": 1}, %s, {"contactId": 3}]}' % row
    server.say(answer(200, body), answer(200, v3_page([], None)))
    (page,) = account.contacts_v3.pages()
    good = [contact.contact_id for contact in page]
    assert (good[0], good[-1], page.rows, page.marker) == (1, 3, 3, "m")
    assert len(good) + len(page.malformed) == 3


def test_a_v3_slot_that_is_taken_is_no_quota(server: Server, account: Account) -> None:
    server.say(answer(429, {"errorCode": "contacts:tooManyActiveImports", "description": "Wait."}))
    with pytest.raises(Rejected) as caught:
        account.contacts_v3.start_import([V3_ANN])
    assert caught.value.later
    server.say(answer(404, {"errorCode": "contacts:contactNotFound", "description": "x"}))
    with pytest.raises(NotFound):
        account.contacts_v3.get("ann@example.com")
    server.say(answer(409, {"errorCode": "contacts:idAlreadyExists", "description": "x"}))
    with pytest.raises(Rejected) as caught:
        account.contacts_v3.create(V3_ANN)
    assert not caught.value.later


def test_a_deletion_whose_answer_was_lost_is_done(server: Server, account: Account) -> None:
    gone = answer(404, {"message": "Error: ERROR_CONTACT_NOT_FOUND"})
    server.say(RESET, gone)
    account.contacts.delete(5)
    assert account.requests == 2
    server.say(gone)
    with pytest.raises(NotFound):
        account.contacts.delete(5)
    server.say(RESET, answer(404, {"message": "Error: ERROR_DATAFIELD_NOTFOUND"}))
    assert account.delete_data_field("BORN").result


def test_an_unsubscription_is_repeated_and_a_resubscription_is_not(server: Server, account: Account) -> None:
    server.say(RESET, answer(200, SUPPRESSION))
    assert account.contacts.unsubscribe("ann@example.com").reason == "Unsubscribed"
    assert len(server.requests) == 2
    server.say(RESET)
    with pytest.raises(Exception, match="Look before"):
        account.contacts.resubscribe(ContactDraft("ann@example.com"))
    assert len(server.requests) == 3


IMPOSSIBLE: list[tuple[Callable[[Account], Any], str]] = [
    (lambda a: a.campaigns.send(4), "everyone=True"),
    (lambda a: a.campaigns.send(4, address_book_ids=[1], everyone=True), "everyone=True"),
    (lambda a: a.campaigns.send(4, contact_ids=list(range(1, 12))), "11 ids"),
    (lambda a: a.campaigns.send(4, contact_ids=[0]), "start at 1"),
    (lambda a: a.campaigns.send(4, everyone=True, split_test=SplitTest("Opens", 0, 1)), "percent"),
    (lambda a: a.campaigns.create(CampaignDraft("n", " ", "f", "h", "p")), "subject is empty"),
    (lambda a: a.campaigns.metrics(datetime(2024, 1, 1), SINCE), "time zone"),  # noqa: DTZ001 - the fault under test
    (lambda a: a.campaign(4).page_views(), "since or contact_id"),
    (lambda a: a.campaign(4).replies(0), "start at 1"),
    (lambda a: a.campaign(4).clicks(since=SINCE, contact_id=5), "not both"),
    (lambda a: a.campaign(0), "campaign_id"),
    (lambda a: a.contacts.pages(modified_since=SINCE, created_since=SINCE), "not both"),
    (lambda a: a.contacts.save(ContactDraft(" ")), "email is empty"),
    (lambda a: a.contacts.get(0), "who"),
    (lambda a: a.contacts.get(".."), "who"),
    (lambda a: a.contacts.get("a\nb"), "who"),
    (lambda a: a.contacts.get("12"), "who"),
    (lambda a: a.contacts.suppress(["12"]), "who"),
    (lambda a: a.preferences.of_contact("12"), "who"),
    (lambda a: a.preferences.set_for_contact(" 12", [(2, True)]), "who"),
    (lambda a: a.collection("Orders").of_contact("12"), "who"),
    (lambda a: a.collection("Orders").delete_of_contact("12"), "who"),
    (lambda a: a.collection("Orders").save(RecordDraft("k", "12", {})), "contact is an address of digits"),
    (lambda a: a.collection("Orders").start_import([RecordDraft("k", 0, {})]), "contact is 0"),
    (lambda a: a.contacts.suppress([-1]), "who"),
    (lambda a: a.contacts.import_drafts([], address_book_ids=[0]), "address_book_ids"),
    (lambda a: a.emails.send(), "at least one"),
    (lambda a: a.emails.send(EmailDraft([], "s", "f", "h", "p")), "to is empty"),
    (lambda a: a.emails.send(EmailDraft("ann@example.com", "s", "f", "h", "p")), "to is empty"),
    (lambda a: a.emails.send(EmailDraft(["a@b.co"], " ", "f", "h", "p")), "subject is empty"),
    (lambda a: a.emails.send(EmailDraft(["a@b.co"], "s", "f", "h", "p", bcc=["a@b.co"] * 101)), "bcc has 101"),
    (lambda a: a.emails.send_triggered(), "at least one"),
    (lambda a: a.programs.enrol(5), "contact_ids"),
    (lambda a: a.contacts_v3.pages(limit=0), "limit"),
    (lambda a: a.contacts_v3.pages(modified_since=SINCE, created_since=SINCE), "not both"),
    (lambda a: a.contacts_v3.pages(list_id=1, segment_id=1), "not both"),
    (lambda a: a.contacts_v3.create(ContactV3Draft({})), "identifiers"),
    (lambda a: a.contacts_v3.delete_many([]), "0 entries"),
    (lambda a: a.contacts_v3.delete_many([{"email": "a@example.com", "contactId": 5}]), "exactly one"),
    (lambda a: a.contacts_v3.delete_many([0]), "start at 1"),
    (lambda a: a.contacts_v3.pages(include=("everything",)), "include names everything"),
    (lambda a: a.contacts_v3.pages(list_id=0), "start at 1"),
    (lambda a: a.contacts_v3.start_import([]), "nothing to import"),
    (lambda a: a.contacts_v3.create(ContactV3Draft({"email": "a"}, lists=range(1, 102))), "101 ids"),
    (lambda a: a.contacts_v3.create(ContactV3Draft({"email": "a"}, lists=[0])), "start at 1"),
    (lambda a: a.contacts_v3.create(ContactV3Draft({"email": "a"}, consents=[Consent()] * 6)), "6 records"),
    (lambda a: a.contacts_v3.create(ContactV3Draft({"email": "a"}, consents=[Consent("Yes")])), "lacks"),
    (lambda a: a.contacts_v3.replace("a", ContactV3Draft({"email": "a"}, consents=[CONSENT])), "replace"),
    (lambda a: a.events.subscriptions(limit=5001), "limit"),
    (lambda a: a.events.read(5, limit=0), "limit"),
    (lambda a: a.events.read(0), "start at 1"),
    (lambda a: a.events.subscribe(SubscriptionDraft("", ["email.read"])), "name has 0"),
    (lambda a: a.events.subscribe(SubscriptionDraft("x", [])), "types"),
    (lambda a: a.events.subscribe(SubscriptionDraft("x", "email.read")), "types"),
    (lambda a: a.events.import_events([]), "0 entries"),
    (lambda a: a.events.import_events([EventDraft("a@example.com", "x" * 81)]), "81 characters"),
    (lambda a: a.events.import_events([EventDraft("a@example.com", "x", summary="")]), "summary"),
    (lambda a: a.events.import_events([EventDraft("a@example.com", "x", data={"a": Decimal("NaN")})]), "NaN"),
    (lambda a: a.collection("Orders").add(RecordDraft("1", 5, [Decimal("Infinity")])), "NaN"),
    (lambda a: a.collection("Orders").add(RecordDraft("1", 5, {"total": [float("nan")]})), "NaN"),
    (lambda a: a.collection("Orders").add(RecordDraft("1", 5, {"name": "Ann\ud83d"})), "no Unicode"),
    (lambda a: a.events.import_events([EventDraft("a@example.com", "x", data={"a": float("inf")})]), "NaN"),
    (lambda a: a.contacts.save(ContactDraft("a", data_fields={"SCORE": float("nan")})), "SCORE is nan"),
    (lambda a: a.contacts.import_drafts([ContactDraft("a", data_fields={"SCORE": Decimal("NaN")})]), "SCORE is NaN"),
    (lambda a: a.contacts_v3.merge("a", ContactV3Draft({"email": "a"}, {"SCORE": float("-inf")})), "SCORE is -inf"),
    (lambda a: a.contacts_v3.start_import([ContactV3Draft({"email": "a"}, {"SCORE": float("nan")})]), "SCORE is nan"),
    (lambda a: a.create_data_field("SCORE", "Numeric", default=float("inf")), "default is inf"),
]


@pytest.mark.parametrize(("call", "named"), IMPOSSIBLE)
def test_impossible_calls_are_not_sent(
    server: Server, account: Account, call: Callable[[Account], Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        call(account)
    assert server.requests == []


@pytest.mark.parametrize("body", [{"index": 0}, [{"index": 0}, "sent"], [{"index": 0}] * 3, b"<html>"])
def test_what_became_of_several_emails_is_known_or_said_to_be_unknown(
    server: Server, account: Account, body: object
) -> None:
    server.say(answer(200, body))
    with pytest.raises(UnknownOutcome):
        account.emails.send(MAIL, MAIL)
    assert len(server.requests) == 1


def test_what_no_data_field_holds_is_refused_by_its_name(server: Server, account: Account) -> None:
    draft = ContactDraft("a@example.com", data_fields={"NAME": b"Ann"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="NAME is of the type bytes"):
        account.contacts.save(draft)
    assert server.requests == []


def test_a_decimal_arrives_as_the_number_that_it_is(server: Server, account: Account) -> None:
    price = Decimal("123456789012345678.123456789")
    server.say(answer(200, {"id": 5}), answer(200, {"contactId": 5}), answer(202, {"importId": "g"}))
    account.contacts.save(ContactDraft("a@example.com", data_fields={"PRICE": price}))
    draft = ContactV3Draft({"email": "a@example.com"}, {"PRICE": price})
    account.contacts_v3.merge("a@example.com", draft)
    account.contacts_v3.start_import([draft])
    assert all(b":123456789012345678.123456789}" in request.body for request in server.requests)


def test_drafts_carry_what_is_given() -> None:
    draft = CampaignDraft(
        "n", "s", "f", "h", "p", from_address=3, reply_action="Webmail", reply_to_address="r@example.com"
    )
    assert draft.body()["fromAddress"] == {"id": 3}
    assert draft.body()["replyToAddress"] == "r@example.com"
    assert "fromAddress" not in dataclasses.replace(draft, from_address=None).body()
    body = ContactV3Draft({"email": "a@example.com"}, channel_properties={"email": {"emailType": "html"}}).body()
    assert body == {"identifiers": {"email": "a@example.com"}, "channelProperties": {"email": {"emailType": "html"}}}


def test_a_paging_list_does_not_overlap_on_request(server: Server, account: Account) -> None:
    rows = [{"contactId": each, "url": f"https://x.example/{each}"} for each in range(1, 8)]

    def serve(request: Request) -> Reply:
        query = dict(pair.split("=") for pair in request.target.split("?")[1].split("&"))
        return answer(200, rows[int(query["skip"]) : int(query["skip"]) + int(query["select"])])

    server.otherwise = serve
    pages = list(account.campaign(4, overlap=0).activities(page_size=3))
    assert [[row.contact_id for row in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]
