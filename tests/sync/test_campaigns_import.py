"""Campaigns, their figures and what recipients did, from the sandbox into records of the CRM."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Sum

from dotbridge.backoffice.integration_removal import delete_integration
from dotbridge.campaigns.models import (
    EmailCampaign,
    EmailCampaignStatistics,
    MarketingActivity,
    MarketingCampaign,
    ReportPeriod,
)
from dotbridge.campaigns.selectors import activity_summary, campaign_of_code, campaign_totals
from dotbridge.campaigns.services import create_marketing_campaign, merge_campaigns
from dotbridge.crm.models import ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import (
    Activity,
    Campaign,
    CampaignBook,
    CampaignSummary,
    ClickEvent,
    OpenEvent,
    WaitingResult,
)
from dotbridge.sync.models import Cursor, State
from dotbridge.sync.services import disconnect_list
from tests.accounts import RemoteAccount, steps_of
from tests.sync.campaign_account import (
    LIVELY,
    add_to_crm,
    connected_book,
    everything_imported,
    make_campaign,
    people,
    run_import,
    send,
)
from tests.sync.campaign_vendor import SENT, CampaignVendor, activity, campaign, scripted, vendor

__all__ = ["scripted", "vendor"]

DAY = 86_400.0


@pytest.fixture(autouse=True)
def lively(sandbox: Any) -> None:
    sandbox.settings.engagement = LIVELY
    sandbox.settings.engagement_seconds = 0.0


def test_a_sent_campaign_becomes_records(integration: Integration, remote: RemoteAccount) -> None:
    book, link = connected_book(integration, remote)
    people(remote, 30, book=book)
    number = send(remote, book, name="Spring sale 2026!")
    run = run_import(integration)
    assert run.state == State.SUCCEEDED, steps_of(run)
    campaign = Campaign.objects.get()
    assert (campaign.remote_id, campaign.name, campaign.status) == (number, "Spring sale 2026!", "Sent")
    assert (campaign.subject, campaign.from_name, campaign.from_address) == ("Hello", "Acme", "news@example.com")
    made = EmailCampaign.objects.get()
    assert (made.name, made.description, made.sender_name) == ("Spring sale 2026!", "Hello", "Acme")
    assert (made.sender_email, made.schedule, made.transport) == ("news@example.com", "manual", "dotdigital")
    assert made.marketing_list == link.marketing_list
    assert made.sent_at == campaign.sent_at is not None
    parent = MarketingCampaign.objects.get()
    assert parent.code == "Spring_sale_2026_"[: 20 - len(f"_{number}")] + f"_{number}"
    assert (parent.report_period, parent.is_automatic, parent.owner) == (ReportPeriod.DAY, True, None)
    assert "Spring sale 2026!" in parent.description


def test_what_an_import_makes_belongs_to_the_default_owner(integration: Integration, remote: RemoteAccount) -> None:
    integration.default_owner = get_user_model().objects.create(username="marketer")
    integration.save()
    book, _link = connected_book(integration, remote)
    people(remote, 2, book=book)
    send(remote, book)
    run_import(integration)
    assert EmailCampaign.objects.get().owner == integration.default_owner
    assert MarketingCampaign.objects.get().owner == integration.default_owner


def test_what_recipients_did_becomes_activities_and_statistics(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    people(remote, 60, book=book)
    number = send(remote, book)
    run_import(integration)
    told = remote.ask("GET", f"/v2/campaigns/{number}/activities")
    clicks = remote.ask("GET", f"/v2/campaigns/{number}/clicks")
    mail = EmailCampaign.objects.get()
    totals = campaign_totals(mail)
    assert totals.recipients == len(told) == 60
    assert totals.opens == sum(row["numOpens"] for row in told) > 0
    assert totals.clicks == sum(row["numClicks"] for row in told) > 0
    assert totals.bounces == sum(row["softBounced"] + row["hardBounced"] for row in told) > 0
    assert totals.unsubscribes == sum(row["unsubscribed"] for row in told) > 0
    counts = activity_summary(MarketingCampaign.objects.get())
    assert counts["send"] == 60
    assert counts["soft_bounce"] + counts["hard_bounce"] == totals.bounces
    assert counts["unsubscribe"] == totals.unsubscribes
    # Nobody opens twice, or clicks the same link twice, in the same moment.
    assert counts["click"] == ClickEvent.objects.count() == len({(c["contactId"], c["url"]) for c in clicks})
    assert counts["open"] == OpenEvent.objects.count()
    links = set(MarketingActivity.objects.filter(type="click").values_list("details", flat=True))
    assert links <= {"https://shop.example.com/a", "https://shop.example.com/b"}
    of_one = MarketingActivity.objects.filter(type="send").first()
    assert of_one is not None
    assert of_one.record_id in {str(key) for key in ContactEmail.objects.values_list("contact", flat=True)}
    summary = CampaignSummary.objects.get()
    assert summary.num_total_sent == 60
    assert summary.percentage_delivered == pytest.approx(summary.num_total_delivered / 60)
    assert not WaitingResult.objects.exists()


def test_a_campaign_that_is_sent_after_its_first_import(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    people(remote, 5, book=book)
    number = send(remote, book, name="Known as sending")
    with remote.sandbox.account.store.writing() as db:
        db.execute("UPDATE campaign SET status = 'Sending' WHERE id = ?", (number,))
    draft = make_campaign(remote, name="Later")
    run_import(integration)
    assert Campaign.objects.get().status == "Sending"
    assert EmailCampaign.objects.get().name == "Known as sending"
    with remote.sandbox.account.store.writing() as db:
        db.execute("UPDATE campaign SET status = 'Sent' WHERE id = ?", (number,))
    send(remote, book, campaign=draft)
    run_import(integration)
    assert set(EmailCampaign.objects.values_list("name", flat=True)) == {"Known as sending", "Later"}
    assert MarketingActivity.objects.filter(type="send").count() == Activity.objects.count() > 5
    assert not WaitingResult.objects.exists()


def test_activity_of_somebody_unknown_waits_until_they_come(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    for name in ("known", "unknown"):
        remote.create_contact(f"{name}@example.com", book=book)
    add_to_crm(["Known@Example.com"])
    send(remote, book)
    run_import(integration)
    assert Activity.objects.count() == 2
    assert EmailCampaignStatistics.objects.count() == 1
    assert set(WaitingResult.objects.values_list("email_key", flat=True)) == {"unknown@example.com"}
    add_to_crm([" UNKNOWN@example.com "])
    run = run_import(integration)
    assert EmailCampaignStatistics.objects.count() == 2
    counts = steps_of(run)["campaign_activities"]
    assert counts["new"] == counts["changed"] == 0
    late = EmailCampaignStatistics.objects.order_by("-pk")[0]
    told = Activity.objects.get(email_key="unknown@example.com")
    assert (late.opens, late.clicks) == (told.opens, told.clicks)
    assert MarketingActivity.objects.filter(type="open").count() == OpenEvent.objects.count()
    assert not WaitingResult.objects.exists()


def test_two_records_with_one_address_both_received_it(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    remote.create_contact("shared@example.com", book=book)
    add_to_crm(["shared@example.com", "Shared@example.com"])
    send(remote, book)
    run_import(integration)
    assert EmailCampaignStatistics.objects.count() == 2
    assert MarketingActivity.objects.filter(type="send").count() == 2


def test_a_campaign_gone_remotely_is_flagged_and_its_figures_stay(
    integration: Integration, remote: RemoteAccount
) -> None:
    book, _link = connected_book(integration, remote)
    people(remote, 8, book=book)
    doomed = send(remote, book, name="Doomed")
    send(remote, book, name="Kept")
    run_import(integration)
    before = MarketingActivity.objects.count()
    remote.ask("DELETE", f"/v2/campaigns/{doomed}")
    run = run_import(integration)
    assert run.state == State.SUCCEEDED
    assert Campaign.objects.get(name="Doomed").gone_at is not None
    assert Campaign.objects.get(name="Kept").gone_at is None
    assert CampaignSummary.objects.count() == EmailCampaign.objects.count() == 2
    assert MarketingActivity.objects.count() == before


def test_of_several_lists_that_of_the_oldest_book_is_the_campaigns(
    integration: Integration, remote: RemoteAccount
) -> None:
    links = [connected_book(integration, remote, name) for name in ("Zebras", "Ants")]
    for number, (book, _link) in enumerate(links):
        remote.create_contact(f"p{number}@example.com", book=book)
    send(remote, *(book for book, _link in links))
    run_import(integration)
    assert EmailCampaign.objects.get().marketing_list == links[0][1].marketing_list


def test_campaigns_of_books_without_a_list_are_not_imported(integration: Integration, remote: RemoteAccount) -> None:
    book, link = connected_book(integration, remote)
    other = remote.create_book("Not connected")
    remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=other)
    send(remote, book, name="Ours")
    send(remote, other, name="Not ours")
    run_import(integration)
    assert list(Campaign.objects.values_list("name", flat=True)) == ["Ours"]
    disconnect_list(link=link)
    run = run_import(integration)
    assert steps_of(run)["campaigns"]["state"] == State.SKIPPED
    assert Campaign.objects.get().gone_at is None
    assert EmailCampaign.objects.count() == 1


def test_a_campaign_leaves_a_book_it_is_not_listed_in(integration: Integration, remote: RemoteAccount) -> None:
    books = [connected_book(integration, remote, name)[0] for name in ("One", "Two")]
    for number, book in enumerate(books):
        remote.create_contact(f"p{number}@example.com", book=book)
    number = send(remote, *books)
    send(remote, books[1], name="Other")
    run_import(integration)
    assert CampaignBook.objects.count() == 3
    with remote.sandbox.account.store.writing() as db:
        db.execute("DELETE FROM campaign_target WHERE campaign_id = ? AND book_id = ?", (number, books[1]))
    run_import(integration)
    assert CampaignBook.objects.count() == 3, "nothing told that anything had changed"
    remote.sandbox.advance(DAY)
    run_import(integration)
    assert set(CampaignBook.objects.values_list("campaign__name", "address_book__name")) == {
        ("Spring sale", "One"),
        ("Other", "Two"),
    }


def test_codes_that_collide_are_told_apart(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    remote.create_contact("ann@example.com", book=book)
    number = make_campaign(remote, name="Spring")
    create_marketing_campaign(name="Mine", code=f"Spring_{number}")
    send(remote, book, campaign=number)
    run = run_import(integration)
    assert run.state == State.SUCCEEDED
    assert MarketingCampaign.objects.get(is_automatic=True).code == f"Spring_{number}_2"


def test_merged_campaigns_stay_merged_and_go_on_counting(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    people(remote, 6, book=book)
    send(remote, book, name="First")
    second = send(remote, book, name="Second")
    run_import(integration)
    first, other = MarketingCampaign.objects.order_by("pk")
    merge_campaigns(remaining=first, others=[other])
    remote.create_contact("new@example.com", book=book)
    add_to_crm(["new@example.com"])
    send(remote, book, campaign=second)
    run_import(integration)
    assert list(MarketingCampaign.objects.all()) == [first]
    assert campaign_of_code(f"Second_{second}") == first
    sent = activity_summary(first)["send"]
    assert sent == Activity.objects.count() > 6


def test_records_deleted_here_are_not_made_again(integration: Integration, remote: RemoteAccount) -> None:
    book, _link = connected_book(integration, remote)
    people(remote, 4, book=book)
    number = send(remote, book)
    run_import(integration)
    EmailCampaign.objects.all().delete()
    MarketingCampaign.objects.all().delete()
    remote.create_contact("new@example.com", book=book)
    send(remote, book, campaign=number)
    run = run_import(integration)
    assert run.state == State.SUCCEEDED
    assert not EmailCampaign.objects.exists()
    assert not MarketingActivity.objects.exists()
    assert CampaignSummary.objects.get().num_total_sent == Activity.objects.count()


def test_recipients_who_were_only_sent_it_are_found_too(integration: Integration, remote: RemoteAccount) -> None:
    """The account's list of changes leaves out whoever did nothing: the number of sent ones tells of them."""
    remote.sandbox.settings.engagement = type(LIVELY)(opens=0.0, hard_bounces=0.0, soft_bounces=0.0, mail_blocks=0.0)
    book, _link = connected_book(integration, remote)
    people(remote, 3, book=book)
    number = send(remote, book)
    run_import(integration)
    remote.sandbox.advance(DAY / 2)
    people(remote, 2, book=book, first=3)
    send(remote, book, campaign=number)
    run_import(integration)
    assert Activity.objects.count() == 5
    assert EmailCampaignStatistics.objects.count() == 5


def test_opens_that_come_later_are_added(integration: Integration, remote: RemoteAccount) -> None:
    remote.sandbox.settings.engagement_seconds = 40 * DAY
    book, _link = connected_book(integration, remote)
    people(remote, 30, book=book)
    send(remote, book)
    run_import(integration)
    early = campaign_totals(EmailCampaign.objects.get())
    for _days in range(5):
        remote.sandbox.advance(10 * DAY)
        run_import(integration)
    late = campaign_totals(EmailCampaign.objects.get())
    assert late.opens > early.opens
    told = Activity.objects.aggregate(opens=Sum("opens"), clicks=Sum("clicks"))
    assert (late.opens, late.clicks) == (told["opens"], told["clicks"])
    many_runs = everything_imported(but={"sent_when_read"})
    Cursor.objects.all().delete()
    for table in (Activity, OpenEvent, ClickEvent, CampaignSummary, WaitingResult):
        table.objects.all().delete()
    MarketingActivity.objects.all().delete()
    EmailCampaignStatistics.objects.all().delete()
    run_import(integration)
    assert _without_keys(everything_imported(but={"sent_when_read"})) == _without_keys(many_runs)
    assert MarketingActivity.objects.count() > 30


def _without_keys(found: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in found.items() if name not in {"Campaign", "EmailCampaign"}}


def test_deleting_the_integration_keeps_what_became_of_its_campaigns(
    integration: Integration, remote: RemoteAccount
) -> None:
    book, link = connected_book(integration, remote)
    people(remote, 5, book=book)
    send(remote, book)
    run_import(integration)
    made = MarketingActivity.objects.count()
    assert made > 0
    disconnect_list(link=link)

    delete_integration(integration=integration)

    assert not Integration.objects.exists()
    assert not Campaign.objects.exists()
    assert MarketingActivity.objects.count() == made


def test_a_campaign_that_sends_all_day_is_not_read_again_for_each_mail(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """All recipients again at most once an hour, or when a hundredth more has come, and at the end (status Sent)."""
    vendor.between_runs = timedelta(minutes=4)
    vendor.campaigns(campaign(1, status="Triggered"))

    def sent(number: int) -> int:
        vendor.answers["campaigns/1/summary"] = {"dateSent": SENT, "numTotalSent": number}
        vendor.answers["campaigns/1/activities"] = [activity(each) for each in range(1, number + 1)]
        vendor.server.requests.clear()
        run_import(scripted)
        return sum("campaigns/1/activities?" in request.target for request in vendor.server.requests)

    assert sent(1000) > 0
    assert EmailCampaign.objects.count() == MarketingCampaign.objects.count() == 1
    vendor.answers["campaigns/with-activity"] = [campaign(1, status="Triggered")]
    assert sent(1001) == 0
    assert sent(1009) == 0
    assert sent(1010) > 0
    assert sent(1011) == 0
    vendor.between_runs = timedelta(hours=1)
    assert sent(1011) > 0
    vendor.between_runs = timedelta(minutes=4)
    vendor.campaigns(campaign(1, status="Sent"))
    assert sent(1012) > 0
