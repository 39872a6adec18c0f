"""Cases of events (the vendor's v3)."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from dotdigital import Account, Alerts, ContactV3Draft, EventDraft, EventFilter, EventType, SubscriptionDraft
from tests.dotdigital.cases import CONSENT, CONSENT_RECORD, DAY, SINCE, Case

DRAFT = SubscriptionDraft(
    "Hints",
    ["contact.removed", EventType("message.sent", [EventFilter("$.channel", "SMS", case_sensitive=False)])],
    alerts=Alerts("email", "alerts@example.com"),
)
SUBSCRIPTION = {
    "name": "Hints",
    "status": "active",
    "subscribedEventTypes": [
        {"eventType": "contact.removed"},
        {
            "eventType": "message.sent",
            "filters": [{"field": "$.channel", "matchPattern": "SMS", "caseSensitive": False}],
        },
    ],
    "alertsConfiguration": {"alertChannels": "email", "email": "alerts@example.com"},
}
ANSWERED = {"id": 7, "created": DAY, "updated": DAY, **SUBSCRIPTION}
EVENT = {
    "id": "e1",
    "accountId": 1,
    "processedDate": DAY,
    "type": "contact.removed",
    "eventDate": DAY,
    "data": {"contactId": 5},
}
BASE = "/events/v3/export"


def saved(account: Account) -> tuple[str, bytes]:
    """The media type and bytes of a large object."""
    target = io.BytesIO()
    return account.events.save_large_object("d4699dd5", target), target.getvalue()


def read(account: Account, **how: Any) -> tuple[list[int | None], str]:
    """The contacts of a page of events, and its checkpoint."""
    page = account.events.read(7, **how)
    return [event.contact_id for event in page], page.checkpoint


EVENT_CASES = {
    "subscription": Case(
        lambda a: a.events.subscription(7).subscribed_event_types, ANSWERED, f"GET {BASE}/subscriptions/7", None,
        [EventType("contact.removed"), DRAFT.types[1]],
    ),
    "subscribe": Case(
        lambda a: (a.events.subscribe(DRAFT).id), ANSWERED, f"POST {BASE}/subscriptions", SUBSCRIPTION, 7, 201
    ),
    "subscription update": Case(
        lambda a: a.events.update(7, SubscriptionDraft("Hints", ["email.read"], active=False)).active,
        {**ANSWERED, "status": "inactive"},
        f"PUT {BASE}/subscriptions/7",
        {
            "name": "Hints",
            "status": "inactive",
            "subscribedEventTypes": [{"eventType": "email.read"}],
            "alertsConfiguration": {"alertChannels": "none"},
        },
        False,
    ),
    "subscription delete": Case(lambda a: a.events.delete(7), None, f"DELETE {BASE}/subscriptions/7", status=204),
    "events from the beginning": Case(
        read, {"checkPoint": "c1", "events": [EVENT]}, f"GET {BASE}/7?limit=2000", None, ([5], "c1")
    ),
    "events from a checkpoint": Case(
        lambda a: read(a, checkpoint="c1", limit=5),
        {"events": [{**EVENT, "data": None}, {**EVENT, "data": {"contactId": "6"}}], "checkPoint": "c2"},
        f"GET {BASE}/7?limit=5&checkPoint=c1",
        None,
        ([None, 6], "c2"),
    ),
    "events import": Case(
        lambda a: a.events.import_events(
            [EventDraft("ann@example.com", "Search", id="e1", at=SINCE, summary="Bali",
                        data={"price": Decimal("9.50")}),
             EventDraft(5, "Visit", identifier="contactId")]
        ),
        None,
        "POST /events/v3/import",
        [
            {
                "contactIdentity": {"identifier": "email", "value": "ann@example.com"},
                "type": "Search",
                "id": "e1",
                "eventTimestamp": DAY,
                "timelineDetails": {"summary": "Bali"},
                "eventData": {"price": 9.5},
            },
            {"contactIdentity": {"identifier": "contactId", "value": "5"}, "type": "Visit"},
        ],
        None,
        202,
    ),
    "large object": Case(
        saved, b"\x00\xff", "GET /events/v3/lob/d4699dd5", None, ("application/json", b"\x00\xff")
    ),
    "v3 create with all there is": Case(
        lambda a: a.contacts_v3.create(
            ContactV3Draft({"email": "ann@example.com"}, preferences=[(3, False)], consents=[CONSENT])
        ).channel_status("email"),
        {"contactId": 5, "channelProperties": {"email": {"status": "subscribed"}}},
        "POST /contacts/v3",
        {
            "identifiers": {"email": "ann@example.com"},
            "preferences": [{"id": 3, "isOptedIn": False}],
            "consentRecords": [CONSENT_RECORD],
        },
        "subscribed",
        201,
    ),
}  # fmt: skip
