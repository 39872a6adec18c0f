"""A test of a campaign goes to the one who asks, as a copy that does not stay, and the campaign itself stays unsent.

The kind of fault: a help that leaves something behind, or does more than it was asked for. Its places: the copy, after
a refusal, a lost answer, a crash; the contact, who may have opted out; the campaign, which must still be sendable.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from dotbridge.connections.models import CampaignSend, RunKind, SendState
from dotbridge.connections.services import look_again, request_test
from dotbridge.consent.models import Source
from dotbridge.consent.services import opt_out_addresses
from dotbridge.integrations.models import Integration
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.models import Draft
from tests.accounts import RemoteAccount, sync
from tests.backoffice.world import empty_queue
from tests.sync.sending import carry_out, connected, make_campaign, people, read_draft, status_of

ADDRESS = "mona@example.com"


pytestmark = pytest.mark.usefixtures("without_patience")


@pytest.fixture
def draft(integration: Integration, remote: RemoteAccount) -> Draft:
    empty_queue()
    people(2)
    connected(integration, remote)
    remote.create_contact(ADDRESS)
    return read_draft(integration, make_campaign(remote))


@pytest.fixture
def mona(integration: Integration) -> User:
    return User.objects.create_user("mona", ADDRESS, "x")


def names(remote: RemoteAccount) -> list[str]:
    """The campaigns of the account."""
    return [each["name"] for each in remote.ask("GET", "/v2/campaigns")]


def follow(integration: Integration, remote: RemoteAccount, send: CampaignSend) -> CampaignSend:
    """Let Dotdigital and the worker go on until nothing moves any more."""
    for _turn in range(4):
        remote.sandbox.finish_chores()
        send = carry_out(integration, send)
    return send


def test_the_mail_comes_the_copy_goes_and_the_campaign_stays(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    send = request_test(draft=draft, by=mona)
    with pytest.raises(ValidationError, match="on its way"):
        request_test(draft=draft, by=mona)
    send = carry_out(integration, send)
    assert (send.state, names(remote)) == (SendState.ACCEPTED, ["Spring", "Copy of Spring"])
    remote.sandbox.finish_chores()
    rows = remote.ask("GET", f"/v2/campaigns/{send.copy_id}/activities")
    assert [row["email"] for row in rows] == [ADDRESS]
    sync(integration, kind=RunKind.IMPORT)
    assert list(Draft.objects.values_list("name", flat=True)) == ["Spring"]
    send = carry_out(integration, send)
    assert send.state == SendState.SENT
    assert names(remote) == ["Spring"]
    assert status_of(remote, draft.remote_id) == UNSENT
    assert request_test(draft=draft, by=mona).pk != send.pk


@pytest.mark.parametrize("path", ["campaigns/send$", "campaigns/send/", "contacts/", "campaigns/[0-9]+$"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "reset", "late": True},
        {"kind": "malformed"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 400},
    ],
    ids=["reset", "late reset", "malformed", "500", "400"],
)
def test_whatever_goes_wrong_no_copy_stays_and_nobody_else_is_mailed(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User, path: str, fault: dict[str, Any]
) -> None:
    remote.sandbox.fail_next(path=path, **fault)
    send = follow(integration, remote, request_test(draft=draft, by=mona))
    assert send.state in (SendState.SENT, SendState.FAILED, SendState.UNKNOWN)
    if send.state != SendState.UNKNOWN:
        assert names(remote) == ["Spring"]
    assert status_of(remote, draft.remote_id) == UNSENT


def test_a_copy_whose_making_is_unknown_is_told_and_left(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    remote.sandbox.fail_next("reset", path="copy$", late=True)
    send = follow(integration, remote, request_test(draft=draft, by=mona))
    assert (send.state, send.send_id) == (SendState.FAILED, "")
    assert "Copy of" in send.message
    assert not [call for call in remote.sandbox.calls() if call["path"].endswith("/campaigns/send")]


def test_who_opted_out_gets_no_test(integration: Integration, remote: RemoteAccount, draft: Draft, mona: User) -> None:
    opt_out_addresses(addresses=[ADDRESS], source=Source.PERSON)
    send = carry_out(integration, request_test(draft=draft, by=mona))
    assert (send.state, names(remote)) == (SendState.FAILED, ["Spring"])
    assert "opted out" in send.message


def test_whom_dotdigital_does_not_mail_gets_no_test(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    remote.sandbox.unsubscribe(ADDRESS)
    send = carry_out(integration, request_test(draft=draft, by=mona))
    assert (send.state, "Unsubscribed" in send.message) == (SendState.FAILED, True)
    stranger = User.objects.create_user("nils", "nils@example.com", "x")
    send = carry_out(integration, request_test(draft=draft, by=stranger))
    assert (send.state, "no contact" in send.message) == (SendState.FAILED, True)
    assert names(remote) == ["Spring"]


def test_a_test_needs_an_address_and_a_worker(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    nameless = User.objects.create_user("nameless", "", "x")
    with pytest.raises(ValidationError, match="no e-mail address"):
        request_test(draft=draft, by=nameless)
    send = request_test(draft=draft, by=mona)
    CampaignSend.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert carry_out(integration, send).state == SendState.FAILED
    Integration.objects.update(is_active=False)
    draft.integration.refresh_from_db()
    with pytest.raises(ValidationError, match="is switched off"):
        request_test(draft=draft, by=mona)


def test_a_copy_that_somebody_deleted_is_no_trouble(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    send = carry_out(integration, request_test(draft=draft, by=mona))
    remote.sandbox.finish_chores()
    remote.ask("DELETE", f"/v2/campaigns/{send.copy_id}")
    assert carry_out(integration, send).state == SendState.UNKNOWN


def test_an_old_test_is_not_looked_up_while_a_new_one_is_on_its_way(draft: Draft, mona: User) -> None:
    first = request_test(draft=draft, by=mona)
    CampaignSend.objects.update(state=SendState.UNKNOWN)
    first.refresh_from_db()
    request_test(draft=draft, by=mona)
    with pytest.raises(ValidationError, match="still on its way"):
        look_again(send=first)
    assert CampaignSend.objects.filter(state=SendState.UNKNOWN).get() == first


def test_a_log_in_whose_address_is_somebody_elses_number_tests_to_nobody(
    integration: Integration, remote: RemoteAccount, draft: Draft, mona: User
) -> None:
    """Dotdigital finds a contact by the same path under its address and under its id."""
    mona.email = str(remote.ask("GET", f"/v2/contacts/{ADDRESS}")["id"])
    mona.save()
    send = carry_out(integration, request_test(draft=draft, by=mona))
    assert (send.state, names(remote)) == (SendState.FAILED, ["Spring"])
    assert "no contact of this account" in send.message
