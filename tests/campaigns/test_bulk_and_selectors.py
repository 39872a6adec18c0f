"""Activities and statistics by query: each event once, whatever is selected twice; and what the screens ask."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from dotbridge.campaigns.bulk import Written, hold_email_campaign, record_activities, set_statistics
from dotbridge.campaigns.models import ActivityType, EmailCampaign, MarketingActivity, MarketingCampaign, ReportPeriod
from dotbridge.campaigns.selectors import (
    activities_of_record,
    activities_over_time,
    activity_summary,
    campaign_totals,
    campaigns_of_record,
    recipients,
)
from dotbridge.campaigns.services import (
    create_email_campaign,
    create_marketing_campaign,
    merge_campaigns,
    update_marketing_campaign,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def mail(spring: MarketingCampaign) -> EmailCampaign:
    return create_email_campaign(name="Mail", marketing_list=None, marketing_campaign=spring)


def record(mail: EmailCampaign, *events: tuple[str, str, datetime, str, str]) -> Written:
    """Keep events: type, record, when, details, event."""
    rows = ", ".join(["(%s, %s, %s::timestamptz, %s, %s)"] * len(events))
    selection = f"SELECT * FROM (VALUES {rows}) v (type, record_id, action_date, details, event)"
    with transaction.atomic():
        held = hold_email_campaign(mail.pk)
        assert held is not None
        parameters: list[Any] = [value for event in events for value in event]
        return record_activities(email_campaign=held, entity="crm.contact", selection=selection, parameters=parameters)


def count(
    mail: EmailCampaign, *rows: tuple[str, int, int, int, int, datetime | None], contact: int | None = None
) -> Written:
    """Set statistics: record, opens, clicks, bounces, unsubscribes, last contacted."""
    values = ", ".join(["(%s, %s, %s, %s, %s, %s::timestamptz)"] * len(rows))
    columns = "record_id, opens, clicks, bounces, unsubscribes, last_contacted_at"
    return set_statistics(
        email_campaign=mail,
        entity="crm.contact",
        selection=f"SELECT *, %s::bigint AS contact_id FROM (VALUES {values}) v ({columns})",
        parameters=[contact, *(value for row in rows for value in row)],
    )


def test_an_event_is_kept_once(mail: EmailCampaign) -> None:
    click = ("click", "1", NOON, "https://example.com/", "e1")
    assert record(mail, click, click) == Written(1, 0)
    assert record(mail, click, ("click", "1", NOON, "https://example.com/", "e2")) == Written(1, 0)
    assert record(mail, ("send", "1", NOON, "", ""), ("send", "2", NOON, "", "")) == Written(2, 0)
    assert record(mail, ("send", "1", NOON + timedelta(days=1), "", "")) == Written(0, 1)
    assert MarketingActivity.objects.count() == 4
    assert MarketingActivity.objects.get(type="send", record_id="1").action_date == NOON + timedelta(days=1)


def test_statistics_are_one_row_a_recipient_and_follow_the_last_reading(mail: EmailCampaign) -> None:
    later = NOON + timedelta(hours=1)
    assert count(mail, ("1", 2, 1, 0, 0, NOON), ("1", 3, 1, 0, 0, later), ("2", 0, 0, 2, 0, None)) == Written(2, 0)
    assert count(mail, ("1", 3, 1, 0, 0, later)) == Written(0, 0)
    assert count(mail, ("1", 3, 1, 0, 1, later)) == Written(0, 1)
    totals = campaign_totals(mail)
    assert (totals.recipients, totals.opens, totals.clicks, totals.bounces) == (2, 3, 1, 2)
    assert totals.unsubscribes == 1
    assert [each.record_id for each in recipients(mail)] == ["1", "2"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_contacts_with_one_address_one_after_the_other_count_alike_in_any_order(
    mail: EmailCampaign, order: tuple[int, int]
) -> None:
    later = NOON + timedelta(days=30)
    rows = [("1", 2, 1, 0, 0, NOON), ("1", 0, 0, 0, 0, later)]
    for number in order:
        count(mail, rows[number], contact=number)
        record(mail, ("send", "1", rows[number][-1], "", ""))
    assert mail.statistics.values_list("opens", "last_contacted_at").get() == (0, later)
    assert MarketingActivity.objects.get().action_date == later


def test_a_mail_that_is_gone_holds_nothing(mail: EmailCampaign) -> None:
    number = mail.pk
    mail.delete()
    with transaction.atomic():
        assert hold_email_campaign(number) is None


def test_a_campaigns_page_counts_every_type(mail: EmailCampaign, summer: MarketingCampaign) -> None:
    record(mail, ("send", "1", NOON, "", ""), ("open", "1", NOON, "", "a"), ("open", "1", NOON, "", "b"))
    assert mail.marketing_campaign is not None
    summary = activity_summary(mail.marketing_campaign)
    assert set(summary) == set(ActivityType)
    assert (summary[ActivityType.SEND], summary[ActivityType.OPEN], summary[ActivityType.CLICK]) == (1, 2, 0)
    assert sum(activity_summary(summer).values()) == 0


def test_a_records_page_shows_its_campaigns_the_newest_first(mail: EmailCampaign, summer: MarketingCampaign) -> None:
    other = create_email_campaign(name="Other", marketing_list=None, marketing_campaign=summer)
    alone = create_email_campaign(name="Alone", marketing_list=None)
    record(mail, ("send", "1", NOON, "", ""), ("open", "1", NOON + timedelta(hours=2), "", "a"))
    record(other, ("send", "1", NOON + timedelta(days=1), "", ""), ("send", "2", NOON, "", ""))
    record(alone, ("send", "1", NOON - timedelta(days=1), "", ""))
    lines = campaigns_of_record(entity="crm.contact", record_id="1")
    assert [line.marketing_campaign for line in lines] == [summer, mail.marketing_campaign, None]
    assert lines[1].latest_type == ActivityType.OPEN
    assert lines[1].counts == {ActivityType.SEND: 1, ActivityType.OPEN: 1}
    everything = activities_of_record(entity="crm.contact", record_id="1")
    assert [each.email_campaign.name for each in everything] == ["Other", "Mail", "Mail", "Alone"]
    assert not activities_of_record(entity="crm.lead", record_id="1").exists()


@pytest.mark.parametrize(
    ("period", "spread", "points"),
    [
        (ReportPeriod.HOUR, timedelta(hours=3), 2),
        (ReportPeriod.HOUR, timedelta(hours=41), 2),
        (ReportPeriod.MONTH, timedelta(days=2), 1),
        (ReportPeriod.DAY, timedelta(days=400), 2),
        (ReportPeriod.DAY, timedelta(days=4000), 2),
    ],
)
def test_a_chart_is_drawn_more_coarsely_when_it_had_too_many_points(
    mail: EmailCampaign, period: ReportPeriod, spread: timedelta, points: int
) -> None:
    assert mail.marketing_campaign is not None
    campaign = update_marketing_campaign(marketing_campaign=mail.marketing_campaign, report_period=period)
    assert activities_over_time(campaign).points == []
    record(mail, ("open", "1", NOON, "", "a"), ("open", "2", NOON + spread, "", "b"))
    drawn = activities_over_time(campaign).points
    assert len(drawn) == points
    assert sum(point.count for point in drawn) == 2
    if spread > timedelta(hours=40):
        assert drawn[0].begins_at.hour == 0
    if spread > timedelta(days=40):
        assert drawn[0].begins_at.day == 1


@pytest.mark.django_db(transaction=True)
def test_a_merge_waits_for_an_import_that_is_writing() -> None:
    """Whichever of them is first, what is being written goes over with its e-mail campaign."""
    remaining = create_marketing_campaign(name="Remaining", code="REMAINING")
    merged = create_marketing_campaign(name="Merged", code="MERGED")
    mail = create_email_campaign(name="Mail", marketing_list=None, marketing_campaign=merged)
    is_merging = threading.Event()

    def merge() -> None:
        is_merging.set()
        merge_campaigns(remaining=remaining, others=[merged])
        connection.close()

    with transaction.atomic():
        held = hold_email_campaign(mail.pk)
        assert held is not None
        other = threading.Thread(target=merge)
        other.start()
        is_merging.wait(10)
        record(mail, ("send", "1", NOON, "", ""))
        other.join(0.5)
        assert other.is_alive()
    other.join(20)
    assert not other.is_alive()
    assert activity_summary(remaining)["send"] == 1
    assert list(MarketingCampaign.objects.all()) == [remaining]
