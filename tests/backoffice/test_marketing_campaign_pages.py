"""Marketing campaigns: made, changed, drawn, merged and deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from dotbridge.backoffice.charts import bars_by_period
from dotbridge.backoffice.reads.campaign_tables import activity_table
from dotbridge.backoffice.screens.base import url_of
from dotbridge.campaigns.models import (
    ActivityType,
    MarketingCampaign,
    ReportPeriod,
)
from dotbridge.campaigns.selectors import ActivitiesOverTime, ActivityPoint, activity_summary, campaign_of_code
from dotbridge.campaigns.services import create_marketing_campaign, update_marketing_campaign
from dotbridge.lists.services import create_list
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

CAMPAIGNS = "dotbridge_tables:dotbridge_campaigns_marketingcampaign_changelist"
LIST = "dotbridge:marketing-campaigns"
ADD = "dotbridge:marketing-campaign-add"
MERGE = "dotbridge:marketing-campaign-merge"


def page_of(campaign: MarketingCampaign, page: str = "marketing-campaign") -> str:
    return reverse(f"dotbridge:{page}", args=[campaign.pk])


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_current_timezone())  # type: ignore[arg-type, misc]


def typed(**values: Any) -> dict[str, Any]:
    """What the form of a marketing campaign posts."""
    return {"name": "Summer", "code": "SUMMER", "report_period": "day", **values}


@pytest.fixture
def spring(db: None) -> MarketingCampaign:
    return create_marketing_campaign(name="Spring", code="SPRING", is_automatic=True)


@pytest.fixture
def summer(db: None) -> MarketingCampaign:
    return create_marketing_campaign(
        name="Summer", code="SUMMER", budget=500, start_date=date(2026, 6, 1), is_automatic=True
    )


def merged(*campaigns: MarketingCampaign, **values: Any) -> dict[str, Any]:
    """What the page that asks about a merge posts."""
    return {"campaign": [campaign.pk for campaign in campaigns], "confirmed": "yes", **values}


def test_a_marketing_campaign_is_made_and_changed(back_office: Client, db: None) -> None:
    back_office.post(reverse(ADD), typed(budget="12.50", start_date="2026-06-01"))
    made = MarketingCampaign.objects.get()
    assert (made.name, made.code, str(made.budget), made.is_automatic) == ("Summer", "SUMMER", "12.50", False)
    back_office.post(page_of(made), typed(code="HEAT", end_date="2026-07-01"))
    made.refresh_from_db()
    assert (made.code, made.budget, made.end_date) == ("HEAT", None, date(2026, 7, 1))
    assert campaign_of_code("SUMMER") == made
    assert "HEAT (SUMMER)" in texts(back_office.get(url_of(made)))
    assert "HEAT (SUMMER)" in texts(back_office.get(reverse(CAMPAIGNS) + "?q=SUMMER"))
    for query, is_found in (("SUMMER", True), ("heat", True), ("WINTER", False)):
        assert (page_of(made) in texts(back_office.get(f"{reverse(LIST)}?q={query}"))) is is_found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"code": "SPRING"}, "belongs, or belonged, to Spring"),
        ({"code": "FORMER"}, "belongs, or belonged, to Spring"),
        ({"code": "with blank"}, "Letters, digits, hyphen and underscore only."),
        ({"code": "x" * 21}, "at most 20 characters"),
        ({"code": ""}, "This field is required."),
        ({"name": ""}, "This field is required."),
        ({"budget": "-1"}, "greater than or equal to 0"),
        ({"budget": "much"}, "Enter a number."),
        ({"start_date": "2026-07-01", "end_date": "2026-06-01"}, "A campaign cannot end before it starts."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    back_office: Client, spring: MarketingCampaign, values: dict[str, str], said: str
) -> None:
    update_marketing_campaign(marketing_campaign=spring, code="FORMER")
    update_marketing_campaign(marketing_campaign=spring, code="SPRING")
    assert said in texts(back_office.post(reverse(ADD), typed(**values)))
    assert MarketingCampaign.objects.count() == 1


def test_a_new_campaign_is_its_makers_own(back_office: Client) -> None:
    page = texts(back_office.get(reverse(ADD)))
    assert "selected>mona</option>" in page


def test_a_marketing_campaign_is_deleted_after_a_question(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    campaign = world.marketing_campaign
    address = page_of(campaign, "marketing-campaign-delete")
    assert logged_in("dotbridge_campaigns.view_marketingcampaign").post(address).status_code == 403
    asking = texts(back_office.get(address))
    assert f"others may take them: {campaign.code}." in asking
    assert "Its e-mail campaigns (1) and activities (5) stay" in asking
    assert MarketingCampaign.objects.filter(pk=campaign.pk).exists()
    back_office.post(address, {"confirmed": "yes"})
    assert not MarketingCampaign.objects.exists()
    assert LogEntry.objects.get().is_deletion()
    world.email_campaign.refresh_from_db()
    assert world.email_campaign.marketing_campaign is None
    assert world.email_campaign.activities.count() == 5
    assert back_office.post(address, {"confirmed": "yes"}).status_code == 404
    assert "Outside of any campaign" in texts(
        back_office.get(
            reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record")
            + f"?entity=crm.contact&record={world.people[0].pk}"
        )
    )


def test_a_marketing_campaign_shows_its_mails_and_activities(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_campaign)))
    assert reverse("dotbridge:campaign", args=[world.email_campaign.pk]) in page
    assert "What recipients did over time" in page
    assert '<th scope="col" class="figure">Opened</th>' in page
    assert page_of(world.marketing_campaign, "marketing-campaign-delete") in page
    empty = create_marketing_campaign(name="Empty", code="EMPTY")
    assert "No activity yet." in texts(back_office.get(page_of(empty)))


def test_chosen_campaigns_lead_to_the_merge(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    assert f'action="{reverse(MERGE)}"' in texts(back_office.get(reverse(LIST)))
    page = texts(back_office.get(reverse(MERGE), {"campaign": [summer.pk, spring.pk]}))
    assert "What is kept" in page
    assert "cannot be undone" in page
    assert "SPRING, SUMMER" in page
    assert MarketingCampaign.objects.count() == 2


def rule_about(*campaigns: MarketingCampaign, name: str = "clicked") -> dict[str, Any]:
    where = {"combinator": "and", "rules": []}
    where["rules"] = [{"field": "marketing_campaign", "operator": "in", "value": [each.pk for each in campaigns]}]
    asked = {"field": f"campaigns.{name}", "measure": "exists", "operator": "=", "value": True, "where": where}
    return {"combinator": "and", "rules": [{"combinator": "or", "rules": [asked]}]}


def test_a_merge_and_a_deletion_name_the_lists_that_ask_about_what_goes(
    back_office: Client, logged_in: Callable[..., Client], spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    create_list(name="Clicked in spring", entity="crm.contact", rule=rule_about(spring))
    create_list(name="Neither", entity="crm.contact")
    other = create_marketing_campaign(name="Autumn", code="AUTUMN")
    merging = texts(back_office.get(reverse(MERGE), {"campaign": [summer.pk, spring.pk]}))
    assert "1 list asks about it in its rule: Clicked in spring." in merging
    assert "Neither" not in merging
    assert "asks about it" not in texts(back_office.get(reverse(MERGE), {"campaign": [summer.pk, other.pk]}))
    assert "Clicked in spring" in texts(back_office.get(page_of(spring, "marketing-campaign-delete")))
    names = ("view_marketingcampaign", "delete_marketingcampaign")
    without_lists = logged_in(*(f"dotbridge_campaigns.{name}" for name in names))
    page = texts(without_lists.get(page_of(spring, "marketing-campaign-delete")))
    assert "1 list asks about it in its rule." in page
    assert "Clicked in spring" not in page


def test_a_merge_proposes_what_is_not_empty(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    response = back_office.get(f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}")
    assert response.context["remaining"] == spring
    fields = {field.name: field for field in response.context["field_choices"]}
    same = {field.name: field.same for field in response.context["same_fields"]}
    chosen = {name: [each.key for each in field.choices if each.is_chosen] for name, field in fields.items()}
    assert chosen["name"] == [str(spring.pk)]
    assert chosen["budget"] == chosen["start_date"] == [str(summer.pk)]
    assert [each.value for each in fields["budget"].choices] == ["empty", "500.00"]
    assert same["report_period"] == "Daily"
    MarketingCampaign.objects.filter(pk=summer.pk).update(is_automatic=False)
    response = back_office.get(f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}")
    assert response.context["remaining"] == summer


def test_texts_that_begin_alike_are_chosen_from(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    for campaign, end in ((spring, "one"), (summer, "two")):
        MarketingCampaign.objects.filter(pk=campaign.pk).update(description="Long. " * 60 + end)
    response = back_office.get(f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}")
    assert "description" in {field.name for field in response.context["field_choices"]}


def test_a_merge_keeps_what_was_chosen(back_office: Client, world: World, summer: MarketingCampaign) -> None:
    imported = world.marketing_campaign
    posted = merged(imported, summer, remaining=imported.pk, name=summer.pk, budget=summer.pk, start_date=imported.pk)
    said = texts(back_office.post(reverse(MERGE), posted, follow=True))
    assert "1 campaign was merged into Summer." in said
    kept = MarketingCampaign.objects.get()
    assert (kept.pk, kept.name, kept.budget, kept.start_date) == (imported.pk, "Summer", 500, None)
    assert campaign_of_code("SUMMER") == kept
    assert "Links with these former codes lead here as well: SUMMER" in said
    assert sum(activity_summary(kept).values()) == 5
    assert LogEntry.objects.get().object_id == str(kept.pk)


def test_a_merge_whose_result_does_not_fit_is_explained(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    update_marketing_campaign(marketing_campaign=spring, end_date=date(2026, 5, 1))
    posted = merged(spring, summer, remaining=spring.pk, start_date=summer.pk, end_date=spring.pk, name=summer.pk)
    response = back_office.post(reverse(MERGE), posted)
    assert "A campaign cannot end before it starts." in texts(response)
    fields = {field.name: field for field in response.context["field_choices"]}
    assert [each.key for each in fields["name"].choices if each.is_chosen] == [str(summer.pk)]
    assert MarketingCampaign.objects.count() == 2


def test_a_merge_needs_a_remaining_campaign_and_at_least_two(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    stranger = create_marketing_campaign(name="Stranger", code="STRANGER")
    page = texts(back_office.post(reverse(MERGE), merged(spring, summer, remaining=stranger.pk)))
    assert "Choose the campaign that remains." in page
    for query in ("", f"?campaign={spring.pk}", f"?campaign={spring.pk}&campaign={spring.pk}&campaign=nonsense"):
        assert "Choose two or more campaigns" in texts(back_office.get(reverse(MERGE) + query, follow=True))
    assert MarketingCampaign.objects.count() == 3


def test_a_merge_is_for_those_who_may_change_and_delete(
    logged_in: Callable[..., Client], spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    rights = ["dotbridge_campaigns.view_marketingcampaign", "dotbridge_campaigns.change_marketingcampaign"]
    person = logged_in(*rights)
    assert "Merge into one campaign" not in texts(person.get(reverse(LIST)))
    assert person.post(reverse(MERGE), merged(spring, summer, remaining=spring.pk)).status_code == 403
    assert MarketingCampaign.objects.count() == 2
    may = logged_in(*rights, "dotbridge_campaigns.delete_marketingcampaign")
    assert "Merge into one campaign" in texts(may.get(reverse(LIST)))
    assert "delete_selected" not in texts(may.get(reverse(CAMPAIGNS)))


@pytest.mark.parametrize(
    ("period", "last", "names"),
    [
        (ReportPeriod.DAY, moment(2026, 3, 3), ["01/03/2026", "02/03/2026", "03/03/2026"]),
        (ReportPeriod.MONTH, moment(2026, 5, 1), ["March 2026", "April 2026", "May 2026"]),
        (ReportPeriod.HOUR, moment(2026, 3, 1, 2), ["01/03/2026 midnight", "01/03/2026 1 a.m.", "01/03/2026 2 a.m."]),
    ],
)
def test_a_period_in_which_nothing_happened_is_shown(period: ReportPeriod, last: datetime, names: list[str]) -> None:
    points = [
        ActivityPoint(begins_at=begin, type=kind, count=3)
        for begin, kind in ((moment(2026, 3, 1), ActivityType.SEND), (last, ActivityType.OPEN))
    ]
    with override("en-gb"):
        table = activity_table(ActivitiesOverTime(period=period, points=points))
    assert table.types == [ActivityType.SEND, ActivityType.OPEN]
    assert table.rows == [(names[0], [3, 0]), (names[1], [0, 0]), (names[2], [0, 3])]


def test_a_chart_leaves_out_what_was_sent() -> None:
    at = moment(2026, 3, 1)
    sent = ActivityPoint(begins_at=at, type=ActivityType.SEND, count=900)
    opened = ActivityPoint(begins_at=at, type=ActivityType.OPEN, count=3)
    clicked = ActivityPoint(begins_at=at, type=ActivityType.CLICK, count=1)
    only_sent = activity_table(ActivitiesOverTime(period=ReportPeriod.DAY, points=[sent]))
    assert bars_by_period(only_sent) is None
    chart = bars_by_period(activity_table(ActivitiesOverTime(period=ReportPeriod.DAY, points=[sent, opened, clicked])))
    assert chart is not None
    assert [(bar.tone, bar.y, bar.height) for bar in chart.bars] == [
        ("info", "51.0", "123.0"),
        ("good", "10.0", "41.0"),
    ]
    assert chart.tones == [("info", "Opened"), ("good", "Clicked")]


def test_ages_between_two_points_are_not_filled() -> None:
    points = [
        ActivityPoint(begins_at=moment(2026, 3, 1) - before, type=ActivityType.OPEN, count=1)
        for before in (timedelta(days=40_000), timedelta(0))
    ]
    assert len(activity_table(ActivitiesOverTime(period=ReportPeriod.MONTH, points=points)).rows) == 2


@pytest.mark.django_db(transaction=True)
def test_a_code_that_somebody_takes_in_the_same_moment_is_said(client: Client) -> None:
    """The form has seen the code free, and waits in the database for the one who was a moment earlier."""
    client.force_login(User.objects.create_superuser("mona", password="x"))
    entered, waited = threading.Event(), []

    def take_the_code() -> None:
        try:
            with transaction.atomic():
                create_marketing_campaign(name="Earlier", code="SUMMER")
                entered.set()
                for _ in range(1000):
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                        if cursor.fetchone()[0]:
                            waited.append(True)
                            return
                    time.sleep(0.01)
        finally:
            connection.close()

    earlier = threading.Thread(target=take_the_code)
    earlier.start()
    assert entered.wait(20)
    page = texts(client.post(reverse(ADD), typed(), follow=True))
    earlier.join(20)
    assert waited
    assert "This code belongs, or belonged, to another campaign." in page
    assert MarketingCampaign.objects.get().name == "Earlier"
