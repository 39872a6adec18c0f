"""`kill -9` while somebody is asked back: one mail at most, no consent raised, an outcome that says it."""

from __future__ import annotations

import signal

import pytest
from django.utils import timezone

from dotbridge.connections.models import Resubscription, ResubscriptionState, RunKind
from dotbridge.connections.services import request_resubscription
from dotbridge.integrations.models import Integration
from tests.accounts import RemoteAccount, add_contact, connect, opted_out, sync
from tests.faults.test_kill import run_killed

STEP = "dotbridge.sync.outbound.resubscriptions"
POINTS = [
    (f"{STEP}:note_asked", "before", 1, ResubscriptionState.CHALLENGED),
    (f"{STEP}:note_asked", "after", 1, ResubscriptionState.UNKNOWN),
    ("dotdigital.contacts:Contacts.resubscribe", "after", 1, ResubscriptionState.UNKNOWN),
    (f"{STEP}:finish_resubscription", "before", 1, ResubscriptionState.UNKNOWN),
    (f"{STEP}:finish_resubscription", "after", 1, ResubscriptionState.CHALLENGED),
]


@pytest.mark.parametrize(("point", "moment", "nth", "outcome"), POINTS)
def test_a_killed_request_is_never_made_twice(
    integration: Integration,
    remote: RemoteAccount,
    point: str,
    moment: str,
    nth: int,
    outcome: ResubscriptionState,
) -> None:
    ann = add_contact("ann@example.com", "Ann")
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    sync(integration)
    request_resubscription(link=link, record_ids=[ann.pk], opted_in_at=timezone.now())
    remote.sandbox.clear_calls()

    code = run_killed(integration, remote.sandbox.url, point, moment, nth, RunKind.REQUESTS)
    assert code == -signal.SIGKILL, "the run never came to the point"
    sync(integration, kind=RunKind.REQUESTS)
    sync(integration)

    assert len([call for call in remote.sandbox.calls() if "resubscribe" in call["path"]]) <= 1
    assert Resubscription.objects.get().state == outcome
    assert opted_out(link.marketing_list)
    assert remote.ask("GET", "/v2/contacts/ann@example.com")["status"] == "Unsubscribed"
