"""Campaigns, their figures and what recipients did, from the sandbox into records of the CRM."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from dotbridge.campaigns.models import (
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
    ReportPeriod,
)
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Activity, Campaign, CampaignSummary, ClickEvent, OpenEvent, WaitingResult
from dotbridge.sync.models import State
from tests.accounts import RemoteAccount, steps_of
from tests.sync.campaign_account import (
    LIVELY,
    connected_book,
    everything_imported,
    make_campaign,
    people,
    run_import,
    send,
)


@pytest.fixture(autouse=True)
def lively(sandbox: Any) -> None:
    sandbox.settings.engagement = LIVELY
    sandbox.settings.engagement_seconds = 0.0


def test_a_sent_campaign_becomes_records(integration: Integration, remote: RemoteAccount) -> None:
    book, link = connected_book(integration, remote)
    people(remote, 40, book=book)
    number = send(remote, book, name="Spring sale 2026!")
    run = run_import(integration)
    assert run.state == State.SUCCEEDED, steps_of(run)
    campaign = Campaign.objects.get()
    assert (campaign.remote_id, campaign.name, campaign.status) == (number, "Spring sale 2026!", "Sent")
    assert (campaign.subject, campaign.from_name, campaign.from_address) == ("Hello", "Acme", "news@example.com")
    made = EmailCampaign.objects.get()
    assert (made.name, made.description, made.sender_name) == ("Spring sale 2026!", "Hello", "Acme")
    assert made.marketing_list == link.marketing_list
    assert made.sent_at == campaign.sent_at is not None
    parent = MarketingCampaign.objects.get()
    assert parent.code == f"Spring_sale_2026__{number}"[:20]
    assert (parent.report_period, parent.is_automatic) == (ReportPeriod.DAY, True)
    print(steps_of(run))
    assert Activity.objects.count() == 40
    again = everything_imported()
    run_import(integration)
    assert everything_imported() == again
