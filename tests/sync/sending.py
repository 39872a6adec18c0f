"""An account with a connected list of a few people and a campaign that waits to be sent, for tests of sending."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dotbridge.connections.models import CampaignSend, ListConnection, LookKind, RunKind
from dotbridge.connections.recipients import count_recipients
from dotbridge.connections.services import request_look, request_send
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import CampaignContent, Draft
from tests.accounts import RemoteAccount, add_contact, connect, sync

HTML = '<p>Hello</p><script>alert(1)</script><a href="$UNSUB$">Leave</a>'


def make_campaign(remote: RemoteAccount, name: str = "Spring") -> int:
    """A campaign in Dotdigital that nobody was sent."""
    body = {
        "name": name,
        "subject": f"{name} is here",
        "fromName": "The shop",
        "htmlContent": HTML,
        "plainTextContent": "Hello $UNSUB$",
    }
    return int(remote.ask("POST", "/v2/campaigns", body)["id"])


def people(number: int, *, named: str = "p") -> None:
    """So many contacts of the CRM."""
    for place in range(number):
        add_contact(f"{named}{place}@example.com")


def connected(integration: Integration, remote: RemoteAccount, book: str = "Readers") -> ListConnection:
    """A list of everybody in the CRM, in step with a book."""
    remote.create_book(book)
    link = connect(integration, book=book)
    sync(integration)
    return link


def read_draft(integration: Integration, remote_id: int) -> Draft:
    """The campaign as an import finds it, its content looked at."""
    sync(integration, kind=RunKind.IMPORT)
    request_look(integration=integration, kind=LookKind.CONTENT, remote_id=remote_id)
    sync(integration, kind=RunKind.REQUESTS)
    return Draft.objects.get(integration=integration, remote_id=remote_id)


def ask_to_send(draft: Draft, *links: ListConnection, send_at: datetime | None = None, **options: Any) -> CampaignSend:
    """What a person does on the page: the number is the one that they see."""
    number = options.pop("number", count_recipients(links).number)
    fingerprint = CampaignContent.objects.get(integration=draft.integration, remote_id=draft.remote_id).fingerprint
    return request_send(draft=draft, links=links, number=number, fingerprint=fingerprint, send_at=send_at, **options)


def carry_out(integration: Integration, send: CampaignSend) -> CampaignSend:
    """A worker's turn; the send as it stands then."""
    CampaignSend.objects.filter(pk=send.pk).update(due_at=None)
    sync(integration, kind=RunKind.REQUESTS)
    return CampaignSend.objects.get(pk=send.pk)


def posts(remote: RemoteAccount) -> list[str]:
    """The sends that the account was asked for, by their status."""
    return [
        str(call["status"])
        for call in remote.sandbox.calls()
        if call["method"] == "POST" and call["path"].endswith("/campaigns/send")
    ]


def sent_to(remote: RemoteAccount, remote_id: int) -> list[str]:
    """The addresses that a campaign was sent to, as the account says."""
    rows = remote.ask("GET", f"/v2/campaigns/{remote_id}/activities?select=1000")
    return sorted(row["email"] for row in rows)


def status_of(remote: RemoteAccount, remote_id: int) -> str:
    """The campaign's state in the account."""
    return str(remote.ask("GET", f"/v2/campaigns/{remote_id}")["status"])
