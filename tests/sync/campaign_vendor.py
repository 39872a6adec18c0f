"""A Dotdigital that says of its campaigns whatever a test wants it to, over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from tests.accounts import use_protocol
from tests.dotdigital.server import Reply, Request, Server, answer

BOOK = 7
FIRST_RUN = datetime(2026, 2, 1, tzinfo=UTC)
SENT = "2026-01-30T09:00:00.000Z"


class CampaignVendor:
    """Lists by path; each is paged, and a list asked for since a date is the same one. An object answers as it is."""

    def __init__(self) -> None:
        self.server = Server()
        self.server.otherwise = self._answer
        self.now, self.between_runs = FIRST_RUN, timedelta(hours=1)
        self.answers: dict[str, Any] = {
            "account-info": {"id": 1, "properties": []},
            "address-books": [{"id": BOOK, "name": "Readers", "visibility": "Private", "contacts": 0}],
        }

    def campaigns(self, *campaigns: dict[str, Any], sent_to: int = BOOK) -> None:
        """What the account and one of its books list, with figures and one recipient for each that has none."""
        self.answers["campaigns"] = list(campaigns)
        self.answers[f"address-books/{sent_to}/campaigns"] = list(campaigns)
        for each in campaigns:
            number = each.get("id", 0)
            self.answers.setdefault(f"campaigns/{number}/summary", {"dateSent": SENT, "numTotalSent": 1})
            self.answers.setdefault(f"campaigns/{number}/activities", [activity(number)])

    def asked(self, path: str) -> int:
        """How often something was asked for."""
        return sum(path in request.target for request in self.server.requests)

    def _answer(self, request: Request) -> Reply:
        parts = urlsplit(request.target)
        path = parts.path.removeprefix("/v2/").split("/since-date/")[0].split("-since/")[0]
        if path == "server-time":
            self.now += self.between_runs
            return answer(200, self.now.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
        found = self.answers.get(path, [])
        if isinstance(found, Reply):
            return found
        if isinstance(found, list):
            query = {key: int(values[0]) for key, values in parse_qs(parts.query).items() if values[0].isdigit()}
            skip, select = query.get("skip", 0), query.get("select", 1000)
            found = found[skip : skip + select]
        return answer(200, found)


def campaign(number: int, name: str = "Spring", **more: Any) -> dict[str, Any]:
    """A campaign as lists have it."""
    base = {"id": number, "name": name, "subject": "Hello", "fromName": "Acme", "status": "Sent", "isSplitTest": False}
    return {**base, "fromAddress": {"id": 1, "email": "news@example.com"}, "replyAction": "Unset", **more}


def activity(contact: int, email: Any = "default", **more: Any) -> dict[str, Any]:
    """What a recipient did: nothing, unless said otherwise."""
    address = f"person{contact}@example.com" if email == "default" else email
    counts = dict.fromkeys(("numOpens", "numPageViews", "numClicks", "numForwards", "numEstimatedForwards"), 0)
    dates = {"dateSent": SENT, "dateFirstOpened": None, "dateLastOpened": None, "firstOpenIp": None}
    flags = dict.fromkeys(("unsubscribed", "softBounced", "hardBounced"), False)
    return {"contactId": contact, "email": address, **counts, "numReplies": 0, **dates, **flags, **more}


def click(contact: int, url: Any, at: Any = SENT, **more: Any) -> dict[str, Any]:
    """A click on a link."""
    base = {"contactId": contact, "email": f"person{contact}@example.com", "url": url, "dateClicked": at}
    return {**base, "ipAddress": "203.0.113.1", "userAgent": "Test", "keyword": None, **more}


@pytest.fixture
def vendor() -> Iterator[CampaignVendor]:
    running = CampaignVendor()
    yield running
    running.server.close()


@pytest.fixture
def scripted(transactional_db: None, vendor: CampaignVendor, settings: Any) -> Integration:
    """An integration with the scripted vendor, its book connected to a list of all contacts."""
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (vendor.server.url,)}
    integration = create_integration(name="Scripted", username="u", password="p", base_url=vendor.server.url)
    use_protocol(integration, ProtocolChoice.V2)  # what it is asked for by version 3, it answers with nonsense
    book = AddressBook.objects.create(integration=integration, remote_id=BOOK, name="Readers")
    connect_list(marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=book)
    return integration
