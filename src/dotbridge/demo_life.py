"""Three months in the life of the demo's account: lists in step, campaigns that were read, and what waits for a person.

All of it is done by the engine and by the sandbox, whose clock begins in the past; nothing is written into the tables.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from dotbridge.config import Config
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.entities.registry import entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.listed_services import refresh_list
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.services import create_list, unsubscribe_records, update_list
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import ExportItem

SANDBOX_USER, SANDBOX_PASSWORD = "apiuser-000000000000@apiconnector.com", "sandbox"
DAYS = 91
# Over so long recipients react to what they were sent in those days.
READING_SECONDS = 2 * 86_400
ENTITY = "crm.contact"
# Data fields of the sandbox's account beyond those that every account has, and what fills them.
ROWS = {"COMPANY": "account__name", "LEADSCORE": "lead_score", "BIRTHDAY": "birthday", "VIP": "is_vip"}
# Dotdigital scores people too.
TWO_WAY = {"LEADSCORE"}


class DemoList(NamedTuple):
    """A list to look at: whom it holds, and the address book that it is in step with."""

    name: str
    description: str
    type: ListType
    rule: dict[str, Any]
    book: str


def _birthdays(month: str) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": "birthday", "operator": "anniversaryIn", "value": month}]}


GOOD_LEADS = DemoList(
    "VIPs and good leads",
    "Whom we call before we write.",
    ListType.DYNAMIC,
    {
        "combinator": "or",
        "rules": [
            {"field": "is_vip", "operator": "=", "value": True},
            {
                "combinator": "and",
                "rules": [
                    {"field": "lead_score", "operator": ">=", "value": 80},
                    {"field": "job_title", "operator": "notNull"},
                ],
            },
        ],
    },
    "Product updates",
)
BIRTHDAYS = DemoList(
    "Birthdays", "Taken once a month, for the card.", ListType.ON_DEMAND, _birthdays("last_month"), "Birthday cards"
)


class Mail(NamedTuple):
    """A campaign of those months."""

    days_ago: int
    hour: int
    name: str
    subject: str
    book: str


MAILS = (
    Mail(88, 9, "Welcome to the new season", "What is new this season", GOOD_LEADS.book),
    Mail(80, 10, "Guide: the right size", "Which size is yours?", GOOD_LEADS.book),
    Mail(71, 8, "Birthday cards, first month", "Happy birthday, @FIRSTNAME@", BIRTHDAYS.book),
    Mail(66, 14, "Members' day", "Members shop a day earlier", GOOD_LEADS.book),
    Mail(57, 9, "New in the shop", "Five things that just came in", GOOD_LEADS.book),
    Mail(45, 9, "Early booking", "Book early, pay less", GOOD_LEADS.book),
    Mail(36, 8, "Birthday cards, second month", "Happy birthday, @FIRSTNAME@", BIRTHDAYS.book),
    Mail(31, 11, "How we pack", "No plastic any more", GOOD_LEADS.book),
    Mail(22, 9, "Service week", "Bring it in, we look at it", GOOD_LEADS.book),
    Mail(12, 9, "Last chance to book", "Two days left", GOOD_LEADS.book),
)
HTML = (
    '<h1>@FIRSTNAME@, have a look</h1><p><a href="https://shop.example.com/new">See what is new</a>, '
    '<a href="https://www.example.com/stories">read how it is made</a> or '
    '<a href="https://www.example.com/visit">visit us</a>.</p><p><a href="http://$UNSUB$">Unsubscribe</a></p>'
)
TEXT = "@FIRSTNAME@, have a look: https://shop.example.com/new. Unsubscribe: http://$UNSUB$"
PHONED, RESCORED, CHANGED_TWICE = 4, 38, 3


def begin() -> datetime:
    """Where the account's clock begins."""
    return datetime.combine(datetime.now(UTC).date() - timedelta(days=DAYS), time(7, 0), UTC)


def live(config: Config, integration: Integration, wait_seconds: float) -> None:
    """Connect the lists, send the campaigns, and let the days go by until the account's clock is at the present.

    What there is already stays: a demo that was ended before its time goes on.
    """
    with _account(config) as account:
        _have_book(account, BIRTHDAYS.book)
        run_sync(integration=integration, kind=RunKind.IMPORT, trigger="demo")
        _map_fields(integration)
        for each in (GOOD_LEADS, BIRTHDAYS):
            _connect(integration, each)
        run_sync(integration=integration, trigger="demo", wait_seconds=wait_seconds)
        _send_mails(account)


def leave_something_to_do(config: Config) -> None:
    """Have the next run meet what a person has to look at.

    Values that were changed on both sides, an upload that Dotdigital refuses, and a list most of whose people change.
    """
    with _account(config) as account:
        _change_people(account, MarketingList.objects.get(name=GOOD_LEADS.name))
        _order(account, "imports/finish-as", status="RejectedByWatchdog")
    birthdays = MarketingList.objects.get(name=BIRTHDAYS.name)
    update_list(marketing_list=birthdays, rule=_birthdays("this_month"))
    refresh_list(marketing_list=birthdays)


def _account(config: Config) -> httpx2.Client:
    # Never by way of a proxy: the account is on this machine.
    login = (SANDBOX_USER, SANDBOX_PASSWORD)
    return httpx2.Client(base_url=config.sandbox_url, auth=login, timeout=120, trust_env=False)


def _have_book(account: httpx2.Client, name: str) -> None:
    books = _answer(account.get("/v2/address-books"))
    if all(book["name"] != name for book in books):
        _answer(account.post("/v2/address-books", json={"name": name, "visibility": "Private"}))


def _map_fields(integration: Integration) -> None:
    mapping = FieldMapping.objects.get(integration=integration, entity=ENTITY)
    for field in DataField.objects.filter(integration=integration, name__in=ROWS):
        set_mapping_row(
            mapping=mapping,
            data_field=field,
            entity_fields=[ROWS[field.name]],
            is_two_way=field.name in TWO_WAY,
        )


def _connect(integration: Integration, wanted: DemoList) -> None:
    marketing_list = MarketingList.objects.filter(name=wanted.name).first() or create_list(
        name=wanted.name, description=wanted.description, entity=ENTITY, type=wanted.type, rule=wanted.rule
    )
    if not ListConnection.objects.filter(marketing_list=marketing_list).exists():
        book = AddressBook.objects.get(integration=integration, name=wanted.book)
        connect_list(marketing_list=marketing_list, address_book=book)


def _send_mails(account: httpx2.Client) -> None:
    """Have every campaign sent on its day, and let the days go by."""
    books = {book["name"]: book["id"] for book in _answer(account.get("/v2/address-books"))}
    made = {campaign["name"] for campaign in _answer(account.get("/v2/campaigns"))}
    today = datetime.now(UTC).date()
    for mail in MAILS:
        if mail.name in made:
            continue
        content = {"fromName": "Acorn & Sons", "htmlContent": HTML, "plainTextContent": TEXT}
        campaign = _answer(account.post("/v2/campaigns", json={"name": mail.name, "subject": mail.subject, **content}))
        moment = datetime.combine(today - timedelta(days=mail.days_ago), time(mail.hour), UTC)
        order = {"campaignId": campaign["id"], "addressBookIds": [books[mail.book]], "sendDate": moment.isoformat()}
        _answer(account.post("/v2/campaigns/send", json=order))
    now = datetime.fromisoformat(_answer(account.get("/v2/server-time")))
    _order(account, "clock/advance", seconds=(datetime.now(UTC) - now).total_seconds())


def _change_people(account: httpx2.Client, leads: MarketingList) -> None:
    """Some said on the phone that they want no more mails, some have new scores, a few of them on both sides."""
    listed = entity(ENTITY)
    sent = ExportItem.objects.filter(connection__marketing_list=leads).values_list("record_id", flat=True)
    chosen = listed.queryset().filter(pk__in=list(sent), birthday=None, is_vip=True, lead_score__isnull=False)
    rows = chosen.order_by("pk").values_list("pk", "lead_score", listed.email_expression())
    unsubscribe_records(
        marketing_list=leads,
        record_ids=[key for key, _score, _address in rows[:PHONED]],
        reason="Said so on the phone.",
    )
    twice = 0
    for key, score, address in rows[PHONED : PHONED + RESCORED]:
        listed.queryset().filter(pk=key).update(lead_score=(score + 7) % 100)
        if twice < CHANGED_TWICE:
            found = _answer(account.get(f"/v2/contacts/{quote(address)}"))
            # What somebody left Dotdigital with is nobody's newer value.
            if found["status"] == "Subscribed":
                values = [{"key": "LEADSCORE", "value": (score + 20) % 100}]
                _answer(account.put(f"/v2/contacts/{found['id']}", json={**found, "dataFields": values}))
                twice += 1


def _order(account: httpx2.Client, deed: str, **said: Any) -> None:
    _answer(account.post(f"/_sandbox/{deed}", json=said))


def _answer(response: httpx2.Response) -> Any:
    response.raise_for_status()
    return response.json() if response.content else None
