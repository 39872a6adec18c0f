"""E-mail campaigns, marketing campaigns, their merge and their activities: what is shown and what people may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from dotbridge.backoffice.campaign_reads import activity_table, chart_of, newest_campaigns
from dotbridge.backoffice.labels import activities_in_words, percentage, with_share
from dotbridge.backoffice.screens.base import url_of
from dotbridge.campaigns.models import (
    ActivityType,
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
    ReportPeriod,
)
from dotbridge.campaigns.selectors import ActivitiesOverTime, ActivityPoint, campaign_of_code
from dotbridge.campaigns.services import create_email_campaign, create_marketing_campaign, update_marketing_campaign
from dotbridge.mirror.models import Campaign, CampaignSummary
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

MAILS = "admin:campaigns_emailcampaign_changelist"
CAMPAIGNS = "admin:campaigns_marketingcampaign_changelist"
ACTIVITIES = "admin:campaigns_marketingactivity_changelist"
RECIPIENTS = "admin:campaigns_emailcampaignstatistics_changelist"
MERGE = "admin:campaigns_marketingcampaign_merge"


def found(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


def page_of(record: EmailCampaign | MarketingCampaign, page: str = "change") -> str:
    return reverse(f"admin:campaigns_{record._meta.model_name}_{page}", args=[record.pk])


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


def test_the_list_has_the_figures_of_dotdigital(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse(MAILS)))
    for figure in ("1,000", "200\N{NO-BREAK SPACE}(25.0%)", "40\N{NO-BREAK SPACE}(5.0%)", "8\N{NO-BREAK SPACE}(1.0%)"):
        assert figure in page
    assert "Gone from Dotdigital" not in page
    Campaign.objects.update(gone_at=timezone.now())
    assert "Gone from Dotdigital" in texts(back_office.get(reverse(MAILS)))
    CampaignSummary.objects.all().delete()
    assert "1,000" not in texts(back_office.get(reverse(MAILS)))


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("?q=mail+0", 1),
        ("?q=nothing+like+it", 0),
        ("?link__campaign__gone_at__isempty=1", 1),
        ("?link__campaign__gone_at__isempty=0", 0),
        ("?campaign=CAMPAIGN", 1),
        ("?campaign=99999999", 0),
        ("?campaign=nonsense", 1),
        ("?marketing_list__id__exact=LIST", 1),
        ("?sent_at_from=2020-01-01", 1),
        ("?sent_at_to=2020-01-01", 0),
        ("?sent_at_from=DAY&sent_at_to=DAY", 1),
        ("?sent_at_from=nonsense&sent_at_to=9999-12-31", 1),
    ],
)
def test_campaigns_are_found(back_office: Client, world: World, query: str, number: int) -> None:
    query = query.replace("CAMPAIGN", str(world.marketing_campaign.pk)).replace("LIST", str(world.marketing_list.pk))
    query = query.replace("DAY", (timezone.localtime() - timedelta(days=2)).date().isoformat())
    assert len(found(back_office.get(reverse(MAILS) + query))) == number


def test_campaigns_are_sorted_by_their_figures(back_office: Client, world: World) -> None:
    create_email_campaign(name="Nobody knows", marketing_list=None)
    columns = back_office.get(reverse(MAILS)).context["cl"].list_display
    place = columns.index("opened_share")
    names = [str(mail) for mail in found(back_office.get(f"{reverse(MAILS)}?o={place}"))]
    assert names == [str(world.email_campaign), "Nobody knows"]


def test_a_campaign_shows_both_countings(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.email_campaign)))
    for record in (world.marketing_list, world.marketing_campaign, world.integration):
        assert f'href="{url_of(record)}"' in page
    assert "cannot be edited here" in page
    response = back_office.get(page_of(world.email_campaign, "results"))
    figures = {str(figure.label): (figure.theirs, figure.ours) for figure in response.context["figures"]}
    assert figures == {
        "Recipients": (1000, 2),
        "Opens": (300, 1),
        "Clicks": (50, 1),
        "Bounces": (200, 1),
        "Unsubscribes": (8, 0),
        "Complaints": (1, None),
    }
    assert "All figures of Dotdigital" in texts(response)
    assert "25.0%" in texts(response)


def test_a_campaign_without_figures_says_so(back_office: Client, db: None) -> None:
    mail = create_email_campaign(name="By hand", marketing_list=None)
    assert "In Dotdigital" not in texts(back_office.get(page_of(mail)))
    page = texts(back_office.get(page_of(mail, "results")))
    assert "has given no figures" in page
    assert "All figures of Dotdigital" not in page


def test_a_sent_campaign_is_not_edited(back_office: Client, world: World) -> None:
    assert back_office.post(page_of(world.email_campaign), {"name": "Other"}).status_code == 403
    assert back_office.get(reverse("admin:campaigns_emailcampaign_add")).status_code == 403
    world.email_campaign.refresh_from_db()
    assert world.email_campaign.name != "Other"


def test_a_campaign_is_deleted_after_a_question(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    address = page_of(world.email_campaign, "delete")
    assert logged_in("campaigns.view_emailcampaign").post(address, {"confirmed": "yes"}).status_code == 403
    page = texts(back_office.get(address))
    assert "the statistics of 2 recipients" in page
    assert "5 marketing activities" in page
    assert EmailCampaign.objects.filter(pk=world.email_campaign.pk).exists()
    back_office.post(address, {"confirmed": "yes"})
    assert not EmailCampaign.objects.filter(pk=world.email_campaign.pk).exists()
    assert not MarketingActivity.objects.exists()
    assert Campaign.objects.get().link.email_campaign is None
    assert LogEntry.objects.get().object_id == str(world.email_campaign.pk)


@pytest.mark.parametrize(
    ("did", "number"),
    [("opened", 1), ("clicked", 1), ("bounced", 1), ("unsubscribed", 0), ("nothing", 0), ("odd", 2)],
)
def test_recipients_are_chosen_by_what_they_did(back_office: Client, world: World, did: str, number: int) -> None:
    response = back_office.get(f"{reverse(RECIPIENTS)}?mail={world.email_campaign.pk}&did={did}")
    assert len(found(response)) == number
    assert "Pages of this campaign" in texts(response)
    assert found(back_office.get(f"{reverse(RECIPIENTS)}?mail=99999999&did={did}")) == []


def test_recipients_of_one_campaign_are_sorted_and_none_are_counted(back_office: Client, world: World) -> None:
    address = f"{reverse(RECIPIENTS)}?mail={world.email_campaign.pk}"
    place = back_office.get(address).context["cl"].list_display.index("opens")
    with CaptureQueriesContext(connection) as captured:
        response = back_office.get(f"{address}&o=-{place}")
    assert [row.opens for row in found(response)] == [1, 0]
    assert not any("COUNT(" in query["sql"].upper() for query in captured)
    assert back_office.get(reverse(RECIPIENTS)).context["cl"].get_ordering_field_columns() == {}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", 5),
        ("?type__exact=open", 1),
        ("?mail=MAIL", 5),
        ("?mail=99999999", 0),
        ("?campaign=CAMPAIGN&type__exact=send", 2),
        ("?record=crm.contact:PERSON", 3),
        ("?record=crm.lead:PERSON", 0),
        ("?record=nonsense", 5),
        ("?action_date_from=2020-01-01", 5),
        ("?action_date_to=2020-01-01", 0),
    ],
)
def test_activities_are_filtered_and_not_counted(back_office: Client, world: World, query: str, number: int) -> None:
    chosen = {"MAIL": world.email_campaign, "CAMPAIGN": world.marketing_campaign, "PERSON": world.people[0]}
    for word, record in chosen.items():
        query = query.replace(word, str(record.pk))
    with CaptureQueriesContext(connection) as captured:
        response = back_office.get(reverse(ACTIVITIES) + query)
    assert len(found(response)) == number
    assert not any("COUNT(" in each["sql"].upper() for each in captured)


def test_newest_activities_are_read_from_an_index(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN SELECT id FROM campaigns_marketingactivity ORDER BY action_date DESC, id DESC LIMIT 50")
        assert "marketing_activity_by_date" in str(cursor.fetchall())


def test_a_record_shows_what_it_did(back_office: Client, logged_in: Callable[..., Client], world: World) -> None:
    person = world.people[0]
    piece = reverse("admin:campaigns_marketingactivity_of-record-piece") + f"?entity=crm.contact&record={person.pk}"
    assert piece.replace("&", "&amp;") in texts(back_office.get(reverse("admin:crm_contact_change", args=[person.pk])))
    page = texts(back_office.get(piece))
    assert "Sent: 1, Opened: 1, Clicked: 1" in page
    assert "Hard-bounced" not in page
    nobody = piece.replace(f"record={person.pk}", "record=99999999")
    assert "No campaign has had to do" in texts(back_office.get(nobody))
    for wrong in (
        "?entity=auth.user&record=1",
        "?entity=crm.contact&record=",
        "",
        f"?entity=crm.contact&record={'9' * 80}",
    ):
        assert back_office.get(piece.partition("?")[0] + wrong).status_code == 404
    stranger = logged_in("crm.view_contact")
    assert stranger.get(piece).status_code == 403
    assert "of-record" not in texts(stranger.get(reverse("admin:crm_contact_change", args=[person.pk])))


def test_a_busy_record_takes_no_more_statements(back_office: Client, world: World) -> None:
    piece = reverse("admin:campaigns_marketingactivity_of-record") + f"?entity=crm.contact&record={world.people[0].pk}"
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            page = texts(back_office.get(piece))
        counts.append(len(captured))
        for number in range(15):
            effort = create_marketing_campaign(name=f"C{number}", code=f"C{number}{len(counts)}")
            _happened(create_email_campaign(name="M", marketing_list=None, marketing_campaign=effort), world)
    assert counts[0] == counts[1]
    assert "See every activity of this record" in page


def _happened(mail: EmailCampaign, world: World) -> None:
    MarketingActivity.objects.create(
        type="open",
        marketing_campaign=mail.marketing_campaign,
        email_campaign=mail,
        entity="crm.contact",
        record_id=str(world.people[0].pk),
        action_date=timezone.now(),
        natural_key=uuid4(),
    )


def test_a_marketing_campaign_is_made_and_changed(back_office: Client, db: None) -> None:
    back_office.post(reverse("admin:campaigns_marketingcampaign_add"), typed(budget="12.50", start_date="2026-06-01"))
    made = MarketingCampaign.objects.get()
    assert (made.name, made.code, str(made.budget), made.is_automatic) == ("Summer", "SUMMER", "12.50", False)
    back_office.post(page_of(made), typed(code="HEAT", end_date="2026-07-01"))
    made.refresh_from_db()
    assert (made.code, made.budget, made.end_date) == ("HEAT", None, date(2026, 7, 1))
    assert campaign_of_code("SUMMER") == made
    assert "HEAT (SUMMER)" in texts(back_office.get(page_of(made)))
    assert "HEAT (SUMMER)" in texts(back_office.get(reverse(CAMPAIGNS) + "?q=SUMMER"))


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
        ({"start_date": "2026-07-01", "end_date": "2026-06-01"}, "A campaign starts before it ends."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(
    back_office: Client, spring: MarketingCampaign, values: dict[str, str], said: str
) -> None:
    update_marketing_campaign(marketing_campaign=spring, code="FORMER")
    update_marketing_campaign(marketing_campaign=spring, code="SPRING")
    assert said in texts(back_office.post(reverse("admin:campaigns_marketingcampaign_add"), typed(**values)))
    assert MarketingCampaign.objects.count() == 1


def test_a_new_campaign_is_its_makers_own(back_office: Client) -> None:
    page = texts(back_office.get(reverse("admin:campaigns_marketingcampaign_add")))
    assert "selected>mona</option>" in page


def test_a_marketing_campaign_is_deleted_after_a_question(back_office: Client, world: World) -> None:
    campaign = world.marketing_campaign
    assert campaign.code in texts(back_office.get(page_of(campaign, "delete")))
    assert MarketingCampaign.objects.filter(pk=campaign.pk).exists()
    back_office.post(page_of(campaign, "delete"), {"confirmed": "yes"})
    assert not MarketingCampaign.objects.exists()
    world.email_campaign.refresh_from_db()
    assert world.email_campaign.marketing_campaign is None
    assert world.email_campaign.activities.filter(marketing_campaign=None).count() == 5
    assert "Outside of any campaign" in texts(
        back_office.get(
            reverse("admin:campaigns_marketingactivity_of-record") + f"?entity=crm.contact&record={world.people[0].pk}"
        )
    )


def test_a_marketing_campaign_shows_its_mails_and_activities(back_office: Client, world: World) -> None:
    page = texts(back_office.get(page_of(world.marketing_campaign)))
    assert f'href="{page_of(world.email_campaign)}"' in page
    piece = texts(back_office.get(page_of(world.marketing_campaign, "activities")))
    assert 'role="img"' in piece
    assert '<th scope="col" class="db-number">Opened</th>' in piece
    empty = create_marketing_campaign(name="Empty", code="EMPTY")
    assert "No e-mail campaign takes part" in texts(back_office.get(page_of(empty)))
    assert "Nothing yet." in texts(back_office.get(page_of(empty, "activities")))


def test_chosen_campaigns_lead_to_the_merge(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    chosen = {"action": "merge_chosen", "_selected_action": [summer.pk, spring.pk]}
    response = back_office.post(reverse(CAMPAIGNS), chosen)
    assert response["Location"] == f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}"
    page = texts(back_office.get(response["Location"]))
    assert "What is kept" in page
    assert "cannot be undone" in page
    assert "SPRING, SUMMER" in page
    assert MarketingCampaign.objects.count() == 2


def test_a_merge_proposes_what_is_not_empty(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    response = back_office.get(f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}")
    assert response.context["remaining"] == spring
    fields = {field.name: field for field in response.context["field_choices"]}
    chosen = {name: [each.key for each in field.choices if each.is_chosen] for name, field in fields.items()}
    assert chosen["name"] == [str(spring.pk)]
    assert chosen["budget"] == chosen["start_date"] == [str(summer.pk)]
    assert [each.value for each in fields["budget"].choices] == ["empty", "500.00"]
    assert (fields["report_period"].same, fields["report_period"].choices) == ("Daily", [])
    MarketingCampaign.objects.filter(pk=summer.pk).update(is_automatic=False)
    response = back_office.get(f"{reverse(MERGE)}?campaign={spring.pk}&campaign={summer.pk}")
    assert response.context["remaining"] == summer


def test_a_merge_keeps_what_was_chosen(back_office: Client, world: World, summer: MarketingCampaign) -> None:
    imported = world.marketing_campaign
    posted = merged(imported, summer, remaining=imported.pk, name=summer.pk, budget=summer.pk, start_date=imported.pk)
    said = texts(back_office.post(reverse(MERGE), posted, follow=True))
    assert "1 campaign was merged into Summer." in said
    kept = MarketingCampaign.objects.get()
    assert (kept.pk, kept.name, kept.budget, kept.start_date) == (imported.pk, "Summer", 500, None)
    assert campaign_of_code("SUMMER") == kept
    assert f"{imported.code} (SUMMER)" in said
    assert kept.activities.count() == 5
    assert LogEntry.objects.get().object_id == str(kept.pk)


def test_a_merge_whose_result_does_not_fit_is_explained(
    back_office: Client, spring: MarketingCampaign, summer: MarketingCampaign
) -> None:
    update_marketing_campaign(marketing_campaign=spring, end_date=date(2026, 5, 1))
    posted = merged(spring, summer, remaining=spring.pk, start_date=summer.pk, end_date=spring.pk, name=summer.pk)
    response = back_office.post(reverse(MERGE), posted)
    assert "A campaign starts before it ends." in texts(response)
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
    rights = ["campaigns.view_marketingcampaign", "campaigns.change_marketingcampaign"]
    person = logged_in(*rights)
    assert "merge_chosen" not in texts(person.get(reverse(CAMPAIGNS)))
    assert person.post(reverse(MERGE), merged(spring, summer, remaining=spring.pk)).status_code == 403
    assert MarketingCampaign.objects.count() == 2
    may = logged_in(*rights, "campaigns.delete_marketingcampaign")
    assert "merge_chosen" in texts(may.get(reverse(CAMPAIGNS)))
    assert "delete_selected" not in texts(may.get(reverse(CAMPAIGNS)))


def test_the_overview_shows_the_newest_results(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    assert [mail.opened for mail in newest_campaigns()] == [200]
    assert "Newest e-mail campaigns" in texts(back_office.get(reverse("admin:index")))
    assert "Newest e-mail campaigns" not in texts(logged_in("lists.view_marketinglist").get(reverse("admin:index")))
    page = texts(logged_in("campaigns.view_emailcampaign").get(reverse("admin:index")))
    assert "Newest e-mail campaigns" in page
    assert "Welcome" not in page


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
    only_sent = activity_table(ActivitiesOverTime(period=ReportPeriod.DAY, points=[sent]))
    assert chart_of(only_sent) == {}
    both = activity_table(ActivitiesOverTime(period=ReportPeriod.DAY, points=[sent, opened]))
    drawn = json.loads(chart_of(both)["data"])
    assert [(each["label"], each["data"]) for each in drawn["datasets"]] == [("Opened", [3])]


def test_ages_between_two_points_are_not_filled() -> None:
    points = [
        ActivityPoint(begins_at=moment(2026, 3, 1) - before, type=ActivityType.OPEN, count=1)
        for before in (timedelta(days=40_000), timedelta(0))
    ]
    assert len(activity_table(ActivitiesOverTime(period=ReportPeriod.MONTH, points=points)).rows) == 2


def test_shares_and_phrases() -> None:
    assert [with_share(*pair) for pair in ((None, 5), (5, None), (5, 0), (1, 8))] == [
        "-",
        "5",
        "5",
        "1\N{NO-BREAK SPACE}(12.5%)",
    ]
    assert percentage(1.2) == "120.0%"
    assert activities_in_words({ActivityType.CLICK: 2, ActivityType.SEND: 1}) == "Sent: 1, Clicked: 2"


def test_statistics_of_a_record_that_is_gone_are_shown(back_office: Client, world: World) -> None:
    EmailCampaignStatistics.objects.update(entity="gone.model")
    assert "does not exist any more" in texts(back_office.get(reverse(RECIPIENTS)))
