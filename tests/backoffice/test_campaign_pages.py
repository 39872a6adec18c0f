"""E-mail campaigns, their recipients and activities: what is shown, found and deleted."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
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

from dotbridge.backoffice.labels import activities_in_words, percentage, with_share
from dotbridge.backoffice.reads.campaigns import CampaignCard, Did
from dotbridge.backoffice.screens.base import url_of
from dotbridge.campaigns.models import (
    ActivityType,
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
)
from dotbridge.campaigns.services import create_email_campaign, create_marketing_campaign
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import Campaign, CampaignSummary, ClickEvent
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

MAILS = "dotbridge_tables:dotbridge_campaigns_emailcampaign_changelist"
ACTIVITIES = "dotbridge_tables:dotbridge_campaigns_marketingactivity_changelist"
RECIPIENTS = "dotbridge_tables:dotbridge_campaigns_emailcampaignstatistics_changelist"


def found(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


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
        ("?pair__campaign__gone_at__isempty=1", 1),
        ("?pair__campaign__gone_at__isempty=0", 0),
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
    page = texts(back_office.get(url_of(world.email_campaign)))
    for record in (world.marketing_list, world.marketing_campaign, world.integration):
        assert f'href="{url_of(record)}"' in page
    assert "cannot be edited here" in page
    response = back_office.get(url_of(world.email_campaign, "results"))
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
    assert "In Dotdigital" not in texts(back_office.get(url_of(mail)))
    page = texts(back_office.get(url_of(mail, "results")))
    assert "has given no figures" in page
    assert "All figures of Dotdigital" not in page


def test_a_sent_campaign_is_not_edited(back_office: Client, world: World) -> None:
    assert back_office.post(url_of(world.email_campaign), {"name": "Other"}).status_code == 403
    assert back_office.get(reverse("dotbridge_tables:dotbridge_campaigns_emailcampaign_add")).status_code == 403
    world.email_campaign.refresh_from_db()
    assert world.email_campaign.name != "Other"


def test_a_campaign_is_deleted_after_a_question(
    back_office: Client, logged_in: Callable[..., Client], world: World
) -> None:
    address = reverse("dotbridge:campaign-delete", args=[world.email_campaign.pk])
    assert address in texts(back_office.get(reverse("dotbridge:campaign", args=[world.email_campaign.pk])))
    assert logged_in("dotbridge_campaigns.view_emailcampaign").post(address, {"confirmed": "yes"}).status_code == 403
    page = texts(back_office.get(address))
    assert "The results of 2 recipients go with it." in page
    assert "5 activities go with it." in page
    assert EmailCampaign.objects.filter(pk=world.email_campaign.pk).exists()
    back_office.post(address, {"confirmed": "yes"})
    assert not EmailCampaign.objects.filter(pk=world.email_campaign.pk).exists()
    assert not MarketingActivity.objects.exists()
    assert Campaign.objects.get().pair.email_campaign is None
    assert LogEntry.objects.get().object_id == str(world.email_campaign.pk)


def test_clicks_that_are_not_kept_are_not_called_none(back_office: Client, world: World) -> None:
    address = reverse("dotbridge:campaign", args=[world.email_campaign.pk])
    ClickEvent.objects.all().delete()
    page = texts(back_office.get(address))
    assert "The single clicks are not read yet, or not kept any more." in page
    assert "Nobody clicked yet." not in page
    CampaignSummary.objects.update(num_recipients_clicked=0)
    assert "Nobody clicked yet." in texts(back_office.get(address))


def test_deleting_a_campaign_says_who_leaves_a_list_because_of_it(back_office: Client, world: World) -> None:
    asks = {"field": "email_campaign", "operator": "=", "value": str(world.email_campaign.pk)}
    where = {"combinator": "and", "rules": [asks]}
    asked = {"field": "campaigns.opened", "measure": "exists", "operator": "=", "value": True, "where": where}
    create_list(name="Opened it", entity="crm.contact", rule={"combinator": "and", "rules": [asked]})
    address = reverse("dotbridge:campaign-delete", args=[world.email_campaign.pk])
    page = texts(back_office.get(address))
    assert "1 list asks about it in its rule: Opened it." in page
    assert "keeps whom it was sent to" not in page
    MarketingList.objects.filter(pk=world.email_campaign.marketing_list_id).update(include_previously_contacted=True)
    assert "keeps whom it was sent to." in texts(back_office.get(address))


@pytest.mark.parametrize(
    ("difference", "is_good_news", "is_better"),
    [
        (0.0, True, True),
        (-0.0004, True, True),
        (0.0004, False, True),
        (0.01, True, True),
        (0.01, False, False),
        (-0.01, True, False),
        (-0.01, False, True),
    ],
)
def test_a_difference_that_is_shown_as_none_is_no_bad_news(
    difference: float, is_good_news: bool, is_better: bool
) -> None:
    card = CampaignCard(did=Did.OPENED, title="", number=1, share=0.5, difference=difference, is_good_news=is_good_news)
    assert card.is_better is is_better


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
        cursor.execute(
            "EXPLAIN SELECT id FROM dotbridge_campaigns_marketingactivity ORDER BY action_date DESC, id DESC LIMIT 50"
        )
        assert "marketing_activity_by_date" in str(cursor.fetchall())


def test_a_record_shows_what_it_did(back_office: Client, logged_in: Callable[..., Client], world: World) -> None:
    person = world.people[0]
    piece = (
        reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record-piece")
        + f"?entity=crm.contact&record={person.pk}"
    )
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
        f"?entity=crm.contact&record={'9' * 300}",
    ):
        assert back_office.get(piece.partition("?")[0] + wrong).status_code == 404
    stranger = logged_in("crm.view_contact")
    assert stranger.get(piece).status_code == 403
    assert "of-record" not in texts(stranger.get(reverse("admin:crm_contact_change", args=[person.pk])))


def test_a_busy_record_takes_no_more_statements(back_office: Client, world: World) -> None:
    piece = (
        reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record")
        + f"?entity=crm.contact&record={world.people[0].pk}"
    )
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
        email_campaign=mail,
        entity="crm.contact",
        record_id=str(world.people[0].pk),
        action_date=timezone.now(),
        natural_key=uuid4(),
    )


def test_shares_and_phrases() -> None:
    assert [with_share(*pair) for pair in ((None, 5), (5, None), (5, 0), (1, 8))] == [
        "-",
        "5",
        "5",
        "1\N{NO-BREAK SPACE}(12.5%)",
    ]
    assert percentage(1.2) == "120.0%"
    assert [percentage(number / 100) for number in (29, 57, 58)] == ["29.0%", "57.0%", "58.0%"], "not 56.9%"
    assert percentage(2 / 3) == "66.7%"
    assert activities_in_words({ActivityType.CLICK: 2, ActivityType.SEND: 1}) == "Sent: 1, Clicked: 2"


def test_a_difference_is_written_as_its_reader_writes_numbers() -> None:
    def points(difference: float) -> str:
        card = CampaignCard(
            did=Did.OPENED, title="Opened", number=1, share=0.5, difference=difference, is_good_news=True
        )
        return card.points

    assert [points(each) for each in (0.0157, -0.0157, -0.0001)] == ["+1.6", "\N{MINUS SIGN}1.6", "+0.0"]
    with override("de"):
        assert points(0.0157) == "+1,6"


def test_statistics_of_a_record_that_is_gone_are_shown(back_office: Client, world: World) -> None:
    EmailCampaignStatistics.objects.update(entity="gone.model")
    assert "does not exist any more" in texts(back_office.get(reverse(RECIPIENTS)))


def test_the_figures_are_carried_away(back_office: Client, world: World) -> None:
    EmailCampaign.objects.filter(pk=world.email_campaign.pk).update(name="=SUM(A1)")
    url = reverse("dotbridge:campaigns-file")

    def lines(**query: Any) -> list[list[str]]:
        return list(csv.reader(io.StringIO(back_office.get(url, query).getvalue().decode())))

    heads, row = lines(q="sum(a")
    assert heads[:6] == ["Campaign", "Subject", "Sent", "List", "Mails sent", "Delivered"]
    assert row[0] == "'=SUM(A1)"
    found = dict(zip(heads, row, strict=True))
    assert found["Delivered"] == "800"
    assert float(found["Delivered, share"]) == round(800 / int(found["Mails sent"]), 4)
    assert lines(q="nothing like it") == [heads]
    assert lines(campaign=[str(world.email_campaign.pk), "x"]) == [heads, row]
    assert url in texts(back_office.get(reverse("dotbridge:campaigns")))
