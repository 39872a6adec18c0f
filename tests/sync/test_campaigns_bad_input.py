"""What Dotdigital may say of campaigns: what can be taken is, the rest has a reason, and nothing stops the others."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics, MarketingActivity, MarketingCampaign
from dotbridge.connections.models import CampaignSend, ListConnection, RunKind, SendState
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import (
    Activity,
    AddressBook,
    Campaign,
    CampaignBook,
    CampaignSummary,
    ClickEvent,
    OpenEvent,
    WaitingResult,
)
from dotbridge.sync.models import Cursor, Rejection, State
from tests.accounts import steps_of, sync
from tests.dotdigital.server import Reply, answer, cut
from tests.sync.campaign_account import add_to_crm, everything_imported, run_import
from tests.sync.campaign_vendor import BOOK, SENT, CampaignVendor, activity, campaign, click, scripted, vendor

__all__ = ["scripted", "vendor"]

NOT_FOUND = answer(404, {"message": "Error: ERROR_CAMPAIGN_NOT_FOUND"})
YEAR_ONE = "0001-01-01T00:00:00"


def reasons() -> list[str]:
    """Why things were refused."""
    return sorted(Rejection.objects.values_list("reason", flat=True))


def test_a_summary_that_is_not_there_stops_no_other(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2), campaign(3))
    vendor.answers["campaigns/2/summary"] = NOT_FOUND
    run = run_import(scripted)
    assert set(CampaignSummary.objects.values_list("campaign__remote_id", flat=True)) == {1, 3}
    assert reasons() == ["no_summary"]
    assert Rejection.objects.get().subject == "campaign 2"
    assert steps_of(run)["campaign_summaries"]["state"] == State.PARTIAL
    assert Activity.objects.count() == 3
    assert Campaign.objects.filter(gone_at=None).count() == 3


def test_a_campaign_that_vanishes_while_it_is_read(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    vendor.answers["campaigns/1/activities"] = NOT_FOUND
    run_import(scripted)
    assert list(Activity.objects.values_list("campaign__remote_id", flat=True)) == [2]
    assert reasons() == ["campaign_gone"]
    assert Cursor.objects.filter(feed="campaign_activities").count() == 1
    vendor.answers["campaigns/1/activities"] = [activity(1)]
    run_import(scripted)
    assert Activity.objects.count() == 2


def test_an_answer_that_breaks_off_keeps_its_campaign_due(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    vendor.answers["campaigns/1/activities"] = answer(400, {"message": "Error: ERROR_PARAMETER_INVALID"})
    run = run_import(scripted)
    assert steps_of(run)["campaign_activities"]["state"] == State.PARTIAL
    assert reasons() == ["not_read"]
    vendor.answers["campaigns/1/activities"] = [activity(1)]
    assert steps_of(run_import(scripted))["campaign_activities"]["new"] == 1


def test_three_failures_in_a_row_end_the_step(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(*(campaign(number) for number in range(1, 7)))
    for number in range(1, 7):
        vendor.answers[f"campaigns/{number}/clicks"] = answer(400, {"message": "Error: ERROR_PARAMETER_INVALID"})
    run = run_import(scripted)
    assert steps_of(run)["campaign_clicks"]["state"] == State.FAILED
    assert steps_of(run)["marketing_activities"]["state"] == State.SUCCEEDED
    assert vendor.asked("/clicks") == 3
    assert run.state == State.PARTIAL


@pytest.mark.parametrize("never", [None, YEAR_ONE], ids=["null", "year 1"])
def test_an_activity_without_any_date_waits_for_the_campaigns(
    scripted: Integration, vendor: CampaignVendor, never: Any
) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    dates = {"dateSent": never, "dateFirstOpened": never, "dateLastOpened": never}
    vendor.answers["campaigns/1/summary"] = {"dateSent": never, "numTotalSent": 1}
    vendor.answers["campaigns/1/activities"] = [activity(1, numOpens=2, softBounced=True, **dates)]
    run_import(scripted)
    assert Activity.objects.get().sent_at is None
    assert reasons() == ["undated"]
    assert EmailCampaignStatistics.objects.get().opens == 2
    assert not MarketingActivity.objects.exists()
    assert WaitingResult.objects.exists()
    vendor.answers["campaigns/1/summary"] = {"dateSent": SENT, "numTotalSent": 1}
    vendor.campaigns(campaign(1, "Renamed"))
    run_import(scripted)
    assert set(MarketingActivity.objects.values_list("type", flat=True)) == {"send", "soft_bounce"}
    assert not WaitingResult.objects.exists()
    assert EmailCampaign.objects.get().sent_at is not None


def test_a_campaign_whose_activity_could_not_be_read_is_asked_for_again(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.campaigns(campaign(1))
    run_import(scripted)
    vendor.answers["campaigns/with-activity"] = [{"id": ["no number"]}]
    run = run_import(scripted)
    assert "unreadable" in reasons()
    run_import(scripted)
    asked = [request.target for request in vendor.server.requests if "with-activity-since" in request.target]
    assert asked[-1] == asked[-2], steps_of(run)["campaigns"]


def test_a_click_without_its_link_is_a_click(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/clicks"] = [click(1, None), click(1, "https://example.com/\x00" + "x" * 9000)]
    run_import(scripted)
    details = sorted(MarketingActivity.objects.filter(type="click").values_list("details", flat=True))
    assert details == ["", "https://example.com/" + "x" * 9000]
    assert ClickEvent.objects.count() == 2


def test_events_without_a_time_are_left_out_and_said_so_once(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/opens"] = [
        {"contactId": 1, "email": "a@example.com", "dateOpened": None},
        {"contactId": 1, "email": "a@example.com", "dateOpened": YEAR_ONE},
        {"contactId": 1, "email": "a@example.com", "dateOpened": SENT},
    ]
    run_import(scripted)
    assert OpenEvent.objects.count() == 1
    assert reasons() == ["undated"]
    assert Rejection.objects.get().detail.startswith("2 events")


def test_a_mail_client_of_any_length_fits(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1))
    opened = {"contactId": 1, "email": "a@example.com", "dateOpened": SENT}
    vendor.answers["campaigns/1/opens"] = [{**opened, "mailClient": "M" * 300}]
    run = run_import(scripted)
    assert steps_of(run)["campaign_opens"]["state"] == State.SUCCEEDED
    assert OpenEvent.objects.get().mail_client == "M" * 255


def test_hostile_rows_cost_nothing_but_themselves(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["nul@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [
        activity(1, numOpens=10**18, numClicks=-4),
        activity(2, "NUL\x00@Example.com ", someNewKey={"a": 1}),
        activity(-3),
        activity(10**30),
        {"email": "no.contact@example.com"},
        activity(5, {"not": "an address"}),
        activity(6, None),
        activity(7, numOpens="many"),
    ]
    run = run_import(scripted)
    counts = dict(Activity.objects.values_list("remote_contact_id", "opens"))
    assert counts == {1: 2**31 - 1, 2: 0, 6: 0}
    assert Activity.objects.get(remote_contact_id=1).clicks == 0
    assert set(reasons()) == {"unreadable"}
    assert steps_of(run)["campaign_activities"]["rejected"] == 5
    assert EmailCampaignStatistics.objects.count() == 1


def test_names_over_255_characters_are_cut(scripted: Integration, vendor: CampaignVendor) -> None:
    long = "Ä" * 300
    vendor.campaigns(campaign(1, long, subject=long, fromName=long, replyToAddress=long, status="StatusOfTomorrow"))
    run_import(scripted)
    kept = Campaign.objects.get()
    assert kept.name == kept.subject == kept.from_name == kept.reply_to_address == "Ä" * 254 + "…"
    assert kept.status == "StatusOfTomorrow"
    assert EmailCampaign.objects.get().name == "Ä" * 254 + "…"
    assert MarketingCampaign.objects.get().code == "_" * 18 + "_1"
    assert reasons() == []


def test_a_campaign_without_a_name_gets_one_here(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1, "  ", fromAddress=None, subject="\x00"))
    run_import(scripted)
    assert Campaign.objects.get().from_address == ""
    assert EmailCampaign.objects.get().name == "Campaign 1"


def test_five_megabytes_of_html_are_read_past(scripted: Integration, vendor: CampaignVendor) -> None:
    body = "<p>" + "x" * 5_000_000
    vendor.campaigns(campaign(1, htmlContent=body, plainTextContent=body))
    run = run_import(scripted)
    assert run.state == State.SUCCEEDED
    assert "html_content" not in {field.name for field in Campaign._meta.get_fields()}
    assert EmailCampaign.objects.count() == 1


def test_a_page_repeated_or_shifted_while_reading(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm([f"person{number}@example.com" for number in range(1, 5)])
    vendor.campaigns(campaign(1))
    rows = [activity(number % 4 + 1, numOpens=number) for number in range(2300)]
    vendor.answers["campaigns/1/activities"] = rows
    run_import(scripted)
    assert dict(Activity.objects.values_list("remote_contact_id", "opens")) == {1: 2296, 2: 2297, 3: 2298, 4: 2299}
    assert set(EmailCampaignStatistics.objects.values_list("opens", flat=True)) == {2296, 2297, 2298, 2299}
    assert MarketingActivity.objects.count() == 4


@pytest.mark.parametrize("nothing", [[], Reply(b"HTTP/1.1 204 No Content\r\n\r\n")], ids=["empty list", "204"])
def test_an_empty_answer_takes_no_campaign_away(scripted: Integration, vendor: CampaignVendor, nothing: Any) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    run_import(scripted)
    vendor.answers["campaigns"] = nothing
    run_import(scripted)
    vendor.campaigns(campaign(1), campaign(2, "Renamed"))
    vendor.answers["address-books/7/campaigns"] = nothing
    run = run_import(scripted)
    assert run.state == State.SUCCEEDED
    assert Campaign.objects.filter(gone_at=None).count() == 2
    assert CampaignBook.objects.count() == 2


def test_a_list_cut_in_the_middle_flags_nothing(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1), campaign(2))
    run_import(scripted)
    vendor.answers["campaigns"] = cut(json.dumps([campaign(1)]).encode(), keep=30)
    run = run_import(scripted)
    assert steps_of(run)["campaigns"]["state"] == State.FAILED
    vendor.answers["campaigns"] = [campaign(1), {"name": "no id"}]
    run_import(scripted)
    assert Campaign.objects.filter(gone_at=None).count() == 2
    assert "unreadable" in reasons()


def test_many_campaigns_do_not_vanish_at_once(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(*(campaign(number) for number in range(1, 11)))
    run_import(scripted)
    vendor.campaigns(campaign(1))
    run = run_import(scripted)
    assert Campaign.objects.filter(gone_at=None).count() == 10
    assert steps_of(run)["campaigns"]["state"] == State.PARTIAL
    assert "Campaigns: 9 of 10 were not listed" in steps_of(run)["campaigns"]["message"]


def test_a_campaign_whose_book_vanished(scripted: Integration, vendor: CampaignVendor) -> None:
    other = AddressBook.objects.create(integration=scripted, remote_id=8, name="Other")
    ListConnection.objects.create(
        marketing_list=ListConnection.objects.get().marketing_list.__class__.objects.create(
            name="L", entity="crm.lead"
        ),
        address_book=other,
    )
    books = [{"id": number, "name": f"Book {number}", "visibility": "Private", "contacts": 0} for number in (7, 8)]
    vendor.answers["address-books"] = books
    vendor.campaigns(campaign(1))
    vendor.answers["address-books/8/campaigns"] = answer(404, {"message": "Error: ERROR_ADDRESSBOOK_NOT_FOUND"})
    run = run_import(scripted)
    assert EmailCampaign.objects.count() == 1
    assert reasons() == ["book_gone"]
    assert steps_of(run)["campaigns"]["state"] == State.PARTIAL


def test_an_event_without_an_address_is_its_contacts(scripted: Integration, vendor: CampaignVendor) -> None:
    """Also when the contact comes to be known only later."""
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(1, None)]
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/", email=None)]
    run_import(scripted)
    assert not EmailCampaignStatistics.objects.exists()
    assert WaitingResult.objects.count() == 2
    person = {"id": 1, "email": "person1@example.com", "status": "Subscribed", "optInType": "Single"}
    vendor.answers["address-books/7/contacts"] = [{**person, "emailType": "Html", "dataFields": []}]
    vendor.answers["address-books/7/contacts/modified"] = [{**person, "emailType": "Html", "dataFields": []}]
    run_import(scripted)
    assert EmailCampaignStatistics.objects.count() == 1
    assert set(MarketingActivity.objects.values_list("type", flat=True)) == {"send", "click"}
    assert not WaitingResult.objects.exists()


def test_reading_everything_twice_changes_nothing(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1), campaign(2))
    vendor.answers["campaigns/1/activities"] = [activity(1, numClicks=1, unsubscribed=True, dateFirstOpened=SENT)]
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/"), click(1, "https://example.com/")]
    run_import(scripted)
    before = everything_imported()
    Cursor.objects.all().delete()
    run = run_import(scripted)
    assert everything_imported() == before
    counts = steps_of(run)
    assert counts["campaign_activities"]["new"] == counts["campaign_activities"]["changed"] == 0
    assert counts["campaign_clicks"]["new"] == 0
    assert len(before["MarketingActivity"]) == 3


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_book_that_cannot_be_read_may_be_the_one_that_a_send_was_for(
    scripted: Integration, vendor: CampaignVendor, is_readable: bool
) -> None:
    """Whether somebody else sent the campaign, to other books, is told by a list that was read whole."""
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1"] = campaign(1)
    other = {"id": BOOK + 1, "name": "Others", "visibility": "Private", "contacts": 1}
    vendor.answers["campaigns/1/address-books"] = [other, *([] if is_readable else [{**other, "id": "?"}])]
    send = CampaignSend.objects.create(
        integration=scripted,
        remote_id=1,
        name="Spring",
        book_ids=[BOOK],
        state=SendState.ASKED,
        called_at=timezone.now() - timedelta(days=1),
    )
    sync(scripted, kind=RunKind.REQUESTS)
    send.refresh_from_db()
    assert send.state == (SendState.FAILED if is_readable else SendState.UNKNOWN)
