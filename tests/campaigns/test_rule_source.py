"""Rules over marketing results: who was sent, opened, clicked, and who never did."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.campaigns.models import (
    ActivityType,
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
)
from dotbridge.crm.models import Contact, Lead
from dotbridge.entities.registry import entity
from dotbridge.lists.rules import compile_rule, read_rule, rule_in_words

pytestmark = pytest.mark.django_db
CONTACT = entity("crm.contact")
KINDS = ActivityType


@pytest.fixture
def spring() -> EmailCampaign:
    effort = MarketingCampaign.objects.create(name="Spring", code="spring")
    return EmailCampaign.objects.create(name="Spring sale", marketing_campaign=effort)


@pytest.fixture
def autumn() -> EmailCampaign:
    return EmailCampaign.objects.create(name="Autumn sale")


@pytest.fixture(autouse=True)
def people(spring: EmailCampaign, autumn: EmailCampaign) -> None:
    """A was sent both, opened spring, clicked autumn long ago; B was sent spring; C bounced; D knows nothing of it."""
    a, b, c, _d = (Contact.objects.create(first_name=name) for name in "ABCD")
    lead = Lead.objects.create(pk=_d.pk, first_name="Same key")
    for record, campaign, what, ago, link in (
        (a, spring, KINDS.SEND, 10, ""),
        (a, spring, KINDS.OPEN, 9, ""),
        (a, autumn, KINDS.SEND, 200, ""),
        (a, autumn, KINDS.CLICK, 199, "https://example.com/offer"),
        (b, spring, KINDS.SEND, 10, ""),
        (c, spring, KINDS.SEND, 10, ""),
        (c, spring, KINDS.HARD_BOUNCE, 10, ""),
        (c, spring, KINDS.UNSUBSCRIBE, 1, ""),
        (lead, spring, KINDS.CLICK, 1, ""),
    ):
        moment = timezone.now() - datetime.timedelta(days=ago)
        key = f"crm.{record._meta.model_name}"
        MarketingActivity.objects.create(
            type=what, email_campaign=campaign, entity=key, record_id=str(record.pk), action_date=moment, details=link,
            natural_key=uuid.uuid4(),
        )  # fmt: skip
        if what == KINDS.SEND:
            EmailCampaignStatistics.objects.create(
                email_campaign=campaign, entity=key, record_id=str(record.pk), last_contacted_at=moment
            )


def found(*rules: dict[str, Any]) -> str:
    records = CONTACT.queryset().filter(compile_rule(CONTACT, {"rules": list(rules)}))
    return "".join(records.order_by("pk").values_list("first_name", flat=True))


def did(name: str, *where: dict[str, Any], value: bool = True, **more: Any) -> dict[str, Any]:
    asked = {"field": f"campaigns.{name}", "measure": "exists", "operator": "=", "value": value, **more}
    return {**asked, "where": {"rules": list(where)}} if where else asked


def of(campaign: EmailCampaign) -> dict[str, Any]:
    return {"field": "email_campaign", "operator": "=", "value": campaign.pk}


def within(days: int) -> dict[str, Any]:
    return {"field": "action_date", "operator": "inLast", "value": {"amount": days, "unit": "day"}}


def test_who_did_what(spring: EmailCampaign, autumn: EmailCampaign) -> None:
    assert found(did("sent")) == "ABC"
    assert found(did("sent", of(autumn))) == "A"
    assert found(did("opened", of(spring))) == "A"
    assert found(did("clicked")) == "A"
    assert found(did("clicked", of(spring))) == ""
    assert found(did("bounced")) == "C"
    assert found(did("unsubscribed")) == "C"
    assert found(did("clicked", {"field": "details", "operator": "contains", "value": "/offer"})) == "A"


def test_who_did_not(spring: EmailCampaign, autumn: EmailCampaign) -> None:
    assert found(did("not_opened", of(spring))) == "BC"
    assert found(did("not_opened", of(autumn))) == "A"
    assert found(did("not_opened", value=False)) == "D"
    assert found(did("not_clicked", of(autumn))) == ""
    # Who never clicked in 90 days: also those who were sent nothing.
    assert found(did("clicked", within(90), value=False)) == "ABCD"
    assert found(did("clicked", within(365), value=False)) == "BCD"


def test_by_marketing_campaign_and_by_number(spring: EmailCampaign) -> None:
    effort = {"field": "marketing_campaign", "operator": "in", "value": [spring.marketing_campaign_id]}
    assert found(did("sent", effort)) == "ABC"
    assert found(did("sent", measure="count", operator=">=", value=2)) == "A"
    assert (
        found(did("sent", measure="latest", of="action_date", operator="inLast", value={"amount": 30, "unit": "day"}))
        == "ABC"
    )


def test_how_often_and_when_last() -> None:
    times, last = "campaigns.contacted_times", "campaigns.last_contacted"
    assert found({"field": times, "operator": ">=", "value": 2}) == "A"
    assert found({"field": times, "operator": "=", "value": 0}) == "D"
    assert found({"field": last, "operator": "inLast", "value": {"amount": 30, "unit": "day"}}) == "ABC"
    assert found({"field": last, "operator": "null", "value": None}) == "D"
    assert found({"field": last, "operator": "olderThan", "value": {"amount": 5, "unit": "day"}}) == "ABC"


def test_in_words(spring: EmailCampaign, autumn: EmailCampaign) -> None:
    def words(*rules: dict[str, Any]) -> str:
        return rule_in_words(CONTACT, {"rules": list(rules)})

    assert words(did("clicked", of(spring))) == (
        "Contacts who clicked in a campaign (whose e-mail campaign is “Spring sale”)"
    )
    assert words(did("clicked", within(90), value=False)) == (
        "Contacts who clicked in no campaign (whose when is in the last 90 days)"
    )
    assert words({"field": "campaigns.contacted_times", "operator": ">=", "value": 2}) == (
        "Contacts whose campaigns received is 2 or more"
    )


def test_a_campaign_that_is_gone_breaks_the_rule_and_the_names_are_asked_for_once(
    spring: EmailCampaign, autumn: EmailCampaign, django_assert_num_queries: Any
) -> None:
    tree = {"rules": [did("clicked", of(spring)), did("opened", of(autumn)), did("sent", of(autumn))]}
    with django_assert_num_queries(1):
        assert not read_rule(CONTACT, tree).problems
    autumn.delete()
    problems = read_rule(CONTACT, tree).broken
    assert [(each.key, each.text) for each in problems] == [
        ("1/0", "E-mail campaign: what was chosen is not there any more."),
        ("2/0", "E-mail campaign: what was chosen is not there any more."),
    ]
