"""What a case of an operation is, and the drafts that several of them send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from dotdigital import (
    Account,
    Attachment,
    CampaignDraft,
    Consent,
    ContactDraft,
    ContactV3Draft,
    EmailDraft,
)

SINCE = datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC)
DAY = "2024-05-01T10:00:00Z"
ANN = ContactDraft(
    "ann@example.com",
    opt_in_type="Single",
    data_fields={"FIRSTNAME": "Ann", "BORN": date(1990, 2, 3)},
)
ANN_BODY = {
    "email": "ann@example.com",
    "optInType": "Single",
    "dataFields": [
        {"key": "FIRSTNAME", "value": "Ann"},
        {"key": "BORN", "value": "1990-02-03T00:00:00"},
    ],
}
RESUBSCRIBED = {"status": "ContactChallenged", "contact": {"id": 5, "status": "Unsubscribed"}}
SUPPRESSION = {"suppressedContact": {"id": 5}, "dateRemoved": None, "reason": "Unsubscribed"}
SPRING = CampaignDraft("Spring", "Hello", "Acme", "<a href='$UNSUB$'>x</a>", "$UNSUB$", from_address="news@example.com")
SPRING_BODY = {
    "name": "Spring",
    "subject": "Hello",
    "fromName": "Acme",
    "fromAddress": {"email": "news@example.com"},
    "htmlContent": "<a href='$UNSUB$'>x</a>",
    "plainTextContent": "$UNSUB$",
}
MAIL = EmailDraft(
    ["ann@example.com"],
    "Hi",
    "shop@example.com",
    "<b>x</b>",
    "x",
    attachments=[Attachment("a.txt", b"abc", "text/plain")],
)
MAIL_BODY = {
    "toAddresses": ["ann@example.com"],
    "ccAddresses": [],
    "bccAddresses": [],
    "subject": "Hi",
    "fromAddress": "shop@example.com",
    "htmlContent": "<b>x</b>",
    "plainTextContent": "x",
    "tags": [],
    "metadata": None,
    "attachments": [{"fileName": "a.txt", "content": "YWJj", "mimeType": "text/plain"}],
}
V3_ANN = ContactV3Draft({"email": "ann@example.com"}, data_fields={"FIRSTNAME": None}, lists=[7])
V3_BODY = {
    "identifiers": {"email": "ann@example.com"},
    "dataFields": {"FIRSTNAME": None},
    "lists": [7],
}


CONSENT = Consent("Yes", SINCE, "https://www.example.com", "203.0.113.7", "Firefox")
CONSENT_RECORD = {
    "text": "Yes",
    "dateTimeConsented": DAY,
    "url": "https://www.example.com",
    "ipAddress": "203.0.113.7",
    "userAgent": "Firefox",
}


class Case(NamedTuple):
    """A call, what the service answers, and what must have been asked."""

    call: Callable[[Account], Any]
    answered: Any
    asked: str
    body: Any = None
    result: Any = None
    status: int = 200


def paged(call: Callable[[Account], Any], asked: str, row: dict[str, Any] | None = None, query: str = "") -> Case:
    """A list: one page with one row is served, and the first row comes back."""
    served = row or {"id": 5}

    def first(account: Account) -> Any:
        pages = list(call(account))
        assert [len(page) for page in pages] == [1], pages
        assert pages[0].malformed == []
        return len(pages)

    return Case(first, [served], f"GET {asked}?{query}select=1000&skip=0", None, 1)
