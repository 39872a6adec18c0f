"""What is known of an account that says how many calls a run will need, number by number.

Two accounts stand beside each other, and what is gone, unsent or of nobody's list stands in both: none of that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.models import DirtyRecord
from dotbridge.mirror.models import AddressBook, Campaign, CampaignBook, CampaignSummary, Contact, Draft
from dotbridge.sync.call_needs import (
    ReadingNeeds,
    SendingNeeds,
    pages_of_version_2,
    pages_of_version_3,
    pages_sql,
    reading_needs,
    sending_needs,
)
from dotbridge.sync.models import (
    CampaignListing,
    Cursor,
    EventHint,
    EventSubscription,
    ExportItem,
    Reading,
    Recheck,
    Removal,
    RemovalState,
    Upload,
    UploadState,
)

# Ahead of the machine's clock: the latest position is what Dotdigital's clock says at least.
NOW = timezone.now() + timedelta(days=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RESULTS = ("campaign_summary", "campaign_activities", "campaign_opens", "campaign_clicks")

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("rows", "pages", "pages_v3"),
    [
        (0, 1, 1),
        (999, 1, 1),
        (1_000, 2, 1),
        (1_899, 2, 1),
        (1_900, 3, 1),
        (5_000, 6, 1),
        (5_001, 6, 2),
        (10_001, 12, 3),
    ],
)
def test_how_many_pages_hold_so_many_contacts(rows: int, pages: int, pages_v3: int) -> None:
    """Rule: a page of version 2 begins a little before the last one ends, and a full one is followed by another."""
    assert (pages_of_version_2(rows), pages_of_version_3(rows)) == (pages, pages_v3)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pages_sql('%(rows)s')}", {"rows": rows})
        assert cursor.fetchone() == (pages,)


class Account:
    """An account's rows, made one by one."""

    def __init__(self, name: str) -> None:
        self.integration = Integration.objects.create(name=name, username=f"{name}@example.com")
        self.number = 0

    def book(self, size: int = 0, *, read_to: datetime | None = None, asked_at: datetime | None = None) -> AddressBook:
        """A book that no list is connected to, read and asked for its opt-outs until then."""
        self.number += 1
        book = AddressBook.objects.create(
            integration=self.integration, remote_id=self.number, name=f"Book {self.number}", contact_count=size
        )
        for feed, position in (("contacts", read_to), ("unsubscribes", asked_at)):
            if position is not None:
                self.cursor(feed, position, book.pk)
        return book

    def connected(self, book: AddressBook) -> ListConnection:
        """A list that is connected to it."""
        marketing_list = MarketingList.objects.create(name=f"{self.integration} {book}", entity="crm.contact", rule={})
        return ListConnection.objects.create(marketing_list=marketing_list, address_book=book)

    def cursor(self, feed: str, position: datetime, object_id: int = 0) -> None:
        """So far a feed was read."""
        Cursor.objects.create(integration=self.integration, feed=feed, object_id=object_id, position=position)

    def campaign(
        self, books: Sequence[AddressBook], *, began_at: datetime, read_to: datetime | None = None, status: str = "Sent"
    ) -> Campaign:
        """A campaign that was active ten days ago, whose results were all read until then."""
        self.number += 1
        campaign = Campaign.objects.create(
            integration=self.integration,
            remote_id=self.number,
            name=f"Campaign {self.number}",
            status=status,
            sent_at=began_at,
            active_at=NOW - 10 * DAY,
        )
        CampaignBook.objects.bulk_create(CampaignBook(campaign=campaign, address_book=book) for book in books)
        if read_to is not None:
            for feed in RESULTS:
                self.cursor(feed, read_to, campaign.pk)
        return campaign

    def needs(self, *, reads_everything: bool = False) -> ReadingNeeds:
        """What reading it needs."""
        return reading_needs(self.integration, reads_everything=reads_everything)


@pytest.fixture
def account() -> Account:
    return Account("Ours")


@pytest.fixture
def other() -> Account:
    """Another account, which was read later: its clock is not ours."""
    found = Account("Theirs")
    found.cursor("anything", NOW + 2 * DAY)
    return found


def test_books(account: Account, other: Account) -> None:
    """Connected and others: to be read from the beginning, from the middle, or for what was just sent."""
    account.cursor("anything", NOW)
    sent = account.connected(account.book(2_500, read_to=NOW - HOUR, asked_at=NOW - HOUR))
    for state, finished_at, rows in (
        (UploadState.FINISHED, NOW - HOUR, 1_200),
        (UploadState.FINISHED, NOW - 2 * HOUR, 5_000),
        (UploadState.SENT, NOW, 7_000),
    ):
        Upload.objects.create(
            connection=sent, state=state, row_count=rows, created_at=NOW, sent_at=NOW, finished_at=finished_at
        )
    account.connected(account.book(500, read_to=NOW, asked_at=NOW - HOUR + timedelta(seconds=1)))
    begun = account.book(3_000)
    account.connected(begun)
    account.connected(account.book())
    Reading.objects.create(
        integration=account.integration, feed="contacts", object_id=begun.pk, began_at=NOW, skip=1_900, last_ids=[]
    )
    account.book(1_500)
    account.book(10, read_to=NOW)
    gone = account.book(90_000)
    account.connected(gone)
    AddressBook.objects.filter(pk=gone.pk).update(gone_at=NOW)
    theirs = other.connected(other.book(50_000))
    assert other.needs().other_books == 0
    other.book(60_000)
    Upload.objects.create(connection=theirs, state=UploadState.FINISHED, row_count=900, created_at=NOW, finished_at=NOW)
    # Of another feed, and of nothing that has this number here.
    for owner, feed in ((account, "campaign_opens"), (other, "contacts")):
        Reading.objects.create(
            integration=owner.integration, feed=feed, object_id=begun.pk, began_at=NOW, skip=7, last_ids=[]
        )

    needs = account.needs()

    assert (needs.connected_books, needs.other_books) == (4, 2)
    # 1,200 were just sent; nothing; 1,100 are left, and the place is looked for; a first look.
    assert (needs.connected_pages, needs.just_sent) == (2 + 1 + (2 + 1) + 1, 1_200)
    assert needs.other_pages == 2 + 1
    assert (needs.connected_pages_of_all, needs.other_pages_of_all) == (3 + 1 + 4 + 1, 2 + 1)
    # The one asked an hour ago and the ones never asked, not the one asked a second later.
    assert (needs.books_never_asked, needs.books_to_ask) == (2, 3)
    assert needs.contacts == 2_500 + 500 + 3_000


def test_an_account_read_by_version_3_reads_nobody_twice(account: Account, other: Account) -> None:
    other.cursor("account", NOW)
    Contact.objects.bulk_create(
        Contact(integration=owner.integration, remote_id=number, email=f"{number}@example.com", updated_at=NOW)
        for owner, numbers in ((account, range(3)), (other, range(9)))
        for number in numbers
    )
    assert account.needs().contacts == 3
    account.cursor("account", NOW)
    assert account.needs().contacts is None
    assert account.needs(reads_everything=True).contacts == 3


def test_campaigns(account: Account, other: Account) -> None:
    """New ones are read whole, those with news anew, young ones for their figures once a day."""
    account.cursor("anything", NOW)
    small, large = account.book(1_500, read_to=NOW), account.book(2_500, read_to=NOW)
    account.connected(small)
    account.connected(large)
    long_ago = NOW - 60 * DAY
    account.campaign([small, large], began_at=long_ago)
    with_news = account.campaign([small], began_at=long_ago, read_to=NOW - 11 * DAY)
    CampaignSummary.objects.create(
        campaign=with_news, read_at=NOW, num_total_sent=700, num_total_opens=1_100, num_total_clicks=3_000
    )
    account.campaign([small], began_at=NOW - 20 * DAY, read_to=NOW - DAY)
    account.campaign([small], began_at=NOW - 20 * DAY, read_to=NOW - DAY + timedelta(seconds=1))
    account.campaign([small], began_at=NOW - 30 * DAY, read_to=NOW - 2 * DAY)
    for owner in (account, other):
        owner.campaign([owner.book()], began_at=long_ago)
    theirs = other.book(90_000)
    other.connected(theirs)
    other.campaign([theirs], began_at=long_ago)
    account.campaign([small], began_at=long_ago, status="Unsent")
    gone = account.campaign([small], began_at=long_ago)
    Campaign.objects.filter(pk=gone.pk).update(gone_at=NOW)
    gone_book = account.book()
    account.connected(gone_book)
    account.campaign([gone_book], began_at=long_ago)
    AddressBook.objects.filter(pk=gone_book.pk).update(gone_at=NOW)

    needs = account.needs()

    assert (needs.campaigns, needs.without_figures) == (5, 4)
    # The new one, the one with news, and the young one that was read a day ago.
    assert needs.summaries == 3
    assert (needs.activities, needs.opens, needs.clicks) == (3 + 1, 1 + 1, 1 + 1)
    # Whom those without figures went to nobody knows better than the largest book they were sent to.
    whole = (3 + 1 + 1) + (1 + 2 + 4) + 3 * (2 + 1 + 1)
    assert needs.result_pages_of_all == whole


@pytest.mark.parametrize(("ago", "is_fresh"), [(HOUR, False), (HOUR - timedelta(seconds=1), True)])
def test_what_was_read_for_the_whole_account(account: Account, other: Account, ago: timedelta, is_fresh: bool) -> None:
    account.cursor("anything", NOW)
    before = account.needs()
    assert not any((before.suppressions_were_read, before.data_fields_are_fresh, before.activity_was_asked))
    assert (before.suppressions_are_fresh, before.listing_is_fresh, before.events_are_unusable) == (None, None, None)
    for feed in ("suppressions", "data_fields", "campaigns_active"):
        other.cursor(feed, NOW)
    CampaignListing.objects.create(integration=other.integration, listed_at=NOW + 2 * DAY)
    EventSubscription.objects.create(
        integration=other.integration, name="Theirs", remote_id=7, unusable_until=timezone.now() + HOUR
    )
    EventHint.objects.create(integration=other.integration, remote_id=1)
    assert account.needs() == before, "another account's reading is no reading of ours"

    account.integration.data_fields_hours = 1
    for feed in ("suppressions", "data_fields", "campaigns_active"):
        account.cursor(feed, NOW - ago)
    CampaignListing.objects.create(integration=account.integration, listed_at=NOW - ago - 23 * HOUR)
    EventSubscription.objects.create(
        integration=account.integration, name="Ours", remote_id=8, unusable_until=timezone.now() - HOUR
    )
    EventHint.objects.bulk_create(EventHint(integration=account.integration, remote_id=each) for each in (1, 2))

    needs = account.needs()

    assert needs.suppressions_were_read
    assert needs.activity_was_asked
    assert (needs.suppressions_are_fresh, needs.data_fields_are_fresh, needs.listing_is_fresh) == (is_fresh,) * 3
    assert (needs.events_are_followed, needs.events_are_unusable, needs.hints) == (True, False, 2)


def test_who_is_suppressed_and_what_is_listed(account: Account, other: Account) -> None:
    other_contact = {"email": "a@example.com", "updated_at": NOW}
    Contact.objects.create(integration=account.integration, remote_id=1, **other_contact)
    Contact.objects.create(integration=other.integration, remote_id=1, status="Unsubscribed", **other_contact)
    for _number in range(3):
        other.campaign([], began_at=NOW)
        gone = account.campaign([], began_at=NOW)
        Campaign.objects.filter(pk=gone.pk).update(gone_at=NOW)
    account.campaign([], began_at=NOW)
    for owner, number in ((account, 2), (other, 5)):
        Draft.objects.bulk_create(
            Draft(integration=owner.integration, remote_id=place, name="News") for place in range(number)
        )
    assert not account.needs().has_suppressed
    assert account.needs().campaigns_listed == 1 + 2
    Contact.objects.filter(integration=account.integration).update(status="Unsubscribed")
    assert account.needs().has_suppressed


def test_what_a_list_has_to_send(account: Account, other: Account) -> None:
    """Each kind of row once more than the one before it, so that no two numbers are alike."""
    link = account.connected(account.book())
    for state, rows in ((UploadState.PREPARED, 10), (UploadState.SENT, 20), (UploadState.FINISHED, 40)):
        Upload.objects.create(connection=link, state=state, row_count=rows, created_at=NOW)
    finished = link.uploads.get(state=UploadState.FINISHED)
    for number, held in enumerate(
        [
            {},
            {},
            {"upload": finished},
            {"reason": "invalid"},
            {"taken_out_at": NOW},
            {"removal": Removal.objects.create(connection=link, created_at=NOW, row_count=1)},
        ]
    ):
        ExportItem.objects.create(
            connection=link, email_key=f"{number}@example.com", email=f"{number}@example.com", values={}, **held
        )
    Removal.objects.create(connection=link, created_at=NOW, state=RemovalState.COMPLETED)
    ours = Mapping.objects.create(integration=account.integration, entity="crm.contact")
    leads = Mapping.objects.create(integration=account.integration, entity="crm.lead")
    theirs = Mapping.objects.create(integration=other.integration, entity="crm.contact")
    for mapping, record_ids in ((ours, "1234"), (leads, "5678"), (theirs, "90")):
        DirtyRecord.objects.bulk_create(DirtyRecord(mapping=mapping, record_id=each) for each in record_ids)
    Recheck.objects.bulk_create(Recheck(connection=link, record_id=each) for each in "4a")
    empty = account.connected(account.book())
    gone, stopped = account.connected(account.book()), account.connected(account.book())
    AddressBook.objects.filter(pk=gone.address_book_id).update(gone_at=NOW)
    ListConnection.objects.filter(pk=stopped.pk).update(stopped_at=NOW)
    other.connected(other.book())

    assert sending_needs(account.integration) == [
        SendingNeeds(
            connection_id=link.pk,
            prepared=10,
            waiting=2,
            changed=5,
            in_flight=20,
            in_flight_files=1,
            row_bytes=len("{}") + len("0@example.com"),
            removals=1,
            was_sent=True,
        ),
        SendingNeeds(
            connection_id=empty.pk,
            prepared=0,
            waiting=0,
            changed=4,
            in_flight=0,
            in_flight_files=0,
            row_bytes=250,
            removals=0,
            was_sent=False,
        ),
    ]
