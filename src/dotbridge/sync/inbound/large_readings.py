"""What takes many calls, and waits for the account's window of the day unless a person has started the run.

First readings of contacts, and the results of campaigns that were sent before; a full comparison waits as a whole. Who
must not be mailed never waits, and no export does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from dotbridge.connections.models import RunKind
from dotbridge.connections.selectors import connected_campaigns
from dotbridge.integrations.models import ContactsReadOf, Integration
from dotbridge.integrations.work_window import large_readings_wait_until
from dotbridge.mirror.models import AddressBook, Campaign
from dotbridge.sync.context import StepContext, StepSkipped, window_opens_at
from dotbridge.sync.inbound.books import CONTACTS_FEED
from dotbridge.sync.models import Cursor, SyncRun
from dotbridge.sync.texts import FIRST_READING_WAITS, FIRST_READINGS_WAIT, RESULTS_WAIT

# Of the three kinds of results the first; the others are read with it.
ACTIVITIES_FEED = "campaign_activities"
# The results of a campaign that was sent longer ago, and that were never read, are of the past.
PAST_AFTER = timedelta(days=7)


def clock_text(moment: datetime) -> str:
    """The time of day by the site's clock."""
    return f"{timezone.localtime(moment, timezone.get_default_timezone()):%H:%M}"


@dataclass(frozen=True, kw_only=True)
class LargeReadings:
    """What of an account waits for its window, until when: address books never read, and campaigns of the past whose
    results were never read."""

    until: datetime
    books: int
    campaigns: int


def waiting_readings(integration: Integration) -> LargeReadings | None:
    """What waits now; None while the window is open. Two statements."""
    now = timezone.now()
    until = large_readings_wait_until(integration, now)
    if until is None:
        return None
    of_integration = Cursor.objects.filter(integration=integration, object_id=OuterRef("pk"))
    books = AddressBook.objects.filter(integration=integration, gone_at=None)
    if integration.contacts_read_of == ContactsReadOf.CONNECTED_BOOKS:
        books = books.filter(connection__isnull=False)
    past = connected_campaigns(integration).filter(sent_at__lt=now - PAST_AFTER)
    return LargeReadings(
        until=until,
        books=books.filter(~Exists(of_integration.filter(feed=CONTACTS_FEED))).count(),
        campaigns=past.filter(~Exists(of_integration.filter(feed=ACTIVITIES_FEED))).count(),
    )


def comparison_waits_until(run: SyncRun) -> datetime | None:
    """When a full comparison may go that has to wait; None for one that may go now, and for any other run."""
    return window_opens_at(run) if run.kind == RunKind.RECONCILE else None


def books_that_may_be_read(step: StepContext, books: Sequence[AddressBook]) -> list[AddressBook]:
    """The books without those that were never read, while these have to wait. Raises StepSkipped if all of them do."""
    until = step.run.large_readings_wait_until
    if until is None or step.run.reads_everything:
        return list(books)
    read = set(
        Cursor.objects.filter(integration=step.integration, feed=CONTACTS_FEED).values_list("object_id", flat=True)
    )
    ready = [book for book in books if book.pk in read]
    if waiting := len(books) - len(ready):
        text = FIRST_READINGS_WAIT % {"number": waiting, "time": clock_text(until)}
        if not ready:
            raise StepSkipped(text)
        step.step.message = text
    return ready


def require_first_reading(step: StepContext) -> None:
    """Raise StepSkipped while a first reading of the whole account has to wait. Until then the address books and the
    account are asked for opt-outs by each run, as where there are no events."""
    until = step.run.large_readings_wait_until
    if until is not None and not step.run.reads_everything:
        step.run.heard_since = None
        raise StepSkipped(FIRST_READING_WAITS % {"time": clock_text(until)})


def campaigns_that_may_be_read(step: StepContext, campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """The campaigns without those of the past of which this feed was never read, while these have to wait. They have
    the columns of `active_campaigns`."""
    until = step.run.large_readings_wait_until
    if until is None or step.run.reads_everything:
        return campaigns
    is_past = Q(read_to=None, began_at__lt=step.run.server_now - PAST_AFTER)
    if waiting := campaigns.filter(is_past).count():
        step.step.message = RESULTS_WAIT % {"number": waiting, "time": clock_text(until)}
    return campaigns.exclude(is_past)
