"""Subscribing to events and reading them, for the tests of events."""

from __future__ import annotations

from typing import Any

from dotdigital_sandbox.event_triggers import TYPES
from tests.dotdigital_sandbox.conftest import Api

SUBSCRIPTIONS = "/events/v3/export/subscriptions"


def wanted(*types: str, **more: Any) -> dict[str, Any]:
    """The body of a subscription to these types, or to all."""
    return {
        "name": "Everything",
        "status": "active",
        "subscribedEventTypes": [{"eventType": each} for each in types or sorted(TYPES)],
        "alertsConfiguration": {"alertChannels": "none"},
        **more,
    }


def subscribe(api: Api, *types: str, **more: Any) -> int:
    """The id of a new subscription."""
    return int(api.ask("POST", SUBSCRIPTIONS, wanted(*types, **more), status=201)["id"])


def refused(api: Api, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    response = api.http.request(method, path, json=body, **options)
    assert set(response.json()) <= {"errorCode", "description", "details"}, response.text
    return response.status_code, response.json()["errorCode"]


class Reader:
    """Reads a subscription from its beginning, acknowledging as it goes."""

    def __init__(self, api: Api, subscription: int) -> None:
        self.api, self.path, self.checkpoint = api, f"/events/v3/export/{subscription}", ""

    def page(self, **query: Any) -> list[dict[str, Any]]:
        """The next events."""
        marked = {"checkPoint": self.checkpoint} if self.checkpoint else {}
        answer = self.api.get(self.path, **marked, **query)
        self.checkpoint = answer["checkPoint"]
        return list(answer["events"])

    def types(self) -> list[str]:
        """The types of the next events."""
        return [event["type"] for event in self.page()]
