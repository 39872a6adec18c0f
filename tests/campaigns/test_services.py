"""Campaigns are made, changed and merged, and a code once given leads to its campaign for ever."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from dotbridge.campaigns.codes import free_code
from dotbridge.campaigns.models import (
    CODE_LENGTH,
    CampaignCode,
    EmailCampaign,
    MarketingActivity,
    MarketingCampaign,
    ReportPeriod,
)
from dotbridge.campaigns.selectors import campaign_of_code, former_codes
from dotbridge.campaigns.services import (
    create_email_campaign,
    create_marketing_campaign,
    delete_email_campaign,
    delete_marketing_campaign,
    merge_campaigns,
    update_marketing_campaign,
)
from dotbridge.lists.services import create_list


def activity_of(campaign: MarketingCampaign) -> MarketingActivity:
    """An activity in an e-mail campaign of its own."""
    mail = create_email_campaign(name="Mail", marketing_list=None, marketing_campaign=campaign)
    return MarketingActivity.objects.create(
        type="open",
        email_campaign=mail,
        entity="crm.contact",
        record_id="1",
        action_date=timezone.now(),
        natural_key=uuid.uuid4(),
    )


def test_a_campaign_reports_by_day_unless_said_otherwise(spring: MarketingCampaign) -> None:
    assert spring.report_period == ReportPeriod.DAY
    assert campaign_of_code("SPRING") == spring
    assert campaign_of_code("UNKNOWN") is None


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("", "code"),
        ("with blank", "code"),
        ("Ümlaut", "code"),
        ("x" * 21, "code"),
        ("newline\n", "code"),
        ("a,b", "code"),
    ],
)
def test_a_code_is_twenty_letters_digits_hyphens_and_underscores(db: None, code: str, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        create_marketing_campaign(name="Name", code=code)
    assert field in refused.value.message_dict
    assert not MarketingCampaign.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"budget": Decimal(-1)}, "budget"),
        ({"start_date": datetime.date(2026, 2, 1), "end_date": datetime.date(2026, 1, 1)}, "__all__"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(db: None, values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        create_marketing_campaign(**{"name": "Name", "code": "CODE", **values})
    assert field in refused.value.message_dict


def test_a_former_code_stays_the_campaigns_own(spring: MarketingCampaign, summer: MarketingCampaign) -> None:
    update_marketing_campaign(marketing_campaign=spring, code="SPRING-2")
    with pytest.raises(ValidationError, match="belongs, or belonged, to another campaign"):
        update_marketing_campaign(marketing_campaign=summer, code="SPRING")
    with pytest.raises(ValidationError, match="belongs, or belonged, to another campaign"):
        create_marketing_campaign(name="New", code="SPRING")
    assert MarketingCampaign.objects.get(pk=summer.pk).code == "SUMMER"
    assert campaign_of_code("SPRING") == campaign_of_code("SPRING-2") == spring
    assert former_codes(spring) == ["SPRING"]
    update_marketing_campaign(marketing_campaign=spring, code="SPRING")
    assert former_codes(spring) == ["SPRING-2"]


def test_only_fields_of_a_person_can_be_changed(spring: MarketingCampaign) -> None:
    with pytest.raises(TypeError, match="is_automatic cannot be changed"):
        update_marketing_campaign(marketing_campaign=spring, is_automatic=True)


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("Campaign", 123, "Campaign_123"),
        ("Very Long Campaign Name", 12352, "Very_Long_Camp_12352"),
        ("Größe & Co.", 7, "Gr__e___Co__7"),
        ("", 5, "_5"),
        ("x", 10**22, "_" + "0" * 0 + str(10**22)[-20:]),
    ],
)
def test_a_code_is_made_of_name_and_number(db: None, name: str, number: int, code: str) -> None:
    made = free_code(name=name, number=number)
    assert made == code[-20:]
    assert len(made) <= 20


def test_codes_that_collide_are_told_apart(db: None) -> None:
    codes = []
    for _number in range(12):
        code = free_code(name="A rather long name", number=12345)
        create_marketing_campaign(name="N", code=code)
        codes.append(code)
    assert codes[0] == "A_rather_long__12345"
    assert codes[1] == "A_rather_lon_12345_2"
    assert len(set(codes)) == 12
    assert all(len(code) <= 20 for code in codes)


def test_a_second_code_of_the_longest_number_fits_too(db: None) -> None:
    number = 10**17 + 5
    for name in ("Spring", "Summer"):
        made = create_marketing_campaign(name=name, code=free_code(name=name, number=number))
        assert len(made.code) <= CODE_LENGTH


def test_a_free_code_is_no_former_one(db: None) -> None:
    made = create_marketing_campaign(name="N", code="Campaign_1")
    update_marketing_campaign(marketing_campaign=made, code="other")
    assert free_code(name="Campaign", number=1) == "Campaign_1_2"


def test_a_merge_takes_each_field_from_the_chosen_campaign(
    spring: MarketingCampaign, summer: MarketingCampaign, django_user_model: Any
) -> None:
    owner = get_user_model().objects.create_user("ann")
    update_marketing_campaign(marketing_campaign=summer, budget=Decimal(500), description="Sunny", owner=owner)
    update_marketing_campaign(marketing_campaign=spring, description="Rainy", start_date=datetime.date(2026, 3, 1))
    merged = merge_campaigns(
        remaining=spring, others=[summer], chosen={"name": summer, "budget": summer, "owner": summer}
    )
    assert (merged.pk, merged.name, merged.budget, merged.owner) == (spring.pk, "Summer", Decimal(500), owner)
    assert (merged.description, merged.start_date) == ("Rainy", datetime.date(2026, 3, 1))
    assert merged.code == "SPRING"
    assert not MarketingCampaign.objects.filter(pk=summer.pk).exists()


def test_mails_activities_and_codes_follow_a_merge(spring: MarketingCampaign, summer: MarketingCampaign) -> None:
    update_marketing_campaign(marketing_campaign=summer, code="SUMMER-2")
    activities = [activity_of(spring), activity_of(summer)]
    merge_campaigns(remaining=spring, others=[summer])
    assert set(MarketingActivity.objects.values_list("email_campaign__marketing_campaign", flat=True)) == {spring.pk}
    assert MarketingActivity.objects.count() == len(activities)
    assert {campaign_of_code(code) for code in ("SPRING", "SUMMER", "SUMMER-2")} == {spring}
    assert former_codes(spring) == ["SUMMER", "SUMMER-2"]
    with pytest.raises(ValidationError):
        create_marketing_campaign(name="Summer again", code="SUMMER")


def test_a_merge_names_what_is_wrong_and_changes_nothing(spring: MarketingCampaign, summer: MarketingCampaign) -> None:
    stranger = create_marketing_campaign(name="Stranger", code="STRANGER")
    early = datetime.date(2026, 1, 1)
    update_marketing_campaign(marketing_campaign=spring, start_date=datetime.date(2026, 3, 1))
    update_marketing_campaign(marketing_campaign=summer, end_date=early)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"others": []}, "two or more"),
        ({"others": [spring]}, "two or more"),
        ({"others": [summer, summer]}, "two or more"),
        ({"others": [summer], "chosen": {"code": summer}}, "code cannot be chosen"),
        ({"others": [summer], "chosen": {"name": stranger}}, "one of the merged"),
        ({"others": [summer], "chosen": {"end_date": summer}}, "cannot end before it starts"),
    ]
    for arguments, said in wrong:
        with pytest.raises(ValidationError, match=said):
            merge_campaigns(remaining=spring, **arguments)
    assert MarketingCampaign.objects.count() == 3
    assert former_codes(spring) == []
    gone = MarketingCampaign.objects.get(pk=stranger.pk)
    stranger.delete()
    with pytest.raises(ValidationError, match="does not exist any more"):
        merge_campaigns(remaining=spring, others=[gone])


def test_the_list_of_a_mail_can_go_and_the_mail_stays(db: None) -> None:
    marketing_list = create_list(name="Doomed", entity="crm.contact")
    mail = create_email_campaign(name="Mail", marketing_list=marketing_list)
    marketing_list.delete()
    assert EmailCampaign.objects.get(pk=mail.pk).marketing_list is None


def test_every_code_is_in_one_table(spring: MarketingCampaign) -> None:
    assert list(CampaignCode.objects.values_list("code", "marketing_campaign")) == [("SPRING", spring.pk)]


def test_a_deleted_email_campaign_takes_its_activities_along(spring: MarketingCampaign) -> None:
    mail = activity_of(spring).email_campaign
    kept = activity_of(spring)
    delete_email_campaign(email_campaign=mail)
    assert MarketingActivity.objects.get() == kept
    assert not EmailCampaign.objects.filter(pk=mail.pk).exists()
    delete_email_campaign(email_campaign=mail)
    assert EmailCampaign.objects.count() == 1


def test_a_deleted_marketing_campaign_leaves_its_activities_and_frees_its_codes(spring: MarketingCampaign) -> None:
    activity = activity_of(spring)
    update_marketing_campaign(marketing_campaign=spring, code="LATER")
    delete_marketing_campaign(marketing_campaign=spring)
    activity.refresh_from_db()
    assert activity.email_campaign.marketing_campaign is None
    assert campaign_of_code("SPRING") is None
    assert create_marketing_campaign(name="Anew", code="LATER").code == "LATER"
