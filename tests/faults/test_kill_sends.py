"""`kill -9` while a campaign is sent: it goes out once, or not at all and a person is asked; never twice."""

from __future__ import annotations

import signal

import pytest
from django.contrib.auth.models import User

from dotbridge.connections.models import CampaignSend, RunKind, SendState
from dotbridge.connections.services import request_test
from dotbridge.integrations.models import Integration
from dotbridge.mirror.campaign_models import UNSENT
from tests.accounts import RemoteAccount
from tests.faults.test_kill import run_killed
from tests.sync.sending import (
    ask_to_send,
    carry_out,
    connected,
    make_campaign,
    people,
    posts,
    read_draft,
    sent_to,
    status_of,
)

SENDS = "dotbridge.sync.outbound.sends"
TRIALS = "dotbridge.sync.outbound.trial_sends"
# What the account has been asked for by then: nothing, so that it can be asked, or perhaps, so that nobody may ask.
POINTS = [
    (f"{SENDS}:note_asked", "before", SendState.SENT),
    (f"{SENDS}:note_asked", "after", SendState.UNKNOWN),  # noted, not yet called
    ("dotdigital.campaigns:Campaigns.send", "before", SendState.UNKNOWN),
    ("dotdigital.campaigns:Campaigns.send", "after", SendState.SENT),  # taken, nothing noted
    (f"{SENDS}:note_accepted", "before", SendState.SENT),
    (f"{SENDS}:note_accepted", "after", SendState.SENT),
]


@pytest.mark.parametrize(("point", "moment", "end"), POINTS)
def test_a_killed_send_is_never_made_twice(
    integration: Integration, remote: RemoteAccount, point: str, moment: str, end: SendState
) -> None:
    people(2)
    link = connected(integration, remote)
    draft = read_draft(integration, make_campaign(remote))
    send = ask_to_send(draft, link)

    code = run_killed(integration, remote.sandbox.url, point, moment, 1, RunKind.REQUESTS)
    assert code == -signal.SIGKILL, "the run never came to the point"
    for _turn in range(3):
        remote.sandbox.finish_chores()
        send = carry_out(integration, send)

    assert send.state == end
    if end == SendState.SENT:
        assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p1@example.com"]
    else:
        assert (status_of(remote, draft.remote_id), posts(remote)) == (UNSENT, [])
    assert len(posts(remote)) <= 1


@pytest.mark.parametrize(
    ("point", "moment"),
    [
        (f"{TRIALS}:note_asked", "after"),
        ("dotdigital.campaigns:Campaigns.copy", "after"),
        ("dotdigital.campaigns:Campaigns.send", "before"),
        ("dotdigital.campaigns:Campaigns.send", "after"),
        ("dotdigital.campaigns:Campaigns.delete", "before"),
    ],
)
def test_a_killed_test_mails_nobody_twice(
    integration: Integration, remote: RemoteAccount, point: str, moment: str
) -> None:
    people(2)
    connected(integration, remote)
    remote.create_contact("mona@example.com")
    draft = read_draft(integration, make_campaign(remote))
    send = request_test(draft=draft, by=User.objects.create_user("mona", "mona@example.com", "x"))
    if "delete" in point:
        carry_out(integration, send)
        remote.sandbox.finish_chores()
        CampaignSend.objects.update(due_at=None)

    code = run_killed(integration, remote.sandbox.url, point, moment, 1, RunKind.REQUESTS)
    assert code == -signal.SIGKILL, "the run never came to the point"
    for _turn in range(3):
        remote.sandbox.finish_chores()
        send = carry_out(integration, send)

    assert send.state in (SendState.SENT, SendState.FAILED)
    names = [each["name"] for each in remote.ask("GET", "/v2/campaigns")]
    # A copy whose number was lost looks like one that a person has made, and is left for them.
    assert names == ["Spring"] or (send.copy_id is None and send.state == SendState.FAILED)
    assert len(posts(remote)) <= 1
    assert status_of(remote, draft.remote_id) == UNSENT
