"""Campaigns in the sandbox, made and sent over HTTP as a marketer would, and what the import made of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics, MarketingActivity, MarketingCampaign
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import (
    Activity,
    AddressBook,
    Campaign,
    CampaignBook,
    CampaignSummary,
    ClickEvent,
    OpenEvent,
    WaitingResult,
)
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import SyncRun
from dotdigital_sandbox.settings import Engagement
from tests.accounts import RemoteAccount

# Everybody does something, so that a few dozen people are enough.
LIVELY = Engagement(
    opens=0.8, clicks=0.6, unsubscribes=0.1, complaints=0.05, hard_bounces=0.1, soft_bounces=0.1, repeats=0.4
)
HTML = '<a href="https://shop.example.com/a">A</a> <a href="https://shop.example.com/b">B</a> $UNSUB$'
DRAFT = {
    "name": "Spring sale",
    "subject": "Hello",
    "fromName": "Acme",
    "htmlContent": HTML,
    "plainTextContent": "Hi $UNSUB$",
}


def make_campaign(remote: RemoteAccount, **changes: Any) -> int:
    """A new campaign's id."""
    return int(remote.ask("POST", "/v2/campaigns", {**DRAFT, **changes})["id"])


def send(remote: RemoteAccount, *books: int, campaign: int | None = None, **changes: Any) -> int:
    """A campaign that was sent to books and whose recipients have reacted; its id."""
    number = make_campaign(remote, **changes) if campaign is None else campaign
    remote.sandbox.send_campaign(number, list(books))
    return number


def people(remote: RemoteAccount, count: int, *, book: int, first: int = 0) -> list[str]:
    """So many people in the book and in the CRM; their addresses."""
    addresses = [f"person{number}@example.com" for number in range(first, first + count)]
    for address in addresses:
        remote.create_contact(address, book=book)
    add_to_crm(addresses)
    return addresses


def add_to_crm(addresses: list[str]) -> None:
    """A contact of the CRM for each address."""
    contacts = Contact.objects.bulk_create(Contact(first_name="A", last_name=address[:20]) for address in addresses)
    ContactEmail.objects.bulk_create(
        ContactEmail(contact=contact, email=address, is_primary=True)
        for contact, address in zip(contacts, addresses, strict=True)
    )


def connected_book(
    integration: Integration, remote: RemoteAccount, name: str = "Readers"
) -> tuple[int, ListConnection]:
    """A new book of the account, connected to a list of all contacts of the CRM."""
    book = remote.create_book(name)
    mirrored = AddressBook.objects.create(integration=integration, remote_id=book, name=name)
    marketing_list = create_list(name=f"List of {name}", entity="crm.contact")
    return book, connect_list(marketing_list=marketing_list, address_book=mirrored)


def run_import(integration: Integration, **options: Any) -> SyncRun:
    """One import."""
    return run_sync(integration=integration, kind=RunKind.IMPORT, trigger="test", **options)


TABLES: tuple[QuerySet[Any], ...] = (
    Campaign.objects.all(),
    CampaignBook.objects.all(),
    CampaignSummary.objects.all(),
    Activity.objects.all(),
    OpenEvent.objects.all(),
    ClickEvent.objects.all(),
    WaitingResult.objects.all(),
    MarketingCampaign.objects.all(),
    EmailCampaign.objects.all(),
    EmailCampaignStatistics.objects.all(),
    MarketingActivity.objects.all(),
)
# Bookkeeping of when something was looked at, and keys of the database, are not what was brought in.
_BOOKKEEPING = {
    "id", "active_at", "first_seen_at", "created_at", "updated_at", "read_at", "recipients_read_at", "start_date",
    "owner_id",
}  # fmt: skip


def everything_imported(*, but: set[str] = frozenset()) -> dict[str, list[tuple[Any, ...]]]:  # type: ignore[assignment]
    """The contents of all tables that the campaign import writes, comparable between two states."""
    found = {}
    for table in TABLES:
        rows = table.order_by().values()
        kept = [{key: value for key, value in row.items() if key not in _BOOKKEEPING | but} for row in rows]
        found[table.model.__name__] = sorted((tuple(row.items()) for row in kept), key=repr)
    return found
