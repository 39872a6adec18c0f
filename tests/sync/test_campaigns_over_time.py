"""What changes between two readings of a campaign: a clock, an address, a date, what is deleted or erased here.

The kind of fault: something is remembered of the first reading that the second one does not fit, and so results are
read for ever, never, or twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics, MarketingActivity, MarketingCampaign
from dotbridge.campaigns.services import delete_email_campaign
from dotbridge.connections.models import ListConnection, Look, LookKind, LookState, RunKind
from dotbridge.connections.services import connect_list, request_look
from dotbridge.consent.erasure import erase_address
from dotbridge.crm.models import ContactEmail, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list, delete_list
from dotbridge.mirror.models import (
    Activity,
    AddressBook,
    Campaign,
    ClickEvent,
    Draft,
    FormerAddress,
    OpenEvent,
    SenderAddress,
    Template,
    WaitingResult,
)
from dotbridge.preferences.services import choose_settings
from dotbridge.sync.engine import run_sync
from dotbridge.sync.models import Rejection, ResultMatching, State
from dotbridge.sync.retention import delete_old_events
from dotbridge.sync.services import disconnect_list
from tests.accounts import steps_of
from tests.dotdigital.server import answer
from tests.sync.campaign_account import add_to_crm, run_import
from tests.sync.campaign_vendor import SENT, CampaignVendor, activity, campaign, click, scripted, vendor

__all__ = ["scripted", "vendor"]

NOT_FOUND = answer(404, {"message": "Error: ERROR_CAMPAIGN_NOT_FOUND"})
# The largest moment that the service's own language can write.
LAST_MOMENT = "9999-12-31T23:59:59.9999999"
_REFUSE_WINTER = """
    CREATE FUNCTION refuse_winter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM dotbridge_campaigns_emailcampaign c WHERE c.id = NEW.email_campaign_id
                   AND c.name = 'Winter') THEN
            RAISE EXCEPTION 'a trigger of the host';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_winter BEFORE INSERT ON dotbridge_campaigns_emailcampaignstatistics
    FOR EACH ROW EXECUTE FUNCTION refuse_winter()
"""


def asked_of_results(vendor: CampaignVendor) -> list[str]:
    """What was asked for of single campaigns."""
    return [request.target for request in vendor.server.requests if "/v2/campaigns/" in request.target]


@contextmanager
def without_table(model: type[Model]) -> Iterator[None]:
    """A host whose table is not there, as in the middle of its migrations."""
    table = model._meta.db_table
    connection.cursor().execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        # Another cursor: after an error the connection may be another one.
        connection.cursor().execute(f"ALTER TABLE {table}_away RENAME TO {table}")


def test_a_campaign_without_figures_rests_like_any_other(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/summary"] = NOT_FOUND
    run_import(scripted)
    for _later in range(2):
        vendor.server.requests.clear()
        run_import(scripted)
        assert [each for each in asked_of_results(vendor) if "with-activity" not in each] == []


def test_after_a_run_whose_clock_was_a_year_ahead_results_are_read_as_ever(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    add_to_crm(["person2@example.com", "person3@example.com"])
    vendor.campaigns(campaign(1))
    vendor.now += timedelta(days=400)
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    run_import(scripted)
    vendor.now -= timedelta(days=400)
    vendor.answers["campaigns/1/summary"] = {"dateSent": SENT, "numTotalSent": 2}
    vendor.answers["campaigns/1/activities"] = [activity(1), activity(2)]
    run_import(scripted)
    assert Activity.objects.count() == 2
    assert ResultMatching.objects.get().all_matched_at == vendor.now
    vendor.answers["campaigns/with-activity"] = []
    run_import(scripted)
    vendor.server.requests.clear()
    run_import(scripted)
    assert [each for each in asked_of_results(vendor) if "with-activity" not in each] == [], "it rests"


def test_who_waits_under_a_wrong_address_is_found_by_the_right_one(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(1, "wrong@example.com")]
    for _run in range(2):
        run_import(scripted)
    assert WaitingResult.objects.get().is_tried
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    vendor.answers["campaigns/1/activities"] = [activity(1)]
    run_import(scripted)
    assert MarketingActivity.objects.get().type == "send"
    assert not WaitingResult.objects.exists()


def test_a_recipient_goes_on_counting_when_the_date_of_sending_is_left_out_later(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1, status="Triggered"))
    vendor.answers["campaigns/1/summary"] = {"dateSent": None, "numTotalSent": 1}
    run_import(scripted)
    contacted_at = EmailCampaignStatistics.objects.get().last_contacted_at
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    vendor.answers["campaigns/1/activities"] = [activity(1, dateSent=None, numOpens=3)]
    run_import(scripted)
    found = EmailCampaignStatistics.objects.get()
    assert (found.opens, found.last_contacted_at) == (3, contacted_at)
    assert contacted_at is not None


def test_a_recipient_goes_on_counting_when_an_earlier_date_of_sending_is_given_later(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """Without one it was that of the campaign."""
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(1, dateSent=None)]
    run_import(scripted)
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    vendor.answers["campaigns/1/activities"] = [activity(1, dateSent="2026-01-30T08:00:00.000Z", numOpens=3)]
    run_import(scripted)
    found = EmailCampaignStatistics.objects.get()
    assert (found.opens, found.last_contacted_at) == (3, datetime(2026, 1, 30, 8, tzinfo=UTC))


def sent_under_a_former_address(scripted: Integration, vendor: CampaignVendor) -> str:
    """The record that was sent a campaign; since then its contact was given another record's address there."""
    add_to_crm(["person1@example.com", "other@example.com"])
    vendor.campaigns(campaign(1))
    run_import(scripted)
    FormerAddress.objects.create(
        integration=scripted, remote_id=1, email_key="person1@example.com", until=timezone.now()
    )
    return EmailCampaignStatistics.objects.get().record_id


def test_whoever_is_given_another_address_there_keeps_the_results_they_have_here(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """The campaign was sent to one person. Somebody else who has the new address here was not sent it."""
    sent = sent_under_a_former_address(scripted, vendor)
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    vendor.answers["campaigns/1/activities"] = [activity(1, "other@example.com", numOpens=5, numClicks=1)]
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/", email="other@example.com")]
    run_import(scripted)
    found = EmailCampaignStatistics.objects.get()
    assert (found.record_id, found.opens) == (sent, 5)
    assert set(MarketingActivity.objects.values_list("type", "record_id")) == {("send", sent), ("click", sent)}


def test_whoever_was_given_another_address_there_has_the_results_of_what_they_were_sent_alone(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """What is sent to the new address later is sent to whoever has it here."""
    former = sent_under_a_former_address(scripted, vendor)
    vendor.campaigns(campaign(1), campaign(2, "Summer"))
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    for number in (1, 2):
        vendor.answers[f"campaigns/{number}/activities"] = [activity(1, "other@example.com", numOpens=number)]
    run_import(scripted)
    found = EmailCampaignStatistics.objects.get(email_campaign__name="Summer")
    assert (found.record_id == former, found.opens) == (False, 2)
    assert EmailCampaignStatistics.objects.get(record_id=former).opens == 1


def test_the_results_of_whoever_was_given_another_address_there_are_nobody_elses(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    sent = sent_under_a_former_address(scripted, vendor)
    add_to_crm(["third@example.com"])
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    vendor.answers["campaigns/1/activities"] = [
        activity(1, "other@example.com", numOpens=5),
        activity(3, "third@example.com", numOpens=2),
    ]
    run_import(scripted)
    opens = dict(EmailCampaignStatistics.objects.values_list("record_id", "opens"))
    third = str(ContactEmail.objects.get(email="third@example.com").contact_id)
    assert opens == {sent: 5, third: 2}


def test_the_records_of_one_entity_that_cannot_be_read_hold_up_no_other(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    leads = AddressBook.objects.create(integration=scripted, remote_id=8, name="Leads")
    vendor.answers["address-books"].append({"id": 8, "name": "Leads", "visibility": "Private", "contacts": 0})
    connect_list(marketing_list=create_list(name="Leads", entity="crm.lead"), address_book=leads)
    Lead.objects.create(email="person2@example.com")
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.campaigns(campaign(2), sent_to=8)
    vendor.answers["campaigns"] = [campaign(1), campaign(2)]
    with without_table(ContactEmail):
        run = run_import(scripted)
    assert EmailCampaignStatistics.objects.get().entity == "crm.lead"
    assert steps_of(run)["marketing_activities"]["state"] == State.PARTIAL
    assert Rejection.objects.get(step_name="marketing_activities").subject == "crm.contact"
    run_import(scripted)
    assert EmailCampaignStatistics.objects.count() == 2


def test_an_erased_address_does_not_come_back_with_results(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["person2@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(1, "Person1@Example.com"), activity(2)]
    vendor.answers["campaigns/1/opens"] = [{"contactId": 1, "email": "person1@example.com", "dateOpened": SENT}]
    run_import(scripted)
    erase_address(address="person1@example.com")
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/"), click(2, "https://example.com/")]
    run_sync(integration=scripted, kind=RunKind.RECONCILE, trigger="test")
    assert sorted(Activity.objects.values_list("email", "email_key")) == [("", ""), ("person2@example.com",) * 2]
    assert list(OpenEvent.objects.values_list("email_key", flat=True)) == [""]
    assert sorted(ClickEvent.objects.values_list("email_key", flat=True)) == ["", "person2@example.com"]
    assert not WaitingResult.objects.filter(email_key="person1@example.com").exists()


def test_results_of_a_campaign_deleted_here_wait_for_nobody_and_go_with_age(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    run_import(scripted)
    delete_email_campaign(email_campaign=EmailCampaign.objects.get())
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/")]
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    run_import(scripted)
    assert ClickEvent.objects.count() == 1
    assert not WaitingResult.objects.exists()
    assert delete_old_events(keep_days=1) == 1


def test_results_of_a_campaign_whose_list_was_deleted_wait_for_nobody_and_go_with_age(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/")]
    run_import(scripted)
    assert WaitingResult.objects.exists()
    link = ListConnection.objects.get()
    disconnect_list(link=link)
    delete_list(marketing_list=link.marketing_list)
    run_import(scripted)
    assert not WaitingResult.objects.exists()
    assert delete_old_events(keep_days=1) == 1


def test_a_new_date_of_a_campaign_has_those_alone_looked_for_again_who_have_waited_for_it(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """One that sends all day has a new one each time, and hundreds of thousands of recipients whom nobody knows."""
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/activities"] = [activity(1), activity(2, dateSent=None)]
    run_import(scripted)
    assert not WaitingResult.objects.filter(is_tried=False).exists()
    # So that nobody looks for them in this run.
    choose_settings(chosen={"reads_activities": "no"})
    vendor.answers["campaigns/1/summary"] = {"dateSent": "2026-01-31T09:00:00Z", "numTotalSent": 1}
    vendor.answers["campaigns/with-activity"] = [campaign(1)]
    run_import(scripted)
    assert list(WaitingResult.objects.filter(is_tried=False).values_list("remote_contact_id", flat=True)) == [2]


@pytest.mark.parametrize("never", [LAST_MOMENT, "9999-12-31T23:30:00Z", "9999-01-01T00:00:00"])
def test_the_last_year_that_can_be_written_is_no_date(
    scripted: Integration, vendor: CampaignVendor, never: str
) -> None:
    add_to_crm(["person1@example.com"])
    vendor.campaigns(campaign(1))
    vendor.answers["campaigns/1/summary"] = {"dateSent": never, "numTotalSent": 1}
    dates = {"dateSent": SENT, "dateFirstOpened": never, "dateLastOpened": never}
    vendor.answers["campaigns/1/activities"] = [activity(1, **dates)]
    vendor.answers["campaigns/1/clicks"] = [click(1, "https://example.com/", at=never)]
    run_import(scripted)
    assert Campaign.objects.get().sent_at is None
    assert Activity.objects.get().first_opened_at is None
    assert list(Rejection.objects.values_list("reason", flat=True)) == ["undated"]
    viewer = Client()
    viewer.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    for page in (
        reverse("dotbridge:campaigns"),
        reverse("dotbridge:campaign", args=[EmailCampaign.objects.get().pk]),
        reverse("dotbridge:campaign-people", args=[EmailCampaign.objects.get().pk]),
        reverse("dotbridge:marketing-campaign", args=[MarketingCampaign.objects.get().pk]),
    ):
        assert viewer.get(page).status_code == 200, page


def test_the_full_comparison_asks_the_books_for_their_campaigns_though_the_list_of_them_is_as_before(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.campaigns(campaign(1))
    for _run in range(2):
        run_import(scripted)
    assert vendor.asked("address-books/7/campaigns") == 1
    run_sync(integration=scripted, kind=RunKind.RECONCILE, trigger="test")
    assert vendor.asked("address-books/7/campaigns") == 2


def test_a_campaign_that_its_book_lists_is_not_gone_though_the_account_leaves_it_out(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.campaigns(campaign(1), campaign(2, status="Triggered"))
    vendor.answers["campaigns"] = [campaign(1)]
    for _run in range(2):
        run_import(scripted)
    assert not Campaign.objects.exclude(gone_at=None).exists()
    assert EmailCampaign.objects.count() == 2
    vendor.answers["campaigns/with-activity"] = [campaign(2)]
    run = run_import(scripted)
    assert steps_of(run)["campaign_activities"]["read"] == 1


def test_a_campaign_that_the_host_refuses_holds_up_no_other(scripted: Integration, vendor: CampaignVendor) -> None:
    def refuses(instance: EmailCampaign, **_said: object) -> None:
        if instance.name == "Winter":
            raise RuntimeError("The host has a receiver with a fault of its own.")

    vendor.campaigns(campaign(1, "Winter"), campaign(2, "Spring"))
    pre_save.connect(refuses, sender=EmailCampaign)
    try:
        run = run_import(scripted)
    finally:
        pre_save.disconnect(refuses, sender=EmailCampaign)
    assert EmailCampaign.objects.get().name == "Spring"
    assert steps_of(run)["campaigns"]["state"] == State.PARTIAL
    assert Rejection.objects.get(step_name="campaigns").subject == "campaign 1"
    run_import(scripted)
    assert EmailCampaign.objects.count() == 2


def test_results_that_cannot_be_noted_hold_up_no_other_campaign(scripted: Integration, vendor: CampaignVendor) -> None:
    add_to_crm(["person1@example.com", "person2@example.com"])
    vendor.campaigns(campaign(1, "Winter"), campaign(2, "Spring"))
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_WINTER)
    try:
        run = run_import(scripted)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_winter() CASCADE")
    assert EmailCampaignStatistics.objects.get().email_campaign.name == "Spring"
    assert steps_of(run)["marketing_activities"]["state"] == State.PARTIAL
    run_import(scripted)
    assert EmailCampaignStatistics.objects.count() == 2
    assert not WaitingResult.objects.exists()


def test_results_of_whoever_was_exported_since_are_noted_though_it_failed_once(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.campaigns(campaign(1, "Winter"))
    run_import(scripted)
    assert WaitingResult.objects.count() == 1
    add_to_crm(["person1@example.com"])
    run_sync(integration=scripted, kind=RunKind.EXPORT, trigger="test")
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_WINTER)
    try:
        run_import(scripted)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_winter() CASCADE")
    assert not EmailCampaignStatistics.objects.exists()
    run_import(scripted)
    assert EmailCampaignStatistics.objects.count() == 1
    assert not WaitingResult.objects.exists()


def test_a_template_that_cannot_be_read_this_time_stays(scripted: Integration, vendor: CampaignVendor) -> None:
    kept = Template.objects.create(integration=scripted, remote_id=5, name="News")
    sender = SenderAddress.objects.create(integration=scripted, remote_id=6, email="news@example.com")
    SenderAddress.objects.create(integration=scripted, remote_id=7, email="old@example.com")
    vendor.answers["templates"] = [{"id": "five", "name": "News"}, {"id": 8, "name": "Sale"}]
    vendor.answers["custom-from-addresses"] = [{"id": 6, "email": "news@example.com"}]
    request_look(integration=scripted, kind=LookKind.TEMPLATES)
    run_sync(integration=scripted, kind=RunKind.REQUESTS, trigger="test")
    assert set(Template.objects.values_list("remote_id", flat=True)) == {kept.remote_id, 8}
    assert list(SenderAddress.objects.all()) == [sender]


def test_a_campaign_that_is_not_shown_is_still_there(scripted: Integration, vendor: CampaignVendor) -> None:
    draft = Draft.objects.create(integration=scripted, remote_id=5, name="News", status="Unsent")
    vendor.answers["campaigns/5"] = answer(400, {"message": "No. ERROR_CAMPAIGN_INVALID"})
    request_look(integration=scripted, kind=LookKind.CONTENT, remote_id=5)
    run_sync(integration=scripted, kind=RunKind.REQUESTS, trigger="test")
    assert Look.objects.get().state == LookState.FAILED
    assert Draft.objects.get() == draft
