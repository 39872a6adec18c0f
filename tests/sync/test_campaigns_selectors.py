"""What a page shows of a campaign in Dotdigital, and whose records its recipients are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics, MarketingActivity
from dotbridge.campaigns.services import create_email_campaign
from dotbridge.crm.models import Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import Campaign, WaitingResult
from dotbridge.sync.campaign_selectors import campaign_behind, statistics_block
from dotbridge.sync.models import State
from tests.accounts import steps_of
from tests.sync.campaign_account import add_to_crm, run_import
from tests.sync.campaign_vendor import CampaignVendor, activity, campaign, scripted, vendor

__all__ = ["scripted", "vendor"]

FIGURES = {
    "dateSent": "2026-01-30T09:00:00.000Z",
    "numTotalSent": 18,
    "numTotalDelivered": 16,
    "percentageDelivered": 0.8889,
    "numTotalOpens": 18,
    "numForwards": 2,
    "numTextForwards": 1,
    "numTotalPageViews": 7,
    "numTotalIspComplaints": 1,
    "revenue": "$12.00",
    "conversionRate": 0.5,
    "numOrders": None,
    "someNewFigure": 3,
}


def test_the_figures_of_a_campaign_in_their_groups(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/summary"] = FIGURES
    run_import(scripted)
    made = EmailCampaign.objects.get()
    block = statistics_block(made)
    assert block is not None
    assert block.sent_at == made.sent_at is not None
    assert [str(group.label) for group in block.groups] == ["Delivery", "Engagement", "Interaction", "Negative"]
    shown = {figure.name: (figure.value, figure.is_share) for group in block.groups for figure in group.figures}
    assert shown["num_total_sent"] == (18, False)
    assert shown["percentage_delivered"] == (0.8889, True)
    assert shown["total_forwards"] == (3, False)
    assert shown["num_total_page_views"] == (7, False)
    assert shown["num_total_isp_complaints"] == (1, False)
    assert campaign_behind(made) == Campaign.objects.get()
    summary = Campaign.objects.get().summary
    assert (summary.revenue, summary.conversion_rate, summary.num_orders) == ("$12.00", 0.5, None)


def test_a_campaign_without_figures_has_no_block(db: None) -> None:
    made = create_email_campaign(name="Made here", marketing_list=None)
    assert statistics_block(made) is None
    assert campaign_behind(made) is None


def test_figures_that_changed_let_a_young_campaign_be_read(scripted: Integration, vendor: CampaignVendor) -> None:
    """Also when Dotdigital did not name it as active."""
    vendor.campaigns(campaign(1))
    run_import(scripted)
    vendor.answers["campaigns/1/summary"] = {**FIGURES, "numTotalSent": 1}
    vendor.answers["campaigns/1/activities"] = [activity(1, numOpens=5)]
    run_import(scripted)
    assert vendor.asked("campaigns/1/summary") == 1
    vendor.between_runs = timedelta(days=1)
    run_import(scripted)
    assert vendor.asked("campaigns/1/summary") == 2
    assert Campaign.objects.get().activities.get().opens == 5
    vendor.between_runs = timedelta(days=31)
    run_import(scripted)
    assert vendor.asked("campaigns/1/summary") == 2, "an old campaign rests"


@pytest.mark.parametrize("entity", ["crm.lead", "crm.customer"])
def test_recipients_are_records_of_the_lists_entity(scripted: Integration, vendor: CampaignVendor, entity: str) -> None:
    """Whatever the list's rule says today: who was written to, was."""
    nobody: dict[str, Any] = {
        "combinator": "and",
        "rules": [{"field": "email", "operator": "=", "value": "nobody@example.com"}],
    }
    MarketingList.objects.update(entity=entity, rule=nobody)
    add_to_crm(["person1@example.com"])
    lead = Lead.objects.create(email=" Person1@Example.com ")
    vendor.campaigns(campaign(1))
    run_import(scripted)
    found = list(EmailCampaignStatistics.objects.values_list("entity", "record_id"))
    assert found == ([("crm.lead", str(lead.pk))] if entity == "crm.lead" else [])


def test_a_list_whose_entity_is_registered_no_more(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    MarketingList.objects.update(entity="shop.buyer")
    run = run_import(scripted)
    assert steps_of(run)["marketing_activities"]["state"] == State.PARTIAL
    assert run.steps.get(name="marketing_activities").rejections.get().reason == "unknown_entity"
    assert WaitingResult.objects.exists()
    MarketingList.objects.update(entity="crm.contact")
    run_import(scripted)
    assert MarketingActivity.objects.count() == 1
