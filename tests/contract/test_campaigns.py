"""Campaigns, sends and what comes of them (contract §4.8, §4.9), and segments (contract §4.10)."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta

import pytest

from dotdigital import Account, Campaign, CampaignDraft, ContactDraft, NotFound, Rejected, Send, flat
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import upload

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
SPRING = CampaignDraft(
    "Spring",
    "Hello",
    "Acme",
    '<a href="https://shop.example.com/a">a</a><a href="https://shop.example.com/b">b</a><a href="$UNSUB$">x</a>',
    "Hi https://shop.example.com/a $UNSUB$",
)


@pytest.fixture
def book_id(account: Account) -> int:
    book_id = account.create_address_book("Letters").id
    upload(account, book_id, "Email\n" + "".join(f"c{number}@example.com\n" for number in range(120)))
    return book_id


@pytest.fixture
def sent(sandbox: Sandbox, account: Account, book_id: int) -> int:
    """A campaign that was sent to a book."""
    campaign = account.campaigns.create(SPRING)
    started = account.campaigns.send(campaign.id, address_book_ids=[book_id])
    sandbox.finish_chores()
    assert ended(account, started).status == "Sent"
    return campaign.id


def ended(account: Account, started: Send) -> Send:
    deadline = time.monotonic() + 20
    while (send := account.campaigns.send_status(started.id)).status in {"NotSent", "Scheduled", "Sending"}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return send


def all_of(account: Account, **options: bool) -> dict[int, Campaign]:
    return {campaign.id: campaign for page in account.campaigns.pages(**options) for campaign in page}


def test_a_campaign_lives_and_dies(account: Account) -> None:
    made = account.campaigns.create(SPRING)
    assert (made.name, made.status, made.from_name) == ("Spring", "Unsent", "Acme")
    read = account.campaigns.get(made.id)
    assert read.html_content == SPRING.html_content
    assert read.from_address is not None
    listed = all_of(account)[made.id]
    assert (listed.html_content, listed.plain_text_content) == (None, None)
    assert all_of(account, with_details=True)[made.id].type == "Standard"
    assert account.campaigns.get(made.id, with_details=True).tag_names == []
    changed = account.campaigns.update(made.id, dataclasses.replace(SPRING, subject="Good day"))
    assert changed.subject == "Good day"
    copied = account.campaigns.copy(made.id)
    assert (copied.name, copied.status) == ("Copy of Spring", "Unsent")
    account.campaigns.delete(made.id)
    with pytest.raises(NotFound) as caught:
        account.campaigns.get(made.id)
    assert caught.value.code == "ERROR_CAMPAIGN_NOT_FOUND"


def test_campaigns_refuse_what_the_contract_says(account: Account) -> None:
    for wrong in (
        dataclasses.replace(SPRING, html_content="<p>no way out</p>"),
        dataclasses.replace(SPRING, from_address="stranger@example.com"),
    ):
        with pytest.raises(Rejected) as caught:
            account.campaigns.create(wrong)
        assert caught.value.code == "ERROR_CAMPAIGN_INVALID"
    with pytest.raises(NotFound):
        account.campaigns.send(987_654, everyone=True)
    addresses = [address for page in account.campaigns.from_addresses() for address in page]
    assert (
        account.campaigns.create(dataclasses.replace(SPRING, from_address=addresses[0].id)).from_address == addresses[0]
    )


def test_a_sent_campaign_has_results(account: Account, book_id: int, sent: int) -> None:
    assert account.campaigns.get(sent).status == "Sent"
    with pytest.raises(Rejected) as caught:
        account.campaigns.update(sent, SPRING)
    assert caught.value.code == "ERROR_CAMPAIGN_READONLY"
    results = account.campaign(sent)
    summary = results.summary()
    assert summary.num_total_sent == 120
    assert summary.date_sent is not None
    assert summary.date_sent.tzinfo is not None
    assert 0 <= summary.percentage_delivered <= 1
    assert [book.id for page in results.address_books() for book in page] == [book_id]
    assert [campaign.id for page in account.address_book(book_id).campaigns() for campaign in page] == [sent]
    assert sent in {campaign.id for page in account.campaigns.active_since(LONG_AGO) for campaign in page}
    assert sent in {campaign.id for page in account.campaigns.filtered(statuses=["Sent"]) for campaign in page}
    assert sent not in {campaign.id for page in account.campaigns.filtered(type="Triggered") for campaign in page}


def test_events_and_summary_agree(account: Account, sent: int) -> None:
    results = account.campaign(sent, overlap=0)
    summary = results.summary()
    activities = {row.contact_id: row for page in results.activities() for row in page}
    opens = [row for page in results.opens() for row in page]
    clicks = [row for page in results.clicks() for row in page]
    assert len(activities) == summary.num_total_sent
    assert sum(row.num_opens for row in activities.values()) == len(opens) == summary.num_total_opens
    assert sum(row.num_clicks for row in activities.values()) == len(clicks) == summary.num_total_clicks
    assert summary.num_total_unique_opens == len({row.contact_id for row in opens})
    assert sum(row.hard_bounced for row in activities.values()) == summary.num_total_hard_bounces
    assert sum(row.unsubscribed for row in activities.values()) == summary.num_total_unsubscribes
    for row in activities.values():
        assert (row.date_first_opened is None) == (row.num_opens == 0)
        assert row.date_sent is not None
    assert {row.url for row in clicks} <= {"https://shop.example.com/a", "https://shop.example.com/b"}
    bounced = {contact.id for page in results.hard_bouncing_contacts() for contact in page}
    assert bounced == {row.contact_id for row in activities.values() if row.hard_bounced}
    active = {row.contact_id for page in results.activities(since=LONG_AGO) for row in page}
    assert {row.contact_id for row in opens} <= active <= set(activities)


def test_events_of_one_contact_are_a_part_of_all(account: Account, sent: int) -> None:
    results = account.campaign(sent, overlap=0)
    clicks = [row for page in results.clicks(since=LONG_AGO) for row in page]
    assert clicks, "the model is expected to make somebody click"
    who = clicks[0].contact_id
    mine = [row for page in results.clicks(contact_id=who) for row in page]
    assert mine == [row for row in clicks if row.contact_id == who]
    assert results.activity(who).num_clicks == len(mine)
    grouped = [row for page in results.clicks(contact_id=who, with_groups=True) for row in page]
    assert sum(len(page) for page in results.clicks(with_groups=True)) == len(clicks)
    assert sum(len(page) for page in results.clicks(with_groups=True, since=LONG_AGO)) == len(clicks)
    assert [row.url for row in grouped] == [row.url for row in mine]
    opens = [row for page in results.opens(since=LONG_AGO) for row in page if row.contact_id == who]
    assert [row for page in results.opens(contact_id=who) for row in page] == opens
    views = [row for page in results.page_views(since=LONG_AGO) for row in page if row.contact_id == who]
    assert [row for page in results.page_views(contact_id=who) for row in page] == views
    for read in (
        results.replies(who),
        results.roi_details(contact_id=who),
        results.roi_details(since=LONG_AGO),
        results.social_bookmark_views(),
        results.social_bookmark_views(contact_id=who),
    ):
        assert all(page.malformed == [] for page in read)
    bought = [row for page in results.roi_details(since=LONG_AGO) for row in page]
    whole, part = results.revenue_since(LONG_AGO), results.revenue_of(who)
    assert (whole.num_orders, part.num_orders) == (len(bought), sum(row.contact_id == who for row in bought))


def test_campaigns_are_compared(account: Account, sent: int) -> None:
    (metric,) = flat(account.campaigns.metrics(LONG_AGO, account.server_time() + timedelta(hours=1)))
    summary = account.campaign(sent).summary()
    assert (metric["campaignId"], metric["sent"], metric["opens"]) == (sent, 120, summary.num_total_opens)
    assert list(account.campaigns.metrics(LONG_AGO, LONG_AGO + timedelta(days=1))) == []
    assert account.campaign(sent).split_test() == {"splitTestWinnerMetric": "Opens", "versions": []}


def test_a_send_at_the_best_time(account: Account, book_id: int) -> None:
    campaign = account.campaigns.create(SPRING)
    started = account.campaigns.send(campaign.id, address_book_ids=[book_id], time_optimised=True)
    assert (started.status, started.campaign_id) == ("NotSent", campaign.id)


def test_a_send_later_to_a_few(account: Account, book_id: int) -> None:
    (page,) = account.address_book(book_id).contacts()
    when = account.server_time() + timedelta(days=1)
    campaign = account.campaigns.create(SPRING)
    started = account.campaigns.send(campaign.id, contact_ids=[page.items[0].id], send_date=when)
    assert account.campaigns.send_status(started.id).status in {"Scheduled", "NotSent"}
    assert started.contact_ids == [page.items[0].id]
    assert started.address_book_ids is None


def test_a_campaign_that_was_never_sent_has_zeros(account: Account) -> None:
    summary = account.campaign(account.campaigns.create(SPRING).id).summary()
    assert (summary.num_total_sent, summary.percentage_opens, summary.date_sent) == (0, 0, None)


def test_who_unsubscribed_by_a_mail_is_in_the_feed(account: Account, sent: int) -> None:
    activities = [row for page in account.campaign(sent).activities() for row in page]
    gone = {row.email for row in activities if row.unsubscribed or row.hard_bounced}
    feed = {row.contact.email for page in account.suppressed_since(LONG_AGO) for row in page}
    assert gone <= feed


def test_segments_stand_for_books(sandbox: Sandbox, account: Account) -> None:
    for who in ("Ann", "Bob", "Ann-Marie"):
        draft = ContactDraft(f"{who.lower()}@example.com", data_fields={"FIRSTNAME": who})
        account.contacts.save(draft)
    segment_id = sandbox.make_segment("Anns", field="FIRSTNAME", value="Ann")
    assert account.segments.refresh(segment_id).status == "NotStarted"
    sandbox.finish_chores()
    assert account.segments.refresh_status(segment_id).status == "Finished"
    assert [(each.id, each.contacts) for page in account.segments.pages() for each in page] == [(segment_id, 1)]
    members = [contact.email for page in account.address_book(segment_id).contacts() for contact in page]
    assert members == ["ann@example.com"]
    with pytest.raises(NotFound):
        account.segments.refresh(987_654)
