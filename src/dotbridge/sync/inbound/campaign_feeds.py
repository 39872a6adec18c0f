"""Which campaigns have news, and reading them one by one, so that each fails alone.

Old campaigns rest. A campaign is asked for its results when it never was, and when it was active since: Dotdigital has
named it (`campaigns/with-activity-since`), or it looks another one in the lists, or its figures have changed. In its
first 30 days the figures are read at least once a day, whether it was named or not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Protocol, TypeVar

from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop as _

from dotbridge.connections.selectors import connected_campaigns
from dotbridge.consent.conditions import erased_addresses
from dotbridge.consent.turns import hold_off_erasures
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.models import Campaign
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.cursors import move_cursor
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.large_readings import campaigns_that_may_be_read
from dotbridge.sync.inbound.storable import is_id
from dotbridge.sync.models import Cursor
from dotdigital import Page

YOUNG = timedelta(days=30)
YOUNG_ARE_READ_EVERY = timedelta(days=1)
PAGES_AT_ONCE = 5


def active_campaigns(step: StepContext, feed: str, *, or_else: Q | None = None) -> QuerySet[Campaign]:
    """The campaigns that this feed has to be asked for now, in one query; all that were sent in a full comparison.

    `or_else` adds others; it may look at `read_to`, the feed's cursor, and at `began_at`, since when there is anything.
    """
    sent = connected_campaigns(step.integration, only=step.run.only).exclude(status=UNSENT)
    if step.run.reads_everything:
        return sent
    read_to = Cursor.objects.filter(integration=step.integration, feed=feed, object_id=OuterRef("pk"))
    # A moment to come is that of a clock that was wrong, and says nothing.
    has_news = (
        Q(read_to=None)
        | Q(read_to__gt=step.run.server_now)
        | Q(read_to__lt=F("active_at"), active_at__lte=step.run.server_now)
    )
    return sent.annotate(
        read_to=Subquery(read_to.values("position")[:1]), began_at=Coalesce("sent_at", "first_seen_at")
    ).filter(has_news | or_else if or_else else has_news)


def young_campaigns(step: StepContext) -> Q:
    """For `active_campaigns`: those in their first 30 days that this feed was not asked for since yesterday."""
    now = step.run.server_now
    return Q(began_at__gt=now - YOUNG, read_to__lte=now - YOUNG_ARE_READ_EVERY)


def read_each(
    step: StepContext,
    feed: str,
    read: Callable[[StepContext, Campaign], None],
    campaigns: QuerySet[Campaign] | None = None,
    *,
    is_large: bool = True,
) -> None:
    """Read a feed of every campaign with news, or of these. A campaign's cursor moves when it was read to its end.

    `is_large`: a campaign has many pages of it, so that those of the past wait for the account's window.
    """

    def of_one(campaign: Campaign) -> None:
        read(step, campaign)
        move_cursor(step.integration, feed, step.run.server_now, campaign.pk)

    def refusal(campaign: Campaign, failure: Failure) -> Refusal:
        if failure.is_gone:
            text = _("The campaign does not exist in Dotdigital any more.")
            return Refusal(f"campaign {campaign.remote_id}", "campaign_gone", text)
        again = (
            _("The next full comparison reads it again.")
            if step.run.reads_everything
            else _("The next run reads it again.")
        )
        return Refusal(f"campaign {campaign.remote_id}", "not_read", f"{failure.text} {again}")

    wanted = active_campaigns(step, feed) if campaigns is None else campaigns
    if is_large:
        wanted = campaigns_that_may_be_read(step, wanted)
    go_over(step, wanted, of_one, refusal, turn=lambda campaign: campaign.pk)


class OfContact(Protocol):
    """A result that names its contact."""

    @property
    def contact_id(self) -> int:
        """The contact's id in Dotdigital."""


Row = TypeVar("Row")
Result = TypeVar("Result", bound=OfContact)


def with_contact(step: StepContext, what: str, page: Page[Result]) -> Sequence[Result]:
    """The rows of a page that can be kept. What could not be read, or has an id that cannot be one, is refused."""
    step.reject(Refusal(what, "unreadable", row.reason) for row in page.malformed)
    step.reject(
        Refusal(f"{what} of contact {row.contact_id}", "unreadable", _("This cannot be the id of a contact."))
        for row in page.items
        if not is_id(row.contact_id)
    )
    return [row for row in page.items if is_id(row.contact_id)]


def forget_erased(stage: str) -> None:
    """What an erased person did stays a number without a name, also when it is read again."""
    hold_off_erasures()
    erased = erased_addresses("lower(s.email)")
    if erased is not None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {stage} s SET email = '' WHERE s.email <> '' AND {erased.sql}", erased.parameters)


def joined(pages: Iterable[Page[Row]]) -> Generator[Page[Row]]:
    """Several pages as one: fewer round trips and commits, and still little memory."""
    rest = iter(pages)
    while group := list(islice(rest, PAGES_AT_ONCE)):
        yield Page([row for page in group for row in page.items], [row for page in group for row in page.malformed])
